"""The main views look as they were last judged by eye, in both themes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maskviz.gui.main_window import MainWindow
from tests.gui.pictures import assert_looks_as_kept, share_that_differs
from tests.gui.window_hands import edit, open_sample

PANES = ("graph", "heatmaps", "findings", "inspector", "ledger", "editor")


def come_to_rest(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until nothing moves: panes take their sizes, sheets are drawn."""
    before = None
    for _ in range(40):
        qtbot.wait(250)
        now = window.grab().toImage()
        if now == before:
            return
        before = now


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_main_views(window: MainWindow, qtbot: QtBot, tmp_path: Path, theme: str) -> None:
    window.theme.choose(theme)
    document = open_sample(window)
    document.set_stale(False)
    document.select(call="shift", sample=3, step=17)
    panes = window.workspace
    assert panes is not None
    qtbot.waitUntil(lambda: bool(panes.graph.shown.nodes), timeout=20_000)
    come_to_rest(window, qtbot)
    for name in PANES:
        assert_looks_as_kept(getattr(panes, name), f"{name}-{theme}", tmp_path)


def test_a_comparison(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    document = open_sample(window)
    document.set_stale(False)
    window.commands["pin"].trigger()
    edit(document)
    document.set_stale(False)
    window.commands["show_difference"].trigger()
    come_to_rest(window, qtbot)
    assert_looks_as_kept(window.compare_bar, "compare-dark", tmp_path)


def test_a_picture_that_differs_is_told(tmp_path: Path) -> None:
    one = np.zeros((20, 30, 3))
    other = one.copy()
    assert share_that_differs(one, other) == 0
    other[5:8, 5:8] = 200
    assert share_that_differs(one, other) == 9 / 600
    assert share_that_differs(one, other[:10]) == 1
