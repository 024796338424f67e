"""Moving, inserting and deleting timesteps of a batch (pure functions).

Every act says for each new step which old one it takes (``source``) and whether it is padding; targets and weights that stand on
the same time axis move along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Arrays, Batch
from maskviz.core.batch_fit import pad_of
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec, Network
from maskviz.core.row_copies import copy_for
from maskviz.core.trace import Trace

Side = Literal["left", "right"]


@dataclass(frozen=True, eq=False)
class TargetAxis:
    """The time axis of an output's targets: ``rows[t]`` is the step of ``input`` that target step t belongs to."""

    output: str
    input: str | None
    rows: NDArray[np.intp]


def target_axes(batch: Batch, network: Network, trace: Trace | None) -> tuple[TargetAxis, ...]:
    """The time axes of all targets that have one; before a trace, those as long as the only input with steps."""
    axes = []
    timed = list(batch.padding)
    for spec in network.outputs:
        y = batch.y.get(spec.name)
        if y is None or y.ndim < 2:
            continue
        out = next((o for o in trace.network_outputs if o.name == spec.name), None) if trace else None
        if out is None:
            if len(spec.shape) >= 3:
                own = timed[0] if len(timed) == 1 and batch.padding[timed[0]].shape[1] == y.shape[1] else None
                axes.append(TargetAxis(spec.name, own, np.arange(y.shape[1])))
        elif out.has_time and out.steps is not None and len(out.steps) == y.shape[1]:
            axes.append(TargetAxis(spec.name, out.time_input, np.asarray(out.steps)))
        elif out.has_time:
            axes.append(TargetAxis(spec.name, None, np.arange(y.shape[1])))
    return tuple(axes)


def take_steps(
    batch: Batch,
    spec: InputSpec,
    samples: NDArray[np.intp],
    source: NDArray[np.intp],
    padded: NDArray[np.bool_],
    axes: Sequence[TargetAxis] = (),
) -> Batch:
    """The batch whose ``samples`` take their steps of one input from ``source``, both ``(samples, new time)``.

    Another number of steps is for all samples at once. A step that becomes padding holds the pad value, its content is remembered.
    """
    name, was = spec.name, batch.padding[spec.name][samples]
    before = np.take_along_axis(was, source, axis=1)
    x, content = (_taken(arrays[name][samples], source) for arrays in (batch.x, batch.content))
    x = np.where(_wide(padded & ~before, x), np.asarray(pad_of(spec), x.dtype), np.where(_wide(before & ~padded, x), content, x))
    y, weight = dict(batch.y), dict(batch.sample_weight)
    for axis in axes:
        if axis.input == name and (target := _target_source(axis, source, was.shape[1])) is not None:
            for arrays in (y, weight):
                if axis.output in arrays and arrays[axis.output].ndim > 1 and arrays[axis.output].shape[1] == len(axis.rows):
                    old = arrays[axis.output]
                    arrays[axis.output] = _put(old, samples, _taken(old[samples], target))
    return replace(
        batch,
        x=_with(batch.x, name, samples, x),
        content=_with(batch.content, name, samples, content),
        padding=_with(batch.padding, name, samples, padded),
        y=y,
        sample_weight=weight,
        declared=batch.declared | {name},
    )


def _taken(array: NDArray[Any], source: NDArray[np.intp]) -> NDArray[Any]:
    """The steps of ``source`` ``(samples, new time)``, each with all its features: far faster than an index for every feature."""
    return np.asarray(array[np.arange(len(array))[:, None], source])


def _wide(steps: NDArray[np.bool_], array: NDArray[Any]) -> NDArray[np.bool_]:
    return steps.reshape(steps.shape + (1,) * (array.ndim - 2))


