"""The layer graph from a network's ``config.json`` alone: nested, shared and sequential networks, without Keras.

Ids agree with those of a trace: further calls of a shared layer are numbered in the order in which Keras runs them, which is
found the way Keras finds it (``ops/function.py: map_graph``: by depth, counted from the outputs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from maskviz.core.graph import Edge, Graph, Node, mask_path_of

Shape = tuple[int | None, ...]


class Tensor(NamedTuple):
    """Output ``output`` of call number ``call`` of the layer ``layer``, as a config names it."""

    layer: str
    call: int
    output: int


class Source(NamedTuple):
    """Output ``output`` of the graph node ``node``."""

    node: str
    output: int


@dataclass(frozen=True)
class _Call:
    """One call in a functional config: its data inputs and mask arguments in the order in which Keras flattens them."""

    data: tuple[Tensor, ...]
    masks: tuple[Tensor, ...]
    order: tuple[Tensor, ...]


@dataclass
class _Drawing:
    """The graph while it is drawn."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[Edge, None] = field(default_factory=dict)
    shapes: dict[Source, Shape] = field(default_factory=dict)

    def add(self, entry: Mapping[str, Any], parent: str | None, name: str, kind: str | None = None) -> str:
        """A new node; the n-th further call of one name gets ``:n``."""
        path = name if parent is None else f"{parent}/{name}"
        node_id, n = path, 0
        while node_id in self.nodes:
            n += 1
            node_id = f"{path}:{n}"
        kind = kind or ("operation" if ".ops." in f"{entry.get('module')}." else "layer")
        self.nodes[node_id] = Node(node_id, name, str(entry.get("class_name")), parent, kind)  # type: ignore[arg-type]
        return node_id

    def connect(self, sources: Sequence[Source], target: str, mask_only: bool = False) -> None:
        for source in sources:
            self.edges[Edge(source.node, target, source.output, mask_only)] = None

    def graph(self, results: Sequence[Source]) -> Graph:
        """The finished graph, with the operations that only compute masks marked as such."""
        masking = mask_path_of(list(self.nodes.values()), self.edges, {source.node for source in results})
        nodes = (
            replace(node, shape=self.shapes.get(Source(node.id, 0)), role="mask path" if node.id in masking else "data")
            for node in self.nodes.values()
        )
        edges = (replace(edge, mask_only=edge.mask_only or edge.target in masking) for edge in self.edges)
        return Graph(tuple(nodes), tuple(edges))


def graph_of_config(config: Mapping[str, Any]) -> Graph:
    """The graph of a whole ``config.json`` (``class_name``, ``config``, ``compile_config``).

    A subclassed network, whose config does not say what is in it, is one node. Losses that the file names get a ``loss:OUTPUT``
    node each. Raises KeyError, IndexError, TypeError or ValueError where the config is not what Keras writes.
    """
    drawing = _Drawing()
    if not is_network(config):
        return Graph((Node(_name(config), _name(config), str(config["class_name"])),))
    results = _network(drawing, config, None, None)
    graph = drawing.graph(results)
    outputs = list(dict.fromkeys(zip(_output_names(config["config"]), results, strict=True)))
    losses = _losses(config.get("compile_config"), [name for name, _ in outputs], _output_keys(config["config"]))
    nodes = tuple(Node(f"loss:{name}", losses[name], "loss", kind="loss") for name, _ in outputs if name in losses)
    edges = tuple(Edge(s.node, f"loss:{name}", s.output) for name, s in outputs if name in losses)
    return Graph(graph.nodes + nodes, graph.edges + edges)


def is_network(entry: Any) -> bool:
    """Whether a serialized object is a network whose config lists its layers."""
    config = entry.get("config") if isinstance(entry, Mapping) else None
    if isinstance(config, list):  # Sequential of Keras 2
        return bool(config) and all(isinstance(layer, Mapping) and "class_name" in layer for layer in config)
    layers = config.get("layers") if isinstance(config, Mapping) else None
    return isinstance(layers, list) and bool(layers) and all(isinstance(layer, Mapping) and "class_name" in layer for layer in layers)


