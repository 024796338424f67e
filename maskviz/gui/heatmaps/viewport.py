"""The part of the shared axes that all heatmaps show, and the order in which samples stand in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from maskviz.export.painting import Window


class Viewport(QObject):
    """Linked ranges of timesteps and of rows, each of which shows a sample. ``changed`` when another part is shown, ``reordered`` when
    samples stand in other rows."""

    changed = Signal()
    reordered = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.steps = 1
        self.samples = 1
        self.window = Window(0, 1, 0, 1)
        self.order: NDArray[Any] | None = None
        self._rows: NDArray[Any] | None = None

    @property
    def fitted(self) -> bool:
        """Whether all of it is shown."""
        return self.window == Window(0, self.steps, 0, self.samples)

    def set_extent(self, steps: int, samples: int) -> None:
        """The lengths of the axes; another length shows everything again."""
        if (steps, samples) != (self.steps, self.samples):
            if self.order is not None and len(self.order) != samples:
                self.set_order(None)
            self.steps, self.samples = max(steps, 1), max(samples, 1)
            self.fit()

    def set_order(self, order: NDArray[Any] | None) -> None:
        """Show sample ``order[k]`` in row k; None: as given."""
        self.order = order
        self._rows = None if order is None else np.argsort(order)
        self.reordered.emit()

    def sample(self, row: int) -> int:
        """The sample that a row shows."""
        return int(self.order[row]) if self.order is not None and 0 <= row < len(self.order) else row

    def row(self, sample: int) -> int:
        """The row that shows a sample."""
        return int(self._rows[sample]) if self._rows is not None and 0 <= sample < len(self._rows) else sample

    def ordered(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array that begins with the samples, in the order of the rows; as it is where it has another number of samples."""
        return array[self.order] if self.order is not None and len(array) == len(self.order) else array

    def fit(self) -> None:
        """Show everything."""
        self._show(0, self.steps, 0, self.samples)

    def zoom(self, step: float, row: float, factor: float, least_steps: float, least_rows: float) -> None:
        """Show ``factor`` times as much, keeping the given position where it is; not less than the given spans."""
        w = self.window
        across = min(max((w.step1 - w.step0) * factor, min(least_steps, w.step1 - w.step0)), self.steps)
        down = min(max((w.sample1 - w.sample0) * factor, min(least_rows, w.sample1 - w.sample0)), self.samples)
        step0 = step - (step - w.step0) * across / (w.step1 - w.step0)
        row0 = row - (row - w.sample0) * down / (w.sample1 - w.sample0)
        self._show(step0, step0 + across, row0, row0 + down)

    def pan(self, steps: float, rows: float) -> bool:
        """Move by so many steps and rows, as far as there is something to show; whether that moved anything."""
        w = self.window
        return self._show(w.step0 + steps, w.step1 + steps, w.sample0 + rows, w.sample1 + rows)

    def reveal(self, step: int, sample: int) -> None:
        """Move as little as needed to show a cell."""
        w, row = self.window, self.row(sample)
        steps = min(step - w.step0, 0) or max(step + 1 - w.step1, 0)
        rows = min(row - w.sample0, 0) or max(row + 1 - w.sample1, 0)
        if steps or rows:
            self.pan(steps, rows)

    def _show(self, step0: float, step1: float, row0: float, row1: float) -> bool:
        across, down = step1 - step0, row1 - row0
        step0 = min(max(step0, 0.0), max(self.steps - across, 0.0))
        row0 = min(max(row0, 0.0), max(self.samples - down, 0.0))
        window = Window(step0, step0 + across, row0, row0 + down)
        moved = window != self.window
        if moved:
            self.window = window
            self.changed.emit()
        return moved
