"""The buttons of the heatmaps that stand in their pane's title: add a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from maskviz.core.map_rows import Kind
from maskviz.gui.heatmaps import add_menu
from maskviz.gui.icons import quiet_icon
from maskviz.palette import Palette

if TYPE_CHECKING:
    from maskviz.gui.heatmaps.panel import HeatmapsPanel


class ToolsBar(QWidget):
    """``add_button`` opens the menu of maps that can be added."""

    def __init__(self, maps: HeatmapsPanel, palette: Palette) -> None:
        super().__init__()
        self._maps = maps
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill)
        self.add_button = QToolButton()
        self.add_button.setText("Add map")
        self.add_button.setToolTip("Add a map of the selected layer: values, mask, status, padding-test change, gradient, state, influence")
        self.add_button.setAccessibleName(self.add_button.toolTip())
        self.add_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.add_button.setIconSize(QSize(11, 11))
        self.add_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.add_button.setMenu(self.menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 6, 0)
        row.setSpacing(2)
        row.addWidget(self.add_button)
        self.set_palette(palette)

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.add_button.setIcon(quiet_icon("plus", palette))
        plain = f"QToolButton {{ color: {palette.muted}; padding: 1px 6px; }} QToolButton:hover {{ color: {palette.text}; }}"
        self.setStyleSheet(f"{plain} QToolButton::menu-indicator {{ image: none; width: 0px; }}")

    def _fill(self) -> None:
        kinds: set[Kind] = {row.spec.kind for row in self._maps.rows}
        document = self._maps.document
        add_menu.fill(self.menu, document.trace, document.selection.call, kinds, self._maps.add)
