"""The builder's pane without an engine: rows, forms, the picker, keys and drag and drop, and what they make of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from maskviz.core.builder import SOURCE_ROW, TRAINING_ROW, Row, Source, Stack, Training
from maskviz.core.errors import UnusableInput
from maskviz.core.layer_forms import Forms, LayerForm, Parameter
from maskviz.gui.builder.forms import RowForm, SourceForm, TrainingForm
from maskviz.gui.builder.panel import BuilderPanel
from maskviz.gui.builder.picker import LayerPicker, rank
from maskviz.gui.builder.rows import lines
from maskviz.palette import DARK, LIGHT
from maskviz.session.building import Building, Trouble, row_in
from tests.gui.sample_trace import document, sliced
from tests.gui.window_hands import RecordedJobs

UNITS = Parameter("units", "int", required=True, help="Size of the state.")
FORMS = Forms(
    {
        "Embedding": LayerForm("Embedding", "Masks", "Turns ids into vectors.", (Parameter("input_dim", "int", required=True),)),
        "LSTM": LayerForm(
            "LSTM",
            "Recurrent",
            "Remembers.",
            (
                UNITS,
                Parameter("activation", "choice", "tanh", choices=("tanh", "relu")),
                Parameter("return_sequences", "bool", False),
                Parameter("dropout", "float", 0.0),
                Parameter("seed", "int", None, optional=True, advanced=True),
            ),
        ),
        "Add": LayerForm("Add", "Joining rows", "Adds."),
        "Input": LayerForm(
            "Input",
            "Inputs and outputs",
            "One more.",
            (Parameter("features", "int", None, optional=True), Parameter("steps", "int", None, optional=True)),
        ),
        "Output": LayerForm(
            "Output", "Inputs and outputs", "Another.", (Parameter("loss", "choice", None, optional=True, choices=("mse",)),)
        ),
        "Reshape": LayerForm("Reshape", "Shape", "Other axes.", (Parameter("target_shape", "value", required=True),)),
    },
    ("mse", "mae"),
    ("accuracy", "mae"),
)
STACK = Stack(
    "net",
    Source("ids", vocabulary=20),
    (
        Row("embedding", "Embedding", {"input_dim": 20}),
        Row("lstm", "LSTM", {"units": 4, "return_sequences": True}),
        Row("add", "Add", {}, ("embedding", "")),
    ),
    Training("mse"),
)


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[BuilderPanel]:
    doc = document(sliced())
    building = Building(doc, RecordedJobs(doc), doc)
    building.stack, building.forms = STACK, FORMS
    building._of = (None,)
    widget = BuilderPanel(doc, building, DARK)
    qtbot.addWidget(widget)
    widget.resize(300, 700)
    widget.show()
    yield widget
    building._rest.stop()
    building.deleteLater()


def stack_of(panel: BuilderPanel) -> Stack:
    assert panel._building.stack is not None
    return panel._building.stack


def names(panel: BuilderPanel) -> list[str]:
    return [row.name for row in stack_of(panel).rows]


def undo(panel: BuilderPanel) -> None:
    panel._document.undo_stack.undo()


def row_form(panel: BuilderPanel, number: int) -> RowForm:
    panel.rows.select_number(number)
    form = panel._form
    assert isinstance(form, RowForm)
    return form


def test_rows_say_what_they_are() -> None:
    shown = lines(STACK, FORMS, Trouble("‘add’ does not fit.", 2))
    assert [(line.number, line.title, line.text) for line in shown] == [
        (SOURCE_ROW, "ids", "Input · ids of 20 · any length"),
        (0, "embedding", "Embedding · 20"),
        (1, "lstm", "LSTM · 4 · return_sequences"),
        (2, "add", "Add ← embedding, the row above"),
        (TRAINING_ROW, "Loss", "mse"),
    ]
    assert shown[3].trouble == "‘add’ does not fit."
    assert "does not fit" in shown[3].spoken


def test_an_argument_is_changed_in_its_form_and_undone(panel: BuilderPanel, qtbot: QtBot) -> None:
    form = row_form(panel, 1)
    units = form.fields["units"].input
    assert isinstance(units, QSpinBox)
    assert units.value() == 4
    assert units.toolTip() == "Size of the state."
    units.setValue(5)
    units.setValue(6)
    assert stack_of(panel).rows[1].arguments["units"] == 6
    assert panel._document.undo_stack.count() == 1, "changes of one field that follow each other are one step"
    assert panel._document.undo_stack.undoText() == "Change units of lstm"
    assert panel._form is form, "the form stays while its row does"
    undo(panel)
    assert stack_of(panel) == STACK
    assert units.value() == 4
    activation = form.fields["activation"].input
    assert isinstance(activation, QComboBox)
    activation.setCurrentIndex(1)
    activation.activated.emit(1)
    assert stack_of(panel).rows[1].arguments["activation"] == "relu"


def test_rare_arguments_come_on_request(panel: BuilderPanel) -> None:
    form = row_form(panel, 1)
    assert "seed" not in form.fields
    assert form.more.text() == "1 more argument"
    form.more.click()
    seed = form.fields["seed"].input
    assert isinstance(seed, QLineEdit)
    seed.setText("3")
    seed.editingFinished.emit()
    assert stack_of(panel).rows[1].arguments["seed"] == 3
    seed.setText("three")
    seed.editingFinished.emit()
    assert "must be a number" in form.fields["seed"].problem.text()  # type: ignore[attr-defined]
    assert stack_of(panel).rows[1].arguments["seed"] == 3


def test_a_wrapper_goes_around_a_row(panel: BuilderPanel) -> None:
    wrapper = row_form(panel, 1).fields["wrapper"].input
    assert isinstance(wrapper, QComboBox)
    assert [wrapper.itemText(n) for n in range(wrapper.count())] == ["nothing", "Bidirectional", "TimeDistributed"]
    wrapper.activated.emit(1)
    assert stack_of(panel).rows[1].wrapper == "Bidirectional"
    form = panel._form
    assert isinstance(form, RowForm)
    assert "merge_mode" in form.fields


def test_what_a_merge_joins_is_chosen(panel: BuilderPanel) -> None:
    first = row_form(panel, 2).fields["takes 0"].input
    assert isinstance(first, QComboBox)
    assert [first.itemText(n) for n in range(first.count())] == ["the row above", "ids", "embedding"]
    assert first.currentText() == "embedding"
    first.activated.emit(1)
    assert stack_of(panel).rows[2].takes == ("ids", "")


def test_input_and_loss_have_forms_too(panel: BuilderPanel) -> None:
    panel.rows.select_number(SOURCE_ROW)
    form = panel._form
    assert isinstance(form, SourceForm)
    vocabulary = form.fields["vocabulary"].input
    assert isinstance(vocabulary, QSpinBox)
    vocabulary.setValue(33)
    assert stack_of(panel).rows[0].arguments["input_dim"] == 33
    form.fields["kind"].given.emit(False)
    assert stack_of(panel).source.features == 8
    assert stack_of(panel).source.dtype == "float32"
    panel.rows.select_number(TRAINING_ROW)
    form = panel._form
    assert isinstance(form, TrainingForm)
    metrics = form.fields["weighted_metrics"].input
    assert isinstance(metrics, QLineEdit)
    metrics.setText("accuracy, mae")
    metrics.editingFinished.emit()
    assert stack_of(panel).training.weighted_metrics == ("accuracy", "mae")


def test_rows_are_moved_and_removed_by_keys_and_buttons(panel: BuilderPanel, qtbot: QtBot) -> None:
    panel.rows.select_number(1)
    qtbot.keyClick(panel.rows, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert names(panel) == ["lstm", "embedding", "add"]
    assert panel.rows.number == 0, "the row that was moved stays the chosen one"
    panel.down.click()
    assert names(panel) == ["embedding", "lstm", "add"]
    qtbot.keyClick(panel.rows, Qt.Key.Key_Delete)
    assert names(panel) == ["embedding", "add"]
    undo(panel)
    undo(panel)
    undo(panel)
    assert stack_of(panel) == STACK
    panel.rows.select_number(SOURCE_ROW)
    assert not panel.take.isEnabled()


def test_a_row_is_dragged(panel: BuilderPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    panel.rows.select_number(2)
    target = panel.rows.visualItemRect(panel.rows.item(1))
    monkeypatch.setattr(type(panel.rows), "dropIndicatorPosition", lambda self: self.DropIndicatorPosition.AboveItem)
    keys, buttons = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    panel.rows.dropEvent(QDropEvent(QPointF(target.center()), Qt.DropAction.MoveAction, QMimeData(), buttons, keys))
    assert names(panel) == ["add", "embedding", "lstm"]
    assert panel._building.trouble is not None
    assert panel._building.trouble.row == 0
    assert "comes after it" in panel.rows.item(1).toolTip()
    assert "last network that worked" in panel.status.text()


def test_a_layer_is_found_and_added_below_the_chosen_row(panel: BuilderPanel, qtbot: QtBot) -> None:
    panel.rows.select_number(0)
    qtbot.keyClick(panel.rows, Qt.Key.Key_Insert)
    picker = panel.window().findChild(LayerPicker)
    assert isinstance(picker, LayerPicker)
    assert [item.text(0) for item in picker._items()] == ["Embedding", "LSTM", "Add", "Input", "Output", "Reshape"]
    picker.line.setText("remem")
    assert [item.text(0) for item in picker._items()] == ["LSTM"], "by what it does"
    qtbot.keyClick(picker.line, Qt.Key.Key_Return)
    assert names(panel) == ["embedding", "lstm_1", "lstm", "add"]
    assert panel.rows.number == 1
    assert isinstance(panel._form, RowForm)


def test_the_layer_of_that_name_comes_first_then_shorter_names() -> None:
    names = ("AdditiveAttention", "Add", "ConvAdd", "Addition")
    assert sorted(names, key=lambda name: rank(LayerForm(name, "", ""), "add") or ()) == ["Add", "Addition", "AdditiveAttention", "ConvAdd"]


def test_a_call_that_is_chosen_elsewhere_is_edited_and_steps_do_not_move_the_rows(panel: BuilderPanel) -> None:
    panel._document.select(call="lstm")
    assert panel.rows.number == 1
    panel.rows.select_number(TRAINING_ROW)
    panel._document.select(step=3)
    assert panel.rows.number == TRAINING_ROW
    panel._document.select(call="add")
    assert panel.rows.number == 2


def test_trouble_without_a_row_is_said_below_the_form(panel: BuilderPanel) -> None:
    panel._building.trouble = Trouble("The network cannot run on this batch.")
    panel.refresh()
    assert panel.trouble.isVisible()
    assert panel.trouble.text() == "The network cannot run on this batch."
    panel._building.trouble = None
    panel._building.kept = (13, 21)
    panel.refresh()
    assert not panel.trouble.isVisible()
    assert panel.status.text() == "13 of 21 weights are kept."


def test_a_backend_names_the_row_in_its_message() -> None:
    assert row_in(STACK, "shapes do not fit for '{{node net_1/add_1/Add}} = AddV2[T=DT_FLOAT](net_1/lstm_1/x)'") == 2
    assert row_in(STACK, 'Input 0 of layer "lstm" is incompatible') == 1
    assert row_in(STACK, "out of memory") is None
    assert row_in(replace(STACK, rows=(*STACK.rows, Row("add_1", "Add"))), "{{node net/add_1/Add}}") == 3


def test_before_anything_is_taken_up(panel: BuilderPanel) -> None:
    asked: list[bool] = []
    panel.asked_new.connect(lambda: asked.append(True))
    panel._building.close()
    assert panel.pages.currentIndex() == 0
    assert panel.begin.isVisible()
    panel.begin.click()
    assert panel.sentence.text() == "Taking the network apart…"
    assert not panel.begin.isEnabled()
    panel._building._opening = False
    panel._building.refused.emit(UnusableInput("It has 2 inputs."))
    assert panel.sentence.text() == "It has 2 inputs."
    assert not panel.begin.isVisible()
    panel.new.click()
    assert asked == [True]


def test_both_themes_paint_rows(panel: BuilderPanel) -> None:
    def ground() -> str:
        return panel.rows.grab().toImage().pixelColor(60, panel.rows.visualItemRect(panel.rows.item(2)).bottom() - 6).name()

    assert ground() == DARK.card
    panel.set_palette(LIGHT)
    assert ground() == LIGHT.card


def test_one_more_input_and_output(panel: BuilderPanel, qtbot: QtBot) -> None:
    panel.rows.select_number(1)
    panel.add_layer("Input")
    assert names(panel) == ["input", "embedding", "lstm", "add"], "above all layers, wherever it is asked for"
    assert panel.rows.number == 0
    assert stack_of(panel).taken(1) == ("ids",)
    assert panel._building.trouble is not None
    assert panel._building.trouble.row == 0
    form = row_form(panel, 0)
    assert not [name for name in form.fields if name.startswith("takes") or name == "wrapper"]
    features = form.fields["features"].input
    assert isinstance(features, QLineEdit)
    features.setText("3")
    features.editingFinished.emit()
    assert lines(stack_of(panel), FORMS, None)[1].text == "Input · 3 features · any length"
    panel.rows.select_number(1)
    panel.add_layer("Add")
    assert stack_of(panel).taken(2) == ("embedding", "input"), "it is joined with what nothing takes yet"
    assert panel._building.trouble is None
    panel.rows.select_number(3)
    panel.add_layer("Output")
    assert stack_of(panel).taken(4) == ("lstm",)
    assert panel._building.trouble is None
    loss = row_form(panel, 4).fields["loss"].input
    assert isinstance(loss, QComboBox)
    loss.setCurrentIndex(loss.findText("mse"))
    loss.activated.emit(loss.currentIndex())
    assert stack_of(panel).rows[4].arguments == {"loss": "mse"}
    panel.rows.select_number(0)
    panel.take.click()
    assert "‘add_1’ takes ‘input’" not in str(panel._building.trouble)
    while panel._document.undo_stack.canUndo():
        undo(panel)
    assert stack_of(panel) == STACK
