"""A safe look into a ``.keras`` file without Keras: nothing in the file is run, and every limit is checked before it is read."""

from __future__ import annotations

import json
import mmap
import re
import sys
import zipfile
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskviz.core.config_graph import graph_of_config, is_network
from maskviz.core.errors import UnusableInput
from maskviz.core.graph import Graph

MAX_CONFIG = 64 * 2**20  # bytes of config.json; the largest public networks have 2 MB
MAX_ENTRIES = 20_000
MAX_DEPTH = 200
MAX_RATIO = 200  # unpacked : packed, of a whole archive above MAX_SMALL
MAX_SMALL = 2**30
HDF5 = b"\x89HDF\r\n\x1a\n"
GIT_LFS = b"version https://git-lfs.github.com/spec/"

# what a network's config may name in Keras itself; keras.utils and the like hold functions that download or run things
KERAS_PARTS = frozenset(
    (
        *("activations", "constraints", "dtype_policies", "engine", "initializers", "layers", "legacy", "losses", "metrics"),
        *("models", "ops", "optimizers", "quantizers", "random", "regularizers", "src"),
    )
)


@dataclass(frozen=True)
class Archive:
    """What a ``.keras`` file says about itself.

    ``custom`` names the classes and functions that are not Keras' own (``module>name`` where the file says so); ``code`` describes
    code inside the file that loading it would run, one line each; ``notes`` are sentences worth showing.
    """

    path: Path
    graph: Graph
    name: str
    class_name: str
    keras_version: str | None
    date_saved: str | None
    compiled: bool
    custom: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def preview(path: str | Path) -> Graph:
    """The layer graph of a file from its config alone. Raises UnusableInput like ``look``."""
    return look(path).graph


