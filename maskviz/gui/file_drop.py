"""Files dragged over the window: an overlay that says what a drop would do, and the drop itself."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from maskviz.palette import Palette

NETWORKS = (".keras", ".h5", ".hdf5")
SESSIONS = (".maskviz",)
BATCHES = (".npz", ".npy", ".csv", ".tsv", ".json", ".parquet")
KINDS = {"network": NETWORKS, "batch": BATCHES, "session": SESSIONS}


def kind_of(path: str) -> str:
    """``network``, ``batch``, ``session`` or ``other``, by the file's name."""
    suffix = Path(path).suffix.lower()
    if Path(path).is_dir():
        return "other"
    return next((kind for kind, ends in KINDS.items() if suffix in ends), "other")


def refusal(path: str) -> str:
    """One sentence that says why a file of another kind is not opened."""
    what = "is a folder" if Path(path).is_dir() else "is not a file that MaskViz reads"
    return f"{Path(path).name} {what}: drop a network (.keras or .h5), a batch (.npz, .npy, .csv or .json) or a session (.maskviz)."


def promise(paths: list[str]) -> str:
    """What a drop of these files would do, in a few words for the overlay."""
    names = {kind: [Path(p).name for p in paths if kind_of(p) == kind] for kind in KINDS}
    if names["session"]:
        return f"Open the session {names['session'][0]}"
    if names["network"] and names["batch"]:
        return f"Open {names['network'][0]} with {names['batch'][0]}"
    if names["network"]:
        return f"Open {names['network'][0]}"
    if names["batch"]:
        return f"Load {names['batch'][0]} as the batch"
    return refusal(paths[0])


class FileDrop(QObject):
    """Watches a window for dragged files. ``dropped`` carries the list of their paths."""

    dropped = Signal(list)

    def __init__(self, window: QWidget, colours: Palette) -> None:
        super().__init__(window)
        self.overlay = DropOverlay(window, colours)
        self._window = window
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.DragEnter and isinstance(event, QDragEnterEvent):
            return self._enter(event)
        if kind == QEvent.Type.DragMove and self.overlay.isVisible():
            event.accept()
            return True
        if kind == QEvent.Type.DragLeave:
            self.overlay.hide()
        elif kind == QEvent.Type.Drop and isinstance(event, QDropEvent):
            return self._drop(event)
        elif kind == QEvent.Type.Resize:
            self.overlay.resize(self._window.size())
        return super().eventFilter(watched, event)

    def _enter(self, event: QDragEnterEvent) -> bool:
        paths = local_files(event)
        if not paths:
            return False
        event.acceptProposedAction()
        self.overlay.announce(promise(paths), welcome=any(kind_of(p) != "other" for p in paths))
        return True

    def _drop(self, event: QDropEvent) -> bool:
        self.overlay.hide()
        paths = local_files(event)
        if not paths:
            return False
        event.acceptProposedAction()
        self.dropped.emit(paths)
        return True


def local_files(event: QDropEvent) -> list[str]:
    """The paths of the local files that a drag carries."""
    return [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]


def leave_drops_to_window(root: QWidget) -> None:
    """Make the children of ``root`` pass drags on to the window: graphics views would swallow them."""
    for child in root.findChildren(QWidget):
        child.setAcceptDrops(False)


class DropOverlay(QWidget):
    """Covers the window while a file is dragged over it."""

    def __init__(self, window: QWidget, colours: Palette) -> None:
        super().__init__(window)
        self._window = window
        self._colours = colours
        self._text = ""
        self._welcome = True
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def announce(self, text: str, welcome: bool) -> None:
        """Show what a drop would do; ``welcome`` is False when nothing would be opened."""
        self._text, self._welcome = text, welcome
        self.resize(self._window.size())
        self.raise_()
        self.show()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text

    def set_palette(self, colours: Palette) -> None:
        """Paint in these colours."""
        self._colours = colours

    def paintEvent(self, _event: QPaintEvent) -> None:
        veil = QColor(self._colours.canvas)
        veil.setAlphaF(0.86)
        colour = QColor(self._colours.accent if self._welcome else self._colours.warning)
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.fillRect(self.rect(), veil)
            painter.setPen(QPen(colour, 2, Qt.PenStyle.DashLine))
            frame = QRectF(self.rect()).adjusted(24, 24, -24, -24)
            painter.drawRoundedRect(frame, 14, 14)
            font = self.font()
            font.setPixelSize(round(self.fontInfo().pixelSize() * 1.6))
            font.setBold(True)
            painter.setFont(font)
            painter.setPen(QColor(self._colours.text))
            painter.drawText(frame.adjusted(30, 30, -30, -30), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._text)
        finally:
            painter.end()
