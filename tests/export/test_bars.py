"""Bars of many samples: those that share a row of pixels are one bar, and it is the one that tells most."""

from __future__ import annotations

import numpy as np

from maskviz.export.painting import longest_bars


def test_each_bar_is_drawn_where_there_is_room() -> None:
    assert list(longest_bars(np.arange(6.0), 2, 5, 1)) == [2, 3, 4]


def test_of_bars_in_one_row_of_pixels_the_longest_is_drawn() -> None:
    values = np.array([0.1, -3.0, 0.2, 0.5, 0.4, np.nan, 9.0, 1.0])
    assert list(longest_bars(values, 0, 8, 3)) == [1, 5, 6]
    assert list(longest_bars(values, 4, 8, 3)) == [5, 6], "groups do not shift when the map is moved"
