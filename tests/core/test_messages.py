"""Requests and events keep their meaning on the wire; an event that is none is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from maskviz.core import wire
from maskviz.core.batch import Batch
from maskviz.core.errors import EngineFailed, NeedsConsent, UnusableInput
from maskviz.core.message_wire import event_from_wire, event_to_wire, request_from_wire, request_to_wire
from maskviz.core.messages import (
    Build,
    DeviceInUse,
    Evaluate,
    Evaluated,
    Load,
    Loaded,
    OfPinned,
    Pin,
    PinAgain,
    Pinned,
    PinnedAgain,
    Progress,
    Ready,
    Refused,
    RunTrace,
    Save,
    Saved,
    Traced,
    UseDevice,
)
from maskviz.core.network import InputSpec, Network, OutputSpec
from maskviz.core.probes import AskValues
from maskviz.core.recording import Recording

INPUTS = (InputSpec("ids", (None, None), "int32", "ids", 0, 9, True),)
OUTPUTS = (OutputSpec("out", (None, 3), "float32", "mse", (None, 3)),)
NETWORK = Network("n", "Functional", True, "3", "tensorflow", INPUTS, OUTPUTS, 7, ("A note.",))


def sent(frame: tuple[dict[str, Any], dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    stream = io.BytesIO()
    wire.write_frame(stream, *frame)
    stream.seek(0)
    received = wire.read_frame(stream)
    assert received is not None
    return received


@pytest.mark.parametrize(
    "request_",
    [
        Load("a.keras"),
        Load("ü.keras", "c.py", True, "mse"),
        Build("lstm", {"units": 3}),
        Save("b.keras"),
        UseDevice("CPU"),
        Evaluate(),
        Pin(),
        Pin(keep=False),
        OfPinned(Save("a.keras")),
        OfPinned(AskValues("lstm", "norm")),
    ],
)
def test_requests(request_: Any) -> None:
    assert request_from_wire(*sent(request_to_wire(5, request_))) == (5, request_)


@pytest.mark.parametrize("of", [None, Load("a.keras", "c.py")])
def test_what_is_pinned_again(of: Load | None) -> None:
    _, received = request_from_wire(*sent(request_to_wire(2, PinAgain(Batch({"c": np.ones((1, 2, 3), "float32")}), of))))
    assert isinstance(received, PinAgain)
    assert received.of == of
    assert received.batch.x["c"].shape == (1, 2, 3)
    recording = Recording({"calls": []}, {"mask/0": np.asarray([[True]])})
    event = event_from_wire(*sent(event_to_wire(PinnedAgain(1, NETWORK, recording, "CPU", 0.5))))
    assert isinstance(event, PinnedAgain)
    assert (event.network, event.recording.about, event.device) == (NETWORK, recording.about, "CPU")
    assert_array_equal(event.recording.arrays["mask/0"], [[True]])


@pytest.mark.parametrize("rows", [None, np.asarray([1, 4])])
def test_batches(rows: Any) -> None:
    x = {"a/b": np.asarray([["w", "ö"]]), "c": np.ones((1, 2, 3), "float32")}
    padding = {"c": np.asarray([[True, False]])}
    batch = Batch(x, {"out": np.asarray([1])}, {"out": np.asarray([0.5])}, padding, {}, "from a test", frozenset("c"))
    number, received = request_from_wire(*sent(request_to_wire(2, RunTrace(batch, rows))))
    assert isinstance(received, RunTrace)
    assert (number, received.batch.source, received.batch.declared) == (2, "from a test", {"c"})
    for group in ("x", "y", "sample_weight", "padding"):
        assert getattr(received.batch, group).keys() == getattr(batch, group).keys()
        for name, array in getattr(batch, group).items():
            assert_array_equal(getattr(received.batch, group)[name], array)
    assert (received.rows is None) == (rows is None)


@pytest.mark.parametrize(
    "event",
    [
        Ready("3.15", "tensorflow", ("CPU", "GPU:0")),
        Progress(1, "loading"),
        Loaded(2, NETWORK),
        Saved(3, "a.keras"),
        DeviceInUse(4, "CPU"),
        Pinned(6),
        Evaluated(5, 0.25, {"mae": 0.5}),
        Evaluated(5, None, {}),
    ],
)
def test_events(event: Any) -> None:
    assert event_from_wire(*sent(event_to_wire(event))) == event


def test_numbers_that_are_not_finite() -> None:
    received = event_from_wire(*sent(event_to_wire(Evaluated(1, float("nan"), {"m": float("inf")}))))
    assert isinstance(received, Evaluated)
    assert np.isnan(received.loss)
    assert received.metrics == {"m": float("inf")}


@pytest.mark.parametrize("rows", [None, np.asarray([2])])
def test_recordings(rows: Any) -> None:
    recording = Recording({"calls": [], "added": 0.0}, {"mask/0": np.asarray([[True]]), "loss/0/total": np.float32(2.0).reshape(())}, rows)
    event = event_from_wire(*sent(event_to_wire(Traced(1, recording, "CPU", 0.5))))
    assert isinstance(event, Traced)
    assert event.recording.about == recording.about
    assert event.recording.arrays.keys() == recording.arrays.keys()
    assert event.recording.arrays["loss/0/total"].shape == ()
    assert event.recording.rows is None if rows is None else event.recording.rows.tolist() == [2]


def test_errors_keep_their_kind() -> None:
    for error in (UnusableInput("No.", "why"), NeedsConsent("Ask.", ("A", "B"), ("Lambda f",), "why"), EngineFailed("Gone.", "why")):
        received = event_from_wire(*sent(event_to_wire(Refused(1, error))))
        assert isinstance(received, Refused)
        assert type(received.error) is type(error)
        assert (str(received.error), received.error.details) == (str(error), "why")
        assert vars(received.error) == vars(error)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"kind": "Traced"},
        {"kind": "Traced", "body": 3},
        {"kind": "Traced", "body": {"number": 1}},
        {"kind": "Loaded", "body": {"number": 1, "network": {"inputs": 3, "outputs": []}}},
        {"kind": "Ready", "body": {"keras": "3"}},
        {"kind": "Refused", "body": {"number": 1, "error": "x"}},
        {"kind": "Saved", "body": {"number": 1, "path": "a", "more": 1}},
        {"kind": "__import__", "body": {}},
        {"kind": "Traced", "body": {"number": float("inf"), "recording": {}, "device": "", "seconds": 0}},
        {"kind": [], "body": {}},
        {"kind": "Died", "body": {"sentence": "x"}},
    ],
)
def test_an_event_that_is_none(header: dict[str, Any]) -> None:
    with pytest.raises(EngineFailed, match=r"^The engine[^\n]+\.$"):
        event_from_wire(header, {})
