"""The editor: what stands in its cells, what typing and ticking do to the batch, and how it follows the selection."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec
from maskviz.core.status import Status
from maskviz.gui.editor import EditorPanel
from maskviz.gui.editor.columns import WIDE, columns_of
from maskviz.gui.editor.edits import ends, pad_ends, typed
from maskviz.gui.editor.items import Cell
from maskviz.gui.editor.table import StepTable
from maskviz.palette import DARK, LIGHT
from maskviz.session.document import Document
from tests.gui.sample_trace import Sample, answer, document, sliced, tagger, translator


def panel(qtbot: QtBot, doc: Document, size: tuple[int, int] = (1500, 400)) -> EditorPanel:
    widget = EditorPanel(doc, DARK)
    qtbot.addWidget(widget)
    widget.resize(*size)
    widget.show()
    widget.activateWindow()
    QApplication.processEvents()
    return widget


def cell(table: StepTable, title: str, row: int) -> QModelIndex:
    titles = [c.title for c in table.items.columns]
    return table.items.index(row, titles.index(title))


def at(table: StepTable, title: str, row: int) -> Cell:
    return table.items.cell(row, cell(table, title, row).column())


def text(table: StepTable, title: str, row: int) -> str:
    return cell(table, title, row).data()


def place(table: StepTable, index: QModelIndex) -> QPoint:
    table.scrollTo(index)
    return table.visualRect(index).center()


def open_cell(qtbot: QtBot, table: StepTable, index: QModelIndex) -> QLineEdit:
    """Double-click a cell; the line to type into."""
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place(table, index))
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place(table, index))
    return line_of(table)


def line_of(table: StepTable) -> QLineEdit:
    lines = [line for line in table.viewport().findChildren(QLineEdit) if line.isVisible()]
    assert lines, "the cell cannot be edited"
    return lines[0]


def enter(qtbot: QtBot, line: QLineEdit, words: str) -> None:
    line.selectAll()
    qtbot.keyClicks(line, words)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    QApplication.processEvents()


def type_into(qtbot: QtBot, table: StepTable, index: QModelIndex, words: str) -> None:
    """Double-click a cell, type and press Enter."""
    enter(qtbot, open_cell(qtbot, table, index), words)


# --- what is shown


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


def test_values_stand_on_the_shared_time_axis(qtbot: QtBot) -> None:
    doc = document(sliced())
    table = panel(qtbot, doc).steps
    assert table.items.rowCount() == 24
    assert text(table, "mask", 14) == "kept"
    assert text(table, "mask", 15) == "skipped"
    assert text(table, "ŷ", 2) == ""
    assert text(table, "ŷ", 3) == f"{doc.trace.outputs['dense'][0, 0, 0]:+.3f}"
    assert text(table, "y", 17) == f"{doc.batch.y['dense'][0, 14, 0]:+.3f}"
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
    assert not cell(table, "padding target", 5).flags() & Qt.ItemFlag.ItemIsUserCheckable
    assert text(table, "ŷ[1]", 4) == f"{doc.trace.outputs['words'][0, 4, 1]:+.3f}"


def test_another_sample_shows_its_own_values(qtbot: QtBot) -> None:
    doc = document(tagger())
    widget = panel(qtbot, doc)
    doc.select(sample=4)
    assert text(widget.steps, "x", 1) == str(doc.batch.x["tokens"][4, 1])
    assert text(widget.steps, "mask", 2) == "skipped"
    assert text(widget.whole, "y score", 0) == f"{doc.batch.y['score'][4, 0]:+.3f}"
    assert (widget.header.left.value(), widget.header.right.value()) == (0, 8)


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


# --- editing


def test_typing_changes_one_cell_and_can_be_undone(qtbot: QtBot) -> None:
    doc = document(sliced())
    widget = panel(qtbot, doc)
    doc.select(sample=3)
    before = doc.batch
    type_into(qtbot, widget.steps, cell(widget.steps, "x[2]", 5), "0.5")
    assert doc.batch.x["features"][3, 5, 2] == np.float32(0.5)
    assert doc.batch.content["features"][3, 5, 2] == np.float32(0.5)
    assert doc.undo_stack.undoText() == "Set x[2] of sample 3, step 5 to 0.5"
    assert text(widget.steps, "x[2]", 5) == "+0.500"
    doc.undo_stack.undo()
    assert doc.batch is before
    assert text(widget.steps, "x[2]", 5) != "+0.500"


def test_targets_and_weights_are_edited_at_the_outputs_own_step(qtbot: QtBot) -> None:
    doc = document(sliced())
    widget = panel(qtbot, doc)
    type_into(qtbot, widget.steps, cell(widget.steps, "y", 5), "-2")
    assert doc.batch.y["dense"][0, 2, 0] == -2
    type_into(qtbot, widget.steps, cell(widget.steps, "weight", 5), "0")
    weights = doc.batch.sample_weight["dense"]
    assert weights.shape == (16, 21)
    assert weights[0, 2] == 0
    assert weights.sum() == 16 * 21 - 1


def test_the_row_of_the_whole_sample_is_editable(qtbot: QtBot) -> None:
    doc = document(tagger())
    widget = panel(qtbot, doc)
    doc.select(sample=2)
    type_into(qtbot, widget.whole, cell(widget.whole, "y score", 0), "1.25")
    type_into(qtbot, widget.whole, cell(widget.whole, "weight score", 0), "3")
    assert doc.batch.y["score"][2, 0] == 1.25
    assert doc.batch.sample_weight["score"][2] == 3
    assert doc.undo_stack.undoText() == "Set weight score of sample 2 to 3"


@pytest.mark.parametrize(
    ("title", "words", "said"),
    [
        ("x", "abc", "“abc” is not a whole number, so the old value stays."),
        ("x", "25", "“25” is not an id of tokens: its ids go from 0 to 19."),
        ("y tags", "3", "“3” is not a class of tags: its classes go from 0 to 2."),
        ("weight tags", "0,5", "“0,5” is not a number (write a point, not a comma), so the old value stays."),
        ("weight tags", "1e60", "“1e60” is too large for float32, so the old value stays."),
    ],
)
def test_wrong_text_is_answered_in_one_sentence_and_changes_nothing(qtbot: QtBot, title: str, words: str, said: str) -> None:
    doc = document(tagger())
    widget = panel(qtbot, doc)
    before = doc.batch
    with qtbot.waitSignal(widget.rejected, timeout=1000) as rejected:
        type_into(qtbot, widget.steps, cell(widget.steps, title, 1), words)
    assert rejected.args == [said]
    assert doc.batch is before
    assert doc.undo_stack.count() == 0


def test_typing_the_same_value_is_no_edit(qtbot: QtBot) -> None:
    doc = document(tagger())
    widget = panel(qtbot, doc)
    type_into(qtbot, widget.steps, cell(widget.steps, "x", 1), str(doc.batch.x["tokens"][0, 1]))
    assert doc.undo_stack.count() == 0


def test_ticking_padding_writes_the_pad_value_and_unticking_gives_the_content_back(qtbot: QtBot) -> None:
    doc = document(tagger())
    widget = panel(qtbot, doc)
    was = doc.batch.x["tokens"][0, 2]
    assert was != 0
    index = cell(widget.steps, "padding", 2)
    qtbot.mouseClick(widget.steps.viewport(), Qt.MouseButton.LeftButton, pos=place(widget.steps, index))
    assert doc.batch.x["tokens"][0, 2] == 0
    assert doc.batch.padding["tokens"][0, 2]
    assert doc.undo_stack.undoText() == "Pad step 2 of sample 0"
    qtbot.keyClick(widget.steps, Qt.Key.Key_Space)
    assert doc.batch.x["tokens"][0, 2] == was
    assert doc.undo_stack.undoText() == "Make step 2 of sample 0 real"


def test_selected_rows_are_padded_together(qtbot: QtBot) -> None:
    sample = sliced()
    doc = document(sample)
    widget = panel(qtbot, doc)
    first, last = place(widget.steps, cell(widget.steps, "x[0]", 4)), place(widget.steps, cell(widget.steps, "x[0]", 7))
    qtbot.mouseClick(widget.steps.viewport(), Qt.MouseButton.LeftButton, pos=first)
    qtbot.mouseClick(widget.steps.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, pos=last)
    action = next(a for a in widget.steps.menu().actions() if a.text() == "Pad the selected steps")
    action.trigger()
    assert np.flatnonzero(doc.batch.padding["features"][0])[:5].tolist() == [4, 5, 6, 7, 15]
    assert (doc.batch.x["features"][0, 4:8] == 0).all()
    answer(doc, sample)
    assert text(widget.steps, "mask", 5) == "skipped"


def test_weights_can_be_removed(qtbot: QtBot) -> None:
    doc = document(tagger())
    widget = panel(qtbot, doc)
    next(a for a in widget.whole.menu().actions() if a.text() == "Remove the weights of score").trigger()
    assert "score" not in doc.batch.sample_weight
    assert text(widget.whole, "weight score", 0) == "1"


def test_typing_into_a_masked_network_keeps_padding_true() -> None:
    sample: Sample = tagger()
    columns = {c.title: c for c in columns_of(document(sample))[0]}
    content = sample.batch.content["tokens"]
    padded, _ = typed(sample.batch, sample.network, columns["x"], 0, 3, "0")
    assert padded.padding["tokens"][0, 3]
    assert padded.content["tokens"][0, 3] == content[0, 3]
    real, _ = typed(sample.batch, sample.network, columns["x"], 4, 5, "7")
    assert not real.padding["tokens"][4, 5]
    assert real.x["tokens"][4, 5] == 7


def test_a_step_of_features_is_padding_once_all_of_it_is_the_pad_value() -> None:
    sample = sliced()
    columns = {c.title: c for c in columns_of(document(sample))[0]}
    batch = sample.batch
    for unit in range(8):
        assert not batch.padding["features"][0, 2]
        batch, _ = typed(batch, sample.network, columns[f"x[{unit}]"], 0, 2, "0")
    assert batch.padding["features"][0, 2]


def test_long_strings_are_not_cut() -> None:
    sample = tagger()
    words = np.array([["ab", "c"]] * 6)
    network = replace(sample.network, inputs=(InputSpec("tokens", (None, None), "string", "text", ""),))
    batch = replace(sample.batch, x={"tokens": words}, content={"tokens": words}, padding={"tokens": words == ""})
    doc = Document()
    doc.network, doc.batch = network, batch
    column = next(c for c in columns_of(doc)[0] if c.kind == "x")
    after, _ = typed(batch, network, column, 1, 1, "a longer word")
    assert after.x["tokens"][1, 1] == after.content["tokens"][1, 1] == "a longer word"


def test_whole_numbers_stay_in_their_range() -> None:
    sample = tagger()
    network = replace(sample.network, inputs=(replace(sample.network.inputs[0], vocabulary=None),))
    column = next(c for c in columns_of(document(sample))[0] if c.kind == "x")
    with pytest.raises(UnusableInput, match="does not fit"):
        typed(sample.batch, network, column, 0, 0, "99999999999")


# --- padding at the ends


def test_ends_and_pad_ends_agree() -> None:
    sample = sliced()
    spec = sample.network.inputs[0]
    for left, right in ((0, 0), (3, 0), (0, 5), (4, 7), (12, 12), (24, 0)):
        padding = pad_ends(sample.batch, spec, 1, left, right)[0].padding["features"][1]
        assert padding.sum() == left + right
        assert ends(padding) == ((left, right) if left + right < 24 else (0, 24))


def test_spin_boxes_pad_the_ends_as_one_undo_step(qtbot: QtBot) -> None:
    doc = document(sliced())
    widget = panel(qtbot, doc)
    header = widget.header
    assert header.length.text() == "length 15 of 24"
    header.left.setFocus()
    for _ in range(3):
        qtbot.keyClick(header.left, Qt.Key.Key_Up)
    assert doc.batch.padding["features"][0, :4].tolist() == [True, True, True, False]
    assert (doc.batch.x["features"][0, :3] == 0).all()
    assert doc.undo_stack.count() == 1
    for _ in range(2):
        qtbot.keyClick(header.left, Qt.Key.Key_Down)
    assert (doc.batch.x["features"][0, 1] == doc.batch.content["features"][0, 1]).all()
    doc.undo_stack.undo()
    assert header.left.value() == 0


def test_both_ends_alike(qtbot: QtBot) -> None:
    doc = document(sliced())
    header = panel(qtbot, doc).header
    qtbot.mouseClick(header.both, Qt.MouseButton.LeftButton)
    header.right.setFocus()
    qtbot.keyClick(header.right, Qt.Key.Key_Down)
    assert ends(doc.batch.padding["features"][0]) == (8, 8)


def test_an_end_that_grows_pushes_the_other_back(qtbot: QtBot) -> None:
    doc = document(sliced())
    header = panel(qtbot, doc).header
    header.left.setValue(20)
    assert (header.left.value(), header.right.value()) == (0, 24)
    assert doc.batch.padding["features"][0].all()


def test_the_input_to_pad_is_chosen_where_there_are_several(qtbot: QtBot) -> None:
    doc = document(translator())
    header = panel(qtbot, doc).header
    assert header.input.isVisible()
    header.input.setCurrentIndex(1)
    assert header.length.text() == "length 5 of 5"
    header.right.setValue(2)
    assert ends(doc.batch.padding["target"][0]) == (0, 2)
    assert ends(doc.batch.padding["source"][0]) == (0, 0)


def test_the_sample_spin_box_selects(qtbot: QtBot) -> None:
    doc = document(sliced())
    header = panel(qtbot, doc).header
    header.sample.setFocus()
    qtbot.keyClick(header.sample, Qt.Key.Key_Up)
    assert doc.selection.sample == 1
    assert header.length.text() == "length 9 of 24"
    doc.select(sample=6)
    assert header.sample.value() == 6


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
    began = time.perf_counter()
    for step in range(0, steps, 100):
        doc.select(step=step)
        doc.batch_changed.emit()
        QApplication.processEvents()
    assert (time.perf_counter() - began) / (steps / 100) < 0.05
    assert widget.steps.currentIndex().row() == 3900
