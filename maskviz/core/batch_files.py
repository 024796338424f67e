"""Batch files: ``.npz``, ``.npy``, ``.csv`` and ``.json`` in and ``.npz`` out, by the batch contract. Nothing is ever unpickled."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.batch_csv import read_csv
from maskviz.core.batch_fit import RawBatch, fit, pad_of
from maskviz.core.errors import UnusableInput
from maskviz.core.generate import with_targets
from maskviz.core.network import InputSpec, Network

LARGEST_BYTES = 8 << 30
_GROUPS = ("x", "y", "sample_weight", "padding")
_NUMBERED = rf"({'|'.join(_GROUPS)})_?(\d+)"  # x0, x1, as many write several inputs


def read_batch(path: str | os.PathLike[str], network: Network) -> tuple[Batch, tuple[str, ...]]:
    """The batch in a file, fitted to ``network``, and notes for the user (ignored keys, NaN, generated targets).

    ``.npz`` holds ``x``, ``y``, ``sample_weight`` and ``padding``, with ``__NAME`` or ``__0`` for several inputs or outputs (where there
    is no ``x``, ``x0``, ``x1`` … are taken by their numbers, and a note says so); ``.npy`` is ``x`` alone; ``.csv`` has the columns
    ``sample, step, features…``; ``.json`` has the keys of the ``.npz``. Raises UnusableInput.
    """
    file = Path(path)
    check_there(file)
    try:
        data = file.read_bytes()
    except (OSError, MemoryError) as error:
        raise UnusableInput(f"'{file.name}' cannot be read: {getattr(error, 'strerror', None) or 'it is too large'}.") from error
    raw = _reader(file, data)(data, file.name, network)
    batch, notes = fit(raw, network, file.name)
    made = tuple(o.name for o in network.outputs if o.loss and o.name not in batch.y)
    if made:
        listed = ", ".join(f"'{name}'" for name in made)
        notes += (f"{file.name} holds no target for {listed}; targets were generated (seed 0), so the loss says nothing about real data.",)
    return with_targets(batch, network, seed=0), notes


def check_there(path: str | os.PathLike[str]) -> None:
    """Raise UnusableInput where there is no such file, or something else in its place."""
    file = Path(path)
    if file.is_dir():
        raise UnusableInput(f"'{file.name}' is a folder; choose a .npz, .npy, .csv or .json file.")
    if not file.exists():
        raise UnusableInput(f"There is no file '{file}'; choose a .npz, .npy, .csv or .json file.")
    if not file.is_file():  # to read a pipe may wait for ever
        raise UnusableInput(f"'{file.name}' is a pipe or a device, not a file; choose a .npz, .npy, .csv or .json file.")


def write_batch(path: str | os.PathLike[str], batch: Batch) -> None:
    """Write ``x``, ``y``, ``sample_weight`` and ``padding`` as ``.npz`` with named keys; a file that is there is replaced whole."""
    file = Path(path)
    groups = zip(_GROUPS, (batch.x, batch.y, batch.sample_weight, batch.padding), strict=True)
    arrays = {f"{group}__{name}": array for group, held in groups for name, array in held.items()}
    scratch = None
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.name, suffix=".part", delete=False) as out:
            scratch = out.name
            np.savez_compressed(out, allow_pickle=False, **arrays)
        os.replace(scratch, file)
    except OSError as error:
        if scratch is not None:
            Path(scratch).unlink(missing_ok=True)
        raise UnusableInput(f"The batch cannot be written to '{file}': {error.strerror or error}; choose another folder.") from error


def _reader(file: Path, data: bytes) -> Callable[[bytes, str, Network], RawBatch]:
    """How to read the file: by what it is where its first bytes say so, else by its name."""
    if not data:
        raise UnusableInput(f"'{file.name}' is empty; choose a file that holds a batch.")
    suffix = file.suffix.lower()
    if data.startswith(b"\x89HDF\r\n") or suffix in (".keras", ".h5", ".hdf5"):
        raise UnusableInput(f"'{file.name}' is a network, not a batch; open it as the network.")
    if data.startswith(b"PAR1") or suffix == ".parquet":
        raise UnusableInput(f"'{file.name}' is a Parquet file, which MaskViz does not read; save it as .csv or .npz.")
    readers = {".npz": _read_npz, ".npy": _read_npy, ".csv": read_csv, ".tsv": read_csv, ".json": _read_json}
    if data.startswith(b"PK"):
        return _read_npz
    if data.startswith(b"\x93NUMPY"):
        return _read_npy
    if suffix not in readers:
        raise UnusableInput(f"'{file.name}' is no batch file; choose a .npz, .npy, .csv or .json file.")
    return readers[suffix]


def _read_npz(data: bytes, name: str, network: Network) -> RawBatch:
    """``x``, ``y`` … from an archive; keys of other names are noted, and only the arrays that are used are read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist() if info.filename.endswith(".npy")}
            if any(info.filename in ("config.json", "model.weights.h5") for info in archive.infolist()):
                raise UnusableInput(f"'{name}' is a network, not a batch; open it as the network.")
            if sum(info.file_size for info in members.values()) > LARGEST_BYTES:
                raise UnusableInput(f"'{name}' unpacks to more than {LARGEST_BYTES >> 30} GiB; save fewer samples.")
            keys, notes = _contract_keys(members, name)
            arrays = {key: _load(archive.read(members[key]), f"{name}, key '{key}'") for key in keys}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, MemoryError) as error:
        raise UnusableInput(f"'{name}' is damaged or no .npz file; write it again with numpy.savez.", str(error)) from error
    return _grouped(keys, arrays, notes)


