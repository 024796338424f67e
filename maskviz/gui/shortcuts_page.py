"""The page of the settings where actions get other keys."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from maskviz.gui.command_palette import ROW_PADDING, score
from maskviz.gui.shortcuts import Shortcuts
from maskviz.gui.words import tr

NATIVE = QKeySequence.SequenceFormat.NativeText


class KeyField(QKeySequenceEdit):
    """Takes a key as it is pressed; Escape empties it, and goes on to the dialog where it is empty."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape or event.modifiers() != Qt.KeyboardModifier.NoModifier:
            super().keyPressEvent(event)
        elif self.keySequence().isEmpty():
            event.ignore()
        else:
            self.clear()


class ShortcutsPage(QWidget):
    """Every action with its keys; below, the keys of the chosen one can be typed, and whose they are already is said."""

    def __init__(self, shortcuts: Shortcuts) -> None:
        super().__init__()
        self._shortcuts = shortcuts
        heading = QLabel(tr("Keyboard"))
        heading.setProperty("look", "title")
        self.search = QLineEdit(placeholderText=tr("Find an action or a key…"), clearButtonEnabled=True)
        self.search.setAccessibleName(tr("Find an action or a key"))
        self.search.textChanged.connect(self.refresh)
        self.list = QTreeWidget(columnCount=2)
        self.list.setAccessibleName(tr("Actions and their keys"))
        self.list.setProperty("look", "palette")
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setHeaderLabels(["Action", "Keys"])
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.currentItemChanged.connect(self._choose)
        self.edit = KeyField(maximumSequenceLength=1, clearButtonEnabled=True)
        self.edit.setAccessibleName(tr("New key"))
        self.edit.keySequenceChanged.connect(self._check)
        self.assign = QPushButton(tr("Assign"))
        self.reset_one = QPushButton(tr("Reset"))
        self.reset_one.setToolTip(tr("Give this action the keys that it came with"))
        self.reset_all = QPushButton(tr("Reset all"))
        self.reset_all.setToolTip(tr("Give every action the keys that it came with"))
        for button, clicked in ((self.assign, self._assign), (self.reset_one, self._reset), (self.reset_all, self._reset_all)):
            button.clicked.connect(clicked)
        self.said = QLabel()
        self.said.setProperty("look", "muted")
        self.said.setWordWrap(True)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(QLabel(tr("New key")))
        row.addWidget(self.edit, 1)
        for button in (self.assign, self.reset_one, self.reset_all):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        for widget in (heading, self.search, self.list):
            column.addWidget(widget)
        column.addLayout(row)
        column.addWidget(self.said)
        self.refresh()

    @property
    def chosen(self) -> str | None:
        """The id of the action whose keys are being changed."""
        item = self.list.currentItem()
        return None if item is None else str(item.data(0, Qt.ItemDataRole.UserRole))

    def refresh(self) -> None:
        """List the actions that fit what is searched for."""
        chosen, typed = self.chosen, self.search.text()
        self.list.clear()
        for name in self._shortcuts.names:
            text = self._shortcuts.text(name)
            keys = ", ".join(QKeySequence(key).toString(NATIVE) for key in self._shortcuts.keys(name))
            if score(text, typed) is None and typed.casefold() not in keys.casefold():
                continue
            item = QTreeWidgetItem([text, keys])
            item.setSizeHint(0, QSize(0, self.list.fontMetrics().height() + ROW_PADDING))
            item.setData(0, Qt.ItemDataRole.UserRole, name)
            font = item.font(1)
            font.setBold(self._shortcuts.is_changed(name))
            item.setFont(1, font)
            self.list.addTopLevelItem(item)
            if name == chosen:
                self.list.setCurrentItem(item)
        if self.list.currentItem() is None:
            self.list.setCurrentIndex(self.list.model().index(0, 0))
        self.reset_all.setEnabled(any(map(self._shortcuts.is_changed, self._shortcuts.names)))

    def _choose(self) -> None:
        self.edit.clear()
        self._check()

    def _check(self) -> None:
        name, key = self.chosen, self.edit.keySequence().toString()
        self.assign.setEnabled(name is not None and (bool(key) or bool(self._shortcuts.keys(name))))
        self.assign.setText("Assign" if key or name is None else "Remove keys")
        self.reset_one.setEnabled(name is not None and self._shortcuts.is_changed(name))
        owner = self._shortcuts.owner(key, name) if key and name is not None else None
        if owner is not None:
            shown = self.edit.keySequence().toString(NATIVE)
            self.said.setText(f"“{self._shortcuts.text(owner)}” has {shown} now and would lose it.")
        elif name is not None:
            self.said.setText(f"Type a key for “{self._shortcuts.text(name)}” into the field; leave it empty to have none.")

    def _assign(self) -> None:
        if self.chosen is not None:
            key = self.edit.keySequence().toString()
            self._shortcuts.give(self.chosen, [key] if key else [])
            self._done()

    def _reset(self) -> None:
        if self.chosen is not None:
            self._shortcuts.reset(self.chosen)
            self._done()

    def _reset_all(self) -> None:
        self._shortcuts.reset()
        self._done()

    def _done(self) -> None:
        self.edit.clear()
        self.refresh()
        self._check()
