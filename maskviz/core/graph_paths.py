"""Ways through the layer graph: what comes before and after a call, which calls share a layer, and where hidden calls are seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from maskviz.core.graph import Edge, Graph

_FURTHER_CALL = re.compile(r":\d+(?=/|$)")


@dataclass(frozen=True)
class Lit:
    """What is to stand out in a whole graph while the rest dims: nodes, and the edges among them."""

    nodes: frozenset[str] = frozenset()
    edges: frozenset[Edge] = frozenset()


def lineage(graph: Graph, node_id: str) -> Lit:
    """A node with everything that its output comes from, everything that is made of it, and the edges on the way."""
    inside = within(graph, node_id)
    before, edges_before = _reach(graph, inside, backwards=True)
    after, edges_after = _reach(graph, inside, backwards=False)
    return Lit(frozenset(before | after), frozenset(edges_before | edges_after))


def within(graph: Graph, node_id: str) -> frozenset[str]:
    """A node and, where it is a container, all that is in it."""
    found, waiting = {node_id}, [node_id]
    while waiting:
        for child in graph.children.get(waiting.pop(), ()):
            found.add(child.id)
            waiting.append(child.id)
    return frozenset(found)


def _reach(graph: Graph, start: Iterable[str], backwards: bool) -> tuple[set[str], set[Edge]]:
    along = graph.into if backwards else graph.out_of
    nodes, edges = set(start), set[Edge]()
    waiting = list(nodes)
    while waiting:
        for edge in along.get(waiting.pop(), ()):
            edges.add(edge)
            other = edge.source if backwards else edge.target
            if other not in nodes:
                nodes.add(other)
                waiting.append(other)
    return nodes, edges


def layer_of(node_id: str) -> str:
    """The layer of a call: its id without the numbers of further calls (``block:1/dense`` is a call of ``block/dense``)."""
    return _FURTHER_CALL.sub("", node_id)


def calls_by_layer(graph: Graph) -> Mapping[str, tuple[str, ...]]:
    """The calls of every layer that is called more than once, by layer, in call order."""
    calls: dict[str, list[str]] = {}
    for node in graph.nodes:
        if node.kind == "layer":
            calls.setdefault(layer_of(node.id), []).append(node.id)
    return {layer: tuple(ids) for layer, ids in calls.items() if len(ids) > 1}


def seen_at(graph: Graph, unfolded: Set[str]) -> dict[str, str]:
    """For every node the node that shows it: itself, or the outermost folded container around it."""
    seen = {}
    for node in graph.nodes:
        closed = [outer for outer in graph.ancestors(node.id) if outer not in unfolded]
        seen[node.id] = closed[-1] if closed else node.id
    return seen


def seen_lit(graph: Graph, lit: Lit, seen: Mapping[str, str]) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """The nodes and links of a folded graph (see ``seen_at``) that show what is lit in the whole one; open containers around it too."""
    nodes = {seen[name] for name in lit.nodes if name in seen}
    if graph.containers:
        nodes |= {outer for name in tuple(nodes) for outer in graph.ancestors(name)}
    links = {(seen[e.source], seen[e.target]) for e in lit.edges if e.source in seen and e.target in seen}
    if any(graph.by_id[name].role == "mask path" for name in lit.nodes if name in graph.by_id):
        links |= _past_hidden(graph, lit, seen)
    return frozenset(nodes), frozenset(links)


def _past_hidden(graph: Graph, lit: Lit, seen: Mapping[str, str]) -> set[tuple[str, str]]:
    """The links past operations on masks, which a folded graph may leave out."""
    into: dict[str, list[str]] = {}
    for edge in lit.edges:
        into.setdefault(edge.target, []).append(edge.source)
    links: set[tuple[str, str]] = set()
    for edge in lit.edges:
        waiting, done = [edge.source], set[str]()
        while waiting:
            source = waiting.pop()
            if source in done or graph.by_id[source].role != "mask path":
                continue
            done.add(source)
            waiting += into.get(source, ())
            links |= {(seen[s], seen[edge.target]) for s in into.get(source, ())}
    return links
