"""A network with a fault, its repaired copy, and another network beside it: in the real window with the real engine."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from maskviz.gui.main_window import MainWindow

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]
LONG = 90_000  # ms on a busy machine


@pytest.fixture(name="window")
def _window(working_window: MainWindow) -> MainWindow:
    return working_window


def test_a_fix_is_compared_with_what_it_mends(window: MainWindow, qtbot: QtBot) -> None:
    document = window.document

    def there(title: str) -> bool:
        trace = document.trace
        return title in document.title and trace is not None and not document.stale and trace.ledger.evaluate is not None

    window.files.open_example("lambda_slice_small")
    qtbot.waitUntil(lambda: there("slice"), timeout=LONG)
    faulty, panes = document.trace, window.workspace
    assert faulty is not None
    assert panes is not None
    finding = faulty.findings[0]
    window.findings.repairs.apply(finding)
    qtbot.waitUntil(lambda: window.findings.repairs.state(finding).path is not None, timeout=LONG)
    window.findings.open_copy(finding)
    qtbot.waitUntil(lambda: document.trace is not faulty and there(""), timeout=LONG)
    mended = document.trace
    assert mended is not None
    assert document.comparison.pinned is not None
    assert document.comparison.pinned.trace is faulty
    assert window.compare_bar.isVisible()
    assert "→" in window.compare_bar.words.toolTip() + window.comparison.in_words()
    assert faulty.ledger.kept_only is not None
    np.testing.assert_allclose(mended.ledger.reported, faulty.ledger.kept_only, rtol=1e-5)

    shown = {}
    for key in (Qt.Key.Key_A, Qt.Key.Key_B, Qt.Key.Key_D):
        qtbot.keyClick(panes.heatmaps.mask_view, key)
        heatmap = panes.heatmaps.loss_row.heatmap
        assert heatmap is not None
        shown[key] = heatmap
    a, b, difference = shown.values()
    steps = a.present & b.present
    np.testing.assert_allclose(difference.values[:, steps], (b.values - a.values)[:, steps], rtol=1e-5, atol=1e-9)
    assert "B − A" in difference.subtitle
    assert "COMPARED" in panes.ledger.sheet.text()

    window.files.open_example("lambda_slice_masked")
    qtbot.waitUntil(lambda: there("mask") and document.trace is not mended, timeout=LONG)
    assert document.comparison.pinned.trace is faulty, "another network is compared with the same A"
    changes = window.comparison.changes()
    assert changes is not None
    assert changes["lstm_1"] == "(16, 24) → (8, 362)", "layers of the same name belong together"
    assert changes["lstm_3"] == "only in B"
    qtbot.keyClick(panes.heatmaps.mask_view, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    assert document.comparison.pinned is None
    assert not window.compare_bar.isVisible()
