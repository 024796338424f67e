"""A safe look into a network file without Keras: nothing in the file is run, and every limit is checked before it is read.

``.keras`` files are zip archives with a ``config.json``; legacy ``.h5`` files hold the same as attributes of an HDF5 file. Which of the
two a file is, its content says.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskviz.core import config_checks, file_kinds, hdf5
from maskviz.core.config_graph import graph_of_config, is_network
from maskviz.core.errors import UnusableInput
from maskviz.core.file_kinds import Kind
from maskviz.core.graph import Graph

MAX_CONFIG = 64 * 2**20  # bytes of config.json; the largest public networks have 2 MB
MAX_ENTRIES = 20_000
MAX_DEPTH = 200
MAX_RATIO = 200  # unpacked : packed, of a whole archive above MAX_SMALL
MAX_SMALL = 2**30
DAMAGED = (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


@dataclass(frozen=True)
class Archive:
    """What a network file says about itself.

    ``custom`` names the classes and functions of the network that are not Keras' own (``module>name`` where the file says so),
    ``compile_custom`` those that only its losses, metrics and optimizer need; ``code`` describes code inside the file that loading it
    would run, one line each, ``compile_code`` such code in the losses and metrics; ``notes`` are sentences worth showing.
    ``config`` is the whole config as the file holds it.
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
    kind: Kind = "keras"
    compile_custom: tuple[str, ...] = ()
    compile_code: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def preview(path: str | Path) -> Graph:
    """The layer graph of a file from its config alone. Raises UnusableInput like ``look``."""
    return look(path).graph


def look(path: str | Path) -> Archive:
    """Looks into a network file. Raises UnusableInput with one sentence for every file that cannot be a network."""
    path = Path(path)
    name = f"“{path.name}”"
    kind = file_kinds.kind_of(path, name)
    try:
        config, metadata, weights = _read_zip(path, name) if kind == "keras" else _read_h5(path, name)
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UnusableInput(f"{name} cannot be read: {error.strerror}.") from None
        raise UnusableInput(f"{name} is damaged or cut off: copy or download it again.", details=repr(error)) from None
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise UnusableInput(f"{name} does not describe a network: its config names no class with a config.")
    network, compiled = {k: v for k, v in config.items() if k != "compile_config"}, config.get("compile_config")
    entries, in_compile = list(config_checks.objects(network)), list(config_checks.objects(_without_optimizer(compiled)))
    config_checks.check_classes([*entries, *in_compile], name)
    config_checks.check_is_network(config, name)
    config_checks.check_sizes(entries, weights or 0, name)
    try:
        graph = graph_of_config(config)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UnusableInput(f"{name} has a broken layer graph: its config contradicts itself.", details=repr(error)) from None
    inner = config["config"] if isinstance(config["config"], dict) else {}
    return Archive(
        path,
        graph,
        str(inner.get("name") or config["class_name"]),
        config["class_name"],
        _text(metadata.get("keras_version")),
        _text(metadata.get("date_saved")),
        isinstance(compiled, dict) and any(compiled.get(key) for key in ("optimizer", "optimizer_config", "loss")),
        config_checks.custom(entries),
        tuple(dict.fromkeys(config_checks.code(network))),
        _notes(config, weights, kind, path),
        kind,
        config_checks.custom(in_compile),
        tuple(dict.fromkeys(config_checks.code(compiled))),
        config,
    )


def _notes(config: Mapping[str, Any], weights: int | None, kind: Kind, path: Path) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    if not is_network(config):
        notes += (f"{config['class_name']} is a subclassed network: what is in it shows when it has been run.",)
    if weights is None:
        notes += ("The file holds no weights.",)
    if kind == "h5" and path.suffix.lower() == ".keras":
        notes += ("The file is a legacy .h5 file, in spite of its name.",)
    if kind == "keras" and path.suffix.lower() in (".h5", ".hdf5"):
        notes += ("The file is a .keras file, in spite of its name.",)
    return notes


def _without_optimizer(compiled: Any) -> Any:
    """Losses and metrics of a compile config: an optimizer that Keras does not know is not missed."""
    return {k: v for k, v in compiled.items() if not k.startswith("optimizer")} if isinstance(compiled, dict) else compiled


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read_zip(path: Path, name: str) -> tuple[Any, dict[str, Any], int | None]:
    """Config, metadata and bytes of weights (None without any) of a ``.keras`` file."""
    with zipfile.ZipFile(path) as archive:
        sizes = _check_members(archive, name)
        config = _read_json(archive, sizes, "config.json", name)
        metadata = _read_json(archive, sizes, "metadata.json", name) if "metadata.json" in sizes else {}
    shards = [size for member, size in sizes.items() if member.endswith(".weights.h5")]
    return config, metadata if isinstance(metadata, dict) else {}, sum(shards) if shards else None


def _read_h5(path: Path, name: str) -> tuple[Any, dict[str, Any], int]:
    """The same of a legacy file, whose training config takes the place of ``compile_config``."""
    found = hdf5.attributes(path)
    text = found.get("model_config")
    if text is None:
        raise file_kinds.h5_without_network(path, set(found), name)
    version = found.get("keras_version")
    if version is not None and version.startswith(("0.", "1.")):
        raise UnusableInput(f"{name} was saved by Keras {version}: load it with Keras 2 and save it again.")
    config = _parse(text, "model_config", name)
    training = found.get("training_config")
    if isinstance(config, dict) and training is not None:
        config["compile_config"] = _parse(training, "training_config", name)
    return config, {"keras_version": version}, path.stat().st_size


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
        raise file_kinds.zip_without_network(archive, name)
    return sizes


def _read_json(archive: zipfile.ZipFile, sizes: Mapping[str, int], member: str, name: str) -> Any:
    if sizes[member] > MAX_CONFIG:
        raise UnusableInput(f"{name} has a {member} of {sizes[member] / 2**20:.0f} MiB, more than any network needs, and was not opened.")
    with archive.open(member) as file:
        raw = file.read(MAX_CONFIG + 1)  # what the directory declares is not to be trusted
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _no_json(member, name, error) from None
    return _parse(text, member, name)


def _parse(text: str, member: str, name: str) -> Any:
    if len(text) > MAX_CONFIG or _depth(text) > MAX_DEPTH:
        raise UnusableInput(f"{name} has a {member} that is nested too deep or too long, and was not opened.")
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _no_json(member, name, error) from None


def _no_json(member: str, name: str, error: Exception) -> UnusableInput:
    return UnusableInput(f"{name} has a {member} that is not valid JSON: save the network again.", details=repr(error))


def _depth(text: str) -> int:
    """How deep brackets nest in a JSON text."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
