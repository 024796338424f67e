"""Repairs: what is changed in a copy does away with the finding, leaves real steps alone, survives a file, and spares the network."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal

import maskviz
from maskviz.core.errors import UnusableInput
from maskviz.core.message_wire import event_from_wire, event_to_wire
from maskviz.core.messages import Load, Loaded, RepairCopy, Repaired, RunTrace
from maskviz.core.repair import Report
from maskviz.engine.service import Service
from tests.findings import nets

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
    pytest.mark.expects_log("triggered tf.function retracing"),
]


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)


def recurrent(x: Any, name: str = "rnn", **options: Any) -> Any:
    return layers.GRU(4, return_sequences=True, name=name, **options)(x)


def attention() -> keras.Model:
    x, e = nets.words()
    a = layers.MultiHeadAttention(2, 3, name="attention")(e, e)
    return nets.network(x, nets.ending(layers.Add(name="sum")([e, a])))


def two_attentions() -> keras.Model:
    x, e = nets.words()
    a = layers.Add(name="sum")([e, layers.MultiHeadAttention(2, 3, name="attention")(e, e)])
    b = layers.Add(name="sum_2")([a, layers.MultiHeadAttention(2, 3, name="attention_2")(a, a)])
    return nets.network(x, nets.ending(b))


def initial_state() -> keras.Model:
    x, e = nets.words()
    state = layers.Dense(4, name="state")(layers.GlobalAveragePooling1D(name="mean")(e))
    rnn = layers.GRU(4, return_sequences=True, name="rnn", go_backwards=False)(e, initial_state=state)
    mixed = layers.Bidirectional(layers.GRU(4, return_sequences=True, name="both"), name="reader")(rnn, initial_state=[state, state])
    return nets.network(x, nets.ending(mixed))


def lambda_slice() -> keras.Model:
    x, e = nets.words()
    return nets.network(x, nets.ending(layers.Lambda(lambda t: t[:, 2:], name="shift")(recurrent(e))))


def lambda_scaled() -> keras.Model:
    x, e = nets.words()
    return nets.network(x, nets.ending(layers.Lambda(lambda t: t * 2.0, name="twice")(recurrent(e))))


def operation_slice() -> keras.Model:
    x, e = nets.words()
    return nets.network(x, nets.ending(recurrent(e)[:, 1:-1]))


def last_layer_drops() -> keras.Model:
    x, e = nets.words()
    return nets.network(x, layers.Lambda(lambda t: t * 2.0, name="out")(recurrent(e)))


def merge() -> keras.Model:
    x, e = nets.words()
    plain = layers.Embedding(12, 4, name="plain")(x)
    return nets.network(x, nets.ending(recurrent(layers.Add(name="sum")([e, plain]))))


def mixed_merge() -> keras.Model:
    x, e = nets.words()
    later = keras.Input((nets.T,), dtype="int64", name="later")
    return nets.network([x, later], nets.ending(layers.Add(name="sum")([e, layers.Embedding(11, 4, mask_zero=True, name="other")(later)])))


def global_max() -> keras.Model:
    x, e = nets.words()
    return nets.network(x, layers.Dense(1, name="out")(layers.GlobalMaxPooling1D(name="pool")(e)))


def flatten() -> keras.Model:
    x, e = nets.words()
    return nets.network(x, layers.Dense(1, name="out")(layers.Flatten(name="flat")(e)))


def unmasked_ids() -> keras.Model:
    x, e = nets.words(mask=False)
    return nets.network(x, nets.ending(recurrent(e, go_backwards=False)))


def unmasked_features() -> keras.Model:
    x, f = nets.data(mask=False)
    return nets.network(x, layers.Dense(1, name="out")(layers.GRU(4, name="rnn")(f)))


def convolution() -> keras.Model:
    x, e = nets.words()
    first = layers.Conv1D(4, 3, padding="same", name="conv")(e)
    return nets.network(x, nets.ending(layers.Conv1D(4, 3, padding="same", name="conv_2")(first)))


def masking_behind_scaling() -> keras.Model:
    x = keras.Input((nets.T, nets.F), name="features")
    scaled = layers.Dense(3, bias_initializer="ones", name="scale")(x)
    return nets.network(x, nets.ending(recurrent(layers.Masking(name="masking")(scaled))))


def custom_layer() -> keras.Model:
    x, e = nets.words()
    return nets.network(x, nets.ending(nets.Plain(name="mine")(recurrent(e))))


def softmax() -> keras.Model:
    """Weights over the steps, made by an operation, which knows no mask."""
    x, e = nets.words()
    weights = keras.ops.softmax(layers.Dense(1, name="score")(e) * 1.0, axis=1)
    context = keras.ops.sum(recurrent(e, "values") * weights, axis=1)
    return nets.network(x, layers.Dense(1, name="out")(context))


def other_mask_value() -> keras.Model:
    x = keras.Input((nets.T, nets.F), name="features")
    return nets.network(x, nets.ending(recurrent(layers.Masking(0.0, name="masking")(x))))


def windows(kind: Any, **options: Any) -> Callable[[], keras.Model]:
    def make() -> keras.Model:
        x, e = nets.words()
        return nets.network(x, nets.ending(kind(name="window", **options)(e)))

    return make


def looked_up() -> keras.Model:
    """Ids that another layer makes of ids, by a vocabulary that is an asset of the file."""
    x = keras.Input((nets.T,), dtype="int64", name="ids")
    look = layers.IntegerLookup(vocabulary=list(range(nets.V, 0, -1)), mask_token=0, name="look")
    e = layers.Embedding(12, 4, mask_zero=True, name="embedding")(look(x))
    return nets.network(x, nets.ending(layers.Conv1D(4, 3, padding="same", name="conv")(e)))


def normalized() -> keras.Model:
    x = keras.Input((nets.T, nets.F), name="features")
    scale = layers.Normalization(name="scale")
    scale.adapt(nets.features())
    return nets.network(x, nets.ending(recurrent(scale(layers.Masking(name="masking")(x))) * 2.0))


def decoder() -> keras.Model:
    x, e = nets.words()
    return nets.network(x, nets.ending(recurrent(layers.RepeatVector(nets.T, name="repeat")(layers.GRU(4)(e)))))


def concatenation() -> keras.Model:
    x, e = nets.words()
    plain = layers.Embedding(12, 4, name="plain")(x)
    return nets.network(x, nets.ending(recurrent(layers.Concatenate(name="join")([e, plain]))))


def masking_of_nan() -> keras.Model:
    x = keras.Input((nets.T, nets.F), name="features")
    return nets.network(x, nets.ending(recurrent(layers.Masking(float("nan"), name="masking")(x))))


def lambda_sum() -> keras.Model:
    x, e = nets.words()
    return nets.network(x, layers.Dense(1, name="out")(layers.Lambda(lambda t: keras.ops.sum(t, axis=1), name="sum")(e)))


def calls_of(network: keras.Model) -> dict[str, int]:
    """How often each layer and operation of a network has been called in a graph."""
    return {operation.name: len(operation._inbound_nodes) for operation in network.operations}


IDS, FEATURES = nets.ids, nets.features
CASES: dict[str, tuple[Callable[[], keras.Model], Any, Any, str]] = {
    "attention": (attention, IDS, nets.series, "MV11"),
    "two attentions": (two_attentions, IDS, nets.series, "MV11"),
    "initial state": (initial_state, IDS, nets.series, "MV12"),
    "slice in a Lambda": (lambda_slice, IDS, lambda: nets.series()[:, 2:], "MV08"),
    "scaling in a Lambda": (lambda_scaled, IDS, nets.series, "MV08"),
    "slice by an operation": (operation_slice, IDS, lambda: nets.series()[:, 1:-1], "MV09"),
    "last layer": (last_layer_drops, IDS, lambda: nets.series(4), "MV08"),
    "merge": (merge, IDS, nets.series, "MV17"),
    "global max": (global_max, IDS, nets.vector, "MV05"),
    "flatten": (flatten, IDS, nets.vector, "MV04"),
    "ids without mask": (unmasked_ids, IDS, nets.series, "MV26"),
    "features without mask": (unmasked_features, FEATURES, nets.vector, "MV29"),
    "convolutions": (convolution, IDS, nets.series, "MV05"),
    "masking too late": (masking_behind_scaling, FEATURES, nets.series, "MV29"),
    "custom layer": (custom_layer, IDS, nets.series, "MV10"),
    "softmax over steps": (softmax, IDS, nets.vector, "MV36"),
    "another mask_value": (other_mask_value, lambda: nets.features(pad=-1.0), nets.series, "MV29-mask-value-is"),
    "pooling with strides": (windows(layers.MaxPooling1D, pool_size=2), IDS, lambda: nets.series(steps=3), "MV05-window"),
    "overlapping pooling": (
        windows(layers.AveragePooling1D, pool_size=3, strides=2, padding="same"),
        IDS,
        lambda: nets.series(steps=3),
        "MV05-window",
    ),
    "convolution with strides": (windows(layers.Conv1D, filters=4, kernel_size=3, strides=2), IDS, lambda: nets.series(steps=2), "MV05"),
    "ids from a lookup": (looked_up, IDS, nets.series, "MV05-window"),
    "decoder": (decoder, IDS, nets.series, "MV13"),
    "concatenation": (concatenation, IDS, nets.series, "MV16"),
    "masking of NaN": (masking_of_nan, lambda: nets.features(pad=np.nan), nets.series, "MV28"),
    "adapted normalization": (normalized, FEATURES, nets.series, "MV09"),
}
RUNS_CODE = ("scaling in a Lambda", "last layer")
"""Networks that Keras loads only when told that their file may run code."""


@pytest.mark.parametrize("name", CASES)
def test_a_repair_is_verified_and_survives_a_file(name: str, tmp_path: Path) -> None:
    make, x, y, rule = CASES[name]
    network, x, y = make(), x(), y()
    broken = [f for f in nets.traced(network, x, y).findings if f.severity == "error"]  # what fixes add to the graph is there already
    weights, calls = network.get_weights(), calls_of(network)
    assert any(f.id.startswith(rule) for f in broken)

    report = maskviz.repair(network, x, y, padding=nets.PADDED, out=tmp_path / "copy.keras")

    assert all(r.verified for r in report.repairs), str(report)
    assert next(f for f in report.findings if f.id.startswith(rule)).verified is True
    assert {f.id for f in report.left if f.severity != "info"} <= {f.id for f in report.findings if f.severity == "warning"}
    assert report.change.others == 0
    assert report.after.harm == 0 or report.after.harm < report.before.harm
    assert calls_of(network) == calls, "the network itself was changed"
    for a, b in zip(weights, network.get_weights(), strict=True):
        assert_array_equal(a, b)

    code = {"Plain": nets.Plain} if name == "custom layer" else None
    loaded = keras.models.load_model(report.path, custom_objects=code, safe_mode=name not in RUNS_CODE)
    assert_allclose(loaded.predict(x, verbose=0), report.network.predict(x, verbose=0), atol=1e-6)
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(report.after.loss, rel=1e-5)
    assert nets.traced(loaded, x, y).ledger.reported == pytest.approx(report.after.loss, rel=1e-5)


def test_a_sum_in_a_lambda_is_repaired() -> None:
    """Its code names what a loaded file does not know, so the copy lives in memory alone, as the network itself does."""
    network, x, y = lambda_sum(), nets.ids(), nets.vector()
    report = maskviz.repair(network, x, y, padding=nets.PADDED)
    (repair,) = (r for r in report.repairs if r.finding.startswith("MV08-lambda-reads"))
    assert repair.verified, str(report)
    assert report.after.harm < report.before.harm


def test_the_sentence_holds_the_numbers_before_and_after() -> None:
    network, x, y = attention(), nets.ids(), nets.series()
    report = maskviz.repair(network, x, y, padding=nets.PADDED, finding="MV11")
    before, after = nets.traced(network, x, y), nets.traced(report.network, x, y)
    sentence = str(report)
    assert f"loss {before.ledger.reported:.4g} → {after.ledger.reported:.4g}" in sentence
    assert "verified" in sentence
    assert "predictions at real steps are unchanged" in sentence
    assert after.ledger.reported == pytest.approx(after.ledger.kept_only, rel=1e-5)


def test_predictions_at_untouched_real_steps_stay() -> None:
    network, x, y = convolution(), nets.ids(), nets.series()
    touched = nets.traced(network, x, y).touched["out"]
    copy = maskviz.repair(network, x, y, padding=nets.PADDED).network
    same = ~nets.PADDED & ~touched
    assert same.any()
    assert (touched & ~nets.PADDED).any()
    assert_allclose(copy.predict(x, verbose=0)[same], network.predict(x, verbose=0)[same], atol=1e-5)


def test_masks_that_differ_are_merged_from_zeros() -> None:
    network, first = mixed_merge(), nets.ids()
    second = np.where(np.arange(nets.T) >= nets.LENGTHS[::-1, None], 0, np.random.default_rng(3).integers(1, nets.V, first.shape))
    report = maskviz.repair(network, {"ids": first, "later": second}, nets.series())
    assert [r.finding for r in report.repairs] == ["MV17-merge-mixes-masks"]
    assert report.repairs[0].verified
    assert report.before.leaking > 0 == report.after.leaking


def test_vocabularies_are_in_the_copy_and_in_its_file(tmp_path: Path) -> None:
    """Of text, whose steps are known to the network alone."""
    words = layers.TextVectorization(output_sequence_length=nets.T, name="words")
    words.adapt(["one two three four five six seven"])
    text = keras.Input((), dtype="string", name="text")
    e = layers.Embedding(12, 4, mask_zero=True, name="embedding")(words(text))
    a = layers.MultiHeadAttention(2, 3, name="attention")(e, e)
    network = nets.network(text, nets.ending(layers.Add(name="sum")([e, a])))
    x = np.array(["one two three", "six", "seven two five one one four", "two two", "nothing"])
    report = maskviz.repair(network, x, nets.series(), out=tmp_path / "copy.keras")
    assert [(r.finding, r.verified) for r in report.repairs] == [("MV11-mha-strips-mask", True)]
    assert report.change.others == 0
    loaded = keras.models.load_model(report.path)
    tensor = keras.ops.convert_to_tensor(x)
    for copy in (report.network, loaded):
        assert copy.get_layer("words").get_vocabulary() == words.get_vocabulary()
        assert_array_equal(np.asarray(copy.get_layer("words")(tensor)), np.asarray(words(tensor)))
        assert_allclose(np.asarray(copy(tensor)), np.asarray(network(tensor)), atol=1e-6)


def test_an_attention_in_a_nested_network_is_repaired_inside() -> None:
    inner = keras.Input((nets.T, 4), name="steps")
    a = layers.MultiHeadAttention(2, 3, name="attention")(inner, inner)
    block = keras.Model(inner, layers.Add(name="sum")([inner, a]), name="block")
    x, e = nets.words()
    network = nets.network(x, nets.ending(block(e)))
    report = maskviz.repair(network, nets.ids(), nets.series(), padding=nets.PADDED)
    assert [(r.finding, r.call, r.verified) for r in report.repairs] == [("MV11-mha-strips-mask", "block/attention", True)], str(report)
    assert isinstance(report.network.get_layer("block"), keras.Model)
    assert [layer.name for layer in block.layers] == ["steps", "attention", "sum"]


def test_a_mask_handed_on_behind_an_attention_is_handed_on_in_the_copy(tmp_path: Path) -> None:
    """Attention strips the mask from its inputs in the run, and the recurrent layer behind it is given it by hand."""
    x, e = nets.words()
    both = layers.Add(name="sum")([e, layers.MultiHeadAttention(2, 3, name="attention")(e, e)])
    flat = layers.Reshape((nets.T, 4), name="reshape")(recurrent(both))
    network = nets.network(x, layers.Dense(1, name="out")(flat))
    network.save(tmp_path / "network.keras")
    network = keras.models.load_model(tmp_path / "network.keras")
    report = maskviz.repair(network, nets.ids(), nets.series(), finding="MV04")
    assert report.repairs[0].verified, str(report)
    leading = nets.ids()[:, ::-1]  # padding on the other side than that of the batch it was tried on
    before, after = (net.predict(leading, verbose=0) for net in (network, report.network))
    assert_allclose(after[leading != 0], before[leading != 0], rtol=1e-5, atol=1e-6)


def test_what_cannot_be_repaired_is_refused_in_a_sentence() -> None:
    x, e = nets.words()
    network = nets.network(x, nets.ending(nets.MeanOverTime(False, name="mine")(e)))
    report = maskviz.repair(network, nets.ids(), nets.series(), padding=nets.PADDED)
    assert report.network is None
    assert report.repairs[0].verified is None
    assert "cannot be repaired mechanically: what the layer does with its steps is its own code's affair" in str(report)
    assert all(f.verified is None for f in report.findings)


def test_an_unknown_change_of_steps_is_refused() -> None:
    x, e = nets.words()
    mixed = layers.Lambda(lambda t: keras.ops.maximum(t[:, ::2], t[:, 1::2]), name="pairs")(recurrent(e))
    report = maskviz.repair(nets.network(x, nets.ending(mixed)), nets.ids(), nets.series()[:, :3], padding=nets.PADDED)
    assert report.network is None
    assert "what 'pairs' does to the steps is not known" in str(report)


def test_subclassed_networks_are_refused() -> None:
    class Tagger(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.rnn, self.end = layers.Embedding(11, 4), layers.GRU(4, return_sequences=True), layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.end(self.rnn(self.embed(x)))

    network = Tagger()
    network.compile(loss="mse")
    network(nets.ids())
    report = maskviz.repair(network, nets.ids(), nets.series(), padding=nets.PADDED, finding="MV")
    assert any("(Tagger) decides what is called" in r.sentence for r in report.repairs), str(report)


def test_nothing_is_done_to_a_clean_network_and_an_absent_finding_is_named() -> None:
    x, e = nets.words()
    network = nets.network(x, nets.ending(recurrent(e)))
    report = maskviz.repair(network, nets.ids(), nets.series(), padding=nets.PADDED)
    assert report.repairs == ()
    assert "Nothing to repair" in str(report)
    with pytest.raises(UnusableInput, match="no finding MV11"):
        maskviz.repair(network, nets.ids(), nets.series(), padding=nets.PADDED, finding="MV11")


def test_a_repair_that_does_not_help_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskviz.engine import surgeries

    monkeypatch.setitem(surgeries.SURGERIES, "attend_on_copies", lambda case: case.at(lambda site: site.run(), "nothing changed"))
    report = maskviz.repair(attention(), nets.ids(), nets.series(), padding=nets.PADDED)
    assert [r.verified for r in report.repairs] == [False]
    assert "not verified" in str(report)
    assert report.network is None


def test_a_repair_that_moves_other_real_steps_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskviz.engine import surgeries

    def doubled(case: surgeries.Case) -> surgeries.Plan:
        plan = surgeries.attend_on_copies(case)
        return case.at(lambda site: keras.ops.multiply(plan.calls[case.spot](site), 2.0), "twice as much")

    monkeypatch.setitem(surgeries.SURGERIES, "attend_on_copies", doubled)
    report = maskviz.repair(attention(), nets.ids(), nets.series(), padding=nets.PADDED)
    assert [r.verified for r in report.repairs] == [False]
    assert "that were not computed from padding" in str(report)
    assert report.network is None


def test_the_engine_repairs_and_saves(tmp_path: Path) -> None:
    path, copy = tmp_path / "broken.keras", tmp_path / "repaired.keras"
    attention().save(path)
    service = Service()
    assert isinstance(service.answer(1, Load(os.fspath(path))), Loaded)
    service.answer(2, RunTrace(maskviz.core.batch.Batch({"ids": nets.ids()}, {"out": nets.series()})))
    event = service.answer(3, RepairCopy("MV11", "attention", os.fspath(copy)))
    assert isinstance(event, Repaired)
    assert event.report.path == os.fspath(copy)
    assert copy.is_file()
    header, arrays = event_to_wire(event)
    received = event_from_wire(header, arrays)
    assert isinstance(received, Repaired)
    assert isinstance(received.report, Report)
    assert str(received.report) == str(event.report)
