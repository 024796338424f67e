"""Loads a network file with Keras, after ``core.archive`` has looked at it, and says in one sentence why it cannot be loaded."""

from __future__ import annotations

import importlib.util
import re
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import tree

from maskviz.core import archive, config_checks
from maskviz.core.archive import Archive
from maskviz.core.errors import MaskVizError, NeedsConsent, UnusableInput
from maskviz.core.words import listed
from maskviz.engine import lambda_code, legacy
from maskviz.engine.signature import Signature, describe_outputs, signature_of, unique_names

STEPS_TO_TRY = 8
NOT_THE_CAUSE = ("Exception encountered when calling", "Arguments received", "•")
# what Python says of a value of the wrong kind, which says nothing about the file
PYTHONS_OWN = re.compile(
    r"unhashable type|not supported between|object is not|object has no attribute|invalid literal|argument must be a string|"
    r"argument after \*|pop expected|object cannot be interpreted|maximum recursion|indices must be integers"
)


def load(path: str, custom: str | None = None, unsafe: bool = False, compiled: bool = True) -> tuple[keras.Model, Signature]:
    """The network of a file and its signature.

    ``custom`` is a Python file whose classes and functions the network needs; it is run. ``unsafe`` allows code inside the file.
    With ``compiled`` False the losses and metrics of the file are left out: another loss is going to be used.
    Raises NeedsConsent when code would have to run that the user has not allowed, UnusableInput for every other fault.
    """
    seen = archive.look(path)
    objects = custom_objects(custom) if custom else {}
    try:
        if legacy.needs_conversion(seen, objects):
            network, notes = _load_converted(seen, objects, unsafe, compiled)
        else:
            network, notes = _load(seen, objects, unsafe, compiled)
        if not isinstance(network, keras.Model):
            raise UnusableInput(f"{_quoted(seen)} holds a single {type(network).__name__}, not a network: save the whole network instead.")
        return network, complete(network, (*seen.notes, *notes))
    except MaskVizError:
        raise
    except Exception as error:
        raise _refusal(seen, error) from error


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


def _quoted(seen: Archive) -> str:
    return f"“{seen.path.name}”"


def _check_consent(seen: Archive, objects: Mapping[str, Any], unsafe: bool, needed: tuple[str, ...], code: tuple[str, ...]) -> None:
    missing, code = _unknown(needed, objects), () if unsafe else code
    if missing or code:
        wanted = []
        if missing:
            wanted.append(f"needs {_named(missing)}, which Keras does not know: choose the Python file that defines it (--custom FILE.py)")
        if code:
            wanted.append("holds code of its own that loading would run: allow it only if you trust the file (--unsafe)")
        raise NeedsConsent(f"{_quoted(seen)} {'; it also '.join(wanted)}.", missing, code)


def _unknown(names: tuple[str, ...], objects: Mapping[str, Any]) -> tuple[str, ...]:
    """The names that neither the user's file nor any registration supplies."""
    known = {key.split(">")[-1] for key in (*objects, *keras.saving.get_custom_objects())}
    return tuple(name for name in names if name.split(">")[-1].split(".")[-1] not in known)


def _named(classes: tuple[str, ...]) -> str:
    return listed(name.split(">")[-1] for name in classes)


def _load(seen: Archive, objects: Mapping[str, Any], unsafe: bool, compiled: bool) -> tuple[Any, tuple[str, ...]]:
    """What Keras itself makes of a ``.keras`` file of Keras 3, and notes."""
    _check_consent(seen, objects, unsafe, seen.custom, seen.code)
    if unsafe:
        lambda_code.check({key: value for key, value in seen.config.items() if key != "compile_config"})

    def read(compiled: bool) -> Any:
        path = str(seen.path)
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")  # unsaved optimizer state and unbuilt custom layers do not touch a forward pass
            if seen.path.suffix != ".keras":  # Keras goes by the name
                path = str(Path(folder) / "network.keras")
                shutil.copyfile(seen.path, path)
            return keras.models.load_model(path, custom_objects=dict(objects), compile=compiled, safe_mode=not unsafe)

    if not compiled:
        return read(compiled=False), ()
    lacks = _lacking(seen, objects, unsafe)
    if lacks is not None:
        return read(compiled=False), (lacks,)
    try:
        return read(compiled=True), ()
    except Exception:
        network = read(compiled=False)
    return network, _compiled(network, seen, objects)


