"""Keys that belong to the input field with the focus and not to the window's shortcuts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QAbstractSpinBox, QApplication, QComboBox, QLineEdit, QPlainTextEdit, QWidget


class InputKeys(QObject):
    """Lets tables and input fields keep the plain keys that are the window's shortcuts elsewhere, such as arrows and P."""

    INPUTS = (QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        QApplication.instance().focusChanged.connect(self._follow)  # type: ignore[union-attr]

    def _follow(self, old: QWidget | None, new: QWidget | None) -> None:
        if old is not None:
            old.removeEventFilter(self)
        if isinstance(new, self.INPUTS) and new.window().windowType() != Qt.WindowType.Popup:  # lists of choices take Return by this event
            new.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = not event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
            takes = getattr(watched, "takes_key", None)  # a table that knows which keys its cells can hold
            if takes is not None and not takes(event):
                return super().eventFilter(watched, event)
            if plain and event.key() != Qt.Key.Key_Escape and not Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35:
                event.accept()
                return True
        return super().eventFilter(watched, event)
