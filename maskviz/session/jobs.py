"""Jobs: what the window asks for, carried out by the engine; answers go into the document.

One trace runs at a time; while it runs only the newest batch waits. Every request is asked with what shall happen to its answer and to
its refusal, and opening another file forgets all that was asked before. What the engine holds (``_held``) is compared with what the
document shows (``opened``) before a trace, so that a batch never meets another network than its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from maskviz.core.batch import Batch, rows_to_send, some_rows
from maskviz.core.builder import CannotBuild
from maskviz.core.errors import EngineFailed, MaskVizError, UnusableInput
from maskviz.core.graph import Graph
from maskviz.core.messages import (
    Build,
    DeviceInUse,
    Died,
    Evaluate,
    Event,
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
from maskviz.core.trace import Trace
from maskviz.engine.client import EngineClient
from maskviz.session.document import Document, EngineState
from maskviz.session.exchange import Exchange
from maskviz.session.opener import UNREADABLE, Opener
from maskviz.session.opening import Opening, of_example, of_file, working_sentence
from maskviz.session.warming import warm

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
        self._opener = Opener(self)
        self._held: Opens | None = None
        self._device: str | None = None
        self._deaths = self._saving = 0
        self._tracing: Batch | None = None
        self._sent: Batch | None = None
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._evaluate)
        self.exchange.warm = partial(warm, document)
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
    ) -> bool:
        """Open a network file: its graph at once, masks and heatmaps when the engine answers; whether it can be one."""
        return self._open_made(lambda: of_file(Load(str(path), custom, unsafe, loss), batch, isinstance(batch, Batch)))

    def open_example(self, name: str, batch: Batch | None = None) -> bool:
        """Open a network of the gallery with its batch, or another; whether it is there."""
        return self._open_made(lambda: of_example(name, batch))

    def new_network(self, template: str, options: dict[str, Any]) -> None:
        """Build a network from a template."""
        self._opener.open(Opening(Build(template, dict(options)), template.replace("_", " "), Graph()))

    def reload(self) -> None:
        """Load the network's file again, keeping the batch where it still fits."""
        opened, document = self.opened, self.document
        if isinstance(opened, Load):
            self._open_made(lambda: replace(of_file(opened, document.batch), title=document.title))

    def open_copy(self, path: str) -> None:
        """Open a changed copy of the network that is open, allowed what the network was, on the batch that is shown."""
        opened = self.opened
        load = replace(opened, path=path) if isinstance(opened, Load) else Load(path)
        self._open_made(lambda: replace(of_file(load, self.document.batch), scratch=True))

    def rebuild(self, opening: Opening) -> None:
        """Have a network built in place of what is open, which stays on screen until the new one is traced (``opening.swap``)."""
        self._opener.rebuild(opening)

    def give_up(self) -> None:
        """Do not open what was being opened; what was open before comes back."""
        if self._opener.drop():
            self._trace()

    def open_batch(self, path: str) -> None:
        """Load a batch for the open network; it is an edit that can be undone, and one that the network refuses is taken back."""
        self._opener.open_batch(path)

    def save_network(self, path: str) -> None:
        """Save the network as a ``.keras`` file."""
        self._saving = self.ask(Save(path), lambda event: self.saved.emit(event.path))

    @property
    def saving(self) -> bool:
        """Whether the engine writes the network to a file that was asked for."""
        return self.exchange.waits_for(self._saving)

    def use_device(self, name: str) -> None:
        """Compute on another device from now on; the batch is traced anew there."""
        self._sent = None
        self.ask(UseDevice(name), self._device_changed)

    def restart_engine(self) -> None:
        """Stop the engine whatever it does, start it anew, and take up where the document stands."""
        self._deaths = 0
        self._start_anew()

    def stop(self) -> bool:
        """Stop what the engine does and go back to what was there before; whether anything was to be stopped.

        What was being opened is not opened; an edit whose trace takes too long is taken back.
        """
        if self._opener.reading:
            self._opener.stop_reading()
            self.give_up()
            self.rest()
            return True
        if not self.exchange.waiting:
            return False
        if self._opener.drop():
            pass
        elif self._tracing is not None and self.document.trace is not None and self.document.undo_stack.canUndo():
            self.document.undo_stack.undo()
        elif self._tracing is not None:
            self.forget()
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
        return self._opener.opened

    def configure(self, environment: dict[str, str]) -> None:
        """Environment variables for the engine's process, from its next start on."""
        self.exchange.client.environment = environment

    @property
    def settled(self) -> bool:
        """Whether the engine holds the batch that is shown, and its trace is there."""
        here = self._opener.opening is None and self._tracing is None and self._held is not None and self._held is self.opened
        return here and self._sent is not None and self._sent is self.document.batch and self.document.trace is not None

    def ask(
        self,
        request: Request,
        then: Callable[[Any], None],
        refused: Callable[[MaskVizError], None] | None = None,
        quiet: bool = False,
        expected: Batch | None = None,
    ) -> int:
        """Ask something about the batch that was traced last; a number for ``cancel``. Ask when ``settled``, or it may go unanswered.

        A ``quiet`` request is not announced; ``expected`` is the whole batch that the answer is about.
        """
        if not self.exchange.running and self._held is not None:
            return 0  # it has just died: Died is on its way, and takes up from there
        if not self.exchange.running:
            self._set_engine("starting", STARTING)
        elif not quiet:
            self._set_engine("busy", working_sentence(request))
        return self.exchange.ask(request, then, refused or self.failed.emit, expected)

    def cancel(self, number: int) -> None:
        """Stop what was asked under this number, as soon as the engine can; its answer is not wanted any more."""
        self.exchange.cancel(number)

    def close(self) -> None:
        """End the engine's process."""
        self._settle.stop()
        self.exchange.close()

    # what the opener asks for

    def hold(self, request: Opens, then: Callable[[Loaded], None], refused: Callable[[MaskVizError], None]) -> None:
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
        self.ask(request, loaded, failed)

    def forget(self) -> None:
        """Nothing that was asked for so far is wanted any more."""
        self.exchange.forget()
        self._opener.forget()
        self._settle.stop()
        self._tracing = self._sent = None
        self.forgot.emit()

    def show_traced(self, batch: Batch, answer: tuple[Traced, Trace | None], show: Callable[[], None]) -> None:
        """Have ``show`` put a batch on screen that was traced before anybody saw it."""
        self._tracing = self._sent = batch
        show()
        self._traced(answer)

    def note(self, notes: tuple[str, ...]) -> None:
        """Tell the user what a network or a batch is to be read with."""
        for note in notes:
            self.noticed.emit(note)

    def say(self, sentence: str) -> None:
        """Say what is done beside the engine, while that runs."""
        if self.document.engine.kind in ("idle", "busy"):
            self._set_engine("busy", sentence)

    def rest(self) -> None:
        """Say that nothing is done any more, if so."""
        if self.document.engine.kind == "busy":
            self._rest()

    def _open_made(self, make: Callable[[], Opening]) -> bool:
        try:
            opening = make()
        except MaskVizError as error:
            self.failed.emit(error)
            return False
        self._opener.open(opening)
        return True

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
        if batch is None or self.opened is None or self._opener.opening is not None or self._tracing is not None:
            return
        if self.document.engine.kind == "failed":
            return
        self._tracing = batch
        if self._held is not self.opened:
            self.hold(self.opened, lambda event: self._send(), self._trace_refused)
        else:
            self._send()

    def _send(self) -> None:
        batch = self._tracing = self.document.batch
        assert batch is not None
        rows, self._sent = rows_to_send(self._sent, batch), batch
        request = RunTrace(batch) if rows is None else RunTrace(some_rows(batch, rows), rows)
        self.ask(request, self._traced, self._trace_refused, quiet=rows is not None, expected=batch)

    def _traced(self, answer: tuple[Traced, Trace | None]) -> None:
        event, trace = answer
        batch, self._tracing = self._tracing, None
        if trace is None and event.recording.rows is not None:  # they did not fit what is kept: send all of the batch
            self._sent = None
            self._trace()
            return
        if trace is None:
            self._sent = None
            self.failed.emit(EngineFailed(UNREADABLE))
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
        if self.document.trace is not None and self._tracing is None and self._opener.opening is None and self.exchange.running:
            self.ask(Evaluate(), self._evaluated, lambda error: self.noticed.emit(str(error)), quiet=True)

    def _evaluated(self, answer: tuple[Event, Trace | None]) -> None:
        trace = answer[1]
        if trace is not None and self._tracing is None and not self.document.stale:
            self.document.show_trace(trace, None, stale=False)

    # the engine's answers

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
        if not self.exchange.waiting and not self._opener.reading:
            self._set_engine("idle", "")

    def _died(self, event: Died) -> None:
        """Say so and start a new process; when they keep dying, wait for the user to change something."""
        self._deaths += 1
        self._opener.drop()
        if self._deaths > MOST_RESTARTS:
            self.forget()
            self._held = None
            self._set_engine("failed", event.sentence)
            self.failed.emit(EngineFailed(f"{event.sentence} Undo the last edit or open another file, then restart it.", event.details))
            return
        self.document.set_stale(self.document.trace is not None)
        self.failed.emit(EngineFailed(f"{event.sentence} It is being restarted.", event.details))
        self._start_anew()

    def _start_anew(self) -> None:
        self.forget()
        self._held = None
        self.exchange.client.restart()
        self._set_engine("starting", STARTING)
        if self._device is not None:
            self.ask(UseDevice(self._device), lambda event: None)
        if self._opener.opening is not None:
            self._opener.load(self._opener.opening)
        else:
            self._trace()

    def _say_slow(self) -> None:
        self.noticed.emit("The engine has not answered for a minute: wait on, or stop it with Device ▸ Restart the engine.")

    def _set_engine(self, kind: Any, sentence: str) -> None:
        self.document.set_engine(EngineState(kind, sentence))
