"""What the window exports from: what is open, what is pinned as A, or the difference, as it is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from maskviz.export.kinds import Source
from maskviz.session.document import Document, Opened


def source_of(document: Document) -> Source | None:
    """The source of figures of what is shown; None as long as there is no batch."""
    comparison, at = document.comparison, (document.selection.sample, document.selection.step)
    source = _of(comparison.shown(), at)
    if source is None or comparison.side != "difference" or comparison.pinned is None:
        return source
    return replace(source, against=_of(comparison.pinned, at))


def _of(state: Opened, at: tuple[int, int]) -> Source | None:
    if state.network is None or state.batch is None:
        return None
    return Source(state.network, state.batch, state.trace, state.graph, at=at, file=Path(state.path) if state.path else None)
