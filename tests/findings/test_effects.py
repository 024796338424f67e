"""Findings are ranked by what they do to the loss, as the padding test measured it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import layers, ops

from maskviz.core.rules.texts import number
from tests.findings.nets import PADDED, data, features, network, traced, vector

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]


def test_a_leak_has_the_effect_by_which_the_loss_moves() -> None:
    x, masked = data()
    made = network(x, layers.Dense(1, name="out")(layers.Flatten(name="flat")(masked)))
    found = traced(made, features(), vector())
    (leak,) = (f for f in found.findings if f.severity == "error")
    terms = found.ledger.terms[0]
    assert terms.changed is not None
    np.testing.assert_array_equal(terms.changed[0], terms.values[0], "the first sample has no padding")
    assert leak.effect == pytest.approx(abs(float(terms.changed.mean() - terms.values.mean())), rel=1e-4)
    assert leak.effect > 0
    assert leak.reach == PADDED.any(axis=1).mean()
    assert f"moves its loss by {number(leak.effect)}" in leak.sentence


def test_of_two_leaks_the_one_that_moves_more_comes_first() -> None:
    x, masked = data()
    faint = layers.Dense(1, name="faint", kernel_initializer="zeros")(layers.Flatten(name="flat")(masked))
    strong = layers.Dense(1, name="strong")(layers.GlobalMaxPooling1D(name="pool")(layers.Rescaling(-1.0)(masked)))
    faint = layers.Rescaling(1.0, name="end")(layers.Add()([faint, layers.Dense(1)(layers.Lambda(lambda t: t[:, -1, :1] * 1e-3)(masked))]))
    found = traced(network(x, [faint, strong]), features(), {"end": vector(), "strong": vector()})
    effects = [f.effect for f in found.findings if f.severity == "error"]
    assert effects == sorted(effects, reverse=True)
    assert next(f for f in found.findings).call == "pool"


def test_without_a_loss_leaks_are_ranked_by_how_much_they_reach() -> None:
    x, masked = data()
    everywhere = layers.GroupNormalization(1, name="group")(masked)
    at_the_edge = layers.Conv1D(3, 3, padding="same", name="conv")(layers.Dense(3)(masked))
    found = traced(network(x, [at_the_edge, everywhere], loss=None), features())
    errors = [f for f in found.findings if f.severity == "error"]
    assert [f.call for f in errors] == ["group", "conv"]
    assert errors[0].effect == errors[1].effect == 0
    assert errors[0].reach > errors[1].reach > 0


def test_a_loss_that_is_one_number_moves_as_a_whole() -> None:
    def one_number(y: Any, predicted: Any) -> Any:
        return ops.mean(ops.square(y - predicted))

    x, masked = data()
    flat = layers.Dense(1, name="out")(layers.Flatten(name="flat")(masked))
    found = traced(network(x, flat, loss=one_number), features(), vector())
    (leak,) = (f for f in found.findings if f.severity == "error")
    assert not found.ledger.terms[0].separable
    assert leak.effect == pytest.approx(abs(float(found.ledger.terms[0].changed) - float(found.ledger.terms[0].values)))
    assert leak.effect > 0


def test_leaks_that_share_an_output_say_so_and_come_in_the_order_of_the_run() -> None:
    x, masked = data()
    conv = layers.Conv1D(3, 3, padding="same", name="conv")(layers.Dense(3)(masked))
    alone = layers.Flatten(name="flat")(layers.Dense(2)(masked))
    attended = layers.GlobalAveragePooling1D(name="mean")(layers.GroupNormalization(1, name="group")(layers.Dense(3)(masked)))
    both = layers.Add()([layers.Dense(1)(layers.LSTM(2)(conv)), layers.Dense(1)(attended)])
    made = network(x, [layers.Dense(1, name="both")(both), layers.Dense(1, name="alone")(alone)])
    found = traced(made, features(), {"both": vector(), "alone": vector(seed=2)})
    conv_one, group, flat = (next(f for f in found.findings if f.call == name) for name in ("conv", "group", "flat"))
    assert conv_one.effect == group.effect > 0
    ran = [call.id for call in found.calls if call.id in ("conv", "group")]
    assert [f.call for f in found.findings if f in (conv_one, group)] == ran
    assert "shared with 'group'" in conv_one.sentence
    assert conv_one.evidence["both shared with"] == "group"
    assert "shared with 'conv'" in group.sentence
    assert "shared with" not in flat.sentence
