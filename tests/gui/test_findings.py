"""The findings pane: what its cards say, when they are renewed, and what a click on them does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from maskviz.core.batch import set_padding
from maskviz.core.facts import Facts
from maskviz.core.finding import Finding, Severity
from maskviz.core.findings import findings_of
from maskviz.core.status import Status
from maskviz.core.trace import Trace
from maskviz.gui.findings import FindingsPanel
from maskviz.gui.findings import panel as panel_module
from maskviz.gui.findings.card import FindingCard
from maskviz.gui.findings.words import as_text, evidence_lines, headline
from maskviz.gui.findings_desk import FindingsDesk
from maskviz.palette import DARK, LIGHT
from maskviz.session.document import Document, EngineState
from maskviz.session.jobs import Jobs
from maskviz.session.repairs import Repairing
from maskviz.settings import Settings
from tests.gui.sample_trace import Sample, document, sliced, tagger
from tests.gui.window_hands import RecordedJobs

DROPS = Finding(
    "MV08-lambda-drops-mask",
    Severity.ERROR,
    "shift",
    "The Lambda 'shift' drops the mask: the loss counts padding, 0.1034 where real steps alone give 0.1624.",
    "A Lambda lets no mask through.",
    "class Shift(keras.layers.Layer):\n    pass",
    "https://keras.io/guides/understanding_masking_and_padding/",
    {"loss": 0.1034, "share from padding": 0.38, "steps": 3},
    effect=0.06,
)
GAP = Finding("MV27-gap", Severity.WARNING, "masking", "'masking' masks 2 steps between real ones.", "Values equal.", "x[...] = -1")
DIVISOR = Finding("MV01-divisor", Severity.INFO, None, "Older versions divided by all steps.", "They did.", "")


def with_findings(doc: Document, *findings: Finding) -> Document:
    """The document with these findings in its trace."""
    assert doc.trace is not None
    doc.trace = replace(doc.trace, find=lambda: findings)
    return doc


def panel(qtbot: QtBot, doc: Document) -> FindingsPanel:
    desk = FindingsDesk(doc, RecordedJobs(doc), Settings())
    desk.setParent(doc)
    desk.setObjectName("desk")
    widget = FindingsPanel(doc, desk, DARK)
    qtbot.addWidget(widget)
    widget.resize(330, 500)
    widget.show()
    return widget


def shown(qtbot: QtBot, *findings: Finding) -> FindingsPanel:
    """A panel on a document with these findings, once they are there."""
    widget = panel(qtbot, with_findings(document(sliced()), *findings))
    qtbot.waitUntil(lambda: widget.findings == findings, timeout=2000)
    return widget


def desk_of(doc: Document) -> FindingsDesk:
    desk = doc.findChild(FindingsDesk, "desk")
    assert isinstance(desk, FindingsDesk)
    return desk


def cards(widget: FindingsPanel) -> list[FindingCard]:
    return list(widget.cards.values())


def headings(widget: FindingsPanel) -> list[str]:
    return [h.text() for h in sorted(widget.headings.values(), key=lambda h: h.y())]


def button(card: FindingCard, words: str) -> QPushButton:
    return next(b for b in card.findChildren(QPushButton) if b.text().startswith(words))


def words_of(card: FindingCard) -> str:
    return "\n".join(label.text() for label in card.findChildren(QLabel) if not label.isHidden())


# --- words


@pytest.mark.parametrize(
    ("sentence", "title", "rest"),
    [
        ("Short and good.", "Short and good", ""),
        (DROPS.sentence, "The Lambda 'shift' drops the mask", "The loss counts padding, 0.1034 where real steps alone give 0.1624."),
        ("x" * 60 + " of 'a: b' does this; and then that.", "x" * 60 + " of 'a: b' does this", "And then that."),
        ("y" * 70 + " never gets it, though it is there: 3.", "y" * 70 + " never gets it", "Yet it is there: 3."),
        ("One long sentence without any break whatsoever " * 2, ("One long sentence without any break whatsoever " * 2).strip(), ""),
    ],
)
def test_a_long_sentence_becomes_a_title_and_the_rest(sentence: str, title: str, rest: str) -> None:
    assert headline(sentence) == (title, rest)


def test_evidence_reads_well_and_all_of_it_can_be_copied() -> None:
    assert evidence_lines(DROPS) == (("loss", "0.1034"), ("share from padding", "38%"), ("steps", "3"))
    text = as_text(DROPS)
    assert text.startswith(f"error: {DROPS.sentence} [MV08-lambda-drops-mask]")
    assert DROPS.fix in text
    assert DROPS.link in text


# --- cards


def test_cards_stand_in_the_order_of_the_findings_with_their_severity(qtbot: QtBot) -> None:
    widget = shown(qtbot, DROPS, GAP, DIVISOR)
    assert [c.title.text() for c in sorted(cards(widget), key=lambda c: c.y())] == [
        "The Lambda 'shift' drops the mask", "'masking' masks 2 steps between real ones", "Older versions divided by all steps",
    ]  # fmt: skip
    assert headings(widget) == ["ERRORS  1", "WARNINGS  1", "WORTH KNOWING  1"]
    assert [c.kind.text() for c in cards(widget)] == ["MV08", "MV27", "MV01"]
    assert [c.property("level") for c in cards(widget)] == ["error", "warning", "info"]
    assert all(c.accessibleName().startswith(str(c.finding.severity)) for c in cards(widget))
    assert widget.sentence.isHidden()


def test_the_rules_own_findings_are_shown(qtbot: QtBot) -> None:
    sample = sliced()
    doc = document(sample)
    trace = doc.trace
    assert trace is not None
    doc.trace = replace(trace, find=lambda: findings_of(Facts(trace, sample.network, sample.batch)))
    widget = panel(qtbot, doc)
    qtbot.waitUntil(lambda: bool(widget.findings), timeout=2000)
    assert widget.findings[0].call == "shift"
    assert "'shift'" in cards(widget)[0].title.text()


def test_the_fix_unfolds_and_is_copied(qtbot: QtBot) -> None:
    card = cards(shown(qtbot, DROPS))[0]
    assert not card.findChildren(QPlainTextEdit)
    button(card, "Show the fix").click()
    assert DROPS.why in words_of(card)
    assert "38%" in words_of(card)
    (code,) = card.findChildren(QPlainTextEdit)
    assert code.toPlainText() == DROPS.fix
    assert code.isReadOnly()
    button(card, "Copy fix").click()
    assert QApplication.clipboard().text() == DROPS.fix
    assert button(card, "Copied")
    button(card, "Hide the fix").click()
    qtbot.waitUntil(lambda: not card.findChildren(QPlainTextEdit))


def test_an_unfolded_fix_comes_into_sight_in_a_low_pane(qtbot: QtBot) -> None:
    widget = shown(qtbot, DROPS, GAP)
    widget.resize(330, 160)
    card = cards(widget)[0]
    button(card, "Show the fix").click()
    (code,) = card.findChildren(QPlainTextEdit)
    view = widget.area.viewport()
    qtbot.waitUntil(lambda: 0 < code.mapTo(view, QPoint(0, 0)).y() < view.height() - 30, timeout=2000)


def test_code_is_shown_whole_in_a_narrow_pane(qtbot: QtBot) -> None:
    widget = shown(qtbot, replace(DROPS, fix="x = keras.layers.Masking()(a_rather_long_name_of_a_tensor, and_more)\n" * 30))
    widget.resize(260, 300)
    card = cards(widget)[0]
    card.set_unfolded(True)
    (code,) = card.findChildren(QPlainTextEdit)
    qtbot.waitUntil(lambda: code.height() > 30 * code.fontMetrics().lineSpacing(), timeout=2000)
    qtbot.waitUntil(lambda: code.verticalScrollBar().maximum() == 0, timeout=2000)
    assert code.horizontalScrollBar().maximum() == 0


def test_the_keyboard_and_the_view_stay_at_a_card_whose_fix_is_applied(qtbot: QtBot) -> None:
    widget = shown(qtbot, DROPS, GAP)
    widget.resize(330, 160)
    card = cards(widget)[0]
    card.apply.setFocus()
    before = widget.area.verticalScrollBar().value()
    card.apply.click()
    card.show_repair(Repairing("running"))
    assert card.apply.isHidden()
    assert card.window().focusWidget() is card
    assert widget.area.verticalScrollBar().value() == before


def test_a_finding_without_a_fix_shows_why(qtbot: QtBot) -> None:
    card = cards(shown(qtbot, DIVISOR))[0]
    button(card, "Show why").click()
    assert DIVISOR.why in words_of(card)
    assert not card.findChildren(QPlainTextEdit)


def test_the_browser_opens_on_a_click_alone(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    card = cards(shown(qtbot, DROPS))[0]
    card.set_unfolded(True)
    assert opened == []
    button(card, "Keras guide").click()
    assert opened == [QUrl(DROPS.link)]


def test_only_web_pages_are_linked(qtbot: QtBot) -> None:
    card = cards(shown(qtbot, replace(DROPS, link="file:///etc/passwd")))[0]
    card.set_unfolded(True)
    assert card.findChild(QPushButton, "link") is None


def test_a_click_or_enter_on_a_card_selects_its_call(qtbot: QtBot) -> None:
    doc = with_findings(document(sliced()), DROPS, GAP, DIVISOR)
    widget = panel(qtbot, doc)
    qtbot.waitUntil(lambda: len(widget.cards) == 3, timeout=2000)
    first, second, third = cards(widget)
    qtbot.mouseClick(first, Qt.MouseButton.LeftButton, pos=first.title.geometry().center())
    assert doc.selection.call == "shift"
    assert [bool(c.property("selected")) for c in (first, second, third)] == [True, False, False]
    qtbot.keyClick(second, Qt.Key.Key_Return)
    assert doc.selection.call == "masking"
    qtbot.mouseClick(third, Qt.MouseButton.LeftButton, pos=third.title.geometry().center())
    assert doc.selection.call == "masking", "a finding about the whole network selects no call"


def test_a_click_points_out_the_steps_that_a_finding_is_about(qtbot: QtBot) -> None:
    doc = with_findings(document(sliced()), DROPS)
    widget = panel(qtbot, doc)
    qtbot.waitUntil(lambda: len(widget.cards) == 1, timeout=2000)
    qtbot.keyClick(cards(widget)[0], Qt.Key.Key_Return)
    spot, trace = doc.spotlight, doc.trace
    assert spot is not None
    assert trace is not None
    assert spot.title == "The Lambda 'shift' drops the mask"
    assert spot.steps.shape == (16, doc.time_steps)
    places = next(o.steps for o in trace.network_outputs)
    assert places is not None
    status = trace.status["shift"]
    first = np.argwhere((status == Status.EXPOSED) | (status == Status.LEAKING))[0]
    assert spot.steps[first[0]].any()
    assert spot.steps[doc.selection.sample, doc.selection.step], "one of them is selected"


# --- applying and ignoring


def test_a_fix_is_applied_from_its_card_and_its_outcome_shown(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    doc = with_findings(document(sliced()), DROPS, GAP)
    widget = panel(qtbot, doc)
    qtbot.waitUntil(lambda: len(widget.cards) == 2, timeout=2000)
    first, second = cards(widget)
    repairs = desk_of(doc).repairs
    assert second.apply.isHidden(), "this one is not mechanical"
    second.set_unfolded(True)
    assert "This fix is yours to make" in words_of(second)
    assert first.outcome.isHidden()
    first.apply.click()
    assert repairs.state(DROPS).kind == "waiting", "no engine holds this batch"
    assert first.outcome.sentence.text() == "Waiting for the engine…"
    assert first.apply.isHidden()
    first.outcome.stop.click()
    assert first.outcome.sentence.text() == "Stopped."
    assert not first.apply.isHidden()

    opened: list[str] = []
    monkeypatch.setattr(Jobs, "open_copy", lambda self, path: opened.append(path))
    repairs._set(DROPS, Repairing("done", "Verified: exposed steps 147 → 0.", path=Path("/tmp/copy.keras")))
    assert first.outcome.sentence.text() == "✓ Verified: exposed steps 147 → 0."
    assert first.outcome.sentence.property("look") == "good"
    assert first.apply.isHidden()
    first.outcome.open.click()
    assert opened == ["/tmp/copy.keras"]
    assert doc.comparison.pinned == doc.now(), "the copy is compared with it"
    repairs._set(DROPS, Repairing("done", "It did not help: nothing moved."))
    assert first.outcome.sentence.property("look") == "warning"
    assert first.outcome.save.isHidden()


def test_a_finding_is_ignored_for_this_file_and_comes_back(qtbot: QtBot, tmp_path: Path) -> None:
    doc = with_findings(document(sliced()), DROPS, GAP)
    doc.path = str(tmp_path / "network.keras")
    Path(doc.path).write_bytes(b"one network")
    widget = panel(qtbot, doc)
    counts: list[int | None] = []
    widget.counted.connect(counts.append)
    qtbot.waitUntil(lambda: len(widget.cards) == 2, timeout=2000)
    assert widget.ignored.isHidden()
    card = cards(widget)[0]
    card.set_unfolded(True)
    button(card, "Ignore here").click()
    assert [c.finding for c in cards(widget)] == [GAP]
    assert counts[-1] == 1
    assert widget.ignored.text() == "1 ignored · show"
    assert desk_of(doc).is_ignored(DROPS)
    widget.ignored.click()
    qtbot.waitUntil(lambda: headings(widget) == ["WARNINGS  1", "IGNORED HERE  1"], timeout=2000)
    again = cards(widget)[1]
    again.set_unfolded(True)
    button(again, "Heed again").click()
    assert [c.finding for c in cards(widget)] == [DROPS, GAP]
    assert not desk_of(doc).is_ignored(DROPS)
    desk_of(doc).ignore(DROPS)
    desk_of(doc).ignore(GAP)
    assert FindingsDesk(doc, RecordedJobs(doc), Settings(), None).is_ignored(GAP), "it is remembered"
    widget.ignored.click()
    assert widget.sentence.text() == panel_module.ALL_IGNORED
    doc.path = str(tmp_path / "other.keras")
    Path(doc.path).write_bytes(b"another one")
    assert not desk_of(doc).is_ignored(DROPS)


def test_names_from_the_file_are_shown_as_text(qtbot: QtBot) -> None:
    card = cards(shown(qtbot, replace(DIVISOR, sentence="<b>bold</b>", why="<i>why</i>")))[0]
    card.set_unfolded(True)
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in card.findChildren(QLabel))


def test_many_findings_come_on_request(qtbot: QtBot) -> None:
    many = tuple(replace(GAP, call=f"layer_{n}") for n in range(panel_module.FEW + 7))
    widget = shown(qtbot, *many)
    assert len(widget.cards) == panel_module.FEW
    assert widget.more.text() == f"Show all {len(many)} findings"
    widget.more.click()
    assert len(widget.cards) == len(many)
    assert widget.more.isHidden()


# --- when there is none


def test_before_the_engine_answers_and_after_it_failed(qtbot: QtBot) -> None:
    doc = document(sliced(), traced=False)
    widget = panel(qtbot, doc)
    assert widget.sentence.text() == "Findings follow when the engine answers."
    doc.set_engine(EngineState("failed", "The engine stopped."))
    assert widget.sentence.text() == "The engine stopped."


def test_no_finding_is_said_and_not_claimed_without_padding(qtbot: QtBot) -> None:
    doc = document(tagger())
    widget = panel(qtbot, doc)
    qtbot.waitUntil(lambda: widget.sentence.text() == panel_module.NONE, timeout=2000)
    assert doc.trace is not None
    doc.trace = replace(doc.trace, padding={"tokens": np.zeros((6, 10), bool)})
    doc.trace_changed.emit()
    qtbot.waitUntil(lambda: widget.sentence.text() == panel_module.NO_PADDING, timeout=2000)


def test_the_window_lives_on_while_the_rules_are_asked_and_the_newest_trace_is_shown(qtbot: QtBot) -> None:
    doc = document(sliced())
    asked, goes_on = threading.Event(), threading.Event()
    threads: list[int] = []

    def slowly() -> tuple[Finding, ...]:
        threads.append(threading.get_ident())
        asked.set()
        assert goes_on.wait(10)
        return (GAP,)

    assert doc.trace is not None
    doc.trace = replace(doc.trace, find=slowly)
    widget = panel(qtbot, doc)
    qtbot.waitUntil(asked.is_set, timeout=5000)
    with_findings(doc, DROPS)
    doc.trace_changed.emit()
    qtbot.waitUntil(lambda: not widget._rest.isActive(), timeout=5000)
    assert widget.findings == ()
    goes_on.set()
    qtbot.waitUntil(lambda: widget.findings == (DROPS,), timeout=5000)
    assert threads != [threading.get_ident()]
    assert len(threads) == 1


@pytest.mark.expects_log("A rule failed")
def test_a_rule_that_fails_is_said(qtbot: QtBot) -> None:
    def fail() -> tuple[Finding, ...]:
        raise ValueError("odd network")

    doc = document(sliced())
    assert doc.trace is not None
    doc.trace = replace(doc.trace, find=fail)
    widget = panel(qtbot, doc)
    qtbot.waitUntil(lambda: "rules failed" in widget.sentence.text(), timeout=2000)


# --- following edits


def drag(doc: Document, sample: Sample, length: int, find: Callable[[], tuple[Finding, ...]]) -> None:
    """One frame of a drag: the batch, then its trace."""
    assert doc.batch is not None
    padded = np.arange(24) >= length
    doc.edit(set_padding(doc.batch, sample.network.inputs[0], 0, padded), "Pad sample 0", gesture=7)
    trace: Trace = replace(sample.trace(doc.batch), find=find)
    doc.show_trace(trace, 0.003, stale=False)


def test_nothing_is_looked_for_during_a_drag(qtbot: QtBot) -> None:
    sample = sliced()
    doc = with_findings(document(sample), DROPS)
    widget = panel(qtbot, doc)
    qtbot.waitUntil(lambda: widget.findings == (DROPS,), timeout=2000)
    asked: list[int] = []

    def find(length: int) -> Callable[[], tuple[Finding, ...]]:
        return lambda: (asked.append(length), (GAP,))[1]

    widget._rest.setInterval(60_000)
    widget._fade.setInterval(1)
    for length in range(14, 2, -1):
        drag(doc, sample, length, find(length))
        QApplication.processEvents()
    qtbot.waitUntil(lambda: widget.dimmed, timeout=2000)
    assert asked == []
    assert widget.findings == (DROPS,), "the old cards stay"
    widget._rest.setInterval(1)
    qtbot.waitUntil(lambda: widget.findings == (GAP,), timeout=2000)
    assert asked == [3], "only the trace that rests is looked at"
    assert not widget.dimmed


def test_a_quick_answer_does_not_dim(qtbot: QtBot) -> None:
    sample = sliced()
    doc = with_findings(document(sample), DROPS)
    widget = panel(qtbot, doc)
    qtbot.waitUntil(lambda: widget.findings == (DROPS,), timeout=2000)
    widget._fade.setInterval(60_000)
    drag(doc, sample, 9, lambda: (GAP,))
    assert not widget.dimmed
    qtbot.waitUntil(lambda: widget.findings == (GAP,), timeout=2000)
    assert not widget.dimmed
    assert not widget._fade.isActive(), "nor does it later"


def test_a_card_stays_unfolded_and_in_place_when_its_numbers_change(qtbot: QtBot) -> None:
    doc = with_findings(document(sliced()), DROPS, GAP)
    widget = panel(qtbot, doc)
    qtbot.waitUntil(lambda: len(widget.cards) == 2, timeout=2000)
    card = cards(widget)[0]
    card.set_unfolded(True)
    with_findings(doc, DIVISOR, replace(DROPS, evidence={"loss": 0.2}))
    doc.trace_changed.emit()
    qtbot.waitUntil(lambda: widget.findings[0] == DIVISOR, timeout=2000)
    assert cards(widget)[1] is card
    assert card.unfolded
    assert "0.2" in words_of(card)


def test_another_network_takes_the_cards_away_at_once(qtbot: QtBot) -> None:
    doc = with_findings(document(sliced()), DROPS)
    widget = panel(qtbot, doc)
    counts: list[int | None] = []
    widget.counted.connect(counts.append)
    qtbot.waitUntil(lambda: counts == [1], timeout=2000)
    doc.trace = None
    doc.network_changed.emit()
    assert cards(widget) == []
    assert counts[-1] is None


def test_both_themes_paint_the_ground(qtbot: QtBot) -> None:
    widget = shown(qtbot, DROPS)
    assert widget.grab().toImage().pixelColor(3, 490).name() == DARK.pane
    widget.set_palette(LIGHT)
    assert widget.grab().toImage().pixelColor(3, 490).name() == LIGHT.pane
