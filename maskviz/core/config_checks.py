"""What a network's config names: what is refused outright, what is not Keras' own, and the code that it carries. Nothing is run."""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from maskviz.core.config_graph import is_network
from maskviz.core.errors import UnusableInput

NETWORKS = ("Functional", "Sequential", "Model")
KERAS = ("keras", "tf_keras")
LARGEST_INPUT = 2**31  # numbers in one sample of a declared input
GATES = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3, "SimpleRNN": 1, "SimpleRNNCell": 1}

# what a network's config may name in Keras itself; keras.utils and the like hold functions that download or run things
KERAS_PARTS = frozenset(
    (
        *("activations", "constraints", "dtype_policies", "engine", "initializers", "layers", "legacy", "losses", "metrics"),
        *("models", "ops", "optimizers", "quantizers", "random", "regularizers", "src"),
    )
)

Object = Mapping[str, Any]


def objects(value: Any) -> Iterator[Object]:
    """Every serialized object in a config, the outer ones first."""
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str):
            yield value
        for item in value.values():
            yield from objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item)


def layer_name(entry: Object) -> str:
    config = entry.get("config")
    inner = config.get("name") if isinstance(config, dict) else None
    return str(entry.get("name") or inner or entry["class_name"])


def _module(entry: Object) -> list[str]:
    return str(entry.get("module") or "").split(".")


def check_classes(entries: list[Object], name: str) -> None:
    """Refuses files that name functions which no network needs, in Keras or in Python's own library."""
    for entry in entries:
        root, *rest = _module(entry)
        what = ".".join([root, *rest, str(entry["config"] if isinstance(entry.get("config"), str) else entry["class_name"])])
        inner = [part for part in rest if part != "src"]
        if root in KERAS and ((rest and rest[0] not in KERAS_PARTS) or (inner and inner[0] not in KERAS_PARTS)):
            raise UnusableInput(f"{name} asks Keras to load {what}, which is no part of a network, and was not opened.")
        if root in sys.stdlib_module_names and root not in ("builtins", "__main__"):
            raise UnusableInput(f"{name} asks Keras to load {what} from Python itself, which no network needs, and was not opened.")
        if root == "builtins" and entry["class_name"] != "function":
            raise UnusableInput(f"{name} asks Keras to load {what}, which no network needs, and was not opened.")


def check_is_network(config: Object, name: str) -> None:
    """Refuses files that hold something smaller than a network, or one without layers or outputs."""
    is_model = config["class_name"] in NETWORKS or "models" in _module(config)
    if not is_model and not _is_custom(config) and not is_network(config):
        raise UnusableInput(f"{name} holds a single {config['class_name']} and not a network: save a whole keras.Model.")
    if is_model and not is_network(config):
        raise UnusableInput(f"{name} holds a network without layers: save it again after it has been built.")
    inner = config["config"]
    if isinstance(inner, dict) and inner.get("output_layers", True) in ([], {}):
        raise UnusableInput(f"{name} holds a network without outputs, which computes nothing: save a network that has some.")


def check_sizes(entries: list[Object], weights: int, name: str) -> None:
    """Refuses files that declare layers much larger than all their weights (``weights`` bytes): loading would allocate them."""
    total = 0
    for entry in entries:
        declared = _least_parameters(entry)
        total += declared
        if declared > 2 * weights + 2**20:  # two 4-bit weights fit a byte
            raise UnusableInput(
                f"{name} declares {declared:.3g} weights in {layer_name(entry)} but holds {weights} bytes of them, and was not opened."
            )
        if entry["class_name"] == "InputLayer" and _input_size(entry) > LARGEST_INPUT:
            raise UnusableInput(f"{name} declares an input {layer_name(entry)} of {_input_size(entry):.3g} numbers, and was not opened.")
    if total > 16 * weights + 2**24:  # a layer that is part of two networks stands there twice
        raise UnusableInput(f"{name} declares {total:.3g} weights in all but holds {weights} bytes of them, and was not opened.")


def _input_size(entry: Object) -> int:
    config = entry.get("config")
    shape = (config.get("batch_shape") or config.get("batch_input_shape")) if isinstance(config, dict) else None
    return prod(abs(n) for n in shape if type(n) is int and n) if isinstance(shape, list) else 0


