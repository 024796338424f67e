"""Sessions in the window: saved, opened, found again when the network moved, kept while nobody saved them, and offered after a crash."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QLockFile
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from maskviz import resources
from maskviz.core.errors import NeedsConsent
from maskviz.core.messages import Load
from maskviz.gui.autosave import lock_of
from maskviz.gui.consent import ConsentPanel
from maskviz.gui.main_window import MainWindow
from maskviz.gui.restore_offer import RestoreOffer
from maskviz.gui.session_networks import state_folder
from maskviz.session.session_file import read_session, write_session
from maskviz.settings import Settings
from tests.gui.window_hands import RecordedJobs, asked, drop, edit, open_sample, rest, sentences


@pytest.fixture
def network(tmp_path: Path) -> Path:
    file = tmp_path / "sliced.keras"
    file.write_bytes(b"a network")
    return file


@pytest.fixture
def opened(window: MainWindow, network: Path) -> MainWindow:
    """A window with a network that was opened from a file, with an edit."""
    document = open_sample(window, str(network))
    jobs_of(window).came_from = Load(str(network), "layers.py", True, "mse")
    edit(document)
    document.select(call="shift", sample=2, step=5)
    return window


@pytest.fixture
def opens(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Has networks opened as jobs would, with the batch that came with them; what was asked for."""
    found: list[Any] = []

    def open_(path: str, custom: str | None, unsafe: bool, batch: Any, loss: str | None) -> bool:
        found.append((path, custom, unsafe, batch, loss))
        jobs_of(window).came_from = Load(path, custom, unsafe, loss)
        window.document.undo_stack.clear()
        open_sample(window, path).batch = batch
        window.document.batch_changed.emit()
        return True

    monkeypatch.setattr(window.jobs, "open", open_)
    return found


def jobs_of(window: MainWindow) -> RecordedJobs:
    assert isinstance(window.jobs, RecordedJobs)
    return window.jobs


def save_to(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))


def button(window: MainWindow, text: str) -> QPushButton:
    return next(b for bar in window.notices.bars() for b in bar.findChildren(QPushButton) if b.text() == text)


# -- saving and opening


def test_saved_session_holds_what_is_open(
    opened: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network: Path, qtbot: QtBot
) -> None:
    save_to(monkeypatch, tmp_path / "mine")
    opened.commands["save_session"].trigger()
    rest(opened, qtbot)
    saved = read_session(tmp_path / "mine.maskviz")
    assert (saved.network, saved.custom, saved.unsafe, saved.loss) == (str(network), "layers.py", True, "mse")
    assert (saved.selection.call, saved.selection.sample, saved.selection.step) == ("shift", 2, 5)
    assert opened.document.batch is not None
    for name, array in opened.document.batch.content.items():
        np.testing.assert_array_equal(saved.batch.content[name], array)
    assert saved.panels["layout"]
    assert not opened.isWindowModified()
    assert Settings().recent[0] == str(tmp_path / "mine.maskviz")
    edit(opened.document)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: pytest.fail("the session has a file"))
    opened.commands["save_session"].trigger()
    rest(opened, qtbot)
    assert not opened.isWindowModified()


def test_dropped_session_is_taken_up(
    opened: MainWindow, opens: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network: Path, qtbot: QtBot
) -> None:
    file = tmp_path / "mine.maskviz"
    save_to(monkeypatch, file)
    assert opened.workspace is not None
    opened.workspace.heatmaps.set_profile("time")
    opened.workspace.heatmaps.set_order("loss")
    opened.commands["save_session"].trigger()
    rest(opened, qtbot)
    before = opened.document.batch
    assert before is not None
    opened.document.select(call=None, sample=0, step=0)
    opened.workspace.heatmaps.set_profile("none")
    opened.workspace.heatmaps.set_order("given")
    opened.workspace.docks["ledger"].close()
    drop(opened, file)
    rest(opened, qtbot)
    ((path, custom, unsafe, batch, loss),) = opens
    assert (path, loss) == (str(network), "mse")
    assert (custom, unsafe) == (None, False), "consent is asked again"
    name = next(iter(before.x))
    np.testing.assert_array_equal(batch.x[name], before.x[name])
    assert (opened.document.selection.call, opened.document.selection.step) == ("shift", 5)
    assert (opened.workspace.heatmaps.profile, opened.workspace.heatmaps.order) == ("time", "loss")
    assert not opened.workspace.docks["ledger"].isHidden()
    assert sentences(opened) == []
    assert not opened.isWindowModified()


