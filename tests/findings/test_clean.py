"""Nothing is said against networks that treat padding as they should: the ways in which people write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.findings.nets import LENGTHS, PADDED, B, F, T, V, features, ids, ids_of, network, series, traced, vector

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]

LATER = np.where(np.arange(T) >= np.roll(LENGTHS, 2)[:, None], 0, np.random.default_rng(4).integers(1, V, (B, T)))
TAGS = np.where(PADDED, 0, np.random.default_rng(5).integers(0, 3, (B, T)))
TEXTS = np.asarray(["the film was good", "bad", "a long dull story that we saw", "good good film", "not bad at all"])[:, None]


class Tokens(keras.Layer):
    """Token and position embedding, with a mask."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.token, self.position = layers.Embedding(V + 2, 4, mask_zero=True), layers.Embedding(32, 4)

    def call(self, x: Any) -> Any:
        return self.token(x) + self.position(ops.arange(ops.shape(x)[-1]))

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        return ops.not_equal(x, 0)


class Encoder(keras.Layer):
    """A transformer block that gives its mask to the attention by hand."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attend, self.end = layers.MultiHeadAttention(2, 2), layers.Dense(4)
        self.first, self.second, self.supports_masking = layers.LayerNormalization(), layers.LayerNormalization(), True

    def call(self, x: Any, mask: Any = None) -> Any:
        seen = self.first(x + self.attend(x, x, attention_mask=None if mask is None else mask[:, None, :]))
        return self.second(seen + self.end(seen))


class Attend(keras.Layer):
    """Attention over steps that leaves padding out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.score, self.supports_masking = layers.Dense(1), True

    def call(self, x: Any, mask: Any = None) -> Any:
        scores = self.score(x)
        return ops.sum(ops.softmax(scores if mask is None else ops.where(mask[..., None], scores, -1e9), axis=1) * x, axis=1)

    def compute_mask(self, x: Any, previous: Any = None) -> Any:
        return None


class Forward(keras.Layer):
    """The forward recursion of a conditional random field, which stands still over padding."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, shape: Any) -> None:
        self.moves = self.add_weight(shape=(shape[-1], shape[-1]), name="moves")

    def call(self, x: Any, mask: Any = None) -> Any:
        found = [x[:, 0]]
        for step in range(1, T):
            after = x[:, step] + ops.logsumexp(found[-1][:, :, None] + self.moves, axis=1)
            found.append(after if mask is None else ops.where(mask[:, step : step + 1], after, found[-1]))
        return ops.stack(found, axis=1)


class Tagger(keras.Model):
    """A subclassed network, all of it layers."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.read = layers.Embedding(V + 2, 4, mask_zero=True), layers.Bidirectional(layers.GRU(3, return_sequences=True))
        self.end = layers.Dense(3, activation="softmax")

    def call(self, x: Any) -> Any:
        return self.end(self.read(self.embed(x)))


def words(steps: int | None = None) -> tuple[Any, Any]:
    x = keras.Input((steps,), dtype="int64", name="ids")
    return x, layers.Embedding(V + 2, 4, mask_zero=True)(x)


def tags(x: Any, hidden: Any) -> keras.Model:
    return network(x, layers.Dense(3, activation="softmax")(hidden), "sparse_categorical_crossentropy")


def tagger() -> Any:
    x, embedded = words()
    read = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(layers.SpatialDropout1D(0.1)(embedded))
    return network(x, layers.TimeDistributed(layers.Dense(3, activation="softmax"))(read), "sparse_categorical_crossentropy"), ids(), TAGS


def transformer() -> Any:
    x = keras.Input((None,), dtype="int64", name="ids")
    return tags(x, Encoder()(Encoder()(Tokens()(x)))), ids(), TAGS


def transformer_pooled() -> Any:
    x = keras.Input((None,), dtype="int64", name="ids")
    return network(x, layers.Dense(1)(layers.GlobalAveragePooling1D()(Encoder()(Tokens()(x))))), ids(), vector()


def before_the_norm() -> Any:
    x, hidden = words(T)
    normed = layers.LayerNormalization()(hidden)
    hidden = layers.Add()([hidden, layers.GroupQueryAttention(2, 2, 1)(normed, normed)])
    return tags(x, layers.Add()([hidden, layers.Dense(4, activation="gelu")(layers.LayerNormalization()(hidden))])), ids(), TAGS


def encoder_and_decoder() -> Any:
    (first, read), later = words(), keras.Input((None,), dtype="int64", name="later")
    embed = layers.Embedding(V + 2, 4, mask_zero=True)
    _, *state = layers.LSTM(4, return_state=True)(read)
    written = layers.LSTM(4, return_sequences=True)(embed(later), initial_state=state, mask=embed.compute_mask(later))
    return tags([first, later], written), {"ids": ids(), "later": LATER}, TAGS


