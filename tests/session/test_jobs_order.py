"""What Jobs asks for and in which order, with a client that the test answers for: nothing older ever wins over something newer."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maskviz import resources
from maskviz.core import batch_files
from maskviz.core.batch import Batch, set_padding
from maskviz.core.errors import MaskVizError, NeedsConsent, UnusableInput
from maskviz.core.messages import Died, Event, Generate, Generated, Load, Loaded, Ready, Refused, Request, RunTrace, Traced, UseDevice
from maskviz.core.network import InputSpec, Network, OutputSpec
from maskviz.core.recording import Recording
from maskviz.session.document import Document
from maskviz.session.jobs import MOST_RESTARTS, Jobs
from tests.waiting import end_aside

FIRST, SECOND = (str(resources.example(name).network) for name in ("divisor", "left_padding"))


class Client:
    """Stands in for the engine's client: notes what is asked, and sends the events that a test makes."""

    def __init__(self) -> None:
        self.running = True
        self.starts = 0
        self.asked: list[tuple[int, Request]] = []
        self._number = 0
        self.on_event: Callable[[Event], None] = lambda event: None

    def start(self) -> None:
        self.starts += 1
        self.running = True

    def restart(self) -> None:
        self.asked.clear()
        self.start()

    def close(self) -> None:
        self.running = False

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def request(self, request: Request, number: int) -> int:
        if not self.running:
            self.start()
        self.asked.append((number, request))
        return number

    def take(self, kind: type[Any]) -> tuple[int, Any]:
        """The oldest request that was not answered, which must be of this kind."""
        number, request = self.asked.pop(0)
        assert isinstance(request, kind), request
        return number, request

    def kinds(self) -> list[str]:
        return [type(request).__name__ for _, request in self.asked]


class Desk:
    """A document, its jobs, and the client behind them."""

    def __init__(self) -> None:
        self.client = Client()
        self.document = Document()
        self.jobs = Jobs(self.document, client=self.client)  # type: ignore[arg-type]
        self.client.on_event = self.jobs.exchange.receive
        self.errors: list[MaskVizError] = []
        self.jobs.failed.connect(self.errors.append)
        self.client.on_event(Ready("3.15.1", "tensorflow", ("CPU", "GPU:0")))

    def load(self, path: str = FIRST, name: str = "first") -> None:
        """Open a file and answer all that it takes."""
        self.jobs.open(path)
        self.answer_load(name)
        self.answer_trace()

    def answer_load(self, name: str = "first") -> None:
        number, _ = self.client.take(Load)
        self.client.on_event(Loaded(number, network(name)))
        number, _ = self.client.take(Generate)
        self.client.on_event(Generated(number, batch()))

    def answer_trace(self, rows: Any = ...) -> RunTrace:
        number, request = self.client.take(RunTrace)
        found = request.rows if rows is ... else rows
        self.client.on_event(Traced(number, recording(request.batch, found), "CPU", 0.001))
        asked: RunTrace = request
        return asked

    def refuse(self, kind: type[Any], error: MaskVizError) -> None:
        number, _ = self.client.take(kind)
        self.client.on_event(Refused(number, error))

    def edit(self, sample: int, step: int) -> Batch:
        document = self.document
        assert document.batch is not None
        assert document.network is not None
        padded = np.arange(4) >= step
        document.edit(set_padding(document.batch, document.network.inputs[0], sample, padded), f"Pad {sample} from {step}")
        return document.batch


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk()


def network(name: str) -> Network:
    ids = InputSpec("x", (None, 4), "int32", "ids", pad_value=0, vocabulary=9, masked=True)
    return Network(name, "Functional", True, "3.15.1", "tensorflow", (ids,), (OutputSpec("y", (None, 4, 1), "float32", "mse"),))


def batch() -> Batch:
    x = np.array([[1, 2, 3, 4], [5, 6, 0, 0], [7, 0, 0, 0]], "int32")
    return Batch({"x": x}, {"y": np.zeros((3, 4, 1), "float32")}, {}, {"x": x == 0})


