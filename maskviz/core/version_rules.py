"""How Keras makes one number of a loss: the rule of Keras 3, and what older versions made of the same terms.

l = raw loss, m = mask, w = sample_weight, λ = loss weight, N = elements of l, v = Σ m. Sources:

- Keras 3.15.1 ``losses/loss.py`` (``apply_mask``, ``reduce_weighted_values``, ``reduce_values``): Σ λ·l·m·w / v, without a mask / N;
  reduction ``sum`` divides by nothing, ``mean_with_sample_weight`` by Σ m·w at the weight's own shape, ``None`` is shown as the mean.
- TensorFlow 2.7 to 2.11 ``keras/utils/losses_utils.py`` (``apply_mask``, ``compute_weighted_loss``): Σ λ·l·m·w / N, masked steps counted
  (keras#15323, tensorflow#34491); TensorFlow 2.12 divides as Keras 3 does (its RELEASE.md, "Keras loss masking").
- Keras 2.2.4 ``engine/training_utils.py`` (``weighted_masked_objective``): mean(λ·l·m / mean(m) · w / mean(w ≠ 0)), both renormalised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.ledger import LossTerms
from maskviz.core.numbers import number

Array = NDArray[np.float64]
MEANS = ("sum_over_batch_size", "mean")


@dataclass(frozen=True)
class Quotient:
    """A loss written out: ``shares`` in the shape of the raw loss (λ·l·m·w), what they are divided by, and that in words."""

    shares: Array
    divisor: float
    words: str = ""

    @property
    def total(self) -> float:
        with np.errstate(invalid="ignore"):  # ∞ − ∞
            return float(self.shares.sum())

    @property
    def value(self) -> float:
        """The sum over the divisor; 0 where Keras divides by nothing at all, as with every step masked."""
        return self.total / self.divisor if self.divisor else 0.0 * self.total

    @property
    def each(self) -> Array:
        """The part of each element; they add up to ``value``."""
        return self.shares / self.divisor if self.divisor else 0.0 * self.shares

    def __str__(self) -> str:
        return f"Σ {number(self.total)} / {self.words}" if self.words else f"Σ {number(self.total)}"


Rule = Callable[[LossTerms], "Quotient | None"]


@np.errstate(invalid="ignore")  # 0 · ∞
def keras_3(terms: LossTerms) -> Quotient:
    """The rule of Keras 3 (and of TensorFlow from 2.12 on)."""
    values, mask, weight = _floats(terms)
    kept, cells = (float(mask.sum()), mask.size) if mask is not None else (0.0, 0)
    if mask is not None:
        mask = (mask != 0).astype("float64") if terms.reduction in MEANS else mask
        if weight is not None:
            mask, weight = _same_rank(mask, weight)
        weight = mask if weight is None else weight * mask
    if weight is not None:
        values, weight = _same_rank(values, weight)
        values = values * weight  # a weight of 0 does not silence NaN, in Keras neither
    shares = terms.weight * values
    if terms.reduction == "sum":
        return Quotient(shares, 1.0)
    if terms.reduction == "mean_with_sample_weight" and weight is not None:
        divisor = float(weight.sum())
        return Quotient(
            shares, divisor, f"Σ {'m·w' if mask is not None and terms.sample_weight is not None else 'weights'} {number(divisor)}"
        )
    if terms.reduction in MEANS and mask is not None:
        # the mask is scaled by cells/kept and the sum divided by all elements, which differ only where ranks do
        return Quotient(shares, values.size * kept / cells if cells else 0.0, f"{kept:g} kept {_noun(mask, int(kept))}")
    return Quotient(shares, float(values.size), f"{values.size} {_noun(values, values.size)}")


@np.errstate(invalid="ignore")  # 0 · ∞
def tensorflow_2_11(terms: LossTerms) -> Quotient | None:
    """The rule of TensorFlow 2.x up to 2.11: masked steps cost nothing and are counted. None for a reduction it did not have."""
    if terms.reduction == "sum":
        return _aligned_product(terms, lambda values, mask, weight: (1.0, ""))
    if terms.reduction not in MEANS:
        return None
    return _aligned_product(terms, lambda values, mask, weight: (float(values.size), f"{values.size} {_noun(values, values.size)}"))


@np.errstate(invalid="ignore")  # 0 · ∞
def keras_2_2(terms: LossTerms) -> Quotient | None:
    """The rule of Keras 2.2: mask and weights are both renormalised, weights by the share that is not 0. It knew only the mean."""
    return _aligned_product(terms, _renormalised) if terms.reduction in MEANS else None


def _renormalised(values: Array, mask: Array | None, weight: Array | None) -> tuple[float, str]:
    kept = values.size * float(mask.mean()) if mask is not None else float(values.size)
    words = f"{kept:g}{'' if mask is None else ' kept'} {_noun(values, int(kept))}"
    if weight is None:
        return kept, words
    share = float(np.count_nonzero(weight)) / weight.size
    return kept * share, words if share == 1 else f"({words} × {share:.3g} with a weight)"


@np.errstate(invalid="ignore")  # 0 · ∞
def mask_times_weights(terms: LossTerms) -> Quotient | None:
    """The mean weighted by mask × weights, Σ λ·l·m·w / Σ m·w: what one may expect of weights and masks together."""
    if terms.reduction == "sum" or (terms.mask is None and terms.sample_weight is None):
        return keras_3(terms)

    def by_weight(values: Array, mask: Array | None, weight: Array | None) -> tuple[float, str]:
        together = (1.0 if mask is None else mask) * (1.0 if weight is None else weight)
        total = float(np.broadcast_to(together, values.shape).sum())
        return total, f"Σ {'m·w' if mask is not None and weight is not None else 'm' if weight is None else 'w'} {number(total)}"

    return _aligned_product(terms, by_weight)


RULES: Mapping[str, tuple[str, Rule]] = MappingProxyType(
    {
        "keras_3": ("Keras 3", keras_3),
        "tensorflow_2.11": ("TensorFlow ≤ 2.11", tensorflow_2_11),
        "keras_2.2": ("Keras 2.2", keras_2_2),
    }
)
"""Rules by key, with the name to show; the newest first."""


def contributions(terms: LossTerms) -> Array:
    """Each element's share of λ × loss, in the shape of the raw loss; they add up to what Keras reports for this loss."""
    return keras_3(terms).each


