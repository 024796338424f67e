"""Says above the maps which steps are framed in them, and ends that."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from maskviz.core.words import counted
from maskviz.gui.elided import ElidedLabel
from maskviz.gui.icons import quiet_icon
from maskviz.palette import Palette
from maskviz.session.document import Document


class SpotlightBar(QWidget):
    """Hidden as long as nothing is pointed out."""

    def __init__(self, document: Document, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.words = ElidedLabel()
        self.close_button = QToolButton()
        self.close_button.setToolTip("Point out nothing any more (Esc)")
        self.close_button.setAccessibleName("Point out nothing any more")
        self.close_button.setIconSize(QSize(11, 11))
        self.close_button.clicked.connect(lambda: document.point_out(None))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.words, 1)
        row.addWidget(self.close_button)
        self.set_palette(palette)
        self.refresh()

    def refresh(self) -> None:
        """Say what is pointed out now."""
        spotlight = self._document.spotlight
        self.setVisible(spotlight is not None)
        if spotlight is not None:
            count = int(spotlight.steps.sum())
            self.words.setText(f"▢ {spotlight.title} · {counted(count, 'step')} framed")

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.words.setStyleSheet(f"color: {palette.warning};")
        self.close_button.setIcon(quiet_icon("close", palette))
