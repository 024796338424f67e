"""Edits of a batch change what they say and nothing else, and tell which rows they changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from maskviz.core.batch import Batch, changed_rows, set_padding, without_weights
from maskviz.core.batch_weights import set_weights
from maskviz.core.network import InputSpec

SPEC = InputSpec("series", (None, None, 2), "float32", "features", -1.0, None, True)


@pytest.fixture
def batch() -> Batch:
    content = np.arange(12, dtype="float32").reshape(2, 3, 2)
    padding = np.asarray([[False, False, True], [False, True, True]])
    x = np.where(padding[..., None], np.float32(-1), content)
    return Batch({"series": x}, {"out": np.zeros((2, 3))}, {}, {"series": padding}, {"series": content})


def test_padding_writes_the_pad_value_and_takes_content_back(batch: Batch) -> None:
    padded = set_padding(batch, SPEC, 0, np.asarray([False, True, True]))
    assert (padded.x["series"][0, 1] == -1).all()
    assert_array_equal(changed_rows(batch, padded), [0])
    real = set_padding(padded, SPEC, 0, np.zeros(3, bool))
    assert_array_equal(real.x["series"][0], batch.content["series"][0])
    assert_array_equal(changed_rows(batch, set_padding(real, SPEC, 0, batch.padding["series"][0])), [])
    assert (batch.x["series"][0, 1] == [2, 3]).all(), "the batch before stays as it was"


def cell(arrays: Mapping[str, NDArray], name: str, index: tuple[int, ...], value: float) -> dict[str, NDArray]:
    new = arrays[name].copy()
    new[index] = value
    return {**arrays, name: new}


def test_changed_cells_change_their_rows(batch: Batch) -> None:
    edited = replace(batch, x=cell(batch.x, "series", (1, 0, 1), 9))
    assert_array_equal(changed_rows(batch, edited), [1])
    assert_array_equal(changed_rows(batch, replace(edited, y=cell(batch.y, "out", (0, 2), 3))), [0, 1])


def test_weights(batch: Batch) -> None:
    weighted = set_weights(batch, "out", np.asarray([1]), np.asarray([2]), 0.5, (2, 3))
    assert_array_equal(weighted.sample_weight["out"], [[1, 1, 1], [1, 1, 0.5]])
    assert changed_rows(batch, weighted) is None, "an output with weights is another pass"
    assert_array_equal(changed_rows(weighted, set_weights(weighted, "out", np.asarray([0]), None, 0, (2, 3))), [0])
    assert not without_weights(weighted, "out").sample_weight


def test_rows_of_other_shapes_or_types_are_all_of_them(batch: Batch) -> None:
    assert changed_rows(batch, Batch({"series": np.zeros((2, 4, 2), "float32")}, batch.y, {}, batch.padding)) is None
    assert changed_rows(batch, Batch({"series": batch.x["series"].astype("float64")}, batch.y, {}, batch.padding)) is None


def test_nan_equals_nan(batch: Batch) -> None:
    nan, again = (replace(batch, x=cell(batch.x, "series", (0, 0, 0), np.nan)) for _ in range(2))
    assert_array_equal(changed_rows(nan, again), [])
    assert_array_equal(changed_rows(batch, nan), [0])


def test_padding_that_stays_keeps_what_it_holds(batch: Batch) -> None:
    noisy = replace(batch, x=cell(batch.x, "series", (0, 2, 0), 0.5))
    wider = set_padding(noisy, SPEC, 0, np.asarray([False, True, True]))
    assert wider.x["series"][0, 1:].tolist() == [[-1, -1], [0.5, -1]]
