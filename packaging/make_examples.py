"""Makes resources/examples: every network of the gallery with its batch, and index.json. Run from anywhere:

    python packaging/make_examples.py

The same versions of Keras and TensorFlow write the same bytes: seeds are fixed, and archives carry no dates.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import keras
import numpy as np
from example_files import FOLDER, custom, save_network
from keras import layers

from maskviz.engine.templates import build

Arrays = dict[str, np.ndarray]
Made = tuple[keras.Model, Arrays]

INDEX: list[dict[str, Any]] = []


def example(title: str, look_for: str, code: str | None = None) -> Callable[[Callable[[], Made]], Callable[[], Made]]:
    """Ship what the function makes under the function's name; ``code`` is the stem of its custom file."""

    def ship(make: Callable[[], Made]) -> Callable[[], Made]:
        name = make.__name__
        keras.backend.clear_session()
        keras.utils.set_random_seed(7)
        network, arrays = make()
        save_network(network, FOLDER / f"{name}.keras")
        np.savez_compressed(FOLDER / f"{name}.npz", **arrays)
        files = {"network": f"{name}.keras", "batch": f"{name}.npz", "custom": f"{code}.custom.py" if code else None}
        INDEX.append({"name": name, "title": title, "look_for": look_for, **files, "trusted": code is not None})
        print(f"{name:24} {network.count_params():7,} parameters {(FOLDER / f'{name}.keras').stat().st_size:8,} bytes")
        return make

    return ship


def padding_after(lengths: Any, steps: int) -> np.ndarray:
    """``(batch, time)`` bool: True from each length on."""
    return np.arange(steps) >= np.asarray(lengths)[:, None]


