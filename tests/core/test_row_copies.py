"""Copies of large arrays share what is not changed in them, and nothing else."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from maskviz.core import row_copies
from maskviz.core.row_copies import copy_for, may_differ, rows_that_differ, shared

able = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="copies are whole here")


@pytest.fixture
def large() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 100, (200, 3000)).astype("int32")


def test_a_small_array_is_copied() -> None:
    array = np.arange(12).reshape(3, 4)
    new = copy_for(array, 1)
    new[1] = 7
    assert new.base is None
    assert array[1].tolist() == [4, 5, 6, 7]


@able
@pytest.mark.parametrize("rows", [3, -1, slice(2, 5), np.asarray([7, 3]), np.arange(200) == 9])
def test_a_copy_is_changed_where_it_may_be_and_the_others_stay(large: np.ndarray, rows: Any) -> None:
    before = large.copy()
    first = copy_for(large, rows)
    first[rows] = -1
    second = copy_for(first, [100])
    second[100, 5] = -2
    expected = before.copy()
    expected[rows] = -1
    assert_array_equal(large, before)
    assert_array_equal(first, expected)
    expected[100, 5] = -2
    assert_array_equal(second, expected)
    third = copy_for(first, [101])
    assert_array_equal(may_differ(first, second), [100])
    assert_array_equal(may_differ(third, second), [100, 101], "what they were made of is not compared")
    assert_array_equal(rows_that_differ(first, second), [100])
    assert may_differ(large, second) is None


@able
def test_parts_and_views_are_not_taken_for_the_whole(large: np.ndarray) -> None:
    copy = copy_for(large, 0)
    copy[0] = 5
    assert may_differ(copy[:100], copy[100:]) is None
    assert may_differ(copy.reshape(400, 1500), copy) is None
    other = copy_for(copy.reshape(400, 1500), 399)
    other[399] = 9
    assert_array_equal(copy[:-1], other.reshape(200, 3000)[:-1])
    turned = copy_for(copy.T, 2)
    turned[2] = 1
    assert_array_equal(turned[3:], copy.T[3:])


@able
def test_where_much_has_changed_a_copy_begins_anew(large: np.ndarray) -> None:
    copy = large
    for row in range(120):
        copy = copy_for(copy, row)
        copy[row] = row
    assert_array_equal(copy[:120, 0], np.arange(120))
    assert_array_equal(copy[120:], large[120:])
    assert_array_equal(copy_for(copy, slice(None)), copy)


@able
def test_files_are_closed_with_the_last_copy(large: np.ndarray) -> None:
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    copies = [shared(large)]
    for row in range(20):
        copies.append(copy_for(copies[-1], row))
    assert len(list(Path("/proc/self/fd").iterdir())) > before
    copies.clear()
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@able
def test_open_files_do_not_run_out(large: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_copies, "MOST_MAPPED", len(row_copies._mapped) + 2)
    copies = [copy_for(large, row) for row in range(5)]
    assert sum(may_differ(c, c) is not None for c in copies) == 2
    assert all(np.array_equal(c, large) for c in copies)


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """So many files can be opened, and no more."""
    import resource

    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(lowest := os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + count, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


@able
@pytest.mark.parametrize("left", [0, 1])
def test_without_descriptors_copies_are_plain_and_nothing_stays_open(large: np.ndarray, left: int) -> None:
    kept, number = shared(large), row_copies.memory_file(large)
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with descriptors_left(left):
        same = shared(large)
    with descriptors_left(left):
        new = copy_for(large, 3)
    with descriptors_left(0):
        copy = copy_for(kept, 3)
    with descriptors_left(0):
        taken = row_copies.adopted(number, large.shape, large.dtype)
    assert same is large
    new[3] = copy[3] = taken[4] = -1
    assert (large >= 0).all()
    assert (kept >= 0).all()
    for other in (new, copy):
        assert_array_equal(np.delete(other, 3, axis=0), np.delete(large, 3, axis=0))
    assert_array_equal(np.delete(taken, 4, axis=0), np.delete(large, 4, axis=0))
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 1, "only the file that was adopted is closed"
