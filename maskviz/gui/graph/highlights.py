"""What stands out in the graph for the selected call: its lineage, the way of its mask, its layer's other calls, and what was found."""

from __future__ import annotations

from collections.abc import Sequence

from maskviz.core.graph import Graph
from maskviz.core.graph_paths import Lit, calls_by_layer, layer_of, lineage, seen_at, seen_lit
from maskviz.core.mask_way import MaskWay, MaskWays
from maskviz.core.trace import Trace
from maskviz.gui.graph.marks import Marks, tags_of
from maskviz.gui.graph.scene import GraphScene
from maskviz.gui.graph.way_bar import WayBar
from maskviz.gui.words import tr


class Highlights:
    """Keeps the scene's marks and the words about a mask's way up to date."""

    def __init__(self, scene: GraphScene, bar: WayBar) -> None:
        self._scene = scene
        self._bar = bar
        self._ways: tuple[Graph, Trace, MaskWays] | None = None
        self._seen: tuple[Graph, frozenset[str], dict[str, str]] = (Graph(), frozenset(), {})
        self._layers: tuple[Graph, dict[str, tuple[str, ...]]] = (Graph(), {})

    def show(self, graph: Graph, trace: Trace | None, call: str | None, unfolded: frozenset[str], hits: Sequence[str]) -> None:
        """Marks a whole graph as it is seen with these containers unfolded."""
        options, chosen = self._scene.options, call if call in graph.by_id else None
        if self._seen[0] is not graph or self._seen[1] != unfolded:
            self._seen = graph, unfolded, seen_at(graph, unfolded)
        seen = self._seen[2]
        lit: Lit | None = None
        tags = {}
        if options.follow:
            way = self._follow(graph, trace, chosen)
            if way is not None and self._ways is not None:
                lit, tags = self._ways[2].lit(way), tags_of(way, seen)
        elif options.trace and chosen is not None:
            lit = lineage(graph, chosen)
        self._bar.setVisible(options.follow)
        nodes, links = (None, frozenset()) if lit is None else seen_lit(graph, lit, seen)
        linked = {seen[name] for name in self._siblings(graph, chosen)} - {chosen}
        self._scene.mark(Marks(nodes, links, frozenset(seen[name] for name in hits), frozenset(linked), tags))

    def _follow(self, graph: Graph, trace: Trace | None, chosen: str | None) -> MaskWay | None:
        """The way of the selected call's mask, said in words too."""
        if trace is None:
            self._bar.say(tr("What happens to the mask is known when the network has run."))
            return None
        if chosen is None:
            self._bar.say(tr("Select a layer to follow its mask."))
            return None
        if self._ways is None or self._ways[0] is not graph or self._ways[1] is not trace:
            self._ways = graph, trace, MaskWays(graph, trace)
        way = self._ways[2].of(chosen)
        if way is None:
            self._bar.say(tr("No mask comes to {call}: none is created before it.").format(call=chosen.removeprefix("loss:")))
        else:
            self._bar.show_way(way)
        return way

    def _siblings(self, graph: Graph, chosen: str | None) -> tuple[str, ...]:
        """All calls of the layer that the selected call belongs to, if there are several."""
        if self._layers[0] is not graph:
            self._layers = graph, dict(calls_by_layer(graph))
        return () if chosen is None else self._layers[1].get(layer_of(chosen), ())
