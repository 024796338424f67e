"""The window's theme: which palette is in use, and that it is applied to the whole application."""

from __future__ import annotations

import os

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication

from maskviz.gui.style import stylesheet
from maskviz.palette import Palette, palette
from maskviz.settings import Settings

CHOICES = (("system", "Follow the system"), ("dark", "Dark"), ("light", "Light"))


class Theme(QObject):
    """Follows the system's colour scheme unless the user, or ``MASKVIZ_THEME``, chose dark or light.

    ``changed`` carries the new :class:`Palette`, after the application has been restyled.
    """

    changed = Signal(object)

    def __init__(self, app: QApplication, settings: Settings) -> None:
        super().__init__(app)
        self._app = app
        self._settings = settings
        app.setStyle("Fusion")
        self.palette: Palette = self._wanted()
        self._apply()
        app.styleHints().colorSchemeChanged.connect(self.refresh)

    @property
    def choice(self) -> str:
        """``system``, ``dark`` or ``light``."""
        forced = os.environ.get("MASKVIZ_THEME", "").lower()
        return forced if forced in ("dark", "light") else self._settings.theme

    def choose(self, name: str) -> None:
        """Use ``system``, ``dark`` or ``light`` from now on, in this and later runs."""
        os.environ.pop("MASKVIZ_THEME", None)  # a choice made in the window outranks what the environment asked for at the start
        self._settings.theme = name
        self.refresh()

    def switch(self) -> None:
        """Use the other one of dark and light."""
        self.choose("light" if self.palette.dark else "dark")

    def _wanted(self) -> Palette:
        name = self.choice
        if name == "system":
            name = "dark" if self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark else "light"
        return palette(name, self._settings.statuses)

    def refresh(self) -> None:
        """Use the theme and colours that the settings now say."""
        wanted = self._wanted()
        if wanted is not self.palette:
            self.palette = wanted
            self._apply()
            self.changed.emit(self.palette)

    def _apply(self) -> None:
        self._app.setPalette(qt_palette(self.palette))
        self._app.setStyleSheet(stylesheet(self.palette, QFontInfo(self._app.font()).pixelSize()))


def qt_palette(colours: Palette) -> QPalette:
    """The palette as Qt's, for everything that a style sheet does not reach."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    result = QPalette()
    for name, colour in (
        (role.Window, colours.pane), (role.WindowText, colours.text), (role.Base, colours.card), (role.AlternateBase, colours.pane),
        (role.Text, colours.text), (role.PlaceholderText, colours.muted), (role.Button, colours.card), (role.ButtonText, colours.text),
        (role.ToolTipBase, colours.card), (role.ToolTipText, colours.text), (role.Highlight, colours.accent),
        (role.HighlightedText, "#ffffff" if not colours.dark else "#0b0d10"), (role.Link, colours.accent), (role.BrightText, colours.bad),
        (role.Light, colours.card), (role.Midlight, colours.border), (role.Mid, colours.border), (role.Dark, colours.edge),
        (role.Shadow, "#000000"), (role.Accent, colours.accent),
    ):  # fmt: skip
        result.setColor(name, QColor(colour))
    faded = QColor(colours.muted)
    faded.setAlphaF(0.55)
    for name in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(group.Disabled, name, faded)
    return result
