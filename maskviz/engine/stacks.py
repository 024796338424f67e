"""Makes stacks of networks: the rows that the builder edits. Raises where a network is more than a stack."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers, tree

from maskviz.core.builder import ABOVE, INPUT, OUTPUT, SLICE, WRAPPERS, CannotBuild, Row, Source, Stack, Training
from maskviz.core.errors import UnusableInput
from maskviz.engine import rebuild
from maskviz.engine.building import KNOWN, compile_for
from maskviz.engine.layer_forms import CALL_ARGUMENTS, simplified

SIZES = ("kernel_size", "strides", "dilation_rate", "pool_size", "axis")  # Keras makes tuples of one of them
MADE_WHEN_BUILT = (("attention_axes", [1]),)


def stack_of(network: keras.Model) -> tuple[Stack, tuple[str, ...]]:
    """The stack that a network is, and notes on what it cannot hold. Raises UnusableInput where it is more than a stack."""
    try:
        graph = rebuild.functional_of(network)
    except rebuild.CannotRepair as error:
        raise _no_stack(network, str(error).rstrip(".")) from error
    for given in graph.inputs:
        if not 2 <= len(given.shape) <= 3:
            raise _no_stack(network, f"its input ‘{given.name}’ has {len(given.shape)} axes, and a sequence has two or three")
    given, *waiting = graph.inputs
    names = {id(given): str(given.name)}
    rows: list[Row] = []
    wanted = {id(tensor) for tensor in graph.outputs}
    losses, training, notes = _training(network, [_output_name(tensor) for tensor in graph.outputs])
    loss_of = {id(tensor): loss for tensor, loss in zip(graph.outputs, losses, strict=True)}
    nodes = _ends_last(data_nodes(graph), [id(tensor) for tensor in graph.outputs])
    for node in nodes:
        if len(node.outputs) != 1:
            raise _no_stack(network, f"‘{node.operation.name}’ gives several tensors, such as states, and a row gives one")
        taken = {id(x) for x in tree.flatten((node.arguments.args, own_arguments(node)))}
        while any(id(tensor) in taken for tensor in waiting):  # in their order
            tensor = waiting.pop(0)
            rows.append(_input_row(tensor))
            names[id(tensor)] = rows[-1].name
        above = rows[-1].name if rows else str(given.name)
        rows.append(_row(network, node, names, above, [r.name for r in rows]))
        result = node.outputs[0]
        names[id(result)] = rows[-1].name
        if id(result) in wanted and node is not nodes[-1]:
            rows.append(_output_row(rows, loss_of[id(result)]))
            names[id(result)] = rows[-1].name
    last = nodes[-1].outputs[0] if nodes else None
    if id(last) not in wanted or not wanted <= names.keys():
        raise _no_stack(network, "its output is not that of its last layer")
    return Stack(network.name, _source(given, rows), tuple(rows), replace(training, loss=loss_of[id(last)])), notes


def _ends_last(nodes: list[Any], outputs: list[int]) -> list[Any]:
    """Calls in their order, those that give an output which no call takes at the end, as the network orders its outputs."""
    taken = {id(x) for node in nodes for x in tree.flatten((node.arguments.args, own_arguments(node)))}
    ends = {outputs.index(id(x)): node for node in nodes for x in node.outputs if id(x) in outputs and id(x) not in taken}
    return [node for node in nodes if node not in ends.values()] + [ends[place] for place in sorted(ends)]


def _input_row(tensor: Any) -> Row:
    """One more input as a row."""
    steps, features = tensor.shape[1], tensor.shape[2] if len(tensor.shape) == 3 else None
    usual = Source.of_row(Row("", INPUT, {"features": features})).dtype
    given = {"features": features, "steps": steps, "dtype": None if str(tensor.dtype) == usual else str(tensor.dtype)}
    return Row(str(tensor.name), INPUT, {name: value for name, value in given.items() if value is not None}, ())


def _output_row(rows: Sequence[Row], loss: Any) -> Row:
    """The row above is an output."""
    names, number = {row.name for row in rows}, 1
    name = "output"
    while name in names:
        number += 1
        name = f"output_{number}"
    return Row(name, OUTPUT, {} if loss is None else {"loss": loss})


def _output_name(tensor: Any) -> str:
    """What the network calls an output: by its layer."""
    return str(tensor._keras_history.operation.name)


def data_nodes(graph: Any) -> list[Any]:
    """The calls of a network in their order, without operations that only make masks, which Keras makes anew."""
    nodes = [n for depth in sorted(graph._nodes_by_depth, reverse=True) for n in graph._nodes_by_depth[depth] if not n.is_input]
    needed = {id(x) for x in graph.outputs}
    for node in reversed(nodes):
        if any(id(x) in needed for x in node.outputs):
            needed |= {id(x) for x in tree.flatten((node.arguments.args, own_arguments(node)))}
    return [n for n in nodes if any(id(x) in needed for x in n.outputs)]


def own_arguments(node: Any) -> dict[str, Any]:
    """The arguments by name that the network's author gave."""
    given = {k: v for k, v in node.arguments.kwargs.items() if v is not None and not rebuild._filled_in_by_keras(node, k)}
    return {k: v for k, v in given.items() if (k, v) != ("training", False)}  # Keras hands that on when a Sequential is built


