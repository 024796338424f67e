"""What is asked about the state that is pinned as A: the engine keeps its network and its batch, and answers when a view wants to know.

Nothing about A changes, so that an answer is kept until something else is pinned. An engine that was started anew has lost A: its
network is then loaded again beside the one that is open, which takes as long as opening it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal

from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch
from maskviz.core.errors import MaskVizError, UnusableInput
from maskviz.core.graph import Graph
from maskviz.core.messages import Answered, Load, OfPinned, Opens, Pin, PinAgain, PinnedAgain
from maskviz.core.probes import QUICK, Answer, Ask
from maskviz.core.trace import Trace
from maskviz.session.aside import Aside
from maskviz.session.asking import Asking
from maskviz.session.document import Document, Opened, Selection

CHANGED = "A cannot be asked any more: {name} has changed since it was pinned. Open it and pin it again."


class Engine(Protocol):
    """What answers: ``session.jobs.Jobs``."""

    forgot: Any

    @property
    def settled(self) -> bool: ...

    @property
    def opened(self) -> Opens | None: ...

    def ask(self, request: Any, then: Callable[[Any], None], refused: Callable[[MaskVizError], None], quiet: bool) -> int: ...

    def cancel(self, number: int) -> None: ...


@dataclass(frozen=True, eq=False)
class Saved:
    """A state that a session kept as its A. ``of`` is the request for its network, None where it is the network that is open."""

    title: str
    path: str | None
    graph: Graph
    batch: Batch
    selection: Selection
    of: Opens | None = None


@dataclass(frozen=True, eq=False)
class Taking:
    """A saved state that is to be A, and whom to tell."""

    saved: Saved
    then: Callable[[Opened], None]
    refused: Callable[[MaskVizError], None]


class PinnedQuestions(QObject):
    """Asks one question at a time about what is pinned. ``changed`` carries the question."""

    changed = Signal(object)

    def __init__(
        self, document: Document, engine: Engine, known: Callable[[], Mapping[Ask, Answer]], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._engine = engine
        self._known = known
        self._aside = Aside(self)
        self._pinned: Opened | None = None
        self._source: Opens | None = None
        self._stamp: tuple[int, int] | None = None
        self._there = False  # whether the engine keeps it
        self._bringing: int | None = None  # the request that has A taken up again
        self._taking: Taking | None = None
        self._answers: dict[Ask, Answer] = {}
        self._states: dict[Ask, Asking] = {}
        self._wanted: list[Ask] = []
        self._running: tuple[int, Ask] | None = None
        document.comparison.changed.connect(self._on_comparison)
        document.network_changed.connect(self._on_network)
        document.batch_changed.connect(self._on_batch)
        document.trace_changed.connect(self._go_on)
        document.stale_changed.connect(self._go_on)
        document.engine_changed.connect(self._on_engine)
        engine.forgot.connect(self._lost)

    def answer(self, question: Ask) -> Answer | None:
        """The answer, None as long as there is none."""
        return self._answers.get(question)

    def state(self, question: Ask) -> Asking:
        """How far the question is; an answer is never stale."""
        return self._states.get(question, Asking("answered") if question in self._answers else Asking())

    @property
    def running(self) -> Ask | None:
        """The question that the engine works on now."""
        return None if self._running is None else self._running[1]

    @property
    def source(self) -> Opens | None:
        """The request that the network of A came from."""
        return self._source

    def ask(self, question: Ask) -> None:
        """Ask now, or as soon as the engine has time."""
        if self._pinned is not None and question not in self._wanted and question != self.running and question not in self._answers:
            self._wanted.append(question)
            self._set(question, Asking("waiting"))
            self._go_on()

    def cancel(self, question: Ask) -> None:
        """Do not answer a question that waits or runs."""
        if question in self._wanted:
            self._wanted.remove(question)
        if self._running is not None and self._running[1] == question:
            self._engine.cancel(self._running[0])
            self._running = None
            self._go_on()
        if self.state(question).kind in ("waiting", "running"):
            self._set(question, Asking("stopped"))

    def stop(self) -> bool:
        """Stop what is asked about A, or the taking up of A; whether there was anything."""
        if self._running is not None:
            self.cancel(self._running[1])
            return True
        if self._bringing is None:
            return False
        self._engine.cancel(self._bringing)
        taking, self._taking, self._bringing = self._taking, None, None
        for question in [*self._wanted]:
            self.cancel(question)
        if taking is not None:
            taking.refused(UnusableInput("It was stopped."))
        return True

    # what is pinned

    def take_up(self, saved: Saved, then: Callable[[Opened], None], refused: Callable[[MaskVizError], None]) -> None:
        """Have the engine keep a state as A that a session had pinned, beside what is open; ``then`` gets it with its trace."""
        self._taking = Taking(saved, then, refused)
        self._go_on()

    def _take(self, taking: Taking) -> None:
        saved, network = taking.saved, self._document.network
        source = saved.of or self._engine.opened

        def there(event: PinnedAgain) -> None:
            def shown(trace: Trace) -> None:
                self._bringing = None
                if self._taking is taking:
                    known = network if saved.of is None else event.network
                    opened = Opened(saved.title, saved.path, saved.graph, known, saved.batch, trace, saved.selection)
                    self._taking = None
                    self._hold(opened, source, there=True)
                    taking.then(opened)

            self._aside.do(partial(trace_of, event.recording, saved.batch, event.device, event.seconds), shown, refused)

        def refused(error: MaskVizError) -> None:
            self._bringing = None
            if self._taking is taking:
                self._taking = None
                taking.refused(error)

        self._bringing = self._engine.ask(PinAgain(saved.batch, saved.of), there, refused, False)

    def _on_network(self) -> None:
        """Another network is open: what was pinned beside the one before is not taken up any more."""
        self._taking = None

    def _on_comparison(self) -> None:
        """Something else is pinned, or nothing any more: what was answered about it while it was open is still true."""
        pinned = self._document.comparison.pinned
        if pinned is self._pinned:
            return
        kept, self._taking = self._there, None
        self._hold(pinned, self._engine.opened, there=False)
        if pinned is None and kept:
            self._engine.ask(Pin(keep=False), _nothing, _nothing, True)
        elif pinned is not None and self._engine.settled:
            self._answers.update(self._known())
            self._there = True
            self._engine.ask(Pin(), _nothing, _nothing, True)

    def _hold(self, pinned: Opened | None, source: Opens | None, there: bool) -> None:
        if self._running is not None:
            self._engine.cancel(self._running[0])
        asked = [*self._states]
        self._running, self._bringing = None, None
        self._wanted.clear()
        self._answers.clear()
        self._states.clear()
        self._pinned, self._source, self._stamp, self._there = pinned, source, stamp_of(source), there
        for question in asked:
            self.changed.emit(question)

    def _bring_back(self) -> None:
        """Have the engine take up A again, which it lost when it was started anew."""
        pinned, source = self._pinned, self._source
        assert pinned is not None
        assert pinned.batch is not None
        if pinned.network is not self._document.network and (source is None or stamp_of(source) != self._stamp):
            self._refuse(UnusableInput(CHANGED.format(name=Path(source.path).name if isinstance(source, Load) else pinned.title)))
            return

        def there(_event: PinnedAgain) -> None:
            if pinned is self._pinned:
                self._bringing, self._there = None, True
                self._go_on()

        def refused(error: MaskVizError) -> None:
            if pinned is self._pinned:
                self._bringing = None
                self._refuse(error)

        of = None if pinned.network is self._document.network else source
        self._bringing = self._engine.ask(PinAgain(pinned.batch, of), there, refused, False)

    def _refuse(self, error: MaskVizError) -> None:
        wanted, self._wanted = self._wanted, []
        for question in wanted:
            self._set(question, Asking("refused", str(error)))

    # asking

    def _go_on(self) -> None:
        """Send the next question, if the engine has nothing more urgent to do."""
        if self._running is not None or self._bringing is not None or not self._engine.settled:
            return
        if self._taking is not None:
            self._take(self._taking)
        elif self._wanted and self._there:
            self._send(self._wanted.pop(0))
        elif self._wanted:
            self._bring_back()

    def _send(self, question: Ask) -> None:

        def answered(event: Answered) -> None:
            self._running = None
            self._answers[question] = event.answer
            self._set(question, Asking("answered"))
            self._go_on()

        def refused(error: MaskVizError) -> None:
            self._running = None
            self._set(question, Asking("refused", str(error)))
            self._go_on()

        self._running = (self._engine.ask(OfPinned(question), answered, refused, isinstance(question, QUICK)), question)
        self._set(question, Asking("running"))

    def _on_batch(self) -> None:
        """An edit comes first: a long question is asked again after it."""
        if self._running is not None and not isinstance(self._running[1], QUICK):
            self._engine.cancel(self._running[0])
            self._lost()

    def _on_engine(self) -> None:
        if self._document.engine.kind in ("starting", "failed", "off"):
            self._there = False

    def _lost(self) -> None:
        """What runs is never answered, and asked again."""
        self._bringing = None
        if self._running is not None:
            question, self._running = self._running[1], None
            self._wanted.insert(0, question)
            self._set(question, Asking("waiting"))

    def _set(self, question: Ask, state: Asking) -> None:
        self._states[question] = state
        self.changed.emit(question)


def stamp_of(source: Opens | None) -> tuple[int, int] | None:
    """What tells that a network's file is still the same: when it was written, and its size; None where it has none."""
    try:
        about = Path(source.path).stat() if isinstance(source, Load) else None
    except OSError:
        return -1, -1
    return None if about is None else (about.st_mtime_ns, about.st_size)


def _nothing(_answer: object) -> None:
    """Nobody waits for this."""
