"""The ledger: the loss explained, number by number, with how each came about."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from maskviz.core.compare import DIFFERENCE, Pair, ledger_pairs
from maskviz.core.ledger import Ledger, LedgerRow, LossTerms
from maskviz.core.ledger_steps import has_steps, steps_behind
from maskviz.core.numbers import number, percent
from maskviz.core.status import Status
from maskviz.core.trace import Trace
from maskviz.gui.sheet import Line, Section, SheetPanel
from maskviz.palette import Palette
from maskviz.session.document import Document, Spotlight

NO_LOSS = "This network has no loss. Compile it with one before it is saved, or open it with --loss mse (or any other Keras loss)."


def sections(document: Document, shown: str = "", words: str = "") -> tuple[Section, ...]:
    """What the ledger says about the result that is shown; ``shown`` is the key of the row whose steps are pointed out, ``words`` are what
    these are."""
    comparison = document.comparison
    trace, whose = comparison.shown().trace, "" if comparison.pinned is None else "of A" if comparison.side == "A" else "of B"
    if trace is None:
        compiled = document.network is not None and not any(o.loss for o in document.network.outputs)
        wait = (
            "The loss follows when the engine answers." if document.network or document.graph.nodes else "Open a network to see its loss."
        )
        return (Section("LOSS", sentences=(NO_LOSS if compiled else wait,), quiet=not compiled),)
    ledger = trace.ledger
    if ledger.reported is None and not ledger.rows:
        return (Section("LOSS", whose, sentences=(NO_LOSS,)), *_metrics(trace))
    loss = Section("LOSS", whose, sentences=_sentences(ledger), lines=(*_rows(ledger), *_match(ledger), *_share(ledger)), numbers=True)
    made = (loss, *_versions(ledger), *_terms(ledger), *_metrics(trace))
    return tuple(replace(section, lines=tuple(_linked(line, trace, shown, words) for line in section.lines)) for section in made)


def _linked(line: Line, trace: Trace, shown: str, words: str) -> Line:
    """The line with a link that says what it shows, or without one where no steps are behind its number."""
    if line.link is None or not has_steps(trace, line.link):
        return replace(line, link=None)
    if line.link == shown:
        note = _joined(line.note, f"framed: {words}")
        return replace(line, marked=True, tip="Its steps are framed in the heatmaps; click again to end that", note=note)
    return replace(line, tip="Frame its steps in the heatmaps")


def _joined(*words: str) -> str:
    return " · ".join(filter(None, words))


def _sentences(ledger: Ledger) -> tuple[str, ...]:
    whole = [t.output for t in ledger.terms if not t.separable]
    if not whole:
        return () if ledger.terms else ("No loss was given to compile: what is reported comes from layers or from the network's own code.",)
    return (f"The loss of {', '.join(whole)} gives one number for the whole batch, so it cannot be split over steps.",)


def _rows(ledger: Ledger) -> tuple[Line, ...]:
    """The rows as the engine worded them; those of versions and of single outputs have sections of their own, the share its own form."""
    rows = [row for row in ledger.rows if row.key != "padding_share" and not row.key.startswith(("output:", "rule:"))]
    return tuple(Line(row.label, number(row.value, aligned=True), row.formula, link=row.key) for row in rows)


def _versions(ledger: Ledger) -> tuple[Section, ...]:
    """What each version of Keras would report, in one line where they agree; the number that differs from today's is marked."""
    rows = [row for row in ledger.rows if row.key.startswith("rule:")]
    today = next((row.value for row in rows if row.value is not None), None)
    if not rows or today is None:
        return ()

    def differs(row: LedgerRow) -> bool:
        return row.value is None or not np.isclose(row.value, today, rtol=1e-5, equal_nan=True)

    def version(row: LedgerRow) -> str:
        return row.label.removeprefix("under the rule of ")

    if any(map(differs, rows)):
        tones = [Status.EXPOSED if row.value is not None and differs(row) else None for row in rows]
        lines = [
            Line(version(row), number(row.value, aligned=True), row.formula, link=row.key, tone=tone)
            for row, tone in zip(rows, tones, strict=True)
        ]
    else:
        lines = [Line(" · ".join(map(version, rows)), number(today, aligned=True), "all agree on this batch", link=rows[0].key)]
    return (Section("BY THE RULE OF", lines=tuple(lines), numbers=True),)


