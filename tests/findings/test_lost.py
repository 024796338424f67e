"""Masks that are lost on the way: each rule fires on the smallest network that has the fault, and not on its repaired twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import layers, ops

from maskviz.core.trace import Trace
from tests.findings.nets import (
    B,
    F,
    MeanOverTime,
    Plain,
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
    repaired_by,
    series,
    traced,
    vector,
    words,
)

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]

Change = Callable[[Any], Any]
"""What is done to masked features."""


def per_step(change: Change) -> keras.Model:
    """Masked features, something done to them, and a last layer."""
    x, masked = data()
    return network(x, ending(change(masked)))


class Two(keras.Layer):
    """A layer of two tensors, which adds the mean of the second over time."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, a: Any, b: Any, mask: Any = None) -> Any:
        kept = ops.ones_like(b[..., :1]) if mask is None else ops.cast(mask, b.dtype)[..., None]
        return a + ops.sum(b * kept, axis=1, keepdims=True) / ops.sum(kept, axis=1, keepdims=True)

    def compute_mask(self, a: Any, previous: Any = None) -> Any:
        return previous


class TwoNamed(Two):
    """The same, with the argument named as Keras wants it."""

    def call(self, a: Any, b: Any, b_mask: Any = None) -> Any:
        return super().call(a, b, b_mask)


def copied(x: Any) -> Any:
    return layers.Rescaling(1.0)(x)


def attended(x: Any, given: Any) -> Any:
    return layers.Add()([x, layers.MultiHeadAttention(1, 2, name="attention")(given, given)])


PER_STEP: dict[str, tuple[str, Change]] = {
    "MV08-lambda-drops-mask": ("double", lambda x: layers.Lambda(lambda v: v * 2.0, name="double")(x)),
    "MV09-operation-drops-mask": ("multiply", lambda x: x * 2.0),
    "MV04-layer-drops-mask": ("reshape", lambda x: layers.Reshape((T, F), name="reshape")(x)),
    "MV05-window-reads-padding": ("conv", lambda x: layers.Conv1D(4, 3, padding="same", name="conv")(layers.Dense(F, name="own")(x))),
    "MV05-window-drops-mask": ("conv", lambda x: layers.Conv1D(4, 3, padding="causal", name="conv")(x)),
    "MV37-normalizes-over-time": ("group", lambda x: layers.GroupNormalization(1, name="group")(x)),
    "MV36-softmax-over-time": ("softmax", lambda x: ops.softmax(x, axis=1)),
    "MV13-decoder-starts-unmasked": ("repeat", lambda x: layers.RepeatVector(T, name="repeat")(layers.LSTM(4, name="lstm")(x))),
}
PER_SAMPLE: dict[str, tuple[str, Change]] = {
    "MV04-flatten-reads-padding": ("flat", lambda x: layers.Flatten(name="flat")(x)),
    "MV05-pooling-reads-padding": ("pool", lambda x: layers.GlobalMaxPooling1D(name="pool")(layers.Rescaling(-1.0)(x))),
    "MV08-lambda-reads-padding": ("mean", lambda x: layers.Lambda(lambda t: ops.mean(t, axis=1), name="mean")(x)),
    "MV09-operation-reads-padding": ("mean", lambda x: ops.mean(x, axis=1)),
}
RESIZED: dict[str, Change] = {
    "lambda": lambda x: layers.Lambda(lambda v: v[:, 2:], name="at")(x),
    "crop": lambda x: layers.Cropping1D((1, 2), name="at")(x),
    "pad": lambda x: layers.ZeroPadding1D(1, name="at")(x),
    "pool": lambda x: layers.MaxPooling1D(2, name="at")(x),
    "conv": lambda x: layers.Conv1D(2, 3, strides=2, name="at")(x),
    "repeat": lambda x: layers.UpSampling1D(2, name="at")(x),
}


def loud(found: Trace) -> list[tuple[str, str, str | None]]:
    """Findings above info: id, severity and call."""
    return [(f.id, f.severity.value, f.call) for f in found.findings if f.severity != "info"]


@pytest.mark.parametrize("rule", PER_STEP)
def test_a_mask_lost_on_the_way_is_found_where_it_was_lost_and_its_fix_helps(rule: str) -> None:
    at, change = PER_STEP[rule]
    broken = per_step(change)
    found = traced(broken, features(), series())
    assert loud(found) == [(rule, "error", at)]
    repaired = network(broken.inputs, ending(repaired_by(found.findings[0], broken)))
    assert loud(traced(repaired, features(), series())) == []


@pytest.mark.parametrize("rule", PER_SAMPLE)
def test_padding_in_what_ends_time_is_found_where_it_came_in_and_its_fix_helps(rule: str) -> None:
    at, change = PER_SAMPLE[rule]
    broken = per_step(change)
    found = traced(broken, features(), vector())
    assert loud(found) == [(rule, "error", at)]
    repaired = network(broken.inputs, ending(repaired_by(found.findings[0], broken)))
    assert loud(traced(repaired, features(), vector())) == []


