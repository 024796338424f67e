"""How the editor's cells are painted and clicked: padding hatched and muted, the row of the selected step standing out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QBrush, QColor, QKeyEvent, QMouseEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QCompleter, QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from maskviz.core.status import Status
from maskviz.gui.editor.columns import OF_WORDS
from maskviz.gui.editor.items import Cell, StepItems
from maskviz.palette import Palette

if TYPE_CHECKING:
    from maskviz.gui.editor.table import StepTable

Index = QModelIndex | QPersistentModelIndex
RESULTS = frozenset({"mask", "status", "class", "class word", "prediction", "contribution"})  # what the engine found, which may be stale
SELECTED, FOCUSED = QStyle.StateFlag.State_Selected.value, QStyle.StateFlag.State_HasFocus.value  # numbers: flags are slow here
GAP = 7  # between two lines of the hatch
RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


def mixed(one: str, other: str, share: float) -> QColor:
    """The colour ``share`` of the way from ``one`` to ``other``."""
    a, b = QColor(one), QColor(other)
    pairs = ((a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue()))
    return QColor(*(round(x + (y - x) * share) for x, y in pairs))


def hatch(colour: QColor, ratio: float) -> QBrush:
    """A brush of thin diagonal lines, for a screen of ``ratio`` device pixels to one."""
    tile = QPixmap(round(GAP * ratio), round(GAP * ratio))
    tile.fill(Qt.GlobalColor.transparent)
    painter = QPainter(tile)
    try:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, ratio))
        side = tile.width()
        for shift in (-side, 0, side):
            painter.drawLine(QPointF(shift, side), QPointF(shift + side, 0))
    finally:
        painter.end()
    tile.setDevicePixelRatio(ratio)
    return QBrush(tile)


class CellPainter(QStyledItemDelegate):
    """Paints one cell; ``current_row`` is the row of the selected step, -1 for none."""

    def __init__(self, items: StepItems, palette: Palette, view: StepTable) -> None:
        super().__init__(view)
        self.current_row = -1
        self.faded = False
        self._items = items
        self._view = view
        self.set_palette(palette)

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.colours = palette
        current = mixed(palette.toolbar, palette.text, 0.09)
        self._grounds = {  # by (current row, selected)
            (False, False): QColor(palette.toolbar),
            (True, False): current,
            (False, True): mixed(palette.toolbar, palette.accent, 0.3),
            (True, True): mixed(current.name(), palette.accent, 0.3),
        }
        self._text_colour, self._muted = QColor(palette.text), QColor(palette.muted)
        lines = QColor(palette.status[Status.SKIPPED])
        lines.setAlphaF(0.32)
        self._hatch = hatch(lines, self._view.devicePixelRatioF())
        self._swatches = {status: QColor(colour) for status, colour in palette.status.items()}

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        area, row, state = option.rect, index.row(), option.state.value
        current = row == self.current_row
        painter.fillRect(area, self._grounds[current, bool(state & SELECTED)])
        cell = self._items.cell(row, index.column())
        if not cell.exists:
            return
        if cell.padded:
            painter.fillRect(area, self._hatch)
        if cell.kind == "padding":
            self._check(painter, area, bool(cell.value))
        else:
            muted = (cell.padded and not current) or (self.faded and cell.kind in RESULTS)
            self._text(painter, area, cell, muted)
        if state & FOCUSED:
            painter.setPen(QPen(QColor(self.colours.accent), 1))
            painter.drawRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5))

    def _text(self, painter: QPainter, area: QRect, cell: Cell, muted: bool) -> None:
        align, inner = RIGHT, area.adjusted(6, 0, -7, 0)
        if cell.kind in OF_WORDS:
            align = LEFT
        elif cell.kind in ("mask", "status"):
            align, side = LEFT, max(area.height() // 2 - 2, 6)
            if cell.status is not None:
                top = area.top() + (area.height() - side) // 2
                painter.fillRect(QRect(inner.left(), top, side, side), self._swatches[cell.status])
            inner.setLeft(inner.left() + side + 6)
        painter.setPen(self._muted if muted else self._text_colour)
        painter.setFont(self._view.font())
        metrics, text = self._view.fontMetrics(), cell.text
        if len(text) * metrics.averageCharWidth() > inner.width():  # a column made narrow: no number loses its sign without a word
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, align, text)

    def _check(self, painter: QPainter, area: QRect, ticked: bool) -> None:
        side, colours = max(area.height() - 8, 8), self.colours
        box = QRectF(area.center().x() - side / 2 + 0.5, area.center().y() - side / 2 + 0.5, side, side)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours.accent if ticked else colours.muted), 1))
        painter.setBrush(QColor(colours.accent if ticked else colours.card))
        painter.drawRoundedRect(box, 2.5, 2.5)
        if ticked:
            painter.setPen(QPen(QColor(colours.toolbar), 1.6))
            points = ((0.22, 0.52), (0.42, 0.72), (0.78, 0.28))
            painter.drawPolyline([QPointF(box.left() + x * side, box.top() + y * side) for x, y in points])
        painter.restore()

    # --- editing

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        """A line to type into; it completes words."""
        editor = super().createEditor(parent, option, index)
        words = self._items.words_of(self._items.columns[index.column()])
        if isinstance(editor, QLineEdit) and words is not None and self._items.cell(index.row(), index.column()).kind in OF_WORDS:
            completer = QCompleter(list(words.words.values()), editor)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            completer.setMaxVisibleItems(8)
            editor.setCompleter(completer)
            # while words are offered Return does not reach the delegate; where it does, nothing is left to finish
            editor.returnPressed.connect(lambda: QTimer.singleShot(0, editor, partial(self._finish, editor)))
        return editor

    def _finish(self, editor: QWidget) -> None:
        if self._view.editing:
            self.commitData.emit(editor)
            self.closeEditor.emit(editor)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """What is being typed stays when new results arrive meanwhile."""
        if not (isinstance(editor, QLineEdit) and editor.isModified()):
            super().setEditorData(editor, index)

    def editorEvent(self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index) -> bool:
        """A click anywhere in a padding cell ticks it, as Space does."""
        role = Qt.ItemDataRole.CheckStateRole
        if not index.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            return super().editorEvent(event, model, option, index)
        if isinstance(event, QMouseEvent):
            released = event.type() == QEvent.Type.MouseButtonRelease and event.button() == Qt.MouseButton.LeftButton
            if not released or not option.rect.contains(event.position().toPoint()):
                return False
        elif not isinstance(event, QKeyEvent) or event.key() != Qt.Key.Key_Space:
            return False
        padded = Qt.CheckState(index.data(role)) != Qt.CheckState.Checked
        for column, rows in self._view.chosen_with(index):
            self._items.tick(column, rows, padded)
        return True

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        """What was typed goes into all selected cells."""
        chosen = self._view.chosen_with(index)
        if isinstance(editor, QLineEdit) and sum(len(rows) for _, rows in chosen) > 1:
            if editor.text() != index.data(Qt.ItemDataRole.EditRole):
                self._items.set_all(chosen, editor.text())
        else:
            super().setModelData(editor, model, index)
