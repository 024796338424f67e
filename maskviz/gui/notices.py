"""What the window has to say: bars that stay until they are dismissed, and the line that tells what the engine is doing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from maskviz.gui.icons import icon
from maskviz.gui.words import tr
from maskviz.palette import Palette

Level = Literal["error", "warning", "info"]
Action = tuple[str, Callable[[], object]]  # the text on a button, and what it does
WORDS = {"error": "Problem", "warning": "Take note", "info": "Note"}
MOST = 3
MARGIN, WIDEST_PANEL = 10, 940
READING_MS = 8000  # a mere note goes by itself
PATIENCE_MS = 300


class Notice(QFrame):
    """One bar: a sentence, 'Copy details' where there are any, optional actions, and a cross to dismiss it."""

    dismissed = Signal()

    def __init__(self, level: Level, sentence: str, details: str, actions: Sequence[Action], parent: QWidget) -> None:
        super().__init__(parent)
        self.level = level
        self.sentence = sentence
        self.key = ""
        self.setProperty("look", "notice")
        self.setProperty("level", level)
        self.setAccessibleName(f"{WORDS[level]}: {sentence}")
        word = QLabel(tr(WORDS[level]))
        word.setProperty("look", "strong")
        text = QLabel(sentence)
        text.setWordWrap(True)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.cross = QToolButton()
        self.cross.setToolTip(tr("Dismiss (Esc)"))
        self.cross.setAccessibleName(tr("Dismiss this notice"))
        self.cross.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 4, 2)
        row.setSpacing(10)
        row.addWidget(word, 0)
        row.addWidget(text, 1)
        for caption, clicked in actions:
            row.addWidget(self._button(caption, clicked))
        if details:
            row.addWidget(self._button(tr("Copy details"), lambda: QGuiApplication.clipboard().setText(f"{sentence}\n\n{details}")))
        row.addWidget(self.cross)

    @staticmethod
    def _button(text: str, clicked: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(lambda: clicked())
        return button

    def fade(self) -> None:
        """Go by itself, once the mouse is elsewhere."""
        if self.underMouse():
            QTimer.singleShot(READING_MS, self, self.fade)
        else:
            self.dismiss()

    def dismiss(self) -> None:
        """Take it away."""
        self.hide()
        self.dismissed.emit()
        self.deleteLater()


class Notices(QWidget):
    """The notices in a row of their own at the foot of the window, the newest on top: nothing is covered. ``taking(height)``: they need so
    much of the window's height now. The larger panel lies over ``behind``, like a dialog."""

    taking = Signal(int)

    def __init__(self, colours: Palette, behind: QWidget) -> None:
        super().__init__()
        self.setObjectName("notices")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.question = Question(behind)
        self._colours = colours
        self.taken = 0
        """Pixels of the window's height that they need now."""
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(MARGIN, 4, MARGIN, 4)
        self._column.setSpacing(4)
        self.hide()

    def show_notice(
        self,
        level: Level,
        sentence: str,
        details: str = "",
        action: Action | None = None,
        key: str = "",
        others: Sequence[Action] = (),
    ) -> None:
        """Show a bar. One with the same sentence, or the same ``key``, is replaced; when there are many, the oldest that is no error
        gives way: errors stay until they are dismissed."""
        for old in self.bars():
            if old.sentence == sentence or (key and old.key == key):
                old.dismiss()
        bars = self.bars()
        for old in [bar for bar in bars if bar.level != "error"][: max(0, len(bars) - MOST + 1)]:
            old.dismiss()
        notice = Notice(level, sentence, details, (() if action is None else (action,)) + tuple(others), self)
        notice.key = key
        notice.cross.setIcon(icon("close", self._colours))
        notice.dismissed.connect(self._take_room)
        self._column.insertWidget(0, notice)
        notice.show()
        if level == "info" and action is None:  # a question waits for its answer
            QTimer.singleShot(READING_MS, notice, notice.fade)
        self._take_room()

    def bars(self) -> list[Notice]:
        """The notices on screen, oldest first."""
        return [n for n in self.findChildren(Notice) if not n.isHidden()]

    def dismiss(self, key: str) -> None:
        """Take away the notices with that key, whose cause is gone."""
        for notice in self.bars():
            if notice.key == key:
                notice.dismiss()

    def dismiss_newest(self) -> bool:
        """Take away the notice on top; whether there was one."""
        bars = self.bars()
        if bars:
            bars[-1].dismiss()
        return bool(bars)

    def clear(self) -> None:
        """Take away everything that was said about what was open before."""
        self.set_panel(None)
        for notice in self.bars():
            notice.dismiss()

    def set_palette(self, colours: Palette) -> None:
        """Paint in these colours."""
        self._colours = colours
        for notice in self.bars():
            notice.cross.setIcon(icon("close", colours))

    def set_panel(self, panel: QFrame | None) -> None:
        """Ask with one larger panel (whether code may run), or ask no more."""
        self.question.ask(panel)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._take_room()  # in another width sentences have other heights

    def _take_room(self) -> None:
        """Be as high as the notices need."""
        shown = bool(self.bars())
        row = self.parentWidget() or self  # as wide as this will be once it is shown
        needed = self._column.totalHeightForWidth(row.width()) if shown else 0
        if needed != self.taken:
            self.taken = needed
            self.taking.emit(needed)
        self.setVisible(shown)


