"""Recurrent states: what a recurrent layer holds after each step, found by stepping its cell beside the layer itself.

``RNN.inner_loop`` is watched for one pass: there the layer has its sequences, the mask it received and the state it starts from, and
its cell has the dropout it will use. The same cell takes the same steps, and must come to the layer's own outputs and last states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops, tree
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.probes import AskStates, RecurrentStates
from maskviz.engine import compiling
from maskviz.engine.probes.running import kept, record
from maskviz.engine.recorder import RecordedCall
from maskviz.engine.tracing import Tell, Tracer, state_variables

TOLERANCE = 1e-4
TOLERANCE_HALF = 2e-2


@dataclass
class _Stepped:
    """One run of a recurrent layer, as tensors of the pass."""

    layer: keras.layers.RNN
    states: list[Any]
    initial: list[Any]
    mask: Any
    difference: Any


@dataclass
class _Watch:
    """Steps the cells of recurrent layers while they run; ``runs`` are those that belong to a call of the pass, by its id."""

    runs: dict[str, _Stepped] = field(default_factory=dict)
    _last: dict[int, _Stepped] = field(default_factory=dict)

    @contextmanager
    def watching(self, network: keras.Model) -> Iterator[None]:
        scope = compiling.current_scope()
        recurrent = {id(layer): layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.RNN)}
        for layer in recurrent.values():
            vars(layer)["inner_loop"] = self._watched(layer, scope)
        try:
            yield
        finally:
            for layer in recurrent.values():
                vars(layer).pop("inner_loop", None)

    def _watched(self, layer: keras.layers.RNN, scope: object) -> Any:
        original = layer.inner_loop

        def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
            initial_state = tree.map_structure(ops.copy, initial_state)  # a stateful layer hands its variables on, and then sets them
            result = original(sequences, initial_state, mask=mask, training=training)
            if compiling.current_scope() is scope:  # not in the loop of a layer around this one
                self._last[id(layer)] = _step(layer, sequences, initial_state, mask, training, result)
            return result

        return inner_loop

    def after_call(self, call: RecordedCall, result: Any) -> Any:
        run = self._last.pop(id(call.operation), None)
        if run is not None:
            self.runs[call.id] = run
        return result


def _step(layer: Any, sequences: Any, initial_state: Any, mask: Any, training: bool, result: Any) -> _Stepped:
    mask = mask[0] if tree.is_nested(mask) else mask
    initial = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
    kwargs = {"training": training} if isinstance(layer.cell, keras.Layer) and layer.cell._call_has_training_arg else {}
    kept_steps = ops.ones(ops.shape(sequences)[:2], "bool") if mask is None else ops.cast(mask, "bool")

    def first(tensor: Any) -> Any:
        """Time first, in the order in which the layer takes the steps."""
        tensor = ops.transpose(tensor, (1, 0, *range(2, len(tensor.shape))))
        return ops.flip(tensor, axis=0) if layer.go_backwards else tensor

    def back(tensor: Any) -> Any:
        tensor = ops.flip(tensor, axis=0) if layer.go_backwards else tensor
        return ops.transpose(tensor, (1, 0, *range(2, len(tensor.shape))))

    last_output, own_outputs, own_last = result
    flat, own = tree.flatten(initial), tree.flatten(last_output)

    def take(carried: Any, step: Any) -> Any:
        value, keeps = step
        output, new = layer.cell(value, tree.pack_sequence_as(initial, carried[: len(flat)]), **kwargs)
        taken = [_where(keeps, n, old) for n, old in zip([*tree.flatten(new), *tree.flatten(output)], carried, strict=True)]
        return taken, taken

    # outputs are carried along to be compared: a scan gives back what has the shapes of what it carries
    last, taken = ops.scan(take, [*flat, *(ops.zeros_like(t) for t in own)], (first(sequences), first(kept_steps)))
    states, outputs = taken[: len(flat)], taken[len(flat) :]
    differences = [_largest(a, b) for a, b in zip(last, tree.flatten(own_last), strict=False)]
    if layer.return_sequences:  # Keras puts them out in the order in which it took the steps
        keeps = first(kept_steps)
        for mine, theirs in zip(outputs, tree.flatten(own_outputs), strict=True):
            theirs = ops.transpose(theirs, (1, 0, *range(2, len(theirs.shape))))
            differences.append(_largest(_where(keeps, mine, mine * 0), _where(keeps, theirs, theirs * 0)))
    return _Stepped(layer, [back(s) for s in states], flat, mask, ops.max(ops.stack(differences)))


def _where(keeps: Any, new: Any, old: Any) -> Any:
    """``new`` where a step is kept, else ``old``; ``keeps`` has the first axes of both."""
    return ops.where(ops.reshape(keeps, (*ops.shape(keeps), *[1] * (len(new.shape) - len(keeps.shape)))), ops.cast(new, old.dtype), old)


def _largest(first: Any, second: Any) -> Any:
    first, second = ops.cast(first, "float32"), ops.cast(second, "float32")
    same = ops.logical_or(ops.equal(first, second), ops.logical_and(ops.isnan(first), ops.isnan(second)))
    return ops.max(ops.where(same, 0.0, ops.abs(first - second)), initial=0.0)


def measure(tracer: Tracer, batch: Batch, ask: AskStates, tell: Tell) -> RecurrentStates:
    """The states of one recurrent call after each step."""
    samples = tuple(ask.samples) or tuple(range(batch.size))
    if not all(0 <= s < batch.size for s in samples):
        raise UnusableInput(f"There is no sample {max(samples)}: this batch has {batch.size}, counted from 0.")
    tracer.trace(batch)
    variables = state_variables(tracer.network)
    pick = np.asarray(samples, "int32")
    shown: dict[str, Any] = {}

    def traced(*x: Any) -> dict[str, Any]:
        watch = _Watch()
        with watch.watching(tracer.network):
            record(tracer.network, tracer.signature, x, ask.training, watch.after_call)
        call, run = _chosen(watch.runs, ask.call)
        shown.update(call=call, backwards=bool(run.layer.go_backwards), half="16" in str(run.layer.compute_dtype))
        groups = {"state": run.states, "initial": run.initial, "mask": [] if run.mask is None else [run.mask]}
        result = {f"{group}/{n}": ops.take(t, pick, axis=0) for group, found in groups.items() for n, t in enumerate(found)}
        return result | {"difference": run.difference}

    arrays = [batch.x[name] for name in tracer.signature.input_names]
    shapes = [tracer.signature.compiled_shape(n, a.shape) for n, a in enumerate(arrays)]
    tell("stepping the recurrent layer")
    with kept(variables):
        # how many steps text has is only known when it runs, and a scan has to know it when it is compiled
        of_text = any(spec.kind == "text" for spec in tracer.signature.network.inputs)
        run = _one_by_one(traced) if of_text else compiling.compiled(traced, arrays, shapes)
        result = {key: compiling.to_numpy(value) for key, value in run(*[compiling.to_tensor(a) for a in arrays]).items()}
    states, initial, masks = (_group(result, name) for name in ("state", "initial", "mask"))
    difference = float(result["difference"])
    answer = RecurrentStates(
        shown["call"], states, initial, masks[0].astype(bool) if masks else None, shown["backwards"], samples, difference, ""
    )
    size = max(1.0, *(float(np.nanmax(np.abs(s), initial=0.0)) for s in states))
    agrees = difference <= (TOLERANCE_HALF if shown["half"] else TOLERANCE) * size
    return RecurrentStates(**{**vars(answer), "sentence": _sentence(answer, agrees)})


def _one_by_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is run without being compiled, with Keras' calls to itself meanwhile."""

    def run(*arguments: Any) -> Any:
        with compiling.TRACING:
            return function(*arguments)

    return run


