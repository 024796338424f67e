"""Lets cards glide to their new places when something unfolds, so that the eye can follow; edges come back when they are there."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEasingCurve, QObject, QPointF, QVariantAnimation

from maskviz.core.layout import Point
from maskviz.gui.graph.items import EdgeItem, NodeItem
from maskviz.gui.graph.scene import GraphScene

MILLISECONDS = 170
MOST_CARDS = 300  # more of them move at once

Places = tuple[Mapping[str, tuple[QPointF, bool]], Mapping[tuple[str, str], tuple[Point, ...]]]


def places_of(scene: GraphScene) -> Places:
    """Where all cards are, and whether each is a frame, and the routes of all edges."""
    cards = {name: (item.pos(), item.frame) for name, item in scene.items_by_id.items()}
    return cards, {(edge.edge.source, edge.edge.target): edge.route for edge in scene.edges}


class Glide(QObject):
    """``start`` moves the cards of a rebuilt scene from where they were; ``stop`` puts them where they belong at once."""

    def __init__(self, scene: GraphScene, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self._cards: list[tuple[NodeItem, QPointF, QPointF]] = []
        self._edges: list[EdgeItem] = []
        self._motion = QVariantAnimation(self)
        self._motion.setDuration(MILLISECONDS)
        self._motion.setStartValue(0.0)
        self._motion.setEndValue(1.0)
        self._motion.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._motion.valueChanged.connect(self._put)
        self._motion.finished.connect(self.stop)

    @property
    def running(self) -> bool:
        """Whether cards are on their way."""
        return bool(self._cards)

    def start(self, before: Places) -> None:
        """Lets the cards that have moved glide, unless there are very many."""
        self.stop()
        cards, routes = before
        moved = [
            (item, cards[name][0], item.pos())
            for name, item in self._scene.items_by_id.items()
            if name in cards and cards[name][1] == item.frame and cards[name][0] != item.pos()
        ]
        if not moved or len(moved) > MOST_CARDS:
            return
        self._cards = moved
        self._edges = [edge for edge in self._scene.edges if routes.get((edge.edge.source, edge.edge.target)) != edge.route]
        for edge in self._edges:
            edge.hide()
        self._put(0.0)
        self._motion.start()

    def stop(self) -> None:
        """Everything is where it belongs."""
        self._motion.stop()
        self._put(1.0)
        for edge in self._edges:
            edge.show()
        self._cards, self._edges = [], []

    def _put(self, share: float) -> None:
        for item, start, end in self._cards:
            item.setPos(start + (end - start) * share)
