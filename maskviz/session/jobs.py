"""Jobs: what the window asks for, carried out by the engine; answers go into the document.

One trace runs at a time; while it runs only the newest batch waits. Every request is asked with what shall happen to its answer and to
its refusal, and opening another file forgets all that was asked before. What the engine holds (``_held``) is compared with what the
document shows (``_opened``) before a trace, so that a batch never meets another network than its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from maskviz.core import batch_files
from maskviz.core.batch import Batch, changed_rows, some_rows
from maskviz.core.batch_fit import complete
from maskviz.core.builder import CannotBuild
from maskviz.core.errors import EngineFailed, MaskVizError, NeedsConsent, UnusableInput
from maskviz.core.graph import Graph
from maskviz.core.messages import (
    Build,
    DeviceInUse,
    Died,
    Evaluate,
    Event,
    Generate,
    Load,
    Loaded,
    Opens,
    Progress,
    Ready,
    Request,
    RunTrace,
    Save,
    Traced,
    UseDevice,
)
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.engine.client import EngineClient
from maskviz.session.document import Document, EngineState
from maskviz.session.exchange import Exchange
from maskviz.session.opening import Opening, described, first_batch, named, of_example, of_file, repadded, working_sentence

SETTLE_MS = 250
MOST_RESTARTS = 2
STARTING = "starting the engine (importing Keras)…"


class Jobs(QObject):
    """The one way from the window to the engine. ``failed`` carries a MaskVizError, ``consent_needed`` a NeedsConsent.

    ``forgot``: what was asked so far is not answered any more.
    """

    failed = Signal(object)
    consent_needed = Signal(object)
    noticed = Signal(str)
    saved = Signal(str)
    forgot = Signal()

    def __init__(self, document: Document, parent: QObject | None = None, client: EngineClient | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.seed = 0
        """Seed of generated batches."""
        self.pads: tuple[int, float] = (0, 0.0)
        """Id and feature value of padding where a network does not mask its own."""
        self.exchange = Exchange(self, client)
        self._opening: Opening | None = None
        self._opened: Opens | None = None
        self._held: Opens | None = None
        self._device: str | None = None
        self._deaths = 0
        self._tracing: Batch | None = None
        self._sent: Batch | None = None
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._evaluate)
        self.exchange.told.connect(self._hear)
        self.exchange.answered.connect(self._rest)
        self.exchange.slow.connect(self._say_slow)
        document.batch_changed.connect(self._follow_batch)

    # what the window asks for

    def warm(self) -> None:
        """Start the engine before it is needed."""
        if not self.exchange.running:
            self._set_engine("starting", STARTING)
            self.exchange.client.start()

    def open(
        self, path: str, custom: str | None = None, unsafe: bool = False, batch: str | Batch | None = None, loss: str | None = None
    ) -> None:
        """Open a network file: its graph at once, masks and heatmaps when the engine answers."""
        self._open_made(lambda: of_file(Load(str(path), custom, unsafe, loss), batch, isinstance(batch, Batch)))

    def open_example(self, name: str, batch: Batch | None = None) -> None:
        """Open a network of the gallery with its batch, or another."""
        self._open_made(lambda: of_example(name, batch))

    def new_network(self, template: str, options: dict[str, Any]) -> None:
        """Build a network from a template."""
        self._open(Opening(Build(template, dict(options)), template.replace("_", " "), Graph()))

    def reload(self) -> None:
        """Load the network's file again, keeping the batch where it still fits."""
        opened, document = self._opened, self.document
        if isinstance(opened, Load):
            self._open_made(lambda: replace(of_file(opened, document.batch), title=document.title))

    def open_copy(self, path: str) -> None:
        """Open a changed copy of the network that is open, allowed what the network was, on the batch that is shown."""
        opened = self._opened
        load = replace(opened, path=path) if isinstance(opened, Load) else Load(path)
        self._open_made(lambda: replace(of_file(load, self.document.batch), scratch=True))

    def rebuild(self, opening: Opening) -> None:
        """Have a network built in place of what is open, which stays on screen until the new one is traced (``opening.swap``)."""
        self._forget()
        self._opening = opening
        self._load(opening)

    def give_up(self) -> None:
        """Do not open what was being opened; what was open before comes back."""
        if self._opening is not None:
            self._opening = None
            self.document.end_preview()
            self._trace()

    def open_batch(self, path: str) -> None:
        """Load a batch for the open network; it is an edit that can be undone, and one that the network refuses is taken back."""
        network = self.document.network
        if network is None:
            self.failed.emit(UnusableInput("Open a network first: a batch is checked against what the network takes."))
            return
        try:
            batch, notes = batch_files.read_batch(path, network)
        except MaskVizError as error:
            self.failed.emit(named(error, path))
            return
        self._note(notes)
        self.document.edit(batch, f"Load batch {Path(path).name}", on_trial=True)
        self.noticed.emit(f"{Path(path).name} is loaded: {described(batch)}.")

    def save_network(self, path: str) -> None:
        """Save the network as a ``.keras`` file."""
        self._ask(Save(path), lambda event: self.saved.emit(event.path))

    def use_device(self, name: str) -> None:
        """Compute on another device from now on; the batch is traced anew there."""
        self._sent = None
        self._ask(UseDevice(name), self._device_changed)

    def restart_engine(self) -> None:
        """Stop the engine whatever it does, start it anew, and take up where the document stands."""
        self._deaths = 0
        self._start_anew()

    def stop(self) -> bool:
        """Stop what the engine does and go back to what was there before; whether anything was to be stopped.

        What was being opened is not opened; an edit whose trace takes too long is taken back.
        """
        if not self.exchange.waiting:
            return False
        if self._opening is not None:
            self._opening = None
            self.document.end_preview()
        elif self._tracing is not None and self.document.trace is not None and self.document.undo_stack.canUndo():
            self.document.undo_stack.undo()
        elif self._tracing is not None:
            self._forget()
            self._held = None
            self.exchange.client.close()
            self._set_engine("failed", "The computation was stopped.")
            self.failed.emit(EngineFailed("The computation was stopped: restart the engine, or open another file."))
            return True
        self.restart_engine()
        return True

    @property
    def opened(self) -> Opens | None:
        """The request that what is open came from."""
        return self._opened

    def configure(self, environment: dict[str, str]) -> None:
        """Environment variables for the engine's process, from its next start on."""
        self.exchange.client.environment = environment

    @property
    def settled(self) -> bool:
        """Whether the engine holds the batch that is shown, and its trace is there."""
        here = self._opening is None and self._tracing is None and self._held is not None and self._held is self._opened
        return here and self._sent is not None and self._sent is self.document.batch and self.document.trace is not None

    def ask(
        self, request: Request, then: Callable[[Any], None], refused: Callable[[MaskVizError], None] | None = None, quiet: bool = False
    ) -> int:
        """Ask something about the batch that was traced last; a number for ``cancel``. Ask when ``settled``, or it may go unanswered."""
        return self._ask(request, then, refused, quiet)

    def cancel(self, number: int) -> None:
        """Stop what was asked under this number, as soon as the engine can; its answer is not wanted any more."""
        self.exchange.cancel(number)

    def close(self) -> None:
        """End the engine's process."""
        self._settle.stop()
        self.exchange.close()

    # opening

    def _open_made(self, make: Callable[[], Opening]) -> None:
        try:
            opening = make()
        except MaskVizError as error:
            self.failed.emit(error)
        else:
            self._open(opening)

    def _open(self, opening: Opening) -> None:
        self._forget()
        self._opening = opening
        self.document.show_preview(opening.title, opening.graph)
        self._load(opening)

    def _forget(self) -> None:
        """Nothing that was asked for so far is wanted any more."""
        self.exchange.forget()
        self._settle.stop()
        self._tracing = self._sent = None
        self.forgot.emit()

    def _load(self, opening: Opening) -> None:
        self._hold(opening.request, lambda event: self._loaded(opening, event), self._open_refused)

    def _hold(self, request: Opens, then: Callable[[Loaded], None], refused: Callable[[MaskVizError], None]) -> None:
        """Have the engine hold this network."""

        def loaded(event: Loaded) -> None:
            self._held = request
            then(event)

        def failed(error: MaskVizError) -> None:
            if isinstance(error, CannotBuild):
                self._held = before  # nothing was put in its place
            refused(error)

        # whatever else comes of it, the engine may hold another network from now on
        before, self._held, self._sent = self._held, None, None
        self._ask(request, loaded, failed)

    def _loaded(self, opening: Opening, event: Loaded) -> None:
        network = event.network.with_pads(*self.pads)
        self._note(network.notes)
        try:
            batch, notes = first_batch(opening.batch, network)
        except MaskVizError as error:
            self.failed.emit(named(error, opening.batch if isinstance(opening.batch, str) else ""))
            batch, notes = None, ()
        self._note(notes)
        show = self._show_opened if opening.swap is None else partial(self._trace_unseen, event)
        if batch is not None:
            show(opening, network, batch)
            return

        def made(answer: Any) -> None:
            self.noticed.emit(f"The batch is {answer.batch.source}: {described(answer.batch)}. Drop an .npz file to use your own.")
            show(opening, network, repadded(complete(answer.batch, event.network), event.network, network))

        self._ask(Generate(self.seed), made, self._open_refused)

    def _show_opened(self, opening: Opening, network: Network, batch: Batch) -> None:
        self._opening, self._opened = None, opening.request
        path = opening.request.path if isinstance(opening.request, Load) and not opening.scratch else None
        edited = isinstance(opening.batch, Batch) and not opening.saved and not self.document.undo_stack.isClean()
        self.document.open(opening.title, path, opening.graph, network, batch)
        if edited:
            self.document.undo_stack.resetClean()  # edits of the batch that was kept are still not saved

    def _open_refused(self, error: MaskVizError) -> None:
        if isinstance(error, NeedsConsent):
            self.consent_needed.emit(error)  # the preview stays while the user decides
            return
        swap = self._opening.swap if self._opening is not None else None
        self.give_up()
        (self.failed.emit if swap is None else swap.refused)(error)

    def _trace_unseen(self, event: Loaded, opening: Opening, network: Network, batch: Batch) -> None:
        """Trace what the engine holds while something else is still on screen."""
        then = partial(self._swap, event, opening, network, batch)
        self._ask(RunTrace(batch), then, self._open_refused, expected=batch)

    def _swap(self, event: Loaded, opening: Opening, network: Network, batch: Batch, answer: tuple[Traced, Trace | None]) -> None:
        """Show a network and its trace in place of what is open."""
        swap, trace = opening.swap, answer[1]
        assert swap is not None
        if trace is None:
            self._open_refused(EngineFailed("The engine sent a result that cannot be read: restart it with Device ▸ Restart the engine."))
        elif self.document.batch is not swap.shown:  # it was edited in the meantime
            newest = self.document.batch
            self._opening = replace(opening, batch=newest, swap=replace(swap, shown=newest))
            self._loaded(self._opening, event)
        else:
            self._opening, self._opened, self._tracing, self._sent = None, opening.request, batch, batch
            self.document.change(opening.title, opening.graph, network, batch, trace)
            self._traced((answer[0], trace))
            swap.done(event)

    def _device_changed(self, event: DeviceInUse) -> None:
        self._device = self.document.device = event.device
        self.document.engine_changed.emit()
        self._trace()

    # tracing

    def _follow_batch(self) -> None:
        if self.document.batch is None:
            return
        self.document.set_stale(True)
        self._settle.stop()
        self._trace()

    def _trace(self) -> None:
        """Have the newest batch traced, unless a trace runs (the newest batch follows it) or the engine is down."""
        batch = self.document.batch
        if batch is None or self._opened is None or self._opening is not None or self._tracing is not None:
            return
        if self.document.engine.kind == "failed":
            return
        self._tracing = batch
        if self._held is not self._opened:
            self._hold(self._opened, lambda event: self._send(), self._trace_refused)
        else:
            self._send()

    def _send(self) -> None:
        batch = self._tracing = self.document.batch
        assert batch is not None
        rows = None if self._sent is None else changed_rows(self._sent, batch)
        request = RunTrace(batch) if rows is None else RunTrace(some_rows(batch, rows), rows)
        self._sent = batch
        self._ask(request, self._traced, self._trace_refused, quiet=rows is not None, expected=batch)

    def _traced(self, answer: tuple[Traced, Trace | None]) -> None:
        event, trace = answer
        batch, self._tracing = self._tracing, None
        if trace is None and event.recording.rows is not None:  # they did not fit what is kept: send all of the batch
            self._sent = None
            self._trace()
            return
        if trace is None:
            self._sent = None
            self.failed.emit(EngineFailed("The engine sent a result that cannot be read: restart it with Device ▸ Restart the engine."))
            return
        self._deaths = 0
        self.document.device = event.device
        newest = batch is self.document.batch
        self.document.show_trace(trace, event.seconds, stale=not newest)
        if newest and self._sent is batch:
            self._settle.start()
        else:
            self._trace()

    def _trace_refused(self, error: MaskVizError) -> None:
        batch, self._tracing, self._sent = self._tracing, None, None
        if batch is not self.document.batch:
            self._trace()
            return
        if self.document.take_back_trial():
            self._trace()
            error = UnusableInput(f"{error} The edit was taken back.", error.details)
        self.failed.emit(error)

    def _evaluate(self) -> None:
        """Once the edits rest, ask Keras itself what it reports: the sum is always checked."""
        if self.document.trace is not None and self._tracing is None and self._opening is None and self.exchange.running:
            self._ask(Evaluate(), self._evaluated, lambda error: self.noticed.emit(str(error)), quiet=True)

    def _evaluated(self, answer: tuple[Event, Trace | None]) -> None:
        trace = answer[1]
        if trace is not None and self._tracing is None and not self.document.stale:
            self.document.show_trace(trace, None, stale=False)

    # the engine's answers

    def _ask(
        self,
        request: Request,
        then: Callable[[Any], None],
        refused: Callable[[MaskVizError], None] | None = None,
        quiet: bool = False,
        expected: Batch | None = None,
    ) -> int:
        """Send a request; its number. A ``quiet`` one is not announced; ``expected`` is the whole batch that the answer is about."""
        if not self.exchange.running and self._held is not None:
            return 0  # it has just died: Died is on its way, and takes up from there
        if not self.exchange.running:
            self._set_engine("starting", STARTING)
        elif not quiet:
            self._set_engine("busy", working_sentence(request))
        return self.exchange.ask(request, then, refused or self.failed.emit, expected)

    def _hear(self, event: Ready | Progress | Died) -> None:
        match event:
            case Ready():
                self.document.devices = event.devices
                self.document.device = self._device or event.devices[0]
                waiting = self.exchange.waiting
                self._set_engine("busy" if waiting else "idle", "loading the network…" if waiting else "")
            case Progress():
                self._set_engine("busy", f"{event.sentence}…")
            case Died():
                self._died(event)

    def _rest(self) -> None:
        if not self.exchange.waiting:
            self._set_engine("idle", "")

    def _died(self, event: Died) -> None:
        """Say so and start a new process; when they keep dying, wait for the user to change something."""
        self._deaths += 1
        if self._opening is not None:
            self._opening = None
            self.document.end_preview()
        if self._deaths > MOST_RESTARTS:
            self._forget()
            self._held = None
            self._set_engine("failed", event.sentence)
            self.failed.emit(EngineFailed(f"{event.sentence} Undo the last edit or open another file, then restart it.", event.details))
            return
        self.document.set_stale(self.document.trace is not None)
        self.failed.emit(EngineFailed(f"{event.sentence} It is being restarted.", event.details))
        self._start_anew()

    def _start_anew(self) -> None:
        self._forget()
        self._held = None
        self.exchange.client.restart()
        self._set_engine("starting", STARTING)
        if self._device is not None:
            self._ask(UseDevice(self._device), lambda event: None)
        if self._opening is not None:
            self._load(self._opening)
        else:
            self._trace()

    def _say_slow(self) -> None:
        self.noticed.emit("The engine has not answered for a minute: wait on, or stop it with Device ▸ Restart the engine.")

    def _set_engine(self, kind: Any, sentence: str) -> None:
        self.document.set_engine(EngineState(kind, sentence))

    def _note(self, notes: tuple[str, ...]) -> None:
        for note in notes:
            self.noticed.emit(note)
