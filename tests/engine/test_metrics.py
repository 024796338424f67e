"""What metrics make of masks and weights, shapes that do not fit, and losses of several batches: all against plain Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, metrics
from numpy.typing import NDArray

from maskviz import api
from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.ledger import MetricNote
from maskviz.core.losses import in_batches_of
from maskviz.core.network import Network, OutputSpec
from maskviz.core.ranks import rank_traps
from maskviz.core.version_rules import epoch_loss, in_batches

pytestmark = [
    pytest.mark.engine,
    pytest.mark.expects_log("triggered tf.function retracing"),
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
]

IDS = np.asarray([[1, 2, 3, 4], [5, 6, 0, 0], [3, 0, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0]], "float32")
KEPT = IDS != 0
RNG = np.random.default_rng(3)
WEIGHTS = RNG.random(IDS.shape).astype("float32")
CLASSES = RNG.integers(0, 3, IDS.shape)
ANSWERS = RNG.integers(0, 2, (*IDS.shape, 1)).astype("float32")
NUMBERS = RNG.normal(size=(*IDS.shape, 1)).astype("float32")


def network(units: int = 1, activation: str | None = None, masked: bool = True, kind: type[keras.Model] = keras.Model) -> keras.Model:
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), name="ids")
    hidden = layers.Embedding(7, 4, mask_zero=masked, embeddings_initializer="normal")(ids)
    return kind(ids, layers.Dense(units, activation=activation, name="out")(hidden))


def notes(net: keras.Model, y: Any, weight: Any = None, x: Any = IDS) -> dict[str, MetricNote]:
    trace = api.trace(net, x, y, weight)
    found = {note.name: note for note in trace.metric_notes}
    assert {name: note.value for name, note in found.items()} == dict(trace.metrics)
    assert set(trace.to_dict()["metrics_detail"]) == set(trace.metrics)
    return found


def moved_by_keras(net: keras.Model, y: NDArray[Any], others: list[NDArray[Any]], weights: tuple[Any, Any]) -> tuple[set[str], set[str]]:
    """Metrics that other targets move, and that other weights move, by plain ``test_on_batch``."""
    first = net.test_on_batch(IDS, y, return_dict=True)
    changed = [net.test_on_batch(IDS, other, return_dict=True) for other in others]
    one, other = (net.test_on_batch(IDS, y, sample_weight=w, return_dict=True) for w in weights)
    by_target = {name for name in first for second in changed if not np.isclose(first[name], second[name])}
    return by_target, {name for name in one if not np.isclose(one[name], other[name])}


def test_metrics_of_answers_are_those_that_plain_keras_moves() -> None:
    net = network(activation="sigmoid")
    plain = [metrics.Precision, metrics.Recall, metrics.AUC, metrics.TrueNegatives, metrics.RootMeanSquaredError, metrics.BinaryIoU]
    net.compile(
        loss="binary_crossentropy",
        metrics=["accuracy", "mae", *(kind(name=kind.__name__) for kind in plain)],
        weighted_metrics=[metrics.AUC(name="weighted_auc"), metrics.BinaryCrossentropy(name="weighted_bce")],
    )
    found = notes(net, ANSWERS)
    at_masked = [np.where(KEPT[..., None], ANSWERS, other) for other in (1 - ANSWERS, np.zeros_like(ANSWERS), np.ones_like(ANSWERS))]
    by_target, by_weight = moved_by_keras(net, ANSWERS, at_masked, (WEIGHTS, 1 - WEIGHTS))
    ignore = {name for name, note in found.items() if note.honours_mask is False}
    # all predictions at masked steps are below 0.5, so that targets alone do not move the precision; the experiment changes both
    assert ignore == by_target | {"Precision"}
    assert {name for name, note in found.items() if note.honours_mask} == {"accuracy", "mae", "weighted_bce"}
    assert {name for name, note in found.items() if note.honours_weights} == by_weight - {"loss"}


def test_the_value_over_kept_steps_is_that_of_the_metric_s_own_class() -> None:
    net = network(activation="sigmoid")
    net.compile(loss="binary_crossentropy", metrics=[metrics.AUC(name="auc"), "mae"], weighted_metrics=[metrics.Recall(name="recall")])
    found = notes(net, ANSWERS, WEIGHTS)
    predictions = net.predict(IDS, verbose=0)
    auc, recall = metrics.AUC(), metrics.Recall()
    for metric in (auc, recall):
        metric.update_state(ANSWERS[KEPT], predictions[KEPT], WEIGHTS[KEPT])
    assert found["auc"].masked_value == pytest.approx(float(auc.result()), rel=1e-5)
    assert found["recall"].masked_value == pytest.approx(float(recall.result()), rel=1e-5)
    errors = np.abs(predictions - ANSWERS)[KEPT][:, 0]
    assert found["mae"].masked_value == pytest.approx(np.average(errors, weights=WEIGHTS[KEPT]), rel=1e-5)
    assert found["mae"].value == pytest.approx(errors.mean(), rel=1e-5)


def test_a_metric_that_honours_both_has_one_value() -> None:
    net = network(3, "softmax")
    net.compile(
        loss="sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=[metrics.SparseCategoricalAccuracy(name="w")]
    )
    found = notes(net, CLASSES, WEIGHTS)
    assert (found["w"].honours_mask, found["w"].honours_weights) == (True, True)
    assert found["w"].masked_value == pytest.approx(found["w"].value, rel=1e-5)
    assert (found["accuracy"].honours_mask, found["accuracy"].honours_weights) == (True, False)
    assert found["accuracy"].masked_value == pytest.approx(found["w"].value, rel=1e-5)


def test_without_a_mask_nothing_is_said_of_it_and_padding_is_left_out() -> None:
    net = network(masked=False)
    net.compile(loss="mse", metrics=["mae"])
    found = notes(net, NUMBERS)
    assert found["mae"].honours_mask is None
    errors = np.abs(net.predict(IDS, verbose=0) - NUMBERS)
    assert found["mae"].value == pytest.approx(errors.mean(), rel=1e-5)
    assert found["mae"].masked_value == pytest.approx(errors[KEPT].mean(), rel=1e-5)


def test_nothing_skipped_and_one_sample_show_nothing() -> None:
    net = network()
    net.compile(loss="mse", metrics=["mae"])
    found = notes(net, NUMBERS[:1], x=IDS[:1])
    assert (found["mae"].honours_mask, found["mae"].honours_weights) == (None, None)


def test_a_metric_that_nothing_moves_is_not_judged() -> None:
    net = network(3, "softmax")
    net.compile(loss="sparse_categorical_crossentropy", metrics=[metrics.SparseTopKCategoricalAccuracy(k=3, name="all_of_them")])
    assert notes(net, CLASSES)["all_of_them"].honours_mask is None


class OfSequences(keras.metrics.Metric):
    """Takes whole sequences only, and looks at the mask itself."""

    def __init__(self, name: str = "of_sequences", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable(shape=(), initializer="zeros", name="total")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        _, _, _ = y_pred.shape
        errors = keras.ops.abs(keras.ops.cast(y_true, "float32") - y_pred)[..., 0]
        mask = getattr(y_pred, "_keras_mask", None)
        self.total.assign_add(keras.ops.sum(errors if mask is None else keras.ops.where(mask, errors, 0.0)))

    def result(self) -> Any:
        return self.total

    def reset_state(self) -> None:
        self.total.assign(0.0)


def test_a_metric_of_ones_own() -> None:
    net = network()
    net.compile(loss="mse", metrics=[OfSequences()], weighted_metrics=[OfSequences(name="weighted")])
    found = notes(net, NUMBERS, WEIGHTS)
    assert found["of_sequences"].honours_mask is True
    assert found["weighted"].honours_weights is False
    assert found["of_sequences"].masked_value is None


class OwnStep(keras.Model):
    """Reports a number that no metric of ``compile`` gives."""

    def test_step(self, data: Any) -> Any:
        return {**super().test_step(data), "mae": 42.0, "own": 7.0}


def test_what_a_test_step_of_ones_own_reports_is_not_explained() -> None:
    net = network(kind=OwnStep)
    net.compile(loss="mse", metrics=["mae"])
    found = notes(net, NUMBERS)
    assert (found["mae"].value, found["mae"].honours_mask) == (42.0, None)
    assert found["own"] == MetricNote("own", 7.0)


def test_metrics_keep_what_they_have_counted() -> None:
    net = network()
    net.compile(loss="mse", metrics=["mae"])
    net.train_on_batch(IDS, NUMBERS)
    before = [np.asarray(v) for v in net.metrics_variables]
    assert any(v.any() for v in before)
    notes(net, NUMBERS)
    for variable, value in zip(net.metrics_variables, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)


@pytest.mark.parametrize("as_dict", [True, False])
def test_several_outputs(as_dict: bool) -> None:
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), name="ids")
    hidden = layers.Embedding(7, 4, mask_zero=True)(ids)
    tags = layers.Dense(3, activation="softmax", name="tags")(hidden)
    score = layers.Dense(1, name="score")(layers.LSTM(3)(hidden))
    net = keras.Model(ids, {"tags": tags, "score": score} if as_dict else [tags, score])
    losses, kinds = {"tags": "sparse_categorical_crossentropy", "score": "mse"}, {"tags": ["accuracy"], "score": ["mae"]}
    net.compile(loss=losses, metrics=kinds, weighted_metrics={"score": ["mse"]})
    found = notes(net, {"tags": CLASSES, "score": NUMBERS[:, 0]}, {"tags": WEIGHTS, "score": WEIGHTS[:, 0]})
    assert found["tags_accuracy"].honours_mask is True
    assert found["score_mae"].honours_mask is None
    assert found["score_mae"].honours_weights is False
    assert found["score_mse"].honours_weights is True
    assert found["score_mse"].masked_value == pytest.approx(found["score_mse"].value, rel=1e-5)
    assert (found["tags_loss"].honours_mask, found["tags_loss"].honours_weights) == (True, True)
    right = net.predict(IDS, verbose=0)["tags" if as_dict else 0].argmax(axis=-1) == CLASSES
    assert found["tags_accuracy"].masked_value == pytest.approx(np.average(right[KEPT], weights=WEIGHTS[KEPT]), rel=1e-5)


# shapes


def square(units: int, masked: bool, wide: bool = False) -> keras.Model:
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), name="ids")
    hidden = layers.Embedding(7, 4, mask_zero=masked, embeddings_initializer="normal")(ids)
    return keras.Model(ids, layers.Dense(units, name="out")(layers.GlobalAveragePooling1D()(hidden) if wide else hidden))


@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(("drop_axis", "weight"), [(True, None), (False, "samples"), (False, "steps"), (False, "column"), (True, "steps")])
def test_keras_does_what_the_trap_says(samples: int, masked: bool, drop_axis: bool, weight: str | None) -> None:
    """The number changes without a word, stays, or Keras stops, as ``consequence`` says; without a trap the number is the right one."""
    net = square(1, masked)
    net.compile(loss="mse")
    x, y = IDS[:samples], NUMBERS[:samples]
    weights = {None: None, "samples": WEIGHTS[:samples, 0], "steps": WEIGHTS[:samples], "column": WEIGHTS[:samples, :1]}[weight]
    given = y[..., 0] if drop_axis else y
    meant = weights[:, None] if weight == "samples" else weights
    right = float(net.test_on_batch(x, y, sample_weight=meant))
    described = Network("n", "Functional", True, "3", "tensorflow", (), (OutputSpec("out", (None, None, 1), "float32", "mse"),))
    batch = Batch({"ids": x}, {"out": given}, {} if weights is None else {"out": weights})
    found = rank_traps(described, batch, {"out": y.shape}, {"out": x.shape} if masked else {})
    consequence = found[0].consequence if found else None
    net.compile(loss="mse")
    try:
        got = float(net.test_on_batch(x, given, sample_weight=weights))
    except ValueError:
        assert consequence == "raises"
        with pytest.raises(UnusableInput, match=r"^The (target|sample_weight) of 'out' has shape .*; give .*\.$"):
            api.trace(square_compiled(masked), x, given, weights)
        return
    assert consequence == (("coarse" if drop_axis else None) if got == pytest.approx(right, rel=1e-5) else "wrong")


def square_compiled(masked: bool) -> keras.Model:
    net = square(1, masked)
    net.compile(loss="mse")
    return net


def test_a_target_is_repeated_without_a_word() -> None:
    net = square(1, True, wide=True)
    net.compile(loss="mse")
    assert np.isfinite(net.test_on_batch(IDS[:4], NUMBERS[:4, :, 0]))
    described = Network("n", "Functional", True, "3", "tensorflow", (), (OutputSpec("out", (None, 1), "float32", "mse"),))
    (trap,) = rank_traps(described, Batch({}, {"out": NUMBERS[:4, :, 0]}), {"out": (4, 1)})
    assert trap.consequence == "wrong"


# several batches


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("weighted", [True, False])
def test_the_epoch_s_loss_is_that_of_evaluate(size: int, weighted: bool) -> None:
    net = network()
    net.compile(loss="mse")
    weight = WEIGHTS if weighted else None
    expected = net.evaluate(IDS, NUMBERS, sample_weight=weight, batch_size=size, verbose=0)
    sizes, losses = in_batches(api.trace(net, IDS, NUMBERS, weight).ledger.terms, size)
    assert epoch_loss(sizes, losses) == pytest.approx(expected, rel=1e-5)
    assert sum(sizes) == len(IDS)


def test_the_row_of_batches_is_what_evaluate_gives_by_default() -> None:
    net = network()
    net.compile(loss="mse")
    x, y = np.repeat(IDS, 9, axis=0), np.repeat(NUMBERS, 9, axis=0)
    ledger = api.trace(net, x, y).ledger
    rows = {row.key: row for row in ledger.rows}
    expected = net.evaluate(x, y, verbose=0)
    first, rest = (float(net.test_on_batch(x[cut], y[cut])) for cut in (slice(32), slice(32, None)))
    assert rows["batches"].value == pytest.approx(expected, rel=1e-5)
    assert rows["batches"].formula == f"(32·{first:.4g} + 13·{rest:.4g}) / 45 samples"
    assert expected != pytest.approx(ledger.reported, rel=1e-3)


def test_batches_of_any_size() -> None:
    net = network()
    net.compile(loss="mse")
    ledger = in_batches_of(api.trace(net, IDS, NUMBERS).ledger, 2)
    (row,) = (row for row in ledger.rows if row.key == "batches")
    assert row.label == "in batches of 2"
    assert row.value == pytest.approx(net.evaluate(IDS, NUMBERS, batch_size=2, verbose=0), rel=1e-5)
    assert in_batches_of(ledger, 3).rows != ledger.rows
    assert len(in_batches_of(ledger, 3).rows) == len(ledger.rows)


@pytest.mark.parametrize("activity", [True, False])
def test_what_layers_add_to_each_batch(activity: bool) -> None:
    """Regularizers of weights count once in every batch; what depends on the batch is not guessed."""
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), name="ids")
    hidden = layers.Embedding(7, 4, mask_zero=True)(ids)
    net = keras.Model(ids, layers.Dense(1, name="out", **{"activity_regularizer" if activity else "kernel_regularizer": "l2"})(hidden))
    net.compile(loss="mse")
    ledger = in_batches_of(api.trace(net, IDS, NUMBERS).ledger, 2)
    (row,) = (row for row in ledger.rows if row.key == "batches")
    if activity:
        assert row.value is None
    else:
        assert row.value == pytest.approx(net.evaluate(IDS, NUMBERS, batch_size=2, verbose=0), rel=1e-5)
