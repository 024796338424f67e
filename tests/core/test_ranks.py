"""Shapes that Keras would combine in another way than they are meant; what Keras does with them is tried in tests/engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maskviz.core.batch import Batch
from maskviz.core.network import Network, OutputSpec
from maskviz.core.ranks import RankTrap, rank_traps

Shape = tuple[int, ...]


def traps(y: Shape, prediction: Shape, weight: Shape | None = None, mask: Shape | None = None, **more: Any) -> tuple[RankTrap, ...]:
    loss = more.pop("loss", "mse")
    network = Network("n", "Functional", True, "3", "tensorflow", (), (OutputSpec("out", (None,) * len(prediction), "float32", loss),))
    batch = Batch({}, {"out": np.zeros(y)}, {} if weight is None else {"out": np.zeros(weight)})
    by_name = {name: {"out": value} for name, value in more.items()}
    return rank_traps(network, batch, {"out": prediction}, {} if mask is None else {"out": mask}, **by_name)


@pytest.mark.parametrize(
    ("y", "prediction", "weight", "mask", "loss"),
    [
        ((3, 4, 1), (3, 4, 1), None, (3, 4), "mse"),
        ((4, 4, 1), (4, 4, 1), (4, 4), (4, 4), "mse"),
        ((4, 4, 1), (4, 4, 1), (4, 1), (4, 4), "mean_absolute_error"),
        ((4, 4, 1), (4, 4, 1), (4, 4, 1), None, "mse"),
        ((4,), (4, 1), (4,), None, "binary_crossentropy"),
        ((4, 1), (4, 1), (4, 1), None, "MeanSquaredError"),
        ((4, 5), (4, 5, 9), (4, 5), (4, 5), "sparse_categorical_crossentropy"),
        ((4, 5, 1), (4, 5, 9), (4, 1), (4, 5), "sparse_categorical_crossentropy"),
        ((4, 5, 9), (4, 5, 9), None, (4, 5), "categorical_crossentropy"),
        ((4, 4, 1, 2), (4, 4, 1, 2), None, (4, 4), "mse"),
        ((4, 4), (4, 4, 1), (4, 4), (4, 4), "a_loss_of_ones_own"),
    ],
)
def test_what_fits_is_left_alone(y: Shape, prediction: Shape, weight: Shape | None, mask: Shape | None, loss: str) -> None:
    assert traps(y, prediction, weight, mask, loss=loss) == ()


@pytest.mark.parametrize(
    ("y", "prediction", "weight", "mask", "kind", "consequence", "use"),
    [
        ((4, 4), (4, 4, 1), None, (4, 4), "target_rank", "wrong", (4, 4, 1)),
        ((3, 4), (3, 4, 1), None, (3, 4), "target_rank", "raises", (3, 4, 1)),
        ((3, 4), (3, 4, 1), (3, 4), None, "target_rank", "raises", (3, 4, 1)),
        ((3, 4), (3, 4, 1), (3,), None, "target_rank", "coarse", (3, 4, 1)),
        ((4, 4), (4, 1), None, None, "target_repeated", "wrong", (4, 1)),
        ((4, 3), (4, 4, 3), None, None, "target_repeated", "wrong", (4, 4, 3)),
        ((4, 5, 2), (4, 5, 3), None, None, "target_repeated", "raises", (4, 5, 3)),
        ((4, 4, 1), (4, 4, 1), (4,), None, "weights_rank", "wrong", (4, 1)),
        ((3, 4, 1), (3, 4, 1), (3,), (3, 4), "weights_rank", "raises", (3, 1)),
        ((4, 1), (4, 1), (4, 4), None, "weights_rank", "wrong", (4,)),
        ((4, 4, 4, 2), (4, 4, 4, 2), None, (4, 4), "mask_rank", "wrong", (4, 4, 4)),
        ((4, 4, 3, 2), (4, 4, 3, 2), None, (4, 4), "mask_rank", "raises", (4, 4, 3)),
    ],
)
def test_traps(y: Shape, prediction: Shape, weight: Shape | None, mask: Shape | None, kind: str, consequence: str, use: Shape) -> None:
    (trap,) = traps(y, prediction, weight, mask)
    assert (trap.kind, trap.consequence, trap.use) == (kind, consequence, use)
    assert all(str(shape) in trap.sentence for shape in trap.shapes.values())
    assert str(use) in trap.sentence
    assert trap.sentence.count(".") == 1


def test_as_many_samples_as_steps_is_said() -> None:
    (trap,) = traps((4, 6), (4, 4, 6), (4,), loss="sparse_categorical_crossentropy", loss_shapes=(4, 4))
    assert "as many samples as timesteps (4)" in trap.sentence


def test_a_loss_of_samples_meets_a_mask_of_steps() -> None:
    (trap,) = traps((4, 6), (4, 6, 9), None, (4, 6), loss="ctc", loss_shapes=(4,))
    assert (trap.kind, trap.consequence) == ("mask_rank", "raises")


@pytest.mark.parametrize(("samples", "consequence"), [(3, "raises"), (4, "wrong")])
def test_the_mask_of_a_loss_of_samples(samples: int, consequence: str) -> None:
    (trap,) = traps((samples, 2), (samples, 4, 9), mask=(samples, 4), loss="ctc")
    assert (trap.kind, trap.consequence) == ("mask_rank", consequence)
    assert trap.sentence.endswith("let the mask end before the output: a loss of samples leaves no steps out.")
    assert traps((samples, 2), (samples, 4, 9), loss="ctc") == ()


def test_the_mean_by_weights_says_how_many_times_too_large() -> None:
    (trap,) = traps((4, 5, 1), (4, 5, 1), (4, 1), reductions="mean_with_sample_weight")
    assert trap.kind == "weights_mean"
    assert "5 times too large" in trap.sentence
    assert not traps((4, 5, 1), (4, 5, 1), (4, 5), reductions="mean_with_sample_weight")
    assert not traps((4, 5, 1), (4, 5, 1), (4, 1), (4, 5), reductions="mean_with_sample_weight")


def test_outputs_without_target_or_loss_are_left_alone() -> None:
    assert traps((4, 4), (4, 4, 1), loss=None) == ()
