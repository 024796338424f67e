"""Targets and what stands in them at padded steps: MV31, MV34."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.losses import contributions
from maskviz.core.rules.divisors import separable, total
from maskviz.core.rules.texts import percent
from maskviz.core.words import counted

LOSS = f"{KERAS}losses/loss.py"


def nan_in_targets(facts: Facts) -> Iterator[Finding]:
    """MV31-nan-in-targets: a mask does not silence NaN."""
    reported = facts.trace.ledger.reported
    if reported is None or not np.isnan(reported):
        return
    for output, y in facts.batch.y.items():
        if y.dtype.kind != "f" or not np.isnan(y).any():
            continue
        bad = np.isnan(y.reshape(*y.shape[:2], -1)).any(axis=2) if y.ndim >= 2 else np.isnan(y)
        padding = facts.real_padding(output)
        in_padding = int((bad & padding).sum()) if padding is not None and padding.shape == bad.shape else 0
        where = "all of them padding" if in_padding == bad.sum() else f"{in_padding} of them padding"
        yield Finding(
            "MV31-nan-in-targets",
            Severity.ERROR,
            None,
            f"The target of '{output}' is NaN at {counted(int(bad.sum()), 'step')}, {where}, and so the loss is NaN, masked or not.",
            "The mask multiplies the loss of a step by 0, and 0 · NaN is NaN.",
            "y = np.nan_to_num(y)  # any number will do where the mask leaves a step out",
            LOSS,
            {"steps with NaN": int(bad.sum()), "of them padding": in_padding},
            float("inf"),
        )


def targets_end_before_mask(facts: Facts) -> Iterator[Finding]:
    """MV34-targets-end-before-mask: the mask comes from the prediction, never from y."""
    for terms in separable(facts):
        y = facts.batch.y.get(terms.output)
        if y is None or "sparse" not in terms.name or terms.values.ndim != 2:
            continue
        classes = y.reshape(y.shape[:2]) if y.ndim == 3 and y.shape[-1] == 1 else y
        if classes.shape != terms.values.shape:
            continue
        ended = np.flip(np.cumprod(np.flip(classes == 0, axis=1), axis=1), axis=1).astype(bool)
        if not ended.any() or bool(((classes == 0) & ~ended).any()):
            continue  # 0 is a class like any other
        share = contributions(terms)
        padding = facts.real_padding(terms.output)
        beyond = ended & (share != 0)
        if padding is not None and padding.shape == beyond.shape:
            beyond &= ~padding  # of padding itself other rules speak
        whole = total(terms)
        part = float(share[beyond].sum()) / whole if whole else 0.0
        if beyond.any(axis=1).mean() < MOST_SAMPLES:
            continue
        yield Finding(
            "MV34-targets-end-before-mask",
            Severity.WARNING,
            None,
            f"The targets of '{terms.output}' end before the mask does: {counted(int(beyond.sum()), 'kept step')} with target 0 make "
            f"{percent(part)} of "
            "the loss.",
            "A loss takes its mask from the prediction, which takes it from the input. What y says of padding is never looked at.",
            'sample_weight = (y != 0).astype("float32")  # if 0 stands for padding in y\nnetwork.fit(x, y, sample_weight=sample_weight)',
            LOSS,
            {"steps": int(beyond.sum()), "share of the loss": part},
            abs(part * whole),
        )


MOST_SAMPLES = 0.5
"""Of so many samples the targets must end early: a class 0 that happens to be last in a few is no padding."""
