"""Where the padding test puts its noise: behind what makes features of ids, and behind convolutions that read zeros at padded steps.

Ids stay as they are, since anything may make a mask of them; the first features that are made of a padded id are what is changed.
A Masking layer puts out zeros at masked steps, which a window that keeps the length reads like the end of a sequence: noise stands
behind such a window.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from maskviz.engine import compiling
from maskviz.engine.recorder import RecordedCall

STEPWISE = ("Cast", "Copy", "Identity", "Abs", "Add", "Subtract", "Maximum", "Minimum", "Clip")
"""Operations that leave ids where they are."""
LOOKUPS = ("IntegerLookup", "StringLookup", "Hashing")
"""Layers that put another id in the place of each."""
MOVING = ("GetItem", "Flip", "Roll")
"""Operations that move ids to other steps."""
WINDOWS = ("Conv1D", "SeparableConv1D", "DepthwiseConv1D")
UNCHANGED = ("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "Identity")
"""Layers that pass on what they are given, in inference."""


def ids_of(call: RecordedCall, padded: Mapping[str, Any]) -> Any:
    """The padded steps ``(batch, time)`` of the ids that a call is made of; None where it is made of anything else too."""
    found = {source for sources in call.sources for source in sources}
    if len(found) != 1 or len(call.inputs) != 1 or not call.sources[0] or _is_within_a_step(call):
        return None
    return padded.get(found.pop())


def _is_within_a_step(call: RecordedCall) -> bool:
    """Whether a call runs inside TimeDistributed, on one step at a time."""
    parent = call.parent
    while parent is not None and not isinstance(parent.operation, keras.layers.TimeDistributed):
        parent = parent.parent
    return parent is not None


def takes_noise(tensor: Any, padded: Any) -> bool:
    """Whether a tensor made of ids holds features ``(batch, time, …)`` of their steps."""
    return compiling.is_float(tensor) and len(tensor.shape) >= 3 and tensor.shape[1] == padded.shape[1]


def still_ids(call: RecordedCall, tensor: Any, padded: Any) -> Any:
    """The padded steps of ids that a call put out; None where what it put out are no ids."""
    kind = type(call.operation).__name__
    looks_up = kind in LOOKUPS and call.operation.output_mode == "int"
    if (call.is_layer and not looks_up) or compiling.is_bool(tensor) or len(tensor.shape) < 2:
        return None
    if (looks_up or kind in STEPWISE) and tensor.shape[1] == padded.shape[1]:
        return padded
    if kind not in MOVING:
        return None
    try:
        moved = call.rerun(ops.cast(padded, "int32"))
    except Exception:  # an index of three axes, say
        return None
    return ops.cast(moved, "bool") if len(moved.shape) == 2 and moved.shape[1] == tensor.shape[1] else None


def has_place(calls: Iterable[RecordedCall], name: str, padded: Any) -> bool:
    """Whether all that is made of an input of ids alone is features of its steps, so that noise behind them tests everything."""
    known, noised, others = {name: padded}, [], []
    for call in calls:
        steps = ids_of(call, known)
        if steps is None:
            continue
        for number, tensor in enumerate(call.outputs):
            again = still_ids(call, tensor, steps)
            if again is not None:
                known[call.ref(number)] = again
            elif takes_noise(tensor, steps):
                noised.append(call.id)
            elif compiling.is_float(tensor):
                others.append(call.id)
    return bool(noised) and all(any(inner.startswith(f"{call}/") for inner in noised) for call in others)


def windows_of(calls: Iterable[RecordedCall]) -> frozenset[str]:
    """Names of the Masking layers' calls of which all takers, behind dropout or not, are windows that keep the length."""
    calls = list(calls)
    takers: dict[str, list[RecordedCall]] = {}
    for call in calls:
        if not isinstance(call.operation, keras.Model):
            for source in {s for sources in call.sources for s in sources}:
                takers.setdefault(source, []).append(call)
    found = set()
    for call in calls:
        if type(call.operation) is keras.layers.Masking and call.parent is not None:
            queue, windows = [call.id], 0
            while queue:
                taking = takers.get(queue.pop(), [])
                queue += [t.id for t in taking if passes_on(t)]
                windows += sum(is_window(t) for t in taking)
                if not all(passes_on(t) or is_window(t) for t in taking):
                    windows = -len(calls)
            if windows > 0:
                found.add(call.id)
    return frozenset(found)


def passes_on(call: RecordedCall) -> bool:
    """Whether a call hands on what it is given."""
    return call.is_layer and type(call.operation).__module__.startswith("keras.") and type(call.operation).__name__ in UNCHANGED


def is_window(call: RecordedCall) -> bool:
    """Whether a call is a convolution that reads zeros beyond the ends and puts out as many steps as it takes."""
    layer = call.operation
    if not call.is_layer or type(layer).__name__ not in WINDOWS or not type(layer).__module__.startswith("keras."):
        return False
    return layer.padding in ("same", "causal") and set(layer.strides) == {1} and layer.data_format == "channels_last"
