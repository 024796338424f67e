"""Where masks begin, or should: MV26, MV29, and the masks that miss padding or real steps: MV27."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.blame import Harm, How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.network import InputSpec
from maskviz.core.rules import code
from maskviz.core.rules.attention import masked_by_hand
from maskviz.core.rules.lost import GUIDE
from maskviz.core.rules.texts import came_of, evidence, percent, severity
from maskviz.core.trace import Call, Fate
from maskviz.core.words import counted

Mask = NDArray[np.bool_]


def no_mask_at_all(facts: Facts) -> Iterator[Finding]:
    """MV26-ids-without-mask, MV29-features-without-mask."""
    by_hand = {name for name, _, _ in masked_by_hand(facts)}
    for (how, name), harm in facts.blame.items():
        spec = next((s for s in facts.network.inputs if s.name == name), None)
        if how is not How.NEVER or spec is None or name in by_hand or hidden_by_wrapper(facts, name):
            continue
        share = float(facts.trace.padding[name].mean()) if name in facts.trace.padding else 0.0
        ids = spec.kind == "ids"
        user = next((c.id for c in facts.own_calls if any(t.source == name for t in c.inputs)), name)
        yield Finding(
            "MV26-ids-without-mask" if ids else "MV29-features-without-mask",
            severity(harm),
            user,
            f"Nothing masks the padding of input '{name}' ({percent(share)} of its steps): {came_of(harm)}.",
            "An Embedding makes a mask only with mask_zero=True; without it padding is one more word."
            if ids
            else "Features get a mask only from a Masking layer; without one no layer can tell padding from data.",
            _with_mask_zero(facts, spec) if ids else _with_masking(facts, spec),
            GUIDE,
            {"padded share of the input": share, **evidence(harm)},
            harm.change,
            reach=harm.reach,
        )


def hidden_by_wrapper(facts: Facts, name: str) -> bool:
    """Whether the input goes into a TimeDistributed layer inside of which a mask is made."""
    return any(
        c.class_name == "TimeDistributed" and facts.makes_mask_inside(c) and any(t.source == name for t in c.inputs)
        for c in facts.own_calls
    )


def _with_mask_zero(facts: Facts, spec: InputSpec) -> str:
    note = "" if spec.pad_value in (0, None) else f"  # and pad with 0 instead of {spec.pad_value}"
    embedding = next((c for c in facts.trace.calls if c.class_name == "Embedding" and any(t.source == spec.name for t in c.inputs)), None)
    if embedding is not None:
        return f"{code.made(embedding, mask_zero=True)}{note}"
    return f"# where ids become vectors\nkeras.layers.Embedding(input_dim={spec.vocabulary or '...'}, output_dim=..., mask_zero=True){note}"


def _with_masking(facts: Facts, spec: InputSpec) -> str:
    value = spec.pad_value if isinstance(spec.pad_value, (int, float)) else 0.0
    name = code.variable(spec.name)
    made = f"{name}_masked = keras.layers.Masking(mask_value={code.literal(value)})({name})  # and use {name}_masked from here on"
    padding = facts.trace.padding.get(spec.name)
    if padding is None or bool((facts.batch.x[spec.name][padding] == value).all()):
        return made
    held = f"{code.data(facts, spec.name)}[{code.padded(facts, spec.name)}]"
    return f"{held} = {code.literal(value)}  # padding holds something else in this batch\n{made}"


def creators(facts: Facts) -> Iterator[tuple[Call, Mask, InputSpec, Mask]]:
    """Calls that make a mask of an input's own steps: the call, its mask, the input and its padding."""
    specs = {spec.name: spec for spec in facts.network.inputs}
    for call in facts.own_calls:
        if (call.fate is not Fate.CREATES and call.class_name not in ("Masking", "Embedding")) or call.fate is Fate.CHANGES:
            continue
        mask = facts.step_mask(call.outputs[0].mask) if call.outputs else None
        name = next((n for n in _inputs_behind(facts, call) if n in facts.trace.padding and n in specs), None)
        if mask is not None and name is not None and facts.trace.padding[name].shape == mask.shape:
            yield call, mask, specs[name], facts.trace.padding[name]


