"""One heatmap on the screen: paints it, and turns the mouse into positions, panning, zooming and marking."""

from __future__ import annotations

import math
from typing import Any, Literal

from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from maskviz.colormaps import Scale
from maskviz.core.heatmaps import Heatmap, in_order
from maskviz.export.axes import TICK, axis_titles, paint_down_title, paint_samples, paint_steps, paint_values_below
from maskviz.export.cells import Cells
from maskviz.export.painting import bar_range, blocks, paint_bars, paint_map
from maskviz.gui.heatmaps.overlay import paint_cross_hair, paint_frames, paint_position, paint_region
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.palette import Palette
from maskviz.session.document import Region, Spotlight

STALE_OPACITY = 0.45
MANY_CELLS, PAINTING_SECONDS = 1_000_000, 0.01  # of so many cells, what is made at a time
ABOVE = 3  # logical pixels above the cells, for the frame of the focus
Tool = Literal["edge", "paint", "select"]
MARKING = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


class MapView(QWidget):
    """One map. ``pointed`` sample and step (−1, −1 when the mouse left; step −1 on bars), ``picked`` by a click, ``banded`` by
    a rubber band: first and last row and step, or −1 for none any more."""

    pointed = Signal(int, int)
    picked = Signal(int, int)
    banded = Signal(int, int, int, int)
    key_pressed = Signal(QKeyEvent)

    def __init__(self, viewport: Viewport, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport = viewport
        self.colors = palette
        self.heatmap: Heatmap | None = None
        self.scale = Scale()
        self.selected = (0, 0)
        self.show_axis = False
        self.label_digits = 2
        self.tool: Tool = "edge"
        self.region: Region | None = None
        self.spotlight: Spotlight | None = None
        self._ordered: Heatmap | None = None
        self._cells: Cells | None = None
        self._cache: tuple[Any, QPixmap] | None = None
        self._outdated = False  # what was painted is shown until much new data is
        self._dimmed = False
        self._press: QPointF | None = None
        self._panned_from: QPointF | None = None
        self._dragged = False  # since the press
        self._band: tuple[int, int] | None = None  # row and step where a rubber band began
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 40)
        viewport.changed.connect(self.update)
        viewport.reordered.connect(self._reorder)

    # what is shown

    def show_map(self, heatmap: Heatmap | None, scale: Scale) -> None:
        """Draw another map, or nothing."""
        self.heatmap, self.scale = heatmap, scale
        self._ordered = None if heatmap is None else in_order(heatmap, self.viewport.order)
        before, self._cells = self._cells, None
        if self._ordered is not None and self._ordered.has_time:
            self._cells = Cells(self._ordered, scale, self.colors, before)
        self._outdated = True
        if before is None or self._cells is None or before.shape != self._cells.shape:
            self._cache = None
        self.setAccessibleDescription(f"{heatmap.subtitle} {heatmap.explanation}".strip() if heatmap else "")
        self.update()

    def _reorder(self) -> None:
        self.show_map(self.heatmap, self.scale)

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.colors = palette
        self.show_map(self.heatmap, self.scale)

    def set_selected(self, sample: int, step: int) -> None:
        """Put the cross hair on a sample and a step."""
        if (sample, step) != self.selected:
            self.selected = (sample, step)
            self.update()

    def set_marked(self, region: Region | None, spotlight: Spotlight | None) -> None:
        """Frame what is marked and what is pointed out."""
        if region is not self.region or spotlight is not self.spotlight:
            self.region, self.spotlight = region, spotlight
            self.update()

    def set_dimmed(self, dimmed: bool) -> None:
        """Dim the cells: they are older than the batch."""
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self.update()

    @property
    def is_bars(self) -> bool:
        """Whether there are bars instead of timesteps."""
        return self.heatmap is not None and self.heatmap.values is not None and self.heatmap.values.ndim == 1

    # geometry

    @property
    def below(self) -> int:
        """How much room is below the cells, for the numbers of the axis across."""
        return self.fontMetrics().height() + int(TICK) + 4 if self.show_axis or self.is_bars else ABOVE

    def map_rect(self) -> QRectF:
        """Where the cells are; aligned to whole device pixels."""
        font = self.fontMetrics()
        left = font.height() + font.horizontalAdvance("0" * self.label_digits) + TICK + 8
        return QRectF(left, ABOVE, max(self.width() - left - 6, 1), max(self.height() - self.below - ABOVE, 1))

    def row_at(self, position: QPointF) -> int:
        """The row at a height, also outside the map."""
        return math.floor(self.viewport.window.sample_at(self.map_rect(), position.y()))

    def cell_at(self, position: QPointF) -> tuple[int, int] | None:
        """Sample and step under a position, None outside the map; step −1 on bars."""
        rect = self.map_rect()
        if self.heatmap is None or self.heatmap.explanation or not rect.contains(position):
            return None
        row = self.row_at(position)
        step = -1 if self.is_bars else math.floor(self.viewport.window.step_at(rect, position.x()))
        return (self.viewport.sample(row), step) if 0 <= row < self.heatmap.samples and step < self.viewport.steps else None

    def cell_center(self, sample: int, step: int) -> QPointF:
        """The middle of a cell, in this widget."""
        rect, window = self.map_rect(), self.viewport.window
        return QPointF(window.x(rect, step + 0.5), window.y(rect, self.viewport.row(sample) + 0.5))

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            if self.heatmap is None or self.heatmap.explanation or not self.heatmap.samples:
                self._paint_words(painter, self.heatmap.explanation if self.heatmap else "")
                return
            rect, row, step = self.map_rect(), self.viewport.row(self.selected[0]), self.selected[1]
            painter.setOpacity(STALE_OPACITY if self._dimmed else 1.0)
            self._paint_cells(painter, rect)
            painter.setOpacity(1.0)
            self._paint_axes(painter, rect, row, step)
            window = self.viewport.window
            if self.region is not None and not self.is_bars:
                rows = [self.viewport.row(sample) for sample in self.region.samples]
                paint_region(painter, rect, window, rows, self.region.first, self.region.last, self.colors)
            paint_cross_hair(painter, rect, window, row, None if self.is_bars else step, self.colors)
            paint_position(painter, rect, window, self.viewport.steps, self.viewport.samples, self.colors, not self.is_bars)
            if self.hasFocus():
                painter.setPen(QPen(QColor(self.colors.accent), 1.0))
                painter.drawRect(rect.adjusted(-1.5, -1.5, 1.5, 1.5))
        finally:
            painter.end()

    def _paint_cells(self, painter: QPainter, rect: QRectF) -> None:
        """The newest picture that there is, where its cells are now."""
        painted = self._pixmap(rect)
        if painted is None:
            return
        (shown, size, *_), pixmap = painted
        if (shown, size) == (self.viewport.window, rect.size().toSize()):
            painter.drawPixmap(rect.topLeft(), pixmap)
            return
        window = self.viewport.window
        corner = QPointF(window.x(rect, shown.step0), window.y(rect, shown.sample0))
        opposite = QPointF(window.x(rect, shown.step1), window.y(rect, shown.sample1))
        painter.save()
        painter.setClipRect(rect)
        painter.drawPixmap(QRectF(corner, opposite), pixmap, QRectF(pixmap.rect()))
        painter.restore()

    def _paint_axes(self, painter: QPainter, rect: QRectF, row: int, step: int) -> None:
        assert self.heatmap is not None
        paint_down_title(painter, rect, 0, axis_titles(self.heatmap)[1], self.colors)
        paint_samples(painter, rect, self.viewport.window, self.heatmap.samples, self.colors, row, self.viewport.order)
        if self.is_bars:
            paint_values_below(painter, rect, *bar_range(self.scale), self.colors)
        elif self.show_axis:
            paint_steps(painter, rect, self.viewport.window, self.viewport.steps, self.colors, step)

    def _pixmap(self, rect: QRectF) -> tuple[Any, QPixmap] | None:
        """The map with frames and without cross-hair, kept until data, size or visible part change; an older one while that takes long."""
        ratio = self.devicePixelRatioF()
        spotlit = self._spotlit()
        key = (self.viewport.window, rect.size().toSize(), ratio, id(self.spotlight) if spotlit is not None else None)
        if self._outdated or self._cache is None or self._cache[0] != key:
            if self._is_coming(rect, ratio):
                QTimer.singleShot(0, self, self.update)
                return self._cache
            self._outdated = False
            size = QSize(math.ceil(rect.width() * ratio), math.ceil(rect.height() * ratio))
            pixmap = QPixmap(size)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(QColor(self.colors.canvas))
            painter = QPainter(pixmap)
            try:
                painter.setFont(self.font())
                inside = QRectF(0, 0, rect.width(), rect.height())
                if self._cells is not None:
                    paint_map(painter, inside, self._cells, self.viewport.window)
                elif self._ordered is not None:
                    paint_bars(painter, inside, self._ordered, self.scale, self.viewport.window, self.colors)
                if spotlit is not None:
                    paint_frames(painter, inside, self.viewport.window, self.viewport.ordered(spotlit), self.colors)
            finally:
                painter.end()
            self._cache = (key, pixmap)
        return self._cache

    def _is_coming(self, rect: QRectF, ratio: float) -> bool:
        """Whether a map of very many cells takes longer than the window may stand still: some of it is made, and more at the next turn."""
        if self._cells is None or self._cells.shape[0] * self._cells.shape[1] <= MANY_CELLS:
            return False
        wanted = blocks(self._cells, QRectF(0, 0, rect.width(), rect.height()), self.viewport.window, ratio)
        return not self._cells.make_ready(*wanted, PAINTING_SECONDS)

    def _spotlit(self) -> NDArray[Any] | None:
        """The pointed-out steps, where they are steps of this map."""
        fits = self.spotlight is not None and not self.is_bars and self.heatmap is not None
        return self.spotlight.steps if fits and self.spotlight is not None and len(self.spotlight.steps) == self.viewport.samples else None

    def _paint_words(self, painter: QPainter, words: str) -> None:
        painter.setPen(QColor(self.colors.muted))
        painter.drawText(QRectF(self.rect()).adjusted(12, 4, -12, -4), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), words)

    # mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._dragged = False
        if self.marks(event):
            self._press, self._panned_from = event.position(), None
            cell = self.cell_at(event.position())
            self._band = None if cell is None or cell[1] < 0 else (self.row_at(event.position()), cell[1])
        elif event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._press = self._panned_from = event.position()

    @property
    def dragging(self) -> bool:
        """Whether a drag that edits goes on."""
        return False

    def hint(self, sample: int, step: int) -> str:
        """What the mouse would change there; nothing in a map that is only looked at."""
        return ""

    @property
    def banding(self) -> bool:
        """Whether a rubber band is being drawn."""
        return self._band is not None and self._dragged

    def marks(self, event: QMouseEvent) -> bool:
        """Whether a press begins a rubber band: with the tool for it, or with Ctrl or Alt."""
        return event.button() == Qt.MouseButton.LeftButton and (self.tool == "select" or bool(event.modifiers() & MARKING))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(event.position())
        if self._press is None or (self._band is None and self._panned_from is None):
            return
        if not self._dragged and (event.position() - self._press).manhattanLength() >= 4:
            self.setCursor(Qt.CursorShape.CrossCursor if self._band is not None else Qt.CursorShape.ClosedHandCursor)
            self._dragged = True
        if not self._dragged:
            return
        if self._band is not None:
            self._stretch(event.position())
        elif self._panned_from is not None:
            moved = event.position() - self._panned_from
            width, height = self.viewport.window.cell(self.map_rect())
            self.viewport.pan(0 if self.is_bars else -moved.x() / width, -moved.y() / height)
            self._panned_from = event.position()

    def _stretch(self, position: QPointF) -> None:
        """Mark from where the rubber band began to here."""
        assert self._band is not None
        window = self.viewport.window
        step = min(max(math.floor(window.step_at(self.map_rect(), position.x())), 0), self.viewport.steps - 1)
        row = min(max(self.row_at(position), 0), self.viewport.samples - 1)
        rows, steps = sorted((self._band[0], row)), sorted((self._band[1], step))
        self.banded.emit(rows[0], rows[1], steps[0], steps[1])

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        clicked = self._press is not None and not self._dragged
        marking, self._band = self._band is not None, None
        self._press = self._panned_from = None
        self.unsetCursor()
        cell = self.cell_at(event.position())
        if clicked and cell is not None and event.button() == Qt.MouseButton.LeftButton:
            if marking:
                self.banded.emit(-1, -1, -1, -1)
            self.picked.emit(*cell)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta()
        across, down = turn.x() / 120, turn.y() / 120
        rect, window = self.map_rect(), self.viewport.window
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            step, row = window.step_at(rect, event.position().x()), window.sample_at(rect, event.position().y())
            self.zoom(0.8**down, step, row)
            event.accept()
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not across:
            across, down = down, 0
        moved = self.viewport.pan(
            -across * (window.step1 - window.step0) / 10, -down * max(1, round((window.sample1 - window.sample0) / 10))
        )
        event.setAccepted(moved or not down)  # the rows scroll where the map cannot

    def zoom(self, factor: float, step: float, row: float) -> None:
        """Show ``factor`` times as much around a position; cells grow to a comfortable size at most."""
        rect = self.map_rect()
        self.viewport.zoom(step, row, factor, max(4, rect.width() / 64), max(3, rect.height() / 26))

    def event(self, event: QEvent) -> bool:
        # Escape during a drag belongs to the drag, not to a shortcut of the window
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
            and self.dragging
        ):
            event.accept()
            return True
        return super().event(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(-1, -1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()
        self.key_pressed.emit(event)

    def focusInEvent(self, event: QEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QEvent) -> None:
        self.update()

    def _point(self, position: QPointF) -> None:
        self.pointed.emit(*(self.cell_at(position) or (-1, -1)))
