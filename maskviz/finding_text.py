"""Findings as text: for a terminal, and for the message of a failed assertion."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maskviz.core.finding import Finding, Severity
from maskviz.core.numbers import number

RED, YELLOW, CYAN, BOLD, DIM = "31;1", "33;1", "36", "1", "2"
COLOURS = {Severity.ERROR: RED, Severity.WARNING: YELLOW, Severity.INFO: CYAN}
CODE_INDENT = " " * 6


@dataclass(frozen=True, slots=True)
class Style:
    """How wide lines may be, and whether escape codes colour them. Code is never broken."""

    width: int = 100
    colour: bool = False

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text

    def wrap(self, text: str, indent: str = "  ", first: str | None = None) -> str:
        """Text in lines of at most ``width``; words and quoted names stay whole."""
        return textwrap.fill(
            " ".join(text.split()),
            max(self.width, 40),
            initial_indent=indent if first is None else first,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


PLAIN = Style()


def finding_text(finding: Finding, style: Style = PLAIN, brief: bool = False, tried: str = "") -> str:
    """A finding as indented lines: severity, id and call, the sentence, the numbers, the reason, the fix as code, the link.

    A ``brief`` one ends after its sentence. ``tried`` says what came of trying the fix.
    """
    severity = style.paint(f"{finding.severity:7}", COLOURS[finding.severity])
    lines = [f"  {severity} {style.paint(finding.id, BOLD)}{where(finding)}", style.wrap(finding.sentence, "    ")]
    if brief:
        return "\n".join(lines)
    if finding.evidence:
        lines.append(style.paint(style.wrap(numbers(finding.evidence), "    "), DIM))
    if finding.why:
        lines.append(style.wrap(f"Why: {finding.why}", "    "))
    if finding.fix:
        lines += [f"    {TRIED[finding.verified]}:", textwrap.indent(finding.fix.rstrip(), CODE_INDENT, lambda line: bool(line.strip()))]
    if tried:
        lines.append(style.wrap(f"Tried: {tried}", "    "))
    if finding.link:
        lines.append(style.paint(f"    See {finding.link}", DIM))
    return "\n".join(lines)


TRIED = {None: "Fix", True: "Fix (verified on a copy of the network)", False: "Fix (tried on a copy of the network, and not enough)"}


def where(finding: Finding) -> str:
    """The place of a finding, for the end of a headline; nothing for one about the whole network."""
    return "" if finding.call is None else f" at {finding.call}"


def numbers(evidence: Mapping[str, Any]) -> str:
    """Evidence on one line: ``loss 0.1401 · share from padding 0.1997``."""
    return " · ".join(f"{name} {_value(value)}" for name, value in evidence.items())


def _value(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(value)
