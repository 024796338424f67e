"""The editor's table view: compact rows, padding hatched, the current step highlighted, selections copied as text."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QContextMenuEvent, QFont, QKeyEvent, QKeySequence, QResizeEvent
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

from maskviz.core.batch import without_weights
from maskviz.gui.editor.columns import Column, sample_of
from maskviz.gui.editor.edits import pad_steps
from maskviz.gui.editor.items import StepItems
from maskviz.gui.editor.painting import CellPainter
from maskviz.palette import Palette
from maskviz.session.document import Document

DIGITS = ["DejaVu Sans Mono", "Menlo", "Consolas", "monospace"]
CHARACTERS = {"mask": 9, "padding": 7, "status": 10, "x": 8, "y": 8, "weight": 6, "class": 7, "prediction": 8, "contribution": 8}
NAVIGATION = frozenset(
    getattr(Qt.Key, f"Key_{name}")
    for name in ("Up", "Down", "Left", "Right", "Home", "End", "PageUp", "PageDown", "Return", "Enter", "Space")
)
Index = QModelIndex | QPersistentModelIndex


class StepTable(QTableView):
    """One of the editor's two tables; copies what is selected as tab-separated text."""

    def __init__(self, document: Document, palette: Palette, items: StepItems, whole: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.items = items
        self.whole = whole
        self._document = document
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
        self._widths()

    def _headers(self) -> None:
        across, down = self.horizontalHeader(), self.verticalHeader()
        across.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        across.setHighlightSections(False)
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
        one = self.fontMetrics().horizontalAdvance("0")
        for number, column in enumerate(self.items.columns):
            self.setColumnWidth(number, one * max(CHARACTERS[column.kind], len(column.title)) + 13)
        self.verticalHeader().setFixedWidth(one * max(len(str(self.items.rowCount())), 4) + 16)

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.painter.set_palette(palette)
        self.viewport().update()

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
        # the window's own shortcuts for arrows and Space step time and fit views: inside the table they move and tick
        if event.type() == QEvent.Type.ShortcutOverride:
            assert isinstance(event, QKeyEvent)
            plain = event.modifiers() in (
                Qt.KeyboardModifier.NoModifier,
                Qt.KeyboardModifier.ShiftModifier,
                Qt.KeyboardModifier.KeypadModifier,
            )
            typing = event.text().isdigit() or event.text() in ("-", "+", ".")
            if (plain and (Qt.Key(event.key()).name in NAVIGATION or (typing and event.text()))) or event.matches(
                QKeySequence.StandardKey.Copy
            ):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.state() != QAbstractItemView.State.EditingState:
            self.edit(self.currentIndex())
        else:
            super().keyPressEvent(event)

    @property
    def editing(self) -> bool:
        """Whether a cell is being typed into."""
        return self.state() == QAbstractItemView.State.EditingState

    # --- copying and the menu

    def copy(self, headings: bool = False) -> None:
        """The selected cells as tab-separated text, with every digit; blank where a cell between is not selected."""
        chosen = {(i.row(), i.column()) for i in self.selectedIndexes()}
        if not chosen:
            return
        rows = sorted({r for r, _ in chosen})
        columns = range(min(c for _, c in chosen), max(c for _, c in chosen) + 1)
        lines = [["step", *(self.items.columns[c].title for c in columns)]] if headings else []
        for row in rows:
            cells = [self._copied(row, c) if (row, c) in chosen else "" for c in columns]
            lines.append([str(row), *cells] if headings else cells)
        QApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))

    def _copied(self, row: int, column: int) -> str:
        index = self.items.index(row, column)
        if self.items.columns[column].kind in ("mask", "status"):
            return str(index.data())
        value = self.items.value(index)
        return "" if value is None else value.decode(errors="replace") if isinstance(value, bytes) else str(value)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.menu()
        menu.exec(event.globalPos())
        menu.deleteLater()

    def menu(self) -> QMenu:
        """What can be done with the selected cells."""
        menu = QMenu(self)
        menu.addAction("Copy", self.copy)
        menu.addAction("Copy with headings", lambda: self.copy(headings=True))
        menu.addSeparator()
        batch = self._document.batch
        names = [c.name for c in self.items.columns if c.kind == "padding"]
        for name in names:
            of = f" of {name}" if len(names) > 1 else ""
            menu.addAction(f"Pad the selected steps{of}", partial(self.pad_selected, name, True))
            menu.addAction(f"Make the selected steps{of} real", partial(self.pad_selected, name, False))
        for name in batch.sample_weight if batch else ():
            menu.addAction(f"Remove the weights of {name}", partial(self._remove_weights, name))
        return menu

    def pad_selected(self, name: str, padded: bool) -> None:
        """Make the steps of the selected rows padding of input ``name``, or real."""
        document, column = self._document, self._padding_column(name)
        if document.batch is None or document.network is None or column is None:
            return
        rows = sorted({i.row() for i in self.selectedIndexes() if column.at(0, i.row()) is not None})
        if rows:
            document.edit(*pad_steps(document.batch, document.network.input(name), sample_of(document), rows, padded))

    def _padding_column(self, name: str) -> Column | None:
        return next((c for c in self.items.columns if c.kind == "padding" and c.name == name), None)

    def _remove_weights(self, name: str) -> None:
        if self._document.batch is not None:
            self._document.edit(without_weights(self._document.batch, name), f"Remove the weights of {name}")
