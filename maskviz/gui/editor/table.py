"""The editor's table view: compact rows, padding hatched, the current step highlighted, selections copied as text."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QFocusEvent, QFont, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QFrame,
    QHeaderView,
    QLabel,
    QMenu,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from maskviz.core.batch_text import STEP, table_of
from maskviz.gui.editor.columns import ARRAYS, OF_WORDS, Column, exact_text
from maskviz.gui.editor.items import StepItems
from maskviz.gui.editor.painting import CellPainter
from maskviz.palette import Palette

DIGITS = ["DejaVu Sans Mono", "Menlo", "Consolas", "monospace"]
CHARACTERS = {
    "mask": 9,
    "padding": 7,
    "contribution": 9,
    "status": 10,
    "weight": 6,
    "class": 6,
    "word": 12,
    "y word": 12,
    "class word": 12,
}  # others 7, and more where their numbers need it
IN_MENU = ("copy_cells", "paste_cells", "copy_headed", "pad", "unpad")  # the others are in submenus
LONGEST_TITLE = 13  # characters; the rest is in the tooltip
NAVIGATION = frozenset(
    getattr(Qt.Key, f"Key_{name}")
    for name in ("Up", "Down", "Left", "Right", "Home", "End", "PageUp", "PageDown", "Return", "Enter", "Space")
)
NUMBER_STARTS = frozenset("0123456789+-.")
Index = QModelIndex | QPersistentModelIndex


class StepTable(QTableView):
    """One of the editor's two tables; copies what is selected as tab-separated text. ``focused``: it has got the keyboard."""

    focused = Signal()

    def __init__(self, palette: Palette, items: StepItems, whole: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.items = items
        self.whole = whole
        self.acts: list[QAction] = []
        """What the keys do, and some of them the menu."""
        self.menus: list[QMenu] = []
        self.setModel(items)
        digits = QFont(self.font())
        digits.setFamilies(DIGITS)
        self.setFont(digits)
        self.painter = CellPainter(items, palette, self)
        self.setItemDelegate(self.painter)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table, so that the keyboard reaches everything else
        trigger = QAbstractItemView.EditTrigger
        self.setEditTriggers(trigger.DoubleClicked | trigger.EditKeyPressed | trigger.AnyKeyPressed)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._headers()
        items.modelReset.connect(self._widths)
        items.dataChanged.connect(self._widen)
        self._widths()

    def _headers(self) -> None:
        across, down = self.horizontalHeader(), self.verticalHeader()
        across.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        across.setHighlightSections(False)
        across.setTextElideMode(Qt.TextElideMode.ElideRight)
        across.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        row = self.fontMetrics().height() + 4
        across.setFixedHeight(row + 2)
        down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        down.setMinimumSectionSize(row)
        down.setDefaultSectionSize(row)
        down.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        down.setHighlightSections(False)
        down.setVisible(not self.whole)
        corner = self.findChild(QAbstractButton)
        if corner is not None and not self.whole:
            label = QLabel("step", alignment=Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            label.setProperty("look", "muted")
            label.setContentsMargins(0, 0, 7, 0)
            box = QVBoxLayout(corner)
            box.setContentsMargins(0, 0, 0, 0)
            box.addWidget(label)

    def _widths(self) -> None:
        for number in range(len(self.items.columns)):
            self.setColumnWidth(number, self._width(number))
        one = self.fontMetrics().horizontalAdvance("0")
        self.verticalHeader().setFixedWidth(one * max(len(str(self.items.rowCount())), 4) + 16)

    def _width(self, number: int) -> int:
        column, one = self.items.columns[number], self.fontMetrics().horizontalAdvance("0")
        words = one * max(CHARACTERS.get(column.kind, 7), self.items.longest(number))
        title = min(self.horizontalHeader().fontMetrics().horizontalAdvance(column.title) + 4, one * LONGEST_TITLE)
        return max(words, title) + 13

    def _widen(self, first: QModelIndex, last: QModelIndex) -> None:
        """Other values have come: no digit is cut off, and columns that are wide enough stay as they are."""
        for number in range(first.column(), last.column() + 1):
            if (width := self._width(number)) > self.columnWidth(number):
                self.setColumnWidth(number, width)

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.painter.set_palette(palette)
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scrollTo(self.currentIndex())  # the selected step stays in sight, also when the pane gets its first size

    def set_current_row(self, row: int) -> None:
        """Make the row of the selected step stand out."""
        for changed in {row, self.painter.current_row} if row != self.painter.current_row else ():
            self.viewport().update(0, self.rowViewportPosition(changed), self.viewport().width(), self.rowHeight(changed))
        self.painter.current_row = row

    def set_faded(self, faded: bool) -> None:
        """Dim the results: they are older than the batch."""
        self.painter.faded = faded
        self.viewport().update()

    # --- keys

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self.takes_key(event):
            event.accept()
            return True
        return super().event(event)

    def takes_key(self, event: QKeyEvent) -> bool:
        """Whether a key is the table's own: it moves, ticks, or begins to type what its cell can hold. The others are the window's."""
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            return False
        if event.key() in NAVIGATION:
            return True
        index = self.currentIndex()
        if not event.text().isprintable() or not event.text() or not index.flags() & Qt.ItemFlag.ItemIsEditable:
            return False
        return event.text() in NUMBER_STARTS or not self.items.holds_numbers(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        pressed = QKeySequence(event.keyCombination())
        action = next((a for a in self.acts if pressed in a.shortcuts() and a.isEnabled()), None)
        if action is not None and not self.editing:  # plain keys such as Delete are the table's own and reach no window shortcut
            action.trigger()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.Paste):
            self.paste()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not self.editing:
            self.edit(self.currentIndex())
        elif event.text().isprintable() and event.text() and not self.takes_key(event):
            event.ignore()  # neither typed nor searched for
        else:
            super().keyPressEvent(event)

    @property
    def editing(self) -> bool:
        """Whether a cell is being typed into."""
        return self.state() == QAbstractItemView.State.EditingState

    # --- what is selected

    def chosen(self) -> list[tuple[Column, list[int]]]:
        """The selected cells: the columns that have any, and their rows."""
        rows: dict[int, set[int]] = {}
        for block in self.selectionModel().selection().toList():
            for column in range(block.left(), block.right() + 1):
                rows.setdefault(column, set()).update(range(block.top(), block.bottom() + 1))
        return [(self.items.columns[column], sorted(rows[column])) for column in sorted(rows)]

    def chosen_rows(self) -> list[int]:
        """The rows that have a selected cell."""
        return sorted({row for _, rows in self.chosen() for row in rows})

    def chosen_with(self, index: Index) -> list[tuple[Column, list[int]]]:
        """The selected cells that what is done to one of them is done to: boxes to tick, or cells to type into; that one alone where
        it is not selected."""
        column = self.items.columns[index.column()]
        if not self.selectionModel().isSelected(index):
            return [(column, [index.row()])]
        return [(other, rows) for other, rows in self.chosen() if other.kind == column.kind or {other.kind, column.kind} <= ARRAYS.keys()]

    # --- copying and pasting

    def copy(self, headings: bool = False) -> None:
        """The selected cells as tab-separated text, with every digit; blank where a cell between is not selected."""
        chosen = {self.items.columns.index(column): set(rows) for column, rows in self.chosen()}
        if not chosen:
            return
        columns = range(min(chosen), max(chosen) + 1)
        lines = [[STEP, *(self.items.columns[c].title for c in columns)]] if headings else []
        for row in self.chosen_rows():
            cells = [self._copied(row, c) if row in chosen.get(c, ()) else "" for c in columns]
            lines.append([str(row), *cells] if headings else cells)
        QApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))

    def _copied(self, row: int, column: int) -> str:
        cell = self.items.cell(row, column)
        return exact_text(cell.value) if cell.kind not in ("mask", "status") and cell.kind not in OF_WORDS else cell.text

    def paste(self) -> None:
        """Put the clipboard's cells at the selected ones; one row, column or cell is repeated over a selection it fits into."""
        table = table_of(QApplication.clipboard().text())
        if not table:
            self.items.rejected.emit("The clipboard holds no text: copy cells here or in a spreadsheet first.")
            return
        rows, columns = self.chosen_rows(), [self.items.columns.index(column) for column, _ in self.chosen()]
        if not rows:
            current = self.currentIndex()
            rows, columns = [max(current.row(), 0)], [max(current.column(), 0)]
        height, width = len(table), len(table[0])
        down = (rows[-1] - rows[0] + 1) // height if (rows[-1] - rows[0] + 1) % height == 0 else 1
        across = (columns[-1] - columns[0] + 1) // width if (columns[-1] - columns[0] + 1) % width == 0 else 1
        self.items.paste(rows[0], columns[0], [line * max(across, 1) for line in table] * max(down, 1))

    # --- the menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.menu()
        menu.exec(event.globalPos())
        menu.deleteLater()

    def menu(self) -> QMenu:
        """What can be done with the selected cells."""
        menu = QMenu(self)
        menu.addActions([action for action in self.acts if action.objectName() in IN_MENU])
        menu.addSeparator()
        for submenu in self.menus:
            menu.addMenu(submenu)
        return menu
