"""Loads a network file with Keras, after ``core.archive`` has looked at it, and says in one sentence why it cannot be loaded."""

from __future__ import annotations

import importlib.util
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import tree

from maskviz.core import archive
from maskviz.core.archive import Archive
from maskviz.core.errors import MaskVizError, NeedsConsent, UnusableInput
from maskviz.engine.signature import Signature, describe_outputs, signature_of, unique_names

STEPS_TO_TRY = 8


def load(path: str, custom: str | None = None, unsafe: bool = False) -> tuple[keras.Model, Signature]:
    """The network of a ``.keras`` file and its signature.

    ``custom`` is a Python file whose classes and functions the network needs; it is run. ``unsafe`` allows code inside the file.
    Raises NeedsConsent when code would have to run that the user has not allowed, UnusableInput for every other fault.
    """
    seen = archive.look(path)
    objects = custom_objects(custom) if custom else {}
    _check_consent(seen, objects, unsafe)
    network, notes = _load(seen, objects, unsafe)
    if not isinstance(network, keras.Model):
        raise UnusableInput(f"{seen.path.name} holds a single {type(network).__name__}, not a network: save the whole network instead.")
    return network, complete(network, (*seen.notes, *notes))


def custom_objects(path: str) -> dict[str, Any]:
    """Classes and functions of a Python file by name: its ``CUSTOM_OBJECTS``, else everything defined in it.

    Raises UnusableInput when the file cannot be run.
    """
    name = Path(path).name
    spec = importlib.util.spec_from_file_location(f"maskviz_custom_{Path(path).stem.replace('.', '_')}", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise UnusableInput(f"{name} is not a Python file: choose the .py file that defines the custom classes.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UnusableInput(f"{name} stopped with {type(error).__name__}: {error}. Mend the file and choose it again.") from error
    given = getattr(module, "CUSTOM_OBJECTS", None)
    if isinstance(given, Mapping):
        return dict(given)
    return {k: v for k, v in vars(module).items() if callable(v) and getattr(v, "__module__", None) == module.__name__}


def _check_consent(seen: Archive, objects: Mapping[str, Any], unsafe: bool) -> None:
    known = set(objects) | {key.split(">")[-1] for key in keras.saving.get_custom_objects()}
    missing = tuple(name for name in seen.custom if name.split(">")[-1].split(".")[-1] not in known)
    code = () if unsafe else seen.code
    if missing or code:
        wanted = []
        if missing:
            wanted.append(f"needs {_list(missing)}, which Keras does not know: choose the Python file that defines it (--custom FILE.py)")
        if code:
            wanted.append("holds code of its own that loading would run: allow it only if you trust the file (--unsafe)")
        raise NeedsConsent(f"{seen.path.name} {'; it also '.join(wanted)}.", missing, code)


def _list(names: tuple[str, ...]) -> str:
    short = [n.split(">")[-1] for n in names]
    return short[0] if len(short) == 1 else f"{', '.join(short[:-1])} and {short[-1]}"


def _load(seen: Archive, objects: Mapping[str, Any], unsafe: bool) -> tuple[Any, tuple[str, ...]]:
    def read(compiled: bool) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unsaved optimizer state and unbuilt custom layers do not touch a forward pass
            return keras.models.load_model(str(seen.path), custom_objects=dict(objects), compile=compiled, safe_mode=not unsafe)

    try:
        return read(compiled=True), ()
    except MaskVizError:
        raise
    except Exception as first:
        try:
            network = read(compiled=False)
        except Exception as error:
            raise UnusableInput(_sentence(seen.path.name, error), str(error)) from error
        reason = _cause(first)
        return network, (f"Opened without its loss and metrics, which could not be restored ({reason}): choose a loss to see the loss.",)


def _sentence(name: str, error: Exception) -> str:
    """One sentence of ours for what Keras raises while loading (masking-mechanics.md, "Loading")."""
    text = str(error)
    missing = re.search(r"Could not locate (?:class|function) '([^']+)'", text)
    if missing:
        return f"{name} needs {missing[1]}, which Keras does not know: choose the Python file that defines it (--custom FILE.py)."
    if ("lambda" in text.lower() and "safe_mode" in text.lower()) or "Requested the deserialization" in text:
        return f"{name} holds code that loading would run: allow it only if you trust the file (--unsafe)."
    if "objects could not be loaded" in text or "Layer count mismatch" in text or ("expected" in text and "variables" in text):
        return f"The weights in {name} do not fit its layers: the file was changed or cut off after it was saved; save the network again."
    if isinstance(error, MemoryError) or "OOM" in text or "ResourceExhausted" in type(error).__name__:
        return f"{name} describes layers that do not fit into memory: use a machine with more memory or a smaller network."
    return f"{name} cannot be rebuilt by Keras {keras.__version__}: {_cause(error)}."


def _cause(error: Exception) -> str:
    """The last line of a Keras message that says why, short enough for a sentence."""
    text = str(error)
    after = text.split("Exception encountered:")[-1] if "Exception encountered:" in text else text
    line = next((line.strip() for line in after.splitlines() if line.strip()), type(error).__name__)
    return (line[:200] + "…" if len(line) > 200 else line).rstrip(".")


def complete(network: keras.Model, notes: tuple[str, ...] = ()) -> Signature:
    """The signature of a network; outputs that it does not declare are found by calling it on zeros.

    Raises UnusableInput when that fails, as it does for a network that was never built.
    """
    signature = signature_of(network, notes=notes)
    if signature.network.outputs:
        return signature
    if not signature.network.inputs:
        raise UnusableInput(
            f"{network.name} was saved before it was first called, so that its inputs are not known: call it once and save it again."
        )
    zeros = [
        keras.ops.zeros([n or (2 if i == 0 else STEPS_TO_TRY) for i, n in enumerate(s.shape)], s.dtype) for s in signature.network.inputs
    ]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y_pred = signature.call(network, zeros)
    except Exception as error:
        raise UnusableInput(f"{network.name} cannot be called on an empty batch: {_cause(error)}.", str(error)) from error
    return with_outputs(network, signature, y_pred)


def with_outputs(network: keras.Model, signature: Signature, y_pred: Any) -> Signature:
    """The signature with outputs described from predictions; names are keys, or positions."""
    flat = tree.flatten_with_path(y_pred)
    names = unique_names(["/".join(map(str, path)) or "0" for path, _ in flat])
    shapes = [((None, *np.shape(tensor)[1:]), keras.backend.standardize_dtype(tensor.dtype)) for _, tensor in flat]
    outputs = describe_outputs(network, names, shapes)
    described = replace(signature.network, outputs=outputs)
    return Signature(described, signature.structure, tuple(names))
