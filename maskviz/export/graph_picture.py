"""The layer graph as a picture for print, with its title and legend."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from maskviz.core.compare_graph import GraphDifference
from maskviz.core.counted_padding import CountedPadding
from maskviz.core.graph import Edge, Graph
from maskviz.core.graph_looks import EdgeLook, NodeLook, edge_look, node_look, strips_of
from maskviz.core.layout import Layout
from maskviz.core.trace import Trace
from maskviz.export.graph_legend import legend_height, paint_legend
from maskviz.export.graph_painting import CARD_EMS, Sizes, paint_card, paint_edge, paint_frame, request_of, route_path
from maskviz.export.media import Drawing
from maskviz.palette import Palette

WIDEST_CARD_EMS = 45.0
EM = 12.0  # 9 points at full size
TALLEST = 1.35  # height by width, beyond which a picture is made smaller …
LEAST_SCALE = 0.55  # … but not further than this: 5 points
TALLEST_OF_ALL, MOST_PIXELS_HIGH = 6.0, 30_000  # beyond which it is made smaller in any case


def print_sizes(graph: Graph, trace: Trace | None, difference: GraphDifference | None = None) -> Sizes:
    """Sizes for a picture, in which cards are as wide as the longest name needs: nobody can hover over paper."""
    sizes = Sizes(EM)
    bold, plain, badge = (QFontMetricsF(sizes.font(*font)) for font in ((1.0, True), (0.88, False), (0.8, True)))
    calls = {call.id: call for call in trace.calls} if trace is not None else {}
    need = 0.0
    for node in graph.nodes:
        look = node_look(node, trace, calls.get(node.id), 0, 0, (), 0)
        look = look if difference is None else difference.node_look(node.id, look)
        pill = badge.horizontalAdvance(look.badge) + 1.6 * sizes.em if look.badge else 0.0
        need = max(need, bold.horizontalAdvance(look.title) + pill, plain.horizontalAdvance(look.subtitle))
    return Sizes(sizes.em, min(max(need / sizes.em + 2.2, CARD_EMS), WIDEST_CARD_EMS))


def bounds_of(layout: Layout) -> QRectF:
    """The rectangle around all boxes and routes."""
    if not layout.positions:
        return QRectF()
    corners = [(x, y) for x, y in layout.positions.values()]
    corners += [(x + layout.sizes[n][0], y + layout.sizes[n][1]) for n, (x, y) in layout.positions.items()]
    corners += [point for route in layout.routes for point in route]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return QRectF(QPointF(min(xs), min(ys)), QPointF(max(xs), max(ys)))


def graph_drawing(
    graph: Graph,
    layout: Layout,
    trace: Trace | None,
    sample: int,
    step: int,
    palette: Palette,
    width: int,
    title: str = "",
    *,
    sizes: Sizes | None = None,
    full_scale: float = 4.0,
    dpi: int = 96,
    transparent: bool = False,
    legend: bool = True,
    difference: GraphDifference | None = None,
) -> Drawing:
    """The graph for any medium, ``width`` pixels wide, with its title, what sample and timestep it shows, and the legend.

    ``sizes`` are those that its layout was made with. ``full_scale`` is how many pixels a logical one gets where there is room:
    a small graph is not blown up; a tall one is made smaller as long as it can be read. Of a ``difference`` its graph and trace are drawn.
    """
    sizes = sizes or Sizes.of()
    em = sizes.em
    paper = replace(palette, pane=palette.canvas if palette.dark else palette.card, border=palette.edge)
    bounds = bounds_of(layout)
    margin, head = em * 1.5, em * (4.5 if title else 3)
    least = max(bounds.width(), em * 36)
    below = (legend_height(least, sizes, difference is not None) + em * 2) if legend else 0.0
    tall = bounds.height() + head + 2 * margin + below
    scale = min(full_scale, max(TALLEST * width / tall, LEAST_SCALE * full_scale), min(TALLEST_OF_ALL * width, MOST_PIXELS_HIGH) / tall)
    scale = min(scale, width / (least + 2 * margin))
    inner = width / scale - 2 * margin
    foot = legend_height(inner, sizes, difference is not None) + em * 2 if legend else 0.0
    high = bounds.height() + head + 2 * margin + foot

    def paint(painter: QPainter, _resolution: float) -> None:
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        what = "" if difference is None else "B where it differs from A, "
        words = f"colours show {what}sample {sample} at timestep {step}, strips all its timesteps" if trace is not None else ""
        _paint_heading(painter, title, words, QRectF(margin, margin, inner, head), sizes, paper)
        painter.save()
        painter.translate(margin + (inner - bounds.width()) / 2 - bounds.x(), margin + head - bounds.y())
        paint_graph(painter, graph, layout, trace, sample, step, sizes, paper, difference=difference)
        painter.restore()
        if legend:
            paint_legend(painter, margin, high - margin - foot + em * 2, inner, sizes, paper, difference is not None)

    return Drawing(width / scale, high, scale, paint, None if transparent else paper.pane, dpi)


def paint_graph(
    painter: QPainter,
    graph: Graph,
    layout: Layout,
    trace: Trace | None,
    sample: int,
    step: int,
    sizes: Sizes,
    palette: Palette,
    scale: float = 1.0,
    difference: GraphDifference | None = None,
) -> None:
    """A whole (folded) graph in the units of its layout. The strips show all timesteps alike: no step of theirs is framed. Of a
    ``difference`` its ``trace`` is shown."""
    outputs = strips_of(graph)
    calls = {call.id: call for call in trace.calls} if trace is not None else {}
    counted = CountedPadding(graph, trace) if trace is not None and difference is None else None
    routes = dict(zip(request_of(graph, sizes).links, layout.routes, strict=True))

    def look(node_id: str) -> NodeLook:
        made = node_look(graph.by_id[node_id], trace, calls.get(node_id), sample, step, outputs.get(node_id, ()), 0, None, counted)
        made = replace(made, strips=tuple(replace(strip, marked=None) for strip in made.strips))
        return made if difference is None else difference.node_look(node_id, made)

    def look_of_edge(edge: Edge) -> EdgeLook:
        made = edge_look(edge, trace, sample, step)
        return made if difference is None else difference.edge_look(edge, made)

    def at(node_id: str) -> None:
        painter.save()
        painter.translate(*layout.positions[node_id])

    for node in graph.nodes:
        if node.id in graph.containers:
            at(node.id)
            paint_frame(painter, layout.sizes[node.id], look(node.id), sizes, palette, scale=scale)
            painter.restore()
    for edge in graph.edges:
        paint_edge(painter, route_path(routes[edge.source, edge.target]), look_of_edge(edge), sizes, palette, scale)
    for node in graph.nodes:
        if node.id not in graph.containers:
            at(node.id)
            paint_card(painter, look(node.id), sizes, palette, scale=scale)
            painter.restore()


def _paint_heading(painter: QPainter, title: str, subtitle: str, rect: QRectF, sizes: Sizes, palette: Palette) -> None:
    em, top = sizes.em, rect.y()
    for text, scale, bold, colour in ((title, 1.3, True, palette.text), (subtitle, 1.0, False, palette.muted)):
        if text:
            painter.setFont(sizes.font(scale, bold))
            painter.setPen(QColor(colour))
            painter.drawText(QRectF(rect.x(), top, rect.width(), em * 2), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
            top += em * 1.9
