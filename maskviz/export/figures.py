"""Figures for print: heatmaps on one shared time axis with title, axes, units, colour bars and legend, at any width and dpi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from maskviz.colormaps import MARK_COLORS, MARK_WORDS, Mark, Scale, marks
from maskviz.core.batch import Batch
from maskviz.core.heatmaps import Choice, Heatmap, loss_map, mask_map, prediction_map, shared_steps
from maskviz.core.network import Network
from maskviz.core.status import Status
from maskviz.core.trace import Trace
from maskviz.export.axes import paint_colour_bar, paint_samples, paint_steps, paint_values_below
from maskviz.export.cells import Cells, Hatch, scale_of
from maskviz.export.painting import Window, bar_range, hatch_tile, paint_bars, paint_dot, paint_map, paint_mark
from maskviz.palette import Palette, palette

FONT_PX = 12.0
NARROWEST, WIDEST = 560.0, 1500.0  # logical width between which print sizes are kept; beyond, the figure is scaled as a whole
TALLEST_MAP, ROW, LOWEST_MAP = 420.0, 18.0, 40.0


@dataclass(frozen=True, slots=True)
class FigureStyle:
    """Size and theme of a figure: ``width`` in pixels of the file, ``dpi`` pixels per inch (sizes of text and hatch follow it)."""

    width: int = 2100
    dpi: int = 300
    theme: Literal["light", "dark"] = "light"

    @classmethod
    def of_millimetres(cls, millimetres: float, dpi: int, theme: Literal["light", "dark"] = "light") -> FigureStyle:
        """A figure that is so wide on paper."""
        return cls(max(1, round(millimetres / 25.4 * dpi)), dpi, theme)

    @property
    def scale(self) -> float:
        """Pixels of the file per logical pixel."""
        return min(max(self.dpi / 96, self.width / WIDEST), self.width / NARROWEST)

    @property
    def palette(self) -> Palette:
        return palette(self.theme)


@dataclass(frozen=True)
class Figure:
    """Heatmaps one below the other, each with its scale, under one title."""

    title: str
    subtitle: str
    maps: tuple[tuple[Heatmap, Scale], ...]
    steps: int


def heatmap_figure(
    network: Network,
    batch: Batch,
    trace: Trace | None,
    kinds: Sequence[str] = ("mask", "predictions", "loss"),
    choice: Choice | None = None,
) -> Figure:
    """The figure of some of the maps ``mask``, ``predictions`` and ``loss`` as chosen."""
    choice, steps = choice or Choice(), shared_steps(batch, trace)
    made: list[Heatmap] = []
    if "mask" in kinds:
        made.append(mask_map(network, batch, trace, choice.input))
    if trace is not None and "predictions" in kinds:
        made.append(prediction_map(trace, steps, choice.output, choice.view, choice.unit))
    if trace is not None and "loss" in kinds:
        made.append(loss_map(trace, steps, choice.output))
    subtitle = f"{_count(batch.size, 'sample')} × {_count(steps, 'timestep')} · batch: {batch.source} · Keras {network.keras}"
    return Figure(network.name, subtitle, tuple((m, scale_of(m, choice)) for m in made), steps)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def render_figure(figure: Figure, style: FigureStyle) -> QImage:
    """The figure as an image of exactly ``style.width`` pixels, with its dpi set."""
    layout = _Layout(figure, style.width / style.scale)
    image = QImage(style.width, max(1, round(layout.height * style.scale)), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(style.scale)
    image.setDotsPerMeterX(round(style.dpi / 0.0254))
    image.setDotsPerMeterY(round(style.dpi / 0.0254))
    painter = QPainter(image)
    try:
        paint_figure(painter, figure, layout.width, style.palette, style.scale)
    finally:
        painter.end()
    return image


def figure_size(figure: Figure, width: float) -> QSizeF:
    """Logical size of a figure so wide."""
    return QSizeF(width, _Layout(figure, width).height)


def paint_figure(painter: QPainter, figure: Figure, width: float, colors: Palette, resolution: float) -> None:
    """Paint a figure at the origin in logical pixels; ``resolution`` is that of its hatches."""
    layout = _Layout(figure, width)
    painter.fillRect(QRectF(0, 0, layout.width, layout.height), QColor(colors.card if not colors.dark else colors.canvas))
    _text(painter, layout.title, figure.title, _font(15, bold=True), colors.text)
    _text(painter, layout.subtitle, figure.subtitle, _font(FONT_PX - 1), colors.muted)
    for (heatmap, scale), place in zip(figure.maps, layout.places, strict=True):
        _paint_one(painter, heatmap, scale, place, figure.steps, colors, resolution, width - 18)
    _paint_legend(painter, layout, colors, resolution)


def _font(size: float, bold: bool = False) -> QFont:
    font = QFont()
    font.setPixelSize(round(size))
    font.setBold(bold)
    return font


@dataclass(frozen=True)
class _Place:
    """Where the parts of one map are."""

    title: QRectF
    subtitle: QRectF
    map: QRectF
    bar: QRectF


class _Layout:
    """Positions of everything in a figure of a given logical width."""

    def __init__(self, figure: Figure, width: float) -> None:
        self.width, margin = width, 18.0
        plain, bold = QFontMetricsF(_font(FONT_PX)), QFontMetricsF(_font(13, bold=True))
        line = plain.height()
        samples = max((m.samples for m, _s in figure.maps), default=1)
        left = margin + line + 6 + plain.horizontalAdvance("0" * max(2, len(str(samples)))) + 8
        right = margin + 14 + 10 + plain.horizontalAdvance("−0.00088")
        self.title = QRectF(margin, 14, width - 2 * margin, 22)
        self.subtitle = QRectF(margin, self.title.bottom(), width - 2 * margin, line)
        y = self.subtitle.bottom() + 12
        self.places: list[_Place] = []
        for heatmap, _scale in figure.maps:
            title = QRectF(margin, y, bold.horizontalAdvance(heatmap.title) + 12, bold.height())
            unit = plain.horizontalAdvance(heatmap.unit) + 14 if heatmap.values is not None and heatmap.has_time else 0.0
            subtitle = QRectF(title.right(), y, width - margin - title.right() - unit, bold.height())
            tall = line * 2 if heatmap.explanation else min(max(heatmap.samples * ROW, LOWEST_MAP), TALLEST_MAP)
            area = QRectF(left, title.bottom() + 5, width - left - right, tall)
            self.places.append(_Place(title, subtitle, area, QRectF(area.right() + 10, area.top(), 14, tall)))
            y = area.bottom() + (0 if heatmap.explanation else 2 * line + 8) + 14
        self.entries = _legend(figure)
        self.line, self.left, self.legend_top = line, margin, y
        self.spots: list[QPointF] = []
        x = margin
        for entry in self.entries:
            wide = 24 + plain.horizontalAdvance(entry.words) + 18
            if x + wide > width - margin and x > margin:
                x, y = margin, y + line + 6
            self.spots.append(QPointF(x, y))
            x += wide
        self.height = y + (line if self.entries else 0) + 14


def _paint_one(
    painter: QPainter, heatmap: Heatmap, scale: Scale, place: _Place, steps: int, colors: Palette, resolution: float, right_edge: float
) -> None:
    _text(painter, place.title, heatmap.title, _font(13, bold=True), colors.text)
    _text(painter, place.subtitle, heatmap.subtitle, _font(FONT_PX), colors.muted)
    painter.setFont(_font(FONT_PX))
    if heatmap.explanation:
        painter.setPen(QColor(colors.muted))
        painter.drawText(
            place.map, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap), heatmap.explanation
        )
        return
    area, line = place.map, QFontMetricsF(painter.font()).height()
    window = Window(0, max(steps, 1), 0, max(heatmap.samples, 1))
    if heatmap.has_time:
        paint_map(painter, area, Cells(heatmap, scale, colors), window, resolution)
        paint_steps(painter, area, window, steps, colors)
        label = "timestep"
    else:
        paint_bars(painter, area, heatmap, scale, window, colors)
        paint_values_below(painter, area, *bar_range(scale), colors)
        label = heatmap.unit
    painter.setPen(QPen(QColor(colors.edge), 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(area)
    paint_samples(painter, area, window, heatmap.samples, colors)
    painter.setPen(QColor(colors.muted))
    painter.drawText(QRectF(area.left(), area.bottom() + line + 4, area.width(), line), int(Qt.AlignmentFlag.AlignCenter), label)
    painter.save()
    painter.translate(18, area.center().y())
    painter.rotate(-90)
    painter.drawText(QRectF(-100, 0, 200, line), int(Qt.AlignmentFlag.AlignCenter), "sample")
    painter.restore()
    if heatmap.values is not None and heatmap.has_time:
        paint_colour_bar(painter, place.bar, scale, colors, "", heatmap.classes)
        painter.setPen(QColor(colors.muted))
        words = QRectF(place.subtitle.right(), place.title.top(), right_edge - place.subtitle.right(), place.title.height())
        painter.drawText(words, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), heatmap.unit)


def _text(painter: QPainter, box: QRectF, words: str, font: QFont, color: str) -> None:
    painter.setFont(font)
    painter.setPen(QColor(color))
    fitting = QFontMetricsF(font).elidedText(words, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), fitting)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the legend: a fill, and on it a hatch, a dot or a mark."""

    words: str
    status: Status | None = None
    hatch: Hatch | None = None
    mark: Mark = Mark.NONE
    dot: bool = False


