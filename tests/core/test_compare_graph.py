"""Two results as one graph: calls of one alone stand among those of the other, and statuses show what differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maskviz.core.batch import set_padding
from maskviz.core.compare_graph import both, graph_difference, links, merged
from maskviz.core.graph import Edge, Graph, Node, graph_of
from maskviz.core.graph_looks import BatchShares, edge_look, node_look, strip_of
from maskviz.core.status import Status
from tests.gui.sample_trace import sliced


def graph(*names: str, edges: str = "") -> Graph:
    return Graph(tuple(Node(name, name, "Dense") for name in names), tuple(Edge(*pair.split(">")) for pair in edges.split()))


def test_calls_of_a_alone_stand_where_they_stood_in_a() -> None:
    assert merged(["x", "in", "old", "older", "out"], ["in", "new", "out", "end"]) == ["x", "in", "old", "older", "new", "out", "end"]
    assert merged([], ["a"]) == ["a"]
    assert merged(["a"], []) == ["a"]


def test_edges_of_a_alone_are_kept_unless_they_lead_back() -> None:
    a = graph("in", "old", "u", "v", edges="in>old old>u u>v")
    b = graph("in", "v", "u", edges="in>v v>u")
    found = both(a, b, links(b))
    assert [node.id for node in found.nodes] == ["in", "old", "v", "u"]
    assert {(edge.source, edge.target) for edge in found.edges} == {("in", "v"), ("v", "u"), ("in", "old"), ("old", "u")}


def test_calls_in_a_container_are_linked_with_it() -> None:
    inner = Graph((Node("in", "in", "Input"), Node("box", "box", "Box"), Node("box/a", "a", "Dense", "box")), (Edge("in", "box/a"),))
    assert links(inner) == {("in", "box/a"), ("in", "box")}


def test_a_call_that_only_one_result_has_is_shown_with_its_own_statuses() -> None:
    sample = sliced()
    a = sample.trace(sample.batch)
    last = a.calls[-1]
    b = replace(a, calls=(*a.calls[:-1], replace(last, id="head")), status={n: s for n, s in a.status.items() if n != last.id})
    found = graph_difference(a, b, (sample.graph, sample.graph))
    assert (found.only_a, found.only_b) == ({last.id}, {"head"})
    assert [call.id for call in found.trace.calls] == [*(call.id for call in a.calls), "head"]
    shown = found.graphs.both
    assert {last.id, "head"} <= shown.by_id.keys()
    call = found.trace.call(last.id)
    look = found.node_look(last.id, node_look(shown.by_id[last.id], found.trace, call, 0, 0, (0,), 0))
    assert (look.badge, look.only_in) == ("only in A", "A")
    assert look.strips == node_look(graph_of(a).by_id[last.id], a, last, 0, 0, (0,), 0).strips
    into = next(edge for edge in shown.edges if edge.target == last.id)
    assert found.edge_look(into, edge_look(into, found.trace, 0, 0)).only_in == "A"
    kept = next(edge for edge in shown.edges if last.id not in (edge.source, edge.target) and "head" not in (edge.source, edge.target))
    assert found.edge_look(kept, edge_look(kept, found.trace, 0, 0)).only_in == ""
    again = graph_difference(a, replace(b), (sample.graph, sample.graph), found.graphs)
    assert again.graphs is found.graphs, "graphs of the same calls are not made anew"


def test_only_what_differs_has_a_colour() -> None:
    sample = sliced()
    a = sample.trace(sample.batch)
    b = sample.trace(set_padding(sample.batch, sample.network.inputs[0], 0, np.arange(24) >= 5))
    found = graph_difference(a, b, (sample.graph, sample.graph))
    call = next(c for c in b.calls if c.id in b.status and b.status[c.id].ndim == 2 and not np.array_equal(a.status[c.id], b.status[c.id]))
    old, new, shown = a.status[call.id], b.status[call.id], found.trace.status[call.id]
    np.testing.assert_array_equal(shown[old == new], Status.ENDED)
    np.testing.assert_array_equal(shown[old != new], new[old != new])
    sample_, step = map(int, np.argwhere(old == new)[0])
    node = graph_of(b).by_id[call.id]
    same = found.node_look(call.id, node_look(node, found.trace, call, sample_, step, (0,), 0))
    assert same.status is None
    sample_, step = map(int, np.argwhere(old != new)[0])
    other = found.node_look(call.id, node_look(node, found.trace, call, sample_, step, (0,), 0))
    assert other.status is Status(int(new[sample_, step]))
    shares = BatchShares(found.trace).of(call.id)
    assert shares[Status.ENDED] == np.mean(old == new)


def test_a_long_strip_hides_no_difference() -> None:
    statuses = np.full(4000, Status.ENDED, np.uint8)
    statuses[1234] = Status.SKIPPED
    assert bytes([Status.SKIPPED]) in strip_of(statuses, None).ticks
    assert {*strip_of(statuses, None).ticks} == {Status.ENDED, Status.SKIPPED}
