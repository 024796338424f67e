"""Repairs of a copy of the network, as frozen values: which finding is mended how, and what the same tests say before and after."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.finding import Finding, Severity
from maskviz.core.numbers import number, percent
from maskviz.core.status import Status
from maskviz.core.trace import Trace

RECIPES: Mapping[str, str] = {
    "MV04-flatten-reads-padding": "zero_padding",
    "MV04-layer-drops-mask": "mask_again",
    "MV05-layer-reads-padding": "zero_padding",
    "MV05-pooling-reads-padding": "pool_real_steps",
    "MV05-window-drops-mask": "mask_windows",
    "MV05-window-reads-padding": "mask_windows",
    "MV08-lambda-drops-mask": "mask_again",
    "MV08-lambda-mask-not-saved": "mask_again",
    "MV08-lambda-reads-padding": "zero_padding",
    "MV09-operation-drops-mask": "mask_again",
    "MV10-custom-layer-drops-mask": "mask_again",
    "MV10-custom-layer-gets-no-mask": "give_mask",
    "MV11-mha-strips-mask": "attend_on_copies",
    "MV12-initial-state-ignores-mask": "give_mask",
    "MV13-decoder-starts-unmasked": "mask_from_before",
    "MV16-concatenate-keeps-all": "mask_merge",
    "MV17-merge-drops-mask": "mask_merge",
    "MV17-merge-mixes-masks": "zero_padding",
    "MV26-ids-without-mask": "mask_input",
    "MV28-mask-value-nan": "mask_nan",
    "MV29-features-without-mask": "mask_input",
    "MV29-mask-value-is-another": "mask_what_is_held",
    "MV29-padding-changed-before-masking": "mask_raw_input",
    "MV29-second-mask-replaces-first": "leave_out",
    "MV36-softmax-over-time": "softmax_over_real_steps",
    "MV39-supports-masking-not-saved": "mask_again",
    "MV45-nan-made-here": "keep_finite",
}
"""Which surgery of ``engine.surgeries`` mends which finding."""

NOT_MECHANICAL: Mapping[str, str] = {
    "MV01-divisor": "nothing is wrong: versions of Keras divide a masked loss differently, whatever the network is",
    "MV03-": "what metrics see of weights is said to compile(), as weighted_metrics",
    "MV06-": "nothing is wrong: predictions at masked steps are there in any network, for whoever reads them to leave out",
    "MV07-": "nothing is wrong: arrays carry no mask, whatever network they come from",
    "MV09-code": "the mask is lost in the code of a class, which only its author can change",
    "MV09-operation": "what the operation computes over time has no form with a mask that is known to be meant",
    "MV10-": "what the layer does with its steps is its own code's affair: change it there",
    "MV14-": "a wrapper's inner mask has axes of its own, and which steps they stand for is not known",
    "MV17-dot": "the axes of a dot product are not those of its inputs",
    "MV17-merge-aligns": "which steps of its inputs are padding is not known to the network: mask the inputs first",
    "MV22-": "on which side padding is lies in the data: results are the same, and only cuDNN asks for it at the end",
    "MV24-": "whether your targets are reversed too is not known: choose between turning the output and turning the mask",
    "MV36-": "a softmax over classes stands where a softmax over steps or none was meant: which one is yours to say",
    "MV37-": "another normalization is another network: it has to be trained anew",
    "MV41-": "which call spreads over padding is a guess, and what it should do instead is its author's to say",
    "MV42-": "what differs in training is not changed in a copy: give the named layer its mask",
    "MV46-": "what these weights were is lost: load a file from before",
    "MV38-": "the mask has to reach the loss, as sample_weight or from the layer that makes the sequence",
}
"""Why there is no surgery, by the beginning of an id."""

OUTSIDE = "the fix is in the data, the targets, the weights or compile(), not in the network"


def refusal(finding_id: str) -> str:
    """Why a finding cannot be mended by changing a copy of the network."""
    return next((why for start, why in NOT_MECHANICAL.items() if finding_id.startswith(start)), OUTSIDE)


@dataclass(frozen=True, slots=True)
class Measures:
    """What padding does to a network's results: steps without a mask that follow it, kept steps computed from it, samples of outputs
    without time computed from it; the loss, and padding's share of it (None where either is not known)."""

    exposed: int
    leaking: int
    touched: int
    loss: float | None
    padding_share: float | None

    @property
    def harm(self) -> int:
        return self.exposed + self.leaking + self.touched


