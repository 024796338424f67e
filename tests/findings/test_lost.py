"""Masks that are lost on the way: each rule fires on the smallest network that has the fault, and not on its repaired twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import layers, ops

from tests.findings.nets import (
    F,
    MeanOverTime,
    Plain,
    SetMask,
    Supporting,
    T,
    V,
    WithMaskOf,
    ZeroMasked,
    data,
    ending,
    features,
    ids,
    ids_of,
    network,
    series,
    traced,
    vector,
    words,
)

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]

Change = Callable[[Any, Any], Any]
"""What is done to masked features, and the features before the mask."""


def per_step(change: Change) -> keras.Model:
    """Masked features, something done to them, and a loss a step."""
    x, masked = data()
    return network(x, ending(change(masked, x)))


def per_sample(change: Change) -> keras.Model:
    """Masked features, something done to them that ends time, and a loss a sample."""
    x, masked = data()
    return network(x, ending(change(masked, x)))


def copied(x: Any) -> Any:
    return layers.Rescaling(1.0)(x)


def attended(x: Any, given: Any) -> Any:
    return layers.Add()([x, layers.MultiHeadAttention(1, 2, name="attention")(given, given)])


PER_STEP: dict[str, tuple[Change, Change, str]] = {
    "MV08-lambda-drops-mask": (
        lambda x, raw: layers.Lambda(lambda v: v * 2.0, name="double")(x),
        lambda x, raw: layers.Rescaling(2.0)(x),
        "double",
    ),
    "MV09-operation-drops-mask": (lambda x, raw: x * 2.0, lambda x, raw: layers.Rescaling(2.0)(x), "multiply"),
    "MV10-custom-layer-drops-mask": (lambda x, raw: Plain(name="own")(x), lambda x, raw: Supporting()(x), "own"),
    "MV04-layer-drops-mask": (
        lambda x, raw: layers.Reshape((T, F), name="reshape")(x),
        lambda x, raw: WithMaskOf()([layers.Reshape((T, F))(x), x]),
        "reshape",
    ),
    "MV05-window-reads-padding": (
        lambda x, raw: layers.Conv1D(4, 3, padding="same", name="conv")(x),
        lambda x, raw: WithMaskOf()([layers.Conv1D(4, 3, padding="same")(ZeroMasked()(x)), x]),
        "conv",
    ),
    "MV05-window-drops-mask": (
        lambda x, raw: layers.Conv1D(4, 3, padding="causal", name="conv")(x),
        lambda x, raw: WithMaskOf()([layers.Conv1D(4, 3, padding="causal")(x), x]),
        "conv",
    ),
    "MV11-mha-strips-mask": (lambda x, raw: attended(x, x), lambda x, raw: attended(x, copied(x)), "attention"),
    "MV17-dot-drops-mask": (
        lambda x, raw: layers.Dot(axes=(2, 2), name="dot")([x, x]),
        lambda x, raw: WithMaskOf()([layers.Dot(axes=(2, 2))([ZeroMasked()(x), ZeroMasked()(x)]), x]),
        "dot",
    ),
    "MV37-normalizes-over-time": (
        lambda x, raw: layers.GroupNormalization(1, name="group")(x),
        lambda x, raw: layers.LayerNormalization()(x),
        "group",
    ),
    "MV36-softmax-over-time": (
        lambda x, raw: ops.softmax(x, axis=1),
        lambda x, raw: WithMaskOf()([layers.Softmax(axis=1)(x, mask=ops.any(ops.not_equal(raw, 0.0), axis=-1, keepdims=True)), x]),
        "softmax",
    ),
    "MV10-custom-layer-reads-padding": (
        lambda x, raw: MeanOverTime(False, name="mean")(x),
        lambda x, raw: MeanOverTime(True)(x),
        "mean",
    ),
    "MV13-decoder-starts-unmasked": (
        lambda x, raw: layers.RepeatVector(T, name="repeat")(layers.LSTM(4)(x)),
        lambda x, raw: SetMask()([layers.RepeatVector(T)(layers.LSTM(4)(x)), ops.any(ops.not_equal(raw, 0.0), axis=-1)]),
        "repeat",
    ),
}

PER_SAMPLE: dict[str, tuple[Change, Change, str]] = {
    "MV04-flatten-reads-padding": (lambda x, raw: layers.Flatten(name="flat")(x), lambda x, raw: layers.Flatten()(ZeroMasked()(x)), "flat"),
    "MV05-pooling-reads-padding": (
        lambda x, raw: layers.GlobalMaxPooling1D(name="pool")(layers.Rescaling(-1.0)(x)),
        lambda x, raw: layers.GlobalAveragePooling1D()(x),
        "pool",
    ),
    "MV09-operation-reads-padding": (lambda x, raw: ops.mean(x, axis=1), lambda x, raw: layers.GlobalAveragePooling1D()(x), "mean"),
}


@pytest.mark.parametrize("rule", PER_STEP)
def test_a_mask_lost_on_the_way_is_found_where_it_was_lost(rule: str) -> None:
    broken, repaired, at = PER_STEP[rule]
    first = traced(per_step(broken), features(), series())
    assert [(f.id, f.severity.value, f.call) for f in first.findings if f.severity != "info"] == [(rule, "error", at)]
    units = first.outputs["out"].shape[-1]
    assert ids_of(traced(per_step(repaired), features(), series(units))) == []


@pytest.mark.parametrize("rule", PER_SAMPLE)
def test_padding_in_what_ends_time_is_found_where_it_came_in(rule: str) -> None:
    broken, repaired, at = PER_SAMPLE[rule]
    first = traced(per_sample(broken), features(), vector())
    assert [(f.id, f.severity.value, f.call) for f in first.findings if f.severity != "info"] == [(rule, "error", at)]
    assert ids_of(traced(per_sample(repaired), features(), vector())) == []


def test_one_cause_is_one_finding_however_much_follows_it() -> None:
    x, masked = data()
    for _ in range(3):
        masked = layers.LSTM(4, return_sequences=True)(masked * 2.0)
    found = traced(network(x, ending(masked)), features(), series()).findings
    assert [f.call for f in found if f.severity != "info"] == ["multiply"]


def test_a_residual_sum_after_attention_is_not_blamed_for_the_mask_it_never_got() -> None:
    found = traced(per_step(lambda x, raw: attended(x, x)), features(), series()).findings
    assert "MV17-merge-drops-mask" not in ids_of(found, "info")
    (finding,) = (f for f in found if f.id == "MV11-mha-strips-mask")
    assert "masking_copy = keras.layers.Rescaling(1.0)(masking)" in finding.fix
    assert finding.evidence["loss"] != finding.evidence["loss over real steps"]
    assert finding.effect == pytest.approx(abs(finding.evidence["loss"] - finding.evidence["loss over real steps"]))


def test_a_position_without_a_mask_takes_the_mask_from_the_sum() -> None:
    x, masked = data()
    other = keras.Input((T, F), name="other")
    given = {"features": features(), "other": features(seed=3)}
    padding = {"features": given["features"][..., 0] == 0, "other": given["features"][..., 0] == 0}
    broken = network([x, other], ending(layers.Add(name="add")([masked, other])))
    found = traced(broken, given, series(), padding=padding)
    assert ids_of(found) == ["MV17-merge-drops-mask"]
    assert "other_masked = WithMaskOf()([other, masking])" in found.findings[0].fix
    repaired = network([x, other], ending(layers.Add()([masked, WithMaskOf()([other, masked])])))
    assert ids_of(traced(repaired, given, series(), padding=padding)) == []


def test_concatenate_with_an_unmasked_input_keeps_every_step() -> None:
    x, masked = data()
    joined = layers.Concatenate(name="join")([masked, layers.Dense(2)(x)])
    found = traced(network(x, ending(joined)), features(), series())
    assert ids_of(found) == ["MV16-concatenate-keeps-all"]
    repaired = layers.Concatenate()([masked, layers.Dense(2)(masked)])
    assert ids_of(traced(network(x, ending(repaired)), features(), series())) == []


def test_masks_that_differ_are_mixed_by_a_merge() -> None:
    x, masked = words()
    other = keras.Input((T,), dtype="int64", name="other")
    second = layers.Embedding(V + 2, 4, mask_zero=True, name="second")(other)
    given = {"ids": ids(), "other": ids()[::-1]}
    padding = {name: values == 0 for name, values in given.items()}
    found = traced(network([x, other], ending(layers.Add(name="add")([masked, second]))), given, series(), padding=padding)
    assert ids_of(found) == ["MV17-merge-mixes-masks"]
    repaired = network([x, other], ending(layers.Add()([ZeroMasked()(masked), ZeroMasked()(second)])))
    assert "MV17-merge-mixes-masks" not in [
        f.id for f in traced(repaired, given, series(), padding=padding).findings if f.evidence.get("padding enters at add")
    ]


def test_a_state_hides_the_mask_from_a_decoder() -> None:
    def made(repair: bool) -> keras.Model:
        x, masked = words()
        _, state = layers.GRU(4, return_state=True)(masked)
        # left-padded, so that real steps come after padding
        turned = layers.GRU(4, return_sequences=True, name="decoder")
        mask = network_mask(x) if repair else None
        return network(x, ending(turned(masked, initial_state=state, mask=mask) if repair else turned(masked, initial_state=state)))

    def network_mask(x: Any) -> Any:
        return ops.not_equal(x, 0)

    left = ids()[:, ::-1].copy()
    found = traced(made(False), left, series(), padding=left == 0)
    assert ids_of(found) == ["MV12-initial-state-ignores-mask"]
    assert 'initial_state=[gru_1], mask=network.get_layer("embedding").compute_mask(ids)' in found.findings[0].fix
    assert ids_of(traced(made(True), left, series(), padding=left == 0)) == []


def test_code_of_a_subclassed_network_between_its_layers() -> None:
    class Net(keras.Model):
        def __init__(self, repair: bool) -> None:
            super().__init__()
            self.masking, self.scale, self.out, self.repair = layers.Masking(), layers.Rescaling(2.0), layers.Dense(1), repair

        def build(self, shape: Any) -> None:
            self.out.build(shape)

        def call(self, x: Any) -> Any:
            x = self.masking(x)
            return self.out(self.scale(x) if self.repair else x * 2.0)

    def made(repair: bool) -> keras.Model:
        built = Net(repair)
        built.compile(loss="mse")
        built(features())
        return built

    found = traced(made(False), features(), series())
    assert ids_of(found)[0] in ("MV09-code-drops-mask", "MV09-operation-drops-mask")
    assert len(ids_of(found)) == 1
    assert ids_of(traced(made(True), features(), series())) == []
