"""Records every call of a forward pass: masks before, masks received, masks out, and masks stripped.

``Layer.__call__`` and ``Operation.__call__`` are wrapped for the length of one pass, on one thread and in one graph; what
is recorded are the tensors themselves, so that a compiled pass can return them.
"""

from __future__ import annotations

import functools
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import tree

from maskviz.engine import arguments, compiling
from maskviz.engine.sources import Sources

Hook = Callable[["RecordedCall", Any], Any]

DESTROYS = "destroy the mask"
"""Words of the warning that ``Layer.__call__`` gives for a layer without ``supports_masking``."""


@dataclass(eq=False)
class RecordedCall:
    """One call as it ran. Tensors are those of the pass; ``received`` holds a tensor, None, or a list of them per mask argument."""

    id: str
    operation: keras.Operation
    parent: RecordedCall | None
    inputs: list[Any] = field(default_factory=list)
    sources: list[tuple[str, ...]] = field(default_factory=list)
    mask_sources: list[str] = field(default_factory=list)
    masks_in: list[Any] = field(default_factory=list)
    masks_after: list[Any] = field(default_factory=list)
    received: dict[str, Any] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)
    masks_out: list[Any] = field(default_factory=list)
    created_inside: bool = False
    warned: bool = False
    own_code: bool = False
    """Whether code that is no call of a layer or operation had a part in what it put out, or in what calls inside it were given."""
    unseen: list[str] = field(default_factory=list)
    """Layers that it ran where they cannot be followed: in the body of a loop, in a mapped or in a compiled function."""
    given: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    @property
    def is_layer(self) -> bool:
        return isinstance(self.operation, keras.Layer)

    def ref(self, output: int = 0) -> str:
        return self.id if output == 0 else f"{self.id}#{output}"

    def rerun(self, value: Any) -> Any:
        """The operation alone, eagerly, with its data input replaced and no masks. Raises what the operation raises."""
        args, kwargs = self.given
        data = self.inputs[0]
        args, kwargs = tree.map_structure(lambda x: value if x is data else x, (args, kwargs))
        trains = getattr(self.operation, "_call_has_training_arg", True)  # Keras gives it to every layer, and takes it away later
        return self.operation.call(*args, **{k: v for k, v in kwargs.items() if not arguments.is_mask(k) and (trains or k != "training")})


def mask_of(tensor: Any) -> Any:
    """The mask Keras attached to a tensor, None without one."""
    return getattr(tensor, "_keras_mask", None)


def set_mask(tensor: Any, mask: Any) -> None:
    """Attach a mask to a tensor as Keras does (``keras/src/backend/common/masking.py``)."""
    if mask is None:
        if hasattr(tensor, "_keras_mask"):
            del tensor._keras_mask
    else:
        tensor._keras_mask = mask


def lasting_name(operation: keras.Operation) -> str:
    """The name of an operation; one made on the fly (``ops.pad`` in a layer) bears another number at every pass, which is left out."""
    if isinstance(operation, keras.Layer) or operation._inbound_nodes:
        return str(operation.name)
    return re.sub(r"_\d+$", "", operation.name)


def _is_opaque(operation: keras.Operation) -> bool:
    """Cells run once a timestep inside an RNN (in a loop body when compiled): they are not calls of the network."""
    return isinstance(operation, keras.layers.RNN)


