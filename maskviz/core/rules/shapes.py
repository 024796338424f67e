"""Targets, weights and masks whose shapes fit only by accident: MV18, MV20, MV21, MV35."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.ledger import LossTerms
from maskviz.core.losses import contributions
from maskviz.core.ranks import RankTrap, traps_of
from maskviz.core.rules import code
from maskviz.core.rules.texts import number

IDS = {
    "target_rank": "MV21-target-without-last-axis",
    "target_repeated": "MV21-target-repeated",
    "weights_rank": "MV18-sample-weights-taken-per-step",
    "mask_rank": "MV35-mask-of-another-rank",
    "weights_mean": "MV20-weighted-mean-too-big",
}
WHY = {
    "target_rank": "Keras makes target and prediction of one rank by dropping a last axis of length 1, here that of the prediction.",
    "target_repeated": "Shapes that differ are broadcast as numpy does it, from the last axis on.",
    "weights_rank": "Weights of fewer axes than the loss are broadcast from the last axis on, which is time and not the samples.",
    "mask_rank": "A mask of fewer axes than the loss is broadcast from the last axis on, which is not the one it is about.",
    "weights_mean": "mean_with_sample_weight divides by the sum of the weights at their own shape, before they are repeated over time.",
}


def rank_traps(facts: Facts) -> Iterator[Finding]:
    """MV18, MV20, MV21, MV35: where Keras combined arrays in another way than they are meant."""
    for trap in traps_of(facts.trace, facts.network, facts.batch):
        if trap.consequence == "raises":
            continue  # then there is no run to speak of
        terms = next((t for t in facts.trace.ledger.terms if t.output == trap.output), None)
        counted, meant = (None, None) if terms is None else _as_meant(trap, terms)
        instead = "" if counted is None or meant is None else f" The loss is {number(counted)} and would be {number(meant)}."
        numbers = {} if counted is None or meant is None else {"loss": counted, "loss as meant": meant}
        yield Finding(
            IDS[trap.kind],
            _severity(facts, trap),
            None,
            f"{trap.sentence[:1].upper()}{trap.sentence[1:]}{instead}",
            WHY[trap.kind],
            _fix(facts, trap),
            f"{KERAS}losses/loss.py",
            {**{f"shape of {name}": list(shape) for name, shape in trap.shapes.items()}, **numbers},
            0.0 if counted is None or meant is None else abs(counted - meant),
        )


def _severity(facts: Facts, trap: RankTrap) -> Severity:
    if trap.consequence == "wrong":
        return Severity.ERROR
    return Severity.WARNING if facts.has_padding else Severity.INFO


def _as_meant(trap: RankTrap, terms: LossTerms) -> tuple[float | None, float | None]:
    """The loss as it was counted, and with weights or mask along the axes they are about; None where that cannot be told."""
    if not terms.separable or not np.isfinite(terms.total):
        return None, None
    values, w, mask = terms.values, terms.sample_weight, terms.mask
    if trap.kind == "weights_rank" and w is not None and w.ndim < values.ndim and w.shape == values.shape[: w.ndim]:
        wide = np.broadcast_to(w.reshape(*w.shape, *[1] * (values.ndim - w.ndim)), values.shape)
        return terms.total, float(contributions(replace(terms, sample_weight=wide)).sum())
    if trap.kind == "mask_rank" and mask is not None and mask.ndim < values.ndim and mask.shape == values.shape[: mask.ndim]:
        kept = np.broadcast_to(mask.reshape(*mask.shape, *[1] * (values.ndim - mask.ndim)), values.shape)
        return terms.total, float(contributions(replace(terms, mask=kept)).sum())
    if trap.kind == "weights_mean" and w is not None and w.size:
        return terms.total, terms.total * w.size / values.size
    return None, None


def _fix(facts: Facts, trap: RankTrap) -> str:
    """Code that gives the array the shape it should have."""
    if trap.kind in ("weights_rank", "weights_mean"):
        spread = _spread("sample_weight", trap.shapes["sample_weight"], trap.shapes["loss"])
        return f"sample_weight = {spread}  # one for each number of the loss"
    if trap.kind == "mask_rank":
        spread = _spread("mask", trap.shapes["mask"], trap.shapes["loss"])
        out = code.variable(next((o.ref for o in facts.trace.network_outputs if o.name == trap.output), None))
        return (
            f"{code.predicted(facts, trap.output)}\nmask = np.asarray(y_pred._keras_mask)\n"
            f'sample_weight = {spread}.astype("float32")\n{out} = keras.ops.copy({out})  # ends the mask: weights stand for it'
        )
    if trap.kind == "target_rank":
        return "y = y[..., None]  # the shape of the prediction"
    return f"y = np.broadcast_to(y, {trap.use})  # if it is meant to be repeated; else give a target of this shape"


def _spread(name: str, given: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """An array along the first axes of another shape, repeated over the rest; of an equal number of values it is only reshaped."""
    if math.prod(given) == math.prod(wanted):
        return f"{name}.reshape({wanted})"
    if len(given) > len(wanted):
        return f"{name}.reshape({(*wanted, -1)}).mean(axis=-1)"
    while len(given) > 1 and given[-1] == 1 and given != wanted[: len(given)]:
        given = given[:-1]
    return f"np.broadcast_to({name}.reshape({(*given, *[1] * (len(wanted) - len(given)))}), {wanted})"