def measures_of(trace: Trace) -> Measures:
    """Measured at the network's outputs."""
    exposed = leaking = touched = 0
    for ref in (o.ref for o in trace.network_outputs):
        status = trace.status.get(ref or "")
        if status is None:
            continue
        exposed += int((status == Status.EXPOSED).sum())
        leaking += int((status == Status.LEAKING).sum())
        moved = trace.touched.get(ref or "")
        touched += int(moved.sum()) if moved is not None and (status == Status.ENDED).any() else 0
    return Measures(exposed, leaking, touched, trace.ledger.reported, trace.ledger.padding_share)


@dataclass(frozen=True, slots=True)
class Change:
    """How predictions moved at real steps: of those that padding had touched before, and of all others, which should not move."""

    touched: int
    others: int
    largest: float

    def __str__(self) -> str:
        if not self.touched and not self.others:
            return "predictions at real steps are unchanged"
        spoiled = f"{self.touched:,} real steps or samples that were computed from padding" if self.touched else ""
        others = (
            f"{self.others:,} that were not" if spoiled else f"{self.others:,} real steps or samples that were not computed from padding"
        )
        parts = [part for part in (spoiled, others if self.others else "") if part]
        return f"predictions changed at {' and at '.join(parts)}{f', by up to {number(self.largest)}' if self.largest else ''}"


def change_of(before: Trace, after: Trace) -> Change:
    """Predictions of two traces of one batch compared, output by output in their order."""
    touched = others = 0
    largest = 0.0
    for old, new in zip(before.network_outputs, after.network_outputs, strict=False):
        a, b = before.outputs[old.name], after.outputs[new.name]
        if a.shape != b.shape:
            continue
        real = _real_steps(before, old.name, a)
        apart = np.abs(a.astype("float64") - b.astype("float64")).reshape(*real.shape, -1)
        size = float(np.nanmax(np.abs(a), initial=0.0))
        both_nan = np.isnan(a) & np.isnan(b) if a.dtype.kind == "f" else np.zeros(a.shape, bool)
        apart[both_nan.reshape(apart.shape)] = 0
        moved = ~(apart.max(axis=-1, initial=0.0) <= 1e-4 * max(size, 1e-3)) & real
        spoiled = _spoiled(before, old.ref, real.shape)
        touched += int((moved & spoiled).sum())
        others += int((moved & ~spoiled).sum())
        if moved.any():
            largest = max(largest, float(np.nanmax(np.where(moved[..., None], apart, 0))))
    return Change(touched, others, largest)


def _real_steps(trace: Trace, name: str, values: NDArray[Any]) -> NDArray[np.bool_]:
    """``(batch, time)`` where an output's padding is known, else ``(batch,)`` or every step."""
    out = next(o for o in trace.network_outputs if o.name == name)
    padding = trace.output_padding(name)
    if padding is not None and padding.shape == values.shape[:2]:
        return ~padding
    return np.ones(values.shape[:2] if out.has_time and values.ndim > 1 else values.shape[:1], bool)


