"""The main window with real panels and a stand-in for the engine's jobs: what it shows, remembers and looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from maskviz.core.finding import Finding, Severity
from maskviz.gui.action_list import ACTIONS, GO, MENUS
from maskviz.gui.command_palette import CommandPalette, entries_of, score
from maskviz.gui.edit_actions import EDIT_MENUS
from maskviz.gui.gallery import GalleryDialog
from maskviz.gui.main_window import MainWindow
from maskviz.gui.notices import Notice
from maskviz.gui.toolbar import duration
from maskviz.session.document import Document
from maskviz.settings import Settings
from tests.gui.window_hands import RecordedJobs, asked, edit, end, open_sample

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
    assert all(dock.isVisible() for name, dock in window.workspace.docks.items() if name != "builder")
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


def test_a_layout_of_a_small_window_does_not_spoil_a_large_one(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(960, 620)
    open_sample(window)
    qtbot.wait(50)
    assert window.workspace is not None
    assert window.workspace.tabifiedDockWidgets(window.workspace.docks["inspector"])
    window.close()
    document = Document()
    again = MainWindow(document, RecordedJobs(document), window.theme, Settings())
    again.resize(1800, 1000)
    again.show()
    open_sample(again)
    assert again.workspace is not None
    docks = again.workspace.docks
    qtbot.waitUntil(lambda: docks["heatmaps"].width() > 2 * docks["findings"].width())
    assert not again.workspace.tabifiedDockWidgets(docks["inspector"])
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


# -- actions and appearance


def test_every_action_has_a_shortcut_and_is_in_the_palette(window: MainWindow) -> None:
    open_sample(window)
    edit(window.document)
    window.document.undo_stack.undo()
    edit(window.document)
    listed = {entry.action for entry in entries_of(window.menuBar())}
    keys = [s.toString() for action in window.commands.values() for s in action.shortcuts()]
    assert len(keys) == len(set(keys)), "two actions share a shortcut"
    in_menus = {name for _, names in [*MENUS, *EDIT_MENUS.values()] for name in names} | {*GO, "restart_engine", "stop"}
    assert in_menus >= {spec.id for spec in ACTIONS}
    for spec in ACTIONS:
        assert window.commands[spec.id].shortcut(), spec.id
        if window.commands[spec.id].isEnabled():  # an edit just made cannot be made again, nothing is pinned
            assert window.commands[spec.id] in listed, spec.id


def test_palette_finds_and_runs_an_action(window: MainWindow, qtbot: QtBot) -> None:
    open_sample(window)
    window.commands["palette"].trigger()
    palette = window.findChild(CommandPalette)
    assert palette is not None
    qtbot.keyClicks(palette.line, "reload")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert asked(window) == [("reload",)]


def test_palette_says_why_an_action_cannot_be_run(window: MainWindow, qtbot: QtBot) -> None:
    window.commands["palette"].trigger()
    palette = window.findChild(CommandPalette)
    assert palette is not None
    shown = palette.list.topLevelItem
    assert all(not shown(n).isDisabled() for n in range(palette.list.topLevelItemCount())), "a tidy list until something is typed"
    qtbot.keyClicks(palette.line, "insert steps")
    assert (shown(0).text(1), shown(0).isDisabled()) == ("open a network first", True)
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.line.setText("xyzzy")
    assert [shown(n).text(0) for n in range(palette.list.topLevelItemCount())] == ["Nothing found"]
    palette.close()


def test_the_gallery_is_chosen_from_with_the_keyboard(qtbot: QtBot) -> None:
    dialog = GalleryDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.activateWindow()
    first, second = dialog.cards.cards[:2]
    assert dialog.focusWidget() is first
    qtbot.keyClick(first, Qt.Key.Key_Right)
    assert dialog.focusWidget() is second
    qtbot.keyClick(second, Qt.Key.Key_Return)
    assert (dialog.chosen, dialog.result()) == (second.key, GalleryDialog.DialogCode.Accepted)


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


def test_findings_are_as_high_as_their_cards_within_limits(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1440, 900)
    open_sample(window)
    assert window.workspace is not None
    panel, dock = window.workspace.findings, window.workspace.docks["findings"]
    finding = Finding("MV04-layer-drops-mask", Severity.ERROR, "lstm", "A layer drops the mask.", "Why.", "x = 1\n" * 60)
    panel._show((finding,), "none")
    qtbot.waitUntil(lambda: abs(dock.height() - dock.titleBarWidget().height() - panel.height_of_cards) < 20, timeout=5000)
    before = dock.height()
    (card,) = panel.cards.values()
    card.set_unfolded(True)
    qtbot.waitUntil(lambda: dock.height() > before + 60, timeout=5000)
    assert dock.height() < window.workspace.height() / 2
    card.set_unfolded(False)
    qtbot.waitUntil(lambda: dock.height() == before, timeout=5000)


def test_the_heatmaps_take_the_room_that_a_larger_window_gives(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 800)
    open_sample(window)
    assert window.workspace is not None
    docks = window.workspace.docks
    qtbot.waitUntil(lambda: abs(docks["findings"].width() - 1280 * 0.235) < 4)
    window.resize(1900, 1000)
    qtbot.waitUntil(lambda: abs(docks["findings"].width() - 1900 * 0.235) < 4)
    assert docks["heatmaps"].width() > docks["graph"].width() > docks["findings"].width()
    across = [docks[name] for name in ("graph", "heatmaps", "findings")]
    window.workspace.resizeDocks(across, [400, 1200, 300], Qt.Orientation.Horizontal)
    qtbot.mouseRelease(window.workspace, Qt.MouseButton.LeftButton, pos=docks["findings"].geometry().topLeft() - QPoint(1, -50))
    qtbot.wait(20)
    kept = docks["findings"].width()
    assert kept < 310
    window.resize(1500, 900)
    qtbot.waitUntil(lambda: abs(docks["findings"].width() - kept) < 4)
    assert docks["heatmaps"].width() > 600
