"""One finding as a card: what is wrong; unfolded also why, the numbers, and the fix as code; and what came of applying it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from maskviz.core.finding import Finding
from maskviz.gui.findings.details import details, label, link
from maskviz.gui.findings.outcome import Outcome
from maskviz.gui.findings.words import as_text, headline
from maskviz.gui.words import tr
from maskviz.session.repairs import Repairing

IGNORE = "Do not show this finding for this file any more"
SHOW_AGAIN = "Show this finding again"


class FindingCard(QFrame):
    """``chosen`` carries the finding when the card is clicked, or Enter or Space is pressed on it, ``applied`` when its fix is to be
    applied, ``ignored`` when it is not to be shown here, or again; ``unfolds`` when the fix is asked for.

    ``refusal`` says why its fix cannot be applied by itself, empty where it can be.
    """

    chosen = Signal(object)
    applied = Signal(object)
    ignored = Signal(object, bool)
    unfolds = Signal()

    def __init__(self, finding: Finding, refusal: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.finding = finding
        self._refusal = refusal
        self._is_ignored = False
        self._repairing = Repairing()
        self._details: QWidget | None = None
        self.setProperty("look", "finding")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.title, self.text, self.kind = label("strong"), label("muted"), label("caption")
        self.toggle = link("", self._turn)
        self.apply = link(tr("Apply fix"), self._apply)
        self.apply.setToolTip(tr("Repair a copy of the network, and run the same tests on it"))
        self.outcome = Outcome()
        foot = QHBoxLayout()
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setSpacing(14)
        foot.addWidget(self.toggle)
        foot.addWidget(self.apply)
        foot.addStretch(1)
        foot.addWidget(self.kind)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 8, 10, 5)
        self._column.setSpacing(3)
        self._column.addWidget(self.title)
        self._column.addWidget(self.text)
        self._column.addLayout(foot)
        self._column.addWidget(self.outcome)
        self.show_finding(finding)

    @property
    def unfolded(self) -> bool:
        """Whether the fix is shown."""
        return self._details is not None

    def show_finding(self, finding: Finding) -> None:
        """Say what this finding says, unfolded or not as before."""
        unfolded = self.unfolded
        self.set_unfolded(False)
        self.finding = finding
        title, text = headline(finding.sentence)
        self.title.setText(title)
        self.text.setText(text)
        self.text.setVisible(bool(text))
        self.kind.setText(finding.id.partition("-")[0])
        self.kind.setToolTip(f"{finding.severity}: {finding.id}")
        self.setProperty("level", str(finding.severity))
        self.setAccessibleName(f"{finding.severity}: {finding.sentence}")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Click to see where" if finding.call is None else f"Click to see where: {finding.call}")
        self.apply.setAccessibleName(f"Apply fix: {title}")
        self.set_unfolded(unfolded)
        self.show_repair(self._repairing)
        self._polish()

    def set_selected(self, selected: bool) -> None:
        """Mark the card whose call is selected."""
        if self.property("selected") != selected:
            self.setProperty("selected", selected)
            self._polish()

    def set_ignored(self, ignored: bool) -> None:
        """Whether the finding is ignored for this file, and shown all the same."""
        if ignored != self._is_ignored:
            self._is_ignored = ignored
            self.show_finding(self.finding)

    def show_repair(self, state: Repairing) -> None:
        """Say what came of applying the fix."""
        self._repairing = state
        self.outcome.show_state(state)
        again = state.stale or state.kind == "untried"
        self.apply.setText(tr("Apply again") if state.stale else tr("Apply fix"))
        self.apply.setVisible(again and not self._refusal and bool(self.finding.fix))

    def set_unfolded(self, unfolded: bool) -> None:
        """Show or hide why it is so, the numbers and the fix."""
        what = "the fix" if self.finding.fix else "why"
        self.toggle.setText(f"Hide {what} ↑" if unfolded else f"Show {what} →")
        self.toggle.setAccessibleName(f"{'Hide' if unfolded else 'Show'} {what}: {self.title.text()}")
        if unfolded == self.unfolded:
            return
        if self._details is None:
            self._details = details(self.finding, self._refusal if self.finding.fix else "", self._ignore_link())
            self._column.addWidget(self._details)
        else:
            self._details.hide()
            self._details.deleteLater()
            self._details = None

    def _apply(self) -> None:
        self.setFocus()  # the button vanishes while it is tried, and the keyboard must not go on to another card
        self.applied.emit(self.finding)

    def _turn(self) -> None:
        self.set_unfolded(not self.unfolded)
        if self.unfolded:
            self.unfolds.emit()

    def _ignore_link(self) -> QPushButton:
        words = tr("Heed again") if self._is_ignored else tr("Ignore here")
        turn = link(words, self._turn_ignored)
        turn.setToolTip(SHOW_AGAIN if self._is_ignored else IGNORE)
        turn.setAccessibleName(f"{words}: {self.title.text()}")
        return turn

    def _turn_ignored(self) -> None:
        self.ignored.emit(self.finding, not self._is_ignored)

    def copy(self) -> None:
        """Put all of the finding on the clipboard as text."""
        QGuiApplication.clipboard().setText(as_text(self.finding))

    def _polish(self) -> None:
        self.style().unpolish(self)
        self.style().polish(self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.chosen.emit(self.finding)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self.finding)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction("Copy this finding as text", self.copy)
        if not self.apply.isHidden():
            menu.addAction("Apply the fix to a copy", lambda: self.applied.emit(self.finding))
        menu.addAction(SHOW_AGAIN if self._is_ignored else IGNORE, self._turn_ignored)
        menu.exec(event.globalPos())
        menu.deleteLater()
