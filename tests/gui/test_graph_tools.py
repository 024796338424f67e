"""The graph's tools: tracing, following masks, shares of the batch, labels of edges, the map, left to right, and shared layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from maskviz.core.config_graph import graph_of_config
from maskviz.core.graph import Edge, Graph, Node
from maskviz.core.trace import Fate
from maskviz.gui.graph import GraphPanel
from maskviz.gui.graph.items import DIMMED, NodeItem
from maskviz.gui.graph.options import GraphOptions
from maskviz.gui.graph.view import READABLE
from maskviz.gui.main_window import MainWindow
from maskviz.palette import DARK
from maskviz.session.document import Document
from tests.core.test_config_graph import nested
from tests.core.test_graph_places import network
from tests.gui.sample_trace import document, sliced
from tests.gui.window_hands import open_sample

Make = Callable[..., GraphPanel]


@pytest.fixture
def make(qtbot: QtBot) -> Iterator[Make]:
    """Makes a panel and waits for its first layout."""
    panels: list[GraphPanel] = []

    def panel(doc: Document, size: tuple[int, int] = (470, 860)) -> GraphPanel:
        made = GraphPanel(doc, DARK)
        panels.append(made)
        qtbot.addWidget(made)
        made.resize(*size)
        made.show()
        settle(qtbot, made)
        return made

    yield panel
    for made in panels:
        made.close_layout()
        made.close()


def settle(qtbot: QtBot, panel: GraphPanel) -> None:
    qtbot.waitUntil(lambda: not panel.busy and not panel.gliding and bool(panel._scene.items_by_id), timeout=20_000)
    QApplication.processEvents()


def of(graph: Graph) -> Document:
    doc = Document()
    doc.graph = graph
    return doc


def press(panel: GraphPanel, tool: str) -> None:
    QTest.mouseClick(panel.tools.buttons[tool], Qt.MouseButton.LeftButton)


def bright(panel: GraphPanel) -> set[str]:
    return {name for name, item in panel._scene.items_by_id.items() if item.opacity() == 1.0}


def test_trace_dims_all_but_the_lineage(make: Make) -> None:
    doc = of(network())
    panel = make(doc)
    doc.select(call="side")
    press(panel, "trace")
    assert bright(panel) == {"x2", "side", "two", "two/a", "two/b", "join", "after"}
    opacity = {(e.edge.source, e.edge.target): e.opacity() for e in panel._scene.edges}
    assert opacity["x2", "side"] == 1.0
    assert opacity["x", "join"] == DIMMED
    doc.select(call="x")
    assert "two/a" not in bright(panel)
    press(panel, "trace")
    assert bright(panel) == set(panel._scene.items_by_id)


def test_a_mask_is_followed_to_where_it_is_lost(make: Make) -> None:
    doc = document(sliced())
    panel = make(doc)
    press(panel, "follow")
    assert "Select a layer" in panel.way.text()
    doc.select(call="dense")
    assert {name: tag.text for name, tag in panel._scene.marks.tags.items()} == {
        "masking": "mask created here",
        "shift": "mask lost here",
    }
    assert panel.way.accessibleDescription() == "created by masking → lost in shift"
    assert "features" not in bright(panel)
    assert "shift" in bright(panel)
    panel.way.linkActivated.emit("call:1")
    assert doc.selection.call == "shift"
    doc.select(call="features")
    assert "No mask comes to features" in panel.way.text()
    press(panel, "trace")
    assert not panel.options.follow
    assert not panel.way.isVisible()


def test_a_place_in_a_folded_container_is_named_on_it(make: Make, qtbot: QtBot) -> None:
    from tests.core.test_mask_way import EMBED, X, made, traced

    doc = Document()
    block = made("block", ("embed", "m0"), fate=Fate.DROPS)
    inner = made("block/slice", ("embed", "m0"), fate=Fate.DROPS, parent="block")
    doc.graph, doc.trace = traced(X, EMBED, block, inner, made("after", ("block", None), fate=Fate.NONE))
    panel = make(doc)
    panel.fold_all()
    settle(qtbot, panel)
    doc.select(call="embed")
    press(panel, "follow")
    assert panel._scene.marks.tags["block"].text == "mask lost here, in slice"
    panel.way.followed.emit("block/slice")
    settle(qtbot, panel)
    assert doc.selection.call == "block/slice"
    assert panel._scene.marks.tags["block/slice"].text == "mask lost here"


def test_the_whole_batch_shows_shares(make: Make) -> None:
    doc = document(sliced())
    panel = make(doc)
    before = panel.view.grab().toImage()
    press(panel, "whole")
    look = panel._scene.node_look(panel._scene.items_by_id["lstm"].node)
    assert doc.trace is not None
    assert look.strips[0].shares[0] == (doc.trace.status["lstm"] == 0).mean()
    assert panel._place.text() == "all samples and timesteps"
    assert panel.view.grab().toImage() != before
    press(panel, "whole")
    assert panel.view.grab().toImage() == before


def test_edges_say_what_they_carry(make: Make) -> None:
    doc = document(sliced())
    panel = make(doc)
    before = panel.view.grab().toImage()
    press(panel, "shapes")
    press(panel, "masks")
    looks = {(e.edge.source, e.edge.target): panel._scene.edge_look(e.edge) for e in panel._scene.edges}
    assert looks["lstm", "lstm_1"].text == "(16, 24, 64) float32"
    assert looks["lstm", "lstm_1"].mask == "m0"
    assert looks["shift", "dense"].mask == ""
    assert panel.view.grab().toImage() != before


def test_an_edge_is_pointed_at_and_explained(make: Make) -> None:
    doc = document(sliced())
    panel = make(doc)
    edge = next(e for e in panel._scene.edges if e.edge == Edge("masking", "lstm"))
    (x1, y1), (x2, y2) = edge.route[:2]
    at = panel.view.mapFromScene(QPointF((x1 + x2) / 2 + 2, (y1 + y2) / 2))
    viewport = panel.view.viewport()
    QApplication.sendEvent(viewport, QHelpEvent(QEvent.Type.ToolTip, at, viewport.mapToGlobal(at)))
    assert panel._scene.hovered is edge
    assert "m0: (16, 24)" in QToolTip.text()
    assert "float32" in QToolTip.text()
    QToolTip.hideText()
    panel._scene.hover(QPointF(-5000, -5000), 6)
    assert panel._scene.hovered is None


def test_left_to_right_and_back(make: Make, qtbot: QtBot) -> None:
    doc = document(sliced())
    panel = make(doc)
    down = {name: item.pos() for name, item in panel._scene.items_by_id.items()}
    press(panel, "sideways")
    settle(qtbot, panel)
    xs = [item.x() for item in panel._scene.items_by_id.values()]
    assert xs == sorted(xs)
    assert len(set(xs)) == len(xs)
    doc.select(call="lstm")
    panel.view.setFocus()
    QTest.keyClick(panel.view, Qt.Key.Key_Right)
    assert doc.selection.call == "lstm_1"
    QTest.keyClick(panel.view, Qt.Key.Key_Left)
    assert doc.selection.call == "lstm"
    press(panel, "sideways")
    settle(qtbot, panel)
    assert {name: item.pos() for name, item in panel._scene.items_by_id.items()} == down


def test_unfolding_leaves_the_rest_where_it_is(make: Make, qtbot: QtBot) -> None:
    panel = make(of(network()), (900, 860))
    panel.fold_all()
    settle(qtbot, panel)
    panel.view.fit()
    before = {name: panel.view.mapFromScene(item.pos()) for name, item in panel._scene.items_by_id.items()}
    panel.toggle("two")
    settle(qtbot, panel)
    for name in ("x", "x2", "side"):
        assert (panel.view.mapFromScene(panel._scene.items_by_id[name].pos()) - before[name]).manhattanLength() <= 2
    panel.toggle("two")
    settle(qtbot, panel)
    for name, place in before.items():
        assert (panel.view.mapFromScene(panel._scene.items_by_id[name].pos()) - place).manhattanLength() <= 2


def test_everything_unfolds_and_folds_and_backspace_folds_around(make: Make, qtbot: QtBot) -> None:
    doc = of(network())
    panel = make(doc)
    panel.fold_all()
    settle(qtbot, panel)
    assert panel.unfolded == set()
    panel.unfold_all()
    settle(qtbot, panel)
    assert panel.unfolded == {"net", "net/deep", "two"}
    doc.select(call="net/deep/p")
    QTest.keyClick(panel.view, Qt.Key.Key_Backspace)
    settle(qtbot, panel)
    assert panel.unfolded == {"net", "two"}
    assert doc.selection.call == "net/deep"
    QTest.keyClick(panel.view, Qt.Key.Key_Return)
    settle(qtbot, panel)
    assert "net/deep" in panel.unfolded


def test_calls_of_a_shared_layer_are_linked(make: Make) -> None:
    doc = of(graph_of_config(nested()))
    panel = make(doc)
    doc.select(call="block/dense")
    assert panel._scene.marks.linked == {"block:1/dense"}
    assert len(panel._scene._links) == 1
    other = next(name for name in panel._scene.items_by_id if ":" not in name and "block" not in name)
    doc.select(call=other)
    assert not panel._scene._links


def test_the_map_is_there_only_when_needed_and_moves_the_view(make: Make, qtbot: QtBot) -> None:
    doc = Document()
    nodes = tuple(Node(f"n{i}", f"n{i}", "Dense") for i in range(60))
    doc.graph = Graph(nodes, tuple(Edge(f"n{i}", f"n{i + 1}") for i in range(59)))
    panel = make(doc)
    qtbot.waitUntil(panel.map.isVisible)
    QTest.mouseClick(panel.map, Qt.MouseButton.LeftButton, pos=QPoint(panel.map.width() // 2, panel.map.height() - 4))
    assert panel.view.seen().intersects(panel._scene.items_by_id["n59"].card())
    panel.view.fit()
    qtbot.waitUntil(lambda: not panel.map.isVisible())
    panel.view.zoom(4)
    qtbot.waitUntil(panel.map.isVisible)
    panel.switch("map", False)
    qtbot.waitUntil(lambda: not panel.map.isVisible())


def fan(branches: int) -> Document:
    """An input with many branches beside each other."""
    names = [f"branch_{n}" for n in range(branches)]
    nodes = (Node("tokens", "tokens", "InputLayer"), *(Node(name, name, "LSTM") for name in names), Node("all", "all", "Concatenate"))
    return of(Graph(nodes, (*(Edge("tokens", name) for name in names), *(Edge(name, "all") for name in names))))


@pytest.mark.parametrize("sideways", [False, True])
def test_a_graph_that_does_not_fit_begins_at_its_inputs(make: Make, qtbot: QtBot, sideways: bool) -> None:
    panel = make(fan(12), (276, 420))
    panel.use(replace(panel.options, sideways=sideways))
    settle(qtbot, panel)
    seen, view = panel.view.seen(), panel.view
    assert seen.contains(panel._scene.items_by_id["tokens"].card())
    assert READABLE <= view.scale_ <= 1
    begun = seen.left() if sideways else seen.top()
    content = panel._scene.content()
    assert begun <= (content.left() if sideways else content.top()), "nothing lies before what is seen"


def test_the_map_stands_where_no_card_is(make: Make, qtbot: QtBot) -> None:
    panel = make(fan(12), (420, 420))
    qtbot.waitUntil(panel.map.isVisible)

    def behind() -> list[str]:
        return [item.node.id for item in panel.view.items(panel.map.geometry()) if isinstance(item, NodeItem)]

    assert behind() == []
    before, card = panel.map.geometry(), panel._scene.items_by_id["branch_0"]
    under = QPointF(before.center())
    panel.view.put(card.card().center(), under)
    assert behind() == ["branch_0"]
    assert panel.map.geometry() == before, "it stays while something moves"
    qtbot.waitUntil(lambda: behind() == [])


def test_the_legend_is_smaller_in_a_low_pane(make: Make, qtbot: QtBot) -> None:
    panel = make(document(sliced()), (276, 360))
    low = panel.legend.height()
    panel.resize(276, 700)
    qtbot.waitUntil(lambda: panel.legend.height() > low)
    panel.resize(276, 360)
    qtbot.waitUntil(lambda: panel.legend.height() == low)


def test_finding_marks_every_hit(make: Make) -> None:
    doc = document(sliced())
    panel = make(doc)
    QTest.keyClicks(panel.finder.field, "exposed (16, 21")
    assert panel._scene.marks.hits == {"shift", "dense"}
    assert doc.selection.call == "shift"
    assert panel.finder.count.text() == "1 of 2"
    QTest.keyClick(panel.finder.field, Qt.Key.Key_Return)
    assert doc.selection.call == "dense"
    QTest.keyClick(panel.finder.field, Qt.Key.Key_Escape)
    assert panel._scene.marks.hits == set()


def test_options_are_kept_as_words() -> None:
    options = GraphOptions(whole=True, sideways=True, map=False, trace=True)
    assert GraphOptions.from_kept(options.kept()) == GraphOptions(whole=True, sideways=True, map=False)
    assert GraphOptions.from_kept("") == GraphOptions()
    assert GraphOptions.from_kept("nonsense whole") == GraphOptions(whole=True, map=False)


def test_nothing_is_cut_off_in_a_narrow_pane(make: Make) -> None:
    panel = make(document(sliced()), (215, 600))
    for button in (*panel.tools.buttons.values(), panel.tools.more):
        assert button.geometry().right() <= panel.tools.width()
        assert button.accessibleName()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert panel.minimumSizeHint().width() <= 215


def test_the_window_switches_and_remembers_tools(window: MainWindow) -> None:
    open_sample(window)
    assert window.workspace is not None
    for name in ("graph_whole", "graph_turn", "graph_trace"):
        window.commands[name].trigger()
    assert window.workspace.graph.options == GraphOptions(whole=True, sideways=True, trace=True)
    assert GraphOptions.from_kept(window.settings.graph) == GraphOptions(whole=True, sideways=True)


def test_a_comparison_shows_a_b_and_what_differs(make: Make) -> None:
    sample = sliced()
    doc = document(sample)
    panel = make(doc)
    doc.comparison.pin()
    assert doc.trace is not None
    calls = tuple(replace(call, ignores=True) if call.id == "lstm" else call for call in doc.trace.calls)
    doc.show_trace(replace(doc.trace, calls=calls), None, False)
    badge = lambda: panel._scene.node_look(panel._scene.items_by_id["lstm"].node).badge  # noqa: E731
    assert badge() == "ignores mask"
    doc.comparison.show_a()
    assert badge() == ""
    assert panel._place.text().startswith("A: ")
    doc.comparison.show_difference()
    assert badge() == "passes → ignores"
    doc.comparison.show_b()
    assert badge() == "ignores mask"


def test_what_stands_out_is_told_to_screen_readers(make: Make, qtbot: QtBot) -> None:
    doc = of(graph_of_config(nested()))
    panel = make(doc)
    panel.fold_all()
    settle(qtbot, panel)
    doc.select(call="block")
    assert "folded, 2 calls inside" in panel.view.accessibleDescription()
    assert "one of 2 calls of this layer" in panel.view.accessibleDescription()


def test_cards_glide_to_their_places(make: Make, qtbot: QtBot) -> None:
    panel = make(of(network()), (900, 860))
    panel.fold_all()
    settle(qtbot, panel)
    panel.toggle("two")
    settle(qtbot, panel)
    there = panel._scene.items_by_id["join"].pos()
    panel.toggle("two")
    qtbot.waitUntil(lambda: not panel.busy)
    assert panel.gliding
    item = panel._scene.items_by_id["join"]
    assert item.y() > there.y() / 2
    assert not all(edge.isVisible() for edge in panel._scene.edges)
    settle(qtbot, panel)
    assert item.y() < there.y()
    assert all(edge.isVisible() for edge in panel._scene.edges)


def test_thousands_of_layers_are_folded_at_first_and_seen_from_afar(make: Make, qtbot: QtBot) -> None:
    doc = Document()
    nodes = tuple(Node(f"n{i}", f"n{i}", "Dense") for i in range(1600))
    doc.graph = Graph(nodes, tuple(Edge(f"n{i}", f"n{i + 1}") for i in range(1599)))
    panel = make(doc)
    assert 30 < len(panel.shown.nodes) < 60
    doc.select(call="n777")
    assert panel._scene.node_look(panel.shown.nodes[3]).inside == 40
    panel.go_to("n777")
    settle(qtbot, panel)
    assert panel.view.viewport().rect().contains(panel.view.mapFromScene(panel._scene.items_by_id["n777"].card().center()))
    panel.unfold_all()
    settle(qtbot, panel)
    panel.view.fit()
    far = panel.view.grab().toImage()
    panel.finder.field.setText("n1200")
    assert panel.view.grab().toImage() != far


def test_tools_and_unfolding_do_not_scroll_or_zoom(make: Make, qtbot: QtBot) -> None:
    doc = document(sliced())
    panel = make(doc)
    doc.select(call="lstm")
    scale, place = panel.view.scale_, panel.view.mapFromScene(panel._scene.items_by_id["lstm"].pos())
    press(panel, "follow")
    QApplication.processEvents()
    assert panel.view.scale_ == scale
    assert panel.view.mapFromScene(panel._scene.items_by_id["lstm"].pos()) == place
    folded = make(of(network()))
    folded.fold_all()
    settle(qtbot, folded)
    folded._document.select(call="net")
    before = folded.view.mapFromScene(folded._scene.items_by_id["x2"].pos())
    folded.toggle("net")
    settle(qtbot, folded)
    assert folded._scene.items_by_id["net"].frame
    assert (folded.view.mapFromScene(folded._scene.items_by_id["x2"].pos()) - before).manhattanLength() <= 2


def test_a_graph_that_was_seen_whole_stays_so_in_a_lower_pane(make: Make, qtbot: QtBot) -> None:
    panel = make(document(sliced()))
    panel.fit()
    panel.view.keep()
    panel.resize(panel.width(), panel.height() - 120)
    qtbot.waitUntil(lambda: panel.view.seen().contains(panel._scene.content()), timeout=2000)


def test_what_is_gone_to_comes_to_the_middle(make: Make, qtbot: QtBot) -> None:
    panel = make(document(sliced()))
    panel.view.zoom(2.0)
    panel.view.centre(panel._scene.items_by_id["features"].card().center())
    panel.go_to("dense")
    place = panel.view.mapFromScene(panel._scene.items_by_id["dense"].card().center())
    assert abs(place.y() - panel.view.viewport().rect().center().y()) <= 2
