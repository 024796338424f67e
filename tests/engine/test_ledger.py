"""The ledger of losses that are out of the ordinary: its numbers are those of plain Keras, or it says what is not known."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from maskviz import api, cli, resources
from maskviz.core.errors import UnusableInput
from maskviz.core.ledger import Ledger
from maskviz.core.trace import Trace
from tests.engine.plain import plain

pytestmark = [
    pytest.mark.engine,
    pytest.mark.expects_log("triggered tf.function retracing"),
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
]

IDS = np.asarray([[1, 2, 3, 4], [5, 6, 0, 0], [3, 0, 0, 0]], "float32")
KEPT = IDS != 0
Y = np.random.default_rng(3).normal(size=(3, 4, 1)).astype("float32")


def network(outputs: int = 1, masked: bool = True, kind: type[keras.Model] = keras.Model, **dense: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), name="ids")
    hidden = layers.Embedding(7, 4, mask_zero=masked, embeddings_initializer="normal")(ids)
    heads = [layers.Dense(1, name=name, **dense)(hidden) for name in "ab"[:outputs]]
    return kind(ids, heads if outputs > 1 else heads[0])


def agrees(net: keras.Model, y: Any, sample_weight: Any = None) -> Trace:
    """The trace of a network that was never evaluated, then what ``evaluate`` says."""
    trace = api.trace(net, IDS, y, sample_weight)
    expected = net.evaluate(IDS, list(y.values()) if isinstance(y, dict) else y, sample_weight=sample_weight, verbose=0, return_dict=True)
    assert trace.ledger.reported == pytest.approx(expected["loss"], rel=1e-5)
    assert trace.ledger.matches
    return trace


def rows(ledger: Ledger) -> dict[str, Any]:
    return {row.key: row for row in ledger.rows}


class OwnCall(keras.losses.Loss):
    """Does without the reduction of Keras."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return 3 * ops.mean(ops.square(y_true - y_pred))


class AroundAnother(keras.losses.Loss):
    """Asks another loss, and reduces by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = keras.losses.MeanSquaredError(reduction="sum")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return 0.5 * self.inner(y_true, y_pred, sample_weight)


class AroundItself(keras.losses.MeanSquaredError):
    """Twice what Keras makes of it."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return 2 * super().__call__(y_true, y_pred, sample_weight)


@pytest.mark.parametrize("kind", [OwnCall, AroundAnother, AroundItself])
def test_a_loss_with_a_call_of_its_own_is_one_number(kind: type[keras.losses.Loss]) -> None:
    own = vars(kind)["__call__"]
    net = network()
    net.compile(loss=kind())
    trace = agrees(net, Y)
    assert not trace.contributions
    assert rows(trace.ledger)["sum"].formula == "a gives one number and cannot be shared out"
    assert rows(trace.ledger)["kept_only"].value is None
    assert vars(kind)["__call__"] is own


@pytest.mark.parametrize("kind", [OwnCall, AroundAnother, AroundItself])
def test_beside_it_another_loss_is_shared_out(kind: type[keras.losses.Loss]) -> None:
    net = network(2)
    net.compile(loss=[kind(), "mse"], loss_weights=[2.0, 0.5])
    trace = agrees(net, {"a": Y, "b": Y})
    (share,) = trace.contributions.values()
    assert list(trace.contributions) == ["b"]
    errors = (net.predict(IDS, verbose=0)[1] - Y)[..., 0] ** 2
    np.testing.assert_allclose(share, 0.5 * np.where(KEPT, errors, 0) / KEPT.sum(), rtol=1e-5)


def test_of_two_losses_on_one_output_keras_counts_the_first() -> None:
    net = network()
    net.compile(loss=["mse", "mae"])
    trace = agrees(net, Y)
    assert [term.weight for term in trace.ledger.terms] == [1.0, 0.0]
    errors = (net.predict(IDS, verbose=0) - Y)[..., 0] ** 2
    assert trace.ledger.reported == pytest.approx(errors[KEPT].mean(), rel=1e-5)


