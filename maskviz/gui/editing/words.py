"""Acts on vocabularies: reading the words of ids from a file, and showing them no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskviz.core.errors import UnusableInput
from maskviz.settings import Settings

if TYPE_CHECKING:
    from maskviz.gui.editing.editing import Editing


class WordActs:
    """Chooses the vocabulary files of inputs and outputs."""

    def __init__(self, editing: Editing, settings: Settings) -> None:
        self._editing = editing
        self._settings = settings

    def kinds(self) -> dict[str, str]:
        """What can have words: its name for people, and its key in ``Vocabularies``."""
        document = self._editing.document
        if document.network is None:
            return {}
        inputs = {f"ids of input {spec.name}": f"x {spec.name}" for spec in document.network.inputs if spec.kind == "ids"}
        return inputs | {
            f"classes of output {spec.name}": f"y {spec.name}" for spec in document.network.outputs if spec.classes is not None
        }

    def load(self) -> None:
        """Ask for a file of words, and for what they are the words of where that is not clear."""
        from PySide6.QtWidgets import QFileDialog, QInputDialog

        kinds, window = self.kinds(), self._editing.window
        if not kinds:
            self._editing.say("This network has neither token ids nor classes, so there is nothing that words could stand beside.")
            return
        words, given = next(iter(kinds)), True
        if len(kinds) > 1:
            words, given = QInputDialog.getItem(window, "Vocabulary", "Words for the", list(kinds), 0, False)
        if not given:
            return
        files = "Vocabularies (*.txt *.json *.vocab);;All files (*)"
        path, _ = QFileDialog.getOpenFileName(window, f"Words for the {words}", self._settings.folder, files)
        if path:
            self.use(kinds[words], path)

    def use(self, key: str, path: str) -> None:
        """Show the words of a file beside ids."""
        try:
            self._editing.vocabularies.use(key, path)
        except UnusableInput as error:
            self._editing.say(str(error))

    def forget(self) -> None:
        """Show no words beside ids any more."""
        self._editing.vocabularies.forget()
