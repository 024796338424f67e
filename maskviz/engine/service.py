"""What the engine does on request: load or build a network, trace batches, evaluate, save, change the device.

A service holds the network that is open, and beside it the one that was pinned as A. It runs in the child process, or in
the caller's own when a script hands over a live network.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch
from maskviz.core.builder import Stack
from maskviz.core.errors import MaskVizError, UnusableInput
from maskviz.core.messages import (
    Answered,
    AskForms,
    AskStack,
    Build,
    BuildStack,
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
    Opens,
    Pin,
    PinAgain,
    Pinned,
    PinnedAgain,
    Progress,
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
from maskviz.core.probes import Answer, Ask, AskGradients, AskInfluence, AskLength, AskStates, AskValues
from maskviz.core.ranks import RankTrap, traps_of
from maskviz.core.recording import Recording
from maskviz.core.repair import Report
from maskviz.core.row_copies import copy_for
from maskviz.engine import building, devices, generating, layer_forms, loading, probes, repair, script, stacks, templates
from maskviz.engine.explaining import cause_of
from maskviz.engine.losses import has_loss
from maskviz.engine.metrics import MetricProbe, kept_state
from maskviz.engine.signature import Signature
from maskviz.engine.tracing import Tracer

ARRAYS = ("x", "y", "sample_weight", "padding")
NO_MEMORY = ("ResourceExhaustedError", "OutOfMemoryError")
"""Errors of TensorFlow and PyTorch; JAX names it in the message."""


@dataclass
class Held:
    """A network that requests are about, what it came from, and the batch that it was traced on last."""

    network: keras.Model
    tracer: Tracer
    probe: MetricProbe
    source: Opens | None = None
    batch: Batch | None = None


class Service:
    """Answers requests one after another; ``tell`` hears progress while one is carried out.

    It holds one network, and beside it what was pinned as A. With ``prepares``, a pass for quick edits of one row is compiled in the
    background once a batch was evaluated.
    """

    def __init__(self, tell: Callable[[Progress], None] = lambda progress: None, prepares: bool = False) -> None:
        self._tell = tell
        self._prepares = prepares
        self._preparing: threading.Thread | None = None
        self._number = 0
        self._device = devices.names()[0]
        self._shelf = building.Shelf()
        self._held: Held | None = None
        self._pinned: Held | None = None

    def devices(self) -> tuple[str, ...]:
        """Names for the device menu, the one in use first."""
        return (self._device, *(name for name in devices.names() if name != self._device))

    def answer(self, number: int, request: Request) -> Event:
        """The answer to one request; whatever goes wrong comes back as Refused, never as an exception."""
        self._number = number
        try:
            with devices.scope(self._device):
                return self._do(request)
        except MaskVizError as error:
            return Refused(number, error)
        except Exception as error:
            return Refused(number, explained(error))

    def _do(self, request: Request) -> Event:
        match request:
            case Load() | Build() | BuildStack():
                return self._open(request)
            case AskStack(origin=origin):
                return self._stack(origin)
            case AskForms():
                return FormsKnown(self._number, layer_forms.forms())
            case RunTrace(batch=batch, rows=rows):
                return self._trace(batch, rows)
            case Evaluate():
                return self._evaluate(self._need())
            case Generate(seed=seed):
                return Generated(self._number, generating.first_batch(self._need().tracer, seed))
            case Save(path=path):
                return self._save(path, self._need())
            case WriteScript(path=path, of=of):
                return self._write_script(path, of)
            case AskValues() | AskInfluence() | AskGradients() | AskStates() | AskLength():
                return self._probe(self._need(), request)
            case Pin(keep=keep):
                self._pinned = replace(self._need()) if keep else None
                return Pinned(self._number)
            case PinAgain(batch=batch, of=of):
                return self._pin_again(batch, of)
            case OfPinned(request=asked):
                pinned = self._need_pinned()
                return self._save(asked.path, pinned) if isinstance(asked, Save) else self._probe(pinned, asked)
            case RepairCopy():
                return Repaired(self._number, self.repair(request))
            case UseDevice(device=device):
                return self._use_device(device)

    def _say(self, sentence: str) -> None:
        self._tell(Progress(self._number, sentence))

    def _open(self, request: Opens) -> Event:
        network, signature = self._make(request)
        kept, weights = self._fill(network, request) if isinstance(request, BuildStack) else (0, 0)
        self.hold(network, signature, request)
        return Loaded(self._number, signature.network, kept, weights)

    def _fill(self, network: keras.Model, request: BuildStack) -> tuple[int, int]:
        """Give a network of the builder the weights that fit it: how many, and how many it has."""
        if request.origin is not None and request.origin != self._shelf.origin:  # this process has not seen where it began
            self._shelf.begin(loading.load(request.origin, compiled=False)[0], request.origin)
        counts = self._shelf.put_into(network)
        self._shelf.keep(network)
        return counts

    def _stack(self, origin: str | None) -> Event:
        network = self._need().network
        stack, notes = stacks.stack_of(network)
        self._shelf.begin(network, origin)
        return StackKnown(self._number, stack, notes)

    def _make(self, request: Opens) -> tuple[keras.Model, Signature]:
        keras.utils.clear_session()  # names are numbered anew, so that a file shows the same names each time
        self._say("loading the network" if isinstance(request, Load) else "building the network")
        if isinstance(request, BuildStack):
            keras.utils.set_random_seed(0)  # also after a restart, new layers begin with the same weights
            network = building.build(Stack.from_dict(request.stack))
            return network, loading.complete(network)
        if isinstance(request, Build):
            keras.utils.set_random_seed(0)  # a template gives the same network each time, also after a restart
            network = templates.build(request.template, request.options)
            return network, loading.complete(network)
        network, signature = loading.load(request.path, request.custom, request.unsafe, compiled=request.loss is None)
        if request.loss is not None:
            network, signature = with_loss(network, signature, request.loss)
        return network, signature

    def hold(self, network: keras.Model, signature: Signature, source: Opens | None = None) -> None:
        """Make this the network that requests are about."""
        self._held = self._made(network, signature, source)

    def _made(self, network: keras.Model, signature: Signature, source: Opens | None) -> Held:
        return Held(network, Tracer(network, signature, self._say), MetricProbe(network, signature), source)

    def _trace(self, batch: Batch, rows: Any) -> Event:
        held = self._need()
        held.batch = batch if rows is None else _with_rows(held.batch, batch, rows)
        some = rows if rows is not None and len(rows) and held.tracer.rows_are_independent else None
        recording = self._run(held.tracer, held.batch, some)
        return Traced(self._number, recording, self._device, held.tracer.seconds)

    def _run(self, tracer: Tracer, batch: Batch, rows: Any) -> Recording:
        """A pass; where Keras stops at shapes that do not fit each other, the error says which."""
        missing = [o.name for o in tracer.signature.network.outputs if o.loss is not None and o.name not in batch.y]
        if batch.y and missing:
            raise UnusableInput(f"The output '{missing[0]}' has a loss, but the batch has no target for it: add one as y__{missing[0]}.")
        try:
            return tracer.trace(batch, rows)
        except MaskVizError:
            raise
        except Exception as error:
            trap = self._trap(tracer, batch) if batch.y else None
            if trap is None:
                raise
            raise UnusableInput(trap.sentence, f"{type(error).__name__}: {error}") from error

    @staticmethod
    def _trap(tracer: Tracer, batch: Batch) -> RankTrap | None:
        """What Keras cannot combine, by the shapes of a pass without targets; None where that is not the cause."""
        try:
            trace = trace_of(tracer.trace(replace(batch, y={}, sample_weight={})), batch)
        except Exception:
            return None
        traps = traps_of(trace, tracer.signature.network, batch)
        return next((trap for trap in traps if trap.consequence == "raises"), None)

    def trace(self, batch: Batch) -> Recording:
        """A recording of a batch with Keras' own evaluation in it, for scripts."""
        held = self._need()
        held.batch = batch
        recording = self._run(held.tracer, batch, None)
        return self._evaluate(held).put_into(recording)

    def _pin_again(self, batch: Batch, of: Opens | None) -> Event:
        """Take up as A what was pinned in another session or engine: another network is loaded beside what is held."""
        if of is None:
            pinned = replace(self._need())
        else:
            network, signature = self._make(of)
            if isinstance(of, BuildStack):
                self._shelf.put_into(network)
            pinned = self._made(network, signature, of)
        pinned.batch = batch
        recording = self._evaluate(pinned).put_into(self._run(pinned.tracer, batch, None))
        self._pinned = pinned
        return PinnedAgain(self._number, pinned.tracer.signature.network, recording, self._device, pinned.tracer.seconds)

    def _probe(self, held: Held, ask: Ask) -> Event:
        return Answered(self._number, probes.answer(held.tracer, held.batch, ask, self._say))

    def repair(self, request: RepairCopy, batch: Batch | None = None) -> Report:
        """Repair a copy of the network by the findings of a batch, the one traced last unless another is given; save it where asked."""
        held = self._need()
        batch = batch or held.batch
        if batch is None:
            raise UnusableInput("Findings are of a batch: open one first.")
        stage = repair.Stage(held.network, held.tracer.signature.network, batch, trace_of(self._run(held.tracer, batch, None), batch))
        report = repair.repair(stage, request.finding, request.call, self._say)
        if request.path is None or report.network is None:
            return report
        save(report.network, request.path)
        return replace(report, path=request.path)

    def probe(self, batch: Batch, ask: Ask, tell: Callable[[str], None]) -> Answer:
        """The answer to one question about a batch, for scripts."""
        return probes.answer(self._need().tracer, batch, ask, tell)

    def _evaluate(self, held: Held) -> Evaluated:
        network, tracer, batch = held.network, held.tracer, held.batch
        own_step = type(network).test_step is not keras.Model.test_step
        if batch is None or not batch.y or not (has_loss(network) or (own_step and network.compiled)):
            return Evaluated(self._number, None, {})
        with kept_state(network):
            try:
                loss, metrics = tracer.evaluate(batch)
            except Exception as error:  # a metric that takes no sequences, say: masks and the loss are known all the same
                return Evaluated(self._number, None, {}, sentence=f"Keras cannot evaluate this batch: {cause_of(error)}.")
            notes = held.probe.notes(trace_of(tracer.trace(batch), batch), batch, metrics) if metrics else ()
        self._prepare_row_edits(tracer, batch)
        return Evaluated(self._number, loss, metrics, notes)

    def _prepare_row_edits(self, tracer: Tracer, batch: Batch) -> None:
        """Compile for quick edits beside the requests that follow, where the service was told to."""
        if not self._prepares or (self._preparing is not None and self._preparing.is_alive()):
            return

        def prepare() -> None:
            with devices.scope(self._device):
                tracer.prepare_row_edits(batch)

        self._preparing = threading.Thread(target=prepare, name="prepare row edits", daemon=True)
        self._preparing.start()

    def _save(self, path: str, held: Held) -> Event:
        save(held.network, path)
        return Saved(self._number, path)

    def _write_script(self, path: str, of: str | None) -> Event:
        network = self._need().network
        script.write_script(network if of is None else loading.load(of)[0], path)
        return Saved(self._number, path)

    def _use_device(self, device: str) -> Event:
        """Make the networks anew on the device: their variables stay where they were made."""
        held, pinned = self._held, self._pinned
        with devices.scope(device):
            if held is not None:
                self._held = self._moved(held)
            if pinned is not None and self._held is not None and held is not None and pinned.network is held.network:
                self._pinned = replace(self._held, batch=pinned.batch)
            elif pinned is not None:
                self._pinned = self._moved(pinned)
        self._device = next(name for name in devices.names() if name.split()[0].upper() == device.split()[0].upper())
        return DeviceInUse(self._number, self._device)

    def _moved(self, held: Held) -> Held:
        """The same on the device of now."""
        if held.source is None:
            return held
        weights = held.network.get_weights()
        network, signature = self._make(held.source)
        network.set_weights(weights)
        return replace(self._made(network, signature, held.source), batch=held.batch)

    def _need(self) -> Held:
        if self._held is None:
            raise UnusableInput("No network is open: open one first.")
        return self._held

    def _need_pinned(self) -> Held:
        if self._pinned is None:
            raise UnusableInput("Nothing is pinned: pin a state as A first.")
        return self._pinned


