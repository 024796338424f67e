"""What the heatmaps say in the status bar: of the cell under the mouse, and of all that is marked."""

from __future__ import annotations

from collections.abc import Sequence

from maskviz.core.compare import DIFFERENCE
from maskviz.core.heatmaps import Heatmap
from maskviz.core.map_rows import STANDARD
from maskviz.core.read_out import read_out, region_words
from maskviz.gui.heatmaps.map_row import MapRow
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.session.document import Document


class Telling:
    """Words about the maps of ``standard``, the rows of mask, predictions and loss, and about one more map that is looked at."""

    def __init__(self, document: Document, viewport: Viewport, standard: Sequence[MapRow]) -> None:
        self._document, self._viewport, self._standard = document, viewport, standard

    def of_cell(self, sample: int, step: int, row: MapRow, hint: bool = False) -> str:
        """One cell of a map (step −1 on bars); where it is marked, all that is marked besides. With a ``hint``, what the mouse would
        change there."""
        words = row.words_at(sample, step) if row.view.viewport is not self._viewport else self._of_shared(sample, step, row)
        parts = (DIFFERENCE if self._delta and words else "", words, row.view.hint(sample, step) if hint else "")
        return " · ".join(part for part in parts if part)

    def _of_shared(self, sample: int, step: int, row: MapRow) -> str:
        region = self._document.region
        marked = region is not None and sample in region.samples and region.first <= step <= region.last
        if marked and row.view.banding:
            return self.of_region()
        mask, predictions, loss = self._maps
        here = row.heatmap if row.spec.kind not in STANDARD else None
        words = read_out(sample, step if step >= 0 else None, mask, predictions, loss, self._total, here, self._delta)
        return f"{words}  |  marked: {self.of_region()}" if marked else words

    def of_region(self) -> str:
        """All that is marked; empty where nothing is."""
        region = self._document.region
        if region is None:
            return ""
        mask, _predictions, loss = self._maps
        return region_words(region.samples, region.first, region.last, mask, loss, self._total, self._delta)

    @property
    def _maps(self) -> list[Heatmap | None]:
        return [row.heatmap for row in self._standard]

    @property
    def _delta(self) -> str:
        """The sign before numbers that are differences."""
        return "Δ" if self._document.comparison.side == "difference" else ""

    @property
    def _total(self) -> float | None:
        """The loss that shares are a part of; of a difference there is none."""
        trace = self._document.comparison.shown().trace
        return trace.ledger.sum if trace is not None and not self._delta else None
