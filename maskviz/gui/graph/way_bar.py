"""One line under the tools that says in words where the mask that is followed comes from and where it ends, with links to go there."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtWidgets import QLabel, QWidget

from maskviz.core.mask_way import MaskWay
from maskviz.gui.graph.marks import way_words
from maskviz.gui.words import tr
from maskviz.palette import Palette


class WayBar(QLabel):
    """``followed(call)`` a call in it was clicked."""

    followed = Signal(str)

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = palette
        self._calls: list[str] = []
        self.setObjectName("way-bar")
        self.setAccessibleName(tr("Way of the mask"))
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard)
        self.linkActivated.connect(lambda link: self.followed.emit(self._calls[int(QUrl(link).path())]))
        self.hide()

    def say(self, sentence: str) -> None:
        """Shows a plain sentence."""
        self._show([(sentence, None)])

    def show_way(self, way: MaskWay) -> None:
        """Shows a mask's way, its places as links."""
        self._show(way_words(way))

    def _show(self, pieces: list[tuple[str, str | None]]) -> None:
        self._calls, html, colour = [], "", self._palette.accent
        for text, call in pieces:
            if call is None:
                html += escape(text)
                continue
            # a break may come at any slash: names of nested calls are long
            html += f"<a style='color: {colour}; text-decoration: none' href='call:{len(self._calls)}'>{escape(text)}</a>"
            self._calls.append(call)
        self.setText(html)
        self.setAccessibleDescription("".join(text for text, _ in pieces))
        self.show()

    def set_palette(self, palette: Palette) -> None:
        """Paints in these colours."""
        self._palette = palette
        self.setStyleSheet(f"QLabel#way-bar {{ color: {palette.text}; background: {palette.card}; border-radius: 5px; padding: 4px 7px; }}")