def _match(ledger: Ledger) -> tuple[Line, ...]:
    if ledger.matches is None or ledger.sum is None:
        return ()
    if ledger.matches and not isfinite(ledger.sum):
        return (Line("", f"evaluate() is {number(ledger.sum)} too: there is nothing to add up", tone="warning"),)
    if ledger.matches:
        return (Line("", "✓ adds up to evaluate()", tone="good"),)
    both = f"contributions {number(ledger.sum, digits=6)} · evaluate() {number(ledger.evaluate, digits=6)}"
    return (Line("", f"✗ does not add up: {both}", tone="bad"),)


def _share(ledger: Ledger) -> tuple[Line, ...]:
    share = ledger.padding_share
    if share is None:
        return ()
    tone = Status.EXPOSED if share >= 0.0005 else None
    return (Line("share from padding", percent(share), link="padding_share", tone=tone),)


def _term(term: LossTerms) -> Line:
    mask = "no mask" if term.mask is None else "mask"
    weights = "no weights" if term.sample_weight is None else "weights"
    how = f"{term.name} · λ {term.weight:g} · {term.reduction or 'None'} · {mask} · {weights}"
    return Line(term.output, number(term.total, aligned=True), how, link=f"output:{term.output}")


def _terms(ledger: Ledger) -> tuple[Section, ...]:
    return (Section("BY OUTPUT", lines=tuple(_term(t) for t in ledger.terms), numbers=True),) if len(ledger.terms) > 1 else ()


def _metrics(trace: Trace) -> tuple[Section, ...]:
    notes = {note.name: note for note in trace.metric_notes}
    lines = [Line(name, number(value, aligned=True), notes[name].words if name in notes else "") for name, value in trace.metrics.items()]
    return (Section("METRICS", lines=tuple(lines), numbers=True),) if lines else ()


def compared(document: Document) -> tuple[Section, ...]:
    """Every number of A and of B beside each other, once both are known."""
    pinned, trace = document.comparison.pinned, document.trace
    if pinned is None or pinned.trace is None or trace is None:
        return ()
    return (Section("COMPARED", "A → B", lines=tuple(map(_pair, ledger_pairs(pinned.trace, trace))), numbers=True),)


def _pair(pair: Pair) -> Line:
    both = f"{number(pair.a, aligned=True)}\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}{number(pair.b, aligned=True)}"
    if pair.difference is None:
        return Line(pair.label, both, "only in one of them")
    if np.isclose(pair.a, pair.b, rtol=1e-6, atol=0, equal_nan=True):  # type: ignore[arg-type]
        return Line(pair.label, number(pair.b, aligned=True), "the same in both")
    return Line(pair.label, both, f"{DIFFERENCE} = {'+' if pair.difference > 0 else ''}{number(pair.difference)}")


class LedgerPanel(SheetPanel):
    """Shows the ledger of what is shown, and the numbers of A and B beside each other where something is pinned.

    A click on a number has the heatmaps point out the steps behind it, another click or Escape ends that.
    """

    def __init__(self, document: Document, palette: Palette, parent: QWidget | None = None) -> None:
        self._shown = ""
        self._spotlight: Spotlight | None = None
        super().__init__(document, palette, "Loss ledger", lambda d: (*compared(d), *self._sections()), parent)
        document.comparison.changed.connect(self._follow_side)
        self.setObjectName("ledger")
        self.sheet.followed.connect(self.show_steps)
        document.spotlight_changed.connect(self._spotlight_changed)
        document.trace_changed.connect(self._follow_trace)

    def _sections(self) -> tuple[Section, ...]:
        words = ""
        if self._spotlight is not None:
            title = self._spotlight.title
            words = f"{int(self._spotlight.steps.sum()):,} {title[:1].lower()}{title[1:]}"
        return sections(self.document, self._shown, words)

    def show_steps(self, key: str) -> None:
        """Point out the steps behind a number, or end that when they are pointed out already."""
        self._point_out("" if key == self._shown else key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._shown:
            self._point_out("")
        else:
            super().keyPressEvent(event)

    def _point_out(self, key: str) -> None:
        state = self.document.comparison.shown()
        trace = state.trace
        behind = steps_behind(trace, key, state.time_steps) if trace is not None and key else None
        self._spotlight = Spotlight(*behind) if behind is not None else None
        self._shown = key if behind is not None else ""
        self.document.point_out(self._spotlight)
        self.refresh()

    def _follow_side(self) -> None:
        self._follow_trace()
        self.refresh()

    def _follow_trace(self) -> None:
        """After an edit other steps are behind the number."""
        if self._shown:
            self._point_out(self._shown)

    def _spotlight_changed(self) -> None:
        """Somebody else points out other steps."""
        if self._shown and self.document.spotlight is not self._spotlight:
            self._shown, self._spotlight = "", None
            self.refresh()