def _spoiled(trace: Trace, ref: str | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    moved = trace.touched.get(ref or "")
    return moved.astype(bool) if moved is not None and moved.shape == shape else np.zeros(shape, bool)


@dataclass(frozen=True)
class Repair:
    """One finding and what became of it. ``applied`` says what was changed in the copy, empty where nothing could be;
    ``verified`` whether the finding is gone and padding does less, None where nothing was tried. ``before`` and ``after`` are measured
    at the network's outputs."""

    finding: str
    call: str | None
    sentence: str
    applied: str = ""
    verified: bool | None = None
    before: Measures | None = None
    after: Measures | None = None

    def to_dict(self) -> dict[str, Any]:
        """The repair as JSON; numbers that are not finite are null."""
        return {**vars(self), "before": _numbers(self.before), "after": _numbers(self.after)}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Repair:
        made = {k: Measures(**body[k]) if body[k] is not None else None for k in ("before", "after")}
        return cls(**{**body, **made})


@dataclass(frozen=True)
class Report:
    """Repairs in the order in which they were tried, each on the copy that the ones before it had left.

    ``findings`` are those of the network itself, ``verified`` filled in; ``left`` those that the copy still has. ``path`` is where the
    copy was saved, ``code`` the code that its file needs to be loaded again (custom classes, Lambda functions). ``network`` is the copy
    itself for callers in the same process.
    """

    repairs: tuple[Repair, ...]
    before: Measures
    after: Measures
    change: Change
    findings: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()
    path: str | None = None
    code: tuple[str, ...] = ()
    network: Any = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON, without the copy."""
        return {
            "repairs": [r.to_dict() for r in self.repairs],
            "before": _numbers(self.before),
            "after": _numbers(self.after),
            "change": asdict(self.change),
            "findings": [f.to_dict() for f in self.findings],
            "left": [f.to_dict() for f in self.left],
            "path": self.path,
            "code": list(self.code),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Report:
        """A report from its JSON. Raises KeyError, TypeError or ValueError for anything that is none."""
        return cls(
            tuple(Repair.from_dict(r) for r in body["repairs"]),
            Measures(**body["before"]),
            Measures(**body["after"]),
            Change(**body["change"]),
            tuple(_finding(f) for f in body["findings"]),
            tuple(_finding(f) for f in body["left"]),
            body["path"],
            tuple(map(str, body["code"])),
        )

    @property
    def applied(self) -> tuple[Repair, ...]:
        return tuple(r for r in self.repairs if r.applied)

    def __str__(self) -> str:
        lines = [f"{r.finding} {r.call or ''}: {r.sentence}".replace(" :", ":") for r in self.repairs]
        if not self.repairs:
            lines = ["Nothing to repair: no finding of this batch says that padding is treated wrongly."]
        if self.applied:
            lines.append(f"All together: {', '.join(numbers(self.before, self.after)) or 'no number changed'}; {self.change}.")
        return "\n".join(lines)


def numbers(before: Measures, after: Measures) -> Iterator[str]:
    """``exposed steps 147 → 0``, for every measure that is or was not nothing."""
    for name, what in (("exposed", "exposed steps"), ("leaking", "leaking steps"), ("touched", "samples computed from padding")):
        a, b = getattr(before, name), getattr(after, name)
        if a or b:
            yield f"{what} {a} → {b}"
    shares = before.padding_share or 0.0, after.padding_share or 0.0
    if max(abs(share) for share in shares) > SMALLEST_SHOWN:
        yield f"padding in the loss {percent(shares[0])} → {percent(shares[1])}"
    if before.loss is not None and after.loss is not None:
        same = np.isclose(before.loss, after.loss, rtol=1e-5, atol=1e-9, equal_nan=True)
        was, now = number(before.loss, aligned=True), number(after.loss, aligned=True)
        yield f"loss {was} unchanged" if same else f"loss {was} → {now}"


def applied(finding: Finding, what: str, before: Trace, after: Trace) -> Repair:
    """What a repair did by itself, from the trace before it to the one after it; whether it helped is judged when all are made."""
    a, b = measures_of(before), measures_of(after)
    new = [f for f in new_errors(before, after) if (f.id, f.call) != (finding.id, finding.call) and before.call(f.call or "")]
    said = [*numbers(a, b), str(change_of(before, after))]
    if is_found(finding, after):
        said.append("the finding is still there")
    elif new:
        said.append(f"next in line: {', '.join(dict.fromkeys(f'{f.id} at {f.call}' for f in new))}")
    return Repair(finding.id, finding.call, "; ".join(said), what, False, a, b)


def is_found(finding: Finding, trace: Trace) -> bool:
    """Whether a trace has the finding still; what was wrong and is only worth knowing now has been mended."""
    same = [f for f in trace.findings if (f.id, f.call) == (finding.id, finding.call)]
    return any(f.severity != "info" or finding.severity == "info" for f in same)


def new_errors(before: Trace, after: Trace) -> list[Finding]:
    """Errors that only the later trace has."""
    known = {(f.id, f.call) for f in before.findings if f.severity == "error"}
    return [f for f in after.findings if f.severity == "error" and (f.id, f.call) not in known]


def keeps_masks(repairs: Iterable[Repair], before: Trace, after: Trace) -> bool:
    """Whether every other call that was given a mask is given one still: another batch would show what is lost with it."""
    given = {call.id: _is_given(call.received) for call in after.calls} | {r.call: True for r in repairs}
    return all(given.get(call.id, True) for call in before.calls if _is_given(call.received))


def _is_given(received: Any) -> bool:
    if isinstance(received, Mapping):
        return any(map(_is_given, received.values()))
    return any(map(_is_given, received)) if isinstance(received, (list, tuple)) else received is not None


def helped(before: Measures, after: Measures) -> bool:
    """Whether padding does less than before and nothing more: fewer steps follow it, its share of the loss is smaller, or NaN is gone."""
    if not unharmed(before, after):
        return False
    share = _share(after) - _share(before)
    mended = before.loss is not None and math.isnan(before.loss) and after.loss is not None and not math.isnan(after.loss)
    return after.harm < before.harm or share < -SMALLEST_SHARE or mended


def unharmed(before: Measures, after: Measures) -> bool:
    """Whether padding does no more than before. Its share of the loss moves a little when real steps no longer follow it."""
    share = _share(after) - _share(before)
    return after.harm <= before.harm and share <= (LARGEST_DRIFT if after.harm < before.harm else SMALLEST_SHARE)


def _share(measures: Measures) -> float:
    """Padding's share of the loss; all of it where NaN has spoilt it."""
    share = measures.padding_share or 0.0
    return 1.0 if math.isnan(share) else share


def spares_real_steps(repairs: Iterable[Repair], change: Change) -> bool:
    """Whether predictions are as before at real steps that padding had not touched, or repairs were made because of those very steps."""
    return not change.others or any(RECIPES.get(r.finding) in FOR_REAL_STEPS for r in repairs)


FOR_REAL_STEPS = frozenset({"leave_out", "mask_nan", "keep_finite"})
"""Surgeries for findings of real steps that were masked, or were NaN."""
SMALLEST_SHARE = 1e-6
SMALLEST_SHOWN = 5e-4
LARGEST_DRIFT = 0.01


def judged(repair: Repair, good: bool, others: Sequence[Repair], before: Measures, after: Measures) -> Repair:
    """A repair with its verdict and its whole sentence. ``others`` are those that it needed beside it for ``before → after``."""
    if repair.before is None or repair.after is None:
        return repair
    verdict = "verified" if good else "not verified"
    start = f"{repair.applied}; {verdict}: {repair.sentence}"
    if good and others and after != repair.after:
        names = ", ".join(dict.fromkeys(f"{r.finding} at {r.call}" for r in others))
        start += f"; together with {names}: {', '.join(numbers(before, after))}"
    return replace(repair, sentence=f"{start}.", verified=good)


def with_verdicts(findings: Iterable[Finding], repairs: Iterable[Repair]) -> tuple[Finding, ...]:
    """Findings with ``verified`` as their repairs say."""
    verdicts = {(r.finding, r.call): r.verified for r in repairs}
    return tuple(replace(f, verified=verdicts.get((f.id, f.call), f.verified)) for f in findings)


def _numbers(measures: Measures | None) -> dict[str, Any] | None:
    return None if measures is None else {k: _finite(v) for k, v in asdict(measures).items()}


def _finding(body: Mapping[str, Any]) -> Finding:
    effect = body["effect"] if body["effect"] is not None else math.inf
    return Finding(**{**body, "severity": Severity(body["severity"]), "effect": float(effect)})


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
