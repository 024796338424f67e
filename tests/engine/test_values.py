"""Values of a call and how far they move in the padding test, against Keras' own submodel and the trace."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal

from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch, set_padding
from maskviz.core.errors import UnusableInput
from maskviz.core.probes import AskStates, AskValues, RecurrentStates, Values
from maskviz.engine import probes
from maskviz.engine.signature import signature_of
from maskviz.engine.tracing import Tracer

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore:.*does not support masking")]

SIZE, STEPS, WIDTH = 6, 7, 4
PADDING = np.arange(STEPS) >= np.asarray([7, 5, 3, 6, 2, 4])[:, None]


def network() -> keras.Model:
    """Masking → LSTM → convolution → Dense, and one number for each sample."""
    keras.utils.set_random_seed(3)
    series = keras.Input((STEPS, WIDTH), name="series")
    x = layers.LSTM(5, return_sequences=True, name="lstm")(layers.Masking(name="masking")(series))
    wide = layers.Conv1D(3, 3, padding="same", name="conv")(x)
    last = layers.GRU(2, name="last")(x)
    return keras.Model(series, [layers.Dense(2, name="steps")(wide), layers.Dense(1, name="whole")(last)])


def batch() -> Batch:
    content = np.random.default_rng(1).normal(size=(SIZE, STEPS, WIDTH)).astype("float32")
    x = np.where(PADDING[..., None], np.float32(0), content)
    return Batch({"series": x}, padding={"series": PADDING}, content={"series": content})


@pytest.fixture(name="tracer", scope="module")
def _tracer() -> Tracer:
    model = network()
    return Tracer(model, signature_of(model))


def ask(tracer: Tracer, given: Batch, question: AskValues) -> Values:
    answer = probes.answer(tracer, given, question, lambda sentence: None)
    assert isinstance(answer, Values)
    return answer


def submodel(tracer: Tracer, given: Batch, name: str) -> np.ndarray:
    model = tracer.network
    return np.asarray(keras.Model(model.input, model.get_layer(name).output)(given.x["series"], training=False))


def test_unit_norm_and_class_are_those_of_the_layer(tracer: Tracer) -> None:
    given = batch()
    values = submodel(tracer, given, "conv")
    unit = ask(tracer, given, AskValues("conv", unit=2))
    assert (unit.units, unit.unit, unit.has_time) == (3, 2, True)
    assert_allclose(unit.values, values[..., 2], rtol=1e-5, atol=1e-6)
    assert_allclose(ask(tracer, given, AskValues("conv", "norm")).values, np.linalg.norm(values, axis=-1), rtol=1e-5, atol=1e-6)
    assert_array_equal(ask(tracer, given, AskValues("conv", "class")).values, values.argmax(axis=-1))


def test_what_moves_is_what_the_trace_calls_touched(tracer: Tracer) -> None:
    given = batch()
    touched = trace_of(tracer.trace(given), given).touched
    for name in ("masking", "lstm", "conv", "last", "steps", "whole"):
        found = ask(tracer, given, AskValues(name))
        assert_array_equal(found.amount > 1e-4, touched[name], err_msg=name)
    assert_array_equal(touched["masking"], PADDING)  # both are there to be told apart
    assert not touched["lstm"].any()


def test_a_tensor_without_time_has_one_number_a_sample(tracer: Tracer) -> None:
    found = ask(tracer, batch(), AskValues("whole"))
    assert not found.has_time
    assert found.values.shape == found.amount.shape == (SIZE,)


def test_after_an_edit_of_one_sample_all_is_as_if_computed_anew(tracer: Tracer) -> None:
    given = batch()
    before = ask(tracer, given, AskValues("lstm"))
    spec = tracer.signature.network.inputs[0]
    edited = set_padding(given, spec, 0, np.arange(STEPS) >= 3)
    after = ask(tracer, edited, AskValues("lstm"))
    assert_allclose(after.values, submodel(tracer, edited, "lstm")[..., 0], rtol=1e-5, atol=1e-6)
    assert_array_equal(after.values[1:], before.values[1:])
    assert (after.values[0] != before.values[0]).any()
    assert (after.amount[0, 3:] == 0).all()  # the mask skips what was just padded


def test_an_input_shows_what_is_fed(tracer: Tracer) -> None:
    given = batch()
    found = ask(tracer, given, AskValues("series", unit=1))
    assert_array_equal(found.values, given.x["series"][..., 1])


def test_a_number_that_becomes_none_is_not_lost(tracer: Tracer) -> None:
    given = batch()
    x = given.x["series"].copy()
    x[2, 1] = np.nan
    found = ask(tracer, replace(given, x={"series": x}), AskValues("lstm"))
    assert np.isnan(found.values[2, 1])
    assert np.isfinite(found.values[1]).all()


def test_what_is_not_there_is_refused_in_words(tracer: Tracer) -> None:
    with pytest.raises(UnusableInput, match="no call or output 'other'"):
        ask(tracer, batch(), AskValues("other"))


def test_samples_that_influence_each_other_are_computed_together() -> None:
    series = keras.Input((STEPS, WIDTH), name="series")
    mixed = layers.Lambda(lambda x: x - keras.ops.mean(x, axis=0, keepdims=True), name="mixed")(series)
    model = keras.Model(series, layers.Dense(1, name="steps")(mixed))
    tracer, given = Tracer(model, signature_of(model)), batch()
    ask(tracer, given, AskValues("mixed"))
    x = given.x["series"].copy()
    x[0] += 1
    edited = replace(given, x={"series": x})
    assert_allclose(ask(tracer, edited, AskValues("mixed")).values, (x - x.mean(axis=0))[..., 0], rtol=1e-5, atol=1e-5)


def test_states_of_a_network_that_reads_text() -> None:
    words = keras.Input((), dtype="string", name="words")
    split = layers.TextVectorization(vocabulary=["a", "b", "c"], name="split")(words)
    x = layers.LSTM(3, return_sequences=True, name="lstm")(layers.Embedding(5, 2, mask_zero=True, name="embedding")(split))
    model = keras.Model(words, layers.Dense(1, name="steps")(x))
    tracer = Tracer(model, signature_of(model))
    given = Batch({"words": np.asarray(["a b c", "b", "c a"])})
    found = probes.answer(tracer, given, AskStates("lstm"), lambda sentence: None)
    assert isinstance(found, RecurrentStates)
    assert found.states[0].shape == (3, 3, 3)
    assert found.difference < 1e-5
    assert found.carried.tolist() == [[False] * 3, [False, True, True], [False, False, True]]
