"""Taking away from the window: copies, the report, and the dialog with what is shown."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu, QProgressBar, QProgressDialog, QPushButton
from pytestqt.qtbot import QtBot

from maskviz.export import report
from maskviz.gui.background import Background, Tell
from maskviz.gui.export_dialog import ExportDialog
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.gui.main_window import MainWindow
from tests.gui.window_hands import open_sample, sentences


def views(window: MainWindow) -> list[MapView]:
    assert window.workspace is not None
    return window.workspace.heatmaps.findChildren(MapView)


def test_what_the_keyboard_is_in_is_copied(window: MainWindow, qtbot: QtBot) -> None:
    open_sample(window)
    clipboard = QApplication.clipboard()
    predictions = next(view for view in views(window) if view.heatmap is not None and view.heatmap.kind == "predictions")
    predictions.setFocus()
    qtbot.waitUntil(predictions.hasFocus)
    window.commands["copy_numbers"].trigger()
    assert clipboard.text().startswith("sample\t3\t4")
    window.commands["copy_picture"].trigger()
    one = clipboard.image()
    assert one.width() == 1600
    window.welcome.setFocus()
    window.menuBar().setFocus()
    window.commands["copy_picture"].trigger()
    assert clipboard.image().height() > 1.5 * one.height()
    assert window.workspace is not None
    window.workspace.find_layer()
    window.commands["copy_numbers"].trigger()
    qtbot.waitUntil(lambda: clipboard.text().startswith("call\tclass\tfate"), timeout=15_000)  # laid out in another process
    assert any("clipboard" in sentence for sentence in sentences(window))


def test_nothing_is_copied_before_a_network_is_open(window: MainWindow) -> None:
    assert not window.commands["copy_picture"].isEnabled()
    QApplication.clipboard().setText("mine")
    window.take_away.copy_picture()
    window.take_away.copy_numbers()
    assert QApplication.clipboard().text() == "mine"


def test_the_report_is_written_beside_the_window(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    open_sample(window)
    window.take_away.write_report(tmp_path / "report.html")
    qtbot.waitUntil(lambda: any("report is written" in sentence for sentence in sentences(window)), timeout=15_000)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "seed_lambda_slice" in text
    window.take_away.write_report(tmp_path / "no" / "report.html")
    qtbot.waitUntil(lambda: any("could not be written" in sentence for sentence in sentences(window)), timeout=15_000)


@pytest.mark.parametrize("stop", [False, True])
def test_closing_waits_for_the_report_unless_it_is_stopped(
    stop: bool, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    open_sample(window)
    file, gate, write = tmp_path / "report.html", threading.Event(), report.write_report
    monkeypatch.setattr(report, "write_report", lambda source, path, tell: (gate.wait(10), write(source, path, tell=tell))[1])
    window.take_away.write_report(file)
    (progress,) = window.findChildren(QProgressDialog)
    assert progress.windowModality() == Qt.WindowModality.WindowModal

    def go_on() -> None:
        threading.Timer(0.1, gate.set).start()
        if stop:
            progress.findChildren(QPushButton)[0].click()

    QTimer.singleShot(50, go_on)
    assert window.close()
    assert file.exists() is not stop
    assert not any(work.busy for work in window.take_away.findChildren(Background))


def test_a_report_that_takes_longer_says_how_far_it_is(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    open_sample(window)
    gate = threading.Event()
    monkeypatch.setattr(report, "write_report", lambda _source, path, tell: (tell(3, 10), gate.wait(10), path)[-1])
    window.take_away.write_report(tmp_path / "report.html")
    (progress,) = window.findChildren(QProgressDialog)
    (bar,) = progress.findChildren(QProgressBar)
    qtbot.waitUntil(progress.isVisible)
    assert (bar.value(), bar.maximum()) == (3, 10)
    gate.set()
    qtbot.waitUntil(lambda: not window.findChildren(QProgressDialog))


def test_the_dialog_offers_what_is_shown_and_the_window(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    open_sample(window)
    dialog = ExportDialog(window.document, window, window.take_away.shown())
    qtbot.addWidget(dialog)
    words = [dialog.form.what.item(row).text() for row in range(dialog.form.what.count())]
    assert words[0] == "All heatmaps in one figure"
    assert words[1:4] == ["Padding and mask", "Predictions", "Loss contributions"]
    assert words[-2:] == ["Layer graph", "The whole window"]
    last = dialog.form.what.item(len(words) - 1)
    dialog.form.folder.setText(str(tmp_path))
    for row in range(len(words) - 1):
        dialog.form.what.item(row).setCheckState(Qt.CheckState.Unchecked)
    last.setCheckState(Qt.CheckState.Checked)
    for format, head in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        dialog.form.format.setCurrentIndex(dialog.form.format.findData(format))
        dialog.written = []
        dialog.export.click()
        qtbot.waitUntil(lambda: bool(dialog.written), timeout=15_000)
        assert dialog.written[0].read_bytes().startswith(head)
        assert dialog.written[0].name == f"seed_lambda_slice-window.{format}"
    dialog.form.format.setCurrentIndex(dialog.form.format.findData("csv"))
    assert not last.flags() & Qt.ItemFlag.ItemIsEnabled
    assert not dialog.export.isEnabled()


def test_work_in_the_background_tells_how_far_it_is_and_stops(qtbot: QtBot, qapp: QApplication) -> None:
    work = Background(qapp)
    seen: list[int] = []
    work.progressed.connect(lambda done, _total: seen.append(done))

    def counts(tell: Tell) -> str:
        for number in range(3):
            tell(number, 3)
        return "counted"

    with qtbot.waitSignal(work.done, timeout=5000) as caught:
        work.run(counts)
    assert caught.args == ["counted"]
    assert seen == [0, 1, 2]

    def forever(tell: Tell) -> None:
        while True:
            tell(0, 1)

    with qtbot.waitSignal(work.stopped, timeout=5000):
        work.run(forever)
        qtbot.waitUntil(lambda: len(seen) > 4)
        work.stop()

    def breaks(_tell: Tell) -> None:
        raise ValueError("a broken part")

    with qtbot.waitSignal(work.failed, timeout=5000) as failed:
        work.run(breaks)
    assert "a broken part" in str(failed.args[0])
    assert not work.busy
    work.deleteLater()


def test_the_menus_of_maps_and_graph_offer_copying(window: MainWindow, qtbot: QtBot) -> None:
    open_sample(window)
    assert window.workspace is not None
    found: list[str] = []

    def read_menu() -> None:
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        found.extend(action.text() for action in menu.actions())
        next(action for action in menu.actions() if action is window.commands["copy_numbers"]).trigger()
        menu.close()

    qtbot.waitUntil(lambda: any(view.hasFocus() for view in views(window)))  # when the panes are laid out
    loss = next(view for view in views(window) if view.heatmap is not None and view.heatmap.kind == "loss")
    QTimer.singleShot(100, read_menu)
    place = loss.map_rect().center().toPoint()
    QApplication.sendEvent(loss, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, loss.mapToGlobal(place)))
    assert "Copy as p&icture" in found
    assert QApplication.clipboard().text().startswith("sample\t3")
    total = sum(float(cell) for line in QApplication.clipboard().text().splitlines()[1:] for cell in line.split("\t")[1:])
    assert window.document.trace is not None
    assert abs(total - float(window.document.trace.ledger.sum or 0)) < 1e-6
    assert window.commands["copy_picture"] in window.workspace.graph.view.actions()
