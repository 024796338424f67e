"""Edits of a batch change what they say and nothing else, and tell which rows they changed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from maskviz.core.batch import Batch, changed_rows, set_padding, set_weight, set_x, set_y, without_weights
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


def test_cells(batch: Batch) -> None:
    edited = set_x(batch, "series", (1, 0, 1), 9)
    assert edited.x["series"][1, 0, 1] == edited.content["series"][1, 0, 1] == 9
    assert edited.y is batch.y
    assert_array_equal(changed_rows(batch, edited), [1])
    assert_array_equal(changed_rows(batch, set_y(edited, "out", (0, 2), 3)), [0, 1])


def test_weights(batch: Batch) -> None:
    weighted = set_weight(batch, "out", (1, 2), 0.5, (2, 3))
    assert_array_equal(weighted.sample_weight["out"], [[1, 1, 1], [1, 1, 0.5]])
    assert changed_rows(batch, weighted) is None, "an output with weights is another pass"
    assert_array_equal(changed_rows(weighted, set_weight(weighted, "out", (0, 0), 0, (2, 3))), [0])
    assert not without_weights(weighted, "out").sample_weight


def test_rows_of_other_shapes_or_types_are_all_of_them(batch: Batch) -> None:
    assert changed_rows(batch, Batch({"series": np.zeros((2, 4, 2), "float32")}, batch.y, {}, batch.padding)) is None
    assert changed_rows(batch, Batch({"series": batch.x["series"].astype("float64")}, batch.y, {}, batch.padding)) is None


def test_nan_equals_nan(batch: Batch) -> None:
    nan = set_x(batch, "series", (0, 0, 0), np.nan)
    assert_array_equal(changed_rows(nan, set_x(nan, "series", (0, 0, 0), np.nan)), [])
    assert_array_equal(changed_rows(batch, nan), [0])
