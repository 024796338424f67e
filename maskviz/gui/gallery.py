"""The example gallery: ready-made networks, each with a batch and two sentences on what to look for."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QScrollArea, QVBoxLayout, QWidget

from maskviz import resources
from maskviz.gui.cards import Cards
from maskviz.gui.words import tr


def example_cards() -> Cards:
    """A card for every example of the gallery; keys are the examples' names."""
    cards = Cards()
    for example in resources.examples():
        cards.add(example.name, example.title, example.look_for)
    return cards


class GalleryDialog(QDialog):
    """Lets the user choose an example; ``chosen`` is its name once the dialog was accepted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Example gallery"))
        self.chosen = ""
        self.cards = example_cards()
        self.cards.chosen.connect(self._choose)
        intro = QLabel(tr("Each example is a real network with a batch. Choose one to open it."))
        intro.setProperty("look", "muted")
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        body = QWidget()
        inner = QVBoxLayout(body)
        inner.setContentsMargins(2, 2, 8, 2)
        inner.addWidget(self.cards)
        inner.addStretch(1)
        scroll.setWidget(body)
        self.cards.moved.connect(scroll.ensureWidgetVisible)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.rejected.connect(self.reject)
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)  # Enter chooses the card that has the keyboard
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(intro)
        column.addWidget(scroll, 1)
        column.addWidget(buttons)
        self.resize(920, 600)
        self.cards.cards[0].setFocus(Qt.FocusReason.TabFocusReason)

    def _choose(self, name: str) -> None:
        self.chosen = name
        self.accept()
