"""The padding and mask map, in which the mouse changes padding: drag an edge, click a step, drag to paint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QWidget

from maskviz.core.batch import Batch, set_padding
from maskviz.core.network import InputSpec
from maskviz.gui.heatmaps.gestures import describe, describe_rows, drag_edge, edges, paint
from maskviz.gui.heatmaps.map_view import MapView, Tool
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.palette import Palette
from maskviz.session.document import Document


@dataclass
class Gesture:
    """A drag that changes padding: ``padding`` ``(batch, time)`` and ``before`` are those of the input and the batch before it,
    ``sample`` and ``start`` the row and the edge or step it began at."""

    number: int
    kind: Tool
    sample: int
    start: int
    padding: NDArray[Any]
    before: Batch
    pushed: bool = False


def take_back(document: Document, before: Batch, gesture: int) -> None:
    """Put back the batch before a gesture that was pushed, and leave nothing of it in the history."""
    stack = document.undo_stack
    document.comparison.show_b()
    if stack.index():
        document.edit(before, stack.undoText(), gesture=gesture)
        stack.command(stack.index() - 1).setObsolete(True)  # Qt drops an obsolete command without calling its undo
        stack.undo()


class MaskView(MapView):
    """The map of one input's padding. ``tool`` says what a drag in the middle of a row does; Shift paints in any case."""

    def __init__(self, document: Document, viewport: Viewport, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(viewport, palette, parent)
        self.document = document
        self.input: InputSpec | None = None
        self._gesture: Gesture | None = None
        self._toggle: tuple[int, int] | None = None
        self._mouse = QPointF(-1, -1)

    @property
    def dragging(self) -> bool:
        """Whether a gesture goes on."""
        return self._gesture is not None

    def row(self, sample: int) -> NDArray[Any] | None:
        """The padding ``(time,)`` of a sample as it is shown, None where there are no steps of it."""
        batch = self.document.comparison.shown().batch
        if batch is None or self.input is None or self.input.name not in batch.padding or self.heatmap is None or self.heatmap.explanation:
            return None
        padding = batch.padding[self.input.name]
        return padding[sample].astype(bool) if 0 <= sample < len(padding) and padding.shape[1] else None

    def edge_at(self, position: QPointF) -> tuple[int, int] | None:
        """Sample and edge that a press at ``position`` would take hold of."""
        rect, window = self.map_rect(), self.viewport.window
        reach = min(5.0, max(2.5, 0.3 * window.cell(rect)[0]))
        if self.heatmap is None or not rect.adjusted(-reach, 0, reach, 0).contains(position):
            return None
        sample = self.viewport.sample(self.row_at(position))
        row = self.row(sample)
        if row is None:
            return None
        nearest = min(edges(row), key=lambda edge: abs(window.x(rect, edge) - position.x()), default=None)
        if nearest is None or abs(window.x(rect, nearest) - position.x()) > reach:
            return None
        return sample, nearest

    def toggle(self, sample: int, step: int) -> None:
        """Make a step padding, or data again."""
        row = self.row(sample)
        if row is not None and self.document.comparison.may_edit() and 0 <= step < len(row):
            self._edit(sample, paint(row, step, step, not row[step]), self.document.new_gesture())

    def hint(self, sample: int, step: int) -> str:
        """What a press changes under the mouse, before it does."""
        row = self.row(sample)
        if row is None or not 0 <= step < len(row) or self.tool == "select" or self.document.comparison.side == "A":
            return ""
        if self.tool == "paint":
            return "drag makes steps real" if row[step] else "drag pads steps"
        if self.edge_at(self._mouse) is not None:
            return "drag moves the edge"
        return "click makes this step real" if row[step] else "click pads this step"

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell, edge = self.cell_at(event.position()), self.edge_at(event.position())
        painting = self.tool == "paint" or bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() != Qt.MouseButton.LeftButton or self.marks(event):
            super().mousePressEvent(event)
        elif edge is not None and not painting:
            self._begin("edge", *edge)
        elif cell is not None and painting:
            self._begin("paint", *cell)
            if self._gesture is not None:
                self._drag(event.position())
        else:
            self._toggle = cell
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._gesture is not None:
            self._drag(event.position())
            return
        self._mouse = event.position()
        super().mouseMoveEvent(event)
        if self._panned_from is None and self._band is None:
            self._show_cursor(event.position(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        gesture, self._gesture = self._gesture, None
        if gesture is not None:
            self._finish(gesture)
            return
        clicked = self._press is not None and not self._dragged and self._band is None and self._toggle == self.cell_at(event.position())
        super().mouseReleaseEvent(event)
        if clicked and self._toggle is not None and self.document.comparison.side != "A" and event.button() == Qt.MouseButton.LeftButton:
            self.toggle(*self._toggle)
        self._toggle = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._gesture is not None:
            gesture, self._gesture = self._gesture, None
            if gesture.pushed:
                take_back(self.document, gesture.before, gesture.number)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._gesture is None:
            self.toggle(*self.selected)
        else:
            super().keyPressEvent(event)

    def _begin(self, kind: Tool, sample: int, start: int) -> None:
        row = self.row(sample)
        batch = self.document.batch
        if not self.document.comparison.may_edit():
            return
        if row is not None and batch is not None and self.input is not None and (kind == "edge" or start < len(row)):
            padding = batch.padding[self.input.name].astype(bool)
            self._gesture = Gesture(self.document.new_gesture(), kind, sample, start, padding, batch)

    def _drag(self, position: QPointF) -> None:
        gesture = self._gesture
        assert gesture is not None
        rect, window = self.map_rect(), self.viewport.window
        at, sample = window.step_at(rect, position.x()), gesture.sample
        if gesture.kind == "edge":
            samples, step = [sample], round(at)
            rows = drag_edge(gesture.padding[sample], gesture.start, step)[None]
        else:
            step, value = int(np.floor(at)), not gesture.padding[sample, gesture.start]
            lowest = min(int(np.ceil(window.sample1)), len(gesture.padding)) - 1
            row = min(max(self.row_at(position), int(window.sample0)), lowest)
            first, last = sorted((self.viewport.row(gesture.sample), row))
            samples = sorted(self.viewport.sample(k) for k in range(first, last + 1))
            sample = self.viewport.sample(row)
            rows = np.array([paint(gesture.padding[k], gesture.start, step, value) for k in samples])
        self._apply(gesture, samples, rows)
        step = min(max(step, 0), gesture.padding.shape[1] - 1)
        self.picked.emit(sample, step)
        self.pointed.emit(sample, step)

    def _apply(self, gesture: Gesture, samples: list[int], rows: NDArray[Any]) -> None:
        """Make the batch what it was before the gesture with other rows for some samples."""
        if self.input is None or self.document.batch is None:
            return
        new = gesture.padding.copy()
        new[samples] = rows
        if np.array_equal(new, self.document.batch.padding[self.input.name]):
            return
        gesture.pushed = True
        self.document.edit(
            set_padding(gesture.before, self.input, np.asarray(samples), rows), describe_rows(samples, rows), gesture=gesture.number
        )

    def _finish(self, gesture: Gesture) -> None:
        batch, spec = self.document.batch, self.input
        if gesture.pushed and batch is not None and spec is not None and np.array_equal(batch.padding[spec.name], gesture.padding):
            take_back(self.document, gesture.before, gesture.number)

    def _edit(self, sample: int, row: NDArray[Any], gesture: int) -> None:
        batch = self.document.batch
        if batch is not None and self.input is not None:
            self.document.edit(set_padding(batch, self.input, sample, row), describe(sample, row), gesture=gesture)

    def _show_cursor(self, position: QPointF, shift: bool) -> None:
        painting = self.tool in ("paint", "select") or shift
        cell, fixed = self.cell_at(position), self.document.comparison.side == "A" and self.tool != "select"
        if painting and cell is not None and self.row(cell[0]) is not None:
            self.setCursor(Qt.CursorShape.ForbiddenCursor if fixed else Qt.CursorShape.CrossCursor)
        elif not painting and self.edge_at(position) is not None:
            self.setCursor(Qt.CursorShape.ForbiddenCursor if fixed else Qt.CursorShape.SizeHorCursor)
        elif not painting and not fixed and cell is not None and self.row(cell[0]) is not None:
            self.setCursor(Qt.CursorShape.PointingHandCursor)  # a click changes the step
        else:
            self.unsetCursor()
