"""Lays the rows on their axes: how long these are, which row carries the time axis, and room for the numbers beside them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from maskviz.gui.heatmaps.map_row import MapRow
from maskviz.gui.heatmaps.standard_rows import axis_steps
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.session.document import Document


def lay(rows: Sequence[MapRow], viewport: Viewport, document: Document) -> None:
    """Give the shared ``viewport`` the length of the longest map, and the lowest map with timesteps the one time axis."""
    shared = [row for row in rows if row.view.viewport is viewport]
    maps = [row.heatmap for row in shared if row.heatmap is not None]
    samples = max((m.samples for m in maps), default=0)
    viewport.set_extent(max([axis_steps(document), *(len(m.present) for m in maps if m.present is not None)]), samples)
    lowest = next((row for row in reversed(shared) if row.heatmap is not None and row.heatmap.has_time), None)
    digits = max([samples - 1, *(row.view.viewport.samples - 1 for row in rows)], default=0)
    for row in rows:
        row.view.show_axis = row is lowest or row.view.viewport is not viewport
        row.view.label_digits = max(2, len(str(max(digits, 0))))
        row.set_selected(document.selection.sample, document.selection.step)
        row.view.update()
        row.place_bar()


def span(rows: Sequence[MapRow], viewport: Viewport, panel: QWidget) -> tuple[int, int]:
    """Where the shared time axis begins in ``panel``, and how wide it is; nothing where no map has it."""
    view = next((row.view for row in rows if row.view.viewport is viewport and row.view.isVisible()), None)
    if view is None:
        return 0, panel.width()
    cells = view.map_rect()
    return view.mapTo(panel, cells.topLeft().toPoint()).x(), round(cells.width())
