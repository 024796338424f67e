"""Status of a step: its mask and its touch by padding, together."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core import row_copies
from maskviz.core.by_rows import by_rows


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
    if status.nbytes < row_copies.AT_LEAST or status.ndim != 2:
        return {s: int(np.count_nonzero(status == np.uint8(s))) for s in Status}
    return dict(zip(Status, _counted(status).sum(axis=0).tolist(), strict=True))


@by_rows
def _counted(status: NDArray[Any]) -> NDArray[Any]:
    """How many steps of each sample have each status ``(batch, statuses)``."""
    return np.stack([_ones(status == np.uint8(s)) for s in Status], axis=1)


@by_rows
def _ones(flags: NDArray[np.bool_]) -> NDArray[Any]:
    """How many of each row are set; eight at a time, since NumPy's own sum of bools casts every one of them."""
    return np.asarray(np.bitwise_count(np.packbits(flags, axis=1)).sum(axis=1, dtype=np.int64))


def count_of(flags: NDArray[np.bool_]) -> int:
    """How many of ``(batch, time)`` are set."""
    return int(np.count_nonzero(flags) if flags.nbytes < row_copies.AT_LEAST or flags.ndim != 2 else _ones(flags).sum())


@by_rows
def both(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[Any]:
    """Where both are set."""
    return one & other


@by_rows
def neither(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[Any]:
    """Where none of both is set."""
    return ~(one | other)


@by_rows
def inverse(flags: NDArray[np.bool_]) -> NDArray[Any]:
    """Where it is not set."""
    return ~flags


@by_rows
def is_status(status: NDArray[Any], *, which: Status) -> NDArray[Any]:
    """Which steps have one status."""
    return np.asarray(status == np.uint8(which))


def looked_up(states: Sequence[Status], first: NDArray[Any], second: NDArray[Any] | bool = False) -> NDArray[np.uint8]:
    """For each step the status at the number that its flags make: ``first`` is worth 1, ``second`` 2.

    It is added up in bytes, which wrap around: on millions of steps that is many times faster than ``np.where`` or an index.
    """
    flags = [np.asarray(flag, bool) for flag in (first, second)]
    return _looked_up(*(flags if flags[1].ndim else flags[:1]), states=tuple(int(s) for s in (*states, *states)[:4]))


@by_rows
def _looked_up(*flags: NDArray[np.bool_], states: tuple[int, ...]) -> NDArray[Any]:
    none, one, two, both = states
    a, b = (flag.view(np.uint8) for flag in (*flags, np.zeros((), bool))[:2])
    return np.asarray(_byte(none) + a * _byte(one - none) + b * _byte(two - none) + (a & b) * _byte(both - two - one + none))


def _byte(number: int) -> np.uint8:
    return np.uint8(number % 256)


def step_mask(mask: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any] | None:
    """A mask ``(batch, time, …)`` as one bool a step ``(batch, time)``: kept where any of its elements is kept.

    None where the mask does not fit a tensor of ``shape`` step by step (masks of attention scores, masks of one rank).
    """
    if mask.ndim < 2 or len(shape) < 2 or mask.shape[:2] != tuple(shape[:2]):
        return None
    return mask.astype(bool, copy=False) if mask.ndim == 2 else _any_kept(mask)


@by_rows
def _any_kept(mask: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(mask.astype(bool, copy=False).reshape(*mask.shape[:2], -1).any(axis=2))


def status_of(mask: NDArray[Any] | None, touched: NDArray[Any] | None, shape: tuple[int, ...], has_time: bool) -> NDArray[np.uint8]:
    """Statuses ``(batch, time)`` of a tensor of ``shape``; ``(batch,)`` of ENDED where it has no time axis.

    ``mask`` and ``touched`` are ``(batch, time)`` bool; ``touched`` is None when the padding test could not be made, and no
    step is then called leaking or exposed.
    """
    if not has_time:
        return np.full(shape[:1], Status.ENDED, np.uint8)
    if mask is None:
        return np.full(shape[:2], Status.UNMASKED, np.uint8) if touched is None else looked_up((Status.UNMASKED, Status.EXPOSED), touched)
    if touched is None:
        return looked_up((Status.SKIPPED, Status.KEPT), mask)
    return looked_up((Status.SKIPPED, Status.SKIPPED, Status.KEPT, Status.LEAKING), touched, mask)
