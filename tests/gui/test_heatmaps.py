"""The heatmaps panel, driven by real mouse and key events."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from maskviz.colormaps import MARK_COLORS, Mark, hex_rgb
from maskviz.core.network import InputSpec
from maskviz.core.status import Status
from maskviz.gui.heatmaps import HeatmapsPanel
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.palette import DARK, LIGHT, Palette
from maskviz.session.document import Document
from tests.gui import sample_trace
from tests.gui.window_hands import questions_of

LEFT = Qt.MouseButton.LeftButton
Open = Callable[..., tuple[HeatmapsPanel, Document]]


@pytest.fixture(name="open_panel")
def _open_panel(qtbot: QtBot) -> Open:
    def make(sample: sample_trace.Sample, traced: bool = True, size: tuple[int, int] = (900, 800)) -> tuple[HeatmapsPanel, Document]:
        document = sample_trace.document(sample, traced)
        panel = HeatmapsPanel(document, questions_of(document), DARK)
        qtbot.addWidget(panel)
        panel.resize(*size)
        panel.show()
        qtbot.waitExposed(panel)
        QApplication.processEvents()
        return panel, document

    return make


def press_at(view: MapView, point: QPointF, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.mouseMove(view, point.toPoint())
    QTest.mousePress(view, LEFT, modifier, point.toPoint())


def drag(view: MapView, *points: QPointF, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier, release: bool = True) -> None:
    press_at(view, points[0], modifier)
    for start, end in itertools.pairwise(points):
        for share in (0.3, 0.7, 1.0):
            QTest.mouseMove(view, (start + (end - start) * share).toPoint())
    if release:
        QTest.mouseRelease(view, LEFT, modifier, points[-1].toPoint())


def edge_point(panel: HeatmapsPanel, sample: int, edge: int) -> QPointF:
    view = panel.mask_view
    rect = view.map_rect()
    return QPointF(panel.viewport.window.x(rect, edge), view.cell_center(sample, 0).y())


def pixel(view: MapView, sample: int, step: int, offset: tuple[int, int] = (0, 0)) -> tuple[int, int, int]:
    image = view.grab().toImage()
    color = image.pixelColor((view.cell_center(sample, step) + QPointF(*offset)).toPoint())
    return color.red(), color.green(), color.blue()


def padding(document: Document, name: str = "features") -> np.ndarray:
    assert document.batch is not None
    return document.batch.padding[name]


def test_dragging_an_edge_pads_live_and_is_one_undo_step(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced())
    before = padding(document).copy()
    length = int((~before[3]).sum())
    seen: list[int] = []
    document.batch_changed.connect(lambda: seen.append(int((~padding(document)[3]).sum())))
    drag(panel.mask_view, edge_point(panel, 3, length), edge_point(panel, 3, length - 5))
    assert (~padding(document)[3]).sum() == length - 5
    assert len(set(seen)) > 1, "the batch follows while the mouse moves"
    assert document.undo_stack.count() == 1
    assert document.undo_stack.undoText() == f"Pad sample 3 from step {length - 5}"
    assert document.batch is not None
    assert not document.batch.x["features"][3, length - 5 :].any()
    document.undo_stack.undo()
    np.testing.assert_array_equal(padding(document), before)
    assert document.batch.x["features"][3, length - 1].any(), "the true content is back"


def test_the_map_is_painted_from_the_edited_batch(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced())
    length = int((~padding(document)[3]).sum())
    document.select(sample=0, step=0)
    assert pixel(panel.mask_view, 3, length - 2) == hex_rgb(DARK.status[Status.KEPT])
    drag(panel.mask_view, edge_point(panel, 3, length), edge_point(panel, 3, length - 4))
    document.select(sample=0, step=0)
    assert pixel(panel.mask_view, 3, length - 2) != hex_rgb(DARK.status[Status.KEPT])


def test_left_padding_is_drawn_in_from_the_left_end(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced())
    before = padding(document)[0].copy()
    drag(panel.mask_view, edge_point(panel, 0, 0), edge_point(panel, 0, 4))
    assert padding(document)[0, :4].all()
    assert not padding(document)[0, 4]
    np.testing.assert_array_equal(padding(document)[0, 4:], before[4:])
    assert document.undo_stack.undoText().startswith("Pad sample 0 before step 4")


def test_escape_takes_a_drag_back_and_leaves_no_history(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced())
    before = padding(document).copy()
    length = int((~before[3]).sum())
    drag(panel.mask_view, edge_point(panel, 3, length), edge_point(panel, 3, length - 5), release=False)
    assert (padding(document) != before).any()
    QTest.keyClick(panel.mask_view, Qt.Key.Key_Escape)
    np.testing.assert_array_equal(padding(document), before)
    assert document.undo_stack.count() == 0
    QTest.mouseMove(panel.mask_view, edge_point(panel, 3, 2).toPoint())
    QTest.mouseRelease(panel.mask_view, LEFT, Qt.KeyboardModifier.NoModifier, edge_point(panel, 3, 2).toPoint())
    np.testing.assert_array_equal(padding(document), before)


def test_dragging_an_edge_back_home_leaves_no_history(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced())
    length = int((~padding(document)[3]).sum())
    home, away = edge_point(panel, 3, length), edge_point(panel, 3, length - 4)
    drag(panel.mask_view, home, away, home)
    assert document.undo_stack.count() == 0
    assert (~padding(document)[3]).sum() == length


def test_a_click_toggles_a_step_and_selects_it(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced())
    QTest.mouseClick(panel.mask_view, LEFT, Qt.KeyboardModifier.NoModifier, panel.mask_view.cell_center(2, 4).toPoint())
    assert padding(document)[2, 4]
    assert document.undo_stack.count() == 1
    assert (document.selection.sample, document.selection.step) == (2, 4)
    QTest.mouseClick(panel.mask_view, LEFT, Qt.KeyboardModifier.NoModifier, panel.mask_view.cell_center(2, 4).toPoint())
    assert not padding(document)[2, 4]


@pytest.mark.parametrize("with_shift", [True, False])
def test_painting_steps(open_panel: Open, with_shift: bool) -> None:
    panel, document = open_panel(sample_trace.sliced())
    if not with_shift:
        next(b for b in panel.findChildren(QToolButton) if b.text() == "Paint").click()
    modifier = Qt.KeyboardModifier.ShiftModifier if with_shift else Qt.KeyboardModifier.NoModifier
    view = panel.mask_view
    drag(view, view.cell_center(5, 2), view.cell_center(5, 6), modifier=modifier)
    assert padding(document)[5, 2:7].all()
    assert not padding(document)[5, :2].any()
    assert document.undo_stack.count() == 1


def test_painting_over_rows_changes_each_of_them_in_one_undo_step(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced())
    before = padding(document).copy()
    view = panel.mask_view
    view.tool = "paint"
    drag(view, view.cell_center(5, 2), view.cell_center(9, 4), view.cell_center(7, 6))
    assert padding(document)[5:8, 2:7].all()
    expected = before.copy()
    expected[5:8, 2:7] = True
    np.testing.assert_array_equal(padding(document), expected)  # the rows that the drag left again are as they were
    assert document.batch is not None
    assert (document.batch.x["features"][5:8, 2:7] == 0).all()
    assert document.undo_stack.count() == 1
    assert document.undo_stack.undoText() == "Change the padding of samples 5 to 7"
    document.undo_stack.undo()
    np.testing.assert_array_equal(padding(document), before)


def test_text_has_a_map_that_cannot_be_edited(open_panel: Open) -> None:
    """The steps of a text are known from the trace alone."""
    sample = sample_trace.sliced()
    words = InputSpec("features", (None, 1), "string", "text")
    network = replace(sample.network, inputs=(words,))
    batch = replace(sample.batch, padding={}, content={})
    panel, document = open_panel(
        replace(sample, network=network, batch=batch, trace=lambda _: sample.trace(sample.batch)),
    )
    assert panel.mask_view.heatmap is not None
    assert panel.mask_view.heatmap.has_time
    assert document.time_steps == panel.viewport.steps == 24
    assert "cannot be edited" in panel.mask_row.subtitle.text()
    assert not any(button.isVisible() for button in panel.mask_row.tools.buttons())
    drag(panel.mask_view, panel.mask_view.cell_center(3, 2), panel.mask_view.cell_center(3, 6), modifier=Qt.KeyboardModifier.ShiftModifier)
    assert document.undo_stack.count() == 0


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_the_selected_step_is_seen_on_the_darkest_and_the_palest_cells(open_panel: Open, palette: Palette) -> None:
    panel, document = open_panel(sample_trace.sliced())
    panel.set_palette(palette)
    view = panel.loss_row.view
    assert view.heatmap is not None
    values = view.heatmap.values
    assert values is not None
    known = np.where(np.isfinite(values), values, np.nan)
    for flat in (np.nanargmin(known), np.nanargmax(known)):
        sample, step = divmod(int(flat), values.shape[1])
        document.select(sample=sample, step=step)
        here = round(view.cell_center(sample, step).x())
        image = view.grab().toImage()
        other = view.map_rect().top() + (2 if sample else view.map_rect().height() - 3)
        assert {palette.text, palette.canvas} <= {image.pixelColor(here + dx, int(other)).name() for dx in range(-3, 4)}


def test_a_click_in_the_predictions_selects_and_edits_nothing(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced())
    view = panel.predictions_row.view
    QTest.mouseClick(view, LEFT, Qt.KeyboardModifier.NoModifier, view.cell_center(7, 11).toPoint())
    assert (document.selection.sample, document.selection.step) == (7, 11)
    assert document.undo_stack.count() == 0


def test_keys_step_through_time_and_samples(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced())
    view = panel.loss_row.view
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Down):
        QTest.keyClick(view, key)
    assert (document.selection.sample, document.selection.step) == (1, 1)
    QTest.keyClick(view, Qt.Key.Key_End)
    assert document.selection.step == document.time_steps - 1
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert document.selection.step == 0
    QTest.keyClick(view, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert document.selection.sample == 0


def wheel(view: MapView, at: QPointF, turns: int, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    event = QWheelEvent(
        at, QPointF(view.mapToGlobal(at.toPoint())), QPoint(), QPoint(0, 120 * turns), Qt.MouseButton.NoButton, modifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def test_zoom_keeps_the_step_at_the_cursor_in_all_maps_and_space_fits(open_panel: Open) -> None:
    panel, _document = open_panel(sample_trace.sliced(), size=(420, 560))
    view = panel.predictions_row.view
    at = view.cell_center(8, 12)
    for _ in range(3):
        wheel(view, at, 1, Qt.KeyboardModifier.ControlModifier)
    assert panel.viewport.window.step1 - panel.viewport.window.step0 < 24
    assert view.cell_at(at) == (8, 12)
    assert panel.loss_row.view.cell_center(8, 12).x() == pytest.approx(at.x())
    first = panel.viewport.window.sample0
    wheel(view, at, -1)
    assert panel.viewport.window.sample0 > first
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert panel.viewport.fitted


def test_a_drag_pans_a_zoomed_map(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced(), size=(420, 560))
    view = panel.predictions_row.view
    for _ in range(4):
        wheel(view, view.map_rect().center(), 1, Qt.KeyboardModifier.ControlModifier)
    before = panel.viewport.window.step0
    center = view.map_rect().center()
    drag(view, center, center + QPointF(60, 0))
    assert panel.viewport.window.step0 < before
    assert document.undo_stack.count() == 0


def test_stale_results_are_dimmed_until_the_answer_comes(open_panel: Open, qtbot: QtBot) -> None:
    panel, document = open_panel(sample_trace.sliced())
    document.select(sample=0, step=0)
    fresh = pixel(panel.predictions_row.view, 7, 10, (5, 5))
    document.stale = True
    document.stale_changed.emit(True)
    qtbot.waitUntil(lambda: pixel(panel.predictions_row.view, 7, 10, (5, 5)) != fresh)
    document.stale = False
    document.stale_changed.emit(False)
    assert pixel(panel.predictions_row.view, 7, 10, (5, 5)) == fresh


def test_nan_and_infinity_show_in_their_own_colours(open_panel: Open) -> None:
    sample = sample_trace.sliced()
    panel, document = open_panel(sample)
    assert document.trace is not None
    out = document.trace.network_outputs[0]
    assert out.steps is not None
    array = document.trace.outputs[out.name].copy()
    array[1, 2], array[1, 5] = np.nan, np.inf
    document.trace = replace(document.trace, outputs={**document.trace.outputs, out.name: array})
    document.trace_changed.emit()
    corner = (-9, -5)
    assert pixel(panel.predictions_row.view, 1, out.steps[2], corner) == hex_rgb(MARK_COLORS[Mark.NAN])
    assert pixel(panel.predictions_row.view, 1, out.steps[5], corner) == hex_rgb(MARK_COLORS[Mark.POSITIVE_INFINITY])


def test_a_range_that_is_typed_clips_and_auto_resets(open_panel: Open) -> None:
    panel, _document = open_panel(sample_trace.sliced())
    bar, view = panel.predictions_row.bar, panel.predictions_row.view
    automatic = view.scale
    bar.high.setFocus()
    bar.high.selectAll()
    QTest.keyClicks(bar.high, "0.25")
    QTest.keyClick(bar.high, Qt.Key.Key_Return)
    assert view.scale.high == 0.25
    assert view.scale.low == automatic.low
    assert panel.choice().looks["predictions"].limits == (automatic.low, 0.25)
    bar.high.selectAll()
    QTest.keyClicks(bar.high, "nonsense")
    QTest.keyClick(bar.high, Qt.Key.Key_Return)
    assert view.scale.high == 0.25
    bar.auto.click()
    assert view.scale == automatic


def test_escape_gives_a_range_up_and_nothing_stays_selected(open_panel: Open) -> None:
    panel, _document = open_panel(sample_trace.sliced())
    bar, view = panel.predictions_row.bar, panel.predictions_row.view
    before, shown = view.scale, bar.high.text()
    bar.high.setFocus()
    QTest.mouseDClick(bar.high, LEFT)
    assert bar.high.selectedText() == shown
    QTest.keyClicks(bar.high, "9")
    QTest.keyClick(bar.high, Qt.Key.Key_Escape)
    assert (bar.high.text(), bar.high.selectedText()) == (shown, "")
    assert view.hasFocus()
    assert view.scale == before


def test_dragging_the_colour_bar_moves_one_end(open_panel: Open) -> None:
    panel, _document = open_panel(sample_trace.sliced())
    bar, view = panel.loss_row.bar, panel.loss_row.view
    before, top = view.scale, bar.bar_rect().topLeft() + QPointF(4, 4)
    QTest.mousePress(bar, LEFT, Qt.KeyboardModifier.NoModifier, top.toPoint())
    QTest.mouseMove(bar, (top + QPointF(0, 30)).toPoint())
    QTest.mouseRelease(bar, LEFT, Qt.KeyboardModifier.NoModifier, (top + QPointF(0, 30)).toPoint())
    assert view.scale.high != before.high
    assert view.scale.low == before.low
    QTest.mouseDClick(bar, LEFT, Qt.KeyboardModifier.NoModifier, bar.bar_rect().center().toPoint())
    assert view.scale == before


def test_choosing_output_view_and_unit(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.tagger())
    assert panel.predictions_row.unit_box.maximum() == 2
    panel.predictions_row.unit_box.setValue(1)
    assert document.selection.unit == 1
    assert "unit" not in panel.predictions_row.subtitle.text(), "the box says it"
    panel.predictions_row.view_box.setCurrentIndex(1)
    panel.predictions_row.view_box.activated.emit(1)
    assert panel.predictions_row.view.heatmap is not None
    assert panel.predictions_row.view.heatmap.classes == 3
    timeless = next(o.name for o in document.trace.network_outputs if not o.has_time) if document.trace else ""
    document.select(output=timeless, unit=0)
    assert panel.predictions_row.view.is_bars
    assert panel.predictions_row.output_box.currentData() == timeless


def test_several_inputs_can_be_chosen_and_edited(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.translator())
    assert panel.mask_row.input_box.isVisible()
    assert panel.mask_row.input_box.count() == 2
    name = panel.mask_row.input_box.itemData(1)
    panel.mask_row.input_box.setCurrentIndex(1)
    panel.mask_row.input_box.activated.emit(1)
    before = padding(document, name)[0, 1]
    QTest.mouseClick(panel.mask_view, LEFT, Qt.KeyboardModifier.NoModifier, panel.mask_view.cell_center(0, 1).toPoint())
    assert padding(document, name)[0, 1] != before
    other = panel.mask_row.input_box.itemData(0)
    np.testing.assert_array_equal(padding(document, other), sample_trace.translator().batch.padding[other])


def test_before_the_engine_answers_padding_can_already_be_edited(open_panel: Open) -> None:
    panel, document = open_panel(sample_trace.sliced(), traced=False)
    length = int((~padding(document)[3]).sum())
    drag(panel.mask_view, edge_point(panel, 3, length), edge_point(panel, 3, length - 2))
    assert (~padding(document)[3]).sum() == length - 2


def test_an_empty_document_and_both_themes_paint(open_panel: Open, qtbot: QtBot) -> None:
    empty = HeatmapsPanel(document := Document(), questions_of(document), LIGHT)
    qtbot.addWidget(empty)
    empty.resize(500, 400)
    assert not empty.grab().isNull()
    panel, document = open_panel(sample_trace.sliced())
    document.select(sample=0, step=0)
    panel.set_palette(LIGHT)
    assert pixel(panel.mask_view, 3, 2) == hex_rgb(LIGHT.status[Status.KEPT])


def test_a_single_exposed_step_survives_downsampling(qtbot: QtBot, open_panel: Open) -> None:
    sample = sample_trace.sliced()
    panel, document = open_panel(sample)
    assert document.batch is not None
    assert document.network is not None
    spec = replace(document.network.inputs[0], masked=False)
    wide = np.zeros((400, 4000), bool)
    wide[211, 1234] = True
    x = np.zeros((400, 4000, 1), "float32")
    document.network = replace(document.network, inputs=(spec,))
    document.batch = replace(document.batch, x={"features": x}, padding={"features": wide}, content={"features": x})
    document.trace = None
    document.network_changed.emit()

    def is_seen() -> bool:
        image, center = panel.mask_view.grab().toImage(), panel.mask_view.cell_center(211, 1234)
        near = [image.pixelColor(int(center.x()) + dx, int(center.y()) + dy).getRgb()[:3] for dx in range(-3, 4) for dy in range(-3, 4)]
        return hex_rgb(DARK.status[Status.EXPOSED]) in near or any(c[0] > c[2] + 40 for c in near)

    qtbot.waitUntil(is_seen)  # a map of very many cells is painted a little at a time
