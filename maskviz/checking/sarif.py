"""A check as SARIF 2.1.0, the format that code scanners hand to review tools.

A network file has no lines, so a result names the file, and the call in ``logicalLocations``. Findings that a baseline accepts are there as
suppressed results; networks that could not be checked are notifications of the invocation.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from maskviz import __version__
from maskviz.checking.report import CLEAN, FOUND, Checked, Report, Unusable
from maskviz.core.finding import Finding, Severity, rank
from maskviz.core.rules import RULES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
GUIDE = "https://keras.io/guides/understanding_masking_and_padding/"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
AN_ID = re.compile(r"MV\d+[a-z]?-[\w-]+")


def to_sarif(report: Report) -> str:
    """The report as indented JSON of a SARIF log with one run."""
    return json.dumps(to_dict(report), indent=1, ensure_ascii=False, allow_nan=False)


def to_dict(report: Report) -> dict[str, Any]:
    """The report as plain JSON values."""
    least_first = sorted((f for c in report.checked for f in c.findings), key=rank, reverse=True)
    worst = {f.id: f for f in least_first}
    ids = sorted(worst)
    run = {
        "tool": {
            "driver": {
                "name": "MaskViz",
                "semanticVersion": __version__,
                "version": __version__,
                "rules": [_rule(worst[name]) for name in ids],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": list(_results(report, ids)),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "name": "".join(word.capitalize() for word in finding.id.split("-")[1:]),
        "shortDescription": {"text": short_description(finding.id)},
        "fullDescription": {"text": finding.why or finding.sentence},
        "help": {"text": finding.why or finding.sentence},
        "helpUri": finding.link or GUIDE,
        "defaultConfiguration": {"level": LEVELS[finding.severity]},
    }


def short_description(rule: str) -> str:
    """One sentence of what a rule is about; the words of its id where no rule claims it."""
    return f"{_reasons().get(rule) or rule.partition('-')[2].replace('-', ' ')}."


@cache
def _reasons() -> dict[str, str]:
    """By id, why its rule is asked, beginning with a capital."""
    return {name: rule.why[:1].upper() + rule.why[1:] for rule in RULES for name in AN_ID.findall(rule.find.__doc__ or "")}


def _results(report: Report, ids: list[str]) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for checked in report.checked:
        for place, finding in enumerate(checked.findings):
            result = {
                "ruleId": finding.id,
                "ruleIndex": ids.index(finding.id),
                "level": LEVELS[finding.severity],
                "message": {"text": finding.sentence, "markdown": _markdown(finding)},
                "locations": [_location(checked, finding)],
                "partialFingerprints": {"maskviz/v1": _fingerprint(checked, finding, seen)},
                "properties": {name: finding.to_dict()[name] for name in ("evidence", "fix", "verified", "effect")}
                | ({"tried": tried} if (tried := checked.tried.get((finding.id, finding.call))) else {}),
            }
            if place in checked.known:
                result["suppressions"] = [{"kind": "external", "justification": f"accepted by {report.baseline}"}]
            yield result


def _markdown(finding: Finding) -> str:
    parts = [finding.sentence, finding.why, f"```python\n{finding.fix.rstrip()}\n```" if finding.fix else ""]
    return "\n\n".join(part for part in parts if part)


def _location(checked: Checked, finding: Finding) -> dict[str, Any]:
    network = checked.name
    place = {"name": network, "fullyQualifiedName": network, "kind": "module"}
    if finding.call is not None:
        place = {"name": finding.call.rpartition("/")[2], "fullyQualifiedName": f"{network}/{finding.call}", "kind": "member"}
    return {**_file(checked.file), "logicalLocations": [place]}


def _file(path: str) -> dict[str, Any]:
    # review tools show no result without a line, so the file's first stands for the whole of it
    return {"physicalLocation": {"artifactLocation": {"uri": uri_of(path)}, "region": {"startLine": 1}}}


def uri_of(path: str) -> str:
    """A path as URI: relative to the current folder where it lies in it, else absolute."""
    full = Path(os.path.abspath(path))
    try:
        return quote(full.relative_to(Path.cwd()).as_posix())
    except ValueError:
        return full.as_uri()


def _fingerprint(checked: Checked, finding: Finding, seen: Counter[str]) -> str:
    """The same for the same finding in another run, whatever the file is called and whatever its numbers are."""
    key = "\n".join((checked.name, finding.id, finding.call or ""))
    seen[key] += 1
    return hashlib.sha256(f"{key}\n{seen[key]}".encode()).hexdigest()[:32]


def _invocation(report: Report) -> dict[str, Any]:
    return {
        "executionSuccessful": report.exit_code in (CLEAN, FOUND),
        "exitCode": report.exit_code,
        "toolExecutionNotifications": [_notification(unusable) for unusable in report.unusable],
    }


def _notification(unusable: Unusable) -> dict[str, Any]:
    return {"level": "error", "message": {"text": unusable.sentence}, "locations": [_file(unusable.file)]}
