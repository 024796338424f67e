"""The buttons of the heatmaps that stand in their pane's title: the order of samples, profiles, and a map more."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from maskviz.core.map_rows import Kind, Profile
from maskviz.core.sample_order import ORDER_WORDS
from maskviz.gui.heatmaps import add_menu
from maskviz.gui.icons import quiet_icon
from maskviz.palette import Palette

if TYPE_CHECKING:
    from maskviz.gui.heatmaps.panel import HeatmapsPanel

PROFILE_WORDS: dict[Profile, tuple[str, str]] = {
    "none": ("None", "Maps alone"),
    "time": ("Over time", "Below each map, the values of the selected sample as a curve over time"),
    "samples": ("Over samples", "Below each map, the values at the selected timestep as a curve over samples"),
}


class ToolsBar(QWidget):
    """``order_button`` and ``profile_button`` open menus of choices, ``add_button`` the menu of maps that can be added."""

    def __init__(self, maps: HeatmapsPanel, palette: Palette) -> None:
        super().__init__()
        self._maps = maps
        self.order_button = self._button("Sort", "Order of the samples", self._fill_order)
        self.profile_button = self._button("Profile", "Curves along the cross-hair", self._fill_profile)
        self.add_button = self._button(
            "Add map",
            "Add a map: sample weights, or of the selected layer values, mask, status, padding-test change, gradient, state, influence",
            self._fill_add,
        )
        self.add_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.add_button.setIconSize(QSize(11, 11))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 6, 0)
        row.setSpacing(2)
        for button in (self.order_button, self.profile_button, self.add_button):
            row.addWidget(button)
        self.set_palette(palette)

    def _button(self, words: str, tip: str, fill: object) -> QToolButton:
        button = QToolButton()
        button.setText(words)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(fill)
        menu.aboutToHide.connect(lambda: button.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False))  # it hears of no leaving meanwhile
        button.setMenu(menu)
        return button

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.add_button.setIcon(quiet_icon("plus", palette))
        plain = f"QToolButton {{ color: {palette.muted}; padding: 1px 6px; }} QToolButton:hover {{ color: {palette.text}; }}"
        self.setStyleSheet(f"{plain} QToolButton::menu-indicator {{ image: none; width: 0px; }}")

    def show_choices(self) -> None:
        """Say on the buttons what is not as it is at first."""
        order, profile = self._maps.order, self._maps.profile
        self.order_button.setText("Sort" if order == "given" else f"Sorted {ORDER_WORDS[order][0].lower()}")
        self.profile_button.setText("Profile" if profile == "none" else f"Profile {PROFILE_WORDS[profile][0].lower()}")

    def _fill_order(self) -> None:
        menu = self.order_button.menu()
        menu.clear()
        for order, (words, tip) in ORDER_WORDS.items():
            action = menu.addAction(words, partial(self._maps.set_order, order))
            action.setCheckable(True)
            action.setChecked(order == self._maps.order)
            action.setToolTip(f"{tip}. They keep their places while you edit; choose this again to sort anew" if order != "given" else tip)
        if self._maps.order != "given":
            menu.addSeparator()
            again = menu.addAction("Sort again", partial(self._maps.set_order, self._maps.order))
            again.setToolTip(f"Samples keep their places while you edit; this sorts them {ORDER_WORDS[self._maps.order][0].lower()} anew")

    def _fill_profile(self) -> None:
        menu = self.profile_button.menu()
        menu.clear()
        for profile, (words, tip) in PROFILE_WORDS.items():
            action = menu.addAction(words, partial(self._maps.set_profile, profile))
            action.setCheckable(True)
            action.setChecked(profile == self._maps.profile)
            action.setToolTip(tip)

    def _fill_add(self) -> None:
        kinds: set[Kind] = {row.spec.kind for row in self._maps.rows}
        document = self._maps.document
        chosen = document.selection.call
        add_menu.fill(self.add_button.menu(), document.comparison.trace_with(chosen), chosen, kinds, self._maps.add)
