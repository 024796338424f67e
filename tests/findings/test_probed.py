"""What the length test and the gradients add to a trace: findings that the content of padding does not show."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers, ops

import maskviz
from maskviz.core.probes import with_gradients, with_length_test
from maskviz.core.trace import Trace
from tests.findings.nets import PADDED, F, T, V, features, ids, ids_of, network, traced, vector

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]


def probed(made: keras.Model, x: Any, y: Any, training: bool = False, padding: Any = PADDED) -> Trace:
    trace = with_length_test(traced(made, x, y, padding=padding), maskviz.length_test(made, x, y=y, padding=padding))
    return with_gradients(trace, maskviz.gradients(made, x, y, training=True, padding=PADDED)) if training else trace


class Attend(keras.Layer):
    """Attention over steps, as textbooks write it; with ``masked`` it leaves padding out."""

    def __init__(self, masked: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.score, self.masked, self.supports_masking = layers.Dense(1), masked, True

    def call(self, x: Any, mask: Any = None) -> Any:
        scores = self.score(x)
        if self.masked and mask is not None:
            scores = ops.where(mask[..., None], scores, -1e9)
        return ops.sum(ops.softmax(scores, axis=1) * x, axis=1)

    def compute_mask(self, x: Any, previous: Any = None) -> Any:
        return None


def attention(masked: bool, steps: int | None = None) -> keras.Model:
    """A recurrent layer repeats its last output over padding, so that an attention behind it reads no content of padding."""
    x = keras.Input((steps,), dtype="int64", name="ids")
    read = layers.GRU(4, return_sequences=True)(layers.Embedding(V + 2, 4, mask_zero=True)(x))
    return network(x, layers.Dense(1, name="out")(Attend(masked, name="attend")(read)))


def test_attention_that_is_spread_over_padding_follows_its_length() -> None:
    found = probed(attention(False), ids(), vector())
    assert ids_of(traced(attention(False), ids(), vector())) == []
    (finding,) = (f for f in found.findings if f.severity != "info")
    assert (finding.id, finding.severity, finding.call) == ("MV41-follows-length-of-padding", "error", "attend")
    assert finding.reach > 0.5
    assert finding.evidence["largest movement"] == pytest.approx(found.length_moved["out"])
    assert ids_of(probed(attention(True), ids(), vector())) == []
    assert found.to_dict()["length_test"]["moved"]["out"] > 0


class Halves(keras.Layer):
    """Both halves of a sequence, with their masks."""

    def call(self, x: Any) -> Any:
        return ops.split(x, 2, axis=1)

    def compute_mask(self, x: Any, previous: Any = None) -> Any:
        return None if previous is None else ops.split(previous, 2, axis=1)


def test_where_the_length_is_fixed_nothing_is_proved_by_another() -> None:
    found = probed(attention(False, T), ids(), vector())
    assert [(f.id, f.severity) for f in found.findings if f.severity != "info"] == [("MV41-follows-length-of-padding", "warning")]
    x = keras.Input((T,), dtype="int64", name="ids")
    first, second = Halves(name="halves")(layers.Embedding(V + 2, 4, mask_zero=True)(x))
    read = layers.Concatenate()([layers.GRU(4)(first), layers.GRU(4)(second)])
    padded = [1, 2, 3]  # by two steps and more, so that what is left has halves
    divided = probed(network(x, layers.Dense(1, name="out")(read)), ids()[padded], vector()[padded], padding=PADDED[padded])
    assert divided.length_follows
    assert ids_of(divided) == []


def test_a_mean_over_all_steps_follows_their_number() -> None:
    def made(by_real_steps: bool) -> keras.Model:
        x = keras.Input((None, F), name="features")
        real = ops.cast(ops.any(ops.not_equal(x, 0), axis=-1, keepdims=True), "float32")
        zeroed = layers.Dense(3)(x) * real
        mean = ops.sum(zeroed, axis=1) / ops.sum(real, axis=1) if by_real_steps else ops.mean(zeroed, axis=1)
        return network(x, layers.Dense(1, name="out")(mean))

    assert ids_of(probed(made(False), features(), vector())) == ["MV41-follows-length-of-padding"]
    assert ids_of(probed(made(True), features(), vector())) == []


def test_what_the_padding_test_shows_is_said_once() -> None:
    x = keras.Input((None,), dtype="int64", name="ids")
    pooled = layers.GlobalMaxPooling1D(name="pool")(layers.Embedding(V + 2, 4, mask_zero=True)(x))
    found = probed(network(x, layers.Dense(1, name="out")(pooled)), ids(), vector())
    assert ids_of(found) == ["MV05-pooling-reads-padding"]


def test_statistics_over_padding_in_training() -> None:
    def made(masked: bool) -> keras.Model:
        x = keras.Input((None, F), name="features")
        real = ops.any(ops.not_equal(x, 0), axis=-1)
        normed = layers.BatchNormalization(name="norm")(layers.Dense(3)(x), mask=real if masked else None)
        return network(x, layers.Dense(1, name="out")(layers.GRU(3)(normed, mask=real)))

    found = probed(made(False), features(), vector(), training=True)
    (finding,) = (f for f in found.findings if f.severity != "info")
    assert (finding.id, finding.severity, finding.call) == ("MV42-weights-learn-from-padding", "error", "norm")
    assert finding.evidence["weights"] == len(found.gradients_moved) > 0
    assert found.to_dict()["gradients"]["sentence"] == found.gradient_test
    assert ids_of(probed(made(True), features(), vector(), training=True)) == []
