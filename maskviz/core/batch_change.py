"""What an edit changed in a batch: enough to go from either batch to the other, and no more (pure functions)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Arrays, Batch
from maskviz.core.row_copies import AT_ONCE, bits, copy_for, rows_that_differ

GROUPS = ("x", "y", "sample_weight", "padding", "content")
PLAIN = tuple(f.name for f in fields(Batch) if f.name not in GROUPS)


@dataclass(frozen=True)
class Patch:
    """The values before and after ``(rows, steps, …)`` of the rows that differ, from step ``first`` on."""

    rows: NDArray[np.intp]
    first: int
    before: NDArray[Any]
    after: NDArray[Any]

    @property
    def nbytes(self) -> int:
        return self.before.nbytes + self.after.nbytes

    def put(self, array: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
        """A copy of ``array`` with ``values`` in the patch's place."""
        new = copy_for(array, self.rows)
        if array.ndim < 2:
            new[self.rows] = values
        else:
            new[self.rows, self.first : self.first + values.shape[1]] = values
        return new


@dataclass(frozen=True)
class Whole:
    """Both arrays, where most of them differs; None where a batch has none of that name."""

    before: NDArray[Any] | None
    after: NDArray[Any] | None

    @property
    def nbytes(self) -> int:
        return 0 if self.before is None else self.before.nbytes  # what comes after is shown, or belongs to the next edit


@dataclass(frozen=True)
class Change:
    """The parts of ``before`` and ``after`` that differ. ``names`` are those of the arrays in either batch, by group, in their order."""

    parts: Mapping[tuple[str, str], Patch | Whole]
    names: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    plain: Mapping[str, tuple[Any, Any]]

    @classmethod
    def between(cls, before: Batch, after: Batch) -> Change:
        """What differs between two batches, to the last bit."""
        parts = {}
        names = {}
        for group in GROUPS:
            old, new = getattr(before, group), getattr(after, group)
            names[group] = (tuple(old), tuple(new))
            for name in dict.fromkeys((*old, *new)):
                part = _part(old.get(name), new.get(name))
                if part is not None:
                    parts[group, name] = part
        return cls(parts, names, {name: (getattr(before, name), getattr(after, name)) for name in PLAIN})

    @property
    def is_seen(self) -> bool:
        """Whether anything differs but what lies behind padding."""
        return any(group != "content" for group, _ in self.parts)

    @property
    def nbytes(self) -> int:
        """Bytes that are kept for this edit alone."""
        return sum(part.nbytes for part in self.parts.values())

    def undone(self, after: Batch) -> Batch:
        """The batch before the edit, from the one after it."""
        return self._made(after, 0)

    def redone(self, before: Batch) -> Batch:
        """The batch after the edit, from the one before it."""
        return self._made(before, 1)

    def _made(self, batch: Batch, side: int) -> Batch:
        made: dict[str, Any] = {name: values[side] for name, values in self.plain.items()}
        for group, names in self.names.items():
            made[group] = self._arrays(getattr(batch, group), group, names[side], side)
        return Batch(**made)

    def _arrays(self, arrays: Arrays, group: str, names: tuple[str, ...], side: int) -> dict[str, NDArray[Any]]:
        made = {}
        for name in names:
            part = self.parts.get((group, name))
            if part is None:
                made[name] = arrays[name]
                continue
            value = (part.before, part.after)[side]
            assert value is not None
            made[name] = part.put(arrays[name], value) if isinstance(part, Patch) else value
        return made


def _part(before: NDArray[Any] | None, after: NDArray[Any] | None) -> Patch | Whole | None:
    """How two arrays differ, None where they do not."""
    if before is after:
        return None
    if before is None or after is None or before.shape != after.shape or before.dtype != after.dtype or not before.ndim:
        return Whole(before, after)
    rows = rows_that_differ(before, after)
    if not len(rows):
        return None
    first, end = (0, 1) if before.ndim < 2 else _steps_that_differ(before, after, rows)
    part = (rows,) if before.ndim < 2 else (rows, slice(first, end))
    cells = before[:1, first:end].size if before.ndim > 1 else 1
    if 2 * len(rows) * cells > before.size:
        return Whole(before, after)
    return Patch(rows, first, before[part], after[part])


def _steps_that_differ(before: NDArray[Any], after: NDArray[Any], rows: NDArray[np.intp]) -> tuple[int, int]:
    """The first step in which any of the rows differ, and the one behind the last."""
    differ = np.zeros(before.shape[1], bool)
    high = max(1, AT_ONCE * len(before) // before.size)
    for top in range(0, len(rows), high):
        some = rows[top : top + high]
        differ |= (bits(before[some], 2) != bits(after[some], 2)).any(axis=(0, 2))
    steps = np.flatnonzero(differ)
    return int(steps[0]), int(steps[-1]) + 1
