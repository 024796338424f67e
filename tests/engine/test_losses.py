"""Contributions add up to what ``evaluate()`` reports, whatever the loss, its reduction, weights and masks."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.typing import NDArray

from maskviz import api
from maskviz.core.errors import UnusableInput
from maskviz.core.trace import Trace

pytestmark = [
    pytest.mark.engine,
    pytest.mark.expects_log("triggered tf.function retracing"),
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
    pytest.mark.filterwarnings("ignore:.*received `from_logits=True`"),
    pytest.mark.filterwarnings("ignore:Layer 'branches' looks like it has unbuilt state"),
]

SIZE, STEPS, CLASSES = 3, 4, 3
IDS = np.asarray([[1, 2, 3, 4], [5, 6, 0, 0], [3, 0, 0, 0]], "float32")
KEPT = IDS != 0
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", None)
LOSSES = sorted(set(vars(keras.losses)) & {name for name in dir(keras.losses) if name[0].isupper()} - {"Loss", "CTC", "Circle"})
"""All but those that are no loss of single steps: CTC aligns sequences, Circle compares samples."""


def tagger(units: int = CLASSES, activation: str | None = None, masked: bool = True, over_time: bool = True) -> keras.Model:
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), name="ids")
    hidden = layers.Embedding(7, 4, mask_zero=masked, embeddings_initializer="normal")(ids)
    if not over_time:
        hidden = layers.GlobalAveragePooling1D()(hidden)
    return keras.Model(ids, layers.Dense(units, activation=activation)(hidden))


def target_and_activation(loss: str, shape: tuple[int, ...]) -> tuple[NDArray[Any], str | None]:
    rng = np.random.default_rng(2)
    if loss.startswith("Sparse") or loss == "CategoricalGeneralizedCrossEntropy":
        return rng.integers(0, CLASSES, shape[:-1]), "softmax"
    if "Categorical" in loss and "Hinge" not in loss:
        return np.eye(CLASSES, dtype="float32")[rng.integers(0, CLASSES, shape[:-1])], "softmax"
    if "Hinge" in loss:
        return (2 * rng.integers(0, 2, shape) - 1).astype("float32"), None
    if "Binary" in loss or loss in ("Dice", "Tversky"):
        return rng.integers(0, 2, shape).astype("float32"), "sigmoid"
    values = np.abs(rng.normal(size=shape)).astype("float32")
    return values, {"KLDivergence": "softmax", "Poisson": "sigmoid"}.get(loss)


def evaluated(network: keras.Model, x: Any, y: Any, weight: Any = None) -> float:
    result = network.evaluate(x, y, sample_weight=weight, batch_size=SIZE, verbose=0, return_dict=True)
    return float(result["loss"])


def adds_up(network: keras.Model, x: Any, y: Any, weight: Any = None, scalar: bool = False) -> Trace:
    """The trace, once its numbers are those of ``evaluate()``; a ``scalar`` loss cannot be shared out."""
    expected = evaluated(network, x, y, weight)
    trace = api.trace(network, x, y, weight)
    ledger = trace.ledger
    assert ledger.reported == pytest.approx(expected, rel=2e-5, abs=1e-6, nan_ok=True)
    assert ledger.evaluate == pytest.approx(expected, rel=2e-5, abs=1e-6, nan_ok=True)
    assert ledger.sum == pytest.approx(expected, rel=2e-5, abs=1e-6, nan_ok=True)
    assert ledger.matches
    assert all(term.separable for term in ledger.terms) is not scalar
    if not scalar:
        shared = sum(float(share.sum()) for share in trace.contributions.values())
        assert shared + ledger.added == pytest.approx(expected, rel=2e-5, abs=1e-6, nan_ok=True)
    return trace


@pytest.mark.parametrize("number", range(len(LOSSES)), ids=LOSSES)
def test_built_in_losses(number: int) -> None:
    """Every loss once over time and once without, with reductions, weights and masks taken in turn."""
    name = LOSSES[number]
    for over_time in (True, False):
        shape = (SIZE, STEPS, CLASSES) if over_time else (SIZE, CLASSES)
        y, activation = target_and_activation(name, shape)
        network = tagger(activation=activation, masked=number % 3 > 0, over_time=over_time)
        turn = number + (0 if over_time else 2)
        network.compile(loss=getattr(keras.losses, name)(reduction=REDUCTIONS[turn % len(REDUCTIONS)]))
        weights = [None, (SIZE, 1), (SIZE,)] if not over_time else [None, (SIZE, STEPS), (SIZE, 1)]
        weight = weights[turn % 3]
        adds_up(
            network,
            IDS,
            y,
            None if weight is None else np.random.default_rng(4).random(weight).astype("float32"),
            name in ("Dice", "Tversky"),
        )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("masked", [True, False])
def test_reductions_with_weights(reduction: str | None, masked: bool) -> None:
    network = tagger(masked=masked)
    network.compile(loss=keras.losses.MeanSquaredError(reduction=reduction))
    y = np.random.default_rng(2).normal(size=(SIZE, STEPS, CLASSES)).astype("float32")
    weight = np.random.default_rng(4).random((SIZE, STEPS)).astype("float32")
    trace = adds_up(network, IDS, y, weight)
    (share,) = trace.contributions.values()
    assert share.shape == (SIZE, STEPS)
    assert (share[~KEPT] == 0).all() == masked


@pytest.mark.parametrize("shape", [(SIZE,), (SIZE, 1), (SIZE, STEPS), (SIZE, STEPS, 1)])
def test_shapes_of_weights(shape: tuple[int, ...]) -> None:
    network = tagger(activation="softmax")
    network.compile(loss="sparse_categorical_crossentropy")
    weight = np.random.default_rng(4).random(shape).astype("float32")
    y = np.random.default_rng(2).integers(0, CLASSES, (SIZE, STEPS))
    try:
        evaluated(network, IDS, y, weight)
    except ValueError:  # Keras takes no weight of a sample for a loss of steps, unless there are as many
        with pytest.raises(UnusableInput, match=r"^[^\n]+\.$"):
            api.trace(network, IDS, y, weight)
        return
    adds_up(network, IDS, y, weight)


def test_without_a_mask_nothing_is_kept_back() -> None:
    network = tagger(1, masked=False)
    network.compile(loss="mae")
    y = np.ones((SIZE, STEPS, 1), "float32")
    ledger = adds_up(network, IDS, y).ledger
    errors = np.abs(network.predict(IDS, verbose=0) - y)[..., 0]
    assert ledger.unmasked == pytest.approx(errors.mean(), rel=1e-5)
    assert ledger.kept_only == pytest.approx(errors[KEPT].mean(), rel=1e-5)
    assert ledger.padding_share == pytest.approx(errors[~KEPT].sum() / errors.sum(), rel=1e-5)


def test_a_mask_keeps_padding_out() -> None:
    network = tagger(1)
    network.compile(loss="mae")
    y = np.ones((SIZE, STEPS, 1), "float32")
    ledger = adds_up(network, IDS, y).ledger
    errors = np.abs(network.predict(IDS, verbose=0) - y)[..., 0]
    assert [ledger.reported, ledger.kept_only] == pytest.approx([errors[KEPT].mean()] * 2, rel=1e-5)
    assert ledger.unmasked == pytest.approx(errors.mean(), rel=1e-5)
    assert ledger.padding_share == 0


def test_nothing_but_padding_costs_nothing() -> None:
    network = tagger(1)
    network.compile(loss="mse")
    assert adds_up(network, np.zeros((SIZE, STEPS), "float32"), np.ones((SIZE, STEPS, 1), "float32")).ledger.reported == 0


def test_ignore_class() -> None:
    network = tagger(activation="softmax")
    network.compile(loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=-1))
    y = np.where(KEPT, np.random.default_rng(2).integers(0, CLASSES, IDS.shape), -1)
    y[0, 1] = -1
    (share,) = adds_up(network, IDS, y).contributions.values()
    assert share[0, 1] == 0
    assert (share[~KEPT] == 0).all()


@pytest.mark.parametrize(("loss", "activation"), [("CategoricalCrossentropy", "softmax"), ("BinaryCrossentropy", "sigmoid")])
@pytest.mark.parametrize("from_logits", [True, False])
def test_keras_looks_behind_the_activation(loss: str, activation: str, from_logits: bool) -> None:
    network = tagger(activation=activation)
    network.compile(loss=getattr(keras.losses, loss)(from_logits=from_logits))
    adds_up(network, IDS, np.eye(CLASSES, dtype="float32")[np.random.default_rng(2).integers(0, CLASSES, IDS.shape)])


def two_heads(as_dict: bool) -> keras.Model:
    keras.utils.set_random_seed(1)
    ids = keras.Input((STEPS,), name="ids")
    hidden = layers.LSTM(4, return_sequences=True)(layers.Embedding(7, 4, mask_zero=True)(ids))
    tags = layers.Dense(CLASSES, activation="softmax", name="tags")(hidden)
    score = layers.Dense(1, name="score")(layers.GlobalAveragePooling1D()(hidden))
    return keras.Model(ids, {"tags": tags, "score": score} if as_dict else [tags, score])


TAGS = np.random.default_rng(2).integers(0, CLASSES, IDS.shape)
SCORE = np.random.default_rng(2).normal(size=(SIZE, 1)).astype("float32")


@pytest.mark.parametrize("as_dict", [True, False])
@pytest.mark.parametrize("with_score", [True, False])
def test_several_outputs(as_dict: bool, with_score: bool) -> None:
    network = two_heads(as_dict)
    losses = {"tags": "sparse_categorical_crossentropy", "score": "mse" if with_score else None}
    factors = {"tags": 0.7, "score": 2.0} if with_score else None
    if as_dict:
        network.compile(loss=losses, loss_weights=factors)
    else:
        network.compile(loss=list(losses.values()), loss_weights=None if factors is None else list(factors.values()))
    given = {"tags": TAGS, "score": SCORE}
    expected = evaluated(network, IDS, given if as_dict else [TAGS, SCORE])
    trace = api.trace(network, IDS, given)
    assert trace.ledger.reported == pytest.approx(expected, rel=2e-5)
    assert trace.ledger.evaluate == pytest.approx(expected, rel=2e-5)
    assert sum(float(share.sum()) for share in trace.contributions.values()) == pytest.approx(expected, rel=2e-5)
    shapes = {"tags": (SIZE, STEPS)} | ({"score": (SIZE,)} if with_score else {})
    assert {name: share.shape for name, share in trace.contributions.items()} == shapes
    assert {t.output: t.weight for t in trace.ledger.terms} == (factors or {"tags": 1.0})


def test_weights_of_several_outputs() -> None:
    network = two_heads(as_dict=True)
    network.compile(
        loss={"tags": "sparse_categorical_crossentropy", "score": "mse"}, metrics={"tags": "accuracy"}, weighted_metrics={"score": "mae"}
    )
    weights = {"tags": np.random.default_rng(4).random(IDS.shape).astype("float32"), "score": np.asarray([1.0, 0.0, 3.0], "float32")}
    result = network.evaluate(IDS, {"tags": TAGS, "score": SCORE}, sample_weight=weights, batch_size=SIZE, verbose=0, return_dict=True)
    trace = api.trace(network, IDS, {"tags": TAGS, "score": SCORE}, weights)
    assert trace.ledger.sum == pytest.approx(result.pop("loss"), rel=2e-5)
    assert dict(trace.metrics) == pytest.approx(result, rel=2e-5)
    assert trace.contributions["score"][1] == 0


def squared(y: Any, y_pred: Any) -> Any:
    return ops.sum(ops.square(y - y_pred), axis=-1)


class PerStep(keras.losses.Loss):
    """A loss of its own, of one number a step."""

    def call(self, y: Any, y_pred: Any) -> Any:
        return ops.max(ops.abs(y - y_pred), axis=-1)


class OfAnother(keras.losses.Loss):
    """A loss that asks another one, which reduces by itself: one number for the batch."""

    def call(self, y: Any, y_pred: Any) -> Any:
        return keras.losses.MeanSquaredError()(y, y_pred)


def one_number(y: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y - y_pred))


@pytest.mark.parametrize("loss", [squared, PerStep(), PerStep(reduction="sum"), OfAnother(), one_number])
def test_losses_of_ones_own(loss: Any) -> None:
    network = tagger(2)
    network.compile(loss=loss)
    y = np.random.default_rng(2).normal(size=(SIZE, STEPS, 2)).astype("float32")
    scalar = loss is one_number or isinstance(loss, OfAnother)
    trace = adds_up(network, IDS, y, scalar=scalar)
    assert bool(trace.contributions) is not scalar
    if loss is squared:
        assert trace.ledger.terms[0].name == "squared"


class Adding(keras.Layer):
    """Adds a loss of its own to the network's."""

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        self.add_loss(0.1 * ops.mean(ops.square(inputs)))
        return inputs * 1.0


