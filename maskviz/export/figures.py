"""Figures for print: heatmaps on one shared time axis with title, axes, units, colour bars and legend, at any width and dpi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from maskviz.colormaps import Scale
from maskviz.core.batch import Batch
from maskviz.core.heatmaps import Choice, Heatmap, in_order, loss_map, mask_map, prediction_map, shared_steps
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.core.weights_map import weights_map
from maskviz.core.words import counted
from maskviz.export.axes import (
    TICK,
    axis_titles,
    bar_labels,
    paint_colour_bar,
    paint_down_title,
    paint_samples,
    paint_steps,
    paint_values_below,
    unit_words,
)
from maskviz.export.cells import Cells, scale_of
from maskviz.export.legend import legend_of, paint_legend
from maskviz.export.media import Drawing, image_of
from maskviz.export.painting import Window, bar_range, paint_bars, paint_map
from maskviz.palette import Palette, palette

FONT_PX = 12.0
NARROWEST, WIDEST = 440.0, 1500.0  # logical width between which print sizes are kept; beyond, the figure is scaled as a whole
TALLEST_MAP, ROW, LOWEST_MAP = 420.0, 18.0, 44.0
TALLEST = 1.2  # height of a figure by its width, beyond which its rows shrink: it has to fit on a page
MARGIN, BAR = 18.0, 14.0


@dataclass(frozen=True, slots=True)
class FigureStyle:
    """Size and theme of a figure: ``width`` in pixels of the file, ``dpi`` pixels per inch (sizes of text and hatch follow it).

    A ``transparent`` figure has no ground of its own; without ``legend`` the words for marks and hatches are left out. ``statuses`` names
    the set of status colours.
    """

    width: int = 2100
    dpi: int = 300
    theme: Literal["light", "dark"] = "light"
    transparent: bool = False
    legend: bool = True
    statuses: str = "standard"

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
        return palette(self.theme, self.statuses)

    @property
    def ground(self) -> str | None:
        """The colour behind everything; None where it is transparent."""
        colors = self.palette
        return None if self.transparent else colors.canvas if colors.dark else colors.card


@dataclass(frozen=True)
class Figure:
    """Heatmaps one below the other, each with its scale, under one title. A frame marks the timestep ``at``, where there is one.
    ``order`` has the samples from top to bottom where they do not stand as given."""

    title: str
    subtitle: str
    maps: tuple[tuple[Heatmap, Scale], ...]
    steps: int
    at: int | None = None
    order: NDArray[Any] | None = None


def heatmap_figure(
    network: Network,
    batch: Batch,
    trace: Trace | None,
    kinds: Sequence[str] = ("mask", "predictions", "loss"),
    choice: Choice | None = None,
) -> Figure:
    """The figure of some of the maps ``mask``, ``predictions``, ``loss`` and ``weights`` as chosen."""
    choice, steps = choice or Choice(), shared_steps(batch, trace)
    made: list[Heatmap] = []
    if "mask" in kinds:
        made.append(mask_map(network, batch, trace, choice.input))
    if trace is not None and "predictions" in kinds:
        made.append(prediction_map(trace, steps, choice.output, choice.view, choice.unit))
    if trace is not None and "loss" in kinds:
        made.append(loss_map(trace, steps, choice.output))
    if "weights" in kinds:
        made.append(weights_map(network, batch, trace, choice.output))
    return figure_of(network, batch, [(m, scale_of(m, choice)) for m in made], steps)


def figure_of(
    network: Network, batch: Batch, maps: Sequence[tuple[Heatmap, Scale]], steps: int, order: NDArray[Any] | None = None
) -> Figure:
    """The figure of some maps on an axis of ``steps``, with the network's name and what it saw; samples stand in ``order``."""
    subtitle = f"{counted(batch.size, 'sample')} × {counted(steps, 'timestep')} · batch: {batch.source} · Keras {network.keras}"
    return Figure(network.name, subtitle, tuple(maps), steps, order=order)


def render_figure(figure: Figure, style: FigureStyle) -> QImage:
    """The figure as an image of exactly ``style.width`` pixels, with its dpi set."""
    return image_of(figure_drawing(figure, style))


def figure_drawing(figure: Figure, style: FigureStyle) -> Drawing:
    """The figure for any medium."""
    layout = _Layout(figure, style.width / style.scale, style.legend)

    def paint(painter: QPainter, resolution: float) -> None:
        _paint_figure(painter, figure, layout, style.palette, resolution)

    return Drawing(layout.width, layout.height, style.scale, paint, style.ground, style.dpi)


