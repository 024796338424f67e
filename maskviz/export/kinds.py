"""What can be exported: figures of heatmaps and of the graph, made from a trace and made ready for any medium."""

from __future__ import annotations

from dataclasses import dataclass, replace

from maskviz.core.batch import Batch
from maskviz.core.graph import Graph, first_unfolding, folded, graph_of
from maskviz.core.heatmaps import Choice
from maskviz.core.layout import Layout, LayoutRequest, lay_out
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.export.figures import Figure, FigureStyle, figure_drawing, heatmap_figure
from maskviz.export.graph_painting import Sizes, request_of
from maskviz.export.graph_picture import graph_drawing, print_sizes
from maskviz.export.media import Drawing

KINDS = ("heatmaps", "mask", "predictions", "loss", "graph")


@dataclass(frozen=True)
class GraphFigure:
    """The layer graph with the statuses of one sample and timestep; ``sizes`` are those its layout was made for."""

    graph: Graph
    sizes: Sizes
    layout: Layout
    trace: Trace | None
    sample: int
    step: int
    title: str


AnyFigure = Figure | GraphFigure


def graph_to_lay_out(trace: Trace | None, preview: Graph) -> tuple[Graph, Sizes, LayoutRequest]:
    """The graph that a figure shows, and how it is to be laid out. ``preview`` is the graph of the network's file, and says what is
    folded at first, as in the window."""
    graph = preview if trace is None else graph_of(trace, preview)
    shown = folded(graph, first_unfolding(graph, preview))
    sizes = print_sizes(shown, trace)
    return shown, sizes, request_of(shown, sizes)


def make_figure(
    kind: str,
    network: Network,
    batch: Batch,
    trace: Trace | None,
    preview: Graph,
    choice: Choice,
    at: tuple[int, int] = (0, 0),
    layout: Layout | None = None,
) -> AnyFigure:
    """The figure of a kind; ``at``, sample and timestep, is what the graph's colours show. Without the ``layout`` of
    ``graph_to_lay_out`` a graph is laid out here, which may take seconds."""
    if kind == "graph":
        shown, sizes, request = graph_to_lay_out(trace, preview)
        return GraphFigure(shown, sizes, layout or lay_out(request), trace, *at, network.name)
    return heatmap_figure(network, batch, trace, ("mask", "predictions", "loss") if kind == "heatmaps" else (kind,), choice)


def drawing_of(figure: AnyFigure, style: FigureStyle) -> Drawing:
    """A figure for any medium, ``style.width`` pixels wide."""
    if isinstance(figure, Figure):
        return figure_drawing(figure, style)
    return graph_drawing(
        figure.graph, figure.layout, figure.trace, figure.sample, figure.step, style.palette, style.width, figure.title,
        sizes=figure.sizes, full_scale=style.scale, dpi=style.dpi, transparent=style.transparent, legend=style.legend,
    )  # fmt: skip


def steps_of(figure: AnyFigure) -> int:
    """How many timesteps a figure can be walked through; 0 where it has none."""
    if isinstance(figure, Figure):
        return figure.steps if any(m.has_time for m, _scale in figure.maps) else 0
    statuses = [s.shape[1] for s in figure.trace.status.values() if s.ndim == 2] if figure.trace is not None else []
    return max(statuses, default=0)


def at_step(figure: AnyFigure, step: int) -> AnyFigure:
    """The figure at another timestep: a heatmap with that step marked, a graph in the colours of that step."""
    return replace(figure, at=step) if isinstance(figure, Figure) else replace(figure, step=step)
