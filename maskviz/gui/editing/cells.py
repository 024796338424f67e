"""Acts on cells: copying, pasting and filling them."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from maskviz.core.batch_cells import Filling, fill
from maskviz.gui.editing.filling import CONTENTS, FillMenu, mask_sentence

if TYPE_CHECKING:
    from maskviz.gui.editing.editing import Editing, Made

WORDS: dict[Filling, str] = {"pad": "the pad value", "zero": "zero", "noise": "noise", "nan": "NaN"}


class CellActs:
    """Copies and pastes the editor's cells, and fills these or the marked steps."""

    def __init__(self, editing: Editing) -> None:
        self._editing = editing
        self._fill_menu: FillMenu | None = None

    def take_menu(self, menu: QMenu) -> None:
        """Say in the Fill menu what is filled."""
        self._fill_menu = FillMenu(menu, self._editing.marks)

    def copy(self) -> None:
        """Copy the selected cells as text for a spreadsheet."""
        if (table := self._editing.marks.table) is not None:
            table.copy()

    def copy_with_headings(self) -> None:
        """Copy the selected cells with the titles of their columns and the numbers of their steps."""
        if (table := self._editing.marks.table) is not None:
            table.copy(headings=True)

    def paste(self) -> None:
        """Paste cells of a spreadsheet at the selected cell."""
        if (table := self._editing.marks.table) is not None:
            table.paste()

    def fill_pad(self) -> None:
        """Fill with the pad value, so that steps become padding."""
        self._fill("pad")

    def fill_zero(self) -> None:
        """Fill with zero."""
        self._fill("zero")

    def fill_noise(self) -> None:
        """Fill with other values like those that are real."""
        self._fill("noise")

    def fill_nan(self) -> None:
        """Fill with NaN."""
        self._fill("nan")

    def fill_token(self) -> None:
        """Make steps real that hold the pad value."""
        self._fill("token")

    def fill_padded_only(self) -> None:
        """Zero, noise and NaN go into padding alone, or into all that is marked."""
        if self._fill_menu is not None:
            self._editing.tell(f"Zero, noise and NaN are filled {self._fill_menu.toggled()}.")

    def _fill(self, filling: Filling) -> None:
        editing, before = self._editing, self._editing.document.batch

        def made() -> Made:
            cells, words = editing.marks.cells() if self._fill_menu is None else self._fill_menu.chosen(filling)
            batch, network, seed = editing.marks.batch, editing.network, editing.document.new_gesture()
            text = f"Make {words} real with the pad value" if filling == "token" else f"Fill {words} with {WORDS[filling]}"
            return lambda: reduce(lambda filled, some: fill(filled, network, some, filling, seed), cells, batch), text

        def told() -> None:
            after = editing.document.batch
            if filling in CONTENTS and before is not None and after is not None:
                editing.tell(mask_sentence(before, after, editing.network))

        editing.edit(made, then=told)
