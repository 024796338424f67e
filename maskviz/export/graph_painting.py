"""How the graph looks: cards, edges and mask strips, painted with QPainter alone, for the window and for exported pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QFontMetricsF, QGuiApplication, QPainter, QPainterPath, QPen

from maskviz.core.graph import Graph
from maskviz.core.graph_looks import EdgeLook, NodeLook, OneSide, Strip
from maskviz.core.layout import Box, LayoutRequest, Point
from maskviz.core.status import Status
from maskviz.palette import Palette

PLAIN_BELOW = 0.35  # scale under which text, strips and marks are left out
FAR_BELOW = 0.08  # and under which a window shows nothing but small rectangles and straight lines
CARD_EMS = 18.5
GHOST = 0.75  # opacity of what a card says that only A of a comparison has
_MASKS_DARK = ("#56b4e9", "#e69f00", "#2fbf8f", "#cc79a7", "#f0e442", "#b39df5", "#d98f6a", "#9fd356")
_MASKS_LIGHT = ("#0072b2", "#b26a00", "#007f5f", "#a3447a", "#7a6f00", "#6546c3", "#a84b1e", "#4a7d12")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes that follow the font, in logical pixels; ``card_ems`` is the width of a card in ems."""

    em: float
    card_ems: float = CARD_EMS

    @classmethod
    def of(cls, font: QFont | None = None) -> Sizes:
        return cls(float(QFontInfo(font or QGuiApplication.font()).pixelSize()))

    @property
    def card(self) -> tuple[float, float]:
        return round(self.card_ems * self.em), round(3.6 * self.em)

    @property
    def strip(self) -> tuple[float, float]:
        """Width of the strips of one card, and their height."""
        return round(12.5 / CARD_EMS * self.card_ems * self.em), round(0.8 * self.em)

    @property
    def strip_gap(self) -> float:
        return round(0.75 * self.em)

    def font(self, scale: float = 1.0, bold: bool = False) -> QFont:
        font = QFont(QGuiApplication.font())
        font.setPixelSize(max(6, round(self.em * scale)))
        font.setBold(bold)
        return font


def request_of(graph: Graph, sizes: Sizes) -> LayoutRequest:
    """The layout request of a graph that is already folded: every card has the same size, links stand in the order of the cards."""
    width, height = sizes.card
    boxes = tuple(Box(n.id, width, height, n.parent if n.parent in graph.by_id else None) for n in graph.nodes)
    number = {box.id: i for i, box in enumerate(boxes)}
    links = sorted({(e.source, e.target) for e in graph.edges}, key=lambda link: (number[link[0]], number[link[1]]))
    return LayoutRequest(boxes, tuple(links))


@lru_cache(maxsize=256)
def _colour(name: str) -> QColor:
    """A colour by its name; made once, for thousands of cards are painted at a time."""
    return QColor(name)


def paint_card(painter: QPainter, look: NodeLook, sizes: Sizes, palette: Palette, selected: bool = False, scale: float = 1.0) -> None:
    """A card with its top left corner at the origin, and its strips below. ``scale`` decides how much detail is worth it."""
    width, height = sizes.card
    card = QRectF(0, 0, width, height)
    if scale < PLAIN_BELOW:
        painter.fillRect(card, _colour(palette.text if selected else palette.card if palette.dark else palette.border))
        painter.fillRect(QRectF(0, 0, width / 12, height), _colour(palette.edge if look.status is None else palette.status[look.status]))
        if look.tone == "bad":
            painter.fillRect(QRectF(width * 0.7, height * 0.2, width * 0.25, height * 0.3), _colour(palette.status[Status.EXPOSED]))
        return
    radius = sizes.em * 0.5
    outline = outline_pen(look.only_in, palette, selected)
    if look.tone == "bad" and not selected and not look.only_in:  # what did something wrong is framed
        outline = QPen(_colour(palette.status[Status.EXPOSED]), 1.6)
    if look.inside:  # a second card peeps out behind a container
        painter.setPen(outline if look.only_in == "A" else QPen(QColor(palette.border), 1))
        painter.setBrush(QColor(palette.pane))
        painter.drawRoundedRect(card.translated(sizes.em * 0.3, sizes.em * 0.3), radius, radius)
    painter.setPen(outline)
    painter.setBrush(QColor(palette.pane if look.only_in == "A" else palette.card))
    painter.drawRoundedRect(card, radius, radius)
    painter.save()
    painter.setOpacity(painter.opacity() * (GHOST if look.only_in == "A" else 1.0))
    _paint_bar(painter, look, sizes, palette, radius)
    _paint_text(painter, look, sizes, palette)
    _paint_strips(painter, look.strips, sizes, palette)
    painter.restore()