def test_two_losses_on_one_of_two_outputs_both_count() -> None:
    net = network(2)
    net.compile(loss=["mse", ["mse", "mae"]])
    trace = agrees(net, {"a": Y, "b": Y})
    assert [(t.output, t.name) for t in trace.ledger.terms] == [("a", "mse"), ("b", "mse + mae"), ("b", "mse + mae")]
    errors = np.abs(net.predict(IDS, verbose=0)[1] - Y)[..., 0]
    assert trace.contributions["b"].sum() == pytest.approx((errors[KEPT] ** 2).mean() + errors[KEPT].mean(), rel=1e-5)


def test_padding_of_an_output_with_two_losses_counts_once() -> None:
    net = network(2, masked=False)
    net.compile(loss=["mse", ["mse", "mse"]])
    ledger = agrees(net, {"a": Y, "b": Y}).ledger
    a, b = ((p - Y)[..., 0] ** 2 for p in net.predict(IDS, verbose=0))
    assert ledger.padding_share == pytest.approx((a[~KEPT].sum() + 2 * b[~KEPT].sum()) / (a.sum() + 2 * b.sum()), rel=1e-5)


def from_y(y_true: Any, y_pred: Any) -> Any:
    real = ops.cast(ops.not_equal(y_true[..., 0], 0), "float32")
    return ops.sum(ops.square(y_true - y_pred)[..., 0] * real) / ops.sum(real)


def steps_from_y(y_true: Any, y_pred: Any) -> Any:
    return ops.where(ops.not_equal(y_true[..., 0], 0), ops.square(y_true - y_pred)[..., 0], 0.0)


def test_a_mask_from_the_target() -> None:
    y = np.where(KEPT[..., None], Y, 0)
    net = network(masked=False)
    net.compile(loss=from_y)
    assert not agrees(net, y).contributions
    net = network(masked=False)
    net.compile(loss=steps_from_y)
    trace = agrees(net, y)
    (share,) = trace.contributions.values()
    assert (share[~KEPT] == 0).all()
    assert trace.ledger.padding_share == 0
    # the divisor is not told by the target: the mean counts every step
    assert rows(trace.ledger)["reported"].formula.endswith("/ 12 steps")
    assert rows(trace.ledger)["kept_only"].formula.endswith("/ 7 real steps")


def test_every_row_says_its_divisor() -> None:
    net = network()
    net.compile(loss="mse")
    weight = np.where(KEPT, 0.5, 1).astype("float32")
    weight[0, 0] = 0
    trace = agrees(net, Y, weight)
    errors = (net.predict(IDS, verbose=0) - Y)[..., 0].astype("float64") ** 2
    summed = (errors * weight)[KEPT].sum()
    found = rows(trace.ledger)
    expected = {
        "reported": (summed / 7, f"Σ {summed:.4g} / 7 kept steps"),
        "kept_only": (summed / 7, f"Σ {summed:.4g} / 7 real steps"),
        "unmasked": ((errors * weight).mean(), f"Σ {(errors * weight).sum():.4g} / 12 steps"),
        "mask_times_weights": (summed / 3, f"Σ {summed:.4g} / Σ m·w 3"),
        "rule:keras_3": (summed / 7, f"Σ {summed:.4g} / 7 kept steps"),
        "rule:tensorflow_2.11": (summed / 12, f"Σ {summed:.4g} / 12 steps"),
        "rule:keras_2.2": (summed / (7 * 11 / 12), f"Σ {summed:.4g} / (7 kept steps × 0.917 with a weight)"),
    }
    assert {key: row.formula for key, row in found.items() if key in expected} == {key: formula for key, (_, formula) in expected.items()}
    for key, (value, _) in expected.items():
        assert found[key].value == pytest.approx(value, rel=1e-4), key