def batch_file(path: Path, samples: int = 5) -> str:
    np.savez(path, x=np.ones((samples, 4), "int32"), y=np.zeros((samples, 4, 1), "float32"))
    return str(path)


def recording(of: Batch, rows: Any) -> Recording:
    about = {
        "keras": "3.15.1",
        "backend": "tensorflow",
        "network": network("first").to_dict(),
        "calls": [],
        "outputs": [{"name": "y", "ref": None, "mask": None}],
        "losses": [],
        "metrics": {},
        "evaluate": None,
        "reported": None,
        "notes": [],
        "padding_test": "not made",
    }
    return Recording(about if rows is None else {"metrics": {}}, {"out/0": of.x["x"][..., None].astype("float32")}, rows)


def test_only_the_newest_edit_waits_and_only_its_rows_are_sent(desk: Desk) -> None:
    desk.load()
    desk.edit(0, 3)
    desk.edit(0, 2)
    newest = desk.edit(1, 1)
    assert desk.client.kinds() == ["RunTrace"], "one trace runs, nothing else waits in the engine"
    assert desk.document.stale
    first = desk.answer_trace()
    np.testing.assert_array_equal(first.rows, [0])
    assert desk.document.stale, "an older answer is shown, but as stale"
    second = desk.answer_trace()
    np.testing.assert_array_equal(second.rows, [0, 1])
    assert not desk.document.stale
    assert desk.document.trace is not None
    np.testing.assert_array_equal(desk.document.trace.outputs["y"][..., 0], newest.x["x"])


def test_an_answer_for_what_was_open_before_never_reaches_the_next_file(desk: Desk) -> None:
    desk.load()
    desk.edit(0, 2)
    number, request = desk.client.take(RunTrace)
    desk.jobs.open(SECOND)
    assert desk.document.trace is None
    desk.client.on_event(Traced(number, recording(request.batch, request.rows), "CPU", 0.001))
    assert desk.document.trace is None
    desk.answer_load("second")
    desk.answer_trace()
    assert desk.document.network is not None
    assert desk.document.network.name == "second"


def test_of_two_files_opened_in_a_row_the_second_wins(desk: Desk) -> None:
    desk.jobs.open(FIRST)
    desk.jobs.open(SECOND)
    number, _ = desk.client.take(Load)
    desk.client.on_event(Loaded(number, network("first")))
    assert desk.client.kinds() == ["Load"], "the first file is not taken for the second"
    desk.answer_load("second")
    assert desk.document.title == Path(SECOND).name
    assert desk.document.network is not None
    assert desk.document.network.name == "second"


def test_a_file_that_cannot_run_gives_the_engine_its_old_network_back(desk: Desk) -> None:
    desk.load()
    desk.edit(0, 2)
    desk.answer_trace()
    kept = desk.document.batch
    desk.jobs.open(SECOND)
    number, _ = desk.client.take(Load)
    desk.client.on_event(Loaded(number, network("second")))
    desk.refuse(Generate, UnusableInput("It cannot run."))
    assert [str(e) for e in desk.errors] == ["It cannot run."]
    assert desk.document.batch is kept
    number, request = desk.client.take(Load)
    assert request.path == FIRST
    desk.client.on_event(Loaded(number, network("first")))
    sent = desk.answer_trace()
    assert sent.rows is None, "the engine knows no batch of this network any more"
    assert not desk.document.stale


def test_consent_keeps_the_preview_and_declining_brings_back_what_was_open(desk: Desk) -> None:
    desk.load()
    asked: list[NeedsConsent] = []
    desk.jobs.consent_needed.connect(asked.append)
    desk.jobs.open(SECOND)
    desk.refuse(Load, NeedsConsent("It needs code.", ("Layer",)))
    assert len(asked) == 1
    assert desk.document.title == Path(SECOND).name
    assert desk.document.graph.nodes
    desk.jobs.give_up()
    assert desk.document.title == Path(FIRST).name
    assert desk.document.trace is not None