def _legend(figure: Figure) -> list[_Entry]:
    """What occurs in the figure and needs a word: states of steps, hatches, dots and marks."""
    entries: list[_Entry] = []
    maps = [m for m, _s in figure.maps if not m.explanation]
    words = {
        Status.KEPT: "data, kept by the mask",
        Status.UNMASKED: "data, no mask",
        Status.SKIPPED: "skipped by the mask",
        Status.EXPOSED: "padding, not skipped",
    }
    hatches: dict[Status, Hatch] = {Status.SKIPPED: "diagonal", Status.EXPOSED: "cross"}
    for status, text in words.items():
        if any(m.status is not None and (m.status == status).any() for m in maps):
            entries.append(_Entry(text, status=status, hatch=hatches.get(status)))
    if any(m.odd is not None for m in maps):
        entries.append(_Entry("data, but skipped", status=Status.SKIPPED, hatch="diagonal", dot=True))
    shown = {e.hatch for e in entries}
    if "diagonal" not in shown and any(m.skipped is not None and m.skipped.any() for m in maps):
        entries.append(_Entry(words[Status.SKIPPED], hatch="diagonal"))
    if "cross" not in shown and any(m.exposed is not None and m.exposed.any() for m in maps):
        entries.append(_Entry(words[Status.EXPOSED], hatch="cross"))
    found: set[int] = set()
    for heatmap, scale in figure.maps:
        if heatmap.has_time:
            found |= set(np.unique(Cells(heatmap, scale, palette("light")).marks()).tolist())
        elif heatmap.values is not None:
            found |= set(np.unique(marks(heatmap.values, scale.low, scale.high)).tolist())
    entries += [_Entry(MARK_WORDS[m], mark=m) for m in Mark if m != Mark.NONE and int(m) in found]
    return entries


