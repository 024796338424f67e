"""The terms of the loss, recorded while Keras itself computes it.

Recording the arguments of ``reduce_weighted_values`` keeps Keras' own matching of outputs, targets and weights; the formulas
that turn the terms into contributions are in ``core.version_rules``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import keras
from keras import tree
from keras.src.losses import loss as loss_module
from keras.src.trainers.compile_utils import CompileLoss

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
    """Records the outermost calls of losses; a loss inside a loss is a part of the outer one's own code.

    So is what a class with a ``__call__`` of its own does, by ``super().__call__`` or without: such classes are wrapped when
    ``CompileLoss`` comes to call them, and give one number for the batch.
    """

    calls: list[RecordedLoss] = field(default_factory=list)
    _depth: int = 0
    _wrapped: dict[type, Any] = field(default_factory=dict)

    @contextmanager
    def recording(self) -> Iterator[LossRecorder]:
        base, reduce = keras.losses.Loss.__call__, loss_module.reduce_weighted_values
        build, compiled_call = CompileLoss.build, CompileLoss.call

        @functools.wraps(build)
        def build_and_wrap(compiled: Any, *args: Any) -> None:
            build(compiled, *args)
            self._wrap_own_calls(compiled)

        @functools.wraps(compiled_call)
        def wrap_and_call(compiled: Any, *args: Any, **kwargs: Any) -> Any:
            self._wrap_own_calls(compiled)
            return compiled_call(compiled, *args, **kwargs)

        @functools.wraps(reduce)
        def record_reduce(values: Any, sample_weight: Any = None, mask: Any = None, **kwargs: Any) -> Any:
            if self._depth == 1:
                call = self.calls[-1]
                call.values, call.sample_weight, call.mask = (compiling.as_it_is(t) for t in (values, sample_weight, mask))
            return reduce(values, sample_weight=sample_weight, mask=mask, **kwargs)

        keras.losses.Loss.__call__, loss_module.reduce_weighted_values = self._recording(base), record_reduce
        CompileLoss.build, CompileLoss.call = build_and_wrap, wrap_and_call
        try:
            yield self
        finally:
            keras.losses.Loss.__call__, loss_module.reduce_weighted_values = base, reduce
            CompileLoss.build, CompileLoss.call = build, compiled_call
            for owner, own in self._wrapped.items():
                owner.__call__ = own  # type: ignore[method-assign]
            self._wrapped.clear()

    def _recording(self, call: Any) -> Any:
        @functools.wraps(call)
        def record_call(loss: Any, *args: Any, **kwargs: Any) -> Any:
            if self._depth == 0:
                self.calls.append(RecordedLoss(loss))
            self._depth += 1
            try:
                result = call(loss, *args, **kwargs)
            finally:
                self._depth -= 1
            if self._depth == 0:
                self.calls[-1].result = result
            return result

        return record_call

    def _wrap_own_calls(self, compiled: CompileLoss) -> None:
        for _, loss, _, _ in compiled._flat_losses or ():
            owner = next(c for c in type(loss).__mro__ if "__call__" in vars(c))
            if owner is not keras.losses.Loss and owner not in self._wrapped:
                self._wrapped[owner] = owner.__call__
                owner.__call__ = self._recording(owner.__call__)  # type: ignore[method-assign]


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
    # of several losses on the one output of a network, Keras 3.15.1 counts the first alone (CompileLoss.call, "Fast path")
    return parts if tree.is_nested(y_pred) else [replace(part, weight=part.weight if n == 0 else 0.0) for n, part in enumerate(parts)]


def has_loss(network: keras.Model) -> bool:
    """Whether ``evaluate()`` computes a loss: one given to ``compile``, what layers add, or code of the network's own."""
    own = type(network).compute_loss is not keras.Model.compute_loss
    return bool(network.compiled and (network._compile_loss is not None or own or network.losses))


def is_of_keras(network: keras.Model) -> bool:
    """Whether computing the loss once more changes nothing: a ``compute_loss`` of the user's own may count its calls."""
    return type(network).compute_loss is keras.Model.compute_loss


def loss_name(loss: Any) -> str:
    """What the user called the loss: the function's or the class' own name."""
    function = getattr(loss, "fn", None)
    return str(getattr(function, "__name__", None) or getattr(loss, "name", None) or type(loss).__name__)


def without_masks(y_pred: Any) -> bool:
    """Whether no prediction carries a mask."""
    return all(mask_of(x) is None for x in tree.flatten(y_pred) if compiling.is_tensor(x))
