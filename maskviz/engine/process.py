"""The child process: reads requests from its standard input and writes events to its standard output. Keras lives only here.

Whatever the network's own code prints goes to standard error, so that it cannot get between the messages.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from maskviz.core import wire
from maskviz.core.errors import UnusableInput
from maskviz.core.message_wire import event_to_wire, request_from_wire
from maskviz.core.messages import Cancel, Event, Load, Progress, Ready, Request

LOAD_SECONDS = 300


def main() -> None:
    """Answer requests until the window closes the pipe."""
    requests, answers = _take_pipes()
    channel = _take_channel()
    limit_memory()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.dont_write_bytecode = True  # a user's file with custom objects gets no __pycache__ beside it
    from maskviz.engine import devices
    from maskviz.engine.client import CAREFUL

    devices.prepare()
    import keras

    from maskviz.engine.service import Service

    send = Sender(answers, channel)
    inbox = Inbox(requests, channel)

    def tell(progress: Progress) -> None:
        inbox.check(progress.number)
        send(progress)

    service = Service(tell, prepares=CAREFUL not in os.environ)
    send(Ready(keras.__version__, keras.backend.backend(), service.devices()))
    for number, request in inbox:
        with time_limit(LOAD_SECONDS if isinstance(request, Load) else None):
            answer = service.answer(number, request)
        send(answer)


class Inbox:
    """Reads requests on a thread of its own, so that one can be cancelled while it is carried out or waits."""

    def __init__(self, stream: BinaryIO, channel: socket.socket | None = None) -> None:
        self._waiting: queue.SimpleQueue[tuple[int, Request] | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._read, args=(stream, channel), name="inbox", daemon=True).start()

    def __iter__(self) -> Iterator[tuple[int, Request]]:
        while (item := self._waiting.get()) is not None:
            if item[0] not in self._cancelled:
                yield item
            self._cancelled.discard(item[0])

    def check(self, number: int) -> None:
        """Raise UnusableInput when the request of this number was cancelled. Work in the background is never stopped."""
        if number in self._cancelled and threading.current_thread() is threading.main_thread():
            raise UnusableInput("It was stopped.")

    def _read(self, stream: BinaryIO, channel: socket.socket | None) -> None:
        try:
            while (frame := wire.read_frame(stream, channel)) is not None:
                number, request = request_from_wire(*frame)
                if isinstance(request, Cancel):
                    self._cancelled.add(request.of)
                else:
                    self._waiting.put((number, request))
        finally:
            self._waiting.put(None)


class Sender:
    """Writes events, each whole: progress of what is compiled in the background may come while an answer is written."""

    def __init__(self, stream: BinaryIO, channel: socket.socket | None = None) -> None:
        self._stream = stream
        self._channel = channel
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            wire.write_frame(self._stream, *event_to_wire(event), self._channel)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for messages alone; printing goes to standard error from here on."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers


def _take_channel() -> socket.socket | None:
    """The channel for large arrays, which what this process starts does not get."""
    from maskviz.engine.client import FILES

    number = os.environ.pop(FILES, "")
    if not number.isdecimal():
        return None
    os.set_inheritable(int(number), False)
    return socket.socket(fileno=int(number))


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """End the process when the block takes longer, also where it hangs in compiled code."""
    if seconds is not None:
        faulthandler.dump_traceback_later(seconds, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def limit_memory() -> None:
    """Let the process die before the machine does: no more address space than the machine has memory, or than was allowed by the
    variable MASKVIZ_ENGINE_GIB (where that can be set)."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        from maskviz.engine.client import MEMORY

        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if (allowed := os.environ.get(MEMORY, "")).isdecimal():
            memory = min(memory, int(allowed) * 2**30)
        # a GPU's driver maps far more addresses than there is memory
        if not os.path.exists("/dev/nvidia0"):
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


if __name__ == "__main__":
    with suppress(BrokenPipeError, KeyboardInterrupt):
        main()
