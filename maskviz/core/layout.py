"""Where the nodes of a graph are drawn: the request, the answer, and a small layered layout of our own.

A library in a process of its own lays graphs out better (``engine/layout_process.py``); ours answers at once when that one
cannot. Both give the same thing. Units are logical pixels; y grows downwards.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

Point = tuple[float, float]

LAYER_GAP = 42.0  # room for a mask strip between two layers
NODE_GAP = 34.0
PADDING = 20.0  # inside a container
HEADER = 30.0  # for its title


@dataclass(frozen=True, slots=True)
class Box:
    """A node to place. A box that others name as ``parent`` is a container and gets its size from what is in it."""

    id: str
    width: float
    height: float
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class LayoutRequest:
    """What is to be laid out: boxes, outer ones before inner ones, and links between their ids; ``layer_gap`` is room between layers."""

    boxes: tuple[Box, ...]
    links: tuple[tuple[str, str], ...]
    layer_gap: float = LAYER_GAP

    def to_dict(self) -> dict[str, Any]:
        """The request for the layout process: nodes by number."""
        number = {box.id: i for i, box in enumerate(self.boxes)}
        return {
            "boxes": [[b.width, b.height, None if b.parent is None else number[b.parent]] for b in self.boxes],
            "links": [[number[s], number[t]] for s, t in self.links],
            # the library leaves a whole layer gap below the top of a container: room enough for its title
            "spacing": {"layer_gap": self.layer_gap, "node_gap": NODE_GAP, "compound_padding": 0.6 * PADDING},
        }


@dataclass(frozen=True)
class Layout:
    """Top left corner and size of every box by id, and for each link of the request its polyline from border to border."""

    positions: Mapping[str, Point] = field(default_factory=dict)
    sizes: Mapping[str, Point] = field(default_factory=dict)
    routes: tuple[tuple[Point, ...], ...] = ()


def layout_of_answer(request: LayoutRequest, answer: Mapping[str, Any]) -> Layout:
    """The layout in an answer of the layout process. Raises ValueError where it does not fit the request."""
    boxes, routes = answer["boxes"], answer["routes"]
    if len(boxes) != len(request.boxes) or len(routes) != len(request.links):
        raise ValueError("the layout does not fit the graph")
    names = [box.id for box in request.boxes]
    return Layout(
        {name: (float(x), float(y)) for name, (x, y, _, _) in zip(names, boxes, strict=True)},
        {name: (float(w), float(h)) for name, (_, _, w, h) in zip(names, boxes, strict=True)},
        tuple(tuple((float(x), float(y)) for x, y in route) for route in routes),
    )


def layout_command() -> list[str] | None:
    """The command that starts the layout process; None where there is none."""
    if getattr(sys, "frozen", False):  # a packed program runs no files, only itself
        return [sys.executable, "--maskviz-layout"]
    found = find_spec("maskviz.engine.layout_process")
    if found is None or found.origin is None:
        return None
    return [sys.executable, "-P", found.origin]


def lay_out(request: LayoutRequest, seconds: float = 10.0) -> Layout:
    """The library's layout, waited for (for exports; the window asks ``session.layout_job``), or ours when that takes longer."""
    command = layout_command()
    if command is None:
        return fallback(request)
    line = json.dumps({"number": 1, **request.to_dict()}) + "\n"
    try:
        answer = subprocess.run(command, input=line, capture_output=True, text=True, timeout=seconds, check=True).stdout
        return layout_of_answer(request, json.loads(answer.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError, IndexError):
        return fallback(request)


def fallback(request: LayoutRequest) -> Layout:
    """Our own layered layout, top to bottom: quick for thousands of nodes and never fails, cycles included."""
    inside: dict[str | None, list[Box]] = {}
    for box in request.boxes:
        inside.setdefault(box.parent, []).append(box)
    outer = {box.id: box.parent for box in request.boxes}
    sizes = {box.id: (box.width, box.height) for box in request.boxes}
    placed: dict[str, Point] = {}  # relative to the container
    lifted = _lifted_links(request.links, outer)
    for box in reversed(request.boxes):  # inner containers first: their size is needed outside
        if box.id in inside:
            sizes[box.id] = _place(inside[box.id], lifted.get(box.id, []), sizes, placed, request.layer_gap, PADDING, HEADER)
    _place(inside.get(None, []), lifted.get(None, []), sizes, placed, request.layer_gap)
    positions: dict[str, Point] = {}
    for box in request.boxes:
        x, y = placed[box.id]
        ox, oy = positions[box.parent] if box.parent is not None else (0.0, 0.0)
        positions[box.id] = (ox + x, oy + y)
    return Layout(positions, sizes, tuple(_route(positions, sizes, s, t, request.layer_gap) for s, t in request.links))


def _lifted_links(links: Sequence[tuple[str, str]], outer: Mapping[str, str | None]) -> dict[str | None, list[tuple[str, str]]]:
    """Each link as one between two siblings, by the container that holds both."""

    def path(node: str) -> list[str]:
        chain = [node]
        while (parent := outer[chain[-1]]) is not None:
            chain.append(parent)
        return chain[::-1]

    lifted: dict[str | None, list[tuple[str, str]]] = {}
    for source, target in links:
        a, b = path(source), path(target)
        depth = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
        if depth is not None:
            lifted.setdefault(a[depth - 1] if depth else None, []).append((a[depth], b[depth]))
    return lifted


def _place(
    boxes: Sequence[Box],
    links: Sequence[tuple[str, str]],
    sizes: Mapping[str, Point],
    placed: dict[str, Point],
    gap: float,
    padding: float = 0.0,
    header: float = 0.0,
) -> Point:
    """Puts siblings into layers, centred, and gives the size of the whole."""
    layers = _ordered(_layers([box.id for box in boxes], links), links)
    widths = [sum(sizes[n][0] for n in layer) + NODE_GAP * (len(layer) - 1) for layer in layers]
    width = max(widths, default=0.0)
    y = padding + header
    for layer, own in zip(layers, widths, strict=True):
        x = padding + (width - own) / 2
        for node in layer:
            placed[node] = (x, y)
            x += sizes[node][0] + NODE_GAP
        y += max(sizes[n][1] for n in layer) + gap
    return width + 2 * padding, y - gap + padding


def _layers(nodes: Sequence[str], links: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Nodes by the longest path from a source. Links against the given order, which close cycles, do not count."""
    order = {node: i for i, node in enumerate(nodes)}
    into: dict[str, list[str]] = {}
    for source, target in links:
        if order[source] < order[target]:
            into.setdefault(target, []).append(source)
    rank: dict[str, int] = {}
    for node in nodes:
        rank[node] = max((rank[source] + 1 for source in into.get(node, ())), default=0)
    out: dict[str, int] = {}
    for source, target in links:
        out[source] = min(out.get(source, rank[target]), rank[target])
    layers: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in nodes:
        # an input used late stands right above the layer that uses it
        late = out.get(node, 0) - 1 if node not in into else 0
        layers[max(rank[node], late)].append(node)
    return [layer for layer in layers if layer]


def _ordered(layers: list[list[str]], links: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The layers with their nodes sorted by the mean place of what they are linked to: two sweeps down and up."""
    near: dict[str, list[str]] = {}
    for source, target in links:
        near.setdefault(source, []).append(target)
        near.setdefault(target, []).append(source)
    place = {node: i / len(layer) for layer in layers for i, node in enumerate(layer)}
    for sweep in (layers, layers[::-1]) * 2:
        for layer in sweep:
            mean = {n: sum(place[m] for m in near[n]) / len(near[n]) if n in near else place[n] for n in layer}
            layer.sort(key=mean.__getitem__)
            place.update({node: (i + 0.5) / len(layer) for i, node in enumerate(layer)})
    return layers


def _route(positions: Mapping[str, Point], sizes: Mapping[str, Point], source: str, target: str, gap: float) -> tuple[Point, ...]:
    """A line from the bottom of one box to the top of another; past what is between them where they are far apart."""
    (x1, y1), (w1, h1) = positions[source], sizes[source]
    (x2, y2), (w2, _) = positions[target], sizes[target]
    start, end = (x1 + w1 / 2, y1 + h1), (x2 + w2 / 2, y2)
    drop = gap / 2
    if end[1] - start[1] <= gap + 1:
        middle = (start[1] + end[1]) / 2
        return (start, end) if start[0] == end[0] else (start, (start[0], middle), (end[0], middle), end)
    side = max(x1 + w1, x2 + w2) + NODE_GAP / 2
    offset = w1 / 3
    return (
        (start[0] + offset, start[1]),
        (start[0] + offset, start[1] + drop),
        (side, start[1] + drop),
        (side, end[1] - drop),
        (end[0] + offset, end[1] - drop),
        (end[0] + offset, end[1]),
    )
