"""Jobs: what the window asks for, carried out by the engine; answers go into the document.

Every trace request has a number. While one runs, only the newest edit waits; an answer to anything older than what the document
shows is spliced into the recording, but never shown over newer edits. Assembling a trace happens on the reader's thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from maskviz import resources
from maskviz.core import archive, batch_files
from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch, changed_rows
from maskviz.core.batch_fit import complete
from maskviz.core.errors import EngineFailed, MaskVizError, NeedsConsent, UnusableInput
from maskviz.core.graph import Graph
from maskviz.core.messages import (
    Build,
    DeviceInUse,
    Died,
    Evaluate,
    Evaluated,
    Event,
    Generate,
    Load,
    Loaded,
    Progress,
    Ready,
    Refused,
    Request,
    RunTrace,
    Save,
    Traced,
    UseDevice,
)
from maskviz.core.network import Network
from maskviz.core.recording import Recording, splice
from maskviz.core.trace import Trace
from maskviz.engine.client import EngineClient
from maskviz.session.document import Document, EngineState

SETTLE_MS = 250
MOST_RESTARTS = 2


@dataclass(frozen=True)
class Opening:
    """A file or template on its way into the document; the open document stays until the engine has loaded it."""

    request: Load | Build
    title: str
    graph: Graph
    batch_path: str | None = None


class Jobs(QObject):
    """The one way from the window to the engine. ``failed`` carries a MaskVizError, ``consent_needed`` a NeedsConsent."""

    failed = Signal(object)
    consent_needed = Signal(object)
    noticed = Signal(str)
    saved = Signal(str)
    _arrived = Signal(object, object)

    def __init__(self, document: Document, parent: QObject | None = None, client: EngineClient | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.seed = 0
        """Seed of generated batches."""
        self._assembler = Assembler()
        self._client = client or EngineClient(self._on_event)
        self._pending: dict[int, Callable[[Any], None]] = {}
        self._opening: Opening | None = None
        self._opened: Load | Build | None = None
        self._deaths = 0
        self._tracing = 0
        self._sent: Batch | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._evaluate)
        self._arrived.connect(self._handle)
        document.batch_changed.connect(self._follow_batch)

    # what the window asks for

    def warm(self) -> None:
        """Start the engine before it is needed."""
        if not self._client.running:
            self._set_engine("starting", "starting the engine (importing Keras)…")
            self._client.start()

    def open(self, path: str, custom: str | None = None, unsafe: bool = False, batch: str | None = None, loss: str | None = None) -> None:
        """Open a network file: its graph at once, masks and heatmaps when the engine answers."""
        try:
            graph = archive.preview(path)
        except MaskVizError as error:
            self.failed.emit(error)
            return
        self._open(Opening(Load(str(path), custom, unsafe, loss), Path(path).name, graph, batch))

    def open_example(self, name: str) -> None:
        """Open a network of the gallery with its batch."""
        try:
            example = resources.example(name)
            graph = archive.preview(example.network)
        except MaskVizError as error:
            self.failed.emit(error)
            return
        custom = None if example.custom is None else str(example.custom)
        self._open(Opening(Load(str(example.network), custom, example.trusted), example.title, graph, str(example.batch)))

    def give_up(self) -> None:
        """Do not open what was being opened; what was open before comes back."""
        if self._opening is not None:
            self._opening = None
            self.document.end_preview()
            self._trace()

    def new_network(self, template: str, options: dict[str, Any]) -> None:
        """Build a network from a template."""
        self._open(Opening(Build(template, dict(options)), template.replace("_", " "), Graph()))

    def open_batch(self, path: str) -> None:
        """Load a batch for the open network; it is an edit that can be undone."""
        network = self.document.network
        if network is None:
            self.failed.emit(UnusableInput("Open a network first: a batch is checked against what the network takes."))
            return
        try:
            batch, notes = batch_files.read_batch(path, network)
        except MaskVizError as error:
            self.failed.emit(error)
            return
        self._note(notes)
        self.document.edit(batch, f"Load batch {Path(path).name}")

    def save_network(self, path: str) -> None:
        """Save the network as a ``.keras`` file."""
        self._ask(Save(path), lambda event: self.saved.emit(event.path))

    def use_device(self, name: str) -> None:
        """Compute on another device from now on; the batch is traced anew there."""
        self._ask(UseDevice(name), self._device_changed)

    def reload(self) -> None:
        """Load the network's file again, keeping the batch where it still fits."""
        if self._opened is not None:
            self._ask(self._opened, self._loaded_again)

    def restart_engine(self) -> None:
        """Stop the engine whatever it does, start it anew, and take up where the document stands."""
        self._pending.clear()
        self._tracing = 0
        self._sent = None
        self._client.restart()
        self._set_engine("starting", "starting the engine (importing Keras)…")
        if self._opening is not None:
            self._load(self._opening)
        elif self._opened is not None:
            self.reload()

    def close(self) -> None:
        """End the engine's process."""
        self._settle.stop()
        self._client.close()

    # opening

    def _open(self, opening: Opening) -> None:
        self._opening = opening
        self.document.show_preview(opening.title, opening.graph)
        self._load(opening)

    def _load(self, opening: Opening) -> None:
        self._ask(opening.request, self._loaded)

    def _loaded(self, event: Loaded) -> None:
        opening = self._opening
        if opening is None:
            return
        self._note(event.network.notes)
        if opening.batch_path is not None:
            try:
                batch, notes = batch_files.read_batch(opening.batch_path, event.network)
            except MaskVizError as error:
                self.failed.emit(error)
            else:
                self._note(notes)
                self._show_opened(opening, event.network, batch)
                return
        self._ask(Generate(self.seed), lambda made: self._show_opened(opening, event.network, complete(made.batch, event.network)))

    def _show_opened(self, opening: Opening, network: Network, batch: Batch) -> None:
        self._opening, self._opened, self._sent = None, opening.request, None
        path = opening.request.path if isinstance(opening.request, Load) else None
        self.document.open(opening.title, path, opening.graph, network, batch)

    def _loaded_again(self, event: Loaded) -> None:
        self._sent = None
        self.document.network = event.network
        self._trace()

    def _device_changed(self, event: DeviceInUse) -> None:
        self.document.device = event.device
        self._sent = None
        self._set_engine("idle", "")
        self._trace()

    # tracing

    def _follow_batch(self) -> None:
        self.document.set_stale(True)
        self._settle.stop()
        if not self._tracing:
            self._trace()

    def _trace(self) -> None:
        batch, network = self.document.batch, self.document.network
        if batch is None or network is None or self._opened is None:
            return
        rows = None if self._sent is None else changed_rows(self._sent, batch)
        request = RunTrace(batch) if rows is None else RunTrace(some_rows(batch, rows), rows)
        self._assembler.expect(batch)
        self._sent = batch
        self._tracing = self._ask(request, self._traced, quiet=rows is not None)

    def _traced(self, answer: tuple[Trace, float, str]) -> None:
        trace, seconds, device = answer
        self._tracing = 0
        self.document.device = device
        newest = self._sent is self.document.batch
        self.document.show_trace(trace, seconds, stale=not newest)
        if newest:
            self._settle.start()
        else:
            self._trace()

    def _evaluate(self) -> None:
        """Once the edits rest, ask Keras itself what it reports: the sum is always checked."""
        if self.document.trace is not None and not self._tracing and self._client.running:
            self._ask(Evaluate(), self._evaluated, quiet=True)

    def _evaluated(self, trace: Trace | None) -> None:
        if trace is not None and not self._tracing and not self.document.stale:
            self.document.show_trace(trace, None, stale=False)

    # the engine's answers

    def _ask(self, request: Request, then: Callable[[Any], None], quiet: bool = False) -> int:
        if not self._client.running:
            self._set_engine("starting", "starting the engine (importing Keras)…")
        elif not quiet:
            self._set_engine("busy", working_sentence(request))
        number = self._client.request(request)
        self._pending[number] = then
        return number

    def _on_event(self, event: Event) -> None:
        """On the reader's thread: turn recordings into traces there, then hand over to the window's thread."""
        self._arrived.emit(event, self._assembler.assemble(event))

    def _handle(self, event: Event, assembled: Any) -> None:
        match event:
            case Ready():
                self.document.devices = event.devices
                self.document.device = event.devices[0]
                self._set_engine("busy" if self._pending else "idle", "loading the network…" if self._pending else "")
            case Progress():
                self._set_engine("busy", f"{event.sentence}…")
            case Died():
                self._died(event)
            case Refused():
                self._refused(event)
            case _:
                self._answered(event, assembled)

    def _answered(self, event: Event, assembled: Any) -> None:
        then = self._pending.pop(getattr(event, "number", 0), None)
        if then is None:
            return  # an answer to something that was given up
        self._deaths = 0
        if not self._pending:
            self._set_engine("idle", "")
        then(
            (assembled, event.seconds, event.device) if isinstance(event, Traced) else assembled if isinstance(event, Evaluated) else event
        )

    def _refused(self, event: Refused) -> None:
        if self._pending.pop(event.number, None) is None:
            return
        if event.number == self._tracing:
            self._tracing = 0
            self._sent = None
        if not self._pending:
            self._set_engine("idle", "")
        if self._opening is not None and isinstance(event.error, NeedsConsent):
            self.consent_needed.emit(event.error)
            return
        self.give_up()
        self.failed.emit(event.error)

    def _died(self, event: Died) -> None:
        """Say so and start a new process; one that dies again before it has answered anything stays down until it is asked for."""
        self._deaths += 1
        if self._opening is not None:
            self._opening = None
            self.document.end_preview()
        if self._deaths > MOST_RESTARTS:
            self._pending.clear()
            self._tracing = 0
            self._sent = None
            self._set_engine("failed", event.sentence)
            self.failed.emit(EngineFailed(event.sentence, event.details))
            return
        self.failed.emit(EngineFailed(f"{event.sentence} It is being restarted.", event.details))
        self.restart_engine()

    def _set_engine(self, kind: Any, sentence: str) -> None:
        self.document.set_engine(EngineState(kind, sentence))

    def _note(self, notes: tuple[str, ...]) -> None:
        for note in notes:
            self.noticed.emit(note)


