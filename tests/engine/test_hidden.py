"""Where code of the user's own runs, the trace says that it was not followed; where all of it is layers, it says nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from maskviz import api
from maskviz.core.trace import Trace

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
    pytest.mark.expects_log("triggered tf.function retracing"),
]
STEPS = 5
IDS = np.asarray([[1, 2, 3, 4, 5], [5, 6, 2, 0, 0]], "int32")


class Doubled(keras.Layer):
    def call(self, x: Any) -> Any:
        return x * 2.0


class OnlyLayers(keras.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers.Dense(4), layers.Dense(4)

    def call(self, x: Any) -> Any:
        return self.second(self.first(x))


class Between(OnlyLayers):
    def call(self, x: Any) -> Any:
        return self.second(self.first(x) + 1.0)


class Loop(keras.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.each = layers.Dense(4, name="each")

    def build(self, shape: Any) -> None:
        self.each.build((None, 4))

    def call(self, x: Any) -> Any:
        return ops.fori_loop(0, STEPS, lambda step, state: self.each(state) + ops.take(x, step, axis=1), x[:, 0])


class Cell(keras.layers.SimpleRNNCell):
    """A cell of one's own."""


def traced(change: Callable[[Any], Any]) -> Trace:
    keras.utils.clear_session()
    ids = keras.Input((STEPS,), dtype="int32", name="ids")
    return api.trace(keras.Model(ids, change(layers.Embedding(7, 4, mask_zero=True)(ids))), IDS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x: Doubled(name="own")(x), "its code is not traced"),
        (lambda x: layers.Lambda(lambda t: t + 1, name="own")(x), "its code is not traced"),
        (lambda x: Between()(x), "the layers inside are traced, the code between them is not"),
        (lambda x: Loop()(x), "runs 'each' in a loop or a function of its own"),
        (lambda x: layers.RNN(Cell(3), name="own")(x), "the code of its cell is not traced"),
    ],
)
def test_own_code_is_named(change: Callable[[Any], Any], says: str) -> None:
    trace = traced(change)
    hidden = [c for c in trace.calls if c.inside]
    assert [c.inside.startswith(says) for c in hidden] == [True], [c.inside for c in hidden]
    (note,) = trace.notes
    assert f"'{hidden[0].name}' ({hidden[0].class_name})" in note
    said = {c["id"]: c["not_traced"] for c in trace.to_dict()["calls"]}
    assert said[hidden[0].id] == hidden[0].inside
    assert said["embedding"] is None


@pytest.mark.parametrize(
    "change",
    [
        lambda x: OnlyLayers()(x),
        lambda x: layers.Bidirectional(layers.LSTM(3))(layers.LayerNormalization()(x)),
        lambda x: layers.Add()([x, layers.MultiHeadAttention(2, 2)(x, x)]) * 2.0,
        lambda x: layers.TimeDistributed(layers.Dense(2))(x),
        lambda x: keras.Sequential([keras.Input((STEPS, 4)), layers.Dense(2), layers.Dropout(0.5)])(x),
    ],
)
def test_what_is_all_layers_is_traced(change: Callable[[Any], Any]) -> None:
    trace = traced(change)
    assert trace.notes == ()
    assert not any(c.inside for c in trace.calls)


def test_code_of_the_network_itself() -> None:
    class Tagger(keras.Model):
        def __init__(self, between: bool) -> None:
            super().__init__()
            self.embed, self.end, self.between = layers.Embedding(7, 4, mask_zero=True), layers.Dense(2), between

        def call(self, x: Any) -> Any:
            embedded = self.embed(x)
            return self.end(embedded * 2.0 if self.between else embedded)

    for between in (True, False):
        network = Tagger(between)
        network(IDS)
        notes = api.trace(network, IDS).notes
        assert [note.startswith("Not traced inside: the network's own call().") for note in notes] == [True] * between
