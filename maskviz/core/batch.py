"""A batch: inputs, targets, weights and which steps are padding, with the edits that change it (pure functions)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core import row_copies
from maskviz.core.network import InputSpec
from maskviz.core.row_copies import copy_for, rows_that_differ, shared

Arrays = Mapping[str, NDArray[Any]]

PICKED_BYTES = 2**24


@dataclass(frozen=True)
class Batch:
    """What is fed to the network, by the network's own input and output names.

    ``x[name]`` is ``(batch, time)`` for ids, ``(batch, time, features)`` for features; ``y`` and ``sample_weight`` are by
    output name and may lack outputs. ``padding[name]`` is ``(batch, time)`` bool for every input with a time axis, True =
    filler. ``content[name]`` has the shape of ``x`` and holds what a step holds when it is real: the editor writes the pad
    value into ``x`` where ``padding`` is True and takes ``content`` back when a step is made real again.
    ``source`` says in a few words where the batch comes from, for titles and PNG metadata.
    """

    x: Arrays
    y: Arrays = field(default_factory=dict)
    sample_weight: Arrays = field(default_factory=dict)
    padding: Arrays = field(default_factory=dict)
    content: Arrays = field(default_factory=dict)
    source: str = "generated"
    declared: frozenset[str] = frozenset()
    """Inputs whose padding somebody stated; that of the others was read off ``x``, where a real 0 looks like padding."""

    @property
    def size(self) -> int:
        """Number of samples."""
        return len(next(iter(self.x.values()))) if self.x else 0


def size_of(batch: Batch) -> int:
    """Bytes of all arrays of a batch."""
    return sum(a.nbytes for group in (batch.x, batch.y, batch.sample_weight, batch.padding, batch.content) for a in group.values())


def rows_to_send(old: Batch | None, new: Batch) -> NDArray[Any] | None:
    """The samples that differ; None for all of them, also where it takes longer to pick most of a large batch than to send it."""
    rows = None if old is None else changed_rows(old, new)
    most = rows is not None and 2 * len(rows) > new.size and size_of(new) > PICKED_BYTES
    return None if most else rows


def sharing(batch: Batch) -> Batch:
    """The batch with arrays of which an edit copies what it changes alone: for a thread that has the time."""
    if size_of(batch) < row_copies.AT_LEAST:
        return batch
    made: dict[int, NDArray[Any]] = {}  # an array may be in a batch twice

    def taken(arrays: Arrays) -> dict[str, NDArray[Any]]:
        return {name: made.setdefault(id(array), array if id(array) in made else shared(array)) for name, array in arrays.items()}

    return replace(
        batch,
        x=taken(batch.x),
        y=taken(batch.y),
        sample_weight=taken(batch.sample_weight),
        padding=taken(batch.padding),
        content=taken(batch.content),
    )


def some_rows(batch: Batch, rows: NDArray[Any]) -> Batch:
    """The batch of some samples only. The contents behind padding stay behind: they are the editor's."""
    if np.array_equal(rows, np.arange(batch.size)):
        return replace(batch, content={})  # nothing needs to be copied

    def pick(arrays: Arrays) -> dict[str, NDArray[Any]]:
        return {name: array[rows] for name, array in arrays.items()}

    return Batch(pick(batch.x), pick(batch.y), pick(batch.sample_weight), pick(batch.padding), {}, batch.source, batch.declared)


def _changed(arrays: Arrays, name: str, samples: Any, value: Any) -> dict[str, NDArray[Any]]:
    """A copy of ``arrays`` in which ``arrays[name][samples] = value``; the other arrays are shared."""
    new = copy_for(arrays[name], samples)
    new[samples] = value
    return {**arrays, name: new}


def set_padding(batch: Batch, spec: InputSpec, sample: int | slice | NDArray[Any], padded: NDArray[Any]) -> Batch:
    """The batch with the padding of one sample of one input replaced by ``padded`` ``(time,)`` bool, or of several at once by
    ``(samples, time)``. A step that becomes padding holds the pad value, one that becomes real its content; others stay as they are.
    """
    name = spec.name
    pad = np.asarray(spec.pad_value if spec.pad_value is not None else 0, dtype=batch.x[name].dtype)
    was, x, content = batch.padding[name][sample], batch.x[name][sample], batch.content[name][sample]
    hidden, shown = (steps.reshape(steps.shape + (1,) * (x.ndim - steps.ndim)) for steps in (padded & ~was, was & ~padded))
    return replace(
        batch,
        padding=_changed(batch.padding, name, sample, padded),
        x=_changed(batch.x, name, sample, np.where(hidden, pad, np.where(shown, content, x))),
        declared=batch.declared | {name},
    )


def without_weights(batch: Batch, name: str) -> Batch:
    """The batch without the weights of one output."""
    return replace(batch, sample_weight={k: v for k, v in batch.sample_weight.items() if k != name})


def changed_rows(old: Batch, new: Batch) -> NDArray[Any] | None:
    """Numbers of the samples that differ between two batches of one shape, or None where shapes or keys differ.

    What the edits above share is not compared, so that this costs what was edited and not the batch.
    """
    rows = np.zeros(new.size, bool)
    for before, after in ((old.x, new.x), (old.y, new.y), (old.sample_weight, new.sample_weight), (old.padding, new.padding)):
        if before.keys() != after.keys():
            return None
        for name, array in after.items():
            other = before[name]
            if other is array:
                continue
            if other.shape != array.shape or other.dtype != array.dtype or len(array) != len(rows):
                return None
            rows[rows_that_differ(other, array)] = True
    return np.flatnonzero(rows)
