"""Networks with fixed weights, and what a trace says of them, as JSON: run as a script it prints that for the backend it runs on.

``python tests/engine/backend_cases.py`` with ``KERAS_BACKEND`` set; needs Keras and numpy, but neither Qt nor another backend.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    sys.modules["tensorflow"] = None  # type: ignore[assignment] # as where it is not installed: Keras imports it wherever it is
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import keras
import numpy as np
from keras import layers, ops

import maskviz
from maskviz.core.trace import Trace

SIZE, STEPS, UNITS = 3, 6, 4
Case = tuple[keras.Model, Any, Any, Any]


def ids() -> Any:
    return np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 1, 2, 3], [2, 0, 0, 0, 0, 0]], "int32")


def series() -> Any:
    values = np.random.default_rng(3).normal(size=(SIZE, STEPS, UNITS)).astype("float32")
    return np.where(ids()[..., None] == 0, np.float32(0), values)


def numbers(*shape: int) -> Any:
    return np.random.default_rng(7).normal(size=shape).astype("float32")


def words(name: str = "words") -> Any:
    return keras.Input((STEPS,), dtype="int32", name=name)


def embedded(tensor: Any) -> Any:
    return layers.Embedding(9, UNITS, mask_zero=True)(tensor)


def recurrent() -> Case:
    x = words()
    network = keras.Model(x, layers.Dense(1)(layers.LSTM(UNITS, return_sequences=True)(embedded(x))))
    network.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
    return network, ids(), numbers(SIZE, STEPS, 1), numbers(SIZE, STEPS) ** 2


def both_ways() -> Case:
    x = keras.Input((STEPS, UNITS), name="series")
    h = layers.Bidirectional(layers.GRU(UNITS, return_sequences=True))(layers.Masking()(x))
    network = keras.Model(x, layers.TimeDistributed(layers.Dense(5, activation="softmax"))(h))
    network.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network, series(), ids() % 5, None


def attention() -> Case:
    x = words()
    h = embedded(x)
    h = layers.LayerNormalization()(layers.Add()([h, layers.MultiHeadAttention(2, UNITS)(h, h)]))
    network = keras.Model(x, layers.Dense(1)(h))
    network.compile("sgd", "mse")
    return network, ids(), numbers(SIZE, STEPS, 1), None


def merged() -> Case:
    a, b = words("a"), words("b")
    left, right = embedded(a), embedded(b)
    joined = layers.Concatenate()([layers.Add()([left, right]), left * 2.0])
    network = keras.Model([a, b], [layers.Dense(1, name="steps")(joined), layers.Dense(2, name="all")(layers.LSTM(3)(joined))])
    network.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 0.5], metrics=[["mae"], ["mse"]])
    return network, [ids(), np.roll(ids(), 1, axis=0)], [numbers(SIZE, STEPS, 1), numbers(SIZE, 2)], None


def sliced() -> Case:
    x = keras.Input((STEPS, UNITS), name="series")
    h = layers.Masking()(x)
    network = keras.Model(x, layers.Dense(2)(layers.GlobalAveragePooling1D()(h[:, 1:] + h[:, :-1])))
    network.compile("sgd", "mse")
    return network, series(), numbers(SIZE, 2), None


def nested() -> Case:
    inner = keras.Input((None, UNITS))
    block = keras.Model(inner, layers.Conv1D(UNITS, 3, padding="same")(layers.Dropout(0.5)(inner)), name="block")
    x = words()
    network = keras.Model(x, layers.Dense(1)(block(block(embedded(x)))))
    network.compile("sgd", "mse")
    return network, ids(), numbers(SIZE, STEPS, 1), None


def decoder() -> Case:
    source, target = words("source"), words("target")
    _, *state = layers.LSTM(UNITS, return_state=True)(embedded(source))
    h = layers.LSTM(UNITS, return_sequences=True)(embedded(target), initial_state=state)
    network = keras.Model([source, target], layers.Dense(9)(h))
    network.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return network, [ids(), np.roll(ids(), 1, axis=0)], ids(), None


def stateful() -> Case:
    x = keras.Input(batch_shape=(SIZE, STEPS, UNITS), name="series")
    network = keras.Model(x, layers.Dense(1)(layers.LSTM(UNITS, stateful=True, return_sequences=True)(layers.Masking()(x))))
    network.compile("sgd", "mse", metrics=["mae"])
    return network, series(), numbers(SIZE, STEPS, 1), None


def uncompiled() -> Case:
    x = keras.Input((STEPS, UNITS), name="series")
    h = layers.Masking()(x)
    weights = ops.softmax(layers.Dense(1)(h), axis=1)
    return keras.Model(x, layers.Flatten()(layers.Multiply()([h, weights]))), series(), None, None


def regularized() -> Case:
    x = words()
    h = layers.Dense(UNITS, kernel_regularizer="l2", activity_regularizer=keras.regularizers.L2(0.01))(embedded(x))
    network = keras.Model(x, layers.Dense(5, activation="softmax")(layers.GaussianNoise(0.5)(h)))
    network.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    return network, ids(), ids() % 5, numbers(SIZE, STEPS) ** 2


class Positions(keras.Layer):
    """Adds a table that is as long as the batch, and makes another that is as long as two batches."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.table = layers.Embedding(2 * SIZE, UNITS)

    def call(self, inputs: Any) -> Any:
        rows = self.table(ops.arange(2 * SIZE))
        return inputs + rows if inputs.shape[1] == 2 * SIZE else inputs + rows[:SIZE]


