"""The editor: what stands in its cells, how it follows the selection, and what is copied from it."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maskviz.core.status import Status
from maskviz.gui.editor.columns import WIDE, columns_of, decimals_of, number_text
from maskviz.gui.input_keys import InputKeys
from maskviz.palette import DARK, LIGHT
from maskviz.session.document import Document
from tests.gui.editor_hands import at, cell, enter, line_of, open_cell, panel, place, text
from tests.gui.sample_trace import document, sliced, tagger, translator

# --- what is shown


def real_minus(text: str) -> str:
    return text.replace("-", "−")


def test_columns_follow_the_picture() -> None:
    steps, whole = columns_of(document(sliced()))
    assert [c.title for c in steps] == ["mask", "padding", "y", "weight", "status", "ŷ", "loss", *(f"x[{i}]" for i in range(8))]
    assert whole == ()


def test_wide_features_come_last_so_that_the_loss_stays_in_sight() -> None:
    doc = document(sliced())
    wide = np.zeros((16, 24, WIDE + 1), "float32")
    doc.batch = replace(doc.batch, x={"features": wide})
    titles = [c.title for c in columns_of(doc)[0]]
    assert titles[:3] == ["mask", "padding", "y"]
    assert titles[-1] == f"x[{WIDE}]"


def test_outputs_without_a_time_axis_have_a_row_of_their_own() -> None:
    steps, whole = columns_of(document(tagger()))
    assert [c.title for c in whole] == ["y score", "weight score", "ŷ score", "loss score"]
    assert [c.title for c in steps if c.name == "tags"] == [
        "y tags", "weight tags", "status tags", "ŷ class tags", "ŷ tags[0]", "ŷ tags[1]", "ŷ tags[2]", "loss tags",
    ]  # fmt: skip


def test_small_numbers_are_not_cut_off(qtbot: QtBot) -> None:
    doc = document(sliced())
    assert doc.trace is not None
    doc.trace = replace(doc.trace, outputs={"dense": doc.trace.outputs["dense"] * np.float32(-0.003)})
    table = panel(qtbot, doc).steps
    shown = text(table, "ŷ", 17)
    assert len(shown) == len("−0.001666")
    column = next(n for n, c in enumerate(table.items.columns) if c.title == "ŷ")
    assert table.fontMetrics().horizontalAdvance(shown) + 8 <= table.columnWidth(column)


def test_values_stand_on_the_shared_time_axis(qtbot: QtBot) -> None:
    doc = document(sliced())
    table = panel(qtbot, doc).steps
    assert table.items.rowCount() == 24
    assert text(table, "mask", 14) == "kept"
    assert text(table, "mask", 15) == "skipped"
    assert text(table, "ŷ", 2) == ""
    assert text(table, "ŷ", 3) == real_minus(f"{doc.trace.outputs['dense'][0, 0, 0]:.4f}")
    assert text(table, "y", 17) == real_minus(f"{doc.batch.y['dense'][0, 14, 0]:.3f}")
    assert text(table, "status", 17) == "exposed"
    assert at(table, "status", 17).status is Status.EXPOSED
    assert at(table, "x[0]", 15).padded
    assert at(table, "loss", 15).padded
    assert not at(table, "loss", 14).padded


def test_inputs_of_different_lengths_share_the_axis(qtbot: QtBot) -> None:
    doc = document(translator())
    table = panel(qtbot, doc).steps
    assert table.items.rowCount() == 7
    assert text(table, "x source", 6) == str(doc.batch.x["source"][0, 6])
    assert text(table, "x target", 5) == ""
    assert not cell(table, "x target", 5).flags() & Qt.ItemFlag.ItemIsEditable
    assert not cell(table, "pad target", 5).flags() & Qt.ItemFlag.ItemIsUserCheckable
    assert text(table, "ŷ[1]", 4) == real_minus(f"{doc.trace.outputs['words'][0, 4, 1]:.3f}")


def test_another_sample_shows_its_own_values(qtbot: QtBot) -> None:
    doc = document(tagger())
    widget = panel(qtbot, doc)
    doc.select(sample=4)
    assert text(widget.steps, "x", 1) == str(doc.batch.x["tokens"][4, 1])
    assert text(widget.steps, "mask", 2) == "skipped"
    assert text(widget.whole, "y score", 0) == real_minus(f"{doc.batch.y['score'][4, 0]:.3f}")
    assert (widget.header.left.value(), widget.header.right.value()) == (0, 8)


def test_a_high_pane_gives_the_table_the_width_that_its_header_does_not_need(qtbot: QtBot) -> None:
    widget = panel(qtbot, document(sliced()), (900, 260))
    wide = widget.steps.width()
    assert [w.isVisible() for w in (widget.header.sample, widget.header.right, widget.header.length)] == [True] * 3
    widget.resize(900, 65)
    qtbot.waitUntil(lambda: widget.steps.width() < wide)
    widget.resize(900, 260)
    qtbot.waitUntil(lambda: widget.steps.width() == wide)


def test_before_the_trace_the_batch_alone_is_shown(qtbot: QtBot) -> None:
    doc = document(sliced(), traced=False)
    widget = panel(qtbot, doc)
    assert [c.title for c in widget.steps.items.columns][2:4] == ["y", "weight"]
    assert text(widget.steps, "mask", 0) == ""
    doc.trace = sliced().trace(doc.batch)
    doc.trace_changed.emit()
    assert text(widget.steps, "mask", 0) == "kept"


def test_without_a_batch_the_panel_says_what_to_do(qtbot: QtBot) -> None:
    widget = panel(qtbot, Document())
    assert not widget.steps.isVisible()


def test_a_smaller_batch_does_not_break_the_selection(qtbot: QtBot) -> None:
    doc = document(tagger())
    widget = panel(qtbot, doc)
    doc.select(sample=5, step=9)
    small = {n: a[:2, :4] for n, a in doc.batch.x.items()}
    pads = {n: a[:2, :4] for n, a in doc.batch.padding.items()}
    doc.batch = replace(doc.batch, x=small, padding=pads, content=small, y={}, sample_weight={})
    doc.trace = None
    doc.batch_changed.emit()
    assert widget.steps.items.rowCount() == 4
    assert text(widget.steps, "x", 0) == str(small["tokens"][1, 0])


# --- linked selection, keys and copying


def test_rows_and_the_selected_step_follow_each_other(qtbot: QtBot) -> None:
    doc = document(sliced())
    widget = panel(qtbot, doc)
    table = widget.steps
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place(table, cell(table, "x[1]", 9)))
    assert doc.selection.step == 9
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert doc.selection.step == 10
    doc.select(step=22)
    assert table.currentIndex().row() == 22
    assert table.currentIndex().column() == cell(table, "x[1]", 0).column()
    assert table.viewport().rect().intersects(table.visualRect(table.currentIndex()))


def test_the_selected_step_is_in_sight_when_the_pane_gets_its_size(qtbot: QtBot) -> None:
    doc = document(sliced())
    doc.select(step=17)
    widget = panel(qtbot, doc, size=(900, 600))
    widget.resize(900, 140)
    QApplication.processEvents()
    table = widget.steps
    assert table.viewport().rect().contains(table.visualRect(cell(table, "mask", 17)).center())


def test_a_prediction_cell_selects_its_output_and_unit(qtbot: QtBot) -> None:
    doc = document(tagger())
    table = panel(qtbot, doc).steps
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place(table, cell(table, "ŷ tags[2]", 3)))
    assert (doc.selection.output, doc.selection.unit, doc.selection.step) == ("tags", 2, 3)


def test_a_step_selected_elsewhere_does_not_end_typing(qtbot: QtBot) -> None:
    doc = document(sliced())
    table = panel(qtbot, doc).steps
    line = open_cell(qtbot, table, cell(table, "y", 6))
    line.selectAll()
    qtbot.keyClicks(line, "1")
    doc.select(step=20)
    doc.trace_changed.emit()
    assert table.editing
    assert line.text() == "1"


def test_no_sign_or_digit_is_cut_off_when_another_sample_has_longer_numbers(qtbot: QtBot) -> None:
    doc = document(sliced())
    y = doc.batch.y["dense"].copy()
    y[3] = -0.01844
    doc.batch = replace(doc.batch, y={"dense": y})
    table = panel(qtbot, doc).steps
    column = cell(table, "y", 0).column()
    doc.select(sample=3)
    room = table.columnWidth(column) - 13  # what the painter leaves beside the text
    assert text(table, "y", 6) == "−0.01844"
    assert table.fontMetrics().horizontalAdvance("0") * len("−0.01844") <= room
    doc.select(sample=0)
    assert table.columnWidth(column) - 13 == room, "columns do not jump from sample to sample"


def test_letters_are_shortcuts_and_digits_are_typed(qtbot: QtBot) -> None:
    doc = document(sliced())
    table = panel(qtbot, doc).steps
    fired = []
    QShortcut(QKeySequence("Shift+A"), table.window(), lambda: fired.append("pin"))
    keys = InputKeys(table)
    table.setFocus()
    keys._follow(None, table)  # as when the table gets the keyboard
    table.setCurrentIndex(cell(table, "y", 6))
    qtbot.keyClick(table, Qt.Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    assert (fired, table.editing) == (["pin"], False)
    qtbot.keyClick(table, Qt.Key.Key_Minus)
    assert line_of(table).text() == "-"
    enter(qtbot, line_of(table), "-2.5")
    assert text(table, "y", 6) == "−2.500"


def test_enter_edits_the_current_cell(qtbot: QtBot) -> None:
    doc = document(tagger())
    table = panel(qtbot, doc).steps
    table.setCurrentIndex(cell(table, "x", 4))
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert line_of(table).text() == str(doc.batch.x["tokens"][0, 4])
    enter(qtbot, line_of(table), "11")
    assert doc.batch.x["tokens"][0, 4] == 11


def test_copying_gives_tab_separated_text_with_every_digit(qtbot: QtBot) -> None:
    doc = document(sliced())
    table = panel(qtbot, doc).steps
    first, last = place(table, cell(table, "x[0]", 4)), place(table, cell(table, "x[1]", 5))
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=first)
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, pos=last)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    rows = [line.split("\t") for line in QApplication.clipboard().text().split("\n")]
    assert np.array_equal(np.array(rows, "float32"), doc.batch.x["features"][0, 4:6, :2])
    table.copy(headings=True)
    assert QApplication.clipboard().text().startswith("step\tx[0]\tx[1]\n4\t")


def test_numbers_have_the_digits_that_tell_them_apart() -> None:
    def shown(*values: float) -> list[str]:
        array = np.asarray(values, "float32")
        return [number_text(value, decimals_of(array)) for value in array]

    assert shown(0.5, -0.25, 0) == ["0.5000", "−0.2500", "0"]
    assert shown(12.5, -3.25, 1e-7) == ["12.50", "−3.25", "1e−07"]
    assert shown(1, 0, -7) == ["1", "0", "−7"]
    assert shown(2.5e-6, 1e-6) == ["2.50e−06", "1.00e−06"]
    assert shown(3e7, 0.5) == ["3.00e+07", "5.00e−01"]
    assert shown(np.nan, np.inf, 1.5) == ["NaN", "+∞", "1.500"]
    assert number_text(np.int64(754), 0) == "754"


# --- looks and speed


def test_padding_is_hatched_and_the_selected_row_stands_out_in_both_themes(qtbot: QtBot) -> None:
    doc = document(sliced())
    doc.select(step=14)
    widget = panel(qtbot, doc, size=(1500, 600))
    for palette in (DARK, LIGHT):
        widget.set_palette(palette)
        QApplication.processEvents()
        picture = widget.steps.viewport().grab().toImage()
        area = {row: widget.steps.visualRect(cell(widget.steps, "x[4]", row)) for row in (10, 14, 18)}
        colours = {row: {picture.pixelColor(x, a.top() + 1).name() for x in range(a.left(), a.right())} for row, a in area.items()}
        assert colours[10] == {palette.toolbar}
        assert len(colours[14]) == 1
        assert colours[14] != colours[10]
        assert len(colours[18]) > 2


def test_four_thousand_steps_stay_fluid(qtbot: QtBot) -> None:
    sample = sliced()
    steps, doc = 4000, document(sample, traced=False)
    x = np.random.default_rng(0).normal(size=(4, steps, 8)).astype("float32")
    y = np.zeros((4, steps, 1), "float32")
    doc.batch = replace(
        doc.batch, x={"features": x}, content={"features": x}, padding={"features": np.zeros((4, steps), bool)}, y={"dense": y}
    )
    widget = panel(qtbot, doc)
    began = time.process_time()
    for step in range(0, steps, 100):
        doc.select(step=step)
        doc.batch_changed.emit()
        QApplication.processEvents()
    assert (time.process_time() - began) / (steps / 100) < 0.05
    assert widget.steps.currentIndex().row() == 3900


def test_thousands_of_classes_stay_fluid(qtbot: QtBot) -> None:
    sample = tagger()
    doc = document(sample)
    traces = [replace(doc.trace, outputs={**doc.trace.outputs, "tags": np.full((6, 10, 10_000), n, "float32")}) for n in range(3)]
    doc.trace = traces[0]
    widget = panel(qtbot, doc)
    began = time.process_time()
    for trace in traces[1:]:
        doc.trace = trace
        doc.trace_changed.emit()
    assert (time.process_time() - began) / 2 < 1, "seconds for each new result"
    assert text(widget.steps, "ŷ tags[9999]", 3) == "2"
