"""Maps about one output of a call: its mask and statuses from the trace, and what the engine answers on request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.heatmaps import Heatmap, columns_of, mask_status, on_axis, padding_of, spread
from maskviz.core.map_rows import CALL_TITLES, MapSpec
from maskviz.core.numbers import number
from maskviz.core.probes import Answer, Gradients, Influence, RecurrentStates, Values
from maskviz.core.status import Status, counted, step_mask
from maskviz.core.trace import OutputTrace, TensorOut, Trace


def call_map(spec: MapSpec, trace: Trace, steps: int, answer: Answer | None) -> Heatmap:
    """The map of a spec about a call. ``answer`` is that to ``spec.question``; ``steps`` the length of the shared axis."""
    found = tensor_of(trace, spec.ref)
    if found is None:
        return _words(spec, f"This network has no call ‘{spec.ref}’: close this map, or open the network that it was made for.")
    out, tensor = found
    match spec.kind, answer:
        case "call_mask", _:
            return _mask(spec, trace, out, tensor, steps)
        case "status", _:
            return _status(spec, trace, out, tensor, steps)
        case "values", Values():
            return _values(spec, trace, out, answer, steps)
        case "change", Values():
            words = "how far each step moves when only padding is changed"
            return _numbers(spec, trace, out, answer.amount, steps, words)
        case "gradient", Gradients():
            return _gradient(spec, trace, out, answer, steps)
        case "state", RecurrentStates():
            return _state(spec, trace, out, answer, steps)
        case "influence", Influence():
            return _influence(spec, trace, answer)
    return _words(spec, "")


def tensor_of(trace: Trace, ref: str | None) -> tuple[OutputTrace, TensorOut] | None:
    """An output of a call with its place on the shared axis, None where the trace has none of that name."""
    name, _, number = (ref or "").partition("#")
    call = trace.call(name)
    index = int(number) if number.isdigit() else 0
    if ref is None or call is None or index >= len(call.outputs):
        return None
    tensor = call.outputs[index]
    time_input, steps = trace.steps.get(ref, (None, None)) if tensor.has_time else (None, None)
    if call.kind == "input" and tensor.has_time:
        time_input, steps = name, tuple(range(tensor.shape[1]))
    return OutputTrace(ref, ref, tensor.mask, tensor.has_time, time_input, steps), tensor


def _words(spec: MapSpec, explanation: str) -> Heatmap:
    return Heatmap(spec.kind, spec.title, explanation=explanation)


def _numbers(spec: MapSpec, trace: Trace, out: OutputTrace, values: NDArray[Any], steps: int, words: str, classes: int = 0) -> Heatmap:
    words += "" if out.has_time else " · no time axis: one bar per sample"
    if values.ndim > 2 or (values.ndim == 2 and not out.has_time):
        values = values.reshape(len(values), -1)[:, 0]
    return on_axis(spec.kind, spec.title, words, CALL_TITLES[spec.kind].lower(), trace, out, values, steps, classes)


def _values(spec: MapSpec, trace: Trace, out: OutputTrace, answer: Values, steps: int) -> Heatmap:
    words = {"class": f"arg-max of {answer.units} units", "norm": f"norm over {answer.units} units"}.get(
        answer.view, f"unit {answer.unit} of {answer.units}"
    )
    return _numbers(spec, trace, out, answer.values, steps, words, answer.units if answer.view == "class" else 0)


def _gradient(spec: MapSpec, trace: Trace, out: OutputTrace, answer: Gradients, steps: int) -> Heatmap:
    sizes = next(iter(answer.sizes.values()), None)
    if sizes is None:
        return _words(
            spec, f"No gradient reaches ‘{spec.ref}’: it does not hold floating point numbers, or the loss is not computed from it."
        )
    return _numbers(spec, trace, out, sizes, steps, "length of ∂loss/∂activation over its units")


def _state(spec: MapSpec, trace: Trace, out: OutputTrace, answer: RecurrentStates, steps: int) -> Heatmap:
    """One state of a recurrent call after each step of its input, whose steps and mask it has also where the output has no time."""
    state = min(spec.state, len(answer.states) - 1)
    array = answer.states[state]
    call = trace.call((spec.ref or "").partition("#")[0])
    source = call.inputs[0].source if call is not None and call.inputs else None
    fed = tensor_of(trace, source)
    place = replace(fed[0], has_time=True) if fed is not None and fed[0].has_time else replace(out, has_time=True, steps=None)
    flat = array.reshape(*array.shape[:2], -1)
    unit = min(spec.unit, flat.shape[-1] - 1)
    values, shown = (
        (np.sqrt((flat.astype(np.float64) ** 2).sum(axis=-1)), f"norm over {flat.shape[-1]} units")
        if spec.view == "norm"
        else (flat[..., unit], f"unit {unit} of {flat.shape[-1]}")
    )
    words = f"after each step · state {state + 1} of {len(answer.states)} · {shown}"
    made = _numbers(spec, trace, place, values, steps, words)
    if answer.mask is None or answer.mask.shape != values.shape:
        return made
    columns, length, _ = columns_of(place, values.shape[1], steps)
    skipped = spread(~answer.mask, columns, length, False)
    padded = spread(padding_of(trace, place, values.shape) & answer.mask, columns, length, False)
    return replace(made, skipped=skipped, exposed=None, padded=padded, odd=None)


def _influence(spec: MapSpec, trace: Trace, answer: Influence) -> Heatmap:
    """Steps of the target down, steps of the input across; padding of the input is hatched."""
    padding = trace.padding.get(answer.input)
    padded = padding[answer.sample].astype(bool) if padding is not None and answer.sample < len(padding) else None
    skipped = None if padded is None or len(padded) != answer.amount.shape[1] else np.broadcast_to(padded, answer.amount.shape).copy()
    words = f"{answer.input} → {answer.target} · sample {answer.sample} · {answer.sentence.rstrip('.')}"
    return Heatmap("influence", spec.title, words, unit="influence", values=answer.amount, skipped=skipped)


def _mask(spec: MapSpec, trace: Trace, out: OutputTrace, tensor: TensorOut, steps: int) -> Heatmap:
    if not out.has_time:
        return _words(spec, f"‘{spec.ref}’ has no time axis, so it has no steps to mask.")
    shape = tensor.shape[:2]
    mask = trace.masks.get(out.mask) if out.mask is not None else None
    kept = None if mask is None else step_mask(mask, tensor.shape)
    if mask is not None and kept is None:
        return _words(spec, f"The mask of ‘{spec.ref}’ has the shape {mask.shape}, which does not go step by step.")
    padding = padding_of(trace, out, shape)
    words = "no mask is here" if kept is None else f"{kept.mean():.0%} kept" if kept.size else "no steps"
    odd = None if kept is None else ~kept & ~padding
    if out.time_input is None:
        odd = None  # which of its steps are padding is not known
    known = trace.status.get(spec.ref or "") if kept is None else None
    status = mask_status(kept, padding) if known is None or known.shape != shape else known
    return _states(spec, out, status, odd, words, steps)


def _status(spec: MapSpec, trace: Trace, out: OutputTrace, tensor: TensorOut, steps: int) -> Heatmap:
    if not out.has_time:
        touched = trace.touched.get(spec.ref or "")
        moved = "" if touched is None else f" {int(touched.sum())} of {touched.size} samples were computed from padding."
        return _words(spec, f"‘{spec.ref}’ has no time axis.{moved}")
    status = trace.status.get(spec.ref or "")
    if status is None:
        return _mask(replace(spec), trace, out, tensor, steps)
    words = " · ".join(f"{number(n)} {s.name.lower()}" for s, n in counted(status).items() if n)
    leaking = status == np.uint8(Status.LEAKING)
    return _states(spec, out, status, leaking if leaking.any() else None, words, steps)


def _states(spec: MapSpec, out: OutputTrace, status: NDArray[Any], odd: NDArray[Any] | None, words: str, steps: int) -> Heatmap:
    columns, length, own = columns_of(out, status.shape[1], steps)
    present = np.zeros(length, bool)
    present[columns] = True
    return Heatmap(
        spec.kind, spec.title, words + (" · its steps are counted on their own" if own else ""), unit=spec.ref or "", present=present,
        status=spread(status, columns, length, np.uint8(Status.ENDED)),
        skipped=spread(status == np.uint8(Status.SKIPPED), columns, length, False),
        exposed=spread(status == np.uint8(Status.EXPOSED), columns, length, False),
        odd=None if odd is None or not odd.any() else spread(odd, columns, length, False),
    )  # fmt: skip
