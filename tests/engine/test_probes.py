"""Influence, gradients, recurrent states and the length test, against what plain Keras or a hand computation says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from numpy.testing import assert_allclose, assert_array_equal

import maskviz
from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.engine.probes.influence import changes
from maskviz.engine.signature import signature_of

pytestmark = [
    pytest.mark.engine,
    pytest.mark.expects_log("triggered tf.function retracing"),
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
]

STEPS, UNITS = 5, 4
IDS = np.asarray([[1, 2, 3, 4, 5], [5, 6, 2, 0, 0], [3, 0, 0, 0, 0]], "float32")
SERIES = np.random.default_rng(3).normal(size=(2, STEPS, UNITS)).astype("float32")
Y = np.random.default_rng(4).normal(size=(3, STEPS, 1)).astype("float32")


@pytest.fixture(autouse=True)
def names_from_the_start() -> None:
    keras.utils.clear_session()
    keras.utils.set_random_seed(2)


def on_ids(build: Any, steps: int | None = None, **compiled: Any) -> keras.Model:
    ids = keras.Input((steps,), name="ids")
    network = keras.Model(ids, build(layers.Embedding(7, UNITS, mask_zero=True, name="embedding")(ids)))
    if compiled:
        network.compile(**compiled)
    return network


def on_series(build: Any) -> keras.Model:
    series = keras.Input((STEPS, UNITS), name="series")
    return keras.Model(series, build(series))


class TestInfluence:
    """``depends[i, j]``: output step i depends on input step j."""

    def test_causal_and_per_step_layers_have_their_shape(self) -> None:
        network = on_series(lambda x: layers.Dense(2, name="dense")(layers.LSTM(3, return_sequences=True, name="lstm")(x)))
        found = maskviz.influence(network, SERIES, target="lstm", sample=1, padding=np.zeros((2, STEPS), bool))
        assert_array_equal(found.depends, np.tril(np.ones((STEPS, STEPS), bool)))
        network = on_series(layers.Dense(2))
        assert_array_equal(maskviz.influence(network, SERIES).depends, np.eye(STEPS, dtype=bool))

    def test_amounts_are_those_of_plain_keras(self) -> None:
        network = on_series(layers.Conv1D(2, 3, padding="same", name="conv"))
        found = maskviz.influence(network, SERIES, sample=1)
        steps = np.arange(STEPS)
        assert_array_equal(found.depends, np.abs(steps[:, None] - steps[None]) <= 1)
        given = np.asarray(network(SERIES[1:]))[0]
        contents = changes(signature_of(network).network.inputs[0], Batch({"series": SERIES}), 1)
        for step in steps:
            expected = np.zeros(STEPS)
            for content in contents[:, step]:
                changed = SERIES[1:].copy()
                changed[0, step] = content
                expected = np.maximum(expected, np.abs(np.asarray(network(changed))[0] - given).max(axis=-1))
            assert_allclose(found.amount[:, step], expected, atol=1e-5)

    def test_masked_steps_have_no_influence_and_leaks_show(self) -> None:
        clean = maskviz.influence(on_ids(layers.LSTM(3, return_sequences=True)), IDS, sample=1)
        assert clean.depends[:3, :3].tolist() == np.tril(np.ones((3, 3), bool)).tolist()
        assert not clean.depends[:, 3:].any(), "masks are held, so that the content of padding goes nowhere"
        leaky = maskviz.influence(on_ids(lambda x: layers.Conv1D(3, 3, padding="same")(x)), IDS, sample=1)
        assert leaky.depends[2, 3], "the last real step takes from the first padded one"
        assert "1 of 3 real steps depend on padding" in leaky.sentence

    def test_a_mask_of_the_networks_own_operation_is_held(self) -> None:
        ids = keras.Input((STEPS,), name="ids")
        kept = ops.not_equal(ids, 0)
        embedded = layers.Embedding(7, UNITS)(ids)
        network = keras.Model(ids, layers.LSTM(3, return_sequences=True)(embedded, mask=kept))
        found = maskviz.influence(network, IDS, sample=1, padding=IDS == 0)
        assert not found.depends[:, 3:].any()
        assert found.depends[2, 0]

    def test_result_without_time_axis(self) -> None:
        found = maskviz.influence(on_ids(layers.GRU(3)), IDS, sample=1)
        assert not found.has_time
        assert found.depends.tolist() == [[True, True, True, False, False]]
        assert "0 of 1 result depends on padding" in found.sentence

    def test_samples_that_need_each_other_run_in_passes_of_their_own(self) -> None:
        network = on_series(lambda x: x - ops.mean(x, axis=0, keepdims=True))
        found = maskviz.influence(network, SERIES, sample=1)
        assert_array_equal(found.depends, np.eye(STEPS, dtype=bool))

    def test_stateful_network_is_as_before(self) -> None:
        series = keras.Input(batch_shape=(2, STEPS, UNITS), name="series")
        lstm = layers.LSTM(3, stateful=True, return_sequences=True)
        network = keras.Model(series, lstm(series))
        network(SERIES)
        before = [np.asarray(s) for s in lstm.states]
        found = maskviz.influence(network, SERIES, sample=1)
        assert_array_equal(found.depends, np.tril(np.ones((STEPS, STEPS), bool)))
        for state, old in zip(lstm.states, before, strict=True):
            assert_array_equal(np.asarray(state), old)

    def test_progress_is_told_and_what_it_raises_ends_the_work(self) -> None:
        network = on_ids(layers.GRU(3))
        heard: list[str] = []

        def stop(sentence: str) -> None:
            heard.append(sentence)
            if "influence" in sentence:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            maskviz.influence(network, IDS, tell=stop)
        assert "0 % of 5 steps" in heard[-1]

    def test_questions_without_an_answer_are_refused_in_one_sentence(self) -> None:
        network = on_ids(layers.GRU(3, name="gru"))
        for options, words in (
            ({"target": "nothing"}, "no call or output"),
            ({"sample": 3}, "no sample 3"),
            ({"input": "z"}, "no input 'z'"),
        ):
            with pytest.raises(UnusableInput, match=words):
                maskviz.influence(network, IDS, **options)


class TestGradients:
    """Sizes at activations, and weights that learn from padding."""

    def test_sizes_are_those_of_a_tape(self) -> None:
        network = on_ids(lambda x: layers.Dense(1, name="head")(layers.SimpleRNN(3, return_sequences=True, name="rnn")(x)), loss="mse")
        found = maskviz.gradients(network, IDS, Y)
        embedding, rnn, head = (network.get_layer(n) for n in ("embedding", "rnn", "head"))
        mask = tf.constant(IDS != 0)
        with tf.GradientTape() as tape:
            a = embedding(IDS)
            b = rnn(a, mask=mask)
            c = head(b)
            tape.watch([a, b, c])
            error = tf.reduce_mean(tf.square(c - Y), axis=-1)
            # Keras 3: the mean over kept steps
            loss = tf.reduce_sum(tf.where(mask, error, 0.0)) / tf.reduce_sum(tf.cast(mask, "float32"))
        # a and b came to be after the tape began: both are in its chain
        grads = tape.gradient(loss, [a, b, c, rnn.cell.kernel.value])
        assert found.loss == pytest.approx(float(loss), rel=1e-5)
        for name, gradient in zip(("embedding", "rnn", "head"), grads, strict=False):
            assert_allclose(found.sizes[name], np.linalg.norm(gradient, axis=-1), rtol=1e-4, atol=1e-7)
        kernel = next(w for w in found.weights if w.name.endswith("rnn/simple_rnn_cell/kernel"))
        assert kernel.size == pytest.approx(float(np.abs(grads[3]).max()), rel=1e-4)
        assert not found.depends

    def test_only_the_calls_asked_for(self) -> None:
        network = on_ids(layers.Dense(1, name="head"), loss="mse")
        found = maskviz.gradients(network, IDS, Y, calls=["embedding"])
        assert list(found.sizes) == ["embedding"]
        assert found.sizes["embedding"].shape == (3, STEPS)

    def test_leak_reaches_the_weights_as_it_does_in_plain_keras(self) -> None:
        network = on_ids(lambda x: layers.Dense(1, name="head")(layers.GlobalMaxPooling1D()(x)), loss="mse")
        found = maskviz.gradients(network, IDS, Y[:, 0])
        assert found.depends
        assert {w.name for w in found.weights if w.depends} >= {"embedding/embeddings", "head/kernel"}
        assert found.changed_loss != pytest.approx(found.loss)
        assert "depend on the content of padding" in found.sentence

    def test_a_loss_that_ignores_the_mask_teaches_padding(self) -> None:
        # a custom loss over all steps, where the padded ones are predicted from noise
        network = on_ids(lambda x: layers.Dense(1, name="head")(x) * 1.0, loss="mse")
        found = maskviz.gradients(network, IDS, Y)
        assert next(w for w in found.weights if w.name == "head/kernel").depends

    def test_training_mode_is_another_pass(self) -> None:
        ids = keras.Input((STEPS,), name="ids")
        x = layers.Embedding(7, UNITS, mask_zero=True, name="embedding")(ids)
        mask = ops.not_equal(ids, 0)
        y = layers.LSTM(1, return_sequences=True, name="lstm")(layers.BatchNormalization(name="norm")(x * 1.0), mask=mask)
        network = keras.Model(ids, y)
        network.compile(loss="mse")
        moving = np.asarray(network.get_layer("norm").moving_mean)
        assert not maskviz.gradients(network, IDS, Y).depends, "moving averages know nothing of this batch"
        assert maskviz.gradients(network, IDS, Y, training=True).depends, "the batch's own mean takes padding in"
        assert_array_equal(np.asarray(network.get_layer("norm").moving_mean), moving)

    def test_masks_that_exist_only_in_training_are_named(self) -> None:
        # in inference, Dropout hands on the very tensor whose mask the attention takes away; in training it makes a copy
        def attend(x: Any) -> Any:
            dropped = layers.Dropout(0.5)(x)
            attended = layers.MultiHeadAttention(2, 2)(dropped, dropped)
            return layers.Dense(1, name="head")(layers.Add(name="add")([x, attended]))

        network = on_ids(attend, loss="mse")
        assert not hasattr(network(IDS), "_keras_mask")
        assert hasattr(network(IDS, training=True), "_keras_mask")
        found = maskviz.gradients(network, IDS, Y, training=True)
        assert found.masks == ("add puts out a mask in training", "head puts out a mask in training")
        assert maskviz.gradients(network, IDS, Y).masks == ()

    def test_dropout_is_not_taken_for_a_leak(self) -> None:
        network = on_ids(lambda x: layers.Dense(1)(layers.LSTM(3, return_sequences=True, dropout=0.3)(layers.Dropout(0.5)(x))), loss="mse")
        found = maskviz.gradients(network, IDS, Y, training=True)
        assert not found.depends, found.sentence
        assert found.loss != pytest.approx(maskviz.gradients(network, IDS, Y).loss), "dropout was on"

    def test_chance_that_no_seed_holds_is_told_apart(self) -> None:
        class Noise(layers.Layer):
            supports_masking = True

            def call(self, x: Any) -> Any:
                return x + tf.random.normal(tf.shape(x))

        network = on_ids(lambda x: layers.Dense(1)(layers.LSTM(3, return_sequences=True)(Noise()(x))), loss="mse")
        found = maskviz.gradients(network, IDS, Y)
        assert any(w.noise > 0 for w in found.weights)
        assert "by chance" in found.sentence

    def test_without_a_loss_there_is_nothing_to_take_gradients_of(self) -> None:
        with pytest.raises(UnusableInput, match="no loss"):
            maskviz.gradients(on_ids(layers.Dense(1)), IDS, Y)
        assert maskviz.gradients(on_ids(layers.Dense(1)), IDS, Y, loss="mse").sizes


def by_prefixes(layer: Any, x: Any, mask: Any, backwards: bool, **kwargs: Any) -> list[np.ndarray]:
    """States after each step from the layer itself, run on every prefix (suffix) of the sequence."""
    alone = type(layer).from_config({**layer.get_config(), "return_state": True, "return_sequences": False})
    alone.build(x.shape)
    alone.set_weights(layer.get_weights())
    steps = x.shape[1]
    rows = []
    for t in range(steps):
        part = slice(t, None) if backwards else slice(None, t + 1)
        result = alone(x[:, part], mask=None if mask is None else mask[:, part], **kwargs)
        rows.append([np.asarray(s) for s in result[1:]])
    return [np.stack([row[k] for row in rows], axis=1) for k in range(len(rows[0]))]


class TestStates:
    """States after each step, against the layer run on every prefix."""

    @pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
    @pytest.mark.parametrize("backwards", [False, True])
    def test_states_are_those_of_the_layer_on_every_prefix(self, kind: Any, backwards: bool) -> None:
        network = on_ids(kind(3, return_sequences=True, go_backwards=backwards, name="rnn"))
        found = maskviz.recurrent_states(network, IDS)
        x = network.get_layer("embedding")(IDS)
        expected = by_prefixes(network.get_layer("rnn"), x, tf.constant(IDS != 0), backwards)
        assert len(found.states) == len(expected)
        for states, wanted in zip(found.states, expected, strict=True):
            assert_allclose(states, wanted, atol=1e-6)
        assert found.mask is not None
        assert_array_equal(found.mask, IDS != 0)
        assert_array_equal(found.carried, IDS == 0)
        assert found.difference < 1e-6
        assert not found.started.any()

    def test_without_a_mask_padding_moves_the_state(self) -> None:
        network = on_ids(lambda x: layers.GRU(3, name="gru")(x * 1.0))
        found = maskviz.recurrent_states(network, IDS, samples=[1])
        assert found.mask is None
        assert found.states[0].shape == (1, STEPS, 3)
        assert not found.carried.any()
        assert "receives no mask" in found.sentence

    def test_initial_state_of_an_encoder(self) -> None:
        def build(x: Any) -> Any:
            _, *state = layers.LSTM(3, return_state=True, name="encoder")(x)
            return layers.LSTM(3, return_sequences=True, name="decoder")(x, initial_state=state)

        network = on_ids(build)
        encoder = maskviz.recurrent_states(network, IDS, call="encoder")
        decoder = maskviz.recurrent_states(network, IDS, call="decoder")
        for initial, states in zip(decoder.initial, encoder.states, strict=True):
            assert_allclose(initial, states[:, -1], atol=1e-6)
        assert decoder.started.all()
        assert "3 of 3 samples start from a state other than zero" in decoder.sentence

    def test_bidirectional_parts_and_stacked_cells(self) -> None:
        network = on_ids(lambda x: layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="l"), name="both")(x))
        forwards = maskviz.recurrent_states(network, IDS, call="both/forward_l")
        backwards = maskviz.recurrent_states(network, IDS, call="both/backward_l")
        predicted = np.asarray(network(IDS))
        kept = IDS != 0
        assert_allclose(forwards.states[0][kept], predicted[..., :3][kept], atol=1e-6)
        assert_allclose(backwards.states[0][kept], predicted[..., 3:][kept], atol=1e-6)
        assert backwards.backwards
        network = on_ids(layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)], return_sequences=True))
        found = maskviz.recurrent_states(network, IDS)
        assert [s.shape[-1] for s in found.states] == [2, 3, 3]
        assert_allclose(found.states[1][kept], np.asarray(network(IDS))[kept], atol=1e-6)

    def test_state_that_is_carried_from_batch_to_batch(self) -> None:
        series = keras.Input(batch_shape=(2, STEPS, UNITS), name="series")
        gru = layers.GRU(3, stateful=True, return_sequences=True)
        network = keras.Model(series, gru(series))
        last = np.asarray(network(SERIES))[:, -1]
        found = maskviz.recurrent_states(network, SERIES)
        assert_allclose(found.initial[0], last, atol=1e-6)
        assert_allclose(np.asarray(gru.states[0]), last, atol=1e-6)
        assert_allclose(found.states[0], np.asarray(network(SERIES)), atol=1e-6)

    def test_networks_without_states_are_refused(self) -> None:
        with pytest.raises(UnusableInput, match="no recurrent layer"):
            maskviz.recurrent_states(on_ids(layers.Dense(1)), IDS)
        with pytest.raises(UnusableInput, match="those that have one are gru"):
            maskviz.recurrent_states(on_ids(layers.GRU(3, name="gru")), IDS, call="embedding")


class TestLength:
    """More padding and less: real steps must stay where they are."""

    TAIL = IDS[1:]

    def test_a_masked_network_does_not_care(self) -> None:
        network = on_ids(lambda x: layers.Dense(1, name="out")(layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)))
        found = maskviz.length_test(network, IDS)
        assert not found.appended.reason
        assert not found.trimmed.reason
        assert (found.appended.change, found.trimmed.change) == (3, -2)
        assert not found.appended.depends
        assert not found.trimmed.depends
        assert "no real step moves" in found.sentence

    def test_what_follows_the_length_is_found_with_its_amount(self) -> None:
        network = on_ids(lambda x: layers.Dense(1, name="out")(ops.mean(x, axis=1)))
        found = maskviz.length_test(network, IDS)
        longer = np.pad(IDS, ((0, 0), (0, found.appended.change)))
        expected = np.abs(np.asarray(network(longer)) - np.asarray(network(IDS))).max(axis=-1)
        assert found.appended.depends
        assert_allclose(found.appended.amount["out"], expected, atol=1e-6)
        assert found.appended.moved["out"] == pytest.approx(float(expected.max()), abs=1e-6)
        shorter = np.asarray(network(IDS[1:, :-2])) - np.asarray(network(IDS[1:]))
        assert_allclose(found.trimmed.amount["out"][1:], np.abs(shorter).max(axis=-1), atol=1e-6)
        assert np.isnan(found.trimmed.amount["out"][0]), "the first sample has no padding to trim"

    def test_padding_in_front_is_changed_in_front(self) -> None:
        front = IDS[:, ::-1].copy()
        network = on_ids(lambda x: layers.Dense(1, name="out")(layers.LSTM(3, return_sequences=True)(x * 1.0)))
        found = maskviz.length_test(network, front)
        assert found.in_front
        assert found.appended.depends, "without its mask, the state has moved before the first real step"
        expected = np.asarray(network(np.pad(front, ((0, 0), (3, 0)))))[:, 3:] - np.asarray(network(front))
        real = front != 0
        assert_allclose(found.appended.amount["out"][real], np.abs(expected[..., 0])[real], atol=1e-6)
        assert np.isnan(found.appended.amount["out"][~real]).all()

    def test_fixed_lengths_are_told(self) -> None:
        found = maskviz.length_test(on_ids(lambda x: layers.Dense(2)(layers.Flatten()(x)), steps=STEPS), IDS)
        assert found.sentence == "Not possible because the input 'ids' takes 5 steps, no more and no fewer."
        found = maskviz.length_test(on_ids(layers.GRU(3)), IDS[:1])
        assert not found.appended.reason
        assert "no sample ends with padding" in found.trimmed.reason

    def test_a_fixed_length_that_nothing_needs_is_opened_in_a_copy(self) -> None:
        class Spread(layers.Layer):
            supports_masking = True

            def call(self, x: Any) -> Any:
                return x + ops.mean(x, axis=1, keepdims=True)

        network = on_ids(lambda x: layers.Dense(1, name="out")(Spread()(layers.GRU(3, return_sequences=True)(x))), steps=STEPS)
        found = maskviz.length_test(network, IDS)
        assert found.appended.change == 3
        assert found.appended.depends
        free = on_ids(lambda x: layers.Dense(1, name="out")(Spread()(layers.GRU(3, return_sequences=True)(x))))
        free.set_weights(network.get_weights())
        assert_allclose(found.appended.amount["out"], maskviz.length_test(free, IDS).appended.amount["out"], atol=1e-6)
        clean = on_ids(lambda x: layers.Dense(1, name="out")(layers.GRU(3, return_sequences=True)(x)), steps=STEPS)
        assert not maskviz.length_test(clean, IDS).appended.depends

    def test_a_length_held_inside_is_told(self) -> None:
        class Positions(layers.Layer):
            supports_masking = True

            def call(self, x: Any) -> Any:
                return x + tf.ones((STEPS, UNITS))

        found = maskviz.length_test(on_ids(Positions()), IDS)
        assert "does not run on 3 more steps" in found.appended.reason

    def test_a_trace_can_hold_it(self) -> None:
        from maskviz.core.probes import with_length_test

        network = on_ids(lambda x: layers.Dense(1, name="out")(ops.mean(x, axis=1)))
        test = maskviz.length_test(network, IDS)
        trace = with_length_test(maskviz.trace(network, IDS), test)
        assert trace.length_test == test.sentence
        assert trace.length_moved["out"] == max(test.appended.moved["out"], test.trimmed.moved["out"])


def test_answers_come_from_a_file_through_the_engine(tmp_path: Path) -> None:
    network = on_ids(lambda x: layers.Dense(1, name="out")(layers.LSTM(3, return_sequences=True, name="lstm")(x)), loss="mse")
    file = tmp_path / "network.keras"
    network.save(file)
    heard: list[str] = []
    there = maskviz.influence(file, IDS, sample=1, tell=heard.append)
    here = maskviz.influence(network, IDS, sample=1)
    assert_allclose(there.amount, here.amount, atol=1e-6)
    assert any("influence on" in sentence for sentence in heard)
    there_states = maskviz.recurrent_states(file, IDS)
    assert_allclose(there_states.states[1], maskviz.recurrent_states(network, IDS).states[1], atol=1e-6)
