"""Input fields for one argument each, by its kind. A field tells its new value once it is complete, not what it is set to from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from maskviz.core.builder import Value
from maskviz.core.errors import UnusableInput
from maskviz.core.layer_forms import Parameter, parse
from maskviz.gui.number_box import DecimalBox, WholeBox

LEAST, MOST = -1_000_000, 1_000_000
SHARES = ("rate", "dropout", "recurrent_dropout")
NONE = "none"


class Field(QWidget):
    """``given`` carries a value that the user gave. ``show_value`` sets what is shown, and tells nothing."""

    given = Signal(object)

    def __init__(self, name: str, tip: str = "") -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self.name = name
        self.input: QWidget = self
        self._tip = tip

    def _hold(self, widget: QWidget) -> None:
        self.input = widget
        widget.setAccessibleName(self.name)
        widget.setAccessibleDescription(self._tip)
        widget.setToolTip(self._tip)
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.installEventFilter(self)
        self.setFocusProxy(widget)
        self._column.addWidget(widget)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()  # the wheel scrolls the form
            return True
        return super().eventFilter(watched, event)

    def show_value(self, value: Value) -> None:
        """Show a value."""
        raise NotImplementedError


class Switch(Field):
    """On or off."""

    def __init__(self, name: str, tip: str = "") -> None:
        super().__init__(name, tip)
        self._box = QCheckBox()
        self._box.toggled.connect(lambda on: self.given.emit(on))
        self._hold(self._box)

    def show_value(self, value: Value) -> None:
        _quietly(self._box, lambda: self._box.setChecked(bool(value)))


class Whole(Field):
    """A whole number; ``empty`` is what the smallest number is called, and None then."""

    def __init__(self, name: str, tip: str = "", least: int = LEAST, empty: str = "") -> None:
        super().__init__(name, tip)
        self._empty = empty
        self._box = WholeBox()
        self._box.setRange(least, MOST)
        self._box.setKeyboardTracking(False)
        self._box.setSpecialValueText(empty)
        self._box.valueChanged.connect(lambda n: self.given.emit(None if self._empty and n == self._box.minimum() else n))
        self._hold(self._box)

    def show_value(self, value: Value) -> None:
        _quietly(self._box, lambda: self._box.setValue(self._box.minimum() if value is None else int(value)))


class Share(Field):
    """A number from 0 to 1."""

    def __init__(self, name: str, tip: str = "") -> None:
        super().__init__(name, tip)
        self._box = DecimalBox()
        self._box.setRange(0.0, 0.99)
        self._box.setSingleStep(0.05)
        self._box.setDecimals(2)
        self._box.setKeyboardTracking(False)
        self._box.valueChanged.connect(lambda n: self.given.emit(round(float(n), 4)))
        self._hold(self._box)

    def show_value(self, value: Value) -> None:
        _quietly(self._box, lambda: self._box.setValue(float(value or 0.0)))


class Pick(Field):
    """One of several values with a text each; what a file had and the list does not is shown as it is."""

    def __init__(self, name: str, choices: Sequence[tuple[str, Value]], tip: str = "") -> None:
        super().__init__(name, tip)
        self._box = QComboBox()
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._box.setMinimumContentsLength(8)
        self._values: list[Value] = []
        self._box.activated.connect(lambda n: self.given.emit(self._values[n]))
        self.set_choices(choices)
        self._hold(self._box)

    def set_choices(self, choices: Sequence[tuple[str, Value]]) -> None:
        """Offer these."""
        self._box.clear()
        self._values = [value for _, value in choices]
        self._box.addItems([text for text, _ in choices])

    def show_value(self, value: Value) -> None:
        if value not in self._values:
            self._values.append(value)
            self._box.addItem(str(value.get("class_name", "as in the file")) if isinstance(value, dict) else str(value))
        self._box.setCurrentIndex(self._values.index(value))


class Line(Field):
    """Anything that ``read`` makes a value of; what it refuses is said below the line, and not given."""

    def __init__(self, name: str, read: Callable[[str], Value], tip: str = "", placeholder: str = "") -> None:
        super().__init__(name, tip)
        self._read = read
        self._line = QLineEdit()
        self._line.setPlaceholderText(placeholder)
        self._line.editingFinished.connect(self._finish)
        self._shown: Value = None
        self._text = ""
        self.problem = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.problem.setProperty("look", "error")
        self.problem.hide()
        self._hold(self._line)
        self._column.addWidget(self.problem)

    def show_value(self, value: Value) -> None:
        text = as_typed(value)
        if text != self._text or not self._line.hasFocus():
            self._line.setText(text)
            self._say("")
        self._text, self._shown = text, value

    def _finish(self) -> None:
        if self._line.text() == self._text:
            self._say("")
            return
        try:
            value = self._read(self._line.text())
        except UnusableInput as error:
            self._say(str(error))
            return
        self._say("")
        self._text = self._line.text()
        self.given.emit(value)

    def _say(self, sentence: str) -> None:
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))


def field_of(parameter: Parameter, value: Value) -> Field:
    """The field for an argument of a layer that has this value now."""
    name, tip = parameter.name, parameter.help
    if parameter.kind == "bool":
        return Switch(name, tip)
    if parameter.kind == "choice":
        none = [(NONE, None)] if parameter.optional else []
        return Pick(name, [*none, *((choice, choice) for choice in parameter.choices)], tip)
    if name in SHARES:
        return Share(name, tip)
    if parameter.kind == "int" and not parameter.optional and isinstance(value, int):
        return Whole(name, tip, least=1 if parameter.required and name != "axes" else LEAST)
    return Line(name, lambda text: parse(parameter, text), tip, NONE if parameter.optional else "")


def as_typed(value: Value) -> str:
    """A value as it is typed: a list as a tuple, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return str(value.get("class_name", "as in the file"))
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(_literal, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return value if isinstance(value, str) else repr(value)


def _literal(value: Any) -> str:
    return repr(tuple(value)) if isinstance(value, list) else repr(value)


def _quietly(widget: QWidget, change: Callable[[], object]) -> None:
    blocked = widget.blockSignals(True)
    change()
    widget.blockSignals(blocked)
