"""What is painted over the cards and edges of a graph: rings around what was found or belongs together, tags at the places where a mask
begins and ends, and the labels of edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from maskviz.core.graph_looks import EdgeLook, Tone
from maskviz.core.layout import Point
from maskviz.core.status import Status
from maskviz.export.graph_painting import PLAIN_BELOW, Sizes, mask_colour
from maskviz.palette import Palette

Side = Literal[-1, 0, 1]
MOST_LABEL_EMS = 13.0


@dataclass(frozen=True, slots=True)
class Tag:
    """A few words at a card, such as ``mask lost here``; the card is framed in the same colour."""

    text: str
    tone: Tone


def tone_colour(tone: Tone, palette: Palette) -> QColor:
    """The colour that a tone has on badges and tags."""
    bad = palette.status[Status.EXPOSED]
    return QColor({"good": palette.good, "bad": bad, "accent": palette.accent, "quiet": palette.status[Status.ENDED]}[tone])


def paint_ring(painter: QPainter, size: Point, sizes: Sizes, colour: QColor, scale: float, dashed: bool = False) -> None:
    """A ring around a card; from far away as thick as can be seen."""
    width = max(2.0, 2.0 / scale)
    pen = QPen(colour, width)
    if dashed:
        pen.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    out, radius = 1.5 + width / 2, sizes.em * 0.5 + 2
    painter.drawRoundedRect(QRectF(0, 0, *size).adjusted(-out, -out, out, out), radius, radius)


def paint_tag(painter: QPainter, size: Point, tag: Tag, sizes: Sizes, palette: Palette, scale: float) -> None:
    """The frame of a place on a mask's way, and its words above the card's left corner."""
    colour, em = tone_colour(tag.tone, palette), sizes.em
    paint_ring(painter, size, sizes, colour, scale)
    if scale < PLAIN_BELOW:
        return
    font = sizes.font(0.8, bold=True)
    text = QFontMetricsF(font).elidedText(tag.text, Qt.TextElideMode.ElideMiddle, size[0] - 2 * em)
    pill = QRectF(em * 0.6, -em * 1.05, QFontMetricsF(font).horizontalAdvance(text) + em, em * 1.3)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(pill, pill.height() / 2, pill.height() / 2)
    painter.setFont(font)
    painter.setPen(QColor("#10131a"))
    painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, text)


def paint_edge_label(
    painter: QPainter, end: QPointF, side: Side, downwards: bool, look: EdgeLook, sizes: Sizes, palette: Palette, scale: float
) -> None:
    """What an edge carries, beside its end: a chip with the mask's name, shape and dtype; or that the mask was taken off on the way."""
    words = ([] if not look.mask else [look.mask]) + ([look.text] if look.text else []) + (["no mask"] if look.lost else [])
    if not side or not words or scale < PLAIN_BELOW:
        return
    em, font = sizes.em, sizes.font(0.8)
    metrics = QFontMetricsF(font)
    widths = [min(metrics.horizontalAdvance(word), MOST_LABEL_EMS * em) + 0.7 * em for word in words]
    height, whole = em * 1.25, sum(widths) + 0.2 * em * (len(words) - 1)
    if downwards:
        left, top = (end.x() + 0.5 * em if side > 0 else end.x() - 0.5 * em - whole), end.y() - height - 0.35 * em
    else:
        left, top = end.x() - 0.5 * em - whole, end.y() + (0.3 * em if side > 0 else -height - 0.3 * em)
    painter.setFont(font)
    for word, width in zip(words, widths, strict=True):
        chip = QRectF(left, top, width, height)
        is_mask, is_loss = word == look.mask, word == "no mask"
        back = tone_colour("bad", palette) if is_loss else QColor(palette.pane)
        if is_mask and look.number is not None:
            back = mask_colour(look.number, palette)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(back)
        painter.drawRoundedRect(chip, em * 0.35, em * 0.35)
        ink = "#10131a" if is_loss or (is_mask and palette.dark) else "#ffffff" if is_mask else palette.muted
        painter.setPen(QColor(ink))
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, metrics.elidedText(word, Qt.TextElideMode.ElideMiddle, width))
        left += width + 0.2 * em
