"""The scene of the graph: one item per visible node and edge, kept while the same nodes are shown."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, QRectF
from PySide6.QtWidgets import QGraphicsScene

from maskviz.core.graph import Edge, Graph, Node
from maskviz.core.graph_looks import EdgeLook, NodeLook, edge_look, node_look, plain_look, strips_of
from maskviz.core.layout import Layout
from maskviz.core.trace import Call, Trace
from maskviz.export.graph_painting import Sizes, request_of, route_path
from maskviz.gui.graph.items import EdgeItem, NodeItem
from maskviz.palette import Palette


class GraphScene(QGraphicsScene):
    """Holds the folded graph that is shown and what its items look like for the selected sample and timestep.

    Looks are made when an item is painted, so that what is out of sight costs nothing.
    """

    def __init__(self, palette: Palette, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.palette_ = palette
        self.sizes = Sizes.of()
        self.shown = Graph()
        self.selected: str | None = None
        self.items_by_id: dict[str, NodeItem] = {}
        self._edges: list[EdgeItem] = []
        self._trace: Trace | None = None
        self._calls: Mapping[str, Call] = {}
        self._outputs: Mapping[str, tuple[int, ...]] = {}
        self._hidden: Mapping[str, int] = {}
        self._sample = self._step = 0

    def rebuild(self, shown: Graph, layout: Layout) -> None:
        """Shows another folded graph."""
        self.clear()
        self.sizes = Sizes.of()
        self.items_by_id, self._edges = {}, []
        routes = dict(zip(request_of(shown, self.sizes).links, layout.routes, strict=True))
        self.relabel(shown)
        for edge in shown.edges:
            item = EdgeItem(self, edge, route_path(routes[edge.source, edge.target]))
            self._edges.append(item)
            self.addItem(item)
        for node in shown.nodes:
            card = NodeItem(self, node, layout.positions[node.id], layout.sizes[node.id], node.id in shown.containers)
            self.items_by_id[node.id] = card
            self.addItem(card)
        margin = 50 * self.sizes.em  # room to keep things in place when what is around them changes
        self.setSceneRect(self.content().adjusted(-margin, -margin, margin, margin))

    def relabel(self, shown: Graph) -> None:
        """Takes the same nodes and edges with newer shapes and roles."""
        self.shown = shown
        self._outputs = strips_of(shown)
        for node in shown.nodes:
            if node.id in self.items_by_id:
                self.items_by_id[node.id].node = node
        self.refresh()

    def count_inside(self, whole: Graph) -> None:
        """Takes from the whole graph how many calls each folded container hides."""
        inside: dict[str, int] = {}
        for node in whole.nodes:
            for outer in whole.ancestors(node.id):
                inside[outer] = inside.get(outer, 0) + 1
        self._hidden = inside

    def show(self, trace: Trace | None, sample: int, step: int) -> None:
        """Shows a trace at one timestep of one sample; repaints the items whose look changes, among those painted before."""
        if trace is not self._trace:
            self._calls = {call.id: call for call in trace.calls} if trace is not None else {}
        self._trace, self._sample, self._step = trace, sample, step
        self.refresh()

    def refresh(self) -> None:
        """Makes the looks of painted items anew and repaints those that differ."""
        for item in self.items_by_id.values():
            if item.look is not None and item.look != (look := self.node_look(item.node, item.plain)):
                item.look = look
                item.update()
        for edge in self._edges:
            if edge.look is not None and edge.look != (new := self.edge_look(edge.edge)):
                edge.look = new
                edge.update()

    def restyle(self, palette: Palette) -> None:
        """Another theme."""
        self.palette_ = palette
        self.update()

    def select(self, node_id: str | None) -> None:
        """Frames another node."""
        changed = {self.selected, node_id} if self.selected != node_id else set()
        self.selected = node_id
        for name in changed:
            if name is not None and name in self.items_by_id:
                self.items_by_id[name].update()

    def content(self) -> QRectF:
        """The rectangle around everything that is shown."""
        rect = QRectF()
        for item in (*self.items_by_id.values(), *self._edges):
            rect = rect.united(item.sceneBoundingRect())
        return rect

    def call(self, node_id: str) -> Call | None:
        """The call of a node in the trace that is shown."""
        return self._calls.get(node_id)

    def node_look(self, node: Node, plain: bool = False) -> NodeLook:
        """What a node shows now; ``plain`` from far away."""
        if plain:
            return plain_look(node, self._trace, self._calls.get(node.id), self._sample, self._step)
        framed = node.id in self.shown.containers
        outputs = () if framed else self._outputs.get(node.id, ())
        inside = 0 if framed else self._hidden.get(node.id, 0)
        return node_look(node, self._trace, self._calls.get(node.id), self._sample, self._step, outputs, inside)

    def edge_look(self, edge: Edge) -> EdgeLook:
        """What an edge shows now."""
        return edge_look(edge, self._trace, self._sample, self._step)
