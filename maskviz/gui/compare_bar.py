"""The row above the panes while a state is pinned: which side is shown, and how B differs from A in numbers."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QToolButton, QWidget

from maskviz.core.compare import DIFFERENCE
from maskviz.gui.elided import ElidedLabel
from maskviz.palette import Palette
from maskviz.session.comparison import Side
from maskviz.session.document import Document

SIDES: tuple[tuple[Side, str, str], ...] = (("A", "A", "show_a"), ("B", "B", "show_b"), ("difference", DIFFERENCE, "show_difference"))


class CompareBar(QWidget):
    """Hidden as long as nothing is pinned."""

    def __init__(self, document: Document, actions: Mapping[str, QAction], colours: Palette) -> None:
        super().__init__()
        self.setObjectName("comparebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Comparison")
        self._document, self._comparison = document, document.comparison
        self.pinned = ElidedLabel(Qt.TextElideMode.ElideMiddle)
        self.pinned.setAccessibleName("What is pinned as A")
        self.pinned.setProperty("look", "muted")
        self.pinned.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.words = ElidedLabel()
        self.words.setAccessibleName("How B differs from A")
        self._sides = QButtonGroup(self)
        self.buttons: dict[Side, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 2, 14, 2)
        row.setSpacing(6)
        caption = QLabel("COMPARE")
        caption.setProperty("look", "caption")
        row.addWidget(caption)
        row.addSpacing(6)
        for side, text, action in SIDES:
            self.buttons[side] = self._side_button(text, actions[action])
            row.addWidget(self.buttons[side])
        row.addSpacing(8)
        row.addWidget(self.words, 3)
        row.addSpacing(10)
        row.addWidget(self.pinned, 2)
        unpin = QToolButton()
        unpin.setDefaultAction(actions["unpin"])
        unpin.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        row.addWidget(unpin)
        document.comparison.changed.connect(self.refresh)
        document.trace_changed.connect(self.refresh)
        document.network_changed.connect(self.refresh)
        self.set_palette(colours)
        self.refresh()

    def _side_button(self, text: str, action: QAction) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setCheckable(True)
        button.setToolTip(action.toolTip())
        button.setAccessibleName(action.text())
        button.clicked.connect(action.trigger)
        self._sides.addButton(button)
        return button

    def refresh(self) -> None:
        """Show what is pinned, which side is shown, and what differs."""
        comparison = self._comparison
        self.setVisible(comparison.pinned is not None)
        if comparison.pinned is None:
            return
        self.buttons[comparison.side].setChecked(True)
        size = comparison.pinned.batch.size if comparison.pinned.batch is not None else 0
        stays = " · stays as it is" if comparison.side == "A" else ""
        self.pinned.setText(f"A: {comparison.pinned.title} · {size} samples{stays}")
        self.words.setText(comparison.in_words() or "B follows when the engine answers.")

    def set_palette(self, colours: Palette) -> None:
        """Paint in these colours."""
        style = f"QToolButton {{ color: {colours.muted}; padding: 2px 10px; border: 1px solid {colours.border}; }}"
        on = f"QToolButton:checked {{ background: {colours.accent}; color: {colours.canvas if colours.dark else '#ffffff'}; }}"
        focus = f"QToolButton:focus {{ border-color: {colours.text}; }}"
        for button in self.buttons.values():
            button.setStyleSheet(f"{style} {on} {focus}")
