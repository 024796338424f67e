"""The editor's cells as a Qt table: one row per step of the selected sample, or one row for the sample as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.network import Network
from maskviz.core.numbers import number
from maskviz.core.status import Status
from maskviz.core.vocabulary import Vocabulary
from maskviz.gui.editor.columns import (
    ARRAYS,
    OF_WORDS,
    Column,
    Kind,
    Words,
    arrays_of,
    columns_of,
    decimals_of,
    exact_text,
    extremes,
    is_padded,
    number_text,
    sample_of,
    value_at,
    vocabulary_of,
)
from maskviz.gui.editor.edits import Edit, pad_steps, pasted, typed, typed_all
from maskviz.palette import STATUS_WORDS
from maskviz.session.document import Document, Opened

Index = QModelIndex | QPersistentModelIndex
TOP = QModelIndex()
Role = Qt.ItemDataRole
ABSENT = Qt.ItemFlag.ItemIsEnabled
READABLE = ABSENT | Qt.ItemFlag.ItemIsSelectable
TICKABLE = READABLE | Qt.ItemFlag.ItemIsUserCheckable
CHANGEABLE = READABLE | Qt.ItemFlag.ItemIsEditable


class Cell(NamedTuple):
    """One cell: ``exists`` is False where the column's array has no such step; ``status`` where it has a colour of its own."""

    kind: Kind
    value: Any
    exists: bool
    padded: bool
    status: Status | None
    text: str


OF_NUMBERS = frozenset({"x", "y", "weight", "prediction", "contribution"})
NO_CELL = Cell("x", None, False, False, None, "")


def _status(kind: Kind, value: Any) -> Status | None:
    if value is None or kind not in ("mask", "status"):
        return None
    return Status(int(value)) if kind == "status" else Status.KEPT if value else Status.SKIPPED


