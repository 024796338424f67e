"""Two results as one graph: what is open (B) with the calls that only the pinned one (A) has, and the statuses that differ.

Calls are matched by name. Pure functions on frozen values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from maskviz.core.compare import Change, call_changes
from maskviz.core.graph import Edge, Graph, graph_of, past_mask_path, split_ref
from maskviz.core.graph_looks import EdgeLook, NodeLook, OneSide
from maskviz.core.lazy_arrays import LazyArrays, row_of
from maskviz.core.status import Status
from maskviz.core.trace import Call, Trace

OF_A = " (A)"  # behind the names of masks of calls that only A has


class Graphs:
    """The graphs of two results; ``previews`` are those of their networks' files."""

    def __init__(self, a: Trace, b: Trace, previews: tuple[Graph, Graph]) -> None:
        self._a, self._b, self._previews = a, b, previews

    def are_of(self, a: Trace, b: Trace) -> bool:
        """Whether they are those of these results, too: where the same calls were made the graphs are the same."""
        return a is self._a and [call.id for call in b.calls] == [call.id for call in self._b.calls]

    @cached_property
    def both(self) -> Graph:
        """B's graph with the calls and edges that only A has, in A's order between B's."""
        return both(graph_of(self._a, self._previews[0]), self._graph_b, self._linked)

    @cached_property
    def _graph_b(self) -> Graph:
        return graph_of(self._b, self._previews[1])

    @cached_property
    def _linked(self) -> frozenset[tuple[str, str]]:
        return links(self._graph_b)

    def b_links(self, edge: Edge) -> bool:
        """Whether B links these two calls; also true of sections, which are no calls."""
        return (edge.source, edge.target) in self._linked or not {edge.source, edge.target} <= self._graph_b.by_id.keys()


@dataclass(frozen=True, eq=False)
class GraphDifference:
    """``trace`` is B's with the calls that only A has; its statuses are B's where they differ from A's, and ``ENDED`` where they do
    not. ``changes`` says by call what differs, ``only_a`` and ``only_b`` name the calls of one result alone."""

    trace: Trace
    changes: Mapping[str, Change]
    only_a: frozenset[str]
    only_b: frozenset[str]
    graphs: Graphs

    def words(self, name: str) -> str:
        """What differs at a call, in a few words; empty where nothing does."""
        change = self.changes.get(name)
        return "" if change is None else change.words

    def node_look(self, name: str, look: NodeLook) -> NodeLook:
        """What a card shows of a difference: what changed, and whether it is in one result alone."""
        change = self.changes.get(name, Change("", "quiet"))
        only: OneSide = "A" if name in self.only_a else "B" if name in self.only_b else ""
        status = None if look.status is Status.ENDED else look.status
        return replace(look, status=status, badge=change.words, tone=change.tone, only_in=only)

    def edge_look(self, edge: Edge, look: EdgeLook) -> EdgeLook:
        """What an edge shows of a difference: whether it is in one result alone."""
        ends = {edge.source, edge.target}
        if ends & self.only_a or not self.graphs.b_links(edge):
            return replace(look, status=None, only_in="A")
        status = None if look.status is Status.ENDED else look.status
        return replace(look, status=status, only_in="B" if ends & self.only_b else "")


