"""Makes networks of stacks, and stacks of networks; weights whose layer, name and shape stay are kept from one to the next."""

from __future__ import annotations

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers, tree

from maskviz.core.builder import (
    ABOVE,
    MERGES,
    SLICE,
    SOURCE_ROW,
    TRAINING_ROW,
    WRAPPERS,
    CannotBuild,
    Row,
    Source,
    Stack,
    Training,
    problems,
)
from maskviz.core.errors import UnusableInput
from maskviz.engine import rebuild
from maskviz.engine.explaining import cause_of
from maskviz.engine.layer_forms import CALL_ARGUMENTS, GROUPS, simplified

MOST_BYTES = 256 * 2**20  # of weights that are kept for an undo
KNOWN = {kind for kinds in GROUPS.values() for kind in kinds} - set(WRAPPERS)
SIZES = ("kernel_size", "strides", "dilation_rate", "pool_size", "axis")  # Keras makes tuples of one of them
MADE_WHEN_BUILT = (("attention_axes", [1]),)
Key = tuple[str, int, str, tuple[int, ...]]


class Shelf:
    """Weights by layer, number, name and shape: those that the builder began with, and the newest of those made since."""

    def __init__(self) -> None:
        self.origin: str | None = None
        self._first: dict[Key, np.ndarray[Any, Any]] = {}
        self._later: OrderedDict[Key, np.ndarray[Any, Any]] = OrderedDict()

    def begin(self, network: keras.Model | None, origin: str | None) -> None:
        """Forget all, and keep the weights of this network."""
        self.origin = origin
        self._later.clear()
        self._first = {} if network is None else {key: np.array(variable) for key, variable in _variables(network)}

    def put_into(self, network: keras.Model) -> tuple[int, int]:
        """Give a network the weights that fit it; how many of its weights are those of the beginning, and how many it has."""
        kept, variables = 0, list(_variables(network))
        for key, variable in variables:
            known = self._first.get(key, self._later.get(key))
            if known is not None:
                variable.assign(known)
            kept += key in self._first
        return kept, len(variables)

    def keep(self, network: keras.Model) -> None:
        """Keep a network's weights, so that a layer that is taken away and put back is the same."""
        for key, variable in _variables(network):
            if key not in self._first:
                self._later[key] = np.array(variable)
                self._later.move_to_end(key)
        while sum(array.nbytes for array in self._later.values()) > MOST_BYTES:
            self._later.popitem(last=False)


def _variables(network: keras.Model) -> Any:
    for layer in network.layers:
        for number, variable in enumerate(layer.weights):
            yield (layer.name, number, variable.name, tuple(variable.shape)), variable


def build(stack: Stack) -> keras.Model:
    """The network of a stack, compiled, with new weights. Raises CannotBuild, which says at which row."""
    for number, sentence in problems(stack).items():
        raise CannotBuild(sentence, number)
    if not stack.rows:
        raise CannotBuild("Add a layer: a network needs one at least.", SOURCE_ROW)
    source = stack.source
    shape = (source.steps,) if source.features is None else (source.steps, source.features)
    try:
        given = keras.Input(shape, dtype=source.dtype, name=source.name)
    except Exception as error:
        raise CannotBuild(f"The input cannot be made: {cause_of(error)}.", SOURCE_ROW, str(error)) from error
    made = {source.name: given}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of lost masks: the findings say more of them
        _call_rows(stack, made)
    network = keras.Model(given, made[stack.rows[-1].name], name=stack.name)
    _compile(network, stack.training)
    return network


def _call_rows(stack: Stack, made: dict[str, Any]) -> None:
    """Call each row's layer on what is made so far."""
    for number, row in enumerate(stack.rows):
        try:
            result = _called(row, [made[name] for name in stack.taken(number)])
        except Exception as error:
            raise CannotBuild(f"‘{row.name}’ cannot be built: {cause_of(error)}.", number, f"{type(error).__name__}: {error}") from error
        if not isinstance(result, keras.KerasTensor):
            raise CannotBuild(f"‘{row.name}’ gives several tensors, and a row of a stack gives one: let it return no state.", number)
        made[row.name] = result


