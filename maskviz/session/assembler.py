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
    """Called from the window's thread (``expect``, ``forget``) and from the reader's (``assemble``), which never makes the other wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Held while fields are read or written, and no longer."""
        self._expected: dict[int, Batch] = {}
        self._recording: Recording | None = None
        self._batch: Batch | None = None
        self._context = ("", 0.0)

    def expect(self, number: int, batch: Batch) -> None:
        """The whole batch that the answer to request ``number`` is about."""
        with self._lock:
            self._expected[number] = batch

    def forget(self) -> None:
        """Nothing that was asked for so far is wanted any more."""
        with self._lock:
            self._expected = {}
            self._recording = self._batch = None

    def assemble(self, event: Event) -> tuple[Batch, Trace] | None:
        """The batch and the trace for a Traced or Evaluated event; None for others, and for answers that are not wanted any more.

        Raises ValueError when the rows of an edit do not fit what is kept.
        """
        if not isinstance(event, (Traced, Evaluated)):
            return None
        with self._lock:
            asked, kept, context = self._expected, self._recording, self._context
            batch = asked.pop(event.number, None) if isinstance(event, Traced) else self._batch
        if batch is None:
            return None
        if isinstance(event, Traced):
            recording, context = _with_rows(kept, event.recording), (event.device, event.seconds)
        else:
            assert kept is not None
            recording = event.put_into(kept)
        with self._lock:
            if self._expected is not asked:  # forgotten meanwhile
                return None
            self._recording, self._batch, self._context = recording, batch, context
        return batch, trace_of(recording, batch, *context)


def _with_rows(kept: Recording | None, part: Recording) -> Recording:
    """What is kept with the rows of an answer in it, or the answer where it is whole; its copies are cheap, as edits will follow."""
    if part.rows is not None and kept is None:
        raise ValueError("rows of a batch that is not kept")
    whole = part if kept is None else splice(kept, part)
    return replace(whole, arrays={key: shared(array) for key, array in whole.arrays.items()})
