"""What a filling is about: the Fill menu says it, and leaves real data alone unless it is told otherwise."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from maskviz.core.batch import Batch
from maskviz.core.batch_cells import Cells, Filling, in_padding
from maskviz.core.errors import UnusableInput
from maskviz.core.network import Network
from maskviz.core.numbers import number
from maskviz.core.words import counted
from maskviz.gui.editing.marks import Marks

CONTENTS: tuple[Filling, ...] = ("zero", "noise", "nan")
"""What may go into padding alone; the pad value goes into real steps, that is its purpose."""


class FillMenu:
    """The head of the Fill menu: how many padded and real steps are meant, and a box that keeps zero, noise and NaN to padded ones."""

    def __init__(self, menu: QMenu, marks: Marks) -> None:
        self._marks = marks
        self._only = next(action for action in menu.actions() if action.objectName() == "fill_padded_only")
        self._only.setCheckable(True)
        self._only.setChecked(True)
        self.about = QAction(menu)
        self.about.setEnabled(False)
        menu.insertAction(self._only, self.about)
        menu.aboutToShow.connect(self._tell)
        menu.aboutToHide.connect(self._rest)

    def _tell(self) -> None:
        self.about.setVisible(True)
        try:
            padded, real = self._marks.steps_to_fill()
        except UnusableInput:
            self.about.setVisible(False)
            return
        held = f"{padded:,} padded, {real:,} real" if padded and real else "padding" if padded else "real"
        self.about.setText(f"{self._marks.words()}: {held}")
        self._only.setText(f"Zero, noise and NaN &only in the {padded:,} padded steps")
        self._only.setVisible(bool(padded and real))  # where there is no choice, none is offered

    def _rest(self) -> None:
        """Between two showings the box is an action like others, with its key and its place in the palette."""
        self._only.setText("Zero, noise and NaN &only in padding")
        self._only.setVisible(True)

    def chosen(self, filling: Filling) -> tuple[list[Cells], str]:
        """The cells that are filled, and their words; raises ``UnusableInput``."""
        cells, words = self._marks.cells()
        batch = self._marks.batch
        inputs = [(some, in_padding(batch, some)) for some in cells if some.kind == "x"]
        mixed = any(hit.any() for _, hit in inputs) and not all(hit.all() for _, hit in inputs)
        if not mixed or filling not in CONTENTS or not self._only.isChecked():
            return cells, words
        others = [some for some in cells if some.kind != "x"]  # targets and weights are meant where somebody marks them
        return [*(some.where(hit) for some, hit in inputs if hit.any()), *others], f"the padding among {words}"

    def toggled(self) -> str:
        """What the box says now."""
        return "in padded steps only" if self._only.isChecked() else "in all marked steps"


def mask_sentence(before: Batch, after: Batch, network: Network) -> str:
    """What a filling did to the mask that the network makes of its input; empty where it did nothing."""
    for spec in network.inputs:
        if not spec.masked or spec.name not in before.padding:
            continue
        was, now = before.padding[spec.name], after.padding[spec.name]
        kept, padded = int((was & ~now).sum()), int((now & ~was).sum())
        pad = number(spec.pad_value) if isinstance(spec.pad_value, float) else spec.pad_value
        if kept:
            return f"{_steps(kept)} kept now: the network's mask skips only what holds {pad}, and sees data there."
        if padded:
            return f"{_steps(padded)} padding now: the network's mask skips what holds {pad}."
    return ""


def _steps(count: int) -> str:
    return f"{counted(count, 'step')} {'is' if count == 1 else 'are'}"
