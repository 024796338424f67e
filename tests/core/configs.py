"""Small ``.keras`` files written by hand, as Keras 3 writes them, for tests of everything that reads one without Keras."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any


def tensor(name: str, call: int = 0, output: int = 0, shape: tuple[int | None, ...] = (None, 6, 4)) -> dict[str, Any]:
    """A serialized KerasTensor: output ``output`` of call ``call`` of a layer."""
    return {"class_name": "__keras_tensor__", "config": {"shape": list(shape), "dtype": "float32", "keras_history": [name, call, output]}}


def call(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """One item of ``inbound_nodes``."""
    return {"args": list(args), "kwargs": kwargs}


def layer(name: str, class_name: str, *calls: dict[str, Any], module: str = "keras.layers", **config: Any) -> dict[str, Any]:
    """A serialized layer with its calls."""
    return {
        "module": module,
        "class_name": class_name,
        "registered_name": None,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": list(calls),
    }


def operation(name: str, class_name: str, *calls: dict[str, Any]) -> dict[str, Any]:
    return layer(name, class_name, *calls, module="keras.src.ops.numpy")


def source(name: str, shape: tuple[int | None, ...] = (None, 6, 4)) -> dict[str, Any]:
    return layer(name, "InputLayer", batch_shape=list(shape), dtype="float32")


def functional(layers: list[dict[str, Any]], inputs: list[str], outputs: list[list[Any]], name: str = "net", **more: Any) -> dict[str, Any]:
    """The config.json of a functional network."""
    config = {"name": name, "layers": layers, "input_layers": [[i, 0, 0] for i in inputs], "output_layers": outputs}
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": config, "registered_name": "Functional", **more}


def sequential(layers: list[dict[str, Any]], name: str = "seq", **more: Any) -> dict[str, Any]:
    """The config.json of a sequential network, whose layers have no calls."""
    plain = [{k: v for k, v in entry.items() if k not in ("name", "inbound_nodes")} for entry in layers]
    return {"module": "keras", "class_name": "Sequential", "config": {"name": name, "layers": plain}, "registered_name": None, **more}


def masked_lstm() -> dict[str, Any]:
    """Masking → LSTM → Dense with the mask baked in, compiled with mae."""
    return functional(
        [
            source("features"),
            operation("not_equal", "NotEqual", call(tensor("features"), 0.0)),
            layer("masking", "Masking", call(tensor("features"))),
            operation("any", "Any", call(tensor("not_equal"))),
            layer("lstm", "LSTM", call(tensor("masking"), mask=tensor("any", shape=(None, 6))), units=8),
            layer("dense", "Dense", call(tensor("lstm", shape=(None, 6, 8))), units=1),
        ],
        ["features"],
        [["dense", 0, 0]],
        compile_config={"optimizer": "adam", "loss": "mae"},
    )


def write(path: Path, config: Any, metadata: Any = None, weights: bytes = bytes(20_000), **members: str) -> Path:
    """Writes a ``.keras`` file; ``config`` may be a string to be written as it is."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(metadata or {"keras_version": "3.15.1", "date_saved": "2025-01-02@03:04:05"}))
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", weights)
        for name, text in members.items():
            archive.writestr(name, text)
    return path
