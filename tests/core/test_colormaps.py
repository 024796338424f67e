"""Colours of numbers, and the marks of what is not a plain number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskviz.colormaps import (
    DARK_TABLES,
    DIVERGING,
    DIVERGING_DARK,
    INFERNO,
    MARK_COLORS,
    TABLES,
    VIRIDIS,
    Mark,
    Scale,
    auto_range,
    hex_rgb,
    marks,
    to_rgba,
)


def luma(table: np.ndarray) -> np.ndarray:
    linear = (table / 255.0) ** 2.2
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def test_ends_of_the_published_maps() -> None:
    assert VIRIDIS[0].tolist() == [68, 1, 84]
    assert VIRIDIS[-1].tolist() == [253, 231, 37]
    assert INFERNO[0].tolist() == [0, 0, 4]
    assert INFERNO[-1].tolist() == [252, 255, 164]


def test_sequential_maps_get_lighter_all_the_way() -> None:
    for table in (VIRIDIS, INFERNO):
        assert (np.diff(luma(table)[::8]) > 0).all()


def test_the_diverging_map_is_lightest_in_the_middle_and_even_at_both_ends() -> None:
    light = luma(DIVERGING)
    assert abs(int(light.argmax()) - 127.5) <= 1
    assert light[0] == pytest.approx(light[-1], rel=0.35)
    assert DIVERGING[0][2] > DIVERGING[0][0]
    assert DIVERGING[-1][0] > DIVERGING[-1][2]


def test_the_diverging_map_for_dark_grounds_is_darkest_in_the_middle_and_even_on_the_way_out() -> None:
    light = luma(DIVERGING_DARK)
    assert abs(int(light.argmin()) - 127.5) <= 1
    assert light[:128] == pytest.approx(light[:127:-1], abs=0.12 * (light.max() - light.min()))
    assert DIVERGING_DARK[0][2] > DIVERGING_DARK[0][0]
    assert DIVERGING_DARK[-1][0] > DIVERGING_DARK[-1][2]
    middle = Scale("diverging", -1.0, 1.0)
    assert to_rgba(np.zeros(1), middle, dark=True).max(axis=0, initial=0)[:3].max() < 60
    assert to_rgba(np.zeros(1), middle)[0, :3].min() > 230


def test_low_and_high_get_the_ends_of_the_map_and_beyond_stays_there() -> None:
    colors = to_rgba(np.array([[-5.0, 0.0, 1.0, 9.0]]), Scale("viridis", 0.0, 1.0))
    assert colors.shape == (1, 4, 4)
    assert colors.dtype == np.uint8
    assert colors[0, 0].tolist() == colors[0, 1].tolist() == [*VIRIDIS[0], 255]
    assert colors[0, 2].tolist() == colors[0, 3].tolist() == [*VIRIDIS[-1], 255]


def test_nan_and_infinities_have_colours_that_no_map_holds() -> None:
    colors = to_rgba(np.array([np.nan, np.inf, -np.inf]), Scale("inferno", 0.0, 1.0))
    assert [tuple(c[:3]) for c in colors.tolist()] == [
        hex_rgb(MARK_COLORS[m]) for m in (Mark.NAN, Mark.POSITIVE_INFINITY, Mark.NEGATIVE_INFINITY)
    ]
    for table in (*TABLES.values(), *DARK_TABLES.values()):
        for color in MARK_COLORS.values():
            assert np.abs(table.astype(int) - hex_rgb(color)).sum(axis=1).min() > 60


def test_marks_tell_special_values_apart() -> None:
    found = marks(np.array([np.nan, np.inf, -np.inf, 2.0, -2.0, 0.5, 1.0]), 0.0, 1.0)
    assert found.tolist() == [Mark.NAN, Mark.POSITIVE_INFINITY, Mark.NEGATIVE_INFINITY, Mark.ABOVE, Mark.BELOW, Mark.NONE, Mark.NONE]


def test_automatic_ranges() -> None:
    assert auto_range(np.array([np.nan, 2.0, 5.0, np.inf])) == (2.0, 5.0)
    assert auto_range(np.array([2.0, 5.0]), zero=True) == (0.0, 5.0)
    assert auto_range(np.array([-1.0, 5.0]), symmetric=True) == (-5.0, 5.0)
    assert auto_range(np.array([0.0, 0.0]), zero=True, symmetric=True) == (-0.5, 0.5), "no difference is the colour of zero"
    assert auto_range(np.array([np.nan])) == auto_range(np.array([])) == (0.0, 1.0)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30), st.booleans(), st.booleans())
def test_every_finite_value_lies_in_its_automatic_range(values: list[float], zero: bool, symmetric: bool) -> None:
    array = np.array(values, np.float32)
    low, high = auto_range(array, zero=zero, symmetric=symmetric)
    assert low < high
    assert low <= array.min()
    assert array.max() <= high
    assert not marks(array, low, high).any()


@given(st.lists(st.one_of(st.floats(width=32), st.just(float("nan"))), min_size=1, max_size=20))
def test_any_number_gets_an_opaque_colour(values: list[float]) -> None:
    assert (to_rgba(np.array(values, np.float32), Scale("viridis", -1.0, 1.0))[:, 3] == 255).all()
