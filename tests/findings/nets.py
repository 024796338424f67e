"""Minimal networks and batches for the rules: each broken one has a repaired twin of the same batch."""

from __future__ import annotations

import ast
import copy
import json
import warnings
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from maskviz import api
from maskviz.core.finding import Finding
from maskviz.core.rules import code
from maskviz.core.trace import Trace

B, T, F, V = 5, 6, 3, 9
LENGTHS = np.array([6, 2, 4, 3, 5])
PADDED = np.arange(T) >= LENGTHS[:, None]
"""Padding on the right, ``(batch, time)``; the first sample has none."""


def ids(seed: int = 0, pad: int = 0) -> Any:
    """Ids from 1 on, ``pad`` at padded steps."""
    return np.where(PADDED, pad, np.random.default_rng(seed).integers(1, V, (B, T))).astype("int64")


def features(seed: int = 0, pad: float = 0.0) -> Any:
    """Features without any 0, ``pad`` in all of them at padded steps."""
    values = np.random.default_rng(seed).normal(3.0, 1.0, (B, T, F)).astype("float32")
    return np.where(PADDED[..., None], np.float32(pad), values)


def series(units: int = 1, seed: int = 1, steps: int = T) -> Any:
    """Targets a step."""
    return np.random.default_rng(seed).normal(size=(B, steps, units)).astype("float32")


def vector(units: int = 1, seed: int = 1) -> Any:
    """Targets a sample."""
    return np.random.default_rng(seed).normal(size=(B, units)).astype("float32")


def words(mask: bool = True) -> tuple[Any, Any]:
    """An input of ids and its embedding, with or without a mask."""
    keras.utils.set_random_seed(0)
    x = keras.Input((T,), dtype="int64", name="ids")
    return x, layers.Embedding(V + 2, 4, mask_zero=mask, name="embedding")(x)


def data(mask: bool = True) -> tuple[Any, Any]:
    """An input of features and what a Masking layer makes of it."""
    keras.utils.set_random_seed(0)
    x = keras.Input((T, F), name="features")
    return x, layers.Masking(name="masking")(x) if mask else x


def network(inputs: Any, outputs: Any, loss: Any = "mse", **compile: Any) -> keras.Model:
    """A compiled network; its weights are the same for every run."""
    made = keras.Model(inputs, outputs)
    if loss is not None:
        made.compile(loss=loss, **compile)
    return made


def ending(tensor: Any, units: int = 1) -> Any:
    """A step's own last layer."""
    return layers.Dense(units, name="out")(tensor)


def traced(made: keras.Model, x: Any, y: Any = None, weight: Any = None, padding: Any = PADDED) -> Trace:
    """The trace of a live network, with the batch's padding declared; what its findings say is looked over."""
    trace = api.trace(made, x, y, weight, padding=padding)
    for finding in trace.findings:
        ast.parse(finding.fix)
        json.dumps(finding.to_dict(), allow_nan=False)
        assert finding.sentence.endswith((".", ")")), finding.sentence
        assert finding.why
        assert finding.link.startswith("https://")
        assert finding.call is None or trace.call(finding.call) is not None
        paste(finding, made, trace, x, y, weight)
    return trace


class Untouched:
    """A network of which fixes may read everything, and that they do not train, compile or load into."""

    def __init__(self, made: keras.Model) -> None:
        self.made = made

    def __getattr__(self, name: str) -> Any:
        return (lambda *args, **kwargs: None) if name in ("fit", "compile", "load_weights") else getattr(self.made, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.made(*args, **kwargs)


def paste(finding: Finding, made: keras.Model, trace: Trace, x: Any, y: Any, weight: Any) -> None:
    """Run the code of a fix with what it stands beside: the batch, and tensors by the names of their layers."""
    if not isinstance(made, keras.Sequential) and not getattr(made, "_operations", None):
        return  # the code of a subclassed network has names of its own
    padding = next(iter(trace.padding.values())) if len(trace.padding) == 1 else dict(trace.padding)
    batch = {"x": x, "y": y, "sample_weight": weight, "padding": padding, "value": 1.0}
    scope = {**tensors(made), **copy.deepcopy(batch), "keras": keras, "np": np, "network": Untouched(made)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(finding.fix, scope)
        except Exception as error:
            raise AssertionError(f"the fix of {finding.id} does not run: {finding.fix}") from error


def tensors(made: keras.Model) -> dict[str, Any]:
    """Outputs of layers and operations by the names that fixes give them, and classes of one's own."""
    found: dict[str, Any] = {code.variable(tensor.name): tensor for tensor in made.inputs}
    for operation in getattr(made, "operations", made.layers):
        name, result = code.variable(operation.name), getattr(operation, "output", None)
        if isinstance(operation, keras.Model):
            found |= tensors(operation)
        found[type(operation).__name__] = type(operation)
        for number, tensor in enumerate(result if isinstance(result, list) else [result]):
            found[name if number == 0 else f"{name}_{number}"] = tensor
        found[f"{name}_unmasked"] = found[name]
    return found


def repaired_by(finding: Finding, made: keras.Model) -> Any:
    """The tensor that the code of a fix makes in place of the output of the call it is about."""
    names = {**tensors(made), "keras": keras, "np": np, "network": made}
    exec(finding.fix, names)
    return names[code.variable(finding.call)]


def ids_of(found: Trace | tuple[Finding, ...], least: str = "warning") -> list[str]:
    """Ids of the findings at ``least`` or above."""
    findings = found.findings if isinstance(found, Trace) else found
    order = ("error", "warning", "info")
    return [f.id for f in findings if order.index(f.severity) <= order.index(least)]


class Plain(keras.Layer):
    """A layer of one's own that says nothing of masks."""

    def call(self, x: Any) -> Any:
        return x * 2.0


class Supporting(Plain):
    """The same, and it says so."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True


class MeanOverTime(keras.Layer):
    """A layer of one's own that adds the mean over time to every step, with the mask or without it."""

    def __init__(self, masked: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.masked, self.supports_masking = masked, True

    def call(self, x: Any, mask: Any = None) -> Any:
        if mask is None or not self.masked:
            return x + ops.mean(x, axis=1, keepdims=True)
        kept = ops.cast(mask, x.dtype)[..., None]
        return x + ops.sum(x * kept, axis=1, keepdims=True) / ops.sum(kept, axis=1, keepdims=True)


class WithMaskOf(keras.Layer):
    """The first tensor with the mask of the second."""

    def call(self, inputs: Any) -> Any:
        return ops.copy(inputs[0])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None else mask[1]


class ZeroMasked(keras.Layer):
    """Zeros at masked steps; the mask goes on."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x: Any, mask: Any = None) -> Any:
        return x if mask is None else x * ops.cast(mask, x.dtype)[..., None]
