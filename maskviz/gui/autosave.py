"""Keeps edits that nobody has saved: every half minute in the user's state folder, offered again when the program did not end properly."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer

from maskviz.core.errors import MaskVizError
from maskviz.gui.notices import Notices
from maskviz.gui.restore_offer import RestoreOffer
from maskviz.gui.session_networks import state_folder
from maskviz.gui.sessions import Sessions
from maskviz.session.aside import Aside
from maskviz.session.document import Document
from maskviz.session.session_file import SUFFIX, Session, read_session, write_session

EVERY_MS = 30_000
LOOK_MS = 100
UNUSED_SECONDS = 14 * 86_400
PREFIX = "unsaved-"


class Autosave(QObject):
    """Writes a session of unsaved edits on a thread of its own; the file goes when the edits are saved or the window is closed.

    A lock file beside it lives as long as the window: a session whose lock is free was left by a crash.
    """

    def __init__(self, sessions: Sessions, document: Document, notices: Notices) -> None:
        super().__init__(sessions)
        self._sessions = sessions
        self._document = document
        self._notices = notices
        self._file = state_folder() / f"{PREFIX}{os.getpid()}-{id(self):x}{SUFFIX}"
        self._lock: QLockFile | None = None
        self._writer: threading.Thread | None = None
        self._changed = False
        self._forgotten = False  # the file is to go as soon as it is written
        self._left: Path | None = None  # what a crash left, until what was taken up of it is written again
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.write)
        document.batch_changed.connect(self._note)
        self._reader = Aside(self)
        sessions.saved.connect(self._saved)

    def _note(self) -> None:
        self._changed = True
        if not self._timer.isActive():
            self._timer.start()

    def _saved(self) -> None:
        """Nothing is unsaved any more but what was edited while the session was written."""
        self.forget()
        if not self._document.undo_stack.isClean():
            self._note()

    def write(self) -> None:
        """Write what is open, if it has unsaved edits that are not written yet."""
        if not self._changed or (self._writer is not None and self._writer.is_alive()):
            return
        if self._document.undo_stack.isClean():
            self.forget()
            return
        try:
            session = self._sessions.current()
        except MaskVizError:
            return  # a network that the engine has not written yet: the next time
        self._changed = self._forgotten = False
        self._hold()
        self._writer = threading.Thread(target=_write, args=(self._file, session, self._left), name="autosave", daemon=True)
        self._left = None
        self._writer.start()

    def _hold(self) -> None:
        if self._lock is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._lock = lock_of(self._file)
            self._lock.tryLock(0)

    def forget(self) -> None:
        """Nothing is unsaved any more."""
        self._changed, self._forgotten = False, True
        self._timer.stop()
        self._remove()

    def end(self) -> None:
        """The window is closed, and nobody wants its edits any more."""
        if self._writer is not None:
            self._writer.join()
        self.forget()

    def _remove(self) -> None:
        """Remove the file, once it is written."""
        if not self._forgotten:
            return  # it holds newer edits by now
        if self._writer is not None and self._writer.is_alive():
            QTimer.singleShot(LOOK_MS, self, self._remove)
            return
        self._file.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None

    # -- after a crash

    def offer(self) -> None:
        """Offer the newest session that was left by a program that did not end properly."""
        tidy()
        left = sorted(left_behind(), key=lambda file: file.stat().st_mtime)
        if left:
            self._offer(left[-1])

    def _offer(self, file: Path) -> None:
        def lost(error: MaskVizError) -> None:
            file.unlink(missing_ok=True)
            self._notices.show_notice("error", f"The edits of a MaskViz that did not end properly are lost: {error}", error.details)

        self._reader.do(partial(read_session, file), partial(self._ask, file), lost)

    def _ask(self, file: Path, session: Session) -> None:
        moment = datetime.fromtimestamp(file.stat().st_mtime)
        when = f"{moment:%H:%M} on {moment.day} {moment:%B}"
        if not self._notices.question.isHidden():
            return  # whether code may run comes first; what was left is offered again at the next start
        offer = RestoreOffer(session.title, when)
        offer.restored.connect(lambda: self._restore(session, file))
        offer.discarded.connect(lambda: self._discard(file))
        offer.postponed.connect(lambda: self._notices.set_panel(None))
        self._notices.set_panel(offer)

    def _restore(self, session: Session, file: Path) -> None:
        self._notices.set_panel(None)
        self._sessions.offer(session, str(file))

    def _discard(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        self._notices.set_panel(None)

    def taken_up(self, path: str) -> None:
        """A session that was left behind is open again: from now on it is ours."""
        if Path(path).parent == state_folder():
            self._left = Path(path)
            self._note()
            self.write()


def _write(file: Path, session: Session, left: Path | None) -> None:
    """Write a session, and remove the one that it was restored from."""
    with suppress(MaskVizError, OSError):  # a full disk is no reason to disturb anybody every half minute
        write_session(file, session)
        if left is not None:
            left.unlink(missing_ok=True)


def tidy() -> None:
    """Remove the networks that sessions carried and that nobody has used for a while."""
    for file in state_folder().glob("*.keras"):
        with suppress(OSError):
            if time.time() - file.stat().st_atime > UNUSED_SECONDS:
                file.unlink()


def lock_of(file: Path) -> QLockFile:
    """The lock that says that a session file belongs to a window that is still open."""
    lock = QLockFile(str(file.with_suffix(".lock")))
    lock.setStaleLockTime(0)  # stale only when its process is gone
    return lock


def left_behind() -> list[Path]:
    """Session files in the state folder whose window is gone."""
    found = []
    for file in state_folder().glob(f"{PREFIX}*{SUFFIX}"):
        lock = lock_of(file)
        if lock.tryLock(0):
            lock.unlock()
            found.append(file)
    return found
