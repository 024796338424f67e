"""Session files (``.maskviz``): a network by its path and hash, the batch with its edits, the selection and the panes, in one file.

A zip archive of ``session.json``, ``batch.npz`` and, for a network that has no file of its own, ``network.keras``; with a state that is
pinned as A, the same of that. What a stranger gives is looked at before it is read, and nothing in it is unpickled or run.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, get_args

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.session.comparison import Side
from maskviz.session.document import Selection

SUFFIX = ".maskviz"
VERSION, WITH_PIN = 1, 2  # a session without a pin can be opened by the first MaskViz, too
ABOUT, BATCH, NETWORK = "session.json", "batch.npz", "network.keras"
PINNED = "pinned-"  # before the names of the pinned state's members
MEMBERS = frozenset({ABOUT, BATCH, NETWORK, PINNED + BATCH, PINNED + NETWORK})
LARGEST_ABOUT = 4 * 2**20  # bytes
LARGEST = 8 * 2**30  # bytes, unpacked
GROUPS = ("x", "y", "sample_weight", "padding", "content")
DAMAGED = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, MemoryError)


@dataclass(frozen=True, eq=False)
class Session:
    """What is open, to be taken up another time.

    ``network`` is the path of its file and ``sha256`` that file's hash when the session was saved; ``example`` the name of an example
    of the gallery instead. ``carried`` holds the bytes of a network that has no file. ``unsafe`` says that the file's own code was
    allowed to run, which is asked again. ``panels`` is what the panes said of themselves, plain JSON values. ``pinned`` is what was
    compared with it as A, and ``side`` what was shown of both; ``same_network`` says of a pinned state that its network is the
    session's own.
    """

    title: str
    network: str
    batch: Batch
    sha256: str = ""
    example: str = ""
    custom: str | None = None
    unsafe: bool = False
    loss: str | None = None
    selection: Selection = field(default_factory=Selection)
    panels: Mapping[str, Any] = field(default_factory=dict)
    carried: bytes | None = None
    pinned: Session | None = None
    side: Side = "B"
    same_network: bool = False


def fingerprint(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file in hexadecimal, empty when it cannot be read."""
    try:
        about = os.stat(path)
        return _fingerprint(os.fspath(path), about.st_mtime_ns, about.st_size)
    except OSError:
        return ""


@lru_cache(maxsize=8)
def _fingerprint(path: str, _changed: int, _size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_session(path: str | os.PathLike[str], session: Session) -> None:
    """Write a session; a file that is there is replaced whole. Raises UnusableInput when it cannot be written."""
    file, pinned = Path(path), session.pinned
    about = {"maskviz_session": VERSION if pinned is None else WITH_PIN, **_about(session)}
    if pinned is not None:
        about |= {"pinned": {**_about(pinned), "same_network": pinned.same_network}, "side": session.side}
    scratch = None
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.name, suffix=".part", delete=False) as out:
            scratch = out.name
            with zipfile.ZipFile(out, "w") as archive:
                archive.writestr(ABOUT, json.dumps(about, indent=1, ensure_ascii=False))
                for prefix, state in (("", session), (PINNED, pinned)):
                    if state is not None:
                        _write_arrays(archive, prefix, state)
        os.replace(scratch, file)
    except OSError as error:
        if scratch is not None:
            Path(scratch).unlink(missing_ok=True)
        raise UnusableInput(f"The session cannot be written to '{file}': {error.strerror or error}; choose another folder.") from error


def _about(session: Session) -> dict[str, Any]:
    return {
        "title": session.title,
        "network": session.network,
        "sha256": fingerprint(session.network) if session.network and session.carried is None else "",
        "example": session.example,
        "custom": session.custom,
        "unsafe": session.unsafe,
        "loss": session.loss,
        "source": session.batch.source,
        "declared": sorted(session.batch.declared),
        "selection": asdict(session.selection),
        "panels": dict(session.panels),
    }


def _write_arrays(archive: zipfile.ZipFile, prefix: str, session: Session) -> None:
    with archive.open(prefix + BATCH, "w", force_zip64=True) as member:
        np.savez_compressed(member, allow_pickle=False, **_arrays(session.batch))
    if session.carried is not None:
        archive.writestr(prefix + NETWORK, session.carried)