def _same_row(one: NDArray[Any] | None, other: NDArray[Any] | None, sample: int) -> bool:
    if one is other:
        return True
    if one is None or other is None or one.shape != other.shape or sample >= len(one):
        return False
    return bool(np.array_equal(one[sample], other[sample], equal_nan=one.dtype.kind == "f"))


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of every run of neighbours in ``numbers``."""
    for _, run in groupby(enumerate(numbers), lambda item: item[1] - item[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]


class StepItems(QAbstractTableModel):
    """``whole`` False: a row for each step of the shared time axis; True: one row with what has no time axis.

    ``rejected`` carries one sentence when a text cannot stand in its cell; the old value stays.
    """

    rejected = Signal(str)

    def __init__(self, document: Document, whole: bool = False) -> None:
        super().__init__(document)
        self._document = document
        self._whole = whole
        self._words: Words = {}
        self.columns: tuple[Column, ...] = ()
        self._rows = 0
        self._read(self._state(), columns_of(document)[whole])

    def set_words(self, words: Words) -> None:
        """Show words beside the ids of these inputs and outputs."""
        self._words = dict(words)
        self.beginResetModel()
        state = self._state()
        self._read(state, columns_of(state, self._words)[self._whole])
        self.endResetModel()

    def _state(self) -> Opened:
        """What is shown, A or B, at the sample that is selected."""
        return replace(self._document.comparison.shown(), selection=self._document.selection)

    def words_of(self, column: Column) -> Vocabulary | None:
        """The vocabulary of a column of ids, or of its words."""
        return vocabulary_of(column.kind, column.name, self._words)

    def refresh(self) -> None:
        """Show the document as it is now; the view keeps its place unless rows or columns come or go."""
        state = self._state()
        columns = columns_of(state, self._words)[self._whole]
        if (columns, self._rows_of(state, columns)) != (self.columns, self._rows):
            self.beginResetModel()
            self._read(state, columns)
            self.endResetModel()
            return
        before, sample = self._arrays, self._sample
        self._read(state, columns)
        keys: set[tuple[Kind, str]] = {(kind, c.name) for c in columns for kind in (OF_WORDS.get(c.kind, c.kind), "filler")}
        new = {key for key in keys if sample != self._sample or not _same_row(before.get(key), self._arrays.get(key), sample)}
        moved = [n for n, c in enumerate(columns) if (OF_WORDS.get(c.kind, c.kind), c.name) in new or ("filler", c.name) in new]
        for first, last in _runs(moved):
            self.dataChanged.emit(self.index(0, first), self.index(self._rows - 1, last))

    def _read(self, state: Opened, columns: tuple[Column, ...]) -> None:
        self.columns = columns
        self._rows = self._rows_of(state, columns)
        self._arrays = arrays_of(state)
        self._sample = sample_of(state)
        self._traced = state.trace is not None
        self._cells: dict[tuple[int, int], Cell] = {}
        self._decimals: dict[tuple[Kind, str], int | None] = {}
        self._longest: dict[tuple[Kind, str], int] = {}

    def _rows_of(self, state: Opened, columns: tuple[Column, ...]) -> int:
        return 0 if not columns else 1 if self._whole else state.time_steps

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
            if column.kind == "padding":
                return align.AlignCenter
            left = column.kind in ("mask", "status") or column.kind in OF_WORDS
            return (align.AlignLeft if left else align.AlignRight) | align.AlignVCenter
        return {Role.DisplayRole: column.title, Role.ToolTipRole: column.tip}.get(Role(role))

    def value(self, index: Index) -> Any:
        """The cell's value itself."""
        return self.cell(index.row(), index.column()).value

    def exists(self, index: Index) -> bool:
        """Whether the column's array has a step on this row."""
        return self.cell(index.row(), index.column()).exists

    def cell(self, row: int, number: int) -> Cell:
        """Everything about one cell, found once until the document changes."""
        found = self._cells.get((row, number))
        if found is None:
            column, sample = self.columns[number], self._sample
            if column.at(0, row) is None:
                found = NO_CELL._replace(kind=column.kind)
            else:
                value = value_at(self._arrays, column, sample, row)
                status = _status(column.kind, value)
                padded = is_padded(self._arrays, column, sample, row)
                found = Cell(column.kind, value, True, padded, status, self._text(column, value, status))
            self._cells[row, number] = found
        return found

    def _text(self, column: Column, value: Any, status: Status | None) -> str:
        """What stands in a cell."""
        if column.kind == "padding":
            return ""
        if column.kind in ("mask", "status"):
            return ("none" if self._traced else "") if status is None else STATUS_WORDS[status][0]
        if column.kind in OF_WORDS:
            words = self.words_of(column)
            return "" if words is None or value is None or value != value else words.word(int(value))
        if column.kind == "weight" and value is not None:
            return number(float(value))  # mostly 0, 1 or a round number
        return number_text(value, self._decimals_of(column.kind, column.name))

    def _decimals_of(self, kind: Kind, name: str) -> int | None:
        """How many decimals an array's numbers of this sample are shown with."""
        if (kind, name) not in self._decimals:
            array = self._arrays.get((kind, name))
            self._decimals[kind, name] = decimals_of(None if array is None or self._sample >= len(array) else array[self._sample])
        return self._decimals[kind, name]

    def longest(self, number: int) -> int:
        """The most characters that a number of a column's array has in this sample; 0 where the column shows words."""
        column = self.columns[number]
        key = column.kind, column.name
        if key not in self._longest:
            array = self._arrays.get(key) if column.kind in OF_NUMBERS else None
            values = [] if array is None or self._sample >= len(array) else extremes(array[self._sample])
            self._longest[key] = max((len(self._text(column, value, None)) for value in values), default=0)
        return self._longest[key]

    def holds_numbers(self, index: Index) -> bool:
        """Whether nothing but a number can stand in a cell."""
        column = self.columns[index.column()]
        array = self._arrays.get((column.kind, column.name))
        return column.kind not in OF_WORDS and (array is None or array.dtype.kind not in "USO")

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not index.isValid():
            return None
        cell = self.cell(index.row(), index.column())
        if role == Role.AccessibleTextRole and cell.kind == "padding" and cell.exists:
            return "padding" if cell.value else "real"
        if role == Role.DisplayRole or role == Role.AccessibleTextRole:
            return cell.text
        if role == Role.EditRole:
            return exact_text(cell.value) if cell.kind in ARRAYS and cell.kind not in OF_WORDS else cell.text
        if role == Role.CheckStateRole and cell.kind == "padding" and cell.exists:
            return Qt.CheckState.Checked if cell.value else Qt.CheckState.Unchecked
        return self.columns[index.column()].tip if role == Role.ToolTipRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return ABSENT
        cell = self.cell(index.row(), index.column())
        if not cell.exists:
            return ABSENT
        if self._document.comparison.side == "A":
            return READABLE
        return TICKABLE if cell.kind == "padding" else CHANGEABLE if cell.kind in ARRAYS else READABLE

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        if self._document.batch is None or not index.isValid():
            return False
        column, row = self.columns[index.column()], index.row()
        if role == Role.CheckStateRole and column.kind == "padding":
            return self.tick(column, [row], Qt.CheckState(value) == Qt.CheckState.Checked)
        if role != Role.EditRole or column.kind not in ARRAYS or str(value).strip() == index.data(Role.EditRole):
            return False
        return self._edit(lambda batch, network, sample: typed(batch, network, column, sample, row, str(value), self.words_of))

    # --- edits of many cells

    def tick(self, column: Column, rows: Sequence[int], padded: bool) -> bool:
        """Make the steps on some rows padding, or real."""
        return self._edit(lambda batch, network, sample: pad_steps(batch, network.input(column.name), sample, rows, padded))

    def set_all(self, chosen: Sequence[tuple[Column, Sequence[int]]], text: str) -> bool:
        """Set all these cells to what ``text`` means."""
        return self._edit(lambda batch, network, sample: typed_all(batch, network, chosen, sample, text, self.words_of))

    def paste(self, row: int, column: int, table: Sequence[Sequence[str]]) -> bool:
        """Put a block of text cells below and right of a cell."""
        columns = self.columns[column:]
        return self._edit(lambda batch, network, sample: pasted(batch, network, columns, sample, row, self._rows, table, self.words_of))

    def _edit(self, make: Callable[[Batch, Network, int], Edit]) -> bool:
        """Make an edit of the shown sample, or say why it cannot be."""
        batch, network = self._document.batch, self._document.network
        if batch is None or network is None or not self._document.comparison.may_edit():
            return False
        try:
            self._document.edit(*make(batch, network, sample_of(self._document)))
        except UnusableInput as error:
            self.rejected.emit(str(error))
            return False
        return True
