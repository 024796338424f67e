"""Questions and answers cross the wire whole, and what is no answer is refused (no Keras needed)."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from maskviz.core import wire
from maskviz.core.errors import EngineFailed
from maskviz.core.message_wire import event_from_wire, event_to_wire, request_from_wire, request_to_wire
from maskviz.core.messages import Answered
from maskviz.core.probes import (
    AskGradients,
    AskInfluence,
    AskLength,
    AskStates,
    AskValues,
    Gradients,
    Influence,
    LengthPart,
    LengthTest,
    RecurrentStates,
    Values,
    WeightGradient,
)

SQUARE = np.arange(9, dtype="float32").reshape(3, 3)
ANSWERS = [
    Values("lstm#1", "norm", 3, 8, True, SQUARE, SQUARE / 2),
    Influence("lstm", "ids", 2, True, SQUARE, SQUARE > 4, "said"),
    Gradients(
        True, 0.5, float("nan"), {"a": SQUARE, "b/c#1": SQUARE[0]}, (WeightGradient("k", 1.0, 0.5, 0.0, True),), ("a loses it",), "said"
    ),
    RecurrentStates("lstm", (SQUARE[..., None],), (SQUARE[:1].T,), None, False, (0, 2), 0.0, "said"),
    LengthTest(LengthPart(3, {"y": 0.5}, {"y": 0.1}, {"y": SQUARE}), LengthPart(0, {}, {}, {}, "why"), True, "said"),
]


def sent(header: Any, arrays: Any) -> Any:
    """What the other side reads."""
    stream = io.BytesIO()
    wire.write_frame(stream, header, arrays)
    stream.seek(0)
    return wire.read_frame(stream)


def same(first: Any, second: Any) -> None:
    if isinstance(first, np.ndarray):
        assert_array_equal(first, second)
    elif hasattr(first, "__dataclass_fields__"):
        assert type(first) is type(second)
        for name in first.__dataclass_fields__:
            same(getattr(first, name), getattr(second, name))
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            same(first[key], second[key])
    elif isinstance(first, tuple):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            same(one, other)
    else:
        assert first == second or first != first


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda a: type(a).__name__)
def test_answer_arrives_whole(answer: Any) -> None:
    arrived = event_from_wire(*sent(*event_to_wire(Answered(7, answer))))
    assert isinstance(arrived, Answered)
    assert arrived.number == 7
    same(answer, arrived.answer)


@pytest.mark.parametrize(
    "ask",
    [AskInfluence("lstm", 3, "ids"), AskGradients(True, ("a", "b")), AskStates("lstm", (1, 2)), AskLength(), AskValues("lstm", "norm", 3)],
)
def test_question_arrives_whole(ask: Any) -> None:
    number, arrived = request_from_wire(*sent(*request_to_wire(4, ask)))
    assert number == 4
    assert type(arrived) is type(ask)
    assert {k: tuple(v) if isinstance(v, list) else v for k, v in vars(arrived).items()} == vars(ask)


def test_what_is_no_answer_is_refused() -> None:
    for body in ({"array": "probe/9"}, {"value": "Popen", "fields": {}}, "text", {"value": "WeightGradient", "fields": {}}):
        with pytest.raises(EngineFailed):
            event_from_wire({"kind": "Answered", "body": {"number": 1, "answer": body}}, {})


def test_what_states_did_at_each_step() -> None:
    states = np.asarray([[1.0, 1.0, 2.0], [0.0, 3.0, 3.0]])[..., None]
    forwards = RecurrentStates("r", (states,), (np.asarray([[1.0], [0.0]]),), None, False, (0, 1), 0.0, "")
    assert forwards.carried.tolist() == [[True, True, False], [True, False, True]]
    assert forwards.zero.tolist() == [[False] * 3, [True, False, False]]
    assert forwards.started.tolist() == [True, False]
    backwards = RecurrentStates("r", (states,), (np.asarray([[2.0], [0.0]]),), None, True, (0, 1), 0.0, "")
    assert backwards.carried.tolist() == [[True, False, True], [False, True, False]]


def test_a_length_test_with_a_value_that_is_no_number_depends() -> None:
    assert LengthPart(3, {"y": float("nan")}, {"y": 1e-5}, {}).depends
    assert LengthPart(3, {"y": 1.0}, {"y": 1e-5}, {}).depends
    assert not LengthPart(3, {"y": 1e-6}, {"y": 1e-5}, {}).depends
