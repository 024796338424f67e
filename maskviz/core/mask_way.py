"""The way of a mask through the layer graph: from where it is created to where it ends or is lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from maskviz.core.graph import Edge, Graph, folded, ref
from maskviz.core.graph_masks import Masks
from maskviz.core.graph_paths import Lit, seen_at, within
from maskviz.core.trace import Fate, Trace


class How(StrEnum):
    """How a way ends."""

    LOST = "lost"  # the output still has timesteps, the mask is gone
    REMOVED = "removed"  # a call took it off its own input, which others use too
    VANISHED = "vanished"  # it was gone when the next call took the tensor
    USED = "used"  # a call took it as an argument
    ENDED = "ended"  # no time axis any more
    OUTPUT = "output"  # it reaches an output of the network
    LOSS = "loss"  # and the loss


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a way ends; ``call`` is the one to look at."""

    call: str
    how: How

    @property
    def bad(self) -> bool:
        return self.how in (How.LOST, How.REMOVED, How.VANISHED)


@dataclass
class MaskWay:
    """The calls and edges that a mask goes through, where it is ``created``, and its ``endings``.

    ``after`` are calls behind a place of loss, up to the one that was asked about, with the edges between them.
    """

    created: list[str] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)
    edges: set[Edge] = field(default_factory=set)
    after: set[str] = field(default_factory=set)
    edges_after: set[Edge] = field(default_factory=set)

    def end(self, call: str, how: How) -> None:
        if (ending := Ending(call, how)) not in self.endings:
            self.endings.append(ending)


class MaskWays:
    """The ways of the masks of one trace through a whole graph. Masks go through networks in networks; a layer is one step of the way,
    whatever it is made of."""

    def __init__(self, graph: Graph, trace: Trace) -> None:
        self._graph = graph
        networks = frozenset(call.id for call in trace.calls if call.is_network)
        networks |= graph.containers - {call.id for call in trace.calls}  # sections
        self._seen = seen_at(graph, networks)
        self._masks = Masks(folded(graph, networks, mask_path=True), trace)

    def of(self, node_id: str) -> MaskWay | None:
        """The way of the mask at a call; of the one that was lost before it where it has none; None where there never was one."""
        name, way = self._seen[node_id], MaskWay()
        if start := _masked(self._masks, name):
            _back(self._masks, way, start)
            _onwards(self._masks, way, start)
        elif start := _lost_before(self._masks, way, name):
            _back(self._masks, way, start)
        else:
            return None
        way.endings = list(dict.fromkeys(self._exactly(ending) for ending in way.endings))
        return way

    def _exactly(self, ending: Ending) -> Ending:
        """The ending at the call inside a layer where it happened, if one of them did it."""
        inner = within(self._graph, ending.call) - self._graph.containers
        for name in (node.id for node in self._graph.nodes if node.id in inner):
            call = self._masks.calls.get(name)
            if call is not None and ending.bad and (call.fate is Fate.DROPS or call.stripped):
                return Ending(name, ending.how)
        return ending

    def lit(self, way: MaskWay) -> Lit:
        """All of a way in the whole graph, with what is inside its layers."""
        steps = way.calls | way.after | {self._seen[ending.call] for ending in way.endings}
        links = {(edge.source, edge.target) for edge in way.edges | way.edges_after}
        edges = set()
        for edge in self._graph.edges:
            ends = self._seen[edge.source], self._seen[edge.target]
            if ends in links or (ends[0] == ends[1] and ends[0] in steps):
                edges.add(edge)
        nodes = {name for name, step in self._seen.items() if step in steps and name != step} | steps
        return Lit(frozenset(nodes), frozenset(edges))


def _masked(masks: Masks, node_id: str) -> set[str]:
    """The call if an output of it has a mask; of a container, the calls in it that give it out with one, or else all that have one;
    of a loss, what it takes."""
    if masks.graph.by_id[node_id].kind == "loss":
        return {edge.source for edge in masks.into.get(node_id, ()) if masks.on(edge).sent is not None}
    if node_id in masks.graph.containers:
        inner = within(masks.graph, node_id) - masks.graph.containers
        leaving = {edge.source for edge in masks.out.get(node_id, ()) if edge.source in inner}
        return {name for name in leaving or inner if _has_mask(masks, name)}
    return {node_id} if _has_mask(masks, node_id) else set()