def test_a_reduction_that_older_versions_lacked_has_no_number_there() -> None:
    net = network()
    net.compile(loss=keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"))
    found = rows(agrees(net, Y, KEPT.astype("float32")).ledger)
    assert found["rule:keras_2.2"].value is None
    assert found["rule:keras_2.2"].formula == "Keras 2.2 had no reduction mean_with_sample_weight"


class Doubled(keras.Model):
    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        return 2 * super().compute_loss(x, y, y_pred, sample_weight)


class OwnLoss(keras.Model):
    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        return ops.mean(ops.abs(y - y_pred))


def test_a_mismatch_is_shown() -> None:
    net = network(kind=Doubled)
    net.compile(loss="mse")
    ledger = api.trace(net, IDS, Y).ledger
    assert ledger.matches is False
    assert ledger.evaluate == pytest.approx(2 * ledger.sum, rel=1e-5)
    assert ledger.reported == pytest.approx(ledger.evaluate, rel=1e-5)


def test_a_loss_computed_by_the_network_itself() -> None:
    net = network(kind=OwnLoss)
    net.compile()
    ledger = api.trace(net, IDS, Y).ledger
    assert ledger.reported == pytest.approx(np.abs(net.predict(IDS, verbose=0) - Y).mean(), rel=1e-5)
    assert ledger.sum is None
    assert "cannot be shared out" in rows(ledger)["reported"].formula


def test_a_loss_of_layers_alone() -> None:
    net = network(kernel_regularizer="l2")
    net.compile()
    ledger = agrees(net, Y).ledger
    assert ledger.added == pytest.approx(0.01 * float((net.layers[-1].get_weights()[0] ** 2).sum()), rel=1e-5)


def test_metrics_without_a_loss_do_not_keep_the_masks_away() -> None:
    net = network()
    net.compile(metrics=["mae"])
    trace = api.trace(net, IDS, Y)
    assert trace.masks
    assert trace.ledger.reported is None


def test_a_metric_that_raises_does_not_keep_the_loss_away() -> None:
    net = network()
    net.compile(loss="mse", metrics=[keras.metrics.F1Score()])
    trace = api.trace(net, IDS, Y)
    assert trace.ledger.sum == pytest.approx(((net.predict(IDS, verbose=0) - Y) ** 2)[KEPT].mean(), rel=1e-5)
    assert trace.ledger.matches is None
    (note,) = trace.notes
    assert note.startswith("Keras cannot evaluate this batch: FBetaScore expects 2D inputs")


def test_a_missing_target_is_named() -> None:
    net = network(2)
    with pytest.raises(UnusableInput, match=r"^The output 'b' has a loss, but the batch has no target for it: add one as y__b\.$"):
        api.trace(net, IDS, {"a": Y}, loss="mse")


def test_a_loss_is_chosen_for_every_output() -> None:
    trace = api.trace(network(2), IDS, {"a": Y, "b": Y}, loss="mse")
    assert trace.ledger.matches
    assert list(trace.contributions) == ["a", "b"]


def test_the_command_line_says_the_loss_in_batches(capsys: pytest.CaptureFixture[str]) -> None:
    example = resources.example("divisor")
    arguments = ["trace", str(example.network), "--batch", str(example.batch), "--batch-size", "1", "--json", "-"]
    if example.custom is not None:
        arguments += ["--custom", str(example.custom)]
    assert cli.run(arguments) == 0
    (row,) = (row for row in json.loads(capsys.readouterr().out)["loss"]["rows"] if row["key"] == "batches")
    held = plain("divisor")
    held.reset()
    expected = held.network.evaluate(held.x, held.y, sample_weight=held.weight, batch_size=1, verbose=0, return_dict=True)
    assert row["label"] == "in batches of 1"
    assert row["value"] == pytest.approx(expected["loss"], rel=1e-5)
