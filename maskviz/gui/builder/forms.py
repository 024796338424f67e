"""Forms for a row, for the input and for the loss; each tells the changed value, and keeps its fields while the same thing is edited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from maskviz.core.builder import ABOVE, ATTENTION, MERGES, PLAIN, RECURRENT, Row, Source, Stack, Training, Value, with_argument
from maskviz.core.errors import UnusableInput
from maskviz.core.layer_forms import Forms, Parameter
from maskviz.core.words import counted
from maskviz.gui.builder.fields import Field, Line, Pick, Whole, field_of
from maskviz.gui.words import tr

MERGE_MODES = ("concat", "sum", "mul", "ave")
TAKEN = ("Query", "Value", "Key")


class Form(QWidget):
    """A title, a sentence and fields. ``changed`` carries a new value and what was changed, for the undo history."""

    changed = Signal(object, str)

    def __init__(self, title: str, sentence: str) -> None:
        super().__init__()
        heading, told = QLabel(title), QLabel(sentence, wordWrap=True)
        heading.setProperty("look", "strong")
        told.setProperty("look", "muted")
        for label in (heading, told):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.fields: dict[str, Field] = {}
        self.rows = QFormLayout()
        self.rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.rows.setHorizontalSpacing(10)
        self.rows.setVerticalSpacing(6)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(6)
        column.addWidget(heading)
        if sentence:
            column.addWidget(told)
        column.addLayout(self.rows)
        column.addStretch(1)

    def add(self, key: str, label: str, field: Field, given: Callable[[Value], None]) -> Field:
        """Add a field; ``given`` is told what the user gives."""
        text = QLabel(label)
        text.setBuddy(field.input)
        text.setToolTip(field.input.toolTip())
        field.given.connect(given)
        self.fields[key] = field
        self.rows.addRow(text, field)
        return field


def read_name(text: str) -> str:
    """A name as typed. Raises UnusableInput."""
    if not text.strip():
        raise UnusableInput(tr("Give it a name."))
    return text.strip()


class RowForm(Form):
    """The arguments of one layer, what it takes, and what goes around it."""

    def __init__(self, forms: Forms, stack: Stack, number: int) -> None:
        row = stack.rows[number]
        self._form = forms.layers.get(row.kind)
        super().__init__(f"{row.wrapper} {row.kind}".strip(), self._form.summary if self._form is not None else "")
        self._row = row
        self.identity = (number, row.kind, row.wrapper, len(row.takes))
        self.add("name", "name", Line("name", read_name), lambda name: self._give(replace(self._row, name=name), "name"))
        for place in range(len(row.takes)):
            if row.kind in MERGES or row.kind in ATTENTION or row.takes != (ABOVE,) or number > 0:
                self._add_taken(place)
        if row.kind in MERGES:
            self.add("more", "and", Pick("and", [("—", None)]), self._take_more)
        parameters = self._form.parameters if self._form is not None else ()
        for parameter in parameters:
            if not parameter.advanced or parameter.name in row.arguments:
                self._add_argument(parameter)
        self._add_wrapper(row)
        self._rare = [p for p in parameters if p.advanced and p.name not in row.arguments]
        self.more = QPushButton(counted(len(self._rare), "more argument"))
        self.more.setProperty("look", "link")
        self.more.setVisible(bool(self._rare))
        self.more.clicked.connect(self._show_rare)
        self.rows.addRow(self.more)
        self.show_row(stack, number)

    def show_row(self, stack: Stack, number: int) -> None:
        """Show what the row holds now."""
        row = self._row = stack.rows[number]
        before = [stack.source.name, *(r.name for r in stack.rows[:number])]
        self.fields["name"].show_value(row.name)
        choices = [("the row above", ABOVE), *((name, name) for name in before[:-1])]
        for place, taken in enumerate(row.takes):
            field = self.fields.get(f"takes {place}")
            if isinstance(field, Pick):
                field.set_choices(choices)
                field.show_value(taken)
        more = self.fields.get("more")
        if isinstance(more, Pick):
            more.set_choices([("—", None), *choices, *([("(take the last one away)", "-")] if len(row.takes) > 2 else [])])
            more.show_value(None)
        for parameter in self._form.parameters if self._form is not None else ():
            if parameter.name in self.fields:
                self.fields[parameter.name].show_value(row.arguments.get(parameter.name, parameter.default))
        if "wrapper" in self.fields:
            self.fields["wrapper"].show_value(row.wrapper)
        if "merge_mode" in self.fields:
            self.fields["merge_mode"].show_value(row.wrapping.get("merge_mode", "concat"))

    def _give(self, row: Row, what: str) -> None:
        self.changed.emit(row, what)

    def _add_taken(self, place: int) -> None:
        row = self._row
        label = (
            TAKEN[min(place, 2)].lower() if row.kind in ATTENTION else ("joins", "with")[min(place, 1)] if row.kind in MERGES else "takes"
        )

        def given(name: Value) -> None:
            takes = [*self._row.takes]
            takes[place] = name
            self._give(replace(self._row, takes=tuple(takes)), label)

        self.add(f"takes {place}", label, Pick(label, [("the row above", ABOVE)], tr("The row whose output this one is called on.")), given)

    def _take_more(self, name: Value) -> None:
        takes = self._row.takes
        if name is not None:
            self._give(replace(self._row, takes=takes[:-1] if name == "-" else (*takes, name)), "takes")

    def _add_argument(self, parameter: Parameter) -> None:
        def given(value: Value) -> None:
            row, name = self._row, parameter.name
            if parameter.required:
                self._give(replace(row, arguments={**row.arguments, name: value}), name)
            else:
                self._give(with_argument(row, name, value, parameter.default), name)

        value = self._row.arguments.get(parameter.name, parameter.default)
        self.add(parameter.name, parameter.name, field_of(parameter, value), given)

    def _add_wrapper(self, row: Row) -> None:
        if row.kind in (*MERGES, *ATTENTION, *PLAIN):
            return
        both = [("Bidirectional", "Bidirectional")] if row.kind in RECURRENT else []
        choices = [("nothing", ""), *both, ("TimeDistributed", "TimeDistributed")]
        tip = tr("Bidirectional runs from both ends; TimeDistributed applies the layer to each step by itself.")
        self.add("wrapper", "wrapped in", Pick("wrapped in", choices, tip), lambda w: self._give(
            replace(self._row, wrapper=w, wrapping=self._row.wrapping if w == "Bidirectional" else {}), "wrapper"))  # fmt: skip
        if row.wrapper == "Bidirectional":
            modes = [(mode, mode) for mode in MERGE_MODES]
            self.add("merge_mode", "merge_mode", Pick("merge_mode", modes, tr("How both directions are joined.")), lambda mode: self._give(
                replace(self._row, wrapping={"merge_mode": mode}), "merge_mode"))  # fmt: skip

    def _show_rare(self) -> None:
        self.rows.removeRow(self.more)
        for parameter in self._rare:
            self._add_argument(parameter)
            self.fields[parameter.name].show_value(self._row.arguments.get(parameter.name, parameter.default))


class SourceForm(Form):
    """What the network is given: ids of a vocabulary, or features."""

    def __init__(self, source: Source) -> None:
        super().__init__(tr("Input"), tr("A batch of sequences: ids for an Embedding, or several numbers in each step."))
        self.identity = source.is_ids
        self._source = source
        kinds = [("ids (batch, steps)", True), ("features (batch, steps, features)", False)]
        self.add("kind", "holds", Pick("holds", kinds), self._turn)
        self.add("name", "name", Line("name", read_name), lambda name: self._give(name=name))
        tip = tr("Length of every sequence.")
        self.add("steps", "steps", Whole("steps", tip, 0, "any"), lambda steps: self._give(steps=steps))
        if source.is_ids:
            tip = tr("How many ids there are, the pad id 0 included; embeddings of the input follow it.")
            self.add("vocabulary", "vocabulary", Whole("vocabulary", tip, 2), lambda n: self._give(vocabulary=n))
        else:
            tip = tr("Numbers in one step.")
            self.add("features", "features", Whole("features", tip, 1), lambda n: self._give(features=n))
        self.show_source(source)

    def show_source(self, source: Source) -> None:
        """Show what the input is now."""
        self._source = source
        self.fields["kind"].show_value(source.is_ids)
        for name in ("name", "steps", "vocabulary", "features"):
            if name in self.fields:
                self.fields[name].show_value(getattr(source, name))

    def _turn(self, ids: Value) -> None:
        self._give(dtype="int32" if ids else "float32", features=None if ids else 8)

    def _give(self, **changes: Any) -> None:
        self.changed.emit(replace(self._source, **changes), next(iter(changes)))


class TrainingForm(Form):
    """What ``compile()`` is given."""

    def __init__(self, forms: Forms, training: Training) -> None:
        super().__init__(tr("Loss and metrics"), tr("What the ledger explains. The loss must fit the last row: classes need a softmax."))
        self._training = training
        losses = [("none: not compiled", None), *((name, name) for name in forms.losses)]
        self.add("loss", "loss", Pick("loss", losses), lambda loss: self._give("loss", loss))
        for name, tip in (
            ("weighted_metrics", "Metrics that mask and weights are applied to."),
            ("metrics", "Metrics without mask and weights."),
        ):
            field = Line(name, _names, f"{tip} Several with commas between: {', '.join(forms.metrics)}.", "none")
            self.add(name, name, field, lambda names, name=name: self._give(name, names))  # type: ignore[misc]
        self.show_training(training)

    def show_training(self, training: Training) -> None:
        """Show what is given now."""
        self._training = training
        self.fields["loss"].show_value(training.loss)
        for name in ("weighted_metrics", "metrics"):
            values = getattr(training, name)
            self.fields[name].show_value(", ".join(str(v.get("class_name", v)) if isinstance(v, dict) else str(v) for v in values))

    def _give(self, name: str, value: Value) -> None:
        self.changed.emit(replace(self._training, **{name: value}), name)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
