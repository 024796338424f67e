"""Fields for numbers, whose text stands as far from the edge as in other fields."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox

MARGIN = 5  # a style sheet's padding does not reach the text of a spin box


class WholeBox(QSpinBox):
    """A field for a whole number."""

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self.lineEdit().setTextMargins(MARGIN, 0, 0, 0)


class DecimalBox(QDoubleSpinBox):
    """A field for a decimal number."""

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self.lineEdit().setTextMargins(MARGIN, 0, 0, 0)
