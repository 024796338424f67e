"""Help: the gestures and keys as they are now, and what this program is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QHBoxLayout, QLabel, QMessageBox, QScrollArea, QVBoxLayout, QWidget

from maskviz.gui.shortcuts import Shortcuts
from maskviz.gui.welcome import caption
from maskviz.gui.words import tr

GESTURES = (
    ("Scroll", "Wheel"),
    ("Zoom at the cursor", "Ctrl + wheel"),
    ("Pan", "Drag on empty ground"),
    ("Unfold or fold a container", "Double-click, Enter; Backspace folds what is around"),
    ("Walk along the graph's edges", "Arrow keys in the graph"),
    ("See what an edge carries", "Rest on it"),
    ("Fit", "Space"),
    ("Change the padding of a sample", "Drag the edge in the mask heatmap"),
    ("Toggle a step", "Click in the mask heatmap"),
    ("Paint several steps", "Shift + drag in the mask heatmap"),
    ("Mark samples and steps", "Ctrl + drag in any heatmap"),
    ("Move a heatmap", "Drag its title"),
    ("Colours of a heatmap", "Right-click its colour bar"),
    ("Set several cells at once", "Select them in the sample's table and type"),
    ("Dismiss the newest notice", "Esc"),
)


WIDEST_KEYS = 190


class KeysDialog(QDialog):
    """Gestures of the mouse at the left, keys at the right."""

    def __init__(self, shortcuts: Shortcuts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keyboard and mouse"))
        named = QKeySequence.SequenceFormat.NativeText
        keys = [(shortcuts.text(n), " or ".join(QKeySequence(k).toString(named) for k in shortcuts.keys(n))) for n in shortcuts.names]
        mouse, keyboard = QVBoxLayout(), QVBoxLayout()
        for part in (mouse, keyboard):
            part.setSpacing(6)
        mouse.addWidget(caption(tr("MOUSE")))
        mouse.addLayout(table(GESTURES))
        mouse.addStretch(1)
        keyboard.addWidget(caption(tr("KEYBOARD")))
        keyboard.addWidget(scrolled(table([line for line in keys if line[1]])))
        hint = QLabel(tr("File ▸ Settings ▸ Keyboard gives actions other keys."))
        hint.setProperty("look", "muted")
        across = QHBoxLayout()
        across.setSpacing(28)
        across.addLayout(mouse)
        across.addLayout(keyboard, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        below = QHBoxLayout()
        below.addWidget(hint, 1)
        below.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(12)
        layout.addLayout(across, 1)
        layout.addLayout(below)
        self.resize(min(self.sizeHint().width(), 900), 600)


def table(lines: Sequence[tuple[str, str]]) -> QGridLayout:
    """Two columns: what happens, and how."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(7)
    for row, (what, how) in enumerate(lines):
        grid.addWidget(QLabel(tr(what)), row, 0)
        key = QLabel(tr(how))
        key.setProperty("look", "muted")
        key.setWordWrap(True)
        key.setMinimumWidth(min(key.fontMetrics().horizontalAdvance(key.text()) + 4, WIDEST_KEYS))
        grid.addWidget(key, row, 1)
    grid.setColumnStretch(0, 1)
    return grid


def scrolled(rows: QGridLayout) -> QScrollArea:
    """Rows that scroll where there are many."""
    body, column = QWidget(), QVBoxLayout()
    column.setContentsMargins(0, 0, 14, 0)
    column.addLayout(rows)
    column.addStretch(1)
    body.setLayout(column)
    scroll = QScrollArea(widgetResizable=True)
    scroll.setWidget(body)
    scroll.setMinimumWidth(body.sizeHint().width() + 20)
    return scroll


def show_about(parent: QWidget) -> None:
    """Say what this program is and which version."""
    try:
        number = version("maskviz")
    except PackageNotFoundError:
        number = "from a checkout"
    QMessageBox.about(
        parent,
        "About MaskViz",
        f"<h3>MaskViz {number}</h3><p>See for every layer, sample and timestep of a Keras network whether padding is skipped, "
        "whether it leaks, and what it does to the loss.</p><p>Nothing leaves this computer: no network access, no telemetry.</p>",
    )
