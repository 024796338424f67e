"""Where the cards of a graph stand while containers are unfolded and folded: nothing moves but what has to make room.

The calls in every container are laid out once, all folded, as a *level* of their own. What is on screen is composed of the levels that
are open: an unfolded container takes the place of its card, what is below moves down, what is beside it moves aside. The same open
containers give the same places, whatever was opened before. Levels run downwards; a graph from left to right is a transposed one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from maskviz.core.graph import Edge, Graph, Node, past_mask_path, without_detours
from maskviz.core.graph_room import CLOSE, Link, Rect, Route, make_room
from maskviz.core.layout import HEADER, LAYER_GAP, PADDING, Box, Layout, LayoutRequest, Point

Direction = Literal["down", "right"]
Level = str | None  # the id of a container; None is what is in no container

ENTRY, EXIT = "\0in", "\0out"  # where links cross the border of a level
PORT = 16.0  # between two links at a border
STRIPS = 22.0  # room for the strips under a card
IN_FRAME = 14.0  # from the border of a container to where its links start


class Levels:
    """The levels of a whole graph, whatever is open: the calls in each, and the links between them and across its border."""

    def __init__(self, graph: Graph, mask_path: bool) -> None:
        self._graph = graph
        self._own: dict[Level, list[Node]] = {}
        self._links: dict[Level, dict[Link, bool]] = {}  # whether a link is one of masks that data brings too
        for node in graph.nodes:
            if mask_path or node.role == "data":
                self._own.setdefault(node.parent if node.parent in graph.by_id else None, []).append(node)
        for edge in graph.edges if mask_path else past_mask_path(graph):
            for level, link in pieces(graph, edge.source, edge.target):
                links = self._links.setdefault(level, {})
                links[link] = links.get(link, True) and edge.mask_only and not edge.alone

    def requests(
        self, unfolded: Set[str], card: Point, direction: Direction = "down", gap: float = LAYER_GAP
    ) -> dict[Level, LayoutRequest]:
        """The layout request of the outermost level and of every container that is open."""
        opened = (node.id for node in self._graph.nodes if node.id in unfolded and node.id in self._own)
        around = (level for level in opened if all(outer in unfolded for outer in self._graph.ancestors(level)))
        return {level: self._request(level, card if direction == "down" else card[::-1], gap) for level in (None, *around)}

    def _request(self, level: Level, card: Point, gap: float) -> LayoutRequest:
        own = self._own.get(level, [])
        edges = tuple(Edge(a, b, 0, mask_only) for (a, b), mask_only in self._links.get(level, {}).items())
        border = {edge for edge in edges if edge.source == ENTRY or edge.target == EXIT}
        inner = without_detours(own, tuple(edge for edge in edges if edge not in border))
        number = {name: i for i, name in enumerate((ENTRY, *(node.id for node in own), EXIT))}
        ends = ((edge.source, edge.target) for edge in (*inner, *border))
        links = sorted(ends, key=lambda link: (number[link[0]], number[link[1]]))
        into, out = (sum(name in link for link in links) for name in (ENTRY, EXIT))
        boxes = [Box(ENTRY, PORT * (into + 1), 1.0)] if into else []
        boxes += [Box(node.id, *card) for node in own]
        boxes += [Box(EXIT, PORT * (out + 1), 1.0)] if out else []
        return LayoutRequest(tuple(boxes), tuple(links), gap)


@dataclass(frozen=True)
class _Placed:
    """A level with room made in it, around the middle of its top; ``frame`` is what its container takes."""

    boxes: Mapping[str, Rect]
    routes: Mapping[Link, Route]
    inner: Mapping[str, _Placed]
    frame: Rect


def compose(
    shown: Graph,
    links: Sequence[Link],
    requests: Mapping[Level, LayoutRequest],
    layouts: Mapping[Level, Layout],
    direction: Direction = "down",
) -> Layout:
    """Places of a folded graph and a route for each of its ``links``, from the layouts of the levels that are open."""
    origins: dict[Level, tuple[_Placed, Point]] = {}
    rects: dict[str, Rect] = {}

    def put(level: Level, part: _Placed, x: float, y: float) -> None:
        origins[level] = part, (x, y)
        for name, (left, top, right, bottom) in part.boxes.items():
            rects[name] = (x + left, y + top, x + right, y + bottom)
            if (inner := part.inner.get(name)) is not None:
                put(name, inner, x + left - inner.frame[0], y + top - inner.frame[1])

    put(None, _place(None, requests, layouts, direction), 0.0, 0.0)
    routes = [_route(shown, link, origins, rects) for link in links]
    turn = direction == "right"
    places = {node.id: rects[node.id] for node in shown.nodes}
    return Layout(
        {name: (top, left) if turn else (left, top) for name, (left, top, _, _) in places.items()},
        {name: (b - t, r - le) if turn else (r - le, b - t) for name, (le, t, r, b) in places.items()},
        tuple(tuple((y, x) if turn else (x, y) for x, y in route) for route in routes),
    )


def _place(level: Level, requests: Mapping[Level, LayoutRequest], layouts: Mapping[Level, Layout], direction: Direction) -> _Placed:
    layout, request = layouts[level], requests[level]
    inner = {box.id: _place(box.id, requests, layouts, direction) for box in request.boxes if box.id in requests}
    boxes = {name: (x, y, x + layout.sizes[name][0], y + layout.sizes[name][1]) for name, (x, y) in layout.positions.items()}
    routes = {link: list(route) for link, route in zip(request.links, layout.routes, strict=True)}
    middle = 0.0
    if level is not None:  # where its links come in, or else its middle, stays under the middle of its card
        left, _, right, _ = boxes.get(ENTRY) or (min(b[0] for b in boxes.values()), 0.0, max(b[2] for b in boxes.values()), 0.0)
        middle = (left + right) / 2
    if inner:
        boxes, routes = make_room(boxes, routes, {name: part.frame for name, part in inner.items()})
    boxes = {name: (left - middle, top, right - middle, bottom) for name, (left, top, right, bottom) in boxes.items()}
    routes = {link: [(x - middle, y) for x, y in route] for link, route in routes.items()}
    return _Placed(boxes, routes, inner, _frame(boxes, routes, direction))


def _frame(boxes: Mapping[str, Rect], routes: Mapping[Link, Route], direction: Direction) -> Rect:
    """The frame around a level: with its title, the strips of its last cards, and the links that cross its border."""
    points = [p for route in routes.values() for p in route] + [p for box in boxes.values() for p in (box[:2], box[2:])]
    left, top = min(x for x, _ in points) - PADDING, min(y for _, y in points)
    right, bottom = max(x for x, _ in points) + PADDING, max(y for _, y in points)
    title, strips = (HEADER, STRIPS) if direction == "down" else (0.0, 0.0)
    top -= IN_FRAME if ENTRY in boxes else PADDING + title
    bottom += IN_FRAME if EXIT in boxes else PADDING + strips
    return (left, top, right, bottom) if direction == "down" else (left - HEADER, top, right + STRIPS, bottom)


def _route(shown: Graph, link: Link, origins: Mapping[Level, tuple[_Placed, Point]], rects: Mapping[str, Rect]) -> Route:
    """The route of a link through all levels between its ends; a straight line where a level has none."""
    path: Route = []
    for level, piece in pieces(shown, *link):
        part, (x, y) = origins[level]
        points = [(x + px, y + py) for px, py in part.routes.get(piece, ())]
        if path and points and abs(path[-1][0] - points[0][0]) >= CLOSE:
            between = (path[-1][1] + points[0][1]) / 2
            path += [(path[-1][0], between), (points[0][0], between)]
        path += points
    if len(path) < 2:
        (l1, _, r1, b1), (l2, t2, r2, _) = rects[link[0]], rects[link[1]]
        return [((l1 + r1) / 2, b1), ((l2 + r2) / 2, t2)]
    return _tidy(path)


def pieces(graph: Graph, source: str, target: str) -> Iterator[tuple[Level, Link]]:
    """The levels that a link goes through, with its part in each: out of containers, across, and into containers. None where one end
    is in the other."""
    out, into = [source, *graph.ancestors(source)][::-1], [target, *graph.ancestors(target)][::-1]
    depth = next((i for i, (a, b) in enumerate(zip(out, into, strict=False)) if a != b), None)
    if depth is None:
        return
    for i in range(len(out) - 1, depth, -1):
        yield out[i - 1], (out[i], EXIT)
    yield (out[depth - 1] if depth else None), (out[depth], into[depth])
    for i in range(depth + 1, len(into)):
        yield into[i - 1], (ENTRY, into[i])


def _tidy(path: Route) -> Route:
    """A route without points that are twice there or lie on a straight line between others."""
    kept: Route = []
    for point in path:
        if kept and abs(kept[-1][0] - point[0]) < CLOSE and abs(kept[-1][1] - point[1]) < CLOSE:
            continue
        if len(kept) > 1 and any(abs(kept[-1][k] - point[k]) < CLOSE and abs(kept[-2][k] - point[k]) < CLOSE for k in (0, 1)):
            kept.pop()
        kept.append(point)
    return kept
