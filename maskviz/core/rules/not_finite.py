"""Numbers that are none, in what the network is given: NaN and infinity in padding and in data. MV43, MV44, MV47, MV48.

0 · NaN is NaN: what a mask multiplies by 0, in attention, in a mean or in the loss, is not silenced by it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.ledger import LossTerms
from maskviz.core.losses import contributions
from maskviz.core.network import InputSpec
from maskviz.core.rules import code
from maskviz.core.rules.lost import GUIDE
from maskviz.core.rules.nan_reach import at, kind_of, odd_steps, results_of, way_of
from maskviz.core.words import counted

Steps = NDArray[np.bool_]
LOSS = f"{KERAS}losses/loss.py"


def nan_in_inputs(facts: Facts) -> Iterator[Finding]:
    """MV43-nan-in-padding, MV44-nan-in-data."""
    for spec in facts.network.inputs:
        odd = odd_steps(facts, spec.name)
        if odd is None or not odd.any() or looks_for_nan(facts, spec.name):
            continue
        padding = facts.trace.padding.get(spec.name)
        padded = np.zeros(odd.shape, bool) if padding is None or padding.shape != odd.shape else odd & padding
        real = odd & ~padded
        if padded.any():
            yield _in_padding(facts, spec, padded, real)
        if real.any():
            yield _in_data(facts, spec, real)


def looks_for_nan(facts: Facts, name: str) -> bool:
    """Whether a Masking layer with mask_value NaN takes the input: of that another rule speaks."""
    return any(
        c.class_name == "Masking" and c.config.get("mask_value") == "nan" and any(t.source == name for t in c.inputs)
        for c in facts.own_calls
    )


def _in_padding(facts: Facts, spec: InputSpec, padded: Steps, real: Steps) -> Finding:
    rows = np.asarray(padded.any(axis=1))
    alone = np.asarray(rows & ~real.any(axis=1))
    way = way_of(facts, spec.name, alone if alone.any() else rows)
    what, results = kind_of(facts.batch.x[spec.name][padded]), results_of(facts)
    if way.counts is not None:
        where = f"at {at(way.counts)} it gets into what counts"
    elif way.first is not None:
        where = f"it goes on from {at(way.first)} at padded steps alone"
    else:
        where = "no call passes it on"
    steps, samples = int(padded.sum()), int(rows.sum())
    return Finding(
        "MV43-nan-in-padding",
        results.severity,
        _user(facts, spec.name),
        f"Padding of input '{spec.name}' holds {what} at {counted(steps, 'step')} of {counted(samples, 'sample')}: {where}, and {results}.",
        "A mask that multiplies by 0 does not silence NaN, since 0 · NaN is NaN: so it goes through attention, means and the loss, and in "
        "training through gradients. Masks only silence numbers.",
        _number_for(facts, spec, alone=not real.any()),
        GUIDE,
        {"steps": steps, "samples": samples, **way.evidence},
        results.effect,
        reach=results.reach,
    )


def _in_data(facts: Facts, spec: InputSpec, real: Steps) -> Finding:
    rows = real if real.ndim == 1 else np.asarray(real.any(axis=1))
    way = way_of(facts, spec.name, rows)
    what, results = kind_of(facts.batch.x[spec.name][real]), results_of(facts)
    timed = real.ndim > 1
    sample, *step = (int(i) for i in np.argwhere(real)[0])
    place = f"sample {sample}{f', t={step[0]}' if step else ''}"
    where = f"the first call that passes it on is {at(way.first)}" if way.first is not None else "no call passes it on"
    much = (
        f"{counted(int(real.sum()), 'real step')} of {counted(int(rows.sum()), 'sample')}" if timed else counted(int(rows.sum()), "sample")
    )
    return Finding(
        "MV44-nan-in-data",
        results.severity,
        _user(facts, spec.name),
        f"Input '{spec.name}' holds {what} at {much}, the first at {place}: {where}, and {results}.",
        "Every layer computes with it, and whatever it meets becomes NaN too; one training step makes every weight NaN.",
        _filled(facts, spec, timed),
        GUIDE,
        {"steps": int(real.sum()), "samples": int(rows.sum()), **way.evidence},
        results.effect,
        reach=results.reach,
    )


def _user(facts: Facts, name: str) -> str:
    """The first call that takes the input."""
    return next((c.id for c in facts.own_calls if any(t.source == name for t in c.inputs)), name)


def _pad(spec: InputSpec) -> float:
    value = spec.pad_value
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else 0.0


def _number_for(facts: Facts, spec: InputSpec, alone: bool) -> str:
    x, value = code.data(facts, spec.name), _pad(spec)
    note = f"  # what the mask of '{spec.name}' looks for" if spec.masked else "  # any number will do where a mask leaves the step out"
    if alone:
        more = f", posinf={value}, neginf={value}" if np.isinf(facts.batch.x[spec.name]).any() else ""
        return f"{x} = np.nan_to_num({x}, nan={value}{more}){note}"
    return f"{x}[{code.padded(facts, spec.name)}] = {value}{note}"


def _filled(facts: Facts, spec: InputSpec, timed: bool) -> str:
    x, value = code.data(facts, spec.name), _pad(spec)
    lines = [
        f"missing = ~np.isfinite({x})",
        f"{x} = np.where(missing, 0.0, {x}){'' if spec.masked else '  # or the mean of what is known'}",
    ]
    if spec.masked and timed:
        lines.append(f"{x}[missing.any(axis=-1)] = {value}  # a step with a gap is skipped, since the mask looks for {value}")
    return "\n".join(lines)


def nan_in_sample_weight(facts: Facts) -> Iterator[Finding]:
    """MV47-nan-in-sample-weight."""
    reported = facts.trace.ledger.reported
    broken = reported is not None and not np.isfinite(reported)
    for output, weight in facts.batch.sample_weight.items():
        odd = ~np.isfinite(weight)
        if not odd.any():
            continue
        place = ", ".join(str(int(i)) for i in np.argwhere(odd)[0])
        yield Finding(
            "MV47-nan-in-sample-weight",
            Severity.ERROR if broken else Severity.WARNING,
            None,
            f"The sample_weight of '{output}' holds {kind_of(weight)} in {int(odd.sum())} of {weight.size} places, the first at [{place}]"
            f"{', and so the loss is NaN' if broken else ''}.",
            "A loss is multiplied by its weight, and whatever NaN is multiplied by is NaN, masked or not.",
            "sample_weight = np.nan_to_num(sample_weight, nan=0.0, posinf=0.0, neginf=0.0)  # 0 leaves the step out",
            LOSS,
            {"weights": int(weight.size), "not finite": int(odd.sum())},
            float("inf") if broken else 0.0,
        )


def loss_makes_nan(facts: Facts) -> Iterator[Finding]:
    """MV48-loss-makes-nan: predictions, targets and weights are numbers, and the loss is none."""
    for terms in facts.trace.ledger.terms:
        given = (facts.trace.outputs.get(terms.output), facts.batch.y.get(terms.output), facts.batch.sample_weight.get(terms.output))
        if np.isfinite(terms.total) or any(a is not None and a.dtype.kind == "f" and not np.isfinite(a).all() for a in given):
            continue
        where, numbers = _odd_in_loss(facts, terms)
        yield Finding(
            "MV48-loss-makes-nan",
            Severity.ERROR,
            None,
            f"The loss '{terms.name}' of '{terms.output}' is {kind_of(np.asarray(terms.total))}{where}, although all predictions, targets "
            "and weights are numbers.",
            "The loss itself divides by 0, or takes the logarithm or root of what has none. A mask that multiplies by 0 afterwards "
            "does not help: 0 · NaN is NaN.",
            "# inside the loss, keep divisors and what log takes away from 0\n"
            "safe = keras.ops.maximum(value, keras.config.epsilon())  # then divide by safe, or take its log",
            LOSS,
            numbers,
            float("inf"),
            reach=1.0,
        )


def _odd_in_loss(facts: Facts, terms: LossTerms) -> tuple[str, dict[str, object]]:
    """Where the raw loss is no number, in words, and in numbers."""
    if not terms.separable or terms.values.ndim == 0:
        return "", {}
    odd = ~np.isfinite(contributions(terms))
    odd = np.asarray(odd.reshape(*odd.shape[:2], -1).any(axis=2)) if odd.ndim > 2 else odd
    if not odd.any():
        return "", {}
    sample, *step = (int(i) for i in np.argwhere(odd)[0])
    padding = facts.real_padding(terms.output)
    padded = int((odd & padding).sum()) if padding is not None and padding.shape == odd.shape else 0
    place = f"sample {sample}{f', t={step[0]}' if step else ''}"
    what = counted(int(odd.sum()), "step" if odd.ndim > 1 else "sample")
    padding_too = f" ({padded} of them padding)" if padded else ""
    return f" at {what}{padding_too}, the first at {place}", {"not finite": int(odd.sum()), "of them padding": padded}
