"""The way of a mask through the layer graph: from where it is created to where it ends or is lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from maskviz.core.graph import Edge, ref
from maskviz.core.graph_masks import Masks
from maskviz.core.graph_paths import Lit, within
from maskviz.core.trace import Fate


class How(StrEnum):
    """How a way ends."""

    LOST = "lost"  # the output still has timesteps, the mask is gone
    REMOVED = "removed"  # a call took it off its own input, which others use too
    VANISHED = "vanished"  # it was gone when the next call took the tensor
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

    @property
    def lit(self) -> Lit:
        """All of it, in the whole graph."""
        ends = {ending.call for ending in self.endings}
        return Lit(frozenset(self.calls | self.after | ends), frozenset(self.edges | self.edges_after))

    def end(self, call: str, how: How) -> None:
        if (ending := Ending(call, how)) not in self.endings:
            self.endings.append(ending)


def way_of(masks: Masks, node_id: str) -> MaskWay | None:
    """The way of the mask at a call of a whole graph; of the one that was lost before it where it has none; None where there
    never was one."""
    way = MaskWay()
    if start := _masked(masks, node_id):
        _back(masks, way, start)
        _onwards(masks, way, start)
    elif start := _lost_before(masks, way, node_id):
        _back(masks, way, start)
    else:
        return None
    return way


def _masked(masks: Masks, node_id: str) -> set[str]:
    """The call if an output of it has a mask; of a container, the calls in it that give it out with one, or else all that have one."""
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
        given = [e for e in masks.into.get(name, ()) if e.mask_only or masks.graph.by_id[name].role == "mask path"]
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
            elif _has_mask(masks, edge.target):
                waiting.append(edge.target)
            else:
                way.calls.add(edge.target)
                way.end(edge.target, _how_at(masks, edge.target))


def _how_at(masks: Masks, name: str) -> How:
    call = masks.calls.get(name)
    timed = call is not None and any(out.has_time for out in call.outputs)
    return How.LOST if timed else How.ENDED


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
    waiting, found = list(inside or {node_id}), set[str]()
    while waiting:
        name = waiting.pop()
        if name in way.after:
            continue
        way.after.add(name)
        for edge in masks.into.get(name, ()):
            mask = masks.on(edge)
            if edge.mask_only:
                continue
            if mask.sent is None:
                way.edges_after.add(edge)
                waiting.append(edge.source)
                continue
            way.edges.add(edge)
            found.add(edge.source)
            way.end(*(_taken_off(masks, edge) if mask.lost else (name, _how_at(masks, name))))
    return found
