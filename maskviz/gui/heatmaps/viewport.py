"""The part of the shared axes that all heatmaps show."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from maskviz.export.painting import Window


class Viewport(QObject):
    """Linked ranges of timesteps and samples. ``changed`` when another part is shown."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.steps = 1
        self.samples = 1
        self.window = Window(0, 1, 0, 1)

    @property
    def fitted(self) -> bool:
        """Whether all of it is shown."""
        return self.window == Window(0, self.steps, 0, self.samples)

    def set_extent(self, steps: int, samples: int) -> None:
        """The lengths of the axes; another length shows everything again."""
        if (steps, samples) != (self.steps, self.samples):
            self.steps, self.samples = max(steps, 1), max(samples, 1)
            self.fit()

    def fit(self) -> None:
        """Show everything."""
        self._show(0, self.steps, 0, self.samples)

    def zoom(self, step: float, sample: float, factor: float, least_steps: float, least_samples: float) -> None:
        """Show ``factor`` times as much, keeping the given position where it is; not less than the given spans."""
        w = self.window
        across = min(max((w.step1 - w.step0) * factor, min(least_steps, w.step1 - w.step0)), self.steps)
        down = min(max((w.sample1 - w.sample0) * factor, min(least_samples, w.sample1 - w.sample0)), self.samples)
        step0 = step - (step - w.step0) * across / (w.step1 - w.step0)
        sample0 = sample - (sample - w.sample0) * down / (w.sample1 - w.sample0)
        self._show(step0, step0 + across, sample0, sample0 + down)

    def pan(self, steps: float, samples: float) -> None:
        """Move by so many steps and samples, as far as there is something to show."""
        w = self.window
        self._show(w.step0 + steps, w.step1 + steps, w.sample0 + samples, w.sample1 + samples)

    def reveal(self, step: int, sample: int) -> None:
        """Move as little as needed to show a cell."""
        w = self.window
        steps = min(step - w.step0, 0) or max(step + 1 - w.step1, 0)
        samples = min(sample - w.sample0, 0) or max(sample + 1 - w.sample1, 0)
        if steps or samples:
            self.pan(steps, samples)

    def _show(self, step0: float, step1: float, sample0: float, sample1: float) -> None:
        across, down = step1 - step0, sample1 - sample0
        step0 = min(max(step0, 0.0), max(self.steps - across, 0.0))
        sample0 = min(max(sample0, 0.0), max(self.samples - down, 0.0))
        window = Window(step0, step0 + across, sample0, sample0 + down)
        if window != self.window:
            self.window = window
            self.changed.emit()
