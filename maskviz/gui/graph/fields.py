"""The small widgets around the graph: the find field and the legend."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QSizePolicy, QWidget

from maskviz.export.graph_legend import entries, legend_height, paint_legend
from maskviz.export.graph_painting import Sizes
from maskviz.gui.words import tr
from maskviz.palette import Palette

SMALLER = 0.85  # of the font


class FindField(QLineEdit):
    """Enter goes to the next match (``stepped(1)``), Shift+Enter to the one before; Escape clears and leaves (``left``)."""

    stepped = Signal(int)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(tr("Find: lstm drops, (16, exposed…"))
        self.setAccessibleName(tr("Find layers by name, class, shape, fate or status"))
        self.setToolTip(
            tr("Every word must match: a name, a class, a shape such as (16, 21, what became of the mask, or a status.")
            + "<br>"
            + tr("Enter goes to the next match, Shift+Enter to the one before.")
        )
        self.setClearButtonEnabled(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.stepped.emit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        elif event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.left.emit()
        else:
            super().keyPressEvent(event)


class Legend(QWidget):
    """The statuses with their colours and marks, and in a comparison what differs."""

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = palette
        self.setAccessibleName(tr("Legend"))
        self._difference = False
        self._explain()
        # a fixed height would be that of one row
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_palette(self, palette: Palette) -> None:
        """Another theme."""
        self._palette = palette
        self.update()

    def show_difference(self, difference: bool) -> None:
        """Explain one result, or the difference of two."""
        if difference != self._difference:
            self._difference = difference
            self._explain()
            self.updateGeometry()
            self.update()

    def set_low(self, low: bool) -> None:
        """Be smaller in a low pane, whose height belongs to the graph."""
        font = QApplication.font(self)
        font.setPointSizeF(font.pointSizeF() * (SMALLER if low else 1))
        if font.pointSizeF() != self.font().pointSizeF():
            self.setFont(font)
            self.updateGeometry()

    def _explain(self) -> None:
        shown = entries(self._difference)
        self.setAccessibleDescription("; ".join(f"{entry.words}: {entry.meaning}" for entry in shown))
        self.setToolTip("<br>".join(f"<b>{entry.words}</b>: {entry.meaning}" for entry in shown))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        sizes = Sizes.of(self.font())
        return round(legend_height(width - 2 * sizes.em, sizes, self._difference))

    def sizeHint(self) -> QSize:
        return QSize(200, self.heightForWidth(max(self.width(), 200)))

    def paintEvent(self, event: QPaintEvent) -> None:
        sizes = Sizes.of(self.font())
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_legend(painter, sizes.em, 0, self.width() - 2 * sizes.em, sizes, self._palette, self._difference)
        finally:
            painter.end()
