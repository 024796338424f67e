"""The fields of the export dialog."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from maskviz.export.media import MM_PER_INCH
from maskviz.gui.export_dialog.choices import DPIS, WIDTHS, ExportChoices
from maskviz.gui.export_dialog.items import Item
from maskviz.gui.number_box import DecimalBox, WholeBox

FORMAT_WORDS = (
    ("png", "PNG picture"),
    ("svg", "SVG, vector"),
    ("pdf", "PDF, vector"),
    ("csv", "CSV, the numbers"),
    ("npz", "NPZ, the numbers"),
    ("gif", "GIF, walking through time"),
    ("frames", "PNG series, a file a timestep"),
)
NUMBERS = ("csv", "npz")


class ExportForm(QWidget):
    """What is exported, and how. ``changed`` when the figures look different, ``files_changed`` when other files will be written."""

    changed = Signal()
    files_changed = Signal()

    def __init__(self, items: Iterable[Item], choices: ExportChoices) -> None:
        super().__init__()
        self._items = list(items)
        self._make_list()
        self._make_fields()
        self._lay_out()
        self.show_choices(choices)
        self._connect()
        self._show_enabled()

    def _make_list(self) -> None:
        self.what = QListWidget()
        self.what.setAccessibleName("What to export")
        self.what.setSpacing(2)
        for item in self._items:
            line = QListWidgetItem(item.words)
            line.setData(Qt.ItemDataRole.UserRole, item.key)
            line.setFlags(line.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            self.what.addItem(line)

    def _make_fields(self) -> None:
        self.width_px, self.width_mm, self.dpi = WholeBox(), DecimalBox(), WholeBox()
        self.width_px.setRange(*WIDTHS)
        self.width_px.setSuffix(" px")
        self.width_px.setSingleStep(100)
        self.width_mm.setRange(5, 5000)
        self.width_mm.setDecimals(1)
        self.width_mm.setSuffix(" mm")
        self.dpi.setRange(*DPIS)
        self.dpi.setSuffix(" dpi")
        self.theme = self._box(("light", "Light"), ("dark", "Dark"))
        self.format = self._box(*FORMAT_WORDS)
        self.transparent = QCheckBox("Transparent ground")
        self.legend = QCheckBox("Legend")
        self.together = QCheckBox("Ticked heatmaps in one figure")
        self.folder = QLineEdit()
        self.browse = QPushButton("Browse…")
        for widget, name in (
            (self.width_px, "Width in pixels"),
            (self.width_mm, "Width in millimetres"),
            (self.dpi, "Resolution"),
            (self.theme, "Theme of the figures"),
            (self.format, "File format"),
            (self.folder, "Folder"),
        ):
            widget.setAccessibleName(name)

    @staticmethod
    def _box(*entries: tuple[str, str]) -> QComboBox:
        box = QComboBox()
        for data, words in entries:
            box.addItem(words, data)
        return box

    def _lay_out(self) -> None:
        rows = QFormLayout()
        rows.setHorizontalSpacing(14)
        rows.setVerticalSpacing(9)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for words, fields in (
            ("Format", (self.format,)),
            ("Width", (self.width_px, self.width_mm)),
            ("Resolution", (self.dpi,)),
            ("Theme", (self.theme,)),
            ("", (self.legend, self.transparent)),
            ("", (self.together,)),
            ("Folder", (self.folder, self.browse)),
        ):
            row = QHBoxLayout()
            for field in fields:
                row.addWidget(field, 0 if field is self.browse else 1)
            label = QLabel(words)
            label.setBuddy(fields[0])
            rows.addRow(label, row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.what, 1)
        layout.addLayout(rows)

    def _connect(self) -> None:
        self.width_px.valueChanged.connect(self._show_width)
        self.width_mm.valueChanged.connect(self._take_millimetres)
        self.dpi.valueChanged.connect(self._show_width)
        for box in (self.transparent, self.legend):
            box.toggled.connect(self.changed)
        self.together.toggled.connect(self.changed)
        self.together.toggled.connect(self.files_changed)
        self.theme.currentIndexChanged.connect(self.changed)
        self.format.currentIndexChanged.connect(self._format_changed)
        self.folder.textChanged.connect(self.files_changed)
        self.what.currentRowChanged.connect(self.changed)
        self.what.itemChanged.connect(self.files_changed)
        self.what.itemChanged.connect(self.changed)
        self.browse.clicked.connect(self._choose_folder)

    # what is chosen

    def show_choices(self, choices: ExportChoices) -> None:
        """Fill the fields."""
        for row, item in enumerate(self._items):
            self.what.item(row).setCheckState(Qt.CheckState.Checked if item.key in choices.what else Qt.CheckState.Unchecked)
        self.what.setCurrentRow(next((row for row, item in enumerate(self._items) if item.key in choices.what), 0))
        self.width_px.setValue(choices.width)
        self.dpi.setValue(choices.dpi)
        self.theme.setCurrentIndex(max(self.theme.findData(choices.theme), 0))
        self.format.setCurrentIndex(max(self.format.findData(choices.format), 0))
        self.transparent.setChecked(choices.transparent)
        self.legend.setChecked(choices.legend)
        self.together.setChecked(choices.together)
        self.folder.setText(choices.folder)
        self._fill_millimetres()

    def choices(self) -> ExportChoices:
        """What the fields say."""
        return ExportChoices(
            tuple(self.kinds()),
            self.format.currentData(),
            self.width_px.value(),
            self.dpi.value(),
            self.theme.currentData(),
            self.transparent.isChecked(),
            self.legend.isChecked(),
            self.folder.text().strip(),
            self.together.isChecked(),
        )

    def remembered(self, before: ExportChoices) -> ExportChoices:
        """What the fields say, with what was ticked before and is not offered now."""
        offered = {item.key for item in self._items}
        return replace(self.choices(), what=(*self.kinds(), *(key for key in before.what if key not in offered)))

    def kinds(self) -> list[str]:
        """The keys of what is ticked, and can be had in the format."""
        ticked = [self.what.item(row).checkState() == Qt.CheckState.Checked for row in range(self.what.count())]
        return [item.key for item, on in zip(self._items, ticked, strict=True) if on and item.takes(self.format.currentData())]

    def figures(self) -> list[str]:
        """The keys of the figures to make of what is ticked: ``mask+loss`` is one of two heatmaps."""
        ticked = self.kinds()
        maps = [item.key for item in self._items if item.is_map and item.key in ticked]
        if not self.together.isChecked() or len(maps) < 2:
            return ticked
        return ["+".join(maps), *(key for key in ticked if key not in maps)]

    def current(self) -> str:
        """The key of the figure that is looked at."""
        row = self.what.currentRow()
        own = self._items[row].key if 0 <= row < len(self._items) else ""
        return next((key for key in self.figures() if own in key.split("+")), own)

    # fields that follow each other

    def _fill_millimetres(self) -> None:
        with QSignalBlocker(self.width_mm):
            self.width_mm.setValue(self.width_px.value() / self.dpi.value() * MM_PER_INCH)

    def _show_width(self) -> None:
        self._fill_millimetres()
        self.changed.emit()

    def _take_millimetres(self, millimetres: float) -> None:
        with QSignalBlocker(self.width_px):
            self.width_px.setValue(round(millimetres / MM_PER_INCH * self.dpi.value()))
        self.changed.emit()

    def _format_changed(self) -> None:
        self._show_enabled()
        self.changed.emit()
        self.files_changed.emit()

    def _show_enabled(self) -> None:
        """Numbers have no size and no theme; the window has no numbers."""
        format = self.format.currentData()
        for field in (self.width_px, self.width_mm, self.dpi, self.theme, self.legend, self.transparent):
            field.setEnabled(format not in NUMBERS)
        self.transparent.setEnabled(format not in (*NUMBERS, "gif"))
        with QSignalBlocker(self.what):
            for row, item in enumerate(self._items):
                line = self.what.item(row)
                able = item.takes(format)
                flags = line.flags() | Qt.ItemFlag.ItemIsEnabled if able else line.flags() & ~Qt.ItemFlag.ItemIsEnabled
                line.setFlags(flags)
                line.setToolTip("" if able else "The window can be exported as PNG, SVG or PDF.")

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the figures", self.folder.text())
        if folder:
            self.folder.setText(folder)
