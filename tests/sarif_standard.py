"""The part of SARIF 2.1.0 (OASIS standard, errata 01) that MaskViz writes: which properties an object may have and what they hold.

Stricter than the standard's own schema: there, a property is allowed that is not named here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

Check = Callable[[Any], bool]


def text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def whole(least: int) -> Check:
    return lambda value: type(value) is int and value >= least


def one_of(*values: str) -> Check:
    return lambda value: value in values


def uri(value: Any) -> bool:
    return uri_reference(value) and bool(urlsplit(value).scheme)


def uri_reference(value: Any) -> bool:
    """RFC 3986: no character that would have to be escaped."""
    return text(value) and re.fullmatch(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+", value) is not None


def truth(value: Any) -> bool:
    return isinstance(value, bool)


def bag(value: Any) -> bool:
    """A property bag holds anything, by name."""
    return isinstance(value, dict) and "tags" not in value


def texts_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(map(text, (*value, *value.values())))


# by object its properties: "name!" must be there; a list holds objects of that kind, "unique" ones none twice
OBJECTS: dict[str, dict[str, Any]] = {
    "log": {"$schema": uri, "version!": one_of("2.1.0"), "runs!": ["run"]},
    "run": {
        "tool!": "tool",
        "invocations": ["invocation"],
        "columnKind": one_of("utf16CodeUnits", "unicodeCodePoints"),
        "results": ["result"],
    },
    "tool": {"driver!": "driver"},
    "driver": {"name!": text, "version": text, "semanticVersion": text, "informationUri": uri, "rules": ["unique", "rule"]},
    "rule": {
        "id!": text,
        "name": text,
        "shortDescription": "description",
        "fullDescription": "description",
        "help": "description",
        "helpUri": uri,
        "defaultConfiguration": "configuration",
    },
    "description": {"text!": text, "markdown": text},
    "configuration": {"enabled": truth, "level": one_of("none", "note", "warning", "error")},
    "result": {
        "ruleId": text,
        "ruleIndex": whole(-1),
        "level": one_of("none", "note", "warning", "error"),
        "message!": "message",
        "locations": ["location"],
        "partialFingerprints": texts_by_name,
        "suppressions": ["unique", "suppression"],
        "properties": bag,
    },
    "message": {"text!": text, "markdown": text},
    "location": {"physicalLocation": "physical", "logicalLocations": ["unique", "logical"]},
    "physical": {"artifactLocation!": "artifact", "region": "region"},
    "artifact": {"uri!": uri_reference, "uriBaseId": text},
    "region": {"startLine!": whole(1)},
    "logical": {"name": text, "fullyQualifiedName": text, "kind": text},
    "suppression": {"kind!": one_of("inSource", "external"), "justification": text},
    "invocation": {"executionSuccessful!": truth, "exitCode": whole(-(2**31)), "toolExecutionNotifications": ["notification"]},
    "notification": {"message!": "message", "level": one_of("none", "note", "warning", "error"), "locations": ["location"]},
}


def faults(value: Any, kind: str = "log", path: str = "$") -> Iterator[str]:
    """Where a value is not what the standard says of an object of this kind, one line each."""
    if not isinstance(value, dict):
        yield f"{path}: no object"
        return
    allowed = {name.rstrip("!"): held for name, held in OBJECTS[kind].items()}
    needed = {name[:-1] for name in OBJECTS[kind] if name.endswith("!")}
    yield from (f"{path}: lacks {name}" for name in sorted(needed - value.keys()))
    for name, held in value.items():
        here = f"{path}.{name}"
        if name not in allowed:
            yield f"{here}: {kind} has no such property"
        elif isinstance(allowed[name], str):
            yield from faults(held, allowed[name], here)
        elif not isinstance(allowed[name], list):
            yield from [] if allowed[name](held) else [f"{here}: {held!r}"]
        elif not isinstance(held, list):
            yield f"{here}: no array"
        else:
            if "unique" in allowed[name] and len({json.dumps(item, sort_keys=True) for item in held}) < len(held):
                yield f"{here}: twice the same"
            for number, item in enumerate(held):
                yield from faults(item, allowed[name][-1], f"{here}[{number}]")
    if kind == "run":
        yield from _references(value, path)


def _references(run: dict[str, Any], path: str) -> Iterator[str]:
    """What names something elsewhere names something that is there (3.27.5 to 3.27.7, 3.49.3)."""
    rules = [rule["id"] for rule in run["tool"]["driver"].get("rules", [])]
    if len(set(rules)) < len(rules):
        yield f"{path}: two rules of one id"
    for number, result in enumerate(run.get("results", [])):
        index = result.get("ruleIndex", -1)
        if index >= len(rules) or (index >= 0 and rules[index] != result.get("ruleId", rules[index])):
            yield f"{path}.results[{number}]: ruleIndex {index} is not rule {result.get('ruleId')}"
