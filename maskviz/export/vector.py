"""Cells and hatches of a heatmap as rectangles and lines, for SVG and PDF: sharp at any size, and without a picture in between."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPaintEngine, QPainter, QPen

from maskviz.export.cells import Hatch
from maskviz.palette import Palette

POINT = 1.5  # side of the points on padding that no mask skips
RECTANGLES_FROM = 5.0  # smallest cell that is a rectangle; smaller ones stay a picture, since their edges would show as seams
PICTURE_PIXELS = 2_000_000  # a picture of cells is made this large at most, so that viewers that smooth pictures do little harm


def is_vector(painter: QPainter) -> bool:
    """Whether what is painted becomes an SVG or PDF file."""
    engine = painter.paintEngine()
    return engine is not None and engine.type() in (QPaintEngine.Type.SVG, QPaintEngine.Type.Pdf)


def paint_cells(painter: QPainter, target: QRectF, image: QImage, source: QRectF) -> None:
    """The part ``source`` of a picture with a pixel per cell, in ``target``: as rectangles, equal neighbours as one."""
    part = image.copy(source.toRect())
    columns, rows = part.width(), part.height()
    if not columns or not rows:
        return
    width, height = target.width() / columns, target.height() / rows
    if min(width, height) < RECTANGLES_FROM:
        factor = max(1, int((PICTURE_PIXELS / (columns * rows)) ** 0.5))
        painter.drawImage(target, part.scaled(columns * min(factor, 16), rows * min(factor, 16)))
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    colors = _pixels(part)
    for row, first, last in runs(colors):
        color = QColor.fromRgba(int(colors[row, first]))
        if color.alpha():
            box = QRectF(target.left() + first * width, target.top() + row * height, (last - first) * width, height)
            painter.fillRect(box, color)


def runs(values: NDArray[np.uint32]) -> Iterator[tuple[int, int, int]]:
    """Row, first column and the column after the last, of equal neighbours in the rows of ``values`` ``(rows, columns)``."""
    for row, line in enumerate(values):
        cuts = np.flatnonzero(np.diff(line)) + 1
        for first, last in zip([0, *cuts.tolist()], [*cuts.tolist(), len(line)], strict=True):
            yield row, first, last


def paint_hatch(painter: QPainter, target: QRectF, where: QImage, source: QRectF, hatch: Hatch, palette: Palette, on_status: bool) -> None:
    """A hatch over the cells of ``where`` (alpha > 0), as lines that end where the cells do."""
    part = where.copy(source.toRect())
    if not part.isNull():
        paint_lines(painter, target, _pixels(part) >> np.uint32(24) > 0, hatch, palette, on_status)


def paint_lines(painter: QPainter, target: QRectF, there: NDArray[np.bool_], hatch: Hatch, palette: Palette, on_status: bool) -> None:
    """The lines or points of a hatch over the cells ``there`` ``(rows, columns)`` that fill ``target``. On value colours a dark and a
    light one are side by side: seen on any colour."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pitch = hatch_pitch(on_status)
    for shift, color in hatch_inks(palette, on_status):
        if hatch == "points":
            for x, y in hatch_points(target, there, pitch):
                painter.fillRect(QRectF(x + shift - POINT / 2, y + shift - POINT / 2, POINT, POINT), point_ink(color))
            continue
        pen = QPen(color, hatch_wide(on_status))
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawLines(hatch_lines(target, there, shift, pitch, falling=False))
        if hatch == "cross":
            painter.drawLines(hatch_lines(target, there, shift, pitch, falling=True))
    painter.restore()


def hatch_inks(palette: Palette, on_status: bool) -> list[tuple[float, QColor]]:
    """The colours of a hatch, and how far the lines of each are moved to the side."""
    if not on_status:
        return [(0.0, QColor(0, 0, 0, 125)), (hatch_wide(on_status), QColor(255, 255, 255, 85))]
    ink = QColor(palette.canvas if palette.dark else palette.text)
    ink.setAlpha(170 if palette.dark else 130)
    return [(0.0, ink)]


def point_ink(ink: QColor) -> QColor:
    """The colour of points: stronger than that of lines, since they cover less."""
    return QColor(ink.red(), ink.green(), ink.blue(), min(255, ink.alpha() * 3 // 2))


def hatch_pitch(on_status: bool) -> float:
    """How far the lines of a hatch are apart: on values farther, since the colour below has to be read."""
    return 7.0 if on_status else 9.0


def hatch_wide(on_status: bool) -> float:
    """How wide the lines of a hatch are."""
    return 1.15 if on_status else 0.7


def hatch_points(target: QRectF, there: NDArray[np.bool_], pitch: float) -> Iterator[tuple[float, float]]:
    """Places in the cells that are ``there``: the middles of a chequerboard of squares half a ``pitch`` wide across ``target``."""
    rows, columns = there.shape
    for k, y in enumerate(np.arange(pitch / 4, target.height(), pitch / 2).tolist()):
        for x in np.arange(pitch / 4 + (k % 2) * pitch / 2, target.width(), pitch).tolist():
            if there[int(y / target.height() * rows), int(x / target.width() * columns)]:
                yield target.left() + x, target.top() + y


def hatch_lines(target: QRectF, there: NDArray[np.bool_], shift: float = 0.0, pitch: float = 7.0, *, falling: bool) -> list[QLineF]:
    """Diagonals ``pitch`` apart across ``target``, cut to the cells that are ``there``.

    Each diagonal is cut where it crosses an edge of the grid; pieces whose middle lies in such a cell stay, neighbours in one piece.
    """
    rows, columns = there.shape
    width, height = target.width(), target.height()
    edges_x, edges_y = np.linspace(0, width, columns + 1), np.linspace(0, height, rows + 1)
    lines: list[QLineF] = []
    # along a diagonal y = ±x + start; what is rising on the screen has a falling y
    sign = 1.0 if falling else -1.0
    least = -width if falling else 0.0
    for start in np.arange(np.floor(least / pitch) * pitch, least + width + height, pitch) + shift:
        crossings = np.concatenate([edges_x, (edges_y - start) * sign])
        x = np.unique(np.clip(crossings, 0, width))
        y = start + sign * x
        x = x[(y >= -1e-9) & (y <= height + 1e-9)]
        if len(x) < 2:
            continue
        middle = (x[:-1] + x[1:]) / 2
        column = np.minimum((middle / width * columns).astype(int), columns - 1)
        row = np.clip(((start + sign * middle) / height * rows).astype(int), 0, rows - 1)
        inside = np.concatenate([[False], there[row, column], [False]])
        turns = np.flatnonzero(inside[1:] != inside[:-1])
        for first, last in zip(x[turns[::2]].tolist(), x[turns[1::2]].tolist(), strict=True):
            ends = (first, start + sign * first, last, start + sign * last)
            lines.append(QLineF(*map(float, ends)).translated(target.topLeft()))
    return lines


def _pixels(image: QImage) -> NDArray[np.uint32]:
    """ARGB of every pixel ``(height, width)``, not premultiplied."""
    plain = image.convertToFormat(QImage.Format.Format_ARGB32)
    data = np.frombuffer(plain.constBits(), np.uint32).reshape(plain.height(), plain.bytesPerLine() // 4)
    return data[:, : plain.width()].copy()
