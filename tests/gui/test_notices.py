"""The bars with what the window has to say: where they are, and how they go."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from maskviz.core.errors import NeedsConsent
from maskviz.gui.consent import ConsentPanel
from maskviz.gui.main_window import MainWindow
from tests.gui.window_hands import open_sample, sentences

LONG = "broken.keras is damaged or cut off at byte 1,234,567 of 9,876,543: copy it from where it came from, or download it again. " * 2


def place(widget: QWidget, window: MainWindow) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


@pytest.mark.parametrize("size", [(1440, 900), (1024, 640)])
def test_notices_cover_nothing_and_nothing_above_the_lowest_panes_moves(window: MainWindow, qtbot: QtBot, size: tuple[int, int]) -> None:
    window.resize(*size)
    open_sample(window)
    workspace = window.workspace
    assert workspace is not None
    still = [workspace.docks[name] for name in ("graph", "heatmaps", "findings")]
    before: list[QRect] = [place(pane, window) for pane in still]
    then: list[QRect] = []
    while before != then:  # the panes are laid out in several turns
        qtbot.wait(200)
        before, then = [place(pane, window) for pane in still], before
    for sentence in ("something is wrong", LONG):
        window.notices.show_notice("error", sentence, "details")
        qtbot.waitUntil(lambda: place(window.notices, window).top() == place(window.pages, window).bottom() + 1)
        assert place(window.notices, window).bottom() < place(window.status, window).top()
        if sentence != LONG:  # of several long ones the lowest panes cannot give enough in a small window
            qtbot.waitUntil(lambda: [place(pane, window) for pane in still] == before)
        assert all(place(dock, window).bottom() <= place(window.pages, window).bottom() for dock in workspace.docks.values())
    window.notices.clear()
    qtbot.waitUntil(lambda: place(window.pages, window).bottom() + 1 == place(window.status, window).top())
    qtbot.waitUntil(lambda: [place(pane, window) for pane in still] == before)


def test_escape_dismisses_the_notice_on_top(window: MainWindow, qtbot: QtBot) -> None:
    open_sample(window)
    workspace = window.workspace
    assert workspace is not None
    for sentence in ("one", "two", "three"):
        window.notices.show_notice("error", sentence)
    window.activateWindow()
    for widget, left in ((workspace.graph.view, ["one", "two"]), (workspace.editor.table, ["one"]), (workspace.heatmaps.mask_view, [])):
        widget.setFocus()
        qtbot.keyClick(widget, Qt.Key.Key_Escape)
        assert sentences(window) == left


def test_escape_belongs_to_what_uses_it(window: MainWindow, qtbot: QtBot) -> None:
    document = open_sample(window)
    workspace = window.workspace
    assert workspace is not None
    window.notices.show_notice("error", "something is wrong")
    workspace.find_layer()
    field, view = workspace.graph.finder.field, workspace.heatmaps.mask_view
    qtbot.keyClicks(field, "shift")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""
    inside = view.map_rect().center().toPoint()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=inside)
    qtbot.mouseMove(view, inside + QPoint(30, 0))
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=inside)
    workspace.heatmaps._on_banded(0, 1, 0, 2)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert document.region is None
    assert sentences(window) == ["something is wrong"]
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert sentences(window) == []


def test_escape_in_a_floating_pane_is_the_windows(window: MainWindow, qtbot: QtBot) -> None:
    open_sample(window)
    workspace = window.workspace
    assert workspace is not None
    pane = workspace.docks["graph"]
    before = pane.mapToGlobal(QPoint(0, 0))
    pane.float_or_dock()
    assert pane.pos() != before
    window.notices.show_notice("error", "something is wrong")
    qtbot.keyClick(workspace.graph.view, Qt.Key.Key_Escape)
    assert sentences(window) == []
    pane.float_or_dock()
    assert not pane.isFloating()


def test_the_question_about_code_leaves_the_graph_in_sight(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1440, 900)
    open_sample(window)
    workspace = window.workspace
    assert workspace is not None
    graph = workspace.docks["graph"]
    qtbot.waitUntil(lambda: 300 < graph.width() < 500)
    window.jobs.consent_needed.emit(NeedsConsent("It holds code.", (), ("lambda: uses x, N",)))
    panel = window.findChild(ConsentPanel)
    assert panel is not None
    assert not place(panel, window).intersects(place(graph, window))
    assert place(panel, window).right() < window.width()
