"""A compiled trace says of every call what an eager pass shows: shapes, masks in, received, out and stripped; of random networks."""

from __future__ import annotations

import os
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from numpy.testing import assert_allclose, assert_array_equal

from maskviz import api
from maskviz.core.assemble import trace_of
from maskviz.core.batch import some_rows
from maskviz.core.errors import UnusableInput
from maskviz.core.recording import splice
from maskviz.core.trace import Trace
from maskviz.engine.loading import complete
from maskviz.engine.tracing import Tracer
from tests.engine import networks
from tests.engine.eager import Witness, disagreements

pytestmark = [
    pytest.mark.engine,
    pytest.mark.expects_log("triggered tf.function retracing"),
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis"),  # a softmax over one class
    pytest.mark.filterwarnings("ignore:Layer 'branches' looks like it has unbuilt state"),
]


@pytest.fixture(autouse=True)
def names_from_the_start() -> None:
    keras.backend.clear_session(free_memory=False)


SEEDS = range(int(os.environ.get("MASKVIZ_RANDOM_NETWORKS", "180")))
WHOLE = 10
"""Of how many random networks one is traced as users do, which tries first how it can be run; for the others this is known."""
NOT_RUN_BY_KERAS = 0.05
"""Which part of the networks at most Keras itself may refuse to run."""

refused: set[int] = set()


def named(case: networks.Case) -> dict[str, np.ndarray]:
    inputs = keras.tree.flatten(case.network._inputs_struct)
    return {t.name: a for t, a in zip(inputs, keras.tree.flatten(case.x), strict=True)}


def doubled(network: keras.Model, x: Any) -> Trace:
    """The trace by the pass that is compiled for networks whose samples do not influence each other, without trying whether they do."""
    signature = complete(network)
    batch = api.batch_of(signature.network, x)
    tracer = Tracer(network, signature)
    tracer._mode = "doubled"
    return trace_of(tracer.trace(batch), batch)


def count_refused(seed: int) -> int:
    refused.add(seed)
    return len(refused)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_network(seed: int) -> None:
    case = networks.make(seed)
    try:
        witness = Witness().watch(case.network, case.x)
    except (ValueError, TypeError, IndexError, tf.errors.InvalidArgumentError):
        assert count_refused(seed) <= NOT_RUN_BY_KERAS * len(SEEDS)
        return
    try:
        trace = (doubled if seed % WHOLE else api.trace)(case.network, named(case))
    except (ValueError, tf.errors.InvalidArgumentError, UnusableInput):
        # shapes that fit by chance, as many samples as steps, fit no longer where there are twice as many
        try:
            trace = api.trace(case.network, named(case))
        except UnusableInput:  # eager TensorFlow takes windows longer than the sequence, compiled it does not
            with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
                case.network.predict_on_batch(case.x)
            assert count_refused(seed) <= NOT_RUN_BY_KERAS * len(SEEDS)
            return
    assert not disagreements(witness, trace), case.grown
    half = any("float16" in layer.dtype_policy.name for layer in case.network.layers)
    for predicted, own in zip(trace.outputs.values(), witness.predictions, strict=True):
        assert_allclose(predicted, own, rtol=1e-3, atol=2e-2 if half else 1e-4)


def agrees(network: keras.Model, x: Any) -> Trace:
    """The trace of a network, once it agrees with an eager pass."""
    trace = api.trace(network, x)
    witness = Witness().watch(network, x)
    assert not disagreements(witness, trace)
    return trace


IDS = np.asarray([[1, 2, 3, 4], [5, 6, 0, 0], [3, 0, 0, 0]], "float32")
SERIES = np.where((IDS == 0)[..., None], 0, np.random.default_rng(3).normal(size=(3, 4, 3))).astype("float32")


