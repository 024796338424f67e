"""Statuses looked up by flags and counted: what they stand for, in any layout of the arrays."""

from __future__ import annotations

import numpy as np

from maskviz.core.status import Status, counted, looked_up, status_of, step_mask

MASK = np.array([[1, 1, 0, 0], [1, 0, 1, 0]], bool)
MOVED = np.array([[0, 1, 0, 1], [0, 0, 1, 1]], bool)


def test_a_status_is_the_mask_and_the_touch_of_a_step() -> None:
    wanted = [[Status.KEPT, Status.LEAKING, Status.SKIPPED, Status.SKIPPED], [Status.KEPT, Status.SKIPPED, Status.LEAKING, Status.SKIPPED]]
    np.testing.assert_array_equal(status_of(MASK, MOVED, (2, 4, 3), True), wanted)
    turned = status_of(np.asfortranarray(MASK), np.asfortranarray(MOVED), (2, 4, 3), True)
    np.testing.assert_array_equal(turned, wanted)
    bare = status_of(None, MOVED, (2, 4, 3), True)
    np.testing.assert_array_equal(bare == Status.EXPOSED, MOVED)
    np.testing.assert_array_equal(bare == Status.UNMASKED, ~MOVED)
    assert bare.dtype == np.uint8


def test_the_first_flag_is_worth_one_and_the_next_two() -> None:
    states = (Status.KEPT, Status.LEAKING, Status.SKIPPED, Status.EXPOSED)
    flags = np.array([0, 1, 0, 1], bool), np.array([0, 0, 1, 1], bool)
    assert looked_up(states, *flags).tolist() == [int(s) for s in states]


def test_counts_are_those_of_every_status() -> None:
    found = counted(np.array([[0, 0, 2], [3, 2, 2]], np.uint8))
    assert found == {s: {Status.KEPT: 2, Status.SKIPPED: 3, Status.EXPOSED: 1}.get(s, 0) for s in Status}


def test_a_step_is_kept_where_any_of_its_elements_is() -> None:
    deep = np.stack([MASK, np.zeros_like(MASK)], axis=2)
    np.testing.assert_array_equal(step_mask(deep, (2, 4, 2)), MASK)
    np.testing.assert_array_equal(step_mask(MASK.astype("float32"), (2, 4)), MASK)
    assert step_mask(MASK, (2, 5)) is None
