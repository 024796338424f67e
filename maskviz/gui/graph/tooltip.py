"""The tooltips of nodes and edges: class, shapes, parameters and what became of the masks."""

from __future__ import annotations

from html import escape
from textwrap import wrap

from maskviz.core.graph import Edge, Node, ref
from maskviz.core.graph_looks import mask_text, shape_text, tensor_text
from maskviz.core.graph_masks import Masks
from maskviz.core.mask_arguments import given_alone
from maskviz.core.trace import Call, Fate, Trace

FATES = {
    Fate.CREATES: "creates a mask that its inputs did not have",
    Fate.PASSES: "passes the mask on as it came",
    Fate.CHANGES: "puts out another mask than the one that came",
    Fate.ENDS: "ends the mask: its output has no time axis",
    Fate.DROPS: "drops the mask, although its output still has a time axis",
}

MOST_CHARACTERS = 36  # in a line
GIVEN = "puts out the mask that it was given as an argument"


def masks_text(trace: Trace, key: str | list[str | None] | None) -> str:
    """The mask of a key in a few words; several, where a call was given a list."""
    if isinstance(key, list):
        return "; ".join(masks_text(trace, one) for one in key)
    mask = None if key is None else trace.masks.get(key)
    return key if key is not None and mask is None else mask_text(mask)


def tooltip(node: Node, call: Call | None, trace: Trace | None, counted: int = 0) -> str:
    """Rich text for one node; what only a run can tell is left out before there was one. ``counted`` steps of the sample are padding that
    counts in the loss."""
    rows: list[tuple[str, str]] = []
    if node.parent is not None:
        rows.append(("inside", node.parent))
    if call is None or trace is None:
        if node.shape is not None:
            rows.append(("output", shape_text(node.shape)))
    else:
        rows += _call_rows(call, trace)
        if counted:
            rows.append(("padding", f"{counted} steps of this sample are padding, and count in the loss"))
    return _sheet(f"<b>{escape(node.name)}</b> · {escape(node.class_name)}", rows)


def edge_tooltip(edge: Edge, masks: Masks | None, trace: Trace | None) -> str:
    """Rich text for one edge: the tensor and the mask it carries."""
    rows = [("from", ref(edge.source, edge.output)), ("to", edge.target.removeprefix("loss:"))]
    if masks is not None and trace is not None:
        mask = masks.on(edge)
        if (text := tensor_text(masks, edge)) and not edge.mask_only:
            rows.append(("tensor", text))
        name = "given as mask" if edge.mask_only else "mask"
        rows.append((name, masks_text(trace, mask.sent) if mask.sent is None else f"{mask.sent}: {masks_text(trace, mask.sent)}"))
        if mask.lost:
            rows.append(("at its end", "none: the mask was taken off on the way"))
    return _sheet(f"<b>{'mask' if edge.mask_only else 'tensor'}</b>", rows)


def _sheet(head: str, rows: list[tuple[str, str]]) -> str:
    """Rows beneath a head, broken by us: Qt leaves empty room below what it breaks itself."""
    cells = ((escape(name), "<br>".join(map(escape, wrap(value, MOST_CHARACTERS) or [""]))) for name, value in rows)
    lines = "".join(f"<tr><td style='padding-right:10px'>{name}</td><td>{value}</td></tr>" for name, value in cells)
    return f"<div style='white-space:nowrap'>{head}<table cellspacing='0'>{lines}</table></div>"


def _call_rows(call: Call, trace: Trace) -> list[tuple[str, str]]:
    many_in, many_out = len(call.inputs) > 1, len(call.outputs) > 1
    given = call.fate is Fate.PASSES and given_alone(call) is not None
    rows = [("mask", GIVEN if given else FATES[call.fate])] if call.fate in FATES else []
    for i, tensor in enumerate(call.inputs):
        number = f" {i}" if many_in else ""
        rows.append((f"input{number}", shape_text(tensor.shape) + (f" from {tensor.source}" if tensor.source else "")))
        stripped = ", removed by this call" if i in call.stripped else ""
        rows.append((f"mask in{number}", masks_text(trace, tensor.mask) + stripped))
    rows += [(f"received {name}", masks_text(trace, key)) for name, key in call.received.items()]
    for i, result in enumerate(call.outputs):
        number = f" {i}" if many_out else ""
        rows.append((f"output{number}", f"{shape_text(result.shape)} {result.dtype}"))
        if call.kind != "input":
            rows.append((f"mask out{number}", masks_text(trace, result.mask) if result.has_time else "ended, no time axis"))
    if call.kind == "layer":
        rows.append(("parameters", f"{call.parameters:,}"))
    if call.ignores:
        rows.append(("note", "could take a mask, but got none although its input had one"))
    return rows
