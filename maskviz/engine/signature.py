"""What a loaded network takes and gives: how to call it, and its signature as ``core.network`` values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import tree

from maskviz.core.batch import Batch
from maskviz.core.network import InputSpec, Network, OutputSpec, Shape


@dataclass(frozen=True)
class Signature:
    """The network's inputs and outputs by name, and how they are packed for a call. ``structure`` is a nest of input names."""

    network: Network
    structure: Any
    output_names: tuple[str, ...]

    @property
    def input_names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.network.inputs)

    def compiled_shape(self, position: int, shape: tuple[int, ...]) -> Shape:
        """The shape to compile for: any number of samples, else the lengths of the batch, as ``evaluate()`` traces it.

        A length left open would change what runs: TimeDistributed of Keras 3.15.1 then maps over the batch's length, not over time.
        """
        declared = self.network.inputs[position].shape
        return (declared[0] if declared else None, *shape[1:])

    def pack_inputs(self, tensors: Sequence[Any]) -> Any:
        """The tensors in the structure that the network's ``call`` takes."""
        by_name = dict(zip(self.input_names, tensors, strict=True))
        return tree.map_structure(lambda name: by_name[name], self.structure)

    def call(self, network: keras.Model, tensors: Sequence[Any]) -> Any:
        """The predictions, as ``evaluate()`` computes them (``training=False`` where the network takes it)."""
        packed = self.pack_inputs(tensors)
        return network(packed, training=False) if network._call_has_training_arg else network(packed)

    def pack_targets(self, targets: Sequence[Any], like: Any, stand_ins: Sequence[Any]) -> Any:
        """Targets in the structure of the predictions; an output without target gets a stand-in, which no loss sees."""
        flat = [t if t is not None else p for t, p in zip(targets, stand_ins, strict=True)]
        return tree.pack_sequence_as(like, flat)

    def target_structure(self, network: keras.Model) -> Any:
        """A nest like the predictions: one item, or a list or dict of them."""
        functional = getattr(network, "_functional", None) or network
        struct = getattr(functional, "_outputs_struct", None)
        if struct is not None:
            return struct
        names = list(self.output_names)
        if len(names) == 1 and names[0] == "0":
            return names[0]
        return names if all(name.isdigit() for name in names) else {name: name for name in names}

    def pack_weights(self, weights: Sequence[Any], like: Any) -> Any:
        """Weights in the structure of the predictions, None where no output has any."""
        if all(w is None for w in weights):
            return None
        return tree.pack_sequence_as(like, list(weights))


def signature_of(network: keras.Model, batch: Batch | None = None, notes: tuple[str, ...] = ()) -> Signature:
    """The signature of a built network; of one that is not, what the batch shows of it."""
    names, structure, tensors = _inputs(network, batch)
    inputs = tuple(_input_spec(network, name, *_shape_and_type(t)) for name, t in zip(names, tensors, strict=True))
    outputs = _outputs(network)
    described = Network(
        name=network.name,
        class_name=type(network).__name__,
        compiled=bool(network.compiled),
        keras=keras.__version__,
        backend=keras.backend.backend(),
        inputs=inputs,
        outputs=outputs,
        parameters=int(network.count_params()) if network.built else 0,
        notes=notes,
    )
    return Signature(described, structure, tuple(o.name for o in outputs))


def _inputs(network: keras.Model, batch: Batch | None) -> tuple[list[str], Any, list[Any]]:
    """Names, structure of names, and shape carriers (symbolic tensors, arrays or plain shapes) of the inputs."""
    functional = getattr(network, "_functional", None) or network
    symbolic = list(getattr(functional, "inputs", None) or [])
    if symbolic:
        struct = getattr(functional, "_inputs_struct", symbolic)
        names = _input_names(functional)
        by_id = dict(zip((id(t) for t in symbolic), names, strict=True))
        return names, tree.map_structure(lambda t: by_id[id(t)], struct), symbolic
    shapes = (getattr(network, "_build_shapes_dict", None) or {}).get("input_shape")
    if batch is not None and batch.x:
        names = list(batch.x)
        return names, _structure(names), [batch.x[name] for name in names]
    if isinstance(shapes, dict):
        return list(shapes), {name: name for name in shapes}, list(shapes.values())
    if shapes and isinstance(shapes[0], (list, tuple)):
        names = [str(i) for i in range(len(shapes))]
        return names, names, list(shapes)
    return (["x"], "x", [shapes]) if shapes else ([], [], [])


def _input_names(functional: Any) -> list[str]:
    """Keys where the network takes a dict, else the names of its input layers."""
    struct = getattr(functional, "_inputs_struct", None)
    if isinstance(struct, dict):
        by_id = {id(t): str(key) for key, t in struct.items()}
        return [by_id.get(id(t), t.name) for t in functional.inputs]
    return unique_names([t.name for t in functional.inputs])


def _structure(names: list[str]) -> Any:
    """How a network without a declared signature is called: one tensor, a list by position, or a dict by name."""
    if len(names) == 1 and (names[0] in ("x", "0")):
        return names[0]
    return list(names) if all(name.isdigit() for name in names) else {name: name for name in names}