def positions() -> Case:
    x = words()
    network = keras.Model(x, layers.Dense(1)(Positions()(embedded(x))))
    network.compile("sgd", "mse")
    return network, ids(), numbers(SIZE, STEPS, 1), None


class Tagger(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="tagger")
        self.embed, self.gru, self.tag = layers.Embedding(9, UNITS, mask_zero=True), layers.GRU(3, return_sequences=True), layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.tag(self.gru(self.embed(inputs)))


def subclassed() -> Case:
    network = Tagger()
    network(ids())
    network.compile("sgd", "mse")
    return network, ids(), numbers(SIZE, STEPS, 2), None


CASES: tuple[Callable[[], Case], ...] = (
    recurrent, both_ways, attention, merged, sliced, nested, decoder, stateful, uncompiled, regularized, positions, subclassed,
)  # fmt: skip


def fixed_weights(network: keras.Model) -> None:
    """The same weights on every backend."""
    random = np.random.default_rng(11)
    for variable in network.weights:
        variable.assign(random.normal(0, 0.4, tuple(variable.shape)).astype("float32"))


def said(trace: Trace) -> dict[str, Any]:
    """What a trace says, without what differs from one backend to the next by right (version, device, how the test was made)."""

    def mask(key: Any) -> Any:
        return [mask(k) for k in key] if isinstance(key, list) else None if key is None else trace.masks[key].astype(int).tolist()

    ledger = trace.ledger
    return {
        "calls": {
            c.id: {
                "class": c.class_name,
                "fate": str(c.fate),
                "role": c.role,
                "sources": [i.source for i in c.inputs],
                "masks in": [mask(i.mask) for i in c.inputs],
                "received": {name: mask(key) for name, key in c.received.items()},
                "stripped": list(c.stripped),
                "masks out": [mask(o.mask) for o in c.outputs],
                "shapes": [list(o.shape) for o in c.outputs],
                "touched": [trace.touched[c.ref(n)].astype(int).tolist() for n in range(len(c.outputs)) if c.ref(n) in trace.touched],
            }
            for c in trace.calls
        },
        "findings": sorted({f.id for f in trace.findings}),
        "outputs": {name: array.astype(float).tolist() for name, array in trace.outputs.items()},
        "contributions": {name: array.astype(float).tolist() for name, array in trace.contributions.items()},
        "ledger": {name: getattr(ledger, name) for name in ("reported", "sum", "kept_only", "unmasked", "padding_share", "evaluate")},
        "metrics": dict(trace.metrics),
        "notes": {note.name: [note.honours_mask, note.honours_weights] for note in trace.metric_notes},
        "sentences": list(trace.notes),
    }


def answers() -> dict[str, Any]:
    """Every case, and the first one once more from a file, which an engine in a process of its own reads."""
    found = {}
    for case in CASES:
        keras.utils.clear_session()
        network, x, y, weight = case()
        fixed_weights(network)
        found[case.__name__] = said(maskviz.trace(network, x, y, weight))
        if case is recurrent:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "network.keras")
                network.save(path)
                trace = maskviz.trace(path, x, y, weight)
            found["file"] = {**said(trace), "backend": trace.backend}
    return found


if __name__ == "__main__":
    result = answers()
    json.dump(
        {
            "backend": keras.backend.backend(),
            "modules": [name for name, module in sorted(sys.modules.items()) if module],
            "answers": result,
        },
        sys.stdout,
    )
