"""Masks where tensors are merged: MV16, MV17."""

from __future__ import annotations

from collections.abc import Iterator

from maskviz.core.blame import MERGES, Harm, How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding
from maskviz.core.rules import code
from maskviz.core.rules.fixes import ZERO_MASKED
from maskviz.core.rules.texts import came_of, evidence, names, severity
from maskviz.core.trace import Call, Fate


def merge_loses_mask(facts: Facts) -> Iterator[Finding]:
    """A merge of a masked and an unmasked tensor has no mask (Add …), or one that keeps everything (Concatenate)."""
    for call in facts.own_calls:
        if call.class_name not in MERGES or call.kind != "layer":
            continue
        harm = _harm(facts, call, How.DROPPED, How.WIDENED)
        masked = [t.source for t in call.inputs if t.mask is not None]
        without = [t.source for t in call.inputs if t.mask is None]
        if not harm.any or not masked:
            continue
        if call.class_name == "Concatenate" and call.fate is Fate.CHANGES and without:
            rule, what = "MV16-concatenate-keeps-all", "its mask keeps every step, because one input has none"
        elif call.class_name == "Dot":
            rule, what = "MV17-dot-drops-mask", "Dot never has a mask"
        elif without:
            rule, what = "MV17-merge-drops-mask", "one input has no mask, so the result has none, silently"
        else:
            continue
        yield Finding(
            rule,
            severity(harm),
            call.id,
            f"{call.class_name} '{call.name}': {what}: {came_of(harm)}.",
            "Add, Average and their kind need a mask on every input and else give none; Concatenate counts an input without a mask as all real.",
            _masked_first(call, masked[0], without),
            f"{KERAS}layers/merging/base_merge.py" if call.class_name != "Concatenate" else f"{KERAS}layers/merging/concatenate.py",
            {**evidence(harm), "inputs without a mask": len(without)},
            harm.change,
        )


def _masked_first(call: Call, masked: str | None, without: list[str | None]) -> str:
    """The merge with the mask put on the inputs that have none."""
    if call.class_name == "Dot" or None in without:
        made = code.made(call).partition(" = ")[2]
        return f"{code.COPY_MASK}\n\n{code.variable(call.id)} = WithMaskOf()([{made}, {code.variable(masked)}])"
    lines = [f"{code.variable(ref)}_masked = WithMaskOf()([{code.variable(ref)}, {code.variable(masked)}])" for ref in dict.fromkeys(without)]
    given = ", ".join(f"{code.variable(t.source)}{'' if t.mask else '_masked'}" for t in call.inputs)
    return "\n".join([code.COPY_MASK, "", *lines, f"{code.variable(call.id)} = {code.layer(call)}([{given}])"])


def merge_mixes_masks(facts: Facts) -> Iterator[Finding]:
    """Two different masks are OR-ed: a step that is padding in one input and real in the other counts as real."""
    for call in facts.own_calls:
        masks = {t.mask for t in call.inputs if t.mask is not None}
        if call.class_name not in MERGES or call.class_name == "Dot" or call.kind != "layer" or len(masks) < 2 or None in {t.mask for t in call.inputs}:
            continue
        harm = _harm(facts, call, How.READS, How.WIDENED)
        if not harm.any:
            continue
        sources = [code.variable(t.source) for t in call.inputs]
        zeroed = ", ".join(f"ZeroMasked()({s})" for s in sources)
        yield Finding(
            "MV17-merge-mixes-masks",
            severity(harm),
            call.id,
            f"{call.class_name} '{call.name}' merges {names(sources)} whose masks differ, and keeps a step where either does: {came_of(harm)}.",
            "Keras combines the masks of merged tensors by OR. Where only one of them is real, the other's padding becomes part of a kept step.",
            f"{ZERO_MASKED}\n\n{code.variable(call.id)} = {code.layer(call)}([{zeroed}])",
            f"{KERAS}layers/merging/base_merge.py",
            evidence(harm),
            harm.change,
        )


def _harm(facts: Facts, call: Call, *hows: How) -> Harm:
    harm = Harm()
    for how in hows:
        harm.add(facts.blame.get((how, call.id)))
    return harm
