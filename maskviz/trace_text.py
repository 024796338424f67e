"""A trace as text for a terminal: call by call what happened to the mask, then the loss."""

from __future__ import annotations

from maskviz.core.numbers import number, percent
from maskviz.core.trace import Call, Trace


def trace_text(trace: Trace, batch_source: str) -> str:
    """The trace as lines: one a call (mask-path operations left out), the padding test, the ledger and the metrics."""
    lines = [
        f"{trace.network_name} ({trace.network_class}) on Keras {trace.keras}, {trace.backend}, {trace.device}; batch {batch_source}",
        "",
    ]
    shown = [call for call in trace.calls if call.role == "data"]
    rows = [(_indented(call), call.class_name, _shape(call), str(call.fate), _mask(trace, call), _remarks(call)) for call in shown]
    heads = ("call", "class", "output", "fate", "mask out", "")
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)]
    lines += ["", f"padding test: {trace.padding_test}"]
    if trace.ledger.rows:
        lines.append("")
        label = max(len(row.label) for row in trace.ledger.rows)
        lines += [f"{row.label.ljust(label)}  {number(row.value, digits=6):>12}  {row.formula}".rstrip() for row in trace.ledger.rows]
        if trace.ledger.matches is False:
            both = f"{number(trace.ledger.sum, digits=8)} against {number(trace.ledger.evaluate, digits=8)}"
            lines.append(f"the contributions do not add up to evaluate(): {both}")
    words = {note.name: note.words for note in trace.metric_notes}
    lines += [f"metric {name}  {number(value, digits=6)}  {words.get(name, '')}".rstrip() for name, value in trace.metrics.items()]
    if trace.findings:
        lines.append("")
        lines += [f"{f.severity}: {f.sentence}  [{f.id}]" for f in trace.findings]
    return "\n".join((*lines, *trace.notes))


def _indented(call: Call) -> str:
    return "  " * call.id.count("/") + call.id.rpartition("/")[2]


def _shape(call: Call) -> str:
    return f"({', '.join(map(str, call.outputs[0].shape))})" if call.outputs else "–"


def _mask(trace: Trace, call: Call) -> str:
    key = call.outputs[0].mask if call.outputs else None
    return "none" if key is None else f"{key} {percent(float(trace.masks[key].mean()))} kept"


def _remarks(call: Call) -> str:
    remarks = []
    if call.stripped:
        remarks.append(f"strips the mask from its input {', '.join(map(str, call.stripped))}")
    if call.ignores:
        remarks.append("ignores the mask of its input")
    touched = call.outputs[0].touched_kept if call.outputs else None
    if touched:
        what = "kept steps" if call.outputs[0].has_time else "samples"
        remarks.append(f"{percent(touched)} of {what} computed from padding")
    return "; ".join(remarks)
