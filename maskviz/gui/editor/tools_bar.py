"""The editor's buttons that stand in its pane's title: the menus of what can be done with the selected cells."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from maskviz.palette import Palette


class ToolsBar(QWidget):
    """A button for each menu of acts."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 6, 0)
        self._row.setSpacing(2)
        self.buttons: dict[str, QToolButton] = {}
        self.set_palette(palette)

    def set_menus(self, menus: Mapping[str, QMenu]) -> None:
        """Offer the menus under these names."""
        for name, menu in menus.items():
            button = QToolButton()
            button.setText(name)
            button.setToolTip(f"{name}: what can be done with the marked cells, steps or samples")
            button.setAccessibleName(name)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            button.setMenu(menu)
            menu.aboutToHide.connect(partial(button.setAttribute, Qt.WidgetAttribute.WA_UnderMouse, False))  # it hears of no leaving
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard in the table, whose cells are meant
            self._row.addWidget(button)
            self.buttons[name] = button

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        plain = f"QToolButton {{ color: {palette.muted}; padding: 1px 6px; }} QToolButton:hover {{ color: {palette.text}; }}"
        self.setStyleSheet(f"{plain} QToolButton::menu-indicator {{ image: none; width: 0px; }}")