def _paint_figure(painter: QPainter, figure: Figure, layout: _Layout, colors: Palette, resolution: float) -> None:
    width = layout.width
    _lines(painter, QRectF(MARGIN, 14, width, 22), layout.title, _font(15, bold=True), colors.text)
    _lines(painter, QRectF(MARGIN, 14 + 22 * len(layout.title), width, layout.line), layout.subtitle, _font(FONT_PX - 1), colors.muted)
    for (heatmap, scale), place in zip(figure.maps, layout.places, strict=True):
        _paint_one(painter, heatmap, scale, place, figure, colors, resolution, width - MARGIN)
    painter.setFont(_font(FONT_PX))
    paint_legend(painter, layout.entries, layout.spots, layout.line, colors)


def _font(size: float, bold: bool = False) -> QFont:
    font = QFont()
    font.setPixelSize(round(size))
    font.setBold(bold)
    return font


def wrapped(words: str, font: QFont, room: float) -> list[str]:
    """The lines of a text so wide: between the parts that dots separate, else between words, and within a name where it must be."""
    measure, lines = QFontMetricsF(font), [""]
    for part in words.split(" · "):
        joined = f"{lines[-1]} · {part}" if lines[-1] else part
        if measure.horizontalAdvance(joined) <= room or not lines[-1]:
            lines[-1] = joined
        else:
            lines[-1] += " ·"
            lines.append(part)
    return [line for long in lines for line in _broken(long, measure, room)]


def _broken(words: str, measure: QFontMetricsF, room: float) -> list[str]:
    lines = [""]
    for word in words.split(" "):
        if lines[-1] and measure.horizontalAdvance(f"{lines[-1]} {word}") > room:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
        while measure.horizontalAdvance(lines[-1]) > room and len(lines[-1]) > 1:
            fits = next(n for n in range(len(lines[-1]) - 1, 0, -1) if n == 1 or measure.horizontalAdvance(lines[-1][:n]) <= room)
            lines[-1:] = [lines[-1][:fits], lines[-1][fits:]]
    return lines


@dataclass(frozen=True)
class _Place:
    """Where the parts of one map are, and the lines of its subtitle."""

    title: QRectF
    words: QRectF
    lines: tuple[str, ...]
    map: QRectF
    bar: QRectF


class _Layout:
    """Positions of everything in a figure of a given logical width. Rows shrink where the figure would become taller than a page."""

    def __init__(self, figure: Figure, width: float, legend: bool = True) -> None:
        self.width, self.left = width, MARGIN
        plain, bold = _font(FONT_PX), _font(13, bold=True)
        line = self.line = QFontMetricsF(plain).height()
        head = QFontMetricsF(bold).height()
        inner = width - 2 * MARGIN
        self.title, self.subtitle = wrapped(figure.title, _font(15, bold=True), inner), wrapped(figure.subtitle, _font(FONT_PX - 1), inner)
        heads = [_Head(heatmap, scale, inner, plain, bold) for heatmap, scale in figure.maps]
        self.entries = legend_of(figure.maps) if legend else []
        rows = _rows([24 + QFontMetricsF(plain).horizontalAdvance(e.words) + 18 for e in self.entries], inner)
        top = 14.0 + 22 * len(self.title) + line * len(self.subtitle) + 12
        foot = len(rows) * (line + 6) + 14
        below = [14.0 if m.explanation else 2 * line + 22 for m, _scale in figure.maps]
        said = [line * len(wrapped(m.explanation, plain, inner)) for m, _scale in figure.maps]
        drawn = [m.samples for m, _scale in figure.maps if not m.explanation]
        fixed = top + sum(h.height(head, line) + 5 for h in heads) + sum(below) + sum(said) + foot
        tallest = min(TALLEST_MAP, max((TALLEST * width - fixed) / max(len(drawn), 1), LOWEST_MAP))
        tall = [said[k] if m.explanation else min(max(m.samples * ROW, LOWEST_MAP), tallest) for k, (m, _scale) in enumerate(figure.maps)]
        digits = "0" * max(2, len(str(max(drawn, default=1))))
        left = MARGIN + line + 6 + QFontMetricsF(plain).horizontalAdvance(digits) + 8
        labels = [
            text
            for (m, scale), height in zip(figure.maps, tall, strict=True)
            if m.values is not None
            for text, _share in bar_labels(scale, m.classes, height, line)
        ]
        right = MARGIN + BAR + 10 + TICK + 4 + max((QFontMetricsF(plain).horizontalAdvance(text) for text in labels), default=0.0)
        self.places: list[_Place] = []
        y = top
        for (heatmap, _scale), part, height, under in zip(figure.maps, heads, tall, below, strict=True):
            title = QRectF(MARGIN, y, part.title, head)
            words = QRectF(MARGIN, title.bottom(), inner, line) if part.below else QRectF(title.right(), y, inner - part.title, head)
            y += part.height(head, line) + 5
            area = QRectF(MARGIN, y, inner, height) if heatmap.explanation else QRectF(left, y, width - left - right, height)
            self.places.append(_Place(title, words, tuple(part.lines), area, QRectF(area.right() + 10, y, BAR, height)))
            y = area.bottom() + under
        self.spots = [QPointF(MARGIN + x, y + k * (line + 6)) for k, row in enumerate(rows) for x in row]
        self.height = y + foot - (6 if rows else 0)