def _called(row: Row, tensors: list[Any]) -> Any:
    if row.kind == SLICE:
        start, stop, step = (row.arguments.get(name) for name in ("start", "stop", "step"))
        return tensors[0][:, start:stop:step]
    layer = layer_of(row)
    on_call = {name: row.arguments[name] for name in CALL_ARGUMENTS if name in row.arguments}
    if row.kind in MERGES or row.kind in ("Attention", "AdditiveAttention"):
        return layer(tensors, **on_call)
    return layer(*tensors, **on_call)


def layer_of(row: Row) -> keras.Layer:
    """The layer of a row, not yet called."""
    arguments = {name: _plain(value) for name, value in row.arguments.items() if name not in CALL_ARGUMENTS}
    kind = getattr(layers, row.kind) if row.kind in KNOWN else None
    if kind is None:
        raise UnusableInput(f"this Keras has no layer {row.kind}")
    if not row.wrapper:
        return kind(**arguments, name=row.name)
    if row.wrapper not in WRAPPERS:
        raise UnusableInput(f"this Keras has no wrapper {row.wrapper}")
    return getattr(layers, row.wrapper)(kind(**arguments), name=row.name, **row.wrapping)


def _plain(value: Any) -> Any:
    """JSON has no tuples; Keras takes some arguments as tuples only."""
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def _compile(network: keras.Model, training: Training) -> None:
    if training.loss is None:
        return

    def made(value: Any) -> Any:
        return keras.saving.deserialize_keras_object(value) if isinstance(value, Mapping) else value

    try:
        optimizer = keras.optimizers.get(made(training.optimizer))
        keras.losses.get(made(training.loss))
        metrics, weighted = [made(m) for m in training.metrics], [made(m) for m in training.weighted_metrics]
        network.compile(optimizer=optimizer, loss=made(training.loss), metrics=metrics, weighted_metrics=weighted)
        network.optimizer.build(network.trainable_variables)
    except Exception as error:
        raise CannotBuild(f"The loss or a metric cannot be used: {cause_of(error)}.", TRAINING_ROW, str(error)) from error


# --- a stack of a network


def stack_of(network: keras.Model) -> tuple[Stack, tuple[str, ...]]:
    """The stack that a network is, and notes on what it cannot hold. Raises UnusableInput where it is more than a stack."""
    try:
        graph = rebuild.functional_of(network)
    except rebuild.CannotRepair as error:
        raise _no_stack(network, str(error).rstrip(".")) from error
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise _no_stack(network, f"it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, and a stack has one of each")
    given = graph.inputs[0]
    if not 2 <= len(given.shape) <= 3:
        raise _no_stack(network, f"its input has {len(given.shape)} axes, and a sequence has two or three")
    names = {id(given): str(given.name)}
    rows: list[Row] = []
    for node in data_nodes(graph):
        if len(node.outputs) != 1:
            raise _no_stack(network, f"‘{node.operation.name}’ gives several tensors")
        above = rows[-1].name if rows else str(given.name)
        rows.append(_row(network, node, names, above, [r.name for r in rows]))
        names[id(node.outputs[0])] = rows[-1].name
    if not rows or names.get(id(graph.outputs[0])) != rows[-1].name:
        raise _no_stack(network, "its output is not that of its last layer")
    training, notes = _training(network)
    return Stack(network.name, _source(given, rows), tuple(rows), training), notes


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


def _training(network: keras.Model) -> tuple[Training, tuple[str, ...]]:
    """What the network is compiled with, by plain names where they give the same; a note where it cannot be kept."""
    config = network.get_compile_config() if network.compiled else None
    if not config or config.get("loss") is None:
        return Training(), ()

    def listed(value: Any) -> tuple[Any, ...]:
        alone = _alone(serialized(value))
        return tuple(alone) if isinstance(alone, list) else (alone,) if alone is not None else ()

    training = Training(
        _alone(serialized(config["loss"])),
        listed(config.get("metrics")),
        listed(config.get("weighted_metrics")),
        serialized(config["optimizer"]),
    )
    try:
        probe = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        _compile(probe, training)
    except CannotBuild as error:
        return Training(), (f"The builder opened it without its loss and metrics: {str(error).rstrip('.')}.",)
    return training, ()


def _alone(value: Any) -> Any:
    """What is given for the one output, of a list or of a mapping by outputs."""
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], (list, dict)):
        value = value[0]
    if isinstance(value, dict) and "class_name" not in value:
        return _alone(next(iter(value.values()), None))
    return value
