"""Masks where tensors are merged: MV16, MV17."""

from __future__ import annotations

from collections.abc import Iterator

from maskviz.core.blame import MERGES, Harm, How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding
from maskviz.core.rules import code, fixes
from maskviz.core.rules.lost import about
from maskviz.core.trace import Call, Fate
from maskviz.core.words import listed


def merges(facts: Facts) -> Iterator[tuple[Call, Harm]]:
    """Merging layers that lost a mask, widened it or let padding in, with all that came of it."""
    for call in facts.own_calls:
        causes = [facts.blame.get((how, call.id)) for how in (How.DROPPED, How.WIDENED, How.READS)]
        if call.class_name in MERGES and call.kind == "layer" and causes != [None] * 3:
            yield call, Harm().together(*causes)


def merge_loses_mask(facts: Facts) -> Iterator[Finding]:
    """MV16-concatenate-keeps-all, MV17-merge-drops-mask, MV17-dot-drops-mask: one input is masked and another is not."""
    for call, harm in merges(facts):
        masked = [t.source for t in call.inputs if t.mask is not None]
        without = [t.source for t in call.inputs if t.mask is None]
        if not masked or not (without or call.class_name == "Dot"):
            continue
        widened = call.class_name == "Concatenate" and call.fate is Fate.CHANGES
        rule, what = "MV17-merge-drops-mask", "has no mask, because one of its inputs has none"
        if call.class_name == "Dot":
            rule, what = "MV17-dot-drops-mask", "never has a mask"
        elif widened:
            rule, what = "MV16-concatenate-keeps-all", "keeps every step, because one of its inputs has no mask"
        yield about(
            rule,
            call,
            harm,
            f"{call.class_name} '{call.name}' {what}",
            "Concatenate counts an input without a mask as all real; Add, Average and their kind then give no mask at all. Neither "
            "says so.",
            _masked_first(call, masked[0], without),
            f"{KERAS}layers/merging/{'concatenate' if widened else 'base_merge'}.py",
        )


def _masked_first(call: Call, masked: str | None, without: list[str | None]) -> str:
    """The merge with the mask put on the inputs that have none, or on its result where they have no name."""
    name, like = code.variable(call.id), code.variable(masked)
    if call.class_name == "Dot" or None in without:
        return f"{code.COPY_MASK}\n\n{name} = WithMaskOf()([{code.layer(call)}({code.inputs(call)}), {like}])"
    lines = [f"{v}_masked = WithMaskOf()([{v}, {like}])" for v in dict.fromkeys(code.variable(ref) for ref in without)]
    given = ", ".join(f"{code.variable(t.source)}{'' if t.mask else '_masked'}" for t in call.inputs)
    return "\n".join([code.COPY_MASK, "", *lines, f"{name} = {code.layer(call)}([{given}])"])


def merge_mixes_masks(facts: Facts) -> Iterator[Finding]:
    """MV17-merge-mixes-masks: a step that is padding in one input and real in the other counts as real."""
    for call, harm in merges(facts):
        masks = {t.mask for t in call.inputs}
        if call.class_name == "Dot" or None in masks or len(masks) < 2 or not harm.any:
            continue
        given = code.names(call)
        yield about(
            "MV17-merge-mixes-masks",
            call,
            harm,
            f"{call.class_name} '{call.name}' merges {listed(given, quoted=True)}, whose masks differ, "
            "and keeps a step where any of them does",
            "Masks of merged tensors are combined by OR. Where one of them is real, the padding of the other becomes part of a kept step.",
            f"{fixes.ZERO_MASKED}\n\n{code.variable(call.id)} = {code.layer(call)}([{', '.join(f'ZeroMasked()({v})' for v in given)}])",
            f"{KERAS}layers/merging/base_merge.py",
        )


def merge_of_unmasked(facts: Facts) -> Iterator[Finding]:
    """MV17-merge-aligns-padding: tensors without any mask whose padding does not lie alike."""
    for call, harm in merges(facts):
        if all(t.mask is None for t in call.inputs) and harm.any:
            yield about(
                "MV17-merge-aligns-padding",
                call,
                harm,
                f"{call.class_name} '{call.name}' merges {listed(code.names(call), quoted=True)}, whose padding does not lie "
                "at the same steps",
                "Without masks nothing tells that a step of one is padding where the other is real.",
                f"{fixes.ZERO_MASKED}\n\n# mask the inputs first, then\n"
                f"{code.variable(call.id)} = {code.layer(call)}([{', '.join(f'ZeroMasked()({v})' for v in code.names(call))}])",
                f"{KERAS}layers/merging/base_merge.py",
            )
