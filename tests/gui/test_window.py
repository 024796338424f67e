"""The main window with real panels and a stand-in for the engine's jobs: what it shows, asks and remembers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from maskviz.core.batch import set_padding
from maskviz.core.errors import EngineFailed, NeedsConsent, UnusableInput
from maskviz.gui.actions import ACTIONS
from maskviz.gui.command_palette import CommandPalette, entries_of, score
from maskviz.gui.consent import ConsentPanel
from maskviz.gui.main_window import MainWindow
from maskviz.gui.notices import Notice
from maskviz.gui.theme import Theme
from maskviz.gui.toolbar import duration
from maskviz.session.document import Document, EngineState
from maskviz.session.jobs import Jobs
from maskviz.settings import Settings
from tests.gui import sample_trace


class RecordedJobs(Jobs):
    """Jobs that note what was asked for and start no engine."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.asked: list[tuple[Any, ...]] = []

    def open(self, path: str, custom: str | None = None, unsafe: bool = False, batch: str | None = None, loss: str | None = None) -> None:
        self.asked.append(("open", path, custom, unsafe, batch))

    def open_batch(self, path: str) -> None:
        self.asked.append(("batch", path))

    def open_example(self, name: str) -> None:
        self.asked.append(("example", name))

    def new_network(self, template: str, options: dict[str, Any]) -> None:
        self.asked.append(("new", template, options))

    def save_network(self, path: str) -> None:
        self.asked.append(("save", path))

    def use_device(self, name: str) -> None:
        self.asked.append(("device", name))

    def reload(self) -> None:
        self.asked.append(("reload",))

    def restart_engine(self) -> None:
        self.asked.append(("restart",))

    def close(self) -> None:
        self.asked.append(("close",))


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    monkeypatch.setenv("MASKVIZ_THEME", "dark")
    document, settings = Document(), Settings()
    window = MainWindow(document, RecordedJobs(document), Theme(qapp, settings), settings)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield window
    end(window, qtbot)


def end(window: MainWindow, qtbot: QtBot) -> None:
    """Close a window for good while its document is still there."""
    window.document.undo_stack.setClean()
    window.close()
    with qtbot.waitSignal(window.destroyed):
        window.deleteLater()


def asked(window: MainWindow) -> list[tuple[Any, ...]]:
    assert isinstance(window.jobs, RecordedJobs)
    return window.jobs.asked


def open_sample(window: MainWindow, path: str | None = None) -> Document:
    """What jobs do when a network was opened."""
    document, sample = window.document, sample_trace.sliced()
    document.title, document.path = Path(path).name if path else "sliced.keras", path
    document.network, document.graph, document.batch = sample.network, sample.graph, sample.batch
    document.trace = sample.trace(sample.batch)
    document.engine, document.devices, document.device = EngineState("idle", "ready"), ("CPU", "GPU:0"), "CPU"
    document.recompute_seconds = 0.0031
    for signal in (document.network_changed, document.batch_changed, document.trace_changed, document.engine_changed):
        signal.emit()
    return document


def edit(document: Document) -> None:
    """Pad the first sample one step further."""
    assert document.network is not None
    assert document.batch is not None
    spec = document.network.inputs[0]
    padded = document.batch.padding[spec.name][0].copy()
    padded[np.flatnonzero(~padded)[-1]] = True
    document.edit(set_padding(document.batch, spec, 0, padded), "Pad sample 0")


