"""Work that takes longer than a window may stand still: on a thread of its own, with progress, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from maskviz.core.errors import MaskVizError, UnusableInput

Tell = Callable[[int, int], None]
Job = Callable[[Tell], Any]
"""Does the work. It says how far it is, ``tell(done, total)``, between its parts; that ends it when it was stopped."""


class Stopped(Exception):
    """Raised inside a job that was stopped."""


class Background(QObject):
    """Runs one job at a time. ``progressed(done, total)``, then ``done(result)``, ``failed(error)`` or ``stopped``."""

    progressed = Signal(int, int)
    done = Signal(object)
    failed = Signal(object)
    stopped = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._thread: _Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return self._thread is not None

    def run(self, job: Job) -> None:
        """Begin a job; nothing happens while another one runs."""
        if self._thread is not None:
            return
        thread = _Thread(job, self)
        thread.progressed.connect(self.progressed)
        thread.finished.connect(self._finish)
        self._thread = thread
        thread.start()

    def stop(self) -> None:
        """End the job after the part it is at, and wait for that."""
        if self._thread is not None:
            self._thread.requestInterruption()
            self._thread.wait()

    def _finish(self) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        outcome = thread.outcome
        thread.deleteLater()
        if isinstance(outcome, Stopped):
            self.stopped.emit()
        elif isinstance(outcome, MaskVizError):
            self.failed.emit(outcome)
        else:
            self.done.emit(outcome)


class _Thread(QThread):
    progressed = Signal(int, int)

    def __init__(self, job: Job, parent: QObject) -> None:
        super().__init__(parent)
        self._job = job
        self.outcome: Any = Stopped()

    def run(self) -> None:
        try:
            self.outcome = self._job(self._tell)
        except (MaskVizError, Stopped) as error:
            self.outcome = error
        except MemoryError:
            self.outcome = UnusableInput("There is not enough memory for this: choose a smaller size.")
        except Exception as error:  # a thread that dies of it would take the window along without a word
            self.outcome = UnusableInput(f"This could not be done: {error or type(error).__name__}.")

    def _tell(self, done: int, total: int) -> None:
        if self.isInterruptionRequested():
            raise Stopped
        self.progressed.emit(done, total)
