"""Writes a network of Keras' own layers as a Python script that builds it; its weights stand in a file beside the script."""

from __future__ import annotations

import inspect
import json
import keyword
import math
import re
import runpy
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras import ops

from maskviz.core.errors import UnusableInput, writing
from maskviz.engine import rebuild
from maskviz.engine.stacks import data_nodes, given_arguments, own_arguments, required_arguments, serialized

INDENT = "    "


def script_of(network: keras.Model, weights: str = "") -> str:
    """The script, which loads the file ``weights`` beside it where one is named. Raises UnusableInput where the network holds what a script
    cannot say, such as a Lambda's code."""
    return _script(network, weights)[0]


def _script(network: keras.Model, weights: str) -> tuple[str, str]:
    """The script, and the name of its function that builds the network."""
    writer = Writer()
    name = writer.function(network)
    imports = [f"import keras\nfrom keras import layers{', ops' if writer.uses_ops else ''}"]
    functions, main, told = list(writer.functions), name, "new weights"
    if weights:
        imports = ["from pathlib import Path", *imports, f"WEIGHTS = Path(__file__).with_name({literal(weights)})"]
        main, told = _identifier(name.replace("build", "load", 1), {name}), f"the weights in {weights}"
        functions.append(f"def {main}():\n{INDENT}network = {name}()\n{INDENT}network.load_weights(WEIGHTS)\n{INDENT}return network")
    head = "\n\n".join([f'"""Builds the network ‘{network.name}’, with {told}."""', *imports])
    return "\n\n\n".join([head, *functions, f'if __name__ == "__main__":\n{INDENT}{main}().summary()']) + "\n", name


def write_script(network: keras.Model, path: str) -> None:
    """Write the script into a file, and the weights of the network into ``NAME.weights.h5`` beside it, which it loads.

    Raises UnusableInput also where one of both cannot be written.
    """
    file = Path(path)
    weights = file.with_name(f"{file.stem}.weights.h5")
    text, build = _script(network, weights.name if network.weights else "")
    with writing(file.name):
        file.write_text(text, encoding="utf-8")
        if network.weights:
            _with_weights_of(network, runpy.run_path(path)[build]()).save_weights(weights)


def _with_weights_of(network: keras.Model, built: keras.Model) -> keras.Model:
    """What the script has built, with the weights of the network layer by layer: in a file Keras orders them by how a network was made."""
    for layer in built.layers:
        if layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    return built


class Writer:
    """Writes a function for a network, after one for each network inside it."""

    def __init__(self) -> None:
        self.functions: list[str] = []
        self.uses_ops = False
        self._written: dict[int, str] = {}

    def function(self, network: keras.Model) -> str:
        """Write the function that builds a network, once; its name."""
        if id(network) not in self._written:
            free = {*self._written.values()}
            name = _identifier(f"build_{network.name}", free)
            self._written[id(network)] = name
            self.functions.append("\n".join([f"def {name}():", *(f"{INDENT}{line}" for line in self._body(network))]))
        return self._written[id(network)]

    def _body(self, network: keras.Model) -> list[str]:
        try:
            graph = rebuild.functional_of(network)
        except rebuild.CannotRepair as error:
            raise _cannot(str(error).rstrip(".")) from error
        names: dict[int, str] = {}
        taken = {"keras", "layers", "ops", "network"}
        lines = []
        for tensor in graph.inputs:
            names[id(tensor)] = name = _identifier(tensor.name, taken)
            lines.append(f"{name} = keras.Input({_input(tensor)})")
        nodes = data_nodes(graph)
        calls = Counter(id(node.operation) for node in nodes)
        made: dict[int, str] = {}
        for node in nodes:
            operation = node.operation
            if isinstance(operation, keras.Layer) and calls[id(operation)] > 1 and id(operation) not in made:
                made[id(operation)] = shared = _identifier(operation.name, taken)
                lines.append(f"{shared} = {self._layer(operation)}")
            results = []
            for tensor in node.outputs:
                base = f"{operation.name}_out" if id(operation) in made else operation.name
                names[id(tensor)] = _identifier(base, taken)
                results.append(names[id(tensor)])
            lines.append(f"{', '.join(results)} = {self._call(node, names, made.get(id(operation)))}")
        inputs, outputs = (_packed(x, names) for x in (graph._inputs_struct, graph._outputs_struct))
        lines.append(f"network = keras.Model({inputs}, {outputs}, name={literal(network.name)})")
        return [*lines, *_compile_lines(network), "return network"]

    def _call(self, node: Any, names: Mapping[int, str], shared: str | None) -> str:
        operation, args, kwargs = node.operation, node.arguments.args, own_arguments(node)
        given = [_packed(a, names) for a in args]
        if isinstance(operation, keras.Layer):
            named = [f"{k}={_packed(v, names)}" for k, v in kwargs.items()]
            return f"{shared or self._layer(operation)}({', '.join([*given, *named])})"
        return self._operation(operation, args, given, {k: _packed(v, names) for k, v in kwargs.items()})

    def _operation(self, operation: Any, args: Any, given: list[str], named: Mapping[str, str]) -> str:
        kind = type(operation).__name__
        if kind == "GetItem":
            parts = [*given, *named.values()]
            return f"{parts[0]}[{_key([*args, *named][1] if len(args) > 1 else None)}]"
        name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)).lower()
        function = getattr(ops, name, None)
        made_with = dict((getattr(operation, "_auto_config", None) and operation._auto_config.config) or {})
        made_with.pop("name", None)
        if function is None or not set(made_with) <= set(inspect.signature(function).parameters):
            raise _cannot(f"it calls the operation {kind}, which keras.ops has no function for")
        self.uses_ops = True
        more = [f"{k}={v}" for k, v in named.items()] + [f"{k}={literal(serialized(v))}" for k, v in made_with.items() if v is not None]
        return f"ops.{name}({', '.join([*given, *more])})"

    def _layer(self, layer: keras.Layer) -> str:
        kind = type(layer)
        if isinstance(layer, (keras.Sequential, keras.Model)):
            return f"{self.function(layer)}()"
        if isinstance(layer, keras.layers.Lambda):
            raise _cannot(f"it holds the Lambda ‘{layer.name}’, whose code is not known as text")
        if not kind.__module__.startswith("keras.") or not hasattr(keras.layers, kind.__name__):
            raise _cannot(f"it holds ‘{layer.name}’, whose class {kind.__name__} is not Keras' own")
        if hasattr(layer, "adapt"):
            raise _cannot(f"‘{layer.name}’ holds what it has learned from data, such as a vocabulary")
        name = [f"name={literal(layer.name)}"]
        if kind.__name__ in ("Bidirectional", "TimeDistributed"):
            inner = layer.forward_layer if kind.__name__ == "Bidirectional" else layer.layer
            mode = [f"merge_mode={literal(layer.merge_mode)}"] if getattr(layer, "merge_mode", "concat") != "concat" else []
            return f"layers.{kind.__name__}({', '.join([self._inner(inner), *mode, *name])})"
        return f"layers.{kind.__name__}({', '.join([*_arguments(layer), *name])})"

    def _inner(self, layer: keras.Layer) -> str:
        """A wrapped layer, which the wrapper names."""
        text = self._layer(layer)
        return re.sub(rf"(, )?name={re.escape(literal(layer.name))}\)$", ")", text).replace(", zero_output_for_mask=True", "")


