"""Widgets that shorten their text to the room they have."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QLabel, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

LEAST = 40  # logical pixels


class ElidedLabel(QLabel):
    """One line that is cut with … where there is no room; the whole of it is then its tooltip."""

    def __init__(self, where: Qt.TextElideMode = Qt.TextElideMode.ElideRight, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._where = where
        self.setTextFormat(Qt.TextFormat.PlainText)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, super().minimumSizeHint().height())

    def whole_text(self) -> str:
        """What is said where there is room."""
        return self.text()

    def shown_text(self) -> str:
        """What there is room for."""
        return self.fontMetrics().elidedText(self.text(), self._where, self.width())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            words = self.shown_text()
            self.setToolTip("" if words == self.whole_text() else self.whole_text())
            painter.setPen(self.palette().color(self.foregroundRole()))
            painter.drawText(self.rect(), int(self.alignment()), words)
        finally:
            painter.end()


class ElidedBox(QComboBox):
    """A list of choices whose present one is cut with … where there is no room."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        try:
            self.initStyleOption(option)
            painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
            control, part = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
            room = self.style().subControlRect(control, option, part, self).width() - 4
            option.currentText = self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, room)
            painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        finally:
            painter.end()


class HintedLabel(ElidedLabel):
    """A line with a hint at its end, which is left out where there is no room for all of it."""

    hint = ""

    def whole_text(self) -> str:
        return " · ".join(part for part in (self.text(), self.hint) if part)

    def shown_text(self) -> str:
        fits = self.fontMetrics().horizontalAdvance(self.whole_text()) <= self.width()
        return self.whole_text() if fits else super().shown_text()