def one_reads_the_other() -> Any:
    (first, query), later = words(), keras.Input((None,), dtype="int64", name="later")
    value = layers.Embedding(V + 2, 4, mask_zero=True)(later)
    both = [layers.GlobalAveragePooling1D()(t) for t in (query, layers.Attention()([query, value]))]
    return network([first, later], layers.Dense(1)(layers.Concatenate()(both))), {"ids": ids(), "later": LATER}, vector()


def own_attention() -> Any:
    x, embedded = words()
    return network(x, layers.Dense(1)(Attend()(layers.Bidirectional(layers.LSTM(3, return_sequences=True))(embedded)))), ids(), vector()


def random_field() -> Any:
    x, embedded = words(T)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return network(x, Forward()(layers.Dense(3)(layers.GRU(3, return_sequences=True)(embedded))), loss), ids(), TAGS


def mean_by_operations() -> Any:
    x = keras.Input((T, F), name="features")
    real = ops.cast(ops.sum(ops.abs(x), axis=-1, keepdims=True) > 0, "float32")
    return network(x, layers.Dense(1)(ops.sum(layers.Dense(3)(x) * real, axis=1) / ops.sum(real, axis=1))), features(), vector()


def masks_by_hand() -> Any:
    x = keras.Input((T,), dtype="int64", name="ids")
    real, hidden = ops.not_equal(x, 0), layers.Embedding(V + 2, 4)(x)
    hidden = hidden + layers.MultiHeadAttention(2, 2)(hidden, hidden, attention_mask=real[:, None, :])
    return network(x, layers.Dense(1)(layers.GlobalAveragePooling1D()(hidden, mask=real))), ids(), vector()


def half_precision() -> Any:
    x, embedded = words()
    read = layers.Bidirectional(layers.GRU(3, return_sequences=True, dtype="mixed_float16"))(embedded)
    return network(x, layers.Dense(1, dtype="float32")(layers.LayerNormalization(dtype="mixed_float16")(read))), ids(), series()


def several_outputs() -> Any:
    x, embedded = words()
    read = layers.GRU(3, return_sequences=True)(embedded)
    each, whole = layers.Dense(1, name="each")(read), layers.Dense(1, name="whole")(layers.GlobalAveragePooling1D()(read))
    return network(x, [each, whole], {"each": "mse", "whole": "mse"}), ids(), {"each": series(), "whole": vector()}


def normalized_cells() -> Any:
    x = keras.Input((T, F), name="features")
    hidden = layers.BatchNormalization()(layers.Dense(4)(layers.Masking()(x)))
    return network(x, layers.Dense(1)(layers.RNN([layers.LSTMCell(3), layers.GRUCell(3)])(hidden))), features(), vector()


def subclassed() -> Any:
    made = Tagger()
    made(ids())
    made.compile(loss="sparse_categorical_crossentropy")
    return made, ids(), TAGS


def texts() -> Any:
    split = layers.TextVectorization(max_tokens=30)
    split.adapt(TEXTS)
    x = keras.Input((1,), dtype="string", name="text")
    return network(x, layers.Dense(1)(layers.GRU(3)(layers.Embedding(30, 4, mask_zero=True)(split(x))))), TEXTS, vector()


def sentences() -> Any:
    word = keras.Input((4,), dtype="int64")
    sentence = keras.Model(word, layers.LSTM(3)(layers.Embedding(V + 2, 4, mask_zero=True)(word)))
    x = keras.Input((T, 4), dtype="int64", name="sentences")
    given = np.where(PADDED[..., None], 0, np.random.default_rng(6).integers(1, V, (B, T, 4)))
    return network(x, layers.Dense(1)(layers.LSTM(3)(layers.Masking()(layers.TimeDistributed(sentence)(x))))), given, vector()


CLEAN = (
    *(tagger, transformer, transformer_pooled, before_the_norm, encoder_and_decoder, one_reads_the_other, own_attention, random_field),
    *(mean_by_operations, masks_by_hand, half_precision, several_outputs, normalized_cells, subclassed, texts, sentences),
)


@pytest.mark.parametrize("made", CLEAN, ids=lambda made: made.__name__)
def test_nothing_is_said_against_it(made: Callable[[], Any]) -> None:
    found = traced(*made(), padding=None)
    assert ids_of(found) == []
    assert not found.padding_test.startswith("not made")
    assert found.ledger.matches
