"""The export dialog: what, how large, which theme, where to; with a live preview, and copy to the clipboard."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings, QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from maskviz.core.errors import UnusableInput
from maskviz.core.heatmaps import Choice
from maskviz.core.layout import Layout, LayoutRequest
from maskviz.export.figures import FigureStyle
from maskviz.export.files import export_all, file_names, metadata, render
from maskviz.export.kinds import AnyFigure, graph_to_lay_out, make_figure
from maskviz.session.document import Document
from maskviz.session.layout_job import LayoutJob
from maskviz.settings import Settings, settings_file

WHAT = (
    ("heatmaps", "All heatmaps in one figure"),
    ("mask", "Padding and mask"),
    ("predictions", "Predictions"),
    ("loss", "Loss contributions"),
    ("graph", "Layer graph"),
)
MM_PER_INCH = 25.4
LAYING_OUT = "Laying out the graph…"
PREVIEW_AFTER_MS = 150
PREVIEW_PIXELS = 1000  # its width, at most
# the style draws an empty box in the colour of what is around it
BOX_OUTLINE = (
    "QListView::indicator:unchecked { border: 1px solid palette(placeholder-text); border-radius: 3px; width: 11px; height: 11px; }"
)


class ExportDialog(QDialog):
    """Exports what the document shows. ``choice`` is what the heatmaps show now (``HeatmapsPanel.choice()``)."""

    def __init__(self, document: Document, parent: QWidget | None = None, choice: Choice | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.choice = choice or Choice(output=document.selection.output, unit=document.selection.unit)
        self._store = QSettings(str(settings_file()), QSettings.Format.IniFormat)
        self._figures: dict[str, AnyFigure] = {}
        self._graph_layout: Layout | None = None
        self._write_when_laid_out = False
        self._layout_job = LayoutJob(self)
        self._layout_job.done.connect(self._take_layout)
        self._image = QImage()
        self.written: list[Path] = []
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(PREVIEW_AFTER_MS)
        self._refresh.timeout.connect(self.show_preview)
        self.setWindowTitle("Export figures")
        self._make_fields()
        self._lay_out()
        self._load()
        self._connect()
        self._show_width()
        self._show_files()
        self.resize(940, 640)
        self._refresh.start()

    # fields

    def _make_fields(self) -> None:
        self.what = QListWidget()
        self.what.setAccessibleName("Figures to export")
        self.what.setSpacing(2)
        self.what.setStyleSheet(BOX_OUTLINE)
        for kind, words in WHAT:
            item = QListWidgetItem(words)
            item.setData(Qt.ItemDataRole.UserRole, kind)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.what.addItem(item)
        self.width_px = QSpinBox()
        self.width_px.setRange(200, 20000)
        self.width_px.setSuffix(" px")
        self.width_px.setSingleStep(100)
        self.width_mm = QDoubleSpinBox()
        self.width_mm.setRange(5, 5000)
        self.width_mm.setDecimals(1)
        self.width_mm.setSuffix(" mm")
        self.dpi = QSpinBox()
        self.dpi.setRange(48, 1200)
        self.dpi.setSuffix(" dpi")
        self.theme = self._box(("light", "Light"), ("dark", "Dark"))
        self.format = self._box(("png", "PNG"), ("svg", "SVG (the graph stays PNG)"))
        self.folder = QLineEdit()
        self.browse = QPushButton("Browse…")
        self.files = QLabel()
        self.files.setWordWrap(True)
        self.files.setProperty("look", "muted")
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setProperty("look", "error")
        self.preview = QLabel()
        self.preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.preview.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.preview.setMinimumSize(320, 240)
        self.size_label = QLabel()
        self.size_label.setProperty("look", "muted")
        self.size_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for widget, name in (
            (self.width_px, "Width in pixels"),
            (self.width_mm, "Width in millimetres"),
            (self.dpi, "Resolution"),
            (self.theme, "Theme of the figures"),
            (self.format, "File format"),
            (self.folder, "Folder"),
            (self.preview, "Preview"),
        ):
            widget.setAccessibleName(name)

    def _box(self, *entries: tuple[str, str]) -> QComboBox:
        box = QComboBox()
        for data, words in entries:
            box.addItem(words, data)
        return box

    def _label(self, words: str, field: QWidget) -> QLabel:
        label = QLabel(words)
        label.setBuddy(field)
        return label

    def _lay_out(self) -> None:
        width = QHBoxLayout()
        width.addWidget(self.width_px)
        width.addWidget(self.width_mm)
        folder = QHBoxLayout()
        folder.addWidget(self.folder, 1)
        folder.addWidget(self.browse)
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(9)
        form.addRow(self._label("&Width", self.width_px), width)
        form.addRow("&Resolution", self.dpi)
        form.addRow("&Theme", self.theme)
        form.addRow("For&mat", self.format)
        form.addRow(self._label("F&older", self.folder), folder)
        form.addRow("", self.files)
        self.what.setFixedHeight(self.what.sizeHintForRow(0) * len(WHAT) + 34)
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addWidget(self.what)
        left.addLayout(form)
        left.addWidget(self.message)
        left.addStretch(1)
        side = QWidget()
        side.setLayout(left)
        side.setFixedWidth(380)
        left.setContentsMargins(0, 0, 0, 0)
        right = QVBoxLayout()
        right.addWidget(self.preview, 1)
        right.addWidget(self.size_label)
        panes = QHBoxLayout()
        panes.setSpacing(18)
        panes.addWidget(side)
        panes.addLayout(right, 1)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = self.buttons.addButton("&Copy picture", QDialogButtonBox.ButtonRole.ActionRole)
        self.export = self.buttons.addButton("&Export", QDialogButtonBox.ButtonRole.ApplyRole)
        self.export.setProperty("look", "primary")
        self.export.setDefault(True)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(18, 18, 18, 14)
        whole.setSpacing(14)
        whole.addLayout(panes, 1)
        whole.addWidget(self.buttons)

    def _connect(self) -> None:
        self.width_px.valueChanged.connect(self._show_width)
        self.width_mm.valueChanged.connect(self._take_millimetres)
        self.dpi.valueChanged.connect(self._show_width)
        self.theme.currentIndexChanged.connect(self._refresh.start)
        self.format.currentIndexChanged.connect(self._show_files)
        self.folder.textChanged.connect(self._show_files)
        self.what.currentRowChanged.connect(self._refresh.start)
        self.what.itemChanged.connect(self._show_files)
        self.browse.clicked.connect(self._choose_folder)
        self.buttons.rejected.connect(self.reject)
        self.copy.clicked.connect(self.copy_picture)
        self.export.clicked.connect(self.write)

    def _load(self) -> None:
        """Take over what was chosen last time."""

        def number(key: str, default: int) -> int:
            try:
                return int(str(self._store.value(f"export/{key}", default)))
            except ValueError:
                return default

        chosen = str(self._store.value("export/what", "heatmaps")).split("+")
        for row in range(self.what.count()):
            item = self.what.item(row)
            item.setCheckState(Qt.CheckState.Checked if item.data(Qt.ItemDataRole.UserRole) in chosen else Qt.CheckState.Unchecked)
        self.what.setCurrentRow(next((r for r, (kind, _w) in enumerate(WHAT) if kind in chosen), 0))
        self.width_px.setValue(number("width", FigureStyle().width))
        self.dpi.setValue(number("dpi", FigureStyle().dpi))
        self.theme.setCurrentIndex(max(self.theme.findData(str(self._store.value("export/theme", "light"))), 0))
        self.format.setCurrentIndex(max(self.format.findData(str(self._store.value("export/format", "png"))), 0))
        self.folder.setText(str(self._store.value("export/folder", "")) or Settings().folder)

    def _remember(self) -> None:
        for key, value in (
            ("what", "+".join(self.kinds())),
            ("width", self.width_px.value()),
            ("dpi", self.dpi.value()),
            ("theme", self.theme.currentData()),
            ("format", self.format.currentData()),
            ("folder", self.folder.text()),
        ):
            self._store.setValue(f"export/{key}", value)
        self._store.sync()

    # what is chosen

    def kinds(self) -> list[str]:
        """The kinds of figures that are ticked."""
        items = [self.what.item(row) for row in range(self.what.count())]
        return [str(i.data(Qt.ItemDataRole.UserRole)) for i in items if i.checkState() == Qt.CheckState.Checked]

    def style_chosen(self) -> FigureStyle:
        """Size and theme as chosen."""
        return FigureStyle(self.width_px.value(), self.dpi.value(), self.theme.currentData())

    def _show_width(self) -> None:
        blocked = self.width_mm.blockSignals(True)
        self.width_mm.setValue(self.width_px.value() / self.dpi.value() * MM_PER_INCH)
        self.width_mm.blockSignals(blocked)
        self._refresh.start()

    def _take_millimetres(self, millimetres: float) -> None:
        blocked = self.width_px.blockSignals(True)
        self.width_px.setValue(round(millimetres / MM_PER_INCH * self.dpi.value()))
        self.width_px.blockSignals(blocked)
        self._refresh.start()

    def _names(self) -> list[str]:
        network = self.document.network
        return list(file_names(network, self.kinds(), self.choice, self.format.currentData())) if network is not None else []

    def _show_files(self) -> None:
        names = self._names()
        self.files.setText("\n".join(names) or "Tick at least one figure.")
        self.export.setEnabled(bool(names) and bool(self.folder.text().strip()))
        self.message.clear()

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the figures", self.folder.text())
        if folder:
            self.folder.setText(folder)

    # preview, copy, write

    def show_preview(self) -> None:
        """Show the figure under the cursor as it will be written, with fewer pixels: at full size a large graph takes seconds."""
        figure = self._figure()
        if figure is None:
            self._image = QImage()
            self.preview.setText(LAYING_OUT if self._layout_job.busy else "Nothing is open.")
            self.size_label.clear()
            return
        style = self.style_chosen()
        small = min(1.0, PREVIEW_PIXELS / style.width)
        self._image = render(figure, FigureStyle(round(style.width * small), max(round(style.dpi * small), 1), style.theme))
        height = round(self._image.height() / self._image.width() * style.width)
        millimetres = height / style.dpi * MM_PER_INCH
        self.size_label.setText(f"{style.width} × {height} px · {self.width_mm.value():.0f} × {millimetres:.0f} mm")
        self._scale_preview()

    def _figure(self) -> AnyFigure | None:
        document, item = self.document, self.what.currentItem()
        if document.network is None or document.batch is None or item is None:
            return None
        kind = str(item.data(Qt.ItemDataRole.UserRole))
        if kind == "graph" and not self._laid_out():
            return None
        if kind not in self._figures:
            at = (document.selection.sample, document.selection.step)
            figure = make_figure(
                kind, document.network, document.batch, document.trace, document.graph, self.choice, at, self._graph_layout
            )
            self._figures[kind] = figure
        return self._figures[kind]

    def _laid_out(self) -> bool:
        """Whether the graph has been laid out; if not, that is under way in a process of its own."""
        if self._graph_layout is None and not self._layout_job.busy:
            self._layout_job.request(graph_to_lay_out(self.document.trace, self.document.graph)[2])
        return self._graph_layout is not None

    def _take_layout(self, _request: LayoutRequest, layout: Layout) -> None:
        self._graph_layout = layout
        self._layout_job.close()
        self.show_preview()
        if self._write_when_laid_out:
            self._write_when_laid_out = False
            self.write()

    def done(self, result: int) -> None:
        self._layout_job.close()
        super().done(result)

    def _scale_preview(self) -> None:
        if self._image.isNull():
            return
        ratio = self.devicePixelRatioF()
        room = QSize(round(self.preview.width() * ratio), round(self.preview.height() * ratio))
        plain = QPixmap.fromImage(self._image)
        plain.setDevicePixelRatio(1.0)
        scaled = plain.scaled(room, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
        scaled.setDevicePixelRatio(ratio)
        self.preview.setPixmap(scaled)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._scale_preview()

    def copy_picture(self) -> None:
        """Put the figure under the cursor on the clipboard, at the chosen size."""
        figure = self._figure()
        if figure is not None and self.document.network is not None and self.document.batch is not None:
            picture = render(figure, self.style_chosen())
            picture.setDevicePixelRatio(1.0)
            for key, text in metadata(self.document.network.name, self.document.network, self.document.batch).items():
                picture.setText(key, text)
            QGuiApplication.clipboard().setImage(picture)
            self._say("The picture is on the clipboard.", good=True)

    def write(self) -> None:
        """Write the ticked figures, asking before one is overwritten; then remember the choices."""
        document, folder = self.document, Path(self.folder.text().strip()).expanduser()
        if document.network is None or document.batch is None or document.trace is None:
            self._say("Wait until the engine has computed the masks; then export again.")
            return
        if "graph" in self.kinds() and not self._laid_out():
            self._write_when_laid_out = True
            self._say(LAYING_OUT, good=True)
            return
        present = [name for name in self._names() if (folder / name).exists()]
        if present and not self._may_overwrite(folder, present):
            return
        QGuiApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)  # a large graph takes a second or two
        try:
            self.written = export_all(
                document.network, document.batch, document.trace, document.graph, folder, self.kinds(),
                format=self.format.currentData(), style=self.style_chosen(), choice=self.choice,
                at=(document.selection.sample, document.selection.step), overwrite=bool(present), layout=self._graph_layout,
            )  # fmt: skip
        except UnusableInput as error:
            self._say(str(error))
            return
        finally:
            QGuiApplication.restoreOverrideCursor()
        self._remember()
        count = len(self.written)
        self._say(f"{count} {'file' if count == 1 else 'files'} written to {folder}.", good=True)

    def _may_overwrite(self, folder: Path, names: list[str]) -> bool:
        what = f"‘{names[0]}’ is" if len(names) == 1 else f"{len(names)} of these files are"
        answer = QMessageBox.question(self, "Overwrite?", f"{what} already in {folder}. Overwrite?")
        return answer == QMessageBox.StandardButton.Yes

    def _say(self, sentence: str, good: bool = False) -> None:
        self.message.setProperty("look", "strong" if good else "error")
        self.message.style().unpolish(self.message)
        self.message.style().polish(self.message)
        self.message.setText(sentence)
