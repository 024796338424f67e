"""The scene of the graph: one item per visible node and edge, kept while the same nodes are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsScene

from maskviz.core.compare_graph import GraphDifference
from maskviz.core.counted_padding import CountedPadding
from maskviz.core.graph import Edge, Graph, Node
from maskviz.core.graph_looks import BatchShares, EdgeLook, NodeLook, badge_of, edge_look, node_look, plain_look, strips_of
from maskviz.core.graph_masks import Masks
from maskviz.core.graph_sections import stand_ins
from maskviz.core.layout import Layout
from maskviz.core.trace import Call, Trace
from maskviz.export.graph_marks import Side, tone_colour
from maskviz.export.graph_painting import Sizes, request_of, route_path
from maskviz.gui.graph.far import FarPicture
from maskviz.gui.graph.items import DIMMED, EdgeItem, LinkItem, NodeItem
from maskviz.gui.graph.marks import Marks
from maskviz.gui.graph.options import GraphOptions
from maskviz.palette import Palette


class GraphScene(QGraphicsScene):
    """Holds the folded graph that is shown and what its items look like for the selected sample and timestep.

    Looks are made when an item is painted, so that what is out of sight costs nothing.
    """

    def __init__(self, palette: Palette, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.palette_ = palette
        self.sizes = Sizes.of()
        self.options = GraphOptions()
        self.marks = Marks()
        self.shown = Graph()
        self.selected: str | None = None
        self.hovered: EdgeItem | None = None
        self.items_by_id: dict[str, NodeItem] = {}
        self.places = np.empty((0, 4))
        """Left, top, right and bottom of each card and each frame's title, in the layout."""
        self.edges: list[EdgeItem] = []
        self.shares = BatchShares(None)
        self._links: list[LinkItem] = []
        self._masks: Masks | None = None
        self._trace: Trace | None = None
        self._calls: Mapping[str, Call] = {}
        self._outputs: Mapping[str, tuple[int, ...]] = {}
        self._hidden: Mapping[str, int] = {}
        self._stand_ins: Mapping[str, Node] = {}
        self._whole = Graph()
        self._bad: frozenset[str] | None = None
        self._counted: CountedPadding | None = None
        self._difference: GraphDifference | None = None
        self._sample = self._step = 0
        self._far: FarPicture | None = None

    # --- what is shown

    @property
    def far(self) -> FarPicture:
        """All of it as it is seen from far away."""
        if self._far is None:
            self._far = FarPicture(self)
        return self._far

    def _forget_far(self) -> None:
        if self._far is not None:
            self._far = None
            self.update()

    def rebuild(self, shown: Graph, layout: Layout) -> None:
        """Shows another folded graph."""
        self.clear()
        self._forget_far()
        self.sizes = Sizes.of()
        self.items_by_id, self.edges, self._links, self.hovered = {}, [], [], None
        routes = dict(zip(request_of(shown, self.sizes).links, layout.routes, strict=True))
        self.relabel(shown)
        sides = _sides(shown.edges, routes)
        for edge in shown.edges:
            route = routes[edge.source, edge.target]
            item = EdgeItem(self, edge, route, route_path(route), sides.get(edge, 0))
            self.edges.append(item)
            self.addItem(item)
        for node in shown.nodes:
            card = NodeItem(self, node, layout.positions[node.id], layout.sizes[node.id], node.id in shown.containers)
            self.items_by_id[node.id] = card
            self.addItem(card)
        self.places = np.array([_inked(item) for item in self.items_by_id.values()]).reshape(-1, 4)
        margin = 50 * self.sizes.em  # room to keep things in place when what is around them changes
        self.setSceneRect(self.content().adjusted(-margin, -margin, margin, margin))
        self._show_marks()

    def relabel(self, shown: Graph) -> None:
        """Takes the same nodes and edges with newer shapes and roles."""
        self.shown = shown
        self._outputs = strips_of(shown)
        self._masks = Masks(shown, self._trace) if self._trace is not None else None
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
        self._stand_ins = stand_ins(whole)
        self._whole = whole
        self._counted = None

    def show(self, trace: Trace | None, sample: int, step: int, difference: GraphDifference | None = None) -> None:
        """Shows a trace at one timestep of one sample, or the trace of a difference; repaints the items whose look changes, among those
        painted before."""
        if trace is not self._trace:
            self._calls = {call.id: call for call in trace.calls} if trace is not None else {}
            self._masks = Masks(self.shown, trace) if trace is not None else None
            self.shares = BatchShares(trace)
            self._bad = self._counted = None
        self._trace, self._sample, self._step, self._difference = trace, sample, step, difference
        self.refresh()

    def refresh(self) -> None:
        """Makes the looks of painted items in view anew and repaints those that differ; the others are asked when they come into view."""
        self._forget_far()
        seen = self._in_view()
        for item in self.items_by_id.values():
            if item.look is not None:
                if seen is not None and not seen.intersects(item.sceneBoundingRect()):
                    item.look = None
                elif item.look != (look := self.node_look(item.node, item.plain)):
                    item.look = look
                    item.update()
        for edge in self.edges:
            if edge.look is not None and edge.look != (new := self.edge_look(edge.edge)):
                edge.look = new
                edge.update()

    def _in_view(self) -> QRectF | None:
        """What the view shows of the scene, with a margin."""
        view = next(iter(self.views()), None)
        if view is None or not view.isVisible():
            return None
        return view.mapToScene(view.viewport().rect()).boundingRect().adjusted(-50, -50, 50, 50)

    def restyle(self, palette: Palette) -> None:
        """Another theme."""
        self.palette_ = palette
        self._forget_far()
        self.update()

    # --- what stands out

    def select(self, node_id: str | None) -> None:
        """Frames another node."""
        changed = {self.selected, node_id} if self.selected != node_id else set()
        self.selected = node_id
        if changed:
            self._forget_far()
        for name in changed:
            if name is not None and name in self.items_by_id:
                self.items_by_id[name].update()

    def mark(self, marks: Marks) -> None:
        """Has other things stand out."""
        if marks != self.marks:
            self.marks = marks
            self._show_marks()

    def _show_marks(self) -> None:
        marks = self.marks
        for name, item in self.items_by_id.items():
            item.setOpacity(1.0 if marks.lit is None or name in marks.lit else DIMMED)
        for edge in self.edges:
            edge.setOpacity(1.0 if marks.lit is None or (edge.edge.source, edge.edge.target) in marks.links else DIMMED)
        for link in self._links:
            self.removeItem(link)
        together = {*marks.linked, self.selected} if marks.linked else set()
        cards = [item.card() for name, item in self.items_by_id.items() if name in together]
        places = [QPointF(card.left(), card.center().y()) for card in cards]
        self._links = [LinkItem(self, a, b) for a, b in pairwise(places)]
        for link in self._links:
            self.addItem(link)
        self._forget_far()
        self.update()

    def first_card(self) -> QRectF:
        """The card where the graph begins: the first one of the first row, or of the first column."""
        cards = [item.card() for item in self.items_by_id.values() if not item.frame]
        if not cards:
            return QRectF()
        sideways = self.options.sideways
        return min(cards, key=lambda card: (round(card.left()), card.top()) if sideways else (round(card.top()), card.left()))

    def hover(self, place: QPointF, reach: float) -> EdgeItem | None:
        """Points at the edge next to a place, if one is within ``reach``, and gives it."""
        near = QRectF(place.x() - reach, place.y() - reach, 2 * reach, 2 * reach)
        edges = [item for item in self.items(near, mode=Qt.ItemSelectionMode.IntersectsItemBoundingRect) if isinstance(item, EdgeItem)]
        found = min(edges, key=lambda edge: edge.distance(place), default=None)
        self.point_at(found if found is not None and found.distance(place) <= reach else None)
        return self.hovered

    def point_at(self, edge: EdgeItem | None) -> None:
        """Draws an edge strongly, or none any more."""
        if edge is not self.hovered:
            changed, self.hovered = (self.hovered, edge), edge
            for item in changed:
                if item is not None:
                    item.update()

    # --- what views ask

    def content(self) -> QRectF:
        """The rectangle around everything that is shown."""
        rect = QRectF()
        for item in self.items_by_id.values():
            rect = rect.united(item.sceneBoundingRect())
        for edge in self.edges:
            rect = rect.united(edge.line())
        return rect

    @property
    def bad(self) -> frozenset[str]:
        """The calls that did something wrong to a mask."""
        if self._bad is None:
            self._bad = frozenset(name for name, call in self._calls.items() if badge_of(call)[1] == "bad")
        return self._bad

    def bad_colour(self) -> QColor:
        """The colour of what is wrong."""
        return tone_colour("bad", self.palette_)

    @property
    def counted(self) -> CountedPadding | None:
        """Which padding counts in the loss, where one result is shown."""
        if self._counted is None and self._trace is not None and self._difference is None:
            self._counted = CountedPadding(self._whole, self._trace)
        return None if self._difference is not None else self._counted

    def counted_steps(self, node_id: str) -> int:
        """How many steps of the shown sample are padding that counts in the loss."""
        counted = None if self.counted is None else self.counted.of(node_id, self._sample)
        return 0 if counted is None else int(counted.sum())

    def call(self, node_id: str) -> Call | None:
        """The call of a node in the trace that is shown."""
        return self._calls.get(node_id)

    @property
    def masks(self) -> Masks | None:
        """The masks on the edges that are shown."""
        return self._masks

    def spoken(self, node: Node) -> str:
        """A card in words, with what stands out about it."""
        look, words = self.node_look(node), []
        if node.id in self.shown.containers:
            words.append("unfolded")
        elif look.inside:
            words.append(f"folded, {look.inside} calls inside")
        if (tag := self.marks.tags.get(node.id)) is not None:
            words.append(tag.text)
        if self.marks.linked:
            words.append(f"one of {len(self.marks.linked) + 1} calls of this layer")
        return ", ".join([look.spoken(), *words])

    def node_look(self, node: Node, plain: bool = False) -> NodeLook:
        """What a node shows now; ``plain`` from far away. Of a difference the badge says what changed."""
        look = self._look_now(node, plain)
        return look if self._difference is None else self._difference.node_look(node.id, look)

    def _look_now(self, node: Node, plain: bool) -> NodeLook:
        if (last := self._stand_ins.get(node.id)) is not None:
            return self._section_look(node, last, plain)
        batch = self.shares if self.options.whole else None
        if plain:
            return plain_look(node, self._trace, self._calls.get(node.id), self._sample, self._step, batch)
        framed = node.id in self.shown.containers
        outputs = () if framed else self._outputs.get(node.id, (0,) if node.id not in self.shown.by_id else ())
        inside = 0 if framed else self._hidden.get(node.id, 0)
        return node_look(node, self._trace, self._calls.get(node.id), self._sample, self._step, outputs, inside, batch, self.counted)

    def _section_look(self, node: Node, last: Node, plain: bool) -> NodeLook:
        """A section shows the output of its last layer, and how many of its layers did something wrong."""
        look, wrong = self._look_now(last, plain), sum(child.id in self.bad for child in self._whole.children[node.id])
        inside = 0 if node.id in self.shown.containers else self._hidden.get(node.id, 0)
        badge = f"{wrong} wrong" if wrong else ""
        return replace(look, title=node.id, subtitle=node.name, badge=badge, tone="bad" if wrong else "quiet", inside=inside)

    def edge_look(self, edge: Edge) -> EdgeLook:
        """What an edge shows now."""
        if (last := self._stand_ins.get(edge.source)) is not None:
            edge = replace(edge, source=last.id)
        options = self.options
        batch = self.shares if options.whole else None
        look = edge_look(edge, self._trace, self._sample, self._step, batch, self._masks, options.shapes, options.masks)
        return look if self._difference is None else self._difference.edge_look(edge, look)


def _sides(edges: tuple[Edge, ...], routes: Mapping[tuple[str, str], tuple[tuple[float, float], ...]]) -> dict[Edge, Side]:
    """Where the label of each edge stands: right of a single one; of several the outermost have theirs on the outside."""
    into: dict[str, list[Edge]] = {}
    for edge in edges:
        into.setdefault(edge.target, []).append(edge)
    sides: dict[Edge, Side] = {}
    for several in into.values():
        by_place = sorted(several, key=lambda edge: routes[edge.source, edge.target][-1])
        sides[by_place[-1]] = 1
        if routes[by_place[0].source, by_place[0].target][-1] != routes[by_place[-1].source, by_place[-1].target][-1]:
            sides[by_place[0]] = -1
    return sides


def _inked(item: NodeItem) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a card, or of the title of a frame."""
    place = item.shape().boundingRect().translated(item.pos())
    return place.left(), place.top(), place.right(), place.bottom()
