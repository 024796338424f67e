"""The ledger: every number with its formula, and whether it agrees with evaluate()."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maskviz.core.batch import set_padding
from maskviz.core.ledger import Ledger, LedgerRow, MetricNote
from maskviz.core.numbers import number, percent
from maskviz.core.status import Status
from maskviz.gui.ledger_view import LedgerPanel, sections
from maskviz.palette import DARK, LIGHT
from maskviz.session.document import Document, Spotlight
from tests.gui.sample_trace import answer, document, sliced, tagger, translator


def test_rows_show_label_value_and_formula() -> None:
    doc = document(sliced())
    (loss, metrics) = sections(doc)
    ledger = doc.trace.ledger
    by_label = {line.key: line for line in loss.lines}
    assert by_label["sum of contributions"].value == f"{ledger.sum:.4f}"
    assert by_label["over kept steps (Keras 3)"].note.endswith("kept steps")
    assert by_label["share from padding"].value == percent(ledger.padding_share)
    assert metrics.lines[0].key == "mse"


def test_agreement_with_evaluate_is_marked() -> None:
    good = next(line for line in sections(document(sliced()))[0].lines if line.tone == "good")
    assert good.value == "✓ adds up to evaluate()"
    doc = document(tagger())
    ledger = doc.trace.ledger
    bad = next(line for line in sections(doc)[0].lines if line.tone == "bad")
    assert f"{ledger.sum:.6g}" in bad.value
    assert f"{ledger.evaluate:.6g}" in bad.value


def test_a_loss_that_is_not_a_number_adds_up_to_nothing() -> None:
    doc = document(sliced())
    nan = float("nan")
    doc.trace = replace(doc.trace, ledger=replace(doc.trace.ledger, reported=nan, sum=nan, evaluate=nan))
    (said,) = (line for line in sections(doc)[0].lines if not line.key)
    assert said.value.startswith("evaluate() is NaN too")
    assert said.tone == "warning"


def test_before_evaluate_was_asked_nothing_is_claimed() -> None:
    doc = document(sliced())
    doc.trace = replace(doc.trace, ledger=replace(doc.trace.ledger, evaluate=None))
    assert not [line for line in sections(doc)[0].lines if "evaluate" in line.value]


def test_several_outputs_have_a_line_each() -> None:
    by_output = next(s for s in sections(document(tagger())) if s.caption == "BY OUTPUT")
    assert [line.key for line in by_output.lines] == ["tags", "score"]
    assert by_output.lines[1].note == "mse · λ 0.5 · sum_over_batch_size · no mask · weights"


def test_the_engine_s_own_rows_are_not_shown_twice() -> None:
    doc = document(tagger())
    ledger = doc.trace.ledger
    rows = (
        *ledger.rows,
        LedgerRow("added", "of it added by layers", 0.25),
        LedgerRow("padding_share", "share that comes from padding", 0.1),
        LedgerRow("output:tags", "tags: sparse_categorical_crossentropy", 1.0),
    )
    doc.trace = replace(doc.trace, ledger=replace(ledger, rows=rows, added=0.25, padding_share=0.1))
    keys = [line.key for section in sections(doc) for line in section.lines]
    assert [k for k in keys if "added" in k] == ["of it added by layers"]
    assert [k for k in keys if "padding" in k] == ["share from padding"]
    assert [k for k in keys if "tags" in k] == ["tags", "tags_accuracy"]


def test_versions_have_a_section_where_a_difference_is_marked() -> None:
    doc = document(sliced())
    ledger = doc.trace.ledger
    rules = (
        LedgerRow("rule:keras_3", "under the rule of Keras 3", 0.5, "Σ 3 / 6 kept steps"),
        LedgerRow("rule:tensorflow_2.11", "under the rule of TensorFlow ≤ 2.11", 0.25, "Σ 3 / 12 steps"),
        LedgerRow("rule:keras_2.2", "under the rule of Keras 2.2", 0.5, "Σ 3 / 6 kept steps"),
    )
    doc.trace = replace(doc.trace, ledger=replace(ledger, rows=(*ledger.rows, *rules)))
    versions = next(s for s in sections(doc) if s.caption == "BY THE RULE OF")
    assert [(line.key, line.value, line.note) for line in versions.lines] == [
        ("Keras 3", "0.5000", "Σ 3 / 6 kept steps"),
        ("TensorFlow ≤ 2.11", "0.2500", "Σ 3 / 12 steps"),
        ("Keras 2.2", "0.5000", "Σ 3 / 6 kept steps"),
    ]
    assert [line.tone for line in versions.lines] == [None, Status.EXPOSED, None]
    assert not [line for line in sections(doc)[0].lines if "under the rule" in line.key]
    doc.trace = replace(doc.trace, ledger=replace(ledger, rows=(*ledger.rows, rules[0], rules[2])))
    (line,) = next(s for s in sections(doc) if s.caption == "BY THE RULE OF").lines
    assert (line.key, line.value, line.note) == ("Keras 3 · Keras 2.2", "0.5000", "all agree on this batch")


def test_metrics_say_what_they_make_of_masks_and_weights() -> None:
    doc = document(sliced())
    notes = (
        MetricNote("mse", 0.5, True, False, 0.25),
        MetricNote("auc", 0.5, False, None, 0.5),
        MetricNote("mae", 0.5, None, None, 0.75),
        MetricNote("own", 0.5),
    )
    doc.trace = replace(doc.trace, metrics={note.name: note.value for note in notes}, metric_notes=notes)
    metrics = next(s for s in sections(doc) if s.caption == "METRICS")
    assert [line.note for line in metrics.lines] == [
        "honours the mask · ignores weights · 0.25 without padding, by weight",
        "ignores the mask",
        "0.75 without padding, by weight",
        "",
    ]


def test_a_loss_without_terms_is_explained() -> None:
    doc = document(sliced())
    row = LedgerRow("reported", "reported by evaluate()", 0.5, "")
    doc.trace = replace(doc.trace, ledger=Ledger(0.5, None, None, None, None, rows=(row,)))
    (loss, *_) = sections(doc)
    assert "No loss was given to compile" in loss.sentences[0]
    assert loss.lines[0].value == "0.5000"


def test_no_loss_and_no_network_are_said() -> None:
    assert "no loss" in sections(document(translator()))[0].sentences[0]
    assert "no loss" in sections(document(translator(), traced=False))[0].sentences[0]
    assert "follows" in sections(document(sliced(), traced=False))[0].sentences[0]
    assert "Open a network" in sections(Document())[0].sentences[0]


def test_a_loss_that_is_not_separable_is_named() -> None:
    doc = document(sliced())
    term = replace(doc.trace.ledger.terms[0], separable=False)
    doc.trace = replace(doc.trace, ledger=replace(doc.trace.ledger, terms=(term,), sum=None, padding_share=None))
    assert "cannot be split over steps" in sections(doc)[0].sentences[0]


def test_the_panel_follows_the_document_and_copies(qtbot: QtBot) -> None:
    doc = document(sliced(), traced=False)
    widget = LedgerPanel(doc, LIGHT)
    qtbot.addWidget(widget)
    widget.resize(300, 400)
    widget.show()
    QApplication.processEvents()
    assert "follows" in widget.sheet.toPlainText()
    doc.trace = sliced().trace(doc.batch)
    doc.trace_changed.emit()
    qtbot.waitUntil(lambda: "✓ adds up to evaluate()" in widget.sheet.toPlainText(), timeout=2000)
    qtbot.keyClick(widget.sheet, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert f"sum of contributions\t{doc.trace.ledger.sum:.4f}\tΣ" in QApplication.clipboard().text()
    widget.set_palette(DARK)
    qtbot.waitUntil(lambda: widget.grab().toImage().pixelColor(3, 3).name() == DARK.pane, timeout=2000)


def test_what_is_pinned_stands_beside_what_is_open(qtbot: QtBot) -> None:
    sample = sliced()
    doc = document(sample)
    comparison = doc.comparison
    widget = LedgerPanel(doc, LIGHT)
    qtbot.addWidget(widget)
    assert "COMPARED" not in widget.sheet.text()
    comparison.pin()
    assert "the same in both" in widget.sheet.text()
    assert doc.trace is not None
    before = doc.trace.ledger.kept_only
    assert doc.batch is not None
    doc.edit(set_padding(doc.batch, sample.network.inputs[0], 0, np.arange(24) >= 3), "Pad sample 0 from step 3")
    answer(doc, sample)
    after = doc.trace.ledger.kept_only
    assert f"{number(before, aligned=True)}\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}{number(after, aligned=True)}" in widget.sheet.text()
    comparison.unpin()
    assert "COMPARED" not in widget.sheet.text()


def test_a_number_has_its_steps_pointed_out_and_no_more(qtbot: QtBot) -> None:
    doc = document(sliced())
    widget = LedgerPanel(doc, DARK)
    qtbot.addWidget(widget)
    widget.resize(320, 500)
    widget.show()
    widget.sheet.setFocus()
    padding = doc.trace.output_padding("dense")
    widget.show_steps("padding_share")
    assert doc.spotlight is not None
    assert doc.spotlight.title == "Steps of padding that the loss counts"
    assert doc.spotlight.steps.sum() == padding.sum()
    marked = [line for section in widget.sheet.sections for line in section.lines if line.marked]
    assert [line.key for line in marked] == ["share from padding"]
    assert f"{padding.sum()} steps of padding that the loss counts" in marked[0].note
    widget.show_steps("padding_share")
    assert doc.spotlight is None
    widget.show_steps("unmasked")
    doc.point_out(Spotlight("somebody else's", doc.spotlight.steps))
    assert not [line for section in widget.sheet.sections for line in section.lines if line.marked]
    widget.show_steps("unmasked")
    qtbot.keyClick(widget.sheet, Qt.Key.Key_Escape)
    assert doc.spotlight is None


def test_a_number_is_followed_with_the_keyboard(qtbot: QtBot) -> None:
    doc = document(sliced())
    widget = LedgerPanel(doc, DARK)
    qtbot.addWidget(widget)
    widget.resize(320, 500)
    widget.show()
    widget.sheet.setFocus()
    qtbot.waitUntil(lambda: "evaluate" in widget.sheet.toPlainText())
    qtbot.keyClick(widget.sheet, Qt.Key.Key_Tab)
    qtbot.keyClick(widget.sheet, Qt.Key.Key_Return)
    assert doc.spotlight is not None


def test_it_is_copied_as_markdown(qtbot: QtBot) -> None:
    doc = document(sliced())
    widget = LedgerPanel(doc, LIGHT)
    qtbot.addWidget(widget)
    widget.sheet.copy_markdown()
    text = QApplication.clipboard().text()
    assert text.startswith("**Loss**\n\n| | | |\n| --- | ---: | --- |\n")
    assert f"| share from padding | {percent(doc.trace.ledger.padding_share)} |  |" in text
