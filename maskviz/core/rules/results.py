"""Predictions and metrics: MV02, MV03, MV06, MV10, MV23."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.rules import code
from maskviz.core.rules.recurrent import received
from maskviz.core.rules.texts import number, percent
from maskviz.core.words import counted

REDUCTIONS = f"{KERAS}metrics/reduction_metrics.py"
AS_WEIGHTED = """metrics = keras.saving.deserialize_keras_object(network.get_compile_config())["metrics"]
network.compile(network.optimizer, network.loss, weighted_metrics=metrics)"""


def metric_ignores_mask(facts: Facts) -> Iterator[Finding]:
    """MV02-metric-ignores-mask, by the experiment that the engine made."""
    masked = any(o.mask is not None for o in facts.trace.network_outputs)
    for note in facts.trace.metric_notes:
        if note.honours_mask is not False or not masked or note.masked_value is None:
            continue
        if np.isclose(note.value, note.masked_value, rtol=1e-4, atol=1e-7):
            continue
        yield Finding(
            "MV02-metric-ignores-mask",
            Severity.ERROR,
            None,
            f"The metric {note.name} counts masked steps: {number(note.value)}, where kept steps alone give {number(note.masked_value)}.",
            "Metrics that are a mean of a value a step take the mask; Precision, Recall, AUC and others that count do not.",
            f"{AS_WEIGHTED}  # a weighted metric leaves out what has weight 0\n"
            'network.fit(x, y, sample_weight=(~padding).astype("float32"))',
            REDUCTIONS,
            {"value": note.value, "value over kept steps": note.masked_value},
        )


def metric_ignores_weights(facts: Facts) -> Iterator[Finding]:
    """MV03-metric-ignores-weights: once for all metrics of a network."""
    if not facts.batch.sample_weight:
        return
    names = [n.name for n in facts.trace.metric_notes if n.honours_weights is False]
    if names:
        listed = ", ".join(names)
        yield Finding(
            "MV03-metric-ignores-weights",
            Severity.INFO,
            None,
            f"sample_weight does not reach {'the metrics' if len(names) > 1 else 'the metric'} {listed}.",
            "What is given as metrics= never sees weights; what is given as weighted_metrics= does.",
            AS_WEIGHTED,
            "https://keras.io/api/metrics/",
            {n.name: n.value for n in facts.trace.metric_notes if n.name in names},
        )


def masked_predictions_are_not_zero(facts: Facts) -> Iterator[Finding]:
    """MV06-masked-predictions-not-zero: a fact of life that surprises."""
    for output in facts.trace.network_outputs:
        mask, values = facts.step_mask(output.mask), facts.trace.outputs[output.name]
        if mask is None or values.shape[:2] != mask.shape or values.dtype.kind != "f" or mask.all():
            continue
        skipped = values[~mask]
        largest = float(np.nanmax(np.abs(skipped), initial=0.0))
        axes = f"[..., {', '.join(['None'] * (values.ndim - 2))}]" if values.ndim > 2 else ""
        if largest > 0:
            yield Finding(
                "MV06-masked-predictions-not-zero",
                Severity.INFO,
                None if output.ref is None else output.ref.partition("#")[0],
                f"predict() gives values at masked steps of '{output.name}' as well, up to {number(largest)}: they mean nothing.",
                "A mask does not erase: Dense puts out its bias, and a recurrent layer repeats its last output.",
                f"{code.predicted(facts, output.name)}\nmask = np.asarray(y_pred._keras_mask)\n"
                f"y_pred = np.where(mask{axes}, y_pred, 0)  # {counted(int((~mask).sum()), 'masked step')} in this batch",
                "https://github.com/keras-team/keras/issues/3855",
                {"largest value at a masked step": largest, "masked steps": int((~mask).sum())},
            )
            return  # once for a network


def empty_samples(facts: Facts) -> Iterator[Finding]:
    """MV23-empty-sample: samples that are all padding."""
    worst: Finding | None = None
    for call in facts.own_calls:
        mask = received(facts, call)
        if mask is None or mask.shape[1] == 0 or bool(mask.any(axis=1).all()):
            continue
        empty = np.flatnonzero(~mask.any(axis=1))
        broken = call.class_name == "GlobalAveragePooling1D" and any(
            v.dtype.kind == "f" and len(v) == len(mask) and bool(np.isnan(v[empty]).any()) for v in facts.trace.outputs.values()
        )
        if worst is not None and not broken:
            continue
        what = "divides by 0 kept steps and gives NaN" if broken else "has nothing to compute from"
        number, whole = len(empty), all_padding(facts, len(mask))
        of_input = whole is not None and bool(whole[empty].all())
        they_are = "is" if number == 1 else "are"
        where = f"{they_are} all padding" if of_input else f"{they_are} all padding where they reach '{call.name}'"
        worst = Finding(
            "MV23-empty-sample",
            Severity.ERROR if broken else Severity.INFO,
            call.id,
            f"{counted(number, 'sample')} (the first is {empty[0]}) {where}: {call.class_name} '{call.name}' {what}.",
            "A mean over no steps is 0 / 0; one training step on it makes every weight NaN. Recurrent layers give 0, attention "
            "spreads evenly."
            if broken
            else "Recurrent layers give 0 for an empty sample, attention spreads evenly over padding, and cuDNN refuses the batch.",
            code.without_empty(facts) if of_input else f"keep = ~np.isin(np.arange({len(mask)}), {empty.tolist()})\n{code.chosen(facts)}",
            f"{KERAS}layers/pooling/global_average_pooling1d.py",
            {"empty samples": len(empty), "share of the batch": percent(len(empty) / len(mask))},
        )
    if worst is not None:
        yield worst


def all_padding(facts: Facts, size: int) -> NDArray[np.bool_] | None:
    """Samples ``(batch,)`` that are all padding in some input; None where no input has padding of so many samples."""
    found = [p.all(axis=1) for p in facts.trace.padding.values() if len(p) == size and p.shape[1]]
    return np.logical_or.reduce(found) if found else None
