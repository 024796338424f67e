"""The text of an SVG file as outlines of its letters, so that the file looks the same where its fonts are not installed."""

from __future__ import annotations

import re
from html import unescape

from PySide6.QtGui import QFont, QPainterPath, QRawFont, QTextLayout

TEXT = re.compile(r"<text\b([^>]*)>(.*?)</text>", re.DOTALL)
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
INK = ("fill", "fill-opacity")


def text_as_outlines(svg: bytes) -> bytes:
    """The file that ``QSvgGenerator`` wrote with outlines in the place of every text: each letter of a font is there once and used
    wherever it occurs. The words stay as ``aria-label``."""
    letters = _Letters()
    text = TEXT.sub(letters.outline, svg.decode())
    return text.replace("<defs>", f"<defs>\n{letters.definitions()}", 1).encode()


class _Letters:
    """Letters by font and glyph, with the numbers that they are used by."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._paths: list[str] = []

    def definitions(self) -> str:
        """The letters, for the file's ``defs``."""
        return "".join(f'<path id="letter{number}" d="{path}"/>\n' for number, path in enumerate(self._paths))

    def outline(self, found: re.Match[str]) -> str:
        """What stands in the place of one ``<text>``."""
        attributes = dict(ATTRIBUTE.findall(found[1]))
        label = re.sub(r"<[^>]*>", "", found[2])
        left, base = float(attributes.get("x", 0)), float(attributes.get("y", 0))
        layout = QTextLayout(unescape(label), _font(attributes))
        layout.beginLayout()
        line = layout.createLine()
        layout.endLayout()
        used = []
        for run in layout.glyphRuns():
            font = run.rawFont()
            for glyph, place in zip(run.glyphIndexes(), run.positions(), strict=True):
                number = self._number(font, glyph)
                if number is not None:
                    x, y = left + place.x(), base + place.y() - line.ascent()
                    used.append(f'<use xlink:href="#letter{number}" x="{x:.2f}" y="{y:.2f}"/>')
        if not used:
            return ""
        ink = " ".join(f'{name}="{attributes[name]}"' for name in INK if name in attributes)
        words = label.replace('"', "&quot;")
        return f'<g aria-label="{words}" stroke="none" fill-rule="nonzero" {ink}>{"".join(used)}</g>'

    def _number(self, font: QRawFont, glyph: int) -> int | None:
        """The number of a letter; None for a blank."""
        key = (font.familyName(), font.styleName(), font.weight(), font.pixelSize(), glyph)
        if key not in self._numbers:
            path = font.pathForGlyph(glyph)
            self._numbers[key] = -1 if path.isEmpty() else len(self._paths)
            if not path.isEmpty():
                self._paths.append(path_data(path))
        number = self._numbers[key]
        return None if number < 0 else number


def _font(attributes: dict[str, str]) -> QFont:
    font = QFont(unescape(attributes.get("font-family", "")))
    font.setPixelSize(max(1, round(float(attributes.get("font-size", "12")))))
    font.setWeight(QFont.Weight(round(int(attributes.get("font-weight", "400")), -2)))
    font.setItalic(attributes.get("font-style") == "italic")
    return font


def path_data(path: QPainterPath) -> str:
    """A painter path as the ``d`` of an SVG path."""
    kinds = QPainterPath.ElementType
    letters = {kinds.MoveToElement: "M", kinds.LineToElement: "L", kinds.CurveToElement: "C"}
    parts = []
    for k in range(path.elementCount()):
        element = path.elementAt(k)
        parts.append(f"{letters.get(element.type, '')}{element.x:.2f} {element.y:.2f}")
    return " ".join(parts)
