"""Arrays that are computed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray


class LazyArrays(Mapping[str, NDArray[Any]]):
    """Arrays by key, each computed when it is first asked for: a view shows few of the tensors of a large network. With ``some`` one
    sample can be had alone."""

    def __init__(
        self,
        keys: Sequence[str],
        make: Callable[[str], NDArray[Any]],
        some: Callable[[str, slice], NDArray[Any]] | None = None,
    ) -> None:
        self._made: dict[str, NDArray[Any] | None] = dict.fromkeys(keys)
        self._rows: dict[str, tuple[int, NDArray[Any]]] = {}  # of the sample that was asked for last
        self._make = make
        self._some = some

    def __getitem__(self, key: str) -> NDArray[Any]:
        made = self._made[key]
        if made is None:
            made = self._made[key] = self._make(key)
        return made

    def of_sample(self, key: str, sample: int) -> NDArray[Any] | None:
        """The row of one sample, None where there is no such key or sample."""
        if key not in self._made:
            return None
        if self._some is None or self._made[key] is not None:
            row = self[key][sample : sample + 1]
        elif (known := self._rows.get(key)) is not None and known[0] == sample:
            row = known[1]
        else:
            row = self._some(key, slice(sample, sample + 1))
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
