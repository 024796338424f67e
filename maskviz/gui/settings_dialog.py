"""The settings: what they are called and mean, page by page. A change is used at once, as far as that can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from maskviz.core.status import Status
from maskviz.export.graph_painting import paint_tick
from maskviz.gui.number_box import DecimalBox, WholeBox
from maskviz.gui.preferences import BACKENDS, Preferences, backends
from maskviz.gui.shortcuts import Shortcuts
from maskviz.gui.shortcuts_page import ShortcutsPage
from maskviz.gui.theme import CHOICES
from maskviz.gui.words import tr
from maskviz.palette import STATUS_SETS, STATUS_WORDS, Palette, palette
from maskviz.settings import SCALES

FIELD_WIDTH = 250
ALL_MEMORY = "all there is"


class StatusPreview(QWidget):
    """The statuses in the colours of a palette, each with its mark and its word."""

    SIDE = 22

    def __init__(self, colours: Palette) -> None:
        super().__init__()
        self.colours = colours
        self.setAccessibleName(tr("Preview of the status colours"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(420, self.SIDE + self.fontMetrics().height() + 8)

    def paintEvent(self, _event: QPaintEvent) -> None:
        shown = [status for status in Status if status is not Status.ENDED]
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            column = self.width() / len(shown)
            for n, status in enumerate(shown):
                for k in range(3):
                    box = QRectF(n * column + k * (self.SIDE + 2), 0, self.SIDE, self.SIDE)
                    paint_tick(painter, status, box, self.colours)
                painter.setPen(self.palette().color(self.foregroundRole()))
                words = QRectF(n * column, self.SIDE + 4, column, self.fontMetrics().height() + 4)
                painter.drawText(words, Qt.AlignmentFlag.AlignLeft, tr(STATUS_WORDS[status][0]))
        finally:
            painter.end()


class Page(QWidget):
    """Rows of a label, a field and a hint. ``changed`` tells that a field has another value."""

    changed = Signal()

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        self._refreshes: list[Callable[[], None]] = []
        heading = QLabel(title)
        heading.setProperty("look", "title")
        self.rows = QFormLayout()
        self.rows.setHorizontalSpacing(16)
        self.rows.setVerticalSpacing(10)
        self.rows.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(12)
        self.column.addWidget(heading)
        self.column.addLayout(self.rows)
        self.column.addStretch(1)

    def refresh(self) -> None:
        """Show what the settings say now."""
        for show in self._refreshes:
            show()

    def choice(self, label: str, hint: str, options: Sequence[tuple[str, object]], get: Callable[[], object], put: Callable) -> QComboBox:
        """A row to choose one of several values, given with their words."""
        box = QComboBox()
        for words, value in options:
            box.addItem(words, value)

        def show() -> None:
            box.setCurrentIndex(max(box.findData(get()), 0))

        self._add(label, hint, box, show)
        box.activated.connect(lambda: self._put(put, box.currentData()))
        return box

    def number(
        self, label: str, hint: str, box: QSpinBox | QDoubleSpinBox, get: Callable[[], float], put: Callable
    ) -> QSpinBox | QDoubleSpinBox:
        """A row with a number."""

        def show() -> None:
            blocked = box.blockSignals(True)
            box.setValue(get())  # type: ignore[arg-type]
            box.blockSignals(blocked)

        self._add(label, hint, box, show)
        box.setKeyboardTracking(False)
        box.valueChanged.connect(lambda value: self._put(put, value))
        return box

    def _put(self, put: Callable, value: object) -> None:
        put(value)
        self.changed.emit()

    def _add(self, label: str, hint: str, field: QWidget, show: Callable[[], None]) -> None:
        field.setFixedWidth(FIELD_WIDTH)
        field.setMinimumHeight(QComboBox().sizeHint().height())  # fields of all kinds are alike
        field.setAccessibleName(label)
        field.setAccessibleDescription(hint)
        words = QLabel(hint)
        words.setProperty("look", "muted")
        words.setWordWrap(True)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        row.addWidget(field, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(words, 1)
        name = QLabel(label)
        name.setBuddy(field)
        for text in (name, words):  # their first line beside that of the field
            text.setContentsMargins(0, 4, 0, 0)
            text.setAlignment(Qt.AlignmentFlag.AlignTop | (Qt.AlignmentFlag.AlignRight if text is name else Qt.AlignmentFlag.AlignLeft))
        self.rows.addRow(name, holder)
        self._refreshes.append(show)
        show()


class SettingsDialog(QDialog):
    """Pages at the left, their rows at the right; 'Restore defaults' puts every page but the keyboard back."""

    def __init__(self, preferences: Preferences, shortcuts: Shortcuts, devices: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Settings"))
        self.preferences = preferences
        self.settings = preferences.settings
        self.list = QListWidget()
        self.list.setProperty("look", "choices")
        self.list.setAccessibleName(tr("Pages"))
        self._stack = QStackedWidget()
        self.keyboard = ShortcutsPage(shortcuts)
        self.pages = [self._appearance(), self._batches(), self._engine(devices)]
        for page in self.pages:
            page.changed.connect(self._apply)
        for title, widget in (*((page.title, page) for page in self.pages), ("Keyboard", self.keyboard)):
            self.list.addItem(title)
            self._stack.addWidget(widget)
        self.list.setFixedWidth(self.list.sizeHintForColumn(0) + 56)
        self.list.currentRowChanged.connect(self._turn)
        across = QHBoxLayout()
        across.setSpacing(20)
        across.addWidget(self.list)
        across.addWidget(self._stack, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.defaults = buttons.addButton(tr("Restore defaults"), QDialogButtonBox.ButtonRole.ResetRole)
        self.defaults.clicked.connect(self._restore)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 14)
        column.setSpacing(12)
        column.addLayout(across, 1)
        column.addWidget(buttons)
        self.list.setCurrentRow(0)
        self.resize(900, 560)

    def _appearance(self) -> Page:
        page, settings = Page(tr("Appearance")), self.settings
        theme = [(tr(text), name) for name, text in CHOICES]
        page.choice(tr("Theme"), tr("Colours of the window."), theme, lambda: self.preferences.theme.choice, self.preferences.theme.choose)
        sets = [(tr(text).partition(":")[0], name) for name, text in STATUS_SETS.items()]
        hint = tr("Colours of kept, leaking and exposed steps; every status also has a mark of its own.")
        self.statuses = page.choice(tr("Status colours"), hint, sets, lambda: settings.statuses, lambda v: self._set(statuses=v))
        self.preview = StatusPreview(self._palette())
        self.about_statuses = QLabel()
        self.about_statuses.setProperty("look", "muted")
        page.rows.addRow("", self.preview)
        page.rows.addRow("", self.about_statuses)
        self._rows_of_colours = page.rows
        scales = [(f"{scale:.0%}".replace("%", " %"), scale) for scale in SCALES]
        hint = tr("Size of everything in the window, beside the system's own scale; from the next start on.")
        page.choice(tr("Scale"), hint, scales, lambda: settings.scale, lambda v: self._set(scale=v))
        page.changed.connect(self._show_preview)
        self._show_preview()
        return page

    def _batches(self) -> Page:
        page, settings = Page(tr("Batches and files")), self.settings
        ids = WholeBox(minimum=0, maximum=2**31 - 1)
        hint = tr("Id that fills padding where the network masks none itself; used for what is opened from now on.")
        page.number(tr("Pad id"), hint, ids, lambda: settings.pad_id, lambda v: self._set(pad_id=v))
        values = DecimalBox(minimum=-1e6, maximum=1e6, decimals=3)
        hint = tr("Value that fills padded features where the network has no Masking layer of its own.")
        page.number(tr("Pad value"), hint, values, lambda: settings.pad_feature, lambda v: self._set(pad_feature=v))
        largest = WholeBox(minimum=1, maximum=1024, suffix=" GiB")
        hint = tr("Networks, batches and sessions above this size are not opened.")
        page.number(tr("Largest file"), hint, largest, lambda: settings.largest_gib, lambda v: self._set(largest_gib=v))
        return page

    def _engine(self, devices: Sequence[str]) -> Page:
        page, settings = Page(tr("Engine")), self.settings
        options = [(tr("As KERAS_BACKEND says"), ""), *((BACKENDS[name], name) for name in backends())]
        hint = tr("What Keras computes with. On JAX and PyTorch passes run call by call: slower, with the same results.")
        page.choice(tr("Backend"), hint, options, lambda: settings.backend, lambda v: self._set(backend=v))
        known = list(dict.fromkeys([*devices, *filter(None, [settings.device])]))
        hint = tr("Where MaskViz computes when it starts; the Device menu changes it for the time being.")
        first = (tr("The first one there is"), "")
        page.choice(tr("Device"), hint, [first, *((d, d) for d in known)], lambda: settings.device, lambda v: self._set(device=v))
        memory = WholeBox(minimum=0, maximum=65536, suffix=" GiB")
        memory.setSpecialValueText(ALL_MEMORY)
        hint = tr("Most memory that the engine may take; below 8 GiB TensorFlow may not start. Not used where there is a GPU.")
        page.number(tr("Engine memory"), hint, memory, lambda: settings.engine_gib, lambda v: self._set(engine_gib=v))
        self.restart = QPushButton(tr("Restart the engine with these settings"))
        self.restart.clicked.connect(self.preferences.restart_engine)
        self.restart.hide()
        self.preferences.restart_needed.connect(self.restart.setVisible)
        page.rows.addRow("", self.restart)
        return page

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self.settings, name, value)

    def _apply(self) -> None:
        self.preferences.apply()

    def _restore(self) -> None:
        self.settings.restore_defaults()
        for page in self.pages:
            page.refresh()
        self._apply()
        self._show_preview()

    def _palette(self) -> Palette:
        return palette(self.preferences.theme.palette.name, self.settings.statuses)

    def _show_preview(self) -> None:
        self.preview.colours = self._palette()
        self.preview.update()
        sentence = tr(STATUS_SETS.get(self.settings.statuses, "")).partition(": ")[2]
        self.about_statuses.setText(tr("Made {for_whom}.").format(for_whom=sentence))
        self._rows_of_colours.setRowVisible(self.about_statuses, bool(sentence))

    def _turn(self, row: int) -> None:
        self._stack.setCurrentIndex(row)
        self.defaults.setVisible(row < len(self.pages))
