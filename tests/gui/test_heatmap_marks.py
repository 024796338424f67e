"""What is marked, pointed out and drawn along the cross-hair in the heatmaps, and how numbers become colours there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from maskviz.core.heatmaps import Heatmap
from maskviz.core.map_rows import Look
from maskviz.export.axes import bar_labels
from maskviz.export.cells import Cells, scale_for
from maskviz.gui.heatmaps import HeatmapsPanel, map_view
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.gui.heatmaps.overlay import blocks, runs
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.palette import DARK
from maskviz.session.document import Region, Spotlight
from tests.gui import sample_trace
from tests.gui.window_hands import questions_of

LEFT, NO_KEY, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture(name="panel")
def _panel(qtbot: QtBot) -> HeatmapsPanel:
    document = sample_trace.document(sample_trace.sliced())
    panel = HeatmapsPanel(document, questions_of(document), DARK)
    qtbot.addWidget(panel)
    panel.resize(900, 800)
    panel.show()
    qtbot.waitExposed(panel)
    QApplication.processEvents()
    return panel


def band(view: MapView, start: tuple[int, int], end: tuple[int, int], key: Qt.KeyboardModifier = NO_KEY) -> None:
    """Drag from the middle of one cell to that of another."""
    first, last = view.cell_center(*start).toPoint(), view.cell_center(*end).toPoint()
    QTest.mousePress(view, LEFT, key, first)
    QTest.mouseMove(view, (first + last) / 2)
    QTest.mouseMove(view, last)
    QTest.mouseRelease(view, LEFT, key, last)


def picture(view: QWidget) -> bytes:
    image = view.grab().toImage()
    return bytes(image.constBits())


def region(panel: HeatmapsPanel) -> Region | None:
    return panel.document.region


def test_a_rubber_band_marks_samples_and_steps_in_every_map(panel: HeatmapsPanel) -> None:
    document = panel.document
    before = {row.spec.kind: picture(row.view) for row in panel.rows}
    band(panel.loss_row.view, (9, 12), (4, 5), CTRL)
    assert region(panel) == Region((4, 5, 6, 7, 8, 9), 5, 12)
    for row in panel.rows:
        assert picture(row.view) != before[row.spec.kind]
    assert document.undo_stack.count() == 0
    QTest.keyClick(panel.loss_row.view, Qt.Key.Key_Escape)
    assert region(panel) is None


def test_the_select_tool_marks_and_a_click_with_it_marks_nothing(panel: HeatmapsPanel) -> None:
    document = panel.document
    next(b for b in panel.mask_row.tools.buttons() if b.text() == "Select").click()
    band(panel.mask_view, (2, 3), (3, 8))
    assert region(panel) == Region((2, 3), 3, 8)
    assert document.undo_stack.count() == 0
    QTest.mouseClick(panel.mask_view, LEFT, NO_KEY, panel.mask_view.cell_center(5, 6).toPoint())
    assert region(panel) is None
    assert (document.selection.sample, document.selection.step) == (5, 6)
    assert document.undo_stack.count() == 0
    row = panel.add("status", "lstm")
    band(row.view, (1, 1), (1, 2))
    assert region(panel) == Region((1,), 1, 2), "a map that is added later has the same tool"


def test_a_band_over_sorted_rows_marks_the_samples_that_stand_there(panel: HeatmapsPanel) -> None:
    panel.set_order("padding")
    samples = [panel.viewport.sample(row) for row in (3, 4, 5)]
    band(panel.predictions_row.view, (samples[0], 5), (samples[2], 9), CTRL)
    assert panel.document.region == Region(tuple(sorted(samples)), 5, 9)


def test_pointed_out_steps_are_framed_and_named_until_closed(panel: HeatmapsPanel) -> None:
    document = panel.document
    assert document.batch is not None
    assert panel.spotlight_bar.isHidden()
    before = picture(panel.mask_view)
    document.point_out(Spotlight("Padding that adds to the loss", document.batch.padding["features"]))
    assert "Padding that adds to the loss · 165 steps framed" in panel.spotlight_bar.words.text()
    colors = np.frombuffer(picture(panel.predictions_row.view), np.uint32) & 0xFFFFFF
    assert (colors == int(DARK.warning[1:], 16)).sum() > 200
    assert not panel.spotlight_bar.isHidden()
    panel.spotlight_bar.close_button.click()
    assert panel.spotlight_bar.isHidden()
    QApplication.processEvents()
    assert picture(panel.mask_view) == before


def test_frames_go_around_what_touches_and_no_single_step_is_lost() -> None:
    assert list(runs([3, 1, 2, 7])) == [(1, 3), (7, 7)]
    steps = np.zeros((1000, 4000), bool)
    steps[517, 2222] = True
    small = blocks(steps, 7, 9)
    assert small.shape == (143, 445)
    assert np.argwhere(small).tolist() == [[517 // 7, 2222 // 9]]


def test_profiles_follow_the_cross_hair(panel: HeatmapsPanel) -> None:
    document = panel.document
    panel.set_profile("time")
    profile = panel.predictions_row.profile
    assert profile is not None
    assert profile.isVisible()
    assert panel.mask_row.profile is None or panel.mask_row.profile.isHidden(), "a mask has no numbers"
    document.select(sample=7, step=9)
    assert panel.predictions_row.heatmap is not None
    values, skipped = panel.predictions_row.heatmap.values, panel.predictions_row.heatmap.exposed
    assert values is not None
    assert skipped is not None
    curve, padding, selected = profile.curve()
    np.testing.assert_array_equal(curve, values[7])
    np.testing.assert_array_equal(padding, skipped[7])
    assert selected == 9
    before = picture(profile)
    document.select(sample=2)
    assert picture(profile) != before
    panel.set_profile("samples")
    panel.set_order("length")
    curve, _padding, selected = profile.curve()
    np.testing.assert_array_equal(curve, panel.viewport.ordered(values[:, 9]))
    assert panel.viewport.sample(selected) == 2
    panel.set_profile("none")
    assert profile.isHidden()


def test_profiles_break_at_what_is_no_number(panel: HeatmapsPanel) -> None:
    panel.set_profile("time")
    row = panel.predictions_row
    assert row.heatmap is not None
    assert row.heatmap.values is not None
    values = np.full_like(row.heatmap.values, np.nan)
    values[0, 5] = 1.0
    row.show_map(replace(row.heatmap, values=values))
    assert row.profile is not None
    assert not row.profile.grab().isNull()
    row.show_map(replace(row.heatmap, values=None, explanation="nothing"))
    assert row.profile.isHidden()


def choose(panel: HeatmapsPanel, words: str) -> None:
    menu = QMenu()
    panel.loss_row.bar.fill_menu(menu)
    next(action for action in menu.actions() if action.text() == words).trigger()


def test_percentiles_symmetry_and_a_logarithmic_scale_are_chosen_from_the_menu(panel: HeatmapsPanel) -> None:
    view = panel.loss_row.view
    whole = view.scale
    choose(panel, "Range from 5 % to 95 % of the values")
    assert view.scale.high < whole.high
    choose(panel, "Range of all values")
    assert view.scale == whole
    choose(panel, "Same range below and above zero")
    assert view.scale.low == -view.scale.high
    choose(panel, "Same range below and above zero")
    choose(panel, "Logarithmic")
    assert view.scale.log
    assert panel.choice().looks["loss"] == Look(log=True)
    choose(panel, "Viridis")
    assert view.scale.colors == "viridis"
    assert view.scale.log
    choose(panel, "Colours by the data")
    assert view.scale.colors == "inferno"


def test_what_has_both_signs_diverges_around_zero_and_sizes_begin_at_zero() -> None:
    both = Heatmap("values", "Values", values=np.asarray([[-1.0, 3.0]]))
    assert (scale_for(both, Look()).colors, scale_for(both, Look()).low, scale_for(both, Look()).high) == ("diverging", -3.0, 3.0)
    sizes = Heatmap("change", "Change", values=np.asarray([[0.5, 3.0]]))
    assert (scale_for(sizes, Look()).colors, scale_for(sizes, Look()).low) == ("inferno", 0.0)
    one = Heatmap("values", "Values", values=np.asarray([[0.5, 3.0]]))
    assert scale_for(one, Look()).colors == "viridis"


def test_a_logarithmic_scale_has_a_place_for_zero_and_both_signs() -> None:
    values = np.asarray([[-1.0, -1e-3, 0.0, 1e-3, 1.0]])
    scale = scale_for(Heatmap("values", "Values", values=values), Look(log=True))
    shares = scale.share(values[0])
    assert (np.diff(shares) > 0.1).all()
    np.testing.assert_allclose(shares[[0, 2, 4]], [0, 0.5, 1])
    assert scale.value(float(shares[3])) == pytest.approx(1e-3)
    labels = bar_labels(scale, 0, 300, 14)
    assert {"−1", "0", "1", "10⁻²", "−10⁻²"} <= {words for words, _share in labels}
    low = bar_labels(scale, 0, 60, 14)
    assert len(low) == len(labels), "powers without room for words keep their ticks"
    assert [words for words, _share in low if words] == ["−1", "0", "1"]
    assert [share for _words, share in labels] == sorted(share for _words, share in labels)


def test_an_edit_of_one_sample_makes_one_strip_anew() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(2000, 400)).astype("float32")
    first = Heatmap("predictions", "Predictions", values=values)
    scale = scale_for(first, Look(limits=(-3.0, 3.0)))
    before = Cells(first, scale, DARK)
    before.picture(3, 2, 0, 2000)
    edited = values.copy()
    edited[1500] = np.nan
    after = Cells(replace(first, values=edited), scale, DARK, before)
    alone = Cells(replace(first, values=edited), scale, DARK)
    assert after.picture(3, 2, 0, 2000).image == alone.picture(3, 2, 0, 2000).image
    taken = [after._strips[key] is before._strips[key] for key in after._strips]
    assert taken.count(False) == 1
    assert len(taken) > 3
    other = Cells(replace(first, values=edited), scale_for(first, Look(limits=(-2.0, 2.0))), DARK, before)
    other.picture(3, 2, 0, 2000)
    assert not any(other._strips[key] is before._strips[key] for key in other._strips), "other colours: nothing can be kept"


def test_a_picture_can_be_made_a_little_at_a_time() -> None:
    values = np.random.default_rng(0).normal(size=(2000, 400)).astype("float32")
    heatmap = Heatmap("predictions", "Predictions", values=values)
    cells, whole = (Cells(heatmap, scale_for(heatmap, Look()), DARK) for _ in range(2))
    turns = 1
    while not cells.make_ready(3, 2, 0, 2000, 0.0):
        turns += 1
    assert turns == len(cells._strips) > 3
    assert cells.picture(3, 2, 0, 2000).image == whole.picture(3, 2, 0, 2000).image


def test_a_map_of_very_many_cells_stays_until_the_next_is_painted(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_view, "PAINTING_SECONDS", 0.0)
    values = np.random.default_rng(0).normal(size=(1500, 800)).astype("float32")
    heatmap = Heatmap("predictions", "Predictions", present=np.ones(800, bool), values=values)
    view, alone = (MapView(Viewport(), DARK) for _ in range(2))
    for each in (view, alone):
        qtbot.addWidget(each)
        each.resize(600, 300)
        each.viewport.set_extent(800, 1500)

    def painted(each: MapView) -> QImage:
        qtbot.waitUntil(lambda: bool(each.grab()) and not each._outdated)
        return each.grab().toImage()

    view.show_map(heatmap, scale_for(heatmap, Look()))
    before = painted(view)
    other = replace(heatmap, values=-values)
    view.show_map(other, scale_for(other, Look()))
    assert view.grab().toImage() == before
    alone.show_map(other, scale_for(other, Look()))
    assert painted(view) == painted(alone) != before
    view.viewport.zoom(400, 700, 0.5, 4, 3)
    alone.viewport.zoom(400, 700, 0.5, 4, 3)
    assert painted(view) == painted(alone)


def test_part_of_a_large_map_is_the_same_as_that_part_of_the_whole() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(3000, 300)).astype("float32")
    cells = Cells(Heatmap("predictions", "Predictions", values=values), scale_for(Heatmap("mask", "", values=values), Look()), DARK)
    whole, part = cells.picture(4, 1, 0, 3000), cells.picture(4, 1, 1700, 1900)
    assert part.top * 4 <= 1700
    assert (part.top + part.image.height()) * 4 >= 1900
    assert part.image == whole.image.copy(0, part.top, 300, part.image.height())
