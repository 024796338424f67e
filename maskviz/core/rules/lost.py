"""Masks that a call loses while its time axis goes on: MV04, MV05, MV08, MV09, MV10, MV14."""

from __future__ import annotations

from collections.abc import Iterator

from maskviz.core.blame import MERGES, Harm, How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding
from maskviz.core.rules import code, fixes
from maskviz.core.rules.texts import came_of, evidence, severity
from maskviz.core.trace import Call

WINDOWED = ("Conv", "SeparableConv", "DepthwiseConv", "MaxPooling", "AveragePooling")
ACTIVATIONS = ("Relu", "Sigmoid", "Tanh", "Gelu", "Silu", "Elu", "Selu", "Softplus", "Swish", "LeakyRelu")


def dropped(facts: Facts) -> Iterator[tuple[Call, Harm]]:
    """Calls that lost a mask, with what came of it."""
    for (how, name), harm in facts.blame.items():
        if how is How.DROPPED:
            yield facts.by_id[name], harm


def is_windowed(call: Call) -> bool:
    return call.origin == "keras" and call.class_name.startswith(WINDOWED)


def _finding(rule: str, call: Call, harm: Harm, sentence: str, why: str, fix: str, link: str) -> Finding:
    return Finding(rule, severity(harm), call.id, f"{sentence}: {came_of(harm)}.", why, fix, link, evidence(harm), harm.change)


def lambda_drops_mask(facts: Facts) -> Iterator[Finding]:
    for call, harm in dropped(facts):
        if call.class_name == "Lambda" and call.kind == "layer":
            yield _finding(
                "MV08-lambda-drops-mask",
                call,
                harm,
                f"The Lambda '{call.name}' drops the mask",
                "A Lambda has no way to know what its function does to time, so it lets no mask through. Lambda(mask=…) works, but does not "
                "survive saving; a small layer does.",
                fixes.mask_again(facts, call, f"{code.variable(call.id)}_without_mask"),
                f"{KERAS}layers/core/lambda_layer.py",
            )


def operation_drops_mask(facts: Facts) -> Iterator[Finding]:
    for call, harm in dropped(facts):
        if call.kind == "operation":
            yield _finding(
                "MV09-operation-drops-mask",
                call,
                harm,
                f"The operation '{call.name}' ({call.class_name}) drops the mask, silently",
                "Python operators, slices and keras.ops are operations, not layers: masks travel only through layers, and Keras does not warn.",
                _layer_for(facts, call),
                "https://github.com/keras-team/keras/issues/18416",
            )


def _layer_for(facts: Facts, call: Call) -> str:
    """A layer in place of an operation."""
    given, name = code.inputs(call), code.variable(call.id)
    if call.class_name in MERGES and len(call.inputs) > 1:
        return f'{name} = keras.layers.{call.class_name}(name="{call.name}")({given if given.startswith("[") else f"[{given}]"})'
    if call.class_name in ACTIVATIONS:
        return f'{name} = keras.layers.Activation("{call.class_name.lower()}", name="{call.name}")({given})'
    return fixes.mask_again(facts, call)


def custom_layer_drops_mask(facts: Facts) -> Iterator[Finding]:
    for call, harm in dropped(facts):
        if call.origin == "custom" and call.kind == "layer" and call.class_name != "Lambda":
            steps = facts.steps(call)
            same = steps is None or steps[0] == steps[1]
            line = (
                "        self.supports_masking = True"
                if same
                else "    def compute_mask(self, inputs, mask=None):\n        return None if mask is None else …  # what call does to time"
            )
            uses = " It takes the mask, but passes none on." if "mask" in call.received else ""
            yield _finding(
                "MV10-custom-layer-drops-mask",
                call,
                harm,
                f"The layer '{call.name}' ({call.class_name}) drops the mask",
                f"A layer of one's own lets masks through only with supports_masking, set after super().__init__, or with compute_mask.{uses}",
                f"class {call.class_name}(keras.layers.Layer):\n    def __init__(self, …, **kwargs):\n        super().__init__(**kwargs)\n{line}",
                "https://keras.io/guides/understanding_masking_and_padding/",
            )


def layer_drops_mask(facts: Facts) -> Iterator[Finding]:
    for call, harm in dropped(facts):
        if call.origin == "keras" and call.kind == "layer" and call.class_name not in (*MERGES, "Lambda", "TimeDistributed"):
            if not is_windowed(call):
                yield _finding(
                    "MV04-layer-drops-mask",
                    call,
                    harm,
                    f"{call.class_name} '{call.name}' drops the mask",
                    f"{call.class_name} does not support masking in Keras; the mask ends there although the sequence goes on.",
                    fixes.mask_again(facts, call),
                    f"{KERAS}layers/layer.py",
                )


def convolution(facts: Facts) -> Iterator[Finding]:
    """A convolution or pooling both drops the mask and reads padding: one finding for both."""
    for call in facts.own_calls:
        if not is_windowed(call):
            continue
        harm = Harm()
        for how in (How.DROPPED, How.READS):
            harm.add(facts.blame.get((how, call.id)))
        if not harm.any:
            continue
        reads = f" and carries padding into real steps ({_fraction(harm, call)})" if call.id in harm.leaks else ""
        yield _finding(
            "MV05-window-reads-padding" if reads else "MV05-window-drops-mask",
            call,
            harm,
            f"{call.class_name} '{call.name}' drops the mask{reads}",
            "Convolutions and poolings know no masks: a window at the edge of a sequence holds padding, and nothing after it is masked.",
            _zero_before(facts, call),
            "https://github.com/keras-team/keras/issues/411",
        )


def _fraction(harm: Harm, call: Call) -> str:
    return f"{100 * harm.leaks[call.id]:.0f} % of them"


def _zero_before(facts: Facts, call: Call) -> str:
    given = code.variable(call.inputs[0].source)
    steps = facts.steps(call)
    if steps is None or steps[0] == steps[1]:
        line = f"{code.variable(call.id)} = WithMaskOf()([{code.layer(call)}(ZeroMasked()({given})), {given}])"
        return f"{fixes.ZERO_MASKED}\n\n{code.COPY_MASK}\n\n{line}"
    size = call.config.get("pool_size", call.config.get("kernel_size", 2 if "Pooling" in call.class_name else 1))
    size = size[0] if isinstance(size, (list, tuple)) else size
    strides = call.config.get("strides", size if "Pooling" in call.class_name else 1)
    strides = strides[0] if isinstance(strides, (list, tuple)) else strides
    padding = call.config.get("padding", "valid")
    return f'''{fixes.ZERO_MASKED}

@keras.saving.register_keras_serializable("masks")
class PooledMaskOf(keras.layers.Layer):
    """The first tensor with the mask of the second: a window is kept where it holds a kept step."""

    def call(self, inputs):
        return keras.ops.copy(inputs[0])

    def compute_mask(self, inputs, mask=None):
        if mask is None or mask[1] is None:
            return None
        kept = keras.ops.cast(mask[1], "float32")[..., None]
        return keras.ops.max_pool(kept, {size}, {strides}, "{padding}")[..., 0] > 0


{code.variable(call.id)} = PooledMaskOf()([{code.layer(call)}(ZeroMasked()({given})), {given}])'''
