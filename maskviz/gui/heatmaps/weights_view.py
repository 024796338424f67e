"""The map of sample weights, in which the mouse paints them: a drag gives all steps between its ends one weight."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent

from maskviz.core.batch import Batch, changed_rows
from maskviz.core.batch_weights import paint_weights, weight_words
from maskviz.core.errors import UnusableInput
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.gui.heatmaps.mask_view import take_back
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.palette import Palette
from maskviz.session.document import Document


@dataclass
class Stroke:
    """A drag that paints: it began at a row and a step (−1 on bars), on the batch ``before``."""

    number: int
    row: int
    step: int
    before: Batch
    pushed: bool = False


class WeightsView(MapView):
    """The map of the weights of ``output``. A drag paints ``weight`` where ``painting`` is on, or with Shift."""

    def __init__(self, document: Document, viewport: Viewport, palette: Palette) -> None:
        super().__init__(viewport, palette)
        self.document = document
        self.output = ""
        self.weight = 0.0
        self.painting = True
        self._stroke: Stroke | None = None

    @property
    def dragging(self) -> bool:
        """Whether a stroke goes on."""
        return self._stroke is not None

    def paint(self, rows: tuple[int, int], steps: tuple[int, int], before: Batch, gesture: int) -> bool:
        """Make the batch ``before`` with ``weight`` from the first to the last row and step an edit; whether it changes anything."""
        document = self.document
        if document.network is None or document.batch is None or (self.weight == 1 and self.output not in before.sample_weight):
            return False
        samples = np.asarray(sorted(self.viewport.sample(row) for row in range(rows[0], rows[1] + 1)))
        about = (document.network, document.trace, self.output, samples, np.arange(steps[0], steps[1] + 1))
        try:
            after = paint_weights(before, *about, self.weight)
            words = weight_words(before, *about, document.time_steps)
        except UnusableInput:
            return False  # the output has no step there
        changed = changed_rows(document.batch, after)
        if changed is None or len(changed):
            document.edit(after, f"Set weight of {words} to {self.weight:g}", gesture=gesture)
            return True
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell, batch = self.cell_at(event.position()), self.document.batch
        wanted = self.painting or bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() != Qt.MouseButton.LeftButton or self.marks(event) or not wanted or cell is None or batch is None:
            super().mousePressEvent(event)
            return
        if not self.document.comparison.may_edit():
            return
        self._stroke = Stroke(self.document.new_gesture(), self.row_at(event.position()), cell[1], batch)
        self._drag(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._stroke is not None:
            self._drag(event.position())
            return
        super().mouseMoveEvent(event)
        if self._panned_from is None and self._band is None:
            self._show_cursor(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            super().mouseReleaseEvent(event)
        elif stroke.pushed and not self._differs(stroke.before):
            take_back(self.document, stroke.before, stroke.number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, batch = event.key(), self.document.batch
        if key == Qt.Key.Key_Escape and self._stroke is not None:
            stroke, self._stroke = self._stroke, None
            if stroke.pushed:
                take_back(self.document, stroke.before, stroke.number)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._stroke is None and batch is not None:
            sample, step = self.selected
            row = self.viewport.row(sample)
            self.paint((row, row), (step, step), batch, self.document.new_gesture())
        else:
            super().keyPressEvent(event)

    def _drag(self, position: QPointF) -> None:
        stroke = self._stroke
        assert stroke is not None
        rect, window = self.map_rect(), self.viewport.window
        lowest = min(math.ceil(window.sample1), self.viewport.samples) - 1
        row = min(max(self.row_at(position), int(window.sample0)), lowest)
        step = min(max(math.floor(window.step_at(rect, position.x())), 0), self.viewport.steps - 1)
        first_row, last_row = sorted((stroke.row, row))
        first, last = sorted((stroke.step, step)) if stroke.step >= 0 else (0, self.viewport.steps - 1)
        stroke.pushed |= self.paint((first_row, last_row), (first, last), stroke.before, stroke.number)
        sample = self.viewport.sample(row)
        self.picked.emit(sample, step if stroke.step >= 0 else -1)
        self.pointed.emit(sample, step if stroke.step >= 0 else -1)

    def _differs(self, before: Batch) -> bool:
        """Whether the batch is another one than before."""
        changed = changed_rows(before, self.document.batch) if self.document.batch is not None else None
        return changed is None or bool(len(changed))

    def _show_cursor(self, event: QMouseEvent) -> None:
        wanted = self.painting or self.tool == "select" or bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if wanted and self.cell_at(event.position()) is not None:
            fixed = self.document.comparison.side == "A" and self.tool != "select"
            self.setCursor(Qt.CursorShape.ForbiddenCursor if fixed else Qt.CursorShape.CrossCursor)
        else:
            self.unsetCursor()
