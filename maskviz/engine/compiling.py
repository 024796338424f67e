"""The one seam to the backend: compiling a pass, telling tensors, and walking the graph behind a tensor.

TensorFlow compiles a pass once for any number of samples; JAX and PyTorch run it anew each time, call by call, with every length known.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Container, Iterator
from typing import Any

import keras
import numpy as np

BACKEND = keras.backend.backend()
TENSORFLOW = BACKEND == "tensorflow"
if TENSORFLOW:
    import tensorflow as tf
elif BACKEND == "jax":
    import jax
elif BACKEND == "torch":
    import torch

MOST_OPERATIONS_WALKED = 5_000


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of the backend (not numpy, not symbolic, not a variable)."""
    return not isinstance(value, keras.KerasTensor) and bool(keras.ops.is_tensor(value))


def current_scope() -> object:
    """What tells loop bodies and mapped functions, whose tensors are not those of the pass, from the pass around them."""
    if TENSORFLOW:
        return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
    return torch._C._functorch.maybe_current_level() if BACKEND == "torch" else None


def is_placeholder(value: Any) -> bool:
    """Whether a value only stands for one: a symbolic tensor, or what JAX maps and loops over inside a pass."""
    return isinstance(value, keras.KerasTensor) or (BACKEND == "jax" and isinstance(value, jax.core.Tracer))


def ancestors(tensor: Any, known: Container[int]) -> Iterator[int]:
    """Ids of the nearest known tensors that a tensor was computed from by code outside any layer, nearest first."""
    if not TENSORFLOW or not hasattr(tensor, "op") or tf.executing_eagerly():
        return
    seen, queue = {id(tensor)}, deque([tensor])
    while queue and len(seen) < MOST_OPERATIONS_WALKED:
        for parent in queue.popleft().op.inputs:
            if id(parent) in seen:
                continue
            seen.add(id(parent))
            if id(parent) in known:
                yield id(parent)
            else:
                queue.append(parent)


TRACING = threading.Lock()
"""Held while a pass is traced: recording wraps Keras' own classes, which one thread at a time may do."""


def compiled(function: Callable[..., Any], arguments: Any, shapes: Any, fast: bool = False) -> Callable[..., Any]:
    """``function`` compiled for arguments like ``arguments`` (a list of arrays); it is traced (or run) before this returns.

    ``shapes`` lists the shapes to compile for, None where any length is to be allowed. ``fast`` compiles with XLA at the first run.
    """
    if not TENSORFLOW:
        function = torch.no_grad()(function) if BACKEND == "torch" else function
        function(*(to_tensor(a) for a in arguments))
        return function
    specs = [tf.TensorSpec(shape, _dtype(array)) for array, shape in zip(arguments, shapes, strict=True)]
    traced = tf.function(function, input_signature=specs, autograph=False, jit_compile=True if fast else None)
    with TRACING:
        concrete: Callable[..., Any] = traced.get_concrete_function()
    return concrete


def _dtype(array: np.ndarray) -> Any:
    return tf.string if array.dtype.kind in "USO" else tf.as_dtype(array.dtype)


def to_numpy(tensor: Any) -> np.ndarray:
    """A tensor as a numpy array; bfloat16 and other types numpy lacks become float32."""
    array = np.asarray(keras.ops.convert_to_numpy(tensor)) if not TENSORFLOW else tensor.numpy()
    array = np.asarray(array)
    return array.astype("float32") if array.dtype.kind == "V" or array.dtype.name == "bfloat16" else array


def lengths(shapes: list[Any]) -> Any:
    """Every length of every shape, one after another, as one tensor of integers."""
    flat = [length for shape in shapes for length in shape]
    if not TENSORFLOW or not flat:
        return keras.ops.convert_to_tensor(np.asarray(flat, "int32"))
    return keras.ops.stack([keras.ops.cast(length, "int32") for length in flat])


def is_float(tensor: Any) -> bool:
    """Whether a tensor holds floating point numbers."""
    return "float" in str(tensor.dtype)


def is_bool(tensor: Any) -> bool:
    """Whether a tensor holds truth values, as masks do."""
    return str(keras.backend.standardize_dtype(tensor.dtype)) == "bool"


def can_compare(tensor: Any) -> bool:
    """Whether two tensors of this type can be compared (not strings, not ragged or sparse ones)."""
    return not TENSORFLOW or (isinstance(tensor, tf.Tensor) and tensor.dtype not in (tf.string, tf.variant, tf.resource))


def to_tensor(array: np.ndarray) -> Any:
    """An array as a tensor of its own type (numpy strings become the backend's), which does not share the array's memory."""
    if TENSORFLOW and array.dtype.kind in "USO":
        return tf.constant(array.astype(object))
    return tf.constant(array) if TENSORFLOW else keras.ops.convert_to_tensor(array.copy())


def as_it_is(tensor: Any) -> Any:
    """A tensor that stays as it is now: on PyTorch Keras' ``sample_weight *= mask`` changes the very tensor (``losses/loss.py``)."""
    return tensor.clone() if BACKEND == "torch" and is_tensor(tensor) else tensor


def with_logits(tensor: Any, part: Callable[[Any], Any]) -> Any:
    """``part(tensor)``, with the logits behind a softmax or sigmoid still to be found where Keras looks for them.

    On TensorFlow a loss computes from the logits when it sees ``_keras_logits`` or the operation itself (``backend/tensorflow/nn.py``,
    ``_get_logits``), even with ``from_logits=True`` on probabilities.
    """
    if not TENSORFLOW:
        return part(tensor)
    operation = getattr(tensor, "op", None) if not tf.executing_eagerly() else None
    if operation is not None and operation.type in ("Softmax", "Sigmoid"):
        result = (tf.nn.softmax if operation.type == "Softmax" else tf.nn.sigmoid)(part(operation.inputs[0]))
    else:
        result = part(tensor)
    if hasattr(tensor, "_keras_logits"):
        result._keras_logits = part(tensor._keras_logits)
    return result
