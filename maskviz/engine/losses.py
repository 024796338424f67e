"""The terms of the loss, recorded while Keras itself computes it.

Recording the arguments of ``reduce_weighted_values`` keeps Keras' own matching of outputs, targets and weights; the formulas
that turn the terms into contributions are in ``core.ledger``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import tree
from keras.src.losses import loss as loss_module

from maskviz.engine import compiling
from maskviz.engine.recorder import mask_of


@dataclass
class RecordedLoss:
    """One outermost loss call: the raw ``values`` before reduction, with mask and weights as Keras used them."""

    loss: keras.losses.Loss
    values: Any = None
    mask: Any = None
    sample_weight: Any = None
    result: Any = None

    @property
    def separable(self) -> bool:
        return self.values is not None and len(self.values.shape) > 0


@dataclass
class LossRecorder:
    """Records the outermost calls of losses; a loss inside a loss is a part of the outer one's own code."""

    calls: list[RecordedLoss] = field(default_factory=list)
    _depth: int = 0

    @contextmanager
    def recording(self) -> Iterator[LossRecorder]:
        loss_call, reduce = keras.losses.Loss.__call__, loss_module.reduce_weighted_values

        @functools.wraps(loss_call)
        def record_call(loss: Any, *args: Any, **kwargs: Any) -> Any:
            if self._depth == 0:
                self.calls.append(RecordedLoss(loss))
            self._depth += 1
            try:
                result = loss_call(loss, *args, **kwargs)
            finally:
                self._depth -= 1
            if self._depth == 0:
                self.calls[-1].result = result
            return result

        @functools.wraps(reduce)
        def record_reduce(values: Any, sample_weight: Any = None, mask: Any = None, **kwargs: Any) -> Any:
            if self._depth == 1:
                call = self.calls[-1]
                call.values, call.sample_weight, call.mask = values, sample_weight, mask
            return reduce(values, sample_weight=sample_weight, mask=mask, **kwargs)

        keras.losses.Loss.__call__, loss_module.reduce_weighted_values = record_call, record_reduce
        try:
            yield self
        finally:
            keras.losses.Loss.__call__, loss_module.reduce_weighted_values = loss_call, reduce


@dataclass(frozen=True)
class LossPart:
    """One loss of a compiled network: the flat number of its output, its weight λ, and what it is called."""

    output: int
    weight: float
    name: str
    reduction: str | None


def loss_parts(network: keras.Model, y_pred: Any) -> list[LossPart]:
    """The losses that ``compile`` set up, in the order in which Keras computes them."""
    flat = getattr(getattr(network, "_compile_loss", None), "_flat_losses", None) or []
    paths = [path for path, _ in tree.flatten_with_path(y_pred)]
    parts: list[LossPart] = []
    for path, loss, weight, _ in flat:
        number = paths.index(tuple(path)) if tuple(path) in paths else min(len(parts), len(paths) - 1)
        parts.append(LossPart(number, 1.0 if weight is None else float(weight), loss_name(loss), getattr(loss, "reduction", None)))
    return parts


def loss_name(loss: Any) -> str:
    """What the user called the loss: the function's or the class' own name."""
    function = getattr(loss, "fn", None)
    return str(getattr(function, "__name__", None) or getattr(loss, "name", None) or type(loss).__name__)


def without_masks(y_pred: Any) -> bool:
    """Whether no prediction carries a mask."""
    return all(mask_of(x) is None for x in tree.flatten(y_pred) if compiling.is_tensor(x))