class Assembler:
    """Makes traces of recordings: keeps the whole recording and puts the rows of an edit into it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recording: Recording | None = None
        self._batch: Batch | None = None
        self._context = ("", 0.0)

    def expect(self, batch: Batch) -> None:
        """The batch that the next recording is of."""
        with self._lock:
            self._batch = batch

    def assemble(self, event: Event) -> Trace | None:
        """The trace for a Traced or Evaluated event, None for others."""
        with self._lock:
            if self._batch is None or not isinstance(event, (Traced, Evaluated)):
                return None
            if isinstance(event, Traced):
                part = event.recording
                self._recording = part if self._recording is None or part.rows is None else splice(self._recording, part)
                self._context = (event.device, event.seconds)
            elif self._recording is not None:
                self._recording = event.put_into(self._recording)
            return None if self._recording is None else trace_of(self._recording, self._batch, *self._context)


def some_rows(batch: Batch, rows: np.ndarray) -> Batch:
    """The batch of some samples only (contents stay behind: they are the editor's)."""

    def pick(arrays: Any) -> dict[str, Any]:
        return {name: array[rows] for name, array in arrays.items()}

    return Batch(pick(batch.x), pick(batch.y), pick(batch.sample_weight), pick(batch.padding), {}, batch.source)


def working_sentence(request: Request) -> str:
    """What the progress line says while a request is carried out."""
    match request:
        case Load():
            return f"loading {Path(request.path).name}…"
        case Build():
            return "building the network…"
        case Save():
            return "saving the network…"
        case UseDevice():
            return f"moving to {request.device}…"
        case _:
            return "computing…"
