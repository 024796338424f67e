"""Which vocabulary files belong to the inputs and outputs of a network file, remembered between runs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from maskviz.core.errors import UnusableInput
from maskviz.core.vocabulary import Vocabulary, read_vocabulary
from maskviz.session.document import Document
from maskviz.settings import Settings


class Vocabularies(QObject):
    """Vocabularies of what is open, by ``x NAME`` for an input and ``y NAME`` for an output. ``changed`` when others are in use."""

    changed = Signal()

    def __init__(self, document: Document, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._settings = settings
        self._shown: str | None = None
        self.words: dict[str, Vocabulary] = {}
        document.network_changed.connect(self._follow)

    def use(self, key: str, path: str) -> None:
        """Read the words of an input or output from a file; raises ``UnusableInput``."""
        self.words = {**self.words, key: read_vocabulary(path)}
        self._remember({**self._remembered(), key: str(Path(path).absolute())})
        self.changed.emit()

    def forget(self) -> None:
        """Show no words any more."""
        self.words = {}
        self._remember({})
        self.changed.emit()

    def _follow(self) -> None:
        """Another network is open: read the files that were used with it the last time; those that are gone are left out."""
        if self._document.network is None or (self._document.path == self._shown and self._shown is not None):
            return
        self._shown = self._document.path
        words = {}
        for key, path in self._remembered().items():
            try:
                words[key] = read_vocabulary(path)
            except UnusableInput:
                continue
        if words != self.words:
            self.words = words
            self.changed.emit()

    def _remembered(self) -> dict[str, str]:
        return {} if self._document.path is None else self._settings.vocabularies(self._document.path)

    def _remember(self, files: dict[str, str]) -> None:
        if self._document.path is not None:
            self._settings.set_vocabularies(self._document.path, files)