def _name(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    inner = config.get("name") if isinstance(config, Mapping) else None
    return str(entry.get("name") or inner or entry.get("class_name") or "layer")


def _network(drawing: _Drawing, entry: Mapping[str, Any], path: str | None, feeds: Sequence[Source] | None) -> list[Source]:
    """Draws the inside of a network; ``feeds`` are its inputs where it is called by another. Gives its outputs."""
    config = entry["config"]
    if isinstance(config, Mapping) and "input_layers" in config:
        return _functional(drawing, config, path, feeds)
    return _sequential(drawing, config["layers"] if isinstance(config, Mapping) else config, path, feeds)


def _sequential(drawing: _Drawing, layers: Sequence[Mapping[str, Any]], path: str | None, feeds: Sequence[Source] | None) -> list[Source]:
    current = list(feeds or [])
    layers = list(layers)
    if layers[0].get("class_name") == "InputLayer":
        first = layers.pop(0)
        if feeds is None:
            current = [_input(drawing, first, path)]
    elif feeds is None:
        shape = _batch_shape(layers[0]["config"])
        current = [_input(drawing, {"class_name": "InputLayer", "config": {"name": "input", "batch_shape": shape}}, path)]
    for i, layer in enumerate(layers):
        current = _call(drawing, layer, path, current, [])
        taken = layers[i + 1].get("build_config") if i + 1 < len(layers) else None
        shape = _shape(taken.get("input_shape")) if isinstance(taken, Mapping) else None
        if shape is not None and current:
            drawing.shapes.setdefault(current[0], shape)
    return current


def _functional(drawing: _Drawing, config: Mapping[str, Any], path: str | None, feeds: Sequence[Source] | None) -> list[Source]:
    entries = {_name(layer): layer for layer in config["layers"]}
    seen: dict[Tensor, Shape] = {}
    calls = {
        (name, index): _read_call(node, entries, seen)
        for name, layer in entries.items()
        for index, node in enumerate(layer.get("inbound_nodes") or [])
    }
    inputs = list(_references(config["input_layers"]))
    outputs = [_settled(tensor, entries) for tensor in _references(config["output_layers"])]
    made: dict[tuple[str, int], list[Source]] = {}
    for number, tensor in enumerate(inputs):
        given = feeds[number] if feeds is not None and number < len(feeds) else None
        made[tensor.layer, tensor.call] = [given if given is not None else _input(drawing, entries[tensor.layer], path)]

    def source(tensor: Tensor) -> Source:
        results = made[tensor.layer, tensor.call]
        if is_network(entries[tensor.layer]):
            return results[tensor.output]
        return results[0]._replace(output=tensor.output) if (tensor.layer, tensor.call) in calls else results[0]

    for key in _run_order(calls, outputs):
        call = calls[key]
        made[key] = _call(drawing, entries[key[0]], path, [source(t) for t in call.data], [source(t) for t in call.masks])
    for tensor, shape in seen.items():
        if (tensor.layer, tensor.call) in made:
            drawing.shapes.setdefault(source(tensor), shape)
    return [source(tensor) for tensor in outputs]


def _call(drawing: _Drawing, entry: Mapping[str, Any], path: str | None, data: Sequence[Source], masks: Sequence[Source]) -> list[Source]:
    """Draws one call of a layer, an operation or a nested network, and gives its outputs (one stands for all of a layer)."""
    node = drawing.add(entry, path, _name(entry))
    drawing.connect([m for m in masks if m not in data], node, mask_only=True)
    if is_network(entry):
        results = _network(drawing, entry, node, data)
        shape = next((drawing.shapes[s] for s in results if s in drawing.shapes), None)
        if shape is not None:
            drawing.shapes.setdefault(Source(node, 0), shape)
        return results
    drawing.connect(data, node)
    return [Source(node, 0)]


def _input(drawing: _Drawing, entry: Mapping[str, Any], path: str | None) -> Source:
    source = Source(drawing.add(entry, path, _name(entry), "input"), 0)
    shape = _batch_shape(entry["config"])
    if shape is not None:
        drawing.shapes[source] = shape
    return source


def _settled(tensor: Tensor, entries: Mapping[str, Any]) -> Tensor:
    """A reference to a nested network as counted from its first call. Keras counts its making as call 0: that of a functional network in
    the outputs of a network always, and any in every reference before Keras 3."""
    entry = entries[tensor.layer]
    config = entry.get("config")
    calls = entry.get("inbound_nodes") or []
    counted = isinstance(config, Mapping) and "input_layers" in config
    if is_network(entry) and any(not isinstance(node, Mapping) for node in calls):
        first = (config["layers"] if isinstance(config, Mapping) else config)[0]
        counted = counted or first["class_name"] == "InputLayer"
    return tensor._replace(call=tensor.call - 1) if tensor.call and (counted or tensor.call == len(calls)) else tensor


def _read_call(node: Any, entries: Mapping[str, Any], seen: dict[Tensor, Shape]) -> _Call:
    """One item of ``inbound_nodes``, of Keras 3 (``args``, ``kwargs``) or older (lists of ``[layer, call, output, kwargs]``)."""
    data: list[Tensor] = []
    masks: list[Tensor] = []
    order: list[Tensor] = []

    def take(value: Any, mask: bool) -> None:
        found = list(_references(value, seen))
        if not isinstance(node, Mapping):
            found = [_settled(tensor, entries) for tensor in found]
        order.extend(found)
        (masks if mask else data).extend(found)

    def keywords(values: Mapping[str, Any]) -> None:
        for key in sorted(values):
            take(values[key], key == "mask" or key.endswith("_mask"))

    if isinstance(node, Mapping):
        take(node.get("args", []), False)
        keywords(node.get("kwargs", {}))
    else:
        for item in [node] if isinstance(node[0], str) else node:
            if item[0] != "_CONSTANT_VALUE":
                take(item[:3], False)
            if len(item) > 3 and isinstance(item[3], Mapping):
                keywords(item[3])
    return _Call(tuple(dict.fromkeys(data)), tuple(dict.fromkeys(masks)), tuple(order))


def _is_reference(value: Any) -> bool:
    return isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and all(type(v) is int for v in value[1:3])


def _references(value: Any, seen: dict[Tensor, Shape] | None = None) -> Iterator[Tensor]:
    """Every tensor that a (nested) config value refers to, in the order in which Keras flattens it."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            config = value["config"]
            layer, index, output = config["keras_history"]
            tensor = Tensor(str(layer), int(index), int(output))
            shape = _shape(config.get("shape"))
            if seen is not None and shape is not None:
                seen.setdefault(tensor, shape)
            yield tensor
        elif value.get("class_name") != "__numpy__":
            for key in sorted(value):
                yield from _references(value[key], seen)
    elif _is_reference(value):
        yield Tensor(value[0], value[1], value[2])
    elif isinstance(value, list):
        for item in value:
            yield from _references(item, seen)


def _run_order(calls: Mapping[tuple[str, int], _Call], outputs: Sequence[Tensor]) -> list[tuple[str, int]]:
    """The calls in the order in which Keras runs them: by depth from the outputs, then as a walk from the outputs met them."""
    finished: dict[tuple[str, int], None] = {}
    for output in outputs:
        stack = [((output.layer, output.call), False)]
        open_calls: set[tuple[str, int]] = set()
        while stack:
            key, leaving = stack.pop()
            if leaving:
                open_calls.discard(key)
                finished[key] = None
            elif key in open_calls:
                raise ValueError("the layers form a cycle")
            elif key not in finished and key in calls:
                open_calls.add(key)
                stack.append((key, True))
                stack += [((t.layer, t.call), False) for t in reversed(calls[key].order) if (t.layer, t.call) not in finished]
    depths: dict[tuple[str, int], int] = {}
    deepest: dict[str, int] = {}
    for key in reversed(finished):
        depth = max(depths.setdefault(key, 0), deepest.get(key[0], 0))
        deepest[key[0]] = depths[key] = depth
        for tensor in calls[key].order:
            before = (tensor.layer, tensor.call)
            if before in finished:
                depths[before] = max(depth + 1, depths.get(before, 0))
    return sorted(depths, key=lambda key: -depths[key])


def _shape(value: Any) -> Shape | None:
    if isinstance(value, list | tuple) and all(v is None or type(v) is int for v in value):
        return tuple(value)
    return None


def _batch_shape(config: Any) -> Shape | None:
    return _shape(config.get("batch_shape") or config.get("batch_input_shape")) if isinstance(config, Mapping) else None


def _output_names(config: Any) -> list[str]:
    """Names of a network's outputs: those of the outermost layers that give them."""
    if isinstance(config, Mapping) and "output_layers" in config:
        return [tensor.layer for tensor in _references(config["output_layers"])]
    return [_name((config["layers"] if isinstance(config, Mapping) else config)[-1])]


def _output_keys(config: Any) -> list[str]:
    """The keys of outputs that are a dict."""
    outputs = config.get("output_layers") if isinstance(config, Mapping) else None
    return sorted(outputs) if isinstance(outputs, Mapping) else []


def _losses(compiled: Any, outputs: Sequence[str], keys: Sequence[str]) -> dict[str, str]:
    """The loss of each output that a compile config names, by the output's name; ``keys`` are other names of the outputs."""
    loss = compiled.get("loss") if isinstance(compiled, Mapping) else None
    if isinstance(loss, list) and len(loss) == len(outputs):
        each = dict(zip(outputs, loss, strict=True))
    elif isinstance(loss, Mapping) and "class_name" not in loss:
        also = dict(zip(outputs, keys, strict=False))
        each = {name: loss.get(name, loss.get(also.get(name))) for name in outputs}
    else:
        each = dict.fromkeys(outputs, loss)
    names = {name: _loss_name(value) for name, value in each.items()}
    return {name: value for name, value in names.items() if value}


def _loss_name(value: Any) -> str | None:
    if isinstance(value, Mapping):
        config = value.get("config")
        if isinstance(config, Mapping):
            return str(config.get("name") or value.get("class_name"))
        return str(config) if isinstance(config, str) else str(value.get("class_name"))
    return value if isinstance(value, str) else None
