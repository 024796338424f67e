"""Generated batches: sizes, padding, ids, targets, and the same bytes for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from maskviz.core.batch import set_padding
from maskviz.core.batch_fit import blank_steps, complete
from maskviz.core.generate import generate, with_targets
from maskviz.core.network import InputSpec, Network, OutputSpec, Shape

IDS = InputSpec("ids", (None, None), "int32", "ids", pad_value=0, vocabulary=20, masked=True)
FEATURES = InputSpec("features", (None, None, 3), "float32", "features", pad_value=-1.0, masked=True)


def network(*inputs: InputSpec, outputs: tuple[OutputSpec, ...] = ()) -> Network:
    return Network("net", "Functional", True, "3.15.1", "tensorflow", inputs, outputs)


def output(loss: str | None, y_shape: Shape, dtype: str = "float32", classes: int | None = None) -> OutputSpec:
    return OutputSpec("out", (*y_shape, classes) if classes else y_shape, "float32", loss, y_shape, dtype, classes)


def test_lengths_are_realistic() -> None:
    batch = generate(network(IDS, FEATURES))
    lengths = (~batch.padding["ids"]).sum(axis=1)
    assert (batch.size, batch.x["ids"].shape, batch.x["features"].shape) == (12, (12, 24), (12, 24, 3))
    assert (lengths.max(), lengths.min()) == (24, 6)
    assert len(set(lengths)) > 4
    assert batch.source == "generated, seed 0"
    for spec in (IDS, FEATURES):
        padding = batch.padding[spec.name]
        assert (np.diff(padding.astype(int), axis=1) >= 0).all(), "padding is at the right"
        assert_array_equal(blank_steps(batch.x[spec.name], spec), padding)
        assert not blank_steps(batch.content[spec.name], spec).any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 30), st.integers(2, 400), st.integers(0, 3))
def test_ids_stay_in_the_vocabulary_and_avoid_the_pad_id(seed: int, samples: int, steps: int, vocabulary: int, pad: int) -> None:
    spec = InputSpec("ids", (None, None), "int64", "ids", pad_value=pad, vocabulary=vocabulary)
    batch = generate(network(spec), seed, samples, steps)
    assert ((batch.content["ids"] >= 0) & (batch.content["ids"] < vocabulary) & (batch.content["ids"] != pad)).all()
    assert ((batch.x["ids"] == pad) == batch.padding["ids"]).all()
    assert not batch.padding["ids"].all(axis=1).any()
    assert not (batch.padding["ids"].all(axis=0).any() and samples > 1), "one sample is full"


def test_features_are_smooth_and_standard_normal() -> None:
    content = generate(network(FEATURES), samples=400, steps=50).content["features"]
    assert abs(content.mean()) < 0.05
    assert abs(content.std() - 1) < 0.05
    neighbours = np.corrcoef(content[:, :-1].ravel(), content[:, 1:].ravel())[0, 1]
    assert neighbours > 0.7


def test_sizes_the_network_fixes_win() -> None:
    spec = InputSpec("f", (20, 10, 5), "float32", "features")
    free = InputSpec("ids", (None, None), "int32", "ids", vocabulary=9)
    batch = generate(network(spec, free), samples=3, steps=99)
    assert batch.x["f"].shape == (20, 10, 5)
    assert batch.x["ids"].shape == (20, 10)


def test_a_lone_sample_shows_data_and_padding() -> None:
    batch = generate(network(InputSpec("f", (1, None, 2), "float32", "features")))
    assert batch.padding["f"].sum() == 8


def test_other_kinds_of_input() -> None:
    kinds = (
        InputSpec("text", (None,), "string", "text", pad_value=""),
        InputSpec("lines", (None, 1), "string", "text"),
        InputSpec("words", (None, None), "string", "text", pad_value=""),
        InputSpec("state", (None, 4), "float32", "other"),
        InputSpec("kind", (None,), "int32", "other", vocabulary=3),
        InputSpec("keep", (None, None), "bool", "ids"),
        InputSpec("half", (None, None, 2), "bfloat16", "features", pad_value=0.0),
    )
    batch = generate(network(*kinds))
    lengths = {len(str(text).split()) for text in batch.x["text"]}
    assert len(lengths) > 4
    assert batch.x["lines"].shape == (12, 1)
    assert_array_equal(batch.x["words"] == "", batch.padding["words"])
    assert batch.x["state"].shape == (12, 4)
    assert set(batch.x["kind"]) <= {0, 1, 2}
    assert_array_equal(batch.x["keep"], ~batch.padding["keep"])
    assert batch.x["half"].dtype == "float32"
    assert set(batch.padding) == {"words", "keep", "half"}


@pytest.mark.parametrize(
    ("spec", "holds"),
    [
        (output("sparse_categorical_crossentropy", (None, None), "int64", 4), {0, 1, 2, 3}),
        (output("categorical_crossentropy", (None, None, 4)), {0.0, 1.0}),
        (output("binary_crossentropy", (None, None, 1)), {0.0, 1.0}),
        (output("BinaryFocalCrossentropy", (None, 1)), {0.0, 1.0}),
        (output("hinge", (None, 1)), {-1.0, 1.0}),
    ],
)
def test_targets_fit_the_loss(spec: OutputSpec, holds: set[float]) -> None:
    y = generate(network(IDS, outputs=(spec,))).y["out"]
    assert y.shape == tuple(24 if i == 1 and n is None else n or 12 for i, n in enumerate(spec.y_shape))
    assert y.dtype == spec.y_dtype
    assert set(y.ravel()) == holds
    if spec.loss == "categorical_crossentropy":
        assert (y.sum(axis=-1) == 1).all()


def test_targets_of_values() -> None:
    mse = generate(network(IDS, outputs=(output("mse", (None, None, 2)),)))
    assert (mse.y["out"][mse.padding["ids"]] == 0).all()
    assert mse.y["out"][~mse.padding["ids"]].std() > 0.5
    assert (generate(network(IDS, outputs=(output("poisson", (None, 3)),))).y["out"] >= 0).all()
    kl = generate(network(IDS, outputs=(output("kl_divergence", (None, 3)),))).y["out"]
    np.testing.assert_allclose(kl.sum(axis=-1), 1, rtol=1e-5)
    assert generate(network(IDS, outputs=(output(None, (None, 3)),))).y == {}


def test_targets_take_the_shape_a_run_has_shown() -> None:
    net = network(IDS, outputs=(output("mse", (None, None, 1)),))
    batch = generate(net)
    shorter = with_targets(complete(type(batch)(batch.x), net), net, shapes={"out": (12, 21, 1)})
    assert shorter.y["out"].shape == (12, 21, 1)
    assert with_targets(batch, net).y["out"] is batch.y["out"], "targets that are there stay"


def test_the_same_seed_gives_the_same_batch() -> None:
    net = network(IDS, FEATURES, outputs=(output("mse", (None, None, 2)),))
    one, same, other = generate(net, 5), generate(net, 5), generate(net, 6)
    for group in ("x", "y", "padding", "content"):
        for name, array in getattr(one, group).items():
            assert_array_equal(array, getattr(same, group)[name])
    assert (one.x["ids"] != other.x["ids"]).any()
    assert other.source == "generated, seed 6"


def test_an_edit_brings_the_content_back() -> None:
    batch = generate(network(IDS))
    edited = set_padding(batch, IDS, 0, np.zeros(24, bool))
    assert_array_equal(edited.x["ids"][0], batch.content["ids"][0])
