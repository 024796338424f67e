"""The inspector: what it says about calls, inputs and losses, and its links."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maskviz.core.batch import set_padding
from maskviz.core.ledger import Ledger
from maskviz.core.status import Status
from maskviz.gui.inspector import InspectorPanel
from maskviz.gui.inspector.facts import sections
from maskviz.gui.sheet import Line
from maskviz.palette import DARK, LIGHT
from maskviz.session.document import Document, EngineState
from tests.gui.sample_trace import Sample, answer, document, sliced, tagger, translator


def shown(doc: Document) -> dict[str, Line]:
    """The lines about the selection, by name; the last of several with one name."""
    return {line.key: line for section in sections(doc) for line in section.lines}


def panel(qtbot: QtBot, doc: Document, size: tuple[int, int] = (320, 600)) -> InspectorPanel:
    widget = InspectorPanel(doc, DARK)
    qtbot.addWidget(widget)
    widget.resize(*size)
    widget.show()
    QApplication.processEvents()
    return widget


def link_place(widget: InspectorPanel, text: str) -> QPoint:
    """A point in the middle of a word of the sheet."""
    found = widget.sheet.document().find(text)
    assert not found.isNull(), f"{text} is not shown"
    found.setPosition((found.selectionStart() + found.selectionEnd()) // 2, QTextCursor.MoveMode.MoveAnchor)
    return widget.sheet.cursorRect(found).center()


def test_a_layer_that_drops_the_mask() -> None:
    doc = document(sliced())
    doc.select(call="shift")
    lines = shown(doc)
    kept = float(doc.trace.masks["m0"].mean())
    assert lines["class"].value == "Lambda"
    assert (lines["fate"].value, lines["fate"].note) == ("drops", "a mask reaches this layer and none leaves it")
    assert lines["mask in"].value == f"(16, 24) {kept:.0%} kept"
    assert lines["mask out"].value == "none"
    assert lines["output"].value == "(16, 21, 64) float32"
    assert lines["supports_masking"].value == "False"
    assert lines["leak at kept steps"].value == "0%"
    assert lines["input"].link == "call:lstm_1"


def test_status_counts_are_those_of_the_selected_sample_and_of_the_batch() -> None:
    doc = document(sliced())
    doc.select(call="lstm", sample=1)
    lines = shown(doc)
    assert lines["sample 1"].shares[Status.KEPT] == 9
    assert lines["sample 1"].shares[Status.SKIPPED] == 15
    assert lines["all 16 samples"].shares[Status.KEPT] == int((~doc.batch.padding["features"]).sum())


def test_ignored_and_stripped_masks_are_named() -> None:
    doc = document(tagger())
    doc.select(call="last")
    assert shown(doc)["ignores"].value == "yes"
    assert shown(doc)["received"].value == "mask = None"
    assert shown(doc)["fate"].value == "ends"
    doc = document(translator())
    doc.select(call="words")
    assert shown(doc)["mask in"].note == "removed the mask from its own input embed_target"


def test_received_masks_are_told() -> None:
    doc = document(tagger())
    doc.select(call="gru")
    assert shown(doc)["received"].value.startswith("mask = (6, 10)")


def test_several_masks_for_one_argument_and_their_sources_are_told() -> None:
    doc = document(translator())
    calls = [replace(c, received={"mask": ["m1", None]}, mask_sources=("embed_target",)) for c in doc.trace.calls if c.id == "words"]
    doc.trace = replace(doc.trace, calls=tuple(calls))
    doc.select(call="words")
    assert shown(doc)["received"].value == "mask = [(4, 5) 70% kept, None]"
    assert shown(doc)["mask from"].link == "call:embed_target"


def test_a_mask_that_an_input_brings_too_has_no_source_of_its_own() -> None:
    """Keras writes the mask of an input out as operations when it saves a network."""
    doc = document(tagger())
    (gru,) = (c for c in doc.trace.calls if c.id == "gru")
    assert gru.received["mask"] == gru.inputs[0].mask
    doc.trace = replace(doc.trace, calls=(replace(gru, mask_sources=("any_4",)),))
    doc.select(call="gru")
    assert "mask from" not in shown(doc)


def test_an_input_tells_its_kind_pad_value_vocabulary_and_padding() -> None:
    doc = document(tagger())
    doc.select(call="tokens", sample=4)
    lines = shown(doc)
    assert lines["vocabulary"].value == "20 ids"
    assert lines["pad value"].value == "0"
    assert "masks" in lines["pad value"].note
    assert lines["padding"].note == "80% of sample 4"


def test_a_loss_tells_reduction_weight_mask_and_weights() -> None:
    doc = document(tagger())
    doc.select(call="loss:score")
    lines = shown(doc)
    assert (lines["reduction"].value, lines["weight λ"].value) == ("sum_over_batch_size", "0.5")
    assert lines["mask used"].value == "none"
    assert lines["weights used"].value == "(6,) mean 1"
    assert lines["separable"].value == "yes"
    doc.select(call="loss:tags")
    assert shown(doc)["mask used"].value.startswith("(6, 10)")


def test_a_loss_that_cannot_be_split_says_why() -> None:
    doc = document(tagger())
    term = replace(doc.trace.ledger.terms[0], separable=False)
    doc.trace = replace(doc.trace, ledger=replace(doc.trace.ledger, terms=(term,)))
    doc.select(call="loss:tags")
    assert shown(doc)["separable"].value == "no"
    assert "whole batch" in shown(doc)["separable"].note


@pytest.mark.parametrize("call", ["shift", "features", "loss:dense"])
def test_before_the_engine_answers_the_file_alone_speaks(call: str) -> None:
    doc = document(sliced(), traced=False)
    doc.select(call=call)
    (section,) = sections(doc)
    assert call == "features" or "Masks follow when the engine answers." in section.sentences
    assert section.lines


def test_a_failed_engine_is_said_instead_of_a_promise() -> None:
    doc = document(sliced(), traced=False)
    doc.engine = EngineState("failed", "The engine ran out of memory.")
    doc.select(call="shift")
    assert sections(doc)[0].sentences == ("The engine ran out of memory.",)


def test_nothing_selected_gives_a_hint_and_the_network() -> None:
    assert "Open a network" in sections(Document())[0].sentences[0]
    doc = document(tagger())
    lines = shown(doc)
    assert lines["Keras"].value == "3.15.1 on tensorflow"
    assert lines["padding test"].value == doc.trace.padding_test
    assert lines["note"].value == doc.network.notes[0]
    assert lines["device"].value == "CPU"


def test_a_click_on_a_source_selects_that_call(qtbot: QtBot) -> None:
    doc = document(sliced())
    doc.select(call="shift")
    widget = panel(qtbot, doc)
    qtbot.mouseClick(widget.sheet.viewport(), Qt.MouseButton.LeftButton, pos=link_place(widget, "lstm_1"))
    assert doc.selection.call == "lstm_1"
    qtbot.waitUntil(lambda: "LSTM" in widget.sheet.toPlainText(), timeout=2000)


def test_ctrl_c_copies_everything_as_text(qtbot: QtBot) -> None:
    doc = document(sliced())
    doc.select(call="shift")
    widget = panel(qtbot, doc)
    widget.sheet.setFocus()
    qtbot.keyClick(widget.sheet, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    text = QApplication.clipboard().text()
    assert text.startswith("LAYER shift\nclass\tLambda\n")
    assert "fate\tdrops\ta mask reaches this layer and none leaves it" in text
    assert "9 exposed · 12 unmasked" in text


def test_an_edit_and_a_new_trace_change_what_is_said(qtbot: QtBot) -> None:
    sample: Sample = sliced()
    doc = document(sample)
    doc.select(call="lstm", sample=0)
    widget = panel(qtbot, doc)
    padded = np.ones(24, bool)
    padded[:4] = False
    doc.edit(set_padding(doc.batch, sample.network.inputs[0], 0, padded), "Pad sample 0 from step 4")
    answer(doc, sample)
    qtbot.waitUntil(lambda: "4 kept" in widget.sheet.toPlainText().replace("\u00a0", " "), timeout=2000)


def test_stale_results_are_dimmed_after_a_moment_only(qtbot: QtBot) -> None:
    doc = document(sliced())
    doc.select(call="shift")
    widget = panel(qtbot, doc)
    fresh = widget.sheet.toHtml()
    doc.stale = True
    doc.stale_changed.emit(True)
    QApplication.processEvents()
    assert widget.sheet.toHtml() == fresh
    qtbot.waitUntil(lambda: widget.sheet.toHtml() != fresh, timeout=2000)
    doc.stale = False
    doc.stale_changed.emit(False)
    qtbot.waitUntil(lambda: widget.sheet.toHtml() == fresh, timeout=2000)


def test_names_from_the_file_are_shown_as_text_not_as_html(qtbot: QtBot) -> None:
    doc = document(sliced(), traced=False)
    nodes = tuple(replace(n, class_name="<b>bold</b><img src='/etc/hostname'>") if n.id == "shift" else n for n in doc.graph.nodes)
    doc.graph = replace(doc.graph, nodes=nodes)
    doc.select(call="shift")
    assert "<b>bold</b><img" in panel(qtbot, doc).sheet.toPlainText()


def test_the_theme_changes_the_colours(qtbot: QtBot) -> None:
    doc = document(sliced())
    doc.select(call="shift")
    widget = panel(qtbot, doc)
    dark = widget.grab().toImage().pixelColor(3, 3).name()
    assert dark == DARK.pane
    widget.set_palette(LIGHT)
    qtbot.waitUntil(lambda: widget.grab().toImage().pixelColor(3, 3).name() == LIGHT.pane, timeout=2000)


def test_a_network_without_loss_says_so() -> None:
    doc = document(translator())
    doc.select(call="loss:words")
    assert doc.trace.ledger == Ledger(None, None, None, None, None)
    assert sections(doc)[0].sentences == ("The network has no loss for words.",)


def test_no_line_is_cut_through_at_the_end(qtbot: QtBot) -> None:
    doc = document(sliced())
    doc.select(call="shift")
    for height in range(150, 190, 7):
        sheet = panel(qtbot, doc, (320, height)).sheet
        qtbot.waitUntil(lambda sheet=sheet: "Lambda" in sheet.toPlainText(), timeout=2000)
        layout, room = sheet.document().documentLayout(), sheet.viewport().height()
        block = sheet.document().begin()
        while block.isValid():
            rect = layout.blockBoundingRect(block)
            assert rect.height() > room / 2 or not rect.top() < room - 1 < rect.bottom() - 1
            block = block.next()
