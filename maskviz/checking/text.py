"""A check as text for a terminal."""

from __future__ import annotations

from collections import Counter

from maskviz.checking.report import Checked, Report
from maskviz.core.finding import Finding, Severity
from maskviz.core.numbers import number
from maskviz.core.trace import Trace
from maskviz.core.words import counted
from maskviz.finding_text import BOLD, COLOURS, DIM, Style, finding_text

WORDS = {Severity.ERROR: ("error", "errors"), Severity.WARNING: ("warning", "warnings"), Severity.INFO: ("worth knowing", "worth knowing")}


def checked_text(checked: Checked, style: Style, verbose: bool = False) -> str:
    """One network: a headline, what it ran on, and findings that no baseline accepts; unless ``verbose``, the least of them are brief."""
    trace = checked.trace
    lines = [
        f"{style.paint(checked.file, BOLD)}: {_count(checked.new, style)}{_accepted(len(checked.known))}",
        style.paint(
            style.wrap(f"{trace.network_name} ({trace.network_class}) on Keras {trace.keras}, {trace.backend}; batch {checked.batch}"), DIM
        ),
        style.paint(style.wrap(f"padding test: {trace.padding_test}"), DIM),
        *(style.paint(style.wrap(f"{test}: {said}"), DIM) for test, said in _tests(trace) if said),
        *(style.wrap(f"note: {note}") for note in (*checked.notes, *trace.notes)),
    ]
    if trace.ledger.matches is False:
        lines.append(
            style.wrap(
                f"note: the contributions do not add up to evaluate(): {number(trace.ledger.sum, digits=8)} "
                f"against {number(trace.ledger.evaluate, digits=8)}, so what is said of the loss is not certain."
            )
        )
    for finding in checked.new:
        brief = finding.severity is Severity.INFO and not verbose
        lines += ["", finding_text(finding, style, brief, checked.tried.get((finding.id, finding.call), ""))]
    return "\n".join(lines)


def _tests(trace: Trace) -> tuple[tuple[str, str], ...]:
    return ("length test", trace.length_test), ("gradients", trace.gradient_test)


def _count(findings: tuple[Finding, ...], style: Style) -> str:
    found = Counter(f.severity for f in findings)
    parts = [style.paint(f"{n} {WORDS[s][n != 1]}", COLOURS[s]) for s in Severity if (n := found[s])]
    return ", ".join(parts) or "nothing found"


def _accepted(number: int) -> str:
    return f", {number} accepted" if number else ""


def summary_text(report: Report, style: Style, verbose: bool = False) -> str:
    """The last lines: how much was checked and found, what the baseline accepted, and which of its entries no longer occur."""
    new = tuple(f for c in report.checked for f in c.new)
    many, bad = len(report.checked), len(report.unusable)
    said = [f"{counted(many, 'network')} checked: {_count(new, style)}"] if many else []
    if bad:
        said.append(f"{counted(bad, 'network')} could not be checked")
    if report.baseline is not None:
        said.append(f"{report.accepted} accepted by {report.baseline}")
    lines = ["; ".join(said) + "."]
    if report.gone:
        lines.append(f"{report.baseline} accepts what no longer occurs; take it out, or write the baseline anew:")
        lines += [f"  {known}" for known in report.gone]
    if not verbose and any(f.severity is Severity.INFO for f in new):
        lines.append(style.paint("Reasons and fixes of what is worth knowing: --verbose.", DIM))
    return "\n".join(lines)
