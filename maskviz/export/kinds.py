"""What can be exported: figures of heatmaps and of the graph, made from a trace and made ready for any medium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import get_args

from maskviz.core.batch import Batch
from maskviz.core.call_maps import call_map, tensor_of
from maskviz.core.compare import DIFFERENCE, DIFFERENCE_LOOK, difference
from maskviz.core.compare_graph import GraphDifference, graph_difference
from maskviz.core.errors import UnusableInput
from maskviz.core.graph import Graph, first_unfolding, folded, graph_of
from maskviz.core.heatmaps import Choice, shared_steps
from maskviz.core.layout import Layout, LayoutRequest, lay_out
from maskviz.core.map_rows import CALL_TITLES, NETWORK_MAPS, STANDARD, MapSpec
from maskviz.core.network import Network
from maskviz.core.probes import Answer, Ask, View
from maskviz.core.trace import Trace
from maskviz.export.cells import scale_for
from maskviz.export.figures import Figure, FigureStyle, figure_drawing, figure_of, heatmap_figure
from maskviz.export.graph_painting import Sizes, request_of
from maskviz.export.graph_picture import graph_drawing, print_sizes
from maskviz.export.media import Drawing

KINDS = ("heatmaps", *NETWORK_MAPS, "graph")
"""What can be exported of every network; ``values:lstm`` and the like are about a call, and ``mask+values:lstm`` is one figure of two."""
VIEWS = get_args(View)


@dataclass(frozen=True)
class Source:
    """What figures are made of.

    ``preview`` is the graph of the network's file. ``choice`` None: every input and every output has a figure of its own. ``at``, sample
    and timestep, is what the graph's colours show; ``layout`` that of ``graph_to_lay_out`` where it is there already. ``answers`` are
    those to the questions of ``questions_of`` by kind. ``file`` is the network's file, where there is one. ``against`` is A of a
    comparison: figures show how this one, B, differs from it.
    """

    network: Network
    batch: Batch
    trace: Trace | None
    preview: Graph
    choice: Choice | None = None
    at: tuple[int, int] = (0, 0)
    layout: Layout | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict)
    file: Path | None = None
    against: Source | None = None

    @cached_property
    def difference(self) -> GraphDifference | None:
        """What differs from ``against``, for the graph; None where there is nothing to compare."""
        a = self.against
        if a is None or a.trace is None or self.trace is None:
            return None
        return graph_difference(a.trace, self.trace, (a.preview, self.preview))


@dataclass(frozen=True)
class GraphFigure:
    """The layer graph with the statuses of one sample and timestep; ``sizes`` are those its layout was made for. Of a ``difference``
    its graph and its trace."""

    graph: Graph
    sizes: Sizes
    layout: Layout
    trace: Trace | None
    sample: int
    step: int
    title: str
    difference: GraphDifference | None = None


AnyFigure = Figure | GraphFigure


def graph_to_lay_out(source: Source) -> tuple[Graph, Sizes, LayoutRequest]:
    """The graph that a figure shows, and how it is to be laid out. The graph of the network's file says what is folded at first, as in
    the window."""
    trace, difference = source.trace, source.difference
    if difference is not None:
        graph, trace = difference.graphs.both, difference.trace
    else:
        graph = source.preview if trace is None else graph_of(trace, source.preview)
    shown = folded(graph, first_unfolding(graph, source.preview))
    sizes = print_sizes(shown, trace, difference)
    return shown, sizes, request_of(shown, sizes)


def spec_of(kind: str) -> MapSpec | None:
    """The map about a call that ``values:lstm``, ``status:lstm#1``, ``values:dense@norm`` or ``values:dense@3`` name; None for the other
    kinds. Raises UnusableInput for what is no kind."""
    if kind in KINDS:
        return None
    name, _, rest = kind.partition(":")
    ref, _, how = rest.partition("@")
    name = "call_mask" if name == "mask" else name
    if name not in CALL_TITLES or not ref or not (how in ("", *VIEWS) or how.isdigit()):
        calls = ", ".join(f"{n}:CALL" for n in CALL_TITLES if n != "call_mask")
        raise UnusableInput(f"‘{kind}’ cannot be exported; choose from {', '.join(KINDS)}, mask:CALL, {calls}.")
    unit = int(how) if how.isdigit() else 0
    return MapSpec(name, ref, how if how in VIEWS else "unit", unit)  # type: ignore[arg-type]


def questions_of(kinds: Sequence[str], sample: int = 0) -> dict[str, Ask]:
    """What the engine has to be asked for some kinds; raises UnusableInput for what is no kind."""
    specs = {part: spec_of(part) for kind in kinds for part in kind.split("+")}
    asked = {kind: spec.question(sample) for kind, spec in specs.items() if spec is not None}
    return {kind: question for kind, question in asked.items() if question is not None}


def make_figure(kind: str, source: Source) -> AnyFigure:
    """The figure of a kind. Without a layout in ``source`` a graph is laid out here, which may take seconds.

    Raises UnusableInput for a call that the network does not have.
    """
    if "+" in kind:
        return _together([make_figure(part, source) for part in kind.split("+")])
    if kind == "graph":
        differing, name = source.difference, source.network.name
        shown, sizes, request = graph_to_lay_out(source)
        layout, trace = source.layout or lay_out(request), source.trace if differing is None else differing.trace
        title = name if differing is None or source.against is None else difference_title(source.against.network.name, name)
        return GraphFigure(shown, sizes, layout, trace, *source.at, title, differing)
    if source.against is not None:
        return _between(kind, source, source.against)
    spec = spec_of(kind)
    if spec is not None:
        return _call_figure(spec, source, source.answers.get(kind))
    kinds = STANDARD if kind == "heatmaps" else (kind,)
    return heatmap_figure(source.network, source.batch, source.trace, kinds, source.choice)


def _between(kind: str, source: Source, against: Source) -> Figure:
    """How the maps of a kind differ from those of A."""
    ours = make_figure(kind, replace(source, against=None))
    try:
        theirs = make_figure(kind, replace(against, choice=source.choice))
    except UnusableInput as error:
        raise UnusableInput(f"There is no difference of ‘{kind}’: in A, {str(error)[:1].lower()}{str(error)[1:]}") from None
    assert isinstance(ours, Figure)
    assert isinstance(theirs, Figure)
    maps = [difference(a, b) for (a, _), (b, _) in zip(theirs.maps, ours.maps, strict=False)]
    shown = tuple((heatmap, scale_for(heatmap, DIFFERENCE_LOOK)) for heatmap in maps if heatmap is not None)
    return titled(replace(ours, maps=shown, steps=min(ours.steps, theirs.steps)), source)


def titled(figure: Figure, source: Source) -> Figure:
    """The figure with a title that says what it is the difference of, where it is one."""
    a = source.against
    if a is None:
        return figure
    subtitle = f"B: {figure.subtitle} · A: {a.network.name}, batch: {a.batch.source}"
    return replace(figure, title=difference_title(a.network.name, source.network.name), subtitle=subtitle)


def difference_title(a: str, b: str) -> str:
    """``B − A of tagger``, or both names where they are two networks."""
    return f"{DIFFERENCE} of {b}" if a == b else f"{DIFFERENCE}: {b} − {a}"


def _together(figures: Sequence[AnyFigure]) -> Figure:
    """The maps of several figures in one."""
    maps = [figure for figure in figures if isinstance(figure, Figure)]
    if len(maps) < len(figures):
        raise UnusableInput("The graph cannot stand in one figure with heatmaps: export it by itself.")
    return replace(maps[0], maps=tuple(pair for figure in maps for pair in figure.maps), steps=max(figure.steps for figure in maps))


def _call_figure(spec: MapSpec, source: Source, answer: Answer | None) -> Figure:
    trace = source.trace
    if trace is None:
        raise UnusableInput("Wait until the engine has computed the masks; then export again.")
    if tensor_of(trace, spec.ref) is None:
        near = get_close_matches(spec.ref or "", [call.id for call in trace.calls], 3, 0.4)
        raise UnusableInput(f"The network has no call ‘{spec.ref}’" + (f"; did you mean {' or '.join(near)}?" if near else "."))
    steps = shared_steps(source.batch, trace)
    heatmap = call_map(spec, trace, steps, answer)
    if heatmap.has_time and (heatmap.kind == "influence" or heatmap.present is not None):
        array = heatmap.status if heatmap.status is not None else heatmap.values
        steps = array.shape[1] if array is not None else steps
    return figure_of(source.network, source.batch, [(heatmap, scale_for(heatmap, spec.look))], steps)


def drawing_of(figure: AnyFigure, style: FigureStyle) -> Drawing:
    """A figure for any medium, ``style.width`` pixels wide."""
    if isinstance(figure, Figure):
        return figure_drawing(figure, style)
    return graph_drawing(
        figure.graph, figure.layout, figure.trace, figure.sample, figure.step, style.palette, style.width, figure.title,
        sizes=figure.sizes, full_scale=style.scale, dpi=style.dpi, transparent=style.transparent, legend=style.legend,
        difference=figure.difference,
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
