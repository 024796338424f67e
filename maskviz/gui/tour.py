"""A short tour of the panes, for the first time somebody opens an example. It can be left at any moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from maskviz.gui.words import tr
from maskviz.palette import Palette

GAP, WIDTH = 12, 340


@dataclass(frozen=True)
class Stop:
    """One stop of the tour: the pane it points at, and what is to be seen there."""

    pane: str
    title: str
    text: str


STOPS = (
    Stop(
        "graph",
        "The network, layer by layer",
        "Each layer says what it does to the mask: creates, passes, drops. The strip under it is the selected sample, one tick a timestep.",
    ),
    Stop(
        "heatmaps",
        "Samples down, timesteps across",
        "Padding is hatched. Drag the edge between data and padding: predictions and loss follow while you drag, and Ctrl+Z takes it back.",
    ),
    Stop(
        "findings",
        "What is wrong, and why",
        "Each finding names the layer, the numbers of this run, and the fix as code. A click shows its place in graph and heatmaps.",
    ),
    Stop("inspector", "One layer in detail", "Click a layer in the graph: what masks it received and put out, and what padding reached."),
    Stop(
        "ledger",
        "What padding does to the loss",
        "The number that evaluate() reports, with its divisor, beside what it would be over real steps alone.",
    ),
    Stop(
        "sample",
        "One sample, step by step",
        "Every x, y and weight can be edited here. The arrow keys walk through time and samples, F6 goes from pane to pane.",
    ),
)


class Tour(QObject):
    """Shows the stops one after another. ``ended`` tells that it was left or is over."""

    ended = Signal()

    def __init__(self, window: QWidget, pane: Callable[[str], QWidget | None], colours: Palette) -> None:
        super().__init__(window)
        self._pane = pane
        self._at = 0
        self._before = QApplication.focusWidget()
        self._veil = Veil(window, colours)
        self._veil.left.connect(self.end)
        self._veil.card.back.clicked.connect(lambda: self._go(-1))
        self._veil.card.forward.clicked.connect(lambda: self._go(1))
        self._veil.card.skip.clicked.connect(self.end)
        self._veil.moved.connect(self._show)
        self._show()

    def _go(self, by: int) -> None:
        self._at += by
        if self._at >= len(STOPS):
            self.end()
        else:
            self._show()

    def _show(self) -> None:
        stop = STOPS[self._at]
        self._veil.point_at(self._pane(stop.pane), stop, self._at, len(STOPS))

    def set_palette(self, colours: Palette) -> None:
        """Paint in these colours."""
        self._veil.colours = colours
        self._veil.update()

    def end(self) -> None:
        """Leave."""
        self._veil.hide()
        self._veil.deleteLater()
        if self._before is not None and isValid(self._before):
            self._before.setFocus()
        self.ended.emit()
        self.deleteLater()


class StopCard(QFrame):
    """What is to be seen at a stop, and the ways on."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.title = QLabel()
        self.title.setProperty("look", "title")
        self.text = QLabel(wordWrap=True)
        self.count = QLabel()
        self.count.setProperty("look", "muted")
        self.skip = QPushButton(tr("Skip the tour"))
        self.skip.setProperty("look", "link")
        self.back = QPushButton(tr("Back"))
        self.forward = QPushButton(tr("Next"))
        self.forward.setProperty("look", "primary")
        row = QHBoxLayout()
        row.addWidget(self.count)
        row.addStretch(1)
        for button in (self.skip, self.back, self.forward):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(8)
        column.addWidget(self.title)
        column.addWidget(self.text)
        column.addSpacing(4)
        column.addLayout(row)
        self.setFixedWidth(max(WIDTH, row.sizeHint().width() + 60))


class Veil(QWidget):
    """Dims the window but for the pane that is pointed at. ``left``: Escape, or a click beside; ``moved``: the window has another size."""

    left = Signal()
    moved = Signal()

    def __init__(self, window: QWidget, colours: Palette) -> None:
        super().__init__(window)
        self.colours = colours
        self._spot = QRect()
        self._window = window
        self.card = StopCard(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Tour"))
        window.installEventFilter(self)
        for button in card_buttons(self.card):
            button.installEventFilter(self)

    def point_at(self, pane: QWidget | None, stop: Stop, number: int, of: int) -> None:
        """Show a stop beside its pane."""
        card = self.card
        card.title.setText(tr(stop.title))
        card.text.setText(tr(stop.text))
        card.count.setText(tr("{number} of {all}").format(number=number + 1, all=of))
        card.back.setEnabled(number > 0)
        card.skip.setVisible(number + 1 < of)
        card.forward.setText(tr("Next") if number + 1 < of else tr("Done"))
        self.setAccessibleDescription(f"{tr(stop.title)}. {tr(stop.text)}")
        self.setGeometry(self._window.rect())
        card.setFixedHeight(card.heightForWidth(card.width()))
        self._spot = QRect() if pane is None else QRect(pane.mapTo(self._window, QPoint(0, 0)), pane.size())
        card.move(place_beside(self._spot, card.size(), self.rect()))
        self.raise_()
        self.show()
        card.forward.setFocus()
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._window:
            if event.type() == QEvent.Type.Resize and self.isVisible():
                self.moved.emit()
        elif event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # the window's shortcuts rest meanwhile
            return True
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.keyPressEvent(event)
            return True
        return False

    def focusNextPrevChild(self, forward: bool) -> bool:
        buttons = [button for button in card_buttons(self.card) if button.isEnabled() and not button.isHidden()]
        at = next((n for n, button in enumerate(buttons) if button.hasFocus()), 0)
        buttons[(at + (1 if forward else -1)) % len(buttons)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def mousePressEvent(self, event: object) -> None:
        self.left.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() == Qt.Key.Key_Left:
            self.card.back.click()
        elif event.key() == Qt.Key.Key_Right:
            self.card.forward.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        veil, hole = QPainterPath(), QPainterPath()
        veil.addRect(QRectF(self.rect()))
        hole.addRoundedRect(QRectF(self._spot), 6, 6)
        shade = QColor("#000000")
        shade.setAlphaF(0.5 if self.colours.dark else 0.32)
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.fillPath(veil - hole, shade)
            painter.setPen(QPen(QColor(self.colours.accent), 2))
            painter.drawPath(hole)
        finally:
            painter.end()


def card_buttons(card: StopCard) -> tuple[QPushButton, ...]:
    """The buttons of a card in their order."""
    return card.skip, card.back, card.forward


def place_beside(spot: QRect, card: QSize, room: QRect) -> QPoint:
    """Where a card lies beside a pane without leaving the window: at its right, left, above or below, else in its middle."""
    top = min(max(spot.top() + GAP, room.top() + GAP), room.bottom() - card.height() - GAP)
    left = min(max(spot.left() + GAP, room.left() + GAP), room.right() - card.width() - GAP)
    if spot.right() + GAP + card.width() + GAP <= room.right():
        return QPoint(spot.right() + GAP, top)
    if spot.left() - GAP - card.width() >= room.left():
        return QPoint(spot.left() - GAP - card.width(), top)
    if spot.top() - GAP - card.height() >= room.top():
        return QPoint(left, spot.top() - GAP - card.height())
    if spot.bottom() + GAP + card.height() + GAP <= room.bottom():
        return QPoint(left, spot.bottom() + GAP)
    return QPoint(spot.center() - QPoint(card.width() // 2, card.height() // 2))
