"""The map of sample weights: what it shows, and what painting on it does to the batch; driven by real mouse and key events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from maskviz.core.map_rows import Look, MapSpec, Panels
from maskviz.gui.heatmaps import HeatmapsPanel
from maskviz.gui.heatmaps.range_dialog import RangeDialog
from maskviz.gui.heatmaps.weights_row import WeightsRow
from maskviz.gui.main_window import MainWindow
from maskviz.palette import DARK, LIGHT
from maskviz.session.document import Document, Region
from tests.gui import sample_trace
from tests.gui.window_hands import open_sample, questions_of

LEFT, NO_KEY, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
Open = Callable[[sample_trace.Sample], WeightsRow]


@pytest.fixture(name="open_row")
def _open_row(qtbot: QtBot) -> Open:
    def make(sample: sample_trace.Sample) -> WeightsRow:
        document = sample_trace.document(sample)
        panel = HeatmapsPanel(document, questions_of(document), DARK)
        qtbot.addWidget(panel)
        panel.resize(900, 900)
        panel.show()
        qtbot.waitExposed(panel)
        row = panel.add("weights")
        assert isinstance(row, WeightsRow)
        QApplication.processEvents()
        return row

    return make


def stroke(
    row: WeightsRow, start: tuple[int, int], *ends: tuple[int, int], key: Qt.KeyboardModifier = NO_KEY, release: bool = True
) -> None:
    """Drag from the middle of one cell to those of others."""
    view, last = row.weights_view, start
    QTest.mousePress(view, LEFT, key, view.cell_center(*start).toPoint())
    for last in ends:
        QTest.mouseMove(view, view.cell_center(*last).toPoint())
    if release:
        QTest.mouseRelease(view, LEFT, key, view.cell_center(*last).toPoint())


def weights(document: Document, name: str) -> np.ndarray:
    assert document.batch is not None
    return document.batch.sample_weight[name]


def shown(row: WeightsRow) -> np.ndarray:
    assert row.heatmap is not None
    assert row.heatmap.values is not None
    return row.heatmap.values


def test_without_weights_every_step_of_the_output_has_the_weight_1(open_row: Open) -> None:
    row = open_row(sample_trace.sliced())
    assert np.isnan(shown(row)[:, :3]).all()
    assert (shown(row)[:, 3:] == 1).all()
    assert (row.view.scale.low, row.view.scale.high) == (0, 2)
    assert "none given" in row.subtitle.text()


def test_a_drag_paints_live_and_is_one_undo_step(open_row: Open) -> None:
    row = open_row(sample_trace.sliced())
    document, seen = row.document, []
    document.batch_changed.connect(lambda: seen.append(int((shown(row) == 0).sum())))
    stroke(row, (3, 5), (3, 7), (3, 9), (3, 8))
    assert seen == [1, 3, 5, 4], "the batch follows, also back again"
    assert weights(document, "dense")[3, 2:6].tolist() == [0] * 4
    assert weights(document, "dense").sum() == 16 * 21 - 4
    assert (shown(row)[3, 5:9] == 0).all()
    assert document.undo_stack.count() == 1
    assert document.undo_stack.undoText() == "Set weight of steps 5–8 of sample 3 to 0"
    document.undo_stack.undo()
    assert document.batch is not None
    assert not document.batch.sample_weight
    assert (shown(row)[:, 3:] == 1).all()


def test_several_samples_are_painted_with_the_weight_that_was_chosen(open_row: Open) -> None:
    row = open_row(sample_trace.sliced())
    row.box.setValue(0.25)
    stroke(row, (6, 10), (4, 12))
    assert (weights(row.document, "dense")[4:7, 7:10] == 0.25).all()
    assert row.document.undo_stack.undoText() == "Set weight of steps 10–12 of samples 4–6 to 0.25"
    row.quick[1].click()
    assert row.box.value() == 1
    stroke(row, (6, 10), (4, 12))
    assert (weights(row.document, "dense") == 1).all()
    assert row.document.undo_stack.count() == 2


def test_escape_and_a_weight_that_is_there_already_leave_no_undo_step(open_row: Open) -> None:
    row = open_row(sample_trace.sliced())
    stroke(row, (3, 5), (3, 7), release=False)
    assert row.document.undo_stack.count() == 1
    QTest.keyClick(row.weights_view, Qt.Key.Key_Escape)
    QTest.mouseRelease(row.weights_view, LEFT, NO_KEY, row.weights_view.cell_center(3, 7).toPoint())
    assert row.document.undo_stack.count() == 0
    assert row.document.batch is not None
    assert not row.document.batch.sample_weight
    row.quick[1].click()
    stroke(row, (3, 5), (3, 7))
    stroke(row, (3, 0), (3, 2))  # the output has no step there
    assert row.document.undo_stack.count() == 0


def test_without_the_tool_a_drag_pans_and_shift_or_return_paints(open_row: Open) -> None:
    row = open_row(sample_trace.sliced())
    row.paint_button.click()
    stroke(row, (3, 5), (3, 7))
    assert row.document.undo_stack.count() == 0
    stroke(row, (3, 5), (3, 6), key=SHIFT)
    assert weights(row.document, "dense")[3, 2:4].tolist() == [0, 0]
    row.document.select(sample=8, step=9)
    QTest.keyClick(row.weights_view, Qt.Key.Key_Return)
    assert weights(row.document, "dense")[8, 6] == 0
    assert row.document.undo_stack.count() == 2


def test_ctrl_marks_instead_of_painting(open_row: Open) -> None:
    row = open_row(sample_trace.sliced())
    stroke(row, (2, 5), (2, 6), (3, 8), key=CTRL)
    assert row.document.region == Region((2, 3), 5, 8)
    assert row.document.undo_stack.count() == 0


def test_weights_of_samples_are_bars_for_a_loss_without_steps(open_row: Open) -> None:
    row = open_row(sample_trace.tagger())
    row.document.select(output="score")
    np.testing.assert_allclose(shown(row), np.linspace(0.5, 1.5, 6))
    view = row.weights_view
    view.weight = 3.0
    QTest.mouseClick(view, LEFT, NO_KEY, view.cell_center(2, 0).toPoint())
    assert weights(row.document, "score")[2] == 3
    assert row.document.undo_stack.undoText() == "Set weight of sample 2 to 3"


def test_an_output_without_targets_says_so_and_offers_no_tool(open_row: Open) -> None:
    row = open_row(sample_trace.translator())
    assert row.heatmap is not None
    assert "no targets" in row.heatmap.explanation
    assert row.box.isHidden()
    assert row.paint_button.isHidden()


def test_the_row_is_kept_with_a_session_and_there_once(open_row: Open) -> None:
    panels = Panels.from_json(Panels((MapSpec("mask"), MapSpec("weights"), MapSpec("weights"))).to_json())
    assert [spec.kind for spec in panels.rows] == ["mask", "weights"]


def test_the_colours_of_a_difference_are_dark_in_the_middle_on_a_dark_ground(open_row: Open) -> None:
    row = open_row(sample_trace.sliced())
    row.box.setValue(-1)
    row.document.select(sample=15, step=20)
    stroke(row, (3, 5), (3, 8))
    stroke(row, (6, 10), (6, 12))
    row.bar.look_changed.emit(Look("diverging", limits=(-2.0, 4.0)))  # 1 stands in the middle

    def lightness() -> int:
        point = row.view.cell_center(9, 4).toPoint()
        return row.view.grab().toImage().pixelColor(point).lightness()

    dark = lightness()
    row.set_palette(LIGHT)
    assert dark < 60
    assert lightness() > 200


def test_a_range_and_percentiles_are_typed(open_row: Open, qtbot: QtBot) -> None:
    row = open_row(sample_trace.sliced())
    dialog = RangeDialog("loss", row.look, row.view.scale)
    qtbot.addWidget(dialog)
    accept = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
    dialog.high.setText("−3")
    assert not accept.isEnabled()
    dialog.low.setText("-4,5")
    assert accept.isEnabled()
    assert dialog.look == Look(limits=(-4.5, -3.0))
    dialog.percent.setValue(2.5)
    assert dialog.look == Look(percent=2.5)


def test_sorting_again_follows_the_edits(open_row: Open) -> None:
    row = open_row(sample_trace.sliced())
    panel = row.window()
    assert isinstance(panel, HeatmapsPanel)
    panel.set_order("padding")
    button, before = panel.tools_bar.order_button, panel.viewport.order
    assert before is not None
    sample = int(before[-1])
    panel.mask_view.toggle(sample, 0)
    for step in range(1, 20):
        panel.mask_view.toggle(sample, step)
    np.testing.assert_array_equal(panel.viewport.order, before)
    button.menu().aboutToShow.emit()
    actions = {action.text(): action for action in button.menu().actions()}
    assert "keep their places" in actions["Sort again"].toolTip()
    actions["Sort again"].trigger()
    assert panel.viewport.sample(0) == sample


def test_the_menu_of_a_heatmap_offers_the_acts_on_what_is_marked(window: MainWindow) -> None:
    document = open_sample(window)
    assert window.workspace is not None
    document.mark(Region((1, 2), 4, 6))
    menu = QMenu()
    window.workspace.heatmaps.menu_opened.emit(menu)
    texts = [action.text().replace("&", "") for action in menu.actions() if action.text()]
    assert texts[:6] == ["Steps 4–6 of samples 1–2", "Fill with", "Padding", "Steps", "Samples", "Weights"]
    window.submenus["padding"].actions()[0].trigger()
    assert document.batch is not None
    assert document.batch.padding["features"][1:3, 4:7].all()