def _arguments(layer: keras.Layer) -> list[str]:
    given = given_arguments(layer)
    required = [literal(given.pop(name)) for name in required_arguments(type(layer)) if name in given]
    return [*required, *(f"{name}={literal(value)}" for name, value in given.items())]


def literal(value: Any) -> str:
    """A value of a config as code: objects of Keras by their classes."""
    if isinstance(value, Mapping):
        module, kind = str(value.get("module")), str(value.get("class_name"))
        if re.fullmatch(r"keras(\.\w+)?", module) and isinstance(value.get("config"), Mapping):
            inside = ", ".join(
                f"{k}={literal(v)}" for k, v in value["config"].items() if (v is not None and k != "name") or kind == "DTypePolicy"
            )
            return f"{module}.{kind}({inside})"
        if "class_name" in value:
            raise _cannot(f"it is given an object of {kind}, which is not Keras' own")
        return f"{{{', '.join(f'{literal(k)}: {literal(v)}' for k, v in value.items())}}}"
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(literal, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _input(tensor: Any) -> str:
    shape = literal(list(tensor.shape[1:]))
    size = f", batch_size={tensor.shape[0]}" if tensor.shape[0] is not None else ""
    kind = "" if tensor.dtype == "float32" else f", dtype={literal(str(tensor.dtype))}"
    return f"{shape}{size}{kind}, name={literal(str(tensor.name))}"


def _packed(structure: Any, names: Mapping[int, str]) -> str:
    """Arguments or outputs as code: tensors by their names."""
    if isinstance(structure, keras.KerasTensor):
        if id(structure) not in names:
            raise _cannot("one of its calls takes what none of them gives")
        return names[id(structure)]
    if isinstance(structure, Mapping):
        return f"{{{', '.join(f'{literal(k)}: {_packed(v, names)}' for k, v in structure.items())}}}"
    if isinstance(structure, (list, tuple)):
        if len(structure) == 1 and isinstance(structure, list):
            return f"[{_packed(structure[0], names)}]"
        return f"[{', '.join(_packed(x, names) for x in structure)}]"
    return literal(serialized(structure))


def _key(key: Any) -> str:
    """What stands in brackets after a tensor."""
    if isinstance(key, (tuple, list)):
        return ", ".join(map(_key, key))
    if isinstance(key, slice):
        start, stop, step = ("" if x is None else str(x) for x in (key.start, key.stop, key.step))
        return f"{start}:{stop}{f':{step}' if step else ''}"
    if key is Ellipsis:
        return "..."
    if key is None or isinstance(key, int):
        return repr(key)
    raise _cannot("it takes part of a tensor by what a script cannot say")


def _compile_lines(network: keras.Model) -> list[str]:
    config = network.get_compile_config() if network.compiled else None
    if not config or config.get("loss") is None:
        return []
    given = []
    for name in ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"):
        value = serialized(config.get(name))
        if value:
            text = "[" + ", ".join(map(literal, value)) + "]" if isinstance(value, list) else literal(value)
            given.append(f"{name}={_short_optimizer(value) if name == 'optimizer' else text}")
    return [f"network.compile({', '.join(given)})"]


def _short_optimizer(value: Any) -> str:
    """An optimizer by its class and learning rate."""
    if not isinstance(value, Mapping):
        return literal(value)
    rate = value["config"].get("learning_rate")
    inside = f"learning_rate={rate:.6g}" if isinstance(rate, float) else ""
    if str(value.get("module")) != "keras.optimizers":
        raise _cannot("its optimizer is not Keras' own")
    return f"keras.optimizers.{value['class_name']}({inside})"


def _identifier(name: str, taken: set[str]) -> str:
    """A name for a variable of the script, different from all others."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII) or "x"
    plain = f"_{plain}" if plain[0].isdigit() or keyword.iskeyword(plain) else plain
    free, number = plain, 1
    while free in taken:
        number += 1
        free = f"{plain}_{number}"
    taken.add(free)
    return free


def _cannot(why: str) -> UnusableInput:
    return UnusableInput(f"The network cannot be written as a script: {why}. Save it as a .keras file instead.")
