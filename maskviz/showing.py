"""``maskviz.show``: the window on a network and a batch of a script or a notebook."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import Popen
from typing import Any

import numpy as np

from maskviz.api import by_name
from maskviz.core import archive
from maskviz.core.errors import UnusableInput
from maskviz.display import has_display
from maskviz.live_code import source_file


def show(
    network: Any,
    x: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    *,
    padding: Any = None,
    custom: str | os.PathLike[str] | None = None,
    unsafe: bool = False,
    loss: str | None = None,
    block: bool | None = None,
) -> Popen[bytes] | None:
    """Open the window on ``network``, a built ``keras.Model`` or the path of a file, and on a batch as ``maskviz.trace`` takes it.

    The window is a process of its own and shows a copy: edits do not reach the arrays here. With ``block`` the call returns when it is
    closed, else at once, with the process; None: at once in a notebook or at a prompt, blocking in a script. A live network is saved to a
    temporary file; the source of its custom classes is taken along. Without ``x`` the window makes a batch.

    Raises UnusableInput where there is no display, or the network cannot be saved or its custom classes cannot be taken along.
    """
    if not has_display():
        raise UnusableInput("There is no display to open a window on: use maskviz.trace and maskviz.check, or set DISPLAY.")
    folder = Path(tempfile.mkdtemp(prefix="maskviz-show-"))
    try:
        if isinstance(network, (str, os.PathLike)):
            path, backend = Path(network).absolute(), None
            archive.look(path)
        else:
            path, custom, unsafe, backend = _saved(network, folder, custom, unsafe)
        options = [
            str(path),
            *([] if backend is None else ["--temporary"]),
            *_option("--custom", custom),
            *_option("--loss", loss),
            *(["--unsafe"] if unsafe else []),
        ]
        if x is not None:
            batch = folder / "from Python.npz"
            np.savez(batch, **arrays_of(x, y, sample_weight, padding))
            options += ["--batch", str(batch)]
        process = Popen([sys.executable, "-P", "-m", "maskviz", *options], env=_environment(backend), start_new_session=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if _is_interactive() if block is None else not block:
        threading.Thread(target=_clean_up, args=(process, folder), daemon=True, name="maskviz show").start()
        return process
    _clean_up(process, folder)
    return None


def arrays_of(x: Any, y: Any = None, sample_weight: Any = None, padding: Any = None) -> dict[str, Any]:
    """The arrays of a batch by the keys of a batch file: ``x``, or ``x__NAME`` for several inputs or outputs."""
    groups = {"x": x, "y": y, "sample_weight": sample_weight, "padding": padding}
    return {group if not name else f"{group}__{name}": array for group, value in groups.items() for name, array in by_name(value).items()}


def _clean_up(process: Popen[bytes], folder: Path) -> None:
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]


def _is_interactive() -> bool:
    """Whether somebody types: at a prompt, or in a notebook."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules


def _environment(backend: str | None) -> dict[str, str]:
    """The window imports what is imported here, and its engine uses the same backend."""
    paths = [str(Path(__file__).parents[1]), *(path for path in sys.path if path and Path(path).is_dir())]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
    return environment if backend is None else {**environment, "KERAS_BACKEND": backend}


def _saved(network: Any, folder: Path, custom: str | os.PathLike[str] | None, unsafe: bool) -> tuple[Path, Any, bool, str]:
    """The file of a live network, the file with its custom objects, whether it holds code, and its backend."""
    try:
        import keras
    except ImportError as error:
        raise UnusableInput("show takes a keras.Model or the path of a file, and Keras is not installed here.") from error
    if not isinstance(network, keras.Model):
        raise UnusableInput(f"show takes a keras.Model or the path of a file, not a {type(network).__name__}.")
    path = folder / f"{_file_name(network.name)}.keras"
    try:
        network.save(path)
    except Exception as error:
        raise UnusableInput(
            f"The network cannot be saved, so no other process can show it: {str(error).splitlines()[0] if str(error) else error!r}. "
            "maskviz.trace(network, x, y) looks at it here, without a window."
        ) from error
    seen = archive.look(path)
    names = (*seen.custom, *seen.compile_custom)
    if names and custom is None:
        file = folder / "custom objects.py"
        file.write_text(source_file(_custom_objects(network, names)), encoding="utf-8")
        custom = file
    return path, custom, unsafe or bool(seen.code or seen.compile_code), keras.backend.backend()


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name) or "network"


def _custom_objects(network: Any, names: tuple[str, ...]) -> Mapping[str, Any]:
    """The live classes and functions that a file names, by name. Raises UnusableInput for one that is not found."""
    import keras

    around = dict(_named_things(network))
    around |= {key.rpartition(">")[2]: thing for key, thing in keras.saving.get_custom_objects().items()}
    found: dict[str, Any] = {}
    for full in names:
        module, _, name = full.rpartition(">")
        thing = around.get(name, getattr(sys.modules.get(module), name, None))
        if thing is None:
            raise UnusableInput(f"The network needs ‘{name}’, which is not found here: give the file that defines it, custom='FILE.py'.")
        found[name] = thing
    return found


def _named_things(network: Any) -> Iterator[tuple[str, Any]]:
    """Classes and functions that a network's layers and losses are made of, by their names."""
    own = [network, getattr(network, "loss", None), getattr(network, "optimizer", None)]
    for thing in (*own, *network._flatten_layers()):
        for part in (thing, *vars(thing).values()) if hasattr(thing, "__dict__") else (thing,):
            for named in (part, type(part)):
                if isinstance(getattr(named, "__name__", None), str):
                    yield named.__name__, named
