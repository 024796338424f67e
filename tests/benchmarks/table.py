"""A measured row of the table, and how rows are measured and printed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its baseline, in ``unit``.

    ``budget`` is what ``measured / baseline`` may be, or what ``measured`` may be where ``absolute``.
    """

    what: str
    measured: float
    baseline: float
    of: str
    budget: float
    unit: str = "ms"
    absolute: bool = False

    @property
    def ratio(self) -> float:
        return self.measured / self.baseline

    @property
    def kept(self) -> bool:
        """Whether the figure is within its budget."""
        return (self.measured if self.absolute else self.ratio) <= self.budget


def alternate(candidate: Callable[[], object], baseline: Callable[[], object], times: int, in_a_row: int = 1) -> tuple[float, float]:
    """Median milliseconds of both, run in turns so that a busy moment of the machine hits both alike; one turn warms up.

    ``in_a_row`` runs make a turn, where they follow one another in use, as edits do while one drags.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(times + 1):
        for seconds, run in zip(taken, (candidate, baseline), strict=True):
            milliseconds = [spent(run) for _ in range(in_a_row)]
            if turn:
                seconds += milliseconds
    return statistics.median(taken[0]), statistics.median(taken[1])


def spent(run: Callable[[], object]) -> float:
    """Milliseconds that one run takes."""
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000


def show(rows: Sequence[Row]) -> None:
    """Print the table: what, measured, baseline, ratio, budget, kept or not."""
    lines = [("", "measured", "baseline", "ratio", "budget", "")]
    for row in rows:
        budget = f"≤ {row.budget:g} {row.unit}" if row.absolute else f"≤ {row.budget:g} ×"
        lines.append(
            (
                row.what,
                f"{row.measured:.4g} {row.unit}",
                f"{row.baseline:.4g} {row.unit} ({row.of})",
                f"{row.ratio:.3g} ×",
                budget,
                "kept" if row.kept else "MISSED",
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
