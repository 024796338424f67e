"""The graph of a trace, and what is on screen of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maskviz.core.graph import Edge, Graph, Node, folded, graph_of, split_ref
from maskviz.core.graph_looks import MOST_TICKS, badge_of, counts_padding, edge_look, node_look, strip_of
from maskviz.core.status import Status
from maskviz.core.trace import Call, Fate, TensorIn, TensorOut
from tests.gui.sample_trace import sliced, tagger


def made(call_id: str, *sources: str, parent: str | None = None, outputs: int = 1, fate: Fate = Fate.NONE, ignores: bool = False) -> Call:
    out = TensorOut((2, 5, 3), "float32", None, True)
    inputs = tuple(TensorIn(source, (2, 5, 3), None) for source in sources)
    name = call_id.split("/")[-1].split(":")[0]
    return Call(call_id, name, "Dense", "layer", parent, "data", inputs, {}, (), (out,) * outputs, fate, ignores)


def pairs(graph: Graph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.edges}


def of_calls(*calls: Call) -> Graph:
    trace = sliced().trace(sliced().batch)
    return graph_of(replace(trace, calls=calls, network_outputs=(), ledger=replace(trace.ledger, terms=())))


def test_calls_and_losses_are_nodes():
    sample = tagger()
    graph = graph_of(sample.trace(sample.batch))
    assert [n.id for n in graph.nodes] == ["tokens", "embedding", "gru", "tags", "last", "score", "loss:tags", "loss:score"]
    assert {("gru", "last"), ("score", "loss:score"), ("tags", "loss:tags")} <= pairs(graph)


def test_names_of_outputs():
    assert split_ref("lstm") == ("lstm", 0)
    assert split_ref("net/lstm:1#2") == ("net/lstm:1", 2)
    assert Edge("lstm", "dense", 2) in of_calls(made("lstm", outputs=3), made("dense", "lstm#2")).edges


def test_edges_go_to_the_inner_calls_of_a_container():
    graph = of_calls(
        made("x"), made("net", "x"), made("net/a", "x", parent="net"), made("net/b", "net/a", parent="net"), made("after", "net")
    )
    assert pairs(graph) == {("x", "net/a"), ("net/a", "net/b"), ("net/b", "after")}
    assert pairs(folded(graph, frozenset())) == {("x", "net"), ("net", "after")}


def test_an_opaque_border_keeps_the_container_as_end():
    graph = of_calls(made("x"), made("net", "x"), made("net/a", parent="net"), made("after", "net"))
    assert pairs(graph) == {("x", "net"), ("net/a", "after")}


def test_masks_given_as_arguments_are_mask_edges():
    graph = of_calls(made("a"), made("b"), replace(made("lstm", "a"), mask_sources=("b",)))
    assert set(graph.edges) == {Edge("a", "lstm"), Edge("b", "lstm", 0, True)}


def test_a_mask_that_plain_code_inside_a_layer_uses_is_no_data():
    not_equal = replace(made("not_equal", "x"), kind="operation")
    inner = made("mha/out", "mha/query", parent="mha")
    inner = replace(inner, inputs=(replace(inner.inputs[0], also=("not_equal",)),))
    calls = (made("x"), not_equal, replace(made("mha", "x"), mask_sources=("not_equal",)), made("mha/query", "x", parent="mha"), inner)
    graph = of_calls(*calls)
    assert Edge("not_equal", "mha/out", 0, True) in graph.edges
    assert graph.by_id["not_equal"].role == "mask path"
    assert [n.id for n in folded(graph, frozenset()).nodes] == ["x", "mha"]


def test_tensors_that_plain_code_joined_come_from_both():
    call = made("sum", "a")
    call = replace(call, inputs=(replace(call.inputs[0], also=("b#1",)),))
    assert set(of_calls(made("a"), made("b", outputs=2), call).edges) == {Edge("a", "sum"), Edge("b", "sum", 1)}


def test_the_preview_tells_which_inner_call_made_an_output():
    calls = (made("net"), made("net/b", parent="net"), made("net/a", parent="net"), made("y", "net#1"))
    trace = sliced().trace(sliced().batch)
    trace = replace(trace, calls=calls, ledger=replace(trace.ledger, terms=()))
    assert pairs(graph_of(trace)) == {("net", "y")}
    preview = Graph(tuple(Node(c.id, c.name, "", c.parent) for c in calls), (Edge("net/b", "y"),))
    assert pairs(graph_of(trace, preview)) == {("net/b", "y")}


def test_long_strips_keep_every_telling_step():
    statuses = np.full(1000, Status.KEPT, np.uint8)
    statuses[500:] = Status.SKIPPED
    statuses[[123, 777]] = Status.EXPOSED, Status.LEAKING
    strip = strip_of(statuses, 777)
    assert len(strip.ticks) == MOST_TICKS
    assert strip.ticks.count(Status.EXPOSED) == strip.ticks.count(Status.LEAKING) == 1
    assert strip.marked is not None
    assert strip.ticks[strip.marked] == Status.LEAKING
    assert strip.ticks[0] == Status.KEPT
    assert strip.ticks[-1] == Status.SKIPPED


def test_short_strips_are_the_steps_themselves():
    statuses = np.arange(5, dtype=np.uint8)
    assert strip_of(statuses, 2).ticks == bytes(range(5))
    assert strip_of(statuses, 2).marked == 2
    assert strip_of(statuses, 9).marked is None


def test_looks_follow_the_selection():
    trace = sliced().trace(sliced().batch)
    graph, call = graph_of(trace), trace.call("shift")
    look = node_look(graph.by_id["shift"], trace, call, 0, 17, (0,), 0)
    assert (look.badge, look.tone, look.status) == ("drops mask", "bad", Status.EXPOSED)
    assert look.subtitle == "Lambda · (16, 21, 64)"
    assert node_look(graph.by_id["shift"], trace, call, 0, 2, (0,), 0).status is Status.UNMASKED
    assert edge_look(Edge("lstm", "lstm_1"), trace, 0, 17).status is Status.SKIPPED
    assert edge_look(Edge("shift", "dense"), trace, 0, 23).status is None  # beyond its time axis
    loss = node_look(graph.by_id["loss:dense"], trace, None, 0, 0, (), 0)
    assert loss.badge == "counts padding"
    assert f"{trace.ledger.reported:.4g}" in loss.subtitle


def test_a_masked_loss_does_not_count_padding():
    sample = tagger()
    trace = sample.trace(sample.batch)
    assert not counts_padding(trace, "tags")
    assert not counts_padding(trace, "score")


def test_the_most_telling_badge_wins():
    assert badge_of(made("a", fate=Fate.PASSES)) == ("", "quiet")
    assert badge_of(made("a", fate=Fate.PASSES, ignores=True))[0] == "ignores mask"
    assert badge_of(made("a", fate=Fate.DROPS, ignores=True))[0] == "drops mask"
    assert badge_of(replace(made("a", fate=Fate.PASSES), stripped=(0,)))[0] == "strips mask"
    assert badge_of(made("a", fate=Fate.ENDS))[0] == "ends"
