"""Sessions of the window: what is open is saved into one file, and taken up where it was left."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QEventLoop, QObject, QStandardPaths, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from maskviz import resources
from maskviz.core.errors import MaskVizError, UnusableInput
from maskviz.core.messages import Load, Save
from maskviz.core.network import Network
from maskviz.gui.notices import Notices
from maskviz.gui.words import tr
from maskviz.session.document import Document
from maskviz.session.jobs import Jobs
from maskviz.session.session_file import SUFFIX, Session, fingerprint, read_session, write_session
from maskviz.settings import Settings

REST_MS = 1500  # a network that is being built changes often
LONGEST_MS = 20_000
FILTER = f"MaskViz sessions (*{SUFFIX})"
NETWORK_FILTER = "Keras networks (*.keras *.h5);;All files (*)"


def state_folder() -> Path:
    """Where sessions are kept that nobody has saved; follows ``XDG_STATE_HOME``."""
    root = os.environ.get("XDG_STATE_HOME") or QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericStateLocation)
    return Path(root) / "maskviz"


class Panes(Protocol):
    """What remembers how it looks: the workspace."""

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class Sessions(QObject):
    """Saves and opens sessions. ``wanted`` carries a session that shall be opened, ``saved`` tells that one was saved."""

    wanted = Signal(object)
    saved = Signal()
    _carry_ended = Signal()

    def __init__(self, window: QWidget, document: Document, jobs: Jobs, settings: Settings, notices: Notices) -> None:
        super().__init__(window)
        self._window = window
        self._document = document
        self._jobs = jobs
        self._settings = settings
        self._notices = notices
        self._path: tuple[object, str] | None = None  # what is open, and its session file
        self._carried: tuple[Network, bytes] | None = None  # a network without a file, and what the engine wrote of it
        self._carrying = False
        jobs.forgot.connect(self._forget_carrying)
        self.panes: Callable[[], Panes | None] = lambda: None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._carry)
        document.trace_changed.connect(self._rest.start)

    # -- saving

    def save(self) -> bool:
        """Save the session into its file, which is asked for when it has none; whether it was saved."""
        known = self._path is not None and self._path[0] == self._what()
        return self._save(self._path[1]) if known and self._path is not None else self.save_as()

    def save_as(self) -> bool:
        """Ask for a file and save the session into it; whether it was saved."""
        start = str(Path(self._settings.folder) / f"{Path(self._document.title).stem or 'session'}{SUFFIX}")
        path, _ = QFileDialog.getSaveFileName(self._window, tr("Save the session"), start, FILTER)
        return bool(path) and self._save(path if path.endswith(SUFFIX) else f"{path}{SUFFIX}")

    def _save(self, path: str) -> bool:
        self._carry()
        self._await_carried()
        try:
            write_session(path, self.current())
        except MaskVizError as error:
            self._notices.show_notice("error", str(error), error.details)
            return False
        self._path = (self._what(), path)
        self._settings.add_recent(path)
        self._document.undo_stack.setClean()
        self._notices.show_notice("info", f"The session is saved as {path}.")
        self.saved.emit()
        return True

    def current(self) -> Session:
        """What is open, as a session. Raises UnusableInput as long as there is nothing to save."""
        document, request, panes = self._document, self._jobs.opened, self.panes()
        if document.batch is None or document.network is None:
            raise UnusableInput("There is nothing to save yet: open a network first.")
        carried = self._carried[1] if self._carried is not None and self._is_carried else None
        if carried is None and self._has_no_file:
            raise UnusableInput("The network has no file yet: wait until it has been computed, or save it with File ▸ Save network as.")
        session = Session(document.title, document.path or "", document.batch, selection=document.selection, carried=carried)
        if isinstance(request, Load):
            example = next((e.name for e in resources.examples() if str(e.network) == request.path), "")
            session = replace(session, example=example, custom=request.custom, unsafe=request.unsafe, loss=request.loss)
        return session if panes is None else replace(session, panels=panes.state())

    # -- opening

    def open(self) -> None:
        """Ask for a session file and open it."""
        path, _ = QFileDialog.getOpenFileName(self._window, tr("Open a session"), self._settings.folder, FILTER)
        if path:
            self.open_path(path)

    def open_path(self, path: str) -> None:
        """Open a session. A network that is not where it was is asked for."""
        try:
            session = read_session(path)
        except MaskVizError as error:
            self._notices.show_notice("error", str(error), error.details)
            return
        self._settings.add_recent(path)
        self.offer(session, path)

    def offer(self, session: Session, path: str) -> None:
        """Have a session opened that was read from ``path``, with its network where that is now."""
        if session.carried is not None:
            session = replace(session, network=str(self._unpacked(session)))
        elif session.example in [e.name for e in resources.examples()]:
            session = replace(session, network=str(resources.example(session.example).network))
        elif not Path(session.network).is_file():
            beside = Path(path).parent / Path(session.network).name
            if not beside.is_file():
                self._ask_where(session, path)
                return
            session = replace(session, network=str(beside))
        self.wanted.emit((session, path))

    def take_up(self, session: Session, path: str) -> None:
        """The session's network is open now with its batch: select and show what was selected and shown."""
        self._document.select(**{name: getattr(session.selection, name) for name in ("call", "output", "sample", "step", "unit")})
        panes = self.panes()
        if panes is not None:
            panes.restore(dict(session.panels))
        if Path(path).parent == state_folder():
            self._document.undo_stack.resetClean()  # of what was restored, nothing has been saved yet
        else:
            self._path = (self._what(), path)
        if session.sha256 and fingerprint(session.network) != session.sha256:
            name = Path(session.network).name
            self._notices.show_notice("warning", f"{name} has changed since the session was saved, so its results may have changed too.")

    def _ask_where(self, session: Session, path: str) -> None:
        name = Path(session.network).name

        def find() -> None:
            chosen, _ = QFileDialog.getOpenFileName(self._window, f"Where is {name}?", str(Path(path).parent), NETWORK_FILTER)
            if chosen:
                self._notices.dismiss("moved")
                self.offer(replace(session, network=chosen), path)

        sentence = f"{name} is not in {Path(session.network).parent} any more: say where the network of this session is now."
        self._notices.show_notice("warning", sentence, action=("Find it…", find), key="moved")

    # -- networks without a file

    @property
    def _has_no_file(self) -> bool:
        path = self._document.path
        return path is None or Path(path).parent == state_folder()

    def _what(self) -> object:
        """What is open, by the network's file where there is one."""
        return self._document.network if self._has_no_file else self._document.path

    @property
    def _is_carried(self) -> bool:
        return self._carried is not None and self._carried[0] is self._document.network

    def _carry(self) -> None:
        """Have the engine write a network that has no file, when it is at rest: the session carries it along."""
        network = self._document.network
        if network is None or not self._has_no_file or self._is_carried or self._carrying or not self._jobs.settled:
            return
        scratch = state_folder() / f"network-{os.getpid()}.keras"

        def written(_event: object) -> None:
            self._carried = (network, scratch.read_bytes())
            scratch.unlink()
            ended()

        def ended(_error: object = None) -> None:
            self._carrying = False
            self._carry_ended.emit()

        state_folder().mkdir(parents=True, exist_ok=True)
        self._carrying = True
        self._jobs.ask(Save(str(scratch)), written, ended, quiet=True)

    def _forget_carrying(self) -> None:
        """The engine was started anew, or holds another network: what it was writing never comes."""
        self._carrying = False
        self._carry_ended.emit()

    def _await_carried(self) -> None:
        """Wait until the engine has written the network, if it does so now, but not for ever."""
        if self._carrying:
            loop = QEventLoop()
            self._carry_ended.connect(loop.quit)
            QTimer.singleShot(LONGEST_MS, loop.quit)
            loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)

    @staticmethod
    def _unpacked(session: Session) -> Path:
        """A file of the network that the session carries."""
        assert session.carried is not None
        name = "".join(c if c.isalnum() or c in " -_." else "_" for c in Path(session.title).stem).strip(". ") or "network"
        path = state_folder() / f"{name[:80]}.keras"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(session.carried)
        return path
