"""Finding calls by words, and ways through the graph."""

from __future__ import annotations

from maskviz.core.graph import Edge, Graph, Node, folded, graph_of
from maskviz.core.graph_find import find, words_of
from maskviz.core.graph_looks import BatchShares, Strip, node_look
from maskviz.core.graph_paths import calls_by_layer, layer_of, lineage, seen_at, seen_lit
from maskviz.core.graph_sections import sectioned, stand_ins
from maskviz.core.status import Status
from tests.gui.sample_trace import sliced


def found(query: str) -> list[str]:
    trace = sliced().trace(sliced().batch)
    return find(graph_of(trace), trace, query, BatchShares(trace).occurring)


def test_every_word_must_match():
    assert found("lstm") == ["lstm", "lstm_1"]
    assert found("lstm _1") == ["lstm_1"]
    assert found("lstm drops") == []
    assert found("lambda drops") == ["shift"]
    assert found("") == []


def test_shapes_fates_and_statuses_are_words():
    assert found("(16, 21") == ["shift", "dense"]
    assert found("(16, 21 lambda") == ["shift"]
    assert found("creates") == ["masking"]
    assert found("exposed") == ["features", "shift", "dense"]
    assert found("exposed dense") == ["dense"]
    assert found("loss") == ["loss:dense"]


def test_a_shape_is_one_word():
    assert words_of("LSTM (16, 21  drops") == ("lstm", "(16,21", "drops")
    assert words_of("(16, 21) drops") == ("(16,21)", "drops")


def shared() -> Graph:
    names = ("a", "b", "block", "block/dense", "block:1", "block:1/dense", "out")
    nodes = tuple(Node(n, n, "Dense", n.rpartition("/")[0] or None) for n in names)
    links = (("a", "block/dense"), ("b", "block:1/dense"), ("block/dense", "out"), ("block:1/dense", "out"))
    return Graph(nodes, tuple(Edge(*link) for link in links))


def test_calls_of_one_layer_belong_together():
    assert layer_of("block:1/dense") == "block/dense"
    assert layer_of("dense:12") == "dense"
    assert layer_of("a:b") == "a:b"
    assert calls_by_layer(shared()) == {"block": ("block", "block:1"), "block/dense": ("block/dense", "block:1/dense")}


def test_lineage_is_what_comes_before_and_after():
    lit = lineage(shared(), "block/dense")
    assert lit.nodes == {"a", "block/dense", "out"}
    assert {(e.source, e.target) for e in lit.edges} == {("a", "block/dense"), ("block/dense", "out")}
    assert lineage(shared(), "block").nodes == {"a", "block", "block/dense", "out"}


def test_folded_containers_show_what_is_lit_in_them():
    nodes, links = seen_lit(shared(), lineage(shared(), "block/dense"), seen_at(shared(), frozenset()))
    assert nodes == {"a", "block", "out"}
    assert links == {("a", "block"), ("block", "out")}
    nodes, _ = seen_lit(shared(), lineage(shared(), "block/dense"), seen_at(shared(), {"block"}))
    assert nodes == {"a", "block", "block/dense", "out"}


def test_shares_count_every_sample_and_step():
    trace = sliced().trace(sliced().batch)
    shares = BatchShares(trace)
    for name, statuses in trace.status.items():
        assert sum(shares.of(name)) == 1
        assert shares.of(name)[Status.EXPOSED] == (statuses == Status.EXPOSED).mean()
    assert shares.status("shift") is Status.EXPOSED
    assert shares.status("nothing") is None
    call = trace.call("lstm")
    look = node_look(graph_of(trace).by_id["lstm"], trace, call, 0, 17, (0,), 0, shares)
    assert look.strips == (Strip(shares=shares.of("lstm")),)
    assert look.status is Status.KEPT


def test_thousands_of_layers_come_in_sections():
    nodes = (Node("x", "x", "InputLayer", kind="input"), *(Node(f"n{i}", f"n{i}", "Dense") for i in range(2000)))
    links = [Edge("x", "n0"), *(Edge(f"n{i}", f"n{i + 1}") for i in range(1999)), *(Edge(f"n{i}", f"n{i + 3}") for i in range(0, 1990, 3))]
    graph = Graph(nodes, tuple(links))
    made = sectioned(graph)
    assert made.edges == graph.edges
    assert [n.id for n in made.nodes if n.class_name != "section"] == [n.id for n in nodes]
    shown = folded(made, frozenset())
    assert 40 < len(shown.nodes) < 60
    assert shown.nodes[0].id == "x"
    order = {node.id: number for number, node in enumerate(shown.nodes)}
    assert all(order[edge.source] < order[edge.target] for edge in shown.edges)
    assert stand_ins(made)[shown.nodes[1].id].id == "n43"
    assert sectioned(shown) is shown