def look(path: str | Path) -> Archive:
    """Looks into a ``.keras`` file. Raises UnusableInput with one sentence for every file that cannot be a network."""
    path = Path(path)
    name = f"“{path.name}”"
    _check_kind(path, name)
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = _check_members(archive, name)
            config = _read_json(archive, sizes, "config.json", name)
            metadata = _read_json(archive, sizes, "metadata.json", name) if "metadata.json" in sizes else {}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UnusableInput(f"{name} cannot be read: {error.strerror}.") from None
        raise UnusableInput(f"{name} is damaged or cut off: copy or download it again.", details=repr(error)) from None
    weights = sizes.get("model.weights.h5", 0)
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise UnusableInput(f"{name} does not describe a network: its config.json names no class with a config.")
    objects = list(_objects(config))
    _check_classes(objects, name)
    _check_is_network(config, name)
    _check_sizes(objects, weights, name)
    try:
        graph = graph_of_config(config)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UnusableInput(f"{name} has a broken layer graph: its config.json contradicts itself.", details=repr(error)) from None
    if not isinstance(metadata, dict):
        metadata = {}
    inner = config["config"] if isinstance(config["config"], dict) else {}
    compiled = config.get("compile_config")
    notes: tuple[str, ...] = ()
    if not is_network(config):
        notes += (f"{config['class_name']} is a subclassed network: what is in it shows when it has been run.",)
    if "model.weights.h5" not in sizes:
        notes += ("The file holds no weights.",)
    return Archive(
        path,
        graph,
        str(inner.get("name") or config["class_name"]),
        config["class_name"],
        _text(metadata.get("keras_version")),
        _text(metadata.get("date_saved")),
        isinstance(compiled, dict) and any(compiled.get(key) for key in ("optimizer", "loss")),
        tuple(dict.fromkeys(_custom(objects))),
        tuple(dict.fromkeys(_code(config))),
        notes,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _check_kind(path: Path, name: str) -> None:
    """Tells apart, by their first bytes, the things people take for a network file."""
    if path.is_dir():
        raise UnusableInput(f"{name} is a folder: choose the .keras file itself.")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError:
        raise UnusableInput(f"{name} does not exist: check the path {path}.") from None
    except OSError as error:
        raise UnusableInput(f"{name} cannot be read: {error.strerror}.") from None
    if not head:
        raise UnusableInput(f"{name} is empty: copy or download it again.")
    if head.startswith(GIT_LFS):
        raise UnusableInput(f"{name} is only a Git LFS pointer, not the network: run “git lfs pull” in its repository to get the file.")
    if head.startswith(HDF5):
        renamed = ", in spite of its name," if path.suffix.lower() == ".keras" else ""
        if _holds(path, b"model_config"):
            what, remedy = "is a legacy HDF5 (.h5) file", "load it with Keras and save it again as .keras"
        else:
            what, remedy = "is an HDF5 file with weights only", "build the network, load the weights and save it as .keras"
        raise UnusableInput(f"{name}{renamed} {what}, which is not supported yet: {remedy}.")
    if head.startswith(b"PK\x05\x06"):
        raise UnusableInput(f"{name} is an empty zip archive: save the network again.")
    if not head.startswith(b"PK"):
        what = "a web page" if head.lstrip()[:1] == b"<" else "text" if b"\0" not in head else "something else"
        raise UnusableInput(f"{name} is not a .keras file (a zip archive) but {what}: choose a network saved by Keras 3.")


def _holds(path: Path, word: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(word) >= 0


def _check_members(archive: zipfile.ZipFile, name: str) -> dict[str, int]:
    """The size of each member, after the checks of the whole archive."""
    members = archive.infolist()
    sizes = {member.filename: member.file_size for member in members}
    packed, unpacked = sum(m.compress_size for m in members), sum(m.file_size for m in members)
    if len(members) > MAX_ENTRIES or (unpacked > MAX_SMALL and unpacked > MAX_RATIO * packed):
        raise UnusableInput(f"{name} unpacks to far more than a network needs and was not opened.")
    if any(member.flag_bits & 1 for member in members):
        raise UnusableInput(f"{name} is encrypted: unpack it and save the network without a password.")
    if len(sizes) < len(members) or any(n.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", n) for n in sizes):
        raise UnusableInput(f"{name} has members that no .keras file has (twice the same name, or a path out of the archive).")
    if "config.json" not in sizes:
        raise UnusableInput(f"{name} is a zip archive without config.json, not a network saved by Keras 3.")
    return sizes


def _read_json(archive: zipfile.ZipFile, sizes: Mapping[str, int], member: str, name: str) -> Any:
    if sizes[member] > MAX_CONFIG:
        raise UnusableInput(f"{name} has a {member} of {sizes[member] / 2**20:.0f} MiB, more than any network needs, and was not opened.")
    with archive.open(member) as file:
        raw = file.read(MAX_CONFIG + 1)  # what the directory declares is not to be trusted
    try:
        text = raw.decode("utf-8")
        if len(raw) > MAX_CONFIG or _depth(text) > MAX_DEPTH:
            raise UnusableInput(f"{name} has a {member} that is nested too deep or too long, and was not opened.")
        return json.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UnusableInput(f"{name} has a {member} that is not valid JSON: save the network again.", details=repr(error)) from None


def _depth(text: str) -> int:
    """How deep brackets nest in a JSON text."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every serialized object in a config, the outer ones first."""
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str):
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _module(entry: Mapping[str, Any]) -> list[str]:
    return str(entry.get("module") or "").split(".")


def _is_custom(entry: Mapping[str, Any]) -> bool:
    """Whether a serialized object is not Keras' own: Keras names no module, or another one, or a function it does not know."""
    if "module" in entry and entry["module"] is None:
        return isinstance(entry.get("registered_name"), str)
    root = _module(entry)[0]
    return root not in ("", "keras") and not (root == "builtins" and not isinstance(entry.get("config"), str))


def _check_classes(objects: list[Mapping[str, Any]], name: str) -> None:
    """Refuses files that name functions which no network needs, in Keras or in Python's own library."""
    for entry in objects:
        root, *rest = _module(entry)
        what = ".".join([root, *rest, str(entry["config"] if isinstance(entry.get("config"), str) else entry["class_name"])])
        inner = [part for part in rest if part != "src"]
        if root == "keras" and ((rest and rest[0] not in KERAS_PARTS) or (inner and inner[0] not in KERAS_PARTS)):
            raise UnusableInput(f"{name} asks Keras to load {what}, which is no part of a network, and was not opened.")
        if root in sys.stdlib_module_names and root not in ("builtins", "__main__"):
            raise UnusableInput(f"{name} asks Keras to load {what} from Python itself, which no network needs, and was not opened.")
        if root == "builtins" and entry["class_name"] != "function":
            raise UnusableInput(f"{name} asks Keras to load {what}, which no network needs, and was not opened.")


def _check_is_network(config: Mapping[str, Any], name: str) -> None:
    own = _module(config)
    is_model = config["class_name"] in ("Functional", "Sequential", "Model") or "models" in own
    if own[0] == "keras" and not is_model:
        raise UnusableInput(f"{name} holds a single {config['class_name']} and not a network: save a whole keras.Model.")
    if is_model and not is_network(config):
        raise UnusableInput(f"{name} holds a network without layers: save it again after it has been built.")


def _check_sizes(objects: list[Mapping[str, Any]], weights: int, name: str) -> None:
    """Refuses files that declare a layer much larger than all their weights: loading would allocate it."""
    for entry in objects:
        declared = _least_parameters(entry)
        if declared > 2 * weights + 2**20:  # two 4-bit weights fit a byte
            raise UnusableInput(
                f"{name} declares {declared:.3g} weights in {_layer_name(entry)} but holds {weights} bytes of them, and was not opened."
            )


def _least_parameters(entry: Mapping[str, Any]) -> int:
    """Weights that a layer has at the very least by its own config; 0 where that takes more than a glance."""
    config = entry.get("config")
    if not isinstance(config, dict):
        return 0

    def size(key: str) -> int:
        value = config.get(key)
        return value if isinstance(value, int) else 0

    match entry["class_name"]:
        case "Embedding":
            return size("input_dim") * size("output_dim")
        case "LSTM" | "GRU" | "SimpleRNN" | "LSTMCell" | "GRUCell" | "SimpleRNNCell":
            return size("units") ** 2
        case "Dense" | "EinsumDense":
            return size("units")
    return 0


def _layer_name(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    inner = config.get("name") if isinstance(config, dict) else None
    return str(entry.get("name") or inner or entry["class_name"])


def _custom(objects: list[Mapping[str, Any]]) -> Iterator[str]:
    for entry in objects:
        if _is_custom(entry):
            plain = entry["config"] if isinstance(entry.get("config"), str) else entry["class_name"]
            yield str(entry.get("registered_name") if entry.get("registered_name") not in (None, "function") else plain)


def _code(value: Any, owner: str = "the network") -> Iterator[str]:
    """One line for each piece of code in the file. The code is only scanned for names, never unmarshalled."""
    if isinstance(value, list):
        for item in value:
            yield from _code(item, owner)
    if not isinstance(value, dict):
        return
    config = value.get("config")
    if isinstance(value.get("class_name"), str) and isinstance(config, dict) and "name" in config:
        owner = f"{value['class_name']} “{_layer_name(value)}”"
    if value.get("class_name") == "TFSMLayer":
        yield f"{owner}: runs a TensorFlow SavedModel"
    if value.get("class_name") == "__lambda__":
        code = config.get("code") if isinstance(config, dict) else value.get("value")
        yield f"{owner}: {_describe(code)}"
        return
    for key, item in value.items():
        if key in ("function", "mask", "output_shape") and isinstance(item, list) and item and _is_code(item[0]):
            yield f"{owner}: {_describe(item[0])}"  # the form of Keras 2
        else:
            yield from _code(item, owner)


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and len(value) > 40


def _describe(code: Any) -> str:
    """Size of a marshalled function, and the short strings in it: the names it uses."""
    if not isinstance(code, str):
        return "code that cannot be read"
    try:
        raw = b64decode(code)
    except (Base64Error, ValueError):
        return "code that cannot be read"
    names = []
    for match in re.finditer(rb"[\xda\xfaZz](.)", raw, re.DOTALL):
        text = raw[match.end() : match.end() + match[1][0]]
        if len(text) == match[1][0] and re.fullmatch(rb"[A-Za-z_][A-Za-z0-9_]*", text):
            names.append(text.decode())
    uses = ", ".join(dict.fromkeys(names))
    return f"{len(raw)} bytes of Python code" + (f" that use the names {uses}" if uses else "")
