"""The export dialog writes what it shows, asks before overwriting, and remembers."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from maskviz.export import kinds
from maskviz.gui.export_dialog import ExportDialog
from tests.gui import sample_trace


def open_dialog(qtbot: QtBot, folder: Path, traced: bool = True) -> ExportDialog:
    dialog = ExportDialog(sample_trace.document(sample_trace.sliced(), traced))
    qtbot.addWidget(dialog)
    dialog.form.folder.setText(str(folder))
    return dialog


def export(qtbot: QtBot, dialog: ExportDialog) -> list[Path]:
    """Press the button and wait for the files."""
    dialog.written = []
    dialog.export.click()
    qtbot.waitUntil(lambda: bool(dialog.written), timeout=15_000)
    return dialog.written


def choose(dialog: ExportDialog, format: str) -> None:
    dialog.form.format.setCurrentIndex(dialog.form.format.findData(format))


def tick(dialog: ExportDialog, *kinds: str) -> None:
    for row in range(dialog.form.what.count()):
        item = dialog.form.what.item(row)
        chosen = item.data(Qt.ItemDataRole.UserRole) in kinds
        item.setCheckState(Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked)


def test_it_writes_the_ticked_figures_at_the_chosen_size(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_dialog(qtbot, tmp_path)
    tick(dialog, "mask", "loss")
    dialog.form.dpi.setValue(300)
    dialog.form.width_mm.setValue(84.0)
    export(qtbot, dialog)
    assert sorted(p.name.rsplit("-", 1)[1] for p in dialog.written) == ["loss.png", "mask.png"]
    image = QImage(str(dialog.written[0]))
    assert image.width() == 992
    assert round(image.dotsPerMeterX() * 0.0254) == 300
    assert "2 files written" in dialog.message.text()


def test_the_preview_is_the_figure(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_dialog(qtbot, tmp_path)
    dialog.show_preview()
    assert not dialog.preview.picture.image.isNull()
    assert dialog.preview.size_label.text().startswith("2100 × ")


def test_overwriting_asks(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = open_dialog(qtbot, tmp_path)
    tick(dialog, "mask")
    (path,) = export(qtbot, dialog)
    path.write_bytes(b"mine")
    asked: list[str] = []

    def answer(button: QMessageBox.StandardButton) -> None:
        monkeypatch.setattr(QMessageBox, "question", lambda *args: asked.append(args[2]) or button)

    answer(QMessageBox.StandardButton.No)
    dialog.export.click()
    assert path.read_bytes() == b"mine"
    answer(QMessageBox.StandardButton.Yes)
    export(qtbot, dialog)
    assert QImage(str(path)).width() > 0
    assert len(asked) == 2
    assert path.name in asked[0]


def test_a_folder_that_cannot_be_used_is_said_in_the_dialog(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    dialog = open_dialog(qtbot, tmp_path / "file" / "sub")
    tick(dialog, "mask")
    dialog.export.click()
    assert "cannot be made" in dialog.message.text()
    assert dialog.written == []


def test_before_the_engine_has_answered_it_says_so(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_dialog(qtbot, tmp_path, traced=False)
    dialog.export.click()
    assert "engine" in dialog.message.text()
    assert list(tmp_path.iterdir()) == []


def test_nothing_ticked_cannot_be_exported(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_dialog(qtbot, tmp_path)
    tick(dialog)
    assert not dialog.export.isEnabled()


def test_copy(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_dialog(qtbot, tmp_path)
    dialog.form.width_px.setValue(777)
    dialog.copy.click()
    assert QGuiApplication.clipboard().image().width() == 777


def test_the_graph_is_laid_out_in_another_process_and_written_when_that_is_done(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the window would stand still")

    monkeypatch.setattr(kinds, "lay_out", never)
    dialog = open_dialog(qtbot, tmp_path)
    tick(dialog, "graph")
    dialog.form.what.setCurrentRow(dialog.form.what.count() - 1)
    dialog.export.click()
    assert dialog.message.text() == "Laying out the graph…"
    assert dialog.written == []
    qtbot.waitUntil(lambda: bool(dialog.written), timeout=15_000)
    assert QImage(str(dialog.written[0])).width() == dialog.form.width_px.value()
    assert not dialog.preview.picture.image.isNull()
    dialog.reject()


def test_choices_are_remembered(qtbot: QtBot, tmp_path: Path) -> None:
    first = open_dialog(qtbot, tmp_path)
    tick(first, "predictions", "graph")
    first.form.width_px.setValue(1234)
    first.form.theme.setCurrentIndex(1)
    first.form.transparent.setChecked(True)
    first.form.legend.setChecked(False)
    export(qtbot, first)
    second = ExportDialog(sample_trace.document(sample_trace.sliced()))
    qtbot.addWidget(second)
    choices = second.form.choices()
    assert choices.what == ("predictions", "graph")
    assert (choices.width, choices.theme, choices.transparent, choices.legend) == (1234, "dark", True, False)
    assert choices.folder == str(tmp_path)


def test_numbers_have_no_size_and_animations_walk(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_dialog(qtbot, tmp_path)
    tick(dialog, "loss")
    dialog.form.width_px.setValue(400)
    choose(dialog, "csv")
    assert not dialog.form.width_px.isEnabled()
    (path,) = export(qtbot, dialog)
    assert path.read_text().startswith("map,sample,step,value,state\n")
    dialog.form.transparent.setChecked(True)
    assert dialog.form.choices().style().transparent is True
    choose(dialog, "gif")
    assert dialog.form.width_px.isEnabled()
    assert dialog.form.choices().style().transparent is False
    (path,) = export(qtbot, dialog)
    assert path.read_bytes().startswith(b"GIF89a")
    dialog.show_preview()
    assert "24 timesteps" in dialog.preview.size_label.text()
    choose(dialog, "frames")
    assert len(export(qtbot, dialog)) == 24
    assert "24 files written" in dialog.message.text()


def test_progress_names_the_file_and_never_goes_back(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_dialog(qtbot, tmp_path)
    choose(dialog, "gif")
    tick(dialog, "mask", "loss")
    dialog.form.width_px.setValue(300)
    told: list[tuple[float, str]] = []
    dialog._work.progressed.connect(lambda done, total: told.append((done / total, dialog.message.text())))
    export(qtbot, dialog)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert "mask.gif: 0 % done" in told[0][1]
    assert "loss.gif" in told[-1][1]


def test_only_the_export_button_answers_enter_and_ticking_moves_no_field(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_dialog(qtbot, tmp_path)
    assert [b for b in dialog.findChildren(QPushButton) if b.autoDefault()] == [dialog.export]
    dialog.show()
    before = dialog.form.height()
    tick(dialog, "mask", "loss", "predictions", "heatmaps")
    QApplication.processEvents()
    assert dialog.form.height() == before


def test_a_long_export_can_be_stopped(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_dialog(qtbot, tmp_path)
    tick(dialog, "heatmaps")
    choose(dialog, "gif")
    dialog.show()
    dialog.export.click()
    assert dialog.stop.isVisible()
    assert not dialog.export.isVisible()
    dialog.stop.click()
    qtbot.waitUntil(lambda: dialog.export.isVisible(), timeout=15_000)
    assert "Stopped" in dialog.message.text()
    assert list(tmp_path.iterdir()) == []


def test_any_set_of_heatmaps_is_one_figure(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_dialog(qtbot, tmp_path)
    tick(dialog, "mask", "loss", "graph")
    dialog.form.together.setChecked(True)
    dialog.form.what.setCurrentRow(1)
    dialog.show_preview()
    tall = dialog.preview.picture.image.height()
    assert sorted(p.name for p in export(qtbot, dialog)) == ["seed_lambda_slice-graph.png", "seed_lambda_slice-mask_loss.png"]
    dialog.form.together.setChecked(False)
    dialog.show_preview()
    assert dialog.preview.picture.image.height() < 0.8 * tall
    dialog.form.folder.setText(str(tmp_path / "apart"))
    assert len(export(qtbot, dialog)) == 3
