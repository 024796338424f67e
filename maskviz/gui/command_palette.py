"""The command palette: every action of the menus, found by typing some of its letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QFrame, QHeaderView, QLineEdit, QMenu, QMenuBar, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from maskviz.gui.action_list import ACTIONS
from maskviz.gui.actions import plain_text
from maskviz.gui.words import tr

ROW_PADDING = 10
REASONS = {
    "nothing": "not now",
    "network": "open a network first",
    "batch": "open a network first",
    "result": "not computed yet",
    "pinned": "pin something as A first",
    "undo": "nothing to undo",
    "redo": "nothing to redo",
}
"""Why an action cannot be run, by what it needs or by its id."""


@dataclass(frozen=True)
class Entry:
    """One line of the palette; ``reason`` says why its action cannot be run now."""

    text: str
    keys: str
    action: QAction
    reason: str = ""


def score(text: str, typed: str) -> int | None:
    """How well ``typed`` fits ``text``: smaller is better, None when its letters are not all there in this order.

    Text that holds what was typed in one piece comes before text that holds its words, and that before text that holds it scattered;
    then early and close is better.
    """
    text, wanted = text.casefold(), typed.casefold().strip()
    if wanted in text:
        return text.index(wanted)
    if all(word in text for word in wanted.split()):
        return max(text.index(word) for word in wanted.split()) + 1
    position, cost = 0, len(text)
    for letter in wanted.replace(" ", ""):
        found = text.find(letter, position)
        if found < 0:
            return None
        cost += found - position
        position = found + 1
    return cost


def entries_of(bar: QMenuBar) -> list[Entry]:
    """Every action of a menu bar, with the menus it is in."""
    return [
        Entry(" ▸ ".join(path), action.shortcut().toString(QKeySequence.SequenceFormat.NativeText), action, _reason(action))
        for path, action in _walk(bar.actions(), ())
    ]


def _reason(action: QAction) -> str:
    needs = next((spec.needs for spec in ACTIONS if spec.id == action.objectName()), "nothing")
    return "" if action.isEnabled() else REASONS.get(action.objectName(), REASONS[needs])


def _walk(actions: Sequence[QAction], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], QAction]]:
    for action in actions:
        here = (*path, plain_text(action.text()))
        menu = action.menu()
        if isinstance(menu, QMenu):
            yield from _walk(menu.actions(), here)
        elif not action.isSeparator() and action.isVisible() and (action.isEnabled() or action.objectName()):
            yield here, action


class CommandPalette(QDialog):
    """A list over all actions, those used last at its top. Up and Down choose, Enter runs, Escape closes.

    ``ran`` carries the id of an action that was run.
    """

    ran = Signal(str)

    def __init__(self, entries: Sequence[Entry], parent: QWidget, used: Sequence[str] = ()) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAccessibleName(tr("Command palette"))
        places = {name: place for place, name in enumerate(used)}
        self._entries = sorted(entries, key=lambda entry: places.get(entry.action.objectName(), len(places)))
        self.chosen: QAction | None = None
        frame = QFrame()
        frame.setProperty("look", "card")
        self.line = QLineEdit()
        self.line.setPlaceholderText(tr("Type a command…"))
        self.line.setAccessibleName(tr("Command"))
        self.line.textChanged.connect(self._filter)
        self.line.installEventFilter(self)
        self.list = QTreeWidget()
        self.list.setAccessibleName(tr("Commands"))
        self.list.setProperty("look", "palette")
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setUniformRowHeights(True)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.itemClicked.connect(self._run)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        column = QVBoxLayout(frame)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.line)
        column.addWidget(self.list)
        self._filter("")
        self.resize(min(620, parent.width() - 80), min(420, parent.height() - 120))
        self.move(parent.mapToGlobal(QPoint((parent.width() - self.width()) // 2, 70)))
        self.line.setFocus()

    def _filter(self, typed: str) -> None:
        """List what fits; what cannot be run now is found by typing, below the others and with the reason."""
        found = [(bool(e.reason), cost, n) for n, e in enumerate(self._entries) if (cost := score(e.text, typed)) is not None]
        ranked = sorted(found) if typed else [place for place in found if not place[0]]
        self.list.clear()
        for unable, _cost, n in ranked:
            item = QTreeWidgetItem([self._entries[n].text, self._entries[n].reason or self._entries[n].keys])
            item.setDisabled(unable)
            item.setData(0, Qt.ItemDataRole.UserRole, n)
            item.setSizeHint(0, QSize(0, self.list.fontMetrics().height() + ROW_PADDING))  # the style's own does not reach every row
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.list.addTopLevelItem(item)
        if not ranked:
            nothing = QTreeWidgetItem([tr("Nothing found")])
            nothing.setDisabled(True)
            self.list.addTopLevelItem(nothing)
        self._choose(0)

    def _choose(self, row: int) -> None:
        item = self.list.topLevelItem(min(max(row, 0), self.list.topLevelItemCount() - 1))
        if item is not None and not item.isDisabled():
            self.list.setCurrentItem(item)

    def _run(self, item: QTreeWidgetItem | None) -> None:
        if item is not None and not item.isDisabled():
            self.chosen = self._entries[item.data(0, Qt.ItemDataRole.UserRole)].action
            self.accept()
            if self.chosen.objectName():
                self.ran.emit(self.chosen.objectName())
            self.chosen.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run(self.list.currentItem())
                return True
            moves = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}
            if event.key() in moves:
                self._choose(self.list.currentIndex().row() + moves[Qt.Key(event.key())])
                return True
        return super().eventFilter(watched, event)
