"""The graph panel: find field, graph, legend. It shows the document's graph and selects calls in it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from maskviz.core.graph import Graph, first_unfolding, folded, graph_of
from maskviz.core.layout import Layout, LayoutRequest
from maskviz.export.graph_painting import request_of
from maskviz.gui.graph.fields import FindField, Legend
from maskviz.gui.graph.scene import GraphScene
from maskviz.gui.graph.tooltip import tooltip
from maskviz.gui.graph.view import GraphView
from maskviz.palette import Palette
from maskviz.session.document import Document
from maskviz.session.layout_job import LayoutJob

STALE_AFTER = 150  # ms: what is renewed faster than this is not dimmed, it would only flicker


class GraphPanel(QWidget):
    """The layer graph of the open network. ``close_layout`` ends its layout process when the window closes."""

    def __init__(self, document: Document, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._graph = Graph()
        self._unfolded: frozenset[str] = frozenset()
        self._traced: tuple[str, ...] | None = None  # the calls that the shown graph was made from
        self._pending: Graph | None = None
        self._layout = Layout()
        self._anchor: tuple[str, QPointF] | None = None
        self._first = True
        self._scene = GraphScene(palette, self)
        self.view = GraphView(self._scene)
        self._job = LayoutJob(self)
        self._stale = QTimer(self)
        self._stale.setSingleShot(True)
        self._stale.setInterval(STALE_AFTER)
        self._build()
        self._connect()
        self.set_palette(palette)
        self._take_graph()

    def _build(self) -> None:
        self.setObjectName("graph-panel")
        self.setAccessibleName("Layer graph")
        self.view.setAccessibleName("Layers and their masks; arrow keys walk along the edges, Enter unfolds")
        self.view.empty_text = "No network is open.\nDrop a .keras file here."
        self.view.tooltip_of = lambda item: tooltip(item.node, self._scene.call(item.node.id), self._document.trace)
        self.find_field = FindField()
        self._matches = QLabel()
        self._matches.setAccessibleName("Matches")
        self.legend = Legend(self._scene.palette_)
        self._place = QLabel()
        self._place.setAccessibleName("Selected sample and timestep")
        top = QHBoxLayout()
        self.mask_path = QToolButton()
        self.mask_path.setText("Mask path")
        self.mask_path.setCheckable(True)
        self.mask_path.setToolTip("Also show the operations that only compute a mask")
        top.addWidget(self.find_field, 1)
        top.addWidget(self._matches)
        top.addWidget(self.mask_path)
        rows = QVBoxLayout(self)
        em = round(self._scene.sizes.em)
        rows.setContentsMargins(0, em // 2, 0, em // 2)
        rows.setSpacing(em // 2)
        top.setContentsMargins(em, 0, em, 0)
        self._place.setContentsMargins(em, 0, em, 0)
        rows.addLayout(top)
        rows.addWidget(self.view, 1)
        rows.addWidget(self.legend)
        rows.addWidget(self._place)

    def _connect(self) -> None:
        document = self._document
        document.network_changed.connect(self._take_graph)
        document.trace_changed.connect(self._take_trace)
        document.selection_changed.connect(self._take_selection)
        document.stale_changed.connect(self._take_stale)
        self._stale.timeout.connect(lambda: self._dim(True))
        self._job.done.connect(self._take_layout)
        self.view.chosen.connect(lambda name: document.select(call=name))
        self.view.unfolded.connect(self.toggle)
        self.view.moved.connect(self._walk)
        self.view.opened.connect(lambda: self.toggle(document.selection.call or ""))
        self.find_field.textChanged.connect(self._count_matches)
        self.find_field.textEdited.connect(self._search)
        self.find_field.stepped.connect(self._next_match)
        self.find_field.left.connect(self.view.setFocus)
        self.mask_path.toggled.connect(self._lay_out)

    # --- what the window calls ---

    def set_palette(self, palette: Palette) -> None:
        """Another theme."""
        self._scene.restyle(palette)
        self.legend.set_palette(palette)
        self._matches.setStyleSheet(f"color: {palette.muted}")
        self._place.setStyleSheet(f"color: {palette.text}")
        self.view.viewport().update()

    def focus_find(self) -> None:
        """Puts the cursor into the find field."""
        self.find_field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.find_field.selectAll()

    def fit(self) -> None:
        """Shows all of the graph."""
        self.view.fit()

    def close_layout(self) -> None:
        """Ends the layout process."""
        self._job.close()

    @property
    def shown(self) -> Graph:
        """The folded graph that is on screen."""
        return self._scene.shown

    @property
    def unfolded(self) -> frozenset[str]:
        """Ids of the containers whose calls are shown."""
        return self._unfolded

    def toggle(self, node_id: str) -> None:
        """Unfolds or folds a container and keeps it where it is."""
        if node_id in self._graph.containers:
            self._unfolded = self._unfolded ^ {node_id}
            self._hold(node_id)
            self._lay_out()

    # --- what the document says ---

    def _take_graph(self) -> None:
        """Another file, or a better graph of the same one."""
        graph = self._document.graph
        if self._document.trace is not None:
            graph = graph_of(self._document.trace, graph)
        self._traced = self._calls_of_trace()
        self._use(graph)

    def _take_trace(self) -> None:
        """A new result: another graph only where other calls were made."""
        calls = self._calls_of_trace()
        if calls != self._traced:
            self._take_graph()
        self._take_selection()
        if not self._document.stale:
            self._take_stale(False)

    def _calls_of_trace(self) -> tuple[str, ...] | None:
        trace = self._document.trace
        return None if trace is None else (*(c.id for c in trace.calls), *(t.output for t in trace.ledger.terms))

    def _use(self, graph: Graph) -> None:
        outermost = {node.id for node in graph.children.get(None, ())}
        if outermost.isdisjoint(node.id for node in self._graph.children.get(None, ())):
            self._unfolded = first_unfolding(graph, self._document.graph)
            self._first = True
        self._graph = graph
        self._scene.count_inside(graph)
        self.mask_path.setVisible(any(node.role == "mask path" for node in graph.nodes))
        self._count_matches()
        self._lay_out()

    def _take_selection(self) -> None:
        selection = self._document.selection
        self._scene.show(self._document.trace, selection.sample, selection.step)
        if self._scene.selected != selection.call:
            self._scene.select(selection.call)
            item = self._scene.items_by_id.get(selection.call or "")
            if item is not None:
                self.view.reveal(item)
        chosen = self.shown.by_id.get(selection.call or "")
        self.view.setAccessibleDescription(self._scene.node_look(chosen).spoken() if chosen is not None else "")
        known = self._document.batch is not None
        self._place.setText(f"sample {selection.sample} · timestep {selection.step}" if known else " ")

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

    # --- layout ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QTimer.singleShot(0, self._job.warm)  # after the first painting

    def _lay_out(self) -> None:
        """Shows the graph: at once where only labels differ, else when it has been laid out."""
        shown = folded(self._graph, self._unfolded, self.mask_path.isChecked())
        request = request_of(shown, self._scene.sizes)
        if self._pending is None and shown.nodes and request == request_of(self._scene.shown, self._scene.sizes):
            if set(shown.edges) == set(self._scene.shown.edges):
                self._scene.relabel(shown)
            else:
                self._scene.rebuild(shown, self._layout)
            self._take_selection()
            return
        if not shown.nodes:
            self._pending = None
            self._scene.rebuild(shown, Layout())
            self.view.viewport().update()
            return
        self._pending = shown
        self._job.request(request)

    def _take_layout(self, request: LayoutRequest, layout: Layout) -> None:
        shown, self._pending = self._pending, None
        if shown is None:
            return
        if self._anchor is None:
            self._hold(self._document.selection.call or "")
        anchor, self._anchor = self._anchor, None
        self._layout = layout
        self._scene.rebuild(shown, layout)
        if self._first:
            self._first = False
            self.view.first_view()
        elif anchor is not None and anchor[0] in self._scene.items_by_id:
            card = self._scene.items_by_id[anchor[0]].card()
            self.view.put(QPointF(card.center().x(), card.top()), anchor[1])
        self._scene.select(None)
        self._take_selection()

    def _hold(self, node_id: str) -> None:
        """Remembers where a node is on screen (else one near the middle), so that it stays there in the next layout."""
        middle = self.view.mapToScene(self.view.viewport().rect().center())
        items = self._scene.items_by_id
        item = items.get(node_id)
        if item is None and items:
            item = min(items.values(), key=lambda i: (i.card().center() - middle).manhattanLength())
        if item is not None:
            card = item.card()
            self._anchor = item.node.id, QPointF(self.view.mapFromScene(QPointF(card.center().x(), card.top())))

    # --- keyboard ---

    def _walk(self, dx: int, dy: int) -> None:
        """Moves the selection along an edge (up, down) or to the nearest card on the side."""
        items = self._scene.items_by_id
        here = items.get(self._document.selection.call or "")
        if here is None:
            first = next((node.id for node in self.shown.nodes if node.id not in self.shown.containers), None)
            if first is not None:
                self._document.select(call=first)
            return
        name = here.node.id
        if dy:
            edges = self.shown.edges
            near = [e.target for e in edges if e.source == name] if dy > 0 else [e.source for e in edges if e.target == name]
        else:
            height = here.card().height()
            near = [n for n, i in items.items() if abs(i.y() - here.y()) < height and (i.x() - here.x()) * dx > 0]
        if near:
            centre = here.card().center()
            self._document.select(call=min(near, key=lambda n: (items[n].card().center() - centre).manhattanLength()))

    # --- find ---

    def matches(self) -> list[str]:
        """Ids of the nodes whose name or class holds what is in the find field, in call order; folded ones too."""
        word = self.find_field.text().strip().lower()
        found = [n for n in self._graph.nodes if word in n.id.lower() or word in n.class_name.lower()] if word else []
        return [node.id for node in found if node.role == "data" or self.mask_path.isChecked()]

    def _count_matches(self) -> None:
        matches = self.matches()
        call = self._document.selection.call
        place = f"{matches.index(call) + 1} of " if call in matches else ""
        searching = bool(self.find_field.text().strip())
        self._matches.setText(f"{place}{len(matches)}" if matches else "nothing found")
        self._matches.setVisible(searching)

    def _search(self) -> None:
        """Go to the first match in view while the words are typed; a match that is selected stays. Enter also looks into what is folded."""
        matches = self.matches() if self.find_field.text().strip() else []
        shown = next((call for call in matches if call in self._scene.items_by_id), None)
        if shown is not None and self._document.selection.call not in matches:
            self._document.select(call=shown)
            self._count_matches()

    def _next_match(self, step: int) -> None:
        matches = self.matches()
        if not matches:
            return
        call = self._document.selection.call
        chosen = matches[(matches.index(call) + step) % len(matches)] if call in matches else matches[0 if step > 0 else -1]
        around = frozenset(self._graph.ancestors(chosen))
        self._document.select(call=chosen)
        if not around <= self._unfolded:
            self._unfolded |= around
            self._lay_out()
        self._count_matches()
