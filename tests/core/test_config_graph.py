"""The layer graph from config.json alone."""

from __future__ import annotations

from maskviz.core.config_graph import graph_of_config
from maskviz.core.graph import Edge, Graph, Node, first_unfolding, folded
from tests.core import configs
from tests.core.configs import call, functional, layer, operation, sequential, source, tensor


def pairs(graph: Graph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.edges}


def test_baked_masks_are_mask_edges():
    graph = graph_of_config(configs.masked_lstm())
    assert {n.id for n in graph.nodes if n.role == "mask path"} == {"not_equal", "any"}
    assert Edge("any", "lstm", 0, True) in graph.edges
    assert Edge("masking", "lstm") in graph.edges
    assert graph.by_id["lstm"].shape == (None, 6, 8)
    assert graph.by_id["features"].kind == "input"
    assert pairs(folded(graph, frozenset())) == {
        ("features", "masking"),
        ("masking", "lstm"),
        ("lstm", "dense"),
        ("dense", "loss:dense"),
    }
    assert {"not_equal", "any"} <= {n.id for n in folded(graph, frozenset(), mask_path=True).nodes}


def test_an_operation_that_also_feeds_data_is_no_mask_path():
    graph = graph_of_config(
        functional(
            [
                source("x"),
                operation("not_equal", "NotEqual", call(tensor("x"), 0)),
                layer("lstm", "LSTM", call(tensor("x"), mask=tensor("not_equal"))),
                layer("add", "Add", call([tensor("lstm"), tensor("not_equal")])),
            ],
            ["x"],
            [["add", 0, 0]],
        )
    )
    assert {n.role for n in graph.nodes} == {"data"}


def test_a_mask_from_another_input_stays_visible():
    graph = graph_of_config(
        functional(
            [
                source("x"),
                source("lengths"),
                operation("not_equal", "NotEqual", call(tensor("lengths"), 0)),
                layer("lstm", "LSTM", call(tensor("x"), mask=tensor("not_equal"))),
            ],
            ["x", "lengths"],
            [["lstm", 0, 0]],
        )
    )
    assert Edge("lengths", "lstm", 0, True) in folded(graph, frozenset()).edges


def test_a_shared_layer_is_numbered_in_the_order_of_the_run():
    # the second call in the file is deeper and runs first
    config = functional(
        [
            source("a"),
            source("b"),
            layer("shared", "Dense", call(tensor("a")), call(tensor("b"))),
            layer("deep", "Dense", call(tensor("shared", 1))),
            layer("deeper", "Dense", call(tensor("deep"))),
            layer("add", "Add", call([tensor("shared", 0), tensor("deeper")])),
        ],
        ["a", "b"],
        [["add", 0, 0]],
    )
    graph = graph_of_config(config)
    assert [n.id for n in graph.nodes if n.kind == "layer"] == ["shared", "shared:1", "deep", "deeper", "add"]
    first = next(e.target for e in graph.edges if e.source == "a")
    assert {first, next(e.target for e in graph.edges if e.source == "b")} == {"shared", "shared:1"}
    assert (next(e.target for e in graph.edges if e.source == "b"), "deep") in pairs(graph)


def nested() -> dict:
    inner = functional(
        [source("inner_in"), layer("dense", "Dense", call(tensor("inner_in"))), layer("out", "Dense", call(tensor("dense")))],
        ["inner_in"],
        [["out", 0, 0]],
        name="block",
    )
    block = {**inner, "name": "block", "inbound_nodes": [call(tensor("x")), call(tensor("mid"))]}
    return functional(
        [source("x"), block, layer("mid", "Dense", call(tensor("block", 0))), layer("last", "Dense", call(tensor("block", 1)))],
        ["x"],
        [["last", 0, 0]],
    )


def test_a_nested_network_called_twice():
    graph = graph_of_config(nested())
    assert [n.id for n in graph.nodes] == [
        *("x", "block", "block/dense", "block/out", "mid", "block:1", "block:1/dense", "block:1/out", "last")
    ]
    assert graph.by_id["block:1/out"].parent == "block:1"
    assert ("x", "block/dense") in pairs(graph)
    assert ("block/out", "mid") in pairs(graph)
    assert ("mid", "block:1/dense") in pairs(graph)
    assert ("block:1/out", "last") in pairs(graph)


def test_what_a_layer_does_inside_is_folded_at_first():
    preview = graph_of_config(nested())
    inner = Node("last/cell", "cell", "Dense", parent="last")
    traced = Graph((*preview.nodes, inner), preview.edges)
    assert first_unfolding(traced, preview) == {"block", "block:1"}
    assert first_unfolding(traced) == {"block", "block:1", "last"}
    assert first_unfolding(traced, Graph((Node("Tagger", "Tagger", "Tagger"),))) == {"block", "block:1", "last"}


def test_a_mask_that_data_carries_through_a_container_is_no_detour():
    nodes = tuple(
        Node(name, name, "", name.partition("/")[0] if "/" in name else None) for name in ("x", "net", "net/a", "net/b", "y", "y/c")
    )
    edges = (Edge("x", "net/a"), Edge("net/a", "net/b"), Edge("net", "y/c"), Edge("x", "y/c", 0, True))
    assert not any(e.mask_only for e in folded(Graph(nodes, edges), frozenset({"net", "y"})).edges)


