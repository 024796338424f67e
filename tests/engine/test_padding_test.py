"""The padding test finds what is computed from padding, in the classes of leaks that are known, and is silent about clean networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from maskviz import api
from maskviz.core.trace import Trace
from tests.engine import networks
from tests.engine.eager import Disturbance

pytestmark = [
    pytest.mark.engine,
    pytest.mark.expects_log("triggered tf.function retracing"),
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis"),  # a softmax over one class
]


@pytest.fixture(autouse=True)
def names_from_the_start() -> None:
    keras.utils.clear_session()
    keras.utils.set_random_seed(2)


STEPS, UNITS = 5, 4
IDS = np.asarray([[1, 2, 3, 4, 5], [5, 6, 2, 0, 0], [3, 0, 0, 0, 0]], "float32")
OTHER_IDS = np.asarray([[1, 0, 0, 0, 0], [5, 6, 2, 3, 4], [3, 1, 0, 0, 0]], "float32")
PADDED = IDS == 0
SERIES = np.where(PADDED[..., None], 0, np.random.default_rng(3).normal(size=(3, STEPS, UNITS))).astype("float32")

Build = Callable[[Any], Any]


def lstm(x: Any, **kwargs: Any) -> Any:
    return layers.LSTM(UNITS, return_sequences=True)(x, **kwargs)


def started(x: Any) -> Any:
    _, *state = layers.LSTM(UNITS, return_state=True)(x)
    return layers.GlobalMaxPooling1D()(layers.LSTM(UNITS, return_sequences=True)(x, initial_state=state))


LEAKS: dict[str, Build] = {
    "operation over time": lambda x: ops.softmax(x, axis=1),
    "group normalization": layers.GroupNormalization(2),
    "normalization over time": layers.UnitNormalization(axis=1),
    "same convolution": lambda x: layers.Conv1D(UNITS, 3, padding="same")(layers.Dense(UNITS)(x)),
    "max pooling": layers.GlobalMaxPooling1D(),
    "average pooling": lambda x: layers.AveragePooling1D(5)(x),
    "started recurrence": started,
    "flatten": layers.Flatten(),
    "mean": lambda x: ops.mean(x, axis=1),
    "mask dropped by an operator": lambda x: layers.LSTM(UNITS)(x * 2.0),
    "mask dropped by a lambda": lambda x: layers.GlobalAveragePooling1D()(layers.Lambda(lambda t: t + 1.0)(x)),
    "go backwards": lambda x: layers.Conv1D(UNITS, 2, padding="causal")(
        layers.LSTM(UNITS, return_sequences=True, go_backwards=True)(x * 1.0)
    ),
    "attention without a mask": lambda x: (lambda plain: layers.MultiHeadAttention(2, 2)(plain, plain))(x * 1.0),
}

CLEAN: dict[str, Build] = {
    "recurrence": lambda x: layers.Dense(2)(lstm(x)),
    "last output": layers.GRU(UNITS),
    "backwards": layers.SimpleRNN(UNITS, go_backwards=True),
    "bidirectional": layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True)),
    "stacked": lambda x: layers.Bidirectional(layers.GRU(UNITS))(lstm(layers.LayerNormalization()(x))),
    "attention": lambda x: layers.MultiHeadAttention(2, 2)(x, x),
    "grouped attention": lambda x: layers.GroupQueryAttention(4, 2, 2)(x, x),
    "dot attention": lambda x: layers.Attention()([x, x]),
    "average over time": layers.GlobalAveragePooling1D(),
    "per step": lambda x: layers.TimeDistributed(layers.Dense(3))(layers.Activation("relu")(layers.Dense(UNITS)(x))),
    "residual": lambda x: layers.LayerNormalization()(layers.Add()([x, layers.Dense(UNITS)(x)])),
    "autoencoder": lambda x: lstm(layers.RepeatVector(STEPS)(layers.LSTM(UNITS)(x))),
}


def on_ids(build: Build) -> keras.Model:
    ids = keras.Input((STEPS,), name="ids")
    return keras.Model(ids, build(layers.Embedding(7, UNITS, mask_zero=True)(ids)))


def on_series(build: Build) -> keras.Model:
    series = keras.Input((STEPS, UNITS), name="series")
    return keras.Model(series, build(layers.Masking()(series)))


def touched(trace: Trace) -> float:
    """The part of the kept steps (or samples) of the first output that padding reaches."""
    ref = trace.network_outputs[0].ref
    assert ref is not None
    call, _, number = ref.partition("#")
    found = trace.call(call)
    assert found is not None
    share = found.outputs[int(number or 0)].touched_kept
    assert share is not None
    return share


@pytest.mark.parametrize("name", LEAKS)
def test_leak_is_found(name: str) -> None:
    for network, x in ((on_ids(LEAKS[name]), IDS), (on_series(LEAKS[name]), SERIES)):
        trace = api.trace(network, x)
        assert touched(trace) > 0, trace.padding_test
        moved = trace.touched[trace.network_outputs[0].ref or ""]
        assert not moved[0].any(), "the first sample has no padding"


@pytest.mark.parametrize("name", CLEAN)
def test_clean_network_is_silent(name: str) -> None:
    for network, x in ((on_ids(CLEAN[name]), IDS), (on_series(CLEAN[name]), SERIES)):
        trace = api.trace(network, x)
        assert not trace.padding_test.startswith("not made")
        assert touched(trace) == 0


def test_a_window_behind_masking_reads_zeros_as_at_the_end_of_a_sequence() -> None:
    def network(build: Build) -> keras.Model:
        series = keras.Input((None, UNITS), name="series")
        hidden = layers.Conv1D(UNITS, 3, padding="same")(layers.Dropout(0.2)(layers.Masking()(series)))
        return keras.Model(series, build(hidden))

    each = network(layers.Dense(2))
    assert touched(api.trace(each, SERIES)) == 0
    for row, padded in enumerate(PADDED):
        real = int((~padded).sum())
        alone = each.predict(SERIES[row : row + 1, :real], verbose=0)
        np.testing.assert_allclose(each.predict(SERIES, verbose=0)[row, :real], alone[0], atol=1e-6)
    after = api.trace(network(layers.LSTM(2)), SERIES)  # what stands at padded steps behind the window is padding still
    np.testing.assert_array_equal(after.touched["lstm"], PADDED.any(axis=1))


def test_masks_that_layers_make_of_ids_themselves_are_held() -> None:
    class Pool(keras.Layer):
        def call(self, inputs: Any) -> Any:
            values, ids = inputs
            kept = ops.cast(ops.not_equal(ids, 0), values.dtype)[..., None]
            return ops.sum(values * kept, axis=1) / ops.sum(kept, axis=1)

    for mask_zero in (True, False):
        ids = keras.Input((STEPS,), name="ids")
        trace = api.trace(keras.Model(ids, Pool()([layers.Embedding(7, UNITS, mask_zero=mask_zero)(ids), ids])), IDS)
        assert "of ids" in trace.padding_test
        assert touched(trace) == 0


def test_a_mask_made_of_content_by_operations_is_held() -> None:
    series = keras.Input((STEPS, UNITS), name="series")
    kept = ops.cast(ops.sum(ops.abs(series), axis=-1, keepdims=True) > 0, "float32")
    mean = ops.sum(layers.Dense(3)(series) * kept, axis=1) / ops.sum(kept, axis=1)
    trace = api.trace(keras.Model(series, mean), SERIES)
    assert "other content in padded steps of series" in trace.padding_test
    assert touched(trace) == 0


def test_a_mask_made_behind_a_layer_is_held() -> None:
    series = keras.Input((STEPS, UNITS), name="series")
    network = keras.Model(series, layers.GRU(3)(layers.Masking()(layers.Dense(UNITS, use_bias=False, activation="relu")(series))))
    trace = api.trace(network, SERIES)
    assert "other content in padded steps of series" in trace.padding_test
    assert touched(trace) == 0


@pytest.mark.parametrize("change", [lambda x: x, lambda x: x[:, 1:], lambda x: ops.flip(x, axis=1), lambda x: ops.cast(x, "int32")])
def test_the_same_ids_embedded_once_more_without_a_mask(change: Build) -> None:
    ids = keras.Input((STEPS,), name="ids")
    masked = layers.LSTM(UNITS)(layers.Embedding(7, UNITS, mask_zero=True)(ids))
    plain = layers.LSTM(UNITS)(layers.Embedding(7, UNITS)(change(ids)))
    trace = api.trace(keras.Model(ids, [masked, plain]), IDS)
    assert not trace.touched["lstm"].any()
    np.testing.assert_array_equal(trace.touched["lstm_1"], PADDED.any(axis=1))


def test_masks_that_differ_leak_where_they_differ() -> None:
    first, second = keras.Input((STEPS,), name="first"), keras.Input((STEPS,), name="second")
    embed = layers.Embedding(7, UNITS, mask_zero=True)
    merged = keras.Model([first, second], layers.Add()([embed(first), embed(second)]))
    trace = api.trace(merged, {"first": IDS, "second": OTHER_IDS})
    moved = trace.touched["add"]
    kept = trace.masks[trace.network_outputs[0].mask or ""]
    np.testing.assert_array_equal(kept, (IDS != 0) | (OTHER_IDS != 0))
    np.testing.assert_array_equal(moved, (IDS == 0) | (OTHER_IDS == 0))
    assert touched(trace) > 0
    same = api.trace(merged, {"first": IDS, "second": np.where(IDS == 0, 0, 7 - IDS).astype("float32")})
    assert touched(same) == 0


def test_a_raw_input_that_bypasses_masking() -> None:
    series = keras.Input((STEPS, UNITS), name="series")
    bypassing = keras.Model(series, layers.Concatenate()([layers.LSTM(2)(layers.Masking()(series)), layers.LSTM(2)(series)]))
    trace = api.trace(bypassing, SERIES)
    assert touched(trace) > 0
    assert "other content in padded steps of series" in trace.padding_test
    assert not trace.touched["lstm"].any() or not trace.touched["lstm_1"].any()


def test_a_network_without_any_mask() -> None:
    ids = keras.Input((STEPS,), name="ids")
    trace = api.trace(keras.Model(ids, layers.LSTM(UNITS)(layers.Embedding(7, UNITS)(ids))), IDS)
    np.testing.assert_array_equal(trace.touched["lstm"], PADDED.any(axis=1))


def test_ids_without_a_mask_are_tested_beside_ids_with_one() -> None:
    source, target = keras.Input((STEPS,), name="source"), keras.Input((STEPS,), name="target")
    encoded = layers.LSTM(UNITS)(layers.Embedding(7, UNITS, mask_zero=True)(source))
    decoded = layers.LSTM(UNITS)(layers.Embedding(7, UNITS)(target))
    trace = api.trace(keras.Model([source, target], [encoded, decoded]), {"source": IDS, "target": IDS})
    assert not trace.touched["lstm"].any()
    np.testing.assert_array_equal(trace.touched["lstm_1"], PADDED.any(axis=1))


def test_without_padding_there_is_nothing_to_find() -> None:
    trace = api.trace(on_ids(layers.Flatten()), IDS[:1])
    assert not any(moved.any() for moved in trace.touched.values())


def test_half_precision_is_not_mistaken_for_a_leak() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        clean, leak = on_ids(CLEAN["stacked"]), on_ids(LEAKS["flatten"])
    finally:
        keras.config.set_dtype_policy("float32")
    assert touched(api.trace(clean, IDS)) == 0
    assert touched(api.trace(leak, IDS)) > 0


class Crowd(keras.Layer):
    """A layer whose samples influence each other."""

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs - ops.mean(inputs, axis=0, keepdims=True)


@pytest.mark.parametrize("name", ["crowd", "fixed batch", "stateful"])
def test_networks_that_must_run_twice(name: str) -> None:
    batch = None if name == "crowd" else 3
    series = keras.Input(batch_shape=(batch, STEPS, UNITS), name="series")
    hidden = layers.LSTM(UNITS, return_sequences=True, stateful=name == "stateful")(layers.Masking()(series))
    if name == "crowd":
        hidden = Crowd()(hidden)
    clean = api.trace(keras.Model(series, layers.GlobalAveragePooling1D()(hidden)), SERIES)
    assert "in two passes, since" in clean.padding_test
    leak = api.trace(keras.Model(series, layers.Flatten()(layers.Conv1D(2, 3, padding="same")(layers.Masking()(series) * 1.0))), SERIES)
    assert touched(leak) > 0
    if name != "crowd":
        assert touched(clean) == 0


class Noisy(keras.Layer):
    """Random numbers in inference, too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking, self.seed_generator = True, keras.random.SeedGenerator(3)

    def call(self, inputs: Any) -> Any:
        return inputs + keras.random.normal(ops.shape(inputs), seed=self.seed_generator)


