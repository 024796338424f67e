"""Where masks begin: padding that nothing masks, masks that miss it, and masks that take real steps for it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

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
    series,
    traced,
    vector,
    words,
)

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]


def masked_by(value: float, change: Any = lambda x: x, **kwargs: Any) -> keras.Model:
    """Features, a change to them, a Masking layer, a recurrent layer, and a loss a step."""
    x = keras.Input((T, F), name="features")
    return network(x, ending(layers.SimpleRNN(3, return_sequences=True)(layers.Masking(value, name="masking", **kwargs)(change(x)))))


def test_ids_that_nothing_masks() -> None:
    def made(mask: bool) -> keras.Model:
        x, embedded = words(mask)
        return network(x, ending(layers.GRU(3)(embedded)))

    found = traced(made(False), ids(), vector())
    assert ids_of(found) == ["MV26-ids-without-mask"]
    assert found.findings[0].call == "embedding"
    assert 'keras.layers.Embedding(input_dim=11, output_dim=4, mask_zero=True, name="embedding")(ids)' in found.findings[0].fix
    assert ids_of(traced(made(True), ids(), vector())) == []


def test_features_that_nothing_masks() -> None:
    x, raw = data(mask=False)
    found = traced(network(x, ending(layers.Dense(2)(raw))), features(), series())
    assert ids_of(found) == ["MV29-features-without-mask"]
    assert "features_masked = keras.layers.Masking(mask_value=0.0)(features)" in found.findings[0].fix
    x, masked = data()
    assert ids_of(traced(network(x, ending(layers.Dense(2)(masked))), features(), series())) == []


def test_without_a_loss_predictions_at_padding_are_a_warning() -> None:
    x, raw = data(mask=False)
    (finding,) = traced(network(x, ending(raw), loss=None), features()).findings
    assert (finding.id, finding.severity) == ("MV29-features-without-mask", "warning")


def test_another_mask_value_masks_nothing() -> None:
    found = traced(masked_by(-1.0), features(), series())
    assert ids_of(found) == ["MV29-mask-value-is-another"]
    assert found.findings[0].severity == "error"
    assert found.findings[0].evidence["padded steps masked"] == 0
    assert "mask_value=0.0" in found.findings[0].fix
    assert ids_of(traced(masked_by(0.0), features(), series())) == []


def test_padding_changed_before_it_is_masked() -> None:
    found = traced(masked_by(0.0, layers.Rescaling(1.0, offset=-3.0, name="scale")), features(), series())
    assert ids_of(found) == ["MV29-padding-changed-before-masking"]
    assert "'scale'" in found.findings[0].sentence
    assert ids_of(traced(masked_by(0.0), features(), series())) == []


def test_nan_is_no_mask_value() -> None:
    found = traced(masked_by(float("nan")), features(pad=np.nan), series())
    assert ids_of(found) == ["MV28-mask-value-nan"]
    assert found.findings[0].severity == "error"
    assert ids_of(traced(masked_by(-1.0), features(pad=-1.0), series())) == []


def test_a_value_that_half_precision_cannot_hold() -> None:
    found = traced(masked_by(-0.1, dtype="mixed_float16"), features(pad=-0.1), series())
    assert ids_of(found) == ["MV30-mask-value-not-in-half-precision"]
    assert ids_of(traced(masked_by(-0.5, dtype="mixed_float16"), features(pad=-0.5), series())) == []


def test_zero_as_a_word() -> None:
    x, embedded = words()
    made = network(x, ending(layers.GRU(3)(embedded)))
    given = ids()
    given[0, 2] = 0
    found = traced(made, given, vector())
    assert ids_of(found) == ["MV26-zero-is-a-word"]
    assert (found.findings[0].severity, found.findings[0].evidence["t"]) == ("error", 2)
    assert "input_dim=12" in found.findings[0].fix
    # where nobody said what is padding, a gap may be one
    guessed = traced(made, given, vector(), padding=None)
    assert [(f.id, f.severity) for f in guessed.findings if f.severity != "info"] == [("MV26-zero-is-a-word", "warning")]
    assert ids_of(traced(made, np.where(PADDED, 0, given + 1), vector())) == []


def test_a_measurement_that_equals_the_mask_value() -> None:
    given = features()
    given[0, 3] = 0
    found = traced(masked_by(0.0), given, series())
    assert ids_of(found) == ["MV27-real-step-equals-mask-value"]
    assert "mask_value=-10.0" in found.findings[0].fix
    assert ids_of(traced(masked_by(-10.0), np.where(PADDED[..., None], np.float32(-10), given), series())) == []


def test_another_pad_id() -> None:
    x, embedded = words()
    made = network(x, ending(layers.GRU(3, return_sequences=True)(embedded)))
    found = traced(made, ids(pad=V), series())
    assert ids_of(found) == ["MV26-pad-id-is-another"]
    assert found.findings[0].severity == "error"
    assert found.findings[0].evidence["padded steps kept"] == PADDED.sum()
    assert ids_of(traced(made, ids(), series())) == []


def test_ids_that_are_moved_on_before_they_are_embedded() -> None:
    x = keras.Input((T,), name="ids")
    moved = ops.pad(x[:, :-1], [[0, 0], [1, 0]], constant_values=1)
    embedded = layers.Embedding(V, 4, mask_zero=True)(moved)
    found = traced(network(x, ending(layers.GRU(3, return_sequences=True)(embedded))), ids(), series())
    assert "MV26-pad-id-is-another" not in ids_of(found, "info")


def test_runs_of_a_value_that_nothing_looks_for() -> None:
    x, embedded = words()
    made = network(x, ending(layers.GRU(3)(embedded)))
    found = traced(made, ids(pad=V), vector(), padding=None)
    assert ids_of(found) == ["MV26-runs-of-another-id"]
    assert found.findings[0].severity == "warning"
    assert found.findings[0].evidence["steps in runs"] == PADDED.sum()
    assert ids_of(traced(made, np.where(PADDED, 0, ids()), vector(), padding=None)) == []
    full = np.where(PADDED, 1 + np.arange(T) % 2, ids())
    assert ids_of(traced(made, full, vector(), padding=None)) == []

    found = traced(masked_by(-1.0), features(), series(), padding=None)
    assert ids_of(found) == ["MV29-runs-of-another-value"]
    assert "mask_value=0.0" in found.findings[0].fix
    assert ids_of(traced(masked_by(-1.0), features(pad=-1.0), series(), padding=None)) == []


def test_a_masking_layer_behind_ids_that_keeps_padding_is_not_asked_for_ids() -> None:
    x, embedded = words()
    later = ops.concatenate([embedded[:, 1:], ops.ones_like(embedded[:, :1])], axis=1)
    found = traced(network(x, ending(layers.Masking(name="again")(later * 1.0))), np.where(PADDED, 0, ids()), series())
    assert "MV26-pad-id-is-another" not in ids_of(found, "info")


def test_padding_of_which_only_some_features_hold_the_value() -> None:
    given = features()
    given[1, -1, 0] = 5.0
    found = traced(masked_by(0.0), given, series())
    assert ids_of(found) == ["MV27-padding-not-all-mask-value"]
    assert ids_of(traced(masked_by(0.0), features(), series())) == []


def test_a_second_mask_replaces_the_first() -> None:
    def made(again: bool) -> keras.Model:
        x, embedded = words()
        # values that are 0 for some real words, and not for padding
        values = layers.Embedding(V + 2, 2, mask_zero=True, weights=[table], name="values")(x)
        masked = layers.Masking(name="again")(values) if again else values
        return network(x, ending(layers.GRU(3, return_sequences=True)(layers.Concatenate()([embedded, masked]) if not again else masked)))

    table = np.ones((V + 2, 2), "float32")
    table[3] = 0
    found = traced(made(True), ids(), series())
    assert ids_of(found) == ["MV29-second-mask-replaces-first"]
    assert found.findings[0].evidence["padded steps kept"] == PADDED.sum()
    assert ids_of(traced(made(False), ids(), series())) == []


def test_a_second_mask_throws_real_steps_away() -> None:
    x = keras.Input((T,), dtype="int64", name="ids")
    table = np.ones((V + 2, 2), "float32")
    table[[0, 3]] = 0
    values = layers.Embedding(V + 2, 2, mask_zero=True, weights=[table], name="values")(x)
    read = layers.GRU(3, name="rnn")(layers.Masking(name="again")(values))
    found = traced(network(x, layers.Dense(1, name="out")(read)), ids(), vector())
    (finding,) = (f for f in found.findings if f.severity == "error")
    lost = int((ids() == 3).sum())
    assert f"already and masks {lost} real steps: " in finding.sentence
    assert finding.reach >= lost / (~PADDED).sum() > 0


def test_the_fix_for_padding_that_holds_anything_makes_it_what_is_masked() -> None:
    def fix_for(x: Any) -> str:
        given, values = data(mask=False)
        found = traced(network(given, ending(layers.GRU(3, return_sequences=True)(values))), x, series())
        (finding,) = (f for f in found.findings if f.id == "MV29-features-without-mask")
        return finding.fix

    assert fix_for(features()).startswith("features_masked = keras.layers.Masking(mask_value=0.0)")
    anything = np.random.default_rng(2).normal(size=(B, T, F)).astype("float32")
    assert fix_for(np.where(PADDED[..., None], anything, features())).startswith("x[padding] = 0.0")


def test_an_attention_mask_does_not_reach_the_loss() -> None:
    x = keras.Input((T,), dtype="int64", name="ids")
    embedded = layers.Embedding(V + 2, 4, name="embedding")(x)
    real = ops.expand_dims(ops.not_equal(x, 0), 1)
    attended = layers.MultiHeadAttention(1, 2, name="attention")(embedded, embedded, attention_mask=real)
    made = network(x, ending(attended))
    found = traced(made, ids(), series())
    assert ids_of(found) == ["MV38-attention-mask-not-in-loss"]
    assert found.findings[0].call == "attention"
    assert 'sample_weight = (x != 0).astype("float32")' in found.findings[0].fix
    weighted = traced(made, ids(), series(), (~PADDED).astype("float32"))
    assert ids_of(weighted) == ["MV19-weights-do-not-divide"]  # padding is out of the sum, and still in the divisor


def test_a_mask_inside_time_distributed_stays_inside() -> None:
    def made(repair: bool) -> keras.Model:
        x = keras.Input((T, 4), dtype="int64", name="ids")
        inner = layers.Embedding(V + 2, 3, mask_zero=True, name="inner")
        each = layers.TimeDistributed(layers.Flatten())(layers.TimeDistributed(inner, name="each")(x))
        return network(x, ending(Masked()([each, x]) if repair else each))

    class Masked(keras.Layer):
        def call(self, inputs: Any) -> Any:
            return ops.copy(inputs[0])

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return ops.any(ops.not_equal(inputs[1], 0), axis=-1)

    given = np.repeat(ids()[..., None], 4, axis=2)
    found = traced(made(False), given, series(), padding=PADDED)
    assert ids_of(found) == ["MV14-time-distributed-hides-mask"]
    assert ids_of(traced(made(True), given, series(), padding=PADDED)) == []


def test_a_mask_with_an_axis_too_many() -> None:
    x = keras.Input((T, 4, F), name="features")
    each = layers.TimeDistributed(layers.LSTM(3), name="each")(layers.Masking(name="masking")(x))
    given = np.repeat(features()[:, :, None], 4, axis=2)
    found = traced(network(x, layers.Dense(2)(each), loss=None), given)
    assert "MV14-stale-mask" in ids_of(found)
    assert next(f for f in found.findings if f.id == "MV14-stale-mask").call == "each"
    x = keras.Input((T, F), name="features")
    assert "MV14-stale-mask" not in ids_of(
        traced(network(x, layers.TimeDistributed(layers.Dense(3))(layers.Masking()(x)), loss=None), features())
    )


def test_classes_are_masked_for_steps() -> None:
    def made(last: keras.Layer) -> keras.Model:
        x, masked = data()
        return network(x, last(layers.Dense(T)(masked)))

    # as many samples as steps as classes: else Keras refuses
    given, y, padding = (np.concatenate([a, a[1:2]]) for a in (features(), series(T), PADDED))
    found = traced(made(layers.Softmax(name="out")), given, y, padding=padding)
    assert ids_of(found) == ["MV36-softmax-masks-classes"]
    assert ids_of(traced(made(layers.Activation("softmax", name="out")), given, y, padding=padding)) == []
