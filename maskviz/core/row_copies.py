"""Copies of large arrays that cost what is changed in them: rows that stay the same lie in the same memory.

The first copy puts an array into a file in memory; each copy maps that file privately, and the system copies only pages that are
written to. Every copy knows which rows it changed, so that two of them are compared in these rows alone.
"""

from __future__ import annotations

import mmap
import os
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

AT_LEAST = 2**20  # bytes; a smaller array is copied sooner than mapped
MOST_CHANGED = 4  # where more than the fourth part of the rows differs, a copy begins a file of its own
MOST_MAPPED = 400  # copies at a time: each holds an open file, of which a process may have some 1,000
_mapped: weakref.WeakSet[_Pages] = weakref.WeakSet()


class _File:
    """The bytes of an array in a file in memory, which goes with the last copy of it."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.number = os.memfd_create("maskviz")
        weakref.finalize(self, os.close, self.number)
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        written = 0
        while written < len(data):
            written += os.write(self.number, data[written:])


class _Pages(mmap.mmap):
    """One copy of a file; ``rows`` are those in which it may differ from the file."""

    file: _File
    shape: tuple[int, ...]
    rows: NDArray[np.intp]


def shared(array: NDArray[Any]) -> NDArray[Any]:
    """The array, if it is large as a copy whose own copies are cheap: for a thread that has the time."""
    return array if _pages_of(array) is not None or not _worth_it(array) else _opened(_File(array), array, np.arange(0))


def copy_for(array: NDArray[Any], rows: Any) -> NDArray[Any]:
    """A copy of ``array`` to be written to in ``rows`` alone, an index of its first axis; the others share their memory if it is large."""
    if not _worth_it(array):
        return array.copy()
    pages, changed = _pages_of(array), np.arange(len(array))[rows].ravel()
    before = np.arange(0) if pages is None else pages.rows
    changed = np.union1d(before, changed)
    if len(changed) * MOST_CHANGED > len(array):
        return array.copy()
    new = _opened(_File(array) if pages is None else pages.file, array, changed)
    new[before] = array[before]
    return new


def may_differ(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.intp] | None:
    """The rows in which two copies of one array may differ; None where they are not known to be that."""
    a, b = _pages_of(one), _pages_of(other)
    return np.union1d(a.rows, b.rows) if a is not None and b is not None and a.file is b.file and a.shape == b.shape else None


def _worth_it(array: NDArray[Any]) -> bool:
    able = hasattr(os, "memfd_create") and not array.dtype.hasobject and array.ndim > 0
    return able and array.nbytes >= AT_LEAST and len(_mapped) < MOST_MAPPED


def _opened(file: _File, array: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[Any]:
    pages = _Pages(file.number, array.nbytes, access=mmap.ACCESS_COPY)
    pages.file, pages.shape, pages.rows = file, array.shape, rows
    _mapped.add(pages)
    return np.ndarray(array.shape, array.dtype, buffer=pages)


def _pages_of(array: NDArray[Any]) -> _Pages | None:
    """The pages that an array is all of, in its own shape."""
    base: Any = array.base
    return base if isinstance(base, _Pages) and base.shape == array.shape and array.flags.c_contiguous else None
