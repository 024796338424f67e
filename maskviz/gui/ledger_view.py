"""The ledger: the loss explained, number by number, with how each came about."""

from __future__ import annotations

from math import isfinite

import numpy as np
from PySide6.QtWidgets import QWidget

from maskviz.core.compare import DIFFERENCE, Pair, ledger_pairs
from maskviz.core.heatmaps import number
from maskviz.core.ledger import Ledger, LedgerRow, LossTerms
from maskviz.core.status import Status
from maskviz.core.trace import Trace
from maskviz.gui.sheet import Line, Section, SheetPanel
from maskviz.palette import Palette
from maskviz.session.comparison import Comparison
from maskviz.session.document import Document

NO_LOSS = "This network has no loss. Compile it with one before it is saved, or open it with --loss mse (or any other Keras loss)."


def sections(document: Document) -> tuple[Section, ...]:
    """What the ledger says about the document's newest result."""
    trace = document.trace
    if trace is None:
        compiled = document.network is not None and not any(o.loss for o in document.network.outputs)
        wait = (
            "The loss follows when the engine answers." if document.network or document.graph.nodes else "Open a network to see its loss."
        )
        return (Section("LOSS", sentences=(NO_LOSS if compiled else wait,)),)
    ledger = trace.ledger
    if ledger.reported is None and not ledger.rows:
        return (Section("LOSS", sentences=(NO_LOSS,)), *_metrics(trace))
    loss = Section("LOSS", sentences=_sentences(ledger), lines=(*_rows(ledger), *_match(ledger), *_share(ledger)), numbers=True)
    return (loss, *_versions(ledger), *_terms(ledger), *_metrics(trace))


def _sentences(ledger: Ledger) -> tuple[str, ...]:
    whole = [t.output for t in ledger.terms if not t.separable]
    if not whole:
        return () if ledger.terms else ("No loss was given to compile: what is reported comes from layers or from the network's own code.",)
    return (f"The loss of {', '.join(whole)} gives one number for the whole batch, so it cannot be split over steps.",)


def _rows(ledger: Ledger) -> tuple[Line, ...]:
    """The rows as the engine worded them; those of versions and of single outputs have sections of their own, the share its own form."""
    rows = [row for row in ledger.rows if row.key != "padding_share" and not row.key.startswith(("output:", "rule:"))]
    return tuple(Line(row.label, number(row.value, aligned=True), row.formula) for row in rows)


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
        lines = [Line(version(row), number(row.value, aligned=True), row.formula, tone=tone) for row, tone in zip(rows, tones, strict=True)]
    else:
        lines = [Line(" · ".join(map(version, rows)), number(today, aligned=True), "all agree on this batch")]
    return (Section("BY THE RULE OF", lines=tuple(lines), numbers=True),)


def _match(ledger: Ledger) -> tuple[Line, ...]:
    if ledger.matches is None:
        return ()
    if ledger.matches:
        return (Line("", "✓ adds up to evaluate()", tone="good"),)
    both = f"contributions {ledger.sum:.6g} · evaluate() {ledger.evaluate:.6g}"
    return (Line("", f"✗ does not add up: {both}", tone="bad"),)


def _share(ledger: Ledger) -> tuple[Line, ...]:
    share = ledger.padding_share
    if share is None:
        return ()
    return (
        Line("share from padding", f"{share:.1%}" if isfinite(share) else number(share), tone=Status.EXPOSED if share >= 0.0005 else None),
    )


def _term(term: LossTerms) -> Line:
    mask = "no mask" if term.mask is None else "mask"
    weights = "no weights" if term.sample_weight is None else "weights"
    return Line(
        term.output, number(term.total, aligned=True), f"{term.name} · λ {term.weight:g} · {term.reduction or 'None'} · {mask} · {weights}"
    )


def _terms(ledger: Ledger) -> tuple[Section, ...]:
    return (Section("BY OUTPUT", lines=tuple(_term(t) for t in ledger.terms), numbers=True),) if len(ledger.terms) > 1 else ()


def _metrics(trace: Trace) -> tuple[Section, ...]:
    notes = {note.name: note for note in trace.metric_notes}
    lines = [Line(name, number(value, aligned=True), notes[name].words if name in notes else "") for name, value in trace.metrics.items()]
    return (Section("METRICS", lines=tuple(lines), numbers=True),) if lines else ()


def compared(comparison: Comparison, document: Document) -> tuple[Section, ...]:
    """Every number of A and of B beside each other, once both are known."""
    pinned, trace = comparison.pinned, document.trace
    if pinned is None or pinned.trace is None or trace is None:
        return ()
    return (Section("COMPARED", "A → B", lines=tuple(map(_pair, ledger_pairs(pinned.trace, trace))), numbers=True),)


def _pair(pair: Pair) -> Line:
    both = f"{number(pair.a, aligned=True)} → {number(pair.b, aligned=True)}"
    if pair.difference is None:
        return Line(pair.label, both, "only in one of them")
    if pair.a is not None and np.isclose(pair.difference, 0, atol=1e-6 * abs(pair.a)):
        return Line(pair.label, number(pair.b, aligned=True), "the same in both")
    return Line(pair.label, both, f"{DIFFERENCE} = {'+' if pair.difference > 0 else ''}{number(pair.difference)}")


class LedgerPanel(SheetPanel):
    """Shows the ledger of the document's newest trace, and what is pinned beside it."""

    def __init__(self, document: Document, comparison: Comparison, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(document, palette, "Loss ledger", lambda d: (*compared(comparison, d), *sections(d)), parent)
        comparison.changed.connect(self.refresh)
        self.setObjectName("ledger")
