"""What the inspector says, as values: from the document alone, without a widget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from maskviz.core.graph import Node
from maskviz.core.graph_looks import mask_text
from maskviz.core.mask_arguments import given_alone, maker
from maskviz.core.network import InputSpec
from maskviz.core.numbers import number, percent
from maskviz.core.status import Status, counted
from maskviz.core.trace import Call, Fate, Trace
from maskviz.gui.sheet import Line, Section
from maskviz.session.document import Document, Opened

LINK = "call:"
LATER = "Masks follow when the engine answers."

FATES = {
    Fate.CREATES: "this layer makes the mask that later layers see",
    Fate.PASSES: "the mask leaves this layer as it came in",
    Fate.CHANGES: "the mask that leaves is not the one that came in",
    Fate.ENDS: "the time axis ends here, and the mask with it",
    Fate.DROPS: "a mask reaches this layer and none leaves it",
    Fate.NONE: "no mask comes in and none goes out",
}
GIVEN = "the mask that it is given as an argument leaves with its output"
FATE_TONES: dict[Fate, str | Status] = {Fate.CREATES: "good", Fate.DROPS: Status.EXPOSED}
INPUT_KINDS = {
    "ids": "ids: one whole number per step",
    "features": "features: numbers for every step",
    "text": "text",
    "other": "no time axis",
}


def sections(document: Document) -> tuple[Section, ...]:
    """What to show for the document's selection: of A where that is shown, or where only A has it."""
    selected, comparison = document.selection.call, document.comparison
    if selected is None:
        return _nothing_selected(document)
    shown = replace(comparison.shown(), selection=document.selection)
    if selected.startswith("loss:"):
        return (_loss(shown, selected.removeprefix("loss:")),)
    only_a = () if comparison.pinned is None or comparison.side != "difference" else (comparison.pinned,)
    for state in (shown, *only_a):
        call = state.trace.call(selected) if state.trace else None
        if call is not None:
            return (_call(replace(state, selection=document.selection), call),)
    node = next((n for n in document.graph.nodes if n.id == selected), None)
    return _nothing_selected(document) if node is None else (_preview(document, node),)


