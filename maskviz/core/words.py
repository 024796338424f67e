"""Counts and lists of names for people: one spelling everywhere."""

from __future__ import annotations

from collections.abc import Iterable


def counted(count: int, noun: str) -> str:
    """``1 step``, ``2,300 steps``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(items: Iterable[object], quoted: bool = False) -> str:
    """``a, b and c``; ``'a', 'b' and 'c'`` where ``quoted``; nothing for no items."""
    *most, last = [f"'{item}'" if quoted else str(item) for item in items] or [""]
    return f"{', '.join(most)} and {last}" if most else last
