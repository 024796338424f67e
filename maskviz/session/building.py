"""The builder's stack: edits of it are undo steps beside those of the batch; when they rest, the engine builds it and traces it unseen.

What is open stays on screen until the new network is there with its trace, and all along where a stack cannot be built.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoCommand

from maskviz.core.batch import Batch
from maskviz.core.builder import CannotBuild, Stack, problems
from maskviz.core.errors import MaskVizError
from maskviz.core.graph import Graph
from maskviz.core.layer_forms import Forms
from maskviz.core.messages import AskForms, AskStack, BuildStack, FormsKnown, Load, Loaded, Opens, StackKnown
from maskviz.session.commands import NOT_MERGED
from maskviz.session.document import Document
from maskviz.session.opening import Opening, Swap

REST_MS = 350
EDITED = " (edited)"
STOPPED = "The engine was stopped while it built this; change something to build again."


@dataclass(frozen=True)
class Trouble:
    """Why the stack is not what is open; ``row`` as in ``core.builder.CannotBuild``."""

    sentence: str
    row: int | None = None


class Engine(Protocol):
    """What builds: ``session.jobs.Jobs``."""

    forgot: Any

    @property
    def settled(self) -> bool: ...

    @property
    def opened(self) -> Opens | None: ...

    def ask(self, request: AskStack | AskForms, then: Callable[[Any], None], refused: Callable[[MaskVizError], None]) -> int: ...

    def rebuild(self, opening: Opening) -> None: ...


class BuilderStep(QUndoCommand):
    """One edit of the stack. Going back also brings the batch back that belonged to it."""

    def __init__(self, building: Building, before: Stack, after: Stack, text: str, gesture: int) -> None:
        super().__init__(text)
        self._building = building
        self._before, self._after = before, after
        self._batch_before: Batch | None = None
        self._batch_after: Batch | None = None
        self._gesture = gesture

    def id(self) -> int:
        return self._gesture

    def mergeWith(self, other: QUndoCommand) -> bool:
        assert isinstance(other, BuilderStep)
        self._after = other._after
        self.setText(other.text())
        return True

    def redo(self) -> None:
        self._batch_before = self._building.use(self._after, self._batch_after)

    def undo(self) -> None:
        self._batch_after = self._building.use(self._before, self._batch_before)


class Building(QObject):
    """``changed``: the stack, what is wrong with it, or how far it is. ``refused`` carries why a network cannot be opened here.

    ``stack`` is None while nothing is being built; ``kept`` counts the weights that are still those of the network it was made of, and
    all weights.
    """

    changed = Signal()
    refused = Signal(object)
    noticed = Signal(str)

    def __init__(self, document: Document, jobs: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._jobs = jobs
        self.stack: Stack | None = None
        self.forms: Forms | None = None
        self.trouble: Trouble | None = None
        self.kept: tuple[int, int] | None = None
        self.is_building = False
        self._opening = False
        self._origin: str | None = None
        self._title = ""
        self._of: tuple[Opens | None, ...] = ()  # what may be open while this stack is edited
        self._built: Stack | None = None
        self._batch: Batch | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._build)
        document.network_changed.connect(self._on_network)
        document.trace_changed.connect(self._go_on)
        document.stale_changed.connect(self._go_on)
        jobs.forgot.connect(self._lost)

    # what the window asks for

    def open(self) -> None:
        """Take up the network that is open, now or as soon as it has been traced. ``refused`` says why one is no stack."""
        if not self._opening and (self.stack is None or not self._jobs.settled):
            self._opening = True
            self.changed.emit()
            self._go_on()

    def close(self) -> None:
        """Leave the builder; the network that is open stays."""
        self._rest.stop()
        self.stack = self.trouble = self.kept = self._built = None
        self.is_building = False
        self.changed.emit()

    def edit(self, after: Stack, text: str, gesture: int = NOT_MERGED) -> None:
        """Make ``after`` the stack, as one undo step named ``text``; edits of the same ``gesture`` > 0 become one step."""
        if self.stack is not None and after != self.stack:
            self._document.undo_stack.push(BuilderStep(self, self.stack, after, text, gesture))

    @property
    def is_opening(self) -> bool:
        """Whether the network is on its way into the builder."""
        return self._opening

    # opening

    def _go_on(self) -> None:
        if not self._opening or not self._jobs.settled:
            return
        self._opening = False
        document, opened = self._document, self._jobs.opened
        if self.stack is not None:
            return  # it is in the builder already
        origin = opened.path if isinstance(opened, Load) else None

        def known(event: StackKnown) -> None:
            self.stack = self._built = event.stack
            self.trouble = self.kept = None
            self._origin = origin
            self._title = f"{Path(document.title).stem.removesuffix(EDITED)}{EDITED}"
            self._of = (opened,)
            for note in event.notes:
                self.noticed.emit(note)
            self.changed.emit()

        def refused(error: MaskVizError) -> None:
            self.changed.emit()
            self.refused.emit(error)

        if self.forms is None:
            self._jobs.ask(AskForms(), self._take_forms, refused)
        self._jobs.ask(AskStack(origin), known, refused)

    def _take_forms(self, event: FormsKnown) -> None:
        self.forms = event.forms
        self.changed.emit()

    def _on_network(self) -> None:
        if self.stack is not None and self._jobs.opened not in self._of:
            self.close()

    # building

    def use(self, stack: Stack, batch: Batch | None) -> Batch | None:
        """Make this the stack, for undo steps; ``batch`` is the one to go with it, None: the one that is shown, which is given back."""
        shown = self._document.batch
        self.stack, self._batch = stack, batch
        found = problems(stack)
        number = next(iter(found), None)
        self.trouble = Trouble(found[number], number) if number is not None else None
        self._rest.start()
        self.changed.emit()
        return shown

    def _build(self) -> None:
        if self.stack is None or self.trouble is not None:
            return
        if self.stack == self._built and not self.is_building:
            return
        stack, document = self.stack, self._document
        request = BuildStack(stack.to_dict(), self._origin)

        def done(event: Loaded) -> None:
            self.is_building = False
            self.trouble = None if self.stack is stack else self.trouble
            self._built, self._of = stack, (request,)
            self.kept = (event.kept, event.weights)
            self.changed.emit()

        def refused(error: MaskVizError) -> None:
            self.is_building = False
            if self.stack is stack:
                self.trouble = Trouble(str(error), error.row if isinstance(error, CannotBuild) else row_in(stack, error.details))
            self.changed.emit()

        self._of = (*self._of, request)
        batch, self._batch = self._batch or document.batch, None
        self.is_building = False  # what is being built is not waited for any more
        self._jobs.rebuild(Opening(request, self._title, Graph(), batch, swap=Swap(done, refused, document.batch)))
        self.is_building = True
        self.changed.emit()

    def _lost(self) -> None:
        """The engine was started anew, or something else is being asked of it: what was being built does not come."""
        if self.is_building:
            self.is_building = False
            self.trouble = Trouble(STOPPED)
            self.changed.emit()


def row_in(stack: Stack, details: str) -> int | None:
    """The row that a backend's message names, in a node of its graph or as a layer; None where it names none."""
    for node in re.findall(r"\{\{node ([^}]+)\}\}|layer [\"']([^\"']+)[\"']", details):
        for part in reversed("/".join(node).split("/")):
            place = stack.place(part)
            place = stack.place(re.sub(r"_\d+$", "", part)) if place is None else place
            if place is not None:
                return place
    return None
