"""The timestep bar: a slider over the shared time axis, with buttons to play, and to step through time and samples."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractSlider, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from maskviz.gui.elided import ElidedLabel
from maskviz.gui.words import tr
from maskviz.palette import Palette
from maskviz.session.document import Document

STEPS_PER_SECOND = 8
HANDLE = 7.0  # radius
NARROW = 72  # characters; in a narrower bar the selected step is written short


def tick_stride(steps: int, room: float) -> int:
    """How many steps lie between two labelled ticks so that each label has ``room`` steps: 1, 2, 4, 5, 8, 10, 20, 25, 50 …"""
    scale = 1
    while True:
        for stride in (1, 2, 4, 5, 8) if scale == 1 else (1, 2, 2.5, 5):
            if stride * scale >= room:
                return min(int(stride * scale), max(steps, 1))
        scale *= 10


class TimeSlider(QAbstractSlider):
    """A painted slider over steps 0 … T-1 with labelled ticks; a click or drag goes straight to that step."""

    def __init__(self, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.colours = palette
        self.span = (16, 16)  # room left and right of the groove, so that another axis can be lined up with it
        self._ticks = True
        self._part: tuple[float, float] | None = None
        self.setAccessibleName(tr("Timestep"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setPageStep(10)

    def sizeHint(self) -> QSize:
        return QSize(320, 2 * int(HANDLE) + 6 + (2 + self.fontMetrics().height() if self._ticks else 0))

    minimumSizeHint = sizeHint

    def set_ticks(self, ticks: bool) -> None:
        """Label the steps, or not."""
        self._ticks = ticks
        self.updateGeometry()
        self.update()

    def set_range(self, steps: int) -> None:
        """Make room for so many timesteps."""
        self.setRange(0, max(steps - 1, 0))

    def set_part(self, first: float, last: float) -> None:
        """Show the steps from ``first`` up to ``last`` alone, as the heatmaps do that are zoomed in."""
        self._part = None if first <= 0 and last >= self.maximum() + 1 else (first, last)
        self.update()

    @property
    def part(self) -> tuple[float, float]:
        """The part of the axis that is shown: its first step, and the one after its last."""
        return (0.0, self.maximum() + 1.0) if self._part is None else self._part

    @property
    def cell(self) -> float:
        """The width of a step."""
        first, last = self.part
        return max((self.width() - sum(self.span)) / max(last - first, 1e-9), 1e-9)

    def x_of(self, step: float) -> float:
        """Where the middle of a step lies: each step has a cell of equal width, as in the heatmaps."""
        return self.span[0] + (step - self.part[0] + 0.5) * self.cell

    def step_at(self, x: float) -> int:
        """The step under a position; beside the groove one that is not shown yet."""
        return min(max(int((x - self.span[0]) // self.cell + self.part[0]), 0), self.maximum())

    # --- mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setValue(self.step_at(event.position().x()))
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setValue(self.step_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.setValue(self.value() + (1 if event.angleDelta().y() < 0 else -1))
        event.accept()

    # --- painting

    def sliderChange(self, change: QAbstractSlider.SliderChange) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_groove(painter)
            if self._ticks and self.isEnabled():
                self._paint_ticks(painter)
        finally:
            painter.end()

    def _paint_groove(self, painter: QPainter) -> None:
        colours, middle, (left, right) = self.colours, HANDLE + 3, self.span
        here = min(max(self.x_of(self.value()), left), self.width() - right)  # at the edge where the step is not shown
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.groove))
        painter.drawRoundedRect(QRectF(left, middle - 2, self.width() - left - right, 4), 2, 2)
        if not self.isEnabled():
            return
        painter.setBrush(QColor(colours.accent))
        painter.drawRoundedRect(QRectF(left, middle - 2, here - left, 4), 2, 2)
        painter.setBrush(QColor(colours.text))
        painter.setPen(QPen(QColor(colours.accent), 2) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.drawEllipse(QPointF(here, middle), HANDLE, HANDLE)

    def _paint_ticks(self, painter: QPainter) -> None:
        metrics, steps = self.fontMetrics(), self.maximum() + 1
        widest = metrics.horizontalAdvance(str(steps)) + 26
        painter.setPen(QColor(self.colours.muted))
        base = 2 * HANDLE + 6
        stride = tick_stride(steps, widest / self.cell)
        first, last = self.part
        for step in range(ceil((first - 0.5) / stride) * stride, min(ceil(last - 0.5), steps), stride):
            box = QRectF(self.x_of(step) - widest / 2, base, widest, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(step))


class TimestepBar(QWidget):
    """Shows and changes the selected timestep and sample; P plays."""

    def __init__(self, document: Document, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timestep")
        self.setAccessibleName(tr("Timestep bar"))
        self._document = document
        self.slider = TimeSlider(palette)
        self.label = ElidedLabel()
        self.label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.play = self._button(tr("▶ play"), "Play through the timesteps (P)", self.toggle_play)
        self.back = self._button("◀", "One step back", lambda: self.step_by(-1))
        self.forward = self._button("▶", "One step forward", lambda: self.step_by(1))
        self.previous = self._button("▲", "Previous sample", lambda: self.sample_by(-1))
        self.next = self._button("▼", "Next sample", lambda: self.sample_by(1))
        self._timer = QTimer(self, interval=round(1000 / STEPS_PER_SECOND))
        self._timer.timeout.connect(self._tick)
        self._arrange()
        self.slider.valueChanged.connect(lambda step: document.select(step=step))
        self.slider.sliderPressed.connect(self.stop)
        for signal in (document.network_changed, document.batch_changed, document.trace_changed, document.selection_changed):
            signal.connect(self.refresh)
        document.comparison.changed.connect(self.refresh)
        self.refresh()

    def _button(self, text: str, tip: str, act: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setAutoRepeat(text != "▶ play")
        button.clicked.connect(act)
        return button

    def _arrange(self) -> None:
        step, sample = QLabel(tr("step")), QLabel(tr("sample"))
        for label in (step, sample):
            label.setProperty("look", "muted")
        controls = QHBoxLayout()
        controls.setContentsMargins(12, 0, 16, 0)
        controls.setSpacing(2)
        self.play.setMinimumWidth(self.fontMetrics().horizontalAdvance("▶ pause") + 18)
        for widget in (self.play, 14, self.back, step, self.forward, 14, self.previous, sample, self.next):
            controls.addSpacing(widget) if isinstance(widget, int) else controls.addWidget(widget)
        controls.addSpacing(10)
        controls.addWidget(self.label, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(2)
        column.addWidget(self.slider)
        column.addLayout(controls)

    def set_low(self, low: bool) -> None:
        """Be low: the numbers of the steps stand under the heatmaps, too."""
        self.slider.set_ticks(not low)

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.slider.colours = palette
        self.slider.update()

    def set_span(self, left: int, right: int) -> None:
        """Leave so many pixels beside the groove, to line it up with the heatmaps' time axis."""
        self.slider.span = (left, right)
        self.slider.update()

    def _is_narrow(self) -> bool:
        return self.width() < self.fontMetrics().averageCharWidth() * NARROW

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Show the document's selection."""
        document, batch = self._document, self._document.batch
        ready = batch is not None and batch.size > 0
        for widget in (self.slider, self.play, self.back, self.forward, self.previous, self.next):
            widget.setEnabled(ready)
        self.slider.blockSignals(True)
        self.slider.set_range(document.time_steps if ready else 1)
        self.slider.setValue(document.selection.step if ready else 0)
        self.slider.blockSignals(False)
        step = f"t={document.selection.step}" if self._is_narrow() else f"timestep {document.selection.step}"
        self.label.setText(f"sample {document.selection.sample} · {step}" if ready else "")
        if not ready:
            self.stop()

    # --- moving

    def step_by(self, steps: int) -> None:
        """Go some timesteps on."""
        self._document.select(step=self._document.selection.step + steps)

    def sample_by(self, samples: int) -> None:
        """Go some samples on."""
        self._document.select(sample=self._document.selection.sample + samples)

    @property
    def playing(self) -> bool:
        """Whether it walks through the timesteps by itself."""
        return self._timer.isActive()

    def toggle_play(self) -> None:
        """Play on from the selected timestep, from the start when it is the last one; or pause."""
        if self.playing or self._document.batch is None:
            self.stop()
            return
        if self._document.selection.step >= self._document.time_steps - 1:
            self._document.select(step=0)
        self._timer.start()
        self.play.setText(tr("❚❚ pause"))

    def stop(self) -> None:
        """Stop walking."""
        self._timer.stop()
        self.play.setText(tr("▶ play"))

    def _tick(self) -> None:
        self.step_by(1)
        if self._document.selection.step >= self._document.time_steps - 1:
            self.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_P and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self.toggle_play()
        else:
            super().keyPressEvent(event)
