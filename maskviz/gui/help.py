"""Help: the keys and gestures, made from the actions, and what this program is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QMessageBox, QScrollArea, QVBoxLayout, QWidget

from maskviz.gui.action_list import ACTIONS
from maskviz.gui.actions import plain_text
from maskviz.gui.welcome import caption

GESTURES = (
    ("Scroll", "Wheel"),
    ("Zoom at the cursor", "Ctrl + wheel"),
    ("Pan", "Drag on empty ground"),
    ("Unfold or fold a container", "Double-click"),
    ("Fit", "Space"),
    ("Change the padding of a sample", "Drag the edge in the mask heatmap"),
    ("Toggle a step, or paint several", "Click or drag in the mask heatmap"),
)


class ShortcutsDialog(QDialog):
    """A list of all keys and gestures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard and mouse")
        keys = [
            (plain_text(a.text), " or ".join(QKeySequence(s).toString(QKeySequence.SequenceFormat.NativeText) for s in a.shortcuts))
            for a in ACTIONS
            if a.shortcuts
        ]
        body = QWidget()
        grid = QGridLayout(body)
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(7)
        for title, lines in (("KEYBOARD", keys), ("MOUSE", GESTURES)):
            grid.addWidget(caption(title), grid.rowCount(), 0, 1, 2)
            for what, how in lines:
                row = grid.rowCount()
                grid.addWidget(QLabel(what), row, 0)
                grid.addWidget(QLabel(how), row, 1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(body)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll)
        layout.addWidget(buttons)
        self.resize(560, 600)


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
