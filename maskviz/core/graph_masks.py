"""Which mask each edge of the layer graph carries, at the call that made the tensor and at the call that takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from maskviz.core.graph import Edge, Graph, ref, split_ref
from maskviz.core.trace import Call, Trace


@dataclass(frozen=True, slots=True)
class EdgeMask:
    """The mask key of a tensor where it was made (``sent``) and where it is taken; ``lost`` where it was removed in between."""

    sent: str | None = None
    taken: str | None = None

    @property
    def lost(self) -> bool:
        return self.sent is not None and self.taken is None


class Masks:
    """The masks of one trace on the edges of a graph, whole or folded."""

    def __init__(self, graph: Graph, trace: Trace) -> None:
        self.graph = graph
        self.calls: Mapping[str, Call] = {call.id: call for call in trace.calls}
        self.number: Mapping[str, int] = {key: number for number, key in enumerate(trace.masks)}
        self._known: dict[Edge, EdgeMask] = {}

    def on(self, edge: Edge) -> EdgeMask:
        """The masks at both ends of an edge; of an edge that is only a mask argument, the mask that was received."""
        if (known := self._known.get(edge)) is None:
            known = self._known[edge] = self._find(edge)
        return known

    def _find(self, edge: Edge) -> EdgeMask:
        target = self._taker(edge)
        if edge.mask_only:
            received = next((key for key in (target.received if target else {}).values() if isinstance(key, str)), None)
            return EdgeMask(received, received)
        name, around = ref(edge.source, edge.output), set(self.graph.ancestors(edge.source))
        made = self._given_out(name)
        for tensor in target.inputs if target is not None else ():
            if tensor.source is not None and (tensor.source == name or split_ref(tensor.source)[0] in around):
                return EdgeMask(self._given_out(tensor.source) or made, tensor.mask)
        return EdgeMask(made, made)

    def _taker(self, edge: Edge) -> Call | None:
        """The call that takes the tensor: the outermost layer around the edge's end whose border it crosses, for what calls in a layer
        do with masks is its own business; networks only hand on."""
        around = {edge.source, *self.graph.ancestors(edge.source)}
        inwards = [name for name in (edge.target, *self.graph.ancestors(edge.target)) if name not in around]
        takers = (call for name in reversed(inwards) if (call := self.calls.get(name)) is not None)
        return next((call for call in takers if call.id == edge.target or not call.is_network), None)

    def _given_out(self, source: str) -> str | None:
        """The mask of a tensor by its name: what a container gives out may have one that the call in it did not put there."""
        name, output = split_ref(source)
        call = self.calls.get(name)
        return call.outputs[output].mask if call is not None and output < len(call.outputs) else None

    @cached_property
    def into(self) -> Mapping[str, list[Edge]]:
        """The edges that come into each node, or into a container from outside."""
        return self._by_end(lambda edge: (edge.target, edge.source))

    @cached_property
    def out(self) -> Mapping[str, list[Edge]]:
        """The edges that leave each node, or leave a container."""
        return self._by_end(lambda edge: (edge.source, edge.target))

    def _by_end(self, ends: Callable[[Edge], tuple[str, str]]) -> Mapping[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.graph.edges:
            near, far = ends(edge)
            around = {far, *self.graph.ancestors(far)}
            for node in (near, *self.graph.ancestors(near)):
                if node not in around:
                    found.setdefault(node, []).append(edge)
        return found
