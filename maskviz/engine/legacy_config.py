"""Configs written by Keras 2, and by any Keras into ``.h5`` files, put into the form that Keras 3 reads.

A config of Keras 2 names classes without modules, refers to tensors by lists, and holds arguments that Keras 3 has dropped.
What had to change is kept as notes for the user.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import keras

from maskviz.core.config_graph import is_network
from maskviz.core.errors import UnusableInput
from maskviz.core.words import listed
from maskviz.engine import lambda_code, legacy_graph, legacy_operations

NETWORKS = {"Functional": "Functional", "Model": "Functional", "Sequential": "Sequential"}
SPACES = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")
OPERATIONS = ("numpy", "nn", "core", "math", "linalg", "image")
RNN = ("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
ACTIVATIONS = ("activation", "recurrent_activation")
GONE = {
    "CuDNNLSTM": "put its weights into an LSTM with Keras 2 and save the network again",
    "CuDNNGRU": "put its weights into a GRU(reset_after=True) with Keras 2 and save the network again",
    "LocallyConnected1D": "write it as a custom layer and save the network again",
    "LocallyConnected2D": "write it as a custom layer and save the network again",
    "ThresholdedReLU": "replace it by ReLU(threshold=…) with Keras 2 and save the network again",
}
# arguments that Keras 2 wrote and Keras 3 lost, with the values that change nothing
MEANINGLESS = {
    "time_major": (False,),
    "score_mode": ("dot",),
    "ragged": (False,),
    "implementation": (0, 1, 2),
    "input_dtype": None,
    "batch_input_shape": None,
    "input_dim": None,
    "input_length": None,
    "query_shape": None,
    "key_shape": None,
    "value_shape": None,
    "softmax_robust_masking": None,
    "fused": None,
    "vocabulary_size": None,
    "fn": None,
    "module": None,
    "function_type": None,
    "output_shape_type": None,
    "output_shape_module": None,
    "mask_type": None,
    "mask_module": None,
}


@dataclass
class Conversion:
    """Puts the objects of one file into the form of Keras 3, and remembers what it met.

    ``objects`` are the user's classes and functions; ``missing`` names those that neither they nor Keras have; ``old`` is True
    for files of Keras 2. Code in the file is made into functions only with ``unsafe``.
    """

    objects: Mapping[str, Any]
    old: bool
    unsafe: bool = False
    missing: dict[str, None] = field(default_factory=dict)
    hard_sigmoid: list[str] = field(default_factory=list)
    with_state: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    changed: bool = False

    def notes(self) -> tuple[str, ...]:
        """Sentences on what the network does otherwise than under the Keras that saved it."""
        notes = []
        if self.left_out:
            notes.append(
                f"Keras 3 does not know {listed(dict.fromkeys(self.left_out))}, which was left out: "
                "the network may behave otherwise than it did."
            )
        if self.hard_sigmoid and self.old:
            notes.append(
                f"hard_sigmoid is another function in Keras 3 than in Keras 2 (relu6(x + 3) / 6 instead of 0.2 x + 0.5, cut to 0 … 1): "
                f"what {listed(dict.fromkeys(self.hard_sigmoid))} computes differs slightly from what was trained."
            )
        if self.with_state and self.old:
            notes.append(
                f"Keras 2 gave {listed(dict.fromkeys(self.with_state))} the mask beside initial_state; Keras 3 does not, "
                "so that padding counts there now."
            )
        return tuple(notes)

    def network(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """A network with all of its layers."""
        config = entry["config"]
        config = {"layers": config} if isinstance(config, list) else dict(config)
        kind = NETWORKS.get(str(entry["class_name"]))
        if kind == "Functional" and "input_layers" not in config:
            kind = "Sequential"
        layers = [dict(layer) for layer in config["layers"]]
        if kind == "Sequential":
            layers = legacy_graph.with_input(layers)
            config.setdefault("name", "sequential")
        by_name = {_name(layer): layer for layer in layers}
        config["layers"] = [self._layer(layer, by_name) for layer in layers]
        if "output_layers" in config:
            config["output_layers"] = legacy_graph.output_references(config["output_layers"], by_name)
            if self.old:
                config |= {key: legacy_graph.one_or_many(config[key]) for key in ("input_layers", "output_layers")}
        built = entry.get("build_config")
        if kind == "Sequential" and isinstance(built, Mapping):
            config.setdefault("build_input_shape", built.get("input_shape"))
        where = self._known(kind, entry) if kind else self._custom(str(entry["class_name"]))
        return {**where, "config": config}

    def _layer(self, entry: Mapping[str, Any], by_name: Mapping[str, Any]) -> dict[str, Any]:
        name, nodes = _name(entry), list(entry.get("inbound_nodes") or [])
        if str(entry["class_name"]) in ("TFOpLambda", "SlicingOpLambda"):
            return self._operation(entry, name, nodes, by_name)
        modern = self.network(entry) if is_network(entry) else self.object(entry, "layers")
        calls = [node if isinstance(node, Mapping) else self._call(node, entry, by_name) for node in nodes]
        return {**modern, "name": name, "inbound_nodes": calls}

    def _call(self, node: Any, entry: Mapping[str, Any], by_name: Mapping[str, Any]) -> dict[str, Any]:
        inputs, keywords = legacy_graph.node(node, by_name)
        args: list[Any] = [inputs[0] if len(inputs) == 1 else inputs]
        if entry["class_name"] in RNN and len(inputs) > 1:
            states = inputs[1:]
            args, keywords = [inputs[0]], {**keywords, "initial_state": states if len(states) > 1 else states[0]}
        if keywords.get("initial_state") is not None:
            self.with_state.append(_name(entry))
        return {"args": args, "kwargs": keywords}

    def _operation(self, entry: Mapping[str, Any], name: str, nodes: list[Any], by_name: Mapping[str, Any]) -> dict[str, Any]:
        function = str(entry["config"].get("function"))
        calls = [legacy_operations.modern(function, *legacy_graph.node(node, by_name)) for node in nodes]
        if not calls or None in calls or len({str(call[:2]) for call in calls if call}) > 1:
            raise UnusableInput(
                f"The network uses the TensorFlow function tf.{function} ({name}), which Keras 3 cannot rebuild: "
                "put it into a layer of your own with Keras 2 and save the network again."
            )
        class_name, settings, _ = calls[0]  # type: ignore[misc]
        where = _operation_module(class_name)
        if where is None:
            raise UnusableInput(f"Keras {keras.__version__} has no operation {class_name}, which {name} needs: update Keras.")
        if "name" in _parameters(vars(importlib.import_module(where))[class_name]):
            settings = {"name": name, **settings}
        return {
            "module": where,
            "class_name": class_name,
            "registered_name": class_name,
            "config": settings,
            "name": name,
            "inbound_nodes": [{"args": call[2], "kwargs": {}} for call in calls if call],
        }

    def value(self, value: Any, space: str = "layers") -> Any:
        """Any part of a config, with the objects in it."""
        if isinstance(value, Mapping):
            if isinstance(value.get("class_name"), str) and "config" in value:
                return self.network(value) if is_network(value) else self.object(value, space)
            return {key: self.value(item, _space(key, space)) for key, item in value.items()}
        return [self.value(item, space) for item in value] if isinstance(value, list) else value

    def object(self, entry: Mapping[str, Any], space: str) -> Any:
        """A layer, initializer, loss … in the form of Keras 3."""
        class_name, config = str(entry["class_name"]), entry["config"]
        if class_name.startswith("__") or not isinstance(config, Mapping):
            return dict(entry)
        if class_name in ("MeanMetricWrapper", "LossFunctionWrapper") and isinstance(config.get("fn"), str):
            return config["fn"]
        if class_name in ("Policy", "PolicyV1"):
            return {"module": "keras", "class_name": "DTypePolicy", "config": {"name": config["name"]}, "registered_name": None}
        module = str(entry.get("module") or "")
        if (module.startswith("keras.") and not _is_old_module(module)) or module == "keras":
            where = {key: entry[key] for key in ("module", "class_name", "registered_name") if key in entry}
            return {**where, "config": self._settings(class_name, config, _class_at(module, class_name))}
        found = self._find(class_name, space, config)
        if found is None:
            return {**self._custom(class_name, entry), "config": dict(config)}
        where, cls = found
        return {**where, "config": self._settings(where["class_name"], config, cls)}

    def _find(self, class_name: str, space: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], Any] | None:
        """Where Keras has a class, and the class."""
        plain = class_name.split(">")[-1]
        if class_name in self.objects or plain in self.objects:
            return None
        operation = _operation_module(plain)
        if operation is not None and space == "layers" and "trainable" not in config:
            return {"module": operation, "class_name": plain, "registered_name": plain}, None
        for name in dict.fromkeys((plain, plain.removesuffix("V1"), plain.removesuffix("V2"))):
            for part in dict.fromkeys((space, *SPACES)):
                public = _classes(part).get(name)
                if public is not None:
                    return {"module": f"keras.{part}", "class_name": public, "registered_name": None}, getattr(getattr(keras, part), public)
        return None

    def _known(self, kind: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        self.changed |= "module" not in entry or _is_old_module(str(entry["module"]))
        module = "keras.src.models.functional" if kind == "Functional" else "keras"
        return {"module": module, "class_name": kind, "registered_name": kind}

    def _custom(self, class_name: str, entry: Mapping[str, Any] | None = None) -> dict[str, Any]:
        plain = class_name.split(">")[-1]
        if plain in GONE:
            raise UnusableInput(f"The network has a layer of class {plain}, which Keras {keras.__version__} lacks: {GONE[plain]}.")
        known = self.objects.get(class_name, self.objects.get(plain))
        registered = next((key for key in keras.saving.get_custom_objects() if key.split(">")[-1] == plain), None)
        if known is None and registered is None:
            self.missing[plain] = None
        name = class_name if class_name in self.objects or plain not in self.objects else plain
        return {"module": None, "class_name": plain, "registered_name": registered or name}

    def _settings(self, class_name: str, config: Mapping[str, Any], cls: Any) -> dict[str, Any]:
        """The arguments of a class of Keras, without what it does not take any more."""
        name = str(config.get("name") or class_name)
        settings = {key: self.value(value, _space(key)) for key, value in config.items()}
        if class_name == "InputLayer" and "batch_input_shape" in settings:
            settings["batch_shape"] = settings.pop("batch_input_shape")
        if settings.get("time_major"):
            raise UnusableInput(
                f"The layer {name} takes time before samples (time_major=True), which Keras 3 cannot: transpose its input with Keras 2."
            )
        if class_name in ("GRU", "GRUCell") and self.old:
            settings.setdefault("reset_after", False)
        if class_name == "BatchNormalization" and isinstance(settings.get("axis"), list) and len(settings["axis"]) == 1:
            settings["axis"] = settings["axis"][0]
        if class_name == "LeakyReLU" and "alpha" in settings:
            settings["negative_slope"] = settings.pop("alpha")
        if class_name == "VarianceScaling" and settings.get("distribution") == "normal":
            settings["distribution"] = "truncated_normal"
        if settings.get("reduction") == "auto":
            settings["reduction"] = "sum_over_batch_size"
        if class_name == "Lambda":
            self._lambda(settings, name)
        for key in ACTIVATIONS:
            if key in settings:
                settings[key] = self._activation(settings[key], name)
        return {key: value for key, value in settings.items() if self._is_taken(key, value, name, cls)}

    def _is_taken(self, key: str, value: Any, name: str, cls: Any) -> bool:
        if key == "score_mode" and value == "dot":  # the default of one class, unknown to another
            return False
        if key in MEANINGLESS and (cls is None or key not in _parameters(cls)):
            values = MEANINGLESS[key]
            if values is not None and value not in values and value is not None:
                self.left_out.append(f"{key}={value!r} of {name}")
            return False
        if cls is None or not self.old or key in _parameters(cls):
            return True
        if isinstance(value, str | int | float) and value not in (False, 0, 1):  # 1 and True are what Keras 2 wrote unasked
            self.left_out.append(f"{key}={value!r} of {name}")
        return False

    def _activation(self, activation: Any, name: str) -> Any:
        named = activation.get("config") if isinstance(activation, Mapping) and activation.get("class_name") == "function" else activation
        if named == "hard_sigmoid":
            self.hard_sigmoid.append(name)
        if not isinstance(named, str):
            return activation
        plain = {"softmax_v2": "softmax"}.get(named, named).split(">")[-1]
        if plain in self.objects:
            return {"module": "builtins", "class_name": "function", "config": plain, "registered_name": plain}
        if not hasattr(keras.activations, plain) and not hasattr(keras.layers, plain):
            self.missing[plain] = None
        return plain

    def _lambda(self, settings: dict[str, Any], name: str) -> None:
        for key in ("function", "output_shape", "mask"):
            value, kind = settings.get(key), settings.get(f"{key}_type")
            if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
                settings[key] = {"class_name": "__lambda__", "config": dict(zip(("code", "defaults", "closure"), value, strict=True))}
            elif isinstance(value, str) and (kind == "function" or key == "function"):
                settings[key] = self._function(value)
        if name in self.objects:
            settings["function"] = self._function(name)
        if settings.get("output_shape") is None:
            settings.pop("output_shape", None)
        settings["mask"] = self._mask(settings.get("mask"))

    def _function(self, name: str) -> dict[str, Any]:
        if name not in self.objects:
            self.missing[name] = None
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}

    def _mask(self, mask: Any) -> Any:
        """The mask function itself: Keras writes it into the file, but does not restore it."""
        if not isinstance(mask, Mapping) or "class_name" not in mask:
            return mask
        if mask["class_name"] == "__lambda__":
            return lambda_code.function_of(mask["config"]) if self.unsafe else mask
        name = str(mask["config"]).split(">")[-1]
        if name not in self.objects:
            self.missing[name] = None
        return self.objects.get(name)


def _name(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    inner = config.get("name") if isinstance(config, Mapping) else None
    return str(entry.get("name") or inner or str(entry["class_name"]).lower())


def _space(key: str, default: str = "layers") -> str:
    for part in ("initializer", "regularizer", "constraint"):
        if key.endswith(part):
            return f"{part}s"
    return {"loss": "losses", "metrics": "metrics", "weighted_metrics": "metrics", "optimizer": "optimizers"}.get(key, default)


def _is_old_module(module: str) -> bool:
    """Whether a module path is one of Keras 2, which Keras 3 cannot import."""
    return module.startswith(("tf_keras", "tensorflow", "keras.engine", "keras.src.engine", "keras.saving", "keras.src.saving"))


@cache
def _classes(part: str) -> dict[str, str]:
    """The public name of every class in a part of Keras, by that name and by the class' own."""
    public = {name: cls for name, cls in vars(getattr(keras, part)).items() if inspect.isclass(cls)}
    return {cls.__name__: name for name, cls in public.items()} | {name: name for name in public}


def _class_at(module: str, class_name: str) -> Any:
    part = module.split(".")[-1]
    return getattr(getattr(keras, part, None), class_name, None) if part in SPACES else None


def _operation_module(class_name: str) -> str | None:
    for part in OPERATIONS:
        module = importlib.import_module(f"keras.src.ops.{part}")
        if inspect.isclass(vars(module).get(class_name)) and vars(module)[class_name].__module__ == module.__name__:
            return module.__name__
    return None


def _parameters(cls: Any) -> set[str]:
    """What the constructors of a class and its bases take."""
    taken: set[str] = set()
    for base in inspect.getmro(cls):
        if "__init__" in vars(base) and base is not object:
            parameters = inspect.signature(vars(base)["__init__"]).parameters
            taken |= set(parameters)
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                break
    return taken - {"self", "args", "kwargs"}