class Recorder:
    """Records one pass. ``after_call`` may replace the outputs of a call (the padding test puts noise there)."""

    def __init__(self, input_names: dict[int, str], after_call: Hook | None = None) -> None:
        self.calls: list[RecordedCall] = []
        self.root: RecordedCall | None = None
        self.sources = Sources(input_names)
        self._after_call = after_call
        self._stack: list[RecordedCall] = []
        self._counts: dict[tuple[int, str], int] = {}
        self._thread = threading.get_ident()
        self._scope = compiling.current_scope()

    @contextmanager
    def recording(self) -> Iterator[Recorder]:
        """Wrap Keras' calls while the body runs. Not re-entrant: one recording at a time in a process."""
        layer_call, operation_call = keras.Layer.__call__, keras.Operation.__call__
        recorder = self

        @functools.wraps(layer_call)
        def record_layer(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if not recorder._wanted(args, kwargs):
                recorder._note_unseen(layer)
                return layer_call(layer, *args, **kwargs)
            return recorder._record(layer, layer_call, args, kwargs)

        @functools.wraps(operation_call)
        def record_operation(operation: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(operation, keras.Layer):
                recorder._note_received(operation, args, kwargs)
            elif recorder._wanted(args, kwargs):
                return recorder._record(operation, operation_call, args, kwargs)
            return operation_call(operation, *args, **kwargs)

        warn = warnings.warn

        def hear(message: Any, *args: Any, **kwargs: Any) -> None:
            if recorder._stack and threading.get_ident() == recorder._thread and DESTROYS in str(message):
                recorder._stack[-1].warned = True  # a finding says whether it is true
            else:
                warn(message, *args, **{**kwargs, "stacklevel": kwargs.get("stacklevel", 1) + 1} if len(args) < 2 else kwargs)

        keras.Layer.__call__, keras.Operation.__call__, warnings.warn = record_layer, record_operation, hear
        try:
            yield self
        finally:
            keras.Layer.__call__, keras.Operation.__call__, warnings.warn = layer_call, operation_call, warn

    def _wanted(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        if threading.get_ident() != self._thread or compiling.current_scope() is not self._scope:
            return False
        if any(_is_opaque(call.operation) for call in self._stack):
            return False
        return not any(compiling.is_placeholder(x) for x in tree.flatten((args, kwargs)))

    def _note_unseen(self, layer: Any) -> None:
        if threading.get_ident() != self._thread or not self._stack or compiling.current_scope() is self._scope:
            return
        unseen = self._stack[-1].unseen
        if not any(_is_opaque(call.operation) for call in self._stack) and layer.name not in unseen:
            unseen.append(layer.name)

    def _record(self, operation: Any, original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = self._begin(operation, args, kwargs)
        self._stack.append(call)
        self.sources.enter(call)
        try:
            result = original(operation, *args, **kwargs)
        finally:
            self._stack.pop()
            self.sources.leave(call)
        return self._end(call, result)

    def _begin(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> RecordedCall:
        parent = self._stack[-1] if self._stack else None
        call = RecordedCall(self._new_id(operation, parent), operation, parent, given=(args, kwargs))
        call.received = dict.fromkeys(arguments.accepted_masks(operation)) if call.is_layer else {}
        given = [(path, leaf) for path, leaf in arguments.leaves(operation, args, kwargs) if compiling.is_tensor(leaf)]
        call.inputs = [leaf for path, leaf in given if not arguments.is_mask(path[0])]
        call.masks_in = [mask_of(x) for x in call.inputs]
        if parent is None:
            self.root = call
        else:
            self.calls.append(call)
        self.sources.resolve(call, given, args, kwargs)
        return call

    def _new_id(self, operation: Any, parent: RecordedCall | None) -> str:
        if parent is None:
            return ""
        name = lasting_name(operation)
        key = (id(parent), name)
        n = self._counts[key] = self._counts.get(key, -1) + 1
        name = name if n == 0 else f"{name}:{n}"
        return name if parent.id == "" else f"{parent.id}/{name}"

    def _note_received(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self._stack or self._stack[-1].operation is not layer or threading.get_ident() != self._thread:
            return
        for name, value in arguments.named(layer, args, kwargs):
            if arguments.is_mask(name) and not isinstance(value, bool):
                self._stack[-1].received[name] = value

    def _end(self, call: RecordedCall, result: Any) -> Any:
        call.masks_after = [mask_of(x) for x in call.inputs]
        call.own_code |= not all(self.sources.knows(x) for x in tree.flatten(result) if compiling.is_tensor(x))
        if self._after_call is not None:
            result = self._after_call(call, result)
        call.outputs = [x for x in tree.flatten(result) if compiling.is_tensor(x)]
        call.masks_out = [mask_of(x) for x in call.outputs]
        self.sources.made(call)
        return result
