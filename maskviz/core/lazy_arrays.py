"""Arrays that are computed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray


class LazyArrays(Mapping[str, NDArray[Any]]):
    """Arrays by key, each computed when it is first asked for, or of one sample alone: a view shows few of the tensors of a large
    network."""

    def __init__(self, keys: Sequence[str], make: Callable[[str, slice | None], NDArray[Any]]) -> None:
        self._made: dict[str, NDArray[Any] | None] = dict.fromkeys(keys)
        self._rows: dict[str, tuple[int, NDArray[Any]]] = {}  # of the sample that was asked for last
        self._make = make

    def __getitem__(self, key: str) -> NDArray[Any]:
        made = self._made[key]
        if made is None:
            made = self._made[key] = self._make(key, None)
        return made

    def of_sample(self, key: str, sample: int) -> NDArray[Any] | None:
        """The row of one sample, None where there is no such key or sample."""
        if key not in self._made:
            return None
        made = self._made[key]
        known, row = self._rows.get(key, (-1, None)) if made is None else (sample, made[sample : sample + 1])
        if known != sample or row is None:
            row = self._make(key, slice(sample, sample + 1))
            self._rows[key] = sample, row
        return row[0] if len(row) else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def row_of(arrays: Mapping[str, NDArray[Any]], key: str, sample: int) -> NDArray[Any] | None:
    """The row of one sample, None where there is no such key or sample."""
    if isinstance(arrays, LazyArrays):
        return arrays.of_sample(key, sample)
    array = arrays.get(key)
    return None if array is None or sample >= len(array) else array[sample]
