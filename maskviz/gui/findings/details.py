"""What a finding's card shows unfolded: why it is so, the fix as code, where to read more, and the numbers."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from PySide6.QtCore import QSize, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QFontDatabase, QGuiApplication, QResizeEvent, QTextOption
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from maskviz.core.finding import Finding
from maskviz.gui.findings.words import evidence_lines, link_words, verdict
from maskviz.gui.words import tr

COPIED_MS = 1500
WIDE = QSize(820, 460)


def label(look: str, text: str = "") -> QLabel:
    """Plain words that let the mouse through to the card."""
    made = QLabel(text)
    made.setProperty("look", look)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(look != "caption")
    made.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, look != "caption")
    return made


def link(text: str, clicked: Callable[[], object]) -> QPushButton:
    """A button that looks like a link."""
    button = QPushButton(text)
    button.setProperty("look", "link")
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    button.clicked.connect(lambda: clicked())
    return button


class Code(QPlainTextEdit):
    """Code to read and copy: long lines are wrapped, and all of it is shown, so that nothing scrolls in what scrolls already."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setProperty("look", "code")
        self.setAccessibleName(tr("The fix as code"))
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(max(10, round(self.fontInfo().pixelSize() * 0.86)))
        self.setFont(font)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        blocks = (self.document().findBlockByNumber(n) for n in range(self.document().blockCount()))
        text = sum(self.blockBoundingRect(block).height() for block in blocks) + self.document().documentMargin() + 2
        self.setFixedHeight(ceil(text) + self.height() - self.viewport().height())


def show_wide(text: str, title: str, above: QWidget) -> QDialog:
    """The code in a window of its own, its lines as they are."""
    dialog = QDialog(above.window())
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    code = QPlainTextEdit(text, dialog, readOnly=True, lineWrapMode=QPlainTextEdit.LineWrapMode.NoWrap)
    code.setProperty("look", "code")
    code.setAccessibleName(tr("The fix as code"))
    code.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(copy_button(text))
    column = QVBoxLayout(dialog)
    column.addWidget(code)
    column.addLayout(row)
    dialog.resize(WIDE)
    dialog.show()
    return dialog


def copy_button(text: str) -> QPushButton:
    """Puts the code on the clipboard, and says so for a moment."""
    button = QPushButton(tr("Copy fix"))

    def copy() -> None:
        QGuiApplication.clipboard().setText(text)
        button.setText(tr("Copied ✓"))
        QTimer.singleShot(COPIED_MS, button, lambda: button.setText(tr("Copy fix")))

    button.clicked.connect(copy)
    return button


def details(finding: Finding, refusal: str, ignore: QPushButton) -> QWidget:
    """The code with what can be done with it, why it is needed, whether it was tried, and the evidence."""
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 4, 0, 2)
    column.setSpacing(6)
    column.addLayout(_code_row(finding, made))
    if finding.fix:
        column.addWidget(Code(finding.fix))
    for said in (finding.why, verdict(finding), refusal):
        if said:
            column.addWidget(label("muted", said))
    if finding.evidence:
        column.addLayout(_evidence(finding))
    column.addWidget(ignore, 0, Qt.AlignmentFlag.AlignLeft)
    return made


def _code_row(finding: Finding, above: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(10)
    if finding.fix:
        row.addWidget(copy_button(finding.fix))
        wide = link(tr("Wide ↗"), lambda: show_wide(finding.fix, tr("The fix of {id}").format(id=finding.id), above))
        wide.setToolTip(tr("Show the code in a window of its own"))
        wide.setAccessibleName(wide.toolTip())
        row.addWidget(wide)
    if finding.link.startswith("https://"):
        site = link(f"{link_words(finding.link)} ↗", lambda: QDesktopServices.openUrl(QUrl(finding.link)))
        site.setToolTip(finding.link)
        site.setAccessibleName(f"Open {finding.link} in the browser")
        site.setObjectName("link")
        row.addWidget(site)
    row.addStretch(1)
    return row


def _evidence(finding: Finding) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(10)
    grid.setVerticalSpacing(2)
    grid.setColumnStretch(0, 1)
    for row, (name, value) in enumerate(evidence_lines(finding)):
        number = label("number", value)
        number.setWordWrap(False)
        grid.addWidget(label("muted", name), row, 0)
        grid.addWidget(number, row, 1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
    return grid
