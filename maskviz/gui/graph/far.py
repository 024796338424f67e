"""The graph from far away: thousands of cards and edges painted in a few strokes, one for each colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from maskviz.core.status import Status
from maskviz.export.graph_marks import tone_colour
from maskviz.export.graph_painting import edge_colour
from maskviz.gui.graph.items import DIMMED

if TYPE_CHECKING:
    from maskviz.gui.graph.scene import GraphScene

DOT = 6.0  # pixels


class FarPicture:
    """Rectangles and lines by colour, gathered once and painted in every frame until something changes."""

    def __init__(self, scene: GraphScene) -> None:
        self._lines: dict[tuple[str, bool], list[QLineF]] = {}
        self._dots: dict[str, list[QPointF]] = {}
        self._rects: dict[tuple[int, str, bool], list[QRectF]] = {}  # the number is the order in which they are painted
        for edge in scene.edges:
            dim = edge.opacity() < 1
            colour = edge_colour(scene.edge_look(edge.edge), scene.palette_).name()
            (x1, y1), (x2, y2) = edge.route[0], edge.route[-1]
            self._lines.setdefault((colour, dim), []).append(QLineF(x1, y1, x2, y2))
        for name, item in scene.items_by_id.items():
            self._gather(scene, name, item.card(), item.frame, item.opacity() < 1)

    def _gather(self, scene: GraphScene, name: str, card: QRectF, frame: bool, dim: bool) -> None:
        palette, look = scene.palette_, scene.node_look(scene.shown.by_id[name], True)
        if frame:
            self._add(0, palette.groove, dim, card)
            return
        if (colour := self._marked(scene, name)) is not None:
            self._dots.setdefault(colour, []).append(card.center())
        body = palette.text if name == scene.selected else palette.card if palette.dark else palette.border
        self._add(2, body, dim, card)
        bar = palette.edge if look.status is None else palette.status[look.status]
        self._add(3, bar, dim, QRectF(card.left(), card.top(), card.width() / 12, card.height()))
        if look.tone == "bad":
            patch = QRectF(card.left() + card.width() * 0.7, card.top() + card.height() * 0.2, card.width() * 0.25, card.height() * 0.3)
            self._add(4, palette.status[Status.EXPOSED], dim, patch)

    def _marked(self, scene: GraphScene, name: str) -> str | None:
        """The colour of the dot on a card that has to be seen however small it is."""
        palette, marks = scene.palette_, scene.marks
        if (tag := marks.tags.get(name)) is not None:
            return tone_colour(tag.tone, palette).name()
        if name == scene.selected:
            return palette.text
        return palette.warning if name in marks.hits else palette.accent if name in marks.linked else None

    def _add(self, order: int, colour: str, dim: bool, rect: QRectF) -> None:
        self._rects.setdefault((order, colour, dim), []).append(rect)

    def paint(self, painter: QPainter) -> None:
        """Paints it in the units of the scene."""
        for (colour, dim), lines in self._lines.items():
            pen = QPen(_faded(colour, dim), 0)
            painter.setPen(pen)
            painter.drawLines(lines)
        for order, colour, dim in sorted(self._rects):
            painter.setPen(QPen(_faded(colour, dim), 0))  # a card is never less than a pixel
            painter.setBrush(_faded(colour, dim))
            painter.drawRects(self._rects[order, colour, dim])
        for colour, dots in self._dots.items():
            pen = QPen(QColor(colour), DOT)
            pen.setCosmetic(True)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPoints(dots)


def _faded(colour: str, dim: bool) -> QColor:
    made = QColor(colour)
    if dim:
        made.setAlphaF(DIMMED)
    return made
