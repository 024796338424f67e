"""Forms for the arguments of layers, as frozen values: the engine makes them of the layers' own signatures."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from maskviz.core.builder import ABOVE, ATTENTION, INPUT, MERGES, RECURRENT, Row, Stack, Value, fresh_name
from maskviz.core.errors import UnusableInput

Kind = Literal["int", "float", "bool", "choice", "value"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument. ``optional``: None may be given; ``required``: there is no default; ``advanced``: rarely changed.

    ``value`` is anything that Python can write as a literal.
    """

    name: str
    kind: Kind
    default: Value = None
    required: bool = False
    optional: bool = False
    advanced: bool = False
    choices: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class LayerForm:
    """A class of layers: where it belongs, one sentence on it, and its arguments."""

    kind: str
    group: str
    summary: str
    parameters: tuple[Parameter, ...] = ()

    def parameter(self, name: str) -> Parameter | None:
        return next((p for p in self.parameters if p.name == name), None)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters if p.required)


@dataclass(frozen=True, slots=True)
class Forms:
    """All that the builder offers: layers by class, and names for ``compile()``."""

    layers: Mapping[str, LayerForm]
    losses: tuple[str, ...]
    metrics: tuple[str, ...]

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Forms:
        """Forms from their JSON. Raises KeyError or TypeError for anything that is none."""
        layers = {}
        for kind, form in body["layers"].items():
            parameters = tuple(Parameter(**{**p, "choices": tuple(p["choices"])}) for p in form["parameters"])
            layers[kind] = LayerForm(**{**form, "parameters": parameters})
        return cls(layers, tuple(body["losses"]), tuple(body["metrics"]))


SUGGESTED: Mapping[str, Value] = {
    "units": 32, "output_dim": 16, "filters": 32, "kernel_size": 3, "num_heads": 2, "key_dim": 16, "head_dim": 16, "num_query_heads": 4,
    "num_key_value_heads": 2, "rate": 0.2, "stddev": 0.1, "scale": 1.0, "n": 4, "pool_size": 2, "axes": 2, "activation": "relu",
    "target_shape": [-1, 8], "dims": [2, 1], "equation": "abc,cd->abd", "output_shape": [None, 16],
}  # fmt: skip
"""What a new row begins with where its class has no default."""
WRAPPED = {"Bidirectional": "LSTM", "TimeDistributed": "Dense"}
"""What a new wrapper goes around."""


def new_row(stack: Stack, forms: Forms, kind: str, place: int) -> Row:
    """A row of that class for a place of the stack, with all it needs to be built; a wrapper comes with a layer in it."""
    inner = WRAPPED.get(kind, kind)
    arguments = {p.name: SUGGESTED.get(p.name, 1 if p.kind == "int" else p.default) for p in forms.layers[inner].parameters if p.required}
    if kind == "Embedding":
        arguments |= {"input_dim": stack.source.vocabulary, "mask_zero": True}
    if inner in RECURRENT:
        arguments["return_sequences"] = True
    takes: tuple[str, ...] = (ABOVE,)
    if kind == INPUT:
        arguments, takes = {"features": 8}, ()
    elif kind in MERGES:
        takes = (ABOVE, _earlier(stack, place))
    elif kind in ATTENTION:
        takes = (ABOVE, ABOVE)
    name = fresh_name(stack, kind)
    return Row(name, inner, arguments, takes) if inner == kind else Row(name, inner, arguments, takes, kind)


def _earlier(stack: Stack, place: int) -> str:
    """An input that nothing takes yet, or the row before the one above: what a residual branch most often joins."""
    used = {name for number in range(len(stack.rows)) for name in stack.taken(number)}
    for row in stack.rows[: max(place - 1, 0)]:
        if row.kind == INPUT and row.name not in used:
            return row.name
    return stack.rows[place - 2].name if place >= 2 else stack.source.name


def parse(parameter: Parameter, text: str) -> Value:
    """What was typed for an argument, in its kind. Raises UnusableInput with one sentence."""
    text = text.strip()
    if not text and parameter.optional:
        return None
    if parameter.kind == "choice" or not text:
        if text in parameter.choices:
            return text
        raise UnusableInput(f"{parameter.name} must be one of {', '.join(parameter.choices) or 'a value'}.")
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise UnusableInput(f"{parameter.name} must be a number, a text in quotes, or a tuple such as (1, 2).") from None
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,)}
    wanted = kinds.get(parameter.kind)
    sizes = parameter.kind == "int" and isinstance(value, (tuple, list))  # sizes may be tuples of one
    if wanted and not sizes and (not isinstance(value, wanted) or (isinstance(value, bool) and parameter.kind != "bool")):
        raise UnusableInput(f"{parameter.name} must be {'a whole number' if parameter.kind == 'int' else 'a number'}.")
    return list(value) if isinstance(value, tuple) else value
