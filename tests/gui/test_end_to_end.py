"""The whole main job in the real window with the real engine: drop a file, see colours, drag an edge, undo, export, survive a kill."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from maskviz import resources
from maskviz.core.status import Status
from maskviz.gui.export_dialog import ExportDialog
from maskviz.gui.main_window import MainWindow
from tests.conftest import child_processes, command_line

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]
IMPORTING_KERAS = 90_000  # ms on a busy machine


@pytest.fixture(name="window")
def _window(working_window: MainWindow) -> MainWindow:
    return working_window


def drop(window: MainWindow, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(p)) for p in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(300, 300), Qt.DropAction.CopyAction, mime, buttons, keys))
    QApplication.sendEvent(window, QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, mime, buttons, keys))


def wait_until_checked(window: MainWindow, qtbot: QtBot) -> None:
    """Until the result is of the newest batch, and Keras' own number has come."""

    def checked() -> None:
        trace = window.document.trace
        assert trace is not None
        assert not window.document.stale
        assert trace.ledger.evaluate is not None

    qtbot.waitUntil(checked, timeout=IMPORTING_KERAS)


def drag_edge(window: MainWindow, qtbot: QtBot, sample: int, to_step: int, half_way: Callable[[], None] = lambda: None) -> None:
    """Drag the right edge of a sample's data with the mouse, as a person does; ``half_way`` is called while the button is down."""
    assert window.workspace is not None
    assert window.document.batch is not None
    view = window.workspace.heatmaps.mask_view
    name = window.document.network.inputs[0].name  # type: ignore[union-attr]
    last = int(np.flatnonzero(~window.document.batch.padding[name][sample])[-1])
    half = (view.cell_center(sample, 1).x() - view.cell_center(sample, 0).x()) / 2
    start = view.cell_center(sample, last) + QPointF(half, 0)
    end = view.cell_center(sample, to_step) + QPointF(half, 0)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start.toPoint())
    for part in np.linspace(0, 1, 9):
        if part == 0.5:
            half_way()
        qtbot.mouseMove(view, (start + (end - start) * float(part)).toPoint())
        qtbot.wait(10)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end.toPoint())


def export_with_dialog(window: MainWindow, folder: Path, *kinds: str) -> list[Path]:
    """Choose Export, tick these figures in the dialog, write them into a folder, and close the dialog."""
    written: list[Path] = []

    def act() -> None:
        dialog = QApplication.activeModalWidget()
        try:
            assert isinstance(dialog, ExportDialog)
            for row in range(dialog.form.what.count()):
                item = dialog.form.what.item(row)
                ticked = item.data(Qt.ItemDataRole.UserRole) in kinds
                item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            dialog.form.folder.setText(str(folder))
            dialog.export.click()
            deadline = time.monotonic() + 30
            while not dialog.written and time.monotonic() < deadline:
                QApplication.processEvents()
            assert dialog.written, "nothing was written within 30 s"
            written.extend(dialog.written)
        finally:
            assert isinstance(dialog, QDialog)
            dialog.reject()

    QTimer.singleShot(0, act)
    window.commands["export"].trigger()
    return written


def engine_process() -> int:
    return next(pid for pid in child_processes() if "maskviz.engine.process" in command_line(pid))


