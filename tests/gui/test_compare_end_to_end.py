"""A network with a fault, its repaired copy, and another network beside it: in the real window with the real engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from maskviz.core.probes import Values
from maskviz.gui.heatmaps.call_row import CallRow
from maskviz.gui.main_window import MainWindow
from tests.gui.window_hands import sentences

pytestmark = [pytest.mark.engine, pytest.mark.timeout(480)]
LONG = 90_000  # ms on a busy machine


@pytest.fixture(name="window")
def _window(working_window: MainWindow) -> MainWindow:
    return working_window


def test_a_fix_is_compared_with_what_it_mends(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
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
    panes.heatmaps.set_order("length")
    order = panes.heatmaps.viewport.order
    assert order is not None
    document.select(sample=4, step=9)
    window.findings.open_copy(finding)
    qtbot.waitUntil(lambda: document.trace is not faulty and there(""), timeout=LONG)
    assert (document.selection.sample, document.selection.step) == (4, 9)
    assert panes.heatmaps.order == "length"
    np.testing.assert_array_equal(panes.heatmaps.viewport.order, order)
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

    row = panes.heatmaps.add("values", "lstm_1")
    assert isinstance(row, CallRow)
    assert window.comparison.side == "difference"
    qtbot.waitUntil(lambda: row.heatmap is not None and row.heatmap.values is not None, timeout=LONG)
    of_a, of_b = row.of_a.answer, row.of_b.answer
    assert isinstance(of_a, Values), "nobody had asked for the values of A when it was pinned"
    assert isinstance(of_b, Values)
    assert row.heatmap is not None
    assert row.heatmap.values is not None
    np.testing.assert_allclose(row.heatmap.values[:, row.heatmap.present], of_b.values - of_a.values, rtol=1e-5, atol=1e-7)

    file = str(tmp_path / "compared.maskviz")
    assert window.sessions._save(file)
    qtbot.waitUntil(lambda: any(file in words for words in sentences(window)), timeout=LONG)
    older = document.comparison.pinned
    document.comparison.unpin()
    window.files.open_path(file)
    qtbot.waitUntil(lambda: document.comparison.pinned is not None and document.comparison.side == "difference", timeout=LONG)
    again = document.comparison.pinned
    assert again is not None
    assert again.trace is not None
    assert older.trace is not None
    assert (again.title, again.batch.size) == (older.title, older.batch.size)
    np.testing.assert_allclose(again.trace.ledger.reported, older.trace.ledger.reported, rtol=1e-6)
    assert again.trace.metrics == pytest.approx(older.trace.metrics)
    qtbot.waitUntil(lambda: there(""), timeout=LONG)
    mended = document.trace

    window.files.open_example("lambda_slice_masked")
    qtbot.waitUntil(lambda: there("mask") and document.trace is not mended, timeout=LONG)
    assert document.comparison.pinned is again, "another network is compared with the same A"
    found = window.comparison.difference()
    assert found is not None
    assert found.changes["lstm_1"].words == "(16, 24) → (8, 362)", "layers of the same name belong together"
    assert found.changes["lstm_3"].words == "only in B"
    qtbot.keyClick(panes.heatmaps.mask_view, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    assert document.comparison.pinned is None
    assert not window.compare_bar.isVisible()
