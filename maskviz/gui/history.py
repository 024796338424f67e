"""The history pane: every edit of the batch by its name; a click goes back or forth to it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QListView, QVBoxLayout, QWidget
from shiboken6 import isValid

from maskviz.palette import Palette
from maskviz.session.document import Document

Role = Qt.ItemDataRole
TOP = QModelIndex()
OPENED = "As opened"


class Steps(QAbstractListModel):
    """The batch as it was opened, and below it every edit; those that are undone are muted."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.muted = QColor()
        self._document = document
        self._texts = [OPENED]

    def refresh(self) -> None:
        """Follow the undo stack."""
        stack = self._document.undo_stack
        texts = [OPENED, *(stack.text(n) for n in range(stack.count()))] if self._document.batch is not None else []
        if texts != self._texts:
            self.beginResetModel()
            self._texts = texts
            self.endResetModel()
        elif texts:
            self.dataChanged.emit(self.index(0), self.index(len(texts) - 1))

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = TOP) -> int:
        return 0 if parent.isValid() else len(self._texts)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Role.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role in (Role.DisplayRole, Role.ToolTipRole):
            return self._texts[index.row()]
        if role == Role.ForegroundRole and index.row() > self._document.undo_stack.index():
            return self.muted
        return None


class HistoryPanel(QWidget):
    """A list of the edits, the newest below; choosing one undoes or redoes up to it."""

    def __init__(self, document: Document, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("history")
        self.setAccessibleName("History")
        self._document = document
        self.list = QListView()
        self.list.setAccessibleName("Edits, the newest last")
        self.list.setFrameShape(QListView.Shape.NoFrame)
        self.list.setUniformItemSizes(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.steps = Steps(document)
        self.list.setModel(self.steps)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list)
        self._following = False
        self.list.selectionModel().currentChanged.connect(self._go)
        document.undo_stack.indexChanged.connect(self.refresh)
        for signal in (document.batch_changed, document.network_changed):
            signal.connect(self.refresh)
        self.set_palette(palette)
        self.refresh()

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.steps.muted = QColor(palette.muted)
        self.list.setStyleSheet(
            f"QListView {{ background: {palette.pane}; border: none; border-radius: 0px; padding: 2px 6px; }}"
            f"QListView::item {{ padding: 4px 6px; border-radius: 4px; border: 1px solid transparent; }}"
            f"QListView::item:selected {{ background: {palette.card}; border-color: {palette.border}; color: {palette.text}; }}"
            f"QListView::item:selected:active:focus {{ border-color: {palette.accent}; }}"
        )

    def refresh(self) -> None:
        """Show the edits there are, and where the batch stands among them."""
        if not isValid(self._document.undo_stack):  # a stack that is being deleted still tells that it is empty
            return
        self._following = True
        try:
            self.steps.refresh()
            here = self.steps.index(self._document.undo_stack.index())
            self.list.selectionModel().setCurrentIndex(here, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.list.scrollTo(here)
        finally:
            self._following = False

    def _go(self, current: QModelIndex) -> None:
        if not self._following and current.isValid():
            self._document.go_to(current.row())
