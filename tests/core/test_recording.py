"""Rows computed anew are put in the places of the old ones; another pass is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from maskviz.core.recording import Recording, splice

ABOUT = {"metrics": {}, "reported": 0.5, "evaluate": 0.5}


def whole() -> Recording:
    return Recording(ABOUT, {"out/0": np.zeros((3, 2)), "mask/0": np.ones((3, 2), bool), "loss/0/total": np.asarray(2.0, "float32")})


def test_rows() -> None:
    before = whole()
    part = Recording(ABOUT, {"out/0": np.asarray([[5.0, 6.0]]), "mask/0": np.zeros((1, 2), bool)}, np.asarray([1]))
    after = splice(before, part)
    assert_array_equal(after.arrays["out/0"], [[0, 0], [5, 6], [0, 0]])
    assert_array_equal(after.arrays["mask/0"], [[1, 1], [0, 0], [1, 1]])
    assert after.rows is None
    assert after.about["reported"] is after.about["evaluate"] is None, "Keras' own numbers were those before the edit"
    assert np.isnan(after.arrays["loss/0/total"])
    assert_array_equal(before.arrays["out/0"], np.zeros((3, 2)))


def test_a_whole_one_replaces() -> None:
    new = Recording(ABOUT, {"out/0": np.ones((3, 2))})
    assert splice(whole(), new) is new


@pytest.mark.parametrize("arrays", [{"out/1": np.zeros((1, 2))}, {"out/0": np.zeros((1, 3))}])
def test_another_pass(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="another pass"):
        splice(whole(), Recording(ABOUT, arrays, np.asarray([0])))
