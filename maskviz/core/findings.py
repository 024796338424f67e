"""Findings of a trace: every rule asked, the answers ranked by their effect on the loss."""

from __future__ import annotations

from maskviz.core.facts import Facts
from maskviz.core.finding import Finding, Severity, rank
from maskviz.core.rules import RULES

__all__ = ["Facts", "Finding", "Severity", "findings_of"]


def findings_of(facts: Facts) -> tuple[Finding, ...]:
    """All findings: errors first, then warnings, then what is worth knowing; within each by effect on the loss."""
    order = {call.id: number for number, call in enumerate(facts.trace.calls)}
    found = [finding for rule in RULES for finding in rule.find(facts)]
    return tuple(sorted(found, key=lambda f: (*rank(f), order.get(f.call or "", len(order)))))
