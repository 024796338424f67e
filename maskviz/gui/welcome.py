"""The empty state: says what to do, and offers the ways to begin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from maskviz.gui.gallery import example_cards
from maskviz.gui.icons import icon
from maskviz.gui.words import tr
from maskviz.palette import Palette

WIDTH = 1000
RECENT_SHOWN = 5


class Welcome(QScrollArea):
    """Shown while nothing is open. ``file_chosen`` carries a recent file's path, ``example_chosen`` an example's name."""

    file_chosen = Signal(str)
    example_chosen = Signal(str)

    def __init__(self, actions: Mapping[str, QAction], colours: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._mark = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.recent = QWidget()
        self._recent_rows = QVBoxLayout(self.recent)
        self._recent_rows.setContentsMargins(0, 8, 0, 0)
        self._recent_rows.setSpacing(0)
        self.examples = example_cards()
        self.examples.chosen.connect(self.example_chosen)
        column = QVBoxLayout()
        column.setSpacing(10)
        column.setContentsMargins(28, 26, 28, 26)
        column.addWidget(self._drop_zone(actions))
        column.addWidget(self.recent)
        column.addSpacing(8)
        column.addWidget(caption(tr("EXAMPLES")))
        column.addWidget(self.examples)
        column.addStretch(1)
        centre = QWidget(maximumWidth=WIDTH)
        centre.setLayout(column)
        body = QWidget()
        body.setObjectName("welcome_body")
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(centre, 1000)
        row.addStretch(1)
        self.setWidget(body)
        self.set_palette(colours)

    def _drop_zone(self, actions: Mapping[str, QAction]) -> QFrame:
        zone = QFrame()
        zone.setProperty("look", "dropzone")
        headline = QLabel(tr("Drop a .keras network here"), alignment=Qt.AlignmentFlag.AlignCenter)
        headline.setProperty("look", "hero")
        promise = QLabel(
            tr("See for every layer, sample and timestep whether padding is skipped, whether it leaks, and what it does to the loss."),
            alignment=Qt.AlignmentFlag.AlignCenter,
            wordWrap=True,
        )
        promise.setProperty("look", "muted")
        self.open_button = QPushButton(tr("Open a network…"))
        self.open_button.setProperty("look", "primary")
        self.open_button.clicked.connect(actions["open"].trigger)
        self.new_button = QPushButton(tr("New from a template…"))
        self.new_button.clicked.connect(actions["new"].trigger)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.new_button)
        buttons.addStretch(1)
        column = QVBoxLayout(zone)
        column.setContentsMargins(30, 26, 30, 28)
        column.setSpacing(8)
        column.addWidget(self._mark)
        column.addWidget(headline)
        column.addWidget(promise)
        column.addSpacing(8)
        column.addLayout(buttons)
        return zone

    def set_recent(self, paths: list[str]) -> None:
        """Show the files that were opened last."""
        for old in self.recent.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            self._recent_rows.removeWidget(old)
            old.deleteLater()
        self.recent.setVisible(bool(paths))
        if paths:
            self._recent_rows.addWidget(caption(tr("RECENT FILES")))
        for path in paths[:RECENT_SHOWN]:
            link = QPushButton(Path(path).name)
            link.setProperty("look", "link")
            link.setToolTip(path)
            link.setCursor(Qt.CursorShape.PointingHandCursor)
            link.clicked.connect(lambda _checked=False, path=path: self.file_chosen.emit(path))
            folder = QLabel(str(Path(path).parent))
            folder.setProperty("look", "muted")
            row = QWidget()
            line = QHBoxLayout(row)
            line.setContentsMargins(0, 0, 0, 0)
            line.addWidget(link)
            line.addWidget(folder)
            line.addStretch(1)
            self._recent_rows.addWidget(row)

    def set_palette(self, colours: Palette) -> None:
        """Paint in these colours."""
        self._mark.setPixmap(icon("drop", colours).pixmap(36, 36))


def caption(text: str) -> QLabel:
    """A small heading."""
    label = QLabel(text)
    label.setProperty("look", "caption")
    return label
