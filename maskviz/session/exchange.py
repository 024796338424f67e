"""Requests to the engine and what shall happen to their answers. It knows nothing of what is asked: ``session.jobs`` does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from maskviz.core.batch import Batch
from maskviz.core.errors import MaskVizError
from maskviz.core.messages import Cancel, Died, Event, Progress, Ready, Refused, Request, Traced
from maskviz.core.trace import Trace
from maskviz.engine.client import EngineClient
from maskviz.session.assembler import Assembler

SLOW_MS = 60_000


@dataclass(frozen=True)
class Asked:
    """What shall happen to the answer of a request, and to its refusal."""

    then: Callable[[Any], None]
    refused: Callable[[MaskVizError], None]


class Exchange(QObject):
    """Sends numbered requests and hands each answer, in the window's thread, to whoever asked.

    ``told`` carries what no request asked for: Ready, Progress, Died. ``answered``: a request is done, whatever came of it, before
    its answer is handed over. ``slow``: nothing has come for a minute.
    """

    told = Signal(object)
    answered = Signal()
    slow = Signal()
    _arrived = Signal(object, object)

    def __init__(self, parent: QObject | None = None, client: EngineClient | None = None) -> None:
        super().__init__(parent)
        self.client = client or EngineClient(self.receive)
        self.warm: Callable[[Batch, Trace], None] = lambda batch, trace: None
        """Called with each trace and its batch on the reader's thread, before anybody sees it."""
        self._assembler = Assembler()
        self._asked: dict[int, Asked] = {}
        self._patience = QTimer(self, singleShot=True, interval=SLOW_MS)
        self._patience.timeout.connect(self.slow)
        self._arrived.connect(self._handle)

    @property
    def waiting(self) -> bool:
        """Whether an answer is waited for."""
        return bool(self._asked)

    @property
    def running(self) -> bool:
        """Whether the engine's process runs."""
        return self.client.running

    def ask(
        self, request: Request, then: Callable[[Any], None], refused: Callable[[MaskVizError], None], expected: Batch | None = None
    ) -> int:
        """Send a request; its number. ``expected`` is the whole batch that the answer is about: ``then`` gets the event and the trace."""
        number = self.client.next_number()
        self._asked[number] = Asked(then, refused)
        if expected is not None:
            self._assembler.expect(number, expected)
        self._patience.start()
        self.client.request(request, number)
        return number

    def waits_for(self, number: int) -> bool:
        """Whether the answer to this request is waited for."""
        return number in self._asked

    def cancel(self, number: int) -> None:
        """Stop what was asked under this number, as soon as the engine can; its answer is not wanted any more."""
        if self._asked.pop(number, None) is not None and self.running:
            self.client.request(Cancel(number))

    def forget(self) -> None:
        """Nothing that was asked for so far is wanted any more."""
        self._asked.clear()
        self._assembler.forget()

    def close(self) -> None:
        """End the engine's process."""
        self._patience.stop()
        self.client.close()

    def receive(self, event: Event) -> None:
        """On the reader's thread: turn recordings into traces there, then hand over to the window's thread."""
        try:
            assembled = self._assembler.assemble(event)
        except Exception:  # what the child sends is not trusted to fit together; who asked deals with it
            assembled = None
        with suppress(Exception):  # it is done again where it is shown
            if assembled is not None:
                self.warm(*assembled)
        self._arrived.emit(event, assembled and assembled[1])

    def _handle(self, event: Event, assembled: Trace | None) -> None:
        self._patience.start() if self._asked else self._patience.stop()
        if isinstance(event, (Ready, Progress, Died)):
            self.told.emit(event)
            return
        asked = self._asked.pop(event.number, None)
        if not self._asked:
            self._patience.stop()
        self.answered.emit()
        if asked is None:
            return  # an answer to something that was given up
        if isinstance(event, Refused):
            asked.refused(event.error)
        else:
            asked.then(event if assembled is None and not isinstance(event, Traced) else (event, assembled))
