"""The inspector: everything known about the selected call, input or loss, as a sheet of facts."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from maskviz.gui.inspector.facts import LINK, sections
from maskviz.gui.sheet import SheetPanel
from maskviz.palette import Palette
from maskviz.session.document import Document


class InspectorPanel(SheetPanel):
    """Shows the selected call; a click on a source selects that call."""

    def __init__(self, document: Document, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(document, palette, "Inspector", sections, parent)
        self.setObjectName("inspector")
        document.comparison.changed.connect(self.refresh)
        self.sheet.followed.connect(self._follow)

    def _follow(self, link: str) -> None:
        if link.startswith(LINK):
            self.document.select(call=link.removeprefix(LINK))