def outline_pen(only_in: OneSide, palette: Palette, selected: bool = False) -> QPen:
    """The outline of a card or frame: dashed for what only A of a comparison has, strong for what only B has."""
    wide = 2.0 if selected or only_in == "B" else 1.2 if only_in else 1.0
    pen = QPen(QColor(palette.text if selected else {"": palette.border, "A": palette.muted, "B": palette.accent}[only_in]), wide)
    if only_in == "A":
        pen.setDashPattern([4, 3])
    return pen


def _paint_bar(painter: QPainter, look: NodeLook, sizes: Sizes, palette: Palette, radius: float) -> None:
    """The status bar on the left edge, with the status' mark."""
    width = round(sizes.em * 0.45)
    outline = QPainterPath()
    outline.addRoundedRect(QRectF(0, 0, sizes.card[0], sizes.card[1]), radius, radius)
    strip = QPainterPath()
    strip.addRect(QRectF(0, 0, width, sizes.card[1]))
    painter.fillPath(outline.intersected(strip), QColor(palette.groove if look.status is None else palette.status[look.status]))


def _paint_text(painter: QPainter, look: NodeLook, sizes: Sizes, palette: Palette) -> None:
    em, (width, height) = sizes.em, sizes.card
    left, right = em * 1.25, width - em * 0.7
    badge_width = 0.0
    if look.badge:
        badge_width = _paint_badge(painter, look, sizes, palette, right) + em * 0.5
    if look.inside:
        font = sizes.font(0.85)
        painter.setFont(font)
        painter.setPen(QColor(palette.muted))
        text = f"▸ {look.inside}"
        painter.drawText(
            QRectF(left, height / 2, right - left, height / 2 - em * 0.35),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            text,
        )
        count = QFontMetricsF(font).horizontalAdvance(text) + em * 0.5
    else:
        count = 0.0
    for text, scale, bold, colour, top, room in (
        (look.title, 1.0, True, palette.text, em * 0.42, right - left - badge_width),
        (look.subtitle, 0.88, False, palette.muted, height / 2 + em * 0.02, right - left - count),
    ):
        font = sizes.font(scale, bold)
        painter.setFont(font)
        painter.setPen(QColor(colour))
        shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(
            QRectF(left, top, room + em, height / 2 - em * 0.3), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown
        )


def _paint_badge(painter: QPainter, look: NodeLook, sizes: Sizes, palette: Palette, right: float) -> float:
    """The pill at the top right; gives its width."""
    em = sizes.em
    font = sizes.font(0.8, bold=True)
    width = QFontMetricsF(font).horizontalAdvance(look.badge) + em * 1.0
    pill = QRectF(right - width + em * 0.25, em * 0.5, width, em * 1.3)
    back = {"good": palette.good, "bad": palette.status[Status.EXPOSED], "accent": palette.accent, "quiet": palette.groove}[look.tone]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(back))
    painter.drawRoundedRect(pill, pill.height() / 2, pill.height() / 2)
    painter.setFont(font)
    dark_back = look.tone == "accent" and not palette.dark
    painter.setPen(QColor(palette.text if look.tone == "quiet" else "#ffffff" if dark_back else "#10131a"))
    painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, look.badge)
    return width


def _paint_strips(painter: QPainter, strips: Sequence[Strip], sizes: Sizes, palette: Palette) -> None:
    """The strips of a card, side by side below it."""
    width, height = sizes.strip
    room = (width - sizes.em * (len(strips) - 1)) / max(1, len(strips))
    left = (sizes.card[0] - width) / 2
    for number, strip in enumerate(strips):
        if strip.shares:
            x = left + number * (room + sizes.em)
            paint_shares(painter, strip.shares, QRectF(x, sizes.card[1] + sizes.strip_gap, room, height), palette)
            continue
        own = min(room, len(strip.ticks) * sizes.em * 0.75)
        x = left + number * (room + sizes.em) + (room - own) / 2
        paint_strip(painter, strip, QRectF(x, sizes.card[1] + sizes.strip_gap, own, height), palette)


