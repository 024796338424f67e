"""The findings of the newest trace that rests, as cards: errors first. Nothing is looked for while a drag goes on."""

from __future__ import annotations

import logging
from collections import Counter

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QGraphicsOpacityEffect, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from maskviz.core.finding import Finding
from maskviz.core.trace import Trace
from maskviz.gui.findings.card import FindingCard
from maskviz.palette import Palette
from maskviz.session.document import Document

REST_MS = 200  # an edit that is followed by another one sooner is part of a gesture
CALM_MS = 450  # findings that come sooner than this are not dimmed in between
LAY_OUT_MS = 50  # Qt lays nested widgets out over several turns of the event loop
OLD = 0.45  # opacity of cards that are older than the batch
FEW = 40  # cards at first; the rest on request
NONE = "No finding: masks reach where they should."
NO_PADDING = "No finding, but this batch has no padding: pad some steps to see what they do."
LATER = "Findings follow when the engine answers."

Key = tuple[str, str | None, int]


class FindingsPanel(QWidget):
    """Cards of the document's findings; a click on one selects its call. ``counted`` carries their number, None while not known."""

    counted = Signal(object)

    def __init__(self, document: Document, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("findings")
        self.setAccessibleName("Findings")
        self._document = document
        self._findings: tuple[Finding, ...] = ()
        self._none: str | None = None
        self._all = False
        self.cards: dict[Key, FindingCard] = {}
        self.sentence = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.sentence.setProperty("look", "muted")
        self.more = QPushButton()
        self.more.setProperty("look", "link")
        self.more.clicked.connect(self._show_all)
        self._arrange()
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._look)
        self._fade = QTimer(self, singleShot=True, interval=CALM_MS)
        self._fade.timeout.connect(lambda: self._old.setEnabled(True))
        document.network_changed.connect(self._start_anew)
        document.batch_changed.connect(self._wait)
        document.trace_changed.connect(self._wait)
        document.stale_changed.connect(self._wait)
        document.engine_changed.connect(self._say)
        document.selection_changed.connect(self._mark)
        self.set_palette(palette)
        self._wait()

    def _arrange(self) -> None:
        holder = QWidget()
        holder.setObjectName("finding_cards")
        self._old = QGraphicsOpacityEffect(holder)
        self._old.setOpacity(OLD)
        self._old.setEnabled(False)
        holder.setGraphicsEffect(self._old)
        self._cards = QVBoxLayout(holder)
        self._cards.setContentsMargins(12, 8, 10, 8)
        self._cards.setSpacing(8)
        self._cards.addWidget(self.sentence)
        self._cards.addWidget(self.more)
        self._cards.addStretch(1)
        self.area = QScrollArea(widgetResizable=True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(holder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.area)

    def set_palette(self, palette: Palette) -> None:
        """Paint the pane's ground; the cards follow the window's style sheet."""
        self.setStyleSheet(f"#findings, #finding_cards {{ background: {palette.pane}; }}")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is shown."""
        return self._findings

    @property
    def dimmed(self) -> bool:
        """Whether the cards are shown as older than the batch."""
        return self._old.isEnabled()

    # when to look

    def _start_anew(self) -> None:
        self._all = False
        self._show(())
        self._wait()

    def _wait(self) -> None:
        """Keep what is shown, and look again when nothing has changed for a moment."""
        if self._document.trace is None:
            self._show(())
        elif not self._fade.isActive():
            self._fade.start()
        self._rest.start()

    def _look(self) -> None:
        trace = self._document.trace
        if trace is None or self._document.stale:
            return  # another change follows when the engine answers
        try:
            findings = trace.findings
        except Exception:  # a rule that fails on an odd network must not take the window along
            logging.getLogger(__name__).exception("A rule failed")
            self._show((), "The rules failed on this network, so nothing can be said about it here.")
            return
        self._show(findings, NONE if has_padding(trace) else NO_PADDING)

    # what is shown

    def _show(self, findings: tuple[Finding, ...], none: str | None = None) -> None:
        """Show these findings, or the sentence ``none`` where there is none (None: it is not known yet)."""
        self._fade.stop()
        self._old.setEnabled(False)
        self._none = none
        if findings != self._findings:
            self._findings = findings
            self._place()
        self._say()
        self.counted.emit(None if none is None else len(findings))

    def _place(self) -> None:
        """A card for each finding: those of before are kept, unfolded or not, so that nothing jumps."""
        shown = self._findings if self._all else self._findings[:FEW]
        seen: Counter[tuple[str, str | None]] = Counter()
        wanted: dict[Key, Finding] = {}
        for finding in shown:
            wanted[finding.id, finding.call, seen[finding.id, finding.call]] = finding
            seen[finding.id, finding.call] += 1
        for key in self.cards.keys() - wanted.keys():
            gone = self.cards.pop(key)
            self._cards.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        self.cards = {key: self.cards.get(key) or self._card(finding) for key, finding in wanted.items()}
        for place, (key, card) in enumerate(self.cards.items()):
            if card.finding != wanted[key]:
                card.show_finding(wanted[key])
            if self._cards.indexOf(card) != place:
                self._cards.insertWidget(place, card)
        self.more.setText(f"Show all {len(self._findings)} findings")
        self.more.setVisible(len(shown) < len(self._findings))
        self._mark()

    def _card(self, finding: Finding) -> FindingCard:
        card = FindingCard(finding)
        card.chosen.connect(self._choose)
        card.unfolds.connect(lambda: QTimer.singleShot(LAY_OUT_MS, card, lambda: self._bring_up(card)))
        return card

    def _bring_up(self, card: FindingCard) -> None:
        """Scroll to the fix of a card that was unfolded, where it does not fit below."""
        bar, top = self.area.verticalScrollBar(), card.y() + card.details_top()
        if card.geometry().bottom() > bar.value() + self.area.viewport().height():
            bar.setValue(top - self._cards.spacing())

    def _show_all(self) -> None:
        self._all = True
        self._place()

    def _say(self) -> None:
        """The sentence that stands where no card does."""
        engine = self._document.engine
        words = self._none or (engine.sentence if engine.kind == "failed" else LATER)
        self.sentence.setText(words)
        self.sentence.setVisible(not self._findings)

    def _mark(self) -> None:
        call = self._document.selection.call
        for card in self.cards.values():
            card.set_selected(call is not None and card.finding.call == call)

    def _choose(self, finding: Finding) -> None:
        if finding.call is not None:
            self._document.select(call=finding.call)


def has_padding(trace: Trace) -> bool:
    """Whether any input of the traced batch has padding: without any, silence proves nothing."""
    return any(bool(padding.any()) for padding in trace.padding.values())
