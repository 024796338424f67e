"""Copies of large arrays that cost what is changed in them: rows that stay the same lie in the same memory.

The first copy puts an array into a file in memory; each copy maps that file privately, and the system copies only pages that are
written to. Every copy knows what it was made of and which rows it changed, so that two of them are compared in these rows alone.
Where the system has no file or mapping to give, arrays and their copies are plain ones.
"""

from __future__ import annotations

import mmap
import os
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

AT_LEAST = 2**20  # bytes; a smaller array is copied sooner than mapped
MOST_CHANGED = 4  # where more than the fourth part of the rows differs, a copy begins a file of its own
MOST_MAPPED = 300  # copies at a time: each holds one or two descriptors (its file's and its mapping's) of the some 1,000 of a process
AT_ONCE = 2**18  # values that are compared at once: what fits into the cache of a processor
LONGEST = 64  # copies of copies that are followed back
_mapped: weakref.WeakSet[_Pages] = weakref.WeakSet()


@dataclass(frozen=True, eq=False)
class Version:
    """What a copy changed: ``edited``, the rows that differ from the copy that it was made of, and ``rows``, those that differ from the
    file. ``parent`` is that other copy's, where it is known."""

    rows: NDArray[np.intp]
    edited: NDArray[np.intp]
    parent: Version | None
    depth: int = 0

    def next(self, edited: NDArray[np.intp]) -> Version:
        """The version of a copy of this one in which some more rows are changed."""
        near = self.depth < LONGEST
        return Version(np.union1d(self.rows, edited), edited, self if near else None, self.depth + 1 if near else 0)

    def rows_to(self, other: Version) -> NDArray[np.intp]:
        """The rows in which another copy of the same file may differ: what was changed since both were one."""
        here, there = self._way(), other._way()
        for up, version in enumerate(there):
            if version in here:
                ways = [v.edited for v in (*here[: here.index(version)], *there[:up])]
                return np.unique(np.concatenate(ways)) if ways else _NO_ROWS
        return np.union1d(self.rows, other.rows)

    def _way(self) -> list[Version]:
        way, at = [self], self.parent
        while at is not None:
            way.append(at)
            at = at.parent
        return way


_NO_ROWS: NDArray[np.intp] = np.arange(0)
ORIGINAL = Version(_NO_ROWS, _NO_ROWS, None)


class _File:
    """The bytes of an array in an open file in memory, which goes with the last copy of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        weakref.finalize(self, os.close, number)


def memory_file(array: NDArray[Any]) -> int:
    """A new file in memory with the bytes of an array: its descriptor. It can be sealed."""
    number = os.memfd_create("maskviz", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        written = 0
        while written < len(data):
            written += os.write(number, data[written:])
    except OSError:
        os.close(number)
        raise
    return number


class _Pages(mmap.mmap):
    """One copy of a file."""

    file: _File
    shape: tuple[int, ...]
    version: Version


def shared(array: NDArray[Any]) -> NDArray[Any]:
    """The array, if it is large as a copy whose own copies are cheap: for a thread that has the time."""
    if _pages_of(array) is not None or not _worth_it(array):
        return array
    try:
        return _opened(_File(memory_file(array)), array.shape, array.dtype, ORIGINAL)
    except OSError:
        return array


def adopted(number: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The array in an open file in memory that holds nothing else, and that is ours from now on."""
    file = _File(number)
    if len(_mapped) < MOST_MAPPED:
        with suppress(OSError):
            return _opened(file, shape, dtype, ORIGINAL)
    array = np.empty(shape, dtype)
    with open(file.number, "rb", closefd=False) as content:  # a mapping would need a descriptor more
        content.seek(0)
        content.readinto(array.reshape(-1).view(np.uint8).data)
    return array


def copy_for(array: NDArray[Any], rows: Any) -> NDArray[Any]:
    """A copy of ``array`` to be written to in ``rows`` alone, an index of its first axis; the others share their memory if it is large."""
    if not _worth_it(array):
        return array.copy()
    pages, edited = _pages_of(array), np.unique(np.arange(len(array))[rows])
    before = ORIGINAL if pages is None else pages.version
    version = before.next(edited)
    if len(version.rows) * MOST_CHANGED > len(array):
        return array.copy()
    try:
        new = _opened(_File(memory_file(array)) if pages is None else pages.file, array.shape, array.dtype, version)
    except OSError:
        return array.copy()
    new[before.rows] = array[before.rows]
    return new


def may_differ(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.intp] | None:
    """The rows in which two copies of one array may differ; None where they are not known to be that."""
    a, b = _pages_of(one), _pages_of(other)
    return a.version.rows_to(b.version) if a is not None and b is not None and a.file is b.file and a.shape == b.shape else None


def rows_that_differ(old: NDArray[Any], new: NDArray[Any]) -> NDArray[np.intp]:
    """Which rows of two arrays of one shape and dtype differ in any bit."""
    chosen = may_differ(old, new)
    if not new.size or (chosen is not None and not len(chosen)):
        return np.arange(0)
    if chosen is not None:
        old, new = old[chosen], new[chosen]
    high = max(1, AT_ONCE * len(new) // new.size)
    tops = range(0, len(new), high)
    differ = np.concatenate([(bits(old[k : k + high], 1) != bits(new[k : k + high], 1)).any(axis=1) for k in tops])
    return np.flatnonzero(differ) if chosen is None else chosen[differ]


def bits(array: NDArray[Any], lead: int) -> NDArray[Any]:
    """The bytes of an array that is not empty as whole numbers ``(…, n)`` behind its ``lead`` first axes, for comparing."""
    flat = np.ascontiguousarray(array).reshape(*array.shape[:lead], -1)
    wide = next(n for n in (8, 4, 2, 1) if flat.shape[-1] * flat.itemsize % n == 0)
    return flat.view(f"u{wide}")


def origin_of(array: NDArray[Any]) -> tuple[object, Version]:
    """What an array is a copy of, itself where it is none, and which of its copies it is."""
    pages = _pages_of(array)
    return (array, ORIGINAL) if pages is None else (pages.file, pages.version)


def _worth_it(array: NDArray[Any]) -> bool:
    able = hasattr(os, "memfd_create") and not array.dtype.hasobject and array.ndim > 0
    return able and array.nbytes >= max(AT_LEAST, 1) and len(_mapped) < MOST_MAPPED


def _opened(file: _File, shape: tuple[int, ...], dtype: np.dtype[Any], version: Version) -> NDArray[Any]:
    pages = _Pages(file.number, 0, access=mmap.ACCESS_COPY)
    pages.file, pages.shape, pages.version = file, shape, version
    _mapped.add(pages)
    return np.ndarray(shape, dtype, buffer=pages)


def _pages_of(array: NDArray[Any]) -> _Pages | None:
    """The pages that an array is all of, in its own shape."""
    base: Any = array.base
    return base if isinstance(base, _Pages) and base.shape == array.shape and array.flags.c_contiguous else None
