"""The main window: dropped files, edits that would be lost, failures and consent."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLabel, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from maskviz import resources
from maskviz.core import batch_files
from maskviz.core.errors import EngineFailed, NeedsConsent, UnusableInput
from maskviz.gui.consent import ConsentPanel
from maskviz.gui.main_window import MainWindow
from maskviz.session.document import EngineState
from maskviz.session.jobs import Jobs
from maskviz.session.session_file import read_session
from tests.gui.window_hands import RecordedJobs, asked, drop, edit, open_sample, sentences

# -- dropping files


def test_dropped_network_with_its_batch(window: MainWindow, tmp_path: Path) -> None:
    network, batch = tmp_path / "net.keras", tmp_path / "batch.npz"
    drop(window, batch, network)
    assert asked(window) == [("open", str(network), None, False, str(batch))]


def test_dropped_batch_without_a_network_is_refused_in_one_sentence(window: MainWindow, tmp_path: Path) -> None:
    drop(window, tmp_path / "batch.npz")
    assert asked(window) == []
    assert sentences(window) == ["Open a network first, then drop batch.npz again as its batch."]


@pytest.mark.parametrize("name", ["notes.txt", "folder"])
def test_other_files_are_refused_in_one_sentence(window: MainWindow, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    drop(window, tmp_path / name)
    assert asked(window) == []
    assert len(sentences(window)) == 1
    assert sentences(window)[0].startswith(name)


def test_panes_leave_drops_to_the_window(window: MainWindow) -> None:
    open_sample(window)
    assert window.workspace is not None
    assert not [w for w in window.workspace.findChildren(QWidget) if w.acceptDrops()]


# -- edits that would be lost

OTHER = str(resources.examples()[0].network)


@pytest.mark.parametrize(("answer", "opened"), [("Cancel", False), ("Discard", True)])
def test_opening_over_edits_asks(window: MainWindow, monkeypatch: pytest.MonkeyPatch, answer: str, opened: bool) -> None:
    document = open_sample(window)
    edit(document)
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: getattr(QMessageBox.StandardButton, answer))
    window.files.open_path(OTHER)
    assert (("open", OTHER, None, False, None) in asked(window)) is opened
    assert document.undo_stack.canUndo()


def test_a_broken_file_is_said_before_anything_is_asked(window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = open_sample(window)
    edit(document)
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: pytest.fail("asked about a file that cannot be opened"))
    file = tmp_path / "broken.keras"
    file.write_bytes(b"PK nothing")
    drop(window, file)
    window.files.open_path(str(tmp_path / "gone.keras"))
    assert [sentence.split(":")[0] for sentence in sentences(window)] == [
        "“broken.keras” is damaged or cut off",
        "“gone.keras” does not exist",
    ]
    assert asked(window) == []
    assert document.undo_stack.canUndo()


def test_saving_the_session_makes_it_clean(window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = open_sample(window, str(tmp_path / "net.keras"))
    edit(document)
    file = tmp_path / "edited.maskviz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: QMessageBox.StandardButton.Save)
    window.files.open_path(OTHER)
    assert asked(window) == [("open", OTHER, None, False, None)]
    assert not window.isWindowModified()
    assert document.batch is not None
    name = next(iter(document.batch.x))
    np.testing.assert_array_equal(read_session(file).batch.x[name], document.batch.x[name])


def test_saving_the_batch_makes_it_clean(window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = open_sample(window)
    edit(document)
    file = tmp_path / "edited.npz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    assert window.files.save_batch()
    window.writing.finish()
    assert not window.isWindowModified()
    assert document.batch is not None
    name = next(iter(document.batch.x))
    with np.load(file) as saved:
        np.testing.assert_array_equal(saved[f"x__{name}"], document.batch.x[name])


def test_a_folder_that_cannot_be_written_gets_one_sentence(window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    open_sample(window)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "missing" / "x.npz"), ""))
    window.files.save_batch()
    window.writing.finish()
    assert len(sentences(window)) == 1
    assert "Traceback" not in sentences(window)[0]


def test_closing_waits_for_what_is_being_written(window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The window lives on while a file is written, and nothing of it is lost when it is closed meanwhile."""
    document, file, gate = open_sample(window), tmp_path / "edited.npz", threading.Event()
    edit(document)
    write = batch_files.write_batch
    monkeypatch.setattr(batch_files, "write_batch", lambda path, batch: (gate.wait(10), write(path, batch)))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: pytest.fail("asked about edits that are being saved"))
    assert window.files.save_batch()
    assert window.writing.busy
    assert window.isWindowModified()
    QTimer.singleShot(50, gate.set)
    assert window.close()
    assert file.exists()