def read_session(path: str | os.PathLike[str]) -> Session:
    """The session in a file. Raises UnusableInput with one sentence for everything that is none."""
    file = Path(path)
    name = f"'{file.name}'"
    try:
        with zipfile.ZipFile(file) as archive:
            _check_members(archive, name)
            about = json.loads(_read(archive, ABOUT, LARGEST_ABOUT))
            states = [
                (_read_arrays(io.BytesIO(_read(archive, prefix + BATCH, LARGEST)), name), _read_network(archive, prefix + NETWORK))
                for prefix in ("", PINNED)
                if prefix + BATCH in archive.namelist()
            ]
    except FileNotFoundError:
        raise UnusableInput(f"{name} does not exist any more: check the path {file}.") from None
    except IsADirectoryError:
        raise UnusableInput(f"{name} is a folder: choose the {SUFFIX} file itself.") from None
    except DAMAGED as error:
        raise UnusableInput(f"{name} is no session file, or damaged: choose a {SUFFIX} file that MaskViz saved.", repr(error)) from None
    except OSError as error:
        raise UnusableInput(f"{name} cannot be read: {error.strerror or error}.") from None
    try:
        return _sessions(about, states)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableInput(f"{name} is a damaged session: it contradicts itself.", repr(error)) from None


def _arrays(batch: Batch) -> dict[str, NDArray[Any]]:
    return {f"{group}__{name}": array for group in GROUPS for name, array in getattr(batch, group).items()}


def _check_members(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.infolist()
    names = [member.filename for member in members]
    if ABOUT not in names or BATCH not in names:
        raise UnusableInput(f"{name} is no session of MaskViz: choose a {SUFFIX} file that MaskViz saved.")
    if len(names) > len({*names}) or not MEMBERS.issuperset(names):
        raise UnusableInput(f"{name} has members that no session has, and was not opened.")
    if any(member.flag_bits & 1 for member in members):
        raise UnusableInput(f"{name} is encrypted: save the session without a password.")
    sizes = {member.filename: member.file_size for member in members}
    if sizes[ABOUT] > LARGEST_ABOUT or sum(sizes.values()) > LARGEST:
        raise UnusableInput(f"{name} unpacks to far more than a session needs and was not opened.")


def _read(archive: zipfile.ZipFile, member: str, largest: int) -> bytes:
    with archive.open(member) as file:
        data = file.read(min(archive.getinfo(member).file_size, largest) + 1)  # what the directory declares is not to be trusted
    if len(data) > largest:
        raise ValueError(f"{member} is longer than it says")
    return data


def _read_arrays(data: IO[bytes], name: str) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(data) as archive:
        if sum(member.file_size for member in archive.infolist()) > LARGEST:
            raise UnusableInput(f"{name} unpacks to far more than a session needs and was not opened.")
    with np.load(data, allow_pickle=False) as arrays:
        return {key: np.asarray(arrays[key]) for key in arrays.files}


def _read_network(archive: zipfile.ZipFile, member: str) -> bytes | None:
    return _read(archive, member, LARGEST) if member in archive.namelist() else None


def _sessions(about: Any, states: list[tuple[dict[str, NDArray[Any]], bytes | None]]) -> Session:
    """The session, with what was pinned in it. Raises KeyError, TypeError, ValueError or AttributeError for what does not fit together."""
    if about["maskviz_session"] not in (VERSION, WITH_PIN):
        raise UnusableInput("The session was saved by a newer MaskViz: open it with that one.")
    session, *pinned = [_session(a, *state) for a, state in zip((about, about.get("pinned")), states, strict=False)]
    if not pinned:
        return session
    side: Any = about["side"]
    if side not in get_args(Side):
        raise ValueError(side)
    return replace(session, pinned=replace(pinned[0], same_network=bool(about["pinned"]["same_network"])), side=side)


def _session(about: Any, arrays: dict[str, NDArray[Any]], carried: bytes | None) -> Session:
    groups: dict[str, dict[str, NDArray[Any]]] = {group: {} for group in GROUPS}
    for key, array in arrays.items():
        group, _, of = key.partition("__")
        if not of or array.ndim == 0 or array.dtype.hasobject:
            raise ValueError(key)
        groups[group][of] = array
    if not groups["x"] or len({len(array) for held in groups.values() for array in held.values()}) != 1:
        raise ValueError("arrays of different sizes")
    batch = Batch(**groups, source=_text(about["source"]), declared=frozenset(map(_text, about["declared"])))
    chosen, panels = about["selection"], about["panels"]
    selection = Selection(
        _text_or_none(chosen["call"]), _text_or_none(chosen["output"]), *(int(chosen[key]) for key in ("sample", "step", "unit"))
    )
    if not isinstance(panels, dict):
        raise TypeError("panels")
    return Session(
        title=_text(about["title"]),
        network=_text(about["network"]),
        batch=batch,
        sha256=_text(about["sha256"]),
        example=_text(about["example"]),
        custom=_text_or_none(about["custom"]),
        unsafe=bool(about["unsafe"]),
        loss=_text_or_none(about["loss"]),
        selection=selection,
        panels=panels,
        carried=carried,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)
