"""The editor's cells as a Qt table: one row per step of the selected sample, or one row for the sample as a whole."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from maskviz.core.errors import UnusableInput
from maskviz.core.status import Status
from maskviz.gui.editor.columns import EDITABLE, Column, arrays_of, columns_of, exact_text, is_padded, number_text, sample_of, value_at
from maskviz.gui.editor.edits import pad_steps, typed
from maskviz.palette import STATUS_WORDS
from maskviz.session.document import Document

Index = QModelIndex | QPersistentModelIndex
TOP = QModelIndex()
Role = Qt.ItemDataRole
PADDED = Role.UserRole + 1  # bool: the cell belongs to padding
STATUS = Role.UserRole + 2  # Status of a cell that has a colour, else None
RESULT = Role.UserRole + 3  # bool: the cell shows what the engine found, which may be stale


class StepItems(QAbstractTableModel):
    """``whole`` False: a row for each step of the shared time axis; True: one row with what has no time axis.

    ``rejected`` carries one sentence when a text cannot stand in its cell; the old value stays.
    """

    rejected = Signal(str)

    def __init__(self, document: Document, whole: bool = False) -> None:
        super().__init__(document)
        self._document = document
        self._whole = whole
        self.columns: tuple[Column, ...] = ()
        self._rows = 0
        self._read()

    def refresh(self) -> None:
        """Show the document as it is now; the view keeps its place unless rows or columns come or go."""
        columns = columns_of(self._document)[self._whole]
        if (columns, self._rows_of(columns)) == (self.columns, self._rows):
            self.columns = columns
            self._arrays = arrays_of(self._document)
            if self._rows:
                self.dataChanged.emit(self.index(0, 0), self.index(self._rows - 1, len(columns) - 1))
            return
        self.beginResetModel()
        self._read()
        self.endResetModel()

    def _read(self) -> None:
        self.columns = columns_of(self._document)[self._whole]
        self._rows = self._rows_of(self.columns)
        self._arrays = arrays_of(self._document)

    def _rows_of(self, columns: tuple[Column, ...]) -> int:
        return 0 if not columns else 1 if self._whole else self._document.time_steps

    # --- what Qt asks

    def rowCount(self, parent: Index = TOP) -> int:
        return 0 if parent.isValid() else self._rows

    def columnCount(self, parent: Index = TOP) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return str(section) if role == Role.DisplayRole and not self._whole else None
        if section >= len(self.columns):
            return None
        column = self.columns[section]
        if role == Role.TextAlignmentRole:
            align = Qt.AlignmentFlag
            across = {"mask": align.AlignLeft, "status": align.AlignLeft, "padding": align.AlignHCenter}.get(column.kind, align.AlignRight)
            return across | align.AlignVCenter
        return {Role.DisplayRole: column.title, Role.ToolTipRole: column.tip}.get(Role(role))

    def value(self, index: Index) -> Any:
        """The cell's value itself."""
        return value_at(self._arrays, self.columns[index.column()], sample_of(self._document), index.row())

    def exists(self, index: Index) -> bool:
        """Whether the column's array has a step on this row."""
        return self.columns[index.column()].at(0, index.row()) is not None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not index.isValid():
            return None
        column = self.columns[index.column()]
        if role == Role.DisplayRole or role == Role.AccessibleTextRole:
            return self._text(index, column)
        if role == Role.EditRole:
            return exact_text(self.value(index)) if column.kind in EDITABLE else self._text(index, column)
        if role == Role.CheckStateRole and column.kind == "padding" and self.exists(index):
            return Qt.CheckState.Checked if self.value(index) else Qt.CheckState.Unchecked
        if role == Role.ToolTipRole:
            return column.tip
        if role == PADDED:
            return is_padded(self._arrays, column, sample_of(self._document), index.row())
        if role == STATUS:
            return self._status(index, column)
        if role == RESULT:
            return column.kind in ("mask", "status", "class", "prediction", "contribution")
        return None

    def _status(self, index: Index, column: Column) -> Status | None:
        value = self.value(index) if column.kind in ("mask", "status") else None
        if column.kind == "mask":
            return None if value is None else Status.KEPT if value else Status.SKIPPED
        return None if value is None else Status(int(value))

    def _text(self, index: Index, column: Column) -> str:
        if not self.exists(index) or column.kind == "padding":
            return ""
        if column.kind in ("mask", "status"):
            status = self._status(index, column)
            return ("none" if self._document.trace else "") if status is None else STATUS_WORDS[status][0]
        return number_text(self.value(index), column.kind)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flag = Qt.ItemFlag
        if not index.isValid() or not self.exists(index):
            return flag.ItemIsEnabled
        flags = flag.ItemIsEnabled | flag.ItemIsSelectable
        kind = self.columns[index.column()].kind
        if kind == "padding":
            flags |= flag.ItemIsUserCheckable
        elif kind in EDITABLE:
            flags |= flag.ItemIsEditable
        return flags

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        document = self._document
        if document.batch is None or document.network is None or not index.isValid():
            return False
        column, sample, row = self.columns[index.column()], sample_of(document), index.row()
        if role == Role.CheckStateRole and column.kind == "padding":
            ticked = Qt.CheckState(value) == Qt.CheckState.Checked
            document.edit(*pad_steps(document.batch, document.network.input(column.name), sample, [row], ticked))
            return True
        if role != Role.EditRole or column.kind not in EDITABLE or str(value).strip() == exact_text(self.value(index)):
            return False
        try:
            document.edit(*typed(document.batch, document.network, column, sample, row, str(value)))
        except UnusableInput as error:
            self.rejected.emit(str(error))
            return False
        return True