def _group(result: dict[str, NDArray[Any]], name: str) -> tuple[NDArray[Any], ...]:
    count = sum(key.startswith(f"{name}/") for key in result)
    return tuple(result[f"{name}/{n}"] for n in range(count))


def _chosen(runs: dict[str, _Stepped], call: str | None) -> tuple[str, _Stepped]:
    if not runs:
        raise UnusableInput("This network runs no recurrent layer whose states could be shown.")
    name = call or next(iter(runs))
    if name not in runs:
        raise UnusableInput(f"'{name}' has no recurrent state: those that have one are {', '.join(runs)}.")
    return name, runs[name]


def _sentence(answer: RecurrentStates, agrees: bool) -> str:
    if not agrees:
        return f"These states are not those of the layer: stepping its cell gives results that differ by {answer.difference:.3g}."
    carried = int(answer.carried.sum())
    total = int(answer.carried.size)
    started = int(answer.started.sum())
    received = (
        f"receives no mask for its {total} steps"
        if answer.mask is None
        else f"skips {int((~answer.mask).sum())} of {total} steps by its mask"
    )
    start = f"{started} of {len(answer.samples)} samples start from a state other than zero" if started else "all samples start from zero"
    return f"{answer.call} {received}; its state stays as it was over {carried} of them; {start}."
