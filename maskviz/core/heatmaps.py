"""What the heatmaps show, as frozen values: padding and mask, predictions, loss contributions, on one shared time axis.

The shared axis has the steps of the longest input or output; an output that is shorter or shifted is laid at the steps it
belongs to (``OutputTrace.steps``). The window and exported figures draw the same values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.by_rows import by_rows
from maskviz.core.map_rows import Kind, Look
from maskviz.core.network import InputSpec, Network
from maskviz.core.numbers import number, percent
from maskviz.core.probes import View
from maskviz.core.status import Status, both, count_of, inverse, is_status, looked_up, neither, step_mask
from maskviz.core.trace import OutputTrace, Trace, at_steps

ARRAYS = ("values", "status", "skipped", "exposed", "padded", "odd")
"""The fields of a ``Heatmap`` that begin with the samples."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose to see: input and output by name (None: the first), how an output's units become one number, and
    the looks of maps where they are not automatic."""

    input: str | None = None
    output: str | None = None
    view: View = "unit"
    unit: int = 0
    looks: Mapping[Kind, Look] = field(default_factory=dict)


@dataclass(frozen=True)
class Heatmap:
    """One map. Arrays are ``(batch, time)`` over the shared axis; ``(batch,)`` values where there is no time axis (bars).

    ``present`` ``(time,)``: the steps this tensor has. ``status`` holds a ``Status`` per step (maps of masks and statuses).
    ``skipped``: the mask skips the step. ``exposed``: no mask is here, and the value was computed from padding. ``padded``: padding that is
    neither. ``odd``: what should not be, marked by a dot: real steps that a mask skips, steps that leak.
    ``classes`` > 0: values are class numbers. ``explanation`` says why there is nothing to draw, else it is empty.
    """

    kind: Kind
    title: str
    subtitle: str = ""
    explanation: str = ""
    unit: str = ""
    present: NDArray[Any] | None = None
    values: NDArray[Any] | None = None
    status: NDArray[Any] | None = None
    skipped: NDArray[Any] | None = None
    exposed: NDArray[Any] | None = None
    padded: NDArray[Any] | None = None
    odd: NDArray[Any] | None = None
    classes: int = 0

    @property
    def has_time(self) -> bool:
        """Whether there are timesteps to draw (else bars, or an explanation)."""
        return self.status is not None or (self.values is not None and self.values.ndim == 2)

    @property
    def samples(self) -> int:
        """Number of samples, 0 where there is nothing to draw."""
        array = self.status if self.status is not None else self.values
        return 0 if array is None else len(array)


def in_order(heatmap: Heatmap, order: NDArray[Any] | None) -> Heatmap:
    """The map with sample ``order[k]`` in row k; as it is without an order, or where it is of another number of samples."""
    if order is None or heatmap.samples != len(order):
        return heatmap
    return replace(heatmap, **{name: array[order] for name in ARRAYS if (array := getattr(heatmap, name)) is not None})


def shared_steps(batch: Batch, trace: Trace | None) -> int:
    """Length of the shared time axis: the longest input or output, at least 1."""
    lengths = [p.shape[1] for p in batch.padding.values()]
    if trace is not None:
        lengths += [p.shape[1] for p in trace.padding.values()]  # text has steps only in the network
        lengths += [trace.outputs[o.name].shape[1] for o in trace.network_outputs if o.has_time and o.name in trace.outputs]
    return max(lengths, default=1)


def network_output(trace: Trace, name: str | None) -> OutputTrace | None:
    """The network output of that name, the first one where there is no such name."""
    return next((o for o in trace.network_outputs if o.name == name), next(iter(trace.network_outputs), None))


def source_mask(trace: Trace, name: str) -> NDArray[Any] | None:
    """The first mask ``(batch, time)`` that the run made from an input, True = kept; None where it made none."""
    if name not in trace.padding:
        return None
    shape = trace.padding[name].shape
    reached = {name}
    for call in trace.calls:
        if call.kind == "input" or call.role != "data" or not any(i.source in reached for i in call.inputs):
            continue
        for out in call.outputs:
            kept = step_mask(trace.masks[out.mask], shape) if out.mask is not None and out.mask in trace.masks else None
            if kept is not None:
                return kept
        reached.update(call.ref(k) for k in range(len(call.outputs)))
    return None


def mask_map(network: Network, batch: Batch, trace: Trace | None, name: str | None = None) -> Heatmap:
    """Which steps of an input are padding, and what its mask does with them. Follows the batch while the trace is still older."""
    known = {**({} if trace is None else trace.padding), **batch.padding}  # the trace alone knows the steps that are made from text
    spec = next((i for i in network.inputs if i.name == name), next((i for i in network.inputs if i.name in known), None))
    title = "Padding and mask"
    if spec is None:
        return Heatmap("mask", title, explanation="No input of this network has timesteps, so there is nothing to pad or mask.")
    if spec.kind == "text" and spec.name not in known:
        return Heatmap(
            "mask", title, explanation=f"‘{spec.name}’ is text: the network splits it into steps itself, so there is no padding to edit."
        )
    if spec.name not in known:
        return Heatmap("mask", title, explanation=f"‘{spec.name}’ has no time axis, so there is nothing to pad or mask.")
    padding = known[spec.name].astype(bool, copy=False)
    mask = _live_mask(spec, padding, trace)
    status = mask_status(mask, padding)
    steps = max(shared_steps(batch, trace), padding.shape[1])
    present = np.arange(steps) < padding.shape[1]
    odd = None if mask is None else neither(mask, padding)
    columns = np.arange(padding.shape[1])
    made = "" if spec.name in batch.padding else " · made from text, cannot be edited"
    return Heatmap(
        "mask", title, _mask_words(spec, padding, mask) + made, unit=spec.name, present=present,
        status=spread(status, columns, steps, np.uint8(Status.ENDED)),
        skipped=spread(is_status(status, which=Status.SKIPPED), columns, steps, False),
        exposed=spread(is_status(status, which=Status.EXPOSED), columns, steps, False),
        odd=None if odd is None or not count_of(odd) else spread(odd, columns, steps, False),
    )  # fmt: skip


def mask_status(mask: NDArray[Any] | None, padding: NDArray[Any]) -> NDArray[Any]:
    """What a mask ``(batch, time)`` does with padding, as a ``Status`` for each step; ``mask`` None: there is none."""
    if mask is None:
        return looked_up((Status.UNMASKED, Status.EXPOSED), padding)
    return looked_up((Status.SKIPPED, Status.SKIPPED, Status.KEPT, Status.EXPOSED), padding, mask)


def prediction_map(trace: Trace, steps: int, name: str | None = None, view: View = "unit", unit: int = 0) -> Heatmap:
    """One output: one of its units, its arg-max class, or the norm over its units; ``steps`` is the shared axis' length."""
    out = network_output(trace, name)
    if out is None or out.name not in trace.outputs:
        return Heatmap("predictions", "Predictions", explanation="This network gave no output for the batch.")
    array = trace.outputs[out.name]
    if array.dtype.kind not in "fiub":
        return Heatmap("predictions", "Predictions", explanation=f"‘{out.name}’ gives text, which has no colours.")
    units = unit_count(trace, out)
    unit = min(max(unit, 0), units - 1)
    lead = 2 if out.has_time else 1
    if view == "class":
        values, words = _winner(array, lead=lead), f"arg-max of {units} classes"
    elif view == "norm":
        values, words = _norm(array, lead=lead), f"norm over {units} units"
    else:
        values, words = _of_unit(array, lead=lead, unit=unit), f"unit {unit} of {units}"
    subtitle = f"{out.name} · {words}" + ("" if out.has_time else " · no time axis: one bar per sample")
    label = {"class": "class", "norm": "norm"}.get(view, "ŷ")
    return on_axis("predictions", "Predictions", subtitle, label, trace, out, values, steps, units if view == "class" else 0)


