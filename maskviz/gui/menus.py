"""The submenus whose items come and go: recent files, themes and devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from maskviz.gui.theme import CHOICES, Theme
from maskviz.gui.words import tr
from maskviz.session.document import Document
from maskviz.session.jobs import Jobs
from maskviz.settings import Settings


class RecentMenu(QMenu):
    """The files opened last."""

    def __init__(self, settings: Settings, open_path: Callable[[str], None], changed: Callable[[], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._settings = settings
        self._open_path = open_path
        self._changed = changed
        self.refresh()

    def refresh(self) -> None:
        """Fill the menu anew."""
        self.clear()
        for path in self._settings.recent:
            action = self.addAction(Path(path).name)
            action.setToolTip(path)
            action.triggered.connect(lambda _checked=False, path=path: self._open_path(path))
        if self.isEmpty():
            self.addAction(tr("No recent files")).setEnabled(False)
        else:
            self.addSeparator()
            self.addAction(tr("Clear the list")).triggered.connect(self._forget)

    def _forget(self) -> None:
        self._settings.clear_recent()
        self._changed()


class ThemeMenu(QMenu):
    """Dark, light, or as the system says."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        group = QActionGroup(self)
        self._choices = {name: group.addAction(self.addAction(text)) for name, text in CHOICES}
        for name, action in self._choices.items():
            action.setCheckable(True)
            action.triggered.connect(lambda _checked=False, name=name: theme.choose(name))
        theme.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Tick the chosen theme."""
        self._choices[self._theme.choice].setChecked(True)


class DeviceMenu(QMenu):
    """The devices that the engine sees; the one in use is checked."""

    def __init__(self, document: Document, jobs: Jobs, engine: Sequence[QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self._document = document
        self._jobs = jobs
        self._engine = engine
        document.engine_changed.connect(self.refresh)
        self._shown: tuple[object, ...] = ()
        self.refresh()

    def refresh(self) -> None:
        """Fill the menu with the devices there are."""
        now = (self._document.devices, self._document.device)
        if now == self._shown:
            return
        self._shown = now
        self.clear()
        group = QActionGroup(self)
        for name in self._document.devices:
            action = group.addAction(self.addAction(name))
            action.setCheckable(True)
            action.setChecked(name == self._document.device)
            action.triggered.connect(lambda _checked=False, name=name: self._jobs.use_device(name))
        if not self._document.devices:
            self.addAction(tr("Devices are listed once the engine has started")).setEnabled(False)
        self.addSeparator()
        self.addActions(self._engine)
