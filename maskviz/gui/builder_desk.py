"""What the menus ask of the builder: take up the network that is open, and save the script that builds a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog, QWidget

from maskviz.core.messages import Saved, WriteScript
from maskviz.gui.notices import Notices
from maskviz.gui.words import tr
from maskviz.session.building import Building
from maskviz.session.document import Document
from maskviz.session.jobs import Jobs
from maskviz.settings import Settings


class BuilderDesk(QObject):
    """Carries out the builder's actions."""

    def __init__(self, window: QWidget, document: Document, jobs: Jobs, settings: Settings, notices: Notices) -> None:
        super().__init__(window)
        self.building = Building(document, jobs, self)
        self.building.noticed.connect(lambda sentence: notices.show_notice("info", sentence, key="builder"))
        self._window = window
        self._document = document
        self._notices = notices
        self._jobs = jobs
        self._settings = settings
        self._show_pane: Callable[[], None] = lambda: None

    def take_workspace(self, show_pane: Callable[[], None]) -> None:
        """The panes are there now; ``show_pane`` brings the builder's to the front."""
        self._show_pane = show_pane

    def edit(self) -> None:
        """Take up the network that is open, in the builder's pane."""
        QTimer.singleShot(0, self, lambda: self._show_pane())  # once panes that are shown for the first time have been laid out
        self.building.open()

    def save_script(self) -> None:
        """Ask for a file, and write a script into it that builds the network that is open, with its weights in a file beside it."""
        name = Path(self._document.title).stem or "network"
        path = ask_script_path(self._window, self._settings, name)
        if path:
            write_script(self._jobs, self._notices, WriteScript(path))


def ask_script_path(window: QWidget | None, settings: Settings, name: str) -> str:
    """Where a script shall go; empty when the user does not say."""
    start = str(Path(settings.folder) / f"{name.replace(' ', '_')}.py")
    path, _ = QFileDialog.getSaveFileName(window, tr("Save as a Python script"), start, tr("Python scripts (*.py)"))
    if path:
        settings.folder = str(Path(path).parent)
    return path if not path or path.endswith(".py") else f"{path}.py"


def write_script(jobs: Jobs, notices: Notices, request: WriteScript) -> None:
    """Have a script written, and say where it is."""

    def written(event: Saved) -> None:
        sentence = tr("The script that builds the network is saved as {path}, with its weights beside it in {weights}.")
        notices.show_notice("info", sentence.format(path=event.path, weights=f"{Path(event.path).stem}.weights.h5"))

    jobs.ask(request, written)
