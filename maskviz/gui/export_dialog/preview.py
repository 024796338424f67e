"""The preview of a figure as it will be written, with its size below; it walks through time where the file will."""

from __future__ import annotations

from time import monotonic

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from maskviz.export.figures import FigureStyle
from maskviz.export.files import FRAME_MS
from maskviz.export.kinds import AnyFigure, at_step, drawing_of, steps_of
from maskviz.export.media import Drawing, image_of

PIXELS = 1000  # its width, at most: at full size a large graph takes seconds
CHECK = 10  # side of a square of the ground that shows through a transparent figure


class Picture(QWidget):
    """An image as large as fits, or a sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.image = QImage()
        self.words = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 240)
        self.setAccessibleName("Preview")

    def show_image(self, image: QImage, words: str = "") -> None:
        """Show an image, or words in its place."""
        self.image, self.words = image, words
        self.setAccessibleDescription(words)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            if self.image.isNull():
                painter.setPen(self.palette().placeholderText().color())
                painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self.words)
                return
            ratio = self.devicePixelRatioF()
            room = QSize(round(self.width() * ratio), round(self.height() * ratio))
            size = self.image.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio) / ratio
            place = QRectF((self.width() - size.width()) / 2, (self.height() - size.height()) / 2, size.width(), size.height())
            if self.image.hasAlphaChannel():
                _paint_checks(painter, place)
            plain = QImage(self.image)
            plain.setDevicePixelRatio(1.0)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(
                place, plain.scaled((size * ratio), Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
            )
        finally:
            painter.end()


def _paint_checks(painter: QPainter, place: QRectF) -> None:
    painter.save()
    painter.setClipRect(place)
    painter.fillRect(place, QColor("#ffffff"))
    for row in range(int(place.height() // CHECK) + 1):
        for column in range(row % 2, int(place.width() // CHECK) + 1, 2):
            painter.fillRect(QRectF(place.left() + column * CHECK, place.top() + row * CHECK, CHECK, CHECK), QColor("#d8dbe0"))
    painter.restore()


class Preview(QWidget):
    """A picture of a figure and, below it, how large the file will be."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = Picture()
        self.size_label = QLabel()
        self.size_label.setProperty("look", "muted")
        self.size_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.picture, 1)
        layout.addWidget(self.size_label)
        self._figure: AnyFigure | None = None
        self._style = FigureStyle()
        self._step = 0
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._next)

    def show_words(self, words: str) -> None:
        """Say why there is no picture."""
        self._clock.stop()
        self.picture.show_image(QImage(), words)
        self.size_label.clear()

    def show_drawing(self, drawing: Drawing) -> None:
        """Show a drawing, with fewer pixels than it will have."""
        whole = drawing.pixels
        small = min(1.0, PIXELS / whole.width())
        image = image_of(Drawing(drawing.width, drawing.height, drawing.scale * small, drawing.paint, drawing.ground, drawing.dpi))
        wide, high = drawing.millimetres
        self.size_label.setText(f"{whole.width()} × {whole.height()} px · {wide:.0f} × {high:.0f} mm")
        self.picture.show_image(image)

    def show_figure(self, figure: AnyFigure, style: FigureStyle, walking: bool = False) -> None:
        """Show a figure; ``walking`` through its timesteps, unless that takes too long to paint."""
        self._figure, self._style = figure, style
        began = monotonic()
        self.show_drawing(drawing_of(at_step(figure, self._step) if walking else figure, style))
        steps, took = steps_of(figure), (monotonic() - began) * 1000
        if walking and steps:
            self.size_label.setText(f"{self.size_label.text()} · {steps} {'timestep' if steps == 1 else 'timesteps'}")
        if walking and steps > 1 and took < FRAME_MS / 3:
            self._clock.start(FRAME_MS)
        else:
            self._clock.stop()

    def _next(self) -> None:
        if self._figure is None or not self.isVisible():
            self._clock.stop()
            return
        self._step = (self._step + 1) % max(steps_of(self._figure), 1)
        self.show_figure(self._figure, self._style, walking=True)
