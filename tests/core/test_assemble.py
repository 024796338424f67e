"""What is said of a call follows from its masks alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from maskviz.core.assemble import fate_of, ignores
from maskviz.core.lazy_arrays import LazyArrays, row_of
from maskviz.core.trace import Fate, TensorIn, TensorOut


def came(*masks: str | None) -> tuple[TensorIn, ...]:
    return tuple(TensorIn("x", (2, 3, 4), mask) for mask in masks)


def left(*masks: str | None, time: bool = True) -> tuple[TensorOut, ...]:
    return tuple(TensorOut((2, 3, 4) if time else (2, 4), "float32", mask, time) for mask in masks)


@pytest.mark.parametrize(
    ("inputs", "received", "outputs", "fate"),
    [
        (came(None), {}, left("m0"), Fate.CREATES),
        (came(None), {}, left(None), Fate.NONE),
        (came("m0"), {"mask": "m0"}, left("m0"), Fate.PASSES),
        (came("m0"), {}, left("m0", None), Fate.PASSES),
        (came("m0", "m1"), {}, left("m2"), Fate.CHANGES),
        (came("m0", "m1"), {}, left("m1"), Fate.PASSES),
        (came("m0"), {}, left(None), Fate.DROPS),
        (came("m0"), {}, left(None, time=False), Fate.ENDS),
        (came(None), {"mask": "m0"}, left(None, time=False), Fate.ENDS),
        (came(None, None), {"mask": ["m0", None]}, left("m0"), Fate.PASSES),
        (came(None), {"attention_mask": "m0"}, left(None), Fate.NONE),
        (came("m0"), {}, (), Fate.ENDS),
    ],
)
def test_fate(inputs: Any, received: Any, outputs: Any, fate: Fate) -> None:
    assert fate_of(inputs, received, outputs) is fate


def test_a_mask_that_was_not_asked_for_is_ignored() -> None:
    assert ignores(came("m0"), {"mask": None})
    assert not ignores(came("m0"), {"mask": "m0"})
    assert not ignores(came("m0"), {}), "it takes no mask"
    assert not ignores(came(None), {"mask": None})
    assert not ignores(came("m0", "m1"), {"query_mask": "m0", "key_mask": None})


def test_arrays_are_made_once_and_when_asked_for() -> None:
    made = []

    def make(key: str, samples: slice | None = None) -> np.ndarray:
        made.append((key, samples))
        whole = np.arange(6).reshape(3, 2)
        return whole if samples is None else whole[samples]

    arrays = LazyArrays(["a", "b"], make, make)
    assert list(arrays) == ["a", "b"]
    assert not made
    for _ in range(2):
        assert_array_equal(row_of(arrays, "a", 1), [2, 3])
    assert made == [("a", slice(1, 2))], "a sample is made alone"
    assert row_of(arrays, "a", 3) is None
    assert row_of(arrays, "c", 0) is None
    made.clear()
    assert arrays["a"] is arrays["a"]
    assert_array_equal(row_of(arrays, "a", 2), [4, 5])
    assert made == [("a", None)]
    with pytest.raises(KeyError):
        arrays["c"]