def graph_difference(a: Trace, b: Trace, previews: tuple[Graph, Graph], known: Graphs | None = None) -> GraphDifference:
    """What differs between two results, for the graph; ``previews`` are the graphs of their networks' files, ``known`` graphs are used
    again where they are those of these results."""
    old, new = {call.id: call for call in a.calls}, {call.id: call for call in b.calls}
    only_a, only_b = old.keys() - new.keys(), new.keys() - old.keys()
    losses_a, losses_b = ({f"loss:{term.output}" for term in trace.ledger.terms} for trace in (a, b))
    added = {name: _with_own_masks(old[name]) for name in only_a}
    calls = tuple(new.get(name) or added[name] for name in merged(list(old), list(new)))
    refs = [*b.status, *(ref for ref in a.status if split_ref(ref)[0] in only_a)]

    def status(ref: str) -> NDArray[np.uint8]:
        return a.status[ref] if split_ref(ref)[0] in only_a else _differing(a.status.get(ref), b.status[ref])

    def some(ref: str, samples: slice) -> NDArray[np.uint8]:
        old, new = (row_of(trace.status, ref, samples.start) for trace in (a, b))
        if split_ref(ref)[0] in only_a:
            old, new = None, old
        return np.zeros(0, np.uint8) if new is None else _differing(None if old is None else old[None], new[None])

    trace = replace(
        b,
        calls=calls,
        masks={**{key + OF_A: mask for key, mask in a.masks.items()}, **b.masks} if only_a else b.masks,
        status=LazyArrays(refs, status, some),
        steps={**{ref: steps for ref, steps in a.steps.items() if split_ref(ref)[0] in only_a}, **b.steps},
    )
    alone = frozenset(only_a | (losses_a - losses_b)), frozenset(only_b | (losses_b - losses_a))
    graphs = known if known is not None and known.are_of(a, b) else Graphs(a, b, previews)
    return GraphDifference(trace, call_changes(a, b), *alone, graphs)


def _differing(old: NDArray[np.uint8] | None, new: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """B's statuses where they differ from A's over the samples and steps that both have; all of them where A has none such."""
    if old is None or old.ndim != new.ndim:
        return new
    samples = min(len(old), len(new))
    cut = (slice(samples), slice(min(old.shape[1], new.shape[1]))) if new.ndim == 2 else (slice(samples),)
    found = np.array(new)
    found[cut][old[cut] == new[cut]] = np.uint8(Status.ENDED)
    return found


def _with_own_masks(call: Call) -> Call:
    """A call of A, its masks under names that none of B has."""

    def named(mask: str | None) -> str | None:
        return None if mask is None else mask + OF_A

    return replace(
        call,
        inputs=tuple(replace(tensor, mask=named(tensor.mask)) for tensor in call.inputs),
        outputs=tuple(replace(tensor, mask=named(tensor.mask)) for tensor in call.outputs),
        received={name: named(mask) if isinstance(mask, str) else mask for name, mask in call.received.items()},
    )


def both(a: Graph, b: Graph, linked_in_b: frozenset[tuple[str, str]]) -> Graph:
    """B's graph with the calls and edges that only A has; ``linked_in_b`` are the pairs of calls that B links (``links``)."""
    names = merged([node.id for node in a.nodes], [node.id for node in b.nodes])
    place = {name: number for number, name in enumerate(names)}
    nodes = tuple(b.by_id.get(name) or a.by_id[name] for name in names)
    more = [
        edge
        for edge in a.edges
        if not {edge.source, edge.target} <= b.by_id.keys() or (edge.source, edge.target) not in linked_in_b
        if place[edge.source] < place[edge.target]  # else it would lead back to where B comes from
    ]
    return Graph(nodes, (*b.edges, *more))


def links(graph: Graph) -> frozenset[tuple[str, str]]:
    """Every pair of calls, or of the containers around them, that an edge links."""
    found: set[tuple[str, str]] = set()
    for edge in {*graph.edges, *past_mask_path(graph)}:
        sources, targets = ((name, *graph.ancestors(name)) for name in (edge.source, edge.target))
        found.update((source, target) for source in sources for target in targets)
    return frozenset(found)


def merged(a: Sequence[str], b: Sequence[str]) -> list[str]:
    """B's names in their order, each followed by what comes next in A alone."""
    shared, last = {*b}, None
    after: dict[str | None, list[str]] = {}
    for name in a:
        if name in shared:
            last = name
        else:
            after.setdefault(last, []).append(name)
    return [*after.get(None, ()), *(name for shown in b for name in (shown, *after.get(shown, ())))]
