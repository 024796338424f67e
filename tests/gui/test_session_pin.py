"""What is pinned as A travels with the session: its batch, where its network is, and what was allowed is asked again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maskviz import resources
from maskviz.core.errors import MaskVizError, NeedsConsent, UnusableInput
from maskviz.core.messages import Load
from maskviz.gui.consent import ConsentPanel
from maskviz.gui.main_window import MainWindow
from maskviz.session.document import Opened
from maskviz.session.pinned import Saved
from maskviz.session.session_file import Session, read_session
from tests.gui.window_hands import RecordedJobs, edit, open_sample, rest, sentences

EXAMPLE = resources.example("sequence_classifier")


class Taken:
    """Stands in for the engine that takes up A: what it was asked for, and whom it is to tell."""

    def __init__(self) -> None:
        self.saved: list[Saved] = []
        self.then: Callable[[Opened], None] = lambda opened: None
        self.refused: Callable[[MaskVizError], None] = lambda error: None

    def __call__(self, saved: Saved, then: Callable[[Opened], None], refused: Callable[[MaskVizError], None]) -> None:
        self.saved.append(saved)
        self.then, self.refused = then, refused


@pytest.fixture
def taken(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Taken:
    found = Taken()
    monkeypatch.setattr(window.questions.of_pinned, "take_up", found)
    return found


def saved_with(window: MainWindow, tmp_path: Path, qtbot: QtBot, other: str | None) -> Session:
    """A session in which something is pinned, of the same network or (``other``) of another file."""
    network = tmp_path / "mine.keras"
    network.write_bytes(b"a network")
    jobs = window.jobs
    assert isinstance(jobs, RecordedJobs)
    jobs.came_from = Load(other or str(network), None, False, "mae")
    document = open_sample(window, other or str(network))
    document.set_stale(False)
    document.comparison.pin()
    if other is not None:
        jobs.came_from = Load(str(network), "layers.py", True, "mse")
        open_sample(window, str(network))
    edit(document)
    document.comparison.show_difference()
    assert window.sessions._save(str(tmp_path / "mine.maskviz"))
    rest(window, qtbot)
    for bar in window.notices.bars():
        bar.dismiss()
    return read_session(tmp_path / "mine.maskviz")


def test_an_older_batch_of_the_same_network(window: MainWindow, tmp_path: Path, qtbot: QtBot, taken: Taken) -> None:
    session, document = saved_with(window, tmp_path, qtbot, None), window.document
    older = document.comparison.pinned
    assert older is not None
    assert session.pinned is not None
    assert session.pinned.same_network
    assert session.side == "difference"
    name = next(iter(session.batch.padding))
    assert not np.array_equal(session.batch.padding[name], session.pinned.batch.padding[name])
    document.comparison.unpin()
    window.sessions.take_up(session, str(tmp_path / "mine.maskviz"))
    rest(window, qtbot)
    (asked,) = taken.saved
    assert asked.of is None, "the network that is open need not be loaded again"
    np.testing.assert_array_equal(asked.batch.padding[name], session.pinned.batch.padding[name])
    again = window.sessions.current()
    assert again.pinned is session.pinned, "saved in between, it is not lost"
    taken.then(older)
    assert document.comparison.pinned is older
    assert document.comparison.side == "difference"
    assert sentences(window) == []


def test_another_network_is_found_again_and_its_code_is_asked_about(window: MainWindow, tmp_path: Path, qtbot: QtBot, taken: Taken) -> None:
    other = tmp_path / "other.keras"
    other.write_bytes(EXAMPLE.network.read_bytes())
    session = saved_with(window, tmp_path, qtbot, str(other))
    assert session.pinned is not None
    assert (session.pinned.network, session.pinned.loss, session.pinned.same_network) == (str(other), "mae", False)
    assert (session.loss, session.custom) == ("mse", "layers.py"), "what is allowed belongs to one network"
    window.document.comparison.unpin()
    window.sessions.take_up(session, str(tmp_path / "mine.maskviz"))
    rest(window, qtbot)
    assert taken.saved[-1].of == Load(str(other), None, False, "mae")
    assert taken.saved[-1].graph.nodes
    taken.refused(NeedsConsent("It holds code.", (), ("Lambda f",)))
    panel = window.findChild(ConsentPanel)
    assert panel is not None
    panel.run_button.click()
    assert taken.saved[-1].of == Load(str(other), None, True, "mae")
    taken.refused(UnusableInput("The batch does not fit."))
    assert sentences(window) == ["What was pinned as A could not be taken up: The batch does not fit."]


def test_a_network_that_changed_or_is_gone_is_said(window: MainWindow, tmp_path: Path, qtbot: QtBot, taken: Taken) -> None:
    other = tmp_path / "other.keras"
    other.write_bytes(EXAMPLE.network.read_bytes())
    session = saved_with(window, tmp_path, qtbot, str(other))
    window.document.comparison.unpin()
    other.write_bytes(resources.example("conv_tagger").network.read_bytes())
    window.sessions.take_up(session, str(tmp_path / "mine.maskviz"))
    rest(window, qtbot)
    assert sentences(window) == ["other.keras has changed since the session was saved, so its results may have changed too."]
    assert len(taken.saved) == 1
    other.unlink()
    window.sessions.take_up(session, str(tmp_path / "mine.maskviz"))
    rest(window, qtbot)
    assert any(f"other.keras is not in {tmp_path} any more" in words for words in sentences(window)), sentences(window)
    assert len(taken.saved) == 1


def test_a_without_a_file_is_left_out_aloud(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    network = tmp_path / "mine.keras"
    network.write_bytes(b"a network")
    document = open_sample(window)
    document.set_stale(False)
    document.comparison.pin()
    open_sample(window, str(network))
    assert window.sessions._save(str(tmp_path / "mine.maskviz"))
    rest(window, qtbot)
    assert read_session(tmp_path / "mine.maskviz").pinned is None
    assert any("A is not in the session" in words for words in sentences(window))
    assert document.comparison.pinned is not None
    window.sessions._carrying._written.append((document.comparison.pinned.network, b"PK"))  # type: ignore[arg-type]
    assert window.sessions._save(str(tmp_path / "mine.maskviz"))
    rest(window, qtbot)
    again: Any = read_session(tmp_path / "mine.maskviz").pinned
    assert again.carried == b"PK"
