"""Values: what one call puts out at each step, and how far each step moves in the padding test.

A pass is compiled once for each output and shape of batch and kept with the tracer, so that the answer follows edits about as quickly
as the trace; all that the output does not need is left out of it. Where rows do not influence each other, only those that changed run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, proxy

import numpy as np
from keras import ops
from numpy.typing import NDArray

from maskviz.core.batch import Batch, changed_rows, some_rows
from maskviz.core.errors import UnusableInput
from maskviz.core.probes import AskValues, Values
from maskviz.engine import compiling, padding_test
from maskviz.engine.forward import Feed
from maskviz.engine.probes.running import find_target, output_of, record, tensors
from maskviz.engine.tracing import Tell, Tracer

MOST_PASSES = 16  # compiled passes kept for a network
_passes: WeakKeyDictionary[Tracer, dict[Any, _ValuesPass]] = WeakKeyDictionary()


def measure(tracer: Tracer, batch: Batch, ask: AskValues, tell: Tell) -> Values:
    """One number for each step of the whole batch: a unit, the norm over units, or the winning class."""
    if ask.target in batch.x:
        return _of_input(tracer, batch, ask)
    feed = tracer.changed_feed(batch)
    key = (ask.target, ask.view, feed.shapes())
    passes = _passes.setdefault(tracer, {})
    if key not in passes:
        while len(passes) >= MOST_PASSES:
            passes.pop(next(iter(passes)))
        passes[key] = _ValuesPass(tracer, batch, ask, tell)
    return passes[key].answer(batch, ask.unit)


def reduced(values: Any, view: str, unit: Any) -> Any:
    """``(…, units)`` as one float32 number each: unit number ``unit``, their Euclidean norm, or the number of the largest."""
    if view == "class":
        winner = ops.cast(ops.argmax(values, axis=-1), "float32")
        broken = ops.any(ops.isnan(values), axis=-1) if compiling.is_float(values) else ops.zeros_like(winner, "bool")
        return ops.where(broken, float("nan"), winner)
    values = ops.cast(values, "float32")
    if view == "norm":
        return ops.sqrt(ops.sum(ops.square(values), axis=-1))
    return ops.take(values, unit, axis=-1)


@dataclass
class _Kept:
    """What the last batch gave, for the rows of the next that did not change."""

    batch: Batch
    unit: int
    values: NDArray[Any]
    amount: NDArray[Any]


class _ValuesPass:
    """The compiled pass: the network as given and with other content in its padding, up to one output."""

    def __init__(self, tracer: Tracer, batch: Batch, ask: AskValues, tell: Tell) -> None:
        recording = tracer.trace(batch)
        self._tracer, self._view = proxy(tracer), ask.view
        self.ref = find_target(recording, ask.target)
        about = tensors(recording)[self.ref]
        shape, self._has_time = about["shape"], bool(about["time"])
        if not shape or shape[0] != batch.size:
            raise UnusableInput(f"'{self.ref}' is the same for all samples: it has no values that belong to a sample.")
        if about["dtype"] == "string":
            raise UnusableInput(f"'{self.ref}' is text, which has no colours.")
        self._units = int(np.prod(shape[2 if self._has_time else 1 :], dtype=int))
        tell(f"compiling the values of {self.ref}")
        feed = tracer.changed_feed(batch)
        declared = [tracer.signature.compiled_shape(n, a.shape) for n, a in enumerate(feed.x)]
        arrays = [*feed.x, *feed.changed, np.zeros((), "int32")]
        self._run = compiling.compiled(self._traced, arrays, [*declared, *declared, ()])
        self._kept: _Kept | None = None

    def answer(self, batch: Batch, unit: int) -> Values:
        """The values of a batch of the shape that this was compiled for."""
        unit = min(max(unit, 0), self._units - 1)
        kept, rows = self._kept, None
        if kept is not None and kept.unit == unit and self._tracer.rows_are_independent:
            rows = changed_rows(kept.batch, batch)
        if kept is None or rows is None or len(rows) > batch.size // 2:
            values, amount = self._measured(self._tracer.changed_feed(batch), unit)
        else:
            values, amount = kept.values, kept.amount
            if len(rows):
                values, amount = values.copy(), amount.copy()
                values[rows], amount[rows] = self._measured(self._tracer.changed_feed(some_rows(batch, rows)), unit)
        self._kept = _Kept(batch, unit, values, amount)
        return Values(self.ref, self._view, unit, self._units, self._has_time, values, amount)

    def _measured(self, feed: Feed, unit: int) -> tuple[NDArray[Any], NDArray[Any]]:
        arrays = [*feed.x, *feed.changed, np.asarray(unit, "int32")]
        values, amount = self._run(*[compiling.to_tensor(a) for a in arrays])
        return compiling.to_numpy(values), compiling.to_numpy(amount)

    def _traced(self, *tensors: Any) -> tuple[Any, Any]:
        tracer, half = self._tracer, len(tensors) // 2
        x, changed, unit = list(tensors[:half]), list(tensors[half:-1]), tensors[-1]
        padded, behind = self._padded(x, changed)
        saved = [ops.copy(v.value) for v in tracer.state]
        _, given = record(tracer.network, tracer.signature, x, False, None)
        self._put_back(saved)
        twins = {call.id: call for call in given.calls}
        halves = padding_test.Halves(ops.ones(()), ops.shape(x[0])[0], frozenset(tracer.signature.input_names), twins, padded, behind)
        _, other = record(tracer.network, tracer.signature, changed, False, halves.after_call)
        self._put_back(saved)
        first, second = self._flat(output_of(given, self.ref)), self._flat(output_of(other, self.ref))
        return reduced(first, self._view, unit), _movement(first, second)

    def _padded(self, x: list[Any], changed: list[Any]) -> tuple[dict[str, Any], frozenset[str]]:
        """Padded steps of ids that stay as they are, since noise is put on what is made of them; and the layers it is put behind."""
        places = self._tracer.places
        padded = {}
        for number, name in enumerate(self._tracer.signature.input_names):
            if name in places.ids:
                padded[name] = padding_test.padded_steps(x[number], changed[number])
                changed[number] = x[number]
        return padded, places.behind

    def _put_back(self, saved: list[Any]) -> None:
        for variable, value in zip(self._tracer.state, saved, strict=True):
            variable.assign(value)

    def _flat(self, tensor: Any) -> Any:
        """``(batch, time, units)``, ``(batch, units)`` without a time axis."""
        lengths = ops.shape(tensor)
        return ops.reshape(tensor, (*lengths[: 2 if self._has_time else 1], self._units))


def _movement(first: Any, second: Any) -> Any:
    """The largest movement of a step's units; NaN where a number became none, or came from none."""
    first, second = ops.cast(first, "float32"), ops.cast(second, "float32")
    same = ops.logical_or(ops.equal(first, second), ops.logical_and(ops.isnan(first), ops.isnan(second)))
    return ops.max(ops.where(same, 0.0, ops.abs(second - first)), axis=-1)


def _of_input(tracer: Tracer, batch: Batch, ask: AskValues) -> Values:
    """An input itself: no pass is needed for what is fed to the network."""
    assert ask.target is not None
    x = batch.x[ask.target]
    if x.dtype.kind not in "fiub":
        raise UnusableInput(f"'{ask.target}' is text, which has no colours.")
    has_time = ask.target in batch.padding
    feed = tracer.changed_feed(batch)
    other = feed.changed[tracer.signature.input_names.index(ask.target)]
    flat, changed = (a.reshape(*a.shape[: 2 if has_time else 1], -1) for a in (x, other))
    unit = min(max(ask.unit, 0), flat.shape[-1] - 1)
    values = compiling.to_numpy(reduced(compiling.to_tensor(flat), ask.view, unit))
    amount = compiling.to_numpy(_movement(compiling.to_tensor(flat), compiling.to_tensor(changed)))
    return Values(ask.target, ask.view, unit, flat.shape[-1], has_time, values, amount)