def _inputs_behind(facts: Facts, call: Call) -> list[str]:
    """Names of the network inputs that a call is computed from, the nearest first."""
    found, queue, seen = [], [call], {call.id}
    while queue:
        for _, made_by, _ in facts.sources(queue.pop(0)):
            if made_by.id not in seen:
                seen.add(made_by.id)
                queue.append(made_by)
                found += [made_by.id] if made_by.kind == "input" else []
    return found


def harm_of_mask(facts: Facts, call: Call) -> Harm:
    """What came of a mask that keeps padding."""
    return Harm().together(*(facts.blame.get((how, call.id)) for how in (How.WIDENED, How.READS)))


def real_steps_masked(facts: Facts) -> Iterator[Finding]:
    """MV26-zero-is-a-word, MV27-real-step-equals-mask-value: real steps are thrown away with the padding."""
    for call, mask, spec, padding in creators(facts):
        before = np.maximum.accumulate(mask, axis=1)
        after = np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
        declared = spec.name in facts.batch.declared
        # padding that was read off the data itself cannot tell a real 0 from a gap
        lost = ~mask & ~padding if declared else ~mask & before & after
        if not lost.any():
            continue
        sample, step = (int(i) for i in np.argwhere(lost)[0])
        ids = spec.kind == "ids"
        another = call.class_name == "Masking" and facts.input_of(call) is None
        why = "mask_zero takes every 0 for padding, wherever it stands: number the words from 1."
        x, padded = code.data(facts, spec.name), code.padded(facts, spec.name)
        fix = f"{x} = np.where({padded}, 0, {x} + 1)  # 0 is for padding alone\n{code.made(call, **_one_more(call))}"
        if another:
            why = "Masking compares what it is given, and what earlier layers make of a real step can equal mask_value in all features."
            name = code.variable(spec.name)
            fix = f"{name}_masked = {code.layer(call)}({name})  # right behind the input, where padding is still padding"
        elif not ids:
            value = _free_value(facts, spec.name)
            why = "A step whose features all equal mask_value is masked, wherever it stands: choose a value that data cannot take."
            fix = f"{x}[{padded}] = {value}\n{code.made(call, mask_value=value)}"
        if not another and not declared:
            looked_for = 0 if ids else call.config.get("mask_value", 0.0)
            fix = f"{_at_the_ends(x, padded, looked_for, ids)}\n{fix}"
        yield Finding(
            "MV26-zero-is-a-word" if ids and not another else "MV27-real-step-equals-mask-value",
            Severity.ERROR if declared else Severity.WARNING,
            call.id,
            f"'{call.name}' masks {counted(int(lost.sum()), 'step')} {'of data' if declared else 'between real ones'}, the first at "
            f"sample {sample}, "
            f"t={step}.",
            why,
            fix,
            GUIDE,
            {"real steps masked": int(lost.sum()), "sample": sample, "t": step},
            reach=float(lost.sum() / (~padding).sum()),
        )


def _at_the_ends(x: str, padded: str, value: Any, ids: bool) -> str:
    """Code that finds padding where it can be told from data: in runs at the ends."""
    real = f"real = {x} != {value}" if ids else f"real = ({x} != {value}).any(axis=-1)"
    since = "np.maximum.accumulate(real, axis=1)", "np.maximum.accumulate(real[:, ::-1], axis=1)[:, ::-1]"
    start = "" if padded == "padding" else "padding = {}\n"
    return f"{start}{real}\n{padded} = ~({since[0]} & {since[1]})  # at the ends alone"


def _one_more(call: Call) -> dict[str, Any]:
    size = call.config.get("input_dim")
    return {"input_dim": size + 1} if isinstance(size, int) else {}


def _free_value(facts: Facts, name: str) -> float:
    """A round number below all data."""
    x = facts.batch.x[name]
    low = float(np.min(x, where=np.isfinite(x), initial=0.0)) if x.dtype.kind == "f" else 0.0
    return -(10.0 ** (int(np.ceil(np.log10(max(1.0, -low)))) + 1))


