"""What stands in the graph's scene: cards, frames around unfolded containers, and edges. Each paints what its look says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from maskviz.core.graph import Edge, Node
from maskviz.core.graph_looks import EdgeLook, NodeLook
from maskviz.core.layout import Point
from maskviz.export.graph_marks import MOST_LABEL_EMS, Side, paint_edge_label, paint_ring, paint_tag
from maskviz.export.graph_painting import PLAIN_BELOW, paint_card, paint_edge, paint_frame

if TYPE_CHECKING:
    from maskviz.gui.graph.scene import GraphScene

DIMMED = 0.32  # opacity of what is not lit


class NodeItem(QGraphicsItem):
    """A card with its mask strips, or the frame of an unfolded container (``size`` is then the frame's)."""

    def __init__(self, scene: GraphScene, node: Node, position: Point, size: Point, frame: bool) -> None:
        super().__init__()
        self._graph = scene
        self.node = node
        self.size = size
        self.frame = frame
        self.look: NodeLook | None = None
        self.plain = False
        self.setPos(*position)
        self.setZValue(-2 if frame else 1)
        em = scene.sizes.em
        below = 0.0 if frame else scene.sizes.strip_gap + scene.sizes.strip[1]
        self._bounds = QRectF(0, 0, *size).adjusted(-em, -em * 1.2, em, below + 4)

    def boundingRect(self) -> QRectF:
        return self._bounds

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.addRect(QRectF(0, 0, self.size[0], self._graph.sizes.em * 2.3 if self.frame else self.size[1]))
        return path

    def card(self) -> QRectF:
        """The card or frame in the scene."""
        return QRectF(self.pos().x(), self.pos().y(), *self.size)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        graph, name = self._graph, self.node.id
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        if self.look is None or self.plain != (scale < PLAIN_BELOW):
            self.plain = scale < PLAIN_BELOW
            self.look = graph.node_look(self.node, self.plain)
        selected = graph.selected == name
        if self.frame:
            paint_frame(painter, self.size, self.look, graph.sizes, graph.palette_, selected, scale)
        else:
            paint_card(painter, self.look, graph.sizes, graph.palette_, selected, scale)
        marks = graph.marks
        if name in marks.hits:
            paint_ring(painter, self.size, graph.sizes, QColor(graph.palette_.warning), scale)
        if name in marks.linked:
            paint_ring(painter, self.size, graph.sizes, QColor(graph.palette_.accent), scale, dashed=True)
        if (tag := marks.tags.get(name)) is not None:
            paint_tag(painter, self.size, tag, graph.sizes, graph.palette_, scale)


class EdgeItem(QGraphicsItem):
    """One edge along its route. It cannot be hit: a click on it is a click on empty ground. ``side`` is where its label stands."""

    def __init__(self, scene: GraphScene, edge: Edge, route: tuple[Point, ...], path: QPainterPath, side: Side) -> None:
        super().__init__()
        self._graph = scene
        self.edge = edge
        self.route = route
        self.look: EdgeLook | None = None
        self._path = path
        self._side: Side = side
        line, em = path.boundingRect().adjusted(-8, -4, 8, 4), scene.sizes.em
        self._line = self._bounds = line
        if side:
            end, wide = QPointF(*route[-1]), 2 * MOST_LABEL_EMS * em
            self._bounds = line.united(QRectF(end.x() - wide, end.y() - 2 * em, 2 * wide, 4 * em))
        self.setZValue(0)

    def boundingRect(self) -> QRectF:
        return self._bounds

    def shape(self) -> QPainterPath:
        return QPainterPath()

    def line(self) -> QRectF:
        """The rectangle around the line, without its label."""
        return self._line

    def distance(self, place: QPointF) -> float:
        """How far a place of the scene is from the edge."""
        return min(_from_line(place, a, b) for a, b in zip(self.route, self.route[1:], strict=False))

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        graph = self._graph
        look = self.look = self.look or graph.edge_look(self.edge)
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        pointed_at = graph.hovered is self
        paint_edge(painter, self._path, look, graph.sizes, graph.palette_, scale, pointed_at)
        if self._side:
            (x1, y1), (x2, y2) = self.route[-2:]
            paint_edge_label(painter, QPointF(x2, y2), self._side, abs(x1 - x2) < abs(y1 - y2), look, graph.sizes, graph.palette_, scale)


def _from_line(place: QPointF, a: Point, b: Point) -> float:
    """The distance of a place from a straight line between two points."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    share = 0.0 if not length else min(1.0, max(0.0, ((place.x() - a[0]) * dx + (place.y() - a[1]) * dy) / length))
    return float(((place.x() - a[0] - share * dx) ** 2 + (place.y() - a[1] - share * dy) ** 2) ** 0.5)


class LinkItem(QGraphicsItem):
    """A thin line between two calls of one layer."""

    def __init__(self, scene: GraphScene, start: QPointF, end: QPointF) -> None:
        super().__init__()
        self._graph = scene
        self._path = QPainterPath(start)
        bend = QPointF(max(60.0, abs(end.y() - start.y()) * 0.15), 0.0)
        self._path.cubicTo(start - bend, end - bend, end)
        self.setZValue(2)

    def boundingRect(self) -> QRectF:
        return self._path.boundingRect().adjusted(-4, -4, 4, 4)

    def shape(self) -> QPainterPath:
        return QPainterPath()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        pen = QPen(QColor(self._graph.palette_.accent), 1.4)
        pen.setCosmetic(True)
        pen.setDashPattern([2, 4])
        painter.setPen(pen)
        painter.drawPath(self._path)
