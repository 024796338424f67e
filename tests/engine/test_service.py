"""The engine's answers to requests: one after another, refusals in one sentence, state of the batch kept for edits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_array_equal

from maskviz import api
from maskviz.core import row_copies
from maskviz.core.batch import Batch
from maskviz.core.errors import MaskVizError, NeedsConsent, UnusableInput
from maskviz.core.messages import (
    Build,
    DeviceInUse,
    Evaluate,
    Evaluated,
    Generate,
    Generated,
    Load,
    Loaded,
    Refused,
    RunTrace,
    Save,
    Saved,
    Traced,
    UseDevice,
)
from maskviz.engine.service import Service, _with_rows
from maskviz.engine.signature import signature_of

pytestmark = [
    pytest.mark.engine,
    pytest.mark.expects_log("triggered tf.function retracing"),
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
]

IDS = np.asarray([[1, 2, 3, 4], [5, 6, 0, 0], [3, 0, 0, 0]], "float32")
Y = np.ones((3, 4, 1), "float32")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [keras.Input((None,), name="ids"), layers.Embedding(7, 4, mask_zero=True), layers.LSTM(3, return_sequences=True), layers.Dense(1)]
    )
    network.compile(loss="mse", metrics=["mae"])
    file = tmp_path_factory.mktemp("network") / "tagger.keras"
    network.save(file)
    return file


def refusal(event: Any) -> str:
    """The one sentence of a refusal."""
    assert isinstance(event, Refused)
    sentence = str(event.error)
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    assert sentence.endswith((".", "). "))
    assert len(sentence) < 400
    return sentence


def opened(path: Path, **kwargs: Any) -> tuple[Service, Loaded]:
    service = Service()
    loaded = service.answer(1, Load(str(path), **kwargs))
    assert isinstance(loaded, Loaded)
    return service, loaded


def test_a_network_is_loaded_traced_evaluated_and_saved(path: Path, tmp_path: Path) -> None:
    said: list[str] = []
    service = Service(lambda progress: said.append(progress.sentence))
    loaded = service.answer(1, Load(str(path)))
    assert isinstance(loaded, Loaded)
    assert (loaded.number, loaded.network.inputs[0].vocabulary, loaded.network.outputs[0].loss) == (1, 7, "mse")
    batch = api.batch_of(loaded.network, IDS, Y)
    traced = service.answer(2, RunTrace(batch))
    assert isinstance(traced, Traced)
    assert traced.recording.rows is None
    evaluated = service.answer(3, Evaluate())
    assert isinstance(evaluated, Evaluated)
    plain = keras.models.load_model(path).evaluate(IDS, Y, batch_size=3, verbose=0, return_dict=True)
    assert {"loss": evaluated.loss, **evaluated.metrics} == pytest.approx(plain, rel=1e-5)
    (tmp_path / "copy.keras").write_bytes(b"an older one")
    assert service.answer(4, Save(str(tmp_path / "copy.keras"))) == Saved(4, str(tmp_path / "copy.keras"))
    assert [file.name for file in tmp_path.glob("*copy*")] == ["copy.keras"], "it is replaced whole, and nothing is left beside it"
    for old, new in zip(
        keras.models.load_model(path).get_weights(), keras.models.load_model(tmp_path / "copy.keras").get_weights(), strict=True
    ):
        assert_array_equal(old, new)
    assert said
    assert said[0] == "loading the network"


def test_rows_of_the_batch_before(path: Path) -> None:
    service, loaded = opened(path)
    batch = api.batch_of(loaded.network, IDS, Y)
    assert isinstance(service.answer(2, RunTrace(batch)), Traced)
    edited = IDS.copy()
    edited[1, 2] = 4
    part = api.batch_of(loaded.network, edited[1:2], Y[1:2])
    traced = service.answer(3, RunTrace(part, np.asarray([1])))
    assert isinstance(traced, Traced)
    assert traced.recording.rows is not None
    assert traced.recording.arrays["out/0"].shape == (1, 4, 1)
    evaluated = service.answer(4, Evaluate())
    assert isinstance(evaluated, Evaluated)
    assert evaluated.loss == pytest.approx(keras.models.load_model(path).evaluate(edited, Y, batch_size=3, verbose=0)[0], rel=1e-5)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="copies are whole here")
def test_an_edit_copies_the_rows_that_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_copies, "AT_LEAST", 1)
    x, fixed = np.arange(40.0).reshape(8, 5), np.ones((3, 2))
    whole = Batch({"x": x, "fixed": fixed}, {"y": x[:, :1]})
    edited = _with_rows(whole, Batch({"x": -x[2:3]}, {"y": x[2:3, :1]}), np.asarray([2]))
    assert edited.x["fixed"] is fixed
    assert_array_equal(edited.x["x"], np.where(np.arange(8)[:, None] == 2, -x, x))
    again = _with_rows(edited, Batch({"x": x[5:6] + 1}), np.asarray([5]))
    assert again.y["y"] is edited.y["y"]
    assert_array_equal(row_copies.may_differ(edited.x["x"], again.x["x"]), [5])


def test_refusals_are_one_sentence_and_the_service_goes_on(path: Path, tmp_path: Path) -> None:
    service = Service()
    assert "open one first" in refusal(service.answer(1, Evaluate()))
    assert "open one first" in refusal(service.answer(2, Save(str(tmp_path / "a.keras"))))
    refusal(service.answer(3, Load(str(tmp_path / "none.keras"))))
    refusal(service.answer(4, Build("no such template", {})))
    loaded = service.answer(5, Load(str(path)))
    assert isinstance(loaded, Loaded)
    batch = api.batch_of(loaded.network, IDS, Y)
    assert "send the whole batch" in refusal(service.answer(6, RunTrace(batch, np.asarray([0, 1, 2]))))
    refusal(service.answer(7, Save(str(tmp_path / "no" / "folder.keras"))))
    refusal(service.answer(8, UseDevice("GPU:77")))
    wrong = api.batch_of(loaded.network, IDS, None)
    assert isinstance(service.answer(9, RunTrace(wrong)), Traced)
    assert service.answer(10, Evaluate()) == Evaluated(10, None, {})
    assert isinstance(service.answer(11, RunTrace(batch)), Traced)


def test_a_batch_the_network_cannot_take(tmp_path: Path) -> None:
    series = keras.Input((None, 3))
    keras.Model(series, layers.Dense(2)(layers.Reshape((4, 3))(series))).save(tmp_path / "four.keras")
    service, loaded = opened(tmp_path / "four.keras")
    batch = api.batch_of(loaded.network, np.ones((2, 5, 3), "float32"))
    assert "cannot run on this batch" in refusal(service.answer(2, RunTrace(batch)))
    good = api.batch_of(loaded.network, np.ones((2, 4, 3), "float32"))
    assert isinstance(service.answer(3, RunTrace(good)), Traced)


def test_a_loss_for_a_network_without_one(tmp_path: Path) -> None:
    ids = keras.Input((None,))
    keras.Model(ids, layers.Dense(1)(layers.Embedding(7, 4, mask_zero=True)(ids))).save(tmp_path / "plain.keras")
    _, without = opened(tmp_path / "plain.keras")
    assert not without.network.compiled
    service, loaded = opened(tmp_path / "plain.keras", loss="mae")
    assert (loaded.network.compiled, loaded.network.outputs[0].loss) == (True, "mae")
    assert isinstance(service.answer(2, RunTrace(api.batch_of(loaded.network, IDS, Y))), Traced)
    evaluated = service.answer(3, Evaluate())
    assert isinstance(evaluated, Evaluated)
    assert evaluated.loss is not None
    assert "no loss named" in refusal(Service().answer(1, Load(str(tmp_path / "plain.keras"), loss="nothing")))


def test_another_device_keeps_the_network(path: Path) -> None:
    service, loaded = opened(path)
    assert isinstance(service.answer(2, UseDevice("CPU")), DeviceInUse)
    assert isinstance(service.answer(3, RunTrace(api.batch_of(loaded.network, IDS, Y))), Traced)


def test_consent_is_asked_for(tmp_path: Path) -> None:
    inputs = keras.Input((4, 3))
    keras.Model(inputs, layers.Lambda(lambda x: x * 2)(inputs)).save(tmp_path / "lambda.keras")
    event = Service().answer(1, Load(str(tmp_path / "lambda.keras")))
    assert "--unsafe" in refusal(event)
    assert isinstance(event, Refused)
    assert isinstance(event.error, NeedsConsent)
    assert event.error.code
    assert not event.error.missing
    assert isinstance(Service().answer(2, Load(str(tmp_path / "lambda.keras"), unsafe=True)), Loaded)


def test_errors_are_all_meant_for_people(path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"takes a keras\.Model or the path"):
        api.trace(["not", "a", "network"], IDS)
    with pytest.raises(MaskVizError, match=r"has no array|needs"):
        api.trace(keras.models.load_model(path), np.ones((3, 4, 2, 2), "float32"))


def test_a_generated_batch_has_inputs_of_different_lengths_where_their_steps_never_meet() -> None:
    def batch(*, meet: bool) -> Batch:
        first, second = keras.Input((None,), dtype="int32", name="first"), keras.Input((None,), dtype="int32", name="second")
        embed = keras.layers.Embedding(9, 4, mask_zero=True)
        both = keras.layers.Add()([embed(first), embed(second)]) if meet else keras.layers.Attention()([embed(first), embed(second)])
        network = keras.Model([first, second], both)
        service = Service()
        service.hold(network, signature_of(network))
        made = service.answer(1, Generate())
        assert isinstance(made, Generated)
        return made.batch

    alike, apart = batch(meet=True), batch(meet=False)
    assert (alike.padding["first"] == alike.padding["second"]).all()
    assert (apart.padding["first"] != apart.padding["second"]).any()
    assert apart.declared == {"first", "second"}
