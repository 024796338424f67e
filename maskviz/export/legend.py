"""The legend of a figure of heatmaps: what occurs in it and needs a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from maskviz.colormaps import MARK_COLORS, MARK_WORDS, Mark, Scale, marks
from maskviz.core.heatmaps import Heatmap
from maskviz.core.status import Status
from maskviz.export.cells import Cells, Hatch
from maskviz.export.painting import paint_dot, paint_mark
from maskviz.export.vector import paint_lines
from maskviz.palette import Palette, palette

BOX = (18.0, 12.0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the legend: a fill, and on it a hatch, a dot or a mark."""

    words: str
    status: Status | None = None
    hatch: Hatch | None = None
    mark: Mark = Mark.NONE
    dot: bool = False


def legend_of(maps: Sequence[tuple[Heatmap, Scale]]) -> list[Entry]:
    """What occurs in heatmaps and needs a word: states of steps, hatches, dots and marks."""
    entries: list[Entry] = []
    shown_maps = [m for m, _s in maps if not m.explanation]
    words = {
        Status.KEPT: "kept by the mask",
        Status.LEAKING: "leaking: kept, but computed from padding",
        Status.UNMASKED: "no mask, not computed from padding",
        Status.SKIPPED: "skipped by the mask",
        Status.EXPOSED: "exposed: computed from padding, no mask",
    }
    hatches: dict[Status, Hatch] = {Status.SKIPPED: "diagonal", Status.EXPOSED: "cross"}
    for status, text in words.items():
        if any(m.status is not None and (m.status == status).any() for m in shown_maps):
            entries.append(Entry(text, status=status, hatch=hatches.get(status), dot=status == Status.LEAKING))
    odd = [m for m in shown_maps if m.odd is not None and m.odd.any()]
    if any(m.status is not None and (m.odd & (m.status == Status.SKIPPED)).any() for m in odd):
        entries.append(Entry("data, but skipped", status=Status.SKIPPED, hatch="diagonal", dot=True))
    if any(m.status is None for m in odd) and not any(e.status == Status.LEAKING for e in entries):
        entries.append(Entry(words[Status.LEAKING], dot=True))
    shown = {e.hatch for e in entries}
    if "diagonal" not in shown and any(m.skipped is not None and m.skipped.any() for m in shown_maps):
        entries.append(Entry(words[Status.SKIPPED], hatch="diagonal"))
    if "cross" not in shown and any(m.exposed is not None and m.exposed.any() for m in shown_maps):
        entries.append(Entry(words[Status.EXPOSED], hatch="cross"))
    if any(m.padded is not None and m.padded.any() for m in shown_maps):
        entries.append(Entry("padding that no mask skips", hatch="points"))
    found: set[int] = set()
    for heatmap, scale in maps:
        if heatmap.has_time:
            found |= set(np.unique(Cells(heatmap, scale, palette("light")).marks()).tolist())
        elif heatmap.values is not None:
            found |= set(np.unique(marks(heatmap.values, scale.low, scale.high)).tolist())
    entries += [Entry(MARK_WORDS[m], mark=m) for m in Mark if m != Mark.NONE and int(m) in found]
    return entries


def paint_legend(painter: QPainter, entries: Sequence[Entry], spots: Sequence[QPointF], line: float, colors: Palette) -> None:
    """Each entry at its spot: a small cell, and the words beside it in the painter's font, ``line`` high."""
    for entry, spot in zip(entries, spots, strict=True):
        box = QRectF(spot.x(), spot.y() + (line - BOX[1]) / 2, *BOX)
        fill = colors.status[entry.status] if entry.status is not None else MARK_COLORS.get(entry.mark, colors.groove)
        painter.fillRect(box, QColor(fill))
        if entry.hatch is not None:
            paint_lines(painter, box, np.ones((1, 1), bool), entry.hatch, colors, on_status=entry.status is not None)
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
