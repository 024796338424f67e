"""What is computed by rows is what the whole would give, and costs the rows that changed."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from maskviz.core import by_rows, row_copies
from maskviz.core.row_copies import copy_for, shared
from maskviz.core.status import Status, both, count_of, counted, inverse, is_status, looked_up

ROWS, STEPS = 40, 12


@pytest.fixture
def all_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_copies, "AT_LEAST", 0)


def flags(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((ROWS, STEPS)) < 0.5


def test_only_rows_that_changed_are_computed_anew(all_shared: None) -> None:
    seen: list[int] = []

    @by_rows.by_rows
    def doubled(array: np.ndarray, *, times: int) -> Any:
        seen.append(len(array))
        return array * times

    array = shared(np.arange(60).reshape(20, 3))
    before = doubled(array, times=2)
    assert doubled(array, times=2) is before
    after = copy_for(array, [4, 7])
    after[[4, 7]] = 0
    result = doubled(after, times=2)
    assert seen == [20, 2]
    assert_array_equal(result, after * 2)
    assert_array_equal(before, array * 2)
    assert_array_equal(doubled(array, times=2), array * 2), "as after an undo"
    assert seen == [20, 2, 2]
    assert_array_equal(doubled(array, times=3), array * 3)
    assert_array_equal(doubled(array.copy(), times=2), array * 2)
    assert seen == [20, 2, 2, 20, 20]


def test_what_is_known_stays_while_another_thread_computes(all_shared: None) -> None:
    seen: list[int] = []
    begun, goes_on = threading.Event(), threading.Event()

    @by_rows.by_rows
    def doubled(array: np.ndarray) -> Any:
        seen.append(len(array))
        if threading.current_thread() is slow:
            begun.set()
            assert goes_on.wait(20)
        return array * 2

    array = shared(np.arange(60).reshape(20, 3))
    copies = [copy_for(array, row) for row in (4, 7)]
    slow = threading.Thread(target=lambda: doubled(copies[0]))
    doubled(array)
    slow.start()
    assert begun.wait(20)
    assert_array_equal(doubled(copies[1]), array * 2)
    goes_on.set()
    slow.join(20)
    assert seen == [20, 1, 1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, ROWS - 1), max_size=4), st.integers(0, 9)), max_size=30))
def test_any_walk_of_edits_gives_what_the_whole_gives(all_shared: None, edits: list[tuple[bool, list[int], int]]) -> None:
    """Edits follow each other, or go on from an older copy as after an undo."""
    copies: list[list[np.ndarray]] = [[shared(flags(1)), shared(flags(2))]]
    for first, rows, back in edits:
        pair = list(copies[-1 - back % len(copies)])
        which = 0 if first else 1
        new = copy_for(pair[which], rows)
        new[rows] = ~new[rows]
        pair[which] = new
        copies.append(pair)
        one, other = (np.array(array) for array in pair)
        assert_array_equal(both(*pair), one & other)
        assert_array_equal(inverse(pair[0]), ~one)
        status = looked_up((Status.SKIPPED, Status.SKIPPED, Status.KEPT, Status.EXPOSED), *pair)
        assert_array_equal(status, np.where(other, np.where(one, Status.EXPOSED, Status.KEPT), Status.SKIPPED))
        assert_array_equal(is_status(status, which=Status.EXPOSED), one & other)
        assert counted(status) == {s: int((np.array(status) == s).sum()) for s in Status}
        assert count_of(pair[1]) == int(other.sum())


def test_nothing_is_kept_longer_than_what_it_was_computed_of(all_shared: None) -> None:
    gc.collect()
    before = len(by_rows._known)
    array = shared(flags(3))
    kept = inverse(copy_for(array, 1))
    assert len(by_rows._known) == before + 1
    del array, kept
    gc.collect()
    assert len(by_rows._known) == before
