"""Starts the window. Nothing here, or imported from here, may import Keras: that happens in the engine's own process."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass

from PySide6.QtCore import QLocale, QTimer
from PySide6.QtWidgets import QApplication

from maskviz.gui.collecting import Collector
from maskviz.gui.files import Wanted
from maskviz.gui.icons import app_icon
from maskviz.gui.main_window import MainWindow
from maskviz.gui.preferences import scale_environment
from maskviz.gui.theme import Theme
from maskviz.gui.words import install
from maskviz.session.document import Document
from maskviz.session.jobs import Jobs
from maskviz.settings import Settings

WARM_AFTER_MS = 150  # the window is painted first, then the engine begins to import Keras


@dataclass(frozen=True)
class Options:
    """What to open at the start (a network's file, or an example of the gallery by its name), and how."""

    wanted: Wanted | None = None
    device: str | None = None
    seed: int = 0


def run(options: Options = Options()) -> int:
    """Open the window and stay until it is closed; the exit code."""
    app = application()
    Collector(app)
    window = make_window(app)
    window.show()
    QTimer.singleShot(0, lambda: open_first(window, options))
    QTimer.singleShot(WARM_AFTER_MS, window.autosave.offer)
    window.guide.greets = not window.settings.tour_seen
    QTimer.singleShot(WARM_AFTER_MS, window.jobs.warm)
    QTimer.singleShot(WARM_AFTER_MS, window.prepare)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal; the engine ends when its pipe does
    app.aboutToQuit.connect(window.jobs.close)
    return app.exec()


def application() -> QApplication:
    """The one QApplication, with MaskViz' name and icon."""
    os.environ.update(scale_environment(Settings()))  # Qt reads it once
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("MaskViz")
    app.setDesktopFileName("maskviz")
    app.setWindowIcon(app_icon())
    install(app, QLocale())
    return app


def make_window(app: QApplication) -> MainWindow:
    """A main window with a document and jobs of its own."""
    settings = Settings()
    document = Document()
    return MainWindow(document, Jobs(document), Theme(app, settings), settings)


def open_first(window: MainWindow, options: Options) -> None:
    """Open what was asked for at the start."""
    window.jobs.seed = options.seed
    device = options.device or window.settings.device
    if device:
        window.jobs.use_device(device)
    if options.wanted is not None:
        window.files.open_as(options.wanted)
