"""The layer graph as frozen values: what the graph panel draws, from ``config.json`` alone or from a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from maskviz.core.mask_arguments import given_alone, maker
from maskviz.core.trace import Call, Trace


@dataclass(frozen=True, slots=True)
class Node:
    """One call, input or loss to draw; ``id`` is the call id (``encoder/mha``, ``shared:1``), ``parent`` its container.

    ``role`` is ``mask path`` for operations that only compute a mask argument. ``shape`` is the first output's shape.
    """

    id: str
    name: str
    class_name: str
    parent: str | None = None
    kind: Literal["layer", "operation", "input", "loss"] = "layer"
    role: Literal["data", "mask path"] = "data"
    shape: tuple[int | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor that goes from output ``output`` of ``source`` into ``target``; ``mask_only`` when it is only a mask argument, and
    ``alone`` when no tensor that ``target`` takes brings that mask."""

    source: str
    target: str
    output: int = 0
    mask_only: bool = False
    alone: bool = False


@dataclass(frozen=True)
class Graph:
    """Nodes in call order, and edges. Containers are nodes that others name as ``parent``."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        """Every node by its id."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def children(self) -> Mapping[str | None, tuple[Node, ...]]:
        """The nodes directly inside each container; ``None`` holds the outermost ones."""
        inside: dict[str | None, list[Node]] = {}
        for node in self.nodes:
            inside.setdefault(node.parent if node.parent in self.by_id else None, []).append(node)
        return {parent: tuple(nodes) for parent, nodes in inside.items()}

    @cached_property
    def containers(self) -> frozenset[str]:
        """Ids of the nodes that can be unfolded."""
        return frozenset(parent for parent in self.children if parent is not None)

    @cached_property
    def into(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that end at each node."""
        return _by_node(self.edges, lambda edge: edge.target)

    @cached_property
    def out_of(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that start at each node."""
        return _by_node(self.edges, lambda edge: edge.source)

    def ancestors(self, node_id: str) -> Iterator[str]:
        """The containers around a node, from the inside out."""
        node = self.by_id.get(node_id)
        while node is not None and node.parent is not None:
            yield node.parent
            node = self.by_id.get(node.parent)


def _by_node(edges: Iterable[Edge], end: Callable[[Edge], str]) -> Mapping[str, tuple[Edge, ...]]:
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        found.setdefault(end(edge), []).append(edge)
    return {node: tuple(several) for node, several in found.items()}


def split_ref(ref: str) -> tuple[str, int]:
    """The call id and the output number of a tensor's name: ``lstm#1`` is output 1 of ``lstm``."""
    call, mark, output = ref.rpartition("#")
    return (call, int(output)) if mark and output.isdigit() else (ref, 0)


def ref(call: str, output: int) -> str:
    """The name of output ``output`` of a call, the key of ``Trace.status``."""
    return call if output == 0 else f"{call}#{output}"


def graph_of(trace: Trace, preview: Graph | None = None) -> Graph:
    """The graph of one forward pass: every call, the tensors between them, and one ``loss:OUTPUT`` node per loss term.

    A tensor that enters a container ends at the inner calls that take it, where the trace shows them; one that leaves it
    starts at the call that made it, which the ``preview`` knows best.
    """
    nodes = tuple(
        Node(c.id, c.name, c.class_name, c.parent, c.kind, c.role, tuple(c.outputs[0].shape) if c.outputs else None) for c in trace.calls
    )
    calls, by_id = Graph(nodes), {call.id: call for call in trace.calls}
    given = {call.id: [s for tensor in call.inputs for s in (tensor.source, *tensor.also) if s is not None] for call in trace.calls}
    direct = {(call.id, tensor.source) for call in trace.calls for tensor in call.inputs}
    taken = {(node, source) for node, sources in given.items() for source in sources}
    taken |= {(outer, source) for node, source in taken for outer in calls.ancestors(node)}
    told = _told(preview, calls)
    edges: list[Edge] = []

    def only_masks(source: str, call: Call) -> bool:
        """Whether a tensor reaches a call only through masks: data enters a container by the container's own inputs."""
        if call.role == "mask path" or (call.id, source) in direct or call.parent not in given:
            return call.role == "mask path"
        return call.parent not in calls.ancestors(split_ref(source)[0]) and source not in given[call.parent]

    def connect(source: str, target: str, mask_only: bool, alone: bool = False) -> None:
        container = split_ref(source)[0]
        if container in calls.containers and (container, target) in told:
            edges.extend(told[container, target])
            return
        made, output = _producer(source, calls, edges)
        if made in calls.by_id:
            edges.append(Edge(made, target, output, mask_only, alone))

    for call in trace.calls:
        inside = [child.id for child in calls.children.get(call.id, ())]
        for source in given[call.id]:
            if not any((child, source) in taken for child in inside):
                connect(source, call.id, only_masks(source, call))
        made_by_layer = maker(call, by_id)
        for source in call.mask_sources:
            connect(source, call.id, True, made_by_layer is None and given_alone(call) is not None)
        if made_by_layer is not None:
            connect(made_by_layer, call.id, True, True)
    made_by = {out.name: out.ref for out in trace.network_outputs}
    for term in trace.ledger.terms:
        if (made := made_by.get(term.output)) is not None:
            connect(made, f"loss:{term.output}", False)
    losses = tuple(Node(f"loss:{term.output}", term.name, "loss", kind="loss") for term in trace.ledger.terms)
    if not losses and preview is not None:  # a pass without targets: the network still has its loss
        losses = tuple(node for node in preview.nodes if node.kind == "loss")
        edges += [e for e in preview.edges if e.target.startswith("loss:") and e.source in calls.by_id]
    masking = mask_path_of(nodes, edges, {split_ref(ref)[0] for ref in made_by.values() if ref is not None})
    nodes = tuple(replace(node, role="mask path") if node.id in masking else node for node in nodes)
    return Graph(nodes + losses, tuple(dict.fromkeys(edges)))


def mask_path_of(nodes: Sequence[Node], edges: Iterable[Edge], results: Set[str]) -> set[str]:
    """The operations whose output goes nowhere but into mask arguments; ``results`` are nodes that give a network output."""
    out: dict[str, list[Edge]] = {}
    for edge in edges:
        out.setdefault(edge.source, []).append(edge)
    masking: set[str] = set()
    for node in reversed(nodes):
        uses = out.get(node.id, [])
        if node.kind == "operation" and uses and node.id not in results and all(e.mask_only or e.target in masking for e in uses):
            masking.add(node.id)
    return masking


def _told(preview: Graph | None, calls: Graph) -> dict[tuple[str, str], list[Edge]]:
    """The data edges of a preview that leave a container, by container and target."""
    told: dict[tuple[str, str], list[Edge]] = {}
    for edge in preview.edges if preview is not None else ():
        if not edge.mask_only and edge.source in calls.by_id:
            around = set(calls.ancestors(edge.target))
            for outer in calls.ancestors(edge.source):
                if outer not in around:
                    told.setdefault((outer, edge.target), []).append(edge)
    return told


def _producer(source: str, calls: Graph, edges: Iterable[Edge]) -> tuple[str, int]:
    """The innermost call and output that made a tensor: what a container gives out comes from the calls in it that no other
    call in it takes. The container itself where that is not plain."""
    call, output = split_ref(source)
    while call in calls.containers:
        inside = {node.id for node in calls.children[call]}
        taken = {edge.source for edge in edges if edge.target in inside}
        last = [n.id for n in calls.children[call] if n.role == "data" and n.kind != "input" and n.id not in taken]
        if len(last) != 1 or output:
            return call, output
        call = last[0]
    return call, output


def folded(graph: Graph, unfolded: frozenset[str], mask_path: bool = False) -> Graph:
    """The part of a graph that is shown when only the containers in ``unfolded`` are open.

    Edges of what is hidden attach to the container that hides it. Without ``mask_path`` the operations that only compute a
    mask are left out, and the edge past them is kept only where no data already goes that way, or no data brings that mask.
    """
    shown: dict[str, str] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        closed = [outer for outer in graph.ancestors(node.id) if outer not in unfolded]
        shown[node.id] = closed[-1] if closed else node.id
        if not closed and (mask_path or node.role == "data"):
            nodes.append(node)
    edges = graph.edges if mask_path else past_mask_path(graph)
    visible = {node.id for node in nodes}
    outer = {node.id: frozenset(graph.ancestors(node.id)) for node in nodes}
    links: dict[tuple[str, str, int], Edge] = {}
    for edge in edges:
        source, target = shown.get(edge.source), shown.get(edge.target)
        if source is None or target is None or source == target or not {source, target} <= visible:
            continue
        if source in outer[target] or target in outer[source] or (edge.mask_only and target in graph.containers & unfolded):
            continue
        output = edge.output if source == edge.source else 0
        key = (source, target, output)
        mask_only = edge.mask_only and (key not in links or links[key].mask_only)
        links[key] = Edge(source, target, output, mask_only, mask_only and (edge.alone or (key in links and links[key].alone)))
    kept = tuple(links.values())
    return Graph(tuple(nodes), kept if mask_path else without_detours(nodes, kept))


def past_mask_path(graph: Graph) -> tuple[Edge, ...]:
    """The edges with every chain of mask-path operations replaced by one mask edge from its first source."""
    hidden = {node.id for node in graph.nodes if node.role == "mask path"}
    into: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        into.setdefault(edge.target, []).append(edge)

    def origins(node: str, seen: set[str]) -> Iterator[Edge]:
        for edge in into.get(node, ()):
            if edge.source not in hidden:
                yield edge
            elif edge.source not in seen:
                yield from origins(edge.source, seen | {edge.source})

    edges: list[Edge] = []
    for edge in graph.edges:
        if edge.target in hidden:
            continue
        if edge.source in hidden:
            edges += [Edge(e.source, edge.target, e.output, True, edge.alone) for e in origins(edge.source, {edge.source})]
        else:
            edges.append(edge)
    return tuple(edges)


def without_detours(nodes: Sequence[Node], edges: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """The edges without mask edges between two nodes that data already connects, but for masks that come no other way."""
    into: dict[str, list[str]] = {}
    for edge in edges:
        if not edge.mask_only:
            into.setdefault(edge.target, []).append(edge.source)
    inside: dict[str | None, list[str]] = {}
    for node in nodes:
        inside.setdefault(node.parent, []).append(node.id)
    bits = {node.id: 1 << i for i, node in enumerate(nodes)}
    before: dict[str, int] = {}  # as bits: everything a node's data comes from, filled in call order

    def come_from(source: str) -> int:
        found = before.get(source, bits[source])
        for child in inside.get(source, ()):
            found |= come_from(child)
        return found

    for name, bit in bits.items():
        before[name] = bit
        for source in into.get(name, ()):
            before[name] |= come_from(source)
    return tuple(e for e in edges if not e.mask_only or e.alone or not before[e.target] & bits[e.source])


def first_unfolding(graph: Graph, preview: Graph | None = None, limit: int = 40) -> frozenset[str]:
    """The containers that are open at first: whole levels from the outside in, while at most ``limit`` nodes are on screen.

    Of a network whose file lists its layers (``preview``) only the networks in it are opened: what a layer does inside is
    shown on request.
    """
    known = graph.containers
    if preview is not None and not preview.by_id.keys().isdisjoint(graph.by_id):
        known &= preview.containers
    unfolded: frozenset[str] = frozenset()
    level = {n.id for n in graph.children.get(None, ()) if n.id in known}
    while level:
        wider = unfolded | level
        if len(folded(graph, wider).nodes) > limit:
            break
        unfolded = wider
        level = {n.id for outer in level for n in graph.children[outer] if n.id in known}
    return unfolded
