"""Axes and colour bars around a heatmap, for the window and for figures alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from maskviz.colormaps import Scale
from maskviz.core.heatmaps import Heatmap
from maskviz.core.numbers import number
from maskviz.export.painting import Window, metrics
from maskviz.palette import Palette

TICK = 3.0
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
STEPS_SHOWN = 24  # so many classes are steps of a colour bar, more a gradient


def count_ticks(start: float, end: float, most: int) -> list[int]:
    """Whole numbers from 0 up, evenly spaced by 1, 2, 4, 5, 10, 20, 25, 50 …, at most ``most`` of them in ``[start, end)``."""
    span, most = max(end - start, 1e-9), max(most, 1)
    spacing = next(s for e in range(12) for s in _spacings(e) if span / s <= most)
    first = math.ceil(max(start, 0) / spacing - 1e-9) * spacing
    return list(range(first, math.ceil(end - 1e-9), spacing))


def _spacings(exponent: int) -> tuple[int, ...]:
    return (1, 2, 4, 5) if exponent == 0 else (10**exponent, 2 * 10**exponent, 5 * 10**exponent)


def value_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers in ``[low, high]``, about ``most`` of them at most."""
    if not high > low:
        return [low]
    raw = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    spacing = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first = math.ceil(low / spacing - 1e-9)
    return [k * spacing for k in range(first, math.floor(high / spacing + 1e-9) + 1)]


def bar_ticks(low: float, high: float, length: float, line: float) -> list[float]:
    """Both ends of a range drawn ``length`` long, and round numbers between them that leave room for lines of text ``line`` high;
    the middle where no round number does."""
    if not high > low:
        return [low]
    apart = 1.6 * line * (high - low) / length
    inner = [v for v in value_ticks(low, high, max(1, int(length / (2.4 * line)))) if low + apart <= v <= high - apart]
    return [low, *(inner or [(low + high) / 2]), high]


def log_ticks(scale: Scale, length: float, line: float) -> list[tuple[str, float]]:
    """The words at both ends of a logarithmic scale, at zero and at all powers of ten, each with its share of the length; none at those
    that would leave no room."""
    exponents = range(math.floor(math.log10(scale.linear)), math.ceil(math.log10(max(abs(scale.low), abs(scale.high), 1e-300))) + 1)
    inner = [(0.0, "0"), *((sign * 10.0**e, _power(e, sign)) for e in reversed(exponents) for sign in (1, -1))]
    found = [(number(v), float(scale.share(np.float64(v)))) for v in (scale.low, scale.high)]
    for value, words in inner:
        share = float(scale.share(np.float64(value)))
        if scale.low < value < scale.high:
            fits = all(abs(share - other) * length >= 1.3 * line for taken, other in found if taken)
            found.append((words if fits else "", share))
    return sorted(found, key=lambda tick: tick[1])


def _power(exponent: int, sign: int) -> str:
    """``10⁻³``."""
    return ("−" if sign < 0 else "") + "10" + str(exponent).translate(SUPERSCRIPT)


def class_ticks(classes: int, length: float, line: float) -> list[tuple[int, float]]:
    """Class numbers beside a colour bar, first and last among them, and where they stand as a share of its length."""
    numbers = count_ticks(0, classes, max(2, int(length / (1.3 * line))))
    apart = line * classes / length
    numbers = [k for k in numbers if k == 0 or k + apart <= classes - 1] + ([classes - 1] if classes > 1 else [])
    return [(k, (k + 0.5) / classes if classes <= STEPS_SHOWN else k / (classes - 1)) for k in numbers]


def paint_samples(
    painter: QPainter,
    rect: QRectF,
    window: Window,
    samples: int,
    palette: Palette,
    strong: int | None = None,
    order: NDArray[Any] | None = None,
) -> None:
    """Sample numbers to the left of ``rect``; that of the row ``strong`` is emphasized and always there. ``order`` has the samples by
    row where they are not as given."""
    measure = metrics(painter)
    height, line, half = window.cell(rect)[1], measure.height(), measure.capHeight() / 2
    ticks = [k for k in count_ticks(window.sample0, min(window.sample1, samples), int(rect.height() / (line * 1.15))) if k < samples]
    if strong is not None:
        ticks = [k for k in ticks if abs(k - strong) * height >= line * 0.9] + [strong]
    for k in ticks:
        y = window.y(rect, k + 0.5)
        if not rect.top() <= y <= rect.bottom():
            continue
        painter.setPen(QColor(palette.text if k == strong else palette.muted))
        middle = min(max(y, rect.top() + half - 2), rect.bottom() - half + 2)  # beyond it there may be nothing to paint on
        box = QRectF(rect.left() - 200, middle - line / 2, 200 - TICK - 4, line)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), str(k if order is None else int(order[k])))
        painter.drawLine(QPointF(rect.left() - TICK - 1, y), QPointF(rect.left() - 1, y))


