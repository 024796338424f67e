"""The gestures of the graph: wheel scrolls, Ctrl+wheel zooms at the cursor, a drag on empty ground pans, Space fits."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsView, QToolTip, QWidget

from maskviz.export.graph_painting import FAR_BELOW, PLAIN_BELOW
from maskviz.gui.graph.items import EdgeItem, NodeItem
from maskviz.gui.graph.scene import GraphScene

READABLE = 0.6  # the smallest scale at which the first view shows everything
COMFORTABLE = 0.7  # the largest one where it cannot
LEGIBLE = 0.5  # the smallest one where that shows all of its breadth
AT_ONCE = 3  # so many cards one after the other are to be seen in it
LARGEST = 3.0
NEAR = 1.5  # cards: what is so near is walked to, what is farther away comes to the middle
ABOVE = 12  # pixels: so far below its place Qt shows a tooltip
REACH = 6.0  # pixels from an edge at which it is meant
SMALLEST = 0.001
ARROWS = {Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1), Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0)}


class GraphView(QGraphicsView):
    """Shows the scene and turns gestures into signals.

    ``chosen(id)`` a node was clicked; ``unfolded(id)`` it was double-clicked; ``moved(dx, dy)`` an arrow key was pressed;
    ``opened`` Enter and ``closed`` Backspace were; ``scrolled`` another part of the graph is in view.
    """

    chosen = Signal(str)
    unfolded = Signal(str)
    moved = Signal(int, int)
    opened = Signal()
    closed = Signal()
    scrolled = Signal()

    def __init__(self, scene: GraphScene, parent: QWidget | None = None) -> None:
        super().__init__(scene, parent)
        self._graph = scene
        self._grip: QPoint | None = None
        self._again: Callable[[], None] | None = self.first_view  # what a resize does anew, until somebody zooms or pans
        self.dimmed = False
        self.empty_text = ""
        self.tooltip_of: Callable[[NodeItem | EdgeItem], str] = lambda item: ""
        self.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)

    # --- what is in view ---

    @property
    def scale_(self) -> float:
        """How large the graph is shown, 1 is its natural size."""
        return self.transform().m11()

    @property
    def untouched(self) -> bool:
        """Whether nobody has zoomed or panned since the first view."""
        return self._again == self.first_view

    def seen(self) -> QRectF:
        """The part of the scene that is in view."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def _area(self, size: QSize) -> QRectF:
        """The part of the scene that is in view where the view has this size."""
        return self.mapToScene(QRect(QPoint(0, 0), size)).boundingRect()

    def out_of_sight(self, item: NodeItem | None) -> QPointF | None:
        """The middle of a card that is not in view as a whole; None for one that is, and for frames."""
        return None if item is None or item.frame or self.seen().contains(item.card()) else item.card().center()

    def centre(self, place: QPointF) -> None:
        """Brings a place of the scene to the middle."""
        self._again = None
        self.put(place, QPointF(self.viewport().rect().center()))

    def first_view(self) -> None:
        """All of the graph where that is readable, else all of its breadth where that is, else where it begins; again at every resize
        until touched."""
        self._again = self.first_view
        rect = self._graph.content()
        if rect.isEmpty():
            return
        scale = self._fitting(rect)
        room, first, em = QRectF(self.viewport().rect()), self._graph.first_card(), self._graph.sizes.em
        if scale < READABLE:
            breadth, along = room.width() / (rect.width() + 2 * em), room.height() / (AT_ONCE * first.height())
            if self._graph.options.sideways:
                breadth, along = room.height() / (rect.height() + 2 * em), room.width() / (AT_ONCE * first.width())
            scale = breadth if LEGIBLE <= breadth < READABLE else max(READABLE, min(COMFORTABLE, breadth, along))
        self.setTransform(QTransform.fromScale(scale, scale))
        x = _begin(rect.left() - em, rect.right() + em, first.center().x(), room.width() / scale)
        y = _begin(rect.top() - em, rect.bottom() + em, first.center().y(), room.height() / scale)
        self.put(QPointF(x, y), QPointF(0, 0))
        self.scrolled.emit()

    def fit(self) -> None:
        """All of the graph, in a pane of another size too."""
        rect = self._graph.content()
        if not rect.isEmpty():
            self._again = self.fit
            scale = self._fitting(rect)
            self.setTransform(QTransform.fromScale(scale, scale))
            self.centerOn(rect.center())
            self.scrolled.emit()

    def _fitting(self, rect: QRectF) -> float:
        room, em = self.viewport().size(), self._graph.sizes.em
        return max(SMALLEST, min(1.0, room.width() / (rect.width() + 2 * em), room.height() / (rect.height() + 2 * em)))

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Zooms and keeps the point of the viewport ``at`` (its middle) where it is."""
        self._again = None
        point = QPointF(self.viewport().rect().center()) if at is None else at
        factor = min(max(self.scale_ * factor, SMALLEST), LARGEST) / self.scale_
        before = self.mapToScene(point.toPoint())
        self.scale(factor, factor)
        self.put(before, point)

    def put(self, place: QPointF, at: QPointF) -> None:
        """Scrolls so that a place of the scene comes to a point of the viewport."""
        moved = self.mapFromScene(place) - at.toPoint()
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() + moved.x())
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + moved.y())

    def reveal(self, item: NodeItem) -> None:
        """Scrolls as little as needed to have a card, or the title of a frame, in view; to the middle where it is far away."""
        em, card = round(2 * self._graph.sizes.em), item.card()
        if item.frame:
            card = QRectF(card.center().x(), card.top(), 1, em).intersected(card)
            if self.seen().intersects(QRectF(item.card().left(), card.top(), item.card().width(), em)):
                return
        seen = self.seen()
        if seen.contains(card):
            return
        self._again = None
        if seen.adjusted(-card.width(), -NEAR * card.height(), card.width(), NEAR * card.height()).intersects(card):
            self.ensureVisible(card, em, em)
        else:
            self.centre(card.center())

    def keep(self) -> None:
        """From now on a resize keeps what is in view where it is."""
        self._again = None

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self.scrolled.emit()

    # --- gestures ---

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1.0015 ** event.angleDelta().y(), event.position())
            event.accept()
        else:
            self._again = None
            super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        item = self._item_at(event.position())
        if event.button() == Qt.MouseButton.MiddleButton or (event.button() == Qt.MouseButton.LeftButton and item is None):
            self._grip = event.position().toPoint()
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton and item is not None:
            self.chosen.emit(item.node.id)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None:
            here = event.position().toPoint()
            moved, self._grip = here - self._grip, here
            self._again = None
            self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() - moved.x())
            self.verticalScrollBar().setValue(self.verticalScrollBar().value() - moved.y())
        elif not event.buttons():
            self._edge_at(event.position())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        self._graph.point_at(None)
        super().leaveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grip = None
        self.viewport().unsetCursor()
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        item = self._item_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and item is not None:
            self.unfolded.emit(item.node.id)
        event.accept()

    def _item_at(self, position: QPointF) -> NodeItem | None:
        return next((item for item in self.items(position.toPoint()) if isinstance(item, NodeItem)), None)

    def _edge_at(self, position: QPointF) -> EdgeItem | None:
        """Points at the edge under the mouse, where no card is."""
        if self.scale_ < PLAIN_BELOW or self._item_at(position) is not None:
            self._graph.point_at(None)
            return None
        return self._graph.hover(self.mapToScene(position.toPoint()), REACH / self.scale_)

    def event(self, event: QEvent) -> bool:
        # the window's shortcuts step time and sample with the arrows; in here they walk along the edges
        own = (*ARROWS, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Backspace)
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in own and not event.modifiers():
            event.accept()
            return True
        return super().event(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = QPointF(event.pos())
            item = self._item_at(place) or self._edge_at(place)
            at, words = event.globalPos(), self.tooltip_of(item) if item is not None else ""
            if isinstance(item, NodeItem) and not item.frame:  # beneath the card and not over the pane beside this one
                below = self.mapFromScene(item.card().bottomLeft())
                at = self.viewport().mapToGlobal(QPoint(max(below.x(), 0), below.y() - ABOVE))
            QToolTip.showText(at, words, self.viewport())
            return True
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in ARROWS:
            self.moved.emit(*ARROWS[key])
        elif key == Qt.Key.Key_Space:
            self.fit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif key == Qt.Key.Key_Backspace:
            self.closed.emit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom(1 / 1.2 if key == Qt.Key.Key_Minus else 1.2)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        content = self._graph.content()
        if self._again is not None:
            self._again()
        elif self._area(event.oldSize()).contains(content) and not self.seen().contains(content):
            self.fit()  # all of it was in view, and would be cut off

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._again is not None:
            self._again()

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.scale_ >= FAR_BELOW or not self._graph.items_by_id:
            super().paintEvent(event)
            return
        painter = QPainter(self.viewport())
        try:
            painter.fillRect(self.viewport().rect(), QColor(self._graph.palette_.pane))
            painter.setTransform(self.viewportTransform())
            self._graph.far.paint(painter)
            self.drawForeground(painter, self.seen())
        finally:
            painter.end()

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        painter.fillRect(rect, QColor(self._graph.palette_.pane))

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        if self.dimmed:
            veil = QColor(self._graph.palette_.pane)
            veil.setAlpha(120)
            painter.fillRect(rect, veil)
        if self.empty_text and not self._graph.items_by_id:
            painter.resetTransform()
            painter.setPen(QColor(self._graph.palette_.muted))
            painter.setFont(self._graph.sizes.font())
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.empty_text)


def _begin(low: float, high: float, wanted: float, room: float) -> float:
    """Where a view of ``room`` begins that shows all from ``low`` to ``high`` in its middle, or the part of it around ``wanted``."""
    if high - low <= room:
        return (low + high - room) / 2
    return min(max(wanted - room / 2, low), high - room)