@pytest.mark.parametrize("kind", RESIZED)
def test_a_mask_is_changed_as_the_steps_are(kind: str) -> None:
    broken = per_step(RESIZED[kind])
    steps = broken.output_shape[1]
    found = traced(broken, features(), series(steps=steps))
    (finding,) = (f for f in found.findings if f.call == "at")
    assert finding.id.startswith(("MV08-", "MV04-", "MV05-"))
    repaired = traced(network(broken.inputs, ending(repaired_by(finding, broken))), features(), series(steps=steps))
    assert loud(repaired) == []
    mask = repaired.network_outputs[0].mask
    assert mask is not None
    assert repaired.masks[mask].shape == (B, steps)


def test_a_layer_of_ones_own_says_nothing_of_masks() -> None:
    found = traced(per_step(lambda x: Plain(name="own")(x)), features(), series())
    assert loud(found) == [("MV10-custom-layer-drops-mask", "error", "own")]
    assert "self.supports_masking = True" in found.findings[0].fix
    assert loud(traced(per_step(lambda x: Supporting(name="own")(x)), features(), series())) == []


def test_a_layer_of_ones_own_does_not_look_at_its_mask() -> None:
    found = traced(per_step(lambda x: MeanOverTime(False, name="mean")(x)), features(), series())
    assert loud(found) == [("MV10-custom-layer-reads-padding", "error", "mean")]
    assert loud(traced(per_step(lambda x: MeanOverTime(True, name="mean")(x)), features(), series())) == []


def test_a_layer_of_two_tensors_gets_no_mask() -> None:
    def made(by_name: bool) -> keras.Model:
        return per_step(lambda x: (TwoNamed if by_name else Two)(name="two")(x, x))

    found = traced(made(False), features(), series())
    assert loud(found) == [("MV10-custom-layer-gets-no-mask", "error", "two")]
    assert loud(traced(made(True), features(), series())) == []


def test_code_of_a_network_computes_over_steps() -> None:
    class Own(keras.Model):
        def __init__(self, masked: bool) -> None:
            super().__init__()
            self.embed, self.end = layers.Embedding(V + 2, 4, mask_zero=True, name="embed"), layers.Dense(1, name="end")
            self.mean, self.masked = layers.GlobalAveragePooling1D(), masked

        def call(self, x: Any) -> Any:
            embedded = self.embed(x)
            return self.end(self.mean(embedded) if self.masked else ops.max(embedded, axis=1))

    def made(masked: bool) -> keras.Model:
        network = Own(masked)
        network(ids())
        network.compile(loss="mse")
        return network

    assert loud(traced(made(False), ids(), vector())) == [("MV09-code-reads-padding", "error", "embed")]
    assert loud(traced(made(True), ids(), vector())) == []


def test_dot_never_has_a_mask() -> None:
    found = traced(per_step(lambda x: layers.Dot(axes=(2, 2), name="dot")([x, x])), features(), series())
    assert loud(found) == [("MV17-dot-drops-mask", "error", "dot")]

    def repaired(x: Any) -> Any:
        zeroed = ZeroMasked()(x)
        return WithMaskOf()([layers.Dot(axes=(2, 2))([zeroed, zeroed]), x])

    assert loud(traced(per_step(repaired), features(), series())) == []


def test_sequences_meet_whose_padding_does_not_lie_alike() -> None:
    x, raw = data(mask=False)
    turned = ops.flip(raw, axis=1)
    found = traced(network(x, ending(layers.Add(name="add")([turned, raw]))), features(), series())
    assert {"MV17-merge-aligns-padding", "MV29-features-without-mask"} & set(ids_of(found))


def test_one_cause_is_one_finding_however_much_follows_it() -> None:
    x, masked = data()
    for _ in range(3):
        masked = layers.LSTM(4, return_sequences=True)(masked * 2.0)
    found = traced(network(x, ending(masked)), features(), series()).findings
    assert [f.call for f in found if f.severity != "info"] == ["multiply"]


def test_a_residual_sum_after_attention_is_not_blamed_for_the_mask_it_never_got() -> None:
    found = traced(per_step(lambda x: attended(x, x)), features(), series()).findings
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


def test_final_states_are_no_kept_steps() -> None:
    x, masked = words()
    _, state = layers.GRU(4, return_state=True)(masked)
    decoded, _ = layers.GRU(4, return_sequences=True, return_state=True)(masked, initial_state=state)
    (found,) = (f for f in traced(network(x, ending(decoded)), ids(), series()).findings if f.id == "MV12-initial-state-ignores-mask")
    assert found.sentence.endswith("though its output carries it: nothing in this batch suffers from it.")


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


def test_a_mask_given_by_hand_keeps_padding() -> None:
    def made(sequences: bool, by_hand: bool) -> keras.Model:
        def decoded(x: Any) -> Any:
            layer = layers.GRU(3, return_sequences=sequences, name="gru")
            return layer(x, mask=ops.not_equal(x[..., 0], 99.0)) if by_hand else layer(x)

        return per_step(decoded)

    assert loud(traced(made(True, True), features(), series())) == [("MV10-mask-keeps-padding", "error", "gru")]
    assert loud(traced(made(True, False), features(), series())) == []
    assert loud(traced(made(False, True), features(), vector())) == [("MV05-layer-reads-padding", "error", "gru")]
    assert loud(traced(made(False, False), features(), vector())) == []
