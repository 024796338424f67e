"""Fixes that several rules offer: a mask put back after a call, and masked steps silenced before one."""

from __future__ import annotations

from itertools import pairwise

from maskviz.core.facts import Facts
from maskviz.core.rules import code
from maskviz.core.trace import Call

ZERO_MASKED = '''@keras.saving.register_keras_serializable("masks")
class ZeroMasked(keras.layers.Layer):
    """Zeros at masked steps; the mask goes on."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        return x if mask is None else x * keras.ops.cast(mask, x.dtype)[..., None]
'''


def class_name(call: Call) -> str:
    """A class name for a layer that takes the place of a call: ``shift_left`` gives ``ShiftLeft``."""
    words = code.variable(call.id).split("_")
    return "".join(word[:1].upper() + word[1:] for word in words if word) + "WithMask"


def mask_again(facts: Facts, call: Call) -> str:
    """Code that gives the output of a call its mask back: that of its input, or what the call does to time done to the mask."""
    steps = facts.steps(call)
    masked = next((tensor.source for tensor in call.inputs if tensor.mask is not None), call.inputs[0].source if call.inputs else None)
    if steps is None or steps[0] == steps[1]:
        name = code.variable(call.id)
        note = ""
        if call.kind == "operation":
            result, note = f"{name}_unmasked", f"  # {name}_unmasked is what the operation gives now"
        elif call.class_name == "Lambda" or call.origin == "custom":
            result = f"{code.existing(call)}({code.inputs(call)})"
        else:
            result = f"{code.layer(call)}({code.inputs(call)})"
        return f"{code.COPY_MASK}\n\n{name} = WithMaskOf()([{result}, {code.variable(masked)}]){note}"
    return own_class(facts, call, code.variable(masked))


def own_class(facts: Facts, call: Call, given: str) -> str:
    """A layer in place of a call that changes the number of steps, which does the same to the mask."""
    steps = facts.steps(call) or (0, 0)
    on_data, on_mask = _time_change(facts, call, *steps)
    name = class_name(call)
    return f'''@keras.saving.register_keras_serializable("masks")
class {name}(keras.layers.Layer):
    def call(self, x):
        return {on_data}

    def compute_mask(self, x, mask=None):
        return None if mask is None else {on_mask}


{code.variable(call.id)} = {name}(name="{call.name}")({given})'''


def _time_change(facts: Facts, call: Call, before: int, after: int) -> tuple[str, str]:
    """What a call does to the steps of a sequence ``x``, and the same for ``mask``."""
    config = call.config
    layer = f"{code.layer(call)}(x)" if call.origin == "keras" and call.kind == "layer" and call.class_name != "Lambda" else _as_now(call)
    match call.class_name:
        case "ZeroPadding1D":
            left, right = _pair(config.get("padding", 1))
            return f"keras.ops.pad(x, [[0, 0], [{left}, {right}], [0, 0]])", f"keras.ops.pad(mask, [[0, 0], [{left}, {right}]])"
        case "UpSampling1D":
            size = config.get("size", 2)
            return f"keras.ops.repeat(x, {size}, axis=1)", f"keras.ops.repeat(mask, {size}, axis=1)"
        case "Cropping1D":
            left, right = _pair(config.get("cropping", 1))
            end = f"-{right}" if right else ""
            return f"x[:, {left}:{end}]", f"mask[:, {left}:{end}]"
    taken = steps_taken(facts, call)
    if taken is not None:
        part = _slice(taken, before)
        if part is None:
            return f"keras.ops.take(x, {taken}, axis=1)", f"keras.ops.take(mask, {taken}, axis=1)"
        return f"x[:, {part}]", f"mask[:, {part}]"
    ratio = max(1, round(before / after)) if after else 1
    return layer, f"keras.ops.any(keras.ops.reshape(mask[:, : {ratio * after}], (-1, {after}, {ratio})), axis=-1)"


def _as_now(call: Call) -> str:
    return f"{code.existing(call)}(x)" if call.kind == "layer" else "...  # what the operation does now"


def steps_taken(facts: Facts, call: Call) -> list[int] | None:
    """The steps of its input that a call puts out, where it takes steps as they are: a slice, or an index."""
    source = next((tensor.source for tensor in call.inputs), None)
    known, made = facts.trace.steps.get(source or ""), facts.trace.steps.get(call.ref())
    if call.ref() in facts.trace.windowed or known is None or made is None or known[0] != made[0]:
        return None
    at = {step: place for place, step in enumerate(known[1])}
    return [at[step] for step in made[1]] if all(step in at for step in made[1]) else None


def _slice(taken: list[int], before: int) -> str | None:
    """Steps as the slice they are: ``1:-1``, ``::2``; None where they are none."""
    strides = {b - a for a, b in pairwise(taken)} or {1}
    if len(strides) > 1 or not taken or min(strides) <= 0:
        return None
    stride = strides.pop()
    first, end = taken[0], taken[-1] + 1
    return f"{first or ''}:{'' if end + stride > before else end - before}{f':{stride}' if stride > 1 else ''}"


def _pair(value: object) -> tuple[int, int]:
    if isinstance(value, (list, tuple)):
        return int(value[0]), int(value[-1])
    return (int(value), int(value)) if isinstance(value, int) else (1, 1)


def zeros_before(facts: Facts, call: Call) -> str:
    """A convolution or pooling that sees zeros in place of padding, and has a mask again afterwards."""
    given, name = code.variable(call.inputs[0].source), code.variable(call.id)
    steps = facts.steps(call)
    if steps is None or steps[0] == steps[1]:
        return f"{ZERO_MASKED}\n\n{code.COPY_MASK}\n\n{name} = WithMaskOf()([{code.layer(call)}(ZeroMasked()({given})), {given}])"
    pools = "Pooling" in call.class_name
    size = _first(call.config.get("pool_size", 2) if pools else call.config.get("kernel_size", 1))
    strides = _first(call.config.get("strides", size if pools else 1))
    padding = call.config.get("padding", "valid")
    return f'''{ZERO_MASKED}

@keras.saving.register_keras_serializable("masks")
class WithPooledMaskOf(keras.layers.Layer):
    """The first tensor with the mask of the second: a window is kept where it holds a kept step."""

    def call(self, inputs):
        return keras.ops.copy(inputs[0])

    def compute_mask(self, inputs, mask=None):
        if mask is None or mask[1] is None:
            return None
        kept = keras.ops.cast(mask[1], "float32")[..., None]
        return keras.ops.max_pool(kept, {size}, {strides}, "{padding}")[..., 0] > 0


{name} = WithPooledMaskOf()([{code.layer(call)}(ZeroMasked()({given})), {given}])'''


def _first(value: object) -> object:
    return value[0] if isinstance(value, (list, tuple)) else value