@pytest.mark.parametrize("kind", ["weights", "activity", "add_loss", "all"])
def test_what_layers_add(kind: str) -> None:
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,))
    hidden = layers.Embedding(7, 4, mask_zero=True)(ids)
    weights = {"kernel_regularizer": "l2"} if kind in ("weights", "all") else {}
    activity = {"activity_regularizer": keras.regularizers.L2(0.3)} if kind in ("activity", "all") else {}
    hidden = layers.Dense(4, **weights, **activity)(hidden)
    if kind in ("add_loss", "all"):
        hidden = Adding()(hidden)
    network = keras.Model(ids, layers.Dense(1)(hidden))
    network.compile(loss="mse")
    trace = adds_up(network, IDS, np.ones((SIZE, STEPS, 1), "float32"))
    assert trace.ledger.added > 0


def test_metrics_are_those_of_keras() -> None:
    network = tagger(activation="softmax")
    network.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["sparse_top_k_categorical_accuracy"])
    weight = np.random.default_rng(4).random(IDS.shape).astype("float32")
    result = network.evaluate(IDS, TAGS, sample_weight=weight, batch_size=SIZE, verbose=0, return_dict=True)
    trace = api.trace(network, IDS, TAGS, weight)
    assert {"loss": trace.ledger.evaluate, **trace.metrics} == pytest.approx(result, rel=1e-5)


