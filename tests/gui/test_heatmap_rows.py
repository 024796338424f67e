"""Rows of the heatmaps panel: added, asked for, moved, closed, saved; driven by real mouse and key events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from maskviz.core.errors import UnusableInput
from maskviz.core.map_rows import MapSpec, Panels
from maskviz.core.messages import Answered
from maskviz.core.probes import Ask, AskInfluence, AskValues, Influence, Values
from maskviz.gui.heatmaps import HeatmapsPanel
from maskviz.gui.heatmaps.call_row import CallRow
from maskviz.gui.heatmaps.map_row import LOWEST
from maskviz.gui.main_window import MainWindow
from maskviz.palette import DARK
from maskviz.session.document import Document, EngineState, Region
from maskviz.session.questions import Questions
from tests.gui import sample_trace
from tests.gui.window_hands import open_sample, sentences

LEFT = Qt.MouseButton.LeftButton
UNITS = 5


class Engine(QObject):
    """Answers only when it is told to."""

    forgot = Signal()

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.document = document
        self.asked: list[Ask] = []
        self.waiting: dict[int, tuple[Ask, Callable[[Any], None], Callable[[Any], None]]] = {}
        self.settled = True

    def ask(self, request: Ask, then: Callable[[Any], None], refused: Callable[[Any], None], quiet: bool) -> int:
        self.asked.append(request)
        self.waiting[len(self.asked)] = (request, then, refused)
        return len(self.asked)

    def cancel(self, number: int) -> None:
        self.waiting.pop(number, None)

    def answer(self) -> None:
        """Answer what was asked."""
        while self.waiting:
            number = next(iter(self.waiting))
            request, then, _refused = self.waiting.pop(number)
            then(Answered(number, self._answer_to(request)))

    def refuse(self, sentence: str) -> None:
        """Refuse what was asked."""
        for number in list(self.waiting):
            self.waiting.pop(number)[2](UnusableInput(sentence))

    def _answer_to(self, request: Ask) -> Any:
        batch = self.document.batch
        assert batch is not None
        x = batch.x["features"][..., 0]
        if isinstance(request, AskValues):
            return Values(request.target, request.view, request.unit, UNITS, True, x + request.unit, np.abs(x))
        assert isinstance(request, AskInfluence)
        amount = np.eye(x.shape[1], dtype="float32")
        return Influence(request.target or "", "features", request.sample, True, amount, amount > 0, "24 of 576 pairs depend.")


@pytest.fixture(name="panel")
def _panel(qtbot: QtBot) -> HeatmapsPanel:
    document = sample_trace.document(sample_trace.sliced())
    panel = HeatmapsPanel(document, Questions(document, Engine(document), document), DARK)
    qtbot.addWidget(panel)
    panel.resize(900, 900)
    panel.show()
    qtbot.waitExposed(panel)
    QApplication.processEvents()
    return panel


def engine_of(panel: HeatmapsPanel) -> Engine:
    return panel.document.findChildren(Engine)[0]


def kinds(panel: HeatmapsPanel) -> list[str]:
    return [row.spec.kind for row in panel.rows]


def shown(panel: HeatmapsPanel, index: int) -> np.ndarray:
    heatmap = panel.rows[index].heatmap
    assert heatmap is not None
    assert heatmap.values is not None
    return heatmap.values


def labels(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if action.text()]


def test_values_of_a_layer_follow_edits_and_the_unit(panel: HeatmapsPanel) -> None:
    document, engine = panel.document, engine_of(panel)
    row = panel.add("values", "lstm")
    assert isinstance(row, CallRow)
    assert engine.asked == [AskValues("lstm")]
    assert row.heatmap is not None
    assert "engine answers" in row.heatmap.explanation
    engine.answer()
    assert document.batch is not None
    np.testing.assert_array_equal(shown(panel, 3), document.batch.x["features"][..., 0])
    row.unit_box.setValue(2)
    assert engine.asked[-1] == AskValues("lstm", unit=2)
    engine.answer()
    np.testing.assert_array_equal(shown(panel, 3), document.batch.x["features"][..., 0] + 2)
    asked = len(engine.asked)
    x = document.batch.x["features"].copy()
    x[0, 0, 0] = 77
    document.edit(replace(document.batch, x={"features": x}), "Edit")
    sample_trace.answer(document, sample_trace.sliced())
    assert len(engine.asked) == asked + 1
    engine.answer()
    assert shown(panel, 3)[0, 0] == 79


def test_a_closed_row_asks_for_nothing_and_the_menu_brings_it_back(panel: HeatmapsPanel) -> None:
    document, engine = panel.document, engine_of(panel)
    row = panel.add("values", "lstm")
    engine.answer()
    row.closed.emit()
    panel.loss_row.closed.emit()
    assert kinds(panel) == ["mask", "predictions"]
    asked = len(engine.asked)
    sample_trace.answer(document, sample_trace.sliced())
    assert len(engine.asked) == asked
    document.select(call="lstm")
    menu = panel.tools_bar.add_button.menu()
    menu.aboutToShow.emit()
    expected = [
        "Loss contributions",
        "Sample weights",
        "Of lstm",
        "Values",
        "Mask",
        "Status",
        "Padding-test change",
        "Gradient",
        "Recurrent state",
        "Influence",
    ]
    assert labels(menu) == expected
    menu.actions()[0].trigger()
    next(action for action in menu.actions() if action.text() == "Status").trigger()
    assert kinds(panel) == ["mask", "predictions", "loss", "status"]


def test_the_menu_offers_what_a_layer_has(panel: HeatmapsPanel) -> None:
    menu = panel.tools_bar.add_button.menu()
    menu.aboutToShow.emit()
    assert labels(menu) == ["Sample weights", "Select a layer in the graph to add its maps"]
    panel.document.select(call="features")
    menu.aboutToShow.emit()
    assert labels(menu) == ["Sample weights", "Of features", "Values", "Mask", "Status", "Padding-test change"]
    panel.document.select(call="dense")
    menu.aboutToShow.emit()
    assert "Recurrent state" not in labels(menu)


def test_the_same_map_is_not_added_twice(panel: HeatmapsPanel) -> None:
    assert panel.add("status", "lstm") is panel.add("status", "lstm")
    assert panel.add("loss") is panel.loss_row
    assert kinds(panel) == ["mask", "predictions", "loss", "status"]


def test_rows_move_by_their_buttons_and_by_dragging_the_title(panel: HeatmapsPanel) -> None:
    panel.loss_row._buttons[0].click()
    assert kinds(panel) == ["mask", "loss", "predictions"]
    assert panel.predictions_row.view.show_axis
    assert not panel.loss_row.view.show_axis
    QApplication.processEvents()
    title = panel.mask_row.title
    goal = title.mapFromGlobal(panel.predictions_row.mapToGlobal(QPoint(10, panel.predictions_row.height() - 10)))
    QTest.mousePress(title, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(8, 6))
    QTest.mouseMove(title, QPoint(8, 14))
    QTest.mouseMove(title, goal)
    QTest.mouseRelease(title, LEFT, Qt.KeyboardModifier.NoModifier, goal)
    assert kinds(panel) == ["loss", "predictions", "mask"]


def test_what_is_shown_is_saved_and_restored(panel: HeatmapsPanel, qtbot: QtBot) -> None:
    engine = engine_of(panel)
    panel.add("values", "lstm")
    engine.answer()
    panel.add("status", "dense")
    panel.rows[3].set_look(replace(panel.rows[3].spec.look, percent=2.0))
    panel.close_row(panel.predictions_row)
    panel.set_order("length")
    panel.set_profile("time")
    state = panel.state()
    panel.restore(None)
    assert panel.panels() == Panels()
    with qtbot.waitSignal(panel.changed):
        panel.restore(state)
    assert panel.state() == state
    engine.answer()
    assert kinds(panel) == ["mask", "loss", "values", "status"]
    assert panel.rows[2].heatmap is not None
    assert panel.rows[2].heatmap.values is not None


def test_many_rows_keep_a_height_and_scroll(panel: HeatmapsPanel) -> None:
    for call in ("masking", "lstm", "lstm_1", "shift", "dense"):
        panel.add("status", call)
        panel.add("call_mask", call)
    QApplication.processEvents()
    assert panel.list.verticalScrollBar().maximum() > 0
    assert all(row.height() >= 100 for row in panel.rows)
    view = panel.rows[2].view

    def wheel() -> bool:
        """Whether the map took a turn of the wheel."""
        event = QWheelEvent(
            QPointF(90, 30), QPointF(view.mapToGlobal(QPoint(90, 30))), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view, event)
        return event.isAccepted()

    assert not wheel(), "a map that shows all of its samples lets the rows scroll"
    view.zoom(0.5, 4, 4)
    assert wheel()


def test_influence_has_axes_of_its_own_and_is_asked_for_once(panel: HeatmapsPanel) -> None:
    document, engine = panel.document, engine_of(panel)
    row = panel.add("influence", "lstm")
    assert isinstance(row, CallRow)
    assert row.ask_button.text() == "Cancel"
    row.ask_button.click()
    assert not engine.waiting
    assert row.ask_button.text() == "Compute"
    assert row.heatmap is not None
    assert "Compute" in row.heatmap.explanation
    row.ask_button.click()
    engine.answer()
    assert row.ask_button.isHidden()
    assert row.view.viewport is not panel.viewport
    assert (row.view.viewport.samples, row.view.viewport.steps) == (24, 24)
    said: list[str] = []
    QApplication.processEvents()  # the row comes into view
    panel.hovered.connect(said.append)
    QTest.mouseMove(row.view, row.view.cell_center(7, 6).toPoint())
    QTest.mouseMove(row.view, row.view.cell_center(7, 7).toPoint())
    assert said[-1] == "lstm at step 7 ← input at t=7 · moves by 1"
    QTest.mouseClick(row.view, LEFT, Qt.KeyboardModifier.NoModifier, row.view.cell_center(2, 9).toPoint())
    assert (document.selection.sample, document.selection.step) == (0, 9)
    document.select(sample=5)
    assert row.ask_button.text() == "Recompute"
    row.ask_button.click()
    assert engine.asked[-1] == AskInfluence("lstm", 5)


def test_what_takes_long_says_how_far_it_is(panel: HeatmapsPanel) -> None:
    row = panel.add("influence", "lstm")
    panel.document.set_engine(EngineState("busy", "influence on lstm: 40 % of 24 steps…"))
    assert row.heatmap is not None
    assert row.heatmap.explanation == "influence on lstm: 40 % of 24 steps…"
    engine_of(panel).answer()
    assert row.heatmap.explanation == ""


def test_a_refusal_is_said_in_the_row(panel: HeatmapsPanel) -> None:
    row = panel.add("values", "lstm")
    engine_of(panel).refuse("'lstm' is text, which has no colours.")
    assert row.heatmap is not None
    assert row.heatmap.explanation == "'lstm' is text, which has no colours."


def test_a_row_about_a_call_that_is_not_there_says_so(panel: HeatmapsPanel) -> None:
    panel.restore(Panels((MapSpec("status", "gone"),)).to_json())
    assert panel.rows[0].heatmap is not None
    assert "no call ‘gone’" in panel.rows[0].heatmap.explanation


def test_sorted_samples_keep_their_numbers_and_edits_hit_them(panel: HeatmapsPanel) -> None:
    document, view = panel.document, panel.mask_view
    assert document.batch is not None
    lengths = (~document.batch.padding["features"]).sum(axis=1)
    panel.set_order("length")
    longest = int(lengths.argmax())
    assert view.cell_at(QPointF(view.map_rect().left() + 5, view.map_rect().top() + 3)) == (longest, 0)
    QTest.mouseClick(view, LEFT, Qt.KeyboardModifier.NoModifier, view.cell_center(longest, 4).toPoint())
    assert document.batch.padding["features"][longest, 4]
    assert (document.selection.sample, document.selection.step) == (longest, 4)
    before = document.batch.padding["features"].copy()
    second = panel.viewport.sample(1)
    rect, window = view.map_rect(), panel.viewport.window
    edge = QPointF(window.x(rect, int(lengths[second])), view.cell_center(second, 0).y())
    QTest.mouseMove(view, edge.toPoint())
    QTest.mousePress(view, LEFT, Qt.KeyboardModifier.NoModifier, edge.toPoint())
    QTest.mouseMove(view, QPointF(window.x(rect, 10), edge.y()).toPoint())
    QTest.mouseRelease(view, LEFT, Qt.KeyboardModifier.NoModifier, QPointF(window.x(rect, 10), edge.y()).toPoint())
    changed = np.flatnonzero((document.batch.padding["features"] != before).any(axis=1))
    assert changed.tolist() == [second]
    assert panel.viewport.sample(0) == longest, "later edits move nothing"
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert document.selection.sample == longest
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert document.selection.sample == second
    panel.tools_bar.order_button.menu().aboutToShow.emit()
    panel.tools_bar.order_button.menu().actions()[0].trigger()
    assert panel.viewport.order is None


def test_painting_over_sorted_rows_changes_the_samples_seen_there(panel: HeatmapsPanel) -> None:
    document, view = panel.document, panel.mask_view
    assert document.batch is not None
    before = document.batch.padding["features"].copy()
    panel.set_order("length")
    samples = [panel.viewport.sample(row) for row in (2, 3, 4)]
    start, end = view.cell_center(samples[0], 1), view.cell_center(samples[2], 3)
    QTest.mousePress(view, LEFT, Qt.KeyboardModifier.ShiftModifier, start.toPoint())
    QTest.mouseMove(view, end.toPoint())
    QTest.mouseRelease(view, LEFT, Qt.KeyboardModifier.ShiftModifier, end.toPoint())
    after = document.batch.padding["features"]
    assert sorted(np.flatnonzero((after != before).any(axis=1)).tolist()) == sorted(samples)
    assert after[samples, 1:4].all()


def test_a_sorted_view_ends_with_another_network_or_another_number_of_samples(panel: HeatmapsPanel) -> None:
    document = panel.document
    panel.set_order("loss")
    assert panel.tools_bar.order_button.text() == "Sorted by loss"
    assert document.batch is not None
    few = {name: array[:4] for name, array in document.batch.x.items()}
    padding = {name: array[:4] for name, array in document.batch.padding.items()}
    document.trace = None
    document.edit(replace(document.batch, x=few, padding=padding, content=few, y={}), "Four samples")
    document.trace_changed.emit()
    assert panel.viewport.samples == 4
    assert panel.order == "given"
    assert panel.tools_bar.order_button.text() == "Sort"


def test_rows_about_calls_of_another_network_are_closed_when_it_is_traced(panel: HeatmapsPanel) -> None:
    document, other = panel.document, sample_trace.tagger()
    panel.add("status", "shift")
    panel.add("status", "dense")
    document.open("other", None, other.graph, other.network, other.batch)
    document.show_trace(other.trace(other.batch), None, stale=False)
    assert kinds(panel) == ["mask", "predictions", "loss"]


def test_the_menu_of_the_window_adds_maps_of_the_selected_layer(window: MainWindow) -> None:
    document = open_sample(window)
    assert window.workspace is not None
    panel = window.workspace.heatmaps
    window.commands["map_status"].trigger()
    assert "Click a layer in the graph first" in sentences(window)[-1]
    document.select(call="lstm_1")
    window.commands["map_status"].trigger()
    window.commands["map_mask"].trigger()
    assert [(row.spec.kind, row.spec.ref) for row in panel.rows[3:]] == [("status", "lstm_1"), ("call_mask", "lstm_1")]
    window.commands["map_by_length"].trigger()
    assert panel.order == "length"
    for profile in ("time", "samples", "none"):
        window.commands["map_profile"].trigger()
        assert panel.profile == profile
    document.mark(Region((1,), 2, 3))
    window.commands["map_unmark"].trigger()
    assert document.region is None
    window.commands["map_first"].trigger()
    assert kinds(panel) == ["mask", "predictions", "loss"]


def test_maps_are_equally_high_and_many_of_them_are_legible(panel: HeatmapsPanel) -> None:
    def heights() -> list[int]:
        QApplication.processEvents()
        return [round(row.view.map_rect().height()) for row in panel.rows]

    assert max(heights()) - min(heights()) <= 1, "also that which carries the axis, and that which has buttons"
    panel.add("status", "lstm")
    panel.add("call_mask", "lstm")
    panel.resize(900, 500)
    panel.set_profile("time")
    assert min(heights()) >= LOWEST
    assert max(heights()) - min(heights()) <= 1
