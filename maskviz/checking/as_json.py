"""A check as JSON, schema version 1::

    {"schema": 1, "maskviz": "0.1.0", "fail_on": "error"|"warning"|"never", "exit_code": n,
     "networks": [
       {"file", "name", "class", "keras", "backend", "device", "batch": where it comes from, "padding_test": how it was made or why not,
        "loss": {"reported": x|null, "evaluate": x|null, "matches": bool|null}, "notes": [sentence, …],
        "findings": [a finding of ``trace --json`` with "accepted": bool and "tried": what came of its fix (--verify)|null, …]},
       {"file", "error": sentence, "lines": [what would run, or the engine's last words], "exit_code": 2|3}, …],
     "baseline": null | {"file", "accepted": n, "gone": [{"network", "id", "call"}, …]},
     "summary": {"networks": n, "unusable": n, "error": n, "warning": n, "info": n, "accepted": n}}

``networks`` has the order of the command line, ``findings`` that of their weight: errors first, then by effect on the loss. ``summary``
counts findings that the baseline does not accept, and ``accepted`` the others. Numbers that are not finite are null.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from maskviz import __version__
from maskviz.checking.report import Checked, Report, Result
from maskviz.core.finding import Severity

SCHEMA = 1


def to_json(report: Report) -> str:
    """The report as indented JSON."""
    return json.dumps(to_dict(report), indent=1, ensure_ascii=False, allow_nan=False)


def to_dict(report: Report) -> dict[str, Any]:
    """The report as plain JSON values."""
    baseline = None
    if report.baseline is not None:
        baseline = {"file": report.baseline, "accepted": report.accepted, "gone": [asdict(known) for known in report.gone]}
    return {
        "schema": SCHEMA,
        "maskviz": __version__,
        "fail_on": report.fail_on,
        "exit_code": report.exit_code,
        "networks": [_network(result) for result in report.results],
        "baseline": baseline,
        "summary": {
            "networks": len(report.checked),
            "unusable": len(report.unusable),
            **{str(severity): report.count(severity) for severity in Severity},
            "accepted": report.accepted,
        },
    }


def _network(result: Result) -> dict[str, Any]:
    if not isinstance(result, Checked):
        return {"file": result.file, "error": result.sentence, "lines": list(result.lines), "exit_code": result.code}
    about = result.trace.to_dict()
    return {
        "file": result.file,
        "name": about["network"]["name"],
        "class": about["network"]["class"],
        "keras": about["keras"],
        "backend": about["backend"],
        "device": about["device"],
        "batch": result.batch,
        "padding_test": about["padding_test"],
        "loss": {name: about["loss"][name] for name in ("reported", "evaluate", "matches")},
        "notes": [*result.notes, *about["notes"]],
        "findings": [
            {**finding, "tried": result.tried.get((finding["id"], finding["call"])), "accepted": place in result.known}
            for place, finding in enumerate(about["findings"])
        ],
    }
