"""The rows above each other: they share the height, keep a least one, and scroll when there are many."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QResizeEvent
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
        self._holder.installEventFilter(self)
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
        self.level()

    def take(self, row: MapRow) -> None:
        """Take a row out; it stays as it is."""
        self._layout.removeWidget(row)
        row.hide()
        self.level()

    def level(self) -> None:
        """Give all maps the same height, whatever is around them. The first few fit into a low window, each of many is to be read."""
        rows = self.rows
        for row in rows:
            row.set_least(LOWEST_OF_FEW if len(rows) <= FEW else LOWEST)
        around = [row.around() for row in rows]
        free = self.viewport().height() - sum(around) - self._layout.spacing() * (len(rows) - 1)
        for place, extra in enumerate(around):
            stretch = max(1, round(free / len(rows)) + extra)
            if self._layout.stretch(place) != stretch:
                self._layout.setStretch(place, stretch)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.level()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._holder and event.type() == QEvent.Type.LayoutRequest:
            self.level()  # a title may have become higher
        return super().eventFilter(watched, event)

    def move(self, row: MapRow, index: int) -> bool:  # type: ignore[override]
        """Put a row elsewhere; whether that is another place."""
        rows = self.rows
        index = min(max(index, 0), len(rows) - 1)
        if rows.index(row) == index:
            return False
        self._layout.removeWidget(row)
        self._layout.insertWidget(index, row, 1)
        self.level()
        return True

    def place_at(self, row: MapRow, screen_y: int) -> int:
        """The place a dragged row has when the mouse is at that height: after all others whose middle is above it."""
        y = self._holder.mapFromGlobal(QPoint(0, screen_y)).y()
        return sum(other.geometry().center().y() < y for other in self.rows if other is not row)
