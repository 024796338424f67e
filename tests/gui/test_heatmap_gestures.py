"""Padding gestures as pure functions."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from maskviz.gui.heatmaps.gestures import describe, drag_edge, edges, paint

rows = st.lists(st.booleans(), min_size=1, max_size=12).map(lambda bits: np.array(bits, bool))


@given(rows, st.data())
def test_dragging_an_edge_moves_it_there(row: np.ndarray, data: st.DataObject) -> None:
    edge = data.draw(st.sampled_from(edges(row)))
    to = data.draw(st.integers(0, len(row)))
    new = drag_edge(row, edge, to)
    low, high = min(edge, to), max(edge, to)
    np.testing.assert_array_equal(new[:low], row[:low])
    np.testing.assert_array_equal(new[high:], row[high:])
    assert len(set(new[low:high].tolist())) <= 1
    np.testing.assert_array_equal(drag_edge(row, edge, edge), row)


@given(rows)
def test_every_row_has_an_edge(row: np.ndarray) -> None:
    assert edges(row)


def test_ends_are_edges_only_beside_data() -> None:
    assert edges(np.array([False, False, True])) == [0, 2]
    assert edges(np.array([True, False, True])) == [1, 2]
    assert edges(np.array([True, True])) == [0, 2]


def test_a_row_of_padding_can_be_opened_from_both_ends() -> None:
    row = np.ones(4, bool)
    assert drag_edge(row, 0, 2).tolist() == [False, False, True, True]
    assert drag_edge(row, 4, 2).tolist() == [True, True, False, False]


def test_painting_backwards_and_past_the_end() -> None:
    assert paint(np.zeros(4, bool), 2, -3, True).tolist() == [True, True, True, False]
    assert paint(np.zeros(4, bool), 2, 9, True).tolist() == [False, False, True, True]


def test_words_of_an_edit() -> None:
    def words(bits: str) -> str:
        return describe(3, np.array([b == "p" for b in bits]))

    assert words("..pp") == "Pad sample 3 from step 2"
    assert words("pp..") == "Pad sample 3 before step 2"
    assert words("p..p") == "Pad sample 3 before step 1 and from step 3"
    assert words("....") == "Remove the padding of sample 3"
    assert words("pppp") == "Pad all of sample 3"
    assert words(".p.p") == "Change the padding of sample 3"
