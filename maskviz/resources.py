"""Files that come with MaskViz: the example gallery and the icons, in a wheel and in a checkout alike."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from maskviz.core.errors import UnusableInput


@dataclass(frozen=True, slots=True)
class Example:
    """A network of the gallery with its batch. ``look_for`` is two sentences; ``custom`` is a Python file with its custom objects.

    ``trusted`` says that the code of this file comes with MaskViz and runs without asking.
    """

    name: str
    title: str
    look_for: str
    network: Path
    batch: Path
    custom: Path | None
    trusted: bool


def root() -> Path:
    """The folder of resources: ``maskviz/_resources`` in a wheel, ``resources`` beside the package in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "_resources"
    return installed if installed.is_dir() else package.parent / "resources"


@cache
def examples() -> tuple[Example, ...]:
    """The gallery in its order; the first is what opens when nothing else is asked for."""
    folder = root() / "examples"
    entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return tuple(
        Example(
            name=entry["name"],
            title=entry["title"],
            look_for=entry["look_for"],
            network=folder / entry["network"],
            batch=folder / entry["batch"],
            custom=folder / entry["custom"] if entry["custom"] else None,
            trusted=entry["trusted"],
        )
        for entry in entries
    )


def example(name: str) -> Example:
    """The example of that name; raises UnusableInput."""
    found = next((e for e in examples() if e.name == name), None)
    if found is None:
        raise UnusableInput(f"There is no example '{name}'; there are {', '.join(e.name for e in examples())}.")
    return found
