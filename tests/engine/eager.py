"""An independent witness of a forward pass: Keras' calls wrapped in eager mode, every mask taken down as numpy at once.

It shares no code with the engine, runs nothing compiled, and keeps no tensors, so that it can testify against a trace.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import tree
from numpy.typing import NDArray

from maskviz.core.trace import Trace

Mask = NDArray[Any] | None
Change = Callable[["Seen", Any], Any]


@dataclass
class Seen:
    """One call as it ran: masks of its inputs before and after it, those ``call`` received by name, and those it put out."""

    id: str
    class_name: str
    shapes_in: list[tuple[int, ...]] = field(default_factory=list)
    before: list[Mask] = field(default_factory=list)
    received: dict[str, Any] = field(default_factory=dict)
    after: list[Mask] = field(default_factory=list)
    shapes_out: list[tuple[int, ...]] = field(default_factory=list)
    out: list[Mask] = field(default_factory=list)
    values: list[NDArray[Any]] = field(default_factory=list)

    @property
    def stripped(self) -> list[int]:
        return [i for i, (b, a) in enumerate(zip(self.before, self.after, strict=True)) if b is not None and a is None]

    @property
    def fates(self) -> set[str]:
        """What may be said of the mask's fate: whether a result still has a time axis, arrays alone do not tell."""
        came = [m for m in (*self.before, *(m for n, m in self.received.items() if n != "attention_mask")) if m is not None]
        came = [m for held in came for m in (held if isinstance(held, list) else [held]) if m is not None]
        left = [m for m in self.out if m is not None]
        if not came:
            return {"creates" if left else "none"}
        if not left:
            return {"drops", "ends"}
        return {"passes" if all(any(same(m, c) for c in came) for m in left) else "changes"}


def is_mask_name(name: str) -> bool:
    return name == "mask" or name.endswith("_mask")


def array(mask: Any) -> Any:
    """A mask, or a list of them, as numpy."""
    if isinstance(mask, (list, tuple)):
        return [array(m) for m in mask]
    return None if mask is None else np.asarray(mask).astype(bool)


def tensors(value: Any) -> list[Any]:
    return [x for x in tree.flatten(value) if keras.ops.is_tensor(x)]


