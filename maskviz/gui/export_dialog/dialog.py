"""The export dialog: puts fields and preview together, and writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QMessageBox, QPushButton, QSplitter, QVBoxLayout, QWidget

from maskviz.core.errors import UnusableInput
from maskviz.core.layout import Layout, LayoutRequest
from maskviz.core.words import counted
from maskviz.export.files import content, file_name, frames, left_out_sentence, metadata, ready, render, series_name, standing, write
from maskviz.export.kinds import AnyFigure, graph_to_lay_out, make_figure
from maskviz.export.media import file_bytes
from maskviz.gui.background import Background, Job, Tell
from maskviz.gui.export_dialog.choices import ExportChoices
from maskviz.gui.export_dialog.form import ExportForm
from maskviz.gui.export_dialog.items import Shown, items_of, map_figure, shown_by_default, window_drawing
from maskviz.gui.export_dialog.preview import Preview
from maskviz.gui.export_dialog.source import source_of
from maskviz.session.document import Document
from maskviz.session.layout_job import LayoutJob
from maskviz.settings import Settings, settings_file

LAYING_OUT = "Laying out the graph…"
WAIT = "Wait until the engine has computed the masks; then export again."
PREVIEW_AFTER_MS = 150
FILE_LINES = 5
PART = 1000  # a file's share of the progress


class ExportDialog(QDialog):
    """Exports what the document shows. ``shown`` is what the window shows of it, None the three maps of a network."""

    def __init__(self, document: Document, parent: QWidget | None = None, shown: Shown | None = None) -> None:
        super().__init__(parent)
        source = source_of(document)
        assert source is not None
        self.source = source
        self.shown = shown if shown is not None else shown_by_default(self.source)
        self.written: list[Path] = []
        self._store = QSettings(str(settings_file()), QSettings.Format.IniFormat)
        self._before = ExportChoices.load(self._store)
        self._figures: dict[str, AnyFigure] = {}
        self._write_when_laid_out = False
        self._left_out: list[str] = []
        self._part_names: list[str] = []
        self._layout_job = LayoutJob(self)
        self._layout_job.done.connect(self._take_layout)
        self._work = Background(self)
        self._refresh = QTimer(self, singleShot=True, interval=PREVIEW_AFTER_MS)
        self.form = ExportForm(items_of(self.shown), replace(self._before, folder=self._before.folder or Settings().folder))
        self.preview = Preview()
        self.setWindowTitle("Export")
        self._lay_out()
        self._connect()
        self._show_files()
        self.resize(980, 620)
        self._refresh.start()

    def _lay_out(self) -> None:
        self.files, self.message = QLabel(), QLabel()
        self.files.setWordWrap(True)
        self.files.setProperty("look", "muted")
        self.files.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.files.setFixedHeight(FILE_LINES * self.files.fontMetrics().lineSpacing() + 2)  # the fields above stay where they are
        self.message.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = QPushButton("Copy picture")
        self.copy.setToolTip("Put the figure that is shown on the clipboard, at the chosen size")
        self.export = QPushButton("Export")
        self.export.setProperty("look", "primary")
        self.export.setDefault(True)
        self.stop = QPushButton("Stop")
        for button, role in (
            (self.copy, QDialogButtonBox.ButtonRole.ActionRole),
            (self.stop, QDialogButtonBox.ButtonRole.ActionRole),
            (self.export, QDialogButtonBox.ButtonRole.ActionRole),
        ):
            self.buttons.addButton(button, role)
        for other in (*self.buttons.buttons(), self.form.browse):
            if isinstance(other, QPushButton):
                other.setAutoDefault(other is self.export)  # Enter in a field never presses another one
        self.stop.hide()  # the box shows what it is given
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 8, 0)
        column.addWidget(self.form, 1)
        column.addWidget(self.files)
        both = QSplitter(Qt.Orientation.Horizontal)
        both.setChildrenCollapsible(False)
        both.addWidget(left)
        both.addWidget(self.preview)
        both.setStretchFactor(1, 1)
        both.setSizes([380, 600])
        foot = QHBoxLayout()
        foot.addWidget(self.message, 1)
        foot.addWidget(self.buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(12)
        layout.addWidget(both, 1)
        layout.addLayout(foot)

    def _connect(self) -> None:
        self._refresh.timeout.connect(self.show_preview)
        self.form.changed.connect(self._refresh.start)
        self.form.files_changed.connect(self._show_files)
        self.buttons.rejected.connect(self.reject)
        self.copy.clicked.connect(self.copy_picture)
        self.export.clicked.connect(self.write)
        self.stop.clicked.connect(self._work.stop)
        self._work.progressed.connect(self._tell_progress)
        self._work.done.connect(self._take_files)
        self._work.failed.connect(lambda error: self._end_work(str(error)))
        self._work.stopped.connect(lambda: self._end_work("Stopped; what was written so far is there."))

    def done(self, result: int) -> None:
        self._layout_job.close()
        self._work.stop()
        super().done(result)

    # preview and clipboard

    def show_preview(self) -> None:
        """Show what is looked at as it will be written."""
        choices, key = self.form.choices(), self.form.current()
        style = choices.style(self.shown.statuses)
        if key == "window" and self.shown.window is not None:
            self.preview.show_drawing(window_drawing(self.shown.window, style))
            return
        figure = self._figure(key)
        if figure is None:
            self.preview.show_words(LAYING_OUT)
        else:
            self.preview.show_figure(figure, style, walking=choices.format in ("gif", "frames"))

    def _figure(self, key: str) -> AnyFigure | None:
        """The figure of a key, None while the graph is being laid out."""
        if key == "graph" and not self._laid_out():
            return None
        if key not in self._figures:
            self._figures[key] = make_figure("graph", self.source) if key == "graph" else map_figure(key, self.source, self.shown)
        return self._figures[key]

    def _laid_out(self) -> bool:
        """Whether the graph has been laid out; if not, that is under way in a process of its own."""
        if self.source.layout is None and not self._layout_job.busy:
            self._layout_job.request(graph_to_lay_out(self.source)[2])
        return self.source.layout is not None

    def _take_layout(self, _request: LayoutRequest, layout: Layout) -> None:
        self.source = replace(self.source, layout=layout)
        self._layout_job.close()
        self.show_preview()
        if self._write_when_laid_out:
            self._write_when_laid_out = False
            self.write()

    def copy_picture(self) -> None:
        """Put what is looked at on the clipboard, at the chosen size."""
        key, style = self.form.current(), self.form.choices().style(self.shown.statuses)
        figure = window_drawing(self.shown.window, style) if key == "window" and self.shown.window is not None else self._figure(key)
        if figure is None:
            self._say(LAYING_OUT, good=True)
            return
        try:
            picture = render(figure, style)
        except UnusableInput as error:
            self._say(str(error))
            return
        picture.setDevicePixelRatio(1.0)
        for name, text in self._texts(key).items():
            picture.setText(name, text)
        QGuiApplication.clipboard().setImage(picture)
        self._say("The picture is on the clipboard.", good=True)

    def _texts(self, key: str) -> dict[str, str]:
        return metadata(f"{self.source.network.name}: {key}", self.source.network, self.source.batch)

    # writing

    def _names(self) -> dict[str, str]:
        """File names by key; of a series of pictures the first one."""
        format = self.form.choices().format
        return {key: file_name(self.source.network, key, format) for key in self.form.figures()}

    def _show_files(self) -> None:
        names = list(self._names().values())
        more = f"\n… and {len(names) - FILE_LINES + 1} more" if len(names) > FILE_LINES else ""
        self.files.setText("\n".join(names if not more else names[: FILE_LINES - 1]) + more or "Tick what is to be exported.")
        self.export.setEnabled(bool(names) and bool(self.form.choices().folder) and not self._work.busy)
        self.message.clear()

    def write(self) -> None:
        """Write what is ticked, asking before a file is overwritten; then remember the choices."""
        choices, names = self.form.choices(), self._names()
        folder = Path(choices.folder).expanduser()
        if self.source.trace is None:
            self._say(WAIT)
            return
        if "graph" in names and not self._laid_out():
            self._write_when_laid_out = True
            self._say(LAYING_OUT, good=True)
            return
        present = [name for name in names.values() if (folder / name).exists()]
        if present and not self._may_overwrite(folder, present):
            return
        try:
            ready(folder, list(names.values()), overwrite=bool(present))
            job = self._job(choices, names, folder)
        except UnusableInput as error:
            self._say(str(error))
            return
        self._busy(True)
        self._say("Writing…", good=True)
        self._work.run(job)

    def _job(self, choices: ExportChoices, names: dict[str, str], folder: Path) -> Job:
        """What the other thread does. The window is painted here: widgets belong to this thread."""
        style, format = choices.style(self.shown.statuses), choices.format
        parts: list[tuple[str, AnyFigure | bytes]] = []
        figures = {key: figure for key in names if key != "window" and (figure := self._figure(key)) is not None}
        self._left_out = standing(figures) if format in ("gif", "frames") else []
        for key in (key for key in names if key not in self._left_out):
            figure = figures.get(key)
            if key == "window" and self.shown.window is not None and format in ("png", "svg", "pdf"):
                parts.append((key, file_bytes(window_drawing(self.shown.window, style), format, self._texts(key))))
            elif figure is not None:
                parts.extend((key, frame) for frame in (frames(figure) if format == "frames" else [figure]))

        self._part_names = [names[key] for key, _part in parts]

        def job(tell: Tell) -> list[Path]:
            written: list[Path] = []
            for number, (key, part) in enumerate(parts):

                def inside(done: int, total: int, before: int = number) -> None:
                    tell(before * PART + done * PART // max(total, 1), len(parts) * PART)

                inside(0, 1)
                first = next(n for n, (other, _part) in enumerate(parts) if other == key)
                path = folder / (series_name(names[key], number - first) if format == "frames" else names[key])
                data = part if isinstance(part, bytes) else content(part, path.suffix.removeprefix("."), style, self._texts(key), inside)
                write(path, data)
                written.append(path)
            return written

        return job

    def _tell_progress(self, done: int, total: int) -> None:
        """Name the file that is being written, and how much of all is done."""
        if self._work.busy:
            self._say(f"Writing {self._part_names[min(done // PART, len(self._part_names) - 1)]}: {done * 100 // total} % done", good=True)

    def _take_files(self, written: list[Path]) -> None:
        self.written = written
        self._before = self.form.remembered(self._before)
        self._before.save(self._store)
        more = f" {left_out_sentence(self._left_out)}" if self._left_out else ""
        self._end_work(f"{counted(len(written), 'file')} written to {written[0].parent}.{more}", good=True)

    def _end_work(self, sentence: str, good: bool = False) -> None:
        self._busy(False)
        self._say(sentence, good)

    def _busy(self, busy: bool) -> None:
        self.stop.setVisible(busy)
        self.export.setVisible(not busy)
        self.form.setEnabled(not busy)

    def _may_overwrite(self, folder: Path, names: list[str]) -> bool:
        what = f"‘{names[0]}’ is" if len(names) == 1 else f"{len(names)} of these files are"
        answer = QMessageBox.question(self, "Overwrite?", f"{what} already in {folder}. Overwrite?")
        return answer == QMessageBox.StandardButton.Yes

    def _say(self, sentence: str, good: bool = False) -> None:
        self.message.setProperty("look", "strong" if good else "error")
        self.message.style().unpolish(self.message)
        self.message.style().polish(self.message)
        self.message.setText(sentence)
