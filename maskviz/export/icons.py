"""The application's icon as PNG files of any size."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from maskviz.export.media import png_bytes


def png_of_svg(svg: bytes, size: int) -> bytes:
    """An SVG drawing as a PNG file of ``size`` × ``size`` pixels, transparent where nothing is."""
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    try:
        QSvgRenderer(QByteArray(svg)).render(painter)
    finally:
        painter.end()
    return png_bytes(image, {})
