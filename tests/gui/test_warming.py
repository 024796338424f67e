"""What is computed before the window shows a trace is not computed again by the window."""

from __future__ import annotations

from typing import Any

import pytest
from numpy.typing import NDArray
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maskviz.core import by_rows, row_copies
from maskviz.gui.main_window import MainWindow
from maskviz.session.warming import warm
from tests.gui.sample_trace import tagger


@pytest.mark.parametrize("warmed", [True, False])
def test_the_window_finds_everything_computed(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, warmed: bool) -> None:
    monkeypatch.setattr(row_copies, "AT_LEAST", 1)
    document, sample = window.document, tagger()
    document.open(sample.network.name, None, sample.graph, sample.network, sample.batch)
    assert window.workspace is not None
    graph = window.workspace.graph
    qtbot.waitUntil(lambda: not graph.busy and bool(graph.view.scene().items()), timeout=20_000)
    trace = sample.trace(sample.batch)
    if warmed:
        warm(document, sample.batch, trace)
    computed: list[tuple[int, ...]] = []

    def shared(array: NDArray[Any]) -> NDArray[Any]:
        computed.append(array.shape)
        return array

    monkeypatch.setattr(by_rows, "shared", shared)
    document.show_trace(trace, None, stale=False)
    QApplication.processEvents()
    assert bool(computed) != warmed
