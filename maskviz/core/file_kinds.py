"""Tells network files from what people take for them, by content and never by name."""

from __future__ import annotations

import mmap
import zipfile
from pathlib import Path
from typing import Literal

from maskviz.core import hdf5
from maskviz.core.errors import UnusableInput

GIT_LFS = b"version https://git-lfs.github.com/spec/"
ZIP = b"PK"
Kind = Literal["keras", "h5"]

# what the first bytes of other files look like, and what to do about them
OTHERS = (
    (b"\x1f\x8b", "a gzip archive: unpack it and choose the network in it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it and choose the network in it"),
    (b"\xfd7zXZ", "an xz archive: unpack it and choose the network in it"),
    (b"\x80\x02", "a Python pickle, which is never loaded because it can run anything: save the network as .keras"),
    (b"\x80\x03", "a Python pickle, which is never loaded because it can run anything: save the network as .keras"),
    (b"\x80\x04", "a Python pickle, which is never loaded because it can run anything: save the network as .keras"),
    (b"\x80\x05", "a Python pickle, which is never loaded because it can run anything: save the network as .keras"),
    (b"\x93NUMPY", "a numpy array: open it as a batch, beside a network"),
)


def kind_of(path: Path, name: str) -> Kind:
    """Whether a file is a zip archive (``.keras``) or HDF5 (``.h5``). Raises UnusableInput with a sentence for anything else."""
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            raise UnusableInput(f"{name} is a TensorFlow SavedModel, which Keras 3 cannot open as a network: save the network as .keras.")
        raise UnusableInput(f"{name} is a folder: choose the .keras file itself.")
    if path.exists() and not path.is_file():  # to read one may wait for ever
        raise UnusableInput(f"{name} is a pipe or a device, not a file: choose the .keras file itself.")
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
    if head.startswith(b"PK\x05\x06"):
        raise UnusableInput(f"{name} is an empty zip archive: save the network again.")
    if head.startswith(hdf5.SIGNATURE):
        return "h5"
    if head.startswith(ZIP):
        return "keras"
    raise UnusableInput(f"{name} is not a network file but {_what(head)}.")


def _what(head: bytes) -> str:
    for start, what in OTHERS:
        if head.startswith(start):
            return what
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite network, which has no masks left: choose the .keras file it was made from"
    if head.lstrip()[:1] == b"<":
        return "a web page: download the file itself, not the page about it"
    if head.lstrip()[:1] == b"{":
        return "JSON text, the architecture at most: save the whole network with network.save(“name.keras”)"
    if not any(head):
        return "filled with zeros: copy or download it again"
    what = "text" if b"\0" not in head and head.isascii() else "something else"
    return f"{what}: choose a .keras or .h5 file saved by Keras"


def zip_without_network(archive: zipfile.ZipFile, name: str) -> UnusableInput:
    """What a zip archive without ``config.json`` is instead."""
    members = [member for member in archive.namelist() if not member.endswith("/")]
    inside = next((m for m in members if m.lower().endswith((".keras", ".h5", ".hdf5")) and m != "model.weights.h5"), None)
    if {"session.json", "batch.npz"} <= {*members}:
        return UnusableInput(f"{name} is a session of MaskViz and not a network: open it in the window, or choose the network it is about.")
    if members and all(member.endswith(".npy") for member in members):
        return UnusableInput(f"{name} holds arrays (.npz) and not a network: open it as a batch, beside a network.")
    if any(member.endswith("/config.json") and "/" not in member.removesuffix("/config.json") for member in members):
        return UnusableInput(
            f"{name} is a .keras file packed with a folder around it: pack config.json itself at the top of the zip archive."
        )
    if inside is not None:
        return UnusableInput(f"{name} is a zip archive around {inside.rsplit('/', 1)[-1]}: unpack it and choose that file.")
    if any(member.endswith("data.pkl") for member in members):
        return UnusableInput(f"{name} is a PyTorch file: MaskViz opens networks saved by Keras.")
    return UnusableInput(f"{name} is a zip archive without config.json, not a network saved by Keras 3.")


def h5_without_network(path: Path, names: set[str], name: str) -> UnusableInput:
    """What an HDF5 file without ``model_config`` is instead; ``names`` are its attributes."""
    if names & {"layer_names", "nb_layers"} or _holds(path, b"vars") or _holds(path, b"kernel:0"):
        how = "build the network in Python, load these weights into it and save it as .keras"
        return UnusableInput(f"{name} holds weights only, without the network they belong to: {how}.")
    return UnusableInput(f"{name} is an HDF5 file without a Keras network in it: choose a .keras or .h5 file saved by Keras.")


def _holds(path: Path, word: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(word) >= 0
