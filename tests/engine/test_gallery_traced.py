"""What MaskViz shows of the gallery agrees with plain Keras: predictions, masks, contributions and the ledger."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from maskviz import api
from maskviz.core.trace import Trace
from maskviz.resources import examples
from tests.engine.plain import plain

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]

NAMES = [e.name for e in examples()]


@pytest.fixture(autouse=True)
def quiet_keras() -> Iterator[None]:
    """Keras' warnings of destroyed masks are what the gallery is about."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not support masking")
        yield


@cache
def traced(name: str) -> Trace:
    held = plain(name)
    held.reset()
    only_one = held.arrays.get("padding")
    padding = {t.name: held.arrays.get(f"padding__{t.name}", only_one) for t in held.network.inputs}
    trace = api.trace(held.network, held.x, held.y, held.weight, padding=padding)
    held.reset()
    return trace


def only(arrays: Any) -> np.ndarray:
    (array,) = arrays.values()
    return np.asarray(array)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_mask_and_loss_are_those_of_plain_keras(name: str) -> None:
    held, trace = plain(name), traced(name)
    held.reset()
    assert_allclose(only(trace.outputs), np.asarray(held.network(held.x)), atol=1e-5)
    mask = trace.network_outputs[0].mask
    assert (mask is None) == (held.mask is None)
    if mask is not None:
        assert_array_equal(trace.masks[mask], held.mask)
    loss = held.loss
    assert trace.ledger.reported == pytest.approx(loss, rel=1e-5, nan_ok=True)
    assert trace.ledger.sum == pytest.approx(loss, rel=1e-5, nan_ok=True)
    if name != "mask_from_y":  # its loss is one number for the whole batch
        assert only(trace.contributions).sum() == pytest.approx(loss, rel=1e-5, nan_ok=True)
        assert only(trace.contributions).shape == held.predictions.shape[: 1 if name == "sequence_classifier" else 2]


def test_the_padded_step_shows_the_bias_and_counts_for_nothing() -> None:
    trace = traced("bias_on_padding")
    assert only(trace.outputs)[0, 0, 0] == pytest.approx(0.2)
    assert only(trace.contributions)[0, 0] == 0
    assert_array_equal(only(trace.contributions), only(traced("bias_on_padding_weighted").contributions))


def test_three_divisors() -> None:
    held, ledger = plain("divisor"), traced("divisor").ledger
    kept = ~held.arrays["padding"]
    rows = {row.key: row.value for row in ledger.rows}
    assert ledger.reported == pytest.approx(held.errors[kept].mean(), rel=1e-5)
    assert rows["rule:tensorflow_2.11"] == pytest.approx(held.errors[kept].sum() / 10, rel=1e-5)
    assert ledger.unmasked == pytest.approx(held.errors.mean(), rel=1e-5)


def test_the_slice_without_its_mask_counts_padding() -> None:
    dropped, masked = traced("lambda_slice").ledger, traced("lambda_slice_masked").ledger
    assert dropped.kept_only == pytest.approx(masked.reported, rel=1e-5)
    assert dropped.unmasked == pytest.approx(dropped.reported, rel=1e-5)
    assert dropped.padding_share is not None
    assert dropped.padding_share > 0.05
    fates = {call.name: call.fate.value for call in traced("lambda_slice_small").calls}
    assert fates["masking"] == "creates"
    assert (fates["lstm_1"], fates["lstm_2"], fates["shift"]) == ("passes", "passes", "drops")


def test_a_started_decoder_ignores_its_mask_and_attention_strips_it() -> None:
    decoder = next(call for call in traced("seq2seq_initial_state").calls if call.name == "decoder")
    assert decoder.ignores
    attention = next(call for call in traced("transformer_post_norm").calls if call.class_name == "MultiHeadAttention")
    assert attention.stripped
    assert not any(call.stripped or call.ignores for call in traced("bidirectional_tagger").calls)


def test_one_number_for_the_batch_has_no_contributions() -> None:
    assert [term.separable for term in traced("mask_from_y").ledger.terms] == [False]
    assert [term.separable for term in traced("mask_from_y_steps").ledger.terms] == [True]
