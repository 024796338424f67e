"""Edits of many cells, of steps, samples and weights: each changes what it says and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from maskviz.core.batch import Batch, changed_rows
from maskviz.core.batch_cells import Cells, Filling, cells_of_steps, fill, flag_padding, write
from maskviz.core.batch_samples import by_length, check_size, duplicated, moved, take_samples, without
from maskviz.core.batch_steps import (
    TargetAxis,
    delete_for_all,
    delete_steps,
    insert_for_all,
    insert_steps,
    real_steps_lost,
    target_axes,
    to_side,
    with_length,
)
from maskviz.core.batch_text import table_of
from maskviz.core.batch_weights import at_steps, paint_weights, set_weights, weight_shape, weight_words, weights_from_kept, weights_from_y
from maskviz.core.batch_words import of_samples, samples_of, steps_of
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec, Network, OutputSpec

IDS = InputSpec("tokens", (None, None), "int32", "ids", 0, 20, True)
SERIES = InputSpec("series", (None, None, 2), "float32", "features", 0.0)
TAGS = OutputSpec("tags", (None, None, 3), "float32", "sparse_categorical_crossentropy", (None, None), "int32", 3)
NETWORK = Network("n", "Functional", True, "3", "tensorflow", (IDS, SERIES), (TAGS,))
ALL = np.arange(3)
AXES = (TargetAxis("tags", "tokens", np.arange(5)),)


def arange(*shape: int, dtype: str = "int32") -> np.ndarray:
    return np.arange(1, 1 + np.prod(shape), dtype=dtype).reshape(shape)


@pytest.fixture
def batch() -> Batch:
    """Three samples of five steps: one right-padded, one left-padded, one all real. Each content and target tells its place."""
    padding = np.asarray([[0, 0, 0, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)
    content, series = arange(3, 5), arange(3, 5, 2, dtype="float32")
    return Batch(
        {"tokens": np.where(padding, 0, content), "series": series},
        {"tags": arange(3, 5) % 3},
        {},
        {"tokens": padding, "series": np.zeros((3, 5), bool)},
        {"tokens": content, "series": series},
    )


def tokens(batch: Batch) -> list[list[int]]:
    return batch.x["tokens"].tolist()


# --- cells


def test_many_cells_are_written_at_once_and_padding_follows_the_masked_input(batch: Batch) -> None:
    cells = Cells("x", "tokens", (np.asarray([0, 0, 2]), np.asarray([0, 4, 1])))
    after = write(batch, NETWORK, cells, np.asarray([0, 7, 9]))
    assert tokens(after)[0] == [0, 2, 3, 0, 7]
    assert tokens(after)[2] == [11, 9, 13, 14, 15]
    assert_array_equal(after.padding["tokens"][0], [1, 0, 0, 1, 0])
    assert after.content["tokens"][0].tolist() == [1, 2, 3, 4, 7], "what became padding is remembered"
    assert after.x["series"] is batch.x["series"]
    assert_array_equal(changed_rows(batch, after), [0, 2])
    assert write(after, NETWORK, cells, np.asarray([0, 7, 9])) is after


def test_weights_are_made_where_the_output_has_none(batch: Batch) -> None:
    after = write(batch, NETWORK, Cells("weight", "tags", (np.asarray([1]), np.asarray([2]))), 0.5)
    assert after.sample_weight["tags"].shape == (3, 5)
    assert after.sample_weight["tags"].sum() == 14.5


@pytest.mark.parametrize(
    ("filling", "values", "padding"),
    [("pad", [0, 0], [1, 1]), ("zero", [0, 0], [1, 1]), ("token", [0, 0], [0, 0])],
)
def test_fillings_of_ids(batch: Batch, filling: Filling, values: list[int], padding: list[int]) -> None:
    cells = cells_of_steps(batch, "tokens", np.asarray([2]), np.asarray([1, 2]))
    after = fill(batch, NETWORK, cells, filling)
    assert tokens(after)[2][1:3] == values
    assert_array_equal(after.padding["tokens"][2, 1:3], padding)
    assert_array_equal(after.padding["tokens"][:2], batch.padding["tokens"][:2])
    if filling == "pad":
        assert after.content["tokens"][2, 1:3].tolist() == [12, 13]


def test_noise_is_like_what_is_real_and_the_same_for_one_seed(batch: Batch) -> None:
    ids = cells_of_steps(batch, "tokens", ALL, np.arange(5))
    one, two = (fill(batch, NETWORK, ids, "noise", seed) for seed in (1, 2))
    assert not np.array_equal(one.x["tokens"], two.x["tokens"])
    assert_array_equal(one.x["tokens"], fill(batch, NETWORK, ids, "noise", 1).x["tokens"])
    assert set(one.x["tokens"].ravel()) <= set(batch.x["tokens"][~batch.padding["tokens"]])
    series = fill(batch, NETWORK, cells_of_steps(batch, "series", ALL, np.arange(5)), "noise", 1).x["series"]
    assert abs(series.mean() - batch.x["series"].mean()) < 6


def test_noise_may_stand_in_padding_that_no_mask_shows(batch: Batch) -> None:
    padded = flag_padding(batch, SERIES, 0, [3, 4], True)
    cells = cells_of_steps(padded, "series", np.asarray([0]), np.asarray([3]))
    noisy = fill(padded, NETWORK, cells, "noise")
    assert (noisy.x["series"][0, 3] != 0).all()
    assert noisy.padding["series"][0, 3]
    wider = flag_padding(noisy, SERIES, 0, [2], True)
    assert_array_equal(wider.x["series"][0, 3], noisy.x["series"][0, 3]), "other padding keeps what it holds"


def test_what_cannot_be_nan_says_so(batch: Batch) -> None:
    assert np.isnan(fill(batch, NETWORK, cells_of_steps(batch, "series", ALL, np.arange(2)), "nan").x["series"][:, :2]).all()
    with pytest.raises(UnusableInput, match="whole numbers, which cannot be NaN"):
        fill(batch, NETWORK, cells_of_steps(batch, "tokens", ALL, np.arange(2)), "nan")
    with pytest.raises(UnusableInput, match="no pad value"):
        fill(batch, NETWORK, Cells("y", "tags", (ALL, ALL)), "pad")


# --- steps


def test_padding_is_moved_to_one_side_and_targets_go_along(batch: Batch) -> None:
    left = to_side(batch, IDS, ALL, "left", AXES)
    assert tokens(left) == [[0, 0, 1, 2, 3], [0, 0, 8, 9, 10], [11, 12, 13, 14, 15]]
    assert left.y["tags"][0].tolist() == [4 % 3, 5 % 3, 1, 2, 0]
    assert tokens(to_side(left, IDS, ALL, "right", AXES)) == [[1, 2, 3, 0, 0], [8, 9, 10, 0, 0], [11, 12, 13, 14, 15]]
    only = to_side(batch, IDS, np.asarray([0]), "left", AXES)
    assert_array_equal(changed_rows(batch, only), [0])


def test_inserting_and_deleting_keep_the_side_that_is_padded(batch: Batch) -> None:
    both = insert_steps(batch, IDS, np.asarray([0, 1]), 2, 1, AXES)
    assert tokens(both)[:2] == [[1, 2, 0, 3, 0], [0, 0, 8, 9, 10]]
    assert tokens(insert_steps(batch, IDS, np.asarray([1]), 3, 1))[1] == [0, 8, 0, 9, 10], "the left padding gives way"
    assert tokens(delete_steps(batch, IDS, np.asarray([0, 1, 2]), 2, 2)) == [[1, 2, 0, 0, 0], [0, 0, 0, 9, 10], [11, 12, 14, 15, 0]]
    gone = delete_steps(batch, IDS, np.asarray([2]), 1, 2, AXES)
    assert gone.y["tags"][2, :3].tolist() == [11 % 3, 14 % 3, 15 % 3]
    back = flag_padding(gone, IDS, 2, [3, 4], False)
    assert tokens(back)[2] == [11, 14, 15, 12, 13], "what was deleted is remembered behind the padding"


def test_another_number_of_steps_for_all_samples(batch: Batch) -> None:
    longer = with_length(batch, NETWORK, IDS, 7, "right", AXES)
    assert tokens(longer)[2] == [11, 12, 13, 14, 15, 0, 0]
    assert longer.padding["tokens"].shape == longer.content["tokens"].shape == longer.y["tags"].shape == (3, 7)
    assert longer.x["series"].shape == (3, 5, 2), "another input keeps its own length"
    assert changed_rows(batch, longer) is None
    assert tokens(with_length(longer, NETWORK, IDS, 5, "right", AXES)) == tokens(batch)
    assert tokens(with_length(batch, NETWORK, IDS, 6, "left"))[0] == [0, 1, 2, 3, 0, 0]
    assert tokens(with_length(batch, NETWORK, IDS, 3, "left"))[1] == [8, 9, 10]
    assert real_steps_lost(batch, "tokens", 3, "right") == 0 + 2 + 2
    assert tokens(insert_for_all(batch, NETWORK, IDS, 1, 2, AXES))[2] == [11, 0, 0, 12, 13, 14, 15]
    assert tokens(delete_for_all(batch, NETWORK, IDS, 1, 3, AXES))[2] == [11, 15]
    with pytest.raises(UnusableInput, match="at least one step"):
        delete_for_all(batch, NETWORK, IDS, 0, 4)


def test_a_fixed_number_of_steps_is_refused(batch: Batch) -> None:
    fixed = replace(NETWORK, inputs=(replace(IDS, shape=(None, 5)), SERIES))
    with pytest.raises(UnusableInput, match="takes exactly 5 steps"):
        with_length(batch, fixed, fixed.inputs[0], 6, "right")


def test_targets_of_a_slice_stay_with_their_steps(batch: Batch) -> None:
    sliced = replace(batch, y={"tags": batch.y["tags"][:, 2:]})
    axes = (TargetAxis("tags", "tokens", np.arange(2, 5)),)
    after = delete_for_all(sliced, NETWORK, IDS, 3, 3, axes)
    assert after.y["tags"][2].tolist() == [13 % 3, 15 % 3]
    strided = (TargetAxis("tags", "tokens", np.asarray([0, 2, 4])),)
    assert with_length(sliced, NETWORK, IDS, 9, "right", strided).y["tags"].shape == (3, 3), "a stride is not guessed"


def test_before_a_trace_targets_follow_the_only_input_of_their_length(batch: Batch) -> None:
    one = replace(batch, padding={"tokens": batch.padding["tokens"]})
    assert target_axes(one, NETWORK, None)[0].input == "tokens"
    assert target_axes(batch, NETWORK, None)[0].input is None


# --- samples


def test_samples_are_taken_in_any_order(batch: Batch) -> None:
    after = take_samples(batch, np.asarray([2, 0, 0]))
    for was, now in ((batch.x, after.x), (batch.padding, after.padding), (batch.content, after.content), (batch.y, after.y)):
        for name, array in now.items():
            assert_array_equal(array, was[name][[2, 0, 0]])
    assert duplicated(3, np.asarray([1])).tolist() == [0, 1, 1, 2]
    assert without(3, np.asarray([1])).tolist() == [0, 2]
    with pytest.raises(UnusableInput, match="at least one sample"):
        without(2, np.asarray([0, 1]))


@pytest.mark.parametrize(
    ("samples", "by", "order"),
    [([1], 1, [0, 2, 1, 3]), ([1, 2], 1, [0, 3, 1, 2]), ([0, 1], -1, [0, 1, 2, 3]), ([2, 3], -1, [0, 2, 3, 1]), ([3], 1, [0, 1, 2, 3])],
)
def test_samples_move_together(samples: list[int], by: int, order: list[int]) -> None:
    assert moved(4, np.asarray(samples), by).tolist() == order


def test_samples_are_sorted_by_length_and_ties_keep_their_order(batch: Batch) -> None:
    assert by_length(batch, "tokens", longest_first=True).tolist() == [2, 0, 1]
    assert by_length(batch, "tokens", longest_first=False).tolist() == [0, 1, 2]


def test_a_fixed_number_of_samples_is_refused() -> None:
    fixed = replace(NETWORK, inputs=(replace(IDS, shape=(3, None)), SERIES))
    check_size(fixed, 3)
    with pytest.raises(UnusableInput, match="takes exactly 3 samples"):
        check_size(fixed, 4)


# --- weights


def test_weights_for_steps_from_y_and_from_a_mask(batch: Batch) -> None:
    shape = weight_shape(batch, NETWORK, None, "tags")
    assert shape == (3, 5)
    painted = set_weights(batch, "tags", np.asarray([0, 2]), np.asarray([1, 2]), 0.25, shape)
    assert painted.sample_weight["tags"].sum() == 15 - 4 * 0.75
    by_class = weights_from_y(batch, "tags", 0, 0.0, 2.0, shape).sample_weight["tags"]
    assert_array_equal(by_class, np.where(batch.y["tags"] == 0, 0, 2))
    masked = weights_from_kept(batch, "tags", ~batch.padding["tokens"], np.arange(5), shape).sample_weight["tags"]
    assert_array_equal(masked, ~batch.padding["tokens"])
    with pytest.raises(UnusableInput, match="no targets for output tags"):
        weight_shape(replace(batch, y={}), NETWORK, None, "tags")


def test_painting_some_steps_makes_weights_of_samples_weights_of_steps(batch: Batch) -> None:
    given = replace(batch, sample_weight={"tags": np.asarray([1, 2, 3], "float32")})
    one, rows = np.asarray([1]), np.arange(2, 4)
    painted = paint_weights(given, NETWORK, None, "tags", one, rows, 0.0).sample_weight["tags"]
    assert painted.tolist() == [[1] * 5, [2, 2, 0, 0, 2], [3] * 5]
    assert weight_words(given, NETWORK, None, "tags", one, rows, 5) == "steps 2–3 of sample 1"
    column = replace(batch, sample_weight={"tags": np.asarray([[1], [2], [3]], "float32")})
    assert_array_equal(paint_weights(column, NETWORK, None, "tags", one, rows, 0.0).sample_weight["tags"], painted)
    with pytest.raises(UnusableInput, match="no target at the marked steps"):
        paint_weights(given, NETWORK, None, "tags", one, np.asarray([7]), 0.0)


def test_as_many_weights_as_timesteps_stand_where_keras_takes_them() -> None:
    assert at_steps(np.asarray([1.0, 2.0, 3.0]), (3, 3)).tolist() == [[1, 2, 3]] * 3
    assert at_steps(np.asarray([1.0, 2.0]), (2, 3)).tolist() == [[1] * 3, [2] * 3]
    assert at_steps(np.ones((2, 3, 4)), (2, 3)).shape == (2, 3, 4)
    with pytest.raises(UnusableInput, match=r"shape \(2, 2\), which does not fit"):
        at_steps(np.ones((2, 2)), (2, 3))


def test_a_target_of_several_features_equals_a_value_in_all_of_them(batch: Batch) -> None:
    y = np.zeros((3, 5, 2), "float32")
    y[0, 0, 1] = np.nan
    weights = weights_from_y(replace(batch, y={"tags": y}), "tags", 0.0, 0.0, 1.0, (3, 5)).sample_weight["tags"]
    assert weights.sum() == weights[0, 0] == 1


# --- text


def test_a_block_of_a_spreadsheet() -> None:
    assert table_of('1\t2\r\n"a\tb"\t3\r\n') == [["1", "2"], ["a\tb", "3"]]
    assert table_of("1\n2\t3") == [["1", ""], ["2", "3"]]
    assert table_of("") == []
    assert table_of("step\tx\ty\n4\t1\t2\n5\t3\t4\n") == [["1", "2"], ["3", "4"]]


def test_words_for_samples_and_steps() -> None:
    assert of_samples(steps_of([17, 18, 19], 20), samples_of([3], 16)) == "sample 3 from step 17"
    assert of_samples(steps_of([4, 5], 20), samples_of([0, 1, 2], 16)) == "steps 4–5 of samples 0–2"
    assert of_samples(steps_of([4], 20), samples_of([0, 2], 16)) == "step 4 of 2 samples"
    assert of_samples(steps_of(range(20), 20), samples_of(range(16), 16)) == "all steps of all samples"
