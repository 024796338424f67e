"""The rows above each other: they share the height, keep a least one, and scroll when there are many."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from maskviz.gui.heatmaps.map_row import FEW, LOWEST, LOWEST_OF_FEW, MapRow


class RowList(QScrollArea):
    """Rows in an order that can be changed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAutoFillBackground(False)
        self._holder = QWidget()
        self._layout = QVBoxLayout(self._holder)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self.setWidget(self._holder)
        self._holder.setAutoFillBackground(False)  # a scroll area fills it

    @property
    def rows(self) -> list[MapRow]:
        """All rows from top to bottom."""
        items = [self._layout.itemAt(k) for k in range(self._layout.count())]
        return [row for item in items if item is not None and isinstance(row := item.widget(), MapRow)]

    def insert(self, index: int, row: MapRow) -> None:
        """Put a row in; negative: at the end."""
        self._layout.insertWidget(index, row, 1)
        row.show()
        self._set_least()

    def take(self, row: MapRow) -> None:
        """Take a row out; it stays as it is."""
        self._layout.removeWidget(row)
        row.hide()
        self._set_least()

    def _set_least(self) -> None:
        """The first few maps fit into a low window, each of many is to be read."""
        for row in self.rows:
            row.set_least(LOWEST_OF_FEW if len(self.rows) <= FEW else LOWEST)

    def move(self, row: MapRow, index: int) -> bool:  # type: ignore[override]
        """Put a row elsewhere; whether that is another place."""
        rows = self.rows
        index = min(max(index, 0), len(rows) - 1)
        if rows.index(row) == index:
            return False
        self._layout.removeWidget(row)
        self._layout.insertWidget(index, row, 1)
        return True

    def place_at(self, row: MapRow, screen_y: int) -> int:
        """The place a dragged row has when the mouse is at that height: after all others whose middle is above it."""
        y = self._holder.mapFromGlobal(QPoint(0, screen_y)).y()
        return sum(other.geometry().center().y() < y for other in self.rows if other is not row)
