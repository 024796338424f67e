"""The graph panel: what it shows, how it is moved, and that it stays calm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from maskviz.core.config_graph import graph_of_config
from maskviz.core.graph import Edge, Graph, Node
from maskviz.core.layout import Box, LayoutRequest, fallback
from maskviz.core.status import Status
from maskviz.export.graph_painting import Sizes, request_of
from maskviz.export.graph_picture import graph_drawing
from maskviz.export.media import image_of
from maskviz.gui.graph import GraphPanel
from maskviz.palette import DARK, LIGHT
from maskviz.session.document import Document
from maskviz.session.layout_job import LayoutJob
from tests.core.configs import masked_lstm
from tests.core.test_config_graph import nested
from tests.gui.sample_trace import Sample, answer, document, sliced

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
        if doc.graph.nodes:
            settle(qtbot, made)
        return made

    yield panel
    for made in panels:
        made.close_layout()
        made.close()


def settle(qtbot: QtBot, panel: GraphPanel) -> None:
    """Waits until what the panel shows has been laid out and painted."""
    qtbot.waitUntil(lambda: not panel.busy and not panel.gliding and bool(panel.view.scene().items()), timeout=10_000)
    QApplication.processEvents()


def centre(panel: GraphPanel, node: str) -> QPoint:
    card = panel._scene.items_by_id[node].card()
    top = QPointF(card.center().x(), card.top() + 12)
    return panel.view.mapFromScene(top)


def click(panel: GraphPanel, node: str) -> None:
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=centre(panel, node))


def double_click(panel: GraphPanel, node: str) -> None:
    QTest.mouseDClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=centre(panel, node))


def containers() -> Document:
    doc = Document()
    doc.graph = graph_of_config(nested())
    return doc


@pytest.fixture
def sample() -> Sample:
    return sliced()


def test_every_call_and_the_loss_are_shown(make: Make, sample: Sample) -> None:
    panel = make(document(sample))
    assert list(panel._scene.items_by_id) == ["features", "masking", "lstm", "lstm_1", "shift", "dense", "loss:dense"]
    looks = {name: panel._scene.node_look(item.node) for name, item in panel._scene.items_by_id.items()}
    assert looks["masking"].badge == "creates"
    assert looks["shift"].badge == "drops mask"
    assert looks["loss:dense"].badge == "counts padding"
    assert len(looks["lstm"].strips[0].ticks) == 24


def test_nothing_open_says_what_to_do(make: Make) -> None:
    panel = make(Document())
    assert "Drop a .keras file" in panel.view.empty_text
    blank = panel.view.grab().toImage()
    panel.view.empty_text = ""
    panel.view.viewport().update()
    assert panel.view.grab().toImage() != blank


def test_colours_follow_sample_and_timestep(make: Make, sample: Sample) -> None:
    doc = document(sample)
    panel = make(doc)
    doc.select(sample=0, step=2)
    before = panel.view.grab().toImage()
    assert panel._scene.items_by_id["shift"].look.status is Status.UNMASKED
    doc.select(step=17)
    assert panel._scene.items_by_id["shift"].look.status is Status.EXPOSED
    assert panel.view.grab().toImage() != before
    assert panel._place.text() == "sample 0 · timestep 17"


def test_a_click_selects_for_every_view(make: Make, sample: Sample) -> None:
    doc = document(sample)
    panel = make(doc)
    click(panel, "lstm_1")
    assert doc.selection.call == "lstm_1"
    doc.select(call="shift")
    assert panel._scene.selected == "shift"


def test_arrows_walk_along_the_edges(make: Make, sample: Sample) -> None:
    doc = document(sample)
    panel = make(doc)
    for key, expected in (
        (Qt.Key.Key_Down, "features"),
        (Qt.Key.Key_Down, "masking"),
        (Qt.Key.Key_Down, "lstm"),
        (Qt.Key.Key_Up, "masking"),
    ):
        QTest.keyClick(panel.view, key)
        assert doc.selection.call == expected


def test_double_click_unfolds_and_keeps_the_place(make: Make, qtbot: QtBot) -> None:
    panel = make(containers())
    assert panel.unfolded == {"block", "block:1"}
    before = centre(panel, "block:1")
    double_click(panel, "block:1")
    settle(qtbot, panel)
    assert "block:1/dense" not in panel._scene.items_by_id
    assert "block/dense" in panel._scene.items_by_id
    assert (centre(panel, "block:1") - before).manhattanLength() <= 2
    double_click(panel, "block:1")
    settle(qtbot, panel)
    assert "block:1/dense" in panel._scene.items_by_id
    assert (centre(panel, "block:1") - before).manhattanLength() <= 2


def test_a_folded_container_says_how_much_it_hides(make: Make, qtbot: QtBot) -> None:
    panel = make(containers())
    panel.toggle("block")
    settle(qtbot, panel)
    assert panel._scene.node_look(panel._scene.items_by_id["block"].node).inside == 2


def test_find_goes_through_the_matches_and_unfolds(make: Make, qtbot: QtBot) -> None:
    doc = containers()
    panel = make(doc)
    panel.toggle("block")
    settle(qtbot, panel)
    panel.focus_find()
    QTest.keyClicks(panel.finder.field, "out")
    assert doc.selection.call == "block:1/out", "what is in view is found while it is typed"
    assert "block/out" not in panel._scene.items_by_id
    assert panel.finder.count.text() == "2 of 2"
    QTest.keyClick(panel.finder.field, Qt.Key.Key_Return)
    settle(qtbot, panel)
    assert doc.selection.call == "block/out"
    assert "block/out" in panel._scene.items_by_id
    assert panel.finder.count.text() == "1 of 2"
    QTest.keyClick(panel.finder.field, Qt.Key.Key_Return)
    assert doc.selection.call == "block:1/out"
    QTest.keyClick(panel.finder.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert doc.selection.call == "block/out"
    panel.finder.field.setText("zzz")
    assert panel.finder.count.text() == "none"


def test_find_knows_classes(make: Make, sample: Sample) -> None:
    panel = make(document(sample))
    panel.finder.field.setText("LSTM")
    assert panel.finder.hits == ["lstm", "lstm_1"]


def wheel(panel: GraphPanel, at: QPoint, delta: int, modifiers: Qt.KeyboardModifier) -> None:
    globally = panel.view.viewport().mapToGlobal(at)
    event = QWheelEvent(
        QPointF(at), QPointF(globally), QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False
    )
    QApplication.sendEvent(panel.view.viewport(), event)


def test_ctrl_wheel_zooms_at_the_cursor_and_wheel_scrolls(make: Make, sample: Sample) -> None:
    panel = make(document(sample))
    at = centre(panel, "lstm")
    place, scale = panel.view.mapToScene(at), panel.view.scale_
    wheel(panel, at, 240, Qt.KeyboardModifier.ControlModifier)
    assert panel.view.scale_ > scale * 1.2
    assert (panel.view.mapFromScene(place) - at).manhattanLength() <= 2
    scale = panel.view.scale_
    wheel(panel, at, -120, Qt.KeyboardModifier.NoModifier)
    assert panel.view.scale_ == scale
    assert panel.view.mapFromScene(place).y() < at.y()


def test_a_drag_on_empty_ground_pans(make: Make, sample: Sample) -> None:
    doc = document(sample)
    panel = make(doc)
    place = panel.view.mapToScene(QPoint(5, 400))
    viewport = panel.view.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=QPoint(5, 400))
    QTest.mouseMove(viewport, QPoint(45, 430))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=QPoint(45, 430))
    assert (panel.view.mapFromScene(place) - QPoint(45, 430)).manhattanLength() <= 2
    assert doc.selection.call is None


def test_space_fits(make: Make, sample: Sample) -> None:
    panel = make(document(sample), (300, 300))
    QTest.keyClick(panel.view, Qt.Key.Key_Space)
    seen = panel.view.mapToScene(panel.view.viewport().rect()).boundingRect()
    assert seen.contains(panel._scene.content().adjusted(2, 2, -2, -2))


def test_the_first_view_is_readable(make: Make) -> None:
    doc = Document()
    nodes = tuple(Node(f"n{i}", f"n{i}", "Dense") for i in range(60))
    doc.graph = Graph(nodes, tuple(Edge(f"n{i}", f"n{i + 1}") for i in range(59)))
    panel = make(doc)
    assert panel.view.scale_ >= 0.6
    assert panel.view.viewport().rect().contains(centre(panel, "n0"))


def test_a_recompute_moves_nothing(make: Make, sample: Sample, qtbot: QtBot) -> None:
    doc = document(sample, traced=False)
    panel = make(doc)
    panel.view.zoom(1.3)
    item, at = panel._scene.items_by_id["lstm"], centre(panel, "lstm")
    answer(doc, sample)
    assert not panel.busy
    assert panel._scene.items_by_id["lstm"] is item
    assert centre(panel, "lstm") == at
    assert panel._scene.node_look(item.node).strips


def test_only_what_changes_is_painted_again(make: Make, sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    doc = document(sample)
    panel = make(doc)
    painted: list[str] = []
    for name, item in panel._scene.items_by_id.items():
        monkeypatch.setattr(item, "update", lambda name=name: painted.append(name))
    doc.select(call="lstm")
    assert painted == ["lstm"]
    painted.clear()
    answer(doc, sample)
    assert painted == []
    assert doc.trace is not None
    doc.trace = replace(doc.trace, calls=tuple(replace(c, ignores=c.id == "dense") for c in doc.trace.calls))
    doc.trace_changed.emit()
    assert painted == ["dense"]


def test_the_mask_path_is_shown_on_request(make: Make, qtbot: QtBot) -> None:
    doc = Document()
    doc.graph = graph_of_config(masked_lstm())
    panel = make(doc)
    assert "not_equal" not in panel._scene.items_by_id
    panel.tools.choices["mask_path"].trigger()
    settle(qtbot, panel)
    assert {"not_equal", "any"} <= set(panel._scene.items_by_id)
    panel.tools.choices["mask_path"].trigger()
    settle(qtbot, panel)
    assert "not_equal" not in panel._scene.items_by_id


def test_the_selected_call_is_told_to_screen_readers(make: Make, sample: Sample) -> None:
    doc = document(sample)
    panel = make(doc)
    doc.select(call="shift", step=17)
    assert panel.view.accessibleDescription() == "shift, Lambda · (16, 21, 64), drops mask, exposed"


def test_the_legend_wraps_in_a_narrow_pane(make: Make, sample: Sample) -> None:
    wide, narrow = make(document(sample), (600, 600)), make(document(sample), (260, 600))
    assert narrow.legend.height() > wide.legend.height()


def test_stale_results_are_dimmed_but_not_at_once(make: Make, sample: Sample, qtbot: QtBot) -> None:
    doc = document(sample)
    panel = make(doc)
    doc.stale = True
    doc.stale_changed.emit(True)
    assert not panel.view.dimmed
    qtbot.waitUntil(lambda: panel.view.dimmed, timeout=2000)
    doc.stale = False
    doc.stale_changed.emit(False)
    assert not panel.view.dimmed


def test_the_tooltip_tells_class_shapes_and_masks(make: Make, sample: Sample) -> None:
    panel = make(document(sample))
    at = centre(panel, "shift")
    QApplication.sendEvent(panel.view.viewport(), QHelpEvent(QEvent.Type.ToolTip, at, panel.view.viewport().mapToGlobal(at)))
    text = QToolTip.text()
    QToolTip.hideText()
    assert "Lambda" in text
    assert "(16, 21, 64)" in text
    assert "mask out" in text


def test_both_themes_differ_everywhere(make: Make, sample: Sample) -> None:
    panel = make(document(sample))
    dark = panel.view.grab().toImage()
    panel.set_palette(LIGHT)
    light = panel.view.grab().toImage()
    assert dark.pixelColor(3, 3).name() == DARK.pane
    assert light.pixelColor(3, 3).name() == LIGHT.pane


def test_another_file_replaces_the_graph(make: Make, sample: Sample, qtbot: QtBot) -> None:
    doc = document(sample)
    panel = make(doc)
    doc.trace, doc.graph = None, graph_of_config(nested())
    doc.network_changed.emit()
    doc.trace_changed.emit()
    settle(qtbot, panel)
    assert "block/dense" in panel._scene.items_by_id
    assert "shift" not in panel._scene.items_by_id
    doc.graph = Graph()
    doc.network_changed.emit()
    assert not panel._scene.items_by_id


def boxes(n: int) -> LayoutRequest:
    return LayoutRequest(tuple(Box(str(i), 200, 50) for i in range(n)), tuple((str(i), str(i + 1)) for i in range(n - 1)))


@pytest.fixture
def job(qtbot: QtBot) -> Iterator[LayoutJob]:
    made = LayoutJob()
    yield made
    made.close()


def test_a_killed_layout_process_is_replaced(job: LayoutJob, qtbot: QtBot) -> None:
    with qtbot.waitSignal(job.done, timeout=10_000):
        job.request(boxes(3))
    first = job._process
    assert first is not None
    first.kill()
    with qtbot.waitSignal(job.done, timeout=10_000) as answered:
        job.request(boxes(4))
    assert len(answered.args[1].positions) == 4
    with qtbot.waitSignal(job.done, timeout=10_000) as answered:
        job.request(boxes(5))
    assert answered.args[1] != fallback(boxes(5))
    assert job._process is not first


def test_a_slow_layout_is_answered_by_ours(job: LayoutJob, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    with qtbot.waitSignal(job.done, timeout=10_000):
        job.request(boxes(3))
    monkeypatch.setattr("maskviz.session.layout_job.allowance", lambda request: 0)
    with qtbot.waitSignal(job.done, timeout=10_000) as answered:
        job.request(boxes(400))
    assert answered.args[1] == fallback(boxes(400))


def test_only_the_newest_request_is_answered(job: LayoutJob, qtbot: QtBot) -> None:
    with qtbot.waitSignal(job.done, timeout=10_000) as answered:
        job.request(boxes(3))
        job.request(boxes(7))
    assert len(answered.args[0].boxes) == 7


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_a_picture_of_the_graph_without_a_window(sample: Sample, qapp: QApplication, palette: object) -> None:
    trace = sample.trace(sample.batch)
    graph = sample.graph
    layout = fallback(request_of(graph, Sizes.of()))
    image: QImage = image_of(graph_drawing(graph, layout, trace, 0, 17, palette, 1200, "seed_lambda_slice"))  # type: ignore[arg-type]
    assert image.width() == 1200
    colours = {image.pixelColor(x, y).name() for x in range(0, 1200, 3) for y in range(0, image.height(), 3)}
    assert palette.status[Status.EXPOSED] in colours  # type: ignore[attr-defined]
    assert palette.status[Status.KEPT] in colours  # type: ignore[attr-defined]
    other = image_of(graph_drawing(graph, layout, trace, 0, 2, palette, 1200, "seed_lambda_slice"))  # type: ignore[arg-type]
    assert other != image
