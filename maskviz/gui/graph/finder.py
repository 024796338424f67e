"""The find field with its count: several words, hits in call order, Enter to the next and Shift+Enter to the one before."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from maskviz.core.graph import Graph
from maskviz.core.graph_find import Statuses, find
from maskviz.core.trace import Trace
from maskviz.gui.graph.fields import FindField
from maskviz.gui.words import tr
from maskviz.palette import Palette


class Finder(QWidget):
    """``found`` other hits (``hits``); ``chosen(call)`` one of them is gone to; ``left`` the keyboard leaves."""

    found = Signal()
    chosen = Signal(str)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = FindField()
        self.count = QLabel()
        self.count.setAccessibleName(tr("Matches"))
        self.hits: list[str] = []
        self._selected: str | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.field, 1)
        row.addWidget(self.count)
        self.field.stepped.connect(self._step)
        self.field.left.connect(self.left)
        self._show_count()

    @property
    def words(self) -> str:
        """What is looked for."""
        return self.field.text().strip()

    def look(self, graph: Graph, trace: Trace | None, statuses: Statuses, mask_path: bool) -> None:
        """Finds what the words say in a graph as it is now."""
        found = find(graph, trace, self.words, statuses)
        hits = [name for name in found if mask_path or graph.by_id[name].role == "data"]
        if hits != self.hits:
            self.hits = hits
            self.found.emit()
        self._show_count()

    def go_to_first(self, shown: Collection[str]) -> None:
        """While words are typed: to the first hit in view. A hit that is selected stays; Enter also looks into what is folded."""
        first = next((name for name in self.hits if name in shown), None)
        if first is not None and self._selected not in self.hits:
            self.chosen.emit(first)

    def show_selected(self, call: str | None) -> None:
        """Another call is selected."""
        self._selected = call
        self._show_count()

    def _step(self, step: int) -> None:
        hits = self.hits
        if hits:
            at = (hits.index(self._selected) + step) % len(hits) if self._selected in hits else 0 if step > 0 else -1
            self.chosen.emit(hits[at])

    def _show_count(self) -> None:
        place = f"{self.hits.index(self._selected) + 1} of " if self._selected in self.hits else ""
        self.count.setText(f"{place}{len(self.hits)}" if self.hits else tr("none"))
        self.count.setVisible(bool(self.words))

    def set_palette(self, palette: Palette) -> None:
        """Paints in these colours."""
        self.count.setStyleSheet(f"color: {palette.muted}")
