"""Where the networks of sessions are: in their own files, in the gallery, or carried along and unpacked into the user's state folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QStandardPaths

from maskviz import resources
from maskviz.core.messages import Load, Opens
from maskviz.session.session_file import Session


def state_folder() -> Path:
    """Where sessions are kept that nobody has saved; follows ``XDG_STATE_HOME``."""
    root = os.environ.get("XDG_STATE_HOME") or QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericStateLocation)
    return Path(root) / "maskviz"


def has_no_file(path: str | None) -> bool:
    """Whether a network has no file of its own, so that a session has to carry it."""
    return path is None or Path(path).parent == state_folder()


def came_from(session: Session, request: Opens | None) -> Session:
    """The session with what its network was opened with."""
    if not isinstance(request, Load):
        return session
    example = next((e.name for e in resources.examples() if str(e.network) == request.path), "")
    return replace(session, example=example, custom=request.custom, unsafe=request.unsafe, loss=request.loss)


def located(session: Session, path: str, mark: str = "") -> Session | None:
    """The session, read from ``path``, with its network where that is now; None where it is not to be found.

    ``mark`` tells the file of a network that is unpacked from that of another one.
    """
    if session.carried is not None:
        return replace(session, network=str(_unpacked(session, mark)))
    if session.example in [e.name for e in resources.examples()]:
        return replace(session, network=str(resources.example(session.example).network))
    beside = Path(path).parent / Path(session.network).name
    found = next((file for file in (Path(session.network), beside) if file.is_file()), None)
    return None if found is None else replace(session, network=str(found))


def _unpacked(session: Session, mark: str) -> Path:
    """A file of the network that the session carries."""
    assert session.carried is not None
    name = "".join(c if c.isalnum() or c in " -_.()" else "_" for c in Path(session.title).stem).strip(". ") or "network"
    path = state_folder() / f"{name[:80]}{mark}.keras"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(session.carried)
    return path
