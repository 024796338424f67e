"""The gallery: every example opens, and the numbers of the five discussions it rebuilds are what plain Keras and numpy say."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from maskviz import resources
from maskviz.resources import examples
from tests.engine.plain import Plain, custom_objects, plain

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]

NAMES = [e.name for e in examples()]


@pytest.fixture(autouse=True)
def quiet_keras() -> Iterator[None]:
    """Keras' warnings of destroyed masks are what the gallery is about."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not support masking")
        yield


def test_the_index_is_complete() -> None:
    folder = resources.root() / "examples"
    listed = {p.name for e in examples() for p in (e.network, e.batch, e.custom) if p is not None} | {"index.json"}
    assert listed == {p.name for p in folder.iterdir() if p.is_file()}
    sizes = [p.stat().st_size for p in folder.iterdir()]
    assert max(sizes) < 700_000
    assert sum(sizes) < 4_000_000
    assert len(set(NAMES)) == len(NAMES)
    for e in examples():
        assert len(re.findall(r"[.?!](?: |$)", e.look_for)) == 2, f"{e.name}: two sentences"
        assert e.trusted == (e.custom is not None)
    raw = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in raw] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_example_opens_and_its_padding_is_what_the_values_say(name: str) -> None:
    held = plain(name)
    assert np.isfinite(held.loss) == (name != "lambda_slice_nan")
    for key, padding in held.arrays.items():
        if key.startswith("padding"):
            x = held.arrays[key.replace("padding", "x")]
            blank = np.isnan(x) | (x == 0)
            assert_array_equal(padding, blank.reshape(*padding.shape, -1).all(axis=2))
            assert 0 < padding.mean() < 0.7
    assert name in ("divisor",) or held.predictions[np.isfinite(held.predictions)].std() > 1e-4, "something to see"


def test_the_default_example_is_worth_looking_at() -> None:
    held = plain(NAMES[0])
    assert NAMES[0] == "lambda_slice_small"
    assert held.x.shape == (16, 24, 8)
    assert held.predictions.shape == (16, 21, 1)
    assert [type(layer).__name__ for layer in held.network.layers] == ["Masking", "LSTM", "LSTM", "Lambda", "Dense"]
    assert held.predictions.std() > 0.3
    assert len(set((~held.arrays["padding"]).sum(axis=1))) > 8


# 1. Bias on padding


def test_the_prediction_at_the_padded_step_is_the_bias() -> None:
    held = plain("bias_on_padding")
    assert_array_equal(held.x, [[0, 1, 2]])
    assert_allclose(held.predictions[0, 0], 0.2, rtol=1e-6)
    assert_array_equal(held.predictions[0, 0], held.network.get_layer("output").get_weights()[1])
    assert_array_equal(held.mask, [[False, True, True]])


def test_loss_and_metrics_count_the_two_real_steps_with_and_without_weights() -> None:
    held, weighted = plain("bias_on_padding"), plain("bias_on_padding_weighted")
    assert_array_equal(weighted.weight, [[0, 1, 1]])
    squares = ((held.predictions - held.y) ** 2)[0, :, 0]
    real = squares[1:].mean()
    assert real != pytest.approx(squares.mean())
    for result in (held.evaluate(), weighted.evaluate(weighted.weight)):
        assert result == {"loss": pytest.approx(real), "mse": pytest.approx(real), "weighted_mse": pytest.approx(real)}
    halved = held.evaluate(np.array([[0, 1, 0.5]], "float32"))
    assert halved["loss"] == pytest.approx((squares[1] + 0.5 * squares[2]) / 2)
    assert halved["mse"] == pytest.approx(real), "metrics never see weights"
    assert halved["weighted_mse"] == pytest.approx((squares[1] + 0.5 * squares[2]) / 1.5)


# 2. Sequence to sequence


def test_a_decoder_started_from_a_state_ignores_its_mask() -> None:
    held = plain("seq2seq_initial_state")
    source, target = held.x
    assert source.shape[1] != target.shape[1]
    padding = held.arrays["padding__target_ids"]
    assert_array_equal(held.mask, ~padding)
    network = keras.models.clone_model(held.network)
    network.set_weights(held.network.get_weights())
    table = network.get_layer("target_embedding").get_weights()[0]
    table[0] += 3.0  # what padding holds; the mask is made from the ids and stays
    network.get_layer("target_embedding").set_weights([table])
    moved = np.abs(np.asarray(network([source, target])) - held.predictions).max(axis=-1) > 1e-4
    assert moved[~padding & padding.any(axis=1)[:, None]].all()
    assert not moved[~padding.any(axis=1)].any()
    raw = -np.log(np.take_along_axis(held.predictions, held.y[..., None], axis=-1))[..., 0]
    assert held.loss == pytest.approx(raw[~padding].mean(), rel=1e-5)


def test_a_stateful_network_carries_its_state_over_masked_steps() -> None:
    held = Plain("stateful_carry")
    lstm = held.network.get_layer("lstm")
    lstm.reset_states()
    hidden = keras.Sequential(held.network.layers[:-1])
    first, second = np.asarray(hidden(held.x)), np.asarray(hidden(held.x))
    padding = held.arrays["padding"]
    assert_array_equal(padding[2], [False, False, True, True, False, False])
    assert_array_equal(first[2, 2:4], first[[2, 2], [1, 1]])
    assert (first[1, :2] == 0).all()
    assert (second[1, :2] == 0).all(), "0 before the first real step, although the state before was not"
    assert np.abs(second[0] - first[0]).max() > 1e-2, "the second pass starts where the first one ended"
    assert (second[3] == 0).all()
    lstm.reset_states()
    again = np.asarray(hidden(held.x))
    assert_array_equal(again, first)


