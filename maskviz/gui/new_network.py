"""The New network dialog, made from the templates of ``core.templates``."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from maskviz.core.errors import UnusableInput
from maskviz.core.templates import TEMPLATES, Field, Template, Value, checked
from maskviz.gui.number_box import DecimalBox, WholeBox
from maskviz.gui.words import tr

FIELD_WIDTH = 250


class TemplateForm(QWidget):
    """The form of one template. ``changed`` tells that a value is another."""

    changed = Signal()

    def __init__(self, template: Template) -> None:
        super().__init__()
        self.template = template
        self.inputs: dict[str, QWidget] = {}
        self._read: dict[str, Callable[[], Value]] = {}
        self._rows = QFormLayout(self)
        self._rows.setContentsMargins(2, 2, 10, 2)
        self._rows.setHorizontalSpacing(16)
        self._rows.setVerticalSpacing(9)
        self._rows.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self._holders: dict[str, QWidget] = {}
        for field in template.fields:
            self._add(field)
        self._show_used()
        self.changed.connect(self._show_used)

    def values(self) -> dict[str, Value]:
        """All values of the form, those of hidden fields included."""
        return {name: read() for name, read in self._read.items()}

    def options(self) -> dict[str, Value]:
        """The checked options; raises UnusableInput with a sentence on what cannot be."""
        return checked(self.template, self.values())

    def _add(self, field: Field) -> None:
        widget, self._read[field.name] = self._input(field)
        widget.setFixedWidth(FIELD_WIDTH)
        widget.setAccessibleName(field.label)
        widget.setAccessibleDescription(field.help)
        widget.setToolTip(field.help)
        self.inputs[field.name] = widget
        hint = QLabel(field.help)
        hint.setProperty("look", "muted")
        hint.setWordWrap(True)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        row.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(hint, 1)
        label = QLabel(field.label)
        label.setBuddy(widget)
        for text in (label, hint):  # their first line beside that of the field
            text.setAlignment(Qt.AlignmentFlag.AlignTop | (Qt.AlignmentFlag.AlignRight if text is label else Qt.AlignmentFlag.AlignLeft))
            text.setContentsMargins(0, 3, 0, 0)
        self._holders[field.name] = holder
        self._rows.addRow(label, holder)

    def _input(self, field: Field) -> tuple[QWidget, Callable[[], Value]]:
        if field.kind == "bool":
            box = QCheckBox()
            box.setChecked(bool(field.default))
            box.toggled.connect(self.changed)
            return box, box.isChecked
        if field.kind == "choice":
            choice = QComboBox()
            choice.addItems(field.choices)
            choice.setCurrentText(str(field.default))
            choice.currentTextChanged.connect(self.changed)
            return choice, choice.currentText
        if field.kind == "int":
            whole = WholeBox()
            whole.setRange(int(field.min or 0), int(field.max or 1_000_000))
            whole.setValue(int(field.default))
            whole.valueChanged.connect(self.changed)
            return whole, whole.value
        number = DecimalBox()
        number.setRange(field.min or 0.0, field.max or 1e6)
        number.setSingleStep(0.05)
        number.setValue(float(field.default))
        number.valueChanged.connect(self.changed)
        return number, number.value

    def _show_used(self) -> None:
        values = self.values()
        for field in self.template.fields:
            self._rows.setRowVisible(self._holders[field.name], field.used(values))


class NewNetworkDialog(QDialog):
    """Choose a template at the left, fill in its form at the right. ``template`` and ``options()`` say what to build."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("New network"))
        self.list = QListWidget()
        self.list.setProperty("look", "choices")
        self.list.setAccessibleName(tr("Templates"))
        self.list.addItems([t.title for t in TEMPLATES])
        self.list.setFixedWidth(self.list.sizeHintForColumn(0) + 44)
        self.forms = [TemplateForm(t) for t in TEMPLATES]
        self._pages = QStackedWidget()
        for form in self.forms:
            self._pages.addWidget(self._page(form))
            form.changed.connect(self._check)
        self.in_builder = QCheckBox("Go on in the builder")
        self.in_builder.setToolTip("Open the network as a stack whose layers can be added, removed, reordered and edited")
        self.problem = QLabel()
        self.problem.setProperty("look", "error")
        self.problem.setWordWrap(True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.build = self._buttons.addButton(tr("Build the network"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.build.setProperty("look", "primary")
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        across = QHBoxLayout()
        across.setSpacing(18)
        across.addWidget(self.list)
        across.addWidget(self._pages, 1)
        below = QHBoxLayout()
        below.addWidget(self.problem, 1)
        below.addWidget(self.in_builder)
        below.addWidget(self._buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 14)
        column.setSpacing(12)
        column.addLayout(across, 1)
        column.addLayout(below)
        self.build.setDefault(True)  # only inside the dialog does this last
        self.list.currentRowChanged.connect(self._turn)
        self.list.setCurrentRow(0)
        self.resize(920, 580)

    @staticmethod
    def _page(form: TemplateForm) -> QWidget:
        title = QLabel(form.template.title)
        title.setProperty("look", "title")
        description = QLabel(form.template.description)
        description.setProperty("look", "muted")
        description.setWordWrap(True)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(form)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(title)
        column.addWidget(description)
        column.addSpacing(8)
        column.addWidget(scroll, 1)
        return page

    @property
    def form(self) -> TemplateForm:
        """The form of the chosen template."""
        return self.forms[self._pages.currentIndex()]

    @property
    def template(self) -> str:
        """The name of the chosen template."""
        return self.form.template.name

    def options(self) -> dict[str, Value]:
        """The options of the chosen template."""
        return self.form.options()

    def _turn(self, row: int) -> None:
        self._pages.setCurrentIndex(row)
        self._check()

    def _check(self) -> None:
        try:
            self.form.options()
            problem = ""
        except UnusableInput as error:
            problem = str(error)
        self.problem.setText(problem)
        self.build.setEnabled(not problem)
