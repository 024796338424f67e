"""An editor on a document, and what a person does with its cells."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from maskviz.gui.editor import EditorPanel
from maskviz.gui.editor.items import Cell
from maskviz.gui.editor.table import StepTable
from maskviz.palette import DARK
from maskviz.session.document import Document


def panel(qtbot: QtBot, doc: Document, size: tuple[int, int] = (1500, 400)) -> EditorPanel:
    widget = EditorPanel(doc, DARK)
    qtbot.addWidget(widget)
    widget.resize(*size)
    widget.show()
    widget.activateWindow()
    QApplication.processEvents()
    return widget


def cell(table: StepTable, title: str, row: int) -> QModelIndex:
    titles = [c.title for c in table.items.columns]
    return table.items.index(row, titles.index(title))


def at(table: StepTable, title: str, row: int) -> Cell:
    return table.items.cell(row, cell(table, title, row).column())


def text(table: StepTable, title: str, row: int) -> str:
    return cell(table, title, row).data()


def place(table: StepTable, index: QModelIndex) -> QPoint:
    table.scrollTo(index)
    return table.visualRect(index).center()


def open_cell(qtbot: QtBot, table: StepTable, index: QModelIndex) -> QLineEdit:
    """Double-click a cell; the line to type into."""
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place(table, index))
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place(table, index))
    return line_of(table)


def line_of(table: StepTable) -> QLineEdit:
    lines = [line for line in table.viewport().findChildren(QLineEdit) if line.isVisible()]
    assert lines, "the cell cannot be edited"
    return lines[0]


def enter(qtbot: QtBot, line: QLineEdit, words: str) -> None:
    line.selectAll()
    qtbot.keyClicks(line, words)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    QApplication.processEvents()


def type_into(qtbot: QtBot, table: StepTable, index: QModelIndex, words: str) -> None:
    """Double-click a cell, type and press Enter."""
    enter(qtbot, open_cell(qtbot, table, index), words)
