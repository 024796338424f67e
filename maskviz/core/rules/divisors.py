"""What the loss is divided by, and what counts in it: MV01, MV07, MV19, MV33, MV40."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.ledger import LossTerms
from maskviz.core.losses import contributions
from maskviz.core.rules import code
from maskviz.core.rules.texts import number, percent
from maskviz.core.trace import Call
from maskviz.core.words import counted

LOSS = f"{KERAS}losses/loss.py"
MEAN = ("sum_over_batch_size", "mean")
Weights = NDArray[np.floating[Any]]


def separable(facts: Facts) -> Iterator[LossTerms]:
    """Losses that give a number a step or a sample; of one that is NaN there is nothing to say but that."""
    return (t for t in facts.trace.ledger.terms if t.separable and np.isfinite(t.total))


def total(terms: LossTerms) -> float:
    """λ × the loss of an output."""
    return float(contributions(terms).sum())


def unexplained(facts: Facts) -> Iterator[Finding]:
    """MV01-loss-counts-padding: padding in a loss for which no other rule found where the mask was lost."""
    blamed = {name for harm in facts.blame.values() for name in harm.losses}
    for name, shift in facts.loss_shifts.items():
        if name not in blamed and abs(shift.share) > 1e-6:
            yield Finding(
                "MV01-loss-counts-padding",
                Severity.ERROR,
                None,
                f"The loss of '{name}' counts padding: {number(shift.counted)}, where real steps alone give {number(shift.over_real)} "
                f"({percent(shift.share)} of it is padding's).",
                "No mask reaches this loss, and where it was lost could not be seen from outside.",
                'sample_weight = (~padding).astype("float32")  # (batch, time), 1 where a step is real\n'
                "network.fit(x, y, sample_weight=sample_weight)",
                LOSS,
                {"loss": shift.counted, "loss over real steps": shift.over_real, "share from padding": shift.share},
                shift.change,
            )


def divided_by_kept(facts: Facts) -> Iterator[Finding]:
    """MV01-divisor-depends-on-version."""
    for terms in separable(facts):
        if terms.mask is None or terms.reduction not in MEAN or terms.mask.all() or not terms.mask.any():
            continue
        loss, kept, size = total(terms), int(np.count_nonzero(terms.mask)), int(terms.mask.size)
        older = loss * kept / size
        yield Finding(
            "MV01-divisor-depends-on-version",
            Severity.INFO,
            None,
            f"The loss of '{terms.output}' is divided by {counted(kept, 'kept step')} and is {number(loss)}; TensorFlow up to 2.11 "
            f"divided by all {size:,} and gave {number(older)}.",
            "Keras 3 divides a masked loss by the number of kept steps. Losses of networks trained with older versions are not comparable.",
            f"{number(loss)} * {kept} / {size}  # = {number(older)}, to compare with an older report; there is nothing to repair",
            "https://github.com/tensorflow/tensorflow/issues/34491",
            {"loss": loss, "kept steps": kept, "all steps": size, "loss over all steps": older},
        )
        return  # once for a network


def predict_has_no_mask(facts: Facts) -> Iterator[Finding]:
    """MV07-predict-has-no-mask."""
    for terms in separable(facts):
        if terms.mask is None or terms.mask.all() or terms.sample_weight is not None:
            continue
        loss, plain = total(terms), total(replace(terms, mask=None))
        if not np.isclose(loss, plain, rtol=1e-4):
            yield Finding(
                "MV07-predict-has-no-mask",
                Severity.INFO,
                None,
                f"predict() returns plain arrays: the loss of '{terms.output}' computed from them is {number(plain)} and not "
                f"{number(loss)}.",
                "A mask lives on tensors while the network runs. Arrays carry none, so a loss or metric computed by hand counts padding.",
                f"{code.predicted(facts, terms.output)}  # a tensor, with its mask\nmask = y_pred._keras_mask",
                "https://github.com/keras-team/keras/issues/3855",
                {"loss": loss, "loss from predict()": plain},
            )
            return  # once for a network


def weights_and_mask(facts: Facts) -> Iterator[Finding]:
    """MV19-weights-repeat-the-mask, MV19-weights-do-not-divide."""
    for terms in separable(facts):
        w = _one_a_step(terms)
        if w is None or terms.reduction not in MEAN or w.all() or not w.any():
            continue
        if terms.mask is not None:
            if terms.mask.shape == w.shape and np.array_equal(w, terms.mask.astype(w.dtype)):
                yield _repeats(terms)
        elif terms.values.ndim > 1:
            yield _does_not_divide(facts, terms, w)


def _repeats(terms: LossTerms) -> Finding:
    return Finding(
        "MV19-weights-repeat-the-mask",
        Severity.INFO,
        None,
        f"The sample_weight of '{terms.output}' equals its mask and changes nothing: the loss is {number(total(terms))} with and "
        "without it.",
        "Keras multiplies mask and weights, and divides by the kept steps.",
        "network.fit(x, y)  # the mask alone does it",
        LOSS,
        {"loss": total(terms)},
    )


def _does_not_divide(facts: Facts, terms: LossTerms, w: Weights) -> Finding:
    loss, kept, size = total(terms), int(np.count_nonzero(w)), int(w.size)
    mean = loss * size / kept
    return Finding(
        "MV19-weights-do-not-divide",
        Severity.WARNING,
        None,
        f"The weights of '{terms.output}' leave out {size - kept:,} of {size:,} steps, and the loss is still divided by all of them: "
        f"{number(loss)}, where the weighted steps alone give {number(mean)}.",
        "Keras divides a weighted loss by its number of elements, so the more padding a batch has, the smaller are its loss and "
        "its gradients.",
        _mean_with_weights(facts, terms),
        LOSS,
        {"loss": loss, "loss over weighted steps": mean, "weighted steps": kept, "all steps": size},
        abs(mean - loss),
    )


def _mean_with_weights(facts: Facts, terms: LossTerms) -> str:
    known = {"mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "mape": "MeanAbsolutePercentageError"}
    name = known.get(terms.name) or "".join(part[:1].upper() + part[1:] for part in terms.name.split("_"))
    loss = f'{{"{terms.output}": loss}}' if len(facts.network.outputs) > 1 else "loss"
    return f'loss = keras.losses.{name}(reduction="mean_with_sample_weight")\nnetwork.compile(network.optimizer, loss={loss})'


def _one_a_step(terms: LossTerms) -> Weights | None:
    w = terms.sample_weight
    if w is not None and w.ndim == terms.values.ndim + 1 and w.shape[-1] == 1:
        w = w[..., 0]
    return w if w is not None and w.shape == terms.values.shape else None


def missing_labels(facts: Facts) -> Iterator[Finding]:
    """MV33-missing-labels-in-divisor: weights of 0 leave samples of one output out, and the divisor counts them."""
    if len(facts.network.outputs) < 2:
        return
    for terms in separable(facts):
        w = terms.sample_weight
        if w is None or terms.values.ndim != 1 or w.size != terms.values.size or terms.reduction not in MEAN or w.all() or not w.any():
            continue
        loss, left_out = total(terms), int((w == 0).sum())
        mean = loss * w.size / float(w.sum())
        yield Finding(
            "MV33-missing-labels-in-divisor",
            Severity.WARNING,
            None,
            f"{counted(left_out, 'sample')} of {w.size:,} have weight 0 for output '{terms.output}', and its loss is divided by "
            f"all {w.size:,}: {number(loss)}, where the weighted mean, as a weighted metric shows it, is {number(mean)}.",
            "The loss of an output divides by the samples of the batch, a weighted metric by the sum of the weights.",
            _mean_with_weights(facts, terms),
            LOSS,
            {"loss": loss, "weighted mean": mean, "samples left out": left_out},
            abs(mean - loss),
        )


def activity_counts_padding(facts: Facts) -> Iterator[Finding]:
    """MV40-activity-regularizer-counts-padding."""
    for call in facts.own_calls:
        regularizer = call.config.get("activity_regularizer")
        moved = facts.trace.touched.get(call.id)
        if not regularizer or moved is None or not moved.any() or not facts.trace.ledger.added:
            continue
        yield Finding(
            "MV40-activity-regularizer-counts-padding",
            Severity.WARNING,
            call.id,
            f"The activity_regularizer of '{call.name}' counts padded steps: {percent(float(moved.mean()))} of what it sums up "
            "follows what padding "
            f"holds, and regularizers add {number(facts.trace.ledger.added)} to the loss.",
            "An activity regularizer sees the whole output and no mask.",
            _masked_activity(call, regularizer),
            f"{KERAS}layers/layer.py",
            {"added to the loss": facts.trace.ledger.added, "steps that follow padding": float(moved.mean())},
            0.0,
        )


def _masked_activity(call: Call, regularizer: Any) -> str:
    name = code.variable(call.id)
    return f'''@keras.saving.register_keras_serializable("masks")
class MaskedActivity(keras.layers.ActivityRegularization):
    """The penalty on kept steps alone."""

    def call(self, x, mask=None):
        return x if mask is None else x * keras.ops.cast(mask, x.dtype)[..., None]


{name} = {code.layer(call, activity_regularizer=None)}({code.inputs(call)})
{name} = MaskedActivity({_factors(regularizer)})({name})'''


def _factors(regularizer: Any) -> str:
    config = regularizer.get("config", {}) if isinstance(regularizer, dict) else {}
    return ", ".join(f"{k}={v}" for k, v in config.items() if k in ("l1", "l2")) or "l2=1e-3"


def epoch_of_another_mean(facts: Facts) -> Iterator[Finding]:
    """MV40-loss-and-metric-differ-over-an-epoch: where a metric repeats the loss."""
    metrics = {m.lower().replace("_", "") for m in facts.trace.compiled_with.get("metrics", ())}
    for terms in separable(facts):
        names = {terms.name.lower().replace("_", ""), LONG.get(terms.name, ""), SHORT.get(terms.name, "")}
        if terms.mask is None or terms.mask.ndim < 2 or not names & metrics or len(set(terms.mask.sum(axis=1).ravel().tolist())) < 2:
            continue
        yield Finding(
            "MV40-loss-and-metric-differ-over-an-epoch",
            Severity.INFO,
            None,
            f"Over an epoch the loss of '{terms.output}' and the metric {terms.name} differ, since batches have different numbers "
            "of kept steps.",
            "The loss of an epoch is the mean of its batches by samples; a masked metric is a mean over all kept steps of the epoch.",
            f"network.evaluate(x, y, batch_size={len(terms.values)})  # one batch: both are the same number",
            "https://github.com/keras-team/keras/issues/15323",
            {"kept steps of a sample, least": int(terms.mask.sum(axis=1).min()), "most": int(terms.mask.sum(axis=1).max())},
        )


SHORT = {"mean_squared_error": "mse", "mean_absolute_error": "mae"}
LONG = {"mse": "meansquarederror", "mae": "meanabsoluteerror"}
