"""Masks that a call loses while its time axis goes on: MV04, MV05, MV08, MV09, MV10."""

from __future__ import annotations

from collections.abc import Iterator

from maskviz.core.blame import MERGES, Harm, How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding
from maskviz.core.rules import code, fixes
from maskviz.core.rules.texts import came_of, evidence, percent, severity
from maskviz.core.trace import Call

WINDOWED = ("Conv1D", "Conv2D", "Conv3D", "SeparableConv", "DepthwiseConv", "MaxPooling", "AveragePooling")
ACTIVATIONS = ("Softmax", "Relu", "Sigmoid", "Tanh", "Gelu", "Silu", "Elu", "Selu", "Softplus", "LeakyRelu")
GUIDE = "https://keras.io/guides/understanding_masking_and_padding/"


def dropped(facts: Facts) -> Iterator[tuple[Call, Harm]]:
    """Calls that lost a mask, with what came of it, and of padding that they carry into real steps as well."""
    for (how, name), harm in facts.blame.items():
        call = facts.by_id[name]
        if how is How.DROPPED and not (is_softmax(call) and (How.READS, name) in facts.blame):
            yield call, harm.together(facts.blame.get((How.READS, name)))


def is_windowed(call: Call) -> bool:
    """Whether a call is a convolution or a pooling of Keras."""
    return call.origin == "keras" and call.kind == "layer" and call.class_name.startswith(WINDOWED)


def is_softmax(call: Call) -> bool:
    """Whether a call is a softmax: of it the rule of weights over time speaks."""
    return call.class_name == "Softmax" or (call.class_name == "Activation" and call.config.get("activation") == "softmax")


def about(rule: str, call: Call, harm: Harm, what: str, why: str, fix: str, link: str) -> Finding:
    """A finding about a call and what came of what it did."""
    sentence = f"{what}: {came_of(harm)}."
    return Finding(rule, severity(harm), call.id, sentence, why, fix, link, evidence(harm), harm.change, reach=harm.reach)


def lambda_drops_mask(facts: Facts) -> Iterator[Finding]:
    """MV08-lambda-drops-mask."""
    for call, harm in dropped(facts):
        if call.class_name == "Lambda" and call.kind == "layer":
            yield about(
                "MV08-lambda-drops-mask",
                call,
                harm,
                f"The Lambda '{call.name}' drops the mask",
                "A Lambda cannot know what its function does to time, so it lets no mask through. Lambda(mask=…) works until the "
                "network is "
                "saved; a small layer works always.",
                fixes.mask_again(facts, call),
                f"{KERAS}layers/core/lambda_layer.py",
            )


def operation_drops_mask(facts: Facts) -> Iterator[Finding]:
    """MV09-operation-drops-mask."""
    for call, harm in dropped(facts):
        if call.kind == "operation":
            yield about(
                "MV09-operation-drops-mask",
                call,
                harm,
                f"The operation '{call.name}' ({call.class_name}) silently drops the mask",
                "Operators, slices and keras.ops are operations, not layers. Masks travel through layers only, and Keras gives no warning.",
                _layer_for(facts, call),
                "https://github.com/keras-team/keras/issues/18416",
            )


def _layer_for(facts: Facts, call: Call) -> str:
    """A layer in place of an operation."""
    name = code.variable(call.id)
    if call.class_name in MERGES and len(call.inputs) > 1:
        return f'{name} = keras.layers.{call.class_name}(name="{call.name}")([{", ".join(code.names(call))}])'
    if call.class_name in ACTIVATIONS:
        return f'{name} = keras.layers.Activation("{call.class_name.lower()}", name="{call.name}")({code.inputs(call)})'
    return fixes.mask_again(facts, call)


def code_drops_mask(facts: Facts) -> Iterator[Finding]:
    """MV09-code-drops-mask: plain code of a subclassed network between two calls."""
    for (how, name), harm in facts.blame.items():
        if how is How.BETWEEN:
            call = facts.by_id[name]
            yield about(
                "MV09-code-drops-mask",
                call,
                harm,
                f"Code outside any layer takes the output of '{call.name}' and loses its mask",
                "Arithmetic on tensors in call() is not a layer, so the result has no mask.",
                f"{code.COPY_MASK}\n\n{code.variable(call.id)} = WithMaskOf()([{code.variable(call.id)}_changed, "
                f"{code.variable(call.id)}])",
                "https://github.com/keras-team/keras/issues/18416",
            )


def custom_layer_drops_mask(facts: Facts) -> Iterator[Finding]:
    """MV10-custom-layer-drops-mask."""
    for call, harm in dropped(facts):
        if call.origin == "custom" and call.kind == "layer" and call.class_name != "Lambda":
            steps = facts.steps(call)
            same = steps is None or steps[0] == steps[1]
            line = (
                "        self.supports_masking = True"
                if same
                else "\n    def compute_mask(self, inputs, mask=None):\n        return mask  # with its time changed as call() changes it"
            )
            uses = " It takes a mask and passes none on." if "mask" in call.received else ""
            head = (
                f"class {call.class_name}(keras.layers.Layer):\n    def __init__(self, *args, **kwargs):\n        "
                "super().__init__(**kwargs)"
            )
            yield about(
                "MV10-custom-layer-drops-mask",
                call,
                harm,
                f"The layer '{call.name}' ({call.class_name}) drops the mask",
                "A layer of one's own lets masks through only with supports_masking, set after super().__init__(), or with "
                f"compute_mask().{uses}",
                f"{head}\n{line}",
                GUIDE,
            )


def layer_drops_mask(facts: Facts) -> Iterator[Finding]:
    """MV04-layer-drops-mask."""
    for call, harm in dropped(facts):
        if call.origin != "keras" or call.kind != "layer" or is_windowed(call) or call.class_name in (*MERGES, "Lambda", "TimeDistributed"):
            continue
        yield about(
            "MV04-layer-drops-mask",
            call,
            harm,
            f"{call.class_name} '{call.name}' drops the mask",
            f"{call.class_name} does not support masking, so the mask ends there although the sequence goes on.",
            fixes.mask_again(facts, call),
            f"{KERAS}layers/layer.py",
        )


def window_over_time(facts: Facts) -> Iterator[Finding]:
    """MV05-window-drops-mask, MV05-window-reads-padding: one finding for both."""
    for call in facts.own_calls:
        causes = [facts.blame.get((how, call.id)) for how in (How.DROPPED, How.READS)]
        if not is_windowed(call) or causes == [None, None]:
            continue
        harm = Harm().together(*causes)
        reads = call.id in harm.leaks
        into = f"carries padding into {percent(harm.leaks[call.id])} of the real steps" if reads else ""
        drops = "drops the mask" if causes[0] is not None else ""
        yield about(
            "MV05-window-reads-padding" if reads else "MV05-window-drops-mask",
            call,
            harm,
            f"{call.class_name} '{call.name}' {' and '.join(p for p in (drops, into) if p)}",
            "Convolutions and poolings know no masks: a window at the edge of a sequence holds padding, and nothing after it is masked.",
            fixes.zeros_before(facts, call),
            "https://github.com/keras-team/keras/issues/411",
        )