def written(quotients: list[Quotient], added: float) -> str:
    """``Σ 6.017 / 6 kept steps + Σ 0.31 / 4 samples + 0.25 added``; empty where there are too many to read."""
    parts = [str(q) for q in quotients] + ([f"{number(added)} added"] if added else [])
    return " + ".join(parts) if len(parts) <= 3 else ""


def epoch_loss(sizes: list[int], losses: list[float]) -> float:
    """What ``fit`` and ``evaluate`` report for several batches: Σ n_b·L_b / Σ n_b, with n_b the samples of a batch, not its kept steps."""
    return float(np.dot(sizes, losses) / np.sum(sizes))


def in_batches(terms: tuple[LossTerms, ...], batch_size: int, added: float = 0.0) -> tuple[list[int], list[float]]:
    """Samples and loss of each batch of ``batch_size`` that the recorded batch would be cut into by ``fit`` and ``evaluate``.

    ``added`` counts in every batch, as the regularizers of weights do. Raises ValueError for losses that are not separable.
    """
    if not terms or not all(t.separable for t in terms):
        raise ValueError("a loss that gives one number for a batch cannot be cut")
    size = len(terms[0].values)
    cuts = [slice(start, start + batch_size) for start in range(0, size, batch_size)]
    losses = [sum(keras_3(rows_of(t, cut)).value for t in terms) + added for cut in cuts]
    return [len(terms[0].values[cut]) for cut in cuts], losses


def rows_of(terms: LossTerms, rows: slice) -> LossTerms:
    """The terms of some samples."""
    mask, weight = (None if a is None else a[rows] for a in (terms.mask, terms.sample_weight))
    return replace(terms, values=terms.values[rows], mask=mask, sample_weight=weight)


def _floats(terms: LossTerms) -> tuple[Array, Array | None, Array | None]:
    values = terms.values.astype("float64")
    mask, weight = (None if a is None else a.astype("float64") for a in (terms.mask, terms.sample_weight))
    return values, mask, weight


def _same_rank(a: Array, b: Array) -> tuple[Array, Array]:
    """As ``squeeze_or_expand_to_same_rank`` of Keras 3.15.1, ``losses/loss.py``."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if b.ndim == 1 else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


Divide = Callable[[Array, "Array | None", "Array | None"], tuple[float, str]]


def _aligned_product(terms: LossTerms, divide: Divide) -> Quotient | None:
    """λ·l·m·w with mask and weights aligned to the loss by their first axes, over what ``divide`` says; None where they do not fit."""
    values, mask, weight = _floats(terms)
    mask = None if mask is None else (mask != 0).astype("float64")
    mask, weight = _aligned(mask, values.shape), _aligned(weight, values.shape)
    try:
        shares = values * (1.0 if mask is None else mask) * (1.0 if weight is None else weight)
    except ValueError:
        return None
    return Quotient(terms.weight * shares, *divide(values, mask, weight)) if shares.shape == values.shape else None


def _aligned(array: Array | None, shape: tuple[int, ...]) -> Any:
    if array is None or array.ndim == len(shape):
        return array
    if array.ndim > len(shape):
        return array[..., 0] if array.ndim == len(shape) + 1 and array.shape[-1] == 1 else array
    return array.reshape(*array.shape, *[1] * (len(shape) - array.ndim))


def _noun(array: Array, count: int) -> str:
    name = {0: "number", 1: "sample", 2: "step"}.get(array.ndim, "element")
    return name if count == 1 else f"{name}s"
