"""What lies over the window when it is asked for: command palette, settings, keys and gestures, the tour, and what this program is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenuBar, QWidget

from maskviz import resources
from maskviz.gui.preferences import Preferences
from maskviz.gui.shortcuts import Shortcuts
from maskviz.gui.theme import Theme
from maskviz.session.document import Document

if TYPE_CHECKING:
    from maskviz.gui.docks import Workspace
    from maskviz.gui.tour import Tour


class Guide(QObject):
    """Opens them; each is imported only then, so that the window starts fast."""

    def __init__(
        self,
        window: QWidget,
        bar: QMenuBar,
        document: Document,
        workspace: Callable[[], Workspace | None],
        theme: Theme,
        preferences: Preferences,
        shortcuts: Shortcuts,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._bar = bar
        self._document = document
        self._workspace = workspace
        self._theme = theme
        self._preferences = preferences
        self._shortcuts = shortcuts
        self._settings = preferences.settings
        self._tour: Tour | None = None
        self.greets = False
        """Whether the tour starts by itself, once, with the first example that is opened."""
        document.trace_changed.connect(self._greet)

    def show_palette(self) -> None:
        """Show every action, to be found by typing."""
        from maskviz.gui.command_palette import CommandPalette, entries_of

        palette = CommandPalette(entries_of(self._bar), self._window, self._settings.used_actions)
        palette.ran.connect(self._settings.add_used_action)
        palette.show()

    def show_settings(self) -> None:
        """Show what can be chosen."""
        from maskviz.gui.settings_dialog import SettingsDialog

        SettingsDialog(self._preferences, self._shortcuts, self._document.devices, self._window).exec()

    def show_keys(self) -> None:
        """Show every gesture and shortcut."""
        from maskviz.gui.help import KeysDialog

        KeysDialog(self._shortcuts, self._window).exec()

    def show_about(self) -> None:
        """Say what this is, and its versions."""
        from maskviz.gui.help import show_about

        show_about(self._window)

    def show_tour(self) -> None:
        """Go round the panes; without any, say how to get some."""
        from maskviz.gui.tour import Tour

        if self._tour is not None:
            return
        self._settings.tour_seen = True
        self._tour = Tour(self._window, self._pane, self._theme.palette)
        self._theme.changed.connect(self._tour.set_palette)
        self._tour.ended.connect(self._tour_ended)

    def _tour_ended(self) -> None:
        self._tour = None

    def _pane(self, name: str) -> QWidget | None:
        workspace = self._workspace()
        if workspace is None:
            return None
        dock = workspace.docks[name]
        dock.show()
        dock.raise_()
        return dock

    def _greet(self) -> None:
        document = self._document
        if not self.greets or document.trace is None or document.path is None:
            return
        if Path(document.path).parent == resources.root() / "examples":
            self.greets = False
            self.show_tour()
