"""Stopping what the engine does: what was open, or what was computed last, comes back."""

from __future__ import annotations

import pytest

from maskviz.core.messages import Load, Loaded, RunTrace
from tests.session.test_jobs_order import FIRST, SECOND, Desk, desk, network

__all__ = ["desk"]


def taken_up(desk: Desk) -> None:
    """A fresh engine loads what is open and traces its batch."""
    number, _ = desk.client.take(Load)
    desk.client.on_event(Loaded(number, network("first")))
    desk.answer_trace()


def test_nothing_runs_nothing_is_stopped(desk: Desk) -> None:
    assert not desk.jobs.stop()
    desk.load()
    starts = desk.client.starts
    assert not desk.jobs.stop()
    assert desk.client.starts == starts


def test_loading_is_stopped_and_what_was_open_comes_back(desk: Desk) -> None:
    desk.load()
    before, starts = desk.document.batch, desk.client.starts
    desk.jobs.open(SECOND)
    assert desk.document.network is None
    assert desk.jobs.stop()
    assert desk.client.starts == starts + 1, "the process that was loading is gone"
    assert desk.document.batch is before
    assert desk.document.path == FIRST
    taken_up(desk)
    assert not desk.document.stale
    assert desk.errors == []


def test_an_edit_that_takes_too_long_is_taken_back(desk: Desk) -> None:
    desk.load()
    before = desk.document.batch
    desk.edit(0, 2)
    assert desk.client.kinds()[-1] == "RunTrace"
    assert desk.jobs.stop()
    assert desk.document.batch is before
    assert desk.document.undo_stack.canRedo()
    taken_up(desk)
    assert not desk.document.stale


def test_the_first_trace_is_stopped_for_good(desk: Desk) -> None:
    desk.jobs.open(FIRST)
    desk.answer_load()
    desk.client.take(RunTrace)
    assert desk.jobs.stop()
    assert not desk.client.running
    assert desk.document.engine.kind == "failed"
    assert [str(error) for error in desk.errors] == ["The computation was stopped: restart the engine, or open another file."]
    assert desk.document.batch is not None
    desk.jobs.restart_engine()
    assert desk.client.kinds() == ["Load"]
    taken_up(desk)
    assert desk.document.trace is not None


@pytest.mark.parametrize("memory", ["12", ""])
def test_the_engine_is_given_its_environment(desk: Desk, memory: str) -> None:
    desk.jobs.configure({"MASKVIZ_ENGINE_GIB": memory})
    assert desk.jobs.exchange.client.environment == {"MASKVIZ_ENGINE_GIB": memory}
    desk.load()
    assert isinstance(desk.jobs.opened, Load)
