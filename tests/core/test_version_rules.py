"""The rules by which versions of Keras make one number of the same loss, on numbers that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from maskviz.core import version_rules
from maskviz.core.ledger import LossTerms
from maskviz.core.version_rules import RULES, contributions, epoch_loss, in_batches, keras_2_2, keras_3, mask_times_weights, tensorflow_2_11

VALUES = np.asarray([[1.0, 2.0, 4.0, 8.0], [3.0, 5.0, 7.0, 9.0]], "float32")
MASK = np.asarray([[1, 1, 0, 0], [1, 0, 0, 0]], bool)
WEIGHTS = np.asarray([[1.0, 0.0, 1.0, 1.0], [0.5, 1.0, 1.0, 1.0]], "float32")


def terms(values: Any = VALUES, mask: Any = None, weight: Any = None, reduction: str | None = "sum_over_batch_size") -> LossTerms:
    return LossTerms("y", "mse", 1.0, reduction, True, values, mask, weight)


def test_without_mask_and_weights_all_versions_agree() -> None:
    for _, rule in RULES.values():
        quotient = rule(terms())
        assert quotient is not None
        assert quotient.value == pytest.approx(39 / 8)
        assert str(quotient) == "Σ 39 / 8 steps"


def test_a_mask_is_divided_by_kept_steps_but_for_tensorflow_2_11() -> None:
    masked = terms(mask=MASK)
    assert keras_3(masked).value == pytest.approx(6 / 3)
    assert str(keras_3(masked)) == "Σ 6 / 3 kept steps"
    assert str(tensorflow_2_11(masked)) == "Σ 6 / 8 steps"
    assert str(keras_2_2(masked)) == "Σ 6 / 3 kept steps"
    assert tensorflow_2_11(masked).value == pytest.approx(6 / 8)
    assert keras_2_2(masked).value == pytest.approx(2)


def test_mask_and_weights_part_the_versions() -> None:
    both = terms(mask=MASK, weight=WEIGHTS)
    assert keras_3(both).value == pytest.approx(2.5 / 3)
    assert tensorflow_2_11(both).value == pytest.approx(2.5 / 8)
    # mean(l·m / mean(m) · w / mean(w ≠ 0)) = 2.5 / 8 / (3/8) / (7/8)
    assert keras_2_2(both).value == pytest.approx(2.5 / 8 / (3 / 8) / (7 / 8))
    assert str(keras_2_2(both)) == "Σ 2.5 / (3 kept steps × 0.875 with a weight)"
    assert mask_times_weights(both).value == pytest.approx(2.5 / 1.5)
    assert str(mask_times_weights(both)) == "Σ 2.5 / Σ m·w 1.5"


def by_the_source_of_keras_2_2(values: Any, mask: Any, weight: Any) -> float:
    """``weighted_masked_objective``, step by step."""
    score = values.astype("float64")
    if mask is not None:
        score = score * mask / np.mean(mask)
    if weight is not None:
        score = score.mean(axis=tuple(range(weight.ndim, score.ndim)))
        score = score * weight / np.mean(weight != 0)
    return float(score.mean())


@pytest.mark.parametrize("weight", [None, WEIGHTS, np.asarray([2.0, 0.5], "float32"), np.asarray([0.0, 0.5], "float32")])
@pytest.mark.parametrize("mask", [None, MASK])
def test_keras_2_2_as_its_source_says(mask: Any, weight: Any) -> None:
    assert keras_2_2(terms(mask=mask, weight=weight)).value == pytest.approx(by_the_source_of_keras_2_2(VALUES, mask, weight))


def test_weights_of_ones_change_nothing_and_weights_equal_to_the_mask_neither() -> None:
    for rule in (keras_3, tensorflow_2_11, mask_times_weights):
        alone = rule(terms(mask=MASK)).value
        assert rule(terms(mask=MASK, weight=np.ones_like(WEIGHTS))).value == pytest.approx(alone)
        assert rule(terms(mask=MASK, weight=MASK.astype("float32"))).value == pytest.approx(alone)
    # in place of the mask they divide by all steps, in every version but the mean by weights
    in_place = terms(weight=MASK.astype("float32"))
    assert keras_3(in_place).value == pytest.approx(6 / 8)
    assert mask_times_weights(in_place).value == pytest.approx(2)


def test_reductions() -> None:
    assert keras_3(terms(mask=MASK, reduction="sum")).value == pytest.approx(6)
    assert str(keras_3(terms(mask=MASK, reduction="sum"))) == "Σ 6"
    assert tensorflow_2_11(terms(mask=MASK, reduction="sum")).value == pytest.approx(6)
    weighted = terms(mask=MASK, weight=WEIGHTS, reduction="mean_with_sample_weight")
    assert keras_3(weighted).value == pytest.approx(2.5 / 1.5)
    assert str(keras_3(weighted)) == "Σ 2.5 / Σ m·w 1.5"
    assert keras_3(terms(mask=MASK, reduction=None)).value == pytest.approx(6 / 8)
    assert keras_2_2(terms(reduction="sum")) is None
    assert tensorflow_2_11(terms(reduction="mean_with_sample_weight")) is None


def test_weights_of_one_column_make_the_weighted_mean_too_large() -> None:
    """Catalogue 20: Keras divides by Σ w at the weight's own shape, so that T steps count T times."""
    column = terms(weight=np.ones((2, 1), "float32"), reduction="mean_with_sample_weight")
    assert keras_3(column).value == pytest.approx(4 * VALUES.mean())
    assert mask_times_weights(column).value == pytest.approx(VALUES.mean())


