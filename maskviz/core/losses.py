"""Contributions and ledger from the recorded terms of the loss; the formulas are those of ``core.ledger``'s docstring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.ledger import Ledger, LedgerRow, LossTerms
from maskviz.core.recording import Recording

Array = NDArray[np.float64]


def terms_of(recording: Recording) -> tuple[LossTerms, ...]:
    """The terms of every loss in a recording."""
    found = []
    for number, loss in enumerate(recording.about["losses"]):
        arrays = {name: recording.arrays.get(f"loss/{number}/{name}") for name in ("values", "mask", "weight", "total")}
        total = arrays["total"]
        scalar = float(total) if total is not None and total.ndim == 0 else float(np.mean(total)) if total is not None else float("nan")
        values = arrays["values"] if arrays["values"] is not None else np.zeros(0)
        about = (loss["output"], loss["name"], loss["weight"], loss["reduction"], loss["separable"])
        terms = LossTerms(*about, values, arrays["mask"], arrays["weight"], loss["weight"] * scalar)
        # after an edit of some rows Keras' own total is that of the batch before it
        found.append(replace(terms, total=float(contributions(terms).sum())) if terms.separable else terms)
    return tuple(found)


def contributions(terms: LossTerms) -> Array:
    """Each element's share of λ × loss, in the shape of the raw loss; they add up to what Keras reports for this loss."""
    values = terms.values.astype("float64")
    weight = None if terms.sample_weight is None else terms.sample_weight.astype("float64")
    divide = terms.reduction in ("sum_over_batch_size", "mean", "mean_with_sample_weight") or terms.reduction in (None, "none")
    if terms.mask is not None:
        mask = terms.mask.astype("float64")
        if terms.reduction in ("sum_over_batch_size", "mean"):
            kept = np.count_nonzero(mask)
            mask = np.where(mask != 0, mask.size / kept if kept else 0.0, 0.0)
        if weight is None:
            weight = mask
        else:
            mask, weight = _same_rank(mask, weight)
            weight = weight * mask
    if weight is not None:
        values, weight = _same_rank(values, weight)
        # a weight of 0 does not silence NaN, in Keras neither
        values = values * weight
    if terms.reduction == "mean_with_sample_weight" and weight is not None:
        divisor = float(weight.sum())
    else:
        divisor = float(values.size) if divide else 1.0
    return terms.weight * (values / divisor if divisor else np.zeros_like(values))


def _same_rank(a: Array, b: Array) -> tuple[Array, Array]:
    """As ``squeeze_or_expand_to_same_rank`` of Keras 3.15.1, ``losses/loss.py``."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if b.ndim == 1 else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


def per_step(share: Array, steps: int | None) -> Array:
    """Contributions per step ``(batch, time)``, or per sample ``(batch,)`` where the output has no time axis of ``steps``."""
    if steps is not None and share.ndim >= 2 and share.shape[1] == steps:
        return np.asarray(share.reshape(*share.shape[:2], -1).sum(axis=2))
    return np.asarray(share.reshape(len(share), -1).sum(axis=1))


def explain(recording: Recording, output_padding: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], Ledger]:
    """Contributions by output name, and the ledger. ``output_padding`` tells the padded steps of outputs, where known."""
    about = recording.about
    names = [o["name"] for o in about["outputs"]]
    terms = terms_of(recording)
    shares: dict[str, NDArray[Any]] = {}
    for loss in terms:
        if loss.separable:
            prediction = recording.arrays[f"out/{names.index(loss.output)}"]
            share = per_step(contributions(loss), prediction.shape[1] if prediction.ndim > 1 else None)
            known = shares.get(loss.output)
            shares[loss.output] = share if known is None or known.shape != share.shape else known + share
    return shares, _ledger(recording, terms, shares, output_padding)


def _ledger(
    recording: Recording, terms: tuple[LossTerms, ...], shares: Mapping[str, NDArray[Any]], output_padding: Mapping[str, NDArray[Any]]
) -> Ledger:
    about = recording.about
    if not terms:
        return Ledger(None, None, None, None, None)
    whole = all(loss.separable for loss in terms)
    parts = float(sum(float(contributions(t).sum()) if t.separable else t.total for t in terms))
    reported, added = about.get("reported"), about.get("added", 0.0)
    total = parts + added if whole or reported is not None else None
    reported = total if reported is None else reported
    padded = [_padded_sum(shares[t.output], output_padding.get(t.output)) for t in terms if t.separable and t.output in shares]
    share = None if not whole or None in padded or not parts else float(sum(p for p in padded if p is not None)) / parts
    kept = _total([_over_kept(t, output_padding.get(t.output)) for t in terms], added)
    unmasked = _total([_sum_or_none(replace(t, mask=None)) for t in terms], added)
    over_all = _total([_over_all_steps(t) for t in terms], added)
    ledger = Ledger(reported, total, kept, unmasked, share, added, about.get("evaluate"), terms)
    return replace(ledger, rows=_rows(ledger, over_all, output_padding))


def _total(parts: list[float | None], added: float) -> float | None:
    return None if any(p is None for p in parts) else float(sum(p for p in parts if p is not None)) + added


def _sum_or_none(terms: LossTerms) -> float | None:
    return float(contributions(terms).sum()) if terms.separable else None


def _padded_sum(share: NDArray[Any], padding: NDArray[Any] | None) -> float | None:
    if share.ndim < 2:
        return 0.0
    return None if padding is None or padding.shape != share.shape else float(share[padding].sum())


def _over_kept(terms: LossTerms, padding: NDArray[Any] | None) -> float | None:
    """The loss over real steps alone, by Keras' own rule for masks; without a time axis it is the loss as it is."""
    if not terms.separable:
        return None
    if terms.values.ndim < 2:
        return float(contributions(terms).sum())
    if padding is None or padding.shape != terms.values.shape[:2]:
        return None
    return float(contributions(replace(terms, mask=_real(terms, padding))).sum())


