"""The offer to restore what a program left that did not end properly."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from maskviz.gui.words import tr


class RestoreOffer(QFrame):
    """Says what was left and offers it: ``restored``, ``discarded``, or ``postponed`` to the next start."""

    restored = Signal()
    discarded = Signal()
    postponed = Signal()

    def __init__(self, title: str, when: str) -> None:
        super().__init__()
        self.setProperty("look", "notice")
        self.setProperty("level", "warning")
        question = QLabel(f"Restore “{title}” with your edits?")
        question.setProperty("look", "title")
        question.setWordWrap(True)
        self.told = QLabel(f"MaskViz did not end properly. It has kept your work as it was at {when}.")
        self.told.setWordWrap(True)
        self.setAccessibleName(question.text())
        self.setAccessibleDescription(self.told.text())
        self.restore, self.discard, self.later = QPushButton(tr("Restore")), QPushButton(tr("Discard")), QPushButton(tr("Later"))
        self.restore.setProperty("look", "primary")
        self.later.setToolTip(tr("Ask again at the next start"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.restore)
        row.addWidget(self.later)
        row.addStretch(1)
        row.addWidget(self.discard)
        for button, signal in ((self.restore, self.restored), (self.later, self.postponed), (self.discard, self.discarded)):
            button.clicked.connect(signal)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(question)
        column.addWidget(self.told)
        column.addLayout(row)