def test_random_numbers_are_no_padding() -> None:
    trace = api.trace(on_ids(lambda x: lstm(Noisy()(x))), IDS)
    assert "in two passes" in trace.padding_test
    assert touched(trace) == 0


def test_samples_that_do_not_stand_on_the_first_axis() -> None:
    """Sentences of all samples on one axis, and time before samples: shapes and masks are those of one pass."""
    words = keras.Input((3, STEPS), dtype="int32", name="words")
    embedded = layers.Embedding(7, UNITS, mask_zero=True)(ops.reshape(words, (-1, STEPS)))
    sentences = ops.reshape(layers.LSTM(UNITS, name="reader")(embedded), (-1, 3, UNITS))
    network = keras.Model(words, ops.transpose(layers.Dense(2)(sentences), (1, 0, 2)))
    trace = api.trace(network, np.stack([IDS, IDS[::-1]]))
    reader = trace.call("reader")
    assert reader is not None
    assert [t.shape for t in reader.inputs] == [(6, STEPS, UNITS)]
    assert [t.shape for t in reader.outputs] == [(6, UNITS)]
    np.testing.assert_array_equal(trace.masks[reader.received["mask"]], np.concatenate([IDS, IDS[::-1]]) != 0)
    assert trace.calls[-1].outputs[0].shape == (3, 2, 2)


