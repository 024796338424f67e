"""Where masks begin, or should: MV26 to MV30."""

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
from maskviz.core.rules.texts import came_of, evidence, number, percent, severity
from maskviz.core.trace import Call, Fate


def no_mask_at_all(facts: Facts) -> Iterator[Finding]:
    """An input has padding, and nothing ever masks it."""
    for (how, name), harm in facts.blame.items():
        spec = next((s for s in facts.network.inputs if s.name == name), None)
        if how is not How.NEVER or spec is None or _explained(facts, spec, harm):
            continue
        share = float(facts.trace.padding[name].mean()) if name in facts.trace.padding else 0.0
        common: dict[str, Any] = {"padded share of the input": share, **evidence(harm)}
        if spec.kind == "ids":
            yield Finding(
                "MV26-ids-without-mask",
                severity(harm),
                _first_user(facts, name),
                f"Nothing masks the padding of input '{name}' ({percent(share)} of its steps): {came_of(harm)}.",
                "An Embedding makes a mask only with mask_zero=True; without it padding is one more word.",
                _with_mask_zero(facts, name, spec),
                "https://keras.io/guides/understanding_masking_and_padding/",
                common,
                harm.change,
            )
        else:
            value = spec.pad_value if isinstance(spec.pad_value, (int, float)) else 0.0
            yield Finding(
                "MV29-features-without-mask",
                severity(harm),
                _first_user(facts, name),
                f"Nothing masks the padding of input '{name}' ({percent(share)} of its steps): {came_of(harm)}.",
                "Features need a Masking layer directly behind the input; without one the layers cannot tell padding from data.",
                f"{code.variable(name)}_masked = keras.layers.Masking(mask_value={code.literal(value)})({code.variable(name)})",
                "https://keras.io/api/layers/core_layers/masking/",
                common,
                harm.change,
            )


def _explained(facts: Facts, spec: InputSpec, harm: Harm) -> bool:
    """Whether another rule says more: an attention_mask that the loss does not see, a wrapper that hid the mask."""
    users = [c for c in facts.own_calls if any(t.source == spec.name for t in c.inputs)]
    hidden = any(c.class_name == "TimeDistributed" and facts.makes_mask_inside(c) for c in users)
    masked = any(c.received.get("attention_mask") and not facts.received_mask(c) for c in facts.own_calls)
    return hidden or (masked and bool(harm.losses) and not harm.touched)


def _first_user(facts: Facts, name: str) -> str:
    return next((c.id for c in facts.own_calls if any(t.source == name for t in c.inputs)), name)


def _with_mask_zero(facts: Facts, name: str, spec: InputSpec) -> str:
    embedding = next((c for c in facts.trace.calls if c.class_name == "Embedding" and any(t.source == name for t in c.inputs)), None)
    note = "" if spec.pad_value in (0, None) else f"  # and pad with 0 instead of {spec.pad_value}"
    if embedding is None:
        return f"# mask the padding where ids become vectors\nkeras.layers.Embedding(…, mask_zero=True){note}"
    return f"{code.made(embedding, mask_zero=True)}{note}"


def creators(facts: Facts) -> Iterator[tuple[Call, NDArray[np.bool_], str, NDArray[np.bool_]]]:
    """Calls that make a mask from an input of as many steps: the call, its mask, the input's name and padding."""
    for call in facts.own_calls:
        if call.fate is not Fate.CREATES and call.class_name not in ("Masking", "Embedding"):
            continue
        mask = facts.step_mask(call.outputs[0].mask) if call.outputs else None
        name = next((n for n in _inputs_behind(facts, call) if n in facts.trace.padding), None)
        if mask is not None and name is not None and facts.trace.padding[name].shape == mask.shape:
            yield call, mask, name, facts.trace.padding[name]


def _inputs_behind(facts: Facts, call: Call) -> list[str]:
    found, queue, seen = [], [call], {call.id}
    while queue:
        for _, made_by, _ in facts.sources(queue.pop(0)):
            if made_by.id in seen:
                continue
            seen.add(made_by.id)
            if made_by.kind == "input":
                found.append(made_by.id)
            queue.append(made_by)
    return found


def masking_finds_nothing(facts: Facts) -> Iterator[Finding]:
    """A Masking layer that masks no step of a batch with padding: NaN, another value, altered before, or not in half precision."""
    for call, mask, name, padding in creators(facts):
        if call.class_name != "Masking" or not padding.any() or not bool(mask[padding].all()):
            continue
        value = call.config.get("mask_value", 0.0)
        direct = facts.input_of(call) is not None
        held = _held(facts, name, padding)
        if value == "nan":
            rule, what = "MV28-mask-value-nan", "looks for NaN, which equals nothing, not even itself"
            why = "NaN != NaN, so no step is ever masked, and NaN goes through the whole network."
            fix = f"x = np.nan_to_num(x, nan=-1.0)\n{code.made(call, mask_value=-1.0)}"
        elif call.config.get("dtype", "float32") != "float32" and isinstance(value, float) and not _in_half(value, str(call.config["dtype"])):
            rule, what = "MV30-mask-value-not-in-half-precision", f"looks for {value:g}, which {call.config['dtype']} cannot hold exactly"
            why = "The input is rounded to half precision before it is compared with mask_value, and never equals it."
            fix = code.made(call, mask_value=-1.0)
        elif not direct:
            before = next((made_by for _, made_by, _ in facts.sources(call)), None)
            rule, what = "MV29-padding-changed-before-masking", f"stands behind '{before.name if before else '…'}', which changes what padding looks like"
            why = "Masking compares each step with mask_value; after scaling, normalizing or a Dense with bias, padding no longer equals it."
            fix = f"{code.variable(name)}_masked = {code.layer(call)}({code.variable(name)})  # first of all, then {code.variable(before.id if before else None)}"
        elif held is not None and held != value:
            rule, what = "MV29-pad-value-is-another", f"looks for {value}, but padding in this batch holds {held:g}"
            why = "A step is masked only where all of its features equal mask_value."
            fix = code.made(call, mask_value=held)
        else:
            continue
        harm = _wide(facts, call)
        yield Finding(
            rule,
            severity(harm) if harm.any else Severity.WARNING,
            call.id,
            f"Masking '{call.name}' {what}: none of {int(padding.sum())} padded steps is masked{f', and {came_of(harm)}' if harm.any else ''}.",
            why,
            fix,
            f"{KERAS}layers/core/masking.py",
            {"padded steps": int(padding.sum()), "masked": 0, **evidence(harm)},
            harm.change,
        )


