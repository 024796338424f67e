"""What the loss, the metrics and the predictions make of masks, weights and targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.findings.nets import (
    PADDED,
    B,
    F,
    T,
    V,
    data,
    ending,
    features,
    ids,
    ids_of,
    network,
    repaired_by,
    series,
    traced,
    vector,
    words,
)

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]

SQUARE = {"rows": np.array([0, 1, 2, 3, 4, 1])}
"""Rows that make a batch of as many samples as steps."""


def tagger(loss: Any = "mse", units: int = 1, **compile: Any) -> keras.Model:
    """Masked features and a loss a step."""
    x, masked = data()
    return network(x, ending(masked, units), loss, **compile)


def bare(loss: Any = "mse", units: int = 1) -> keras.Model:
    """Features without padding or mask, and a loss a step."""
    x, raw = data(mask=False)
    return network(x, ending(raw, units), loss)


def full(pad: float = 1.0) -> Any:
    """Features of which nothing is padding."""
    return features(pad=pad)


NO_PADDING = np.zeros((B, T), bool)


def test_weights_of_samples_are_taken_for_weights_of_steps() -> None:
    rows = SQUARE["rows"]
    weights = np.arange(1.0, 7.0, dtype="float32")
    given, y, padding = full()[rows], series()[rows], NO_PADDING[rows]
    found = traced(bare(), given, y, weights, padding)
    assert ids_of(found) == ["MV18-sample-weights-taken-per-step"]
    (finding,) = (f for f in found.findings if f.severity == "error")
    repaired = traced(bare(), given, y, np.repeat(weights[:, None], T, axis=1), padding)
    assert ids_of(repaired) == []
    assert finding.evidence["loss"] == pytest.approx(found.ledger.reported)


def test_the_weighted_mean_divides_by_too_few_weights() -> None:
    loss = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")
    weights = np.ones((B, 1), "float32")
    found = traced(bare(loss), full(), series(), weights, NO_PADDING)
    assert ids_of(found) == ["MV20-weighted-mean-too-big"]
    (finding,) = (f for f in found.findings if f.severity == "error")
    assert finding.evidence["loss"] == pytest.approx(T * finding.evidence["loss as meant"])
    assert ids_of(traced(bare(loss), full(), series(), np.ones((B, T), "float32"), NO_PADDING)) == []


def test_a_target_without_its_last_axis() -> None:
    rows = SQUARE["rows"]
    given, y, padding = features()[rows], series()[rows], PADDED[rows]
    found = traced(tagger(), given, y[..., 0], padding=padding)
    assert ids_of(found)[0] == "MV21-target-without-last-axis"
    assert found.findings[0].fix.startswith("y = y[..., None]")
    assert ids_of(traced(tagger(), given, y, padding=padding)) == []


def test_a_mask_of_another_rank_than_the_loss() -> None:
    class Wide(keras.Layer):
        """(batch, time, 1) to (batch, time, T, 1), with the mask of the steps as it was."""

        def __init__(self, masked: bool, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.supports_masking, self.masked = True, masked

        def call(self, x: Any) -> Any:
            return keras.ops.repeat(x[:, :, None], T, axis=2)

        def compute_mask(self, x: Any, mask: Any = None) -> Any:
            return keras.ops.repeat(mask[:, :, None], T, axis=2) if self.masked else mask

    def made(masked: bool) -> keras.Model:
        x, tensor = data()
        return network(x, Wide(masked, name="wide")(ending(tensor)))

    rows = SQUARE["rows"]
    y = np.random.default_rng(2).normal(size=(6, T, T, 1)).astype("float32")
    found = traced(made(False), features()[rows], y, padding=PADDED[rows])
    assert "MV35-mask-of-another-rank" in ids_of(found)
    assert "MV35-mask-of-another-rank" not in ids_of(traced(made(True), features()[rows], y, padding=PADDED[rows]))


def test_nan_in_masked_targets() -> None:
    y = series()
    y[PADDED] = np.nan
    found = traced(tagger(), features(), y)
    assert ids_of(found) == ["MV31-nan-in-targets"]
    assert found.findings[0].evidence["of them padding"] == PADDED.sum()
    assert ids_of(traced(tagger(), features(), np.nan_to_num(y))) == []


def test_targets_that_end_before_the_mask() -> None:
    made = tagger("sparse_categorical_crossentropy", V)
    y = np.where(PADDED, 0, ids(seed=4))
    shifted = np.concatenate([y[:, 1:], np.zeros((B, 1), "int64")], axis=1)
    found = traced(made, features(), shifted)
    assert ids_of(found) == ["MV34-targets-end-before-mask"]
    assert ids_of(traced(made, features(), shifted, (shifted != 0).astype("float32"))) == []
    assert ids_of(traced(made, features(), y)) == []


def test_weights_do_not_divide() -> None:
    weights = (~PADDED).astype("float32")
    found = traced(bare(), features(), series(), weights)
    assert ids_of(found) == ["MV19-weights-do-not-divide"]
    (finding,) = (f for f in found.findings if f.severity == "warning")
    assert finding.evidence["loss over weighted steps"] == pytest.approx(found.ledger.kept_only)
    loss = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")
    repaired = traced(bare(loss), features(), series(), weights)
    assert ids_of(repaired) == []
    assert repaired.ledger.reported == pytest.approx(finding.evidence["loss over weighted steps"], rel=1e-5)


def test_weights_that_repeat_the_mask() -> None:
    found = traced(tagger(), features(), series(), (~PADDED).astype("float32"))
    assert ids_of(found) == []
    assert "MV19-weights-repeat-the-mask" in ids_of(found, "info")
    assert "MV19-weights-repeat-the-mask" not in ids_of(traced(tagger(), features(), series()), "info")


def test_samples_without_labels_stay_in_the_divisor() -> None:
    x = keras.Input((F,), name="x")
    made = network(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)], "mse")
    given = np.random.default_rng(0).normal(size=(B, F)).astype("float32")
    weight = np.array([1, 0, 1, 0, 1], "float32")
    found = traced(made, given, [vector(), vector(seed=5)], {"a": weight, "b": np.ones(B, "float32")}, None)
    assert ids_of(found) == ["MV33-missing-labels-in-divisor"]
    assert ids_of(traced(made, given, [vector(), vector(seed=5)], None, None)) == []


def test_an_activity_regularizer_counts_padding() -> None:
    def made(inside: Callable[[Any], Any]) -> keras.Model:
        x, masked = data()
        return network(x, ending(inside(masked)))

    found = traced(made(lambda x: layers.Dense(2, activity_regularizer=keras.regularizers.L2(0.1), name="dense")(x)), features(), series())
    assert ids_of(found) == ["MV40-activity-regularizer-counts-padding"]
    assert "MaskedActivity(l2=" in found.findings[0].fix
    assert ids_of(traced(made(lambda x: layers.Dense(2)(x)), features(), series())) == []


def test_a_metric_that_counts_masked_steps() -> None:
    def made(metric: Any) -> keras.Model:
        x, masked = data()
        out = layers.Dense(1, activation="sigmoid", name="out", kernel_initializer="ones", bias_initializer="ones")(masked)
        return network(x, out, "binary_crossentropy", metrics=[metric])

    y = (series() > 0).astype("float32")
    found = traced(made(keras.metrics.Precision(name="precision")), features(), y)
    assert ids_of(found) == ["MV02-metric-ignores-mask"]
    assert ids_of(traced(made("binary_accuracy"), features(), y)) == []


def test_metrics_do_not_see_weights() -> None:
    weights = np.linspace(0.5, 2, B * T).reshape(B, T).astype("float32")
    found = traced(tagger(metrics=["mae"]), features(), series(), weights)
    assert "MV03-metric-ignores-weights" in ids_of(found, "info")
    weighted = traced(tagger(weighted_metrics=["mae"]), features(), series(), weights)
    assert "MV03-metric-ignores-weights" not in ids_of(weighted, "info")


def test_facts_of_life_are_told_and_blamed_on_nobody() -> None:
    found = traced(tagger("mae", metrics=["mae"]), features(), series())
    assert ids_of(found) == []
    told = {f.id: f for f in found.findings}
    assert set(told) == {
        "MV01-divisor-depends-on-version",
        "MV07-predict-has-no-mask",
        "MV40-loss-and-metric-differ-over-an-epoch",
    } | ({"MV06-masked-predictions-not-zero"} & set(told))
    assert told["MV01-divisor-depends-on-version"].evidence["kept steps"] == (~PADDED).sum()
    assert ids_of(traced(bare("mae"), full(), series(), padding=NO_PADDING), "info") == []


def test_a_bias_shows_at_masked_steps() -> None:
    def made(bias: float) -> keras.Model:
        x, masked = data()
        return network(x, layers.Dense(1, bias_initializer=keras.initializers.Constant(bias), name="out")(masked))

    (finding,) = (f for f in traced(made(0.2), features(), series()).findings if f.id.startswith("MV06"))
    assert finding.evidence["largest value at a masked step"] == pytest.approx(0.2)
    assert "MV06-masked-predictions-not-zero" not in ids_of(traced(made(0.0), features(), series()), "info")


def test_a_sample_that_is_all_padding() -> None:
    x, masked = words()
    made = network(x, ending(layers.GlobalAveragePooling1D(name="mean")(masked)))
    given, padding = ids(), PADDED.copy()
    given[2], padding[2] = 0, True
    found = traced(made, given, vector(), padding=padding)
    assert ids_of(found) == ["MV23-empty-sample"]
    assert found.findings[0].severity == "error"
    assert ids_of(traced(made, ids(), vector())) == []


def test_a_reversed_output_has_the_mask_of_another_order() -> None:
    def made(turn: bool) -> keras.Model:
        x, masked = data()
        return network(x, ending(layers.LSTM(2, return_sequences=True, go_backwards=turn, name="lstm")(masked)))

    assert ids_of(traced(made(True), features(), series())) == ["MV24-backwards-mask-not-reversed"]
    assert ids_of(traced(made(False), features(), series())) == []


def test_a_reversed_output_that_is_turned_back_uses_no_mask_of_another_order() -> None:
    x, masked = data()
    backwards = layers.LSTM(2, return_sequences=True, go_backwards=True)(masked)
    turned = layers.Lambda(lambda t: t[:, ::-1], output_shape=(T, 2))(backwards)
    found = traced(network(x, ending(turned)), features(), series())
    assert ids_of(found) == ["MV08-lambda-drops-mask"]


def test_left_padding_and_carried_state_are_worth_knowing() -> None:
    left = features()[:, ::-1].copy()
    x = keras.Input(batch_shape=(B, T, F), name="features")
    made = network(x, ending(layers.LSTM(2, return_sequences=True, stateful=True, name="lstm")(layers.Masking()(x))))
    found = traced(made, left, series(), padding=PADDED[:, ::-1])
    assert ids_of(found) == []
    assert {"MV22-not-right-padded", "MV25-carried-state-not-put-out"} <= set(ids_of(found, "info"))
    right = traced(made, features(), series())
    assert not {"MV22-not-right-padded", "MV25-carried-state-not-put-out"} & set(ids_of(right, "info"))


def test_what_is_set_from_outside_is_not_saved() -> None:
    def made(conv: keras.Layer) -> keras.Model:
        x, masked = data()
        return network(x, ending(conv(masked)))

    class Conv(layers.Conv1D):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.supports_masking = True

    outside = layers.Conv1D(2, 1, name="conv")
    outside.supports_masking = True
    assert ids_of(traced(made(outside), features(), series())) == ["MV39-supports-masking-not-saved"]
    assert ids_of(traced(made(Conv(2, 1, name="conv")), features(), series())) == []


def test_a_mask_function_of_a_lambda_is_not_saved() -> None:
    def made(mask: Any) -> keras.Model:
        x, masked = data()
        return network(x, ending(layers.Lambda(lambda v: v * 2.0, mask=mask, name="double")(masked)))

    broken = made(lambda v, m: m)
    found = traced(broken, features(), series())
    assert ids_of(found) == ["MV08-lambda-mask-not-saved"]
    repaired = network(broken.inputs, ending(repaired_by(found.findings[0], broken)))
    assert "MV08-lambda-mask-not-saved" not in [f.id for f in traced(repaired, features(), series()).findings if f.call != "double"]


def test_a_target_that_is_repeated() -> None:
    found = traced(tagger(units=3), features(), series(1))
    assert ids_of(found) == ["MV21-target-repeated"]
    assert ids_of(traced(tagger(units=3), features(), series(3))) == []


def test_padding_in_a_loss_whose_mask_cannot_be_followed() -> None:
    class Net(keras.Model):
        def __init__(self, repair: bool) -> None:
            super().__init__()
            self.masking, self.out, self.repair = layers.Masking(), layers.Dense(1), repair

        def build(self, shape: Any) -> None:
            self.out.build(shape)

        def call(self, x: Any) -> Any:
            out = self.out(self.masking(x))
            return out if self.repair else out * 2.0

    def made(repair: bool) -> keras.Model:
        built = Net(repair)
        built.compile(loss="mse")
        built(features())
        return built

    assert ids_of(traced(made(False), features(), series())) == ["MV01-loss-counts-padding"]
    assert ids_of(traced(made(True), features(), series())) == []


def test_attention_without_a_key_is_even_over_padding() -> None:
    x, masked = words()
    keys = keras.Input((T,), dtype="int64", name="keys")
    values = layers.Embedding(V + 2, 4, mask_zero=True, name="values")(keys)
    made = network([x, keys], ending(layers.Attention(name="attention")([masked, values])))
    empty = ids(seed=7)
    empty[3] = 0
    padding = {"ids": PADDED, "keys": empty == 0}
    found = traced(made, {"ids": ids(), "keys": empty}, series(), padding=padding)
    assert ids_of(found) == ["MV23-attention-over-empty-sample"]
    padding["keys"] = PADDED
    assert ids_of(traced(made, {"ids": ids(), "keys": ids(seed=7)}, series(), padding=padding)) == []


def test_a_false_warning_is_called_false() -> None:
    def made(inner: Any) -> keras.Model:
        x, masked = data()
        return network(x, ending(inner(masked)))

    nested = keras.Sequential([keras.Input((T, F)), layers.Dense(2)], name="nested")
    found = traced(made(nested), features(), series())
    assert ids_of(found) == []
    assert "MV39-false-warning" in ids_of(found, "info")
    assert "MV39-false-warning" not in ids_of(traced(made(layers.Dense(2)), features(), series()), "info")