class Question(QWidget):
    """A larger panel over the top of ``behind`` for as long as it waits for an answer, beside what is to be seen meanwhile: ``beside()``
    says how many pixels at the left stay free."""

    def __init__(self, behind: QWidget) -> None:
        super().__init__(behind)
        self.beside: Callable[[], int] = lambda: 0
        self._behind = behind
        self._panel: QFrame | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        behind.installEventFilter(self)
        self.hide()

    def ask(self, panel: QFrame | None) -> None:
        """Show this panel, None: none any more."""
        if self._panel is not None:
            self._panel.hide()
            self._panel.deleteLater()
        self._panel = panel
        if panel is not None:
            self._column.addWidget(panel)
            panel.show()
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._fit()
        return False

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().event(event)

    def _fit(self) -> None:
        self.setVisible(self._panel is not None)
        left = self.beside()
        room = self._behind.width() - left
        width = min(room - 2 * MARGIN, WIDEST_PANEL)
        height = self._column.totalHeightForWidth(width) if self._column.hasHeightForWidth() else self._column.totalSizeHint().height()
        self.setGeometry(left + (room - width) // 2, MARGIN, width, height)
        self.raise_()


class ProgressLine(QWidget):
    """A thin line that moves while the engine works. Its height is always kept, so that nothing jumps."""

    HEIGHT = 2

    def __init__(self, colours: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colours = colours
        self._place = 0.0
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._patience.timeout.connect(self._begin)
        self._tick = QTimer(self, interval=33)
        self._tick.timeout.connect(self._move)
        self.setFixedHeight(self.HEIGHT)
        self.setAccessibleName(tr("Engine is working"))

    @property
    def running(self) -> bool:
        """Whether it moves."""
        return self._tick.isActive()

    def set_busy(self, busy: bool) -> None:
        """Start moving when this lasts longer than a moment, or stop at once."""
        if busy and not self._tick.isActive() and not self._patience.isActive():
            self._patience.start()
        elif not busy:
            self._patience.stop()
            self._tick.stop()
            self.update()

    def set_palette(self, colours: Palette) -> None:
        self._colours = colours
        self.update()

    def _begin(self) -> None:
        self._place = 0.0
        self._tick.start()

    def _move(self) -> None:
        self._place = (self._place + 0.012) % 1.0
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), QColor(self._colours.border if self.running else self._colours.toolbar))
            if self.running:
                width = self.width() * 0.22
                left = self._place * (self.width() + width) - width
                painter.fillRect(QRectF(left, 0, width, self.HEIGHT), QColor(self._colours.accent))
        finally:
            painter.end()
