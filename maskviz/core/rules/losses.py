"""Divisors, weights and ranks in the loss: MV01, MV07, MV18, MV19, MV20, MV21, MV31, MV33, MV34, MV35, MV40."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.ledger import LossTerms
from maskviz.core.losses import contributions
from maskviz.core.rules import code
from maskviz.core.rules.texts import number, percent

LOSS = f"{KERAS}losses/loss.py"
MEAN = ("sum_over_batch_size", "mean")


def separable(facts: Facts) -> Iterator[LossTerms]:
    """Losses that give a number a step."""
    return (t for t in facts.trace.ledger.terms if t.separable)


def _total(terms: LossTerms) -> float:
    return float(contributions(terms).sum())


def divided_by_kept(facts: Facts) -> Iterator[Finding]:
    """What other versions of Keras would report for the same masked loss."""
    for terms in separable(facts):
        if terms.mask is None or terms.reduction not in MEAN or terms.mask.all() or not terms.mask.any():
            continue
        counted = _total(terms)
        kept, size = int(np.count_nonzero(terms.mask)), int(terms.mask.size)
        older = counted * kept / size
        yield Finding(
            "MV01-divisor-depends-on-version",
            Severity.INFO,
            None,
            f"The loss of '{terms.output}' is divided by {kept} kept steps: {number(counted)}. TensorFlow up to 2.11 divided by all {size} and "
            f"reported {number(older)}.",
            "Keras 3 divides a masked loss by the number of kept steps. Compare losses across versions only with this in mind.",
            f"# nothing to repair; to compare with an older report: loss * {kept} / {size}",
            "https://github.com/tensorflow/tensorflow/issues/34491",
            {"loss": counted, "kept steps": kept, "all steps": size, "loss over all steps": older},
        )


def predict_has_no_mask(facts: Facts) -> Iterator[Finding]:
    """A loss computed from predict() counts padding, since its arrays carry no mask."""
    for terms in separable(facts):
        if terms.mask is None or terms.mask.all():
            continue
        counted, plain = _total(terms), _total(replace(terms, mask=None))
        if np.isclose(counted, plain, rtol=1e-4):
            continue
        yield Finding(
            "MV07-predict-has-no-mask",
            Severity.INFO,
            None,
            f"predict() returns plain arrays: the loss of '{terms.output}' computed from them is {number(plain)}, not {number(counted)}.",
            "A mask lives on tensors while the network runs. Arrays carry none, so a loss or metric computed by hand counts padding.",
            'y_pred = network(x, training=False)  # a tensor, with its mask\nmask = getattr(y_pred, "_keras_mask", None)',
            "https://github.com/keras-team/keras/issues/3855",
            {"loss": counted, "loss from predict()": plain},
        )


def weights_taken_per_step(facts: Facts) -> Iterator[Finding]:
    """One weight a sample, broadcast along time: goes unnoticed where B equals T."""
    for terms in separable(facts):
        w, values = terms.sample_weight, terms.values
        if w is None or w.ndim != 1 or values.ndim < 2 or values.shape[-1] == 1 or len(w) != values.shape[-1] or np.ptp(w) == 0:
            continue
        counted = _total(terms)
        meant = _total(replace(terms, sample_weight=np.broadcast_to(w.reshape(-1, *[1] * (values.ndim - 1)), values.shape).copy()))
        yield Finding(
            "MV18-sample-weights-taken-per-step",
            Severity.ERROR,
            None,
            f"The {len(w)} weights of '{terms.output}', one a sample, are taken as one a timestep, because the batch has as many samples as steps: "
            f"the loss is {number(counted)} and would be {number(meant)}.",
            "Weights of shape (batch,) against a loss of shape (batch, time) are broadcast along the last axis. With other sizes Keras raises.",
            "sample_weight = np.repeat(sample_weight[:, None], y.shape[1], axis=1)  # one weight a step, (batch, time)",
            LOSS,
            {"loss": counted, "loss with weights per sample": meant},
            abs(counted - meant),
        )


def weights_equal_to_mask(facts: Facts) -> Iterator[Finding]:
    """Weights that say what the mask says change nothing; without a mask they leave the divisor as it was."""
    for terms in separable(facts):
        w = _per_step(terms)
        if w is None or terms.reduction not in MEAN or not _is_binary(w) or not (w == 0).any() or not w.any():
            continue
        if terms.mask is not None and terms.mask.shape == w.shape:
            if np.array_equal(w != 0, terms.mask.astype(bool)):
                yield Finding(
                    "MV19-weights-repeat-the-mask",
                    Severity.INFO,
                    None,
                    f"The sample_weight of '{terms.output}' equals its mask and changes nothing: the loss is {number(_total(terms))} with and without.",
                    "Keras multiplies mask and weights and divides by the kept steps.",
                    "network.fit(x, y)  # the mask alone does it",
                    LOSS,
                    {"loss": _total(terms), "kept steps": int(w.sum())},
                )
            continue
        if terms.mask is not None or terms.values.ndim < 2:
            continue
        counted, kept, size = _total(terms), int(np.count_nonzero(w)), int(w.size)
        mean = counted * size / kept
        yield Finding(
            "MV19-weights-do-not-divide",
            Severity.WARNING,
            None,
            f"The weights of '{terms.output}' leave out {size - kept} of {size} steps, but the loss is still divided by all {size}: "
            f"{number(counted)}, not {number(mean)}.",
            "Keras divides a weighted loss by the number of elements, not by the sum of the weights, so the more padding a batch has the smaller "
            "its loss and its gradients.",
            _mean_with_weights(facts, terms),
            LOSS,
            {"loss": counted, "loss over weighted steps": mean, "weighted steps": kept, "all steps": size},
            abs(mean - counted),
        )


def _mean_with_weights(facts: Facts, terms: LossTerms) -> str:
    name = "".join(part.capitalize() for part in terms.name.split("_"))
    known = {"Mse": "MeanSquaredError", "Mae": "MeanAbsoluteError"}.get(name, name)
    key = f'{{"{terms.output}": loss}}' if len(facts.network.outputs) > 1 else "loss"
    return f'loss = keras.losses.{known}(reduction="mean_with_sample_weight")\nnetwork.compile(network.optimizer, loss={key})'


def _per_step(terms: LossTerms) -> NDArray[np.floating] | None:
    """The weights in the shape of the loss where they are one a step."""
    w = terms.sample_weight
    if w is None:
        return None
    if w.ndim == terms.values.ndim + 1 and w.shape[-1] == 1:
        w = w[..., 0]
    return w if w.shape == terms.values.shape else None


def _is_binary(w: NDArray[np.floating]) -> bool:
    return bool(np.isin(w, (0.0, 1.0)).all())


def weighted_mean_too_big(facts: Facts) -> Iterator[Finding]:
    """mean_with_sample_weight with one weight a sample divides by the samples' weights, not by those of all steps."""
    for terms in separable(facts):
        w = terms.sample_weight
        if terms.reduction != "mean_with_sample_weight" or w is None or terms.mask is not None or terms.values.ndim < 2:
            continue
        if w.size == terms.values.size or not w.sum():
            continue
        counted = terms.total
        times = terms.values.size / w.size
        yield Finding(
            "MV20-weighted-mean-too-big",
            Severity.ERROR,
            None,
            f"The loss of '{terms.output}' is {number(counted)}, {times:g} times too big: it sums over {terms.values.shape[1]} steps and divides by one "
            "weight a sample.",
            "mean_with_sample_weight divides by the sum of the weights at their own shape, before they are broadcast over time.",
            f"sample_weight = np.repeat(sample_weight.reshape(-1, 1), {terms.values.shape[1]}, axis=1)  # (batch, time)",
            LOSS,
            {"loss": counted, "mean over weighted steps": counted / times, "times too big": times},
            abs(counted - counted / times),
        )


