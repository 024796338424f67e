"""Acts on sample_weight: setting, making and removing weights."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from maskviz.core import batch_weights
from maskviz.core.batch import without_weights
from maskviz.core.batch_steps import TargetAxis, target_axes
from maskviz.core.errors import UnusableInput
from maskviz.core.heatmaps import source_mask

if TYPE_CHECKING:
    from maskviz.gui.editing.editing import Editing, Made


class WeightActs:
    """Changes the weights of the output that is meant."""

    def __init__(self, editing: Editing) -> None:
        self._editing = editing

    def _shape(self, name: str) -> tuple[int, ...]:
        editing = self._editing
        return batch_weights.weight_shape(editing.marks.batch, editing.network, editing.document.trace, name)

    def _axis(self, name: str) -> TargetAxis | None:
        editing = self._editing
        axes = target_axes(editing.marks.batch, editing.network, editing.document.trace)
        return next((axis for axis in axes if axis.output == name), None)

    def ask(self) -> None:
        """Ask for the weight of the marked steps."""
        from PySide6.QtWidgets import QInputDialog

        try:
            name = self._editing.marks.output()
            words = self._words(name)
        except UnusableInput as error:
            self._editing.say(str(error))
            return
        value, given = QInputDialog.getDouble(
            self._editing.window, "Set weight", f"Weight of {words} in the loss of {name}:", 0, -1e6, 1e6, 4
        )
        if given:
            self.set(value)

    def set(self, value: float) -> None:
        """Give the marked steps this weight; an output without weights gets weights of 1 first."""

        def made() -> Made:
            marks, editing = self._editing.marks, self._editing
            name, trace = marks.output(), editing.document.trace
            where = (name, marks.samples(), marks.rows())
            return partial(
                batch_weights.paint_weights, marks.batch, editing.network, trace, *where, value
            ), f"Set weight of {self._words(name)} to {value:g}"

        self._editing.edit(made)

    def _words(self, name: str) -> str:
        """Words for the marked samples and steps that have weights."""
        marks, document = self._editing.marks, self._editing.document
        return batch_weights.weight_words(
            marks.batch, self._editing.network, document.trace, name, marks.samples(), marks.rows(), document.time_steps
        )

    def ask_from_y(self) -> None:
        """Ask for the weights of targets that equal a value, and of the others."""
        try:
            name = self._editing.marks.output()
            self._shape(name)
        except UnusableInput as error:
            self._editing.say(str(error))
            return
        from maskviz.gui.editing.dialogs import WeightsDialog  # only here: the window starts faster without dialogs

        dialog = WeightsDialog(self._editing.marks.batch, name, self._editing.window)
        if dialog.exec():
            self.from_y(dialog.output.currentText(), dialog.value.value(), dialog.where.value(), dialog.elsewhere.value())

    def from_y(self, name: str, value: float, where: float, elsewhere: float) -> None:
        """Weights by the value of the target."""

        def made() -> Made:
            batch, shape = self._editing.marks.batch, self._shape(name)
            compute = partial(batch_weights.weights_from_y, batch, name, value, where, elsewhere, shape)
            return compute, f"Weights of {name}: {where:g} where y is {value:g}, else {elsewhere:g}"

        self._editing.edit(made)

    def from_mask(self) -> None:
        """Weights that are 1 where the input's mask keeps a step, 0 where it skips it."""

        def made() -> Made:
            editing = self._editing
            name, batch, trace = editing.marks.output(), editing.marks.batch, editing.document.trace
            axis = self._axis(name)
            shape = self._shape(name)
            if len(shape) == 1:
                raise UnusableInput(f"The loss of {name} has one weight for each sample and no steps, so a mask cannot be its weights.")
            if axis is None or axis.input is None:
                raise UnusableInput(f"It is not known which input's steps the targets of {name} belong to, so no mask fits its weights.")
            kept = source_mask(trace, axis.input) if trace is not None and not editing.document.stale else None
            kept = ~batch.padding[axis.input] if kept is None else kept
            return partial(
                batch_weights.weights_from_kept, batch, name, kept, axis.rows, shape
            ), f"Weights of {name} = mask of {axis.input}"

        self._editing.edit(made)

    def remove(self) -> None:
        """Remove the weights of the output that is meant."""

        def made() -> Made:
            name = self._editing.marks.output()
            if name not in self._editing.marks.batch.sample_weight:
                raise UnusableInput(f"Output {name} has no weights that could be removed.")
            return partial(without_weights, self._editing.marks.batch, name), f"Remove the weights of {name}"

        self._editing.edit(made)
