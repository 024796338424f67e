"""One finding as a card: what is wrong; unfolded also why, the numbers, and the fix as code; and what came of applying it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QContextMenuEvent, QDesktopServices, QFontDatabase, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QMenu, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from maskviz.core.finding import Finding
from maskviz.gui.findings.outcome import Outcome
from maskviz.gui.findings.words import as_text, evidence_lines, headline, verdict
from maskviz.gui.words import tr
from maskviz.session.repairs import Repairing

COPIED_MS = 1500
MOST_LINES = 16  # of code on screen; more are scrolled to
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
        self.title, self.text, self.kind = _label("strong"), _label("muted"), _label("caption")
        self.toggle = _link("", self._turn)
        self.apply = _link(tr("Apply fix"), lambda: self.applied.emit(self.finding))
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
        self._column.addWidget(self.outcome)
        self._column.addLayout(foot)
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
            self._details = _details(self.finding, self._refusal if self.finding.fix else "", self._ignore_link())
            self._column.insertWidget(3, self._details)
        else:
            self._details.hide()
            self._details.deleteLater()
            self._details = None

    def details_top(self) -> int:
        """Where in the card the details begin."""
        return 0 if self._details is None else self._details.y()

    def _turn(self) -> None:
        self.set_unfolded(not self.unfolded)
        if self.unfolded:
            self.unfolds.emit()

    def _ignore_link(self) -> QPushButton:
        words = tr("Heed again") if self._is_ignored else tr("Ignore here")
        link = _link(words, self._turn_ignored)
        link.setToolTip(SHOW_AGAIN if self._is_ignored else IGNORE)
        link.setAccessibleName(f"{words}: {self.title.text()}")
        return link

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


def _label(look: str, text: str = "") -> QLabel:
    label = QLabel(text)
    label.setProperty("look", look)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(look != "caption")
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, look != "caption")
    return label


def _link(text: str, clicked: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setProperty("look", "link")
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    button.clicked.connect(lambda: clicked())
    return button


def _details(finding: Finding, refusal: str, ignore: QPushButton) -> QWidget:
    """Why, the code with a button that copies it, the link, and the evidence."""
    details = QWidget()
    column = QVBoxLayout(details)
    column.setContentsMargins(0, 4, 0, 2)
    column.setSpacing(6)
    column.addWidget(_label("muted", finding.why))
    if finding.fix:
        column.addWidget(_code(finding.fix))
    for said in (verdict(finding), refusal):
        if said:
            column.addWidget(_label("muted", said))
    row = QHBoxLayout()
    row.setSpacing(8)
    if finding.fix:
        row.addWidget(_copy_button(finding.fix))
    if finding.link.startswith("https://"):
        site = _link(f"{urlsplit(finding.link).hostname} ↗", lambda: QDesktopServices.openUrl(QUrl(finding.link)))
        site.setToolTip(finding.link)
        site.setAccessibleName(f"Open {finding.link} in the browser")
        site.setObjectName("link")
        row.addWidget(site)
    row.addStretch(1)
    column.addLayout(row)
    if finding.evidence:
        column.addLayout(_evidence(finding))
    column.addWidget(ignore, 0, Qt.AlignmentFlag.AlignLeft)
    return details


def _evidence(finding: Finding) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(10)
    grid.setVerticalSpacing(2)
    grid.setColumnStretch(0, 1)
    for row, (name, value) in enumerate(evidence_lines(finding)):
        number = _label("number", value)
        number.setWordWrap(False)
        grid.addWidget(_label("muted", name), row, 0)
        grid.addWidget(number, row, 1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
    return grid


def _code(text: str) -> QPlainTextEdit:
    code = QPlainTextEdit(text)
    code.setProperty("look", "code")
    code.setAccessibleName("The fix as code")
    code.setReadOnly(True)
    code.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    code.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    code.setTabChangesFocus(True)
    lines = min(text.count("\n") + 1, MOST_LINES)
    code.setFixedHeight(lines * (code.fontMetrics().lineSpacing() + 1) + code.horizontalScrollBar().sizeHint().height() + 16)
    return code


def _copy_button(text: str) -> QPushButton:
    button = QPushButton("Copy fix")

    def copy() -> None:
        QGuiApplication.clipboard().setText(text)
        button.setText("Copied ✓")
        QTimer.singleShot(COPIED_MS, button, lambda: button.setText("Copy fix"))

    button.clicked.connect(copy)
    return button
