"""The small map in a corner of the graph: all of it, with the part that is in view; drag to move, click to go there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from maskviz.gui.graph.scene import GraphScene
from maskviz.gui.graph.view import GraphView
from maskviz.gui.words import tr

LARGEST, MOST, LEAST = 0.3, 170.0, 64.0  # of the view's width and height, and in pixels
INSET = 8
RENEW_MS = 120  # the least time between two drawings of all cards
REST_MS = 250  # so long nothing has to move before the map goes to another corner
SHARES = (1.0, 0.75, 0.55)  # of its largest size
CORNERS = ((1, 1), (1, 0), (0, 1), (0, 0))  # right or left, at the foot or at the top: which is taken first


class Minimap(QWidget):
    """Hidden while all of the graph is in view, or when it is not ``wanted``. It stands in the corner where it covers least of the cards,
    and goes to another one only when nothing moves."""

    def __init__(self, view: GraphView, scene: GraphScene) -> None:
        super().__init__(view)
        self.wanted = True
        self._view = view
        self._graph = scene
        self._cards: QPixmap | None = None
        self._content = QRectF()
        self._corner, self._share = CORNERS[0], SHARES[0]
        self.setAccessibleName(tr("Map of the whole graph"))
        self.setToolTip(tr("The whole graph; drag to move what is in view"))
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self._later = QTimer(self, singleShot=True, interval=RENEW_MS)
        self._later.timeout.connect(self._renew)
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._choose)
        view.installEventFilter(self)
        view.scrolled.connect(self._place)
        view.scrolled.connect(self._rest.start)
        self.hide()

    def renew(self) -> None:
        """The cards, their places or what stands out among them have changed."""
        if not self._later.isActive():
            self._later.start()

    def _renew(self) -> None:
        self._content = self._graph.content()
        self._cards = None
        self._place()
        self._choose()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self.renew()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        """Stands in its corner, as large as the graph's form allows, where there is more than is in view."""
        seen, content = self._view.seen(), self._content
        inside = seen.adjusted(-2, -2, 2, 2).contains(content)
        if not self.wanted or content.isEmpty() or inside or not self._graph.items_by_id:
            self.hide()
            return
        place = self._at(self._corner, self._share)
        if place.size() != self.size():
            self._cards = None
        self.setGeometry(place)
        self.show()
        self.update()

    def _at(self, corner: tuple[int, int], share: float) -> QRect:
        """Where it is in a corner, with this share of its largest size."""
        room, content = self._room(), self._content
        wide, high = (min(max(side * LARGEST, LEAST), MOST) for side in (room.width(), room.height()))
        factor = min(wide / content.width(), high / content.height()) * share
        size = QSize(max(24, round(content.width() * factor)), max(24, round(content.height() * factor)))
        left, top = room.left() + corner[0] * (room.width() - size.width()), room.top() + corner[1] * (room.height() - size.height())
        return QRect(QPoint(left, top), size)

    def _choose(self) -> None:
        """Takes the corner where least of the cards is covered, and less room there where it would cover some."""
        if self.isHidden():
            return
        if QApplication.mouseButtons():
            self._rest.start()
            return
        places = [(corner, share) for share in SHARES for corner in (self._corner, *CORNERS)]
        self._corner, self._share = min(places, key=lambda place: self._covered(self._at(*place)))
        self._place()

    def _room(self) -> QRect:
        return self._view.viewport().rect().adjusted(INSET, INSET, -INSET, -INSET)

    def _covered(self, place: QRect) -> float:
        """How much of cards, and of the titles of frames, is behind a place of the view."""
        there, cards = self._view.mapToScene(place).boundingRect(), self._graph.places
        wide = np.minimum(cards[:, 2], there.right()) - np.maximum(cards[:, 0], there.left())
        high = np.minimum(cards[:, 3], there.bottom()) - np.maximum(cards[:, 1], there.top())
        return float((wide.clip(min=0) * high.clip(min=0)).sum())

    # --- moving

    def _scale(self) -> float:
        return min((self.width() - 6) / self._content.width(), (self.height() - 6) / self._content.height())

    def _offset(self) -> QPointF:
        scale = self._scale()
        return QPointF((self.width() - self._content.width() * scale) / 2, (self.height() - self._content.height() * scale) / 2)

    def _go(self, event: QMouseEvent) -> None:
        place = (event.position() - self._offset()) / self._scale() + self._content.topLeft()
        self._view.centre(place)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self._go(event)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        QApplication.sendEvent(self._view.viewport(), event)

    # --- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._content.isEmpty():
            return
        if self._cards is None:
            self._cards = self._painted()
        palette, painter = self._graph.palette_, QPainter(self)
        try:
            painter.drawPixmap(0, 0, self._cards)
            painter.translate(self._offset())
            painter.scale(self._scale(), self._scale())
            painter.translate(-self._content.topLeft())
            pen = QPen(QColor(palette.accent), 1.5)
            pen.setCosmetic(True)
            fill = QColor(palette.accent)
            fill.setAlpha(36)
            painter.setPen(pen)
            painter.setBrush(fill)
            painter.drawRect(self._view.seen().intersected(self._content))
        finally:
            painter.end()

    def _painted(self) -> QPixmap:
        """All cards, painted once until something changes: what is wrong, found or selected stands out."""
        graph, palette, ratio = self._graph, self._graph.palette_, self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        ground = QColor(palette.canvas)
        ground.setAlpha(235)
        picture.fill(ground)
        painter = QPainter(picture)
        try:
            painter.setPen(QPen(QColor(palette.border), 1))
            painter.drawRect(QRectF(0.5, 0.5, self.width() - 1, self.height() - 1))
            painter.translate(self._offset())
            painter.scale(self._scale(), self._scale())
            painter.translate(-self._content.topLeft())
            plain, least = QColor(palette.edge), 1.5 / self._scale()
            for name, item in graph.items_by_id.items():
                card = item.card()
                if item.frame:
                    painter.fillRect(card, QColor(palette.groove))
                    continue
                card.setSize(card.size().expandedTo(QRectF(0, 0, least, least).size()))
                painter.fillRect(card, self._telling(name) or plain)
        finally:
            painter.end()
        return picture

    def _telling(self, name: str) -> QColor | None:
        """The colour of a card that stands out."""
        graph, palette = self._graph, self._graph.palette_
        if name == graph.selected:
            return QColor(palette.text)
        if name in graph.marks.hits:
            return QColor(palette.warning)
        if name in graph.bad:
            return graph.bad_colour()
        if graph.marks.lit is not None and name not in graph.marks.lit:
            return QColor(palette.groove)
        return None
