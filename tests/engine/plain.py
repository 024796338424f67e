"""The gallery's examples as plain Keras sees them, for tests to compare with."""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskviz import resources
from maskviz.resources import Example


def custom_objects(example: Example) -> dict[str, Any]:
    if example.custom is None:
        return {}
    spec = importlib.util.spec_from_file_location("custom", example.custom)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.CUSTOM_OBJECTS)


class Plain:
    """An example as plain Keras sees it: the network, its arrays, predictions, their mask, and what ``evaluate`` reports."""

    def __init__(self, name: str) -> None:
        example = resources.example(name)
        self.network = keras.models.load_model(example.network, custom_objects=custom_objects(example))
        with np.load(example.batch, allow_pickle=False) as held:
            self.arrays = dict(held)
        keys = [f"x__{t.name}" if f"x__{t.name}" in self.arrays else "x" for t in self.network.inputs]
        self.x: Any = [self.arrays[key] for key in keys]
        self.x = self.x[0] if len(keys) == 1 else self.x
        self.y = self.arrays["y"]
        self.weight = self.arrays.get("sample_weight")
        tensor = self.network(self.x)
        self.predictions: NDArray[Any] = np.asarray(tensor)
        mask = getattr(tensor, "_keras_mask", None)
        self.mask: NDArray[Any] | None = None if mask is None else np.asarray(mask)

    def reset(self) -> None:
        """Forget what stateful layers carried over from calls before."""
        for layer in self.network.layers:
            if getattr(layer, "stateful", False):
                layer.reset_state()

    def evaluate(self, sample_weight: Any = None) -> dict[str, float]:
        self.reset()
        result: dict[str, float] = self.network.evaluate(
            self.x, self.y, sample_weight=sample_weight, batch_size=len(self.y), verbose=0, return_dict=True
        )
        return result

    @property
    def loss(self) -> float:
        return self.evaluate(self.weight)["loss"]

    @property
    def errors(self) -> NDArray[Any]:
        """Absolute errors a step, ``(batch, time)``."""
        return np.asarray(np.abs(self.predictions - self.y).mean(axis=-1))


@cache
def plain(name: str) -> Plain:
    return Plain(name)
