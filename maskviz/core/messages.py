"""What the window asks the engine and what it answers: one typed union for each direction, and their form on the wire.

A message on the wire is one JSON header and the raw bytes of its arrays; nothing is ever unpickled.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.builder import CannotBuild, Stack
from maskviz.core.errors import EngineFailed, MaskVizError, NeedsConsent, UnusableInput
from maskviz.core.layer_forms import Forms
from maskviz.core.ledger import MetricNote
from maskviz.core.network import Network
from maskviz.core.probes import ASKS, Answer, Ask
from maskviz.core.probes import from_wire as answer_from_wire
from maskviz.core.probes import to_wire as answer_to_wire
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

Request = Opens | AskStack | AskForms | Save | WriteScript | UseDevice | RunTrace | Evaluate | Generate | RepairCopy | Ask


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
    | Refused
    | Died
)

Wire = tuple[dict[str, Any], dict[str, NDArray[Any]]]
_GROUPS = ("x", "y", "sample_weight", "padding")


def request_to_wire(number: int, request: Request | Cancel) -> Wire:
    """Header and arrays of a request."""
    header: dict[str, Any] = {"number": number, "kind": type(request).__name__}
    if not isinstance(request, RunTrace):
        return header | {"body": dict(vars(request))}, {}
    arrays = _batch_to_wire(request.batch)
    if request.rows is not None:
        arrays["rows"] = request.rows
    return header | {"body": _about_batch(request.batch)}, arrays


def _batch_to_wire(batch: Batch) -> dict[str, NDArray[Any]]:
    return {f"{group}/{name}": array for group in _GROUPS for name, array in getattr(batch, group).items()}


def _about_batch(batch: Batch) -> dict[str, Any]:
    return {"source": batch.source, "declared": sorted(batch.declared)}


def _batch_from_wire(arrays: dict[str, NDArray[Any]], about: Any) -> Batch:
    x, y, weights, padding = ({k.partition("/")[2]: a for k, a in arrays.items() if k.startswith(f"{g}/")} for g in _GROUPS)
    return Batch(x, y, weights, padding, {}, str(about["source"]), frozenset(map(str, about["declared"])))


def request_from_wire(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> tuple[int, Request | Cancel]:
    """A request and its number. Raises KeyError, TypeError or ValueError for anything that is none."""
    plain = (Load, Build, BuildStack, AskStack, AskForms, Save, WriteScript, UseDevice, Evaluate, Generate, RepairCopy, Cancel)
    kinds: dict[str, Any] = {c.__name__: c for c in plain} | ASKS
    number, kind, body = int(header["number"]), header["kind"], header["body"]
    if kind != "RunTrace":
        return number, kinds[kind](**body)
    return number, RunTrace(_batch_from_wire(arrays, body), arrays.get("rows"))


def event_to_wire(event: Event) -> Wire:
    """Header and arrays of an event (the engine sends all but Died)."""
    body = dict(vars(event))
    arrays: dict[str, NDArray[Any]] = {}
    match event:
        case Loaded(network=network):
            body["network"] = network.to_dict()
        case Traced(recording=recording):
            body["recording"] = dict(recording.about)
            arrays = dict(recording.arrays)
            if recording.rows is not None:
                arrays["rows"] = recording.rows
        case Evaluated(notes=notes):
            body["notes"] = [vars(note) for note in notes]
        case Generated(batch=batch):
            body["batch"] = _about_batch(batch)
            arrays = _batch_to_wire(batch)
        case Repaired(report=report):
            body["report"] = report.to_dict()
        case StackKnown(stack=stack):
            body["stack"] = stack.to_dict()
        case FormsKnown(forms=forms):
            body["forms"] = asdict(forms)
        case Answered(answer=answer):
            body["answer"], arrays = answer_to_wire(answer)
        case Refused(error=error):
            more: dict[str, Any] = {}
            if isinstance(error, NeedsConsent):
                more = {"missing": error.missing, "code": error.code}
            elif isinstance(error, CannotBuild):
                more = {"row": error.row}
            body["error"] = {"kind": type(error).__name__, "sentence": str(error), "details": error.details, **more}
    return {"kind": type(event).__name__, "body": body}, arrays


def event_from_wire(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Event:
    """An event. Raises EngineFailed for anything that is none: what the child sends is not trusted."""
    try:
        body = dict(header["body"])
        match header["kind"]:
            case "Ready":
                return Ready(str(body["keras"]), str(body["backend"]), tuple(map(str, body["devices"])))
            case "Loaded":
                return Loaded(int(body["number"]), Network.from_dict(body["network"]), int(body["kept"]), int(body["weights"]))
            case "StackKnown":
                return StackKnown(int(body["number"]), Stack.from_dict(body["stack"]), tuple(map(str, body["notes"])))
            case "FormsKnown":
                return FormsKnown(int(body["number"]), Forms.from_dict(body["forms"]))
            case "Traced":
                rows = arrays.pop("rows", None)
                recording = Recording(body["recording"], arrays, rows)
                return Traced(int(body["number"]), recording, str(body["device"]), float(body["seconds"]))
            case "Evaluated":
                notes = tuple(MetricNote(**note) for note in body.pop("notes"))
                return Evaluated(**body, notes=notes)
            case "Generated":
                return Generated(int(body["number"]), _batch_from_wire(arrays, body["batch"]))
            case "Repaired":
                return Repaired(int(body["number"]), Report.from_dict(body["report"]))
            case "Answered":
                return Answered(int(body["number"]), answer_from_wire(body["answer"], arrays))
            case "Refused":
                return Refused(int(body["number"]), _error(body["error"]))
            case kind:
                simple: dict[str, Any] = {c.__name__: c for c in (Progress, Saved, DeviceInUse)}
                event: Event = simple[kind](**body)
                return event
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise EngineFailed("The engine sent an answer that cannot be read.", repr(error)) from error


def _error(body: dict[str, Any]) -> MaskVizError:
    sentence, details = str(body["sentence"]), str(body["details"])
    if body["kind"] == "NeedsConsent":
        return NeedsConsent(sentence, tuple(map(str, body["missing"])), tuple(map(str, body["code"])), details)
    if body["kind"] == "CannotBuild":
        return CannotBuild(sentence, None if body["row"] is None else int(body["row"]), details)
    return (UnusableInput if body["kind"] == "UnusableInput" else EngineFailed)(sentence, details)
