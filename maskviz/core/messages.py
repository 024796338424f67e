"""What the window asks the engine and what it answers: one typed union for each direction (on the wire: ``core.message_wire``)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.builder import Stack
from maskviz.core.errors import MaskVizError
from maskviz.core.layer_forms import Forms
from maskviz.core.ledger import MetricNote
from maskviz.core.network import Network
from maskviz.core.probes import Answer, Ask
from maskviz.core.recording import Recording
from maskviz.core.repair import Report


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
class BuildStack:
    """Build the network of a stack (``core.builder``, as JSON). Weights that fit come from the network it was made of, or from the file
    ``origin``. Where it cannot be built, what was held before is still held."""

    stack: dict[str, Any]
    origin: str | None = None


@dataclass(frozen=True)
class AskStack:
    """The stack that the network is, for the builder; its weights are kept for the networks built of it. ``origin`` is its file."""

    origin: str | None = None


@dataclass(frozen=True)
class AskForms:
    """Forms of the layers that stacks are built of."""


@dataclass(frozen=True)
class Save:
    """Save the loaded network as a ``.keras`` file."""

    path: str


@dataclass(frozen=True)
class WriteScript:
    """Write the network as a Python script that builds it, or the network of the file ``of``."""

    path: str
    of: str | None = None


@dataclass(frozen=True)
class UseDevice:
    """Compute on this device (a name from ``Ready.devices``) from now on."""

    device: str


@dataclass(frozen=True)
class RunTrace:
    """Trace a batch. With ``rows``, the batch holds only those samples of the batch traced before: the others did not change."""

    batch: Batch
    rows: NDArray[Any] | None = None


@dataclass(frozen=True)
class Evaluate:
    """Ask Keras' own ``test_on_batch`` for loss and metrics of the batch traced last: the check of the sum."""


@dataclass(frozen=True)
class Cancel:
    """Stop the request of number ``of`` where it can be stopped; it is refused then. A cancel itself is not answered."""

    of: int


@dataclass(frozen=True)
class Generate:
    """Make a batch that the loaded network can run on, from its signature."""

    seed: int = 0


@dataclass(frozen=True)
class RepairCopy:
    """Repair findings of the batch traced last in a copy of the network: one (its id or how that begins, at ``call``), or all that can be.

    The copy is saved as the ``.keras`` file ``path``, where one is given and anything was repaired.
    """

    finding: str | None = None
    call: str | None = None
    path: str | None = None


Opens = Load | Build | BuildStack
"""Requests after which the engine holds another network."""


@dataclass(frozen=True)
class Pin:
    """Keep the network that is held, with the batch traced last, as A: it can be asked about when others are held. Or keep no A."""

    keep: bool = True


@dataclass(frozen=True)
class PinAgain:
    """Make this batch A, of the network that is held, or of another one that is loaded beside it."""

    batch: Batch
    of: Opens | None = None


@dataclass(frozen=True)
class OfPinned:
    """Ask about A, or save its network."""

    request: Ask | Save


Request = (
    Opens
    | AskStack
    | AskForms
    | Save
    | WriteScript
    | UseDevice
    | RunTrace
    | Evaluate
    | Generate
    | RepairCopy
    | Pin
    | PinAgain
    | OfPinned
    | Ask
)


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
    """``kept``: of ``weights`` arrays of a network that was built of a stack, those that are as in the network the stack was made of."""

    number: int
    network: Network
    kept: int = 0
    weights: int = 0


@dataclass(frozen=True)
class StackKnown:
    """The stack that a network is, and what it could not hold."""

    number: int
    stack: Stack
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FormsKnown:
    number: int
    forms: Forms


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
    """``seconds`` is how long the pass ran, without compiling it."""

    number: int
    recording: Recording
    device: str
    seconds: float


@dataclass(frozen=True)
class Evaluated:
    """What ``test_on_batch`` reported; ``loss`` is None for a network or a batch without a loss.

    ``sentence`` says why Keras could not evaluate the batch, empty where it could.
    """

    number: int
    loss: float | None
    metrics: dict[str, float]
    notes: tuple[MetricNote, ...] = ()
    sentence: str = ""

    def put_into(self, recording: Recording) -> Recording:
        """The recording of the batch that was evaluated, with what Keras reported of it."""
        about = {**recording.about, "evaluate": self.loss, "metrics": self.metrics, "metric_notes": [vars(note) for note in self.notes]}
        about["notes"] = [self.sentence] if self.sentence else []
        return replace(recording, about=about)


@dataclass(frozen=True)
class Generated:
    """A batch that the network ran on; the contents behind its padding are left to the editor (``core.batch_fit.complete``)."""

    number: int
    batch: Batch


@dataclass(frozen=True)
class Answered:
    """The answer to one of ``core.probes``' questions about the batch traced last."""

    number: int
    answer: Answer


@dataclass(frozen=True)
class Pinned:
    """What was held is A."""

    number: int


@dataclass(frozen=True)
class PinnedAgain:
    """A is there again, with a recording of its batch in which Keras' own evaluation is."""

    number: int
    network: Network
    recording: Recording
    device: str
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


@dataclass(frozen=True)
class Repaired:
    """What was repaired in a copy, and whether it helped (``core.repair``)."""

    number: int
    report: Report


Event = (
    Ready
    | StackKnown
    | FormsKnown
    | Repaired
    | Progress
    | Loaded
    | Saved
    | DeviceInUse
    | Traced
    | Evaluated
    | Generated
    | Answered
    | Pinned
    | PinnedAgain
    | Refused
    | Died
)
