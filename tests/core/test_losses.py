"""Contributions from recorded terms, by the formulas of Keras 3.15.1 written out once more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from maskviz.core.ledger import LossTerms
from maskviz.core.losses import contributions, per_step

VALUES = np.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
MASK = np.asarray([[1, 1, 0], [1, 0, 0]], bool)
WEIGHT = np.asarray([[1.0, 0.5, 2.0], [0.0, 1.0, 3.0]])


def terms(reduction: str | None, mask: bool, weight: bool, factor: float = 1.0) -> LossTerms:
    return LossTerms("out", "mse", factor, reduction, True, VALUES, MASK if mask else None, WEIGHT if weight else None)


def by_hand(reduction: str | None, mask: bool, weight: bool) -> np.ndarray:
    m, w = (MASK.astype(float) if mask else np.ones((2, 3))), (WEIGHT if weight else np.ones((2, 3)))
    product = VALUES * m * w
    match reduction:
        case "sum_over_batch_size" | "mean":
            return product / m.sum()
        case "sum":
            return product
        case "mean_with_sample_weight":
            return product / (m * w).sum()
    return product / VALUES.size


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", None, "none"])
@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("weight", [True, False])
def test_formulas(reduction: str | None, mask: bool, weight: bool) -> None:
    assert_allclose(contributions(terms(reduction, mask, weight, 0.3)), 0.3 * by_hand(reduction, mask, weight), rtol=1e-12)


def test_nothing_kept_costs_nothing() -> None:
    nothing = LossTerms("out", "mse", 1.0, "sum_over_batch_size", True, VALUES, np.zeros((2, 3), bool))
    assert (contributions(nothing) == 0).all()
    weightless = LossTerms("out", "mse", 1.0, "mean_with_sample_weight", True, VALUES, None, np.zeros((2, 3)))
    assert (contributions(weightless) == 0).all()


def test_nan_is_not_silenced_by_a_weight_of_zero() -> None:
    values = VALUES.copy()
    values[0, 2] = np.nan
    assert np.isnan(contributions(LossTerms("out", "mse", 1.0, "sum", True, values, MASK))[0, 2])


@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 3), (2, 3, 1)])
def test_shapes_of_weights(shape: tuple[int, ...]) -> None:
    weight = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    if shape == (2,):
        got = contributions(LossTerms("out", "mse", 1.0, "sum", True, VALUES[:, 0], None, weight))
        assert_allclose(got, VALUES[:, 0] * weight)
    else:
        got = contributions(LossTerms("out", "mse", 1.0, "sum", True, VALUES, None, weight))
        assert_allclose(got, VALUES * weight.reshape(2, -1))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3))
def test_a_step_gets_all_of_its_elements(size: int, steps: int, units: int) -> None:
    share = np.random.default_rng(0).normal(size=(size, steps, units))
    assert_allclose(per_step(share, steps), share.sum(axis=2))
    assert per_step(share, steps).shape == (size, steps)
    assert_allclose(per_step(share, None), share.sum(axis=(1, 2)))