def test_an_input_that_says_what_is_real_stays_as_it_is() -> None:
    ids, real = keras.Input((STEPS,), dtype="int32", name="ids"), keras.Input((STEPS,), dtype="int32", name="attention_mask")
    weights = ops.expand_dims(ops.cast(real, "float32"), -1)
    mean = ops.sum(layers.Embedding(7, UNITS)(ids) * weights, axis=1) / ops.sum(weights, axis=1)
    trace = api.trace(keras.Model([ids, real], mean), {"ids": IDS, "attention_mask": (~PADDED).astype("int32")})
    assert "padded steps of ids" in trace.padding_test
    assert touched(trace) == 0


def test_a_step_joined_in_front_moves_the_padding_on() -> None:
    ids = keras.Input((STEPS,), name="ids")
    words = layers.Embedding(7, UNITS)(ids)
    first = layers.Dense(UNITS)(ops.ones_like(words[:, :1]))
    joined = layers.Concatenate(axis=1)([first, words])
    trace = api.trace(keras.Model(ids, [layers.Conv1D(2, 2, padding="causal")(joined), layers.Conv1D(2, 2, padding="same")(joined)]), IDS)
    causal, same = (trace.call(name) for name in ("conv1d", "conv1d_1"))
    assert causal is not None
    assert same is not None
    assert causal.outputs[0].touched_kept == 0
    assert (same.outputs[0].touched_kept or 0) > 0


