"""What the builder asks of an engine, and when: edits rest first, newer ones replace older ones, and nothing is left waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from maskviz.core.builder import CannotBuild, Row, Source, Stack, changed
from maskviz.core.errors import MaskVizError, UnusableInput
from maskviz.core.layer_forms import Forms
from maskviz.core.messages import AskForms, AskStack, BuildStack, FormsKnown, Load, Loaded, Opens, StackKnown
from maskviz.session.building import REST_MS, STOPPED, Building
from maskviz.session.document import Document
from maskviz.session.opening import Opening

STACK = Stack("net", Source("ids"), (Row("embedding", "Embedding", {"input_dim": 9, "output_dim": 3}), Row("lstm", "LSTM", {"units": 4})))


class Engine(QObject):
    """Notes what is asked, and answers when told to."""

    forgot = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.settled = False
        self.opened: Opens | None = Load("/somewhere/net.keras")
        self.asked: list[tuple[Any, Callable[[Any], None], Callable[[MaskVizError], None]]] = []
        self.openings: list[Opening] = []

    def ask(self, request: AskStack | AskForms, then: Callable[[Any], None], refused: Callable[[MaskVizError], None]) -> int:
        self.asked.append((request, then, refused))
        return len(self.asked)

    def rebuild(self, opening: Opening) -> None:
        self.forgot.emit()
        self.openings.append(opening)

    def finish(self, building: Building, document: Document, kept: int = 3) -> None:
        """The newest network is there."""
        opening = self.openings[-1]
        assert opening.swap is not None
        self.opened = opening.request
        document.network_changed.emit()
        opening.swap.done(Loaded(1, None, kept, 5))  # type: ignore[arg-type]

    def refuse(self, error: MaskVizError) -> None:
        swap = self.openings[-1].swap
        assert swap is not None
        swap.refused(error)


@pytest.fixture
def document(qapp: object) -> Document:
    opened = Document()
    opened.title, opened.path = "net.keras", "/somewhere/net.keras"
    return opened


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def building(document: Document, engine: Engine) -> Building:
    """In the builder already."""
    made = Building(document, engine)
    made.open()
    assert made.is_opening
    assert engine.asked == [], "it waits for the trace"
    engine.settled = True
    document.trace_changed.emit()
    (_, forms, _), (request, known, _) = engine.asked
    assert request == AskStack("/somewhere/net.keras")
    forms(FormsKnown(1, Forms({}, (), ())))
    known(StackKnown(2, STACK))
    return made


def wider(units: int) -> Stack:
    return changed(STACK, 1, replace(STACK.rows[1], arguments={"units": units}))


def test_edits_that_follow_each_other_are_built_once(building: Building, engine: Engine, qtbot: QtBot, document: Document) -> None:
    for units in (5, 6, 7):
        building.edit(wider(units), "Change units", gesture=3)
    assert document.undo_stack.count() == 1
    qtbot.waitUntil(lambda: len(engine.openings) == 1, timeout=REST_MS * 10)
    request = engine.openings[0].request
    assert isinstance(request, BuildStack)
    assert request.origin == "/somewhere/net.keras"
    assert Stack.from_dict(request.stack) == wider(7)
    assert building.is_building
    engine.finish(building, document)
    assert not building.is_building
    assert building.kept == (3, 5)
    assert building.stack == wider(7), "its own network does not close it"


def test_a_newer_edit_replaces_what_is_being_built(building: Building, engine: Engine, qtbot: QtBot, document: Document) -> None:
    building.edit(wider(5), "Change units")
    qtbot.waitUntil(lambda: len(engine.openings) == 1, timeout=REST_MS * 10)
    building.edit(wider(6), "Change units")
    qtbot.waitUntil(lambda: len(engine.openings) == 2, timeout=REST_MS * 10)
    assert building.is_building
    assert building.trouble is None
    engine.finish(building, document)
    assert building.trouble is None
    building.edit(wider(5), "Change units")
    building._rest.stop()
    document.undo_stack.undo()
    qtbot.waitUntil(lambda: not building._rest.isActive(), timeout=REST_MS * 10)
    assert len(engine.openings) == 2, "what is open need not be built again"


def test_refusals_belong_to_the_stack_that_they_are_about(building: Building, engine: Engine, qtbot: QtBot, document: Document) -> None:
    building.edit(wider(0), "Change units")
    qtbot.waitUntil(lambda: len(engine.openings) == 1, timeout=REST_MS * 10)
    engine.refuse(CannotBuild("‘lstm’ cannot be built.", 1))
    assert building.trouble is not None
    assert building.trouble.row == 1
    building.edit(wider(8), "Change units")
    assert building.trouble is None
    engine.refuse(UnusableInput("Too late."))
    assert building.trouble is None


def test_an_engine_that_stops_is_said(building: Building, engine: Engine, qtbot: QtBot) -> None:
    building.edit(wider(5), "Change units")
    qtbot.waitUntil(lambda: len(engine.openings) == 1, timeout=REST_MS * 10)
    engine.forgot.emit()
    assert not building.is_building
    assert building.trouble is not None
    assert building.trouble.sentence == STOPPED


def test_another_network_closes_it(building: Building, engine: Engine, document: Document) -> None:
    engine.opened = Load("/somewhere/else.keras")
    document.network_changed.emit()
    assert building.stack is None
    assert building.kept is None