def paint_strip(painter: QPainter, strip: Strip, rect: QRectF, palette: Palette) -> None:
    """One tick per timestep, each in the colour and with the mark of its status; the selected one is framed."""
    tick = rect.width() / max(1, len(strip.ticks))
    gap = 1.0 if tick >= 4 else 0.0
    painter.fillRect(rect.adjusted(-1, -1, 1, 1), QColor(palette.pane))
    for i, status in enumerate(strip.ticks):
        area = QRectF(rect.x() + i * tick, rect.y(), tick - gap, rect.height())
        paint_tick(painter, Status(status), area, palette)
        if strip.counted and strip.counted[i] and status == Status.UNMASKED:
            paint_counted(painter, area, palette)
    if strip.marked is not None:
        frame = QRectF(rect.x() + strip.marked * tick, rect.y(), tick - gap, rect.height()).adjusted(-1.5, -1.5, 1.5, 1.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(palette.text), 1.5))
        painter.drawRect(frame)


def paint_shares(painter: QPainter, shares: Sequence[float], rect: QRectF, palette: Palette) -> None:
    """A bar of the shares of the statuses, in their order; none that is there is thinner than can be seen."""
    painter.fillRect(rect.adjusted(-1, -1, 1, 1), QColor(palette.pane))
    there = [(status, max(share, 2.5 / rect.width())) for status, share in zip(Status, shares, strict=True) if share]
    left, all_of_them = rect.left(), sum(share for _, share in there)
    for status, share in there:
        width = rect.width() * share / all_of_them
        paint_share(painter, QRectF(left, rect.top(), width, rect.height()), status, palette)
        left += width


