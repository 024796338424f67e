"""Contributions and ledger from the recorded terms of the loss; the formulas are those of ``core.version_rules``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core import version_rules
from maskviz.core.ledger import Ledger, LedgerRow, LossTerms
from maskviz.core.numbers import number
from maskviz.core.recording import Recording
from maskviz.core.version_rules import Array, Quotient, contributions

__all__ = ["contributions", "explain", "per_step", "terms_of"]
BATCH_SIZE = 32
"""Samples in a batch of ``fit`` and ``evaluate`` when they are not told."""


Reduced = list[tuple[LossTerms, "Quotient | None"]]
"""The terms of every loss, with what Keras 3 makes of them; None where a loss is not separable."""


def terms_of(recording: Recording) -> tuple[LossTerms, ...]:
    """The terms of every loss in a recording."""
    return tuple(terms for terms, _ in _reduced(recording))


def _reduced(recording: Recording) -> Reduced:
    found: Reduced = []
    for nth, loss in enumerate(recording.about["losses"]):
        arrays = {name: recording.arrays.get(f"loss/{nth}/{name}") for name in ("values", "mask", "weight", "total", "changed")}
        total = arrays["total"]
        scalar = float(total) if total is not None and total.ndim == 0 else float(np.mean(total)) if total is not None else float("nan")
        values = arrays["values"] if arrays["values"] is not None else np.zeros(0)
        about = (loss["output"], loss["name"], loss["weight"], loss["reduction"], loss["separable"])
        terms = LossTerms(*about, values, arrays["mask"], arrays["weight"], loss["weight"] * scalar, arrays["changed"])
        quotient = version_rules.keras_3(terms) if terms.separable else None
        # after an edit of some rows Keras' own total is that of the batch before it
        found.append((terms if quotient is None else replace(terms, total=quotient.value), quotient))
    return found


def per_step(share: Array, steps: int | None) -> Array:
    """Contributions per step ``(batch, time)``, or per sample ``(batch,)`` where the output has no time axis of ``steps``."""
    if steps is not None and share.ndim >= 2 and share.shape[1] == steps:
        return np.asarray(share.reshape(*share.shape[:2], -1).sum(axis=2))
    return np.asarray(share.reshape(len(share), -1).sum(axis=1))


def explain(recording: Recording, output_padding: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], Ledger]:
    """Contributions by output name, and the ledger. ``output_padding`` tells the padded steps of outputs, where known."""
    about = recording.about
    names = [o["name"] for o in about["outputs"]]
    reduced = _reduced(recording)
    shares: dict[str, NDArray[Any]] = {}
    for loss, quotient in reduced:
        if quotient is not None:
            prediction = recording.arrays[f"out/{names.index(loss.output)}"]
            share = per_step(quotient.each, prediction.shape[1] if prediction.ndim > 1 else None)
            known = shares.get(loss.output)
            shares[loss.output] = share if known is None or known.shape != share.shape else known + share
    return shares, _ledger(recording, reduced, shares, output_padding)


def _ledger(
    recording: Recording, reduced: Reduced, shares: Mapping[str, NDArray[Any]], output_padding: Mapping[str, NDArray[Any]]
) -> Ledger:
    about, terms = recording.about, tuple(t for t, _ in reduced)
    if not terms:
        return _without_terms(about)
    whole = all(t.separable for t in terms)
    parts, added = float(sum(t.total for t in terms)), about.get("added", 0.0)
    total = parts + added if whole or about.get("reported") is not None else None
    reported = total if about.get("reported") is None else about["reported"]
    padded = [_padded_sum(share, output_padding.get(name)) for name, share in shares.items()]
    from_padding = None if not whole or None in padded or not parts else float(sum(p for p in padded if p is not None))
    share = None if from_padding is None else from_padding / parts
    as_reported = _total([q for _, q in reduced], added)
    kept = _total([_over_kept(t, output_padding.get(t.output)) for t in terms], added)
    unmasked = _total([_without_mask(t) for t in terms], added)
    together = _total([version_rules.mask_times_weights(t) if t.separable else None for t in terms], added)
    varies = bool(added) and bool(about.get("adds_losses", True))
    ledger = Ledger(reported, total, kept[0], unmasked[0], share, added, about.get("evaluate"), terms, added_varies=varies)
    rows = [
        LedgerRow("reported", "reported by evaluate()", reported, as_reported[1]),
        LedgerRow("sum", "sum of contributions", total, _what_is_not_in_the_sum(terms)),
        *([LedgerRow("added", "of it added by layers", added, "regularizers, activity and add_loss")] if added else []),
        LedgerRow("kept_only", "over real steps only", *kept),
        LedgerRow("unmasked", "without any mask", *unmasked),
        LedgerRow("mask_times_weights", "mean weighted by mask × weights", *together),
        *_rule_rows(reduced, as_reported, added),
    ]
    if from_padding is not None:
        rows.append(LedgerRow("padding_share", "share that comes from padding", share, f"{number(from_padding)} of {number(parts)}"))
    ledger = replace(ledger, rows=(*rows, *_output_rows(reduced)))
    return in_batches_of(ledger, BATCH_SIZE) if samples_of(ledger) > BATCH_SIZE else ledger


def _without_terms(about: Mapping[str, Any]) -> Ledger:
    """The ledger where no loss was given to ``compile``: of what layers add alone, of the network's own code, or empty."""
    reported, evaluate, added = about.get("reported"), about.get("evaluate"), about.get("added", 0.0)
    reported = evaluate if reported is None else reported
    if reported is None:
        return Ledger(None, None, None, None, None)
    total = added if np.isclose(reported, added, rtol=1e-5) else None
    how = "" if total is not None else "computed by code of the network's own, which cannot be shared out"
    rows = [LedgerRow("reported", "reported by evaluate()", reported, how)]
    if added:
        rows.append(LedgerRow("added", "of it added by layers", added, "regularizers, activity and add_loss"))
    return Ledger(reported, total, None, None, None, added, evaluate, (), tuple(rows))