def nan_in_padded_targets(facts: Facts) -> Iterator[Finding]:
    """NaN at padded steps of y makes the loss NaN, masked or not."""
    for output, y in facts.batch.y.items():
        padding = facts.real_padding(output) if any(o.name == output for o in facts.trace.network_outputs) else None
        if y.dtype.kind != "f" or not np.isnan(y).any():
            continue
        bad = np.isnan(y.reshape(*y.shape[:2], -1)).any(axis=2) if y.ndim >= 2 else np.isnan(y)
        only_padding = padding is not None and padding.shape == bad.shape and not (bad & ~padding).any()
        reported = facts.trace.ledger.reported
        if reported is None or not np.isnan(reported):
            continue
        where = "at padded steps" if only_padding else "at steps that count"
        yield Finding(
            "MV31-nan-in-targets",
            Severity.ERROR,
            None,
            f"y of '{output}' holds NaN {where} ({int(bad.sum())} of them), and the loss is NaN{', mask or not' if only_padding else ''}.",
            "The mask multiplies the loss by 0, and 0 · NaN is NaN.",
            "y = np.nan_to_num(y)  # any number will do where the mask leaves the step out",
            LOSS,
            {"steps with NaN": int(bad.sum()), "in padding": int((bad & padding).sum()) if only_padding and padding is not None else 0},
            float("inf"),
        )


