"""Which steps a finding is about, on the shared time axis: those that the heatmaps frame when it is chosen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskviz.core.finding import Finding
from maskviz.core.status import Status
from maskviz.core.trace import Trace

Steps = NDArray[np.bool_]
WRONG = (Status.EXPOSED, Status.LEAKING)


def steps_of(finding: Finding, trace: Trace, steps: int) -> Steps | None:
    """``(batch, steps)`` of the shared time axis: where padding reaches the finding's call (every output of the network, where it names
    none), else the padding itself. None where there is neither."""
    refs = [o.ref for o in trace.network_outputs] if finding.call is None else _refs(finding.call, trace)
    for ref in refs:
        status = trace.status.get(ref or "")
        if status is not None and status.ndim == 2 and np.isin(status, WRONG).any():
            return _laid(np.isin(status, WRONG), _places(ref, trace), steps)
    padding = next((p for p in trace.padding.values() if p.any()), None)
    return None if padding is None else _laid(padding.astype(bool), None, steps)


def _refs(call_id: str, trace: Trace) -> list[str | None]:
    call = trace.call(call_id)
    return [] if call is None else [call.ref(k) for k in range(len(call.outputs))]


def _places(ref: str | None, trace: Trace) -> tuple[int, ...] | None:
    """The shared steps that an output's steps belong to; None where they begin at the first."""
    return next((o.steps for o in trace.network_outputs if o.ref == ref and o.steps is not None), None)


def _laid(marked: Steps, places: tuple[int, ...] | None, steps: int) -> Steps:
    """Steps of one tensor at their places of the shared axis; those outside it are left out."""
    laid = np.zeros((len(marked), steps), bool)
    for step, place in enumerate(places if places is not None else range(marked.shape[1])):
        if 0 <= place < steps and step < marked.shape[1]:
            laid[:, place] |= marked[:, step]
    return laid