class Branches(keras.Model):
    """A subclassed network with a dict of inputs, plain code between its layers, and a dict of outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm, self.dense = (
            layers.Embedding(7, 4, mask_zero=True),
            layers.LSTM(3, return_sequences=True),
            layers.Dense(2),
        )

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        words = self.lstm(self.embedding(inputs["words"]))
        shared = self.dense(words), self.dense(inputs["series"])
        return {"sum": shared[0] + shared[1], "words": shared[0]}


def test_subclassed_network_with_dicts() -> None:
    x = {"words": IDS, "series": SERIES}
    network = Branches()
    network(x)
    trace = agrees(network, x)
    assert {o.name: o.mask is not None for o in trace.network_outputs} == {"sum": False, "words": True}
    assert [c.id for c in trace.calls if c.class_name == "Dense"] == ["dense", "dense:1"]


def test_operations_made_on_the_fly_keep_their_names_when_the_network_runs_twice() -> None:
    inputs = keras.Input(batch_shape=(3, 4, 3))
    network = keras.Model(inputs, layers.LSTM(2)(layers.ZeroPadding1D(1)(layers.Masking()(inputs))))
    first, second = agrees(network, SERIES), agrees(network, SERIES)
    assert "in two passes" in first.padding_test
    assert [c.id for c in first.calls] == [c.id for c in second.calls]
    assert "pad" in [c.id.rpartition("/")[2] for c in first.calls]


def test_a_layer_that_runs_the_network_once_more_is_counted() -> None:
    ids = keras.Input((None,))
    shared = layers.Dense(4, name="shared")
    hidden = layers.Embedding(7, 4, mask_zero=True)(ids)
    network = keras.Model(ids, shared(shared(shared(hidden))))
    trace = agrees(network, IDS)
    assert [c.id for c in trace.calls][-3:] == ["shared", "shared:1", "shared:2"]
    assert [c.inputs[0].source for c in trace.calls[-2:]] == ["shared", "shared:1"]


def test_state_is_as_before() -> None:
    inputs = keras.Input(batch_shape=(3, 4, 3))
    network = keras.Model(inputs, layers.GRU(3, stateful=True, return_sequences=True)(layers.Masking()(inputs)))
    network.compile(loss="mse")
    network.predict(SERIES, verbose=0)
    before = [np.array(s) for s in network.layers[-1].states]
    assert np.abs(before[0]).max() > 0
    trace = api.trace(network, SERIES, np.zeros((3, 4, 3), "float32"))
    for state, value in zip(network.layers[-1].states, before, strict=True):
        assert_array_equal(np.array(state), value)
    assert trace.ledger.matches
    reported = network.evaluate(SERIES, np.zeros((3, 4, 3)), batch_size=3, verbose=0)
    assert trace.ledger.reported == pytest.approx(reported, rel=1e-5)


def test_weights_and_compilation_are_as_before() -> None:
    network = keras.Sequential([keras.Input((4, 3)), layers.Masking(), layers.BatchNormalization(), layers.LSTM(3), layers.Dropout(0.5)])
    network.compile(optimizer="adam", loss="mse")
    before, optimizer = [np.array(w) for w in network.get_weights()], network.optimizer
    api.trace(network, SERIES, np.zeros((3, 3), "float32"))
    for old, new in zip(before, network.get_weights(), strict=True):
        assert_array_equal(old, new)
    assert network.optimizer is optimizer
    assert network.compiled


def test_rows_alone_are_the_rows_of_the_whole() -> None:
    ids = keras.Input((None,), name="ids")
    hidden = layers.Embedding(7, 4, mask_zero=True)(ids)
    hidden = layers.Conv1D(4, 3, padding="same")(layers.LSTM(4, return_sequences=True)(hidden))
    network = keras.Model(ids, layers.Dense(2)(layers.MultiHeadAttention(2, 2)(hidden, hidden)))
    network.compile(loss="mse")
    signature = complete(network)
    y = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    batch = api.batch_of(signature.network, IDS, y, np.asarray([[1.0], [2.0], [0.5]]))
    edited = IDS.copy()
    edited[1] = [2, 2, 2, 0]
    edited_batch = api.batch_of(signature.network, edited, y, np.asarray([[1.0], [3.0], [0.5]]))
    tracer = Tracer(network, signature)
    whole, rows = tracer.trace(batch), np.asarray([1])
    assert tracer.rows_are_independent
    spliced = trace_of(splice(whole, tracer.trace(edited_batch, rows)), edited_batch)
    anew = trace_of(tracer.trace(edited_batch), edited_batch)
    assert some_rows(edited_batch, rows).size == 1
    assert spliced.masks.keys() == anew.masks.keys()
    for group in ("masks", "status", "touched", "outputs", "contributions"):
        for key, array in getattr(anew, group).items():
            assert_allclose(getattr(spliced, group)[key], array, rtol=1e-4, atol=1e-6, err_msg=f"{group} {key}")
    assert spliced.ledger.sum == pytest.approx(anew.ledger.sum, rel=1e-5)


def test_batches_of_other_lengths_after_one_another() -> None:
    ids = keras.Input((None,), name="ids")
    network = keras.Model(
        ids, layers.Dense(1)(layers.Bidirectional(layers.LSTM(3, return_sequences=True))(layers.Embedding(7, 4, mask_zero=True)(ids)))
    )
    signature = complete(network)
    tracer = Tracer(network, signature)
    for steps, size in ((4, 3), (2, 3), (4, 1), (1, 1)):
        x = IDS[:size, :steps]
        trace = trace_of(tracer.trace(batch := api.batch_of(signature.network, x)), batch)
        assert not disagreements(Witness().watch(network, x), trace)


def test_one_mask_under_many_names_is_one_key() -> None:
    ids = keras.Input((4,))
    hidden = layers.Dense(3)(layers.Dropout(0.5)(layers.Embedding(7, 4, mask_zero=True)(ids)))
    trace = agrees(keras.Model(ids, layers.Activation("tanh")(hidden)), IDS)
    assert list(trace.masks) == ["m0"]
    assert_array_equal(trace.masks["m0"], IDS != 0)


def test_an_operation_that_feeds_only_masks_is_on_the_mask_path() -> None:
    ids = keras.Input((4,))
    hidden = layers.Embedding(7, 4)(ids)
    trace = agrees(keras.Model(ids, layers.LSTM(3)(hidden, mask=ops.not_equal(ids, 0))), IDS)
    roles = {c.class_name: c.role for c in trace.calls}
    assert roles == {"InputLayer": "data", "Embedding": "data", "NotEqual": "mask path", "LSTM": "data"}
