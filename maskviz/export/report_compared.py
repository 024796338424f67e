"""The sections of a report that compare: how this result, B, differs from A."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from maskviz.core.compare import DIFFERENCE, Pair, in_words, ledger_pairs
from maskviz.core.compare_graph import GraphDifference
from maskviz.core.numbers import number
from maskviz.core.words import counted
from maskviz.export.kinds import Source
from maskviz.export.report_parts import pictures, section, table


def compared_sections(source: Source) -> list[Callable[[], str]]:
    """Numbers, calls and pictures of the difference; nothing where there is nothing to compare with."""
    difference = source.difference
    if difference is None:
        return []
    maps = ("Where maps differ", f"{DIFFERENCE}: numbers as differences, steps of another status as they are in B.")
    graph = ("Where the networks differ", "Dashed: only in A. Strips show every timestep of one sample where its status differs.")
    return [
        lambda: _numbers(source),
        lambda: _calls(difference),
        lambda: pictures("heatmaps", source, *maps),
        lambda: pictures("graph", source, *graph),
    ]


def _numbers(source: Source) -> str:
    a, trace = source.against, source.trace
    assert a is not None
    assert a.trace is not None
    assert trace is not None
    rows = [_row(pair) for pair in ledger_pairs(a.trace, trace)]
    who = " · ".join(f"{side}: {_about(of)}" for side, of in (("A", a), ("B", source)))
    lead = f"<p><b>{escape(in_words(a.trace, trace))}</b></p>"
    return section("Compared with A", lead + table(("number", "A", "B", DIFFERENCE), rows, right=(1, 2, 3)), who)


def _about(source: Source) -> str:
    file = f" ({source.file.name})" if source.file is not None else ""
    return f"{source.network.name}{file}, {counted(source.batch.size, 'sample')}, {source.batch.source}"


def _row(pair: Pair) -> tuple[str, str, str, str]:
    difference = pair.difference
    words = "only in one of them" if difference is None else f"{'+' if difference > 0 else ''}{number(difference, aligned=True)}"
    return pair.label, number(pair.a, aligned=True), number(pair.b, aligned=True), words


def _calls(difference: GraphDifference) -> str:
    names = [call.id for call in difference.trace.calls if call.role == "data"]
    rows = [(name, difference.words(name)) for name in names if difference.words(name)]
    if not rows:
        return section("Calls that differ", "<p>Every call does the same to the mask, and every step has the same status.</p>")
    return section("Calls that differ", table(("call", "A → B"), rows))
