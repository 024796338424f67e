"""Findings whose fix is in the data, the weights or compile(): its code is carried out, and the finding is gone.

No copy of the network could be repaired for them; ``maskviz repair`` says why.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import maskviz
from maskviz.core.errors import UnusableInput
from maskviz.core.finding import Finding
from maskviz.core.trace import Trace
from tests.findings import nets
from tests.findings.nets import PADDED, B, F, T, V, data, ending, features, ids, network, series, tensors, traced, words

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]

LEFT = PADDED[:, ::-1]


def found_in(trace: Trace, rule: str) -> Finding:
    (finding,) = (f for f in trace.findings if f.id.startswith(rule))
    return finding


def carried_out(finding: Finding, made: keras.Model, **batch: Any) -> dict[str, Any]:
    """What the code of a fix leaves behind."""
    scope = {**tensors(made), **batch, "keras": keras, "np": np, "network": made}
    exec(finding.fix, scope)
    return scope


def ids_in(trace: Trace) -> set[str]:
    return {f.id[:4] for f in trace.findings}


def tagger(loss: Any = "mse", masked: bool = True, **compile: Any) -> keras.Model:
    x, tensor = data(masked)
    return network(x, ending(tensor), loss, **compile)


def test_a_metric_sees_weights_as_a_weighted_metric() -> None:
    made = tagger(metrics=["mae"])
    weights = np.random.default_rng(1).uniform(0.5, 2, (B, T)).astype("float32")
    finding = found_in(traced(made, features(), series(), weights), "MV03")
    carried_out(finding, made)
    assert "MV03" not in ids_in(traced(made, features(), series(), weights))


def test_a_metric_that_ignores_the_mask_is_given_weights() -> None:
    made = tagger(metrics=[keras.metrics.RootMeanSquaredError(name="rmse")])
    x, y = features(), series()
    found = traced(made, x, y)
    finding = found_in(found, "MV02")
    exec(finding.fix.partition("network.fit")[0], {"keras": keras, "network": made})
    again = traced(made, x, y, (~PADDED).astype("float32"))
    assert "MV02" not in ids_in(again)
    assert again.metrics["rmse"] == pytest.approx(finding.evidence["value over kept steps"], rel=1e-5)


@pytest.mark.parametrize(("rule", "shape"), [("MV20", (B, 1)), ("MV18", (T,))])
def test_weights_are_spread_over_the_steps_they_are_about(rule: str, shape: tuple[int, ...]) -> None:
    loss = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight") if rule == "MV20" else "mse"
    rows = np.arange(shape[0]) % B
    made, x, y, padding = tagger(loss, masked=False), features(pad=1.0)[rows], series()[rows], np.zeros((len(rows), T), bool)
    weights = np.random.default_rng(1).uniform(0.5, 2, shape).astype("float32")
    finding = found_in(traced(made, x, y, weights, padding), rule)
    scope = carried_out(finding, made, sample_weight=weights)
    again = traced(made, x, y, scope["sample_weight"], padding)
    assert rule not in ids_in(again)
    assert again.ledger.reported == pytest.approx(finding.evidence["loss as meant"], rel=1e-5)


def test_padding_is_moved_to_the_end() -> None:
    x, embedded = words()
    made = network(x, ending(layers.GRU(3, return_sequences=True, name="gru")(embedded)))
    given = ids()[:, ::-1]
    finding = found_in(traced(made, given, series(), padding=LEFT), "MV22")
    scope = carried_out(finding, made, x=given, padding=LEFT)
    for before, after, length in zip(given, scope["x"], nets.LENGTHS, strict=True):
        np.testing.assert_array_equal(after[:length], before[T - length :])
    assert "MV22" not in ids_in(traced(made, scope["x"], series()))


def test_a_mask_of_another_rank_becomes_weights() -> None:
    class Wide(keras.Layer):
        """(batch, time, 1) to (batch, time, T, 1), with the mask of the steps as it was."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.supports_masking = True

        def call(self, x: Any) -> Any:
            return keras.ops.repeat(x[:, :, None], T, axis=2)

    x, tensor = data()
    made = network(x, Wide(name="wide")(ending(tensor)))
    rows = np.array([0, 1, 2, 3, 4, 1])
    given, y, padding = features()[rows], np.random.default_rng(2).normal(size=(6, T, T, 1)).astype("float32"), PADDED[rows]
    finding = found_in(traced(made, given, y, padding=padding), "MV35")
    scope = carried_out(finding, made, x=given)
    again = traced(network(x, scope["wide"]), given, y, scope["sample_weight"], padding)
    assert "MV35" not in ids_in(again)
    assert again.ledger.reported * T * T * 6 / scope["sample_weight"].sum() == pytest.approx(finding.evidence["loss as meant"], rel=1e-5)


def test_a_gap_that_equals_the_mask_value_is_told_from_padding() -> None:
    made, given = tagger(), features()
    given[0, 2] = 0.0
    finding = found_in(traced(made, given, series(), padding=None), "MV27")
    scope = carried_out(finding, made, x=given.copy())
    np.testing.assert_array_equal((scope["x"] == scope["x"][1, -1, 0]).all(axis=-1), PADDED)
    mended = network(made.input, layers.Dense(1, name="end")(scope["masking"]))
    assert "MV27" not in ids_in(traced(mended, scope["x"], series()))


def test_words_are_numbered_from_one() -> None:
    x, embedded = words()
    made, given = network(x, ending(embedded)), ids()
    given[0, 2] = 0
    finding = found_in(traced(made, given, series()), "MV26")
    scope = carried_out(finding, made, x=given, padding=PADDED)
    assert (scope["x"] == 0)[PADDED].all()
    assert scope["x"].max() <= V + 2
    assert "MV26" not in ids_in(traced(network(x, layers.Dense(1, name="end")(scope["embedding"])), scope["x"], series()))


FACTS = {"MV01": "nothing is wrong: versions of Keras divide", "MV06": "nothing is wrong: predictions", "MV07": "arrays carry no mask"}


@pytest.mark.parametrize("rule", FACTS)
def test_of_facts_of_life_a_repair_says_that_nothing_is_wrong(rule: str) -> None:
    x, tensor = data()
    made = network(x, ending(layers.GRU(3, return_sequences=True)(tensor)))
    report = maskviz.repair(made, features(), series(), padding=PADDED, finding=rule)
    assert report.network is None
    assert FACTS[rule] in str(report)


def test_what_keras_stops_at_by_itself_is_no_finding() -> None:
    """MV15 and MV32: there is no run to speak of, and the sentence is Keras' own."""
    x = keras.Input(batch_shape=(B, T, F), name="features")
    rnn = layers.Bidirectional(layers.GRU(3, stateful=True, return_state=True), name="both")
    with pytest.raises(TypeError):
        rnn(layers.Masking()(x))

    y = np.where(PADDED, -1, 0)[..., None]
    made = tagger("sparse_categorical_crossentropy")
    with pytest.raises(UnusableInput, match="-1"):
        traced(made, features(), y)
