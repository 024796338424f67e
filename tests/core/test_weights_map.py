"""The map of sample weights as a pure function."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.testing import assert_array_equal

from maskviz.core.batch import Batch
from maskviz.core.weights_map import weights_map
from tests.gui.sample_trace import Sample, sliced, tagger


def with_weights(sample: Sample, name: str, weights: np.ndarray) -> Batch:
    return replace(sample.batch, sample_weight={name: weights.astype("float32")})


def test_weights_stand_at_the_steps_that_the_output_has() -> None:
    sample = sliced()
    weights = np.arange(16 * 21).reshape(16, 21)
    heatmap = weights_map(sample.network, with_weights(sample, "dense", weights), sample.trace(sample.batch))
    assert heatmap.values is not None
    assert_array_equal(heatmap.values[:, 3:], weights)
    assert heatmap.present is not None
    assert heatmap.present.tolist() == [False] * 3 + [True] * 21
    assert heatmap.exposed is not None
    assert_array_equal(heatmap.exposed[:, 3:], sample.batch.padding["features"][:, 3:])
    assert heatmap.subtitle == "dense · 0 to 335 · 1 of 336 are 0"


def test_weights_of_samples_are_shown_at_each_step_and_of_several_the_mean() -> None:
    sample = sliced()
    column = weights_map(sample.network, with_weights(sample, "dense", np.arange(16)[:, None]), None)
    assert column.values is not None
    assert_array_equal(column.values[5, :21], [5.0] * 21)
    several = weights_map(sample.network, with_weights(sample, "dense", np.stack([np.ones((16, 21)), np.zeros((16, 21))], -1)), None)
    assert several.subtitle.startswith("dense · all 0.5")
    of_samples = weights_map(sample.network, with_weights(sample, "dense", np.arange(16)), None)
    assert "Keras cannot multiply" in of_samples.subtitle


def test_weights_that_keras_takes_for_another_axis_are_shown_so() -> None:
    sample = tagger()
    square = replace(
        sample.batch, x={"tokens": sample.batch.x["tokens"][:, :6]}, padding={"tokens": sample.batch.padding["tokens"][:, :6]},
        y={**sample.batch.y, "tags": sample.batch.y["tags"][:, :6]}, sample_weight={"tags": np.arange(6, dtype="float32")},
    )  # fmt: skip
    heatmap = weights_map(sample.network, square, None, "tags")
    assert heatmap.values is not None
    assert_array_equal(heatmap.values[4], np.arange(6))
    assert "one for each timestep" in heatmap.subtitle


def test_weights_that_fit_no_loss_are_explained() -> None:
    sample = sliced()
    heatmap = weights_map(sample.network, with_weights(sample, "dense", np.ones((16, 4))), None)
    assert "does not fit a loss of shape (16, 21)" in heatmap.explanation
    assert heatmap.values is None
