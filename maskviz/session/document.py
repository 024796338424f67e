"""What is open: the network, its batch with undo history, the newest trace, and the one selection every view shares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from maskviz.core.batch import Batch
from maskviz.core.graph import Graph
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.session.commands import NOT_MERGED, EditBatch


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
class EngineState:
    """What the engine does right now: a kind and one sentence for the status line."""

    kind: Literal["off", "starting", "idle", "busy", "failed"] = "off"
    sentence: str = ""


class Document(QObject):
    """The state of the window. Views read it, listen to its signals and call ``select`` and ``edit``; they never compute.

    ``network_changed`` another file or another graph; ``batch_changed`` an edit or another batch; ``trace_changed`` a new
    result (or none); ``selection_changed``; ``stale_changed`` results are older than the batch; ``engine_changed``.
    """

    network_changed = Signal()
    batch_changed = Signal()
    trace_changed = Signal()
    selection_changed = Signal()
    stale_changed = Signal(bool)
    engine_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title: str = ""
        self.path: str | None = None
        self.graph: Graph = Graph()
        self.network: Network | None = None
        self.batch: Batch | None = None
        self.trace: Trace | None = None
        self.stale = False
        self.device: str = ""
        self.devices: tuple[str, ...] = ()
        self.recompute_seconds: float | None = None
        self.selection = Selection()
        self.engine = EngineState()
        self.undo_stack = QUndoStack(self)

    def select(self, **changes: Any) -> None:
        """Change part of the selection (``sample=3, step=17``); numbers are clamped to the batch."""
        new = replace(self.selection, **changes)
        if self.batch is not None and self.batch.size:
            new = replace(new, sample=min(max(new.sample, 0), self.batch.size - 1), step=min(max(new.step, 0), self.time_steps - 1))
        if new != self.selection:
            self.selection = new
            self.selection_changed.emit()

    @property
    def time_steps(self) -> int:
        """Length of the shared time axis: the longest input or output of the network on this batch, at least 1."""
        if self.batch is None:
            return 1
        lengths = [p.shape[1] for p in self.batch.padding.values()]
        if self.trace is not None:
            lengths += [self.trace.outputs[o.name].shape[1] for o in self.trace.network_outputs if o.has_time]
        return max(lengths, default=1)

    def edit(self, after: Batch, text: str, gesture: int = NOT_MERGED) -> None:
        """Make ``after`` the batch, as one undo step named ``text``; edits with the same ``gesture`` > 0 become one step."""
        if self.batch is not None and after is not self.batch:
            self.undo_stack.push(EditBatch(self, self.batch, after, text, gesture))

    def _set_batch(self, batch: Batch) -> None:
        self.batch = batch
        self.batch_changed.emit()
