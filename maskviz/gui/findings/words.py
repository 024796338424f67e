"""What a finding's card says, as text: from the finding alone, without a widget."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from maskviz.core.finding import Finding
from maskviz.core.numbers import number, percent

LONG = 72  # characters; a sentence that is no longer is a title as it is
_BREAK = re.compile(r": |; |, and |, though ")


def headline(sentence: str) -> tuple[str, str]:
    """A title without a full stop, and what follows it: a long sentence is broken at its first colon or clause, outside quotes."""
    whole = sentence.strip().removesuffix(".")
    if len(whole) <= LONG:
        return whole, ""
    for found in _BREAK.finditer(whole):
        if whole.count("'", 0, found.start()) % 2 == 0:
            rest = ("yet " if found.group() == ", though " else "") + whole[found.end() :]
            return whole[: found.start()], f"{rest[:1].upper()}{rest[1:]}."
    return whole, ""


def evidence_lines(finding: Finding) -> tuple[tuple[str, str], ...]:
    """The numbers behind a finding, by their names."""
    return tuple((name, _value(name, value)) for name, value in finding.evidence.items())


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, float) and 0 <= value <= 1 and re.match(r"(share|touched|padding enters|fraction)", name):
        return percent(value)
    return f"{value:,}" if isinstance(value, int) else number(value, aligned=True)


def link_words(url: str) -> str:
    """What is behind a link: ``Keras source``, ``Keras issue 18416``."""
    parts = urlsplit(url)
    site, path = parts.hostname or "", parts.path.strip("/").split("/")
    if site != "github.com" or len(path) < 4:
        return {"keras.io": "Keras guide"}.get(site, site)
    owner = {"keras-team": "Keras", "tensorflow": "TensorFlow"}.get(path[0], path[1])
    kinds = {"issues": f"issue {path[3]}", "pull": f"pull request {path[3]}", "blob": "source", "discussions": "discussion"}
    return f"{owner} {kinds.get(path[2], 'page')}"


def verdict(finding: Finding) -> str:
    """Whether the fix was tried, as a sentence; empty where it was not."""
    if finding.verified is None:
        return ""
    return "Tried on a copy of this network: it works." if finding.verified else "Tried on a copy of this network: it did not help."


def as_text(finding: Finding) -> str:
    """All of a finding as plain text, for the clipboard."""
    numbers = "\n".join(f"{name}: {value}" for name, value in evidence_lines(finding))
    parts = (f"{finding.severity}: {finding.sentence} [{finding.id}]", finding.why, numbers, finding.fix, finding.link)
    return "\n\n".join(part for part in parts if part) + "\n"
