"""The graph of a network in a config of Keras 2, in the form of Keras 3: inputs, and references to the tensors of other layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maskviz.core.config_graph import is_network
from maskviz.core.errors import UnusableInput


def with_input(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The layers of a Sequential, with the input that its first layer declares."""
    config = layers[0].get("config") if layers else None
    if not isinstance(config, Mapping) or layers[0]["class_name"] == "InputLayer" or "batch_input_shape" not in config:
        inner = config.get("layer") if isinstance(config, Mapping) else None
        if not (isinstance(inner, Mapping) and "batch_input_shape" in inner.get("config", {})) or layers[0]["class_name"] == "InputLayer":
            return layers
        config = inner["config"]
    dtype = "int32" if layers[0]["class_name"] == "Embedding" else str(config.get("input_dtype") or "float32")
    shape = config["batch_input_shape"]
    return [{"class_name": "InputLayer", "config": {"batch_shape": shape, "dtype": dtype, "name": "input"}}, *layers]


def _tensor(reference: list[Any], by_name: Mapping[str, Any]) -> dict[str, Any]:
    """A reference to a tensor in the form of Keras 3."""
    layer, call, output = str(reference[0]), int(reference[1]), int(reference[2])
    if layer not in by_name:
        raise UnusableInput(f"The file has a broken layer graph: {layer} is not among its layers.")
    history = [layer, call - _made_with_a_call(by_name[layer], call), output]
    return {"class_name": "__keras_tensor__", "config": {"shape": [], "dtype": "float32", "keras_history": history}}


def _made_with_a_call(entry: Mapping[str, Any], call: int) -> int:
    """1 for a nested network whose making Keras 2 counted as its first call."""
    calls = entry.get("inbound_nodes") or []
    if not is_network(entry) or not call or any(isinstance(node, Mapping) for node in calls):
        return 0
    config = entry["config"]
    first = (config["layers"] if isinstance(config, Mapping) else config)[0]
    return int("input_layers" in config or first["class_name"] == "InputLayer" or call >= len(calls))


def _is_reference(value: Any) -> bool:
    return isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and all(type(n) is int for n in value[1:3])


def node(call: Any, by_name: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Inputs and keyword arguments of a call in the form of Keras 2."""
    items = [call] if isinstance(call[0], str) else list(call)
    inputs, keywords = [], {}
    for item in items:
        if isinstance(item, list) and item and item[0] == "_CONSTANT_VALUE":
            inputs.append(item[2])
        else:
            inputs.append(_tensor(item, by_name))
        if len(item) > 3 and isinstance(item[3], Mapping):
            keywords.update({key: _keyword(value, by_name) for key, value in item[3].items() if value is not None})
    return inputs, keywords


def _keyword(value: Any, by_name: Mapping[str, Any]) -> Any:
    if isinstance(value, list) and len(value) == 3 and _is_reference(value) and value[0] in by_name:
        return _tensor(value, by_name)
    if isinstance(value, list):
        return [_keyword(item, by_name) for item in value]
    return value


def output_references(value: Any, by_name: Mapping[str, Any]) -> Any:
    """Keras 3 counts the making of a nested functional network as well, but not that of a nested Sequential."""
    if _is_reference(value):
        entry = by_name.get(value[0])
        sequential = entry is not None and is_network(entry) and "input_layers" not in entry["config"]
        return [value[0], value[1] - (_made_with_a_call(entry, value[1]) if sequential and entry is not None else 0), value[2]]
    if isinstance(value, Mapping):
        return {key: output_references(item, by_name) for key, item in value.items()}
    return [output_references(item, by_name) for item in value]


def one_or_many(references: Any) -> Any:
    """Keras 2 wrote a list of one where it took or gave a single tensor; Keras 3 takes the list at its word."""
    one = isinstance(references, list) and len(references) == 1 and _is_reference(references[0])
    return references[0] if one else references
