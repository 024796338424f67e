"""The way of a mask: where it is created, where it ends, and how it got lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maskviz.core.graph import Edge, Graph, folded, graph_of
from maskviz.core.graph_masks import EdgeMask, Masks
from maskviz.core.mask_way import Ending, How, MaskWay, MaskWays
from maskviz.core.trace import Call, Fate, TensorIn, TensorOut, Trace
from tests.gui.sample_trace import sliced, tagger

SHAPE = (2, 5, 3)


def made(
    call_id: str,
    *sources: tuple[str, str | None],
    mask: str | None = None,
    fate: Fate = Fate.PASSES,
    parent: str | None = None,
    time: bool = True,
) -> Call:
    inputs = tuple(TensorIn(source, SHAPE, key) for source, key in sources)
    out = TensorOut(SHAPE if time else SHAPE[:1], "float32", mask, time)
    return Call(call_id, call_id, "Dense", "layer", parent, "data", inputs, {}, (), (out,), fate)


def traced(*calls: Call) -> tuple[Graph, Trace]:
    trace = sliced().trace(sliced().batch)
    trace = replace(trace, calls=calls, network_outputs=(), ledger=replace(trace.ledger, terms=()))
    return graph_of(trace), trace


def way(call: str, *calls: Call) -> MaskWay | None:
    return MaskWays(*traced(*calls)).of(call)


X = made("x")
EMBED = made("embed", ("x", None), mask="m0", fate=Fate.CREATES)


@pytest.mark.parametrize("call", ["masking", "lstm", "shift", "dense", "loss:dense"])
def test_a_lost_mask_is_followed_from_every_call(call):
    trace = sliced().trace(sliced().batch)
    graph = graph_of(trace)
    found = MaskWays(graph, trace).of(call)
    assert found is not None
    assert found.created == ["masking"]
    assert found.endings == [Ending("shift", How.LOST)]
    assert found.calls == {"masking", "lstm", "lstm_1"} | ({"shift"} if call in ("masking", "lstm") else set())
    assert found.after == {"shift": {"shift"}, "dense": {"shift", "dense"}, "loss:dense": {"shift", "dense", "loss:dense"}}.get(call, set())
    assert MaskWays(graph, trace).lit(found).nodes >= {"masking", "lstm", "lstm_1", "shift", call}


def test_before_a_mask_is_created_there_is_none():
    trace = sliced().trace(sliced().batch)
    assert MaskWays(graph_of(trace), trace).of("features") is None


def test_a_mask_ends_at_the_loss_and_with_the_time_axis():
    trace = tagger().trace(tagger().batch)
    found = MaskWays(graph_of(trace), trace).of("gru")
    assert found is not None
    assert set(found.endings) == {Ending("loss:tags", How.LOSS), Ending("last", How.ENDED)}


def test_a_mask_that_is_taken_off_its_tensor_names_the_thief():
    thief = replace(made("attention", ("embed", "m0"), mask="m0"), stripped=(0,))
    add = made("add", ("attention", "m0"), ("embed", None), fate=Fate.DROPS)
    found = way("embed", X, EMBED, thief, add)
    assert found is not None
    assert found.endings == [Ending("attention", How.REMOVED), Ending("add", How.LOST)]
    graph, trace = traced(X, EMBED, thief, add)
    assert Masks(graph, trace).on(Edge("embed", "add")) == EdgeMask("m0", None)
    assert Masks(graph, trace).on(Edge("embed", "add")).lost


def test_calls_in_a_layer_miss_no_mask():
    inner = made("attention/query", ("embed", None), fate=Fate.NONE, parent="attention")
    graph, trace = traced(X, EMBED, made("attention", ("embed", "m0"), mask="m0"), inner, made("after", ("attention", "m0"), mask="m0"))
    assert Edge("embed", "attention/query") in graph.edges
    assert Masks(graph, trace).on(Edge("embed", "attention/query")) == EdgeMask("m0", "m0")
    assert Masks(graph, trace).on(Edge("attention/query", "after")) == EdgeMask("m0", "m0")


def test_a_mask_that_vanishes_between_calls_is_missing_at_the_next():
    found = way("embed", X, EMBED, made("dense", ("embed", None), fate=Fate.NONE))
    assert found is not None
    assert found.endings == [Ending("dense", How.VANISHED)]


def test_a_changed_mask_is_still_the_same_way():
    crop = made("crop", ("embed", "m0"), mask="m1", fate=Fate.CHANGES)
    found = way("crop", X, EMBED, crop, made("mean", ("crop", "m1"), fate=Fate.ENDS, time=False))
    assert found is not None
    assert found.created == ["embed"]
    assert found.endings == [Ending("mean", How.ENDED)]


def test_the_way_goes_through_nested_networks():
    net = replace(made("net", ("embed", "m0"), mask=None, fate=Fate.DROPS), is_network=True)
    inner = made("net/lstm", ("embed", "m0"), mask="m0", parent="net")
    loses = made("net/slice", ("net/lstm", "m0"), fate=Fate.DROPS, parent="net")
    for call in ("embed", "net/lstm", "net/slice", "after"):
        found = way(call, X, EMBED, net, inner, loses, made("after", ("net", None), fate=Fate.NONE))
        assert found is not None, call
        assert found.created == ["embed"]
        assert found.endings == [Ending("net/slice", How.LOST)], call


def test_the_place_in_a_layer_of_layers_is_named():
    block = made("block", ("embed", "m0"), fate=Fate.DROPS)
    inner = made("block/slice", ("embed", "m0"), fate=Fate.DROPS, parent="block")
    found = way("embed", X, EMBED, block, inner, made("after", ("block", None), fate=Fate.NONE))
    assert found is not None
    assert found.endings == [Ending("block/slice", How.LOST)]


def test_a_mask_given_as_an_argument_is_created_by_its_operation():
    operation = replace(made("not_equal", ("x", None)), kind="operation", role="mask path")
    lstm = replace(made("lstm", ("x", None), mask="m0", fate=Fate.CREATES), mask_sources=("not_equal",), received={"mask": "m0"})
    found = way("lstm", X, operation, lstm)
    assert found is not None
    assert "not_equal" in found.calls
    assert "x" not in found.calls
    attention = replace(made("attention", ("x", None), fate=Fate.NONE), mask_sources=("not_equal",), received={"attention_mask": "m0"})
    found = way("not_equal", X, operation, attention)
    assert found is not None
    assert found.endings == [Ending("attention", How.USED)]


def test_states_without_a_time_axis_lose_no_mask():
    lstm = made("lstm", ("embed", "m0"), mask="m0")
    lstm = replace(lstm, outputs=(*lstm.outputs, TensorOut((2, 3), "float32", None, False)))
    found = way("dense", X, EMBED, lstm, made("dense", ("lstm#1", None), fate=Fate.NONE, time=False))
    assert found is not None
    assert found.endings == [Ending("lstm", How.ENDED)]


def test_a_mask_that_no_call_takes_reaches_the_output():
    found = way("embed", X, EMBED)
    assert found is not None
    assert found.endings == [Ending("embed", How.OUTPUT)]


def test_a_mask_given_beside_data_that_lost_it_comes_from_the_layer_that_made_it():
    """Keras writes the argument out as an operation on the input; the layer that made the same mask is what is shown."""
    found = replace(made("not_equal", ("x", None), fate=Fate.NONE), kind="operation", role="mask path")
    lost = made("add", ("embed", "m0"), fate=Fate.DROPS)
    given = replace(made("lstm", ("add", None), mask="m0"), received={"mask": "m0"}, mask_sources=("not_equal",))
    graph, trace = traced(X, found, EMBED, lost, given, made("end", ("lstm", "m0"), fate=Fate.DROPS))
    assert Edge("embed", "lstm", 0, mask_only=True, alone=True) in folded(graph, frozenset()).edges
    followed = MaskWays(graph, trace).of("lstm")
    assert followed is not None
    assert followed.created == ["embed"]
    assert followed.endings == [Ending("end", How.LOST)]
    assert "add" not in followed.calls
    onwards = MaskWays(graph, trace).of("embed")
    assert onwards is not None
    assert set(onwards.endings) == {Ending("add", How.LOST), Ending("end", How.LOST)}
