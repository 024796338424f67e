"""One heatmap on the screen: paints it, and turns the mouse into positions, panning and zooming."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from maskviz.colormaps import Scale
from maskviz.core.heatmaps import Heatmap
from maskviz.export.axes import TICK, paint_samples, paint_steps, paint_values_below
from maskviz.export.cells import Cells
from maskviz.export.painting import Window, bar_range, paint_bars, paint_map
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.palette import Palette

STALE_OPACITY = 0.45
LEAST_BOX = 8.0  # side of the box around the selected step, however small its cell


class MapView(QWidget):
    """One map. ``pointed`` sample and step (−1, −1 when the mouse left; step −1 on bars), ``picked`` by a click."""

    pointed = Signal(int, int)
    picked = Signal(int, int)
    key_pressed = Signal(QKeyEvent)

    def __init__(self, viewport: Viewport, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport = viewport
        self.colors = palette
        self.heatmap: Heatmap | None = None
        self.scale = Scale()
        self.selected = (0, 0)
        self.show_axis = False
        self.label_digits = 2
        self._cells: Cells | None = None
        self._cache: tuple[tuple[Window, QSize, float], QPixmap] | None = None
        self._dimmed = False
        self._press: QPointF | None = None
        self._panned_from: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 44)
        viewport.changed.connect(self.update)

    # what is shown

    def show_map(self, heatmap: Heatmap | None, scale: Scale) -> None:
        """Draw another map, or nothing."""
        self.heatmap, self.scale = heatmap, scale
        self._cells = Cells(heatmap, scale, self.colors) if heatmap is not None and heatmap.has_time else None
        self._cache = None
        self.setAccessibleDescription(f"{heatmap.subtitle} {heatmap.explanation}".strip() if heatmap else "")
        self.update()

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.colors = palette
        self.show_map(self.heatmap, self.scale)

    def set_selected(self, sample: int, step: int) -> None:
        """Put the cross hair on a sample and a step."""
        if (sample, step) != self.selected:
            self.selected = (sample, step)
            self.update()

    def set_dimmed(self, dimmed: bool) -> None:
        """Dim the cells: they are older than the batch."""
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self.update()

    @property
    def is_bars(self) -> bool:
        """Whether there are bars instead of timesteps."""
        return self.heatmap is not None and self.heatmap.values is not None and self.heatmap.values.ndim == 1

    # geometry

    def map_rect(self) -> QRectF:
        """Where the cells are; aligned to whole device pixels."""
        font = self.fontMetrics()
        left = font.horizontalAdvance("0" * self.label_digits) + TICK + 10
        bottom = font.height() + TICK + 4 if self.show_axis or self.is_bars else 3
        return QRectF(left, 3, max(self.width() - left - 6, 1), max(self.height() - bottom - 3, 1))

    def cell_at(self, position: QPointF) -> tuple[int, int] | None:
        """Sample and step under a position, None outside the map; step −1 on bars."""
        rect, window = self.map_rect(), self.viewport.window
        if self.heatmap is None or self.heatmap.explanation or not rect.contains(position):
            return None
        sample = math.floor(window.sample_at(rect, position.y()))
        step = -1 if self.is_bars else math.floor(window.step_at(rect, position.x()))
        return (sample, step) if 0 <= sample < self.heatmap.samples and step < self.viewport.steps else None

    def cell_center(self, sample: int, step: int) -> QPointF:
        """The middle of a cell, in this widget."""
        rect, window = self.map_rect(), self.viewport.window
        return QPointF(window.x(rect, step + 0.5), window.y(rect, sample + 0.5))

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            if self.heatmap is None or self.heatmap.explanation or not self.heatmap.samples:
                self._paint_words(painter, self.heatmap.explanation if self.heatmap else "")
                return
            rect = self.map_rect()
            painter.setOpacity(STALE_OPACITY if self._dimmed else 1.0)
            painter.drawPixmap(rect.topLeft(), self._pixmap(rect))
            painter.setOpacity(1.0)
            window, sample = self.viewport.window, self.selected[0]
            paint_samples(painter, rect, window, self.heatmap.samples, self.colors, sample)
            if self.is_bars:
                paint_values_below(painter, rect, *bar_range(self.scale), self.colors)
            elif self.show_axis:
                paint_steps(painter, rect, window, self.viewport.steps, self.colors, self.selected[1])
            self._paint_cross_hair(painter, rect, window)
            self._paint_position(painter, rect, window)
            if self.hasFocus():
                painter.setPen(QPen(QColor(self.colors.accent), 1.0))
                painter.drawRect(rect.adjusted(-1.5, -1.5, 1.5, 1.5))
        finally:
            painter.end()

    def _pixmap(self, rect: QRectF) -> QPixmap:
        """The map without cross-hair, kept until data, size or visible part change."""
        ratio = self.devicePixelRatioF()
        key = (self.viewport.window, rect.size().toSize(), ratio)
        if self._cache is None or self._cache[0] != key:
            size = QSize(math.ceil(rect.width() * ratio), math.ceil(rect.height() * ratio))
            pixmap = QPixmap(size)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(QColor(self.colors.canvas))
            painter = QPainter(pixmap)
            try:
                painter.setFont(self.font())
                inside = QRectF(0, 0, rect.width(), rect.height())
                if self._cells is not None:
                    paint_map(painter, inside, self._cells, self.viewport.window)
                elif self.heatmap is not None:
                    paint_bars(painter, inside, self.heatmap, self.scale, self.viewport.window, self.colors)
            finally:
                painter.end()
            self._cache = (key, pixmap)
        return self._cache[1]

    def _paint_words(self, painter: QPainter, words: str) -> None:
        painter.setPen(QColor(self.colors.muted))
        painter.drawText(QRectF(self.rect()).adjusted(12, 4, -12, -4), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), words)

    def _paint_cross_hair(self, painter: QPainter, rect: QRectF, window: Window) -> None:
        sample, step = self.selected
        width, height = window.cell(rect)
        painter.save()
        painter.setClipRect(rect.adjusted(-2, -2, 2, 2))
        shade, line = QColor(self.colors.canvas), QColor(self.colors.text)  # one of the two is seen on any colour
        top = window.y(rect, sample)
        if not self.is_bars:
            x = window.x(rect, step + 0.5)
            for color, wide in ((shade, 3.0), (line, 1.0)):
                painter.setPen(QPen(color, wide))
                painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
        left, across = (rect.left(), rect.width()) if self.is_bars else (window.x(rect, step), width)
        box = QRectF(left, top, across, height)
        across, height = max(box.width(), LEAST_BOX), max(box.height(), LEAST_BOX)
        box = QRectF(box.center().x() - across / 2, box.center().y() - height / 2, across, height)
        for color, wide in ((shade, 4.5), (line, 2.0)):
            pen = QPen(color, wide)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(box)
        painter.restore()

    def _paint_position(self, painter: QPainter, rect: QRectF, window: Window) -> None:
        """Thin bars that say which part is shown, when it is not everything."""
        color = QColor(self.colors.accent)
        if window.step1 - window.step0 < self.viewport.steps and not self.is_bars:
            start, span = window.step0 / self.viewport.steps, (window.step1 - window.step0) / self.viewport.steps
            painter.fillRect(QRectF(rect.left() + start * rect.width(), rect.bottom() + 1, max(span * rect.width(), 8), 2), color)
        if window.sample1 - window.sample0 < self.viewport.samples:
            start, span = window.sample0 / self.viewport.samples, (window.sample1 - window.sample0) / self.viewport.samples
            painter.fillRect(QRectF(rect.right() + 2, rect.top() + start * rect.height(), 2, max(span * rect.height(), 8)), color)

    # mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._press = self._panned_from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(event.position())
        if self._panned_from is not None and self._press is not None:
            if (event.position() - self._press).manhattanLength() >= 4:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self._press = QPointF(-1e6, -1e6)
            if self._press.x() < 0:
                moved = event.position() - self._panned_from
                width, height = self.viewport.window.cell(self.map_rect())
                self.viewport.pan(0 if self.is_bars else -moved.x() / width, -moved.y() / height)
                self._panned_from = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        clicked = self._press is not None and self._press.x() >= 0
        self._press = self._panned_from = None
        self.unsetCursor()
        cell = self.cell_at(event.position())
        if clicked and cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(*cell)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta()
        across, down = turn.x() / 120, turn.y() / 120
        rect, window = self.map_rect(), self.viewport.window
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            step, sample = window.step_at(rect, event.position().x()), window.sample_at(rect, event.position().y())
            self.zoom(0.8**down, step, sample)
        else:
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not across:
                across, down = down, 0
            self.viewport.pan(-across * (window.step1 - window.step0) / 10, -down * max(1, round((window.sample1 - window.sample0) / 10)))
        event.accept()

    def zoom(self, factor: float, step: float, sample: float) -> None:
        """Show ``factor`` times as much around a position; cells grow to a comfortable size at most."""
        rect = self.map_rect()
        self.viewport.zoom(step, sample, factor, max(4, rect.width() / 64), max(3, rect.height() / 26))

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(-1, -1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()
        self.key_pressed.emit(event)

    def focusInEvent(self, event: QEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QEvent) -> None:
        self.update()

    def _point(self, position: QPointF) -> None:
        self.pointed.emit(*(self.cell_at(position) or (-1, -1)))
