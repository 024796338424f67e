"""The stack as a list: the input, a line for each layer, and the loss. Rows are dragged to another place, or moved with Alt and arrows."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QDropEvent, QFont, QKeyEvent, QPainter, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from maskviz.core.builder import ABOVE, ATTENTION, INPUT, SOURCE_ROW, TRAINING_ROW, Source, Stack, summary
from maskviz.core.layer_forms import Forms
from maskviz.core.words import counted
from maskviz.gui.words import tr
from maskviz.palette import Palette
from maskviz.session.building import Trouble

PAD, BAR = 9, 4  # logical pixels
ROLE = Qt.ItemDataRole.UserRole
WRAP = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)


@dataclass(frozen=True)
class Shown:
    """One line of the list: ``number`` of its row, or SOURCE_ROW, TRAINING_ROW."""

    number: int
    title: str
    text: str
    trouble: str = ""

    @property
    def spoken(self) -> str:
        return ". ".join(part for part in (self.title, self.text, self.trouble) if part)


def lines(stack: Stack, forms: Forms | None, trouble: Trouble | None) -> list[Shown]:
    """What the list shows of a stack."""
    source, training = stack.source, stack.training
    loss = training.loss if training.loss is None or isinstance(training.loss, str) else training.loss.get("class_name", "as in the file")
    wrong = {trouble.row: trouble.sentence} if trouble is not None and trouble.row is not None else {}
    shown = [Shown(SOURCE_ROW, source.name, _about(source, f" of {source.vocabulary:,}"), wrong.get(SOURCE_ROW, ""))]
    for number, row in enumerate(stack.rows):
        form = forms.layers.get(row.kind) if forms is not None else None
        text = _about(Source.of_row(row)) if row.kind == INPUT else summary(row, form.required if form is not None else ())
        others = [name or "the row above" for name in row.takes]
        if len(set(row.takes)) > 1 or (row.takes and row.takes[0] != ABOVE and row.kind not in ATTENTION) or set(row.takes) - {ABOVE}:
            text += f" ← {', '.join(others)}"
        shown.append(Shown(number, row.name, text, wrong.get(number, "")))
    metrics = len(training.metrics) + len(training.weighted_metrics)
    more = f" · {counted(metrics, 'metric')}" if metrics and loss else ""
    shown.append(Shown(TRAINING_ROW, "Loss", f"{loss or 'none: the network is not compiled'}{more}", wrong.get(TRAINING_ROW, "")))
    return shown


def _about(source: Source, vocabulary: str = "") -> str:
    """What an input is, in one line."""
    holds = f"ids{vocabulary}" if source.is_ids else f"{source.features} features"
    return f"Input · {holds} · {f'{source.steps} steps' if source.steps else 'any length'}"


class RowList(QListWidget):
    """``moved`` carries the number of a row and the place it was dragged to, counted without it; ``removed`` that of one to take away;
    ``chosen`` the number of the row that has become the current one; ``wanted``: another row is wanted below it."""

    moved = Signal(int, int)
    removed = Signal(int)
    chosen = Signal(int)
    wanted = Signal()

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Rows of the stack"))
        self.setObjectName("builder_rows")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._delegate = RowPainter(palette, self)
        self.setItemDelegate(self._delegate)
        self.currentRowChanged.connect(self._choose)

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self._delegate.palette = palette
        self.viewport().update()

    def show_lines(self, shown: list[Shown]) -> None:
        """Show these; the current row stays the current one."""
        blocked = self.blockSignals(True)
        current = self.currentRow()
        while self.count() > len(shown):
            self.takeItem(self.count() - 1)
        for place, line in enumerate(shown):
            item = self.item(place) or QListWidgetItem(self)
            if item.data(ROLE) != line:
                item.setData(ROLE, line)
                item.setText(line.spoken)  # what a screen reader says; painted by the delegate
                layer = line.number >= 0
                plain = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
                item.setFlags(plain | Qt.ItemFlag.ItemIsDragEnabled if layer else plain)
                item.setToolTip(line.trouble)
        self.setCurrentRow(min(max(current, 0), len(shown) - 1))
        self.blockSignals(blocked)
        self.scheduleDelayedItemsLayout()

    @property
    def number(self) -> int:
        """The number of the current row; SOURCE_ROW or TRAINING_ROW for input and loss."""
        item = self.currentItem()
        return SOURCE_ROW if item is None else item.data(ROLE).number

    def select_number(self, number: int) -> None:
        """Make the row of that number the current one."""
        for place in range(self.count()):
            if self.item(place).data(ROLE).number == number:
                self.setCurrentRow(place)

    def _choose(self, place: int) -> None:
        item = self.item(place)
        if item is not None:
            self.chosen.emit(item.data(ROLE).number)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_ours(event):
            event.accept()  # here these keys are about rows, not about samples
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        number, rows = self.number, self.count() - 2
        alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        if number >= 0 and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit(number)
        elif event.key() == Qt.Key.Key_Insert:
            self.wanted.emit()
        elif number > 0 and alt and event.key() == Qt.Key.Key_Up:
            self.moved.emit(number, number - 1)
        elif 0 <= number < rows - 1 and alt and event.key() == Qt.Key.Key_Down:
            self.moved.emit(number, number + 1)
        else:
            super().keyPressEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell where a row was dropped; the list itself is made anew from the stack."""
        number, rows = self.number, self.count() - 2
        target = self.indexAt(event.position().toPoint())
        place = target.row() if target.isValid() else rows + 1
        below = self.dropIndicatorPosition() in (
            QAbstractItemView.DropIndicatorPosition.BelowItem,
            QAbstractItemView.DropIndicatorPosition.OnItem,
        )
        to = min(max(place - 1 + (1 if below else 0), 0), rows)  # before this row, counted with the dragged one
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        self.setState(QAbstractItemView.State.NoState)
        self.viewport().update()  # without the line that marked the place
        to -= to > number
        if number >= 0 and to != number:
            self.moved.emit(number, to)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.viewport().setAcceptDrops(True)  # rows alone: files go on to the window, as everywhere

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()


