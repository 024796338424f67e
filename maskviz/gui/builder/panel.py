"""The builder's pane: the rows of the stack above the form of the row that is chosen, and how much of the weights is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from maskviz.core.builder import INPUT, SOURCE_ROW, TRAINING_ROW, Row, Source, Stack, Training, added, changed, moved, removed, with_source
from maskviz.core.layer_forms import new_row
from maskviz.gui.builder.forms import Form, RowForm, SourceForm, TrainingForm
from maskviz.gui.builder.picker import LayerPicker
from maskviz.gui.builder.rows import RowList, lines
from maskviz.gui.words import tr
from maskviz.palette import Palette
from maskviz.session.building import Building
from maskviz.session.document import Document


class BuilderPanel(QWidget):
    """Shows the stack and asks ``building`` for edits. ``asked_new``: the user wants to begin with a template."""

    asked_new = Signal()

    def __init__(self, document: Document, building: Building, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("builder")
        self.setAccessibleName(tr("Builder"))
        self._document = document
        self._building = building
        self._refusal = ""
        self._added = ""  # a row whose call is selected once it is there
        self._call: str | None = None
        self._form: Form | None = None
        self._gestures: dict[tuple[int, str], int] = {}
        self.rows = RowList(palette)
        self.add = self._button(tr("Add layer…"), tr("Add a layer below the chosen row (Insert)"), self.pick_layer)
        self.up = self._button("↑", tr("Move the chosen row up (Alt+Up)"), lambda: self._move(-1))
        self.down = self._button("↓", tr("Move the chosen row down (Alt+Down)"), lambda: self._move(1))
        self.take = self._button(tr("Remove"), tr("Remove the chosen row (Delete)"), self._remove)
        self.add.setProperty("look", "primary")
        self.trouble = _label("error")
        self.status = _label("muted")
        self.sentence = _label("muted")
        self.begin = self._button(tr("Edit this network"), "", building.open)
        self.new = self._button(tr("New network…"), "", self.asked_new.emit)
        self.pages = QStackedWidget()
        self.pages.addWidget(self._first_page())
        self.pages.addWidget(self._stack_page())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pages)
        self.rows.chosen.connect(self._choose)
        self.rows.wanted.connect(self.pick_layer)
        self.rows.moved.connect(self._move_to)
        self.rows.removed.connect(lambda _number: self._remove())
        building.changed.connect(self.refresh)
        building.refused.connect(self._refuse)
        document.network_changed.connect(self._network_came)
        document.selection_changed.connect(self._follow_selection)
        self.set_palette(palette)
        self.refresh()

    # -- how it looks

    @staticmethod
    def _button(text: str, tip: str, clicked: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip or text)
        button.clicked.connect(lambda: clicked())
        return button

    def _first_page(self) -> QWidget:
        page = QWidget()
        self.begin.setProperty("look", "primary")
        column = QVBoxLayout(page)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(10)
        for widget in (self.sentence, self.begin, self.new):
            column.addWidget(widget)
        column.addStretch(1)
        return page

    def _stack_page(self) -> QWidget:
        tools = QHBoxLayout()
        tools.setContentsMargins(8, 6, 8, 4)
        tools.setSpacing(5)
        self.add.setMinimumWidth(self.add.fontMetrics().horizontalAdvance(self.add.text()) + 34)
        tools.addWidget(self.add)
        tools.addStretch(1)
        for button in (self.up, self.down, self.take):
            button.setProperty("look", "small")
            tools.addWidget(button)
        self._area = QScrollArea(widgetResizable=True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        below = QWidget()
        rows = QVBoxLayout(below)
        rows.setContentsMargins(0, 0, 0, 6)
        rows.setSpacing(4)
        rows.addWidget(self._area, 1)
        for label in (self.trouble, self.status):
            label.setContentsMargins(12, 0, 12, 0)
            rows.addWidget(label)
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.setChildrenCollapsible(False)
        parts.addWidget(self.rows)
        parts.addWidget(below)
        parts.setSizes([320, 300])
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(tools)
        column.addWidget(parts, 1)
        return page

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.rows.set_palette(palette)
        self.setStyleSheet(
            f"#builder, #builder QScrollArea > QWidget > QWidget, #builder_rows {{ background: {palette.pane}; border: none; }}"
        )

    # -- what the stack says

    def refresh(self) -> None:
        """Show the stack as it is now."""
        building = self._building
        if building.stack is None or building.forms is None:
            self._show_first()
            return
        self.pages.setCurrentIndex(1)
        self.rows.show_lines(lines(building.stack, building.forms, building.trouble))
        self._show_form(building.stack)
        trouble = building.trouble
        self.trouble.setText(trouble.sentence if trouble is not None and trouble.row is None else "")
        self.trouble.setVisible(bool(self.trouble.text()))
        self.status.setText(self._status())

    def _show_first(self) -> None:
        self.pages.setCurrentIndex(0)
        is_open = self._document.network is not None
        self.sentence.setText(self._first_sentence(is_open))
        self.begin.setVisible(is_open and not self._refusal)
        self.begin.setEnabled(not self._building.is_opening)
        self._drop_form()

    def _first_sentence(self, is_open: bool) -> str:
        if self._building.is_opening:
            return tr("Taking the network apart…")
        if self._refusal:
            return self._refusal
        if is_open:
            return tr(
                "Change the network that is open: add, remove and reorder layers, and edit their arguments. Weights that fit are kept."
            )
        return tr("Open a network, or make a new one: here it becomes a stack of layers that you can change, with masks and heatmaps live.")

    def _status(self) -> str:
        building = self._building
        if building.is_building:
            return tr("Building…")
        if building.trouble is not None:
            return tr("The last network that worked is shown.")
        if building.kept is None:
            return tr("As it was opened.")
        kept, weights = building.kept
        if weights > kept:
            return tr("{kept} of {weights} weights are kept.").format(kept=kept, weights=weights)
        return tr("All {weights} weights are kept.").format(weights=weights) if weights else ""

    def _refuse(self, error: object) -> None:
        self._refusal = str(error)
        self.refresh()

    def _network_came(self) -> None:
        self._refusal = ""
        self.refresh()
        added, self._added = self._added, ""
        if added and self._document.trace is not None and self._document.trace.call(added) is not None:
            self._document.select(call=added)

    def _follow_selection(self) -> None:
        """A call that is chosen elsewhere is the row that is edited."""
        stack, call = self._building.stack, self._document.selection.call
        if call == self._call:
            return  # another step or sample
        self._call = call
        place = stack.place(call) if stack is not None and call is not None else None
        if place is not None and self.rows.number != place:
            self.rows.select_number(place)

    # -- the form

    def _choose(self, number: int) -> None:
        stack = self._building.stack
        if stack is None:
            return
        self._show_form(stack)
        trace = self._document.trace
        name = stack.rows[number].name if number >= 0 else stack.source.name if number == SOURCE_ROW else ""
        if name and trace is not None and trace.call(name) is not None:
            self._document.select(call=name)

    def _show_form(self, stack: Stack) -> None:
        number, forms = self.rows.number, self._building.forms
        assert forms is not None
        self.up.setEnabled(number > 0)
        self.down.setEnabled(0 <= number < len(stack.rows) - 1)
        self.take.setEnabled(number >= 0)
        form = self._form
        if number >= 0:
            row = stack.rows[number]
            if isinstance(form, RowForm) and form.identity == (number, row.kind, row.wrapper, len(row.takes)):
                form.show_row(stack, number)
                return
            form = RowForm(forms, stack, number)
            form.changed.connect(lambda new, what: self._give_row(number, new, what))
        elif number == SOURCE_ROW:
            if isinstance(form, SourceForm) and form.identity == stack.source.is_ids:
                form.show_source(stack.source)
                return
            form = SourceForm(stack.source)
            form.changed.connect(self._give_source)
        else:
            if isinstance(form, TrainingForm):
                form.show_training(stack.training)
                return
            form = TrainingForm(forms, stack.training)
            form.changed.connect(self._give_training)
        self._form = form
        self._area.setWidget(form)

    def _drop_form(self) -> None:
        if self._form is not None:
            self._area.takeWidget()
            self._form.deleteLater()
            self._form = None

    # -- edits

    def _give_row(self, number: int, row: Row, what: str) -> None:
        stack = self._building.stack
        if stack is not None:
            self._building.edit(changed(stack, number, row), f"Change {what} of {stack.rows[number].name}", self._gesture(number, what))

    def _give_source(self, source: Source, what: str) -> None:
        stack = self._building.stack
        if stack is not None:
            self._building.edit(with_source(stack, source), f"Change {what} of the input", self._gesture(SOURCE_ROW, what))

    def _give_training(self, training: Training, what: str) -> None:
        stack = self._building.stack
        if stack is not None:
            self._building.edit(replace(stack, training=training), f"Change {what}", self._gesture(TRAINING_ROW, what))

    def _gesture(self, number: int, what: str) -> int:
        """One number for changes of the same field that follow each other: they are one undo step."""
        key = (number, what)
        if key not in self._gestures:
            self._gestures = {key: self._document.new_gesture()}
        return self._gestures[key]

    def pick_layer(self) -> None:
        """Choose a layer to add below the current row."""
        if self._building.forms is not None and self._building.stack is not None:
            picker = LayerPicker(self._building.forms, self.add)
            picker.picked.connect(self.add_layer)
            picker.show()

    def add_layer(self, kind: str) -> None:
        """Add a layer of that class below the current row."""
        stack, forms = self._building.stack, self._building.forms
        if stack is None or forms is None:
            return
        number = self.rows.number
        place = len(stack.rows) if number == TRAINING_ROW else number + 1
        if kind == INPUT:  # above all layers, below the other inputs
            place = next((n for n, row in enumerate(stack.rows) if row.kind != INPUT), len(stack.rows))
        row = new_row(stack, forms, kind, place)
        self._gestures.clear()
        self._added = row.name
        self._building.edit(added(stack, place, row), f"Add {row.name}")
        self.rows.select_number(place)
        self.rows.setFocus()

    def _remove(self) -> None:
        stack, number = self._building.stack, self.rows.number
        if stack is not None and number >= 0:
            self._gestures.clear()
            self._building.edit(removed(stack, number), f"Remove {stack.rows[number].name}")

    def _move(self, step: int) -> None:
        self._move_to(self.rows.number, self.rows.number + step)

    def _move_to(self, number: int, to: int) -> None:
        stack = self._building.stack
        if stack is not None and 0 <= number < len(stack.rows) and 0 <= to < len(stack.rows):
            self._gestures.clear()
            self._building.edit(moved(stack, number, to), f"Move {stack.rows[number].name}")
            self.rows.select_number(to)


def _label(look: str) -> QLabel:
    label = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
    label.setProperty("look", look)
    return label
