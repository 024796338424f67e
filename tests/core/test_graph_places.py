"""Places while containers are unfolded and folded: nothing moves but what has to make room."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskviz.core.graph import Edge, Graph, Node, folded
from maskviz.core.graph_places import Direction, Levels, compose
from maskviz.core.layout import Layout, fallback, lay_out

CARD = (240.0, 52.0)
CONTAINERS = ("net", "net/deep", "two")


def network() -> Graph:
    """Two branches, one with a container in a container, that meet again; links go into, out of and past containers."""
    names = (
        "x", "x2", "net", "net/a", "net/b", "net/c", "net/deep", "net/deep/p", "net/deep/q", "net/deep/r", "net/d",
        "side", "two", "two/a", "two/b", "join", "after",
    )  # fmt: skip
    links = (
        ("x", "net/a"), ("x2", "net/c"), ("x2", "side"), ("net/a", "net/b"), ("net/a", "net/c"), ("net/b", "net/deep/p"),
        ("net/deep/p", "net/deep/q"), ("net/deep/p", "net/deep/r"), ("net/deep/q", "net/d"), ("net/c", "net/d"), ("net/deep/r", "net/d"),
        ("net/d", "join"), ("side", "two/a"), ("two/a", "two/b"), ("two/b", "join"), ("x", "join"), ("join", "after"),
        ("net/deep/q", "after"),
    )  # fmt: skip
    return Graph(tuple(Node(n, n, "Dense", n.rpartition("/")[0] or None) for n in names), tuple(Edge(*link) for link in links))


def placed(unfolded: set[str], direction: Direction = "down", method=fallback) -> tuple[Graph, Layout]:
    graph, opened = network(), frozenset(unfolded)
    shown = folded(graph, opened)
    requests = Levels(graph, False).requests(opened, CARD, direction)
    links = [(edge.source, edge.target) for edge in shown.edges]
    return shown, compose(shown, links, requests, {level: method(request) for level, request in requests.items()}, direction)


def rect(layout: Layout, name: str) -> tuple[float, float, float, float]:
    (x, y), (width, height) = layout.positions[name], layout.sizes[name]
    return x, y, x + width, y + height


def check(shown: Graph, layout: Layout) -> None:
    """No two siblings overlap, containers hold what is in them, links run straight from border to border."""
    assert set(layout.positions) == set(shown.by_id)
    for a, b in combinations(shown.nodes, 2):
        if a.parent == b.parent:
            (l1, t1, r1, b1), (l2, t2, r2, b2) = rect(layout, a.id), rect(layout, b.id)
            assert r1 <= l2 + 0.01 or r2 <= l1 + 0.01 or b1 <= t2 + 0.01 or b2 <= t1 + 0.01, (a.id, b.id)
    for node in shown.nodes:
        if node.parent in shown.by_id:
            (l1, t1, r1, b1), (l2, t2, r2, b2) = rect(layout, node.id), rect(layout, node.parent)
            assert l2 < l1 < r1 < r2, node.id
            assert t2 < t1 < b1 < b2, node.id
    for edge, route in zip(shown.edges, layout.routes, strict=True):
        for name, (x, y) in ((edge.source, route[0]), (edge.target, route[-1])):
            left, top, right, bottom = rect(layout, name)
            assert left - 1 <= x <= right + 1, edge
            assert top - 1 <= y <= bottom + 1, edge
        for (x1, y1), (x2, y2) in pairwise(route):
            assert abs(x1 - x2) < 1 or abs(y1 - y2) < 1, (edge, route)


@given(st.sets(st.sampled_from(CONTAINERS)), st.sampled_from(["down", "right"]))
def test_places_are_sound_whatever_is_open(unfolded, direction):
    check(*placed(unfolded, direction))


@pytest.mark.parametrize("direction", ["down", "right"])
def test_places_of_the_library_are_sound(direction):
    check(*placed(set(CONTAINERS), direction, lay_out))


def test_unfolding_moves_only_what_must_make_room():
    before, after = placed(set())[1], placed({"two"})[1]
    top, grown = before.positions["two"][1], after.sizes["two"][1] - CARD[1]
    for name, (x, y) in before.positions.items():
        if y < top:
            assert after.positions[name] == (x, y), name
        elif y > top + CARD[1]:
            assert after.positions[name] == pytest.approx((x, y + grown)), name
    assert after.positions["two"][1] == top
    assert after.positions["two"][0] + after.sizes["two"][0] / 2 == pytest.approx(before.positions["two"][0] + CARD[0] / 2)


def test_inner_unfolding_leaves_what_is_above_it_in_the_container():
    before, after = placed({"net"})[1], placed({"net", "net/deep"})[1]
    for name in ("x", "x2", "net/a", "net/b", "net/c"):
        assert after.positions[name] == before.positions[name]


def test_the_same_containers_give_the_same_places():
    assert placed({"net", "two"})[1] == placed({"two", "net"})[1]


def test_left_to_right_flows_right():
    shown, layout = placed({"net"}, "right")
    for edge in shown.edges:
        assert layout.positions[edge.source][0] < layout.positions[edge.target][0]
    assert layout.sizes["x"] == CARD


def test_a_level_knows_the_links_across_its_border():
    requests = Levels(network(), False).requests({"net"}, CARD)
    assert set(requests) == {None, "net"}
    names = {box.id for box in requests["net"].boxes}
    assert {"net/a", "net/deep", "\0in", "\0out"} <= names
    assert ("\0in", "net/c") in requests["net"].links
    assert ("net/deep", "\0out") in requests["net"].links


def test_what_is_open_in_something_folded_has_no_level():
    assert set(Levels(network(), False).requests({"net/deep"}, CARD)) == {None}