def _read_npy(data: bytes, name: str, network: Network) -> RawBatch:
    return RawBatch(x={"": _load(data, name)})


def _load(data: bytes, what: str) -> NDArray[Any]:
    """One ``.npy``, never unpickled."""
    if not data.startswith(b"\x93NUMPY"):
        raise UnusableInput(f"'{what}' is damaged or no NumPy array; write it again with numpy.save.")
    try:
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    except (ValueError, EOFError, OSError, MemoryError, SyntaxError, TypeError, OverflowError) as error:
        if "pickle" in str(error) or "Object arrays" in str(error):
            sentence = f"'{what}' holds Python objects, which MaskViz does not unpickle; save plain numbers or text."
        else:
            sentence = f"'{what}' is damaged or cut short; write it again with numpy.save."
        raise UnusableInput(sentence, str(error)) from error


def _contract_keys(given: Iterable[str], name: str) -> tuple[dict[str, tuple[str, str]], tuple[str, ...]]:
    """``{key: (group, array name)}`` for the keys of the contract, and a note naming the others."""
    keys: dict[str, tuple[str, str]] = {}
    others = []
    for key in given:
        group, _, of = key.partition("__")
        if group in _GROUPS and (of or key == group):
            keys[key] = (group, of)
        else:
            others.append(key)
    notes = []
    if not any(group == "x" for group, _ in keys.values()):
        numbered = {key: (found[1], found[2]) for key in others if (found := re.fullmatch(_NUMBERED, key))}
        if "x0" not in numbered:
            held = f"only {_listed(others)}" if others else "no inputs"
            raise UnusableInput(
                f"'{name}' holds {held}; a batch needs its input under the key 'x', or 'x__NAME' for each of several inputs."
            )
        keys |= numbered
        others = [key for key in others if key not in numbered]
        notes = [f"In {name}, {_listed(numbered)} were taken by their numbers, in the order of the network's inputs and outputs."]
    return keys, (*notes, f"Ignored in {name}: {_listed(others)}.") if others else tuple(notes)


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(f"'{key}'" for key in keys)


def _grouped(keys: dict[str, tuple[str, str]], arrays: dict[str, NDArray[Any]], notes: tuple[str, ...]) -> RawBatch:
    groups: dict[str, dict[str, NDArray[Any]]] = {group: {} for group in _GROUPS}
    for key, (group, of) in keys.items():
        groups[group][of] = arrays[key]
    return RawBatch(**groups, notes=notes)


def _read_json(data: bytes, name: str, network: Network) -> RawBatch:
    """The keys of the ``.npz`` with nested lists, or one list that is ``x``; shorter sequences are padded at their ends."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnusableInput(f"'{name}' is no valid JSON; write nested lists under the keys x, y and sample_weight.", str(error)) from error
    if isinstance(value, list):
        value = {"x": value}
    if not isinstance(value, dict):
        raise UnusableInput(f"'{name}' holds neither a list nor an object; write nested lists under the keys x, y and sample_weight.")
    keys, notes = _contract_keys(value, name)
    arrays, lengths = {}, {}
    for key, (group, of) in keys.items():
        spec = _input_called(of, network) if group == "x" else None
        arrays[key], ragged = _rectangle(value[key], pad_of(spec) if spec else 0, f"{name}, key '{key}'")
        if group == "x" and ragged is not None:
            lengths[of] = ragged
    raw = _grouped(keys, arrays, notes)
    found = {of: np.arange(max(ns)) >= np.asarray(ns)[:, None] for of, ns in lengths.items()}
    return replace(raw, padding={**found, **raw.padding})


def _input_called(of: str, network: Network) -> InputSpec | None:
    """The input an ``x`` key means, None when it means none."""
    if not of or of.isdecimal():
        return network.inputs[int(of or 0)] if int(of or 0) < len(network.inputs) else None
    return next((i for i in network.inputs if i.name == of), None)


def _rectangle(value: Any, pad: float | int | str, what: str) -> tuple[NDArray[Any], list[int] | None]:
    """Nested lists as an array, with the lengths of the sequences where they differ (they are then padded at their ends)."""
    lengths = None
    try:
        if isinstance(value, list) and value and all(isinstance(row, list) and row for row in value) and len({*map(len, value)}) > 1:
            lengths = [len(row) for row in value]
            blank = np.full(np.shape(value[0][0]), pad).tolist()
            value = [row + [blank] * (max(lengths) - len(row)) for row in value]
        array = np.asarray(value)
        if array.dtype.kind == "O":  # null is a missing number
            array = array.astype("float64")
    except (ValueError, TypeError, OverflowError) as error:
        raise UnusableInput(f"'{what}' is no regular array of numbers or of text; give every sample the same shape.", str(error)) from error
    return array, lengths