def _total(quotients: list[Quotient | None], added: float) -> tuple[float | None, str]:
    """The sum over all outputs, and how it comes about."""
    found = [q for q in quotients if q is not None]
    return (sum(q.value for q in found) + added, version_rules.written(found, added)) if len(found) == len(quotients) else (None, "")


def _without_mask(terms: LossTerms) -> Quotient | None:
    return version_rules.keras_3(replace(terms, mask=None)) if terms.separable else None


def _padded_sum(share: NDArray[Any], padding: NDArray[Any] | None) -> float | None:
    if share.ndim < 2:
        return 0.0
    return None if padding is None or padding.shape != share.shape else float(share[padding].sum())


def _over_kept(terms: LossTerms, padding: NDArray[Any] | None) -> Quotient | None:
    """The loss over real steps alone, by Keras' own rule for masks; without a time axis it is the loss as it is."""
    if not terms.separable:
        return None
    if terms.values.ndim < 2:
        return version_rules.keras_3(terms)
    if padding is None or padding.shape != terms.values.shape[:2]:
        return None
    quotient = version_rules.keras_3(replace(terms, mask=_real(terms, padding)))
    return replace(quotient, words=quotient.words.replace("kept", "real"))


def _real(terms: LossTerms, padding: NDArray[Any]) -> NDArray[Any]:
    """The real steps of a loss that no mask of its own (``ignore_class``) leaves out, in the shape of its values."""
    real = np.broadcast_to((~padding).reshape(*padding.shape, *[1] * (terms.values.ndim - 2)), terms.values.shape)
    return real if terms.mask is None or terms.mask.shape != real.shape else real & terms.mask.astype(bool)


def _rule_rows(reduced: Reduced, as_reported: tuple[float | None, str], added: float) -> list[LedgerRow]:
    """The same terms under the rules of other versions."""
    rows = []
    for key, (version, rule) in version_rules.RULES.items():
        own = rule is version_rules.keras_3
        value, formula = as_reported if own else _total([rule(t) if t.separable else None for t, _ in reduced], added)
        if value is None and all(t.separable for t, _ in reduced):
            unknown = sorted({str(t.reduction) for t, _ in reduced if t.reduction not in (*version_rules.MEANS, "sum")})
            formula = f"{version} had no reduction {' or '.join(unknown)}" if unknown else f"{version} could not combine these terms"
        rows.append(LedgerRow(f"rule:{key}", f"under the rule of {version}", value, formula))
    return rows


def samples_of(ledger: Ledger) -> int:
    """Number of samples that the losses were computed for; 0 where there is no loss that can be cut into batches."""
    whole = bool(ledger.terms) and all(t.separable for t in ledger.terms) and not ledger.added_varies
    return len(ledger.terms[0].values) if whole else 0


def in_batches_of(ledger: Ledger, size: int) -> Ledger:
    """The ledger with a row for what ``evaluate(batch_size=size)`` reports of the same samples, where that can be known."""
    samples = samples_of(ledger)
    label = f"in batches of {size}" + (", the default" if size == BATCH_SIZE else "")
    row = LedgerRow("batches", label, None, "" if samples else "the loss cannot be cut into batches")
    if samples:
        sizes, losses = version_rules.in_batches(ledger.terms, size, ledger.added)
        each = " + ".join(f"{n}·{number(loss)}" for n, loss in zip(sizes, losses, strict=True))
        formula = f"({each}) / {samples} samples" if len(sizes) <= 3 else f"Σ samples·loss / {samples} samples, {len(sizes)} batches"
        row = replace(row, value=version_rules.epoch_loss(sizes, losses), formula=formula)
    others = [r for r in ledger.rows if r.key != "batches"]
    place = next((n for n, r in enumerate(others) if r.key.startswith("rule:")), len(others))
    return replace(ledger, rows=(*others[:place], row, *others[place:]))


def _output_rows(reduced: Reduced) -> list[LedgerRow]:
    """A row for each of several losses."""
    rows = []
    for t, quotient in reduced if len(reduced) > 1 else []:
        factor = f"λ = {t.weight:g}" if t.weight != 1 else ""
        formula = " · ".join(part for part in (str(quotient or ""), factor) if part)
        rows.append(LedgerRow(f"output:{t.output}", f"{t.output}: {t.name}", t.total, formula))
    return rows


def _what_is_not_in_the_sum(terms: tuple[LossTerms, ...]) -> str:
    scalar = [t.output for t in terms if not t.separable]
    return f"{', '.join(scalar)} gives one number and cannot be shared out" if scalar else ""
