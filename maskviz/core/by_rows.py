"""Functions of large arrays that work sample by sample, and are computed anew only in the samples that changed.

Arrays that an edit made of those before it know in which rows they differ (``core.row_copies``). What was computed of the arrays before is
kept as long as they, or copies of them, are there.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from maskviz.core import row_copies
from maskviz.core.row_copies import Version, copy_for, origin_of, shared

MOST_KEPT = 1024
F = TypeVar("F", bound=Callable[..., NDArray[Any]])


@dataclass(frozen=True)
class _Known:
    """What was computed of some versions of arrays; what those are copies of is watched, not held."""

    origins: tuple[weakref.ref[Any], ...]
    versions: tuple[Version, ...]
    result: NDArray[Any]


_known: OrderedDict[Any, _Known] = OrderedDict()


def by_rows(function: F) -> F:
    """Decorate a function of arrays of as many rows (samples), and of settings by keyword, whose result has a row for each of theirs that
    depends on nothing else."""

    @wraps(function)
    def computed(*arrays: NDArray[Any], **settings: Any) -> NDArray[Any]:
        if max(array.nbytes for array in arrays) < row_copies.AT_LEAST:
            return function(*arrays, **settings)
        origins, versions = zip(*(origin_of(array) for array in arrays), strict=True)
        kinds = tuple((id(o), array.shape, array.dtype) for o, array in zip(origins, arrays, strict=True))
        key = (function, kinds, tuple(sorted(settings.items())))
        known = _known.get(key)  # it stays for other threads while this one computes
        if known is not None and all(ref() is origin for ref, origin in zip(known.origins, origins, strict=True)):
            changed = np.unique(np.concatenate([old.rows_to(new) for old, new in zip(known.versions, versions, strict=True)]))
            result = known.result
            if len(changed):
                result = copy_for(result, changed)
                result[changed] = function(*(array[changed] for array in arrays), **settings)
        else:
            result = shared(function(*arrays, **settings))
        watched = tuple(weakref.ref(origin, lambda gone: _known.pop(key, None)) for origin in origins)
        _known[key] = _Known(watched, versions, result)
        with suppress(KeyError):  # another thread has put it out
            _known.move_to_end(key)
        while len(_known) > MOST_KEPT:
            _known.popitem(last=False)
        return result

    return cast(F, computed)
