"""Painting of heatmaps with QPainter, for the window and for figures alike: cells, hatches, marks, bars, axes, colour bars.

Everything is sized in logical pixels and takes the resolution from the paint device, so that hatches and marks stay crisp at
300 dpi and on HiDPI screens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from maskviz.colormaps import Mark, Scale, marks, to_rgba
from maskviz.core.heatmaps import Heatmap
from maskviz.core.status import Status
from maskviz.export import vector
from maskviz.export.cells import Cells, Hatch, Picture
from maskviz.export.vector import POINT, hatch_inks, hatch_pitch, hatch_wide, point_ink
from maskviz.palette import Palette

GRID_FROM, GRID_WHOLE = 5.0, 14.0  # width and height of a cell, from which grid lines are drawn, and from which they are not faint
MANY = 2**22  # cells
SIGN_FROM = 7.0  # smallest cell in which a sign (NaN, infinity, dot, outline) is drawn


@dataclass(frozen=True, slots=True)
class Window:
    """The visible part of the shared axes, in cells: step and sample numbers at the edges."""

    step0: float
    step1: float
    sample0: float
    sample1: float

    def x(self, rect: QRectF, step: float) -> float:
        """Where the left edge of a step is."""
        return rect.left() + (step - self.step0) * rect.width() / (self.step1 - self.step0)

    def y(self, rect: QRectF, sample: float) -> float:
        """Where the upper edge of a sample is."""
        return rect.top() + (sample - self.sample0) * rect.height() / (self.sample1 - self.sample0)

    def step_at(self, rect: QRectF, x: float) -> float:
        """The position on the time axis under ``x``."""
        return self.step0 + (x - rect.left()) * (self.step1 - self.step0) / rect.width()

    def sample_at(self, rect: QRectF, y: float) -> float:
        """The position on the sample axis under ``y``."""
        return self.sample0 + (y - rect.top()) * (self.sample1 - self.sample0) / rect.height()

    def cell(self, rect: QRectF) -> tuple[float, float]:
        """Width and height of one cell."""
        return rect.width() / (self.step1 - self.step0), rect.height() / (self.sample1 - self.sample0)


def paint_map(painter: QPainter, rect: QRectF, cells: Cells, window: Window, resolution: float | None = None) -> None:
    """Cells, hatches, grid and signs of a map in ``rect``. ``resolution`` in device pixels per logical one, read if None."""
    resolution = resolution or painter.device().devicePixelRatioF()
    width, height = window.cell(rect)
    rows, columns, first, last = blocks(cells, rect, window, resolution)
    picture = cells.picture(rows, columns, first, last)
    image = picture.image
    target, source = _visible(rect, window, picture, rows, columns)
    painter.save()
    try:
        painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        on_status = cells.heatmap.status is not None
        if vector.is_vector(painter):
            vector.paint_cells(painter, target, image, source)
            for name, where in picture.hatches.items():
                vector.paint_hatch(painter, target, where, source, name, cells.palette, on_status)
        else:
            painter.drawImage(target, image, source)
            for name, where in picture.hatches.items():
                _paint_hatch(painter, rect, target, source, where, name, cells.palette, resolution, on_status)
        _paint_grid(painter, rect, cells, window)
        if min(width, height) >= SIGN_FROM:
            _paint_signs(painter, rect, cells, window)
    finally:
        painter.restore()


def blocks(cells: Cells, rect: QRectF, window: Window, resolution: float) -> tuple[int, int, int, int]:
    """How many rows and columns of cells share a pixel of ``rect``, and the rows that are seen: what ``Cells.picture`` is asked for."""
    width, height = window.cell(rect)
    many = cells.shape[0] * cells.shape[1] > MANY
    rows, columns = (_cells_in_pixel(size * resolution, many) for size in (height, width))
    return rows, columns, max(0, math.floor(window.sample0)), math.ceil(window.sample1)


def _cells_in_pixel(size: float, many: bool) -> int:
    """How many cells of a size in device pixels share one pixel; of very many cells a power of two, since each other number is work."""
    cells = max(1, math.ceil(1 / size))
    return 1 << (cells - 1).bit_length() if many else cells


def _visible(rect: QRectF, window: Window, picture: Picture, rows: int, columns: int) -> tuple[QRectF, QRectF]:
    """Where the visible part of a picture lies, and which part that is, in whole pixels of the picture."""
    image, first = picture.image, picture.top
    left, right = max(0, math.floor(window.step0 / columns)), min(image.width(), math.ceil(window.step1 / columns))
    top, bottom = max(0, math.floor(window.sample0 / rows) - first), min(image.height(), math.ceil(window.sample1 / rows) - first)
    right, bottom = max(right, left), max(bottom, top)
    corner = QPointF(window.x(rect, left * columns), window.y(rect, (first + top) * rows))
    opposite = QPointF(window.x(rect, right * columns), window.y(rect, (first + bottom) * rows))
    return QRectF(corner, opposite), QRectF(left, top, right - left, bottom - top)


def _paint_hatch(
    painter: QPainter,
    rect: QRectF,
    target: QRectF,
    source: QRectF,
    where: QImage,
    hatch: Hatch,
    palette: Palette,
    resolution: float,
    on_status: bool,
) -> None:
    """A hatch over the cells of ``where``, in a layer of device pixels: its cost is that of the pixels, not of the cells."""
    size = QSize(max(1, math.ceil(rect.width() * resolution)), max(1, math.ceil(rect.height() * resolution)))
    layer = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    layer.fill(Qt.GlobalColor.transparent)
    inner = QPainter(layer)
    try:
        inner.scale(resolution, resolution)
        inner.translate(-rect.topLeft())
        inner.drawImage(target, where, source)
        inner.resetTransform()
        inner.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
        inner.fillRect(layer.rect(), QBrush(hatch_tile(hatch, palette, resolution, on_status)))
    finally:
        inner.end()
    layer.setDevicePixelRatio(resolution)
    painter.drawImage(rect.topLeft(), layer)


def hatch_tile(hatch: Hatch, palette: Palette, resolution: float, on_status: bool) -> QImage:
    """One tile of a hatch in device pixels. On value colours a dark and a light line run side by side: seen on any colour."""
    side = max(4, round(hatch_pitch(on_status) * resolution))
    tile = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    tile.fill(Qt.GlobalColor.transparent)
    painter = QPainter(tile)
    try:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for logical_shift, color in hatch_inks(palette, on_status):
            shift = logical_shift * resolution
            if hatch == "points":
                dot = POINT * resolution
                for x, y in ((0.25, 0.25), (0.75, 0.75)):
                    painter.fillRect(QRectF(x * side + shift - dot / 2, y * side + shift - dot / 2, dot, dot), point_ink(color))
                continue
            painter.setPen(QPen(color, hatch_wide(on_status) * resolution))
            for k in (-1, 0, 1, 2):
                painter.drawLine(QLineF(k * side - 2 + shift, side + 2, k * side + side + 2 + shift, -2))
                if hatch == "cross":
                    painter.drawLine(QLineF(k * side - 2 + shift, -2, k * side + side + 2 + shift, side + 2))
    finally:
        painter.end()
    return tile


def _ranges(window: Window, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """First and last+1 visible sample and step."""
    return (
        max(0, math.floor(window.sample0)), min(shape[0], math.ceil(window.sample1)),
        max(0, math.floor(window.step0)), min(shape[1], math.ceil(window.step1)),
    )  # fmt: skip


def _paint_grid(painter: QPainter, rect: QRectF, cells: Cells, window: Window) -> None:
    top, bottom, left, right = _ranges(window, cells.shape)
    if cells.heatmap.present is not None and len(steps := np.flatnonzero(cells.heatmap.present)):
        left, right = max(left, int(steps[0])), min(right, int(steps[-1]) + 1)
    if right <= left:
        return
    x0, x1, y0, y1 = window.x(rect, left), window.x(rect, right), window.y(rect, top), window.y(rect, bottom)
    width, height = window.cell(rect)
    down = [QLineF(window.x(rect, k), y0, window.x(rect, k), y1) for k in range(left, right + 1)] if width >= GRID_FROM else []
    across = [QLineF(x0, window.y(rect, k), x1, window.y(rect, k)) for k in range(top, bottom + 1)] if height >= GRID_FROM else []
    for lines, size in ((down, width), (across, height)):
        color = QColor(cells.palette.canvas)
        color.setAlphaF(min(1.0, size / GRID_WHOLE))  # lines must not outweigh low cells
        painter.setPen(QPen(color, 1.0))
        painter.drawLines(lines)


def _paint_signs(painter: QPainter, rect: QRectF, cells: Cells, window: Window) -> None:
    """NaN, infinity and clipped signs, dots on real steps that are skipped, outlines of steps without a mask."""
    top, bottom, left, right = _ranges(window, cells.shape)
    width, height = window.cell(rect)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def boxes(where: NDArray[Any]) -> list[tuple[QRectF, int, int]]:
        found = np.argwhere(where[top:bottom, left:right])
        return [(QRectF(window.x(rect, left + t), window.y(rect, top + b), width, height), top + b, left + t) for b, t in found]

    found = cells.marks()
    if found[top:bottom, left:right].any():
        for box, b, t in boxes(found):
            paint_mark(painter, box, Mark(int(found[b, t])))
    odd = cells.heatmap.odd
    if odd is not None:
        for box, _b, _t in boxes(odd):
            paint_dot(painter, box, cells.palette)
    if cells.heatmap.status is not None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(cells.palette.edge), 1.0))
        painter.drawRects([box.adjusted(2, 2, -2, -2) for box, _b, _t in boxes(cells.heatmap.status == Status.UNMASKED)])


def paint_dot(painter: QPainter, box: QRectF, palette: Palette) -> None:
    """A dot: a real step that the mask skips."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(palette.text))
    painter.drawEllipse(box.center(), 2.2, 2.2)