def _least_parameters(entry: Object) -> int:
    """Weights that a layer has at the very least by its own config; 0 where that takes more than a glance."""
    config = entry.get("config")
    if not isinstance(config, dict):
        return 0

    def size(key: str, default: int = 0) -> int:
        value = config.get(key)
        values: list[Any] = value if isinstance(value, list) else [value]
        return prod(abs(v) for v in values) if all(type(v) is int for v in values) else default

    features = _features(entry)
    match entry["class_name"]:
        case "Embedding":
            return size("input_dim") * size("output_dim")
        case "LSTM" | "GRU" | "SimpleRNN" | "LSTMCell" | "GRUCell" | "SimpleRNNCell" as kind:
            return GATES[kind] * size("units") * (size("units") + features)
        case "Dense":
            return size("units") * max(features, 1)
        case "EinsumDense":
            return size("units")
        case "Conv1D" | "Conv2D" | "Conv3D" | "Conv1DTranspose" | "Conv2DTranspose" | "ConvLSTM1D" | "ConvLSTM2D" | "ConvLSTM3D":
            groups = max(size("groups", 1), 1)
            return size("filters") * size("kernel_size", 1) * max(features // groups, 1)
        case "SeparableConv1D" | "SeparableConv2D":
            return size("filters") * max(features, 1)
        case "DepthwiseConv1D" | "DepthwiseConv2D":
            return size("depth_multiplier", 1) * size("kernel_size", 1) * max(features, 1)
        case "MultiHeadAttention":
            return size("num_heads") * size("key_dim") * max(features, 1)
        case "GroupQueryAttention" | "GroupedQueryAttention":
            return size("num_query_heads") * size("head_dim") * max(features, 1)
        case "BatchNormalization" | "LayerNormalization" | "GroupNormalization":
            return features if config.get("scale", True) or config.get("center", True) else 0
    return 0


def _features(entry: Object) -> int:
    """The size of the last axis of a layer's input, where its config tells; else 0."""
    built = entry.get("build_config")
    shape = built.get("input_shape") if isinstance(built, dict) else None
    return shape[-1] if isinstance(shape, list) and shape and type(shape[-1]) is int and shape[-1] > 0 else 0


def custom(entries: list[Object]) -> tuple[str, ...]:
    """The names of classes and functions that are not Keras' own."""
    names = []
    for entry in entries:
        if _is_custom(entry):
            plain = entry["config"] if isinstance(entry.get("config"), str) else entry["class_name"]
            names.append(str(entry.get("registered_name") if entry.get("registered_name") not in (None, "function") else plain))
    return tuple(dict.fromkeys(names))


def _is_custom(entry: Object) -> bool:
    """Whether a serialized object is not Keras' own: Keras names no module, or another one, or a function it does not know."""
    if "module" in entry and entry["module"] is None:
        return isinstance(entry.get("registered_name"), str)
    root = _module(entry)[0]
    if root == "":
        return ">" in entry["class_name"]  # the form of Keras 2 for registered classes
    return root not in KERAS and not (root == "builtins" and not isinstance(entry.get("config"), str))


def code(value: Any, owner: str = "the network") -> Iterator[str]:
    """One line for each piece of code in a config. The code is only scanned for names, never unmarshalled."""
    if isinstance(value, list):
        for item in value:
            yield from code(item, owner)
    if not isinstance(value, dict):
        return
    config = value.get("config")
    if isinstance(value.get("class_name"), str) and isinstance(config, dict) and "name" in config:
        owner = f"{value['class_name']} “{layer_name(value)}”"
    if value.get("class_name") == "TFSMLayer":
        yield f"{owner}: runs a TensorFlow SavedModel"
    if value.get("class_name") == "__lambda__":
        text = config.get("code") if isinstance(config, dict) else value.get("value")
        yield f"{owner}: {_describe(text)}"
        return
    for key, item in value.items():
        if key in ("function", "mask", "output_shape") and isinstance(item, list) and item and _is_code(item[0]):
            yield f"{owner}: {_describe(item[0])}"  # the form of Keras 2
        else:
            yield from code(item, owner)


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and len(value) > 40


def _describe(text: Any) -> str:
    """Size of a marshalled function, and the short strings in it: the names it uses."""
    if not isinstance(text, str):
        return "code that cannot be read"
    try:
        raw = b64decode(text, validate=False) if text.isprintable() or "\n" in text else text.encode("latin-1")  # raw in Keras 2.0
    except (Base64Error, ValueError):
        return "code that cannot be read"
    names = []
    for match in re.finditer(rb"[\xda\xfaZz](.)|t(.)\0\0\0", raw, re.DOTALL):
        size = (match[1] or match[2])[0]
        found = raw[match.end() : match.end() + size]
        if len(found) == size and re.fullmatch(rb"[A-Za-z_][A-Za-z0-9_]*", found):
            names.append(found.decode())
    uses = ", ".join(dict.fromkeys(names))
    return f"{len(raw)} bytes of Python code" + (f" that use the names {uses}" if uses else "")
