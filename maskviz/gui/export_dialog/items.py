"""What the export dialog offers: the heatmaps as they are shown, each of them, the graph, and the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QPoint
from PySide6.QtGui import QPaintEngine, QPainter, QPicture
from PySide6.QtWidgets import QWidget

from maskviz.colormaps import Scale
from maskviz.core.heatmaps import Heatmap, shared_steps
from maskviz.core.map_rows import NETWORK_MAPS
from maskviz.export.figures import Figure, FigureStyle, figure_of, heatmap_figure
from maskviz.export.files import safe
from maskviz.export.kinds import Source, titled
from maskviz.export.media import Drawing

PICTURES = ("png", "svg", "pdf")
"""Formats of what has neither numbers behind it nor timesteps, such as the window."""


@dataclass(frozen=True)
class Shown:
    """What the window shows: its heatmaps from top to bottom with their colours, the order of the samples, and the window itself."""

    maps: tuple[tuple[Heatmap, Scale], ...] = ()
    order: NDArray[Any] | None = None
    window: QWidget | None = None
    statuses: str = "standard"


@dataclass(frozen=True)
class Item:
    """One line of the dialog's list: a key that is remembered, and words."""

    key: str
    words: str

    @property
    def is_map(self) -> bool:
        """Whether it is a single heatmap."""
        return self.key not in ("heatmaps", "graph", "window")

    def takes(self, format: str) -> bool:
        """Whether there is such a file of it."""
        return self.key != "window" or format in PICTURES


def shown_by_default(source: Source) -> Shown:
    """The three maps of a network, where no window says what it shows."""
    figure = heatmap_figure(source.network, source.batch, source.trace, choice=source.choice)
    return Shown(figure.maps)


def items_of(shown: Shown) -> list[Item]:
    """The lines of the list."""
    maps = [Item(key, heatmap.title) for key, heatmap in zip(keys(shown.maps), (m for m, _scale in shown.maps), strict=True)]
    whole = [Item("heatmaps", "All heatmaps in one figure")] if maps else []
    window = [Item("window", "The whole window")] if shown.window is not None else []
    return [*whole, *maps, Item("graph", "Layer graph"), *window]


def keys(maps: Sequence[tuple[Heatmap, Scale]]) -> list[str]:
    """A key for each map, which also names its file: ``mask``, ``values_of_lstm``, and a number where two would be the same."""
    found: list[str] = []
    for heatmap, _scale in maps:
        own = heatmap.kind if heatmap.kind in NETWORK_MAPS else safe(heatmap.title.lower())
        same = sum(1 for key in found if key == own or key.startswith(f"{own}-"))
        found.append(f"{own}-{same + 1}" if same else own)
    return found


def map_figure(key: str, source: Source, shown: Shown) -> Figure:
    """The figure of all maps (``heatmaps``), of one, or of some (``mask+loss``), as the window shows them."""
    names = key.split("+")
    chosen = [pair for name, pair in zip(keys(shown.maps), shown.maps, strict=True) if key == "heatmaps" or name in names]
    lengths = [a.shape[1] for m, _scale in chosen if (a := m.status if m.status is not None else m.values) is not None and a.ndim == 2]
    steps = max(lengths, default=shared_steps(source.batch, source.trace))
    return titled(figure_of(source.network, source.batch, chosen, steps, shown.order), source)


def window_drawing(window: QWidget, style: FigureStyle) -> Drawing:
    """The window as it is, for any medium, ``style.width`` pixels wide; in its own theme, whatever the figures' is."""

    def paint(painter: QPainter, _resolution: float) -> None:
        if painter.paintEngine().type() != QPaintEngine.Type.SVG:
            window.render(painter, QPoint())
            return
        picture = QPicture()  # in between: the SVG generator puts the clips of inner widgets in the wrong place
        recorder = QPainter(picture)
        try:
            window.render(recorder, QPoint())
        finally:
            recorder.end()
        painter.drawPicture(0, 0, picture)

    return Drawing(window.width(), window.height(), style.width / window.width(), paint, style.palette.canvas, style.dpi)
