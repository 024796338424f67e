"""Networks that have no file of their own, as bytes that a session carries: the engine writes them when it is at rest."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal

from maskviz.core.messages import OfPinned, Save
from maskviz.core.network import Network
from maskviz.session.aside import Aside
from maskviz.session.document import Document
from maskviz.session.jobs import Jobs

REST_MS = 1500  # a network that is being built changes often
LONGEST_MS = 20_000


class Carrying(QObject):
    """Has what is open and what is pinned written to ``folder``, where ``needs_it`` says of their path that they have no file."""

    _ended = Signal()

    def __init__(self, document: Document, jobs: Jobs, folder: Callable[[], Path], needs_it: Callable[[str | None], bool]) -> None:
        super().__init__(document)
        self._document = document
        self._jobs = jobs
        self._folder = folder
        self._needs_it = needs_it
        self._written: list[tuple[Network, bytes]] = []
        self._waiting = False
        self._file = Aside(self)
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self.carry)
        jobs.forgot.connect(self._forget)
        document.trace_changed.connect(self._rest.start)
        document.comparison.changed.connect(self._rest.start)

    def carried(self, network: Network | None) -> bytes | None:
        """The bytes of a network, None as long as the engine has not written them."""
        return next((data for known, data in self._written if known is network), None)

    def carry(self) -> None:
        """Have the engine write the networks that have no file, when it is at rest."""
        document, pinned = self._document, self._document.comparison.pinned
        open_here = [document.network, None if pinned is None else pinned.network]
        self._written = [(known, data) for known, data in self._written if any(known is network for network in open_here)]
        if self._waiting or not self._jobs.settled:
            return
        scratch = self._folder() / f"network-{os.getpid()}.keras"
        if document.network is not None and self._needs_it(document.path) and self.carried(document.network) is None:
            self._write(document.network, Save(str(scratch)), scratch)
        elif pinned is not None and pinned.network is not None and self._needs_it(pinned.path) and self.carried(pinned.network) is None:
            self._write(pinned.network, OfPinned(Save(str(scratch))), scratch)

    def wait(self) -> None:
        """Wait until the engine has written what it is writing, if it is, but not for ever."""
        self.carry()
        if self._waiting:
            loop = QEventLoop()
            self._ended.connect(loop.quit)
            QTimer.singleShot(LONGEST_MS, loop.quit)
            loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)

    def _write(self, network: Network, request: Save | OfPinned, scratch: Path) -> None:
        def written(_event: object) -> None:
            self._file.do(scratch.read_bytes, read, lambda _error: self._forget())

        def read(data: bytes) -> None:
            self._written.append((network, data))
            scratch.unlink(missing_ok=True)
            self._waiting = False
            self.carry()
            if not self._waiting:
                self._ended.emit()

        scratch.parent.mkdir(parents=True, exist_ok=True)
        self._waiting = True
        self._jobs.ask(request, written, lambda _error: self._forget(), quiet=True)

    def _forget(self) -> None:
        """The engine was started anew, or holds another network: what it was writing never comes."""
        self._waiting = False
        self._ended.emit()
