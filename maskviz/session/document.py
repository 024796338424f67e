"""What is open: the network, its batch with undo history, the newest trace, and the one selection every view shares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from maskviz.core.batch import Batch
from maskviz.core.batch_change import Change
from maskviz.core.graph import Graph
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.session.commands import NOT_MERGED, EditBatch, History
from maskviz.session.comparison import Comparison


@dataclass(frozen=True, slots=True)
class Selection:
    """The one selection: a call (``call`` is its id, or ``loss:NAME``), a network output, a sample, a timestep of the shared
    time axis, and the unit of the predictions shown."""

    call: str | None = None
    output: str | None = None
    sample: int = 0
    step: int = 0
    unit: int = 0


@dataclass(frozen=True, slots=True)
class Region:
    """Samples and timesteps marked by hand, for edits of all of them: ``first`` to ``last`` of the shared time axis, both included."""

    samples: tuple[int, ...]
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Spotlight:
    """Steps ``(batch, time)`` bool that heatmaps point out, such as those behind a number of the ledger, and what they are."""

    title: str
    steps: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EngineState:
    """What the engine does right now: a kind and one sentence for the status line."""

    kind: Literal["off", "starting", "idle", "busy", "failed"] = "off"
    sentence: str = ""


@dataclass(frozen=True)
class Opened:
    """All that belongs to one open network."""

    title: str
    path: str | None
    graph: Graph
    network: Network | None
    batch: Batch | None
    trace: Trace | None
    selection: Selection

    @property
    def time_steps(self) -> int:
        """Length of the shared time axis, as ``Document.time_steps``."""
        return steps_of(self.batch, self.trace)


def steps_of(batch: Batch | None, trace: Trace | None) -> int:
    """The longest input or output of a network on a batch, at least 1."""
    if batch is None:
        return 1
    lengths = [p.shape[1] for p in batch.padding.values()]
    if trace is not None:
        lengths += [p.shape[1] for p in trace.padding.values()]  # text has steps only in the network
        lengths += [trace.outputs[o.name].shape[1] for o in trace.network_outputs if o.has_time]
    return max(lengths, default=1)


def shapes_of(batch: Batch) -> dict[str, tuple[int, ...]]:
    """Samples and timesteps of every input."""
    return {name: x.shape[:2] for name, x in batch.x.items()}


class Document(QObject):
    """The state of the window. Views read it, listen to its signals and call ``select`` and ``edit``; they never compute.

    ``network_changed`` another file or another graph; ``batch_changed`` an edit or another batch; ``trace_changed`` a new
    result (or none); ``selection_changed``; ``region_changed`` and ``spotlight_changed`` what is marked or pointed out;
    ``stale_changed`` results are older than the batch; ``engine_changed``.
    """

    network_changed = Signal()
    batch_changed = Signal()
    trace_changed = Signal()
    selection_changed = Signal()
    region_changed = Signal()
    spotlight_changed = Signal()
    stale_changed = Signal(bool)
    engine_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title: str = ""
        self.path: str | None = None
        self.graph: Graph = Graph()
        self._aside: Opened | None = None
        self.same_batch = False
        """Whether what was opened last shows the batch of what was open before it: a repaired copy, or the file loaded again."""
        self._gestures = 0
        self._on_trial: tuple[Batch, EditBatch] | None = None
        self._travelling = False
        self.network: Network | None = None
        self.batch: Batch | None = None
        self.trace: Trace | None = None
        self.stale = False
        self.device: str = ""
        self.devices: tuple[str, ...] = ()
        self.recompute_seconds: float | None = None
        self.selection = Selection()
        self.region: Region | None = None
        self.spotlight: Spotlight | None = None
        self.engine = EngineState()
        self.undo_stack = QUndoStack(self)
        self._history = History(self.undo_stack, self._set_batch)
        self.comparison = Comparison(self)
        """Which state is pinned as A, and what views show of it."""

    def select(self, **changes: Any) -> None:
        """Change part of the selection (``sample=3, step=17``); numbers are clamped to the batch that is shown."""
        new, batch = replace(self.selection, **changes), self.comparison.shown().batch
        if batch is not None and batch.size:
            new = replace(new, sample=min(max(new.sample, 0), batch.size - 1), step=min(max(new.step, 0), self.time_steps - 1))
        if new != self.selection:
            self.selection = new
            self.selection_changed.emit()

    def mark(self, region: Region | None) -> None:
        """Mark samples and timesteps, or nothing any more."""
        if region != self.region:
            self.region = region
            self.region_changed.emit()

    def point_out(self, spotlight: Spotlight | None) -> None:
        """Have the heatmaps point out some steps, or none any more."""
        if spotlight is not self.spotlight:
            self.spotlight = spotlight
            self.spotlight_changed.emit()

    @property
    def time_steps(self) -> int:
        """Length of the shared time axis: the longest input or output of the network that is shown on its batch, at least 1."""
        return self.comparison.shown().time_steps

    def new_gesture(self) -> int:
        """A number for the edits of one gesture, such as a drag: edits of the same number become one undo step."""
        self._gestures += 1
        return self._gestures

    def edit(self, after: Batch, text: str, gesture: int = NOT_MERGED, on_trial: bool = False, change: Change | None = None) -> None:
        """Make ``after`` the batch, as one undo step named ``text``; edits with the same ``gesture`` > 0 become one step.

        An edit ``on_trial`` is taken back by ``take_back_trial`` when it turns out that the network cannot run on it. ``change`` is what it
        changes, where that is known already. While A is shown nothing is edited.
        """
        if self.batch is not None and after is not self.batch and self.comparison.may_edit():
            command = EditBatch(self._history, self.batch, after, text, gesture, change)
            self._on_trial = (after, command) if on_trial else None
            self._history.push(command)

    def go_to(self, step: int) -> None:
        """Undo or redo up to a step of the history, 0 being the batch as it was opened; views are told once."""
        before, self._travelling = self.batch, True
        try:
            self.undo_stack.setIndex(step)
        finally:
            self._travelling = False
        if self.batch is not before:
            self._tell_edit(before)

    def take_back_trial(self) -> bool:
        """Undo the newest edit if it was made on trial; whether it was."""
        trial, self._on_trial = self._on_trial, None
        if trial is None or trial[0] is not self.batch:
            return False
        trial[1].refused = True
        self.undo_stack.undo()
        return True

    def show_preview(self, title: str, graph: Graph) -> None:
        """Show the graph of a file that is being loaded. What was open is set aside, and comes back if loading fails."""
        if self._aside is None:
            self._aside = self.now()
        self._put(Opened(title, None, graph, None, None, None, Selection()))

    def now(self) -> Opened:
        """Everything that belongs to what is open, as one frozen value."""
        return Opened(self.title, self.path, self.graph, self.network, self.batch, self.trace, self.selection)

    def end_preview(self) -> None:
        """Back to what was open, when the file could not be loaded."""
        if self._aside is not None:
            opened, self._aside = self._aside, None
            self.same_batch = True
            self._put(opened)

    def open(self, title: str, path: str | None, graph: Graph, network: Network, batch: Batch, same_batch: bool = False) -> None:
        """Replace what is open by a loaded network and its first batch; the undo history starts anew. Of the ``same_batch`` as before the
        same sample and timestep stay selected."""
        before = self._aside.selection if same_batch and self._aside is not None else Selection()
        call = self.selection.call or (before.call if before.call in graph.by_id else None)
        self._aside, self.same_batch = None, same_batch
        self._history.open(batch)
        self.recompute_seconds = None
        output = network.outputs[0].name if network.outputs else None
        self._put(Opened(title, path, graph, network, batch, None, replace(before, call=call, output=output, unit=0)))

    def change(self, title: str, graph: Graph, network: Network, batch: Batch, trace: Trace) -> None:
        """Replace what is open by another form of it and its result at once, as the builder does: history and selection stay."""
        self._aside = None
        names = [o.name for o in network.outputs]
        output = self.selection.output if self.selection.output in names else next(iter(names), None)
        self._put(Opened(title, None, graph, network, batch, trace, replace(self.selection, output=output)))
        self.select()

    def _put(self, opened: Opened) -> None:
        self.title, self.path, self.graph, self.network = opened.title, opened.path, opened.graph, opened.network
        self.batch, self.trace, self.selection = opened.batch, opened.trace, opened.selection
        self.mark(None)
        self.point_out(None)
        self.network_changed.emit()
        self.trace_changed.emit()
        self.selection_changed.emit()
        self.batch_changed.emit()

    def show_trace(self, trace: Trace, seconds: float | None, stale: bool) -> None:
        """Replace the result. ``seconds`` is how long the recompute took, None to leave what is shown."""
        self.trace = trace
        if seconds is not None:
            self.recompute_seconds = seconds
        self.trace_changed.emit()
        self.select()  # the time axis may have become shorter
        self.set_stale(stale)

    def set_stale(self, stale: bool) -> None:
        """Say whether the results are older than the batch."""
        if stale != self.stale:
            self.stale = stale
            self.stale_changed.emit(stale)

    def set_engine(self, state: EngineState) -> None:
        """Say what the engine does."""
        if state != self.engine:
            self.engine = state
            self.engine_changed.emit()

    def _set_batch(self, batch: Batch) -> None:
        if self._aside is not None:  # an undo while another file is being loaded
            self._aside = replace(self._aside, batch=batch)
            return
        before, self.batch = self.batch, batch
        if not self._travelling:
            self._tell_edit(before)

    def _tell_edit(self, before: Batch | None) -> None:
        if before is None or self.batch is None or shapes_of(before) != shapes_of(self.batch):
            self.mark(None)
        self.batch_changed.emit()
        self.select()  # the selected sample may be gone