def targets_shorter_than_mask(facts: Facts) -> Iterator[Finding]:
    """The mask comes from the prediction, never from y: targets that end earlier count as class 0."""
    for terms in separable(facts):
        y = facts.batch.y.get(terms.output)
        if y is None or "sparse" not in terms.name or terms.values.ndim != 2:
            continue
        classes = y.reshape(y.shape[:2]) if y.ndim == 3 and y.shape[-1] == 1 else y
        if classes.shape != terms.values.shape:
            continue
        ended = np.flip(np.cumprod(np.flip(classes == 0, axis=1), axis=1), axis=1).astype(bool)
        if not ended.any() or ended.all(axis=1).any() or (classes == 0)[~ended].any():
            continue  # 0 is a class like any other
        counted = ended & (contributions(terms) != 0)
        padding = facts.real_padding(terms.output)
        beyond = counted if padding is None or padding.shape != counted.shape else counted & ~padding
        if not beyond.any():
            continue
        share = float(contributions(terms)[beyond].sum())
        total = _total(terms)
        yield Finding(
            "MV34-targets-end-before-mask",
            Severity.WARNING,
            None,
            f"The targets of '{terms.output}' end {int(beyond.sum())} steps before the mask does; there the loss counts class 0 as the right answer "
            f"({percent(share / total if total else 0.0)} of it).",
            "A loss takes its mask from the prediction, which takes it from the input. What y says of padding is never looked at.",
            'sample_weight = (y != 0).astype("float32")\nnetwork.fit(x, y, sample_weight=sample_weight)',
            LOSS,
            {"steps": int(beyond.sum()), "share of the loss": share / total if total else 0.0},
            abs(share),
        )


def mask_of_another_rank(facts: Facts) -> Iterator[Finding]:
    """A mask that fits the loss only by broadcasting along the wrong axes, or a loss that lost its time axis."""
    for terms in separable(facts):
        mask, values = terms.mask, terms.values
        if mask is None or mask.ndim == values.ndim or mask.all():
            continue
        if mask.ndim == values.ndim + 1 and mask.shape[-1] == 1:
            continue
        lost = values.ndim == 1 and mask.ndim == 2
        y = facts.batch.y.get(terms.output)
        rule = "MV21-target-without-last-axis" if lost and y is not None and y.ndim == 2 else "MV35-mask-of-another-rank"
        yield Finding(
            rule,
            Severity.ERROR,
            None,
            f"The loss of '{terms.output}' has the shape {tuple(values.shape)} and its mask {tuple(mask.shape)}: they fit only because sizes happen "
            "to be equal, and steps are weighed with the mask of others.",
            "y of shape (batch, time) against a prediction (batch, time, 1) makes the loss average over time before the mask is applied."
            if rule.startswith("MV21")
            else "Keras broadcasts a mask of lower rank along the last axes of the loss, not along the first.",
            "y = y[..., None]  # (batch, time, 1), like the prediction"
            if rule.startswith("MV21")
            else "mask = mask.reshape(mask.shape + (1,) * (loss.ndim - mask.ndim))  # in a loss of your own, before you average",
            "https://github.com/keras-team/keras/issues/23228",
            {"loss axes": values.ndim, "mask axes": mask.ndim},
        )


