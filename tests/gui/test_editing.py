"""The Edit menu: what its acts do to the cells that are selected or marked, in the real window without an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from maskviz.core.batch import Batch, set_padding
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec
from maskviz.core.trace import Trace
from maskviz.gui.editing import editing
from maskviz.gui.editing.dialogs import LengthDialog, WeightsDialog
from maskviz.gui.editor import EditorPanel
from maskviz.gui.editor.table import StepTable
from maskviz.gui.main_window import MainWindow
from maskviz.session.document import Document, Region
from tests.gui.editor_hands import cell, enter, line_of, text
from tests.gui.sample_trace import Sample, sliced, tagger, translator
from tests.gui.window_hands import open_sample
from tests.waiting import end_aside


def opened(window: MainWindow, sample: Sample | None = None, path: str | None = None) -> tuple[Document, EditorPanel]:
    """The window with a sample open, and its editor with the keyboard."""
    if sample is None:
        document = open_sample(window)
    else:
        document = window.document
        document.open(sample.network.name, path, sample.graph, sample.network, sample.batch)
        document.show_trace(sample.trace(sample.batch), None, stale=False)
    assert window.workspace is not None
    editor = window.workspace.editor
    window.activateWindow()
    editor.steps.setFocus()
    QApplication.processEvents()
    return document, editor


def select(table: StepTable, first: tuple[str, int], last: tuple[str, int]) -> None:
    """Select a block of cells by the titles and rows of two corners, and give the table the keyboard."""
    block = QItemSelection(cell(table, *first), cell(table, *last))
    table.setCurrentIndex(cell(table, *first))
    table.selectionModel().select(block, QItemSelectionModel.SelectionFlag.ClearAndSelect)
    table.setFocus()


def said(window: MainWindow) -> str:
    return " ".join(bar.sentence for bar in window.notices.bars())


def test_a_large_batch_is_changed_beside_the_window(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    document, _ = opened(window)
    monkeypatch.setattr(editing, "LARGE_BYTES", 0)
    steps, samples = window.editing.steps, window.editing.samples
    before, size = document.batch, document.batch.size
    document.mark(Region((0, 1), 2, 4))
    steps.pad()
    samples.duplicate()
    assert document.batch is before, "the window goes on"
    qtbot.waitUntil(lambda: document.undo_stack.count() == 2)
    assert document.undo_stack.text(0) == "Pad steps 2–4 of samples 0–1"
    assert document.batch.size == size + 2
    assert document.batch.padding["features"][:4, 2:5].all()
    document.mark(Region((4, 5), 2, 4))
    steps.pad()
    document.undo_stack.undo()
    qtbot.waitUntil(lambda: "was not done, because the batch was changed meanwhile" in said(window))
    assert document.undo_stack.count() == 2
    samples.delete()
    qtbot.waitUntil(lambda: document.undo_stack.count() == 2 and document.batch.size < size)
    window.editing.steps.set_length("features", 0, "right")
    qtbot.waitUntil(lambda: "at least one step" in said(window))


def test_an_act_that_takes_long_can_be_stopped(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    document, _ = opened(window)
    monkeypatch.setattr(editing, "LARGE_BYTES", 0)
    goes_on, after = threading.Event(), set_padding(document.batch, document.network.inputs[0], 0, np.ones(24, bool))

    def computed() -> Batch:
        goes_on.wait(20)
        return after

    def made() -> tuple[Callable[[], Batch], str]:
        return computed, "Pad sample 0"

    window.editing._slow.setInterval(1)
    window.editing.edit(made)
    window.editing.edit(made)
    qtbot.waitUntil(lambda: "The batch is being changed" in said(window))
    bar = next(bar for bar in window.notices.bars() if bar.key == "act")
    next(button for button in bar.findChildren(QPushButton) if button.text() == "Stop").click()
    goes_on.set()
    end_aside()
    assert document.undo_stack.count() == 0, "neither what was stopped nor what waited comes"
    assert not [bar for bar in window.notices.bars() if bar.key == "act"]
    window.editing.edit(made)
    qtbot.waitUntil(lambda: document.batch is after)


def held(window: MainWindow, goes_on: threading.Event, text: str) -> Callable[[], tuple[Callable[[], Batch], str]]:
    """An act named ``text`` that pads one sample more, once it may go on."""

    def made() -> tuple[Callable[[], Batch], str]:
        batch, spec = window.document.batch, window.document.network.inputs[0]
        return lambda: set_padding(batch, spec, window.document.undo_stack.count(), np.ones(24, bool)) if goes_on.wait(20) else batch, text

    return made


def test_acts_that_wait_are_done_after_one_that_is_refused(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    document, _ = opened(window)
    monkeypatch.setattr(editing, "LARGE_BYTES", 0)
    goes_on = threading.Event()

    def refused() -> tuple[Callable[[], Batch], str]:
        raise UnusableInput("This cannot be done.")

    for act in (held(window, goes_on, "first"), refused, refused, held(window, goes_on, "last")):
        window.editing.edit(act)
    goes_on.set()
    qtbot.waitUntil(lambda: document.undo_stack.count() == 2)
    assert [document.undo_stack.text(k) for k in range(2)] == ["first", "last"]
    assert "This cannot be done." in said(window)


def test_acts_that_wait_are_not_done_to_another_network(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    document, _ = opened(window)
    monkeypatch.setattr(editing, "LARGE_BYTES", 0)
    goes_on = threading.Event()
    window.editing.edit(held(window, goes_on, "first"))
    window.editing.edit(held(window, goes_on, "last"))
    opened(window, sliced())
    goes_on.set()
    end_aside()
    end_aside()
    assert document.undo_stack.count() == 0


# --- cells


def test_typing_into_a_selection_sets_all_of_it(window: MainWindow, qtbot: QtBot) -> None:
    document, editor = opened(window)
    select(editor.steps, ("x[0]", 3), ("x[2]", 6))
    qtbot.keyClick(editor.steps, Qt.Key.Key_4)
    enter(qtbot, line_of(editor.steps), "4.5")
    assert (document.batch.x["features"][0, 3:7, :3] == 4.5).all()
    assert (document.batch.x["features"] == 4.5).sum() == 12
    assert document.undo_stack.undoText() == "Set 12 cells of sample 0 to 4.5"
    assert document.undo_stack.count() == 1
    select(editor.steps, ("y", 5), ("status", 5))
    qtbot.keyClick(editor.steps, Qt.Key.Key_2)
    enter(qtbot, line_of(editor.steps), "2")
    assert document.batch.y["dense"][0, 2, 0] == document.batch.sample_weight["dense"][0, 2] == 2
    assert document.undo_stack.undoText() == "Set 2 cells of sample 0 to 2"


def test_ticking_one_of_the_selected_steps_ticks_all(window: MainWindow, qtbot: QtBot) -> None:
    document, editor = opened(window)
    select(editor.steps, ("padding", 5), ("padding", 8))
    qtbot.keyClick(editor.steps, Qt.Key.Key_Space)
    assert np.flatnonzero(document.batch.padding["features"][0])[:5].tolist() == [5, 6, 7, 8, 15]
    assert document.undo_stack.undoText() == "Pad steps 5–8 of sample 0"


def test_a_block_is_copied_and_pasted_elsewhere(window: MainWindow, qtbot: QtBot) -> None:
    document, editor = opened(window)
    before = document.batch.x["features"].copy()
    select(editor.steps, ("x[0]", 0), ("x[7]", 2))
    qtbot.keyClick(editor.steps, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    select(editor.steps, ("x[0]", 8), ("x[0]", 8))
    qtbot.keyClick(editor.steps, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(document.batch.x["features"][0, 8:11], before[0, :3])
    assert document.undo_stack.undoText() == "Paste 3 × 8 cells into sample 0"
    document.undo_stack.undo()
    np.testing.assert_array_equal(document.batch.x["features"], before)


def test_one_pasted_cell_fills_the_selection(window: MainWindow) -> None:
    document, editor = opened(window)
    QApplication.clipboard().setText("0.25\n")
    select(editor.steps, ("weight", 4), ("weight", 6))
    window.commands["paste_cells"].trigger()
    assert document.batch.sample_weight["dense"][0, 1:4].tolist() == [0.25] * 3


@pytest.mark.parametrize(
    ("at", "clipboard", "sentence"),
    [
        (("x[0]", 3), "1\t2\n3\tabc", "row 2, column 2 (x[1]): “abc” is not a number: write it like 0.5."),
        (("x[7]", 3), "1\t2", "holds 2 columns, but here are 1: start further left."),
        (("x[0]", 23), "1\n2", "holds 2 rows, but from row 23 on there are 1: start further up."),
        (("status", 4), "1", "row 1, column 1 (status): it shows a result"),
        (("y", 0), "1", "row 1, column 1 (y): there is no such step."),
        (("padding", 4), "maybe", "“maybe” is neither TRUE nor FALSE."),
    ],
)
def test_a_block_that_does_not_fit_changes_nothing(window: MainWindow, at: tuple[str, int], clipboard: str, sentence: str) -> None:
    document, editor = opened(window)
    before = document.batch
    QApplication.clipboard().setText(clipboard)
    select(editor.steps, at, at)
    window.commands["paste_cells"].trigger()
    assert document.batch is before
    assert sentence in said(window)


def test_filling_the_selected_cells_and_the_marked_steps(window: MainWindow) -> None:
    document, editor = opened(window)
    select(editor.steps, ("x[1]", 2), ("x[1]", 4))
    window.commands["fill_nan"].trigger()
    assert np.isnan(document.batch.x["features"][0, 2:5, 1]).all()
    assert np.isnan(document.batch.x["features"]).sum() == 3
    assert document.undo_stack.undoText() == "Fill 3 cells of sample 0 with NaN"
    assert window.workspace is not None
    window.workspace.heatmaps.mask_view.setFocus()
    document.mark(Region((1, 2), 0, 3))
    window.commands["fill_pad"].trigger()
    assert document.batch.padding["features"][1:3, :4].all()
    assert document.undo_stack.undoText() == "Fill steps 0–3 of samples 1–2 with the pad value"
    window.commands["fill_token"].trigger()
    assert not document.batch.padding["features"][1:3, :4].any()
    assert (document.batch.x["features"][1:3, :4] == 0).all()
    assert document.undo_stack.undoText() == "Make steps 0–3 of samples 1–2 real with the pad value"


def test_filling_leaves_real_data_alone_unless_it_is_told_otherwise(window: MainWindow) -> None:
    document, _ = opened(window)
    padded = document.batch.padding["features"].copy()
    before = document.batch.x["features"].copy()
    document.mark(Region(tuple(range(4)), 0, padded.shape[1] - 1))
    count = int(padded[:4].sum())
    menu = window.submenus["fill"]
    menu.aboutToShow.emit()
    assert f"{count} padded, {4 * padded.shape[1] - count} real" in menu.actions()[0].text()
    window.commands["fill_noise"].trigger()
    assert np.array_equal(document.batch.x["features"][~padded], before[~padded])
    assert not document.batch.padding["features"][:4].any(), "the network's mask sees data in them"
    assert f"{count} steps are kept now" in said(window)
    document.undo_stack.undo()
    assert np.array_equal(document.batch.padding["features"], padded), "the fill and what it did to the mask are one undo step"
    window.commands["fill_padded_only"].trigger()
    window.commands["fill_noise"].trigger()
    assert not np.isclose(document.batch.x["features"][:4], before[:4]).any()


def test_an_act_that_changes_nothing_is_no_undo_step(window: MainWindow) -> None:
    document, _ = opened(window)
    window.commands["pad_all_right"].trigger()
    assert "Nothing changes: the batch is like that already." in said(window)
    assert document.undo_stack.count() == 0


def test_what_cannot_be_filled_says_why(window: MainWindow) -> None:
    document, editor = opened(window, tagger())
    select(editor.steps, ("x", 1), ("x", 2))
    window.commands["fill_nan"].trigger()
    assert "holds whole numbers, which cannot be NaN" in said(window)
    assert document.undo_stack.count() == 0


def test_the_pane_that_was_used_last_says_what_is_meant(window: MainWindow) -> None:
    document, editor = opened(window)
    select(editor.steps, ("mask", 2), ("mask", 3))
    window.menuBar().setFocus()  # as the menu has it that was opened with a key
    window.commands["pad"].trigger()
    assert document.undo_stack.undoText() == "Pad steps 2–3 of sample 0"
    document.select(step=9)
    assert window.workspace is not None
    window.workspace.heatmaps.mask_view.setFocus()
    window.commands["pad"].trigger()
    assert document.undo_stack.undoText() == "Pad step 9 of sample 0"
    document.mark(Region((4,), 0, 1))
    window.commands["unpad"].trigger()
    assert "Nothing changes" in said(window)


# --- steps


def test_delete_pads_and_names_the_steps(window: MainWindow, qtbot: QtBot) -> None:
    document, editor = opened(window)
    document.select(sample=3)
    select(editor.steps, ("mask", 9), ("loss", 23))
    qtbot.keyClick(editor.steps, Qt.Key.Key_Delete)
    assert document.batch.padding["features"][3].tolist() == [False] * 9 + [True] * 15
    assert document.undo_stack.undoText() == "Pad sample 3 from step 9"
    qtbot.keyClick(editor.steps, Qt.Key.Key_Delete, Qt.KeyboardModifier.ShiftModifier)
    assert not document.batch.padding["features"][3].any()


def test_steps_are_inserted_and_deleted_with_the_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    document, editor = opened(window)
    before = document.batch.x["features"][0].copy()
    select(editor.steps, ("x[0]", 2), ("x[0]", 3))
    qtbot.keyClick(editor.steps, Qt.Key.Key_Insert)
    np.testing.assert_array_equal(document.batch.x["features"][0, 4:17], before[2:15])
    assert document.batch.padding["features"][0, 2:4].all()
    assert document.undo_stack.undoText() == "Insert 2 steps at step 2 of sample 0"
    qtbot.keyClick(editor.steps, Qt.Key.Key_Delete, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(document.batch.x["features"][0], before)
    assert document.undo_stack.undoText() == "Delete steps 2–3 of sample 0"


def test_marks_in_the_heatmaps_mean_the_input_that_is_seen_there(window: MainWindow) -> None:
    document, _ = opened(window, translator())
    assert window.workspace is not None
    row = window.workspace.heatmaps.mask_row
    row.input_box.setCurrentIndex(1)
    row.input_box.activated.emit(1)
    window.workspace.heatmaps.mask_view.setFocus()
    document.mark(Region((0, 1), 3, 6))
    window.commands["pad"].trigger()
    assert document.batch.padding["target"][:2, 3:].all()
    assert not document.batch.padding["source"][0].any()
    assert document.undo_stack.undoText() == "Pad samples 0–1 from step 3"


def test_padding_is_moved_for_the_marked_samples_and_for_all(window: MainWindow) -> None:
    document, _ = opened(window)
    lengths = (~document.batch.padding["features"]).sum(axis=1)
    window.commands["pad_left"].trigger()
    assert document.batch.padding["features"][0, :9].all()
    assert not document.batch.padding["features"][1, 0]
    window.commands["pad_all_left"].trigger()
    assert document.batch.padding["features"][:, 0].all()
    np.testing.assert_array_equal((~document.batch.padding["features"]).sum(axis=1), lengths)
    assert document.undo_stack.undoText() == "Move the padding of all samples to the left"


def test_another_number_of_steps_keeps_the_selection_inside(window: MainWindow, qtbot: QtBot) -> None:
    sample = sliced()
    document, editor = opened(window)
    document.select(step=23)
    dialog = LengthDialog(document.batch, "features")
    qtbot.addWidget(dialog)
    dialog.length.setValue(10)
    assert dialog.sentence.text() == "63 real steps are cut off with the padding."
    window.editing.steps.set_length("features", 10, dialog.side())
    assert document.batch.x["features"].shape == (16, 10, 8)
    assert document.batch.y["dense"].shape == (16, 7, 1)
    assert document.undo_stack.undoText() == "Shorten features to 10 steps"
    document.show_trace(cut(sample.trace(sample.batch), document.batch.padding, 10), None, stale=False)
    assert document.selection.step == 9
    assert editor.steps.items.rowCount() == 10


def cut(trace: Trace, padding: Mapping[str, NDArray], steps: int) -> Trace:
    """The trace of ``sliced`` as it is of its first steps alone."""

    def first(arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
        return {name: array[:, : steps - (24 - array.shape[1])] for name, array in arrays.items()}

    out = replace(trace.network_outputs[0], steps=tuple(range(3, steps)))
    return replace(
        trace,
        network_outputs=(out,),
        padding=padding,
        masks=first(trace.masks),
        status=first(trace.status),
        touched=first(trace.touched),
        outputs=first(trace.outputs),
        contributions=first(trace.contributions),
    )


def test_a_fixed_number_of_steps_or_samples_is_refused_in_one_sentence(window: MainWindow) -> None:
    document, _ = opened(window)
    network, before = document.network, document.batch
    spec = network.inputs[0]
    fixed = InputSpec(spec.name, (16, 24, 8), spec.dtype, spec.kind, spec.pad_value, None, spec.masked)
    document.network = replace(network, inputs=(fixed,))
    window.editing.steps.set_length("features", 30, "right")
    assert "takes exactly 24 steps, so T cannot be changed." in said(window)
    window.commands["duplicate"].trigger()
    assert "takes exactly 16 samples, so their number cannot be changed." in said(window)
    assert document.batch is before


# --- samples


def test_samples_are_duplicated_deleted_moved_and_sorted(window: MainWindow) -> None:
    document, _ = opened(window)
    x = document.batch.x["features"]
    document.select(sample=15)
    window.commands["duplicate"].trigger()
    assert (document.batch.size, document.selection.sample) == (17, 16)
    assert document.undo_stack.undoText() == "Duplicate sample 15"
    np.testing.assert_array_equal(document.batch.x["features"][16], x[15])
    document.undo_stack.undo()
    assert document.selection.sample == 15, "the selection stays inside the batch"
    window.commands["move_up"].trigger()
    assert document.selection.sample == 14
    np.testing.assert_array_equal(document.batch.x["features"][14], x[15])
    window.commands["sort_longest"].trigger()
    lengths = (~document.batch.padding["features"]).sum(axis=1)
    assert (np.diff(lengths) <= 0).all()
    assert lengths[document.selection.sample] == 10
    document.mark(Region((0, 1, 2), 0, 1))
    assert window.workspace is not None
    window.workspace.heatmaps.mask_view.setFocus()
    window.commands["delete_samples"].trigger()
    assert document.batch.size == 13
    assert document.undo_stack.undoText() == "Delete samples 0–2"
    assert document.region is None


# --- weights


def test_weights_are_set_made_from_y_and_from_the_mask(window: MainWindow, qtbot: QtBot) -> None:
    document, editor = opened(window, tagger())
    select(editor.steps, ("y tags", 2), ("y tags", 4))
    window.editing.weights.set(0.5)
    assert document.batch.sample_weight["tags"].shape == (6, 10)
    assert document.batch.sample_weight["tags"][0, 2:5].tolist() == [0.5] * 3
    assert document.undo_stack.undoText() == "Set weight of steps 2–4 of sample 0 to 0.5"
    dialog = WeightsDialog(document.batch, "tags")
    qtbot.addWidget(dialog)
    equal = int((document.batch.y["tags"] == 0).sum())
    assert dialog.sentence.text().startswith(f"{equal} of 60 targets equal it.")
    window.editing.weights.from_y("tags", 0, 0, 1)
    assert (document.batch.sample_weight["tags"] == 0).sum() == equal
    window.commands["weights_from_mask"].trigger()
    np.testing.assert_array_equal(document.batch.sample_weight["tags"], ~document.batch.padding["tokens"])
    window.commands["remove_weights"].trigger()
    assert "tags" not in document.batch.sample_weight
    assert document.undo_stack.undoText() == "Remove the weights of tags"


# --- words


def test_words_stand_beside_ids_and_are_remembered(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\n".join(["", *(f"word{n}" for n in range(1, 20))]), encoding="utf-8")
    document, editor = opened(window, tagger(), str(tmp_path / "tagger.keras"))
    window.editing.words.use("x tokens", str(words))
    assert text(editor.steps, "word", 1) == f"word{document.batch.x['tokens'][0, 1]}"
    editor.steps.setCurrentIndex(cell(editor.steps, "word", 2))
    qtbot.keyClick(editor.steps, Qt.Key.Key_Return)
    enter(qtbot, line_of(editor.steps), "word7")
    assert document.batch.x["tokens"][0, 2] == 7
    editor.steps.setCurrentIndex(cell(editor.steps, "x", 3))
    qtbot.keyClick(editor.steps, Qt.Key.Key_Return)
    enter(qtbot, line_of(editor.steps), "word9")
    assert document.batch.x["tokens"][0, 3] == 9
    editor.steps.setCurrentIndex(cell(editor.steps, "word", 3))
    qtbot.keyClick(editor.steps, Qt.Key.Key_Return)
    enter(qtbot, line_of(editor.steps), "nonsense")
    assert "“nonsense” is not in the vocabulary words.txt" in said(window)
    opened(window, sliced(), str(tmp_path / "other.keras"))
    assert "word" not in [c.title for c in editor.steps.items.columns]
    opened(window, tagger(), str(tmp_path / "tagger.keras"))
    assert text(editor.steps, "word", 1) == f"word{document.batch.x['tokens'][0, 1]}"
    window.commands["no_vocabulary"].trigger()
    assert "word" not in [c.title for c in editor.steps.items.columns]


# --- history


def test_the_history_lists_every_edit_and_goes_to_it(window: MainWindow, qtbot: QtBot) -> None:
    document, _ = opened(window)
    first = document.batch
    assert window.workspace is not None
    history = window.workspace.history
    for act in ("pad", "move_down", "duplicate"):
        window.commands[act].trigger()
    model = history.list.model()
    assert [model.index(n, 0).data() for n in range(model.rowCount())] == [
        "As opened", "Pad step 0 of sample 0", "Move sample 0 down", "Duplicate sample 1",
    ]  # fmt: skip
    assert history.list.currentIndex().row() == 3
    told: list[int] = []
    document.batch_changed.connect(lambda: told.append(document.batch.size))
    history.list.setCurrentIndex(model.index(0, 0))
    assert document.batch is first
    assert told == [16], "one change for views, however many steps"
    assert model.index(2, 0).data(Qt.ItemDataRole.ForegroundRole) is not None
    window.commands["redo"].trigger()
    assert history.list.currentIndex().row() == 1