def padding_kept(facts: Facts) -> Iterator[Finding]:
    """MV26-pad-id-is-another, MV27-padding-not-all-mask-value: a mask that keeps padding."""
    for call, mask, spec, padding in creators(facts):
        kept = padding & mask
        if not kept.any() or (call.class_name == "Masking" and (spec.kind == "ids" or bool(mask[padding].all()))):
            continue  # of a Masking layer that masks nothing masking.py knows more, and none looks at ids
        held = np.unique(facts.batch.x[spec.name][kept])
        if list(held) == [0 if spec.kind == "ids" else call.config.get("mask_value", 0.0)]:
            continue  # it is what is looked for, and was moved to another step before
        values = ", ".join(f"{v:g}" for v in held[:3]) + (" …" if len(held) > 3 else "")
        harm = harm_of_mask(facts, call)
        ids = spec.kind == "ids"
        value = code.literal(call.config.get("mask_value", 0.0))
        yield Finding(
            "MV26-pad-id-is-another" if ids else "MV27-padding-not-all-mask-value",
            severity(harm) if harm.any else Severity.WARNING,
            call.id,
            f"'{call.name}' keeps {int(kept.sum()):,} of {counted(int(padding.sum()), 'padded step')}, "
            f"which hold {values}: {came_of(harm)}.",
            "An Embedding masks id 0 and no other; an id of −1 even reads the last row of its table."
            if ids
            else "A step is masked only where all of its features equal mask_value.",
            f"{code.data(facts, spec.name)}[{code.padded(facts, spec.name)}] = "
            + ("0  # the id that is masked" if ids else f"{value}  # in every feature"),
            f"{KERAS}layers/core/{'embedding' if ids else 'masking'}.py",
            {"padded steps kept": int(kept.sum()), "padded steps": int(padding.sum()), **evidence(harm)},
            harm.change,
            reach=harm.reach,
        )


def runs_of_another_value(facts: Facts) -> Iterator[Finding]:
    """MV26-runs-of-another-id, MV29-runs-of-another-value: samples end alike, with what the mask does not skip."""
    for call, mask, spec, padding in creators(facts):
        if padding.any() or not bool(mask.all()) or spec.name in facts.batch.declared or spec.kind not in ("ids", "features"):
            continue
        value, lengths = _runs_at_end(facts.batch.x[spec.name])
        if value is None:
            continue
        ids, name = spec.kind == "ids", code.data(facts, spec.name)
        looks_for = "0" if ids else str(call.config.get("mask_value", 0.0))
        fix = f"{name} = np.where({name} == {value:g}, 0, {name})  # the id that is masked, if {value:g} is padding and no word"
        yield Finding(
            "MV26-runs-of-another-id" if ids else "MV29-runs-of-another-value",
            Severity.WARNING,
            call.id,
            f"{counted(int((lengths > 0).sum()), 'sample')} of {len(lengths):,} end with runs of {value:g}, "
            f"{int(lengths.sum()):,} steps in all; '{call.name}' looks for {looks_for} and masks none of them.",
            "Runs of one value at the end of samples, of different lengths, are what padding looks like. The batch does not say "
            "which steps are padding, so that this is a guess.",
            fix if ids else code.made(call, mask_value=value),
            GUIDE,
            {"steps in runs": int(lengths.sum()), "samples with runs": int((lengths > 0).sum())},
        )


def _runs_at_end(x: NDArray[Any]) -> tuple[float | None, NDArray[Any]]:
    """The value with which most samples end in runs of different lengths, and these lengths ``(batch,)``; None where there is none."""
    flat = x.reshape(*x.shape[:2], -1).astype("float64")
    last = flat[:, -1]
    none = np.zeros(len(x), int)
    constant = (last == last[:, :1]).all(axis=1)
    if not constant.any() or x.shape[1] < SHORTEST_RUN + 1:
        return None, none
    values, often = np.unique(last[constant, 0], return_counts=True)
    value = float(values[np.argmax(often)])
    same = (flat == value).all(axis=2)
    lengths = np.logical_and.accumulate(same[:, ::-1], axis=1).sum(axis=1)
    long = lengths[lengths >= SHORTEST_RUN]
    inside = bool((same & ~(np.arange(x.shape[1]) >= x.shape[1] - lengths[:, None])).any())
    if inside or len(long) < max(2, len(x) / 2) or len(np.unique(long)) < 2:
        return None, none
    return value, lengths


SHORTEST_RUN = 2
"""Fewer alike steps at the end of a sample may be chance."""
