"""The small dialogs of acts that need numbers."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QDoubleSpinBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from maskviz.core.batch import Batch
from maskviz.core.batch_steps import Side, real_steps_lost
from maskviz.gui.number_box import DecimalBox, WholeBox

MOST_STEPS = 100_000


class _Form(QDialog):
    """A dialog of labelled fields with a sentence below them."""

    def __init__(self, title: str, verb: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.form = QFormLayout()
        self.form.setSpacing(8)
        self.sentence = QLabel()
        self.sentence.setWordWrap(True)
        self.sentence.setProperty("look", "muted")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        done = buttons.button(QDialogButtonBox.StandardButton.Ok)
        done.setText(verb)
        done.setProperty("look", "primary")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addLayout(self.form)
        column.addWidget(self.sentence)
        column.addWidget(buttons)
        self.setMinimumWidth(380)


class LengthDialog(_Form):
    """Asks for the number of steps of all samples of an input."""

    def __init__(self, batch: Batch, name: str, parent: QWidget | None = None) -> None:
        super().__init__("Lengthen or shorten all samples", "Change", parent)
        self._batch = batch
        self.input = QComboBox()
        self.input.addItems(list(batch.padding))
        self.input.setCurrentText(name)
        self.length = WholeBox()
        self.length.setRange(1, MOST_STEPS)
        self._side = QComboBox()
        self._side.addItem("at the end", "right")
        self._side.addItem("at the start", "left")
        if self.input.count() > 1:
            self.form.addRow("Input", self.input)
        self.form.addRow("Steps (T)", self.length)
        self.form.addRow("Add or cut off", self._side)
        self.input.currentTextChanged.connect(self._restart)
        self.length.valueChanged.connect(self._tell)
        self._side.currentIndexChanged.connect(self._tell)
        self._restart()
        self.length.setFocus()
        self.length.selectAll()

    def side(self) -> Side:
        """Where steps are added or cut off."""
        return "left" if self._side.currentData() == "left" else "right"

    def _restart(self) -> None:
        self.length.setValue(self._batch.padding[self.input.currentText()].shape[1])
        self._tell()

    def _tell(self) -> None:
        name, length = self.input.currentText(), self.length.value()
        more = length - self._batch.padding[name].shape[1]
        lost = real_steps_lost(self._batch, name, length, self.side()) if more < 0 else 0
        if more > 0:
            self.sentence.setText(f"{more} padded steps are added to every sample.")
        elif lost:
            self.sentence.setText(f"{lost} real steps are cut off with the padding.")
        else:
            self.sentence.setText("Only padding is cut off." if more else "Targets and weights on the same time axis follow.")


class WeightsDialog(_Form):
    """Asks for weights by the value of the target."""

    def __init__(self, batch: Batch, name: str, parent: QWidget | None = None) -> None:
        super().__init__("Weights from y", "Set weights", parent)
        self._batch = batch
        self.output = QComboBox()
        self.output.addItems(list(batch.y))
        self.output.setCurrentText(name)
        self.value, self.where, self.elsewhere = (self._number(start) for start in (0.0, 0.0, 1.0))
        if self.output.count() > 1:
            self.form.addRow("Output", self.output)
        self.form.addRow("Where y equals", self.value)
        self.form.addRow("the weight is", self.where)
        self.form.addRow("elsewhere", self.elsewhere)
        self.output.currentTextChanged.connect(self._tell)
        self.value.valueChanged.connect(self._tell)
        self._tell()
        self.value.selectAll()

    @staticmethod
    def _number(start: float) -> QDoubleSpinBox:
        spin = DecimalBox()
        spin.setRange(-1e9, 1e9)
        spin.setDecimals(4)
        spin.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        spin.setValue(start)
        return spin

    def _tell(self) -> None:
        y = self._batch.y[self.output.currentText()]
        self.sentence.setText(f"{int((y == self.value.value()).sum()):,} of {y.size:,} targets equal it. Weights of before are replaced.")
