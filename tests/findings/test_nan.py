"""NaN and infinity: in padding, in data, in weights, and made by the network. What they do is taken for no leak, and hides none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import maskviz
from maskviz.core.batch import Batch
from maskviz.core.numbers import percent
from maskviz.core.recording import splice
from maskviz.core.trace import Trace
from maskviz.engine import loading
from maskviz.engine.tracing import Tracer
from tests.findings.nets import (
    PADDED,
    B,
    F,
    T,
    WithMaskOf,
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

NUMBERS = ("MV43", "MV44", "MV45", "MV46", "MV47", "MV48")


def beside_ids(attend: bool = True, leak: bool = False) -> keras.Model:
    """Features whose mask comes from ids beside them, as a Masking layer could not make it of NaN."""
    keras.utils.set_random_seed(0)
    x, i = keras.Input((T, F), name="features"), keras.Input((T,), dtype="int64", name="ids")
    masked = WithMaskOf(name="masked")([x, layers.Embedding(11, 2, mask_zero=True, name="embedding")(i)])
    tensor = layers.Dense(4, name="dense")(masked)
    if attend:
        copy = layers.Rescaling(1.0, name="copy")(tensor)
        tensor = layers.Add(name="sum")([tensor, layers.MultiHeadAttention(2, 2, name="attention")(copy, copy)])
        tensor = WithMaskOf(name="again")([tensor, masked])
    else:
        tensor = layers.LSTM(4, return_sequences=True, name="lstm")(tensor)
    if leak:
        tensor = layers.GroupNormalization(1, name="group")(tensor)
    return network([x, i], ending(tensor))


def given(pad: float) -> dict[str, Any]:
    return {"features": features(pad=pad), "ids": ids()}


def only(found: Trace, rule: str) -> Any:
    (finding,) = (f for f in found.findings if f.id.startswith(rule))
    return finding


def test_nan_in_padding_goes_through_attention_and_loss() -> None:
    made = beside_ids()
    found = traced(made, given(np.nan), series(), padding={"features": PADDED, "ids": PADDED})
    finding = only(found, "MV43")
    assert ids_of(found) == ["MV43-nan-in-padding"]
    assert finding.severity == "error"
    assert finding.evidence["steps"] == PADDED.sum()
    assert finding.evidence["first passed on by"] == "masked, sample 1, t=2"
    assert finding.evidence["first counts at"] == "attention, sample 1, t=0"
    predicted = made(given(np.nan))
    real_nan = np.isnan(np.asarray(predicted))[..., 0][~PADDED].mean()
    assert f"{percent(float(real_nan))} of what counts in output 'out' is no number and the loss is NaN" in finding.sentence
    assert finding.effect == float("inf")
    scope = {"np": np, "x": given(np.nan)}
    exec(finding.fix, scope)
    repaired = traced(made, scope["x"], series(), padding={"features": PADDED, "ids": PADDED})
    assert not [f for f in repaired.findings if f.id.startswith(NUMBERS)]
    assert np.isfinite(repaired.ledger.reported)


@pytest.mark.parametrize("leak", [False, True])
def test_the_padding_test_is_that_of_finite_padding(leak: bool) -> None:
    made, padding = beside_ids(leak=leak), {"features": PADDED, "ids": PADDED}
    odd, plain = (traced(made, given(pad), series(), padding=padding) for pad in (np.nan, 7.0))
    assert odd.touched.keys() == plain.touched.keys()
    for ref, touched in plain.touched.items():
        np.testing.assert_array_equal(odd.touched[ref], touched, err_msg=ref)
        np.testing.assert_array_equal(odd.status[ref], plain.status[ref], err_msg=ref)
    leaks = [f.id for f in plain.findings if f.severity == "error"]
    assert leaks == (["MV37-normalizes-over-time"] if leak else [])
    assert [f.id for f in odd.findings if f.severity == "error"] == ["MV43-nan-in-padding", *leaks]


def test_nan_that_a_masked_layer_stops_is_worth_knowing() -> None:
    found = traced(beside_ids(attend=False), given(np.nan), series(), padding={"features": PADDED, "ids": PADDED})
    finding = only(found, "MV43")
    assert finding.severity == "info"
    assert np.isfinite(found.ledger.reported)
    assert "no result of this run is NaN" in finding.sentence


def test_runs_of_nan_at_the_end_are_padding_though_nobody_says_so() -> None:
    x, tensor = data(mask=False)
    found = traced(network(x, ending(tensor)), features(pad=np.nan), series(), padding=None)
    np.testing.assert_array_equal(found.padding["features"], PADDED)
    finding = only(found, "MV43")
    assert finding.severity == "error", "the loss counts these steps"
    assert finding.fix.startswith("x = np.nan_to_num(x, nan=0.0)")
    assert not [f for f in found.findings if f.id.startswith("MV44")]


def test_a_masking_layer_that_looks_for_a_number_does_not_find_nan() -> None:
    x, tensor = data()
    found = traced(network(x, ending(tensor)), features(pad=np.nan), series())
    assert ids_of(found)[0] == "MV43-nan-in-padding"
    assert "MV29-mask-value-is-another" not in ids_of(found), "no mask_value equals NaN"
    assert "what the mask of 'features' looks for" in only(found, "MV43").fix
    assert ids_of(traced(network(x, layers.Dense(1, name="again")(tensor)), features(), series())) == []


def test_a_gap_in_the_data_is_found_where_it_is() -> None:
    x, tensor = data()
    made = network(x, ending(layers.GRU(3, return_sequences=True, name="gru")(tensor)))
    values = features()
    values[2, 1, 1] = np.nan
    values[4, 3, 0] = np.inf
    found = traced(made, values, series())
    assert ids_of(found) == ["MV44-nan-in-data"]
    finding = only(found, "MV44")
    assert finding.call == "masking"
    assert (finding.evidence["steps"], finding.evidence["samples"]) == (2, 2)
    assert "NaN and infinity at 2 real steps of 2 samples, the first at sample 2, t=1" in finding.sentence
    scope = {"np": np, "x": values}
    exec(finding.fix, scope)
    repaired = traced(made, scope["x"], series())
    assert ids_of(repaired) == ["MV27-real-step-equals-mask-value"], "as it says: the mask skips the two steps"
    assert np.isfinite(repaired.ledger.reported)


def test_of_a_loss_that_is_nan_nothing_else_is_said() -> None:
    x, tensor = data()
    values = features()
    values[0, 0, 0] = np.nan
    found = traced(network(x, ending(tensor), "mse", metrics=["mse"]), values, series())
    assert "nan" not in " ".join(f.sentence for f in found.findings if not f.id.startswith("MV44"))
    assert "so is the metric mse" in only(found, "MV44").sentence or found.metrics == {}


def masked_mean(safe: bool) -> keras.Model:
    """A mean over kept steps as people write it, which divides by 0 where there is none."""
    x, tensor = words()
    kept = ops.expand_dims(ops.cast(ops.not_equal(x, 0), "float32"), -1)
    number = ops.sum(kept, axis=1)
    mean = ops.sum(tensor * kept, axis=1) / (ops.maximum(number, 1.0) if safe else number)
    return network(x, layers.Dense(1, name="out")(mean))


def test_a_mean_over_no_steps_is_found_where_it_divides() -> None:
    values, padding = ids(), PADDED.copy()
    values[3], padding[3] = 0, True
    made = masked_mean(safe=False)
    found = traced(made, values, vector(), padding=padding)
    finding = only(found, "MV45")
    assert finding.id == "MV45-nan-made-here"
    divides = next(c for c in found.calls if c.class_name in ("TrueDivide", "Divide"))
    assert finding.severity == "error"
    assert finding.call == divides.id
    assert "in 1 sample, which has no real step, first at" in finding.sentence
    assert f"'{divides.name}' (sample 3)" in finding.sentence
    scope: dict[str, Any] = {"keras": keras, "np": np, "x": values, "y": vector(), "padding": padding}
    exec(finding.fix.split("# or, in the network")[0], scope)
    assert not [f for f in traced(made, scope["x"], scope["y"], padding=padding[[0, 1, 2, 4]]).findings if f.id.startswith(NUMBERS)]
    assert not [f for f in traced(masked_mean(safe=True), values, vector(), padding=padding).findings if f.id.startswith(NUMBERS)]


def test_a_division_is_kept_finite_in_a_copy() -> None:
    values, padding = ids(), PADDED.copy()
    values[3], padding[3] = 0, True
    made = masked_mean(safe=False)
    report = maskviz.repair(made, values, vector(), padding=padding)
    (repair,) = (r for r in report.repairs if r.finding == "MV45-nan-made-here")
    assert repair.verified, str(report)
    assert "loss NaN → " in repair.sentence
    assert np.isfinite(report.after.loss)
    real = [0, 1, 2, 4]
    np.testing.assert_allclose(report.network.predict(values, verbose=0)[real], made.predict(values, verbose=0)[real], rtol=1e-5)
    assert not [f for f in report.left if f.id.startswith(NUMBERS)]


def log_of(layer: Callable[[Any], Any]) -> keras.Model:
    x, tensor = data()
    return network(x, ending(layer(layers.Activation("relu", name="relu")(layers.Dense(3, name="dense")(tensor)))))


class Logarithm(keras.Layer):
    """The difference of two logarithms of what can be 0, in code of its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x: Any) -> Any:
        return ops.log(ops.relu(x)) - ops.log(ops.relu(x))


