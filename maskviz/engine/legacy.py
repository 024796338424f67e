"""Loads networks whose config has to be put into the form of Keras 3 first: legacy ``.h5`` files and everything Keras 2 saved.

The config is rebuilt (``legacy_config``), the weights are read by Keras from the file as it is, and the losses and metrics are
restored last, so that a loss Keras does not know does not keep the network from opening.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras

from maskviz.core import config_checks
from maskviz.core.archive import Archive
from maskviz.core.config_graph import is_network
from maskviz.core.errors import UnusableInput
from maskviz.engine.legacy_config import Conversion

RENAMED = {"_query_dense": "query_dense", "_key_dense": "key_dense", "_value_dense": "value_dense", "_output_dense": "output_dense"}


def is_old(seen: Archive) -> bool:
    """Whether Keras 2 saved the file."""
    if seen.keras_version is not None:
        return seen.keras_version.startswith("2.")
    return seen.kind == "h5"


def needs_conversion(seen: Archive, objects: Mapping[str, Any]) -> bool:
    """Whether Keras 3 cannot read the file as it is, or some Lambda is to be replaced or has a mask function, which Keras loses."""
    if seen.kind == "h5" or is_old(seen):
        return True
    lambdas = [entry for entry in config_checks.objects(seen.config) if entry["class_name"] == "Lambda"]
    return any(config_checks.layer_name(e) in objects or e["config"].get("mask") for e in lambdas if isinstance(e.get("config"), Mapping))


def converted(seen: Archive, objects: Mapping[str, Any], unsafe: bool) -> tuple[dict[str, Any], Conversion]:
    """The network's config in the form of Keras 3, and what had to be changed in it."""
    conversion = Conversion(objects, is_old(seen), unsafe)
    config = {key: value for key, value in seen.config.items() if key != "compile_config"}
    if is_network(config):
        return conversion.network(config), conversion
    built = {"build_config": config["build_config"]} if "build_config" in config else {}
    return {**conversion.object(config, "layers"), **built}, conversion


def build(seen: Archive, config: Mapping[str, Any], objects: Mapping[str, Any], unsafe: bool) -> keras.Model:
    """The network of a converted config with the weights of the file, not compiled. Raises whatever Keras raises."""
    network = keras.saving.deserialize_keras_object(dict(config), custom_objects=dict(objects), safe_mode=not unsafe)
    if isinstance(network, keras.Model):
        with tempfile.TemporaryDirectory() as folder:
            try:
                _load_weights(network, seen, Path(folder))
            except KeyError as error:
                raise ValueError(f"Weight mismatch: the file lacks {error}") from error
    return network


def _load_weights(network: keras.Model, seen: Archive, folder: Path) -> None:
    if seen.kind == "keras":
        path = folder / "model.weights.h5"
        with zipfile.ZipFile(seen.path) as archive, archive.open("model.weights.h5") as packed, path.open("wb") as file:
            shutil.copyfileobj(packed, file)
        if is_old(seen):
            _rename(path)
        network.load_weights(str(path))
        return
    path = seen.path
    if path.suffix not in (".h5", ".hdf5") or path.name.endswith(".weights.h5"):  # Keras goes by the name
        path = folder / "network.h5"
        shutil.copyfile(seen.path, path)
    with h5py.File(path) as file:
        group = file.get("model_weights", file)
        stored = {name for name in group if isinstance(group[name], h5py.Group) and len(group[name].attrs.get("weight_names", ()))}
    stored.discard("top_level_model_weights")
    wanted = {layer.name for layer in network.layers if layer.weights}
    # layers are told apart by name where the names agree: their order may differ between versions
    network.load_weights(str(path), **({"by_name": True} if wanted == stored else {}))


def _rename(path: Path) -> None:
    """Gives the parts of attention layers the names of Keras 3."""
    with h5py.File(path, "r+") as file:
        found: list[str] = []
        file.visit(lambda name: found.append(name) if name.rsplit("/", 1)[-1] in RENAMED else None)
        for name in sorted(found, key=len, reverse=True):
            parent, _, last = name.rpartition("/")
            file.move(name, f"{parent}/{RENAMED[last]}")


