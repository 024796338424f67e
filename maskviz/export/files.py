"""Writing figures: PNG with dpi and metadata, or SVG; never over an existing file unless asked; one sentence where it fails."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QBuffer, QIODevice, QRectF, QSize
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.graph import Graph, first_unfolding, folded, graph_of
from maskviz.core.heatmaps import Choice
from maskviz.core.layout import Layout, LayoutRequest, lay_out
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.export.figures import Figure, FigureStyle, figure_size, heatmap_figure, paint_figure, render_figure
from maskviz.export.graph_painting import Sizes, request_of
from maskviz.export.graph_picture import print_sizes, render_graph

Format = Literal["png", "svg"]
KINDS = ("heatmaps", "mask", "predictions", "loss", "graph")
DEFAULT = ("mask", "predictions", "loss", "graph")
SVG_HATCH_RESOLUTION = 4.0

_application: QGuiApplication | None = None


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


def ensure_application() -> None:
    """Make painting possible where no window is open (fonts need an application object); needs no display."""
    global _application
    if QGuiApplication.instance() is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        _application = QGuiApplication(["maskviz"])


def metadata(title: str, network: Network, batch: Batch) -> dict[str, str]:
    """The text keys a PNG carries."""
    try:
        release = version("maskviz")
    except PackageNotFoundError:
        release = ""
    return {
        "Title": title,
        "Network": network.name,
        "Keras version": network.keras,
        "Batch": batch.source,
        "Software": f"MaskViz {release}".strip(),
    }


def file_names(
    network: Network, what: Sequence[str], choice: Choice | None = None, format: Format = "png"
) -> dict[str, tuple[str, Choice]]:
    """The files that an export makes: name → kind and choice. Without a choice, every input and every output has its figure.

    Raises UnusableInput for a kind that does not exist.
    """
    stem = _safe(network.name) or "network"
    names: dict[str, tuple[str, Choice]] = {}
    for kind in what:
        if kind not in KINDS:
            raise UnusableInput(f"‘{kind}’ cannot be exported; choose from {', '.join(KINDS)}.")
        several = [i.name for i in network.inputs if i.has_time] if kind == "mask" else [o.name for o in network.outputs]
        if choice is not None or kind == "graph" or len(several) < 2:
            names[f"{stem}-{kind}.{'png' if kind == 'graph' else format}"] = (kind, choice or Choice())
            continue
        for name in several:
            one = Choice(input=name) if kind == "mask" else Choice(output=name)
            names[f"{stem}-{kind}-{_safe(name)}.{format}"] = (kind, one)
    return names


def _safe(name: str) -> str:
    """A name that any file system takes."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")


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


def render(figure: AnyFigure, style: FigureStyle) -> QImage:
    """A figure as an image of ``style.width`` pixels with its dpi."""
    if isinstance(figure, Figure):
        return render_figure(figure, style)
    image = render_graph(
        figure.graph, figure.layout, figure.trace, figure.sample, figure.step, style.palette, style.width, figure.title,
        sizes=figure.sizes, full_scale=style.scale,
    )  # fmt: skip
    image.setDotsPerMeterX(round(style.dpi / 0.0254))
    image.setDotsPerMeterY(round(style.dpi / 0.0254))
    return image


def save_figure(figure: AnyFigure, path: Path, style: FigureStyle, texts: Mapping[str, str], overwrite: bool = False) -> Path:
    """Write a figure as PNG or, where ``path`` ends in ``.svg``, as SVG. Raises UnusableInput where it cannot be written."""
    if path.exists() and not overwrite:
        raise UnusableInput(f"‘{path.name}’ is already in {path.parent}; choose another folder or allow overwriting.")
    data = (
        svg_bytes(figure, style, texts) if path.suffix == ".svg" and isinstance(figure, Figure) else png_bytes(render(figure, style), texts)
    )
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UnusableInput(f"‘{path}’ could not be written: {error.strerror or error}; choose another folder.") from error
    return path


def png_bytes(image: QImage, texts: Mapping[str, str]) -> bytes:
    """A PNG file with text keys."""
    for key, text in texts.items():
        image.setText(key, text)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise UnusableInput(f"A picture of {image.width()} × {image.height()} pixels is too large; choose a smaller width.")
    return bytes(buffer.data().data())


def svg_bytes(figure: Figure, style: FigureStyle, texts: Mapping[str, str]) -> bytes:
    """An SVG file of the same proportions; hatches and cells are pictures inside it."""
    width = style.width / style.scale
    size = figure_size(figure, width)
    whole = QSize(math.ceil(size.width()), math.ceil(size.height()))
    buffer, generator = QBuffer(), QSvgGenerator()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator.setOutputDevice(buffer)
    generator.setResolution(96)
    generator.setSize(whole)
    generator.setViewBox(QRectF(0, 0, whole.width(), whole.height()))
    generator.setTitle(texts.get("Title", ""))
    generator.setDescription(" · ".join(f"{k}: {v}" for k, v in texts.items() if k != "Title"))
    painter = QPainter(generator)
    try:
        paint_figure(painter, figure, width, style.palette, SVG_HATCH_RESOLUTION)
    finally:
        painter.end()
    return bytes(buffer.data().data())


def export_all(
    network: Network,
    batch: Batch,
    trace: Trace,
    preview: Graph,
    out_dir: str | Path,
    what: Sequence[str] = DEFAULT,
    *,
    format: Format = "png",
    style: FigureStyle | None = None,
    choice: Choice | None = None,
    at: tuple[int, int] = (0, 0),
    overwrite: bool = False,
    layout: Layout | None = None,
) -> list[Path]:
    """Write figures of ``what`` (``heatmaps``: all three in one; ``mask``, ``predictions``, ``loss``, ``graph``) into a folder.

    The folder is made where it is missing. Nothing is written when one of the files exists and ``overwrite`` is False.
    The graph is always a PNG, and laid out here unless its ``layout`` is given. Raises UnusableInput, with one sentence, where
    something cannot be written.
    """
    folder, style = Path(out_dir), style or FigureStyle()
    names = file_names(network, what, choice, format)
    present = [name for name in names if (folder / name).exists()]
    if present and not overwrite:
        raise UnusableInput(f"‘{present[0]}’ is already in {folder}; choose another folder or allow overwriting.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableInput(f"The folder {folder} cannot be made: {error.strerror or error}; choose another one.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UnusableInput(f"The folder {folder} cannot be written to; choose another one.")
    ensure_application()
    written = []
    for name, (kind, one) in names.items():
        figure = make_figure(kind, network, batch, trace, preview, one, at, layout)
        written.append(save_figure(figure, folder / name, style, metadata(f"{network.name}: {kind}", network, batch), overwrite))
    return written
