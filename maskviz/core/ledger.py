"""The loss explained: contributions per step that add up to what ``evaluate()`` reports, and metrics beside it.

The formulas that make numbers of the recorded terms are in ``core.version_rules``.
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
    None. ``separable`` is False when the loss gave one number for the whole batch; ``total`` is λ × the loss. ``changed`` is what
    ``values`` were in the padding test, None where it was not made.
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
    changed: NDArray[Any] | None = None


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
    added_varies: bool = False
    """Whether what layers add depends on the batch, as activity regularizers do; regularizers of weights do not."""

    @property
    def matches(self) -> bool | None:
        """Whether the contributions add up to ``evaluate()`` to 1e-5 relative; None when either is unknown."""
        if self.sum is None or self.evaluate is None:
            return None
        return bool(np.isclose(self.sum, self.evaluate, rtol=1e-5, atol=1e-7, equal_nan=True))


@dataclass(frozen=True)
class MetricNote:
    """A metric as Keras reports it, and what an experiment showed about it.

    ``honours_mask``: whether what stands at skipped steps leaves it alone; ``honours_weights``: whether ``sample_weight`` moves it;
    None where the batch cannot show it (nothing skipped, one sample) or the metric cannot be computed by itself.
    ``masked_value`` is what the metric's own class gives for the kept steps alone with their weights, None where there is neither mask,
    padding nor weight, or the class does not take single steps.
    """

    name: str
    value: float
    honours_mask: bool | None = None
    honours_weights: bool | None = None
    masked_value: float | None = None

    @property
    def words(self) -> str:
        """``honours the mask · ignores weights · 0.8123 without padding, by weight``; what could not be found out is left out."""
        found = ((self.honours_mask, "the mask"), (self.honours_weights, "weights"))
        words = [f"{'honours' if honours else 'ignores'} {what}" for honours, what in found if honours is not None]
        if self.masked_value is not None and not np.isclose(self.masked_value, self.value, rtol=1e-4, equal_nan=True):
            words.append(f"{self.masked_value:.4g} without padding, by weight")
        return " · ".join(words)
