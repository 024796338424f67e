"""Messages on the wire (``core.wire``): one JSON header and the raw bytes of its arrays; nothing is ever unpickled."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.builder import CannotBuild, Stack
from maskviz.core.errors import EngineFailed, MaskVizError, NeedsConsent, UnusableInput
from maskviz.core.layer_forms import Forms
from maskviz.core.ledger import MetricNote
from maskviz.core.messages import (
    Answered,
    AskForms,
    AskStack,
    Build,
    BuildStack,
    Cancel,
    DeviceInUse,
    Evaluate,
    Evaluated,
    Event,
    FormsKnown,
    Generate,
    Generated,
    Load,
    Loaded,
    OfPinned,
    Pin,
    PinAgain,
    Pinned,
    PinnedAgain,
    Progress,
    Ready,
    Refused,
    RepairCopy,
    Repaired,
    Request,
    RunTrace,
    Save,
    Saved,
    StackKnown,
    Traced,
    UseDevice,
    WriteScript,
)
from maskviz.core.network import Network
from maskviz.core.probes import ASKS
from maskviz.core.probes import from_wire as answer_from_wire
from maskviz.core.probes import to_wire as answer_to_wire
from maskviz.core.recording import Recording
from maskviz.core.repair import Report

Wire = tuple[dict[str, Any], dict[str, NDArray[Any]]]
_GROUPS = ("x", "y", "sample_weight", "padding")
_PLAIN = (Load, Build, BuildStack, AskStack, AskForms, Save, WriteScript, UseDevice, Evaluate, Generate, RepairCopy, Pin, Cancel)
PLAIN: dict[str, Any] = {c.__name__: c for c in _PLAIN} | ASKS
"""Requests that are JSON alone."""


def request_to_wire(number: int, request: Request | Cancel) -> Wire:
    """Header and arrays of a request."""
    header: dict[str, Any] = {"number": number, "kind": type(request).__name__}
    match request:
        case RunTrace(batch=batch, rows=rows):
            arrays = _batch_to_wire(batch) | ({} if rows is None else {"rows": rows})
            return header | {"body": _about_batch(batch)}, arrays
        case PinAgain(batch=batch, of=of):
            inner = None if of is None else request_to_wire(number, of)[0]
            return header | {"body": _about_batch(batch), "inner": inner}, _batch_to_wire(batch)
        case OfPinned(request=asked):
            return header | {"body": {}, "inner": request_to_wire(number, asked)[0]}, {}
    return header | {"body": dict(vars(request))}, {}


def _batch_to_wire(batch: Batch) -> dict[str, NDArray[Any]]:
    return {f"{group}/{name}": array for group in _GROUPS for name, array in getattr(batch, group).items()}


def _about_batch(batch: Batch) -> dict[str, Any]:
    return {"source": batch.source, "declared": sorted(batch.declared)}


def _batch_from_wire(arrays: dict[str, NDArray[Any]], about: Any) -> Batch:
    x, y, weights, padding = ({k.partition("/")[2]: a for k, a in arrays.items() if k.startswith(f"{g}/")} for g in _GROUPS)
    return Batch(x, y, weights, padding, {}, str(about["source"]), frozenset(map(str, about["declared"])))


def request_from_wire(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> tuple[int, Request | Cancel]:
    """A request and its number. Raises KeyError, TypeError or ValueError for anything that is none."""
    number, kind, body = int(header["number"]), header["kind"], header["body"]
    if kind == "RunTrace":
        return number, RunTrace(_batch_from_wire(arrays, body), arrays.get("rows"))
    inner: Any = None if header.get("inner") is None else request_from_wire(header["inner"], {})[1]
    if kind == "PinAgain":
        return number, PinAgain(_batch_from_wire(arrays, body), inner)
    return number, OfPinned(inner) if kind == "OfPinned" else PLAIN[kind](**body)


def event_to_wire(event: Event) -> Wire:
    """Header and arrays of an event (the engine sends all but Died)."""
    body = dict(vars(event))
    arrays: dict[str, NDArray[Any]] = {}
    match event:
        case Loaded(network=network):
            body["network"] = network.to_dict()
        case PinnedAgain(network=network, recording=recording):
            body |= {"network": network.to_dict(), "recording": dict(recording.about)}
            arrays = dict(recording.arrays)
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
            case "PinnedAgain":
                network, recording = Network.from_dict(body["network"]), Recording(body["recording"], arrays)
                return PinnedAgain(int(body["number"]), network, recording, str(body["device"]), float(body["seconds"]))
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
                simple: dict[str, Any] = {c.__name__: c for c in (Progress, Saved, DeviceInUse, Pinned)}
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
