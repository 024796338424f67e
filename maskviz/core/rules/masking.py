"""A Masking layer that masks nothing: MV27, MV28, MV29, MV30."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.rules import code
from maskviz.core.rules.recurrent import SET_MASK
from maskviz.core.rules.sources import Mask, creators, harm_of_mask
from maskviz.core.rules.texts import came_of, evidence, severity
from maskviz.core.trace import Call, Fate
from maskviz.core.words import counted

Reason = tuple[str, str, str, str]
"""Id, what is wrong, why, and the fix."""


def masking_masks_nothing(facts: Facts) -> Iterator[Finding]:
    """MV28-mask-value-nan, MV29-padding-changed-before-masking, MV29-mask-value-is-another, MV30-mask-value-not-in-half-precision."""
    for call, mask, spec, padding in creators(facts):
        if call.class_name != "Masking" or not padding.any() or not bool(mask[padding].all()):
            continue
        reason = _reason(facts, call, spec.name, padding)
        if reason is None:
            continue
        rule, what, why, fix = reason
        harm = harm_of_mask(facts, call)
        broken = any(a.dtype.kind == "f" and np.isnan(a).any() for a in facts.trace.outputs.values())
        result = came_of(harm) if harm.any else "predictions are NaN" if broken else came_of(harm)
        yield Finding(
            rule,
            Severity.ERROR if harm.proved or (broken and rule.startswith("MV28")) else max(severity(harm), Severity.WARNING, key=_weight),
            call.id,
            f"Masking '{call.name}' {what}, so none of {counted(int(padding.sum()), 'padded step')} is masked: {result}.",
            why,
            fix,
            f"{KERAS}layers/core/masking.py",
            {"padded steps": int(padding.sum()), "padded steps masked": 0, **evidence(harm)},
            harm.change,
            reach=harm.reach,
        )


def second_mask(facts: Facts) -> Iterator[Finding]:
    """MV29-second-mask-replaces-first."""
    for call in facts.own_calls:
        if call.class_name != "Masking" or call.fate is not Fate.CHANGES or not call.inputs:
            continue
        before, after = facts.step_mask(call.inputs[0].mask), facts.step_mask(call.outputs[0].mask)
        if before is None or after is None or before.shape != after.shape:
            continue
        harm = harm_of_mask(facts, call)
        lost, won = int((before & ~after).sum()), int((~before & after).sum())
        what = " and ".join(
            part
            for part in (f"masks {counted(lost, 'real step')}" if lost else "", f"keeps {counted(won, 'padded step')}" if won else "")
            if part
        )
        came = f": {came_of(harm)}" if harm.any or not lost else ""  # real steps that are thrown away are harm enough
        yield Finding(
            "MV29-second-mask-replaces-first",
            Severity.ERROR if lost or harm.proved else Severity.WARNING,
            call.id,
            f"Masking '{call.name}' replaces the mask its input has already and {what}{came}.",
            "Masking looks only at values: a step whose features all equal mask_value is masked, whatever the mask before said, "
            "and no other is.",
            f"{code.variable(call.id)} = {code.inputs(call)}  # without '{call.name}': the mask is there already",
            f"{KERAS}layers/core/masking.py",
            {"real steps masked": lost, "padded steps kept": won, **evidence(harm)},
            harm.change,
            reach=max(harm.reach, lost / max(1, int(before.sum()))),
        )


def _weight(severity: Severity) -> int:
    return -list(Severity).index(severity)


def _reason(facts: Facts, call: Call, name: str, padding: Mask) -> Reason | None:
    value = call.config.get("mask_value", 0.0)
    dtype = str(call.config.get("dtype", "float32"))
    held, x = _held(facts.batch.x[name], padding), code.data(facts, name)
    if value == "nan":
        return (
            "MV28-mask-value-nan",
            "looks for NaN, which equals nothing, not even itself",
            "NaN != NaN, so no step is ever masked, and NaN goes on through the network.",
            f"{x} = np.nan_to_num({x}, nan=-1.0)\n{code.made(call, mask_value=-1.0)}",
        )
    if facts.input_of(call) is None:
        before = next((made_by for _, made_by, _ in facts.sources(call)), None)
        return (
            "MV29-padding-changed-before-masking",
            f"stands behind '{before.name if before else '…'}', after which padding no longer equals {value}",
            "Masking compares each step with mask_value. Scaling, normalizing or a Dense layer with bias change what padding looks like.",
            _first_of_all(facts, call, name, before),
        )
    if "16" in dtype and isinstance(value, (int, float)) and not _in_half(float(value), dtype):
        return (
            "MV30-mask-value-not-in-half-precision",
            f"looks for {value:g}, which {dtype} cannot hold",
            "The input is rounded to half precision before it is compared, and then never equals mask_value.",
            f"{x}[{code.padded(facts, name)}] = -1.0\n{code.made(call, mask_value=-1.0)}",
        )
    if held is not None and held != value and np.isfinite(held):  # of NaN in padding another rule speaks
        return (
            "MV29-mask-value-is-another",
            f"looks for {value}, while padding in this batch holds {held:g}",
            "A step is masked only where all of its features equal mask_value.",
            code.made(call, mask_value=held),
        )
    return None


def _first_of_all(facts: Facts, call: Call, name: str, before: Call | None) -> str:
    """The mask made of the input itself, and what stood before it now behind it."""
    source = code.variable(name)
    if facts.network.input(name).kind == "ids":
        pad = facts.network.input(name).pad_value or 0
        return f"{SET_MASK}\n\n{code.variable(call.id)} = SetMask()([{code.inputs(call)}, keras.ops.not_equal({source}, {pad})])"
    masked = f"{source}_masked = {code.layer(call)}({source})  # first of all"
    if before is None or code.names(before) != [source] or before.kind != "layer":
        return masked
    return f"{masked}\n{code.variable(before.id)} = {code.layer(before)}({source}_masked)"


def _held(x: Any, padding: Mask) -> float | None:
    """The one value that all padded steps hold, None where there are several."""
    values = np.unique(x[padding])
    return float(values[0]) if len(values) == 1 else None


def _in_half(value: float, dtype: str) -> bool:
    if "bfloat16" in dtype:
        return not int(np.float32(value).view(np.uint32)) & 0xFFFF
    with np.errstate(over="ignore"):
        return bool(np.float16(value) == np.float32(value))