class Witness:
    """Takes down every call of one eager pass. ``change`` may replace what a call puts out."""

    def __init__(self, change: Change | None = None) -> None:
        self.calls: dict[str, Seen] = {}
        self.predictions: list[NDArray[Any]] = []
        self._change = change
        self._open: list[tuple[Any, Seen | None]] = []
        self._counts: dict[str, int] = {}

    def watch(self, network: keras.Model, x: Any) -> Witness:
        """Run the network on tensors as ``evaluate`` would, state left as it was."""
        kwargs = {"training": False} if network._call_has_training_arg else {}
        state = [(s, np.array(s)) for layer in network._flatten_layers() for s in tree.flatten(getattr(layer, "states", None))]
        with self._wrapped():
            result = network(tree.map_structure(keras.ops.convert_to_tensor, x), **kwargs)
        self.predictions = [np.asarray(keras.ops.cast(t, "float32")) for t in tensors(result)]
        for variable, value in state:
            if variable is not None:
                variable.assign(value)
        return self

    @contextmanager
    def _wrapped(self) -> Iterator[None]:
        layer_call, operation_call = keras.Layer.__call__, keras.Operation.__call__

        def on_layer(layer: Any, *args: Any, **kwargs: Any) -> Any:
            return self._watched(layer, layer_call, args, kwargs)

        def on_operation(operation: Any, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(operation, keras.Layer):
                return self._watched(operation, operation_call, args, kwargs)
            seen = self._open[-1][1]
            if seen is not None and self._open[-1][0] is operation:
                given = inspect.signature(operation.call).bind(*args, **kwargs).arguments
                given |= given.pop("kwargs", {})
                seen.received |= {n: array(v) for n, v in given.items() if is_mask_name(n) and not isinstance(v, bool)}
            return operation_call(operation, *args, **kwargs)

        keras.Layer.__call__, keras.Operation.__call__ = on_layer, on_operation
        try:
            yield
        finally:
            keras.Layer.__call__, keras.Operation.__call__ = layer_call, operation_call

    def _watched(self, operation: Any, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if any(isinstance(x, keras.KerasTensor) for x in tree.flatten((args, kwargs))):
            return original(operation, *args, **kwargs)
        # what runs once a timestep is no call of the network: cells in an RNN, the inner layer of TimeDistributed
        inside = any(isinstance(o, (keras.layers.RNN, keras.layers.TimeDistributed)) for o, _ in self._open)
        seen = None if inside else self._begin(operation, args, kwargs)
        self._open.append((operation, seen))
        try:
            result = original(operation, *args, **kwargs)
        finally:
            self._open.pop()
        return result if seen is None else self._end(seen, args, kwargs, operation, result)

    def _begin(self, operation: Any, args: Any, kwargs: Any) -> Seen:
        seen = Seen("", type(operation).__name__)
        if self._open:
            parent = self._open[-1][1]
            assert parent is not None
            fresh = not isinstance(operation, keras.Layer) and not operation._inbound_nodes
            name = operation.name.rstrip("_0123456789") if fresh else operation.name  # made on the fly, numbered anew each time
            path = f"{parent.id}/{name}".lstrip("/")
            self._counts[path] = number = self._counts.get(path, -1) + 1
            seen.id = path if number == 0 else f"{path}:{number}"
            self.calls[seen.id] = seen
        data = self._data(operation, args, kwargs)
        seen.shapes_in = [tuple(x.shape) for x in data]
        seen.before = [array(getattr(x, "_keras_mask", None)) for x in data]
        return seen

    @staticmethod
    def _data(operation: Any, args: Any, kwargs: Any) -> list[Any]:
        given = inspect.signature(operation.call).bind_partial(*args, **{k: v for k, v in kwargs.items() if k != "training"}).arguments
        given |= given.pop("kwargs", {})
        return [x for name, value in given.items() if not is_mask_name(name) for x in tensors(value)]

    def _end(self, seen: Seen, args: Any, kwargs: Any, operation: Any, result: Any) -> Any:
        seen.after = [array(getattr(x, "_keras_mask", None)) for x in self._data(operation, args, kwargs)]
        if self._change is not None:
            result = self._change(seen, result)
        out = tensors(result)
        seen.shapes_out = [tuple(x.shape) for x in out]
        seen.out = [array(getattr(x, "_keras_mask", None)) for x in out]
        seen.values = [np.asarray(keras.ops.cast(x, "float32")) if x.dtype != "string" else np.zeros(0) for x in out]
        return result


def same(a: Any, b: Any) -> bool:
    """Whether two masks (or lists of them, or None) are equal."""
    if isinstance(a, list) or isinstance(b, list):
        return isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    return (a is None) == (b is None) and (a is None or (a.shape == b.shape and bool((a == b).all())))


def disagreements(witness: Witness, trace: Trace) -> list[str]:
    """What a trace says otherwise than the witness, one line each; empty when they agree call by call."""

    def mask(key: Any) -> Any:
        return [mask(k) for k in key] if isinstance(key, (list, tuple)) else None if key is None else trace.masks[key]

    per_step = {c.id for c in trace.calls if c.class_name == "TimeDistributed"}
    traced = {c.id: c for c in trace.calls if c.kind != "input" and not any(c.id.startswith(f"{p}/") for p in per_step)}
    found = [f"{i}: not in the trace" for i in witness.calls.keys() - traced.keys()]
    found += [f"{i}: only in the trace" for i in traced.keys() - witness.calls.keys()]
    for i in witness.calls.keys() & traced.keys():
        seen, call = witness.calls[i], traced[i]
        checks = {
            "class": seen.class_name == call.class_name,
            "input shapes": seen.shapes_in == [t.shape for t in call.inputs],
            "output shapes": seen.shapes_out == [t.shape for t in call.outputs],
            "masks in": same(seen.before, [mask(t.mask) for t in call.inputs]),
            "masks out": same(seen.out, [mask(t.mask) for t in call.outputs]),
            "stripped": seen.stripped == list(call.stripped),
            "fate": str(call.fate) in seen.fates,
        }
        checks |= {f"received {name}": same(value, mask(call.received.get(name))) for name, value in seen.received.items()}
        checks |= {f"received {name}": True if name in seen.received else mask(key) is None for name, key in call.received.items()}
        found += [f"{i} ({seen.class_name}): {what} differ" for what, right in checks.items() if not right]
    return found


class Disturbance:
    """The padding test made by hand: a second eager pass with noise at padded steps, every mask being that of the first pass."""

    def __init__(self, network: keras.Model, x: dict[str, NDArray[Any]], pack: Callable[[dict[str, Any]], Any]) -> None:
        self.first = Witness().watch(network, pack(x))
        self._rng = np.random.default_rng(5)
        self._network, self._x, self._pack = network, x, pack

    def moved(self, other_x: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Where each prediction moves, ``(batch, time)`` or ``(batch,)``; ``other_x`` holds what is fed the second time."""
        second = Witness(self._change).watch(self._network, self._pack({**self._x, **other_x}))
        return [differing(a, b) for a, b in zip(self.first.predictions, second.predictions, strict=True)]

    def _change(self, seen: Seen, result: Any) -> Any:
        """Noise where a call creates a mask; masks and everything computed to become one as in the first pass."""
        if not seen.id or "/" in seen.id or not keras.ops.is_tensor(result):
            return result
        known = self.first.calls[seen.id]
        if result.dtype == "bool":
            return keras.ops.convert_to_tensor(known.values[0] != 0)
        mask = known.out[0]
        if mask is None or any(m is not None for m in [*known.before, *known.received.values()]):
            return result
        values = np.array(keras.ops.cast(result, "float32"))
        noise = 3 + self._rng.normal(size=values.shape).astype("float32")
        values = np.where(mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim)), values, noise)
        new = keras.ops.cast(keras.ops.convert_to_tensor(values), result.dtype)
        new._keras_mask = keras.ops.convert_to_tensor(mask)
        return new


def differing(a: NDArray[Any], b: NDArray[Any], tolerance: float = 1e-5) -> NDArray[Any]:
    """Where two predictions differ by more than rounding: a step, or a sample without time."""
    size = max(1.0, float(np.nanmax(np.abs(a), initial=0.0)))
    differs = (np.abs(a - b) > tolerance * size) | (np.isnan(a) != np.isnan(b))
    return np.asarray(differs.any(axis=tuple(range(2, a.ndim))) if a.ndim > 2 else differs.any(axis=-1) if a.ndim == 2 else differs)
