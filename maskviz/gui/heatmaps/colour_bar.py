"""The colour bar beside a heatmap: its two ends can be typed or dragged, and go back to automatic by a double click.

A menu on it has the colours, percentiles, a range around zero, and a logarithmic scale.
"""

from __future__ import annotations

import math
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QMenu, QToolButton, QWidget

from maskviz.colormaps import Scale
from maskviz.core.heatmaps import Heatmap
from maskviz.core.map_rows import Look
from maskviz.core.numbers import number, percent
from maskviz.core.status import Status, counted
from maskviz.export.axes import TICK, bar_labels, paint_gradient
from maskviz.gui.heatmaps.colour_menu import fill_colours
from maskviz.palette import STATUS_WORDS, Palette

BAR = 11
LOG_FROM = 4.0  # lines of text that a bar is high, from which there is room for the word beside it


class RangeField(QLineEdit):
    """A number at one end of a colour bar. ``left``: it is done with, by Enter or by Escape, which gives it up (``given_up``)."""

    left = Signal()
    given_up = Signal()

    def event(self, event: QEvent) -> bool:
        # Escape belongs to the field, not to a shortcut of the window
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
            self.left.emit()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.selectAll()  # all of the number, not what stands after its point

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.deselect()
        self.setCursorPosition(0)


