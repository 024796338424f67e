"""One drawing on several media: PNG with dpi and words, SVG with its text as outlines, PDF with its fonts embedded.

A drawing is painted by the same QPainter code on all of them, in logical pixels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from maskviz.core.errors import UnusableInput
from maskviz.export.outlines import text_as_outlines

Format = Literal["png", "svg", "pdf"]
MM_PER_INCH = 25.4
CSS_DPI = 96  # of the lengths in an SVG file
PDF_DPI = 1200
VECTOR_RESOLUTION = 4.0  # of cells that are smaller than a logical pixel


@dataclass(frozen=True)
class Drawing:
    """What is painted: its size in logical pixels, the pixels of a file per logical one, and its ground (None: transparent).

    ``paint`` gets a painter in logical pixels, and the resolution in device pixels per logical one.
    """

    width: float
    height: float
    scale: float
    paint: Callable[[QPainter, float], None]
    ground: str | None = None
    dpi: int = 96

    @property
    def pixels(self) -> QSize:
        """Size of a picture."""
        return QSize(max(1, round(self.width * self.scale)), max(1, round(self.height * self.scale)))

    @property
    def millimetres(self) -> tuple[float, float]:
        """Width and height on paper."""
        return self.width * self.scale / self.dpi * MM_PER_INCH, self.height * self.scale / self.dpi * MM_PER_INCH


def image_of(drawing: Drawing) -> QImage:
    """The drawing as a picture with its dpi set. Raises UnusableInput where it would be too large."""
    opaque = drawing.ground is not None
    image = QImage(drawing.pixels, QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied)
    if image.isNull():
        size = drawing.pixels
        raise UnusableInput(f"A picture of {size.width()} × {size.height()} pixels is too large; choose a smaller width.")
    image.fill(QColor(drawing.ground) if opaque else Qt.GlobalColor.transparent)
    image.setDevicePixelRatio(drawing.scale)
    image.setDotsPerMeterX(round(drawing.dpi / 0.0254))
    image.setDotsPerMeterY(round(drawing.dpi / 0.0254))
    painter = QPainter(image)
    try:
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        drawing.paint(painter, drawing.scale)
    finally:
        painter.end()
    return image


def png_bytes(image: QImage, texts: Mapping[str, str]) -> bytes:
    """A PNG file with text keys."""
    for key, text in texts.items():
        image.setText(key, text)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise UnusableInput(f"A picture of {image.width()} × {image.height()} pixels is too large; choose a smaller width.")
    return bytes(buffer.data().data())


def svg_bytes(drawing: Drawing, texts: Mapping[str, str]) -> bytes:
    """An SVG file as wide on paper as the picture would be; its text is drawn as outlines, so that it needs no font."""
    buffer, generator = QBuffer(), QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator.setOutputDevice(buffer)
    generator.setResolution(CSS_DPI)
    generator.setSize(drawing.pixels)
    generator.setViewBox(QRectF(0, 0, drawing.width, drawing.height))
    generator.setTitle(texts.get("Title", ""))
    generator.setDescription(" · ".join(f"{k}: {v}" for k, v in texts.items() if k != "Title"))
    _paint_on(generator, drawing, 1.0)
    wide, high = drawing.millimetres  # the generator knows whole pixels only
    exact = re.sub(
        rb'<svg width="[^"]*" height="[^"]*"', f'<svg width="{wide:.4f}mm" height="{high:.4f}mm"'.encode(), bytes(buffer.data().data())
    )
    return text_as_outlines(exact)


def pdf_bytes(drawing: Drawing, texts: Mapping[str, str]) -> bytes:
    """A PDF file of one page as large as the picture would be on paper."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setPageSize(QPageSize(QSizeF(*drawing.millimetres), QPageSize.Unit.Millimeter, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF())
    writer.setResolution(PDF_DPI)
    writer.setTitle(texts.get("Title", ""))
    writer.setCreator(texts.get("Software", ""))
    _paint_on(writer, drawing, PDF_DPI / drawing.dpi * drawing.scale)
    return bytes(buffer.data().data())


def _paint_on(device: QSvgGenerator | QPdfWriter, drawing: Drawing, scale: float) -> None:
    painter = QPainter(device)
    try:
        painter.scale(scale, scale)
        if drawing.ground is not None:
            painter.fillRect(QRectF(0, 0, drawing.width, drawing.height), QColor(drawing.ground))
        drawing.paint(painter, VECTOR_RESOLUTION)
    finally:
        painter.end()


def file_bytes(drawing: Drawing, format: Format, texts: Mapping[str, str]) -> bytes:
    """A whole file of a format."""
    if format == "svg":
        return svg_bytes(drawing, texts)
    if format == "pdf":
        return pdf_bytes(drawing, texts)
    return png_bytes(image_of(drawing), texts)