def _load_converted(seen: Archive, objects: Mapping[str, Any], unsafe: bool, compiled: bool) -> tuple[Any, tuple[str, ...]]:
    """What the file holds after it has been put into the form of Keras 3, and notes."""
    config, conversion = legacy.converted(seen, objects, unsafe)
    entries = list(config_checks.objects(config))
    told = {name.split(">")[-1] for name in seen.custom}
    needed = (*seen.custom, *(name for name in conversion.missing if name not in told))
    _check_consent(seen, objects, unsafe, needed, tuple(dict.fromkeys(config_checks.code(config))))
    config_checks.check_classes(entries, _quoted(seen))
    if unsafe:
        lambda_code.check(config)
    legacy.check_readable(seen)
    notes = conversion.notes()
    if legacy.is_old(seen):
        version = seen.keras_version or "2"
        notes = (f"Saved by Keras {version}: its layers were put into the form of Keras {keras.__version__}.", *notes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = legacy.build(seen, config, objects, unsafe)
        if not compiled or not isinstance(network, keras.Model):
            return network, notes
        lacks = _lacking(seen, objects, unsafe)
        return network, (*notes, *((lacks,) if lacks is not None else _compiled(network, seen, objects)))


def _compiled(network: keras.Model, seen: Archive, objects: Mapping[str, Any]) -> tuple[str, ...]:
    """Gives a network its losses and metrics, without the optimizer's state; a note where that fails."""
    try:
        legacy.compile_as_saved(network, seen, objects)
    except Exception as error:
        return (f"Opened without its loss and metrics, which could not be restored ({_cause(error)}): choose a loss (--loss NAME).",)
    return ()


def _lacking(seen: Archive, objects: Mapping[str, Any], unsafe: bool) -> str | None:
    """A note on losses and metrics that need what is not there."""
    missing = _unknown((*seen.compile_custom, *legacy.unknown_names(seen, objects)), objects)
    if "<lambda>" in missing:
        return "Opened without its loss and metrics: one of them was a lambda, which the file does not hold; choose a loss (--loss NAME)."
    if missing:
        return (
            f"Opened without its loss and metrics, which need {_named(missing)}: choose the Python file that defines it (--custom FILE.py) "
            "or another loss (--loss NAME)."
        )
    if seen.compile_code and not unsafe:
        return (
            "Opened without its loss and metrics, which hold code that loading would run: allow it if you trust the file (--unsafe) "
            "or choose another loss (--loss NAME)."
        )
    return None


def _refusal(seen: Archive, error: Exception) -> UnusableInput:
    """One sentence of ours for what Keras raises while loading ; the whole message goes into the details."""
    name, text = _quoted(seen), str(error)
    missing = re.search(r"Could not locate (?:class|function) '([^']+)'|Could not interpret activation function identifier: (\w+)", text)
    if missing:
        needed = missing[1] or missing[2]
        sentence = f"{name} needs {needed}, which Keras does not know: choose the Python file that defines it (--custom FILE.py)."
        return NeedsConsent(sentence, (needed,), (), text)
    return UnusableInput(_sentence(seen, error, text), text)


def _sentence(seen: Archive, error: Exception, text: str) -> str:
    name = _quoted(seen)
    gone = re.search(r"Could not deserialize '(keras[\w.]+)'", text)
    newer = _newer(seen)
    if gone:
        return (
            f"{name} needs {gone[1]}, which Keras {keras.__version__} does not have: {newer or 'save the network again with this Keras'}."
        )
    if "Requested the deserialization" in text or ("lambda" in text.lower() and "safe_mode" in text.lower()):
        return f"{name} holds code that loading would run: allow it only if you trust the file (--unsafe)."
    if isinstance(error, zipfile.BadZipFile | zlib.error):
        return f"{name} is damaged or cut off: copy or download it again."
    if "decompression bomb" in text:
        return f"{name} unpacks to far more than a network needs and was not opened."
    if "Expected a model.weights" in text or "'model.weights.h5'" in text:
        return f"{name} holds no weights: save the whole network again with network.save()."
    if any(words in text for words in ("truncated file", "signature not found", "synchronously open file")):
        return f"The weights in {name} are damaged or cut off: copy or download the file again."
    if "objects could not be loaded" in text and _is_quantized(seen):
        return f"Keras {keras.__version__} cannot read back the weights of quantized layers in {name}: save the network before quantize()."
    if any(words in text for words in ("objects could not be loaded", "mismatch", "ayer count", "open object")):
        lacks = re.search(r"Layer '([^']+)' expected (\d+) variables, but received (\d+)", text)
        if lacks and lacks[3] == "0":
            return (
                f"{name} lacks the weights of {lacks[1]}: it was not built when it was saved, two networks share it, which Keras "
                f"{keras.__version__} cannot read back, or the file was changed; build it, give each network its own, and save again."
            )
        where = f" ({lacks[1]} needs {lacks[2]}, the file holds {lacks[3]})" if lacks else ""
        return (
            f"The weights in {name} do not fit its layers{where}: it was changed afterwards, or saved before it was built; save it again."
        )
    if isinstance(error, MemoryError) or "OOM" in text or "ResourceExhausted" in type(error).__name__:
        return f"{name} describes layers that do not fit into memory: use a machine with more memory or a smaller network."
    if "is not connected to `inputs`" in text:
        return (
            f"{name} has outputs that are not connected to its inputs, as Keras {keras.__version__} makes of a layer that a nested network "
            "shares with the one around it: give each its own layer and save the network again."
        )
    if "Invalid Functional model configuration" in text or isinstance(error, IndexError):
        return f"{name} has a broken layer graph: its config contradicts itself."
    if isinstance(error, KeyError):
        return f"{name} lacks the entry {text} in its config, without which it cannot be rebuilt: save the network again."
    # a custom class may raise the same for reasons of its own
    if not seen.custom and (isinstance(error, AttributeError | RecursionError) or PYTHONS_OWN.search(text)):
        return f"{name} has a config with values of the wrong kind: it was changed after it was saved; save the network again."
    return f"{name} cannot be rebuilt by Keras {keras.__version__}: {_cause(error)}" + (f"; {newer}." if newer else ".")


def _is_quantized(seen: Archive) -> bool:
    return any(entry["class_name"].startswith("Quantized") for entry in config_checks.objects(seen.config))


def _newer(seen: Archive) -> str:
    """What to do about a file of a newer Keras than this one, else nothing."""

    def version(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", text)[:2])

    if seen.keras_version is None or version(seen.keras_version) <= version(keras.__version__):
        return ""
    return f"it was saved by the newer Keras {seen.keras_version}: update Keras"


def _cause(error: Exception) -> str:
    """The last line of a Keras message that says why, short enough for a sentence."""
    text = str(error)
    after = text.split("Exception encountered:")[-1] if "Exception encountered:" in text else text
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in after.splitlines()]  # Keras writes in bold
    line = next((line for line in lines if line and not line.startswith(NOT_THE_CAUSE)), type(error).__name__)
    line = line.replace(" with name 'None'", "")
    return (line[:200] + "…" if len(line) > 200 else line).rstrip(".:,")


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