def test_a_refused_edit_that_was_undone_leaves_nothing_stale(desk: Desk) -> None:
    desk.load()
    desk.edit(0, 2)
    desk.document.undo_stack.undo()
    desk.refuse(RunTrace, UnusableInput("It cannot run."))
    assert desk.errors == [], "the batch it was about is gone"
    assert desk.answer_trace().rows is None
    assert not desk.document.stale


def test_a_batch_file_that_the_network_refuses_is_taken_back(desk: Desk, tmp_path: Path, qtbot: QtBot) -> None:
    desk.load()
    before = desk.document.batch
    desk.jobs.open_batch(batch_file(tmp_path / "other.npz"))
    qtbot.waitUntil(lambda: desk.client.kinds() == ["RunTrace"], timeout=5000)
    desk.refuse(RunTrace, UnusableInput("The loss cannot take it."))
    assert [str(e) for e in desk.errors] == ["The loss cannot take it. The edit was taken back."]
    assert desk.document.batch is before
    assert desk.document.undo_stack.count() == 0, "it cannot be made again"
    desk.answer_trace()
    assert not desk.document.stale


class Slow:
    """Reading that goes on until the test lets it end: ``started`` and ``goes_on`` by the name of the file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self.goes_on: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self.threads: set[int] = set()
        self._read = batch_files.read_batch
        monkeypatch.setattr(batch_files, "read_batch", self.read)

    def read(self, path: str, of: Network) -> Any:
        self.threads.add(threading.get_ident())
        self.started[Path(path).name].set()
        assert self.goes_on[Path(path).name].wait(10)
        return self._read(path, of)


def test_the_first_batch_is_read_beside_the_window_and_a_file_opened_meanwhile_wins(
    desk: Desk, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    desk.jobs.open(FIRST, batch=batch_file(tmp_path / "first.npz"))
    number, _ = desk.client.take(Load)
    desk.client.on_event(Loaded(number, network("first")))
    assert slow.started["first.npz"].wait(10)
    assert threading.get_ident() not in slow.threads
    assert desk.document.engine.sentence == "reading first.npz…"
    desk.jobs.open(SECOND)
    slow.goes_on["first.npz"].set()
    end_aside()
    assert desk.client.kinds() == ["Load"], "the batch of the first file is not taken"
    desk.answer_load("second")
    desk.answer_trace()
    assert desk.document.title == Path(SECOND).name
    assert desk.document.engine.kind == "idle"


def test_of_two_batches_the_second_wins_and_one_that_is_read_can_be_stopped(
    desk: Desk, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.load()
    before, slow = desk.document.batch, Slow(monkeypatch)
    desk.jobs.open_batch(batch_file(tmp_path / "a.npz"))
    assert slow.started["a.npz"].wait(10)
    assert desk.jobs.stop()
    assert desk.document.engine.kind == "idle"
    desk.jobs.open_batch(batch_file(tmp_path / "b.npz"))
    desk.jobs.open_batch(batch_file(tmp_path / "c.npz", samples=7))
    for name in "cba":
        slow.goes_on[f"{name}.npz"].set()
    qtbot.waitUntil(lambda: desk.document.batch is not before, timeout=5000)
    end_aside()
    assert desk.document.undo_stack.count() == 1
    assert desk.document.undo_stack.isClean(), "what is in a file need not be saved"
    assert desk.document.batch is not None
    assert desk.document.batch.size == 7
    assert desk.answer_trace().rows is None


def test_a_first_batch_that_takes_too_long_is_stopped_without_a_new_engine(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    desk.load()
    before, slow = desk.document.batch, Slow(monkeypatch)
    desk.jobs.open(SECOND, batch=batch_file(tmp_path / "large.npz"))
    number, _ = desk.client.take(Load)
    desk.client.on_event(Loaded(number, network("second")))
    assert slow.started["large.npz"].wait(10)
    assert desk.jobs.stop()
    assert desk.client.starts == 0
    slow.goes_on["large.npz"].set()
    end_aside()
    assert desk.document.batch is before
    number, request = desk.client.take(Load)
    assert request.path == FIRST, "the engine gets its old network back"
    desk.client.on_event(Loaded(number, network("first")))
    desk.answer_trace()
    assert not desk.document.stale


def test_a_batch_that_cannot_be_read_leaves_all_as_it_was(desk: Desk, tmp_path: Path, qtbot: QtBot) -> None:
    desk.load()
    (tmp_path / "broken.npz").write_bytes(b"PK nothing")
    desk.jobs.open_batch(str(tmp_path / "broken.npz"))
    qtbot.waitUntil(lambda: bool(desk.errors), timeout=5000)
    assert "broken.npz" in str(desk.errors[0])
    assert desk.document.engine.kind == "idle"
    assert desk.document.undo_stack.count() == 0


def test_rows_that_do_not_fit_are_followed_by_the_whole_batch(desk: Desk) -> None:
    desk.load()
    desk.edit(2, 3)
    number, request = desk.client.take(RunTrace)
    odd = Recording({"metrics": {}}, {"out/0": np.zeros((1, 9, 9), "float32")}, request.rows)
    desk.client.on_event(Traced(number, odd, "CPU", 0.001))
    assert desk.answer_trace().rows is None
    assert not desk.document.stale
    assert desk.errors == []


def test_a_dead_engine_is_restarted_and_given_up_when_it_keeps_dying(desk: Desk) -> None:
    desk.load()
    desk.edit(0, 1)
    for death in range(1, MOST_RESTARTS + 1):
        desk.client.on_event(Died("It crashed."))
        assert desk.client.starts == death
        number, request = desk.client.take(Load)
        assert request.path == FIRST
        desk.client.on_event(Loaded(number, network("first")))
        assert desk.client.kinds() == ["RunTrace"], "the batch is sent again"
    desk.client.running = False
    desk.client.on_event(Died("It crashed."))
    assert desk.client.starts == MOST_RESTARTS
    assert desk.document.engine.kind == "failed"
    desk.edit(1, 1)
    assert desk.client.starts == MOST_RESTARTS, "an edit alone does not start it again"
    assert desk.document.undo_stack.count() == 2
    desk.jobs.restart_engine()
    number, _ = desk.client.take(Load)
    desk.client.on_event(Loaded(number, network("first")))
    desk.answer_trace()
    assert not desk.document.stale


def test_the_chosen_device_survives_a_crash(desk: Desk) -> None:
    from maskviz.core.messages import DeviceInUse

    desk.load()
    desk.jobs.use_device("GPU:0")
    number, _ = desk.client.take(UseDevice)
    desk.edit(0, 2)
    assert desk.client.kinds() == ["RunTrace"]
    assert desk.client.asked[0][1].rows is None, "the engine makes the network anew and forgets its batch"  # type: ignore[union-attr]
    desk.client.on_event(DeviceInUse(number, "GPU:0"))
    desk.answer_trace()
    desk.client.on_event(Died("It crashed."))
    desk.client.on_event(Ready("3.15.1", "tensorflow", ("CPU", "GPU:0")))
    _, request = desk.client.take(UseDevice)
    assert request.device == "GPU:0"
    assert desk.document.device == "GPU:0"


def test_reloading_keeps_the_batch_where_it_fits(desk: Desk, qtbot: QtBot) -> None:
    desk.load()
    edited = desk.edit(0, 2)
    desk.answer_trace()
    desk.jobs.reload()
    number, _ = desk.client.take(Load)
    desk.client.on_event(Loaded(number, network("first")))
    qtbot.waitUntil(lambda: desk.client.kinds() == ["RunTrace"], timeout=5000)
    sent = desk.answer_trace()
    np.testing.assert_array_equal(sent.batch.x["x"], edited.x["x"])