def test_folding_attaches_edges_to_the_container():
    graph = graph_of_config(nested())
    assert first_unfolding(graph) == {"block", "block:1"}
    assert first_unfolding(graph, limit=5) == frozenset()
    shown = folded(graph, frozenset({"block"}))
    assert [n.id for n in shown.nodes] == ["x", "block", "block/dense", "block/out", "mid", "block:1", "last"]
    assert pairs(shown) == {
        ("x", "block/dense"),
        ("block/dense", "block/out"),
        ("block/out", "mid"),
        ("mid", "block:1"),
        ("block:1", "last"),
    }


def test_sequential_is_a_chain_with_an_input():
    graph = graph_of_config(sequential([source("x"), layer("a", "Dense"), layer("b", "Dense")], compile_config={"loss": "mse"}))
    assert [n.id for n in graph.nodes] == ["x", "a", "b", "loss:b"]
    assert pairs(graph) == {("x", "a"), ("a", "b"), ("b", "loss:b")}


def test_a_sequential_without_input_layer_gets_one():
    graph = graph_of_config(sequential([layer("a", "Dense", batch_input_shape=[None, 3])]))
    assert next((n.id, n.kind, n.shape) for n in graph.nodes) == ("input", "input", (None, 3))


def test_sequential_inside_functional():
    block = {**sequential([source("hidden"), layer("a", "Dense"), layer("b", "Dense")], name="block"), "name": "block"}
    block["inbound_nodes"] = [call(tensor("x"))]
    graph = graph_of_config(functional([source("x"), block, layer("last", "Dense", call(tensor("block")))], ["x"], [["last", 0, 0]]))
    assert pairs(graph) == {("x", "block/a"), ("block/a", "block/b"), ("block/b", "last")}


def test_calls_in_the_form_of_keras_2():
    graph = graph_of_config(
        functional(
            [
                source("x"),
                {**layer("lstm", "LSTM"), "inbound_nodes": [[["x", 0, 0, {}]]]},
                {**layer("add", "Add"), "inbound_nodes": [[["x", 0, 0, {}], ["lstm", 0, 1, {}]]]},
                {**layer("dec", "LSTM"), "inbound_nodes": [[["add", 0, 0, {"initial_state": [["lstm", 0, 1]], "mask": ["lstm", 0, 2]}]]]},
            ],
            ["x"],
            [["dec", 0, 0]],
        )
    )
    assert Edge("lstm", "add", 1) in graph.edges
    assert Edge("lstm", "dec", 1) in graph.edges
    assert Edge("lstm", "dec", 2, True) in graph.edges


def test_losses_of_several_outputs():
    layers = [source("x"), layer("a", "Dense", call(tensor("x"))), layer("b", "Dense", call(tensor("x")))]
    outputs = [["a", 0, 0], ["b", 0, 0]]
    named = {"module": "keras.losses", "class_name": "Huber", "config": {"name": "huber"}}
    each = graph_of_config(functional(layers, ["x"], outputs, compile_config={"loss": {"a": "mse", "b": named}}))
    assert [(n.id, n.name) for n in each.nodes if n.kind == "loss"] == [("loss:a", "mse"), ("loss:b", "huber")]
    listed = graph_of_config(functional(layers, ["x"], outputs, compile_config={"loss": ["mse", None]}))
    assert [n.id for n in listed.nodes if n.kind == "loss"] == ["loss:a"]
    assert ("a", "loss:a") in pairs(listed)


def test_the_loss_of_a_nested_output_is_named_by_the_outer_layer():
    config = nested()
    config["config"]["output_layers"] = [["block", 2, 0]]  # here Keras counts the making of the inner network as call 0
    config["compile_config"] = {"loss": "mse"}
    graph = graph_of_config(config)
    assert ("block:1/out", "loss:block") in pairs(graph)


def test_outputs_in_a_dict_have_losses_by_its_keys():
    layers = [source("x"), layer("a", "Dense", call(tensor("x"))), layer("b", "Dense", call(tensor("x")))]
    config = functional(layers, ["x"], [], compile_config={"loss": {"p": "mse", "q": "mae"}})
    config["config"]["output_layers"] = {"p": ["a", 0, 0], "q": ["b", 0, 0]}
    assert [(n.id, n.name) for n in graph_of_config(config).nodes if n.kind == "loss"] == [("loss:a", "mse"), ("loss:b", "mae")]


def test_nested_calls_in_the_form_of_keras_2():
    config = nested()
    for entry, made in (("block", ["x", 0, 0, {}]), ("mid", ["block", 1, 0, {}]), ("last", ["block", 2, 0, {}])):
        found = next(e for e in config["config"]["layers"] if e["name"] == entry)
        found["inbound_nodes"] = [[made]] + ([[["mid", 0, 0, {}]]] if entry == "block" else [])
    assert pairs(graph_of_config(config)) == pairs(graph_of_config(nested()))