def _has_mask(masks: Masks, node_id: str) -> bool:
    call = masks.calls.get(node_id)
    if call is not None and call.role == "mask path":
        return True
    return call is not None and any(out.mask is not None for out in call.outputs)


def _back(masks: Masks, way: MaskWay, start: Iterable[str]) -> None:
    """From calls that have the mask to those that created it."""
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name in way.calls:
            continue
        way.calls.add(name)
        call = masks.calls.get(name)
        creates = call is not None and call.fate is Fate.CREATES
        carried = [e for e in masks.into.get(name, ()) if not e.mask_only and masks.on(e).taken is not None and not creates]
        given = [] if carried else [e for e in masks.into.get(name, ()) if e.mask_only and _has_mask(masks, e.source)]
        given = [edge for edge in given if edge.alone] or given
        way.edges.update(carried, given)
        waiting += [edge.source for edge in (*carried, *given)]
        if creates or not (carried or given):
            way.created.append(name)


def _onwards(masks: Masks, way: MaskWay, start: Iterable[str]) -> None:
    """From calls that have the mask to all places where it ends."""
    waiting, done = list(start), set[str]()
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        way.calls.add(name)
        leaving = [e for e in masks.out.get(name, ()) if e.mask_only or masks.on(e).sent is not None]
        if not leaving:
            way.end(name, How.OUTPUT)
        for edge in leaving:
            way.edges.add(edge)
            if masks.on(edge).lost:
                way.end(*_taken_off(masks, edge))
            elif masks.graph.by_id[edge.target].kind == "loss":
                way.calls.add(edge.target)
                way.end(edge.target, How.LOSS)
            elif edge.mask_only and not _goes_on(masks, edge):
                way.calls.add(edge.target)
                way.end(edge.target, How.USED)
            elif _has_mask(masks, edge.target):
                waiting.append(edge.target)
            else:
                way.calls.add(edge.target)
                way.end(edge.target, _how_at(masks, edge.target))


def _goes_on(masks: Masks, edge: Edge) -> bool:
    """Whether a mask that a call was given as an argument is in what it puts out."""
    call = masks.calls.get(edge.target)
    if call is None or call.role == "mask path":
        return call is not None
    return (edge.alone or call.fate is Fate.CREATES) and _has_mask(masks, call.id)


def _how_at(masks: Masks, name: str, output: int | None = None) -> How:
    """How a mask ends at a call whose output, or outputs, have none."""
    call = masks.calls.get(name)
    outputs = () if call is None else call.outputs if output is None else call.outputs[output : output + 1]
    return How.LOST if any(out.has_time for out in outputs) else How.ENDED


def _taken_off(masks: Masks, edge: Edge) -> tuple[str, How]:
    """The call that removed the mask from a tensor, or the one that missed it where nobody is known."""
    name = ref(edge.source, edge.output)
    for call in masks.calls.values():
        if any(call.inputs[number].source == name for number in call.stripped):
            return call.id, How.REMOVED
    return edge.target, How.VANISHED


def _lost_before(masks: Masks, way: MaskWay, node_id: str) -> set[str]:
    """Goes back from a call without a mask to where masks were lost; the calls that had them last."""
    inside = within(masks.graph, node_id) - masks.graph.containers
    waiting = [(name, _how_at(masks, name)) for name in inside or {node_id}]
    found = set[str]()
    while waiting:
        name, how = waiting.pop()
        if name in way.after:
            continue
        way.after.add(name)
        for edge in masks.into.get(name, ()):
            mask = masks.on(edge)
            if edge.mask_only:
                continue
            if mask.sent is None:
                way.edges_after.add(edge)
                waiting.append((edge.source, _how_at(masks, edge.source, edge.output)))
                continue
            way.edges.add(edge)
            found.add(edge.source)
            way.end(*(_taken_off(masks, edge) if mask.lost else (name, how)))
    return found
