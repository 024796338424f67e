"""Masks and attention: MV11, MV36, MV38."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.blame import Harm, How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.rules import code
from maskviz.core.rules.lost import about
from maskviz.core.trace import Call

ATTENTION = f"{KERAS}layers/attention/multi_head_attention.py"


def attention_strips_mask(facts: Facts) -> Iterator[Finding]:
    """MV11-mha-strips-mask."""
    for (how, name), harm in facts.blame.items():
        if how is How.STRIPPED:
            call = facts.by_id[name]
            victims = list(dict.fromkeys(code.variable(call.inputs[i].source) for i in call.stripped))
            yield about(
                "MV11-mha-strips-mask",
                call,
                harm,
                f"{call.class_name} '{call.name}' strips the mask from its own input ({', '.join(victims)}), which is used again "
                "without it",
                "MultiHeadAttention deletes the mask of its query, key and value tensors in place, silently. A residual sum after it, or a "
                "second attention on the same tensor, treats padding as data.",
                _on_copies(call, victims),
                ATTENTION,
            )


def _on_copies(call: Call, victims: list[str]) -> str:
    copies = [
        f"{name}_copy = keras.layers.Rescaling(1.0)({name})  # a tensor of its own; Identity hands on the same one" for name in victims
    ]
    given = [f"{name}_copy" if name in victims else name for name in code.names(call)]
    if call.class_name == "MultiHeadAttention" and len(given) == 1:
        given *= 2
    masks = [n for n, m in call.received.items() if n == "attention_mask" and m is not None and call.mask_sources]
    given += [f"{name}={code.variable(call.mask_sources[0])}" for name in masks]
    made = code.existing(call) if call.origin == "custom" else code.layer(call)
    return "\n".join([*copies, f"{code.variable(call.id)} = {made}({', '.join(given)})"])


def softmax_masks_classes(facts: Facts) -> Iterator[Finding]:
    """MV36-softmax-masks-classes: goes unnoticed where there are as many steps as classes."""
    for call in facts.own_calls:
        received = call.received.get("mask")
        mask = facts.step_mask(received) if isinstance(received, str) else None
        if call.class_name != "Softmax" or call.kind != "layer" or mask is None or len(call.inputs[0].shape) != 3:
            continue
        _, steps, classes = call.inputs[0].shape
        padded = int((~mask).any(axis=1).sum())
        if not padded:
            continue
        yield Finding(
            "MV36-softmax-masks-classes",
            Severity.ERROR,
            call.id,
            f"Softmax '{call.name}' takes its mask {mask.shape} of samples and steps for one of steps and classes: some of the classes "
            f"{_masked_classes(mask)} get no probability, in every sample.",
            "The Softmax layer applies a mask to the axes it normalizes, the last ones. Where the sizes happen to fit, nothing is said.",
            f'{code.variable(call.id)} = keras.layers.Activation("softmax", name="{call.name}")({code.inputs(call)})',
            f"{KERAS}layers/activations/softmax.py",
            {"steps": steps, "classes": classes, "samples with padding": padded},
        )


def _masked_classes(mask: NDArray[Any]) -> str:
    hit = np.flatnonzero((~mask).any(axis=0))
    return f"{hit[0]} to {hit[-1]}" if len(hit) > 1 else str(hit[0])


def attention_mask_alone(facts: Facts) -> Iterator[Finding]:
    """MV38-attention-mask-not-in-loss: padding is kept out of the attention by hand, and counted by the loss all the same."""
    for name, harm, call in masked_by_hand(facts):
        pad = facts.network.input(name).pad_value
        real = code.data(facts, name)
        yield about(
            "MV38-attention-mask-not-in-loss",
            call,
            harm,
            f"The attention_mask of '{call.name}' keeps padding out of the attention and not out of the loss",
            "An attention_mask says who may look at whom. It is no mask on the output, so the loss counts every step.",
            f'sample_weight = ({real} != {code.literal(pad)}).astype("float32")  # (batch, time), 1 where a step is real\n'
            "network.fit(x, y, sample_weight=sample_weight)",
            ATTENTION,
        )


def masked_by_hand(facts: Facts) -> Iterator[tuple[str, Harm, Call]]:
    """Inputs that no mask was made of, but whose padding an explicit attention_mask leaves out: name, harm, the call that takes it."""
    explicit = [c for c in facts.own_calls if c.received.get("attention_mask") and not facts.received_mask(c)]
    for (how, name), harm in facts.blame.items():
        if how is How.NEVER and harm.any and not harm.touched and explicit:
            reached = facts.downstream(facts.by_id[name])
            call = next((c for c in explicit if c.id in reached), None)
            if call is not None:
                yield name, harm, call