def shape_text(shape: tuple[int | None, ...] | None) -> str:
    """``(16, 24, 8)``, with ``any`` for a length that is free."""
    if shape is None:
        return "unknown"
    inner = ", ".join("any" if n is None else str(n) for n in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


# --- a call


def _call(document: Document | Opened, call: Call) -> Section:
    assert document.trace is not None
    trace = document.trace
    if call.kind == "input":
        spec = next((i for i in document.network.inputs if i.name in (call.id, call.name)), None) if document.network else None
        return Section("INPUT", call.id, lines=(*_input_lines(document, spec, call), *_status_lines(document, trace, call)))
    lines = [Line("class", call.class_name)]
    if call.parent:
        lines.append(Line("inside", call.parent, link=LINK + call.parent))
    if call.inside:
        lines.append(Line("not traced", call.inside))
    alone = given_alone(call) is not None
    meaning = GIVEN if alone and call.fate is Fate.PASSES else FATES[call.fate]
    lines.append(Line("fate", str(call.fate), meaning, tone=FATE_TONES.get(call.fate)))
    if call.ignores:
        lines.append(Line("ignores", "yes", "it could take a mask and got none, although an input had one", tone="warning"))
    lines += _tensor_in_lines(trace, call)
    lines += [Line("received", f"{argument} = {_received_text(trace, got)}") for argument, got in call.received.items()]
    lines += _mask_source_lines(trace, call, alone)
    lines += _tensor_out_lines(trace, call)
    if call.supports_masking is not None:
        lines.append(Line("supports_masking", str(call.supports_masking)))
    lines += _status_lines(document, trace, call)
    lines += [Line("parameters", f"{call.parameters:,}"), Line("kind", _kind(call))]
    return Section("OPERATION" if call.kind == "operation" else "LAYER", call.id, lines=tuple(lines))


def _kind(call: Call) -> str:
    return f"{call.kind} that only computes a mask" if call.role == "mask path" else call.kind


def _received_text(trace: Trace, got: Any) -> str:
    """The mask that an argument got, or all of them in brackets where it took several."""
    if isinstance(got, list | tuple):
        return "[" + ", ".join(_received_text(trace, one) for one in got) + "]"
    return "None" if got is None else mask_text(trace.masks.get(got))


def _mask_source_lines(trace: Trace, call: Call, alone: bool) -> list[Line]:
    """Where a mask that is an argument comes from, where the inputs do not bring the very same."""
    if call.received.get("mask") in [tensor.mask for tensor in call.inputs if tensor.mask]:
        return []
    made = maker(call, {other.id: other for other in trace.calls}) if alone else None
    sources = call.mask_sources if made is None else (made,)
    inputs = ", ".join(dict.fromkeys(tensor.source for tensor in call.inputs if tensor.source))
    note = f"it comes as an argument, not from {inputs}" if alone and inputs else ""
    return [Line("mask from", source, note, LINK + source.split("#")[0]) for source in sources]


def _numbered(word: str, index: int, count: int) -> str:
    return word if count == 1 else f"{word} #{index}"


def _tensor_in_lines(trace: Trace, call: Call) -> list[Line]:
    lines = []
    for i, tensor in enumerate(call.inputs):
        link = LINK + tensor.source.split("#")[0] if tensor.source else None
        also = f" · computed outside any layer, also from {', '.join(tensor.also)}" if tensor.also else ""
        lines.append(Line(_numbered("input", i, len(call.inputs)), tensor.source or "unknown", shape_text(tensor.shape) + also, link))
        mask = mask_text(trace.masks.get(tensor.mask) if tensor.mask else None)
        note = f"removed the mask from its own input {tensor.source or i}" if i in call.stripped else ""
        lines.append(Line(_numbered("mask in", i, len(call.inputs)), mask, note, tone="warning" if note else None))
    return lines


def _tensor_out_lines(trace: Trace, call: Call) -> list[Line]:
    lines, count = [], len(call.outputs)
    for i, tensor in enumerate(call.outputs):
        lines.append(Line(_numbered("mask out", i, count), mask_text(trace.masks.get(tensor.mask) if tensor.mask else None)))
        ended = "" if tensor.has_time else "no time axis"
        lines.append(Line(_numbered("output", i, count), f"{shape_text(tensor.shape)} {tensor.dtype}", ended))
        place = "leak at kept steps" if tensor.has_time else "moved by padding"
        tone = "bad" if tensor.touched_kept else None
        if tensor.touched_kept is None:
            lines.append(Line(_numbered(place, i, count), "not tested", trace.padding_test))
        else:
            lines.append(Line(_numbered(place, i, count), percent(tensor.touched_kept), tone=tone))
    return lines


def _status_lines(document: Document | Opened, trace: Trace, call: Call) -> list[Line]:
    status = trace.status.get(call.ref())
    if status is None or not call.outputs[0].has_time:
        return []
    sample = min(document.selection.sample, len(status) - 1)
    lines = [Line(f"sample {sample}", shares=counted(status[sample]))]
    if len(status) > 1:
        lines.append(Line(f"all {len(status)} samples", shares=counted(status)))
    return lines


# --- an input


def _input_lines(document: Document | Opened, spec: InputSpec | None, call: Call | None) -> tuple[Line, ...]:
    if spec is None:
        shape = call.outputs[0].shape if call and call.outputs else None
        return (Line("output", shape_text(shape)),)
    lines = [Line("kind", INPUT_KINDS[spec.kind]), Line("signature", f"{shape_text(spec.shape)} {spec.dtype}")]
    array = document.batch.x.get(spec.name) if document.batch else None
    if array is not None:
        lines.append(Line("in this batch", shape_text(array.shape)))
    if spec.vocabulary is not None:
        lines.append(Line("vocabulary", f"{spec.vocabulary:,} ids"))
    if spec.has_time:
        pad = "not declared" if spec.pad_value is None else str(spec.pad_value)
        note = "the network masks steps equal to it" if spec.masked else "the network makes no mask from this input"
        lines.append(Line("pad value", pad, note))
    padding = document.batch.padding.get(spec.name) if document.batch else None
    if padding is not None and padding.size:
        sample = min(document.selection.sample, len(padding) - 1)
        lines.append(
            Line(
                "padding", f"{percent(float(padding.mean()))} of all steps", f"{percent(float(padding[sample].mean()))} of sample {sample}"
            )
        )
    return tuple(lines)


# --- a loss


def _loss(document: Document | Opened, output: str) -> Section:
    trace = document.trace
    terms = next((t for t in trace.ledger.terms if t.output == output), None) if trace else None
    spec = next((o for o in document.network.outputs if o.name == output), None) if document.network else None
    named = spec.loss if spec and spec.loss else "no loss"
    if trace is None or terms is None:
        sentence = (
            LATER if trace is None else f"The network has no loss for {output}." if named == "no loss" else "This loss was not recorded."
        )
        return Section("LOSS", named, (sentence,), (Line("of output", output),))
    out = next((o for o in trace.network_outputs if o.name == output), None)
    source = LINK + out.ref.split("#")[0] if out and out.ref else None
    weights = terms.sample_weight
    separable = "yes" if terms.separable else "no"
    why = "" if terms.separable else "it gives one number for the whole batch, so no step has a share of its own"
    return Section(
        "LOSS",
        terms.name,
        lines=(
            Line("of output", output, link=source),
            Line("value", number(terms.total, digits=6)),
            Line("reduction", terms.reduction or "None"),
            Line("weight λ", f"{terms.weight:g}"),
            Line("mask used", mask_text(terms.mask), "" if terms.mask is not None else "no mask reaches this loss: padded steps count"),
            Line("weights used", "none" if weights is None else f"{shape_text(weights.shape)} mean {number(float(np.mean(weights)))}"),
            Line("separable", separable, why, tone=None if terms.separable else "warning"),
        ),
    )


# --- before the engine has answered, and nothing selected


def _preview(document: Document, node: Node) -> Section:
    if node.kind == "input":
        spec = next((i for i in document.network.inputs if i.name in (node.id, node.name)), None) if document.network else None
        lines = list(_input_lines(document, spec, None)) if spec else [Line("output", shape_text(node.shape))]
    else:
        lines = [Line("class", node.class_name), Line("kind", node.kind), Line("output", shape_text(node.shape))]
    if node.parent:
        lines.append(Line("inside", node.parent, link=LINK + node.parent))
    for edge in document.graph.edges:
        if edge.target == node.id:
            lines.append(Line("mask from" if edge.mask_only else "from", edge.source, link=LINK + edge.source))
    for edge in document.graph.edges:
        if edge.source == node.id:
            lines.append(Line("to", edge.target, link=LINK + edge.target))
    sentence = LATER if document.trace is None else "The network did not call this layer on this batch."
    if document.engine.kind == "failed":
        sentence = document.engine.sentence
    return Section(node.kind.upper(), node.id, (sentence,), tuple(lines))


def _nothing_selected(document: Document) -> tuple[Section, ...]:
    network, trace = document.network, document.trace
    if network is None and not document.graph.nodes:
        return (Section("LAYER", sentences=("Open a network, then click a layer to see what it does to the mask.",), quiet=True),)
    hint = Section("LAYER", sentences=("Click a layer in the graph to see what it does to the mask.",), quiet=True)
    if network is None:
        return (hint, Section("NETWORK", document.title, (LATER,), (Line("layers", f"{len(document.graph.nodes):,}"),), quiet=True))
    lines: tuple[Line, ...] = (
        Line("class", network.class_name),
        Line("Keras", f"{network.keras} on {network.backend}"),
        Line("device", document.device or (trace.device if trace else "") or "not known yet"),
        Line("parameters", f"{network.parameters:,}"),
        Line("compiled", "yes" if network.compiled else "no"),
        *(Line("input", i.name, f"{shape_text(i.shape)} {i.dtype}", LINK + i.name) for i in network.inputs),
        *(Line("output", o.name, f"{shape_text(o.shape)} · {o.loss or 'no loss'}") for o in network.outputs),
    )
    if document.batch is not None:
        lines += (Line("batch", f"{document.batch.size} samples", document.batch.source),)
    if trace is not None and trace.padding_test:
        lines += (Line("padding test", trace.padding_test),)
    lines += tuple(Line("note", n) for n in dict.fromkeys((*network.notes, *(trace.notes if trace else ()))))
    return (hint, Section("NETWORK", network.name, () if trace else (LATER,), lines, quiet=True))
