"""What stands in the graph's scene: cards, frames around unfolded containers, and edges. Each paints what its look says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from maskviz.core.graph import Edge, Node
from maskviz.core.graph_looks import EdgeLook, NodeLook
from maskviz.core.layout import Point
from maskviz.export.graph_painting import PLAIN_BELOW, paint_card, paint_edge, paint_frame

if TYPE_CHECKING:
    from maskviz.gui.graph.scene import GraphScene


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
        self._bounds = QRectF(0, 0, *size).adjusted(-3, -3, em * 0.5, below + 4)

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
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        if self.look is None or self.plain != (scale < PLAIN_BELOW):
            self.plain = scale < PLAIN_BELOW
            self.look = self._graph.node_look(self.node, self.plain)
        selected = self._graph.selected == self.node.id
        if self.frame:
            paint_frame(painter, self.size, self.look, self._graph.sizes, self._graph.palette_, selected, scale)
        else:
            paint_card(painter, self.look, self._graph.sizes, self._graph.palette_, selected, scale)


class EdgeItem(QGraphicsItem):
    """One edge along its route. It cannot be hit: a click on it is a click on empty ground."""

    def __init__(self, scene: GraphScene, edge: Edge, path: QPainterPath) -> None:
        super().__init__()
        self._graph = scene
        self.edge = edge
        self.look: EdgeLook | None = None
        self._path = path
        self._bounds = path.boundingRect().adjusted(-8, -4, 8, 4)
        self.setZValue(0)

    def boundingRect(self) -> QRectF:
        return self._bounds

    def shape(self) -> QPainterPath:
        return QPainterPath()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        look = self.look = self.look or self._graph.edge_look(self.edge)
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        paint_edge(painter, self._path, look, self._graph.sizes, self._graph.palette_, scale)
