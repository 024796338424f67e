"""Making room in a laid out level for boxes that have grown: rows below move down, neighbours move aside, links go along.

Everything else keeps its place. Rectangles are left, top, right, bottom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from maskviz.core.layout import NODE_GAP, Point

Rect = tuple[float, float, float, float]
Route = list[Point]
Link = tuple[str, str]

TURN = 26.0  # how far below a row, past the strips of its cards, a link that went aside comes back
CLOSE = 0.5


@dataclass(frozen=True)
class _Row:
    """One row of boxes, as it was and as it is, and where links that pass through it go now."""

    top: float
    bottom: float
    new_top: float
    new_bottom: float
    aside: Mapping[float, float]


def make_room(
    boxes: Mapping[str, Rect], routes: Mapping[Link, Route], grown: Mapping[str, Rect]
) -> tuple[dict[str, Rect], dict[Link, Route]]:
    """Boxes and routes where some boxes have grown; ``grown`` holds their frames around the middle of the top of the box."""
    rows: list[_Row] = []
    row_of: dict[str, _Row] = {}
    new: dict[str, Rect] = {}
    shift: dict[str, float] = {}
    added = 0.0
    for names in _rows(boxes):
        top, bottom = min(boxes[n][1] for n in names), max(boxes[n][3] for n in names)
        lowest = max((boxes[n][1] + _height(grown[n]) for n in names if n in grown), default=bottom)
        aside: dict[float, float] = {}
        if any(n in grown for n in names):
            passing = _passing(routes, top, bottom)
            shift |= _aside({n: boxes[n] for n in names}, passing, grown, aside)
        row = _Row(top, bottom, top + added, max(bottom, lowest) + added, aside)
        rows.append(row)
        for name in names:
            row_of[name] = row
            left, upper, right, lower = boxes[name]
            dx = shift.setdefault(name, 0.0)
            if name in grown:
                middle = (left + right) / 2 + dx
                new[name] = (middle + grown[name][0], upper + added, middle + grown[name][2], upper + added + _height(grown[name]))
            else:
                new[name] = (left + dx, upper + added, right + dx, lower + added)
        added = row.new_bottom - bottom
    return new, {link: _along(route, link, shift, boxes, new, row_of, rows) for link, route in routes.items()}


def _height(rect: Rect) -> float:
    return rect[3] - rect[1]


def _rows(boxes: Mapping[str, Rect]) -> list[list[str]]:
    """Boxes that stand beside each other, from the top down."""
    rows: list[list[str]] = []
    bottom = float("-inf")
    for name in sorted(boxes, key=lambda n: boxes[n][1]):
        if boxes[name][1] >= bottom:
            rows.append([])
        rows[-1].append(name)
        bottom = max(bottom, boxes[name][3])
    return rows


def _passing(routes: Mapping[Link, Route], top: float, bottom: float) -> list[float]:
    """Where links cross a row without ending in it."""
    found = {
        x1
        for route in routes.values()
        for (x1, y1), (_, y2) in pairwise(route)
        if min(y1, y2) <= top - CLOSE and max(y1, y2) >= bottom + CLOSE
    }
    return sorted(found)


def _aside(row: Mapping[str, Rect], passing: Sequence[float], grown: Mapping[str, Rect], aside: dict[float, float]) -> dict[str, float]:
    """How far each box of a row moves so that none overlap; fills ``aside`` with where the links that pass go. The largest stays."""
    things: list[tuple[float, float, float, str | None]] = [(x, 0.0, 0.0, None) for x in passing]
    before: dict[str, Rect] = {}
    for name, (left, top, right, bottom) in row.items():
        middle = (left + right) / 2
        wide = grown.get(name, (left - middle, 0.0, right - middle, 0.0))
        things.append((middle, -wide[0], wide[2], name))
        before[name] = (left, top, right, bottom)
    things.sort(key=lambda thing: thing[0])
    place = [thing[0] for thing in things]
    pivot = max((i for i, thing in enumerate(things) if thing[3] in grown), key=lambda i: things[i][1] + things[i][2])

    def gap(i: int, j: int) -> float:
        """What stays free between two neighbours: what was free, or the usual gap."""
        right = before[a][2] if (a := things[i][3]) is not None else things[i][0]
        left = before[b][0] if (b := things[j][3]) is not None else things[j][0]
        return min(max(left - right, 0.0), NODE_GAP)

    for i in range(pivot + 1, len(things)):
        place[i] = max(place[i], place[i - 1] + things[i - 1][2] + gap(i - 1, i) + things[i][1])
    for i in range(pivot - 1, -1, -1):
        place[i] = min(place[i], place[i + 1] - things[i + 1][1] - gap(i, i + 1) - things[i][2])
    moved = {}
    for (middle, _, _, box), x in zip(things, place, strict=True):
        if box is None:
            aside[middle] = x
        else:
            moved[box] = x - middle
    return moved


def _along(
    route: Route,
    link: Link,
    shift: Mapping[str, float],
    old: Mapping[str, Rect],
    new: Mapping[str, Rect],
    row_of: Mapping[str, _Row],
    rows: Sequence[_Row],
) -> Route:
    """A route through the rows as they are now, from the border of its first box to the border of its last."""
    source, target = link
    first, last = row_of[source], row_of[target]
    points = [(x, _moved(y, rows)) for x, y in route]
    start = _beside(route[0], old[source], new[source]) or (route[0][0] + shift[source], new[source][3])
    end = _beside(route[-1], old[target], new[target]) or (route[-1][0] + shift[target], new[target][1])
    path: Route = [start]
    if abs(start[0] - route[0][0]) >= CLOSE and start[1] == new[source][3]:
        turn = first.new_bottom + min(TURN, max(points[1][1] - first.new_bottom, 0.0) / 2)
        path += [(start[0], turn), (route[0][0], turn)]
    for (x1, y1), (x2, y2), here in zip(route, route[1:], points[1:], strict=False):
        path += _through(x1, y1, y2, rows) if abs(x1 - x2) < CLOSE else []
        path.append(here)
    path.pop()
    if abs(end[0] - route[-1][0]) >= CLOSE and end[1] == new[target][1]:
        turn = last.new_top - min(TURN / 2, max(last.new_top - points[-2][1], 0.0) / 2)
        path += [(route[-1][0], turn), (end[0], turn)]
    return [*path, end]


def _beside(point: Point, old: Rect, new: Rect) -> Point | None:
    """Where a route now meets the side of a box that it met there; None for its top and bottom."""
    if point[1] - old[1] < CLOSE or old[3] - point[1] < CLOSE:
        return None
    return new[0] if point[0] <= (old[0] + old[2]) / 2 else new[2], new[1] + point[1] - old[1]


def _through(x: float, y1: float, y2: float, rows: Sequence[_Row]) -> Route:
    """The turns of a vertical stretch around what has grown in the rows that it passes."""
    path: Route = []
    here = x
    crossed = [row for row in rows if min(y1, y2) <= row.top - CLOSE and max(y1, y2) >= row.bottom + CLOSE]
    for row in crossed if y1 < y2 else crossed[::-1]:
        there = row.aside.get(x, x)
        if there != here:
            turn = row.new_top - TURN / 2 if y1 < y2 else row.new_bottom + TURN
            path += [(here, turn), (there, turn)]
            here = there
    if here != x and crossed:
        turn = crossed[-1].new_bottom + TURN if y1 < y2 else crossed[0].new_top - TURN / 2
        path += [(here, turn), (x, turn)]
    return path


def _moved(y: float, rows: Sequence[_Row]) -> float:
    """Where a height between the rows has moved to."""
    above = [row for row in rows if y >= row.bottom - CLOSE]
    return y + above[-1].new_bottom - above[-1].bottom if above else y