def test_closing_waits_for_a_network_that_the_engine_saves(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    open_sample(window)
    saving = [True]
    monkeypatch.setattr(RecordedJobs, "saving", property(lambda _jobs: bool(saving)))
    QTimer.singleShot(60, saving.clear)
    assert window.close()
    assert saving == []
    assert ("close",) in asked(window)


def test_edits_during_a_write_are_not_taken_for_saved(window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = open_sample(window)
    edit(document)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "edited.npz"), ""))
    assert window.files.save_batch()
    edit(document)
    window.writing.finish()
    assert window.isWindowModified()
    document.undo_stack.setClean()


def test_closing_over_edits_asks(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(open_sample(window))
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: QMessageBox.StandardButton.Cancel)
    assert not window.close()
    assert window.isVisible()
    assert ("close",) not in asked(window)


# -- errors, consent, engine


def test_failure_is_one_sentence_with_details_to_copy(window: MainWindow) -> None:
    window.jobs.failed.emit(UnusableInput("broken.keras is not a zip file; save it again.", details="where it happened"))
    (bar,) = window.notices.bars()
    copy = next(b for b in bar.findChildren(QPushButton) if b.text() == "Copy details")
    copy.click()
    assert QGuiApplication.clipboard().text() == "broken.keras is not a zip file; save it again.\n\nwhere it happened"
    assert window.pages.currentWidget() is window.welcome
    bar.cross.click()
    assert window.notices.bars() == []


def test_notices_stay_few_and_are_not_repeated(window: MainWindow) -> None:
    for n in (1, 1, 2, 3, 4):
        window.notices.show_notice("info", f"note {n}")
    assert sentences(window) == ["note 2", "note 3", "note 4"]


def test_engine_failure_offers_a_restart_and_goes_when_it_runs(window: MainWindow) -> None:
    document = open_sample(window)
    edit(document)
    document.set_engine(EngineState("failed", "The engine was killed."))
    window.jobs.failed.emit(EngineFailed("The engine was killed."))
    (bar,) = window.notices.bars()
    assert window.toolbar.chip.text() == "engine stopped"
    next(b for b in bar.findChildren(QPushButton) if b.text() == "Restart the engine").click()
    assert asked(window) == [("restart",)]
    document.set_engine(EngineState("idle", ""))
    assert window.notices.bars() == []
    assert document.undo_stack.canUndo()


def test_progress_is_shown_after_a_moment_and_stops(window: MainWindow, qtbot: QtBot) -> None:
    window.document.set_engine(EngineState("starting", "Importing Keras…"))
    assert window.status.engine.text() == "Importing Keras…"
    assert not window.progress.running
    qtbot.waitUntil(lambda: window.progress.running, timeout=2000)
    window.document.set_engine(EngineState("idle", ""))
    assert not window.progress.running


def test_a_broken_file_leaves_the_question_about_consent(window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    window.files.open_path("net.keras")
    window.jobs.consent_needed.emit(NeedsConsent("It holds code.", (), ("lambda: uses x, N",)))
    with monkeypatch.context() as real:
        real.setattr(window.jobs, "open", lambda *what: Jobs.open(window.jobs, *what))
        drop(window, tmp_path / "gone.keras")
    assert len(sentences(window)) == 1
    (panel,) = window.findChildren(ConsentPanel)
    assert panel.isVisible()
    panel.run_button.click()
    assert asked(window)[-1] == ("open", "net.keras", None, True, None)


def test_consent_lists_what_would_run_and_opens_for_this_file_only(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    window.files.open_path("net.keras", batch="b.npz")
    window.jobs.consent_needed.emit(NeedsConsent("It needs custom code.", ("my>Layer",), ("lambda: uses x, N",)))
    (panel,) = window.findChildren(ConsentPanel)
    text = " ".join(label.text() for label in panel.findChildren(QLabel))
    assert "not a sandbox" in text
    assert "net.keras" in text
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("objects.py", ""))
    panel.choose_button.click()
    assert asked(window)[-1] == ("open", "net.keras", "objects.py", False, "b.npz")
    window.jobs.consent_needed.emit(NeedsConsent("It holds code.", (), ("lambda: uses x, N",)))
    panel = next(p for p in window.findChildren(ConsentPanel) if not p.isHidden())
    panel.run_button.click()
    assert asked(window)[-1] == ("open", "net.keras", "objects.py", True, "b.npz")
    window.files.open_path("other.keras")
    assert asked(window)[-1] == ("open", "other.keras", None, False, None)