def drop(window: MainWindow, *paths: Path) -> None:
    """Drag files over the window and let go of them."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(p)) for p in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(300, 300), Qt.DropAction.CopyAction, mime, buttons, keys))
    assert window.drops.overlay.isVisible()
    QApplication.sendEvent(window, QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, mime, buttons, keys))
    assert not window.drops.overlay.isVisible()


def sentences(window: MainWindow) -> list[str]:
    return [bar.sentence for bar in window.notices.bars()]


# -- empty state


def test_empty_window_says_what_to_do(window: MainWindow) -> None:
    assert window.windowTitle() == "MaskViz"
    assert window.pages.currentWidget() is window.welcome
    texts = " ".join(label.text() for label in window.welcome.findChildren(QLabel))
    assert "Drop a .keras network here" in texts
    assert window.welcome.examples.cards, "no example to choose"
    assert not window.commands["export"].isEnabled()
    assert window.commands["open"].isEnabled()


def test_example_card_opens_the_example(window: MainWindow, qtbot: QtBot) -> None:
    card = window.welcome.examples.cards[1]
    card.setFocus()
    qtbot.keyClick(card, Qt.Key.Key_Return)
    assert asked(window) == [("example", card.key)]


def test_recent_files_are_offered_and_opened(window: MainWindow, tmp_path: Path) -> None:
    file = tmp_path / "mine.keras"
    file.touch()
    window.files.open_path(str(file))
    open_sample(window, str(file))
    assert Settings().recent == [str(file)]
    menu = window.submenus["recent"]
    assert next(a.text() for a in menu.actions()) == "mine.keras"
    menu.actions()[0].trigger()
    assert asked(window)[-1] == ("open", str(file), None, False, None)
    file.unlink()
    assert Settings().recent == []


# -- an open document


def test_open_network_shows_panes_title_and_chip(window: MainWindow) -> None:
    open_sample(window)
    assert window.workspace is not None
    assert window.pages.currentWidget() is window.workspace
    assert "sliced.keras" in window.windowTitle()
    assert "MaskViz" in window.windowTitle()
    assert window.toolbar.chip.text() == "recomputed 3.1 ms"
    assert window.toolbar.file.text() == "sliced.keras"
    assert all(dock.isVisible() for dock in window.workspace.docks.values())
    assert window.commands["export"].isEnabled()


def test_hover_reads_out_in_the_status_line(window: MainWindow) -> None:
    open_sample(window)
    assert window.workspace is not None
    window.workspace.heatmaps.hovered.emit("sample 3 · t=17 · padding")
    assert window.status.readout.text() == "sample 3 · t=17 · padding"


@pytest.mark.parametrize("size", [(1024, 640), (1440, 900)])
def test_panes_fit_into_the_window(window: MainWindow, qtbot: QtBot, size: tuple[int, int]) -> None:
    window.resize(*size)
    open_sample(window)
    assert window.workspace is not None
    workspace = window.workspace
    qtbot.waitUntil(lambda: workspace.docks["graph"].width() >= 240)
    qtbot.waitUntil(lambda: workspace.docks["heatmaps"].width() > workspace.docks["findings"].width() >= 250)
    assert window.size().toTuple() == size, "the panes push the window wider"
    assert workspace.docks["heatmaps"].height() > workspace.docks["sample"].height()


def test_layout_is_remembered_and_reset(window: MainWindow, qtbot: QtBot, qapp: QApplication) -> None:
    open_sample(window)
    assert window.workspace is not None
    qtbot.wait(20)
    window.workspace.docks["ledger"].close()
    window.close()
    document = Document()
    again = MainWindow(document, RecordedJobs(document), window.theme, Settings())
    again.show()
    open_sample(again)
    assert again.workspace is not None
    workspace = again.workspace
    qtbot.waitUntil(lambda: workspace.docks["ledger"].isHidden())
    again.commands["reset_layout"].trigger()
    assert workspace.docks["ledger"].isVisible()
    end(again, qtbot)


def test_undo_and_redo_name_the_edit(window: MainWindow) -> None:
    document = open_sample(window)
    before = document.batch
    edit(document)
    assert document.batch is not before
    assert window.commands["undo"].text() == "&Undo Pad sample 0"
    assert window.isWindowModified()
    window.commands["undo"].trigger()
    assert document.batch is before
    assert not window.commands["undo"].isEnabled()
    window.commands["redo"].trigger()
    assert document.batch is not before


def test_keys_walk_through_time_and_samples(window: MainWindow, qtbot: QtBot) -> None:
    document = open_sample(window)
    for key, place in (
        (Qt.Key.Key_Right, (0, 1)),
        (Qt.Key.Key_Down, (1, 1)),
        (Qt.Key.Key_End, (1, document.time_steps - 1)),
        (Qt.Key.Key_Left, (1, document.time_steps - 2)),
        (Qt.Key.Key_Up, (0, document.time_steps - 2)),
        (Qt.Key.Key_Home, (0, 0)),
    ):
        qtbot.keyClick(window, key)
        assert (document.selection.sample, document.selection.step) == place, key


def test_keys_stay_with_an_input_field(window: MainWindow, qtbot: QtBot) -> None:
    document = open_sample(window)
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    field = QApplication.focusWidget()
    assert isinstance(field, QWidget)
    assert field is not window
    qtbot.keyClicks(field, "p")
    qtbot.keyClick(field, Qt.Key.Key_Left)
    assert document.selection.step == 0
    assert window.workspace is not None
    assert not window.workspace.timestep.playing


def test_device_menu_chooses_a_device(window: MainWindow) -> None:
    open_sample(window)
    gpu = next(a for a in window.submenus["devices"].actions() if a.text() == "GPU:0")
    assert not gpu.isChecked()
    gpu.trigger()
    assert asked(window) == [("device", "GPU:0")]


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


@pytest.mark.parametrize(("answer", "opened"), [("Cancel", False), ("Discard", True)])
def test_opening_over_edits_asks(window: MainWindow, monkeypatch: pytest.MonkeyPatch, answer: str, opened: bool) -> None:
    document = open_sample(window)
    edit(document)
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: getattr(QMessageBox.StandardButton, answer))
    window.files.open_path("other.keras")
    assert (("open", "other.keras", None, False, None) in asked(window)) is opened
    assert document.undo_stack.canUndo()


def test_saving_the_batch_makes_it_clean(window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = open_sample(window)
    edit(document)
    file = tmp_path / "edited.npz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    monkeypatch.setattr(QMessageBox, "exec", lambda _box: QMessageBox.StandardButton.Save)
    window.files.open_path("other.keras")
    assert asked(window) == [("open", "other.keras", None, False, None)]
    assert not window.isWindowModified()
    assert document.batch is not None
    name = next(iter(document.batch.x))
    with np.load(file) as saved:
        np.testing.assert_array_equal(saved[f"x__{name}"], document.batch.x[name])


def test_a_folder_that_cannot_be_written_gets_one_sentence(window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    open_sample(window)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "missing" / "x.npz"), ""))
    assert not window.files.save_batch()
    assert len(sentences(window)) == 1
    assert "Traceback" not in sentences(window)[0]


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


def test_consent_lists_what_would_run_and_opens_for_this_file_only(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    window.files.open_path("net.keras", batch="b.npz")
    window.jobs.consent_needed.emit(NeedsConsent("It needs custom code.", ("my>Layer",), ("lambda: uses x, N",)))
    (panel,) = window.notices.findChildren(ConsentPanel)
    text = " ".join(label.text() for label in panel.findChildren(QLabel))
    assert "not a sandbox" in text
    assert "net.keras" in text
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("objects.py", ""))
    panel.choose_button.click()
    assert asked(window)[-1] == ("open", "net.keras", "objects.py", False, "b.npz")
    window.jobs.consent_needed.emit(NeedsConsent("It holds code.", (), ("lambda: uses x, N",)))
    panel = next(p for p in window.notices.findChildren(ConsentPanel) if not p.isHidden())
    panel.run_button.click()
    assert asked(window)[-1] == ("open", "net.keras", "objects.py", True, "b.npz")
    window.files.open_path("other.keras")
    assert asked(window)[-1] == ("open", "other.keras", None, False, None)


# -- actions and appearance


def test_every_action_has_a_shortcut_and_is_in_the_palette(window: MainWindow) -> None:
    open_sample(window)
    edit(window.document)
    window.document.undo_stack.undo()
    edit(window.document)
    listed = {entry.action for entry in entries_of(window.menuBar())}
    keys = [s.toString() for action in window.commands.values() for s in action.shortcuts()]
    assert len(keys) == len(set(keys)), "two actions share a shortcut"
    for spec in ACTIONS:
        assert window.commands[spec.id].shortcut(), spec.id
        if spec.id != "redo":  # an edit just made cannot be made again
            assert window.commands[spec.id] in listed, spec.id


def test_palette_finds_and_runs_an_action(window: MainWindow, qtbot: QtBot) -> None:
    open_sample(window)
    window.commands["palette"].trigger()
    palette = window.findChild(CommandPalette)
    assert palette is not None
    qtbot.keyClicks(palette.line, "reload")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert asked(window) == [("reload",)]


def test_fuzzy_score_prefers_whole_and_early() -> None:
    assert score("File ▸ Reload", "xyz") is None
    whole, scattered = score("File ▸ Open network", "open"), score("File ▸ Once per network", "open")
    assert whole is not None
    assert scattered is not None
    assert whole < scattered


def test_theme_follows_a_choice_and_repaints(window: MainWindow) -> None:
    open_sample(window)
    dark = window.grab().toImage().pixelColor(20, 60).lightnessF()
    window.theme.choose("light")
    assert window.theme.palette.name == "light"
    assert Settings().theme == "light"
    assert window.grab().toImage().pixelColor(20, 60).lightnessF() > dark + 0.5


def test_widgets_that_act_have_names(window: MainWindow) -> None:
    open_sample(window)
    window.notices.show_notice("error", "something", "details")
    for bar in window.findChildren(Notice):
        assert bar.accessibleName()
        assert bar.cross.accessibleName()
    for button in (*window.toolbar.buttons.values(), window.toolbar.device):
        assert button.accessibleName()
        assert button.toolTip()


@pytest.mark.parametrize(("seconds", "text"), [(0.0031, "3.1 ms"), (0.24, "240 ms"), (0.9999, "1.0 s"), (12.34, "12.3 s")])
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