def _with(arrays: Arrays, name: str, samples: NDArray[np.intp], new: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {**arrays, name: _put(arrays[name], samples, new)}


def _put(array: NDArray[Any], samples: NDArray[np.intp], new: NDArray[Any]) -> NDArray[Any]:
    if new.shape[1] != array.shape[1]:
        return new
    array = copy_for(array, samples)
    array[samples] = new
    return array


def _target_source(axis: TargetAxis, source: NDArray[np.intp], steps: int) -> NDArray[np.intp] | None:
    """Which target step each new target step takes: the one that belongs to the input's step, else the nearest one.

    None where the axis cannot be continued to another number of steps (a stride): the targets stay as they are.
    """
    rows = axis.rows
    if not len(rows) or (np.diff(rows) < 1).any() or rows[0] < 0:
        return None
    new = rows
    if source.shape[1] != steps:
        if len(rows) > 1 and (np.diff(rows) != 1).any():
            return None
        new = np.arange(rows[0], source.shape[1] - (steps - 1 - rows[-1]))
    if not len(new) or new[-1] >= source.shape[1]:
        return None
    after = np.searchsorted(rows, np.arange(steps)).clip(0, len(rows) - 1)
    return np.asarray(after[source[:, new]])


# --- acts


def to_side(batch: Batch, spec: InputSpec, samples: NDArray[np.intp], side: Side, axes: Sequence[TargetAxis] = ()) -> Batch:
    """The batch with all padding of some samples at one side, the real steps in their order at the other."""
    padding = batch.padding[spec.name][samples]
    order = np.argsort(padding if side == "right" else ~padding, axis=1, kind="stable")
    return take_steps(batch, spec, samples, order, np.take_along_axis(padding, order, axis=1), axes)


def insert_steps(batch: Batch, spec: InputSpec, samples: NDArray[np.intp], at: int, count: int, axes: Sequence[TargetAxis] = ()) -> Batch:
    """The batch with ``count`` padded steps before step ``at`` of some samples; as many fall off the end, or off the start where
    only the start is padded. Made real, a new step holds what the step at ``at`` holds."""
    steps = batch.padding[spec.name].shape[1]
    source, new = _inserted(steps, at, count)
    return _shifted(batch, spec, samples, (source[:steps], source[-steps:]), (new[:steps], new[-steps:]), axes)


def delete_steps(batch: Batch, spec: InputSpec, samples: NDArray[np.intp], first: int, last: int, axes: Sequence[TargetAxis] = ()) -> Batch:
    """The batch without steps ``first`` to ``last`` of some samples; what follows moves up and padding fills the end, or the start
    where only the start is padded."""
    steps = batch.padding[spec.name].shape[1]
    gone, rest = np.arange(first, last + 1), np.delete(np.arange(steps), np.arange(first, last + 1))
    ends, starts = np.concatenate([rest, gone]), np.concatenate([gone, rest])
    return _shifted(batch, spec, samples, (ends, starts), (np.isin(ends, gone), np.isin(starts, gone)), axes)


def _inserted(steps: int, at: int, count: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The old step of each new one, and which are new."""
    every = np.arange(steps)
    source = np.concatenate([every[:at], np.full(count, min(at, steps - 1)), every[at:]])
    new = np.zeros(len(source), bool)
    new[at : at + count] = True
    return source, new


def _shifted(
    batch: Batch,
    spec: InputSpec,
    samples: NDArray[np.intp],
    sources: tuple[NDArray[np.intp], NDArray[np.intp]],
    new: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    axes: Sequence[TargetAxis],
) -> Batch:
    """Each sample rearranged by the first of two ways, or by the second where it is padded at its start alone."""
    padding = batch.padding[spec.name][samples]
    at_start = (padding[:, :1] & ~padding[:, -1:]) & ~padding.all(axis=1, keepdims=True)
    source = np.where(at_start, sources[1], sources[0])
    padded = np.where(at_start, new[1], new[0]) | np.take_along_axis(padding, source, axis=1)
    return take_steps(batch, spec, samples, source, padded, axes)


# --- another number of steps for the whole batch


def insert_for_all(batch: Batch, network: Network, spec: InputSpec, at: int, count: int, axes: Sequence[TargetAxis] = ()) -> Batch:
    """The batch with ``count`` padded steps more in every sample, before step ``at``; raises ``UnusableInput``."""
    source, new = _inserted(batch.padding[spec.name].shape[1], at, count)
    return _of_all(batch, network, spec, source, new, axes)


def delete_for_all(batch: Batch, network: Network, spec: InputSpec, first: int, last: int, axes: Sequence[TargetAxis] = ()) -> Batch:
    """The batch without steps ``first`` to ``last`` of every sample; raises ``UnusableInput``."""
    rest = np.delete(np.arange(batch.padding[spec.name].shape[1]), np.arange(first, last + 1))
    return _of_all(batch, network, spec, rest, np.zeros(len(rest), bool), axes)


def with_length(batch: Batch, network: Network, spec: InputSpec, length: int, side: Side, axes: Sequence[TargetAxis] = ()) -> Batch:
    """The batch with ``length`` steps in every sample, padding added or steps cut off at ``side``; raises ``UnusableInput``."""
    steps = batch.padding[spec.name].shape[1]
    source = np.arange(length) if side == "right" else np.arange(steps - length, steps)
    new = (source < 0) | (source >= steps)
    return _of_all(batch, network, spec, source.clip(0, steps - 1), new, axes)


def real_steps_lost(batch: Batch, name: str, length: int, side: Side) -> int:
    """How many real steps of all samples ``with_length`` cuts off."""
    padding = batch.padding[name]
    cut = padding[:, length:] if side == "right" else padding[:, : max(padding.shape[1] - length, 0)]
    return int((~cut).sum())


def _of_all(
    batch: Batch, network: Network, spec: InputSpec, source: NDArray[np.intp], new: NDArray[np.bool_], axes: Sequence[TargetAxis]
) -> Batch:
    fixed = network.input(spec.name).shape[1]
    if fixed is not None and fixed != len(source):
        raise UnusableInput(f"Input {spec.name} of the network takes exactly {fixed} steps, so T cannot be changed.")
    if not len(source):
        raise UnusableInput("A batch needs at least one step: mark fewer of them.")
    samples = np.arange(batch.size)
    source = np.broadcast_to(source, (batch.size, len(source)))
    padded = np.take_along_axis(batch.padding[spec.name], source, axis=1) | new
    return take_steps(batch, spec, samples, source, padded, axes)