def _is_ours(event: QKeyEvent) -> bool:
    alt = event.modifiers() == Qt.KeyboardModifier.AltModifier and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down)
    return alt or event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Insert)


class RowPainter(QStyledItemDelegate):
    """Paints a line: its name, its class and arguments, and what is wrong with it."""

    def __init__(self, palette: Palette, rows: QListWidget) -> None:
        super().__init__(rows)
        self.palette = palette
        self._rows = rows

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        line, colours = index.data(ROLE), self.palette
        rect = option.rect.adjusted(6, 2, -6, -2)
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected, over = bool(state & QStyle.StateFlag.State_Selected), bool(state & QStyle.StateFlag.State_MouseOver)
        painter.setPen(QPen(QColor(colours.accent if selected else colours.edge if over else colours.border), 1))
        painter.setBrush(QColor(colours.card if line.number >= 0 else colours.pane))
        painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        bar = colours.bad if line.trouble else colours.accent if selected else colours.edge
        painter.fillRect(QRect(rect.left() + 1, rect.top() + 5, 3, rect.height() - 10), QColor(bar))
        inside = rect.adjusted(PAD + BAR, 5, -PAD, -5)
        bold = QFont(option.font)
        bold.setBold(True)
        height = option.fontMetrics.height()
        painter.setFont(bold)
        painter.setPen(QColor(colours.text))
        title = painter.fontMetrics().elidedText(line.title, Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(QRect(inside.left(), inside.top(), inside.width(), height), 0, title)
        painter.setFont(option.font)
        painter.setPen(QColor(colours.muted))
        text = painter.fontMetrics().elidedText(line.text, Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(QRect(inside.left(), inside.top() + height, inside.width(), height), 0, text)
        if line.trouble:
            painter.setPen(QColor(colours.bad))
            painter.drawText(QRect(inside.left(), inside.top() + 2 * height + 2, inside.width(), inside.height()), WRAP, line.trouble)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        line, metrics = index.data(ROLE), self._rows.fontMetrics()
        height = 2 * metrics.height() + 14
        width = self._rows.viewport().width()
        if line.trouble:
            room = QRect(0, 0, max(width - 12 - 2 * PAD - BAR, 40), 10_000)
            height += metrics.boundingRect(room, WRAP, line.trouble).height() + 4
        return QSize(max(width - 2, 60), height)
