"""Undo commands: an edit replaces the document's batch and can be taken back."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from PySide6.QtGui import QUndoCommand, QUndoStack

from maskviz.core.batch import Batch
from maskviz.core.batch_change import Change

NOT_MERGED = -1
MOST_STEPS, LEAST_STEPS, MOST_BYTES = 1000, 5, 512 * 2**20
GONE = " (cannot be undone any more)"


class History:
    """What the edits of a document share: ``tip``, the batch as the newest of them left it. An edit keeps only what it changed, and the
    batch before or after it is made of the tip."""

    def __init__(self, stack: QUndoStack, show: Callable[[Batch], None]) -> None:
        self.stack = stack
        self.show = show
        self.tip: Batch | None = None
        self._taken = 0  # bytes at most
        stack.setUndoLimit(MOST_STEPS)

    def open(self, batch: Batch) -> None:
        """Begin anew with another batch."""
        self.stack.clear()
        self.tip, self._taken = batch, 0

    def push(self, edit: EditBatch) -> None:
        """Carry out an edit. Where all take too much memory the oldest keep nothing but their names."""
        self._taken += edit.nbytes
        self.stack.push(edit)
        if self._taken > MOST_BYTES:
            edits = [c for n in range(self.stack.count()) if isinstance(c := self.stack.command(n), EditBatch)]
            self._taken = sum(e.nbytes for e in edits)
            for oldest in edits[:-LEAST_STEPS]:
                if self._taken > MOST_BYTES:
                    self._taken -= oldest.forget()

    def put(self, batch: Batch) -> None:
        """Make ``batch`` the tip, and show it."""
        self.tip = batch
        self.show(batch)


class EditBatch(QUndoCommand):
    """One edit of the batch. Edits of one gesture (the same ``gesture`` > 0) merge into a single undo step."""

    def __init__(
        self, history: History, before: Batch, after: Batch, text: str, gesture: int = NOT_MERGED, change: Change | None = None
    ) -> None:
        super().__init__(text)
        self._history = history
        self._gesture = gesture
        self._new: Batch | None = after  # until it is carried out for the first time
        self._known: Callable[[], Batch | None] = weakref.ref(before)  # as long as anybody else has it
        self._change: Change | None = Change.between(before, after) if change is None else change
        # what something else than an edit replaced since the one before: the tip then, and what stands in its place
        self._replaced = None if history.tip is None or history.tip is before else (history.tip, before)
        self.refused = False
        """Whether it is forgotten once it is undone, because the network cannot run on it."""

    @property
    def nbytes(self) -> int:
        """Bytes that are kept for this edit."""
        return 0 if self._change is None else self._change.nbytes

    def forget(self) -> int:
        """Keep the name alone, so that undoing changes nothing; the bytes that are free now."""
        freed = self.nbytes
        if self._change is not None:
            self._change = self._replaced = None
            self.setText(self.text() + GONE)
        return freed

    def id(self) -> int:
        return self._gesture

    def mergeWith(self, other: QUndoCommand) -> bool:
        assert isinstance(other, EditBatch)
        after = self._history.tip
        if after is None or self._change is None or other._change is None or other._replaced is not None:
            return False
        before = self._known() or self._change.undone(other._known() or other._change.undone(after))
        self._known, self._change = weakref.ref(before), Change.between(before, after)
        self.setText(other.text())
        return True

    def redo(self) -> None:
        new, self._new = self._new, None
        before = self._history.tip if self._replaced is None else self._replaced[1]
        if new is not None:
            self._history.put(new)
        elif self._change is not None and before is not None:
            self._known = weakref.ref(before)
            self._history.put(self._change.redone(before))

    def undo(self) -> None:
        self.setObsolete(self.refused)
        after = self._history.tip
        if self._change is None or after is None:
            return
        before = self._known() or self._change.undone(after)
        self._known = weakref.ref(before)
        self._history.put(before if self._replaced is None else self._replaced[1])
        if self._replaced is not None:
            self._history.tip = self._replaced[0]