def save(network: keras.Model, path: str) -> None:
    """Save a network; a file that is there is replaced whole. Raises UnusableInput where the file cannot be written."""
    file = Path(path)
    part = file.with_name(f".{file.stem}-{os.getpid()}{file.suffix}")
    try:
        network.save(part)
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UnusableInput(f"The network cannot be saved there: {error.strerror or error}.") from error


def with_loss(network: keras.Model, signature: Signature, loss: str) -> tuple[keras.Model, Signature]:
    """The network compiled with another loss. Raises UnusableInput for a name that Keras does not know."""
    try:
        keras.losses.get(loss)
    except ValueError as error:
        raise UnusableInput(f"Keras has no loss named {loss}: use a name such as mse or sparse_categorical_crossentropy.") from error
    network.compile(loss=loss)
    return network, loading.complete(network, signature.network.notes)


def _with_rows(whole: Batch | None, part: Batch, rows: Any) -> Batch:
    if whole is None:
        raise UnusableInput("The engine has no batch yet that could be edited: send the whole batch.")

    def put(old: Any, new: Any) -> dict[str, Any]:
        arrays = {name: copy_for(old[name], rows) for name in new}
        for name, array in new.items():
            arrays[name][rows] = array
        return {**old, **arrays}

    x, y, weights, padding = (put(getattr(whole, group), getattr(part, group)) for group in ARRAYS)
    return Batch(x, y, weights, padding, {}, whole.source, part.declared)


def explained(error: Exception) -> MaskVizError:
    """One sentence for what Keras raised while the network ran; the whole message goes into the details."""
    if isinstance(error, MemoryError) or type(error).__name__ in NO_MEMORY or "RESOURCE_EXHAUSTED" in str(error)[:200]:
        return UnusableInput("The batch does not fit into memory: use fewer samples or timesteps.", str(error))
    return UnusableInput(f"The network cannot run on this batch: {cause_of(error)}.", f"{type(error).__name__}: {error}")
