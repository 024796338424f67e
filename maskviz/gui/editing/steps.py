"""Acts on timesteps: padding them, moving padding to one side, inserting and deleting them, another number of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskviz.core import batch_steps
from maskviz.core.batch import Batch
from maskviz.core.batch_cells import flag_padding
from maskviz.core.batch_steps import Side, TargetAxis
from maskviz.core.batch_words import samples_of, steps_of
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec
from maskviz.core.words import counted

if TYPE_CHECKING:
    from maskviz.gui.editing.editing import Editing, Made


class StepActs:
    """Changes which steps are padding, and where they stand."""

    def __init__(self, editing: Editing) -> None:
        self._editing = editing

    @property
    def _batch(self) -> Batch:
        return self._editing.marks.batch

    def _spec(self, name: str) -> InputSpec:
        return self._editing.network.input(name)

    def _axes(self) -> tuple[TargetAxis, ...]:
        document = self._editing.document
        return batch_steps.target_axes(self._batch, self._editing.network, document.trace)

    # --- padding

    def pad(self) -> None:
        """Make the marked steps padding."""
        self._flag(True)

    def unpad(self) -> None:
        """Make the marked steps real."""
        self._flag(False)

    def _flag(self, padded: bool) -> None:
        def made() -> Made:
            marked = self._editing.marks.steps()
            compute = partial(flag_padding, self._batch, self._spec(marked.input), marked.samples, marked.steps, padded)
            return compute, f"Pad {marked.words}" if padded else f"Make {marked.words} real"

        self._editing.edit(made)

    def pad_left(self) -> None:
        """Move the padding of the marked samples to the left."""
        self._to_side("left")

    def pad_right(self) -> None:
        """Move the padding of the marked samples to the right."""
        self._to_side("right")

    def pad_all_left(self) -> None:
        """Move the padding of every sample to the left."""
        self._to_side("left", every=True)

    def pad_all_right(self) -> None:
        """Move the padding of every sample to the right."""
        self._to_side("right", every=True)

    def _to_side(self, side: Side, every: bool = False) -> None:
        def made() -> Made:
            marks, batch = self._editing.marks, self._batch
            samples = np.arange(batch.size) if every else marks.samples()
            compute = partial(batch_steps.to_side, batch, self._spec(marks.input()), samples, side, self._axes())
            return compute, f"Move the padding of {samples_of(samples, batch.size)} to the {side}"

        self._editing.edit(made)

    # --- inserting and deleting

    def insert(self) -> None:
        """Insert as many padded steps as are marked, before the first of them; what follows moves on, T stays."""

        def made() -> Made:
            marked = self._editing.marks.steps()
            at, count = int(marked.steps[0]), len(marked.steps)
            compute = partial(batch_steps.insert_steps, self._batch, self._spec(marked.input), marked.samples, at, count, self._axes())
            return compute, f"Insert {counted(count, 'step')} at step {at} of {samples_of(marked.samples, self._batch.size)}"

        self._editing.edit(made)

    def delete(self) -> None:
        """Delete the marked steps; what follows moves up, T stays."""

        def made() -> Made:
            marked = self._editing.marks.steps()
            first, last = _run(marked.steps)
            compute = partial(batch_steps.delete_steps, self._batch, self._spec(marked.input), marked.samples, first, last, self._axes())
            return compute, f"Delete {marked.words}"

        self._editing.edit(made)

    def insert_in_all(self) -> None:
        """Insert as many padded steps as are marked in every sample; T grows."""

        def made() -> Made:
            marked, network = self._editing.marks.steps(), self._editing.network
            at, count = int(marked.steps[0]), len(marked.steps)
            compute = partial(batch_steps.insert_for_all, self._batch, network, self._spec(marked.input), at, count, self._axes())
            return compute, f"Insert {counted(count, 'step')} at step {at} of all samples"

        self._editing.edit(made, on_trial=True)

    def delete_in_all(self) -> None:
        """Delete the marked steps of every sample; T shrinks."""

        def made() -> Made:
            marked, network = self._editing.marks.steps(), self._editing.network
            first, last = _run(marked.steps)
            compute = partial(batch_steps.delete_for_all, self._batch, network, self._spec(marked.input), first, last, self._axes())
            return compute, f"Delete {steps_of(marked.steps, -1)} of all samples"

        self._editing.edit(made, on_trial=True)

    def change_length(self) -> None:
        """Ask for another number of steps of all samples."""
        try:
            name = self._editing.marks.input()
        except UnusableInput as error:
            self._editing.say(str(error))
            return
        from maskviz.gui.editing.dialogs import LengthDialog  # only here: the window starts faster without dialogs

        dialog = LengthDialog(self._batch, name, self._editing.window)
        if dialog.exec():
            self.set_length(dialog.input.currentText(), dialog.length.value(), dialog.side())

    def set_length(self, name: str, length: int, side: Side) -> None:
        """Give every sample ``length`` steps of an input, padding added or steps cut off at one side."""

        def made() -> Made:
            batch = self._batch
            compute = partial(batch_steps.with_length, batch, self._editing.network, self._spec(name), length, side, self._axes())
            word = "Lengthen" if length > batch.padding[name].shape[1] else "Shorten"
            return compute, f"{word} {name} to {counted(length, 'step')}"

        if length != self._batch.padding[name].shape[1]:
            self._editing.edit(made, on_trial=True)


def _run(steps: NDArray[np.intp]) -> tuple[int, int]:
    """First and last of marked steps; raises ``UnusableInput`` where they have gaps."""
    if steps[-1] - steps[0] + 1 != len(steps):
        raise UnusableInput("Only steps without gaps between them can be deleted together: mark one run of steps.")
    return int(steps[0]), int(steps[-1])
