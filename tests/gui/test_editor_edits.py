"""The editor: what typing, ticking and padding the ends do to the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec
from maskviz.gui.editor.columns import columns_of
from maskviz.gui.editor.edits import ends, pad_ends, typed
from maskviz.session.document import Document
from tests.gui.editor_hands import cell, panel, place, text, type_into
from tests.gui.sample_trace import Sample, document, sliced, tagger, translator

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
    assert text(widget.steps, "x[2]", 5) == "0.500"
    doc.undo_stack.undo()
    assert doc.batch is before
    assert text(widget.steps, "x[2]", 5) != "0.500"


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
        ("x", "abc", "“abc” is not a whole number: write it like 7."),
        ("x", "25", "“25” is not an id of tokens: its ids go from 0 to 19."),
        ("y tags", "3", "“3” is not a class of tags: its classes go from 0 to 2."),
        ("weight tags", "0,5", "“0,5” is not a number: write a point, not a comma."),
        ("weight tags", "1e60", "“1e60” is too large: float32 holds numbers up to 3.4e+38."),
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