def _wide(facts: Facts, call: Call) -> Harm:
    harm = Harm()
    for how in (How.WIDENED, How.READS):
        harm.add(facts.blame.get((how, call.id)))
    return harm


def _held(facts: Facts, name: str, padding: NDArray[np.bool_]) -> float | None:
    """The one value that all padded steps of an input hold, None where there are several."""
    values = np.unique(facts.batch.x[name][padding])
    return float(values[0]) if len(values) == 1 else None


def _in_half(value: float, dtype: str) -> bool:
    if "bfloat16" in dtype:
        bits = np.float32(value).view(np.uint32)
        return not bool(bits & np.uint32(0xFFFF))
    with np.errstate(over="ignore"):
        return bool(np.float16(value) == np.float32(value))


def real_steps_masked(facts: Facts) -> Iterator[Finding]:
    """A step between real steps is masked: 0 used as a word, or a real measurement that equals mask_value."""
    for call, mask, name, padding in creators(facts):
        before = np.maximum.accumulate(mask, axis=1)
        after = np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
        inside = ~mask & before & after
        lost = inside | (~mask & ~padding)
        if not lost.any():
            continue
        spec = facts.network.input(name)
        sample, step = (int(i) for i in np.argwhere(lost)[0])
        ids = spec.kind == "ids"
        declared = bool((~mask & ~padding).any())
        value = _cell(facts, name, sample, step)
        yield Finding(
            "MV26-zero-is-a-word" if ids else "MV27-real-step-equals-mask-value",
            Severity.ERROR if declared else Severity.WARNING,
            call.id,
            f"'{call.name}' masks {int(lost.sum())} steps that are real, the first at sample {sample}, t={step}"
            f"{f', where the input holds {value}' if value else ''}.",
            "mask_zero takes every 0 for padding, wherever it stands; start the vocabulary at 1."
            if ids
            else "A step whose features all equal mask_value is masked, wherever it stands; choose a value that data cannot take.",
            f"ids = ids + 1  # 0 is for padding alone\n{code.made(call, input_dim=_more(call))}"
            if ids and call.class_name == "Embedding"
            else f"x[padding] = {number(_free_value(facts, name))}\n{code.made(call, mask_value=_free_value(facts, name))}",
            "https://keras.io/guides/understanding_masking_and_padding/",
            {"real steps masked": int(lost.sum()), "sample": sample, "t": step},
        )


def _more(call: Call) -> Any:
    size = call.config.get("input_dim")
    return size + 1 if isinstance(size, int) else size


def _cell(facts: Facts, name: str, sample: int, step: int) -> str:
    cell = facts.batch.x[name][sample, step]
    return str(cell) if np.ndim(cell) == 0 else f"{np.ravel(cell)[0]:g} in every feature" if len(np.unique(cell)) == 1 else ""


def _free_value(facts: Facts, name: str) -> float:
    """A round number below all data."""
    x = facts.batch.x[name]
    low = float(np.nanmin(np.where(np.isfinite(x), x, 0))) if x.dtype.kind == "f" else 0.0
    return -10.0 ** (int(np.ceil(np.log10(max(1.0, -low)))) + 1)


def padding_kept(facts: Facts) -> Iterator[Finding]:
    """The mask keeps steps that the batch declares as padding: another pad id, or padding that a mask of ids cannot see."""
    for call, mask, name, padding in creators(facts):
        kept = padding & mask
        if call.class_name == "Masking" and bool(mask[padding].all()):
            continue  # said by masking_finds_nothing
        if not kept.any():
            continue
        spec = facts.network.input(name)
        held = np.unique(facts.batch.x[name][kept])
        values = ", ".join(str(v) for v in held[:3])
        harm = _wide(facts, call)
        yield Finding(
            "MV26-pad-id-is-another" if spec.kind == "ids" else "MV27-padding-not-all-mask-value",
            severity(harm) if harm.any else Severity.WARNING,
            call.id,
            f"'{call.name}' keeps {int(kept.sum())} of {int(padding.sum())} padded steps, which hold {values}{' …' if len(held) > 3 else ''}"
            f"{f': {came_of(harm)}' if harm.any else ''}.",
            "Embedding masks id 0 and no other; an id of −1 even reads the last row of the table."
            if spec.kind == "ids"
            else "A step is masked only where all of its features equal mask_value.",
            f"{code.variable(name)}[padding] = 0  # the id that mask_zero masks"
            if spec.kind == "ids"
            else f"x[padding] = {code.literal(call.config.get('mask_value', 0.0))}",
            f"{KERAS}layers/core/embedding.py" if spec.kind == "ids" else f"{KERAS}layers/core/masking.py",
            {"padded steps kept": int(kept.sum()), "padded steps": int(padding.sum()), **evidence(harm)},
            harm.change,
        )
