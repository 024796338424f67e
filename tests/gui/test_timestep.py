"""The timestep bar: slider, buttons and playing, linked with the document's selection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maskviz.gui.timestep import TimestepBar, tick_stride
from maskviz.palette import DARK, LIGHT
from maskviz.session.document import Document
from tests.gui.sample_trace import document, sliced


@pytest.fixture
def doc() -> Document:
    return document(sliced())


def bar_of(qtbot: QtBot, doc: Document) -> TimestepBar:
    bar = TimestepBar(doc, DARK)
    qtbot.addWidget(bar)
    bar.resize(640, 100)
    bar.show()
    QApplication.processEvents()
    return bar


def at(bar: TimestepBar, step: int) -> QPoint:
    return QPoint(round(bar.slider.x_of(step)), 10)


def test_a_click_on_the_groove_goes_straight_to_that_step(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    qtbot.mouseClick(bar.slider, Qt.MouseButton.LeftButton, pos=at(bar, 17))
    assert doc.selection.step == 17
    assert bar.label.text() == "sample 0 · timestep 17"


def test_a_drag_follows_the_mouse_and_stops_at_the_ends(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    qtbot.mousePress(bar.slider, Qt.MouseButton.LeftButton, pos=at(bar, 3))
    for step in (4, 9, 20):
        qtbot.mouseMove(bar.slider, at(bar, step))
        assert doc.selection.step == step
    qtbot.mouseMove(bar.slider, QPoint(5000, 10))
    qtbot.mouseRelease(bar.slider, Qt.MouseButton.LeftButton, pos=at(bar, 23))
    assert doc.selection.step == 23
    qtbot.mouseMove(bar.slider, at(bar, 2))
    assert doc.selection.step == 23


def test_the_slider_shows_the_part_of_the_axis_that_the_heatmaps_show(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    slider = bar.slider
    slider.set_part(8, 12)
    assert slider.x_of(8) - slider.cell / 2 == slider.span[0]
    assert slider.x_of(11) + slider.cell / 2 == slider.width() - slider.span[1]
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=at(bar, 10))
    assert doc.selection.step == 10
    slider.set_part(0, 24)
    assert slider.part == (0, 24)


def test_keys_step_and_jump(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    bar.slider.setFocus()
    for key, step in ((Qt.Key.Key_Right, 1), (Qt.Key.Key_Right, 2), (Qt.Key.Key_Left, 1), (Qt.Key.Key_End, 23), (Qt.Key.Key_Home, 0)):
        qtbot.keyClick(bar.slider, key)
        assert doc.selection.step == step


def test_buttons_step_time_and_sample(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    for button, selection in ((bar.forward, (0, 1)), (bar.forward, (0, 2)), (bar.back, (0, 1)), (bar.next, (1, 1)), (bar.previous, (0, 1))):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert (doc.selection.sample, doc.selection.step) == selection
    qtbot.mouseClick(bar.previous, Qt.MouseButton.LeftButton)
    assert doc.selection.sample == 0


def test_the_slider_shows_a_selection_made_elsewhere(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    doc.select(sample=5, step=11)
    assert bar.slider.value() == 11
    assert bar.label.text() == "sample 5 · timestep 11"


def test_p_plays_and_playing_stops_at_the_end(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    doc.select(step=20)
    bar.slider.setFocus()
    qtbot.keyClick(bar.slider, Qt.Key.Key_P)
    assert bar.playing
    assert "pause" in bar.play.text()
    qtbot.waitUntil(lambda: not bar.playing, timeout=3000)
    assert doc.selection.step == 23
    assert "play" in bar.play.text()


def test_play_at_the_end_starts_again_and_pauses(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    doc.select(step=23)
    qtbot.mouseClick(bar.play, Qt.MouseButton.LeftButton)
    assert doc.selection.step == 0
    qtbot.waitUntil(lambda: doc.selection.step == 2, timeout=2000)
    qtbot.mouseClick(bar.play, Qt.MouseButton.LeftButton)
    assert not bar.playing


def test_dragging_pauses(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    bar.toggle_play()
    qtbot.mousePress(bar.slider, Qt.MouseButton.LeftButton, pos=at(bar, 8))
    assert not bar.playing
    qtbot.mouseRelease(bar.slider, Qt.MouseButton.LeftButton, pos=at(bar, 8))


def test_without_a_batch_everything_is_off(qtbot: QtBot) -> None:
    bar = bar_of(qtbot, Document())
    assert not bar.slider.isEnabled()
    assert not bar.play.isEnabled()
    bar.toggle_play()
    assert not bar.playing


def test_a_longer_batch_stretches_the_axis(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    doc.trace = None
    doc.batch = replace(doc.batch, padding={"features": np.zeros((16, 4000), bool)})
    doc.batch_changed.emit()
    assert bar.slider.maximum() == 3999
    qtbot.mouseClick(bar.slider, Qt.MouseButton.LeftButton, pos=at(bar, 3120))
    assert abs(doc.selection.step - 3120) <= 4


def test_labels_never_touch() -> None:
    for steps in (1, 2, 24, 100, 999, 4000):
        for room in (0.2, 1.0, 2.3, 7.7, 61.0, 430.0):
            stride = tick_stride(steps, room)
            assert stride >= room or stride == steps


def test_handle_and_groove_wear_the_theme(qtbot: QtBot, doc: Document) -> None:
    bar = bar_of(qtbot, doc)
    doc.select(step=12)
    for palette in (DARK, LIGHT):
        bar.set_palette(palette)
        picture = bar.slider.grab().toImage()
        assert picture.pixelColor(round(bar.slider.x_of(12)), 10).name() == palette.text
        assert picture.pixelColor(round(bar.slider.x_of(4)), 10).name() == palette.accent
        assert picture.pixelColor(round(bar.slider.x_of(20)), 10).name() == palette.groove
