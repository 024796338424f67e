"""The text of an SVG file as outlines of its letters, so that the file looks the same where its fonts are not installed."""

from __future__ import annotations

import re
from html import unescape

from PySide6.QtGui import QFont, QPainterPath

TEXT = re.compile(r"<text\b([^>]*)>(.*?)</text>", re.DOTALL)
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
KEPT = ("fill", "fill-opacity")


def text_as_outlines(svg: bytes) -> bytes:
    """The file that ``QSvgGenerator`` wrote with a path in the place of every text; the words stay as its ``aria-label``."""
    return TEXT.sub(_outline, svg.decode()).encode()


def _outline(found: re.Match[str]) -> str:
    attributes = dict(ATTRIBUTE.findall(found[1]))
    words = unescape(re.sub(r"<[^>]*>", "", found[2]))
    path = QPainterPath()
    path.addText(float(attributes.get("x", 0)), float(attributes.get("y", 0)), _font(attributes), words)
    if path.isEmpty():
        return ""
    ink = " ".join(f'{name}="{attributes[name]}"' for name in KEPT if name in attributes)
    label = re.sub(r"<[^>]*>", "", found[2]).replace('"', "&quot;")
    return f'<path aria-label="{label}" stroke="none" fill-rule="nonzero" {ink} d="{path_data(path)}"/>'


def _font(attributes: dict[str, str]) -> QFont:
    font = QFont(unescape(attributes.get("font-family", "")))
    font.setPixelSize(max(1, round(float(attributes.get("font-size", "12")))))
    font.setWeight(QFont.Weight(round(int(attributes.get("font-weight", "400")), -2)))
    font.setItalic(attributes.get("font-style") == "italic")
    return font


def path_data(path: QPainterPath) -> str:
    """A painter path as the ``d`` of an SVG path."""
    parts = []
    for k in range(path.elementCount()):
        element = path.elementAt(k)
        letter = {QPainterPath.ElementType.MoveToElement: "M", QPainterPath.ElementType.LineToElement: "L"}.get(element.type, "")
        if element.type == QPainterPath.ElementType.CurveToElement:
            letter = "C"
        parts.append(f"{letter}{element.x:.2f} {element.y:.2f}")
    return " ".join(parts)
