"""Numbers, counts and lists of names as people read them."""

from __future__ import annotations

import numpy as np

from maskviz.core.graph_looks import mask_text
from maskviz.core.numbers import number, percent
from maskviz.core.words import counted, listed


def test_shares_are_never_rounded_to_nothing_or_all() -> None:
    shares = (0.0, 1e-6, 0.009, 0.012, 0.5, 0.9999, 1.0, 2.5, -0.001, -0.4, float("nan"), float("inf"))
    spelt = ["0%", "<1%", "<1%", "1%", "50%", ">99%", "100%", "250%", ">−1%", "−40%", "NaN", "+∞"]
    assert [percent(share) for share in shares] == spelt
    assert [percent(1 - 1 / n) for n in (100, 101)] == ["99%", ">99%"]


def test_numbers_have_as_many_digits_as_asked_for_and_a_real_minus() -> None:
    assert [number(-0.123456789, digits=digits) for digits in (4, 6, 8)] == ["−0.1235", "−0.123457", "−0.12345679"]
    assert [number(None), number(float("nan"), digits=8)] == ["–", "NaN"]


def test_what_is_counted_has_its_plural_and_separators() -> None:
    assert [counted(n, "kept step") for n in (0, 1, 2, 440_482)] == ["0 kept steps", "1 kept step", "2 kept steps", "440,482 kept steps"]


def test_names_in_a_row_end_with_and() -> None:
    assert [listed(()), listed("a"), listed("ab"), listed("abc")] == ["", "a", "a and b", "a, b and c"]
    assert listed(["a", "b", "c"], quoted=True) == "'a', 'b' and 'c'"


def test_a_mask_that_keeps_all_but_one_step_does_not_keep_all() -> None:
    mask = np.ones((10, 100), bool)
    assert mask_text(mask) == "(10, 100) 100% kept"
    mask[0, 0] = False
    assert mask_text(mask) == "(10, 100) >99% kept"
    assert mask_text(None) == "none"
