"""The one place where acts become edits of the document, and refusals become sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QMenu, QWidget

from maskviz.core.batch import Batch, sharing, size_of
from maskviz.core.batch_change import Change
from maskviz.core.errors import MaskVizError, UnusableInput
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.gui.editing.cells import CellActs
from maskviz.gui.editing.marks import Marks
from maskviz.gui.editing.samples import SampleActs
from maskviz.gui.editing.steps import StepActs
from maskviz.gui.editing.weights import WeightActs
from maskviz.gui.editing.words import WordActs
from maskviz.gui.notices import Notices
from maskviz.session.aside import Aside
from maskviz.session.document import Document
from maskviz.session.vocabularies import Vocabularies
from maskviz.session.warming import warm_masks
from maskviz.settings import Settings

if TYPE_CHECKING:
    from maskviz.gui.editor import EditorPanel
    from maskviz.gui.heatmaps import HeatmapsPanel

Made = tuple[Callable[[], Batch], str]
"""What computes the batch that follows, on any thread, and the name of the edit."""
Computed = tuple[Batch, Change]
LARGE_BYTES = 16 * 2**20  # of a batch whose edits may be felt
SLOW_MS = 500  # from which an act is announced, and can be stopped


class Editing:
    """What the window's actions for the batch call, in groups: ``cells``, ``steps``, ``samples``, ``weights`` and ``words``."""

    def __init__(self, window: QWidget, document: Document, settings: Settings, notices: Notices) -> None:
        self.window = window
        self.document = document
        self._notices = notices
        self._beside = Aside(window)
        self._waiting: list[Callable[[], None]] = []
        self._slow = QTimer(window, singleShot=True, interval=SLOW_MS)
        self._slow.timeout.connect(self._say_slow)
        document.network_changed.connect(self._waiting.clear)  # what waits is about the batch that was open
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

    def edit(self, prepare: Callable[[], Made], on_trial: bool = False, then: Callable[[], None] = lambda: None) -> None:
        """Have ``prepare`` read what is marked, compute the batch that follows, make it an edit, and then do ``then``; a refusal is said.

        A large batch is computed beside the window, one act after another. ``on_trial``: the edit is taken back where the network turns
        out not to run on it.
        """
        if not self.document.comparison.may_edit():
            return
        if self._beside.busy:
            self._waiting.append(partial(self.edit, prepare, on_trial, then))
            return
        try:
            before = self.marks.batch
            compute, text = prepare()
            work = partial(_computed, before, compute, self.network, self.document.trace)
            if size_of(before) > LARGE_BYTES:
                self._slow.start()
                self._beside.do(work, lambda found: self._finish(before, text, found, on_trial, then), self._refuse)
            else:
                self._take(text, work(), on_trial, then)
        except UnusableInput as error:
            self.say(str(error))

    def _finish(self, before: Batch, text: str, found: Computed, on_trial: bool, then: Callable[[], None]) -> None:
        """Take what was computed beside the window, unless the batch has changed meanwhile, and go on."""
        if self.document.batch is before:
            self._take(text, found, on_trial, then)
        else:
            self.say(f"“{text}” was not done, because the batch was changed meanwhile: do it again.")
        self._go_on()

    def _take(self, text: str, found: Computed, on_trial: bool, then: Callable[[], None]) -> None:
        batch, change = found
        if not change.is_seen:
            self._notices.show_notice("info", "Nothing changes: the batch is like that already.", key="cell")
            return
        self.document.edit(batch, text, on_trial=on_trial, change=change)
        then()

    def _refuse(self, error: MaskVizError) -> None:
        self.say(str(error))
        self._go_on()

    def _go_on(self) -> None:
        """Nothing is computed beside the window any more: begin what waits, until an act is computed there again."""
        self._slow.stop()
        self._notices.dismiss("act")
        while self._waiting and not self._beside.busy:
            self._waiting.pop(0)()

    def _say_slow(self) -> None:
        self._notices.show_notice("info", "The batch is being changed…", action=("Stop", self._stop), key="act")

    def _stop(self) -> None:
        self._beside.forget()
        self._waiting.clear()
        self._go_on()

    def tell(self, sentence: str) -> None:
        """Show what an edit did beyond what was asked; nothing where that is nothing."""
        if sentence:
            self._notices.show_notice("info", sentence, key="cell")

    def say(self, sentence: str) -> None:
        """Show why something cannot be done."""
        self._notices.show_notice("warning", sentence, key="cell")


def _computed(before: Batch, compute: Callable[[], Batch], network: Network, trace: Trace | None) -> Computed:
    """The batch that follows and what changes by it."""
    after = sharing(compute())
    warm_masks(network, after, trace)
    return after, Change.between(before, after)