def loss_map(trace: Trace, steps: int, name: str | None = None) -> Heatmap:
    """Every step's share of the reported loss for one output; the subtitle says whether the shares add up to ``evaluate()``."""
    title, out = "Loss contributions", network_output(trace, name)
    if trace.ledger.reported is None and not trace.contributions:
        why = (
            "Targets are missing, so there is no loss."
            if trace.compiled
            else "This network is not compiled: choose a loss to see what each step adds to it."
        )
        return Heatmap("loss", title, explanation=why)
    if out is None or out.name not in trace.contributions:
        term = next((t for t in trace.ledger.terms if out is not None and t.output == out.name), None)
        if term is not None and not term.separable:
            return Heatmap(
                "loss",
                title,
                explanation=f"‘{term.name}’ gives one number for the whole batch ({number(term.total)}), so it cannot be split into steps.",
            )
        return Heatmap("loss", title, explanation=f"‘{out.name if out else ''}’ has no loss or no targets; choose another output.")
    values = trace.contributions[out.name]
    values = values.reshape(*values.shape[:2], -1).sum(axis=-1) if values.ndim > 2 else values
    return on_axis("loss", title, loss_words(trace, out.name), "contribution to the loss", trace, out, values, steps)


def unit_count(trace: Trace, out: OutputTrace) -> int:
    """Number of units of an output: the product of what follows its batch and time axes."""
    return int(np.prod(trace.outputs[out.name].shape[2 if out.has_time else 1 :], dtype=int))