def _real(terms: LossTerms, padding: NDArray[Any]) -> NDArray[Any]:
    """The real steps of a loss that no mask of its own (``ignore_class``) leaves out, in the shape of its values."""
    real = np.broadcast_to((~padding).reshape(*padding.shape, *[1] * (terms.values.ndim - 2)), terms.values.shape)
    return real if terms.mask is None or terms.mask.shape != real.shape else real & terms.mask.astype(bool)


def _over_all_steps(terms: LossTerms) -> float | None:
    """Σ l·m·w / all steps: what TensorFlow ≤ 2.11 reported for a masked loss (masking-failures.md, version table)."""
    if not terms.separable:
        return None
    if terms.mask is None or terms.reduction not in ("sum_over_batch_size", "mean"):
        return float(contributions(terms).sum())
    share = float(contributions(terms).sum())
    return share * np.count_nonzero(terms.mask) / terms.mask.size if terms.mask.size else share


def _rows(ledger: Ledger, over_all: float | None, output_padding: Mapping[str, NDArray[Any]]) -> tuple[LedgerRow, ...]:
    rows = [LedgerRow("reported", "reported by evaluate()", ledger.reported, _how_reported(ledger))]
    rows.append(LedgerRow("sum", "sum of contributions", ledger.sum, _what_is_not_in_the_sum(ledger)))
    if ledger.added:
        rows.append(LedgerRow("added", "of it added by layers", ledger.added, "regularizers, activity and add_loss"))
    rows.append(LedgerRow("kept_only", "over real steps only", ledger.kept_only, _divisor(ledger, output_padding, "real")))
    rows.append(LedgerRow("all_steps", "÷ all steps (TensorFlow ≤ 2.11)", over_all, _divisor(ledger, output_padding, "all")))
    rows.append(LedgerRow("unmasked", "without any mask", ledger.unmasked, _divisor(ledger, output_padding, "unmasked")))
    if ledger.padding_share is not None:
        rows.append(LedgerRow("padding_share", "share that comes from padding", ledger.padding_share, ""))
    if len(ledger.terms) > 1:
        for t in ledger.terms:
            value = float(contributions(t).sum()) if t.separable else t.total
            rows.append(LedgerRow(f"output:{t.output}", f"{t.output}: {t.name}", value, f"λ = {t.weight:g}" if t.weight != 1 else ""))
    return tuple(rows)


def _what_is_not_in_the_sum(ledger: Ledger) -> str:
    scalar = [t.output for t in ledger.terms if not t.separable]
    return f"{', '.join(scalar)} gives one number and cannot be shared out" if scalar else ""


def _how_reported(ledger: Ledger) -> str:
    if len(ledger.terms) != 1 or not ledger.terms[0].separable:
        return ""
    terms = ledger.terms[0]
    if terms.reduction not in ("sum_over_batch_size", "mean"):
        return f"{terms.name}, reduction {terms.reduction}"
    kind = "kept steps" if terms.mask is not None else ("steps" if terms.values.ndim > 1 else "samples")
    count = int(np.count_nonzero(terms.mask)) if terms.mask is not None else terms.values.size
    return f"Σ {float(contributions(terms).sum()) * count:.4g} / {count} {kind}"


def _divisor(ledger: Ledger, output_padding: Mapping[str, NDArray[Any]], which: str) -> str:
    """The number written out as a sum and its divisor, for one separable mean loss over steps."""
    if len(ledger.terms) != 1 or not ledger.terms[0].separable or ledger.terms[0].values.ndim < 2:
        return ""
    terms = ledger.terms[0]
    if terms.reduction not in ("sum_over_batch_size", "mean"):
        return ""
    size = terms.values.size
    if which == "unmasked" and ledger.unmasked is not None:
        return f"Σ {(ledger.unmasked - ledger.added) * size:.4g} / {size} steps"
    if which == "all":
        masked = float(contributions(terms).sum())
        count = int(np.count_nonzero(terms.mask)) if terms.mask is not None else size
        return f"Σ {masked * count:.4g} / {size} steps"
    padding = output_padding.get(terms.output)
    if which == "real" and padding is not None and ledger.kept_only is not None:
        real = int(_real(terms, padding).sum())
        return f"Σ {(ledger.kept_only - ledger.added) * real:.4g} / {real} real steps"
    return ""
