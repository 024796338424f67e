"""Networks to measure with, built by Keras in a process of their own: ``python -m tests.benchmarks.networks NAME FILE``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

FEATURES = 64


def make(name: str, folder: Path) -> Path:
    """The network of that name as a ``.keras`` file in ``folder``."""
    path = folder / f"{name}.keras"
    subprocess.run([sys.executable, "-m", __name__, name, str(path)], check=True)
    return path


def residual(layers: int) -> Any:
    """A chain of ``layers`` layers in which every third adds what came in two layers before."""
    import keras

    x = start = keras.Input((None, 8), name="steps")
    x = keras.layers.Masking()(x)
    for number in range((layers - 2) // 3):
        inner = keras.layers.Dense(8, activation="relu", name=f"inner_{number}")(x)
        outer = keras.layers.Dense(8, name=f"outer_{number}")(inner)
        x = keras.layers.Add(name=f"add_{number}")([x, outer])
    return keras.Model(start, x, name=f"residual_{layers}")


def tagger() -> Any:
    """A recurrent tagger of a common size: ids, an embedding that masks, two recurrent layers, a loss per step."""
    import keras

    network = keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="ids"),
            keras.layers.Embedding(5000, 64, mask_zero=True),
            keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True)),
            keras.layers.LSTM(64, return_sequences=True),
            keras.layers.Dense(20, activation="softmax"),
        ],
        name="tagger",
    )
    network.compile("adam", "sparse_categorical_crossentropy")
    return network


def light() -> Any:
    """A network that costs little at every step: what takes time on a large batch is the window's."""
    import keras

    network = keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="ids"),
            keras.layers.Embedding(500, 8, mask_zero=True),
            keras.layers.Conv1D(8, 3, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ],
        name="light",
    )
    network.compile("adam", "binary_crossentropy")
    return network


def series() -> Any:
    """As light, for features, with a loss at every step."""
    import keras

    layers = keras.layers
    stack = [layers.Masking(), layers.Conv1D(8, 3, padding="same", activation="relu"), layers.Dense(1)]
    network = keras.Sequential([keras.Input((None, FEATURES), name="features"), *stack], name="series")
    network.compile("adam", "mse")
    return network


BUILD = {"residual_1000": lambda: residual(1000), "tagger": tagger, "light": light, "series": series}


if __name__ == "__main__":
    BUILD[sys.argv[1]]().save(sys.argv[2])
