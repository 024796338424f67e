"""What tests of the main window share: a stand-in for the engine's jobs, an open document, and files that are dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maskviz.core.batch import set_padding
from maskviz.core.messages import Build, Load
from maskviz.gui.main_window import MainWindow
from maskviz.session.aside import Aside
from maskviz.session.document import Document, EngineState
from maskviz.session.jobs import Jobs
from maskviz.session.questions import Questions
from tests.gui import sample_trace


class RecordedJobs(Jobs):
    """Jobs that note what was asked for and start no engine."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.asked: list[tuple[Any, ...]] = []
        self.came_from: Load | None = None

    @property
    def opened(self) -> Load | Build | None:
        return self.came_from

    def _trace(self) -> None:
        """Nothing is traced: that would start an engine for what ``came_from`` says is open."""

    def open(self, path: str, custom: str | None = None, unsafe: bool = False, batch: str | None = None, loss: str | None = None) -> bool:
        self.asked.append(("open", path, custom, unsafe, batch))
        return True

    def open_batch(self, path: str) -> None:
        self.asked.append(("batch", path))

    def open_example(self, name: str) -> bool:
        self.asked.append(("example", name))
        return True

    def new_network(self, template: str, options: dict[str, Any]) -> None:
        self.asked.append(("new", template, options))

    def save_network(self, path: str) -> None:
        self.asked.append(("save", path))

    def use_device(self, name: str) -> None:
        self.asked.append(("device", name))

    def reload(self) -> None:
        self.asked.append(("reload",))

    def restart_engine(self) -> None:
        self.asked.append(("restart",))

    def close(self) -> None:
        self.asked.append(("close",))


def questions_of(document: Document) -> Questions:
    """Questions to an engine that is never started."""
    return Questions(document, RecordedJobs(document), document)


def end(window: MainWindow, qtbot: QtBot) -> None:
    """Close a window for good while its document is still there."""
    window.document.undo_stack.setClean()
    window.close()
    with qtbot.waitSignal(window.destroyed):
        window.deleteLater()


def asked(window: MainWindow) -> list[tuple[Any, ...]]:
    assert isinstance(window.jobs, RecordedJobs)
    return window.jobs.asked


def open_sample(window: MainWindow, path: str | None = None) -> Document:
    """What jobs do when a network was opened."""
    document, sample = window.document, sample_trace.sliced()
    document.title, document.path = Path(path).name if path else "sliced.keras", path
    document.network, document.graph, document.batch = sample.network, sample.graph, sample.batch
    document.trace = sample.trace(sample.batch)
    document.engine, document.devices, document.device = EngineState("idle", "ready"), ("CPU", "GPU:0"), "CPU"
    document.recompute_seconds = 0.0031
    for signal in (document.network_changed, document.batch_changed, document.trace_changed, document.engine_changed):
        signal.emit()
    return document


def edit(document: Document) -> None:
    """Pad the first sample one step further."""
    assert document.network is not None
    assert document.batch is not None
    spec = document.network.inputs[0]
    padded = document.batch.padding[spec.name][0].copy()
    padded[np.flatnonzero(~padded)[-1]] = True
    document.edit(set_padding(document.batch, spec, 0, padded), "Pad sample 0")


def drop(window: MainWindow, *paths: Path) -> None:
    """Drag files over the window and let go of them."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(p)) for p in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(300, 300), Qt.DropAction.CopyAction, mime, buttons, keys))
    assert window.drops.overlay.isVisible()
    QApplication.sendEvent(window, QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, mime, buttons, keys))
    assert not window.drops.overlay.isVisible()


def rest(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until nothing is read or written beside the window."""
    window.writing.finish()
    qtbot.waitUntil(lambda: not any(aside.busy for aside in window.sessions.findChildren(Aside)))


def sentences(window: MainWindow) -> list[str]:
    return [bar.sentence for bar in window.notices.bars()]