def unique_names(names: list[str]) -> list[str]:
    """The names with ``#1``, ``#2`` … behind those that stand there again."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, -1) + 1
        unique.append(name if seen[name] == 0 else f"{name}#{seen[name]}")
    return unique


def _shape_and_type(carrier: Any) -> tuple[Shape, str]:
    if hasattr(carrier, "dtype"):
        shape = tuple(carrier.shape)
        kind = getattr(carrier.dtype, "kind", "")
        if isinstance(carrier, keras.KerasTensor):
            return shape, str(carrier.dtype)
        return (None, *shape[1:]), "string" if kind in "USO" else str(carrier.dtype)
    return (None, *carrier[1:]), "float32" if len(carrier) > 2 else "int64"


def _input_spec(network: keras.Model, name: str, shape: Shape, dtype: str) -> InputSpec:
    layers = _consumers(network, name)
    # a subclassed network shows all of its embeddings: that of positions is smaller than that of words
    embeddings = [layer for layer in layers if isinstance(layer, keras.layers.Embedding)]
    embedding = max(embeddings, key=lambda layer: layer.input_dim, default=None)
    masking = next((layer for layer in layers if isinstance(layer, keras.layers.Masking)), None)
    if dtype == "string":
        return InputSpec(name, shape, dtype, "text", pad_value="")
    if len(shape) == 2 and (embedding is not None or dtype.startswith(("int", "uint"))):
        masked = embedding is not None and bool(embedding.mask_zero)
        vocabulary = int(embedding.input_dim) if embedding is not None else None
        return InputSpec(name, shape, dtype, "ids", pad_value=0, vocabulary=vocabulary, masked=masked)
    if len(shape) >= 3 and dtype.startswith(("float", "bfloat", "int", "uint")):
        pad_value = float(masking.mask_value) if masking is not None else 0.0
        return InputSpec(name, shape, dtype, "features", pad_value=pad_value, masked=masking is not None)
    return InputSpec(name, shape, dtype, "other")


def _consumers(network: keras.Model, name: str) -> list[keras.Layer]:
    """The layers that take this input directly; all layers where the network has no graph to tell."""
    functional = getattr(network, "_functional", None) or network
    symbolic = list(getattr(functional, "inputs", None) or [])
    if not symbolic:
        return list(network._flatten_layers(include_self=False))
    tensor = symbolic[_input_names(functional).index(name)]
    found = []
    for operation in functional.operations:
        for node in operation._inbound_nodes:
            if any(t is tensor for t in node.input_tensors):
                found += _entries(operation, [t is tensor for t in node.input_tensors].index(True))
    return found


def _entries(operation: Any, position: int) -> list[keras.Layer]:
    """A consumer itself, or what consumes that input inside a nested network or custom layer."""
    if isinstance(operation, keras.Model) and getattr(operation, "inputs", None):
        names = _input_names(operation)
        return _consumers(operation, names[min(position, len(names) - 1)])
    if not isinstance(operation, keras.Layer):
        return []
    own = type(operation).__module__.split(".")[0] == "keras"
    return [operation] if own else [operation, *operation._flatten_layers(include_self=False)]


def _outputs(network: keras.Model) -> tuple[OutputSpec, ...]:
    functional = getattr(network, "_functional", None) or network
    symbolic = list(getattr(functional, "outputs", None) or [])
    if not symbolic:
        return ()
    struct = getattr(functional, "_outputs_struct", None)
    if isinstance(struct, dict):
        names = ["/".join(map(str, path)) for path, _ in tree.flatten_with_path(struct)]
    else:
        names = unique_names(list(getattr(functional, "output_names", None) or [t._keras_history.operation.name for t in symbolic]))
    return describe_outputs(network, names, [(tuple(t.shape), str(t.dtype)) for t in symbolic])


def describe_outputs(network: keras.Model, names: list[str], shapes: list[tuple[Shape, str]]) -> tuple[OutputSpec, ...]:
    """Outputs with their losses."""
    found = _configured_losses(network, names)
    specs = []
    for name, (shape, dtype), loss in zip(names, shapes, found, strict=True):
        called = _name_of(loss)
        sparse = "sparse" in (called or "")
        y_shape = shape[:-1] if sparse else shape
        classes, ignored = (shape[-1], getattr(loss, "ignore_class", None)) if sparse else (None, None)
        specs.append(OutputSpec(name, shape, dtype, called, y_shape, "int64" if sparse else "float32", classes, ignored))
    return tuple(specs)


def _configured_losses(network: keras.Model, names: list[str]) -> list[Any]:
    """Each output's loss as given to ``compile``, None where there is none."""
    loss = getattr(getattr(network, "_compile_loss", None), "_user_loss", None)
    if isinstance(loss, dict):
        layers = getattr(network, "output_names", None) or names
        return [loss.get(name, loss.get(layer)) for name, layer in zip(names, layers, strict=True)]
    if isinstance(loss, (list, tuple)):
        return (list(loss) + [None] * len(names))[: len(names)]
    return [loss] * len(names)


def _name_of(loss: Any) -> str | None:
    if loss is None or isinstance(loss, str):
        return loss
    if isinstance(loss, (list, tuple)):
        return " + ".join(str(_name_of(item)) for item in loss)
    function = getattr(loss, "fn", loss)
    return str(getattr(function, "__name__", None) or getattr(loss, "name", None) or type(loss).__name__)
