"""What layers and ``compile()`` say of themselves, as small plain JSON: for findings, and for fixes in the network's own arguments."""

from __future__ import annotations

import inspect
import math
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np
from keras import tree

from maskviz.engine.recorder import RecordedCall

LONGEST_TEXT = 120
MOST_ITEMS = 16
LEFT_OUT = ("name", "trainable", "build_config", "quantization_config", "registered_name", "module")
_known: WeakKeyDictionary[RecordedCall, dict[str, Any]] = WeakKeyDictionary()


def layer(call: RecordedCall) -> dict[str, Any]:
    """What a call's layer says of itself, and what of it could not be followed; computed once for each recorded call."""
    if call not in _known:
        operation = call.operation
        _known[call] = {
            "config": config(operation),
            "origin": "custom" if _is_of_the_user(operation) else "keras",
            "network": isinstance(operation, keras.Model),
            "warned": call.warned,
            "lost_on_reload": call.is_layer and _lost_on_reload(operation),
            "own_code": call.is_layer and runs_own_code(call),
            "unseen": call.unseen if _is_of_the_user(operation) else [],
        }
    return _known[call]


def config(operation: keras.Operation) -> dict[str, Any]:
    """The arguments of ``get_config`` that differ from their defaults and are small; ``{}`` where a class gives none."""
    if isinstance(operation, keras.Model) or not isinstance(operation, keras.Layer):
        return {}
    try:
        given = dict(operation.get_config())
        defaults = {p.name: p.default for p in inspect.signature(type(operation).__init__).parameters.values()}
    except Exception:  # the class of a stranger may do anything here
        return {}
    found: dict[str, Any] = {}
    for key, value in sorted(given.items(), key=lambda item: list(defaults).index(item[0]) if item[0] in defaults else len(defaults)):
        if key not in defaults and value in (False, None):  # an argument of a base class, left as it is
            continue
        if key in LEFT_OUT or key.endswith(("_initializer", "_constraint")) or (key == "activation" and value == "linear"):
            continue
        if key == "dtype":
            compute = getattr(operation, "compute_dtype", None)
            found |= {"dtype": str(operation.dtype_policy.name)} if compute not in (None, "float32") else {}
            continue
        if key in defaults and _same(defaults[key], value):
            continue
        both_ways = isinstance(operation, keras.layers.Bidirectional) and key == "layer"
        inner = operation.forward_layer if both_ways else getattr(operation, key, None)
        plain = _nested(inner, both_ways) if isinstance(inner, keras.Layer) else _plain(value)
        if plain is not None:
            found[key] = plain
    return found


def runs_own_code(call: RecordedCall) -> bool:
    """Whether code of the user's own had a part in a call that the trace does not show: in a layer, a Lambda, or the cell of an RNN."""
    operation = call.operation
    if isinstance(operation, keras.layers.RNN):
        cells = [operation.cell, *(getattr(operation.cell, "cells", None) or ())]
        return any(_is_of_the_user(cell) for cell in cells)
    return isinstance(operation, keras.layers.Lambda) or (_is_of_the_user(operation) and call.own_code)


def _is_of_the_user(operation: Any) -> bool:
    return type(operation).__module__.split(".")[0] != "keras"


def _nested(inner: keras.Layer, both_ways: bool = False) -> dict[str, Any]:
    """A layer within a wrapper; ``both_ways`` leaves out what Bidirectional makes of it."""
    own = config(inner)
    if both_ways:
        own.pop("zero_output_for_mask", None)
    return {"class_name": type(inner).__name__, "config": {"name": inner.name.removeprefix("forward_") if both_ways else inner.name, **own}}


def _same(default: Any, value: Any) -> bool:
    if isinstance(value, float) and math.isnan(value):
        return False
    try:
        return bool(default == value or (isinstance(value, (list, tuple)) and list(value) == list(default)))
    except Exception:
        return False


def _plain(value: Any) -> Any:
    """A JSON value, None where it is too large or has no plain form; numbers that JSON has no sign for become text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else None
    if isinstance(value, (list, tuple)):
        items = [_plain(item) for item in value[:MOST_ITEMS]]
        return items if len(value) <= MOST_ITEMS and None not in items else None
    if isinstance(value, dict) and isinstance(value.get("class_name"), str):
        inner = value.get("config")
        held = {k: p for k, v in inner.items() if (p := _plain(v)) is not None} if isinstance(inner, dict) else {}
        return {"class_name": value["class_name"], "config": held}
    return None


def _lost_on_reload(operation: Any) -> bool:
    """Whether a layer lets masks through only because something was set on it after it was made: a saved file does not hold that.

    Tried by making it anew from its config; layers that hold random seeds or other layers are left alone.
    """
    if not operation.supports_masking or isinstance(operation, keras.Model) or hasattr(operation, "seed_generator"):
        return False
    if _computes_masks(operation) or list(operation._flatten_layers(include_self=False)):
        return False
    try:
        if isinstance(operation, keras.layers.Lambda):  # its function runs here already
            made = type(operation).from_config(operation.get_config(), safe_mode=False)
            return callable(operation.mask) and not callable(made.mask)
        return not type(operation).from_config(operation.get_config()).supports_masking
    except Exception:  # what cannot be made from its config is another matter
        return False


def _computes_masks(operation: keras.Layer) -> bool:
    """Whether a built-in class computes masks itself; ``supports_masking`` is then no choice of the user's."""
    own = type(operation).compute_mask is not keras.Layer.compute_mask and type(operation).__module__.startswith("keras.")
    return own and not isinstance(operation, keras.layers.Lambda)


def compile_info(network: keras.Model) -> dict[str, Any]:
    """What ``compile()`` was given: names of metrics and weighted metrics, and whether XLA was asked for."""
    held = getattr(network, "_compile_metrics", None)
    return {
        "metrics": _names(getattr(held, "_user_metrics", None)),
        "weighted_metrics": _names(getattr(held, "_user_weighted_metrics", None)),
        "jit": bool(getattr(network, "jit_compile", False)),
    }


def _names(metrics: Any) -> list[str]:
    found = (m if isinstance(m, str) else getattr(m, "__name__", None) or type(m).__name__ for m in tree.flatten(metrics) if m is not None)
    return list(dict.fromkeys(found))
