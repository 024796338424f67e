"""The New network dialog: one form a template, checked while it is filled in."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QSpinBox
from pytestqt.qtbot import QtBot

from maskviz.core.templates import TEMPLATES
from maskviz.gui.new_network import NewNetworkDialog


@pytest.fixture
def dialog(qtbot: QtBot) -> NewNetworkDialog:
    dialog = NewNetworkDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_every_template_has_a_form_with_its_defaults(dialog: NewNetworkDialog) -> None:
    for row, template in enumerate(TEMPLATES):
        dialog.list.setCurrentRow(row)
        assert dialog.template == template.name
        assert dialog.options() == template.defaults()
        assert dialog.build.isEnabled()


def test_fields_that_do_not_matter_are_hidden(dialog: NewNetworkDialog) -> None:
    form = dialog.form
    mask = form.inputs["mask"]
    assert isinstance(mask, QComboBox)
    mask.setCurrentText("Masking")
    assert form.inputs["features"].isVisible()
    assert not form.inputs["vocabulary"].isVisible()
    mask.setCurrentText("Embedding(mask_zero)")
    assert not form.inputs["features"].isVisible()
    assert form.inputs["vocabulary"].isVisible()


def test_what_cannot_be_built_is_said_at_once(dialog: NewNetworkDialog) -> None:
    outputs = dialog.form.inputs["outputs"]
    assert isinstance(outputs, QSpinBox)
    outputs.setValue(1)
    assert "at least 2 classes" in dialog.problem.text()
    assert not dialog.build.isEnabled()
    outputs.setValue(4)
    assert dialog.problem.text() == ""
    assert dialog.options()["outputs"] == 4


def test_enter_builds(dialog: NewNetworkDialog, qtbot: QtBot) -> None:
    with qtbot.waitSignal(dialog.accepted):
        qtbot.keyClick(dialog.list, Qt.Key.Key_Return)
