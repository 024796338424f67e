"""A network and its batch are kept as A while the engine holds others: it answers about A as it did when A was open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from maskviz import api
from maskviz.core.assemble import trace_of
from maskviz.core.messages import Answered, Load, Loaded, OfPinned, Pin, PinAgain, Pinned, PinnedAgain, Refused, RunTrace, Save, Saved
from maskviz.core.probes import Ask, AskGradients, AskInfluence, AskStates, AskValues
from maskviz.engine.service import Service

pytestmark = pytest.mark.engine
IDS = np.array([[3, 1, 2, 0], [5, 0, 0, 0], [1, 4, 6, 2]])
Y = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4, 1)
QUICK = (AskValues("lstm"),)
ALL = (*QUICK, AskGradients(calls=("lstm",)), AskStates("lstm"), AskInfluence("lstm", 1))


def network(path: Path, seed: int) -> str:
    keras.utils.set_random_seed(seed)
    ids = keras.Input((None,), name="ids")
    x = layers.LSTM(5, return_sequences=True, name="lstm")(layers.Embedding(7, 4, mask_zero=True)(ids))
    made = keras.Model(ids, layers.Dense(1, name="out")(x))
    made.compile("sgd", "mse", metrics=["mae"])
    made.save(path)
    return str(path)


def numbers(event: Any) -> list[np.ndarray[Any, Any]]:
    """All arrays of an answer."""
    assert isinstance(event, Answered), event
    found = []
    for value in vars(event.answer).values():
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
        found += [part for part in parts if isinstance(part, np.ndarray)]
    assert found
    return found


def asked(service: Service, of_pinned: bool, asks: tuple[Ask, ...] = QUICK) -> list[np.ndarray[Any, Any]]:
    return [array for ask in asks for array in numbers(service.answer(7, OfPinned(ask) if of_pinned else ask))]


def same(one: list[np.ndarray[Any, Any]], other: list[np.ndarray[Any, Any]]) -> bool:
    return all(a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-7, equal_nan=True) for a, b in zip(one, other, strict=True))


def test_a_is_asked_while_another_network_is_open_and_by_an_engine_that_never_held_it(tmp_path: Path) -> None:
    one, two = network(tmp_path / "one.keras", 1), network(tmp_path / "two.keras", 2)
    service = Service()
    refused = service.answer(1, OfPinned(AskValues("lstm")))
    assert isinstance(refused, Refused)
    assert "pin a state as A first" in str(refused.error)
    loaded = service.answer(1, Load(one))
    assert isinstance(loaded, Loaded)
    batch = api.batch_of(loaded.network, IDS, Y)
    service.answer(2, RunTrace(batch))
    all_of_one = asked(service, of_pinned=False, asks=ALL)
    of_one = all_of_one[: len(asked(service, of_pinned=False))]
    assert service.answer(3, Pin()) == Pinned(3)

    edited = api.batch_of(loaded.network, np.roll(IDS, 1, axis=0), Y)
    service.answer(4, RunTrace(edited))
    assert not same(asked(service, of_pinned=False), of_one)
    assert same(asked(service, of_pinned=True), of_one), "the same network on the batch that was pinned"
    service.answer(5, Load(two))
    service.answer(6, RunTrace(batch))
    of_two = asked(service, of_pinned=False)
    assert not same(of_two, of_one)
    assert same(asked(service, of_pinned=True, asks=ALL), all_of_one)
    assert service.answer(7, OfPinned(Save(str(tmp_path / "a.keras")))) == Saved(7, str(tmp_path / "a.keras"))
    for old, new in zip(
        keras.models.load_model(one).get_weights(), keras.models.load_model(tmp_path / "a.keras").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)
    assert service.answer(8, Pin(keep=False)) == Pinned(8)
    assert isinstance(service.answer(9, OfPinned(AskValues("lstm"))), Refused)

    again = service.answer(10, PinAgain(batch, Load(one)))
    assert isinstance(again, PinnedAgain)
    trace = trace_of(again.recording, batch)
    plain = keras.models.load_model(one).evaluate(IDS, Y, batch_size=3, verbose=0, return_dict=True)
    assert {"loss": trace.ledger.reported, **trace.metrics} == pytest.approx(plain, rel=1e-5)
    assert same(asked(service, of_pinned=True), of_one)
    assert same(asked(service, of_pinned=False), of_two), "what is open is still held"
    assert isinstance(service.answer(11, PinAgain(batch, Load(str(tmp_path / "gone.keras")))), Refused)
    assert same(asked(service, of_pinned=True), of_one), "a refusal leaves A as it was"