class Between(keras.Model):
    """The same between two layers of a subclassed network."""

    def __init__(self) -> None:
        super().__init__()
        self.masking, self.dense, self.out = layers.Masking(name="masking"), layers.Dense(3, name="dense"), layers.Dense(1, name="out")

    def call(self, x: Any) -> Any:
        x = ops.relu(self.dense(self.masking(x)))
        return self.out(ops.log(x) - ops.log(x))


def test_code_of_ones_own_is_named_and_not_the_layer_after_it() -> None:
    finding = only(traced(log_of(Logarithm(name="mine")), features(), series()), "MV45")
    assert finding.call == "mine"
    assert finding.fix.startswith("# in call() of Logarithm")

    keras.utils.set_random_seed(0)
    between = Between()
    between.compile(loss="mse")
    between(features())
    finding = only(traced(between, features(), series()), "MV45")
    assert finding.sentence.startswith("Code before 'out' (Dense) makes NaN of numbers in 5 samples")
    assert finding.fix.startswith("# in call() of the network")


def test_a_logarithm_in_the_graph_is_mended_by_its_fix() -> None:
    made = log_of(ops.log)
    found = traced(made, features(), series())
    finding = only(found, "MV45")
    assert found.call(finding.call).class_name == "Log"
    assert "makes infinity of numbers" in finding.sentence
    tensor = repaired_by(finding, made)
    mended = network(made.input, layers.Dense(1, name="end")(tensor))
    assert not [f for f in traced(mended, features(), series()).findings if f.id.startswith(NUMBERS)]


