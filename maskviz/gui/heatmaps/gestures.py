"""What a mouse gesture makes of one sample's padding: pure functions on ``(time,)`` bool rows, True = padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def edges(row: NDArray[Any]) -> list[int]:
    """Positions between steps that can be dragged: where data meets padding, and the ends of the axis beside data.

    Position p lies before step p. A row that is all padding can be opened from both ends.
    """
    inner = (np.flatnonzero(row[1:] != row[:-1]) + 1).tolist()
    ends = [0] if not row[0] or row.all() else []
    return ends + inner + ([len(row)] if not row[-1] or row.all() else [])


def drag_edge(row: NDArray[Any], edge: int, to: int) -> NDArray[Any]:
    """The row after its edge at ``edge`` was dragged to position ``to``: what lies on the edge's far side follows it."""
    beyond = not row.all()  # what the axis' ends push in: padding, or data into a row that is all padding
    before = row[edge - 1] if edge > 0 else beyond
    after = row[edge] if edge < len(row) else beyond
    new = row.copy()
    to = min(max(to, 0), len(row))
    new[edge:to] = before
    new[to:edge] = after
    return new


def paint(row: NDArray[Any], start: int, end: int, value: bool) -> NDArray[Any]:
    """The row with all steps between ``start`` and ``end``, both included, made ``value``."""
    new = row.copy()
    first, last = sorted((min(max(start, 0), len(row) - 1), min(max(end, 0), len(row) - 1)))
    new[first : last + 1] = value
    return new


def describe_rows(samples: Sequence[int], rows: NDArray[Any]) -> str:
    """The undo text of a padding edit of several samples."""
    if len(samples) == 1:
        return describe(samples[0], rows[0])
    if samples[-1] - samples[0] == len(samples) - 1:
        return f"Change the padding of samples {samples[0]} to {samples[-1]}"
    return f"Change the padding of {len(samples)} samples"


def describe(sample: int, row: NDArray[Any]) -> str:
    """The undo text of a padding edit, such as ``Pad sample 3 from step 17``."""
    real = np.flatnonzero(~row)
    if not len(real):
        return f"Pad all of sample {sample}"
    first, last = int(real[0]), int(real[-1])
    if len(real) != last - first + 1:
        return f"Change the padding of sample {sample}"
    if first == 0 and last == len(row) - 1:
        return f"Remove the padding of sample {sample}"
    if first == 0:
        return f"Pad sample {sample} from step {last + 1}"
    if last == len(row) - 1:
        return f"Pad sample {sample} before step {first}"
    return f"Pad sample {sample} before step {first} and from step {last + 1}"
