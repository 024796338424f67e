"""The tool row of the graph: small switches, and a menu with the rest."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from maskviz.gui.graph.options import GraphOptions
from maskviz.gui.icons import icon, quiet_icon
from maskviz.gui.words import tr
from maskviz.palette import Palette

# option, name, what it does, key (see gui.action_list)
SWITCHES = (
    ("trace", "Trace", "Dim all but what the selected call depends on and what depends on it", "T"),
    ("follow", "Follow the mask", "Show the mask's way from where it is created to where it ends or is lost", "M"),
    ("whole", "Whole batch", "Show the shares of kept, skipped and exposed steps over all samples instead of one sample's steps", "W"),
    ("shapes", "Shapes on edges", "Label edges with shape and dtype", "E"),
    ("masks", "Masks on edges", "Colour and name the mask that each edge carries", "K"),
    ("sideways", "Left to right", "Run the graph from left to right instead of downwards", "O"),
)
IN_MENU = (
    ("map", "Small map", "Show a map of the whole graph in the corner while not all of it is in view"),
    ("mask_path", "Mask path", "Also show the operations that only compute a mask"),
)
ICON = QSize(16, 16)


class ToolRow(QWidget):
    """``switched(option, on)`` an option was clicked; ``asked(what)`` is ``unfold``, ``fold`` or ``fit``."""

    switched = Signal(str, bool)
    asked = Signal(str)

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Graph tools"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        self.buttons = {name: self._switch(name, title, tip, key) for name, title, tip, key in SWITCHES}
        for button in self.buttons.values():
            row.addWidget(button)
        self.more = self._button(tr("More graph tools"), tr("More: fold, map, mask path"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(self._menu())
        row.addStretch(1)
        row.addWidget(self.more)
        self.set_palette(palette)

    def _button(self, name: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setIconSize(ICON)
        button.setAccessibleName(name)
        button.setToolTip(tip)
        button.setProperty("look", "switch")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _switch(self, option: str, title: str, tip: str, key: str) -> QToolButton:
        button = self._button(tr(title), f"<b>{tr(title)}</b> ({key})<br>{tr(tip)}")
        button.setAccessibleDescription(tr(tip))
        button.setCheckable(True)
        button.clicked.connect(lambda on: self.switched.emit(option, on))
        return button

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for what, text in (("unfold", tr("Unfold all")), ("fold", tr("Fold all")), ("fit", tr("Fit (Space)"))):
            menu.addAction(text).triggered.connect(lambda _=False, what=what: self.asked.emit(what))
        menu.addSeparator()
        self.choices: dict[str, QAction] = {}
        for option, title, tip in IN_MENU:
            action = self.choices[option] = menu.addAction(tr(title))
            action.setCheckable(True)
            action.setToolTip(tr(tip))
            action.triggered.connect(lambda on, option=option: self.switched.emit(option, on))
        return menu

    def show_options(self, options: GraphOptions) -> None:
        """Shows what is on."""
        for name, button in self.buttons.items():
            button.setChecked(getattr(options, name))
        for name, action in self.choices.items():
            action.setChecked(getattr(options, name))

    def set_palette(self, palette: Palette) -> None:
        """Paints in these colours."""
        for name, button in self.buttons.items():
            button.setIcon(icon(f"graph_{name}", palette))
        self.more.setIcon(quiet_icon("graph_more", palette))
        self.setStyleSheet(
            "QToolButton::menu-indicator { image: none; width: 0px; }"
            "QToolButton { padding: 2px; border-radius: 5px; border: 1px solid transparent; }"
            f"QToolButton:checked {{ background: {palette.groove}; border-color: {palette.accent}; }}"
            f"QToolButton:hover {{ background: {palette.card}; }} QToolButton:focus {{ border-color: {palette.accent}; }}"
        )
