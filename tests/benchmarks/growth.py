"""How a trace with its padding test grows with samples, timesteps and layers, beside ``predict_on_batch`` of the same network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.benchmarks.table import Row, alternate

BATCHES, TIMES, DEPTHS = (8, 64, 1024), (16, 256, 4096), (10, 100, 300)
BUDGET = 2.5


def rows(quick: bool, folder: Path) -> list[Row]:
    made = [_row(f"trace and padding test, {n} samples", _recurrent(), n, 50) for n in (BATCHES[:1] if quick else BATCHES)]
    made += [_row(f"trace and padding test, {n} timesteps", _recurrent(), 4, n) for n in (TIMES[:1] if quick else TIMES)]
    made += [_row(f"trace and padding test, {n} layers", _deep(n), 32, 50) for n in (DEPTHS[:1] if quick else DEPTHS)]
    return made


def _recurrent() -> Any:
    import keras

    layers = keras.layers
    stack = [layers.Embedding(1000, 64, mask_zero=True), layers.LSTM(64, return_sequences=True), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((None,), dtype="int32"), *stack])


def _deep(depth: int) -> Any:
    import keras

    layers = keras.layers
    x = inputs = keras.Input((None, 32))
    x = layers.Masking()(x)
    for _ in range(depth - 2):
        x = layers.Dense(32, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(1)(x))


def _row(what: str, network: Any, samples: int, steps: int) -> Row:
    from maskviz.core import generate
    from maskviz.engine import loading
    from maskviz.engine.tracing import Tracer

    signature = loading.complete(network)
    batch = generate.generate(signature.network, samples=samples, steps=steps)
    tracer = Tracer(network, signature)
    x = batch.x[signature.input_names[0]]
    measured = alternate(lambda: tracer.trace(batch), lambda: network.predict_on_batch(x), 7)
    return Row(what, *measured, "predict_on_batch", BUDGET)
