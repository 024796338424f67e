"""All layers that a row can be, by group, found by typing part of a name or of what they do."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFrame, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from maskviz.core.layer_forms import Forms, LayerForm
from maskviz.gui.words import tr

SIZE = QSize(440, 460)
KIND = Qt.ItemDataRole.UserRole


def rank(form: LayerForm, typed: str) -> tuple[int, int] | None:
    """How well a layer fits what was typed: smaller is better, None where it does not. Of names that hold it, shorter ones are better."""
    words = typed.casefold().split()
    name, told = form.kind.casefold(), f"{form.group} {form.summary}".casefold()
    if not all(word in name or word in told for word in words):
        return None
    if not words or name == "".join(words):
        return 0, 0
    if words[0] not in name:
        return 3, 0
    return (1 if name.startswith(words[0]) else 2), len(name)


class LayerPicker(QDialog):
    """A list that opens below a button. Up and Down choose, Enter picks, Escape closes; ``picked`` carries the class."""

    picked = Signal(str)

    def __init__(self, forms: Forms, below: QWidget) -> None:
        super().__init__(below.window(), Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(tr("Add a layer"))
        self._forms = forms
        self.line = QLineEdit()
        self.line.setPlaceholderText(tr("Find a layer…"))
        self.line.setAccessibleName(tr("Find a layer"))
        self.line.textChanged.connect(self._filter)
        self.line.installEventFilter(self)
        self.list = QTreeWidget()
        self.list.setProperty("look", "palette")
        self.list.setAccessibleName(tr("Layers"))
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setIndentation(12)
        self.list.setColumnCount(2)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._pick)
        frame = QFrame()
        frame.setProperty("look", "card")
        column = QVBoxLayout(frame)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.line)
        column.addWidget(self.list)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        self._filter("")
        self.list.resizeColumnToContents(0)
        self.resize(SIZE)
        self.move(self._place(below))
        self.line.setFocus()

    def _place(self, below: QWidget) -> QPoint:
        """Below the button, and on the screen."""
        room = below.screen().availableGeometry()
        corner = below.mapToGlobal(QPoint(0, below.height() + 2))
        return QPoint(min(corner.x(), room.right() - self.width()), min(corner.y(), room.bottom() - self.height()))

    def _filter(self, typed: str) -> None:
        self.list.clear()
        found = [(cost, form) for form in self._forms.layers.values() if (cost := rank(form, typed)) is not None]
        if typed.strip():
            for _cost, form in sorted(found, key=lambda pair: pair[0]):
                self.list.addTopLevelItem(self._item(form))
        else:
            self._group([form for _cost, form in found])
        self._choose(1)

    def _group(self, forms: list[LayerForm]) -> None:
        groups: dict[str, QTreeWidgetItem] = {}
        for form in forms:
            if form.group not in groups:
                heading = groups[form.group] = QTreeWidgetItem([form.group.upper()])
                heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
                heading.setFirstColumnSpanned(True)
                self.list.addTopLevelItem(heading)
                heading.setFirstColumnSpanned(True)
                heading.setExpanded(True)
            groups[form.group].addChild(self._item(form))

    @staticmethod
    def _item(form: LayerForm) -> QTreeWidgetItem:
        item = QTreeWidgetItem([form.kind, form.summary])
        item.setData(0, KIND, form.kind)
        for column in (0, 1):
            item.setToolTip(column, form.summary)
        return item

    def _items(self) -> list[QTreeWidgetItem]:
        tops = [self.list.topLevelItem(n) for n in range(self.list.topLevelItemCount())]
        found: list[QTreeWidgetItem | None] = []
        for top in filter(None, tops):
            found += [top] if top.data(0, KIND) else [top.child(k) for k in range(top.childCount())]
        return [item for item in found if item is not None]

    def _choose(self, step: int) -> None:
        """The item that many after the current one."""
        items = self._items()
        if not items:
            return
        now = self.list.currentItem()
        place = items.index(now) + step if now in items else 0
        self.list.setCurrentItem(items[min(max(place, 0), len(items) - 1)])

    def _pick(self, item: QTreeWidgetItem | None) -> None:
        kind = None if item is None else item.data(0, KIND)
        if kind:
            self.picked.emit(kind)
            self.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -8, Qt.Key.Key_PageDown: 8}
            if event.key() in steps:
                self._choose(steps[Qt.Key(event.key())])
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._pick(self.list.currentItem())
                return True
        return super().eventFilter(watched, event)
