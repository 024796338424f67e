"""The JSON and the arrays that ``maskviz trace`` writes (schema version 1)."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from maskviz.core.losses import contributions

if TYPE_CHECKING:
    from maskviz.core.trace import Call, Trace

SCHEMA = 1


def to_dict(trace: Trace) -> dict[str, Any]:
    """A trace as plain JSON values; numbers that are not finite are null."""
    ledger = trace.ledger
    asked: dict[str, Any] = {}
    if trace.length_test:
        asked["length_test"] = {"sentence": trace.length_test, "moved": {name: _number(m) for name, m in trace.length_moved.items()}}
    if trace.gradient_test:
        asked["gradients"] = {"sentence": trace.gradient_test, "moved": {name: _number(m) for name, m in trace.gradients_moved.items()}}
    return asked | {
        "schema": SCHEMA,
        "keras": trace.keras,
        "backend": trace.backend,
        "device": trace.device,
        "network": {"name": trace.network_name, "class": trace.network_class, "compiled": trace.compiled},
        "calls": [_call(call) for call in trace.calls],
        "masks": {key: {"shape": list(m.shape), "kept": int(m.sum()), "size": int(m.size)} for key, m in trace.masks.items()},
        "outputs": [{**asdict(o), "steps": None if o.steps is None else list(o.steps)} for o in trace.network_outputs],
        "padding": {name: {"shape": list(p.shape), "padded": int(p.sum())} for name, p in trace.padding.items()},
        "padding_test": trace.padding_test,
        "loss": {
            "reported": _number(ledger.reported),
            "evaluate": _number(ledger.evaluate),
            "matches": ledger.matches,
            "sum": _number(ledger.sum),
            "kept_only": _number(ledger.kept_only),
            "unmasked": _number(ledger.unmasked),
            "padding_share": _number(ledger.padding_share),
            "outputs": [
                {
                    "name": t.output,
                    "loss": t.name,
                    "weight": t.weight,
                    "reduction": t.reduction,
                    "separable": t.separable,
                    "sum": _number(float(contributions(t).sum()) if t.separable else t.total),
                }
                for t in ledger.terms
            ],
            "added": _number(ledger.added),
            "rows": [{**asdict(row), "value": _number(row.value)} for row in ledger.rows],
        },
        "metrics": {name: _number(value) for name, value in trace.metrics.items()},
        "metrics_detail": {
            n.name: {
                "value": _number(n.value),
                "honours_mask": n.honours_mask,
                "honours_weights": n.honours_weights,
                "masked_value": _number(n.masked_value),
            }
            for n in trace.metric_notes
        },
        "findings": [finding.to_dict() for finding in trace.findings],
        "notes": list(trace.notes),
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "name": call.name,
        "class": call.class_name,
        "kind": call.kind,
        "parent": call.parent,
        "role": call.role,
        "inputs": [
            {"from": i.source, "shape": list(i.shape), "mask": i.mask} | ({"also_from": list(i.also)} if i.also else {})
            for i in call.inputs
        ],
        "received": dict(call.received),
        "stripped": list(call.stripped),
        "outputs": [
            {"shape": list(o.shape), "dtype": o.dtype, "mask": o.mask, "time": o.has_time, "touched_kept": _number(o.touched_kept)}
            for o in call.outputs
        ],
        "fate": str(call.fate),
        "ignores": call.ignores,
        "parameters": call.parameters,
        "supports_masking": call.supports_masking,
        "not_traced": call.inside or None,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def to_arrays(trace: Trace) -> dict[str, NDArray[Any]]:
    """The arrays of ``trace --npz``: ``mask/KEY``, ``status/CALL``, ``touched/CALL``, ``output/NAME``, ``contribution/NAME``."""
    groups = {
        "mask": trace.masks,
        "status": trace.status,
        "touched": trace.touched,
        "output": trace.outputs,
        "contribution": trace.contributions,
    }
    return {f"{group}/{key}": array for group, arrays in groups.items() for key, array in arrays.items()}