def test_changed_network_is_said(
    opened: MainWindow, opens: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network: Path, qtbot: QtBot
) -> None:
    save_to(monkeypatch, tmp_path / "mine.maskviz")
    opened.commands["save_session"].trigger()
    rest(opened, qtbot)
    network.write_bytes(b"another network")
    opened.files.open_path(str(tmp_path / "mine.maskviz"))
    rest(opened, qtbot)
    assert opens
    assert sentences(opened) == ["sliced.keras has changed since the session was saved, so its results may have changed too."]


def test_moved_network_is_found_beside_the_session(
    opened: MainWindow, opens: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network: Path, qtbot: QtBot
) -> None:
    folder = tmp_path / "together"
    folder.mkdir()
    save_to(monkeypatch, folder / "mine.maskviz")
    opened.commands["save_session"].trigger()
    rest(opened, qtbot)
    network.rename(folder / network.name)
    opened.files.open_path(str(folder / "mine.maskviz"))
    rest(opened, qtbot)
    assert opens[0][0] == str(folder / network.name)
    assert sentences(opened) == []


def test_moved_network_is_asked_for(
    opened: MainWindow, opens: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network: Path, qtbot: QtBot
) -> None:
    save_to(monkeypatch, tmp_path / "mine.maskviz")
    opened.commands["save_session"].trigger()
    rest(opened, qtbot)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    network.rename(elsewhere / "renamed.keras")
    opened.files.open_path(str(tmp_path / "mine.maskviz"))
    rest(opened, qtbot)
    assert opens == []
    assert sentences(opened)[-1].startswith("sliced.keras is not in ")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(elsewhere / "renamed.keras"), ""))
    button(opened, "Find it…").click()
    rest(opened, qtbot)
    assert opens[0][0] == str(elsewhere / "renamed.keras")


