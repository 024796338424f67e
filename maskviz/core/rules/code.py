"""Fixes as code: layers written as they were made, with the network's own names and arguments.

In a fix a variable stands for the output of the layer it is named after (``lstm_1`` for the output of the layer "lstm_1"), or for an input.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any

from maskviz.core.facts import Facts
from maskviz.core.trace import Call

REGULARIZERS = ("L1", "L2", "L1L2", "OrthogonalRegularizer")

COPY_MASK = '''@keras.saving.register_keras_serializable("masks")
class WithMaskOf(keras.layers.Layer):
    """The first tensor with the mask of the second."""

    def call(self, inputs):
        return keras.ops.copy(inputs[0])

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else mask[1]
'''
"""A layer that puts a mask back; it survives a ``.keras`` file."""


def variable(ref: str | None) -> str:
    """A Python name for a tensor."""
    if ref is None:
        return "x"
    path, _, number = ref.partition("#")
    name = re.sub(r"\W", "_", path.rpartition("/")[2].partition(":")[0])
    name = f"x_{name}" if not name or name[0].isdigit() or keyword.iskeyword(name) else name
    return f"{name}_{number}" if number else name


def literal(value: Any) -> str:
    """A value of a layer's configuration as Python code."""
    if isinstance(value, Mapping) and "class_name" in value:
        name = str(value["class_name"])
        if name.startswith("__") or name == "function":
            return "..."
        kind = "regularizers" if name in REGULARIZERS else "layers"
        return f"keras.{kind}.{name}({_arguments(value.get('config', {}))})"
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return f'float("{value}")'
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, float) and value.is_integer():
        return repr(value)
    return repr(value)


def _arguments(config: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={literal(value)}" for name, value in config.items())


def layer(call: Call, **changes: Any) -> str:
    """The constructor of a call's layer as it was made, with some arguments changed (None leaves one out)."""
    config = {**{k: v for k, v in call.config.items() if k not in changes}, **{k: v for k, v in changes.items() if v is not None}}
    config["name"] = call.name
    prefix = "keras.layers." if call.origin == "keras" else ""
    return f"{prefix}{call.class_name}({_arguments(config)})"


def names(call: Call) -> list[str]:
    """The tensors that a call was given."""
    return [variable(tensor.source) for tensor in call.inputs]


def inputs(call: Call) -> str:
    """The tensors that a call was given, as arguments."""
    given = ", ".join(names(call))
    return f"[{given}]" if call.class_name in LISTS and call.kind == "layer" else given


LISTS = ("Add", "Subtract", "Average", "Multiply", "Maximum", "Minimum", "Concatenate", "Dot", "Attention", "AdditiveAttention")


def existing(call: Call) -> str:
    """The network's own layer: ``network.get_layer("encoder").get_layer("lstm")``."""
    names = [part.partition(":")[0] for part in call.id.split("/")]
    return "network" + "".join(f'.get_layer("{name}")' for name in names)


def made(call: Call, **changes: Any) -> str:
    """The line that makes the output of a call: ``lstm = keras.layers.LSTM(units=8, name="lstm")(masking)``."""
    return f"{variable(call.id)} = {layer(call, **changes)}({inputs(call)})"


def data(facts: Facts, name: str) -> str:
    """The array that is fed to an input: ``x``, or ``x["name"]`` where there are several."""
    return "x" if len(facts.network.inputs) == 1 else f'x["{name}"]'


def padded(facts: Facts, name: str) -> str:
    """Which steps of it are padding, in the same way."""
    return "padding" if len(facts.network.inputs) == 1 else f'padding["{name}"]'


def chosen(facts: Facts) -> str:
    """The line that leaves samples out: those for which ``keep`` is False."""
    several = "{{name: values[keep] for name, values in {0}.items()}}"
    x = "x[keep]" if len(facts.network.inputs) == 1 else several.format("x")
    y = "y[keep]" if len(facts.batch.y) <= 1 else several.format("y")
    return f"x, y = {x}, {y}"


def without_empty(facts: Facts) -> str:
    """Code that leaves out samples that are all padding in some input."""
    name = next((n for n, p in facts.trace.padding.items() if p.ndim == 2 and bool(p.all(axis=1).any())), None)
    return f"keep = ~{'padding' if name is None else padded(facts, name)}.all(axis=1)\n{chosen(facts)}"


def predicted(facts: Facts, output: str) -> str:
    """The line that makes ``y_pred`` the prediction of an output, as a tensor."""
    names = [o.name for o in facts.network.outputs]
    if len(names) == 1:
        return "y_pred = network(x, training=False)"
    return f"y_pred = keras.tree.flatten(network(x, training=False))[{names.index(output)}]  # output '{output}'"


def mask_of(facts: Facts, call: Call) -> str:
    """Code for the mask that the steps of a call have: from the layer that made the mask nearest before it."""
    maker = mask_maker(facts, call)
    return "mask" if maker is None else f"{existing(maker)}.compute_mask({inputs(maker)})"


def mask_maker(facts: Facts, call: Call) -> Call | None:
    """The call nearest before ``call`` that created a mask, following the first input that leads to one."""
    seen: set[str] = set()
    queue = [call]
    while queue:
        current = queue.pop(0)
        for _, made_by, made in facts.sources(current):
            if made_by.id in seen:
                continue
            seen.add(made_by.id)
            if made_by.fate == "creates" and made.mask is not None:
                return made_by
            queue.append(made_by)
    return None
