"""What came of applying a fix, on a finding's card: progress with a way to stop it, or the numbers of the copy and what to do with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from maskviz.gui.toolbar import restyle
from maskviz.gui.words import tr
from maskviz.session.repairs import Repairing


class Outcome(QWidget):
    """One sentence in the colour of the verdict and, where there is a better copy, two links. Hidden while nothing has been tried."""

    stopped = Signal()
    opened = Signal()
    saved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.sentence.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.stop = self._link(tr("Stop"), tr("Do not repair the copy"), self.stopped)
        self.open = self._link(
            "Open repaired copy", "Open the repaired copy on the same batch, and compare it with the network (A)", self.opened
        )
        self.save = self._link(tr("Save it…"), tr("Save the repaired copy as a .keras file, or as a script that builds it"), self.saved)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 2, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.sentence, 0, 0, 1, 3)
        grid.addWidget(self.open, 1, 0)
        grid.addWidget(self.save, 1, 1)
        grid.addWidget(self.stop, 2, 0)
        grid.setColumnStretch(2, 1)
        self.show_state(Repairing())

    def _link(self, text: str, tip: str, clicked: object) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("look", "link")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.clicked.connect(clicked)
        return button

    def show_state(self, state: Repairing) -> None:
        """Say how far the repair is."""
        waiting, running = tr("Waiting for the engine…"), tr("Repairing a copy, and running the same tests on it…")
        words = {"waiting": waiting, "running": running}.get(state.kind, state.sentence)
        older = f" {tr('Measured before the newest edit.')}" if state.stale else ""
        self.sentence.setText(f"{'✓ ' if state.verified else ''}{words}{older}")
        look = "good" if state.verified else "warning" if state.kind in ("done", "refused") else "muted"
        if self.sentence.property("look") != look:
            self.sentence.setProperty("look", look)
            restyle(self.sentence)
        self.stop.setVisible(state.kind in ("waiting", "running"))
        self.open.setVisible(state.verified)
        self.save.setVisible(state.verified)
        self.setVisible(bool(words))