def paint_steps(
    painter: QPainter,
    rect: QRectF,
    window: Window,
    steps: int,
    palette: Palette,
    strong: int | None = None,
    order: NDArray[Any] | None = None,
) -> None:
    """Timestep numbers below ``rect``; the number ``strong`` is emphasized and always there. ``order`` has the numbers by column where
    they are not as given."""
    measure = metrics(painter)
    width, wide = window.cell(rect)[0], measure.horizontalAdvance("0" * len(str(max(steps - 1, 0))))
    ticks = [k for k in count_ticks(window.step0, min(window.step1, steps), int(rect.width() / (wide + measure.height()))) if k < steps]
    if strong is not None:
        ticks = [k for k in ticks if abs(k - strong) * width >= wide * 1.4] + [strong]
    for k in ticks:
        x = window.x(rect, k + 0.5)
        if rect.left() <= x <= rect.right():
            painter.setPen(QColor(palette.text if k == strong else palette.muted))
            _tick_below(painter, rect, x, str(k if order is None else int(order[k])))


def paint_values_below(painter: QPainter, rect: QRectF, low: float, high: float, palette: Palette) -> None:
    """Values below a bar chart whose axis runs from ``low`` to ``high``; none reaches beyond ``rect``."""
    painter.setPen(QColor(palette.muted))
    for value in value_ticks(low, high, max(2, int(rect.width() / 90))):
        _tick_below(painter, rect, rect.left() + (value - low) / (high - low) * rect.width(), number(value))


def _tick_below(painter: QPainter, rect: QRectF, x: float, text: str) -> None:
    painter.drawLine(QPointF(x, rect.bottom() + 1), QPointF(x, rect.bottom() + 1 + TICK))
    half = metrics(painter).horizontalAdvance(text) / 2
    middle = min(x, rect.right() + 3 - half)
    box = QRectF(middle - 100, rect.bottom() + TICK + 2, 200, metrics(painter).height())
    painter.drawText(box, int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop), text)


def paint_gradient(painter: QPainter, rect: QRectF, scale: Scale, palette: Palette, classes: int = 0) -> None:
    """The colours of a scale, high at the top; as steps where there are few ``classes``."""
    table = scale.table(palette.dark)[::-1]
    if 0 < classes <= STEPS_SHOWN:
        table = scale.table(palette.dark)[np.linspace(0, 255, classes).round().astype(int)][::-1]
    rgba = np.ascontiguousarray(np.hstack([table, np.full((len(table), 1), 255, np.uint8)]))
    image = QImage(rgba.data, 1, len(rgba), 4, QImage.Format.Format_RGBA8888)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawImage(rect, image)


def bar_labels(scale: Scale, classes: int, length: float, line: float) -> list[tuple[str, float]]:
    """The words beside a colour bar and where they stand as a share of its length, from low to high; a tick without words has none."""
    if classes:
        return [(str(k), share) for k, share in class_ticks(classes, length, line)]
    if scale.log:
        return log_ticks(scale, length, line)
    return [(number(v), (v - scale.low) / (scale.high - scale.low)) for v in bar_ticks(scale.low, scale.high, length, line)]


def axis_titles(heatmap: Heatmap) -> tuple[str, str]:
    """What the axes of a map count, across and down."""
    if heatmap.kind == "influence":
        return "step of the input", "step"
    return "timestep" if heatmap.has_time else heatmap.unit, "sample"


def paint_down_title(painter: QPainter, rect: QRectF, left: float, words: str, palette: Palette) -> None:
    """The title of the axis beside ``rect`` from the bottom to the top, ``left`` of its numbers; nothing where it does not fit."""
    measure = metrics(painter)
    if measure.horizontalAdvance(words) > rect.height():
        return
    painter.save()
    painter.setPen(QColor(palette.muted))
    painter.translate(left, rect.center().y())
    painter.rotate(-90)
    painter.drawText(QRectF(-100, 0, 200, measure.height()), int(Qt.AlignmentFlag.AlignCenter), words)
    painter.restore()


def unit_words(heatmap: Heatmap, scale: Scale) -> str:
    """What the numbers beside a colour bar are, and that the scale is logarithmic where it is."""
    return " · ".join(part for part in (heatmap.unit, "log" if scale.log and not heatmap.classes else "") if part)


def paint_colour_bar(painter: QPainter, rect: QRectF, scale: Scale, palette: Palette, classes: int = 0) -> None:
    """A colour bar with ticks to its right."""
    paint_gradient(painter, rect, scale, palette, classes)
    painter.setPen(QPen(QColor(palette.edge), 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect)
    measure = metrics(painter)
    painter.setPen(QColor(palette.muted))
    for text, share in bar_labels(scale, classes, rect.height(), measure.height()):
        y, half = rect.bottom() - share * rect.height(), measure.capHeight() / 2
        painter.drawLine(QPointF(rect.right() + 1, y), QPointF(rect.right() + 1 + TICK, y))
        middle = min(max(y, rect.top() + half), rect.bottom() - half)
        painter.drawText(QPointF(rect.right() + TICK + 4, middle + half), text)
