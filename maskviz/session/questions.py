"""What is asked of the engine on request, beside the trace: values of a layer, influence, gradients, recurrent states, the length test.

An answer belongs to the batch it was asked about. A question that is *watched* is asked again after each trace, so that a heatmap of a
layer's values follows edits; one that was only asked once keeps its answer, marked as stale, until it is asked again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from maskviz.core.batch import Batch
from maskviz.core.errors import MaskVizError
from maskviz.core.messages import Answered
from maskviz.core.probes import QUICK, Answer, Ask
from maskviz.session.asking import Asking, Kind
from maskviz.session.document import Document
from maskviz.session.pinned import Engine, PinnedQuestions


class Questions(QObject):
    """Asks one question at a time, when the engine holds the batch that is shown. ``changed`` carries the question.

    An edit comes first: a long question is stopped and, where it is watched, asked again after the edit's trace.
    """

    changed = Signal(object)

    def __init__(self, document: Document, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._engine = engine
        self._watched: Counter[Ask] = Counter()
        self._wanted: list[Ask] = []
        self._running: tuple[int, Ask] | None = None
        self._answers: dict[Ask, tuple[Answer, Batch | None]] = {}
        self._states: dict[Ask, Asking] = {}
        self.of_pinned = PinnedQuestions(document, engine, self._fresh, self)
        """What is asked about A."""
        document.network_changed.connect(self._forget_all)
        document.batch_changed.connect(self._on_batch)
        document.trace_changed.connect(self._on_trace)
        document.stale_changed.connect(lambda stale: None if stale else self._go_on())
        engine.forgot.connect(self._lost)

    def answer(self, question: Ask) -> Answer | None:
        """The newest answer, None as long as there is none."""
        found = self._answers.get(question)
        return None if found is None else found[0]

    def state(self, question: Ask) -> Asking:
        """How far the question is."""
        return self._states.get(question, Asking())

    def ask(self, question: Ask) -> None:
        """Ask now, or as soon as the newest batch has been traced."""
        if question not in self._wanted and (self._running is None or self._running[1] != question):
            self._wanted.append(question)
            self._set(question, Asking("waiting", stale=question in self._answers))
            self._go_on()

    def watch(self, question: Ask) -> None:
        """Keep the answer up to date until ``unwatch``, which must follow as often."""
        self._watched[question] += 1
        if self._watched[question] == 1 and not self._is_fresh(question):
            self.ask(question)

    def unwatch(self, question: Ask) -> None:
        """The answer need not be kept up to date any more."""
        self._watched[question] -= 1
        if self._watched[question] <= 0:
            del self._watched[question]
            self.cancel(question)
            self._answers.pop(question, None)
            self._states.pop(question, None)

    def cancel(self, question: Ask, kind: Kind = "stopped") -> None:
        """Do not answer a question that waits or runs; an older answer stays."""
        if question in self._wanted:
            self._wanted.remove(question)
        if self._running is not None and self._running[1] == question:
            self._engine.cancel(self._running[0])
            self._running = None
            self._go_on()
        if self.state(question).kind in ("waiting", "running"):
            self._set(question, Asking("answered", stale=True) if question in self._answers else Asking(kind))

    @property
    def running(self) -> Ask | None:
        """The question that the engine works on now."""
        return None if self._running is None else self._running[1]

    def _is_fresh(self, question: Ask) -> bool:
        found = self._answers.get(question)
        return found is not None and found[1] is self._document.batch

    def _fresh(self) -> Mapping[Ask, Answer]:
        """The answers about the batch of now."""
        return {question: answer for question, (answer, batch) in self._answers.items() if batch is self._document.batch}

    def _go_on(self) -> None:
        """Send the next question, if the engine holds what is shown."""
        if self._running is not None or not self._wanted or not self._engine.settled:
            return
        question = self._wanted.pop(0)
        batch = self._document.batch

        def answered(event: Answered) -> None:
            self._running = None
            self._answers[question] = (event.answer, batch)
            self._set(question, Asking("answered", stale=batch is not self._document.batch))
            self._go_on()

        def refused(error: MaskVizError) -> None:
            self._running = None
            self._answers.pop(question, None)
            self._set(question, Asking("refused", str(error)))
            self._go_on()

        self._running = (self._engine.ask(question, answered, refused, isinstance(question, QUICK)), question)
        self._set(question, Asking("running", stale=question in self._answers))

    def _on_trace(self) -> None:
        for question in self._watched:
            if not self._is_fresh(question):
                self.ask(question)
        self._go_on()

    def _on_batch(self) -> None:
        if self._running is not None and not isinstance(self._running[1], QUICK):
            self.cancel(self._running[1], "not asked")
        for question, state in list(self._states.items()):
            if state.kind == "answered" and state.stale == self._is_fresh(question):
                self._set(question, replace(state, stale=not state.stale))

    def _lost(self) -> None:
        """The engine was started anew, or holds another network: what runs is never answered."""
        if self._running is not None:
            question, self._running = self._running[1], None
            self._wanted.insert(0, question)

    def _forget_all(self) -> None:
        if self._running is not None:
            self._engine.cancel(self._running[0])
        self._running = None
        self._wanted.clear()
        self._answers.clear()
        known = [*self._states]
        self._states.clear()
        for question in known:
            self.changed.emit(question)

    def _set(self, question: Ask, state: Asking) -> None:
        self._states[question] = state
        self.changed.emit(question)
