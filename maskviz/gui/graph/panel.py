"""The graph panel: find field, tools, graph, legend. It shows the document's graph and selects calls in it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from maskviz.core.graph import Graph, first_unfolding
from maskviz.core.graph_sections import sectioned
from maskviz.core.layout import Layout
from maskviz.core.trace import Trace
from maskviz.gui.elided import ElidedLabel
from maskviz.gui.graph.arranger import Arranger
from maskviz.gui.graph.fields import Legend
from maskviz.gui.graph.finder import Finder
from maskviz.gui.graph.glide import Glide, places_of
from maskviz.gui.graph.highlights import Highlights
from maskviz.gui.graph.items import EdgeItem, NodeItem
from maskviz.gui.graph.minimap import Minimap
from maskviz.gui.graph.options import GraphOptions
from maskviz.gui.graph.scene import GraphScene
from maskviz.gui.graph.steps import neighbour
from maskviz.gui.graph.tools import ToolRow
from maskviz.gui.graph.tooltip import edge_tooltip, tooltip
from maskviz.gui.graph.view import GraphView
from maskviz.gui.graph.way_bar import WayBar
from maskviz.gui.words import tr
from maskviz.palette import Palette
from maskviz.session.document import Document

STALE_AFTER = 150  # ms: what is renewed faster than this is not dimmed, it would only flicker
NOTHING_OPEN = "No network is open.\nDrop a .keras file here."
LOW, LOWEST = 700, 420  # logical pixels; a lower pane leaves out what is said elsewhere, the lowest has a small legend
MOST_UNFOLDED = 20_000  # nodes on screen after "unfold all"


class GraphPanel(QWidget):
    """The layer graph of the open network. ``options_changed`` a tool was switched; ``close_layout`` ends its layout process."""

    options_changed = Signal()

    def __init__(self, document: Document, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._graph = Graph()
        self._unfolded: frozenset[str] = frozenset()
        self._traced: tuple[str, ...] | None = None  # the calls that the shown graph was made from
        self._layout = Layout()
        self._anchor: tuple[NodeItem, QRectF, QPointF] | None = None
        self._first, self._title = True, ""
        self._scene = GraphScene(palette, self)
        self.view = GraphView(self._scene)
        self.map = Minimap(self.view, self._scene)
        self.finder = Finder()
        self.tools = ToolRow(palette)
        self.way = WayBar(palette)
        self.legend = Legend(palette)
        self._highlights = Highlights(self._scene, self.way)
        self._arranger = Arranger(self)
        self._glide = Glide(self._scene, self)
        self._stale = QTimer(self, singleShot=True, interval=STALE_AFTER)
        self._build()
        self._connect()
        self.set_palette(palette)
        self.tools.show_options(self.options)
        self._take_graph()

    def _build(self) -> None:
        self.setObjectName("graph-panel")
        self.setAccessibleName(tr("Layer graph"))
        self.view.setAccessibleName(tr("Layers and their masks; arrow keys walk along the edges, Enter unfolds, Backspace folds"))
        self.view.empty_text = tr(NOTHING_OPEN)
        self.view.tooltip_of = self._tooltip
        self._place = ElidedLabel()
        self._place.setAccessibleName(tr("Selected sample and timestep"))
        rows = QVBoxLayout(self)
        em = round(self._scene.sizes.em)
        rows.setContentsMargins(0, em // 2, 0, em // 2)
        rows.setSpacing(em // 2)
        head = QVBoxLayout()
        head.setContentsMargins(em, 0, em, 0)
        head.setSpacing(em // 3)
        for widget in (self.finder, self.tools, self.way):
            head.addWidget(widget)
        rows.addLayout(head)
        rows.addWidget(self.view, 1)
        rows.addWidget(self.legend)
        foot = QVBoxLayout()
        foot.setContentsMargins(em, 0, em, 0)
        foot.addWidget(self._place)
        rows.addLayout(foot)

    def _connect(self) -> None:
        document = self._document
        document.network_changed.connect(self._take_graph)
        document.trace_changed.connect(self._take_trace)
        document.comparison.changed.connect(self._take_trace)
        document.selection_changed.connect(self._take_selection)
        document.stale_changed.connect(self._take_stale)
        self._stale.timeout.connect(lambda: self._dim(True))
        self._arranger.arranged.connect(self._take_layout)
        self.view.chosen.connect(lambda name: document.select(call=name))
        self.view.unfolded.connect(self.toggle)
        self.view.moved.connect(self._walk)
        self.view.opened.connect(lambda: self.toggle(document.selection.call or ""))
        self.view.closed.connect(self._fold_around)
        self.finder.field.textChanged.connect(self._look)
        self.finder.field.textEdited.connect(self._typed)
        self.finder.chosen.connect(self.go_to)
        self.finder.left.connect(self.view.setFocus)
        self.finder.found.connect(self._mark)
        self.tools.switched.connect(self.switch)
        self.tools.asked.connect(lambda what: {"unfold": self.unfold_all, "fold": self.fold_all, "fit": self.fit}[what]())
        self.way.followed.connect(self.go_to)

    # --- what the window calls ---

    def set_palette(self, palette: Palette) -> None:
        """Another theme."""
        self._scene.restyle(palette)
        for part in (self.legend, self.finder, self.tools, self.way):
            part.set_palette(palette)
        self._place.setStyleSheet(f"color: {palette.text}")
        self.map.renew()
        self.view.viewport().update()

    def focus_find(self) -> None:
        """Puts the cursor into the find field."""
        self.finder.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.finder.field.selectAll()

    def fit(self) -> None:
        """Shows all of the graph."""
        self.view.fit()

    def close_layout(self) -> None:
        """Ends the layout process."""
        self._arranger.close()

    @property
    def busy(self) -> bool:
        """Whether a layout is still to come."""
        return self._arranger.busy

    @property
    def gliding(self) -> bool:
        """Whether cards are on their way to new places."""
        return self._glide.running

    @property
    def shown(self) -> Graph:
        """The folded graph that is on screen."""
        return self._scene.shown

    @property
    def unfolded(self) -> frozenset[str]:
        """Ids of the containers whose calls are shown."""
        return self._unfolded

    @property
    def options(self) -> GraphOptions:
        """What the tools are set to."""
        return self._scene.options

    def use(self, options: GraphOptions) -> None:
        """Sets the tools."""
        old, self._scene.options = self._scene.options, options
        self.tools.show_options(options)
        if old == options:
            return
        self.view.keep()
        self.map.wanted = options.map
        turned = old.sideways != options.sideways
        self._first = self._first or turned
        wider = options.sideways and (old.shapes or old.masks) != (options.shapes or options.masks)
        if turned or wider or old.mask_path != options.mask_path:
            self._look()
            self._lay_out()
        self._show_step()
        self._mark()
        self.options_changed.emit()

    def switch(self, option: str, on: bool | None = None) -> None:
        """Switches one tool on or off, or over."""
        self.use(self.options.switched(option, not getattr(self.options, option) if on is None else on))

    def toggle(self, node_id: str) -> None:
        """Unfolds or folds a container and keeps it where it is."""
        if node_id in self._graph.containers:
            self._unfold(self._unfolded ^ {node_id}, node_id)

    def unfold_all(self) -> None:
        """Unfolds every container, level by level while there is room for it."""
        self._unfold(first_unfolding(self._graph, limit=MOST_UNFOLDED))

    def fold_all(self) -> None:
        """Folds every container."""
        self._unfold(frozenset())

    def go_to(self, call: str) -> None:
        """Selects a call and shows it, unfolding what it is in."""
        around = frozenset(self._graph.ancestors(call))
        hidden = self.view.out_of_sight(self._scene.items_by_id.get(call))
        self._document.select(call=call)
        if not around <= self._unfolded:
            self._unfold(self._unfolded | around)
        elif hidden is not None:
            self.view.centre(hidden)

    # --- what the document says ---

    def _trace(self) -> Trace | None:
        """The trace of what is open, of what is pinned as A where that is shown, or of their difference."""
        difference = self._document.comparison.difference()
        return self._document.comparison.shown().trace if difference is None else difference.trace

    def _take_graph(self) -> None:
        """Another file, or a better graph of the same one."""
        graph = self._document.comparison.graph()
        self._traced = self._calls_of_trace()
        self._first = self._first or (self._document.title != self._title and self.view.untouched)  # a repaired copy may be wider
        self._title = self._document.title
        self._use(graph)

    def _take_trace(self) -> None:
        """A new result: another graph only where other calls were made."""
        calls = self._calls_of_trace()
        if calls != self._traced:
            self._take_graph()
        self._show_step()
        self._look()
        self._mark()
        if not self._document.stale:
            self._take_stale(False)

    def _calls_of_trace(self) -> tuple[str, ...] | None:
        trace, side = self._trace(), self._document.comparison.side
        both = ("both",) if side == "difference" else ()  # edges may differ where calls do not
        return None if trace is None else (*both, *(c.id for c in trace.calls), *(t.output for t in trace.ledger.terms))

    def _use(self, graph: Graph) -> None:
        top, before = graph.children.get(None, ()), self._graph.children.get(None, ())
        if 2 * sum(node.id in self._graph.by_id for node in top) <= min(len(top), len(before)):  # another network
            self._unfolded = first_unfolding(graph, self._document.comparison.shown().graph)
            self._first = True
            self._arranger.forget()
        self._graph = graph = sectioned(graph)
        self._scene.count_inside(graph)
        self._look()
        self._lay_out()

    def _take_selection(self) -> None:
        call = self._document.selection.call
        self._show_step()
        if self._scene.selected != call:
            self._scene.select(call)
            self.finder.show_selected(call)
            item = self._scene.items_by_id.get(call or "")
            if item is not None:
                self.view.reveal(item)
            self._mark()

    def _show_step(self) -> None:
        """Shows the selected sample and timestep."""
        selection = self._document.selection
        self._scene.show(self._trace(), selection.sample, selection.step, self._document.comparison.difference())
        self.legend.show_difference(self._document.comparison.difference() is not None)
        self._describe()
        known, side = self._document.batch is not None, self._document.comparison
        words = (
            tr("all samples and timesteps")
            if self.options.whole
            else tr("sample {sample} · timestep {step}").format(sample=selection.sample, step=selection.step)
        )
        shown = {"A": "A: ", "B": "B: ", "difference": tr("B, with what differs from A: ")}[side.side] if side.pinned is not None else ""
        self._place.setText(f"{shown}{words}" if known else " ")

    def _take_stale(self, stale: bool) -> None:
        if stale:
            self._stale.start()
        else:
            self._stale.stop()
            self._dim(False)

    def _dim(self, dimmed: bool) -> None:
        if self.view.dimmed != dimmed:
            self.view.dimmed = dimmed
            self.view.viewport().update()

    # --- what stands out ---

    def _look(self) -> None:
        self.finder.look(self._graph, self._trace(), self._scene.shares.occurring, self.options.mask_path)

    def _typed(self) -> None:
        """Goes to the first hit while words are typed."""
        self._look()
        self.finder.go_to_first(self._scene.items_by_id)

    def _mark(self) -> None:
        """Dims, frames and links what the tools say."""
        call = self._document.selection.call
        self._highlights.show(self._graph, self._trace(), call, self._unfolded, self.finder.hits)
        self.map.renew()
        self._describe()

    def _describe(self) -> None:
        """Says the selected card in words, for screen readers."""
        chosen = self.shown.by_id.get(self._document.selection.call or "")
        self.view.setAccessibleDescription(self._scene.spoken(chosen) if chosen is not None else "")

    def _tooltip(self, item: NodeItem | EdgeItem) -> str:
        if isinstance(item, EdgeItem):
            return edge_tooltip(item.edge, self._scene.masks, self._trace())
        return tooltip(item.node, self._scene.call(item.node.id), self._trace(), self._scene.counted_steps(item.node.id))

    # --- layout ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QTimer.singleShot(0, self._arranger.job.warm)  # after the first painting

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place.setVisible(self.height() >= LOW)  # the timestep bar says it too
        self.legend.set_low(self.height() < LOWEST)

    def _unfold(self, unfolded: frozenset[str], held: str = "") -> None:
        if unfolded != self._unfolded:
            self._unfolded = unfolded
            self.view.keep()
            self._hold(held or self._document.selection.call or "")
            self._lay_out()

    def _fold_around(self) -> None:
        """Folds the selected container, or the one around the selected call, and selects it."""
        call = self._document.selection.call or ""
        around = next((name for name in (call, *self._graph.ancestors(call)) if name in self._unfolded), None)
        if around is not None:
            self._unfold(self._unfolded - {around}, around)
            self._document.select(call=around)

    def _lay_out(self) -> None:
        self.view.empty_text = (
            tr("Laying out {n} layers…").format(n=f"{len(self._graph.nodes):,}") if self._graph.nodes else tr(NOTHING_OPEN)
        )
        options = self.options
        labels = options.shapes or options.masks
        self._arranger.arrange(self._graph, self._unfolded, options.mask_path, self._scene.sizes, options.direction, labels)

    def _take_layout(self, shown: Graph, layout: Layout) -> None:
        """Shows a graph: where only labels differ everything stays as it is."""
        if layout == self._layout and shown.nodes and shown.edges == self.shown.edges and shown.containers == self.shown.containers:
            self._scene.relabel(shown)
        else:
            if self._anchor is None:
                self._hold(self._document.selection.call or "")
            anchor, self._anchor = self._anchor, None
            self._glide.stop()
            self._layout, before = layout, places_of(self._scene)
            self._scene.rebuild(shown, layout)
            if self._first and shown.nodes:
                self._first = False
                self.view.first_view()
            elif anchor is not None:
                self._put_back(*anchor)
                self._glide.start(before)
            self.view.viewport().update()
        self._scene.select(None)
        self._take_selection()
        self._show_step()
        self._mark()

    def _hold(self, node_id: str) -> None:
        """Remembers where a node is on screen (else one near the middle), so that it stays there in the next layout."""
        middle = self.view.mapToScene(self.view.viewport().rect().center())
        items = self._scene.items_by_id
        item = items.get(node_id)
        if item is None and items:
            item = min(items.values(), key=lambda i: (i.card().center() - middle).manhattanLength())
        if item is not None:
            self._anchor = item, item.card(), QPointF(self.view.mapFromScene(item.card().topLeft()))

    def _put_back(self, before: NodeItem, old: QRectF, at: QPointF) -> None:
        """Scrolls so that a card that was held is where it was on screen; a container that became a frame starts where its card did."""
        now = self._scene.items_by_id.get(before.node.id)
        if now is not None:
            new, moved = now.card(), now.card().center() - old.center()
            if now.frame != before.frame:
                moved = QPointF(new.left() - old.left(), 0.0) if self.options.sideways else QPointF(0.0, new.top() - old.top())
            self.view.put(old.topLeft() + moved, at)

    def _walk(self, dx: int, dy: int) -> None:
        """Moves the selection along an edge, or to the nearest card on the side."""
        boxes = {name: item.card() for name, item in self._scene.items_by_id.items()}
        chosen = neighbour(self.shown, boxes, self._document.selection.call, dx, dy, self.options.sideways)
        if chosen is not None:
            self._document.select(call=chosen)
