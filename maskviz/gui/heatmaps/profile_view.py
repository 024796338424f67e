"""The values of a map along the cross-hair as a small curve: over time for the selected sample, or over samples at the selected step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from maskviz.core.map_rows import Profile
from maskviz.core.numbers import number
from maskviz.export.axes import TICK, paint_steps
from maskviz.export.painting import Window, hatch_tile
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.palette import Palette

HEIGHT = 58
MOST_POINTS = 2000  # more are drawn as the range they cover


class ProfileView(QWidget):
    """The curve below a map, in its colours' range. Over time it stands under the map's own time axis."""

    def __init__(self, view: MapView, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view, self.colors = view, palette
        self.along: Profile = "none"
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Profile of {view.accessibleName()}")
        view.viewport.changed.connect(self.update)

    def show_along(self, along: Profile) -> None:
        """Show the curve over ``time`` or over ``samples``; nothing where the map has no such axis."""
        self.along = along
        self.setFixedHeight(HEIGHT + (self.fontMetrics().height() + int(TICK) if along == "samples" else 0))
        self.setVisible(
            along != "none" and self.view.heatmap is not None and self.view.heatmap.values is not None and not self.view.is_bars
        )
        self.update()

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.colors = palette
        self.update()

    def curve(self) -> tuple[NDArray[Any], NDArray[Any], int]:
        """Values ``(n,)``, which of them are padding, and the number of the selected one."""
        heatmap = self.view.heatmap
        assert heatmap is not None
        assert heatmap.values is not None
        sample, step = self.view.selected
        padding = np.zeros(heatmap.values.shape, bool)
        for array in (heatmap.skipped, heatmap.exposed, heatmap.padded):
            padding |= array if array is not None else False
        if self.along == "time":
            row = min(sample, len(heatmap.values) - 1)
            return heatmap.values[row], padding[row], step
        column, viewport = min(step, heatmap.values.shape[1] - 1), self.view.viewport
        return viewport.ordered(heatmap.values[:, column]), viewport.ordered(padding[:, column]), viewport.row(sample)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.view.heatmap is None or self.view.heatmap.values is None or self.view.is_bars:
            return
        painter = QPainter(self)
        try:
            values, padding, selected = self.curve()
            cells = self.view.map_rect()
            rect = QRectF(cells.left(), 4, cells.width(), HEIGHT - 10)
            painter.fillRect(rect, QColor(self.colors.pane))
            window = self.view.viewport.window
            ends = (window.step0, window.step1) if self.along == "time" else (window.sample0, window.sample1)
            painter.save()
            painter.setClipRect(rect)
            self._paint_padding(painter, rect, padding, ends)
            self._paint_curve(painter, rect, values, ends)
            painter.restore()
            self._paint_selected(painter, rect, values, selected, ends)
            self._paint_words(painter, rect, values, selected, self._x(rect, selected + 0.5, ends))
            if self.along == "samples":
                self._paint_axis(painter, rect, selected)
        finally:
            painter.end()

    def _x(self, rect: QRectF, at: float, ends: tuple[float, float]) -> float:
        return rect.left() + (at - ends[0]) * rect.width() / (ends[1] - ends[0])

    def _y(self, rect: QRectF, value: float) -> float:
        share = float(self.view.scale.share(np.float64(value)))
        return rect.bottom() - 3 - min(max(share, -0.02), 1.02) * (rect.height() - 6)

    def _paint_padding(self, painter: QPainter, rect: QRectF, padding: NDArray[Any], ends: tuple[float, float]) -> None:
        jumps = np.diff(np.pad(padding.astype(np.int8), 1))
        tile = QBrush(hatch_tile("diagonal", self.colors, self.devicePixelRatioF(), on_status=True))
        for first, last in zip(np.flatnonzero(jumps == 1).tolist(), np.flatnonzero(jumps == -1).tolist(), strict=True):
            box = QRectF(self._x(rect, first, ends), rect.top(), (last - first) * rect.width() / (ends[1] - ends[0]), rect.height())
            painter.fillRect(box, QColor(self.colors.groove))
            if box.width() >= 4:
                painter.fillRect(box, tile)

    def _paint_curve(self, painter: QPainter, rect: QRectF, values: NDArray[Any], ends: tuple[float, float]) -> None:
        """A line through the middles of the steps that breaks where there is no number, with a dot for a number that stands alone."""
        low, high = self.view.scale.low, self.view.scale.high
        if low < 0 < high:
            painter.setPen(QPen(QColor(self.colors.edge), 1.0))
            painter.drawLine(QPointF(rect.left(), self._y(rect, 0)), QPointF(rect.right(), self._y(rect, 0)))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self.colors.accent), 1.6))
        first, last = max(math.floor(ends[0]), 0), min(math.ceil(ends[1]), len(values))
        shown = values[first:last]
        finite = np.isfinite(shown)
        for start, stop in _runs(finite):
            points = [QPointF(self._x(rect, first + k + 0.5, ends), self._y(rect, v)) for k, v in _thinned(shown, start, stop)]
            if len(points) == 1:
                painter.drawEllipse(points[0], 1.2, 1.2)
            else:
                painter.drawPolyline(QPolygonF(points))

    def _paint_selected(self, painter: QPainter, rect: QRectF, values: NDArray[Any], selected: int, ends: tuple[float, float]) -> None:
        x = self._x(rect, selected + 0.5, ends)
        if not rect.left() <= x <= rect.right() or selected >= len(values):
            return
        for color, wide in ((self.colors.canvas, 3.0), (self.colors.text, 1.0)):
            painter.setPen(QPen(QColor(color), wide))
            painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
        if math.isfinite(values[selected]):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(self.colors.canvas), 1.5))
            painter.setBrush(QColor(self.colors.text))
            painter.drawEllipse(QPointF(x, self._y(rect, float(values[selected]))), 3.6, 3.6)
            painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_words(self, painter: QPainter, rect: QRectF, values: NDArray[Any], selected: int, marker: float) -> None:
        """What the curve is of, clear of the ``marker``, and beside it both ends of its scale and the selected value."""
        measure, (sample, step) = self.fontMetrics(), self.view.selected
        of = f"sample {sample}" if self.along == "time" else f"t={step}"
        ground = QColor(self.colors.pane)
        ground.setAlpha(190)
        box = QRectF(rect.left() + 1, rect.top() + 1, measure.horizontalAdvance(of) + 6, measure.height())
        if marker < box.right() + 6:
            box.moveRight(rect.right() - 1)
        painter.fillRect(box, ground)
        painter.setPen(QColor(self.colors.muted))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), of)
        present = self.view.heatmap.present if self.view.heatmap is not None else None
        there = present is None or bool(present[min(step, len(present) - 1)])
        value = float(values[selected]) if there and 0 <= selected < len(values) else None
        scale, line = self.view.scale, measure.height()
        room = QRectF(rect.right() + 10, rect.top() - 3, self.width() - rect.right() - 10, line)
        lines = ((scale.high, self.colors.muted), (value, self.colors.text), (scale.low, self.colors.muted))
        for (shown, color), top in zip(lines, (0.0, (rect.height() + 6 - line) / 2, rect.height() + 6 - line), strict=True):
            painter.setPen(QColor(color))
            painter.drawText(room.translated(0, top), int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), number(shown))
        painter.setPen(QColor(self.colors.muted))
        for end in (scale.low, scale.high):
            y = self._y(rect, end)
            painter.drawLine(QPointF(rect.right() + 1, y), QPointF(rect.right() + 1 + TICK, y))

    def _paint_axis(self, painter: QPainter, rect: QRectF, selected: int) -> None:
        """The samples below a curve over them: it does not stand under the axis of its map."""
        viewport, line = self.view.viewport, self.fontMetrics().height()
        rows = Window(viewport.window.sample0, viewport.window.sample1, 0, 1)
        paint_steps(painter, rect, rows, viewport.samples, self.colors, selected, viewport.order)
        painter.setPen(QColor(self.colors.muted))
        room = QRectF(rect.right() + 10, rect.bottom() + TICK, self.width(), line)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), "sample")


def _runs(found: NDArray[Any]) -> list[tuple[int, int]]:
    """First and last + 1 of each run of True."""
    jumps = np.diff(np.pad(found.astype(np.int8), 1))
    return list(zip(np.flatnonzero(jumps == 1).tolist(), np.flatnonzero(jumps == -1).tolist(), strict=True))


def _thinned(values: NDArray[Any], start: int, stop: int) -> list[tuple[float, float]]:
    """Places and values of a run; of very many the lowest and the highest of each part, so that no peak is lost."""
    part = values[start:stop]
    if len(part) <= MOST_POINTS:
        return [(start + k, float(v)) for k, v in enumerate(part)]
    size = -(-len(part) // (MOST_POINTS // 2))
    cuts = np.arange(0, len(part), size)
    lows, highs = np.minimum.reduceat(part, cuts), np.maximum.reduceat(part, cuts)
    return [
        (start + cut + at, float(v)) for cut, low, high in zip(cuts, lows, highs, strict=True) for at, v in ((0, low), (size / 2, high))
    ]