def paint_mark(painter: QPainter, box: QRectF, mark: Mark) -> None:
    """A cross for NaN, arrow heads for the infinities, a small corner for clipped values; black and white: seen on any colour."""
    radius, center = min(min(box.width(), box.height()) * 0.28, 4.5), box.center()
    if mark == Mark.NAN:
        for color, wide in ((QColor("white"), 2.6), (QColor("black"), 1.3)):
            painter.setPen(QPen(QBrush(color), wide, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(center + QPointF(-radius, -radius), center + QPointF(radius, radius))
            painter.drawLine(center + QPointF(-radius, radius), center + QPointF(radius, -radius))
        return
    painter.setPen(QPen(QColor("white"), 0.8))
    painter.setBrush(QColor("black"))
    side = min(box.width(), box.height()) * 0.34
    shapes = {
        Mark.POSITIVE_INFINITY: [center + QPointF(-radius, radius), center + QPointF(radius, radius), center + QPointF(0, -radius)],
        Mark.NEGATIVE_INFINITY: [center + QPointF(-radius, -radius), center + QPointF(radius, -radius), center + QPointF(0, radius)],
        Mark.ABOVE: [box.topRight(), box.topRight() + QPointF(-side, 0), box.topRight() + QPointF(0, side)],
        Mark.BELOW: [box.bottomLeft(), box.bottomLeft() + QPointF(side, 0), box.bottomLeft() + QPointF(0, -side)],
    }
    if mark in shapes:
        painter.drawPolygon(QPolygonF(shapes[mark]))


def bar_range(scale: Scale) -> tuple[float, float]:
    """The values at the two ends of a bar chart: the scale's range with zero in it."""
    return min(0.0, scale.low), max(0.0, scale.high)


def longest_bars(values: NDArray[Any], first: int, last: int, together: int) -> Iterator[int]:
    """Of every ``together`` samples from ``first`` up to ``last`` the one whose bar tells most: not finite, or farthest from zero."""
    reach = np.where(np.isfinite(values), np.abs(values), np.inf)
    for top in range(first // together * together, last, together):
        yield top + int(np.argmax(reach[top : top + together])) if together > 1 else top


def paint_bars(painter: QPainter, rect: QRectF, heatmap: Heatmap, scale: Scale, window: Window, palette: Palette) -> None:
    """One horizontal bar per sample for values ``(batch,)``, from zero, coloured like cells."""
    values = heatmap.values
    assert values is not None
    low, high = bar_range(scale)
    colors = to_rgba(values, scale, palette.dark)
    special = marks(values, scale.low, scale.high)
    _width, height = window.cell(rect)
    together = max(1, math.ceil(1 / height))  # samples that share a row of pixels are one bar
    height *= together
    gap = min(2.0, height * 0.15)

    def x(value: float) -> float:
        return rect.left() + (min(max(value, low), high) - low) / (high - low) * rect.width()

    painter.save()
    try:
        painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
        for b in longest_bars(values, max(0, math.floor(window.sample0)), min(len(values), math.ceil(window.sample1)), together):
            top, value = window.y(rect, b // together * together), float(values[b])
            if math.isfinite(value):
                bar = QRectF(QPointF(x(0.0), top + gap / 2), QPointF(x(value), top + height - gap / 2)).normalized()
            else:
                bar = QRectF(rect.left(), top + gap / 2, min(rect.width(), 24.0), height - gap)
            painter.fillRect(bar, QColor(*(int(c) for c in colors[b])))
            if height >= GRID_FROM:  # the darkest colours cannot be told from a dark ground
                painter.setPen(QPen(QColor(palette.edge), 1.0))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(bar.adjusted(0, 0, 0, -1))
            if special[b] and height >= SIGN_FROM:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                paint_mark(
                    painter, QRectF(bar.right() - height, top, height, height) if math.isfinite(value) else bar, Mark(int(special[b]))
                )
        painter.setPen(QPen(QColor(palette.muted), 1.0))
        painter.drawLine(QPointF(x(0.0), rect.top()), QPointF(x(0.0), rect.bottom()))
    finally:
        painter.restore()


def metrics(painter: QPainter) -> QFontMetricsF:
    """Measures of the painter's font on its own device."""
    return QFontMetricsF(painter.font(), painter.device())