def test_nothing_kept_costs_nothing() -> None:
    empty = terms(mask=np.zeros_like(MASK))
    assert [rule(empty).value for _, rule in RULES.values()] == [0, 0, 0]
    assert mask_times_weights(empty).value == 0
    assert contributions(empty).tolist() == np.zeros((2, 4)).tolist()


def test_nan_is_not_silenced_by_a_mask() -> None:
    values = VALUES.copy()
    values[0, 3] = np.nan
    assert np.isnan(keras_3(terms(values, MASK)).value)


def test_losses_of_samples_and_of_elements() -> None:
    assert str(keras_3(terms(np.asarray([1.0, 3.0])))) == "Σ 4 / 2 samples"
    assert str(keras_3(terms(VALUES[..., None] * np.ones(2)))) == "Σ 78 / 16 elements"
    assert str(keras_3(terms(VALUES[:1, :1]))) == "Σ 1 / 1 step"


def test_terms_that_do_not_fit_an_older_version_have_no_value_there() -> None:
    square = terms(np.asarray([1.0, 3.0]), mask=np.ones((2, 2), bool))
    assert keras_3(square).shares.shape == (2, 2)  # as Keras does, silently
    assert tensorflow_2_11(square) is None
    assert keras_2_2(square) is None


def test_contributions_add_up() -> None:
    both = replace(terms(mask=MASK, weight=WEIGHTS), weight=0.5)
    share = contributions(both)
    assert share.sum() == pytest.approx(0.5 * 2.5 / 3)
    assert (share[~MASK] == 0).all()


def test_the_epoch_weighs_batches_by_samples_not_by_kept_steps() -> None:
    masked = terms(np.concatenate([VALUES, VALUES[:1]]), np.concatenate([MASK, ~MASK[:1]]))
    sizes, losses = in_batches((masked,), 2, added=0.25)
    assert sizes == [2, 1]
    assert losses == pytest.approx([2.25, 6.25])
    assert epoch_loss(sizes, losses) == pytest.approx((2 * 2.25 + 6.25) / 3)
    assert epoch_loss(sizes, losses) != pytest.approx(keras_3(masked).value + 0.25)


def test_one_batch_is_the_loss_itself() -> None:
    both = (terms(mask=MASK, weight=WEIGHTS), replace(terms(np.asarray([1.0, 3.0])), weight=0.5))
    sizes, losses = in_batches(both, 32)
    assert sizes == [2]
    assert losses == pytest.approx([2.5 / 3 + 1.0])


def test_a_loss_of_one_number_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="one number"):
        in_batches((replace(terms(), separable=False),), 2)


def test_too_many_parts_are_not_written_out() -> None:
    quotient = keras_3(terms())
    assert version_rules.written([quotient, quotient], 0.25) == "Σ 39 / 8 steps + Σ 39 / 8 steps + 0.25 added"
    assert version_rules.written([quotient] * 4, 0) == ""
