"""What the length test and the gradients show beside a trace: padding that counts by its number, and padding that is learnt from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maskviz.core.facts import Facts
from maskviz.core.finding import Finding, Severity
from maskviz.core.rules import code, fixes
from maskviz.core.rules.lost import GUIDE, is_softmax, is_windowed
from maskviz.core.rules.texts import number, percent
from maskviz.core.trace import Call, Fate
from maskviz.core.words import counted


def follows_length(facts: Facts) -> Iterator[Finding]:
    """MV41-follows-length-of-padding: where the content of padding changes nothing, and its length does."""
    touched = {name for harm in facts.blame.values() for name in harm.touched}
    known = bool(facts.batch.declared) or any(call.fate is Fate.CREATES for call in facts.own_calls)
    # where no other length can be given, the same sample always gives the same result
    fixed = all(len(spec.shape) > 1 and spec.shape[1] is not None for spec in facts.network.inputs if spec.kind in ("ids", "features"))
    said: set[str | None] = set()
    for output, call, _ in facts.results:
        share = facts.trace.length_follows.get(output.name)
        if share is None or output.name in touched:
            continue
        cause = _reads_length(facts, call)
        if fixed and cause is not None and _divides_time(facts, cause):
            continue
        name = None if cause is None else cause.id
        if name in said:
            continue
        said.add(name)
        moved = facts.trace.length_moved[output.name]
        where = (
            ""
            if cause is None
            else f"; the first call that could mix steps without looking at a mask is '{cause.name}' ({cause.class_name})"
        )
        yield Finding(
            "MV41-follows-length-of-padding",
            Severity.ERROR if known and not fixed else Severity.WARNING,
            name,
            f"{percent(share)} of what counts in output '{output.name}' moves, by up to {number(moved)}, when there is more or less "
            f"padding{where}.",
            "What padding holds has no part in it, but how much of it there is has: a mean over all steps, attention weights that are "
            "spread over padding too, or positions that are counted from padding.",
            _without_length(facts, cause),
            GUIDE,
            {"largest movement": moved, "share that moves": share},
            reach=share,
        )


def _reads_length(facts: Facts, result: Call) -> Call | None:
    """The first call before a result that takes padded steps and could mix them into others: with no mask to tell them apart, or else by
    code of its own, which may not look at its mask."""
    before = {result.id}
    for call in reversed(facts.own_calls):
        if call.id in before:
            before |= {made_by.id for _, made_by, _ in facts.sources(call)}
    masked = []
    for call in facts.own_calls:
        timed = any(made.has_time for _, _, made in facts.sources(call))
        if call.id not in before or not timed or call.fate is Fate.CREATES:
            continue
        ends = bool(call.outputs) and not any(out.has_time for out in call.outputs)
        if facts.received_mask(call):
            masked += [call] if call.inside else []
        elif ends or call.inside or is_softmax(call) or is_windowed(call):
            return call
    return masked[0] if masked else None


def _divides_time(facts: Facts, call: Call) -> bool:
    """Whether what a call puts out has another number of steps: where it divides them is a matter of length, with or without padding."""
    steps = facts.steps(call)
    return steps is not None and steps[0] != steps[1]


def _without_length(facts: Facts, cause: Call | None) -> str:
    if cause is None or not cause.inputs:
        return "# leave padded steps out of every sum over time, and divide by the number of real steps"
    name, given = code.variable(cause.id), code.inputs(cause)
    if cause.kind == "operation" and cause.class_name == "Mean":
        return f"{name} = keras.layers.GlobalAveragePooling1D()({given})  # with a mask on {given}"
    if cause.origin == "custom":
        return (
            f"class {cause.class_name}(keras.layers.Layer):\n    def call(self, inputs, mask=None):  # Keras fills in the mask of inputs\n"
            "        ...  # scores = keras.ops.where(mask[..., None], scores, -1e9) before a softmax; divide sums by the real steps"
        )
    first = (code.names(cause) or ["x"])[0]
    return f"{fixes.ZERO_MASKED}\n\n{first} = ZeroMasked()({first})  # then '{cause.name}' as before, divided by the real steps"


def learns_from_padding(facts: Facts) -> Iterator[Finding]:
    """MV42-weights-learn-from-padding: only in training, where inference shows nothing wrong."""
    moved = facts.trace.gradients_moved
    if not moved or any(harm.proved for harm in facts.blame.values()) or any(s.share for s in facts.loss_shifts.values()):
        return
    if any(call.config.get("activity_regularizer") for call in facts.own_calls):
        return  # said where it is
    worst = max(moved, key=lambda name: moved[name])
    cause = next((c for c in facts.own_calls if c.class_name == "BatchNormalization" and not facts.received_mask(c)), None)
    where = f": BatchNormalization '{cause.name}' has no mask, and takes mean and variance over padding too" if cause is not None else ""
    by = f", by {percent(moved[worst])} of its largest entry" if np.isfinite(moved[worst]) else ""
    yield Finding(
        "MV42-weights-learn-from-padding",
        Severity.ERROR,
        None if cause is None else cause.id,
        f"In training the gradients of {counted(len(moved), 'weight')} follow what padding holds, most that of {worst}{by}{where}.",
        "Predictions do not show it: some layers work otherwise in training, and masks may be lost there alone.",
        "# compare maskviz.gradients(network, x, y, training=True) after each change"
        if cause is None
        else f"{code.variable(cause.id)} = {code.layer(cause)}({code.inputs(cause)}, mask={code.mask_of(facts, cause)})",
        GUIDE,
        {"weights": len(moved), "largest relative movement": moved[worst]},
    )
