"""Which steps are behind a number of the ledger, on the shared time axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.ledger import LossTerms
from maskviz.core.trace import OutputTrace, Trace

Steps = NDArray[np.bool_]


def steps_behind(trace: Trace, key: str, steps: int) -> tuple[str, Steps] | None:
    """What the steps of the ledger's row ``key`` are, and which ``(batch, time)`` they are on an axis of ``steps``.

    None for rows that are not made of steps (what layers add, losses without a time axis or with one number for the batch).
    """
    kind, terms = _row(trace, key)
    if kind not in _CHOICES or not terms:
        return None
    words, choose = _CHOICES[kind]
    chosen = {t.output: choose(trace, t) for t in terms}
    laid = [_on_axis(here, trace, output, steps) for output, here in chosen.items() if here is not None]
    if len(laid) < len(chosen):
        return None
    return f"Steps {words}", np.logical_or.reduce(laid)


def has_steps(trace: Trace, key: str) -> bool:
    """Whether steps are behind the ledger's row ``key``; what they are is not computed for that."""
    kind, terms = _row(trace, key)
    unknown = kind in ("kept_only", "padding_share") and any(_padding(trace, t) is None for t in terms)
    return kind in _CHOICES and bool(terms) and not unknown


def _row(trace: Trace, key: str) -> tuple[str, list[LossTerms]]:
    """The kind of a row, and the terms with steps that it is made of."""
    output = key.removeprefix("output:") if key.startswith("output:") else None
    terms = [t for t in trace.ledger.terms if t.separable and t.values.ndim > 1 and output in (None, t.output)]
    return (key if output is None else "output"), terms


def _counted(_trace: Trace, terms: LossTerms) -> Steps | None:
    """What the loss' own mask keeps; all steps where it has none."""
    return _all(_trace, terms) if terms.mask is None else _per_step(terms.mask, terms)


def _all(_trace: Trace, terms: LossTerms) -> Steps | None:
    return np.ones(terms.values.shape[:2], bool)


def _padded(trace: Trace, terms: LossTerms) -> Steps | None:
    """Padding that the loss counts."""
    padding, counted = _padding(trace, terms), _counted(trace, terms)
    return None if padding is None or counted is None else padding & counted


def _real(trace: Trace, terms: LossTerms) -> Steps | None:
    padding = _padding(trace, terms)
    return None if padding is None else ~padding


def _weighted(trace: Trace, terms: LossTerms) -> Steps | None:
    counted = _counted(trace, terms)
    weight = terms.sample_weight
    if counted is None or weight is None:
        return counted
    heavy = _per_step(weight, terms)
    return None if heavy is None else counted & heavy


def _padding(trace: Trace, terms: LossTerms) -> Steps | None:
    padding = trace.output_padding(terms.output)
    return padding.astype(bool) if padding is not None and padding.shape == terms.values.shape[:2] else None


def _per_step(array: NDArray[Any], terms: LossTerms) -> Steps | None:
    """Where anything of an array that goes with the loss is not 0, step by step; weights of samples hold for all their steps."""
    shape = terms.values.shape[:2]
    if array.ndim and array.shape[0] != shape[0]:
        return None
    if array.ndim >= 2 and array.shape[1] == shape[1]:
        return np.asarray(array.reshape(*shape, -1).astype(bool).any(axis=2))
    if array.size == shape[0]:
        return np.broadcast_to(array.reshape(-1, 1).astype(bool), shape).copy()
    return None


def _on_axis(chosen: Steps, trace: Trace, output: str, steps: int) -> Steps:
    """Steps of an output laid where they belong on the shared axis."""
    out: OutputTrace | None = next((o for o in trace.network_outputs if o.name == output), None)
    length = chosen.shape[1]
    own = out.steps if out is not None else None
    columns = list(own) if own is not None and len(own) == length and max(own, default=0) < steps else list(range(length))
    laid = np.zeros((len(chosen), max(steps, length)), bool)
    laid[:, columns] = chosen
    return laid


Choose = Callable[[Trace, LossTerms], Steps | None]
_CHOICES: dict[str, tuple[str, Choose]] = {
    "reported": ("counted by the loss as it is", _counted),
    "sum": ("counted by the loss as it is", _counted),
    "batches": ("counted by the loss as it is", _counted),
    "kept_only": ("that are real", _real),
    "unmasked": ("counted without any mask", _all),
    "mask_times_weights": ("with a mask and a weight that are not 0", _weighted),
    "padding_share": ("of padding that the loss counts", _padded),
    "output": ("counted by the loss of this output", _counted),
    "rule:keras_3": ("counted by Keras 3", _counted),
    "rule:tensorflow_2.11": ("divided by in TensorFlow ≤ 2.11, masked ones among them", _all),
    "rule:keras_2.2": ("counted by Keras 2.2", _weighted),
}
