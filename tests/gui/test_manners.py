"""Settings, keys, command palette, tour, the way from pane to pane, stopping, and translations."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QLocale, QRect, QSize, Qt, QTranslator
from PySide6.QtGui import QColor, QKeySequence
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from maskviz import resources
from maskviz.core.network import InputSpec
from maskviz.core.status import Status
from maskviz.gui import preferences
from maskviz.gui.action_list import ACTIONS
from maskviz.gui.command_palette import CommandPalette, score
from maskviz.gui.help import KeysDialog
from maskviz.gui.main_window import MainWindow
from maskviz.gui.settings_dialog import SettingsDialog
from maskviz.gui.shortcuts_page import ShortcutsPage
from maskviz.gui.tour import STOPS, Veil, place_beside
from maskviz.gui.words import install, tr
from maskviz.palette import STATUS_SETS, palette
from maskviz.session.document import EngineState
from maskviz.session.opening import repadded
from maskviz.settings import Settings
from tests.gui import sample_trace
from tests.gui.window_hands import asked, end, open_sample, sentences

# -- settings


@pytest.fixture
def dialog(window: MainWindow, qtbot: QtBot) -> SettingsDialog:
    found = SettingsDialog(window.preferences, window.shortcuts, ("CPU", "GPU:0"), window)
    qtbot.addWidget(found)
    return found


def test_settings_are_remembered_and_put_back(window: MainWindow) -> None:
    settings = window.settings
    settings.scale, settings.pad_id, settings.pad_feature, settings.engine_gib, settings.tour_seen = 1.5, 3, -1.5, 12, True
    again = Settings()
    assert (again.scale, again.pad_id, again.pad_feature, again.engine_gib, again.tour_seen) == (1.5, 3, -1.5, 12, True)
    again.restore_defaults()
    assert (again.scale, again.pad_id, again.pad_feature, again.engine_gib) == (1.0, 0, 0.0, 0)


def test_a_list_of_choices_is_used_by_keyboard(dialog: SettingsDialog, qtbot: QtBot) -> None:
    dialog.show()
    box = dialog.statuses
    box.setFocus()
    box.showPopup()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is box.view())
    qtbot.keyClick(box.view(), Qt.Key.Key_Down)
    qtbot.keyClick(box.view(), Qt.Key.Key_Return)
    assert box.currentIndex() == 1
    assert not box.view().isVisible()


@pytest.mark.parametrize("text", ["nonsense", "", "7.3e999", "-5"])
def test_damaged_settings_read_as_the_default(text: str) -> None:
    settings = Settings()
    for choice in Settings.CHOSEN:
        settings._store.setValue(choice.key, text)
    assert (settings.scale, settings.pad_id, settings.largest_gib, settings.theme, settings.backend) == (1.0, 0, 8, "system", "")


def test_status_colours_are_previewed_and_used_at_once(window: MainWindow, dialog: SettingsDialog) -> None:
    open_sample(window)
    before = window.grab().toImage()
    dialog.statuses.setCurrentIndex(dialog.statuses.findData("okabe-ito"))
    dialog.statuses.activated.emit(dialog.statuses.currentIndex())
    wanted = palette("dark", "okabe-ito").status[Status.KEPT]
    assert dialog.preview.colours.status[Status.KEPT] == wanted
    preview = dialog.preview.grab().toImage()
    assert QColor(wanted) == preview.pixelColor(5, 5)
    assert window.theme.palette.status[Status.KEPT] == wanted
    assert window.grab().toImage() != before
    assert Settings().statuses == "okabe-ito"
    dialog.defaults.click()
    assert window.theme.palette is palette("dark")
    assert dialog.statuses.currentData() == "standard"


def luminance(colour: str) -> float:
    """Relative luminance as WCAG counts it."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def seen(colour: str, missing: str) -> np.ndarray:
    """A colour as somebody without one kind of cones sees it (Viénot, Brettel and Mollon 1999), linear red, green and blue."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    to_lms = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    long, medium, short = to_lms @ linear
    if missing == "red":
        long = 2.02344 * medium - 2.52581 * short
    else:
        medium = 0.494207 * long + 1.24827 * short
    found: np.ndarray = np.clip(np.linalg.inv(to_lms) @ (long, medium, short), 0, 1) ** (1 / 2.2)
    return found


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("statuses", [name for name in STATUS_SETS if name != "standard"])
@pytest.mark.parametrize("missing", ["red", "green"])
def test_safe_status_colours_stay_apart_without_red_or_green(theme: str, statuses: str, missing: str) -> None:
    colours = palette(theme, statuses).status
    kinds = (Status.KEPT, Status.LEAKING, Status.EXPOSED, Status.SKIPPED)
    for n, one in enumerate(kinds):
        for other in kinds[n + 1 :]:
            apart = float(np.linalg.norm(seen(colours[one], missing) - seen(colours[other], missing)))
            assert apart > 0.12, (one, other, apart)


def test_pad_values_fill_what_the_network_does_not_mask(window: MainWindow) -> None:
    sample = sample_trace.sliced()
    network = sample.network.with_pads(2, -9.0)
    assert [i.pad_value for i in network.inputs if i.masked] == [i.pad_value for i in sample.network.inputs if i.masked]
    free = dataclasses.replace(sample.network, inputs=tuple(dataclasses.replace(i, masked=False) for i in sample.network.inputs))
    batch = repadded(sample.batch, free, free.with_pads(2, -9.0))
    name = free.inputs[0].name
    padded = batch.padding[name]
    assert (batch.x[name][padded] == -9.0).all()
    np.testing.assert_array_equal(batch.x[name][~padded], sample.batch.x[name][~padded])
    ids = InputSpec("ids", (None, None), "int32", "ids", 0, vocabulary=5)
    network = dataclasses.replace(free, inputs=(ids,))
    assert network.with_pads(4, 0.0).inputs[0].pad_value == 4
    assert network.with_pads(5, 0.0).inputs[0].pad_value == 0, "an id beyond the vocabulary fills nothing"
    window.settings.pad_feature = -9.0
    window.preferences.apply()
    assert window.jobs.pads == (0, -9.0)


def test_only_installed_backends_are_offered(window: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    monkeypatch.setattr(preferences, "find_spec", lambda name: object() if name == "jax" else None)
    assert preferences.backends() == ["jax"]
    window.settings.backend = "torch"
    window.preferences.apply()
    assert "KERAS_BACKEND" not in window.jobs.exchange.client.environment
    window.settings.backend = "jax"
    with qtbot.waitSignal(window.preferences.restart_needed, check_params_cb=bool):
        window.preferences.apply()
    assert window.jobs.exchange.client.environment["KERAS_BACKEND"] == "jax"
    window.preferences.restart_engine()
    assert asked(window) == [("restart",)]


def test_engine_memory_is_handed_to_the_child(window: MainWindow, dialog: SettingsDialog) -> None:
    assert window.jobs.exchange.client.environment == {}
    window.settings.engine_gib = 10
    window.preferences.apply()
    assert window.jobs.exchange.client.environment == {"MASKVIZ_ENGINE_GIB": "10"}
    assert not dialog.restart.isHidden()


def test_a_file_above_the_limit_is_not_opened(window: MainWindow, tmp_path: Path) -> None:
    file = tmp_path / "large.keras"
    with file.open("wb") as out:
        out.truncate(2 * 2**30)  # takes no room on the disk
    window.settings.largest_gib = 1
    window.files.open_path(str(file))
    assert asked(window) == []
    assert sentences(window) == ["large.keras has 2.0 GiB, more than the 1 GiB that File ▸ Settings allows."]


def test_scale_is_left_to_the_environment_where_it_says_one(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    monkeypatch.delenv("QT_SCALE_FACTOR", raising=False)
    assert preferences.scale_environment(settings) == {}
    settings.scale = 1.5
    assert preferences.scale_environment(settings) == {"QT_SCALE_FACTOR": "1.5"}
    monkeypatch.setenv("QT_SCALE_FACTOR", "2")
    assert preferences.scale_environment(settings) == {}
    assert os.environ["QT_SCALE_FACTOR"] == "2"


# -- keys


def test_keys_are_given_taken_from_others_and_put_back(window: MainWindow) -> None:
    keys = window.shortcuts
    assert keys.owner("Ctrl+E", "find") == "export"
    keys.give("find", ["Ctrl+E"])
    assert (keys.keys("find"), keys.keys("export")) == (("Ctrl+E",), ())
    assert window.commands["find"].toolTip() == "Find a layer in the graph (Ctrl+E)"
    assert Settings().shortcuts == {"find": ["Ctrl+E"], "export": []}
    again = type(keys)(Settings())
    again.add(window.commands)
    assert again.keys("find") == ("Ctrl+E",)
    keys.reset()
    assert (keys.keys("find"), keys.keys("export")) == (("Ctrl+F",), ("Ctrl+E",))
    assert Settings().shortcuts == {}


def test_page_of_keys_says_conflicts(window: MainWindow, qtbot: QtBot) -> None:
    page = ShortcutsPage(window.shortcuts)
    qtbot.addWidget(page)
    page.search.setText("reload")
    assert page.chosen == "reload"
    page.edit.setKeySequence(QKeySequence("Ctrl+E"))
    assert "“Export” has Ctrl+E now and would lose it." in page.said.text()
    page.assign.click()
    assert window.commands["reload"].shortcut() == QKeySequence("Ctrl+E")
    assert window.commands["export"].shortcut().isEmpty()
    page.search.setText("ctrl+e")
    assert page.chosen == "reload"
    page.reset_one.click()
    assert window.commands["reload"].shortcut() == QKeySequence("F5")
    page.reset_all.click()
    assert window.commands["export"].shortcut() == QKeySequence("Ctrl+E")


@pytest.mark.parametrize("text", ["[1, 2]", "{", '{"find": 3}', '{"gone": ["F9"]}'])
def test_damaged_keys_are_the_usual_ones(window: MainWindow, text: str) -> None:
    window.settings._store.setValue("shortcuts", text)
    window.shortcuts.add(window.commands)
    assert window.shortcuts.keys("find") == ("Ctrl+F",)


def test_help_names_the_keys_as_they_are(window: MainWindow, qtbot: QtBot) -> None:
    window.shortcuts.give("find", ["Ctrl+J"])
    dialog = KeysDialog(window.shortcuts, window)
    qtbot.addWidget(dialog)
    shown = [label.text() for label in dialog.findChildren(QLabel)]
    assert "Ctrl+J" in shown
    assert "Ctrl+F" not in shown
    assert shown.index("Scroll") < shown.index("Find a layer")


# -- command palette


def test_the_tools_of_the_mask_are_actions_too(window: MainWindow) -> None:
    open_sample(window)
    assert window.workspace is not None
    maps = window.workspace.heatmaps
    for name, tool in (("map_paint", "paint"), ("map_select", "select"), ("map_edges", "edge")):
        window.commands[name].trigger()
        assert maps.mask_view.tool == maps.predictions_row.view.tool == tool
        assert [button.property("tool") for button in maps.mask_row.tools.buttons() if button.isChecked()] == [tool]


def test_palette_offers_first_what_was_used_last(window: MainWindow, qtbot: QtBot) -> None:
    open_sample(window)
    for typed in ("reload", "walk next timestep"):
        window.commands["palette"].trigger()
        palette_ = window.findChildren(CommandPalette)[-1]
        qtbot.keyClicks(palette_.line, typed.removeprefix("walk "))
        qtbot.keyClick(palette_.line, Qt.Key.Key_Return)
    window.commands["palette"].trigger()
    palette_ = window.findChildren(CommandPalette)[-1]
    first = [palette_.list.topLevelItem(n).text(0) for n in range(2)]
    assert first == ["View ▸ Go to ▸ Next timestep", "File ▸ Reload"]
    heights = {palette_.list.visualItemRect(palette_.list.topLevelItem(n)).height() for n in range(palette_.list.topLevelItemCount())}
    assert len(heights) == 1
    palette_.close()


def test_words_are_found_in_any_order() -> None:
    assert score("View ▸ Theme ▸ Dark", "dark theme") is not None
    both, scattered = score("View ▸ Theme ▸ Dark", "dark theme"), score("View ▸ Theme ▸ Dark", "vdk")
    assert both is not None
    assert scattered is not None
    assert both < scattered


# -- from pane to pane


def test_the_keyboard_reaches_every_pane_and_shows_where_it_is(window: MainWindow, qtbot: QtBot) -> None:
    open_sample(window)
    window.activateWindow()
    workspace = window.workspace
    assert workspace is not None
    qtbot.waitUntil(lambda: QApplication.focusWidget() is not None)
    visited = []
    for _ in workspace.docks:
        window.commands["next_pane"].trigger()
        focused = QApplication.focusWidget()
        (name,) = [n for n, dock in workspace.docks.items() if focused is not None and dock.isAncestorOf(focused)]
        visited.append(name)
        assert [n for n, dock in workspace.docks.items() if dock.titleBarWidget().property("active")] == [name]
        if name == "history":
            assert workspace.docks["ledger"].visibleRegion().isEmpty()
        else:
            assert not workspace.docks["ledger"].visibleRegion().isEmpty(), "what was only passed by covers nothing"
    assert set(visited) == {name for name, dock in workspace.docks.items() if not dock.isHidden()}
    here = QApplication.focusWidget()
    window.commands["next_pane"].trigger()
    window.commands["previous_pane"].trigger()
    assert QApplication.focusWidget() is here


def test_a_screen_reader_hears_the_selected_cell(window: MainWindow) -> None:
    document = open_sample(window)
    assert window.workspace is not None
    view = window.workspace.heatmaps.mask_view
    document.select(sample=1, step=2)
    assert view.accessibleDescription().startswith("sample 1 · t=2 · ")
    document.select(step=3)
    assert "t=3" in view.accessibleDescription()


# -- tour


def test_tour_goes_round_and_keeps_its_keys(window: MainWindow, qtbot: QtBot) -> None:
    document = open_sample(window)
    window.commands["tour"].trigger()
    (veil,) = window.findChildren(Veil)
    assert veil.card.title.text() == STOPS[0].title
    qtbot.keyClick(veil.card.forward, Qt.Key.Key_Right)
    assert veil.card.title.text() == STOPS[1].title
    assert document.selection.step == 0, "the arrow belongs to the tour"
    for _ in STOPS[2:]:
        veil.card.forward.click()
    assert veil.card.title.text() == STOPS[-1].title
    with qtbot.waitSignal(veil.destroyed):
        veil.card.forward.click()
    assert Settings().tour_seen


def test_tour_can_be_left(window: MainWindow, qtbot: QtBot) -> None:
    open_sample(window)
    window.commands["tour"].trigger()
    (veil,) = window.findChildren(Veil)
    with qtbot.waitSignal(veil.destroyed):
        qtbot.keyClick(veil, Qt.Key.Key_Escape)


def test_tour_greets_once_and_only_on_an_example(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.guide.greets = True
    open_sample(window, str(tmp_path / "mine.keras"))
    assert not window.findChildren(Veil)
    open_sample(window, str(resources.examples()[0].network))
    (veil,) = window.findChildren(Veil)
    with qtbot.waitSignal(veil.destroyed):
        veil.card.skip.click()
    open_sample(window, str(resources.examples()[1].network))
    assert not window.findChildren(Veil)


@pytest.mark.parametrize("spot", [QRect(0, 60, 300, 500), QRect(700, 60, 320, 400), QRect(0, 450, 1024, 180), QRect(0, 0, 1024, 640)])
def test_the_tour_stays_inside_the_window(spot: QRect) -> None:
    room, card = QRect(0, 0, 1024, 640), QSize(340, 160)
    assert room.contains(QRect(place_beside(spot, card, room), card))


# -- stopping


def test_stop_is_offered_after_a_moment_and_goes(window: MainWindow, qtbot: QtBot) -> None:
    document = open_sample(window)
    document.set_stale(False)
    document.set_engine(EngineState("busy", "computing…"))
    assert window.status.stop.isHidden()
    qtbot.waitUntil(lambda: not window.status.stop.isHidden())
    document.set_engine(EngineState("idle", ""))
    assert window.status.stop.isHidden()
    window.commands["stop"].trigger()
    assert sentences(window) == ["Nothing is running that could be stopped."]


def test_errors_stay_when_notes_come(window: MainWindow) -> None:
    window.notices.show_notice("error", "something is wrong")
    for n in range(5):
        window.notices.show_notice("info", f"note {n}")
    assert sentences(window) == ["something is wrong", "note 3", "note 4"]


# -- translations


class Marked(QTranslator):
    """A language whose words all begin with a tilde."""

    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str | None:
        return f"~{text}" if context == "" else None

    def isEmpty(self) -> bool:
        return False


def test_menus_actions_and_dialogs_go_through_the_seam(window: MainWindow, qapp: QApplication, qtbot: QtBot) -> None:
    translator = Marked()
    qapp.installTranslator(translator)
    try:
        again = MainWindow(window.document, window.jobs, window.theme, Settings())
        titles = [action.text() for action in again.menuBar().actions()]
        texts = [again.commands[spec.id].text() for spec in ACTIONS if spec.id not in ("undo", "redo")]
        dialog = SettingsDialog(again.preferences, again.shortcuts, (), again)
        assert all(text.startswith("~") for text in (*titles, *texts)), texts
        assert dialog.list.item(0).text() == "~Appearance"
        assert tr("Reload") == "~Reload"
        end(again, qtbot)
    finally:
        qapp.removeTranslator(translator)


def test_without_a_translation_the_texts_are_english(qapp: QApplication) -> None:
    assert not install(qapp, QLocale("tlh"))
    assert tr("Reload") == "Reload"


# -- low windows


def test_a_window_that_was_low_at_first_has_the_ledger_below_once_it_grows(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1024, 640)
    open_sample(window)
    workspace = window.workspace
    assert workspace is not None
    inspector, ledger = workspace.docks["inspector"], workspace.docks["ledger"]
    qtbot.waitUntil(lambda: ledger in workspace.tabifiedDockWidgets(inspector))
    window.resize(1440, 900)
    qtbot.waitUntil(lambda: ledger not in workspace.tabifiedDockWidgets(inspector))
    qtbot.waitUntil(lambda: ledger.y() > inspector.y() and ledger.height() > 150)
