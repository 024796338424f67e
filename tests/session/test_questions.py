"""Questions beside the trace, with the real engine: asked when the trace is there, asked again when watched, stopped when not wanted."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maskviz.core.batch import set_padding
from maskviz.core.probes import AskInfluence, AskStates, Influence, RecurrentStates
from maskviz.session.jobs import Jobs
from maskviz.session.questions import Questions

pytestmark = pytest.mark.engine
MILLISECONDS = 90_000


def test_a_question_is_answered_watched_and_stopped(jobs: Jobs, qtbot: QtBot) -> None:
    document = jobs.document
    questions = Questions(document, jobs)

    def state_is(question: object, kind: str, stale: bool = False) -> None:
        qtbot.waitUntil(lambda: _now(question) == (kind, stale), timeout=MILLISECONDS)

    def _now(question: object) -> tuple[str, bool]:
        state = questions.state(question)  # type: ignore[arg-type]
        return state.kind, state.stale

    states, influence, wrong = AskStates(), AskInfluence(sample=1), AskStates(call="no such layer")
    questions.ask(influence)  # before anything is open: it waits
    assert questions.state(influence).kind == "waiting"
    jobs.open_example("lambda_slice")
    assert questions.state(influence).kind == "not asked"  # it was about nothing
    qtbot.waitUntil(lambda: document.trace is not None, timeout=MILLISECONDS)
    questions.watch(states)
    questions.ask(wrong)
    state_is(states, "answered")
    state_is(wrong, "refused")
    assert "no such layer" in questions.state(wrong).sentence
    first = questions.answer(states)
    assert isinstance(first, RecurrentStates)

    questions.ask(influence)
    state_is(influence, "answered")
    assert isinstance(questions.answer(influence), Influence)

    batch, network = document.batch, document.network
    assert batch is not None
    assert network is not None
    spec = network.inputs[0]
    document.edit(set_padding(batch, spec, 0, np.arange(batch.padding[spec.name].shape[1]) >= 2), "Pad sample 0 from step 2")
    state_is(influence, "answered", stale=True)  # asked once: kept, and said to be old
    state_is(states, "answered")  # watched: asked again
    second = questions.answer(states)
    assert isinstance(second, RecurrentStates)
    assert not np.array_equal(first.states[0], second.states[0])

    questions.ask(influence)
    assert questions.state(influence).kind in ("waiting", "running")
    questions.cancel(influence)
    assert _now(influence) == ("answered", True)
    questions.unwatch(states)
    assert questions.answer(states) is None
    questions.ask(AskStates(samples=(0,)))  # the engine goes on after a cancel
    state_is(AskStates(samples=(0,)), "answered")
