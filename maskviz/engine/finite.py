"""Batches and networks in which numbers are none (NaN, infinity): where they are, and the same batch without them.

The padding test is made on finite content: 0 · NaN is NaN, so a NaN in padding goes where no number that stands there would ever count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.engine import compiling
from maskviz.engine.recorder import RecordedCall


def all_finite(arrays: Iterable[NDArray[Any]]) -> bool:
    """Whether all numbers of all arrays are finite. A sum shows it at a fraction of the cost, save where it overflows."""
    with np.errstate(all="ignore"):
        return all(a.dtype.kind != "f" or bool(np.isfinite(a.sum())) or bool(np.isfinite(a).all()) for a in arrays)


def fed_and_found(fed: Iterable[NDArray[Any]], found: Mapping[str, NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """The inputs and the predictions of a pass."""
    yield from fed
    yield from (array for key, array in found.items() if key.startswith("out/"))


def finite_batch(batch: Batch) -> Batch:
    """The batch with noise of the data's own scale in place of what is no number: no mask that looks for a value finds it there."""
    random = np.random.default_rng(2)
    x = {}
    for name, given in batch.x.items():
        odd = ~np.isfinite(given) if given.dtype.kind == "f" else np.zeros(0, bool)
        if not odd.any():
            x[name] = given
            continue
        known = given[~odd].astype("float64")
        scale = 1.0 + (float(known.std()) if known.size else 0.0)
        x[name] = given.copy()
        x[name][odd] = random.normal(float(known.mean()) if known.size else 0.0, scale, int(odd.sum()))
    return replace(batch, x=x)


def kinds(tensor: Any, of_samples: bool = False) -> Any:
    """What each step of a float tensor ``(batch, time, …)`` holds: 0 numbers alone, 1 NaN, 2 infinity, 3 both, as bytes.

    ``of_samples`` asks the same of whole samples, ``(batch,)``.
    """
    axes = tuple(range(1 if of_samples else 2, len(tensor.shape)))
    nan, infinite = ops.isnan(tensor), ops.isinf(tensor)
    if axes:
        nan, infinite = ops.any(nan, axis=axes), ops.any(infinite, axis=axes)
    return ops.cast(nan, "uint8") + 2 * ops.cast(infinite, "uint8")


def broken_weights(calls: Iterable[RecordedCall]) -> dict[str, list[str]]:
    """Names of the weights that hold NaN or infinity, by the call of the innermost layer that owns them."""
    owners: dict[str, tuple[str, str]] = {}
    checked: dict[int, bool] = {}
    for call in calls:
        if not isinstance(call.operation, keras.Layer):
            continue
        for weight in call.operation.weights:
            if id(weight) not in checked:
                checked[id(weight)] = all_finite([compiling.to_numpy(weight.value)])
            if not checked[id(weight)]:
                owners[weight.path] = (call.id, weight.name)  # calls inside come later
    found: dict[str, list[str]] = {}
    for owner, name in owners.values():
        found.setdefault(owner, []).append(name)
    return found
