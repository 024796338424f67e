"""A sheet of facts: captions, and lines of a name and a value, as selectable text with links and small share bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import QElapsedTimer, QRectF, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QContextMenuEvent, QFontInfo, QImage, QKeyEvent, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QTextBrowser, QVBoxLayout, QWidget

from maskviz.core.status import Status
from maskviz.export.graph_painting import paint_share
from maskviz.palette import STATUS_WORDS, Palette
from maskviz.session.document import Document

CALM_MS = 150  # results that come back sooner than this are not dimmed in between
REDRAW_MS = 60  # the least time between two drawings of a sheet
BAR = QSize(104, 8)  # fits beside the names in a narrow pane
NUMBER_WIDTH = 12  # characters of a single number, sign and exponent included; more is two numbers that are compared
BESIDE = 12  # pixels between the text and the scroll bar, or the pane's edge


@dataclass(frozen=True)
class Line:
    """One line: ``key`` and ``value`` as plain text, ``note`` muted beneath. ``link`` makes the value a link, ``tone`` colours it
    (a field of the palette, or a status), ``shares`` draws a bar of step counts by status. ``tip`` says what a link does; a ``marked``
    line stands out: what its link shows is being shown."""

    key: str
    value: str = ""
    note: str = ""
    link: str | None = None
    tone: str | Status | None = None
    shares: Mapping[Status, int] | None = None
    tip: str = ""
    marked: bool = False


@dataclass(frozen=True)
class Section:
    """A caption (muted) with a title, sentences beneath, and lines. ``numbers`` aligns the values to the right, in digits of one width;
    ``quiet`` sentences say what to wait for or what to do and are muted."""

    caption: str
    title: str = ""
    sentences: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    numbers: bool = False
    quiet: bool = False


def share_words(shares: Mapping[Status, int]) -> str:
    """``15 kept · 9 skipped``: the statuses that occur, with their counts."""
    return " · ".join(f"{n:,} {STATUS_WORDS[s][0]}" for s, n in shares.items() if n)


def as_text(sections: Sequence[Section]) -> str:
    """The sections as plain text, a tab between a name and its value."""
    rows = []
    for section in sections:
        rows += [f"{section.caption} {section.title}".strip(), *section.sentences]
        for line in section.lines:
            value = share_words(line.shares) if line.shares is not None else line.value
            rows.append("\t".join(part for part in (line.key, value, line.note) if part))
        rows.append("")
    return "\n".join(rows).strip() + "\n"


def as_markdown(sections: Sequence[Section]) -> str:
    """The sections as Markdown: a heading and a table each."""

    def cell(text: str) -> str:
        return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")

    parts = []
    for section in sections:
        parts.append(f"**{' '.join(filter(None, (section.caption.capitalize(), section.title)))}**")
        parts += [cell(sentence) for sentence in section.sentences]
        rows = [(line.key, share_words(line.shares) if line.shares is not None else line.value, line.note) for line in section.lines]
        if rows:
            right = "---:" if section.numbers else "---"
            table = ["| | | |", f"| --- | {right} | --- |", *(f"| {' | '.join(map(cell, row))} |" for row in rows)]
            parts.append("\n".join(table))
    return "\n\n".join(parts) + "\n"


class Sheet(QTextBrowser):
    """Shows sections; ``followed`` carries the ``link`` of a line that was clicked."""

    followed = Signal(str)

    def __init__(self, palette: Palette, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = palette
        self._sections: tuple[Section, ...] = ()
        self._faded = False
        self._below = 0  # pixels that are left free so that no line is cut through
        self._html = ""
        self._links: list[str] = []  # a name from a file may hold anything, so a URL only holds its number here
        self.setAccessibleName(name)
        self.setOpenLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setViewportMargins(0, 0, BESIDE, 0)
        self.document().setDocumentMargin(0)
        self.anchorClicked.connect(lambda url: self.followed.emit(self._links[int(url.path())]))
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self._render)
        self._drawn = QElapsedTimer()

    def sizeHint(self) -> QSize:
        return QSize(300, 240)

    def set_palette(self, palette: Palette) -> None:
        """Draw in these colours."""
        self._palette = palette
        self._redraw()

    def set_faded(self, faded: bool) -> None:
        """Dim the sheet: what it shows is older than the batch."""
        if faded != self._faded:
            self._faded = faded
            self._redraw()

    def set_sections(self, sections: Sequence[Section]) -> None:
        """Show these sections."""
        self._sections = tuple(sections)
        self._redraw()

    @property
    def sections(self) -> tuple[Section, ...]:
        """What is shown."""
        return self._sections

    def text(self) -> str:
        """All of it as plain text."""
        return as_text(self._sections)

    def copy_all(self) -> None:
        """Put all of it on the clipboard as plain text."""
        QApplication.clipboard().setText(self.text())

    def copy_markdown(self) -> None:
        """Put all of it on the clipboard as Markdown."""
        QApplication.clipboard().setText(as_markdown(self._sections))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy) and not self.textCursor().hasSelection():
            self.copy_all()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.createStandardContextMenu(event.pos())
        menu.addAction("Copy everything as text", self.copy_all)
        menu.addAction("Copy everything as Markdown", self.copy_markdown)
        menu.exec(event.globalPos())
        menu.deleteLater()

    # --- drawing

    def _redraw(self) -> None:
        """Draw once for all that changes in one turn of the event loop, and not faster than can be read: a drag needs the time."""
        if not self._later.isActive():
            self._later.start(max(REDRAW_MS - self._drawn.elapsed(), 0) if self._drawn.isValid() else 0)

    def _render(self) -> None:
        self._links = []
        html = "".join(self._section_html(s) for s in self._sections)
        key = f"{self._palette.name}{self._faded}{self._links}{html}"
        if key == self._html:
            return  # keeps the user's text selection while nothing changes
        self._html = key
        self._drawn.start()
        bar = self.verticalScrollBar()
        place = bar.value()
        colours = self._palette
        self.setStyleSheet(f"QTextBrowser {{ background: {colours.pane}; border: none; border-radius: 0px; padding: 10px 0px 10px 14px; }}")
        self.document().setDefaultStyleSheet(self._css())
        self.setHtml(f"<body>{html}</body>")
        bar.setValue(place)
        self._end_with_a_line()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._end_with_a_line()

    def _end_with_a_line(self) -> None:
        """Leave room below where a line would be cut through."""
        if self.verticalScrollBar().value():
            return
        room = self.viewport().height() + self._below
        layout, block, cut = self.document().documentLayout(), self.document().begin(), 0
        while block.isValid() and not cut:
            rect = layout.blockBoundingRect(block)
            if rect.top() < room < rect.bottom() and rect.height() < room / 2:
                cut = room - int(rect.top()) + 2
            block = block.next()
        if cut != self._below:
            self._below = cut
            self.setViewportMargins(0, 0, BESIDE, cut)

    def _css(self) -> str:
        colours, size = self._palette, QFontInfo(self.font()).pixelSize()
        text = colours.muted if self._faded else colours.text
        small = max(round(size * 0.86), 10)
        return (
            f"body, td {{ color: {text}; }} td {{ padding: 3px 12px 3px 0px; }} td.last {{ padding-right: 0px; }}"
            f"a {{ color: {colours.accent}; text-decoration: none; }}"
            f".caption {{ color: {colours.muted}; font-weight: 700; font-size: {small}px; }}"
            f".key, .muted {{ color: {colours.muted}; }} .note {{ color: {colours.muted}; font-size: {small}px; }}"
            ".number { font-family: 'DejaVu Sans Mono', Menlo, Consolas, monospace; }"
        )

    def _section_html(self, section: Section) -> str:
        head = f"<span class='caption'>{escape(section.caption)}</span>"
        if section.title:
            head += f"<span class='caption'>&nbsp; {escape(section.title)}</span>"
        muted = " class='muted'" if section.quiet else ""
        sentences = "".join(f"<p style='margin: 4px 0'{muted}>{escape(s)}</p>" for s in section.sentences)
        wide = any(len(line.value) > NUMBER_WIDTH for line in section.lines if line.key)
        lines = "".join(self._line_html(line, section.numbers, 52 if wide else 78) for line in section.lines)
        table = f"<table width='100%' cellspacing='0' cellpadding='0'>{lines}</table>" if lines else ""
        return f"<p style='margin: 0 0 4px 0'>{head}</p>{sentences}{table}<p style='margin: 0; font-size: 8px'>&nbsp;</p>"

    def _line_html(self, line: Line, number: bool, key_percent: int) -> str:
        value = escape(line.value)
        if line.tone and not self._faded:
            colour = self._palette.status[line.tone] if isinstance(line.tone, Status) else getattr(self._palette, line.tone)
            value = f"<span style='color: {colour}'>{value}</span>"
        if line.link:
            marked = f" style='background-color: {self._palette.groove}'" if line.marked else ""
            value = f"<a href='link:{len(self._links)}' title='{escape(line.tip)}'{marked}>{value}</a>"
            self._links.append(line.link)
        if number and line.key:
            value = f"<span class='number'>{value}</span>"
        if line.shares is not None:
            value = self._shares_html(line.shares)
        if not line.key:
            return f"<tr><td colspan='2'>{value}</td></tr>"
        note = f"<span class='note'>{escape(line.note)}</span>" if line.note else ""
        if number:
            beneath = f"<br>{note}" if note else ""
            key = f"<td class='key' width='{key_percent}%'>{escape(line.key)}{beneath}</td>"
            return f"<tr>{key}<td align='right' class='last'>{value}</td></tr>"
        beneath = f"<br>{note}" if note and value else note
        width = self.fontMetrics().horizontalAdvance("supports_masking") + 14
        return f"<tr><td class='key' width='{width}'>{escape(line.key)}</td><td class='last'>{value}{beneath}</td></tr>"

    def _shares_html(self, shares: Mapping[Status, int]) -> str:
        counts = ",".join(str(shares.get(s, 0)) for s in Status)
        words = "&nbsp; ".join(
            f"<span style='color: {self._palette.status[s]}'>■</span>&nbsp;{n:,}&nbsp;{STATUS_WORDS[s][0]}" for s, n in shares.items() if n
        )
        look = f"{self._palette.name}{self._palette.status[Status.KEPT][1:]}"  # another name for other colours: images are kept by name
        image = f"<img src='shares:{look}/{counts}' width='{BAR.width()}' height='{BAR.height()}'>"
        return f"{image}<br><span class='note'>{words or 'no steps'}</span>"

    def loadResource(self, kind: int, url: QUrl | str) -> object:
        """The share bars, painted when the text asks for them."""
        name = url.toString() if isinstance(url, QUrl) else url
        if not name.startswith("shares:"):
            return None  # nothing is ever read from a disk or a network
        counts = [int(n) for n in name.split("/")[1].split(",")]
        return share_bar(counts, self._palette, self.devicePixelRatioF())


def share_bar(counts: Sequence[int], palette: Palette, ratio: float) -> QImage:
    """A bar of step counts in the order of ``Status``: hatched for skipped, outlined for unmasked."""
    image = QImage(BAR * ratio, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    try:
        left, total = 0.0, max(sum(counts), 1)
        for status, count in zip(Status, counts, strict=True):
            if count:
                width = BAR.width() * count / total
                paint_share(painter, QRectF(left, 0, width, BAR.height()), status, palette)
                left += width
    finally:
        painter.end()
    return image


class SheetPanel(QWidget):
    """A pane with one sheet that says what ``describe`` makes of the document, dimmed while the document's results are stale."""

    def __init__(
        self,
        document: Document,
        palette: Palette,
        name: str,
        describe: Callable[[Document], tuple[Section, ...]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.document = document
        self.sheet = Sheet(palette, name)
        self._describe = describe
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.sheet)
        self._fade = QTimer(self, singleShot=True, interval=CALM_MS)
        self._fade.timeout.connect(lambda: self.sheet.set_faded(document.stale))
        document.stale_changed.connect(self._stale)
        d = document
        for signal in (d.network_changed, d.batch_changed, d.trace_changed, d.selection_changed, d.engine_changed):
            signal.connect(self.refresh)
        self.refresh()

    def set_palette(self, palette: Palette) -> None:
        """Draw in these colours."""
        self.sheet.set_palette(palette)

    def refresh(self) -> None:
        """Say what the document holds now."""
        self.sheet.set_sections(self._describe(self.document))

    def _stale(self, stale: bool) -> None:
        if stale:
            self._fade.start()
        else:
            self._fade.stop()
            self.sheet.set_faded(False)