def _paint_legend(painter: QPainter, layout: _Layout, colors: Palette, resolution: float) -> None:
    painter.setFont(_font(FONT_PX))
    for entry, spot in zip(layout.entries, layout.spots, strict=True):
        box = QRectF(spot.x(), spot.y() + (layout.line - 12) / 2, 18, 12)
        fill = colors.status[entry.status] if entry.status is not None else MARK_COLORS.get(entry.mark, colors.groove)
        painter.fillRect(box, QColor(fill))
        if entry.hatch is not None:
            tile = hatch_tile(entry.hatch, colors, resolution, on_status=entry.status is not None)
            whole = QImage(round(box.width() * resolution), round(box.height() * resolution), QImage.Format.Format_ARGB32_Premultiplied)
            _tile(whole, tile)
            painter.drawImage(box, whole)
        painter.setPen(QPen(QColor(colors.edge), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if entry.dot:
            paint_dot(painter, box, colors)
        if entry.mark != Mark.NONE:
            paint_mark(painter, box, entry.mark)
        painter.restore()
        painter.setPen(QColor(colors.text))
        painter.drawText(QPointF(box.right() + 6, spot.y() + QFontMetricsF(painter.font()).ascent()), entry.words)


def _tile(image: QImage, tile: QImage) -> None:
    """Fill an image with a tile."""
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    try:
        for y in range(0, image.height(), tile.height()):
            for x in range(0, image.width(), tile.width()):
                painter.drawImage(QRect(x, y, tile.width(), tile.height()), tile)
    finally:
        painter.end()