def test_example_of_the_gallery_is_opened_by_its_name(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    example = resources.examples()[0]
    open_sample(window, str(example.network))
    jobs_of(window).came_from = Load(str(example.network), None, True, None)
    save_to(monkeypatch, tmp_path / "mine.maskviz")
    window.commands["save_session"].trigger()
    rest(window, qtbot)
    names: list[str] = []
    monkeypatch.setattr(window.jobs, "open_example", lambda name, batch: bool(names.append(name)) or True)
    window.files.open_path(str(tmp_path / "mine.maskviz"))
    rest(window, qtbot)
    assert names == [example.name]


def test_code_is_asked_about_again_and_the_file_of_before_is_offered(
    opened: MainWindow, opens: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, network: Path, qtbot: QtBot
) -> None:
    custom = tmp_path / "layers.py"
    custom.touch()
    jobs_of(opened).came_from = Load(str(network), str(custom), False, None)
    save_to(monkeypatch, tmp_path / "mine.maskviz")
    opened.commands["save_session"].trigger()
    rest(opened, qtbot)
    monkeypatch.setattr(opened.jobs, "open", lambda *what: bool(opens.append(what)) or True)
    opened.files.open_path(str(tmp_path / "mine.maskviz"))
    rest(opened, qtbot)
    opened.jobs.consent_needed.emit(NeedsConsent("It needs custom objects.", ("my>Layer",), ()))
    panel = opened.findChild(ConsentPanel)
    assert panel is not None
    assert panel.again_button.text() == "Use layers.py again"
    panel.again_button.click()
    assert [custom for _, custom, _, _, _ in opens] == [None, str(custom)]


def test_broken_session_gets_one_sentence(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    file = tmp_path / "broken.maskviz"
    file.write_bytes(b"PK nothing")
    window.files.open_path(str(file))
    rest(window, qtbot)
    assert sentences(window) == ["'broken.maskviz' is no session file, or damaged: choose a .maskviz file that MaskViz saved."]
    assert asked(window) == []


def test_nothing_open_nothing_to_save(window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_to(monkeypatch, tmp_path / "mine.maskviz")
    assert not window.sessions.save()
    assert sentences(window) == ["There is nothing to save yet: open a network first."]


def test_a_network_without_a_file_travels_with_the_session(
    window: MainWindow, opens: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    document = open_sample(window)
    assert not window.sessions._save(str(tmp_path / "too_early.maskviz"))
    assert document.network is not None
    window.sessions._carrying._written.append((document.network, b"a built network"))
    save_to(monkeypatch, tmp_path / "mine.maskviz")
    assert window.sessions.save()
    rest(window, qtbot)
    window.files.open_path(str(tmp_path / "mine.maskviz"))
    rest(window, qtbot)
    assert Path(opens[0][0]).read_bytes() == b"a built network"
    assert Path(opens[0][0]).parent == state_folder()
    assert Settings().recent == [str(tmp_path / "mine.maskviz")]


def test_closing_over_edits_saves_the_session(opened: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    save_to(monkeypatch, tmp_path / "mine.maskviz")
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: QMessageBox.StandardButton.Save)
    assert opened.files.may_replace()
    assert read_session(tmp_path / "mine.maskviz").title == "sliced.keras"


# -- autosave and crash


def kept(window: MainWindow) -> list[Path]:
    if window.autosave._writer is not None:
        window.autosave._writer.join()
    return list(state_folder().glob("unsaved-*.maskviz"))


def test_unsaved_edits_are_kept_until_they_are_saved(
    opened: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qtbot: QtBot
) -> None:
    assert opened.autosave._timer.isActive()
    opened.autosave.write()
    (file,) = kept(opened)
    first = file.stat().st_mtime_ns
    opened.autosave.write()
    assert kept(opened)[0].stat().st_mtime_ns == first, "nothing changed"
    edit(opened.document)
    opened.autosave.write()
    assert kept(opened)[0].stat().st_mtime_ns > first
    save_to(monkeypatch, tmp_path / "mine.maskviz")
    opened.commands["save_session"].trigger()
    rest(opened, qtbot)
    assert kept(opened) == []
    assert not opened.autosave._timer.isActive()


def test_edits_that_were_let_go_are_not_kept(opened: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    opened.autosave.write()
    assert kept(opened)
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: QMessageBox.StandardButton.Discard)
    assert opened.close()
    assert kept(opened) == []
    assert not list(state_folder().glob("*.lock"))


def crash(opened: MainWindow) -> Path:
    """Leave a session as a program does that is killed, and go on in a window without edits."""
    session = replace(opened.sessions.current(), title="crashed.keras")
    state_folder().mkdir(parents=True, exist_ok=True)
    file = state_folder() / "unsaved-1-1.maskviz"
    write_session(file, session)
    opened.document.undo_stack.setClean()
    return file


def offered(window: MainWindow) -> RestoreOffer:
    (offer,) = [offer for offer in window.findChildren(RestoreOffer) if offer.isVisibleTo(window)]
    return offer


def test_what_a_crash_left_is_offered_and_restored(opened: MainWindow, opens: list[Any], network: Path, qtbot: QtBot) -> None:
    file = crash(opened)
    opened.autosave.offer()
    rest(opened, qtbot)
    offer = offered(opened)
    assert "Restore “crashed.keras” with your edits?" in offer.accessibleName()
    assert offer.told.text().startswith("MaskViz did not end properly. It has kept your work as it was at ")
    offer.restore.click()
    assert opened.notices.question.isHidden()
    rest(opened, qtbot)
    assert opens[0][0] == str(network)
    assert opened.document.selection.step == 5
    assert opened.isWindowModified(), "nobody has saved it yet"
    assert len(kept(opened)) == 1
    assert not file.exists()


def test_what_a_crash_left_can_be_discarded(opened: MainWindow, qtbot: QtBot) -> None:
    file = crash(opened)
    opened.autosave.offer()
    rest(opened, qtbot)
    offered(opened).discard.click()
    assert not file.exists()
    assert opened.notices.question.isHidden()


def test_what_a_crash_left_stays_when_it_is_put_off(opened: MainWindow, qtbot: QtBot) -> None:
    file = crash(opened)
    opened.autosave.offer()
    rest(opened, qtbot)
    offered(opened).later.click()
    assert file.exists()
    assert opened.notices.question.isHidden()


def test_the_session_of_a_window_that_is_still_open_is_not_offered(opened: MainWindow, qtbot: QtBot) -> None:
    file = crash(opened)
    lock: QLockFile = lock_of(file)
    assert lock.tryLock(0)
    opened.autosave.offer()
    rest(opened, qtbot)
    assert opened.findChild(RestoreOffer) is None
    lock.unlock()


def test_networks_that_sessions_carried_do_not_pile_up(opened: MainWindow, qtbot: QtBot) -> None:
    state_folder().mkdir(parents=True, exist_ok=True)
    old, new = state_folder() / "old.keras", state_folder() / "new.keras"
    for file in (old, new):
        file.touch()
    os.utime(old, (0, 0))
    opened.autosave.offer()
    rest(opened, qtbot)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_session_that_was_cut_off_is_said_and_removed(opened: MainWindow, qtbot: QtBot) -> None:
    file = crash(opened)
    file.write_bytes(file.read_bytes()[:100])
    opened.autosave.offer()
    rest(opened, qtbot)
    assert sentences(opened)[0].startswith("The edits of a MaskViz that did not end properly are lost")
    assert not file.exists()
