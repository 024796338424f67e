"""Questions about A without an engine: what is asked when, what an edit, a restart and a stop make of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal

from maskviz.core.errors import MaskVizError, UnusableInput
from maskviz.core.messages import Answered, Load, OfPinned, Opens, Pin, PinAgain
from maskviz.core.probes import AskGradients, AskInfluence, AskValues
from maskviz.session.document import Document, EngineState, Opened
from maskviz.session.pinned import PinnedQuestions, Saved
from tests.gui.sample_trace import document, sliced

pytestmark = pytest.mark.usefixtures("qapp")
VALUES, GRADIENT, INFLUENCE = AskValues("lstm"), AskGradients(calls=("lstm",)), AskInfluence("lstm")


class Engine(QObject):
    """Notes what it is asked; answers when told to."""

    forgot = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.settled = True
        self.opened: Opens | None = Load("no such file.keras")
        self.asked: list[tuple[Any, Callable[[Any], None], Callable[[MaskVizError], None]]] = []
        self.cancelled: list[int] = []

    def ask(self, request: Any, then: Callable[[Any], None], refused: Callable[[MaskVizError], None], quiet: bool) -> int:
        self.asked.append((request, then, refused))
        return len(self.asked)

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    @property
    def requests(self) -> list[Any]:
        return [request for request, _, _ in self.asked]

    def answer(self, what: object) -> None:
        self.asked[-1][1](what)


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def doc() -> Document:
    return document(sliced())


@pytest.fixture
def of_a(doc: Document, engine: Engine) -> PinnedQuestions:
    return PinnedQuestions(doc, engine, dict, doc)


def restart(doc: Document, engine: Engine) -> None:
    engine.forgot.emit()
    doc.set_engine(EngineState("starting"))
    doc.set_engine(EngineState("idle"))


def test_one_after_another_and_never_twice(doc: Document, engine: Engine, of_a: PinnedQuestions) -> None:
    doc.comparison.pin()
    assert engine.requests == [Pin()]
    of_a.ask(VALUES)
    of_a.ask(GRADIENT)
    of_a.ask(VALUES)
    assert engine.requests[1:] == [OfPinned(VALUES)]
    assert (of_a.state(VALUES).kind, of_a.state(GRADIENT).kind) == ("running", "waiting")
    engine.answer(Answered(2, "values"))  # type: ignore[arg-type]
    assert engine.requests[2:] == [OfPinned(GRADIENT)]
    of_a.ask(VALUES)
    assert of_a.answer(VALUES) == "values", "A stays as it is, and so does what is known of it"
    doc.batch_changed.emit()
    assert engine.cancelled == [3], "an edit comes first"
    assert of_a.state(GRADIENT).kind == "waiting"
    doc.trace_changed.emit()
    assert engine.requests[3:] == [OfPinned(GRADIENT)]
    engine.asked[-1][2](UnusableInput("There is no loss."))
    assert of_a.state(GRADIENT).sentence == "There is no loss."
    doc.comparison.unpin()
    assert engine.requests[4:] == [Pin(keep=False)]
    assert of_a.answer(VALUES) is None


def test_a_is_taken_up_again_after_a_restart_and_can_be_stopped(doc: Document, engine: Engine, of_a: PinnedQuestions) -> None:
    doc.comparison.pin()
    of_a.ask(INFLUENCE)
    restart(doc, engine)
    assert of_a.state(INFLUENCE).kind == "waiting"
    doc.trace_changed.emit()
    assert engine.requests[2:] == [PinAgain(doc.batch, None)], "its network is the one that is open"  # type: ignore[arg-type]
    doc.trace_changed.emit()
    assert len(engine.requests) == 3, "once is enough"
    assert of_a.stop()
    assert engine.cancelled == [3]
    assert of_a.state(INFLUENCE).kind == "stopped"
    assert not of_a.stop()
    of_a.ask(INFLUENCE)
    engine.answer(None)
    assert engine.requests[4:] == [OfPinned(INFLUENCE)]
    assert of_a.stop()
    assert of_a.state(INFLUENCE).kind == "stopped"


def test_what_a_session_pinned_is_taken_up_or_given_up(doc: Document, engine: Engine, of_a: PinnedQuestions) -> None:
    assert doc.batch is not None
    saved, found, refused = Saved("old", None, doc.graph, doc.batch, doc.selection, Load("old.keras")), list[Opened](), list[MaskVizError]()
    engine.settled = False
    of_a.take_up(saved, found.append, refused.append)
    assert engine.requests == []
    engine.settled = True
    doc.trace_changed.emit()
    assert engine.requests == [PinAgain(doc.batch, Load("old.keras"))]
    restart(doc, engine)
    doc.trace_changed.emit()
    assert len(engine.requests) == 2, "asked again of the new engine"
    assert of_a.stop()
    assert str(refused[0]) == "It was stopped."
    doc.trace_changed.emit()
    assert len(engine.requests) == 2
    of_a.take_up(saved, found.append, refused.append)
    doc.network_changed.emit()
    engine.asked[-1][2](UnusableInput("It is gone."))
    assert len(refused) == 1, "another network was opened in the meantime"
    assert found == []
