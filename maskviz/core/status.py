"""Status of a step: its mask and its touch by padding, together."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Status(IntEnum):
    """What padding is to one step of one tensor. The numbers are those of ``status/CALL`` in ``trace --npz``."""

    KEPT = 0
    LEAKING = 1
    SKIPPED = 2
    EXPOSED = 3
    UNMASKED = 4
    ENDED = 5


def counted(status: NDArray[Any]) -> dict[Status, int]:
    """How many steps have each status. Comparing bytes is many times faster than ``bincount``, which casts them first."""
    return {s: int(np.count_nonzero(status == np.uint8(s))) for s in Status}


def looked_up(states: Sequence[Status], first: NDArray[Any], second: NDArray[Any] | bool = False) -> NDArray[np.uint8]:
    """For each step the status at the number that its flags make: ``first`` is worth 1, ``second`` 2.

    It is added up in bytes, which wrap around: on millions of steps that is many times faster than ``np.where`` or an index.
    """
    none, one, two, both = (int(s) for s in (*states, *states)[:4])
    a, b = (np.asarray(flag, bool).view(np.uint8) for flag in (first, second))
    return np.asarray(_byte(none) + a * _byte(one - none) + b * _byte(two - none) + (a & b) * _byte(both - two - one + none))


def _byte(number: int) -> np.uint8:
    return np.uint8(number % 256)


def step_mask(mask: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any] | None:
    """A mask ``(batch, time, …)`` as one bool a step ``(batch, time)``: kept where any of its elements is kept.

    None where the mask does not fit a tensor of ``shape`` step by step (masks of attention scores, masks of one rank).
    """
    if mask.ndim < 2 or len(shape) < 2 or mask.shape[:2] != tuple(shape[:2]):
        return None
    kept = mask.astype(bool, copy=False)
    return kept if kept.ndim == 2 else np.asarray(kept.reshape(*kept.shape[:2], -1).any(axis=2))


def status_of(mask: NDArray[Any] | None, touched: NDArray[Any] | None, shape: tuple[int, ...], has_time: bool) -> NDArray[np.uint8]:
    """Statuses ``(batch, time)`` of a tensor of ``shape``; ``(batch,)`` of ENDED where it has no time axis.

    ``mask`` and ``touched`` are ``(batch, time)`` bool; ``touched`` is None when the padding test could not be made, and no
    step is then called leaking or exposed.
    """
    if not has_time:
        return np.full(shape[:1], Status.ENDED, np.uint8)
    moved = np.zeros(shape[:2], bool) if touched is None else touched
    if mask is None:
        return looked_up((Status.UNMASKED, Status.EXPOSED), moved)
    return looked_up((Status.SKIPPED, Status.SKIPPED, Status.KEPT, Status.LEAKING), moved, mask)
