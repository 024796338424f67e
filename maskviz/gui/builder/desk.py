"""What the menus ask of the builder: take up the network that is open, and save the script that builds a network."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from maskviz.gui.notices import Notices
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
        self._jobs = jobs
        self._settings = settings
        self._show_pane: Callable[[], None] = lambda: None

    def take_workspace(self, show_pane: Callable[[], None]) -> None:
        """The panes are there now; ``show_pane`` brings the builder's to the front."""
        self._show_pane = show_pane

    def edit(self) -> None:
        """Take up the network that is open, in the builder's pane."""
        self._show_pane()
        self.building.open()
