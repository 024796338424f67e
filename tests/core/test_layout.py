"""Layouts: ours and the library's, by the same rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskviz.core.layout import Box, Layout, LayoutRequest, fallback, lay_out, layout_of_answer


def check(request: LayoutRequest, layout: Layout) -> None:
    """Every box has its place, siblings do not overlap, containers hold what is in them, links start and end at their boxes."""
    assert set(layout.positions) == {box.id for box in request.boxes}

    def rect(name: str) -> tuple[float, float, float, float]:
        (x, y), (w, h) = layout.positions[name], layout.sizes[name]
        return x, y, x + w, y + h

    for i, a in enumerate(request.boxes):
        for b in request.boxes[i + 1 :]:
            if a.parent == b.parent:
                (l1, t1, r1, b1), (l2, t2, r2, b2) = rect(a.id), rect(b.id)
                assert r1 <= l2 + 0.01 or r2 <= l1 + 0.01 or b1 <= t2 + 0.01 or b2 <= t1 + 0.01, (a.id, b.id)
        if a.parent is not None:
            (l1, t1, r1, b1), (l2, t2, r2, b2) = rect(a.id), rect(a.parent)
            assert l2 < l1
            assert t2 < t1
            assert r1 < r2
            assert b1 < b2
    assert len(layout.routes) == len(request.links)
    for (source, target), route in zip(request.links, layout.routes, strict=True):
        for name, (x, y) in ((source, route[0]), (target, route[-1])):
            left, top, right, bottom = rect(name)
            assert left - 1 <= x <= right + 1
            assert top - 1 <= y <= bottom + 1


def chain(n: int, skip: int = 4) -> LayoutRequest:
    boxes = tuple(Box(str(i), 230, 52) for i in range(n))
    links = [(str(i - 1), str(i)) for i in range(1, n)] + [(str(i - skip), str(i)) for i in range(skip, n, skip)]
    return LayoutRequest(boxes, tuple(links))


NESTED = LayoutRequest(
    tuple(Box(name, 200, 50, parent) for name, parent in zip("xnadby", (None, None, "n", "n", "d", None), strict=True)),
    (("x", "a"), ("a", "b"), ("b", "y"), ("x", "y")),
)


@pytest.mark.parametrize("request_", [chain(1), chain(30), NESTED, LayoutRequest((), ())])
@pytest.mark.parametrize("method", [fallback, lay_out])
def test_layouts_are_sound(request_, method):
    check(request_, method(request_))


@pytest.mark.parametrize("method", [fallback, lay_out])
def test_data_flows_downwards(method):
    layout = method(chain(12))
    heights = [layout.positions[str(i)][1] for i in range(12)]
    assert heights == sorted(heights)


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda p: p[0] != p[1]), max_size=40, unique=True))
def test_ours_takes_any_graph_cycles_included(links):
    request = LayoutRequest(tuple(Box(str(i), 100, 40) for i in range(12)), tuple((str(a), str(b)) for a, b in links))
    check(request, fallback(request))


def test_ours_answers_when_the_library_takes_too_long():
    request = chain(40)
    assert lay_out(request, seconds=0.001) == fallback(request)


def test_an_answer_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        layout_of_answer(chain(3), {"boxes": [[0, 0, 1, 1]], "routes": []})