def series(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Smooth series of two decimals, about standard normal; never 0."""
    x = rng.standard_normal(shape)
    for t in range(1, shape[1]):
        x[:, t] = 0.8 * x[:, t - 1] + 0.6 * x[:, t]
    x = x.round(2).astype("float32")
    return np.where(x == 0, np.float32(0.01), x)


def tokens(rng: np.random.Generator, samples: int, steps: int, vocabulary: int) -> np.ndarray:
    return np.minimum(vocabulary ** rng.random((samples, steps)), vocabulary - 1).astype("int32")


def taught(network: keras.Model, x: Any, y: Any, epochs: int, loss: Any, learning_rate: float = 0.01, **compiled: Any) -> keras.Model:
    """Train a little, so that predictions vary, then compile as shipped (SGD keeps no state in the file)."""
    network.compile(optimizer=keras.optimizers.Adam(learning_rate), loss=loss)
    network.fit(x, y, epochs=epochs, batch_size=len(y), verbose=0)
    network.compile(optimizer="sgd", loss=loss, **compiled)
    return network


def sliced_network(steps: int, features: int, units: tuple[int, ...], tail: list[layers.Layer], pad: float = 0.0) -> keras.Model:
    recurrent = [layers.LSTM(n, return_sequences=True, name=f"lstm_{i}") for i, n in enumerate(units, 1)]
    return keras.Sequential([keras.Input((steps, features), name="features"), layers.Masking(pad, name="masking"), *recurrent, *tail])


def slice_lambda(first: int) -> layers.Layer:
    return layers.Lambda(custom("slicing")["slice_steps"], arguments={"first": first}, name="shift")


@example(
    "A slice drops the mask",
    "The Lambda that cuts off the first three steps lets no mask through: the orange foot marks padding that now counts in the loss, a "
    "fifth of it. Compare what is reported with the loss over real steps in the ledger.",
    code="slicing",
)
def lambda_slice_small() -> Made:
    rng = np.random.default_rng(3)
    samples, steps, first = 16, 24, 3
    lengths = [15, 9, 11, 12, 21, 22, 17, 8, 9, 13, 15, 18, 16, 12, 10, 24]
    padding = padding_after(lengths, steps)
    signal = series(rng, samples, steps, 8)
    x = np.where(padding[..., None], np.float32(0), signal)
    y = np.tanh(0.5 * np.cumsum(signal[..., :1] - 0.6 * signal[..., 1:2], axis=1))[:, first:]
    y = np.where(padding[:, first:, None], 0, y).round(2).astype("float32")
    network = sliced_network(steps, 8, (32, 32), [slice_lambda(first), layers.Dense(1, name="dense")])
    return taught(network, x, y, 60, "mae"), {"x": x, "y": y, "padding": padding}


def long_series(pad: float) -> Arrays:
    """Eight right-padded series of 362 steps of 24 features, and targets for the steps from the 24th on."""
    rng = np.random.default_rng(4)
    padding = padding_after([362, 341, 300, 262, 215, 180, 121, 60], 362)
    signal = series(rng, 8, 362, 24).round(1)
    y = np.tanh(signal[:, 24:, :4].mean(axis=-1, keepdims=True)).round(2)
    y = np.where(padding[:, 24:, None], np.float32(0), y)
    return {"x": np.where(padding[..., None], np.float32(pad), np.where(signal == 0, np.float32(0.1), signal)), "y": y, "padding": padding}


def long_network(tail: layers.Layer, pad: float) -> keras.Model:
    network = sliced_network(362, 24, (128, 64, 1), [tail], pad)
    network.compile(optimizer="sgd", loss="mae")
    return network


@example(
    "A slice drops the mask, 362 steps",
    "Three LSTMs keep the mask, and the Lambda x[:, 24:] loses it: the loss is the mean over all 338 steps, not over the real ones. "
    "Compare the ledger's reported loss with the one over kept steps.",
    code="slicing",
)
def lambda_slice() -> Made:
    return long_network(slice_lambda(24), 0.0), long_series(0.0)


@example(
    "The same slice with its mask",
    "A small layer with compute_mask takes the Lambda's place and cuts the mask as it cuts the steps. "
    "The weights and the batch are those of the example before, and the loss now counts real steps only.",
    code="slicing",
)
def lambda_slice_masked() -> Made:
    return long_network(custom("slicing")["SliceSteps"](24, name="shift"), 0.0), long_series(0.0)


@example(
    "NaN as padding value",
    "Masking(mask_value=NaN) masks nothing, because NaN equals nothing, not even itself. "
    "From the first padded step on each prediction is NaN, and so is the loss.",
    code="slicing",
)
def lambda_slice_nan() -> Made:
    return long_network(slice_lambda(24), float("nan")), long_series(float("nan"))


def biased() -> Made:
    network = keras.Sequential([
        keras.Input((None,), dtype="int32", name="ids"),
        layers.Embedding(20, 2, mask_zero=True, name="embedding"),
        layers.GRU(5, return_sequences=True, name="gru"),
        layers.TimeDistributed(layers.Dense(1, bias_initializer=keras.initializers.Constant(0.2)), name="output"),
    ])  # fmt: skip
    network.compile(optimizer="sgd", loss="mse", metrics=["mse"], weighted_metrics=["mse"])
    y = np.array([[[0.0], [0.5], [1.0]]], "float32")
    return network, {"x": np.array([[0, 1, 2]], "int32"), "y": y, "padding": np.array([[True, False, False]])}


@example(
    "Bias on padding",
    "The prediction at the padded step is not 0: it is the bias of the last layer, here 0.2. "
    "The mask still reaches the loss, so this step counts for nothing there.",
)
def bias_on_padding() -> Made:
    return biased()


@example(
    "Bias on padding, with weights",
    "sample_weight [[0, 1, 1]] says the same as the mask, and changes nothing. "
    "The loss already divides by the two real steps, weights or not.",
)
def bias_on_padding_weighted() -> Made:
    network, arrays = biased()
    return network, {**arrays, "sample_weight": np.array([[0, 1, 1]], "float32")}


@example(
    "A decoder started from a state",
    "The decoder starts from the encoder's last state, and Keras then hands it no mask: real steps after padding are computed from it. "
    "Its output still carries the mask, so it looks as if all was well.",
)
def seq2seq_initial_state() -> Made:
    rng = np.random.default_rng(5)
    options = {"vocabulary": 30, "width": 8, "steps": 9, "target_steps": 6, "cell": "GRU", "units": 16, "outputs": 6}
    network = build("encoder_decoder", options)
    source, target = tokens(rng, 12, 9, 30), tokens(rng, 12, 6, 30)
    source_padding = padding_after([9, 7, 5, 8, 4, 6, 9, 3, 7, 5, 8, 6], 9)
    target_padding = padding_after([6, 4, 3, 5, 2, 6, 4, 5, 3, 6, 2, 4], 6)[:, ::-1]
    source[source_padding], target[target_padding] = 0, 0
    y = np.where(target_padding, 0, (target + source.max(axis=1, keepdims=True)) % 6).astype("int32")
    taught(network, [source, target], y, 40, "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    arrays = {"x__source_ids": source, "x__target_ids": target, "y": y}
    return network, {**arrays, "padding__source_ids": source_padding, "padding__target_ids": target_padding}


@example(
    "State carried over masked steps",
    "A stateful LSTM carries its state from batch to batch and over masked steps, but puts out 0 before the first real step. "
    "The network is fixed at four samples of six steps; the last sample is all padding.",
)
def stateful_carry() -> Made:
    rng = np.random.default_rng(6)
    network = keras.Sequential([
        keras.Input(batch_shape=(4, 6, 3), name="features"),
        layers.Masking(0.0, name="masking"),
        layers.LSTM(8, return_sequences=True, stateful=True, name="lstm"),
        layers.Dense(1, name="value"),
    ])  # fmt: skip
    network.compile(optimizer="sgd", loss="mse")
    padding = np.array([[0, 0, 0, 0, 1, 1], [1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
    signal = series(rng, 4, 6, 3)
    y = np.where(padding[..., None], 0, signal.sum(axis=-1, keepdims=True)).round(2).astype("float32")
    return network, {"x": np.where(padding[..., None], np.float32(0), signal), "y": y, "padding": padding}


@example(
    "Weights for each feature",
    "The last Reshape makes each feature an element of its own, so that sample_weight can weigh every feature of every step. "
    "RepeatVector starts a decoder without a mask; only these weights keep padding out of the loss.",
)
def autoencoder_weights() -> Made:
    rng = np.random.default_rng(8)
    steps, features = 10, 3
    inputs = keras.Input((steps, features), name="features")
    h = layers.LSTM(16, name="encoder")(layers.Masking(0.0, name="masking")(inputs))
    h = layers.LSTM(16, return_sequences=True, name="decoder")(layers.RepeatVector(steps, name="repeat")(h))
    h = layers.Reshape((steps, features, 1), name="elements")(layers.Dense(features, name="value")(h))
    network = keras.Model(inputs, h, name="autoencoder")
    padding = padding_after([10, 8, 6, 5, 9, 7, 4, 10], steps)
    signal = series(rng, 8, steps, features)
    x = np.where(padding[..., None], np.float32(0), signal)
    weights = np.where(padding[..., None], 0, np.array([1.0, 0.5, 2.0])).astype("float32")
    weights[2, :, 1] = 0  # this sample's second sensor was broken
    taught(network, x, x[..., None], 60, "mse", weighted_metrics=["mse"])
    return network, {"x": x, "y": x[..., None], "sample_weight": weights, "padding": padding}


@example(
    "Which divisor?",
    "Six of ten steps are kept, and the loss is the sum over these six divided by six. "
    "TensorFlow 2.7 divided by all ten, and without a mask all ten steps count: three numbers for one network.",
)
def divisor() -> Made:
    rng = np.random.default_rng(9)
    network = keras.Sequential([
        keras.Input((5, 3), name="features"),
        layers.Masking(0.0, name="masking"),
        layers.Dense(10, name="hidden"),
        layers.Dense(1, name="value", bias_initializer=keras.initializers.Constant(0.4)),
    ])  # fmt: skip
    network.compile(optimizer="sgd", loss="mae")
    padding = ~np.array([[0, 0, 1, 1, 1], [1, 1, 0, 0, 1]], bool)
    x = np.where(padding[..., None], np.float32(0), series(rng, 2, 5, 3))
    return network, {"x": x, "y": series(rng, 2, 5, 1), "padding": padding}


def left_padded() -> tuple[keras.Model, Arrays]:
    """Masking(0) → LSTM(3, sequences) on left-padded series; targets at padding are [0, 0, 1]."""
    rng = np.random.default_rng(10)
    network = keras.Sequential([
        keras.Input((None, 2), name="features"),
        layers.Masking(0.0, name="masking"),
        layers.LSTM(3, return_sequences=True, name="lstm"),
    ])  # fmt: skip
    padding = padding_after([8, 5, 3, 6], 8)[:, ::-1]
    x = np.where(padding[..., None], np.float32(0), series(rng, 4, 8, 2))
    y = np.where(padding[..., None], np.array([0, 0, 1]), np.eye(3)[rng.integers(0, 2, (4, 8))]).astype("float32")
    return network, {"x": x, "y": y, "padding": padding}


@example(
    "Left padding",
    "Before its first real step the LSTM has nothing to repeat and gives 0 at every masked step. "
    "The mask goes to the loss unharmed: left padding is no worse than right padding here.",
)
def left_padding() -> Made:
    network, arrays = left_padded()
    network.compile(optimizer="sgd", loss="mae")
    return network, arrays


def marked(arrays: Arrays) -> Arrays:
    """The batch with one real step of each sample marked [0, 0, 1] too: it has no label."""
    y = arrays["y"].copy()
    y[:, -2] = [0, 0, 1]
    return {**arrays, "y": y}


@example(
    "A mask from y",
    "This loss makes its own mask, from y_true == [0, 0, 1], and returns one number for the batch: no step's share can be told. "
    "Besides padding, one real step of each sample has that target and is left out.",
    code="mask_from_y",
)
def mask_from_y() -> Made:
    network, arrays = left_padded()
    network.compile(optimizer="sgd", loss=custom("mask_from_y")["mae_without_marked"])
    return network, marked(arrays)


@example(
    "A mask from y, step by step",
    "The same mask, but the loss returns a number for each step and 0 where the target is marked. "
    "Keras divides by the steps of its own mask, so the unlabelled steps count as zeros and the loss looks better than it is.",
    code="mask_from_y",
)
def mask_from_y_steps() -> Made:
    network, arrays = left_padded()
    network.compile(optimizer="sgd", loss=custom("mask_from_y")["mae_marked_as_zero"])
    return network, marked(arrays)


def tagged(name: str, options: dict[str, Any], seed: int) -> Made:
    """A template's tagger on right-padded ids, taught to tell an id's class from it and the id before."""
    rng = np.random.default_rng(seed)
    x, padding = tokens(rng, 16, 20, 40), padding_after(rng.integers(5, 21, 16), 20)
    padding[0], padding[1] = False, np.arange(20) >= 5
    x[padding] = 0
    y = np.where(padding, 0, (x + np.roll(x, 1, axis=1)) % 4).astype("int32")
    network = build(name, {"vocabulary": 40, "width": 12, "outputs": 4, **options})
    taught(network, x, y, 40, "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    return network, {"x": x, "y": y, "padding": padding}


@example(
    "Nothing wrong: a bidirectional tagger",
    "The mask goes from the embedding to the loss, and padding reaches no real step in either direction: all is blue or grey. "
    "Reported loss, loss over kept steps and the sum of contributions are one number.",
)
def bidirectional_tagger() -> Made:
    return tagged("bidirectional_tagger", {"units": 16}, 11)


@example(
    "Attention strips the mask",
    "MultiHeadAttention removes the mask from the tensor it is given, so the residual sum after it has none: Keras says nothing. "
    "From there on the loss counts padding, although the embedding masks it.",
)
def transformer_post_norm() -> Made:
    return tagged("transformer_encoder", {"norm": "post-norm", "heads": 2, "size": 16, "hidden": 32}, 12)


@example(
    "Attention that keeps the mask",
    "Normalizing before attention hands it a tensor of its own, so the mask on the residual survives. "
    "Compare with the example before: the same block in another order.",
)
def transformer_pre_norm() -> Made:
    return tagged("transformer_encoder", {"norm": "pre-norm", "heads": 2, "size": 16, "hidden": 32}, 12)


@example(
    "Convolutions mix padding in",
    "Conv1D knows no masks: it drops the mask, and its kernel carries padding into the last real steps. "
    "Select a step beside the padding and see it change colour.",
)
def conv_tagger() -> Made:
    return tagged("conv_tagger", {"layers": 2, "filters": 16, "kernel": 3}, 13)


@example(
    "Where time ends: a classifier",
    "The average over time uses the mask, and no mask is needed after it: grey means ended, not lost. "
    "What padded steps hold changes no prediction, and each sample has one share of the loss instead of one a step.",
)
def sequence_classifier() -> Made:
    rng = np.random.default_rng(14)
    x, padding = tokens(rng, 16, 24, 40), padding_after(rng.integers(6, 25, 16), 24)
    x[padding] = 0
    y = (x.max(axis=1) % 3).astype("int32")
    options = {"vocabulary": 40, "width": 12, "units": 16, "pooling": "average", "outputs": 3}
    network = build("sequence_classifier", options)
    taught(network, x, y, 30, "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    return network, {"x": x, "y": y, "padding": padding}


(FOLDER / "index.json").write_text(json.dumps(INDEX, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
