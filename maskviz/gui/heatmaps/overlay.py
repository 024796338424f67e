"""What is drawn over the cells of a map: cross-hair, marked region, frames around pointed-out steps, and which part is shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from maskviz.export.painting import Window
from maskviz.palette import Palette

LEAST_BOX = 5.0  # side of the box around the selected step, however small its cell


def paint_cross_hair(painter: QPainter, rect: QRectF, window: Window, row: int, step: int | None, colors: Palette) -> None:
    """A line through the selected step and a box around its cell; around the whole row where ``step`` is None."""
    width, height = window.cell(rect)
    painter.save()
    painter.setClipRect(rect.adjusted(-1, -1, 1, 1))
    strokes = (QColor(colors.canvas), QColor(colors.text))  # one of the two is seen on any colour
    if step is not None:
        x = window.x(rect, step + 0.5)
        for color, wide in zip(strokes, (3.0, 1.0), strict=True):
            painter.setPen(QPen(color, wide))
            painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
    left, across = (rect.left(), rect.width()) if step is None else (window.x(rect, step), width)
    box = QRectF(left, window.y(rect, row), across, height)
    across, height = max(box.width(), LEAST_BOX), max(box.height(), LEAST_BOX)
    box = QRectF(box.center().x() - across / 2, box.center().y() - height / 2, across, height)
    for color, wide in zip(strokes, (4.5, 2.0) if min(across, height) > LEAST_BOX else (3.0, 1.2), strict=True):
        pen = QPen(color, wide)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        painter.drawRect(box)
    painter.restore()


def paint_region(painter: QPainter, rect: QRectF, window: Window, rows: Sequence[int], first: int, last: int, colors: Palette) -> None:
    """A dashed frame around marked steps of some rows, one for each run of rows that follow each other."""
    painter.save()
    painter.setClipRect(rect.adjusted(-1, -1, 1, 1))
    left, right = window.x(rect, first), window.x(rect, last + 1)
    tint = QColor(colors.text)
    tint.setAlpha(28)
    for top, bottom in runs(rows):
        box = QRectF(QPointF(left, window.y(rect, top)), QPointF(right, window.y(rect, bottom + 1)))
        painter.fillRect(box, tint)
        painter.setPen(QPen(QColor(colors.canvas), 2.4))
        painter.drawRect(box)
        dashes = QPen(QColor(colors.text), 1.4)
        dashes.setDashPattern([4.0, 3.0])
        painter.setPen(dashes)
        painter.drawRect(box)
    painter.restore()


def runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of whole numbers that follow each other."""
    found = np.unique(np.asarray(numbers, int))
    for part in np.split(found, np.flatnonzero(np.diff(found) > 1) + 1) if len(found) else []:
        yield int(part[0]), int(part[-1])


def paint_frames(painter: QPainter, rect: QRectF, window: Window, steps: NDArray[Any], colors: Palette) -> None:
    """Frames around steps ``(rows, time)`` bool, each around all that touch each other; the rest is veiled a little."""
    width, height = window.cell(rect)
    rows, columns = max(1, math.ceil(2 / height)), max(1, math.ceil(2 / width))  # one block is two pixels at least
    top, left = (max(0, math.floor(v)) // size * size for v, size in ((window.sample0, rows), (window.step0, columns)))
    part = blocks(steps[top : math.ceil(window.sample1), left : math.ceil(window.step1)], rows, columns)
    if not part.any():
        return
    painter.save()
    painter.setClipRect(rect, Qt.ClipOperation.IntersectClip)
    wide = np.pad(part, 1)
    lines = []
    for row, first, last in _edges(wide[1:, 1:-1] != wide[:-1, 1:-1]):
        y = window.y(rect, top + row * rows)
        lines.append(QLineF(window.x(rect, left + first * columns), y, window.x(rect, left + last * columns), y))
    for column, first, last in _edges((wide[1:-1, 1:] != wide[1:-1, :-1]).T):
        x = window.x(rect, left + column * columns)
        lines.append(QLineF(x, window.y(rect, top + first * rows), x, window.y(rect, top + last * rows)))
    for color, thick in ((colors.canvas, 3.6), (colors.warning, 1.8)):
        pen = QPen(QColor(color), thick)
        pen.setCapStyle(Qt.PenCapStyle.SquareCap)
        painter.setPen(pen)
        painter.drawLines(lines)
    painter.restore()


def blocks(steps: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Whether any step of each block of ``rows`` × ``columns`` is set."""
    if rows > 1 and len(steps):
        steps = np.logical_or.reduceat(steps, np.arange(0, steps.shape[0], rows), axis=0)
    if columns > 1 and steps.size:
        steps = np.logical_or.reduceat(steps, np.arange(0, steps.shape[1], columns), axis=1)
    return steps


def _edges(found: NDArray[Any]) -> Iterator[tuple[int, int, int]]:
    """Runs of True along the second axis: line number, first, last + 1."""
    ends = np.diff(np.pad(found.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, stops = np.argwhere(ends == 1), np.argwhere(ends == -1)
    for (line, first), (_line, last) in zip(starts.tolist(), stops.tolist(), strict=True):
        yield line, first, last


def paint_position(painter: QPainter, rect: QRectF, window: Window, steps: int, rows: int, colors: Palette, timed: bool) -> None:
    """Thin bars that say which part is shown, when it is not everything."""
    color = QColor(colors.accent)
    if timed and window.step1 - window.step0 < steps:
        start, span = window.step0 / steps, (window.step1 - window.step0) / steps
        painter.fillRect(QRectF(rect.left() + start * rect.width(), rect.bottom() + 1, max(span * rect.width(), 8), 2), color)
    if window.sample1 - window.sample0 < rows:
        start, span = window.sample0 / rows, (window.sample1 - window.sample0) / rows
        painter.fillRect(QRectF(rect.right() + 2, rect.top() + start * rect.height(), 2, max(span * rect.height(), 8)), color)
