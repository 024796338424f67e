"""A small dialog for the range of a map's colours: two numbers, or the share of values that is left out at each end."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from maskviz.colormaps import Scale
from maskviz.core.map_rows import Look
from maskviz.gui.heatmaps.colour_bar import typed_number
from maskviz.gui.number_box import DecimalBox

MOST_PERCENT = 49.0


class RangeDialog(QDialog):
    """Asks what the two ends of the colours stand for. ``look`` is what was asked for, once it was accepted."""

    def __init__(self, what: str, look: Look, scale: Scale, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Colour range of {what}")
        self._before = look
        self.by_values, self.by_percent = QRadioButton("Values"), QRadioButton("Percentiles")
        low, high = look.limits or (scale.low, scale.high)
        self.low, self.high = QLineEdit(f"{low:.6g}"), QLineEdit(f"{high:.6g}")
        self.percent = DecimalBox()
        self.percent.setRange(0, MOST_PERCENT)
        self.percent.setDecimals(2)
        self.percent.setSuffix(" %")
        self.percent.setValue(look.percent or 1.0)
        for field, name in ((self.low, "Lowest value"), (self.high, "Highest value"), (self.percent, "Percent left out at each end")):
            field.setAccessibleName(name)
        self.sentence = QLabel()
        self.sentence.setProperty("look", "muted")
        self.sentence.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        done = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        done.setText("Set range")
        done.setProperty("look", "primary")
        self._arrange()
        (self.by_percent if look.percent else self.by_values).setChecked(True)
        self.by_values.toggled.connect(self._tell)
        for field in (self.low, self.high):
            field.textEdited.connect(lambda: self.by_values.setChecked(True))
            field.textChanged.connect(self._tell)
        self.percent.valueChanged.connect(lambda: self.by_percent.setChecked(True))
        self.low.selectAll()
        self.low.setFocus()
        self._tell()

    def _arrange(self) -> None:
        form, ends, column = QFormLayout(), QHBoxLayout(), QVBoxLayout(self)
        ends.addWidget(self.low, 1)
        ends.addWidget(QLabel("to"))
        ends.addWidget(self.high, 1)
        form.setSpacing(8)
        form.addRow(self.by_values, ends)
        form.addRow(self.by_percent, self.percent)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(self.sentence)
        column.addWidget(self.buttons)
        self.setMinimumWidth(380)

    @property
    def look(self) -> Look | None:
        """The look with the range that is chosen; None where the two values are no range."""
        if self.by_percent.isChecked():
            return replace(self._before, limits=None, percent=self.percent.value())
        low, high = typed_number(self.low.text()), typed_number(self.high.text())
        return replace(self._before, limits=(low, high), percent=0.0) if low is not None and high is not None and low < high else None

    def _tell(self) -> None:
        wrong = self.look is None
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not wrong)
        self.sentence.setText(
            "Type two numbers, the lower one first."
            if wrong
            else "The colours run from the lowest to the highest of the values, without this share of them at each end."
            if self.by_percent.isChecked()
            else "What lies outside gets the colour of the nearer end, and a small mark."
        )
