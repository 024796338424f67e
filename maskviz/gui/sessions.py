"""Sessions of the window: what is open is saved into one file, and taken up where it was left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from maskviz.core.errors import MaskVizError, UnusableInput
from maskviz.gui.notices import Notices
from maskviz.gui.pin_taking import CHANGED, NOT_WITH_A, PinTaking
from maskviz.gui.session_networks import came_from, has_no_file, located, state_folder
from maskviz.gui.words import tr
from maskviz.gui.writing import Writing
from maskviz.session.aside import Aside
from maskviz.session.carrying import Carrying
from maskviz.session.document import Document
from maskviz.session.jobs import Jobs
from maskviz.session.pinned import PinnedQuestions
from maskviz.session.session_file import SUFFIX, Session, fingerprint, read_session, write_session
from maskviz.settings import Settings

FILTER = f"MaskViz sessions (*{SUFFIX})"
NETWORK_FILTER = "Keras networks (*.keras *.h5);;All files (*)"


class Panes(Protocol):
    """What remembers how it looks: the workspace."""

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class Sessions(QObject):
    """Saves and opens sessions, beside the window. ``wanted`` carries one that shall be opened, ``saved`` tells that one was saved."""

    wanted = Signal(object)
    saved = Signal()

    def __init__(
        self,
        window: QWidget,
        document: Document,
        jobs: Jobs,
        of_pinned: PinnedQuestions,
        settings: Settings,
        notices: Notices,
        writing: Writing,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._document = document
        self._jobs = jobs
        self._pin = PinTaking(self, document, of_pinned, notices, settings)
        self._settings = settings
        self._notices = notices
        self._writing = writing
        self._file, self._hash = Aside(self), Aside(self)  # what is read on other threads
        self._path: tuple[object, str] | None = None  # what is open, and its session file
        self._carrying = Carrying(document, jobs, state_folder, has_no_file)
        self.panes: Callable[[], Panes | None] = lambda: None

    # -- saving

    def save(self) -> bool:
        """Save the session into its file, which is asked for when it has none; whether it is being written now."""
        known = self._path is not None and self._path[0] == self._what()
        return self._save(self._path[1]) if known and self._path is not None else self.save_as()

    def save_as(self) -> bool:
        """Ask for a file and save the session into it; whether it is being written now."""
        start = str(Path(self._settings.folder) / f"{Path(self._document.title).stem or 'session'}{SUFFIX}")
        path, _ = QFileDialog.getSaveFileName(self._window, tr("Save the session"), start, FILTER)
        return bool(path) and self._save(path if path.endswith(SUFFIX) else f"{path}{SUFFIX}")

    def _save(self, path: str) -> bool:
        self._carrying.wait()
        try:
            session, what = self.current(), self._what()
        except MaskVizError as error:
            self._show(error)
            return False

        def written() -> None:
            self._path = (what, path)
            self._settings.add_recent(path)
            if self._document.batch is session.batch:  # else it was edited in the meantime
                self._document.undo_stack.setClean()
            self._notices.show_notice("info", f"The session is saved as {path}.")
            if session.pinned is None and self._document.comparison.pinned is not None:
                self._notices.show_notice("warning", NOT_WITH_A)
            self.saved.emit()

        self._writing.write(partial(write_session, path, session), written, self._show)
        return True

    def _show(self, error: MaskVizError) -> None:
        self._notices.show_notice("error", str(error), error.details)

    def current(self) -> Session:
        """What is open, as a session. Raises UnusableInput as long as there is nothing to save."""
        document, request, panes = self._document, self._jobs.opened, self.panes()
        if document.batch is None or document.network is None:
            raise UnusableInput("There is nothing to save yet: open a network first.")
        carried = self._carrying.carried(document.network) if has_no_file(document.path) else None
        if carried is None and has_no_file(document.path):
            raise UnusableInput("The network has no file yet: wait until it has been computed, or save it with File ▸ Save network as.")
        session = Session(document.title, document.path or "", document.batch, selection=document.selection, carried=carried)
        session = replace(came_from(session, request), pinned=self._pin.current(self._carrying), side=document.comparison.side)
        return session if panes is None else replace(session, panels=panes.state())

    # -- opening

    def open(self) -> None:
        """Ask for a session file and open it."""
        path, _ = QFileDialog.getOpenFileName(self._window, tr("Open a session"), self._settings.folder, FILTER)
        if path:
            self.open_path(path)

    def open_path(self, path: str) -> None:
        """Open a session. A network that is not where it was is asked for."""

        def read(session: Session) -> None:
            self._settings.add_recent(path)
            self.offer(session, path)

        self._file.do(partial(read_session, path), read, self._show)

    def offer(self, session: Session, path: str) -> None:
        """Have a session opened that was read from ``path``, with its network where that is now."""

        def found(session: Session | None) -> None:
            if session is None:
                self._ask_where(offered, path)
            else:
                self.wanted.emit((session, path))

        offered = session
        self._file.do(partial(located, session, path), found, self._show)

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
        if session.sha256:
            self._hash.do(partial(fingerprint, session.network), partial(self._compare, session), self._show)
        if session.pinned is not None:
            self._pin.take_up(session, path)

    def _compare(self, session: Session, found: str) -> None:
        """Say when the network's file is not the one that the session was saved with."""
        if found != session.sha256 and session.network == self._document.path:
            self._notices.show_notice("warning", CHANGED.format(name=Path(session.network).name))

    def _ask_where(self, session: Session, path: str) -> None:
        name = Path(session.network).name

        def find() -> None:
            chosen, _ = QFileDialog.getOpenFileName(self._window, f"Where is {name}?", str(Path(path).parent), NETWORK_FILTER)
            if chosen:
                self._notices.dismiss("moved")
                self.offer(replace(session, network=chosen), path)

        sentence = f"{name} is not in {Path(session.network).parent} any more: say where the network of this session is now."
        self._notices.show_notice("warning", sentence, action=("Find it…", find), key="moved")

    def _what(self) -> object:
        """What is open, by the network's file where there is one."""
        return self._document.network if has_no_file(self._document.path) else self._document.path
