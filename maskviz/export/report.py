"""A report as one HTML file that needs nothing else: findings, ledger, pictures, calls, batch and versions, for a ticket or an appendix.

It holds no script and loads nothing; pictures are inside it, so that it can be mailed, printed and kept.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from html import escape
from pathlib import Path

import numpy as np

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.finding import Finding, Severity
from maskviz.core.numbers import number, percent
from maskviz.core.status import Status
from maskviz.core.trace import Call, Trace
from maskviz.core.words import counted
from maskviz.export.files import ensure_application, metadata, write
from maskviz.export.kinds import Source
from maskviz.export.report_compared import compared_sections
from maskviz.export.report_parts import pictures, section, table
from maskviz.export.report_style import CSS
from maskviz.finding_text import TRIED, numbers
from maskviz.palette import LIGHT, STATUS_WORDS

SEVERITY_WORDS = {
    Severity.ERROR: ("error", "errors", "this run showed a wrong result"),
    Severity.WARNING: ("warning", "warnings", "likely wrong"),
    Severity.INFO: ("worth knowing", "worth knowing", "nothing is wrong because of it"),
}
FATE_WORDS = {"none": "–"}


Tell = Callable[[int, int], object]


def _no_tell(_done: int, _total: int) -> None:
    pass


def write_report(source: Source, path: Path, *, overwrite: bool = True, tell: Tell = _no_tell) -> Path:
    """Write the report into a file. ``tell`` hears how many of its sections are made; what it raises ends it, and nothing is written.

    Raises UnusableInput where it cannot be written.
    """
    if path.exists() and not overwrite:
        raise UnusableInput(f"‘{path}’ is there already; choose another name or allow overwriting.")
    write(path, report_html(source, tell=tell).encode())
    return path


def report_html(source: Source, when: datetime | None = None, tell: Tell = _no_tell) -> str:
    """The whole file as text. Raises UnusableInput before the engine has answered."""
    trace = source.trace
    if trace is None:
        raise UnusableInput("Wait until the engine has computed the masks; then export the report again.")
    ensure_application()
    own = replace(source, against=None)
    heatmaps = ("Padding, predictions and loss", "Samples from top to bottom, timesteps from left to right.")
    graph = ("The mask on its way", "Each card is a layer; the strip below it shows every timestep of one sample.")
    sections: list[Callable[[], str]] = [
        lambda: _head(source, trace, when or datetime.now()),
        *compared_sections(source),
        lambda: _findings(trace.findings),
        lambda: _loss(trace),
        lambda: pictures("heatmaps", own, *heatmaps),
        lambda: pictures("graph", own, *graph),
        lambda: _calls(trace),
        lambda: _batch(source),
        lambda: _run(source, trace),
        _words,
    ]
    parts = []
    for place, make in enumerate(sections):
        tell(place, len(sections))
        parts.append(make())
    title = escape(f"{source.network.name}: padding and masks")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{CSS}</style>\n</head>\n<body>\n<main>\n" + "\n".join(parts) + "\n</main>\n</body>\n</html>\n"
    )


def telling_place(trace: Trace) -> tuple[int, int]:
    """A sample and a timestep at which there is something to see: the last padded step of the sample whose padding is nearest to half."""
    padding = max((p for p in trace.padding.values() if p.any()), key=lambda p: p.size, default=None)
    if padding is None:
        return 0, 0
    sample = int(np.abs(padding.mean(axis=1) - 0.5).argmin())
    return sample, int(np.flatnonzero(padding[sample])[-1]) if padding[sample].any() else 0


def _head(source: Source, trace: Trace, when: datetime) -> str:
    network = source.network
    counts = [(s, sum(f.severity == s for f in trace.findings)) for s in Severity]
    said = [f'<span class="badge {s}">{n} {SEVERITY_WORDS[s][n != 1]}</span>' for s, n in counts if n]
    verdict = " ".join(said) or '<span class="badge good">nothing was found</span>'
    ledger = trace.ledger
    facts = []
    if ledger.reported is not None:
        facts.append(("reported loss", number(ledger.reported, aligned=True)))
    if ledger.kept_only is not None:
        facts.append(("over real steps", number(ledger.kept_only, aligned=True)))
    if ledger.padding_share is not None and np.isfinite(ledger.padding_share):
        facts.append(("share from padding", percent(ledger.padding_share)))
    tiles = "".join(f'<div class="tile"><b>{escape(value)}</b><span>{escape(words)}</span></div>' for words, value in facts)
    where = f" · {escape(source.file.name)}" if source.file is not None else ""
    return (
        f'<header>\n<p class="eyebrow">MaskViz report · {when:%d %B %Y, %H:%M}</p>\n<h1>{escape(network.name)}</h1>\n'
        f'<p class="muted">{escape(network.class_name)}{where} · Keras {escape(trace.keras)} on {escape(trace.backend)} · '
        f'batch: {escape(source.batch.source)}</p>\n<p>{verdict}</p>\n<div class="tiles">{tiles}</div>\n</header>'
    )


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return section("Findings", "<p>No rule found anything wrong with masks and padding on this batch.</p>")
    return section("Findings", "\n".join(map(_finding, findings)))


def _finding(finding: Finding) -> str:
    place = f" at <code>{escape(finding.call)}</code>" if finding.call else ""
    evidence = f'<p class="evidence">{escape(numbers(finding.evidence))}</p>' if finding.evidence else ""
    why = f"<p>{escape(finding.why)}</p>" if finding.why else ""
    fix = f'<p class="label">{escape(TRIED[finding.verified])}</p><pre>{escape(finding.fix.rstrip())}</pre>' if finding.fix else ""
    link = f'<p class="muted">See <a href="{escape(finding.link)}">{escape(finding.link)}</a></p>' if finding.link else ""
    word, _many, meaning = SEVERITY_WORDS[finding.severity]
    badge = f'<span class="badge {finding.severity}" title="{meaning}">{word}</span>'
    return (
        f'<article class="finding {finding.severity}">\n<p class="label">{badge} '
        f"{escape(finding.id)}{place}</p>\n<h3>{escape(finding.sentence)}</h3>\n{evidence}{why}{fix}{link}\n</article>"
    )


def _loss(trace: Trace) -> str:
    ledger = trace.ledger
    if not ledger.rows and not trace.metrics:
        return section("Loss", "<p>This network has no loss, so there is nothing to share out.</p>")
    rows = [(row.label, number(row.value, aligned=True), row.formula) for row in ledger.rows]
    body = table(("number", "value", "how it comes about"), rows, right=(1,))
    if ledger.matches is not None and np.isfinite(ledger.sum or 0.0):
        same = "✓ the contributions add up to what evaluate() reports"
        differ = f"✗ the contributions do not add up: {number(ledger.sum)} against {number(ledger.evaluate)} of evaluate()"
        body += f'<p class="{"good" if ledger.matches else "bad"}">{escape(same if ledger.matches else differ)}</p>'
    if trace.metrics:
        words = {note.name: note.words for note in trace.metric_notes}
        body += table(
            ("metric", "value", "masks and weights"),
            [(name, number(value, aligned=True), words.get(name, "")) for name, value in trace.metrics.items()],
            right=(1,),
        )
    return section("Loss, number by number", body)


def _calls(trace: Trace) -> str:
    shown = [call for call in trace.calls if call.role == "data"]
    rows: list[tuple[str, ...]] = [
        ("\u2003" * call.id.count("/") + call.id.rpartition("/")[2], call.class_name, _shape(call), _fate(call), *_mask(trace, call))
        for call in shown
    ]
    heads: tuple[str, ...] = ("call", "class", "output", "fate of the mask", "mask out", "computed from padding")
    if not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    return section("Call by call", table(heads, rows), trace.padding_test)


def _shape(call: Call) -> str:
    return f"({', '.join(map(str, call.outputs[0].shape))})" if call.outputs else "–"


def _fate(call: Call) -> str:
    words = [FATE_WORDS.get(str(call.fate), str(call.fate))]
    words += ["strips it from its inputs"] if call.stripped else []
    words += ["ignores it"] if call.ignores else []
    return " · ".join(words)


def _mask(trace: Trace, call: Call) -> tuple[str, str]:
    """How much the mask keeps, and how much of what is kept was computed from padding."""
    if not call.outputs:
        return "–", ""
    out = call.outputs[0]
    kept = "none" if out.mask is None or out.mask not in trace.masks else f"{trace.masks[out.mask].mean():.0%} kept"
    touched = f"{out.touched_kept:.0%} of {'steps' if out.has_time else 'samples'}" if out.touched_kept else ""
    return kept if out.has_time or out.mask else "–", touched


def _batch(source: Source) -> str:
    batch, rows = source.batch, []
    for words, group in (("input", batch.x), ("target", batch.y), ("weights", batch.sample_weight)):
        for name, array in group.items():
            shape = f"({', '.join(map(str, array.shape))})"
            rows.append((words, name, shape, str(array.dtype), _lengths(batch, name) if words == "input" else ""))
    lead = f"{counted(batch.size, 'sample')} · {batch.source}"
    return section("The batch", table(("", "name", "shape", "type", "padding"), rows), lead)


def _lengths(batch: Batch, name: str) -> str:
    """``43% padding · lengths 8 to 22, median 12``."""
    padding = batch.padding.get(name)
    if padding is None or not padding.size:
        return ""
    lengths = (~padding.astype(bool)).sum(axis=1)
    stated = "" if name in batch.declared else " (read off the pad value)"
    return f"{padding.mean():.0%} padding{stated} · {lengths.min()} to {lengths.max()} real steps, median {np.median(lengths):g}"


def _run(source: Source, trace: Trace) -> str:
    network = source.network
    rows = [
        ("MaskViz", metadata("", network, source.batch)["Software"].removeprefix("MaskViz ")),
        ("Keras", f"{trace.keras} on {trace.backend}, {trace.device}"),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("parameters", f"{network.parameters:,}"),
        ("compiled", "yes" if network.compiled else "no"),
    ]
    rows += [("loss", f"{o.name}: {o.loss}") for o in network.outputs if o.loss]
    if source.file is not None:
        rows.append(("file", source.file.name))
        rows += [("SHA-256", digest)] if (digest := _digest(source.file)) else []
    notes = "".join(f"<p>{escape(note)}</p>" for note in (*network.notes, *trace.notes))
    return section("The run", table(("", ""), rows) + notes)


def _digest(path: Path) -> str:
    from hashlib import file_digest

    try:
        with path.open("rb") as held:
            return file_digest(held, "sha256").hexdigest()
    except OSError:
        return ""


def _words() -> str:
    marks = "".join(
        f'<dt><i style="background: {LIGHT.status[s]}"></i>{STATUS_WORDS[s][0]}</dt><dd>{escape(STATUS_WORDS[s][1])}</dd>'
        for s in Status
        if s is not Status.ENDED
    )
    return section("Words", f"<dl>{marks}</dl>")
