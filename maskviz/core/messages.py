"""What the window asks the engine and what it answers: one typed union for each direction, and their form on the wire.

A message on the wire is one JSON header and the raw bytes of its arrays; nothing is ever unpickled (DESIGN.md §3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from maskviz.core.batch import Batch
from maskviz.core.errors import MaskVizError
from maskviz.core.network import Network
from maskviz.core.trace import Trace


@dataclass(frozen=True)
class Load:
    """Load a network file. ``custom`` is a trusted Python file with custom objects; ``unsafe`` allows the file's own code."""

    path: str
    custom: str | None = None
    unsafe: bool = False
    loss: str | None = None


@dataclass(frozen=True)
class Build:
    """Build a network from a template of ``core.templates`` with the options of its form."""

    template: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Save:
    """Save the loaded network as a ``.keras`` file."""

    path: str


@dataclass(frozen=True)
class UseDevice:
    """Compute on this device (a name from ``Ready.devices``) from now on."""

    device: str


@dataclass(frozen=True)
class RunTrace:
    """Trace a batch. ``thorough`` also asks Keras' own ``test_on_batch`` for loss and metrics; a quick one follows a drag."""

    batch: Batch
    thorough: bool = True


Request = Load | Build | Save | UseDevice | RunTrace


@dataclass(frozen=True)
class Ready:
    """The engine has imported Keras. ``devices`` are names for the device menu, the first one in use."""

    keras: str
    backend: str
    devices: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """What the engine is doing, as a short sentence for the progress line."""

    number: int
    sentence: str


@dataclass(frozen=True)
class Loaded:
    number: int
    network: Network


@dataclass(frozen=True)
class Saved:
    number: int
    path: str


@dataclass(frozen=True)
class DeviceInUse:
    number: int
    device: str


@dataclass(frozen=True)
class Traced:
    """``seconds`` is the whole recompute as the engine measured it."""

    number: int
    trace: Trace
    seconds: float


@dataclass(frozen=True)
class Refused:
    """The request could not be carried out; ``error`` holds the sentence to show."""

    number: int
    error: MaskVizError


@dataclass(frozen=True)
class Died:
    """The engine's process ended unasked; ``sentence`` says how, ``details`` is the end of what it wrote."""

    sentence: str
    details: str = ""


Event = Ready | Progress | Loaded | Saved | DeviceInUse | Traced | Refused | Died
