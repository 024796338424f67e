"""Cards to choose from, in as many columns as there is room for."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

COLUMN = 270  # least width of a card in logical pixels


class Card(QFrame):
    """A title and a few sentences; a click, Enter or Space chooses it."""

    chosen = Signal(str)

    def __init__(self, key: str, title: str, text: str) -> None:
        super().__init__()
        self.key = key
        self.setProperty("look", "card")
        self.setProperty("clickable", "true")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 11, 14, 12)
        column.setSpacing(4)
        for words, look in ((title, "strong"), (text, "muted")):
            label = QLabel(words)
            label.setProperty("look", look)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            column.addWidget(label)
        column.addStretch(1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.chosen.emit(self.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self.key)
        else:
            super().keyPressEvent(event)


class Cards(QWidget):
    """A grid of cards. ``chosen`` carries the key of the card that was chosen."""

    chosen = Signal(str)
    moved = Signal(QWidget)
    """The arrow keys went to a card."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(10)
        self._columns = 0
        self.cards: list[Card] = []
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def add(self, key: str, title: str, text: str) -> None:
        """Add a card; ``key`` is what ``chosen`` carries."""
        card = Card(key, title, text)
        card.chosen.connect(self.chosen)
        self.cards.append(card)
        self._columns = 0
        self._arrange()

    def minimumSizeHint(self) -> QSize:
        return QSize(COLUMN, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self._columns, Qt.Key.Key_Down: self._columns}
        here = next((n for n, card in enumerate(self.cards) if card is self.focusWidget()), None)
        by = steps.get(Qt.Key(event.key()))
        if here is None or by is None:
            super().keyPressEvent(event)
        elif 0 <= here + by < len(self.cards):
            self.cards[here + by].setFocus(Qt.FocusReason.TabFocusReason)
            self.moved.emit(self.cards[here + by])

    def _arrange(self) -> None:
        columns = max(1, (self.width() + self._grid.spacing()) // (COLUMN + self._grid.spacing()))
        if columns == self._columns:
            return
        for n in range(self._columns):
            self._grid.setColumnStretch(n, 0)
        self._columns = columns
        for n, card in enumerate(self.cards):
            self._grid.addWidget(card, n // columns, n % columns)
        for n in range(columns):
            self._grid.setColumnStretch(n, 1)