def test_half_precision() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = tagger(1)
    finally:
        keras.config.set_dtype_policy("float32")
    network.compile(loss="mse")
    y = np.ones((SIZE, STEPS, 1), "float32")
    trace = api.trace(network, IDS, y)
    assert trace.ledger.sum == pytest.approx(evaluated(network, IDS, y), rel=2e-3)


class Branches(keras.Model):
    """A subclassed network with a dict of inputs and of outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.masking = layers.Embedding(7, 4, mask_zero=True), layers.Masking()
        self.words, self.series = layers.Dense(CLASSES, activation="softmax"), layers.LSTM(2)

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return {"words": self.words(self.embedding(inputs["words"])), "series": self.series(self.masking(inputs["series"]))}


def test_subclassed_network_with_dicts() -> None:
    series = np.where(KEPT[..., None], np.random.default_rng(3).normal(size=(SIZE, STEPS, 2)), 0).astype("float32")
    x, y = {"words": IDS, "series": series}, {"words": TAGS, "series": np.ones((SIZE, 2), "float32")}
    network = Branches()
    network(x)
    network.compile(loss={"words": "sparse_categorical_crossentropy", "series": "mae"}, loss_weights={"words": 1.0, "series": 0.5})
    trace = adds_up(network, x, y)
    assert {name: share.shape for name, share in trace.contributions.items()} == {"words": (SIZE, STEPS), "series": (SIZE,)}


def test_without_a_loss_there_is_no_ledger() -> None:
    trace = api.trace(tagger(1), IDS)
    assert trace.ledger.reported is trace.ledger.sum is trace.ledger.matches is None
    assert not trace.contributions
    assert not trace.compiled
    asked = api.trace(tagger(1), IDS, np.ones((SIZE, STEPS, 1), "float32"), loss="mse")
    assert asked.ledger.matches


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(UnusableInput, match=r"^Keras has no loss named sqare.*\.$"):
        api.trace(tagger(1), IDS, np.ones((SIZE, STEPS, 1), "float32"), loss="sqare")