def _no_stack(network: keras.Model, why: str) -> UnusableInput:
    return UnusableInput(f"‘{network.name}’ cannot be opened in the builder, which makes stacks of Keras' own layers: {why}.")


def _source(given: Any, rows: list[Row]) -> Source:
    steps, features = given.shape[1], given.shape[2] if len(given.shape) == 3 else None
    vocabulary = next((int(row.arguments["input_dim"]) for row in rows if row.kind == "Embedding" and "input_dim" in row.arguments), 50)
    return Source(str(given.name), str(given.dtype), steps, features, vocabulary)


def _row(network: keras.Model, node: Any, names: Mapping[int, str], above: str, before: list[str]) -> Row:
    operation, kind = node.operation, type(node.operation).__name__
    args, kwargs = node.arguments.args, own_arguments(node)
    tensors = [x for x in tree.flatten((args, {k: v for k, v in kwargs.items() if k not in CALL_ARGUMENTS})) if x is not None]
    if any(id(x) not in names for x in tensors if isinstance(x, keras.KerasTensor)):
        raise _no_stack(network, f"‘{operation.name}’ takes what no layer of the stack gives")
    if kind == "GetItem":
        return _slice(network, node, names, above, before)
    if kind not in KNOWN | set(WRAPPERS) or not type(operation).__module__.startswith("keras."):
        raise _no_stack(network, f"it has ‘{operation.name}’ ({kind})")
    if operation.name in before:
        raise _no_stack(network, f"‘{operation.name}’ is called more than once")
    if not all(isinstance(x, keras.KerasTensor) for x in tensors):
        raise _no_stack(network, f"‘{operation.name}’ is called with more than tensors")
    if getattr(operation, "stateful", False):
        raise _no_stack(network, f"‘{operation.name}’ carries its state from batch to batch")
    takes = tuple(ABOVE if names[id(x)] == above else names[id(x)] for x in tensors)
    on_call = {k: v for k, v in kwargs.items() if k in CALL_ARGUMENTS and v}
    if kind not in WRAPPERS:
        return Row(operation.name, kind, {**given_arguments(operation), **on_call}, takes)
    inner = operation.forward_layer if kind == "Bidirectional" else operation.layer
    if type(inner).__name__ not in KNOWN or (kind == "Bidirectional" and not _turned(inner, operation.backward_layer)):
        raise _no_stack(network, f"‘{operation.name}’ wraps what the builder does not make")
    wrapping = {"merge_mode": operation.merge_mode} if kind == "Bidirectional" else {}
    arguments = {k: v for k, v in given_arguments(inner).items() if k != "zero_output_for_mask"}  # Bidirectional sees to it
    return Row(operation.name, type(inner).__name__, arguments, takes, kind, wrapping)


def _turned(forward: keras.Layer, backward: keras.Layer) -> bool:
    """Whether the backward layer is what ``Bidirectional`` makes of the forward one by itself."""
    one, other = ({k: v for k, v in serialized(x.get_config()).items() if k not in ("name", "go_backwards")} for x in (forward, backward))
    return type(forward) is type(backward) and one == other and backward.go_backwards and not forward.go_backwards


