"""The engine's process: answers from the real child, its death in the middle of work, and garbage in place of answers."""

from __future__ import annotations

import errno
import os
import queue
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from maskviz import api, resources
from maskviz.core import file_passing, row_copies
from maskviz.core.batch import Batch
from maskviz.core.batch_samples import take_samples
from maskviz.core.errors import EngineFailed, UnusableInput
from maskviz.core.generate import generate
from maskviz.core.messages import Build, Died, Event, Load, Loaded, Ready, Refused, RunTrace, Traced
from maskviz.engine import client
from maskviz.engine.client import BlockingEngine, EngineClient, how_it_ended

pytestmark = pytest.mark.engine
SECONDS = 100


class Ears:
    """Collects the events of a client."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.client = EngineClient(self.events.put)

    def hear(self, *kinds: type) -> Event:
        while True:
            event = self.events.get(timeout=SECONDS)
            if isinstance(event, kinds):
                return event


@pytest.fixture
def ears() -> Iterator[Ears]:
    heard = Ears()
    yield heard
    heard.client.close()


def test_killed_in_the_middle_of_a_request_and_started_again(ears: Ears) -> None:
    example = str(resources.example("sequence_classifier").network)
    ears.client.start()
    assert isinstance(ears.hear(Ready, Died), Ready)
    ears.client.request(Load(example))
    loaded = ears.hear(Loaded, Refused)
    assert isinstance(loaded, Loaded)
    ears.client.request(RunTrace(generate(loaded.network)))
    process = ears.client._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    died = ears.hear(Died)
    assert isinstance(died, Died)
    assert died.sentence == how_it_ended(-9)
    assert not ears.client.running
    ears.client.restart()
    assert isinstance(ears.hear(Ready), Ready)
    number = ears.client.request(Load(example))
    assert number == 3
    again = ears.hear(Loaded, Refused)
    assert again == Loaded(3, loaded.network)
    ears.client.request(RunTrace(generate(loaded.network)))
    traced = ears.hear(Traced, Refused)
    assert isinstance(traced, Traced)
    assert traced.number == 4
    assert ears.client.request(Load(str(Path(example).with_name("none.keras")))) == 5
    refused = ears.hear(Refused)
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, UnusableInput)
    assert ears.client.request(Build("nothing", {})) == 6
    assert isinstance(ears.hear(Refused), Refused)
    assert ears.client.running


def test_a_large_batch_comes_and_goes_as_files(ears: Ears) -> None:
    example = str(resources.example("sequence_classifier").network)
    ears.client.request(Load(example))
    loaded = ears.hear(Loaded, Refused)
    assert isinstance(loaded, Loaded)
    small = generate(loaded.network, samples=4)
    times = 2**21 // sum(x.nbytes for x in small.x.values()) + 1
    large = take_samples(small, np.tile(np.arange(4), times))
    traced = []
    for batch in (small, large):
        ears.client.request(RunTrace(batch))
        event = ears.hear(Traced, Refused)
        assert isinstance(event, Traced)
        traced.append(event.recording.arrays["out/0"])
    assert max(x.nbytes for x in large.x.values()) >= row_copies.AT_LEAST
    np.testing.assert_allclose(traced[1], np.tile(traced[0], (times, *[1] * (traced[0].ndim - 1))), rtol=1e-4, atol=1e-6)


def pretend(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A child that runs this code in place of the engine."""
    monkeypatch.setattr(client, "command", lambda: [sys.executable, "-c", code])


CHILDREN = {
    "garbage": ("import os, time; os.write(1, b'no answer, but a text of its own'); time.sleep(60)", "not an answer"),
    "cut off": ("import os; os.write(1, b'MVZ1' + bytes([9] + [0] * 15) + b'{')", "cut off"),
    "no event": (
        'import os, time; h = b\'{"arrays": [], "kind": "Nothing", "body": {}}\'; '
        "os.write(1, b'MVZ1' + len(h).to_bytes(8, 'little') + bytes(8) + h); time.sleep(60)",
        "cannot be read",
    ),
    "a file that is none": (
        "import os, socket, sys, time; channel = socket.socket(fileno=int(os.environ['MASKVIZ_ENGINE_FILES'])); "
        'h = b\'{"arrays": [["a", "<f8", [512, 512], true]], "kind": "Ready", "body": {}}\'; '
        "os.write(1, b'MVZ1' + len(h).to_bytes(8, 'little') + (2**21).to_bytes(8, 'little') + h); "
        "socket.send_fds(channel, [b'f'], [0]); time.sleep(60)",
        "cannot be read",
    ),
    "ends before its file": (
        'import os; h = b\'{"arrays": [["a", "<f8", [512, 512], true]], "kind": "Ready", "body": {}}\'; '
        "os.write(1, b'MVZ1' + len(h).to_bytes(8, 'little') + (2**21).to_bytes(8, 'little') + h)",
        "cut off",
    ),
    "ends": ("import sys; sys.exit(7)", "exit code 7"),
    "crashes": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
}


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_that_breaks_its_word(name: str, ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    code, words = CHILDREN[name]
    pretend(monkeypatch, code)
    ears.client.request(Load("a.keras"))
    died = ears.hear(Died)
    assert isinstance(died, Died)
    assert words in died.sentence
    assert died.sentence.count(".") == 1
    assert not ears.client.running


@pytest.mark.skipif(not file_passing.ABLE, reason="nothing is handed over as a file here")
def test_a_request_that_cannot_be_sent_whole_ends_the_process(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the head of the message, and would wait for the rest for ever."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no memory for the file")

    pretend(monkeypatch, "import time; time.sleep(20)")
    monkeypatch.setattr(file_passing, "memory_file", full)
    ears.client.request(RunTrace(Batch({"x": np.zeros((600, 600))})))
    died = ears.hear(Died)
    assert isinstance(died, Died)
    assert died.sentence == how_it_ended(-9)
    assert not ears.client.running


def test_the_last_words_are_kept_for_the_details(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "import sys; sys.exit('out of something')")
    ears.client.start()
    died = ears.hear(Died)
    assert isinstance(died, Died)
    assert died.details == "out of something"


def test_scripts_get_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "raise SystemExit(7)")
    with pytest.raises(EngineFailed, match="exit code 7"), BlockingEngine() as engine:
        engine.ask(Load("a.keras"))
    with pytest.raises(EngineFailed, match="exit code 7"):
        api.trace(resources.example("sequence_classifier").network, np.zeros((1, 1)))


def test_closing_says_nothing(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "import time; time.sleep(60)")
    ears.client.start()
    ears.client.request(RunTrace(Batch({"x": np.zeros((1000, 1000))})))  # more than the pipe holds
    ears.client.close()
    ears.client.close()
    assert ears.events.empty()
    assert not ears.client.running
