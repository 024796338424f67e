"""Files that the user saves, written on a thread of their own: the window lives on meanwhile, and waits for them before it closes."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEventLoop, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication

from maskviz.core.errors import MaskVizError
from maskviz.gui.background import Background


class Writing(QObject):
    """Writes one file after another. ``changed``: something is being written now, or nothing any more (``busy``)."""

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._work = Background(self)
        self._work.done.connect(lambda _nothing: self._end(None))
        self._work.failed.connect(self._end)
        self._written: Callable[[], None] | None = None
        self._refused: Callable[[MaskVizError], None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a file is being written."""
        return self._written is not None

    def write(self, job: Callable[[], None], written: Callable[[], None], refused: Callable[[MaskVizError], None]) -> None:
        """Have a file written once the one before is; then ``written`` is called, or ``refused`` with what ``job`` raised."""
        self.finish()
        self._written, self._refused = written, refused
        self._work.run(lambda _tell: job())
        self.changed.emit()

    def finish(self) -> None:
        """Wait until the file that is being written is there; the window is painted meanwhile, and takes no input."""
        while self.busy:  # whoever is told that a file is there may have the next one written
            loop = QEventLoop()
            self.changed.connect(loop.quit)
            QGuiApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
            loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
            QGuiApplication.restoreOverrideCursor()

    def _end(self, error: MaskVizError | None) -> None:
        written, refused = self._written, self._refused
        assert written is not None
        assert refused is not None
        self._written = self._refused = None
        try:
            if error is None:
                written()
            else:
                refused(error)
        finally:
            self.changed.emit()
