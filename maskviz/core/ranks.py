"""Shapes of targets, weights and masks that Keras would combine in another way than they are meant, found before it does.

Keras gives two arrays of other ranks the same rank only where a last axis of length 1 can be dropped or added (``losses/loss.py``,
``squeeze_or_expand_to_same_rank``); else they are repeated from the last axis on, as numpy does. Where the batch is as long as the time
axis, that works without a word and computes something else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from maskviz.core.batch import Batch
from maskviz.core.network import Network
from maskviz.core.trace import Trace

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
Consequence = Literal["wrong", "raises", "coarse"]

SPARSE = {"sparsecategoricalcrossentropy"}
OF_EQUAL_SHAPES = {
    *("meansquarederror", "mse", "meanabsoluteerror", "mae", "meanabsolutepercentageerror", "mape"),
    *("meansquaredlogarithmicerror", "msle", "huber", "logcosh", "poisson", "kldivergence", "cosinesimilarity"),
    *("binarycrossentropy", "binaryfocalcrossentropy", "categoricalcrossentropy", "categoricalfocalcrossentropy"),
    *("hinge", "squaredhinge", "categoricalhinge"),
}
"""Losses of Keras that compare a target with a prediction of its shape and take the mean over the last axis."""
OF_SAMPLES = {"ctc"}
"""Losses of Keras that give one number a sample."""


@dataclass(frozen=True)
class RankTrap:
    """Shapes at one output that do not mean what they say.

    ``kind`` is ``target_rank`` (the time axis is taken for the features), ``target_repeated``, ``weights_rank``, ``mask_rank`` or
    ``weights_mean`` (the weighted mean divides by too few weights). ``consequence``: ``wrong`` Keras silently computes something else,
    ``raises`` it stops with a message about dimensions, ``coarse`` the number is right, but is one of samples instead of steps.
    ``use`` is the shape to give instead, None where there is none.
    """

    kind: Literal["target_rank", "target_repeated", "weights_rank", "mask_rank", "weights_mean"]
    output: str
    sentence: str
    consequence: Consequence
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    use: Shape | None = None


def rank_traps(
    network: Network,
    batch: Batch,
    prediction_shapes: Shapes,
    mask_shapes: Shapes | None = None,
    loss_shapes: Shapes | None = None,
    reductions: Mapping[str, str | None] | None = None,
) -> tuple[RankTrap, ...]:
    """The traps of a batch, at most one for an output. All shapes are by output name and include the batch axis.

    ``loss_shapes`` are those of the raw losses where a run showed them; without them they follow from targets and predictions for the
    losses of Keras, and an output with a loss of another kind is left alone.
    """
    found = []
    for spec in network.outputs:
        y, prediction = batch.y.get(spec.name), prediction_shapes.get(spec.name)
        if y is None or prediction is None or spec.loss is None:
            continue
        weight = batch.sample_weight.get(spec.name)
        shapes = _Shapes(
            spec.name,
            _plain(spec.loss),
            tuple(y.shape),
            tuple(prediction),
            None if weight is None else tuple(weight.shape),
            (mask_shapes or {}).get(spec.name),
            (loss_shapes or {}).get(spec.name),
            (reductions or {}).get(spec.name),
        )
        trap = shapes.target() or shapes.weights() or shapes.masks() or shapes.mean()
        if trap is not None:
            found.append(trap)
    return tuple(found)


def traps_of(trace: Trace, network: Network, batch: Batch) -> tuple[RankTrap, ...]:
    """The traps of a batch that was traced, by the shapes that the run showed."""
    masks = {o.name: trace.masks[o.mask].shape for o in trace.network_outputs if o.mask is not None}
    raw = {t.output: t.values.shape for t in trace.ledger.terms if t.separable}
    reductions = {t.output: t.reduction for t in trace.ledger.terms}
    return rank_traps(network, batch, {name: p.shape for name, p in trace.outputs.items()}, masks, raw, reductions)


@dataclass(frozen=True)
class _Shapes:
    """What meets at one output."""

    output: str
    loss: str
    y: Shape
    prediction: Shape
    weight: Shape | None
    mask: Shape | None
    recorded: Shape | None
    reduction: str | None

    def raw(self) -> Shape | None:
        """The shape of the raw loss; None where Keras cannot compute it, or a loss of the user's own decides."""
        if self.recorded is not None:
            return self.recorded
        if self.loss in SPARSE:
            return self.prediction[:-1]
        if self.loss in OF_SAMPLES:
            return self.prediction[:1]
        if self.loss not in OF_EQUAL_SHAPES:
            return None
        together = _repeated(*_same_rank(self.y, self.prediction))
        return None if together is None else together[:-1]

    def target(self) -> RankTrap | None:
        if self.loss not in OF_EQUAL_SHAPES:
            return None
        y, prediction = _same_rank(self.y, self.prediction)
        shapes = {"y": self.y, "prediction": self.prediction}
        if y == prediction:
            return self._time_taken_for_features(shapes) if len(self.y) == len(self.prediction) - 1 and len(self.y) > 1 else None
        if _repeated(y, prediction) is None:
            consequence: Consequence = "raises"
            does = "cannot be compared"
        else:
            consequence = "wrong"
            does = "are repeated along each other's axes without a word, so that values are compared that do not belong together"
        sentence = (
            f"The target of '{self.output}' has shape {self.y} and its prediction {self.prediction}: they {does}; "
            f"give a target of shape {self.prediction}."
        )
        return RankTrap("target_repeated", self.output, sentence, consequence, shapes, self.prediction)

    def _time_taken_for_features(self, shapes: dict[str, Shape]) -> RankTrap:
        """y ``(batch, time)`` against ``(batch, time, 1)``: the last axis is dropped, and the mean is taken over time."""
        raw = self.y[:-1]
        per_step = {name: s for name, s in (("mask", self.mask), ("sample_weight", self.weight)) if s is not None and not _fits(raw, s)}
        consequence: Consequence = "coarse"
        then = ""
        if per_step:
            consequence = "wrong" if all(_repeated(*_same_rank(raw, s)) is not None for s in per_step.values()) else "raises"
            what = " and ".join(f"{name} {s}" for name, s in per_step.items())
            ends = "is repeated over other samples without a word" if consequence == "wrong" else "does not fit"
            then = f", to which {what} {ends}"
        sentence = (
            f"The target of '{self.output}' has shape {self.y} and its prediction {self.prediction}: Keras drops the last axis and takes "
            f"the mean over time, so that the loss has shape {raw} instead of {self.y}{then}; give a target of shape {self.prediction}."
        )
        return RankTrap("target_rank", self.output, sentence, consequence, shapes | per_step, self.prediction)

    def weights(self) -> RankTrap | None:
        raw = self.raw()
        if raw is None or self.weight is None or _fits(raw, self.weight):
            return None
        repeats = _repeated(*_same_rank(raw, self.weight)) is not None
        if repeats and self.mask is not None:
            repeats = _repeated(*_same_rank(self.mask, self.weight)) is not None
        short = self.weight == raw[: len(self.weight)]
        use = (*self.weight, *[1] * (len(raw) - len(self.weight))) if short else raw
        if not repeats:
            does = "which cannot be multiplied"
        elif len(self.weight) == 1:
            does = f"and since there are as many samples as timesteps ({raw[1]}), Keras takes them as one weight a timestep"
        else:
            does = "and Keras repeats them along other axes than they are meant for, without a word"
        sentence = f"The sample_weight of '{self.output}' has shape {self.weight} and its loss {raw}, {does}; give weights of shape {use}."
        consequence: Consequence = "wrong" if repeats else "raises"
        return RankTrap("weights_rank", self.output, sentence, consequence, {"sample_weight": self.weight, "loss": raw}, use)

    def masks(self) -> RankTrap | None:
        raw = self.raw()
        if raw is None or self.mask is None or _fits(raw, self.mask):
            return None
        repeats = _repeated(*_same_rank(raw, self.mask)) is not None
        does = "repeats the mask along other axes than it is meant for, without a word" if repeats else "cannot multiply the two"
        use = f"end before the output, and leave padding out by sample_weight of shape {raw}"
        if len(raw) == 1:
            use = "end before the output: a loss of samples leaves no steps out"
        sentence = f"The mask of '{self.output}' has shape {self.mask} and its loss {raw}: Keras {does}; let the mask {use}."
        return RankTrap("mask_rank", self.output, sentence, "wrong" if repeats else "raises", {"mask": self.mask, "loss": raw}, raw)

    def mean(self) -> RankTrap | None:
        """``mean_with_sample_weight`` divides by the sum of the weights as they were given, not by that of all steps they count for."""
        raw = self.raw()
        if self.reduction != "mean_with_sample_weight" or raw is None or self.weight is None or self.mask is not None:
            return None
        weight = _same_rank(raw, self.weight)[1]
        times = math.prod(raw) // max(math.prod(weight), 1)
        if times <= 1:
            return None
        sentence = (
            f"The sample_weight of '{self.output}' has shape {self.weight} and its loss {raw}: the mean by weights divides by the sum of "
            f"the weights as given, so that the loss is {times} times too large; give weights of shape {raw}."
        )
        return RankTrap("weights_mean", self.output, sentence, "wrong", {"sample_weight": self.weight, "loss": raw}, raw)


def _plain(loss: str) -> str:
    """``mean_squared_error`` and ``MeanSquaredError`` alike."""
    return loss.replace("_", "").lower()


def _fits(raw: Shape, shape: Shape) -> bool:
    """Whether Keras combines a mask or weights with a raw loss axis by axis, each axis as long or of length 1."""
    a, b = _same_rank(raw, shape)
    return len(a) == len(b) and all(m in (n, 1) for n, m in zip(a, b, strict=True))


def _same_rank(a: Shape, b: Shape) -> tuple[Shape, Shape]:
    if len(a) == len(b) + 1 and a[-1] == 1:
        return (a, (*b, 1)) if len(b) == 1 else (a[:-1], b)
    if len(b) == len(a) + 1 and b[-1] == 1:
        return ((*a, 1), b) if len(a) == 1 else (a, b[:-1])
    return a, b


def _repeated(a: Shape, b: Shape) -> Shape | None:
    try:
        return tuple(np.broadcast_shapes(a, b))
    except ValueError:
        return None
