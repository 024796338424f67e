"""The question that is asked before code of a file runs: what is missing or would run, and what the user can do about it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from maskviz.core.errors import NeedsConsent
from maskviz.gui.words import tr

ISOLATION = (
    "Code runs in the engine's process with your rights: that keeps the window alive when it crashes, but it is not a sandbox. "
    "Only go on if you trust where the file comes from."
)


class ConsentPanel(QFrame):
    """Lists the custom classes that are missing and the code that would run.

    ``before`` is a Python file with custom objects that was used with it another time.
    ``custom_chosen`` carries a Python file's path, ``code_allowed`` says yes to this file's code, ``declined`` closes the panel.
    """

    custom_chosen = Signal(str)
    code_allowed = Signal()
    declined = Signal()

    def __init__(self, request: NeedsConsent, file: str, folder: str, parent: QWidget | None = None, before: str = "") -> None:
        super().__init__(parent)
        self.setProperty("look", "notice")
        self.setProperty("level", "warning")
        self.setAccessibleName(tr("Code needs your consent"))
        self.setAccessibleDescription(str(request))
        self._folder = folder
        self._before = before
        title = QLabel(f"{Path(file).name or 'This file'} needs your permission before it can be opened")
        title.setProperty("look", "title")
        title.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(7)
        column.addWidget(title)
        if request.missing:
            column.addWidget(self._text(tr("Custom classes that no file has supplied yet:")))
            column.addWidget(self._listing(request.missing, "Missing custom classes"))
        if request.code:
            column.addWidget(self._text(tr("Code in the file that would run:")))
            column.addWidget(self._listing(request.code, "Code that would run"))
        isolation = self._text(ISOLATION)
        isolation.setProperty("look", "muted")
        column.addWidget(isolation)
        column.addLayout(self._buttons(request))

    def _buttons(self, request: NeedsConsent) -> QHBoxLayout:
        self.choose_button = QPushButton(tr("Choose a Python file with the custom objects…"))
        self.choose_button.clicked.connect(self._choose)
        self.again_button = QPushButton(f"Use {Path(self._before).name} again")
        self.again_button.setToolTip(f"{self._before}: the session was saved with it, and it is run")
        self.again_button.clicked.connect(lambda: self.custom_chosen.emit(self._before))
        self.again_button.setVisible(bool(self._before))
        self.run_button = QPushButton(tr("Run this file's code"))
        self.run_button.setToolTip(tr("For this file only; MaskViz asks again the next time"))
        self.run_button.clicked.connect(self.code_allowed)
        self.run_button.setVisible(bool(request.code))
        decline = QPushButton(tr("Do not open"))
        decline.clicked.connect(self.declined)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.again_button, self.choose_button, self.run_button):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(decline)
        return row

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape declines."""
        if event.key() == Qt.Key.Key_Escape:
            self.declined.emit()
        else:
            super().keyPressEvent(event)

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Python file with the custom objects"), self._folder, "Python files (*.py)")
        if path:
            self.custom_chosen.emit(path)

    @staticmethod
    def _text(sentence: str) -> QLabel:
        label = QLabel(sentence)
        label.setWordWrap(True)
        return label

    @staticmethod
    def _listing(lines: tuple[str, ...], name: str) -> QPlainTextEdit:
        box = QPlainTextEdit("\n".join(lines))
        box.setReadOnly(True)
        box.setAccessibleName(name)
        box.setProperty("look", "code")
        box.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        box.setFixedHeight(min(max(len(lines), 1), 6) * box.fontMetrics().lineSpacing() + 22)
        return box
