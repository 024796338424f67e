"""The sentence for somebody who tries to edit A."""

from __future__ import annotations

from maskviz.gui.notices import Notices
from maskviz.gui.words import tr
from maskviz.session.document import Document

KEY = "A is shown"


class CompareHint:
    """Says that A stays as it was pinned, until B is shown again."""

    def __init__(self, document: Document, notices: Notices) -> None:
        self._comparison = document.comparison
        self._notices = notices
        self._comparison.edit_refused.connect(self._say)
        self._comparison.changed.connect(self._end)

    def _say(self) -> None:
        sentence = tr("A is pinned and stays as it is: press B to edit what is open now.")
        self._notices.show_notice("info", sentence, action=(tr("Show B"), self._comparison.show_b), key=KEY)

    def _end(self) -> None:
        if self._comparison.side != "A":
            self._notices.dismiss(KEY)
