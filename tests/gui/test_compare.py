"""What is seen is what is edited: A stays as it was pinned, in every pane; B is edited."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from maskviz.core.batch import some_rows, without_weights
from maskviz.core.finding import Finding, Severity
from maskviz.gui.export_dialog.items import map_figure
from maskviz.gui.export_dialog.source import source_of
from maskviz.gui.heatmaps.standard_rows import FIXED
from maskviz.gui.main_window import MainWindow
from maskviz.session.document import Document
from tests.gui.editor_hands import cell
from tests.gui.window_hands import edit, open_sample, sentences

HINT = "A is pinned and stays as it is: press B to edit what is open now."


@pytest.fixture
def compared(window: MainWindow) -> Document:
    """A, and B with one step more of padding in its first sample; A is shown."""
    document = open_sample(window)
    document.set_stale(False)
    document.comparison.pin()
    edit(document)
    document.set_stale(False)
    document.comparison.show_a()
    return document


def test_panes_show_a(window: MainWindow, compared: Document) -> None:
    assert window.workspace is not None
    assert compared.comparison.pinned is not None
    old, new = compared.comparison.pinned.batch, compared.batch
    assert old is not None
    assert new is not None
    name = next(iter(new.padding))
    step = int(np.flatnonzero(old.padding[name][0] != new.padding[name][0])[0])
    table, header, mask = window.workspace.editor.steps, window.workspace.editor.header, window.workspace.heatmaps.mask_row
    right = header.right.value()
    assert cell(table, "padding", step).data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Unchecked
    assert not table.items.flags(cell(table, "padding", step)) & Qt.ItemFlag.ItemIsUserCheckable
    assert not header.right.isEnabled()
    assert mask.subtitle.whole_text().endswith(FIXED)
    window.commands["show_b"].trigger()
    assert cell(table, "padding", step).data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
    assert table.items.flags(cell(table, "padding", step)) & Qt.ItemFlag.ItemIsUserCheckable
    assert header.right.isEnabled()
    assert header.right.value() == right + 1
    assert FIXED not in mask.subtitle.whole_text()


def test_a_cannot_be_edited_and_says_so(window: MainWindow, compared: Document, qtbot: QtBot) -> None:
    assert window.workspace is not None
    maps = window.workspace.heatmaps
    view, weights = maps.mask_view, maps.add("weights")
    QApplication.processEvents()
    before, steps = compared.batch, compared.undo_stack.count()
    row = view.row(0)
    assert row is not None
    edge = int(np.flatnonzero(row)[0])
    here = QPoint(round(view.viewport.window.x(view.map_rect(), edge)), round(view.cell_center(0, edge).y()))
    assert view.edge_at(QPointF(here)) == (0, edge)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.cell_center(2, 3).toPoint())
    assert (compared.selection.sample, compared.selection.step) == (2, 3), "a click still selects"
    assert sentences(window) == []
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=here)
    qtbot.mouseMove(view, here + QPoint(60, 0))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=here + QPoint(60, 0))
    assert sentences(window) == [HINT]
    window.commands["show_b"].trigger()
    assert sentences(window) == [], "it is said as long as it is so"
    window.commands["show_a"].trigger()
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.mousePress(weights.view, Qt.MouseButton.LeftButton, pos=weights.view.cell_center(0, 0).toPoint())
    qtbot.mouseRelease(weights.view, Qt.MouseButton.LeftButton, pos=weights.view.cell_center(0, 0).toPoint())
    window.commands["fill_zero"].trigger()
    assert not window.workspace.editor.steps.items.tick(window.workspace.editor.steps.items.columns[1], [0], True)
    assert compared.network is not None
    assert compared.batch is not None
    compared.edit(without_weights(compared.batch, compared.network.outputs[0].name), "by any other way")
    assert sentences(window) == [HINT]
    assert compared.batch is before
    assert compared.undo_stack.count() == steps
    button = next(b for b in window.notices.bars()[0].findChildren(QPushButton) if b.text() == "Show B")
    button.click()
    assert compared.comparison.side == "B"


def test_undoing_shows_what_it_changes(window: MainWindow, compared: Document) -> None:
    window.commands["undo"].trigger()
    assert compared.comparison.side == "B"
    window.commands["show_difference"].trigger()
    window.commands["redo"].trigger()
    assert compared.comparison.side == "difference", "an edit is seen in the difference, too"
    window.commands["show_a"].trigger()
    open_sample(window)
    assert compared.comparison.side == "B", "so is another network"


def test_ledger_and_inspector_tell_of_what_is_shown(window: MainWindow, compared: Document) -> None:
    assert window.workspace is not None
    ledger, inspector = window.workspace.ledger, window.workspace.inspector
    pinned = compared.comparison.pinned
    assert pinned is not None
    assert pinned.trace is not None
    assert compared.trace is not None
    only_a = pinned.trace.calls[-1]
    b = replace(compared.trace, calls=compared.trace.calls[:-1], ledger=replace(compared.trace.ledger, reported=0.125))
    compared.show_trace(b, None, False)
    assert "of A" in ledger.sheet.text()
    compared.select(call=only_a.id)
    assert only_a.class_name in inspector.sheet.text(), "A has it"
    window.commands["show_b"].trigger()
    assert "of B" in ledger.sheet.text()
    assert "did not call this layer" in inspector.sheet.text() or only_a.class_name not in inspector.sheet.text()
    window.commands["show_difference"].trigger()
    assert only_a.class_name in inspector.sheet.text(), "only A has it, and it stands in the graph of both"
    window.commands["unpin"].trigger()
    assert "of B" not in ledger.sheet.text()


def test_a_finding_is_about_b(window: MainWindow, compared: Document) -> None:
    assert compared.trace is not None
    assert window.findings is not None
    window.findings.show(Finding("MV01", Severity.INFO, None, "Something.", "", ""))
    assert compared.comparison.side == "B"


def test_what_is_under_the_mouse_is_that_of_the_side(window: MainWindow, compared: Document) -> None:
    assert window.workspace is not None
    maps = window.workspace.heatmaps
    pinned = compared.comparison.pinned
    assert pinned is not None
    assert pinned.trace is not None
    assert compared.trace is not None
    compared.show_trace(replace(compared.trace, ledger=replace(compared.trace.ledger, sum=1e9)), None, False)
    share = re.compile(r"loss \S+ \((.*?)\)")
    shown = maps.loss_row.heatmap
    assert shown is not None
    assert shown.present is not None
    step = int(np.flatnonzero(shown.present)[0])
    of_a = share.search(maps.telling.of_cell(0, step, maps.loss_row))
    assert of_a is not None
    window.commands["show_b"].trigger()
    of_b = share.search(maps.telling.of_cell(0, step, maps.loss_row))
    assert of_b is None or of_b[1] != of_a[1], "a share of another loss"
    window.commands["show_difference"].trigger()
    words = maps.telling.of_cell(0, step, maps.loss_row)
    assert words.startswith("B − A · sample 0")
    assert "loss" in words
    assert share.search(words) is None


def test_the_difference_is_taken_away_as_it_is_shown(window: MainWindow, compared: Document) -> None:
    assert compared.network is not None
    titles = {}
    for side in ("show_a", "show_b", "show_difference"):
        window.commands[side].trigger()
        source = source_of(compared)
        assert source is not None
        titles[side] = map_figure("heatmaps", source, window.take_away.shown()).title
        assert (source.difference is None) == (side != "show_difference")
        assert (source.batch is compared.batch) == (side != "show_a")
    name = compared.network.name
    assert titles == {"show_a": name, "show_b": name, "show_difference": f"B − A of {name}"}


def test_samples_and_steps_of_a_can_be_selected_beside_a_smaller_b(window: MainWindow, compared: Document) -> None:
    assert compared.batch is not None
    assert compared.network is not None
    size, steps = compared.batch.size, compared.time_steps
    window.commands["show_b"].trigger()
    compared.edit(some_rows(compared.batch, np.arange(2)), "Keep two samples")
    compared.select(sample=size - 1)
    assert compared.selection.sample == 1
    window.commands["show_a"].trigger()
    compared.select(sample=size - 1, step=steps - 1)
    assert (compared.selection.sample, compared.selection.step) == (size - 1, steps - 1)
    assert window.workspace is not None
    assert window.workspace.editor.header.sample.value() == size - 1
    window.commands["show_b"].trigger()
    assert compared.selection.sample == 1


def test_maps_of_a_call_that_only_a_has(window: MainWindow, compared: Document) -> None:
    assert window.workspace is not None
    assert compared.trace is not None
    maps, only_a = window.workspace.heatmaps, "lstm"
    calls = tuple(call for call in compared.trace.calls if call.id != only_a)
    compared.show_trace(replace(compared.trace, calls=calls), None, False)
    compared.select(call=only_a)
    for side in ("show_difference", "show_a"):
        window.commands[side].trigger()
        row = maps.add_selected("status")
        assert row is not None
    assert row.heatmap is not None
    assert row.heatmap.status is not None
    window.commands["show_b"].trigger()
    assert row.heatmap.explanation == "No call is named ‘lstm’ here."
    window.commands["show_difference"].trigger()
    assert row.heatmap.explanation == "There is no difference to show: in B, no call is named ‘lstm’ here."
    window.commands["unpin"].trigger()
    assert maps.add_selected("values") is None