def compile_as_saved(network: keras.Model, seen: Archive, objects: Mapping[str, Any]) -> None:
    """Gives the network the losses and metrics that the file names. Raises whatever Keras raises about them."""
    saved = seen.config.get("compile_config")
    if not isinstance(saved, Mapping):
        return
    conversion = Conversion(objects, is_old(seen))

    def restored(key: str, get: Any) -> Any:
        value = conversion.value(saved.get(key), {"loss": "losses"}.get(key, "metrics"))
        return _each(value, lambda item: objects[item] if isinstance(item, str) and item in objects else get(item))

    with keras.saving.custom_object_scope(dict(objects)):
        loss = restored("loss", keras.losses.get)
        metrics, weighted = (_metrics(restored(key, _metric), network) for key in ("metrics", "weighted_metrics"))
        if loss is None and not metrics and not weighted:
            return
        optimizer = _optimizer(saved)
        network.compile(optimizer=optimizer, loss=loss, metrics=metrics, weighted_metrics=weighted, loss_weights=saved.get("loss_weights"))


def unknown_names(seen: Archive, objects: Mapping[str, Any]) -> tuple[str, ...]:
    """Losses and metrics that the file gives by a name which neither the user's file nor Keras has."""
    saved = seen.config.get("compile_config")
    if not isinstance(saved, Mapping):
        return ()
    unknown: list[str] = []

    def ask(get: Any) -> Any:
        def known(value: Any) -> None:
            if not isinstance(value, Mapping | None):
                try:
                    get(value)
                except ValueError:
                    unknown.append(str(value))

        return known

    with keras.saving.custom_object_scope(dict(objects)):
        _each(saved.get("loss"), ask(keras.losses.get))
        for key in ("metrics", "weighted_metrics"):
            _each(saved.get(key), ask(_metric))
    return tuple(dict.fromkeys(unknown))


def _each(value: Any, get: Any) -> Any:
    """A loss or metric, or a nest of them."""
    if isinstance(value, list):
        return [_each(item, get) for item in value]
    if isinstance(value, Mapping) and "class_name" not in value:
        return {key: _each(item, get) for key, item in value.items()}
    if value is None:
        return None
    found = get(value)
    own = isinstance(value, str) and getattr(found, "__module__", "").startswith("keras.")
    return value if own else found  # by name where the name is Keras' own


def _metric(value: Any) -> Any:
    return value if value in ("accuracy", "acc", "crossentropy", "ce") else keras.metrics.get(value)


def _metrics(metrics: Any, network: keras.Model) -> Any:
    """Keras 2 wrote a list of lists for one output too."""
    one = len(getattr(network, "outputs", None) or [None]) == 1
    return metrics[0] if one and isinstance(metrics, list) and metrics and isinstance(metrics[0], list) else metrics


def _optimizer(saved: Mapping[str, Any]) -> Any:
    """The optimizer's class with its learning rate: nothing here trains, but a saved copy should go on as before."""
    config = saved.get("optimizer_config", saved.get("optimizer"))
    if isinstance(config, str):
        return config
    if not isinstance(config, Mapping):
        return "rmsprop"
    cls = getattr(keras.optimizers, str(config.get("class_name")).split(">")[-1], None)
    inner = config.get("config")
    rate = inner.get("learning_rate", inner.get("lr")) if isinstance(inner, Mapping) else None
    if cls is None:
        return "rmsprop"
    return cls(learning_rate=rate) if isinstance(rate, float) else cls()


def check_readable(seen: Archive) -> None:
    """Refuses files of which something would be left behind, or read from elsewhere. Raises UnusableInput."""
    if seen.kind == "keras":
        with zipfile.ZipFile(seen.path) as archive:
            if any(member.startswith("assets/") and not member.endswith("/") for member in archive.namelist()):
                raise UnusableInput(
                    f"“{seen.path.name}” holds vocabularies beside its layers, which only the Keras that saved it can read."
                )
        return
    elsewhere = []

    def look(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            elsewhere.extend([name] if item.external or item.is_virtual else [])
        else:
            elsewhere.extend(key for key in item if isinstance(item.get(key, getlink=True), h5py.ExternalLink))

    try:
        with h5py.File(seen.path) as file:
            look("/", file)
            file.visititems(look)
    except (OSError, RuntimeError, KeyError) as error:
        raise UnusableInput(f"“{seen.path.name}” is damaged or cut off: copy or download it again.", str(error)) from error
    if elsewhere:
        raise UnusableInput(f"“{seen.path.name}” takes its weights from another file, which no saved network does, and was not opened.")
