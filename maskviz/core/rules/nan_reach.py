"""How far NaN and infinity get in a run: into which results, and where among the steps that count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.facts import Facts
from maskviz.core.finding import Severity
from maskviz.core.numbers import percent
from maskviz.core.trace import Call, TensorOut
from maskviz.core.words import listed

Steps = NDArray[np.bool_]
Place = tuple[Call, int, int | None]
"""A call with a sample and a step; None for a tensor without a time axis."""


@dataclass(frozen=True)
class Results:
    """Results that are no numbers: shares of what counts in outputs, outputs that are so at padding alone, loss, metrics, gradients."""

    outputs: dict[str, float]
    padded: tuple[str, ...]
    loss: bool
    metrics: tuple[str, ...]
    gradients: int

    @property
    def severity(self) -> Severity:
        if self.outputs or self.loss or self.metrics or self.gradients:
            return Severity.ERROR
        return Severity.WARNING if self.padded else Severity.INFO

    @property
    def effect(self) -> float:
        return float("inf") if self.loss else 0.0

    @property
    def reach(self) -> float:
        return max(self.outputs.values(), default=0.0)

    def __str__(self) -> str:
        """What came of it, as the end of a sentence."""
        parts = [f"{percent(share)} of what counts in output '{name}' is no number" for name, share in self.outputs.items()]
        parts += [f"output '{name}' is no number at padded steps alone" for name in self.padded]
        parts += ["the loss is NaN"] if self.loss else []
        parts += [f"so {'is the metric' if len(self.metrics) == 1 else 'are the metrics'} {listed(self.metrics)}"] if self.metrics else []
        parts += [f"in training {self.gradients:,} gradients are NaN"] if self.gradients else []
        if self.padded and not self.loss and not self.outputs:
            parts.append("a loss there would be NaN, masked or not")
        return listed(parts) or "no result of this run is NaN"


def kind_of(values: NDArray[Any]) -> str:
    """``NaN``, ``infinity``, or both."""
    kinds = [word for word, found in (("NaN", np.isnan(values).any()), ("infinity", np.isinf(values).any())) if found]
    return listed(kinds)


def results_of(facts: Facts) -> Results:
    """Which results of the run are no numbers."""
    outputs: dict[str, float] = {}
    padded: list[str] = []
    for output in facts.trace.network_outputs:
        values = facts.trace.outputs[output.name]
        odd = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(0, bool)
        if not odd.any():
            continue
        odd = np.asarray(odd.reshape(*odd.shape[: 2 if output.has_time else 1], -1).any(axis=-1))
        padding = facts.real_padding(output.name)
        mask = facts.step_mask(output.mask)
        kept = ~padding if padding is not None else mask
        counted = odd if kept is None or kept.shape != odd.shape else odd[kept]
        if counted.any():
            outputs[output.name] = float(counted.mean())
        else:
            padded.append(output.name)
    reported = facts.trace.ledger.reported
    # of targets and weights that are none other rules speak
    loss = reported is not None and not np.isfinite(reported) and bool(outputs or padded)
    metrics = tuple(name for name, value in facts.trace.metrics.items() if np.isnan(value)) if outputs or padded else ()
    gradients = sum(not np.isfinite(moved) for moved in facts.trace.gradients_moved.values())
    return Results(outputs, tuple(padded), loss, metrics, gradients)


def odd_steps(facts: Facts, name: str) -> Steps | None:
    """Where an input holds what is no number: ``(batch, time)``, ``(batch,)`` without a time axis; None for one without floats."""
    x = facts.batch.x[name]
    if x.dtype.kind != "f":
        return None
    axes = 2 if facts.network.input(name).has_time and x.ndim > 1 else 1
    return np.asarray((~np.isfinite(x)).reshape(*x.shape[:axes], -1).any(axis=-1))


def real_steps(facts: Facts, ref: str, out: TensorOut) -> Steps | None:
    """The steps ``(batch, time)`` of a tensor that count, by the padding of its input, else by its mask; None where all do."""
    if ref in facts.trace.windowed:
        return ~facts.trace.windowed[ref]
    name, steps = facts.trace.steps.get(ref, (None, ()))
    if out.has_time and name is not None and name in facts.trace.padding:
        return ~facts.trace.padding[name][:, list(steps)]
    return facts.step_mask(out.mask) if out.has_time else None


@dataclass(frozen=True)
class Way:
    """How far what is no number gets: the first call that has it at all, and the first that has it where it counts."""

    first: Place | None
    counts: Place | None

    @property
    def evidence(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for words, place in (("first passed on by", self.first), ("first counts at", self.counts)):
            if place is not None:
                call, sample, step = place
                found[words] = f"{call.id}, sample {sample}{'' if step is None else f', t={step}'}"
        return found


def way_of(facts: Facts, source: str, rows: Steps) -> Way:
    """The way through the own calls that are computed from ``source``, in the samples ``rows``, each with its first sample and step."""
    first = counts = None
    reached = facts.downstream(facts.by_id[source])
    for call in facts.own_calls:
        for number, out in enumerate(call.outputs):
            kinds = facts.trace.broken.get(call.ref(number)) if call.id in reached else None
            if kinds is None or len(kinds) != len(rows):
                continue
            odd = (kinds != 0) & rows.reshape(-1, *[1] * (kinds.ndim - 1))
            kept = real_steps(facts, call.ref(number), out)
            first = first or first_place(call, odd)
            counts = counts or first_place(call, odd if kept is None or kept.shape != odd.shape else odd & kept)
    return Way(first, counts)


def first_place(call: Call, odd: Steps) -> Place | None:
    """The first sample and step at which something holds."""
    if not odd.any():
        return None
    sample, *step = (int(i) for i in np.argwhere(odd)[0])
    return call, sample, step[0] if step else None


def at(place: Place) -> str:
    """``'attention' (sample 1, t=0)``."""
    call, sample, step = place
    return f"'{call.name}' (sample {sample}{'' if step is None else f', t={step}'})"