def test_weights_of_each_feature_count_one_by_one() -> None:
    held = plain("autoencoder_weights")
    assert held.weight is not None
    assert held.mask is None
    assert held.weight.shape == (8, 10, 3)
    assert (held.weight[held.arrays["padding"]] == 0).all()
    elements = ((held.predictions - held.y) ** 2)[..., 0] * held.weight
    result = held.evaluate(held.weight)
    assert result["loss"] == pytest.approx(elements.mean(), rel=1e-5)
    assert result["mse"] == pytest.approx(elements.sum() / held.weight.sum(), rel=1e-5)


# 3. Lambda slice


def test_the_lambda_drops_the_mask_and_the_layer_keeps_it() -> None:
    dropped, masked = plain("lambda_slice"), plain("lambda_slice_masked")
    assert [type(layer).__name__ for layer in dropped.network.layers] == ["Masking", "LSTM", "LSTM", "LSTM", "Lambda"]
    assert [layer.units for layer in dropped.network.layers[1:4]] == [128, 64, 1]
    assert dropped.x.shape == (8, 362, 24)
    real = ~dropped.arrays["padding"][:, 24:]
    assert dropped.mask is None
    assert_array_equal(masked.mask, real)
    assert_array_equal(dropped.predictions, masked.predictions)
    assert dropped.loss == pytest.approx(dropped.errors.mean(), rel=1e-5)
    assert masked.loss == pytest.approx(masked.errors[real].mean(), rel=1e-5)
    assert masked.loss > 1.2 * dropped.loss


def test_a_real_lambda_with_a_mask_function_keeps_it_until_it_is_saved(tmp_path: Path) -> None:
    masked = plain("lambda_slice_masked")
    objects = {**custom_objects(resources.example("lambda_slice")), "slice_mask": slice_mask}
    shift = keras.layers.Lambda(objects["slice_steps"], mask=slice_mask, arguments={"first": 24})
    live = keras.Sequential([keras.Input((362, 24)), *masked.network.layers[:-1], shift])
    live.compile(loss="mae")
    assert_array_equal(np.asarray(live(masked.x)._keras_mask), masked.mask)
    assert live.evaluate(masked.x, masked.y, verbose=0) == pytest.approx(masked.loss, rel=1e-5)
    live.save(tmp_path / "live.keras")
    again = keras.models.load_model(tmp_path / "live.keras", custom_objects=objects)
    assert not callable(again.layers[-1].mask), "Keras reads the mask function back as its description"


def slice_mask(x: Any, mask: Any = None) -> Any:
    return None if mask is None else mask[:, 24:]


def test_nan_as_padding_value_masks_nothing() -> None:
    held, zeros = plain("lambda_slice_nan"), plain("lambda_slice")
    assert np.isnan(held.network.layers[0].mask_value)
    kept = np.asarray(held.network.layers[0].compute_mask(held.x))
    assert kept.all()
    padding = held.arrays["padding"][:, 24:]
    assert_array_equal(np.isnan(held.predictions[..., 0]), padding)
    assert_allclose(held.predictions[~padding], zeros.predictions[~padding], atol=1e-6)
    assert np.isnan(held.loss)


# 4. Divisor


def test_three_divisors() -> None:
    held = plain("divisor")
    kept = np.array([[0, 0, 1, 1, 1], [1, 1, 0, 0, 1]], bool)
    assert_array_equal(held.mask, kept)
    assert [type(layer).__name__ for layer in held.network.layers] == ["Masking", "Dense", "Dense"]
    masked_mean, over_all, unmasked = held.errors[kept].mean(), held.errors[kept].sum() / 10, held.errors.mean()
    assert held.loss == pytest.approx(masked_mean, rel=1e-6)
    assert len({round(float(v), 2) for v in (masked_mean, over_all, unmasked)}) == 3


# 5. Left padding, and a mask from y


def test_left_padding_counts_real_steps_only() -> None:
    held = plain("left_padding")
    padding = held.arrays["padding"]
    assert (np.diff(padding.astype(int), axis=1) <= 0).all()
    assert_array_equal(held.mask, ~padding)
    assert (held.predictions[padding] == 0).all()
    assert held.loss == pytest.approx(held.errors[~padding].mean(), rel=1e-5)


def test_a_mask_from_y_leaves_marked_steps_out() -> None:
    held, by_step = plain("mask_from_y"), plain("mask_from_y_steps")
    marked = (held.y == [0, 0, 1]).all(axis=-1)
    padding = held.arrays["padding"]
    assert (marked & ~padding).sum() == 4
    assert (marked | ~padding).all()
    assert held.loss == pytest.approx(held.errors[~marked].mean(), rel=1e-5)
    assert by_step.loss == pytest.approx(by_step.errors[~marked].sum() / (~padding).sum(), rel=1e-5)
    assert by_step.loss < held.loss


# More clean and broken ones


@pytest.mark.parametrize(
    ("name", "kept"),
    [("bidirectional_tagger", True), ("transformer_pre_norm", True), ("transformer_post_norm", False), ("conv_tagger", False)],
)
def test_taggers_keep_or_lose_the_mask(name: str, kept: bool) -> None:
    held = plain(name)
    padding = held.arrays["padding"]
    raw = -np.log(np.take_along_axis(held.predictions, held.y[..., None], axis=-1))[..., 0]
    counted = ~padding if kept else np.ones_like(padding)
    assert (held.mask is not None) == kept
    assert held.loss == pytest.approx(raw[counted].mean(), rel=1e-4)
    assert raw[~padding].mean() != pytest.approx(raw.mean(), rel=0.02)
