"""Lays graphs out level by level, keeps what was laid out, and tells when a graph can be shown."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from maskviz.core.graph import Graph, folded
from maskviz.core.graph_places import Direction, Level, Levels, compose
from maskviz.core.layout import LAYER_GAP, Layout, LayoutRequest
from maskviz.export.graph_painting import Sizes, request_of
from maskviz.session.layout_job import LayoutJob

LABEL_GAP = 190.0  # room for the labels of edges between two layers that stand beside each other


@dataclass(frozen=True)
class _Wanted:
    shown: Graph
    requests: dict[Level, LayoutRequest]
    sizes: Sizes
    direction: Direction


class Arranger(QObject):
    """``arrange`` asks for a graph; ``arranged(shown, layout)`` answers, at once where all its levels are known, and only the newest."""

    arranged = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job = LayoutJob(self)
        self.job.done.connect(self._take)
        self._wanted: _Wanted | None = None
        self._known: dict[LayoutRequest, Layout] = {}
        self._levels: tuple[Graph, bool, Levels] | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._wanted is not None

    def arrange(self, graph: Graph, unfolded: frozenset[str], mask_path: bool, sizes: Sizes, direction: Direction, labels: bool) -> None:
        """Asks for the places of a graph with these containers unfolded; ``labels`` leaves room for those of the edges."""
        gap = LABEL_GAP if labels and direction == "right" else LAYER_GAP
        if self._levels is None or self._levels[0] is not graph or self._levels[1] != mask_path:
            self._levels = graph, mask_path, Levels(graph, mask_path)
        requests = self._levels[2].requests(unfolded, sizes.card, direction, gap)
        self._wanted = _Wanted(folded(graph, unfolded, mask_path), requests, sizes, direction)
        self._go_on()

    def forget(self) -> None:
        """Drops what was laid out for another graph."""
        self._known.clear()
        self._levels = None

    def close(self) -> None:
        """Ends the layout process; nothing is answered any more."""
        self._wanted = None
        self.job.close()

    def _take(self, request: LayoutRequest, layout: Layout) -> None:
        self._known[request] = layout
        if self._wanted is not None:
            self._go_on()

    def _go_on(self) -> None:
        """Asks for the next level that is not known, or answers."""
        wanted = self._wanted
        assert wanted is not None
        missing = next((r for r in wanted.requests.values() if r.boxes and r not in self._known), None)
        if missing is not None:
            self.job.request(missing)
            return
        self._wanted = None
        if not wanted.shown.nodes:
            self.arranged.emit(wanted.shown, Layout())
            return
        layouts = {level: self._known[request] for level, request in wanted.requests.items()}
        links = request_of(wanted.shown, wanted.sizes).links
        self.arranged.emit(wanted.shown, compose(wanted.shown, links, wanted.requests, layouts, wanted.direction))
