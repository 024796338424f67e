"""Masks and attention: MV11, MV36, MV38."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.blame import How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.rules import code
from maskviz.core.rules.texts import came_of, evidence, severity
from maskviz.core.trace import Call


def attention_strips_mask(facts: Facts) -> Iterator[Finding]:
    for (how, name), harm in facts.blame.items():
        if how is not How.STRIPPED:
            continue
        call = facts.by_id[name]
        stolen = [call.inputs[i].source for i in call.stripped]
        victim = code.variable(stolen[0] if stolen else None)
        yield Finding(
            "MV11-mha-strips-mask",
            severity(harm),
            call.id,
            f"{call.class_name} '{call.name}' strips the mask from the tensor it is given ({victim}), and whatever uses that tensor "
            f"afterwards has none: {came_of(harm)}.",
            "MultiHeadAttention deletes the mask of its own query, key and value tensors in place, without a warning. The residual sum after "
            "it, or a second attention on the same tensor, then treats padding as data.",
            _on_a_copy(call, victim),
            f"{KERAS}layers/attention/multi_head_attention.py",
            evidence(harm),
            harm.change,
        )


def _on_a_copy(call: Call, victim: str) -> str:
    names = [code.variable(tensor.source) for tensor in call.inputs]
    given = ", ".join(f"{name}_copy" if name == victim else name for name in names)
    if call.origin == "custom":
        return f"# give the layer a tensor of its own\n{victim}_copy = keras.layers.Rescaling(1.0)({victim})\n{code.variable(call.id)} = {code.layer(call)}({given})"
    extra = [f"{name}={code.variable(call.mask_sources[0])}" for name in ("attention_mask",) if call.received.get(name) and call.mask_sources]
    line = f"{code.variable(call.id)} = {code.layer(call)}({', '.join([given, *extra])})"
    return f"{victim}_copy = keras.layers.Rescaling(1.0)({victim})  # a tensor of its own; Identity would hand on the same one\n{line}"


def softmax_masks_classes(facts: Facts) -> Iterator[Finding]:
    """The Softmax layer takes a mask of steps as a mask of classes, which goes unnoticed where T equals the number of classes."""
    for call in facts.own_calls:
        mask = facts.step_mask(call.received.get("mask")) if isinstance(call.received.get("mask"), str) else None
        if call.class_name != "Softmax" or call.kind != "layer" or mask is None or len(call.inputs[0].shape) != 3:
            continue
        shape = call.inputs[0].shape
        yield Finding(
            "MV36-softmax-masks-classes",
            Severity.ERROR,
            call.id,
            f"Softmax '{call.name}' takes the mask of {shape[1]} steps for a mask of its {shape[2]} classes: in samples with padding, "
            f"classes {_masked_classes(mask)} get probability 0 at every step.",
            "The Softmax layer multiplies its mask onto the axis it normalizes; with as many steps as classes the shapes fit and nothing is said.",
            f'{code.variable(call.id)} = keras.layers.Activation("softmax", name="{call.name}")({code.inputs(call)})',
            f"{KERAS}layers/activations/softmax.py",
            {"steps": shape[1], "classes": shape[2], "samples with padding": int((~mask).any(axis=1).sum())},
        )


def _masked_classes(mask: NDArray[Any]) -> str:
    hit = np.flatnonzero((~mask).any(axis=0))
    return f"{hit[0]}–{hit[-1]}" if len(hit) > 1 else ", ".join(map(str, hit))


def attention_mask_alone(facts: Facts) -> Iterator[Finding]:
    """Padding kept out of the attention by an explicit attention_mask, and counted by the loss all the same."""
    explicit = [c for c in facts.own_calls if c.received.get("attention_mask") and not facts.received_mask(c)]
    for (how, name), harm in facts.blame.items():
        if how is not How.NEVER or not harm.losses or harm.touched or not explicit:
            continue
        if not any(call.id in facts.downstream(facts.by_id[name]) for call in explicit):
            continue
        output = next(iter(harm.losses))
        call = explicit[-1]
        yield Finding(
            "MV38-attention-mask-not-in-loss",
            Severity.ERROR,
            call.id,
            f"The attention_mask of '{call.name}' keeps padding out of the attention but not out of the loss: {came_of(harm)}.",
            "An attention_mask says who may look at whom. It is no mask on the output, so the loss counts every step.",
            f'real = (x["{name}"] != 0) if isinstance(x, dict) else (x != 0)  # (batch, time), True where a step is real\n'
            f"network.fit(x, y, sample_weight=real.astype(\"float32\"))  # or an Embedding with mask_zero=True, which the loss of '{output}' sees",
            f"{KERAS}layers/attention/multi_head_attention.py",
            evidence(harm),
            harm.change,
        )