def test_a_mask_as_an_output_is_known_by_the_call_that_made_it() -> None:
    ids = keras.Input((STEPS,), name="ids")
    embedding = layers.Embedding(7, UNITS, mask_zero=True)
    trace = api.trace(keras.Model(ids, [lstm(embedding(ids)), embedding.compute_mask(ids)]), IDS)
    assert all(output.ref is not None for output in trace.network_outputs)
    assert not [finding for finding in trace.findings if finding.severity != "info"]


def test_nan_from_padding_alone_is_seen() -> None:
    """All steps masked: the mean over none is NaN with and without other content, which is no leak."""
    x = IDS.copy()
    x[2] = 0
    trace = api.trace(on_ids(layers.GlobalAveragePooling1D()), x)
    assert np.isnan(trace.outputs[trace.network_outputs[0].name][2]).all()
    assert not trace.touched["global_average_pooling1d"].any() or touched(trace) == 0


@pytest.mark.parametrize("seed", range(300, 318))
def test_random_network(seed: int) -> None:
    """The test made by hand, eagerly, moves the same samples of the same outputs."""
    case = networks.make(seed)
    inputs = keras.tree.flatten(case.network._inputs_struct)
    x = {t.name: a for t, a in zip(inputs, keras.tree.flatten(case.x), strict=True)}
    half = any("float16" in layer.dtype_policy.name for layer in case.network.layers)
    if half or "_named_mask" in case.grown:
        return  # rounding; masks made from content, which the test by hand holds and the engine lets move
    try:
        by_hand = Disturbance(case.network, x, lambda arrays: networks.tree_like(case.network._inputs_struct, arrays))
    except (ValueError, TypeError, IndexError):
        return
    trace = api.trace(case.network, x)
    moved = [by_hand.moved(networks.other_content(case.network, x, trace.padding, seed)) for seed in range(3)]
    for number, output in enumerate(trace.network_outputs):
        engine = trace.touched.get(output.ref or "")
        hand = np.any([m[number] for m in moved], axis=0)
        samples = hand.reshape(len(hand), -1).any(axis=1)
        if engine is None:
            assert not hand.any()
        else:
            np.testing.assert_array_equal(engine.reshape(len(engine), -1).any(axis=1), samples, err_msg=f"{output} {case.grown}")
            assert engine.ndim != hand.ndim or not (engine & ~hand).any()