def test_the_main_job(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    example = resources.example("transformer_post_norm")
    document = window.document
    drop(window, example.network, example.batch)
    assert len(document.graph.nodes) > 5, "the architecture is there before the engine answers"
    assert document.trace is None
    wait_until_checked(window, qtbot)
    trace = document.trace
    assert trace is not None
    assert trace.ledger.matches
    assert any(call.stripped for call in trace.calls)
    assert window.workspace is not None
    findings = window.workspace.findings
    qtbot.waitUntil(lambda: any(f.call and "attention" in f.call for f in findings.findings), timeout=5000)
    before = trace.ledger.reported
    output = trace.network_outputs[0]
    document.select(call=output.ref)
    window.commands["map_values"].trigger()
    values_row = window.workspace.heatmaps.rows[-1]

    def values() -> Any:
        return None if values_row.heatmap is None else values_row.heatmap.values

    qtbot.waitUntil(lambda: values() is not None, timeout=IMPORTING_KERAS)
    shown = values()
    np.testing.assert_allclose(shown, trace.outputs[output.name].reshape(*shown.shape, -1)[..., 0], rtol=1e-4, atol=1e-5)

    drag_edge(window, qtbot, 0, 2)
    assert document.undo_stack.count() == 1, "a drag is one undo step"
    wait_until_checked(window, qtbot)
    edited = document.trace
    assert edited is not None
    assert edited is not trace
    assert edited.ledger.matches
    assert edited.ledger.reported != before
    assert not np.array_equal(edited.outputs[output.name], trace.outputs[output.name])
    name = document.network.inputs[0].name  # type: ignore[union-attr]
    assert edited.padding[name][0, 3:].all()
    qtbot.waitUntil(lambda: values() is not shown and not np.array_equal(values()[0], shown[0]), timeout=IMPORTING_KERAS)

    window.commands["undo"].trigger()
    wait_until_checked(window, qtbot)
    assert document.trace is not None
    with np.load(example.batch, allow_pickle=False) as given:
        np.testing.assert_array_equal(document.batch.x[name], given["x"])  # type: ignore[union-attr]
    assert document.trace.ledger.reported == pytest.approx(before, rel=1e-6)

    assert document.network is not None
    paths = export_with_dialog(window, tmp_path / "figures", "mask", "loss")
    assert sorted(path.stem.rpartition("-")[2] for path in paths) == ["loss", "mask"]
    image = QImage(str(paths[0]))
    assert image.width() > 500
    assert image.text("Network") == document.network.name
    assert image.text("Keras version") == document.network.keras


def test_a_killed_engine_comes_back_and_loses_nothing(window: MainWindow, qtbot: QtBot) -> None:
    document = window.document
    window.jobs.open_example("lambda_slice_small")
    wait_until_checked(window, qtbot)
    drag_edge(window, qtbot, 0, 5)
    wait_until_checked(window, qtbot)
    edited = document.batch
    name = document.network.inputs[0].name  # type: ignore[union-attr]
    first = engine_process()
    seen: list[bool] = []

    def kill() -> None:
        seen.append(document.batch is not edited)
        os.kill(first, signal.SIGKILL)

    drag_edge(window, qtbot, 1, 4, half_way=kill)
    assert seen == [True], "the drag had begun when the engine was killed"
    qtbot.waitUntil(lambda: any("stopped from outside" in bar.sentence for bar in window.notices.bars()), timeout=10_000)
    wait_until_checked(window, qtbot)
    assert engine_process() != first
    assert document.undo_stack.count() == 2
    assert document.trace is not None
    assert document.trace.ledger.matches
    assert document.trace.status["masking"][1, 5:].tolist() == [Status.SKIPPED] * (document.time_steps - 5)
    document.undo_stack.undo()
    assert document.batch is edited
    wait_until_checked(window, qtbot)
    assert document.trace.padding[name][0, 6:].all()


def test_a_broken_file_leaves_what_is_open(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    document = window.document
    window.jobs.open_example("divisor")
    wait_until_checked(window, qtbot)
    drag_edge(window, qtbot, 1, 2)
    wait_until_checked(window, qtbot)
    batch, trace, title = document.batch, document.trace, document.title
    document.undo_stack.setClean()
    broken = tmp_path / "broken.keras"
    broken.write_bytes(resources.example("divisor").network.read_bytes()[:2000])
    drop(window, broken)
    assert [bar.sentence for bar in window.notices.bars()] == ["“broken.keras” is damaged or cut off: copy or download it again."]
    assert (document.batch, document.trace, document.title) == (batch, trace, title)
    assert document.undo_stack.canUndo()


def test_another_number_of_steps_and_samples(window: MainWindow, qtbot: QtBot) -> None:
    document = window.document
    window.jobs.open_example("transformer_post_norm")
    wait_until_checked(window, qtbot)
    name = document.network.inputs[0].name  # type: ignore[union-attr]
    document.select(sample=15, step=19)
    window.commands["duplicate"].trigger()
    window.editing.steps.set_length(name, 12, "right")
    wait_until_checked(window, qtbot)
    assert document.trace is not None
    assert document.trace.padding[name].shape == (17, 12)
    assert document.trace.ledger.matches
    assert (document.selection.sample, document.selection.step) == (16, 11)
    window.workspace.history.list.setCurrentIndex(window.workspace.history.steps.index(0))  # type: ignore[union-attr]
    wait_until_checked(window, qtbot)
    assert document.trace.padding[name].shape == (16, 20)