def _slice(network: keras.Model, node: Any, names: Mapping[int, str], above: str, before: list[str]) -> Row:
    """``x[:, a:b:c]`` as a row."""
    given = [*node.arguments.args, *node.arguments.kwargs.values()]
    tensor, key = given[0], given[1] if len(given) > 1 else None
    parts = [p for p in key if p is not Ellipsis] if isinstance(key, (tuple, list)) else []
    steps_alone = 1 < len(parts) < 4 and all(p == slice(None) for n, p in enumerate(parts) if n != 1)
    if not steps_alone or not isinstance(parts[1], slice):
        raise _no_stack(network, f"‘{node.operation.name}’ takes something else than timesteps")
    arguments = {n: getattr(parts[1], n) for n in ("start", "stop", "step") if getattr(parts[1], n) is not None}
    name, number = "slice", 0
    while name in before:
        number += 1
        name = f"slice_{number}"
    return Row(name, SLICE, arguments, (ABOVE if names[id(tensor)] == above else names[id(tensor)],))


def given_arguments(layer: keras.Layer) -> dict[str, Any]:
    """The arguments of a layer that are not its defaults, as JSON."""
    config = serialized(layer.get_config())
    for name in ("name", "trainable") if layer.trainable else ("name",):
        config.pop(name, None)
    if config.get("dtype") in (None, serialized(keras.saving.serialize_keras_object(keras.dtype_policies.DTypePolicy("float32")))):
        config.pop("dtype", None)
    required = {name: config[name] for name in required_arguments(type(layer)) if name in config}
    config = {**required, **config}  # in their order
    default = _simple(serialized(type(layer)(**required).get_config()))
    return {
        k: v for k, v in _simple(config).items() if k in required or k not in default or (default[k] != v and (k, v) not in MADE_WHEN_BUILT)
    }


def _simple(config: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _without_tuple(k, simplified(k, v)) for k, v in config.items()}


def _without_tuple(name: str, value: Any) -> Any:
    return value[0] if name in SIZES and isinstance(value, list) and len(value) == 1 else value


def required_arguments(kind: type) -> list[str]:
    """The arguments of a class that have no default, in their order."""
    return [n for n, p in inspect.signature(kind).parameters.items() if p.default is p.empty and n not in ("args", "kwargs")]


def serialized(value: Any) -> Any:
    """A value of a config as JSON."""
    if isinstance(value, Mapping):
        return {str(k): serialized(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [serialized(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, (bool, int, float, str)) else serialized(keras.saving.serialize_keras_object(value))


def _training(network: keras.Model, outputs: Sequence[str]) -> tuple[list[Any], Training, tuple[str, ...]]:
    """The loss of each output, what the network is compiled with, by plain names where they give the same, and notes on what cannot be
    kept; metrics are those of the last output."""
    config = network.get_compile_config() if network.compiled else None
    none = [None] * len(outputs)
    if not config or config.get("loss") is None:
        return none, Training(), ()

    def each(value: Any) -> list[Any]:
        value = serialized(value)
        if len(outputs) == 1:
            return [_alone(value)]
        if isinstance(value, dict) and "class_name" not in value:
            return [value.get(name) for name in outputs]
        return list(value) if isinstance(value, list) and len(value) == len(outputs) else [value] * len(outputs)

    def listed(value: Any) -> tuple[Any, ...]:
        last = each(value)[-1]
        return tuple(last) if isinstance(last, list) else (last,) if last is not None else ()

    losses = each(config["loss"])
    metrics, weighted = listed(config.get("metrics")), listed(config.get("weighted_metrics"))
    training = Training(losses[-1], metrics, weighted, serialized(config["optimizer"]))
    dropped = [what for what in ("metrics", "weighted_metrics") for value in each(config.get(what))[:-1] if value]
    notes = ("The builder keeps the metrics of the last output alone.",) if dropped else ()
    if config.get("loss_weights"):
        notes = (*notes, "The builder opened it without the weights of its losses.")
    try:
        for loss in losses:
            probe = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
            compile_for(probe, replace(training, loss=loss))
    except CannotBuild as error:
        return none, Training(), (f"The builder opened it without its loss and metrics: {str(error).rstrip('.')}.",)
    return losses, training, notes


def _alone(value: Any) -> Any:
    """What is given for the one output, of a list or of a mapping by outputs."""
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], (list, dict)):
        value = value[0]
    if isinstance(value, dict) and "class_name" not in value:
        return _alone(next(iter(value.values()), None))
    return value