def loss_words(trace: Trace, name: str) -> str:
    """``sum = 0.1034 = evaluate() · 38% comes from padding``, and plainly so when the two differ or are not known."""
    ledger = trace.ledger
    total = float(np.sum(trace.contributions[name], dtype=np.float64)) if ledger.sum is None else ledger.sum
    added = f" with {number(ledger.added)} from regularizers and layers" if ledger.added else ""
    words = f"sum = {number(total)}{added}"
    goal = ledger.reported if ledger.evaluate is None else ledger.evaluate  # the same number, until Keras was asked
    if goal is not None and np.isfinite(goal):
        same = np.isclose(total, goal, rtol=1e-5, atol=1e-7, equal_nan=True)
        words += " = evaluate()" if same else f" ≠ evaluate() {number(goal)}"
    if len(trace.contributions) > 1:
        words += f" · this output {number(float(np.sum(trace.contributions[name], dtype=np.float64)))}"
    if ledger.padding_share is not None and np.isfinite(ledger.padding_share):
        words += f" · {percent(ledger.padding_share)} comes from padding"
    return words


def _live_mask(spec: InputSpec, padding: NDArray[Any], trace: Trace | None) -> NDArray[Any] | None:
    """The input's mask; steps that were edited since the trace are taken to fare as padding fared in it."""
    if trace is None or spec.name not in trace.padding or trace.padding[spec.name].shape != padding.shape:
        return ~padding if spec.masked else None
    before, mask = trace.padding[spec.name], source_mask(trace, spec.name)
    if mask is None or before is padding:
        return mask
    padded = count_of(before)
    padding_is_kept = count_of(both(mask, before)) > padded / 2 if padded else not spec.masked
    return _as_before(before, padding, mask, padding_is_kept=padding_is_kept)


@by_rows
def _as_before(before: NDArray[Any], padding: NDArray[Any], mask: NDArray[Any], *, padding_is_kept: bool) -> NDArray[Any]:
    return np.where(before == padding, mask, ~padding | padding_is_kept)


def _mask_words(spec: InputSpec, padding: NDArray[Any], mask: NDArray[Any] | None) -> str:
    words = f"{spec.name} · {percent(count_of(padding) / padding.size)} padding" if padding.size else spec.name
    if mask is None:
        return words + " · no mask is made from this input"
    odd, bare = count_of(neither(mask, padding)), count_of(both(mask, padding))
    words += f" · {odd:,} real {'step is' if odd == 1 else 'steps are'} skipped" if odd else ""
    return words + (f" · {bare:,} padded {'step is' if bare == 1 else 'steps are'} not skipped" if bare else "")


def spread(array: NDArray[Any], columns: NDArray[Any], steps: int, fill: object) -> NDArray[Any]:
    """``array`` ``(batch, t)`` laid at ``columns`` of an axis of ``steps``, ``fill`` elsewhere; unchanged where it fits already."""
    if len(columns) == steps and array.shape[1] == steps and (columns == np.arange(steps)).all():
        return array
    wide = np.full((len(array), steps), fill, array.dtype)
    wide[:, columns] = array
    return wide


def _flat(array: NDArray[Any], lead: int) -> NDArray[Any]:
    """All units of an output behind its ``lead`` first axes as one axis."""
    return array.reshape(*array.shape[:lead], int(np.prod(array.shape[lead:], dtype=int)))


