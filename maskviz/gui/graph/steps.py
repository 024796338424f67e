"""Where the arrow keys lead in the graph."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRectF

from maskviz.core.graph import Graph


def neighbour(shown: Graph, boxes: Mapping[str, QRectF], here: str | None, dx: int, dy: int, sideways: bool) -> str | None:
    """The node that an arrow key leads to: along an edge in the direction of the flow, else the nearest card on that side."""
    if here is None or here not in boxes:
        return next((node.id for node in shown.nodes if node.id not in shown.containers), None)
    along, box = (dx if sideways else dy), boxes[here]
    if along:
        near = [e.target for e in shown.edges if e.source == here] if along > 0 else [e.source for e in shown.edges if e.target == here]
        if not near and here in shown.containers and along > 0:  # into an open container: its first call
            near = [node.id for node in shown.children[here][:1]]
    elif sideways:
        near = [n for n, b in boxes.items() if abs(b.x() - box.x()) < box.width() and (b.y() - box.y()) * dy > 0]
    else:
        near = [n for n, b in boxes.items() if abs(b.y() - box.y()) < box.height() and (b.x() - box.x()) * dx > 0]
    centre = box.center()
    return min(near, key=lambda name: (boxes[name].center() - centre).manhattanLength(), default=None)
