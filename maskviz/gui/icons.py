"""MaskViz' own line icons, drawn in a palette's colours."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from maskviz import resources
from maskviz.palette import Palette

SIZE = 18  # logical pixels of the largest use; Qt scales down
SCALES = (1, 2, 3)


@cache
def _source(name: str) -> str:
    return (resources.root() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def _paint(icon: QIcon, source: str, size: int, mode: QIcon.Mode) -> None:
    renderer = QSvgRenderer(QByteArray(source.encode()))
    for scale in SCALES:
        pixmap = QPixmap(size * scale, size * scale)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        try:
            renderer.render(painter)
        finally:
            painter.end()
        pixmap.setDevicePixelRatio(scale)
        icon.addPixmap(pixmap, mode)


@cache
def line_icon(name: str, colour: str, faint: str) -> QIcon:
    """A line icon in ``colour``, and in ``faint`` where its action is disabled."""
    icon = QIcon()
    _paint(icon, _source(name).replace("currentColor", colour), SIZE, QIcon.Mode.Normal)
    _paint(icon, _source(name).replace("currentColor", faint), SIZE, QIcon.Mode.Disabled)
    return icon


def icon(name: str, colours: Palette) -> QIcon:
    """The line icon of that name for text in a palette."""
    return line_icon(name, colours.text, colours.edge)


def quiet_icon(name: str, colours: Palette) -> QIcon:
    """The line icon of that name for what should not draw the eye."""
    return line_icon(name, colours.muted, colours.edge)


@cache
def app_icon() -> QIcon:
    """The application's icon."""
    result = QIcon()
    for size in (16, 32, 64, 128):
        _paint(result, _source("maskviz"), size, QIcon.Mode.Normal)
    return result