def paint_share(painter: QPainter, area: QRectF, status: Status, palette: Palette) -> None:
    """A part of a share bar in the colour of a status and with its mark: hatched, cross hatched, dotted or outlined."""
    if status is Status.ENDED:
        paint_tick(painter, status, area, palette)
        return
    painter.save()
    painter.fillRect(area, QColor(palette.status[status]))
    painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
    painter.setPen(QPen(QColor(palette.pane), 1))
    height = area.height()
    if status in (Status.SKIPPED, Status.EXPOSED):
        for number in range(int((area.width() + height) / 5) + 1):
            x = area.left() - height + number * 5
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x + height, area.top()))
            if status is Status.EXPOSED:
                painter.drawLine(QPointF(x, area.top()), QPointF(x + height, area.bottom()))
    elif status is Status.LEAKING:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#ffffff"))
        for number in range(int(area.width() / 6) + 1):
            painter.drawEllipse(QPointF(area.left() + 3 + number * 6, area.center().y()), height / 5, height / 5)
    elif status is Status.UNMASKED:
        painter.setPen(QPen(QColor(palette.muted), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
    painter.restore()


def paint_tick(painter: QPainter, status: Status, tick: QRectF, palette: Palette) -> None:
    """A step in the colour of its status and with its mark: solid, dot, diagonal, cross or outline; a thin line where a comparison finds
    no difference."""
    colour = QColor(palette.status[status])
    if status is Status.ENDED:
        painter.fillRect(QRectF(tick.x(), tick.center().y() - 0.75, tick.width() + 1, 1.5), QColor(palette.edge))
        return
    if status is Status.UNMASKED:
        colour.setAlpha(120)
        painter.setBrush(colour)
        painter.setPen(QPen(QColor(palette.edge), 1))
        painter.drawRect(tick.adjusted(0.5, 0.5, -0.5, -0.5))
        return
    painter.fillRect(tick, colour)
    ink = QColor(palette.pane)
    ink.setAlpha(200)
    if status is Status.LEAKING:
        size = min(tick.width(), tick.height()) * 0.45
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#ffffff"))
        painter.drawEllipse(tick.center(), size / 2, size / 2)
    elif status in (Status.SKIPPED, Status.EXPOSED):
        painter.setPen(QPen(ink, 1))
        lines = [QLineF(tick.bottomLeft(), tick.topRight())]
        if status is Status.EXPOSED:
            lines.append(QLineF(tick.topLeft(), tick.bottomRight()))
        painter.drawLines(lines)


def paint_counted(painter: QPainter, tick: QRectF, palette: Palette) -> None:
    """The foot of a step without a mask that is padding and counts in the loss."""
    painter.fillRect(tick.adjusted(0, tick.height() * 0.5, 0, 0), _colour(palette.status[Status.EXPOSED]))


def paint_frame(
    painter: QPainter, size: Point, look: NodeLook, sizes: Sizes, palette: Palette, selected: bool = False, scale: float = 1.0
) -> None:
    """An unfolded container: a frame with its top left corner at the origin, and its name in the header."""
    em = sizes.em
    rect = QRectF(0, 0, *size)
    painter.setPen(outline_pen(look.only_in, palette, selected))
    back = QColor(palette.card)
    back.setAlpha(90)
    painter.setBrush(back)
    painter.drawRoundedRect(rect, em * 0.7, em * 0.7)
    if scale < PLAIN_BELOW:
        return
    header = QRectF(em * 0.9, em * 0.3, size[0] - em * 1.8, em * 2.0)
    if look.badge:
        header.setWidth(header.width() - _paint_badge(painter, look, sizes, palette, size[0] - em * 0.9) - em * 0.5)
    for text, bold, colour, align in (
        (f"▾ {look.title}", True, palette.text, Qt.AlignmentFlag.AlignLeft),
        ("" if look.badge else look.subtitle, False, palette.muted, Qt.AlignmentFlag.AlignRight),
    ):
        font = sizes.font(0.9, bold)
        painter.setFont(font)
        painter.setPen(QColor(colour))
        beside = 0.0 if look.badge else QFontMetricsF(sizes.font(0.9)).horizontalAdvance(look.subtitle) + em
        room = header.width() * 0.4 if not bold else max(header.width() * 0.58, header.width() - beside)
        shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(header, align | Qt.AlignmentFlag.AlignVCenter, shown)


def route_path(route: Sequence[Point], radius: float = 8.0) -> QPainterPath:
    """A polyline with rounded corners."""
    points = [QPointF(x, y) for x, y in route]
    path = QPainterPath(points[0])
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        into, out = QLineF(corner, before), QLineF(corner, after)
        for line in (into, out):
            line.setLength(min(radius, line.length() / 2))
        path.lineTo(into.p2())
        path.quadTo(corner, out.p2())
    path.lineTo(points[-1])
    return path


def mask_colour(number: int, palette: Palette) -> QColor:
    """The colour of a mask by its number; its name stands beside it, for the colours repeat."""
    return _colour((_MASKS_DARK if palette.dark else _MASKS_LIGHT)[number % len(_MASKS_DARK)])


def edge_colour(look: EdgeLook, palette: Palette) -> QColor:
    """The colour of an edge: of the mask it carries, or of its status where that tells something."""
    if look.number is not None:
        return mask_colour(look.number, palette)
    if look.only_in:
        return _colour(palette.accent if look.only_in == "B" else palette.muted)
    telling = look.status in (Status.KEPT, Status.LEAKING, Status.EXPOSED)
    return _colour(palette.status[look.status] if telling and look.status is not None else palette.edge)


def paint_edge(
    painter: QPainter,
    path: QPainterPath,
    look: EdgeLook,
    sizes: Sizes,
    palette: Palette,
    scale: float = 1.0,
    strong: bool = False,
) -> None:
    """An edge in the colour of its status, or of the mask it carries: dashed for a mask alone, with a cap where the time axis ended;
    ``strong`` while it is pointed at."""
    pen = QPen(edge_colour(look, palette), max(3.2 if strong else 1.6, (1.6 if strong else 0.8) / scale))
    if look.mask_only:
        pen.setStyle(Qt.PenStyle.DashLine)
    if look.only_in == "A":
        pen.setStyle(Qt.PenStyle.DotLine)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    painter.drawPath(path)
    if scale < PLAIN_BELOW:
        return
    start, then, half = path.elementAt(0), path.elementAt(1), sizes.em * 0.5
    if look.ended:
        painter.setPen(QPen(QColor(palette.status[Status.ENDED]), 2.5))
        if abs(start.x - then.x) <= abs(start.y - then.y):
            painter.drawLine(QPointF(start.x - half, start.y + half), QPointF(start.x + half, start.y + half))
        else:
            painter.drawLine(QPointF(start.x + half, start.y - half), QPointF(start.x + half, start.y + half))
