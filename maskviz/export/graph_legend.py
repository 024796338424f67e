"""The legend of the graph: the statuses, and in a comparison what is the same, better, worse, or in one result alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from maskviz.core.graph_looks import OneSide, Tone
from maskviz.core.status import Status
from maskviz.export.graph_marks import tone_colour
from maskviz.export.graph_painting import Sizes, outline_pen, paint_counted, paint_tick
from maskviz.palette import STATUS_WORDS, Palette


@dataclass(frozen=True)
class Entry:
    """One word with its mark, which is painted into a square."""

    words: str
    meaning: str
    paint: Callable[[QPainter, QRectF, Palette], None]


def _status(status: Status, painter: QPainter, square: QRectF, palette: Palette) -> None:
    paint_tick(painter, status, square, palette)


def _counted(painter: QPainter, square: QRectF, palette: Palette) -> None:
    paint_tick(painter, Status.UNMASKED, square, palette)
    paint_counted(painter, square, palette)


def _pill(tone: Tone, painter: QPainter, square: QRectF, palette: Palette) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tone_colour(tone, palette))
    flat = square.adjusted(0, square.height() * 0.15, 0, -square.height() * 0.15)
    painter.drawRoundedRect(flat, flat.height() / 2, flat.height() / 2)


def _card(only_in: OneSide, painter: QPainter, square: QRectF, palette: Palette) -> None:
    painter.setPen(outline_pen(only_in, palette))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(square.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)


STATUSES = tuple(Entry(*STATUS_WORDS[status], partial(_status, status)) for status in Status if status is not Status.ENDED)
COUNTED = Entry("counts in the loss", "no mask is here, and this step is padding that has a share in the loss", _counted)
CHANGES = (
    Entry("same", "the step has the same status in A and in B; every other step is shown as in B", partial(_status, Status.ENDED)),
    Entry("better", "less is wrong in B than in A", partial(_pill, "good")),
    Entry("worse", "more is wrong in B than in A", partial(_pill, "bad")),
    Entry("other", "something else differs", partial(_pill, "accent")),
    Entry("only in A", "B has no call of this name", partial(_card, "A")),
    Entry("only in B", "A has no call of this name", partial(_card, "B")),
)


def entries(difference: bool) -> tuple[Entry, ...]:
    """What the legend explains, of one result or of the difference of two."""
    return STATUSES + CHANGES if difference else (*STATUSES, COUNTED)


def _spots(width: float, sizes: Sizes, difference: bool) -> list[tuple[float, int]]:
    """Where each entry stands: how far from the left, and in which row."""
    metrics = QFontMetricsF(sizes.font(0.9))
    spots, left, row = [], 0.0, 0
    for number, entry in enumerate(entries(difference)):
        wide = metrics.horizontalAdvance(entry.words) + sizes.em * 1.4
        if left and (left + wide > width or (difference and number == len(STATUSES))):
            left, row = 0.0, row + 1
        spots.append((left, row))
        left += wide + sizes.em * 1.1
    return spots


def legend_height(width: float, sizes: Sizes, difference: bool = False) -> float:
    """Height of the legend in a given width."""
    return (_spots(width, sizes, difference)[-1][1] + 1) * sizes.em * 1.8


def paint_legend(
    painter: QPainter, left: float, top: float, width: float, sizes: Sizes, palette: Palette, difference: bool = False
) -> None:
    """The entries with their marks and words, in as many rows as ``width`` needs."""
    em = sizes.em
    painter.setFont(sizes.font(0.9))
    for entry, (dx, row) in zip(entries(difference), _spots(width, sizes, difference), strict=True):
        x, y = left + dx, top + row * em * 1.8
        entry.paint(painter, QRectF(x, y + em * 0.35, em * 0.95, em * 0.95), palette)
        painter.setPen(QColor(palette.muted))
        painter.drawText(QRectF(x + em * 1.4, y, width, em * 1.65), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, entry.words)
