"""What a key does to the selection while a map has the keyboard."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.session.document import Selection


def target(event: QKeyEvent, selection: Selection, viewport: Viewport) -> tuple[int, int] | None:
    """Sample and step that a key goes to, None where it goes nowhere. Up and down follow the order in which samples stand."""
    control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
    page = max(1, round((viewport.window.sample1 - viewport.window.sample0) / 2))
    row, step = viewport.row(selection.sample), selection.step
    last_row, last_step = viewport.samples - 1, viewport.steps - 1
    places = {
        Qt.Key.Key_Left: (row, step - 1),
        Qt.Key.Key_Right: (row, step + 1),
        Qt.Key.Key_Up: (row - 1, step),
        Qt.Key.Key_Down: (row + 1, step),
        Qt.Key.Key_PageUp: (row - page, step),
        Qt.Key.Key_PageDown: (row + page, step),
        Qt.Key.Key_Home: (0, step) if control else (row, 0),
        Qt.Key.Key_End: (last_row, step) if control else (row, last_step),
    }
    place = places.get(Qt.Key(event.key()))
    return None if place is None else (viewport.sample(min(max(place[0], 0), last_row)), place[1])