class _Head:
    """Title and subtitle of one map: side by side where there is room, else the subtitle below. The bar's unit stands at the right."""

    def __init__(self, heatmap: Heatmap, scale: Scale, inner: float, plain: QFont, bold: QFont) -> None:
        self.title = QFontMetricsF(bold).horizontalAdvance(heatmap.title) + 12
        unit = QFontMetricsF(plain).horizontalAdvance(unit_words(heatmap, scale)) + 14 if heatmap.values is not None else 0.0
        self.below = QFontMetricsF(plain).horizontalAdvance(heatmap.subtitle) > inner - self.title - unit
        self.lines = wrapped(heatmap.subtitle, plain, inner - unit) if self.below else [heatmap.subtitle]

    def height(self, head: float, line: float) -> float:
        return head + (line * len(self.lines) if self.below else 0.0)


def _rows(widths: Sequence[float], room: float) -> list[list[float]]:
    """Where things so wide start, in rows."""
    rows: list[list[float]] = []
    x = room + 1
    for wide in widths:
        if x + wide > room:
            rows.append([])
            x = 0.0
        rows[-1].append(x)
        x += wide
    return rows


def _paint_one(
    painter: QPainter,
    heatmap: Heatmap,
    scale: Scale,
    place: _Place,
    figure: Figure,
    colors: Palette,
    resolution: float,
    right_edge: float,
) -> None:
    _lines(painter, place.title, [heatmap.title], _font(13, bold=True), colors.text)
    _lines(painter, place.words, place.lines, _font(FONT_PX), colors.muted)
    area = place.map
    if heatmap.explanation:
        room = QRectF(area.left(), area.top(), area.width(), QFontMetricsF(painter.font()).height())
        _lines(painter, room, wrapped(heatmap.explanation, painter.font(), area.width()), painter.font(), colors.muted)
        return
    line = QFontMetricsF(painter.font()).height()
    window = Window(0, max(figure.steps, 1), 0, max(heatmap.samples, 1))
    if heatmap.has_time:
        paint_map(painter, area, Cells(in_order(heatmap, figure.order), scale, colors), window, resolution)
        paint_steps(painter, area, window, figure.steps, colors, figure.at)
        if figure.at is not None:
            _mark_step(painter, area, window, figure.at, colors)
    else:
        paint_bars(painter, area, in_order(heatmap, figure.order), scale, window, colors)
        paint_values_below(painter, area, *bar_range(scale), colors)
    across, down = axis_titles(heatmap)
    painter.setPen(QPen(QColor(colors.edge), 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(area)
    order = figure.order if figure.order is not None and len(figure.order) == heatmap.samples else None
    paint_samples(painter, area, window, heatmap.samples, colors, order=order)
    painter.setPen(QColor(colors.muted))
    painter.drawText(QRectF(area.left(), area.bottom() + line + 4, area.width(), line), int(Qt.AlignmentFlag.AlignCenter), across)
    paint_down_title(painter, area, 18, down, colors)
    if heatmap.values is not None:
        paint_colour_bar(painter, place.bar, scale, colors, heatmap.classes)
        painter.setPen(QColor(colors.muted))
        words = QRectF(place.bar.left(), place.words.top(), 0, place.words.height())
        words.translate(0, (len(place.lines) - 1) * place.words.height())
        unit = unit_words(heatmap, scale)
        wide = QFontMetricsF(painter.font()).horizontalAdvance(unit)
        words.moveLeft(min(place.bar.left(), right_edge - wide))  # above its bar, and no further left than it must be
        _lines(painter, words, [unit], painter.font(), colors.muted)


def _mark_step(painter: QPainter, area: QRectF, window: Window, step: int, colors: Palette) -> None:
    """A frame around one timestep of all samples, dark and light: seen on any colour."""
    left, wide = window.x(area, step), window.cell(area)[0]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width in ((colors.canvas, 4.0), (colors.text, 1.6)):
        painter.setPen(QPen(QColor(color), width))
        if wide >= 4:
            painter.drawRect(QRectF(left, area.top(), wide, area.height()))
        else:
            painter.drawLine(QLineF(left + wide / 2, area.top(), left + wide / 2, area.bottom()))


def _lines(painter: QPainter, first: QRectF, lines: Sequence[str], font: QFont, color: str) -> None:
    """Lines of text, the first of them in a given place."""
    painter.setFont(font)
    painter.setPen(QColor(color))
    for k, words in enumerate(lines):
        painter.drawText(
            first.translated(0, k * first.height()),
            int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip),
            words,
        )
