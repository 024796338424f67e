"""The findings of the newest trace that rests, as cards by severity. Nothing is looked for while a drag goes on.

The rules are asked beside the window (``session.aside``): on a large batch they take seconds.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, SignalInstance
from PySide6.QtWidgets import QFrame, QGraphicsOpacityEffect, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from maskviz.core.errors import MaskVizError
from maskviz.core.finding import Finding, Severity
from maskviz.core.trace import Trace
from maskviz.gui.findings.card import FindingCard
from maskviz.palette import Palette
from maskviz.session.aside import Aside
from maskviz.session.document import Document
from maskviz.session.repairs import Repairs

REST_MS = 200  # an edit that is followed by another one sooner is part of a gesture
CALM_MS = 450  # findings that come sooner than this are not dimmed in between
LAY_OUT_MS = 50  # Qt lays nested widgets out over several turns of the event loop
OLD = 0.45  # opacity of cards that are older than the batch
FEW = 40  # cards at first; the rest on request
NONE = "No finding: masks reach where they should."
NO_PADDING = "No finding, but this batch has no padding: pad some steps to see what they do."
LATER = "Findings follow when the engine answers."
ALL_IGNORED = "Every finding of this file is ignored."
IGNORED = "ignored"
HEADINGS = {Severity.ERROR: "ERRORS", Severity.WARNING: "WARNINGS", Severity.INFO: "WORTH KNOWING", IGNORED: "IGNORED HERE"}

Key = tuple[str, str | None, int]


class Desk(Protocol):
    """Carries out what the cards offer: ``gui.findings_desk``."""

    repairs: Repairs
    ignored_changed: SignalInstance

    def show(self, finding: Finding) -> None: ...

    def save_copy(self, finding: Finding) -> None: ...

    def open_copy(self, finding: Finding) -> None: ...

    def is_ignored(self, finding: Finding) -> bool: ...

    def ignore(self, finding: Finding, ignored: bool = True) -> None: ...

    def know_network(self) -> None: ...


class FindingsPanel(QWidget):
    """Cards of the document's findings; a click on one shows its place. ``counted`` carries the number of those that are not ignored,
    None while not known; ``grown``: the cards need another height."""

    counted = Signal(object)
    grown = Signal()

    def __init__(self, document: Document, desk: Desk, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("findings")
        self.setAccessibleName("Findings")
        self._document = document
        self._desk = desk
        self._findings: tuple[Finding, ...] = ()
        self._none: str | None = None
        self._all = False
        self._with_ignored = False
        self.cards: dict[Key, FindingCard] = {}
        self.headings: dict[str, QLabel] = {}
        self.sentence = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.sentence.setProperty("look", "muted")
        self.more = QPushButton()
        self.more.setProperty("look", "link")
        self.more.clicked.connect(self._show_all)
        self.ignored = QPushButton()
        self.ignored.setProperty("look", "link")
        self.ignored.clicked.connect(self._turn_ignored)
        self._measure = QTimer(self, singleShot=True, interval=LAY_OUT_MS)
        self._measure.timeout.connect(self.grown)
        self._arrange()
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._look)
        self._fade = QTimer(self, singleShot=True, interval=CALM_MS)
        self._fade.timeout.connect(lambda: self._old.setEnabled(True))
        self._rules = Aside(self)
        document.network_changed.connect(self._start_anew)
        document.batch_changed.connect(self._wait)
        document.trace_changed.connect(self._wait)
        document.stale_changed.connect(self._wait)
        document.engine_changed.connect(self._say)
        document.selection_changed.connect(self._mark)
        desk.ignored_changed.connect(self._ignored_changed)
        desk.repairs.changed.connect(self._show_repair)
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
        self._cards.addWidget(self.ignored)
        self._cards.addStretch(1)
        holder.installEventFilter(self)
        self.area = QScrollArea(widgetResizable=True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(holder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.area)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._measure.start()
        return super().eventFilter(watched, event)

    @property
    def height_of_cards(self) -> int:
        """The height at which nothing has to be scrolled, in pixels."""
        return self._cards.totalHeightForWidth(max(self.area.viewport().width(), 1))

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
        self._all = self._with_ignored = False
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
        if not self._rules.busy:  # else they are asked about the newest trace when they are done with this one
            self._rules.do(
                lambda: self._ask(trace), lambda findings: self._found(trace, findings), lambda error: self._failed(trace, error)
            )

    def _ask(self, trace: Trace) -> tuple[Finding, ...]:
        """The findings, and by the way what tells which of them are ignored; on another thread."""
        self._desk.know_network()
        return trace.findings

    def _found(self, trace: Trace, findings: tuple[Finding, ...]) -> None:
        if self._is_newest(trace):
            self._show(findings, NONE if has_padding(trace) else NO_PADDING)

    def _failed(self, trace: Trace, error: MaskVizError) -> None:
        """A rule that fails on an odd network must not take the window along."""
        logging.getLogger(__name__).error("A rule failed: %s", error.details or error)
        if self._is_newest(trace):
            self._show((), "The rules failed on this network, so nothing can be said about it here.")

    def _is_newest(self, trace: Trace) -> bool:
        """Whether the rules were asked about what is shown; if not, they are asked again."""
        newest = trace is self._document.trace and not self._document.stale
        if not newest:
            self._wait()
        return newest

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

    def _place(self) -> None:
        """A card for each finding: those of before are kept, unfolded or not, so that nothing jumps."""
        ignored = [f for f in self._findings if self._desk.is_ignored(f)]
        heeded = [f for f in self._findings if f not in ignored]
        shown = heeded if self._all else heeded[:FEW]
        wanted = _by_key([*shown, *(ignored if self._with_ignored else [])])
        for key in self.cards.keys() - wanted.keys():
            self._take_away(self.cards.pop(key))
        self.cards = {key: self.cards.get(key) or self._card(finding) for key, finding in wanted.items()}
        for key, card in self.cards.items():
            if card.finding != wanted[key]:
                card.show_finding(wanted[key])
            card.set_ignored(wanted[key] in ignored)
        self._lay_out(ignored)
        self.more.setText(f"Show all {len(heeded)} findings")
        self.more.setVisible(len(shown) < len(heeded))
        self.ignored.setText(f"{len(ignored)} ignored · {'hide' if self._with_ignored else 'show'}")
        self.ignored.setVisible(bool(ignored))
        self._mark()

    def _lay_out(self, ignored: list[Finding]) -> None:
        """The cards below headings by severity, each with how many there are; those ignored come last."""
        groups: dict[str, list[FindingCard]] = {}
        for card in self.cards.values():
            groups.setdefault(IGNORED if card.finding in ignored else card.finding.severity, []).append(card)
        for name in self.headings.keys() - groups.keys():
            self._take_away(self.headings.pop(name))
        order: list[QWidget] = []
        for name, cards in groups.items():
            heading = self.headings.setdefault(name, _heading())
            heading.setText(f"{HEADINGS[name]}  {len(cards)}")
            order += [heading, *cards]
        for place, widget in enumerate(order):
            if self._cards.indexOf(widget) != place:
                self._cards.insertWidget(place, widget)

    def _take_away(self, widget: QWidget) -> None:
        self._cards.removeWidget(widget)
        widget.hide()
        widget.deleteLater()

    def _card(self, finding: Finding) -> FindingCard:
        desk = self._desk
        card = FindingCard(finding, desk.repairs.refusal(finding))
        card.chosen.connect(desk.show)
        card.applied.connect(desk.repairs.apply)
        card.ignored.connect(desk.ignore)
        card.outcome.stopped.connect(lambda: desk.repairs.cancel(card.finding))
        card.outcome.opened.connect(lambda: desk.open_copy(card.finding))
        card.outcome.saved.connect(lambda: desk.save_copy(card.finding))
        card.show_repair(desk.repairs.state(finding))
        card.unfolds.connect(lambda: QTimer.singleShot(LAY_OUT_MS, card, lambda: self._bring_up(card)))
        return card

    def _show_repair(self, key: tuple[str, str | None]) -> None:
        for (*known, _), card in self.cards.items():
            if tuple(known) == key:
                seen = not card.apply.visibleRegion().isEmpty() or not card.outcome.visibleRegion().isEmpty()
                card.show_repair(self._desk.repairs.state(card.finding))
                if seen:  # what came of it is shown where the button was pressed
                    QTimer.singleShot(LAY_OUT_MS, card, lambda card=card: self.area.ensureWidgetVisible(card.outcome, 0, 12))

    def _bring_up(self, card: FindingCard) -> None:
        """Scroll to a card that was unfolded, where it does not fit below: to its head, or past it in a low pane."""
        bar, room = self.area.verticalScrollBar(), self.area.viewport().height()
        if card.geometry().bottom() > bar.value() + room:
            fits = card.toggle.geometry().bottom() < room // 3
            bar.setValue(card.y() + (0 if fits else card.toggle.y()) - self._cards.spacing())

    def _show_all(self) -> None:
        self._all = True
        self._place()

    def _turn_ignored(self) -> None:
        self._with_ignored = not self._with_ignored
        self._place()

    def _ignored_changed(self) -> None:
        self._place()
        self._say()

    def _say(self) -> None:
        """The sentence that stands where no card does, and how many findings there are."""
        engine = self._document.engine
        ignored = sum(self._desk.is_ignored(f) for f in self._findings)
        words = ALL_IGNORED if ignored else self._none or (engine.sentence if engine.kind == "failed" else LATER)
        self.sentence.setText(words)
        self.sentence.setVisible(not self.cards)
        self.counted.emit(None if self._none is None else len(self._findings) - ignored)

    def _mark(self) -> None:
        call = self._document.selection.call
        for card in self.cards.values():
            card.set_selected(call is not None and card.finding.call == call)


def _by_key(findings: list[Finding]) -> dict[Key, Finding]:
    """The findings by what tells them apart: two of one id and call are numbered."""
    seen: Counter[tuple[str, str | None]] = Counter()
    keyed: dict[Key, Finding] = {}
    for finding in findings:
        keyed[finding.id, finding.call, seen[finding.id, finding.call]] = finding
        seen[finding.id, finding.call] += 1
    return keyed


def _heading() -> QLabel:
    heading = QLabel()
    heading.setProperty("look", "caption")
    heading.setContentsMargins(0, 4, 0, 0)
    return heading


def has_padding(trace: Trace) -> bool:
    """Whether any input of the traced batch has padding: without any, silence proves nothing."""
    return any(bool(padding.any()) for padding in trace.padding.values())
