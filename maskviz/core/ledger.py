"""The loss explained: contributions per step that add up to what ``evaluate()`` reports.

Formulas from Keras 3.15.1 ``losses/loss.py`` (``apply_mask`` → ``reduce_weighted_values`` → ``reduce_values``) and
``CompileLoss.call``; l = raw loss, m = mask, w = sample_weight, λ = loss weight, N = elements of l, v = kept elements:
``sum_over_batch_size`` and ``mean`` λ·l·m·w/v (λ·l·w/N without a mask), ``sum`` λ·l·m·w,
``mean_with_sample_weight`` λ·l·m·w/Σ(m·w), ``None`` λ·l·m·w/N (the plain mean that ``evaluate()`` shows).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LossTerms:
    """What Keras fed into the reduction of one output's loss, recorded in the run.

    ``values``, the raw loss, is ``(batch,)`` or ``(batch, time, …)``; ``mask`` and ``sample_weight`` are as Keras had them, or
    None. ``separable`` is False when the loss gave one number for the whole batch; ``total`` is λ × the loss.
    """

    output: str
    name: str
    weight: float
    reduction: str | None
    separable: bool
    values: NDArray[Any]
    mask: NDArray[Any] | None = None
    sample_weight: NDArray[Any] | None = None
    total: float = float("nan")


@dataclass(frozen=True)
class LedgerRow:
    """One line of the ledger: a number and how it came about (``Σ 6.017 / 6 kept steps``). ``value`` None = not decidable."""

    key: str
    label: str
    value: float | None
    formula: str = ""


@dataclass(frozen=True)
class Ledger:
    """The loss of one batch. ``reported`` is Keras' own number, None without a loss; ``sum`` is the sum of all contributions.

    ``kept_only``: the same loss over real steps alone; ``unmasked``: without any mask; ``padding_share``: the part of the
    contributions' sum at padded steps, 0…1; ``added``: regularizers, ``add_loss`` and activity losses. ``evaluate`` is what
    ``test_on_batch`` reported for this very batch, None before it was asked; ``matches`` says whether the sum equals it.
    """

    reported: float | None
    sum: float | None
    kept_only: float | None
    unmasked: float | None
    padding_share: float | None
    added: float = 0.0
    evaluate: float | None = None
    terms: tuple[LossTerms, ...] = ()
    rows: tuple[LedgerRow, ...] = ()

    @property
    def matches(self) -> bool | None:
        """Whether the contributions add up to ``evaluate()`` to 1e-5 relative; None when either is unknown."""
        if self.sum is None or self.evaluate is None:
            return None
        return bool(np.isclose(self.sum, self.evaluate, rtol=1e-5, atol=1e-7, equal_nan=True))