def test_scores_of_minus_infinity_alone_are_nobodys_fault() -> None:
    """Some leave classes or steps out by −∞, which a softmax turns into 0."""
    x, tensor = data()
    scores = ops.where(ops.greater(layers.Dense(2, name="dense")(tensor), 1e9), 1.0, -np.inf)
    found = traced(network(x, scores, loss=None), features())
    assert not [f for f in found.findings if f.id.startswith(NUMBERS)]


def test_nan_in_weights_is_named_by_layer_and_weight() -> None:
    x, tensor = data()
    made = network(x, ending(layers.Dense(3, name="dense")(tensor)))
    kernel, bias = made.get_layer("dense").get_weights()
    kernel[1, 1] = np.nan
    made.get_layer("dense").set_weights([kernel, bias])
    found = traced(made, features(), series())
    finding = only(found, "MV46")
    assert finding.call == "dense"
    assert "its weight kernel holds NaN" in finding.sentence
    assert ids_of(found) == ["MV46-nan-in-weights"]


def test_nan_in_sample_weight() -> None:
    x, tensor = data()
    weight = np.ones((B, T), "float32")
    weight[PADDED] = np.nan
    made = network(x, ending(tensor))
    found = traced(made, features(), series(), weight)
    assert ids_of(found) == ["MV47-nan-in-sample-weight"]
    assert f"NaN in {PADDED.sum()} of {B * T} places, the first at [1, 2], and so the loss is NaN" in found.findings[0].sentence
    scope = {"np": np, "sample_weight": weight}
    exec(found.findings[0].fix, scope)
    assert ids_of(traced(made, features(), series(), scope["sample_weight"])) == []


def test_a_loss_that_divides_by_zero() -> None:
    def relative(y: Any, predicted: Any) -> Any:
        return ops.mean(ops.square(y - predicted) / y, axis=-1)

    x, tensor = data()
    made = network(x, ending(tensor), relative)
    y = series()
    y[1, 0] = 0.0
    found = traced(made, features(), y)
    finding = only(found, "MV48")
    assert "at 1 step, the first at sample 1, t=0" in finding.sentence
    assert ids_of(found) == ["MV48-loss-makes-nan"]
    assert ids_of(traced(made, features(), np.abs(series()) + 1)) == []


def test_an_edit_that_brings_nan_in_traces_the_whole_batch() -> None:
    x, tensor = data()
    made = network(x, ending(tensor))
    signature = loading.complete(made)
    tracer = Tracer(made, signature)
    clean = Batch({"features": features()}, {"out": series()}, padding={"features": PADDED})
    row = np.array([2])
    whole = tracer.trace(clean)
    assert not [key for key in whole.arrays if key.startswith("broken/")]
    assert tracer.trace(clean, row).rows is not None

    odd = Batch({"features": clean.x["features"].copy()}, clean.y, padding=clean.padding)
    odd.x["features"][2, 1] = np.nan
    broken = tracer.trace(odd, row)
    assert broken.rows is None, "what is kept does not say of the other rows where numbers are none"
    assert broken.arrays["broken/dense" if "broken/dense" in broken.arrays else "broken/out"].any(axis=1).tolist() == [
        n == 2 for n in range(B)
    ]
    mended = splice(broken, tracer.trace(clean, row))
    assert not mended.arrays["broken/out"].any()