@by_rows
def _of_unit(array: NDArray[Any], *, lead: int, unit: int) -> NDArray[Any]:
    """One unit of an output whose first ``lead`` axes are not units, for reading it again and again."""
    return np.ascontiguousarray(_flat(array, lead)[..., unit])


@by_rows
def _norm(array: NDArray[Any], *, lead: int) -> NDArray[Any]:
    return np.asarray(np.sqrt((_flat(array, lead).astype(np.float64) ** 2).sum(axis=-1)))


@by_rows
def _winner(array: NDArray[Any], *, lead: int) -> NDArray[Any]:
    """The class with the largest value, NaN where any value is NaN."""
    flat = _flat(array, lead)
    winner: NDArray[Any] = flat.argmax(axis=-1).astype(np.float32)
    if flat.dtype.kind == "f":
        winner[np.isnan(flat).any(axis=-1)] = np.nan
    return winner


def on_axis(
    kind: Kind, title: str, subtitle: str, unit: str, trace: Trace, out: OutputTrace, values: NDArray[Any], steps: int, classes: int = 0
) -> Heatmap:
    """Values ``(batch, t)`` of an output laid on the shared axis with its mask and padding; ``(batch,)`` values as they are."""
    values = values if values.dtype.kind == "f" else values.astype(np.float32)
    if values.ndim == 2 and values.shape[1] == 1 and not out.has_time:
        values = values[:, 0]
    if values.ndim == 1:
        return Heatmap(kind, title, subtitle, unit=unit, values=values, classes=classes)
    columns, steps, own = columns_of(out, values.shape[1], steps)
    subtitle += " · its steps are counted on their own" if own else ""
    present = np.zeros(steps, bool)
    present[columns] = True
    marks: dict[str, Any] = {name: spread(found, columns, steps, False) for name, found in step_marks(trace, out, values.shape).items()}
    return Heatmap(
        kind, title, subtitle, unit=unit, present=present, values=spread(values, columns, steps, np.nan), classes=classes, **marks,
    )  # fmt: skip


def step_marks(trace: Trace, out: OutputTrace, shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """The marks of the steps ``(batch, time)`` of a tensor by the fields of ``Heatmap``: as its statuses have it, and padding besides."""
    mask = step_mask(trace.masks[out.mask], shape) if out.mask is not None and out.mask in trace.masks else None
    skipped = np.zeros(shape, bool) if mask is None else inverse(mask)
    padding = padding_of(trace, out, shape)
    status = trace.status.get(out.ref) if out.ref is not None else None
    known = status is not None and status.shape == shape
    exposed = is_status(status, which=Status.EXPOSED) if known and status is not None else np.zeros(shape, bool)
    marks = {"skipped": skipped, "exposed": exposed, "padded": both(padding, inverse(exposed) if mask is None else mask)}
    if known and status is not None and mask is not None and count_of(leaking := is_status(status, which=Status.LEAKING)):
        marks["odd"] = leaking
    return marks


def columns_of(out: OutputTrace, length: int, steps: int) -> tuple[NDArray[Any], int, bool]:
    """Where the steps of a tensor lie on a shared axis of ``steps``, how long that has to be, and whether they are counted on their own."""
    known = out.steps is not None and len(out.steps) == length and max(out.steps, default=0) < steps and min(out.steps, default=0) >= 0
    columns = np.asarray(out.steps if known else np.arange(length))
    return columns, max(steps, int(columns.max(initial=0)) + 1), not known and length != steps


def padding_of(trace: Trace, out: OutputTrace, shape: tuple[int, ...]) -> NDArray[Any]:
    """Which steps ``(batch, time)`` of a tensor belong to padding; none where that is not known."""
    if out.ref is not None and out.ref in trace.windowed:
        windowed = trace.windowed[out.ref]
        return windowed if windowed.shape == shape else np.zeros(shape, bool)
    if out.steps is None or out.time_input is None or out.time_input not in trace.padding:
        return np.zeros(shape, bool)
    padding = at_steps(trace.padding[out.time_input], out.steps).astype(bool, copy=False)
    return padding if padding.shape == shape else np.zeros(shape, bool)
