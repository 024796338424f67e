"""What an act is about: the cells selected in the editor, or the samples and steps marked in the heatmaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QDockWidget, QWidget

from maskviz.core.batch import Batch
from maskviz.core.batch_cells import Cells, cells_of_steps
from maskviz.core.batch_words import of_samples, samples_of, steps_of
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec
from maskviz.session.document import Document

if TYPE_CHECKING:
    from maskviz.gui.editor import EditorPanel
    from maskviz.gui.editor.table import StepTable


@dataclass(frozen=True, eq=False)
class MarkedSteps:
    """Some steps of some samples of one input; ``words`` names them."""

    input: str
    samples: NDArray[np.intp]
    steps: NDArray[np.intp]
    words: str


class Marks(QObject):
    """Reads the marks when an act asks for them: the editor's cells where its pane was used last, else what is marked in the
    heatmaps, else the selected step. Menus, dialogs and the command palette are no panes."""

    def __init__(self, document: Document, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self._in_editor = False
        self.editor: EditorPanel | None = None
        self.input_in_view: Callable[[], InputSpec | None] = lambda: None
        """The input whose padding the heatmaps show."""
        QApplication.instance().focusChanged.connect(self._follow)  # type: ignore[union-attr]

    def _follow(self, old: QWidget | None, new: QWidget | None) -> None:
        pane: QObject | None = new
        while pane is not None and not isinstance(pane, QDockWidget):
            pane = pane.parent()
        if isinstance(pane, QDockWidget) and self.editor is not None:
            self._in_editor = pane.isAncestorOf(self.editor)

    @property
    def table(self) -> StepTable | None:
        """The editor's table that has the keyboard, or that was used last."""
        return None if self.editor is None else self.editor.table

    @property
    def batch(self) -> Batch:
        """The batch that is open; raises ``UnusableInput`` where there is none."""
        if self._document.batch is None or self._document.network is None:
            raise UnusableInput("Open a network first: its batch is what can be changed.")
        return self._document.batch

    def samples(self) -> NDArray[np.intp]:
        """The marked samples, or the selected one."""
        region = self._document.region
        if region is None or self._in_editor:
            return np.asarray([min(self._document.selection.sample, self.batch.size - 1)])
        return np.asarray([s for s in region.samples if s < self.batch.size])

    def rows(self) -> NDArray[np.intp]:
        """The marked steps of the shared time axis, or those with selected cells, or the selected one."""
        region, selected = self._document.region, [self._document.selection.step]
        if self._in_editor and self.editor is not None:
            return np.asarray(self.editor.steps.chosen_rows() or selected)
        return np.asarray(selected) if region is None else np.arange(region.first, region.last + 1)

    def input(self) -> str:
        """The input whose steps are meant; raises ``UnusableInput`` where none has steps."""
        names = list(self.batch.padding)
        if not names:
            raise UnusableInput("The network has no input with a time axis, so there are no steps to change.")
        seen = self.input_in_view()
        chosen = self.editor.input_name() if self._in_editor and self.editor is not None else seen.name if seen is not None else None
        return chosen if chosen in names else names[0]

    def steps(self) -> MarkedSteps:
        """The marked steps of the input that is meant; raises ``UnusableInput``."""
        batch, name, samples, rows = self.batch, self.input(), self.samples(), self.rows()
        length = batch.padding[name].shape[1]
        rows = rows[rows < length]
        if not len(rows) or not len(samples):
            raise UnusableInput(f"Input {name} has {length} steps, and none of them is marked: mark steps in a heatmap or in the table.")
        return MarkedSteps(name, samples, rows, of_samples(steps_of(rows, length), samples_of(samples, batch.size)))

    def words(self) -> str:
        """What is marked, as the title of a menu: ``Steps 4–9 of sample 3``; raises ``UnusableInput``."""
        batch, samples, rows = self.batch, self.samples(), self.rows()
        if not len(samples):
            raise UnusableInput("No sample of the batch is marked: mark some in a heatmap.")
        words = samples_of(samples, batch.size)
        words = of_samples(steps_of(rows, self._document.time_steps), words) if batch.padding else words
        return words[0].upper() + words[1:]

    def cells(self) -> tuple[list[Cells], str]:
        """The marked cells and their words: those selected in the editor that can be written to, else all of the marked steps."""
        if self._in_editor and self.editor is not None:
            cells = self.editor.chosen_cells()
            if cells:
                count = sum(c.count for c in cells)
                return cells, f"{count} cell{'s' if count > 1 else ''} of sample {self.samples()[0]}"
        marked = self.steps()
        return [cells_of_steps(self.batch, marked.input, marked.samples, marked.steps)], marked.words

    def steps_to_fill(self) -> tuple[int, int]:
        """How many of the marked steps are padding, and how many are real; raises ``UnusableInput``."""
        marked = self.steps()
        padded = int(self.batch.padding[marked.input][np.ix_(marked.samples, marked.steps)].sum())
        return padded, len(marked.samples) * len(marked.steps) - padded

    def output(self) -> str:
        """The output whose weights are meant; raises ``UnusableInput`` where the batch has no targets."""
        names = list(self.batch.y)
        if not names:
            raise UnusableInput("The batch has no targets, so weights have no effect: open a batch with y.")
        chosen = self.editor.output_name() if self.editor is not None and self._in_editor else None
        return next((name for name in (chosen, self._document.selection.output) if name in names), names[0])
