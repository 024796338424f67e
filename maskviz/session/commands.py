"""Undo commands: an edit replaces the document's batch and can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from maskviz.core.batch import Batch

if TYPE_CHECKING:
    from maskviz.session.document import Document

NOT_MERGED = -1


class EditBatch(QUndoCommand):
    """One edit of the batch. Edits of one gesture (the same ``gesture`` > 0) merge into a single undo step."""

    def __init__(self, document: Document, before: Batch, after: Batch, text: str, gesture: int = NOT_MERGED) -> None:
        super().__init__(text)
        self._document = document
        self._before = before
        self._after = after
        self._gesture = gesture
        self.refused = False
        """Whether it is forgotten once it is undone, because the network cannot run on it."""

    def id(self) -> int:
        return self._gesture

    def mergeWith(self, other: QUndoCommand) -> bool:
        assert isinstance(other, EditBatch)
        self._after = other._after
        self.setText(other.text())
        return True

    def redo(self) -> None:
        self._document._set_batch(self._after)

    def undo(self) -> None:
        self.setObsolete(self.refused)
        self._document._set_batch(self._before)
