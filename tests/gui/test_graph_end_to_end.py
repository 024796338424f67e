"""The graph's tools on a network that really ran: a transformer in which attention strips the mask from its own input."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from maskviz import resources
from maskviz.core.status import Status
from maskviz.gui.main_window import MainWindow
from tests.gui.test_end_to_end import drop, wait_until_checked
from tests.gui.test_graph_tools import settle

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]


@pytest.fixture(name="window")
def _window(working_window: MainWindow) -> MainWindow:
    return working_window


def test_a_real_mask_is_found_followed_and_played(window: MainWindow, qtbot: QtBot) -> None:
    drop(window, resources.root() / "examples" / "transformer_post_norm.keras")
    wait_until_checked(window, qtbot)
    assert window.workspace is not None
    assert window.document.trace is not None
    graph, document = window.workspace.graph, window.document
    settle(qtbot, graph)

    QTest.keyClicks(graph.finder.field, "attention strips")
    assert document.selection.call == "attention_1"
    QTest.keyClick(graph.finder.field, Qt.Key.Key_Escape)

    document.select(call="label", sample=1, step=0)
    window.commands["graph_follow"].trigger()
    assert {name: tag.text for name, tag in graph._scene.marks.tags.items()} == {
        "embedding": "mask created here",
        "attention_1": "mask removed here",
        "attention_1_add": "mask lost here",
    }
    lit = graph._scene.marks.lit
    assert lit is not None
    assert "label" in lit
    assert "ids" not in lit

    window.commands["graph_masks"].trigger()
    looks = {(edge.edge.source, edge.edge.target): graph._scene.edge_look(edge.edge) for edge in graph._scene.edges}
    assert looks["project", "attention_1_add"].lost
    assert looks["embedding", "project"].mask == "m0"
    assert looks["attention_1_add", "attention_1_norm"].mask == ""

    QTest.keyClick(graph.view, Qt.Key.Key_Return)  # nothing is in label
    document.select(call="attention_1")
    QTest.keyClick(graph.view, Qt.Key.Key_Return)
    settle(qtbot, graph)
    assert "attention_1/query" in graph._scene.items_by_id
    document.select(call="attention_1/query")
    assert graph.way.accessibleDescription() == "created by embedding → lost in attention_1_add"

    window.commands["graph_whole"].trigger()
    look = graph._scene.node_look(graph.shown.by_id["attention_1_add"])
    statuses = document.trace.status["attention_1_add"]
    assert look.strips[0].shares[Status.EXPOSED] == pytest.approx((statuses == Status.EXPOSED).mean())
    window.commands["graph_whole"].trigger()
    window.commands["play"].trigger()
    qtbot.waitUntil(lambda: document.selection.step >= 2)
    assert graph._scene.node_look(graph.shown.by_id["embedding"]).strips[0].marked == document.selection.step
    window.commands["play"].trigger()
