"""Answers of the engine are made into traces beside the window, which goes on editing and forgetting meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maskviz.core.assemble import trace_of
from maskviz.core.messages import Evaluate, Evaluated, Traced
from maskviz.session import assembler
from maskviz.session.assembler import Assembler
from tests.session.test_jobs_order import Desk, batch, recording


def test_an_edit_does_not_wait_for_an_answer_that_is_assembled(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, begun, gate, in_time = Desk(), threading.Event(), threading.Event(), list[bool]()
    desk.load()
    qtbot.waitUntil(lambda: desk.client.kinds() == ["Evaluate"])
    number, _ = desk.client.take(Evaluate)

    def slowly(*of: Any) -> Any:
        begun.set()
        in_time.append(gate.wait(5))
        return trace_of(*of)

    monkeypatch.setattr(assembler, "trace_of", slowly)
    reader = threading.Thread(target=desk.client.on_event, args=(Evaluated(number, 1.0, {}),))
    reader.start()
    assert begun.wait(5)
    shown = desk.document.trace
    desk.edit(0, 2)
    gate.set()
    reader.join()
    assert in_time == [True]
    QApplication.processEvents()
    assert desk.document.trace is shown, "an answer about the batch before the edit is not shown"
    desk.answer_trace()
    assert desk.document.trace is not shown
    assert not desk.document.stale


def test_what_is_forgotten_while_it_is_assembled_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    some = Assembler()
    some.expect(1, batch())
    window = threading.Thread(target=some.forget)

    def meanwhile(array: Any) -> Any:
        if window.ident is None:
            window.start()
            window.join(5)
        return array

    monkeypatch.setattr(assembler, "shared", meanwhile)
    assert some.assemble(Traced(1, recording(batch(), None), "CPU", 0.0)) is None
    assert some.assemble(Evaluated(2, 1.0, {})) is None
