"""The one place where acts become edits of the document, and refusals become sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu, QWidget

from maskviz.core.batch import Batch, changed_rows, size_of
from maskviz.core.errors import UnusableInput
from maskviz.core.network import Network
from maskviz.gui.background import waiting_cursor
from maskviz.gui.editing.cells import CellActs
from maskviz.gui.editing.marks import Marks
from maskviz.gui.editing.samples import SampleActs
from maskviz.gui.editing.steps import StepActs
from maskviz.gui.editing.weights import WeightActs
from maskviz.gui.editing.words import WordActs
from maskviz.gui.notices import Notices
from maskviz.session.document import Document
from maskviz.session.vocabularies import Vocabularies
from maskviz.settings import Settings

if TYPE_CHECKING:
    from maskviz.gui.editor import EditorPanel
    from maskviz.gui.heatmaps import HeatmapsPanel

Made = tuple[Batch, str]
LARGE_BYTES = 32 * 2**20  # of a batch whose edits may be felt


class Editing:
    """What the window's actions for the batch call, in groups: ``cells``, ``steps``, ``samples``, ``weights`` and ``words``."""

    def __init__(self, window: QWidget, document: Document, settings: Settings, notices: Notices) -> None:
        self.window = window
        self.document = document
        self._notices = notices
        self.marks = Marks(document, window)
        self.vocabularies = Vocabularies(document, settings, window)
        self.cells = CellActs(self)
        self.steps = StepActs(self)
        self.samples = SampleActs(self)
        self.weights = WeightActs(self)
        self.words = WordActs(self, settings)

    def take_panes(self, editor: EditorPanel, heatmaps: HeatmapsPanel, menus: Sequence[QMenu] = ()) -> None:
        """Follow what is selected in the editor and seen in the heatmaps, and show words in the editor. The menus of heatmaps offer
        ``menus`` for what is marked in them."""
        heatmaps.menu_opened.connect(lambda menu: self._offer(menu, menus))
        self.marks.editor = editor
        self.marks.input_in_view = lambda: heatmaps.mask_view.input
        self.vocabularies.changed.connect(lambda: editor.set_words(self.vocabularies.words))
        editor.set_words(self.vocabularies.words)

    def _offer(self, menu: QMenu, acts: Sequence[QMenu]) -> None:
        """Add acts to the menu of a heatmap, under the name of what they are about."""
        try:
            words = self.marks.words()
        except UnusableInput:
            return
        menu.addSeparator()
        menu.addAction(words).setEnabled(False)
        for act in acts:
            menu.addMenu(act)

    @property
    def network(self) -> Network:
        """The open network; only asked for where ``marks`` has found a batch."""
        assert self.document.network is not None
        return self.document.network

    def edit(self, make: Callable[[], Made], on_trial: bool = False) -> bool:
        """Make the batch that follows and its name an edit; a refusal is said. Whether it was made.

        ``on_trial``: the edit is taken back where the network turns out not to run on it.
        """
        try:
            with waiting_cursor(size_of(self.marks.batch) > LARGE_BYTES):
                batch, text = make()
                rows = changed_rows(self.marks.batch, batch)
        except UnusableInput as error:
            self.say(str(error))
            return False
        if rows is not None and not len(rows):
            self._notices.show_notice("info", "Nothing changes: the batch is like that already.", key="cell")
            return False
        self.document.edit(batch, text, on_trial=on_trial)
        return True

    def say(self, sentence: str) -> None:
        """Show why something cannot be done."""
        self._notices.show_notice("warning", sentence, key="cell")