class ColourBar(QWidget):
    """Shows a scale, or the shares of the steps' states for maps of masks. ``look_changed`` carries the ``Look`` that was asked for;
    ``left``: the keyboard is done with its fields."""

    look_changed = Signal(object)
    left = Signal()

    def __init__(self, what: str, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.colors = palette
        self._what = what
        self.heatmap: Heatmap | None = None
        self.scale = Scale()
        self.look = Look()
        self._states: list[tuple[Status, float]] = []
        self._bottom, self._title = 3, ""
        self._drag: tuple[float, Scale, bool] | None = None
        self.high = self._field(f"Highest value of the colours of {what}")
        self.low = self._field(f"Lowest value of the colours of {what}")
        self.auto = QToolButton(self)
        self.auto.setText("auto")
        self.auto.setToolTip("Colours over the whole range of the values again")
        self.auto.setAccessibleName(f"Automatic colour range of {what}")
        self.auto.clicked.connect(self._automatic)
        self.auto.hide()
        self.setFixedWidth(self.fontMetrics().horizontalAdvance("100% unmasked") + BAR + 14)
        self.set_palette(palette)

    def _field(self, name: str) -> RangeField:
        field = RangeField(self)
        field.setFrame(False)
        field.setAccessibleName(name)
        field.setToolTip(f"{name}. Type a number, or drag the bar; double-click the bar for automatic.")
        field.editingFinished.connect(self._typed)
        field.given_up.connect(self._show_ends)
        field.left.connect(self.left)
        return field

    def show_scale(self, heatmap: Heatmap | None, scale: Scale, look: Look) -> None:
        """Show the scale of a map, and what of it was set by the user."""
        known, self.heatmap, self.scale, self.look = self.heatmap, heatmap, scale, look
        manual = look.limits is not None
        drawable = heatmap is not None and heatmap.values is not None
        ranged = drawable and heatmap is not None and not heatmap.classes
        for field, value in ((self.high, scale.high), (self.low, scale.low)):
            field.setVisible(ranged)
            if not field.hasFocus():
                field.setText(number(value))
                field.setCursorPosition(0)
        self.auto.setVisible(ranged and manual)
        if heatmap is not None and heatmap.status is not None and heatmap is not known:
            self._states = _shares(heatmap)
            self.setToolTip("\n".join(f"{percent(share)} {STATUS_WORDS[status][0]}" for status, share in self._states))
        self._place()
        self.update()

    def set_bottom(self, bottom: int, title: str = "") -> None:
        """How much room the map leaves below itself for its axis, and the title of that, which stands at its end."""
        self._bottom, self._title = bottom, title
        self._place()
        self.update()

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.colors = palette
        style = f"background: transparent; border: 1px solid transparent; padding: 0px 1px; color: {palette.muted};"
        focus = (
            f"QLineEdit:focus, QLineEdit:hover {{ border: 1px solid {palette.border}; background: {palette.card}; color: {palette.text}; }}"
        )
        for field in (self.high, self.low):
            field.setStyleSheet(f"QLineEdit {{ {style} }} {focus}")
        self.auto.setStyleSheet(f"QToolButton {{ color: {palette.accent}; padding: 0px 2px; }}")
        self.update()

    def bar_rect(self) -> QRectF:
        """Where the bar itself is."""
        return QRectF(3, 3, BAR, max(self.height() - 3 - self._bottom, 1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()

    def _place(self) -> None:
        height = self.fontMetrics().height() + 4
        bar = self.bar_rect()
        left = int(bar.right()) + 4
        room = self.width() - left
        self.high.setGeometry(left, int(bar.top()) - 2, room, height)
        self.low.setGeometry(left, int(bar.bottom()) - height + 2, room, height)
        self.low.setVisible(not self.high.isHidden() and bar.height() >= 1.6 * height)  # two do not fit beside a low map
        size = self.auto.sizeHint()
        self.auto.setGeometry(left, int(bar.center().y()) - height // 2, min(size.width(), room), height)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.heatmap is None or self.heatmap.explanation:
            return
        painter = QPainter(self)
        try:
            bar = self.bar_rect()
            if self.heatmap.status is not None:
                self._paint_shares(painter, bar)
            else:
                paint_gradient(painter, bar, self.scale, self.colors, self.heatmap.classes)
                self._paint_labels(painter, bar)
            painter.setPen(QPen(QColor(self.colors.border), 1.0))
            painter.drawRect(bar)
            self._paint_title(painter)
        finally:
            painter.end()

    def _paint_title(self, painter: QPainter) -> None:
        room = QRectF(self.bar_rect().left(), self.height() - self._bottom + TICK, self.width(), self.fontMetrics().height())
        painter.setPen(QColor(self.colors.muted))
        words = self.fontMetrics().elidedText(self._title, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), words)

    def _paint_shares(self, painter: QPainter, bar: QRectF) -> None:
        top, line = bar.top(), self.fontMetrics().height()
        free = bar.top()
        for status, share in self._states:
            height = share * bar.height()
            painter.fillRect(QRectF(bar.left(), top, bar.width(), height), QColor(self.colors.status[status]))
            words = QRectF(bar.right() + 6, max(top, free), self.width(), line)
            if words.bottom() <= bar.bottom() + 2:
                painter.setPen(QColor(self.colors.muted))
                painter.drawText(
                    words, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), f"{percent(share)} {STATUS_WORDS[status][0]}"
                )
                free = words.bottom()
            top += height

    def _paint_labels(self, painter: QPainter, bar: QRectF) -> None:
        """The class numbers, or the values between the two ends that the fields show; and that a scale is logarithmic."""
        assert self.heatmap is not None
        measure = self.fontMetrics()
        slack = 0 if self.scale.log else 2
        taken = [QRectF(f.geometry()).adjusted(0, slack, 0, -slack) for f in (self.high, self.low, self.auto) if f.isVisible()]
        half = measure.capHeight() / 2
        painter.setPen(QColor(self.colors.muted))
        if self.scale.log and not self.heatmap.classes and bar.height() >= LOG_FROM * measure.height():
            words = QRectF(bar.right() + 8, bar.top() + measure.height() + 4, self.width(), 2 * half)
            painter.drawText(words.bottomLeft(), "log")
            taken.append(words.adjusted(0, -3, 0, 3))
        for text, share in bar_labels(self.scale, self.heatmap.classes, bar.height(), measure.height()):
            y = bar.bottom() - share * bar.height()
            words = QRectF(bar.right() + 8, min(max(y, bar.top() + half), bar.bottom() - half) - half, self.width(), 2 * half)
            free = not any(words.intersects(field) for field in taken)
            if free:
                painter.drawText(words.bottomLeft(), text)
            if free or self.scale.log:
                painter.drawLine(QPointF(bar.right() + 1, y), QPointF(bar.right() + 3, y))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if (
            event.button() == Qt.MouseButton.LeftButton
            and self.high.isVisible()
            and self.bar_rect().adjusted(-3, 0, 3, 0).contains(event.position())
        ):
            self._drag = (event.position().y(), self.scale, event.position().y() < self.bar_rect().center().y())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        start, scale, upper = self._drag
        moved = (event.position().y() - start) / self.bar_rect().height() * (scale.high - scale.low)
        low, high = (scale.low, scale.high + moved) if upper else (scale.low + moved, scale.high)
        if high - low > 1e-3 * (scale.high - scale.low):
            self._set_limits(low, high)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._drag = None
        if self.high.isVisible():
            self._automatic()

    def _set_limits(self, low: float, high: float) -> None:
        self.look_changed.emit(replace(self.look, limits=(low, high), percent=0.0))

    def _automatic(self) -> None:
        self.look_changed.emit(replace(self.look, limits=None, percent=0.0))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.heatmap is not None and self.heatmap.values is not None:
            menu = QMenu(self)
            self.fill_menu(menu)
            menu.exec(event.globalPos())
            menu.deleteLater()

    def fill_menu(self, menu: QMenu) -> None:
        """Add what can be chosen about the colours of these numbers."""
        if self.heatmap is not None:
            fill_colours(menu, self, self.heatmap)

    def ask_range(self) -> None:
        """Ask for the two ends of the range, or for percentiles."""
        from maskviz.gui.heatmaps.range_dialog import RangeDialog  # only here: the window starts faster without dialogs

        dialog = RangeDialog(self._what, self.look, self.scale, self.window())
        if dialog.exec() and dialog.look is not None:
            self.look_changed.emit(dialog.look)

    def _typed(self) -> None:
        """Take the fields over when they changed and are a range; else show the range that holds."""
        shown = (number(self.scale.low), number(self.scale.high))
        texts = (self.low.text().strip(), self.high.text().strip())
        if texts == shown:
            return
        low, high = (
            old if text == words else typed_number(text)
            for text, words, old in zip(texts, shown, (self.scale.low, self.scale.high), strict=True)
        )
        if low is not None and high is not None and low < high:
            self._set_limits(low, high)
        else:
            self._show_ends()

    def _show_ends(self) -> None:
        self.low.setText(number(self.scale.low))
        self.high.setText(number(self.scale.high))


def typed_number(text: str) -> float | None:
    """A finite number as people write it, None for what is none."""
    try:
        value = float(text.strip().replace("−", "-").replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _shares(heatmap: Heatmap) -> list[tuple[Status, float]]:
    """The share of every state among the steps this input has."""
    assert heatmap.status is not None
    counts = counted(heatmap.status)
    del counts[Status.ENDED]  # steps of the shared axis that this input does not have
    return [(s, n / sum(counts.values())) for s, n in counts.items() if n]
