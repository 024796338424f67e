"""Makes traces of the engine's recordings: keeps the whole recording and puts the rows of an edit into it."""

from __future__ import annotations

import threading
from dataclasses import replace

from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch
from maskviz.core.messages import Evaluated, Event, Traced
from maskviz.core.recording import Recording, splice
from maskviz.core.row_copies import shared
from maskviz.core.trace import Trace


class Assembler:
    """Called from the window's thread (``expect``) and from the reader's (``assemble``)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: dict[int, Batch] = {}
        self._recording: Recording | None = None
        self.batch: Batch | None = None
        """What was traced last."""
        self._context = ("", 0.0)

    def expect(self, number: int, batch: Batch) -> None:
        """The whole batch that the answer to request ``number`` is about."""
        with self._lock:
            self._expected[number] = batch

    def forget(self) -> None:
        """Nothing that was asked for so far is wanted any more."""
        with self._lock:
            self._expected.clear()
            self._recording = self.batch = None

    def assemble(self, event: Event) -> Trace | None:
        """The trace for a Traced or Evaluated event; None for others, and for answers that are not wanted any more.

        Raises ValueError when the rows of an edit do not fit what is kept.
        """
        with self._lock:
            if isinstance(event, Traced):
                batch = self._expected.pop(event.number, None)
                if batch is None:
                    return None
                part, kept = event.recording, self._recording
                if part.rows is not None and kept is None:
                    raise ValueError("rows of a batch that is not kept")
                whole = part if kept is None else splice(kept, part)
                self._recording = replace(whole, arrays={key: shared(array) for key, array in whole.arrays.items()})  # edits will follow
                self.batch, self._context = batch, (event.device, event.seconds)
            elif isinstance(event, Evaluated) and self._recording is not None:
                self._recording = event.put_into(self._recording)
            else:
                return None
            assert self.batch is not None
            return trace_of(self._recording, self.batch, *self._context)
