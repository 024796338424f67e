"""Makes networks of stacks; weights whose layer, name and shape stay are kept from one to the next."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from maskviz.core.builder import (
    INPUT,
    MERGES,
    OUTPUT,
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
from maskviz.engine.explaining import cause_of
from maskviz.engine.layer_forms import CALL_ARGUMENTS, GROUPS

MOST_BYTES = 256 * 2**20  # of weights that are kept for an undo
KNOWN = {kind for kinds in GROUPS.values() for kind in kinds} - set(WRAPPERS)
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
    try:
        made = {stack.source.name: _input(stack.source)}
    except Exception as error:
        raise CannotBuild(f"The input cannot be made: {cause_of(error)}.", SOURCE_ROW, str(error)) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of lost masks: the findings say more of them
        _call_rows(stack, made)
    inputs = [made[name] for name in (stack.source.name, *(row.name for row in stack.rows if row.kind == INPUT))]
    outputs = [made[row.name] for row in (*_outputs(stack), stack.rows[-1])]
    network = keras.Model(_one_or_all(inputs), _one_or_all(outputs), name=stack.name)
    compile_for(network, stack.training, [row.arguments.get("loss") for row in _outputs(stack)])
    return network


def _input(source: Source) -> Any:
    shape = (source.steps,) if source.features is None else (source.steps, source.features)
    return keras.Input(shape, dtype=source.dtype, name=source.name)


def _outputs(stack: Stack) -> list[Row]:
    """The rows that are outputs beside the last one."""
    return [row for row in stack.rows if row.kind == OUTPUT]


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors if len(tensors) > 1 else tensors[0]


def _call_rows(stack: Stack, made: dict[str, Any]) -> None:
    """Call each row's layer on what is made so far."""
    for number, row in enumerate(stack.rows):
        try:
            if row.kind == INPUT:
                made[row.name] = _input(Source.of_row(row))
                continue
            result = _called(row, [made[name] for name in stack.taken(number)])
        except Exception as error:
            raise CannotBuild(f"‘{row.name}’ cannot be built: {cause_of(error)}.", number, f"{type(error).__name__}: {error}") from error
        if not isinstance(result, keras.KerasTensor):
            raise CannotBuild(f"‘{row.name}’ gives several tensors, and a row of a stack gives one: let it return no state.", number)
        made[row.name] = result


def _called(row: Row, tensors: list[Any]) -> Any:
    if row.kind == OUTPUT:
        return tensors[0]
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


def compile_for(network: keras.Model, training: Training, others: Sequence[Any] = ()) -> None:
    """Compile a network for its last output; ``others`` are the losses of the outputs before it."""
    losses = [*others, training.loss]
    if all(loss is None for loss in losses):
        return

    def made(value: Any) -> Any:
        return keras.saving.deserialize_keras_object(value) if isinstance(value, Mapping) else value

    try:
        optimizer = keras.optimizers.get(made(training.optimizer))
        for loss in losses:
            keras.losses.get(made(loss))
        metrics, weighted = ([made(m) for m in given] for given in (training.metrics, training.weighted_metrics))
        if others:
            none: list[Any] = [[] for _ in others]
            metrics, weighted = [*none, metrics], [*none, weighted]
        network.compile(optimizer=optimizer, loss=_one_or_all([made(x) for x in losses]), metrics=metrics, weighted_metrics=weighted)
        network.optimizer.build(network.trainable_variables)
    except Exception as error:
        raise CannotBuild(f"The loss or a metric cannot be used: {cause_of(error)}.", TRAINING_ROW, str(error)) from error
