"""The one doorway to the engine: starts its process, sends numbered requests, hands on its events. Knows neither Keras nor Qt."""

from __future__ import annotations

import collections
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from maskviz.core import file_passing, wire
from maskviz.core.errors import EngineFailed
from maskviz.core.message_wire import event_from_wire, request_to_wire
from maskviz.core.messages import Cancel, Died, Event, Refused, Request

CHILD_ARGUMENT = "--maskviz-engine"
MEMORY = "MASKVIZ_ENGINE_GIB"  # the most memory that the engine may take
FILES = "MASKVIZ_ENGINE_FILES"  # the number of the channel for large arrays, open in the process
CAREFUL = "MASKVIZ_CAREFUL_ENGINE"  # an engine that follows a dead one compiles nothing in the background
LAST_LINES = 200
LONGEST_SECONDS = 1800  # that a script waits for an answer


def command() -> list[str]:
    """How the engine's process is started, from a checkout, an installed package, or a frozen program."""
    if getattr(sys, "frozen", False):
        return [sys.executable, CHILD_ARGUMENT]
    # -P: what lies in the current folder is not imported in place of what the engine needs
    return [sys.executable, "-P", "-m", "maskviz.engine.process"]


class EngineClient:
    """Owns the engine's process. ``on_event`` is called on the reader's thread, one event after another.

    Requests are numbered; the answer bears the number of its request. ``request`` never blocks the caller: a writer thread sends.
    """

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self.environment: dict[str, str] = {}
        """Variables for the process beside those of this one, from its next start on."""
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._outbox: queue.SimpleQueue[tuple[int, Request | Cancel] | None] = queue.SimpleQueue()
        self._number = 0
        self._careful = False
        self._last_lines: collections.deque[str] = collections.deque(maxlen=LAST_LINES)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; Ready follows when it has imported Keras. A running one is left alone."""
        if self.running:
            return
        self.close()
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, **self.environment, "PYTHONPATH": path} | ({CAREFUL: "1"} if self._careful else {})
        self._outbox = queue.SimpleQueue()
        self._last_lines.clear()
        ours, theirs = socket.socketpair() if file_passing.ABLE else (None, None)
        passed = [] if theirs is None else [theirs.fileno()]
        environment[FILES] = "".join(map(str, passed))
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(command(), stdin=pipe, stdout=pipe, stderr=pipe, env=environment, pass_fds=passed)
        finally:
            if theirs is not None:
                theirs.close()  # so that the channel ends with the process
        self._process, self._channel = process, ours
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        errors = self._thread(self._read_errors, process.stderr)
        self._threads = [
            errors,
            self._thread(self._read, process, process.stdout, ours, errors),
            self._thread(self._write, process, process.stdin, ours, self._outbox),
        ]

    @staticmethod
    def _thread(work: Callable[..., None], *args: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=args, daemon=True, name=f"engine{work.__name__}")
        thread.start()
        return thread

    def next_number(self) -> int:
        """The number for a request that is about to be sent."""
        self._number += 1
        return self._number

    def request(self, request: Request | Cancel, number: int | None = None) -> int:
        """Send a request and return its number. The process is started when it does not run."""
        self.start()
        number = self.next_number() if number is None else number
        self._outbox.put((number, request))
        return number

    def close(self) -> None:
        """End the process and wait for the threads; no event follows."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            self._outbox.put(None)
            for thread in self._threads:
                if thread is not threading.current_thread():
                    thread.join(2)
            for pipe in (process.stdin, process.stdout, process.stderr, self._channel):
                with suppress(OSError, AttributeError):  # what was left to write can no longer be written
                    pipe.close()  # type: ignore[union-attr]

    def restart(self) -> None:
        """Kill the process, whatever it is doing, and start a new one."""
        self.close()
        self.start()

    def _write(
        self,
        process: subprocess.Popen[bytes],
        pipe: BinaryIO,
        channel: socket.socket | None,
        outbox: queue.SimpleQueue[tuple[int, Request | Cancel] | None],
    ) -> None:
        while (item := outbox.get()) is not None:
            try:
                wire.write_frame(pipe, *request_to_wire(*item), channel)
            except (OSError, ValueError, MemoryError):
                ended(process)  # it would wait for the rest of what was begun; the reader says that it has ended
                return

    def _read(self, process: subprocess.Popen[bytes], pipe: BinaryIO, channel: socket.socket | None, errors: threading.Thread) -> None:
        sentence = ""
        try:
            while (frame := wire.read_frame(pipe, channel)) is not None:
                self._on_event(event_from_wire(*frame))
        except EngineFailed as error:
            sentence = str(error)
        except (OSError, ValueError):
            pass  # the pipe was closed under the reader
        if process is not self._process:
            return
        code = ended(process)
        self._careful = True
        errors.join(2)
        self._on_event(Died(sentence or how_it_ended(code, self._last_lines), "\n".join(self._last_lines)))

    def _read_errors(self, pipe: BinaryIO) -> None:
        with suppress(OSError, ValueError):  # closed under the reader
            for line in pipe:
                self._last_lines.append(line.decode(errors="replace").rstrip())


def ended(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a process that has nothing more to do here: one that ends by itself tells how, another one is killed."""
    try:
        return process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def how_it_ended(code: int, last_lines: Iterable[str] = ()) -> str:
    """One sentence for the exit code and the last lines of a process that ended unasked."""
    if any(line.startswith("Timeout (") for line in last_lines):
        return "The network took longer to load than any should, and the engine was stopped; your batch and edits are kept."
    if code == -9:
        return "The engine was stopped from outside or ran out of memory; your batch and edits are kept."
    if code < 0:
        return f"The engine crashed (signal {-code}); your batch and edits are kept."
    return f"The engine ended unexpectedly (exit code {code}); your batch and edits are kept."


class BlockingEngine:
    """The engine for scripts and the command line: each call waits for its answer."""

    def __init__(self, tell: Callable[[str], None] = lambda sentence: None) -> None:
        self._tell = tell
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._client = EngineClient(self._events.put)

    def __enter__(self) -> BlockingEngine:
        self._client.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def ask(self, request: Request) -> Event:
        """The answer to a request. Raises the MaskVizError of a refusal, EngineFailed when the process dies."""
        number = self._client.request(request)
        while True:
            try:
                event = self._events.get(timeout=LONGEST_SECONDS)
            except queue.Empty:
                raise EngineFailed(f"The engine did not answer for {LONGEST_SECONDS // 60} minutes and was stopped.") from None
            match event:
                case Died():
                    raise EngineFailed(event.sentence, event.details)
                case Refused() if event.number == number:
                    raise event.error
                case _ if getattr(event, "sentence", None):
                    self._tell(event.sentence)  # type: ignore[union-attr]
                case _ if getattr(event, "number", None) == number:
                    return event
