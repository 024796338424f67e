"""Drawing: the graph of a dropped file, its layout, panning and zooming, and a heatmap with new data."""

from __future__ import annotations

import json
import statistics
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QApplication, QGraphicsScene, QGraphicsView

from maskviz.core import archive
from maskviz.core.graph import Edge, Graph, Node
from maskviz.core.graph_sections import MOST_OUTERMOST, SECTION
from maskviz.core.heatmaps import Choice, Heatmap
from maskviz.core.layout import Layout, fallback
from maskviz.engine import layout_process
from maskviz.export.cells import scale_of
from maskviz.export.graph_painting import request_of
from maskviz.gui.graph import GraphPanel
from maskviz.gui.graph.scene import GraphScene
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.palette import DARK
from maskviz.session.document import Document
from maskviz.session.layout_job import LayoutJob
from tests.benchmarks.table import Row, alternate, spent
from tests.benchmarks.windowed import on_screen, wait

SIZE = QSize(900, 700)
FRAMES = 20


def rows(quick: bool, folder: Path) -> list[Row]:
    QApplication.instance() or QApplication([])
    times = 3 if quick else 9
    calls = (1000,) if quick else (1000, 5000)
    made: list[Row] = [heatmap(times), preview(folder / "residual_1000.keras", times)]
    if not quick:
        made += [heatmap(1, 4000, 4000, 150), *large_heatmap(times)]
    for count, budget in zip(calls, (700.0, 3000.0), strict=False):
        panel, document = shown_graph(residual(count))
        made.append(layout(residual(count), count, budget, min(times, 3)))
        if count > MOST_OUTERMOST:
            made.append(folding(panel, count, times))
        panel.unfold_all()
        settle(panel)
        made += [moving(panel, count), tracing(panel, document, count, times)]
        end(panel)
    return made


def heatmap(times: int, samples: int = 512, steps: int = 1024, budget: float = 8) -> Row:
    """New data in a map, hatched where the mask skips, against a bare image item."""
    random = np.random.default_rng(0)
    data = [random.normal(size=(samples, steps)).astype("float32") for _ in range(2)]
    skipped = np.arange(steps) >= random.integers(steps // 5, steps, (samples, 1))
    view = shown_map(samples, steps)
    bare = pyqtgraph.GraphicsLayoutWidget()
    image = pyqtgraph.ImageItem()
    bare.addPlot().addItem(image)
    on_screen(bare, SIZE)

    def ours() -> None:
        data.reverse()
        show_values(view, data[0], skipped)

    def theirs() -> None:
        image.setImage(data[0])
        bare.viewport().repaint()

    taken = alternate(ours, theirs, 5 * times)
    for widget in (view, bare):
        widget.close()
    return Row(f"heatmap {samples:,} × {steps:,}, new data", *taken, "bare image item", budget, absolute=True)


def large_heatmap(times: int) -> list[Row]:
    """A map of 4,000 samples by 4,000 steps: one sample edited, and a frame of zooming in and of panning, against new data."""
    random = np.random.default_rng(0)
    samples = steps = 4000
    values = random.normal(size=(samples, steps)).astype("float32")
    skipped = np.arange(steps) >= random.integers(steps // 5, steps, (samples, 1))
    view = shown_map(samples, steps)

    def edit() -> float:
        new = values.copy()
        new[random.integers(samples)] *= 0.5
        return spent(lambda: show_values(view, new, skipped))

    def move(act: Callable[[], object]) -> float:
        act()
        return spent(view.repaint)

    whole = statistics.median(spent(lambda: show_values(view, values[::-1].copy(), skipped)) for _ in range(times))
    show_values(view, values, skipped)
    edits = [edit() for _ in range(times)]
    zooms = [move(lambda: view.zoom(0.8, 1500, 2500)) for _ in range(FRAMES)]
    pans = [move(lambda: view.viewport.pan(4, 2)) for _ in range(FRAMES)]
    view.close()
    named = (("one sample edited", edits, 33), ("zooming in, a frame", zooms, 50), ("panning, a frame", pans, 20))
    return [
        Row(f"heatmap 4,000 × 4,000, {what}", statistics.median(taken), whole, "new data", budget, absolute=True)
        for what, taken, budget in named
    ]


def shown_map(samples: int, steps: int) -> MapView:
    """An empty map on screen for so many samples and steps."""
    viewport = Viewport()
    viewport.set_extent(steps, samples)
    view = MapView(viewport, DARK)
    on_screen(view, SIZE)
    return view


def show_values(view: MapView, values: NDArray[Any], skipped: NDArray[Any]) -> None:
    """Show other numbers and paint them."""
    new = Heatmap("predictions", "Predictions", values=values, skipped=skipped)
    view.show_map(new, scale_of(new, Choice()))
    view.repaint()


def preview(path: Path, times: int) -> Row:
    """From a dropped file to its painted graph, Keras not imported, against only reading the file's JSON."""
    other = Graph((Node("other", "other", "Dense"),))
    panel, document = shown_graph(other)

    def ours() -> None:
        show(panel, document, archive.preview(path))
        panel.view.viewport().repaint()

    def theirs() -> None:
        with zipfile.ZipFile(path) as file:
            json.loads(file.read("config.json"))

    ours_ms = []
    for _ in range(times):
        show(panel, document, other)
        ours_ms.append(spent(ours))
    theirs_ms = statistics.median(spent(theirs) for _ in range(times))
    end(panel)
    return Row("graph preview after a drop, 1,000 layers", statistics.median(ours_ms), theirs_ms, "reading its JSON", 500, absolute=True)


def layout(graph: Graph, count: int, budget: float, times: int) -> Row:
    """From the request to the answer of the layout process, against the library called in this process."""
    request = request_of(graph, GraphScene(DARK).sizes)
    job = LayoutJob()
    answers: list[Layout] = []
    job.done.connect(lambda _, answer: answers.append(answer))

    def ours() -> None:
        answers.clear()
        job.request(request)
        wait(lambda: bool(answers))

    taken = alternate(ours, lambda: layout_process.lay_out(request.to_dict()), times)
    job.close()
    fallen = "" if answers[0] != fallback(request) else " (too slow: our own took over)"
    return Row(f"layout of {count:,} calls{fallen}", *taken, "the library alone", budget, absolute=True)


def moving(panel: GraphPanel, count: int) -> Row:
    """A frame while panning at a readable size and while zooming out to all of it, against plain rectangles and lines."""
    scene = QGraphicsScene()
    for box in panel.view.scene().items():
        scene.addRect(box.sceneBoundingRect())
    bare = QGraphicsView(scene)
    bare.setSceneRect(panel.view.sceneRect())
    on_screen(bare, panel.view.size())
    ours = [*frames(panel.view, panel.view.fit)]
    theirs = [*frames(bare, lambda: bare.fitInView(scene.sceneRect(), Qt.AspectRatioMode.KeepAspectRatio))]
    bare.close()
    return Row(
        f"pan and zoom {count:,} calls, a frame", statistics.median(ours), statistics.median(theirs), "bare boxes", 20, absolute=True
    )


def tracing(panel: GraphPanel, document: Document, count: int, times: int) -> Row:
    """Selecting a call while all that does not lead to or from it dims, until it is painted, against painting alone."""
    names = [node.id for node in panel.shown.nodes if node.id not in panel.shown.containers]
    plain = [spent(panel.view.viewport().repaint) for _ in range(times)]
    panel.switch("trace", True)
    ours = [spent(partial(selected, panel, document, name)) for name in names[:: count // times]]
    panel.switch("trace", False)
    return Row(
        f"selection in trace mode, {count:,} calls", statistics.median(ours), statistics.median(plain), "a frame", 100, absolute=True
    )


def folding(panel: GraphPanel, count: int, times: int) -> Row:
    """Unfolding a section of a network that is folded, and folding it again, until it is painted, against painting alone."""
    folded = [node.id for node in panel.shown.nodes if node.class_name == SECTION]
    plain = [spent(panel.view.viewport().repaint) for _ in range(times)]
    ours = [spent(partial(toggled, panel, name)) for name in folded[:times] for _ in range(2)]
    return Row(f"fold or unfold in {count:,} calls", statistics.median(ours), statistics.median(plain), "a frame", 200, absolute=True)


def selected(panel: GraphPanel, document: Document, name: str) -> None:
    document.select(call=name)
    panel.view.viewport().repaint()


def toggled(panel: GraphPanel, name: str) -> None:
    panel.toggle(name)
    settle(panel)
    panel.view.viewport().repaint()


def frames(view: QGraphicsView, fit: Callable[[], None]) -> Iterator[float]:
    """Milliseconds of each frame of a zoom from all of the graph to a readable size, and of a pan there."""
    fit()
    view.viewport().repaint()
    step = (1 / view.transform().m11()) ** (1 / FRAMES)
    for _ in range(FRAMES):
        view.scale(step, step)
        yield spent(view.viewport().repaint)
    for _ in range(FRAMES):
        view.verticalScrollBar().setValue(view.verticalScrollBar().value() + 40)
        yield spent(view.viewport().repaint)


def residual(count: int) -> Graph:
    """A chain of ``count`` calls in which every third also takes what came in two calls before."""
    nodes = tuple(Node(f"call_{i}", f"call_{i}", "Add" if i % 3 == 0 else "Dense") for i in range(count))
    chain = [Edge(f"call_{i - 1}", f"call_{i}") for i in range(1, count)]
    past = [Edge(f"call_{i - 3}", f"call_{i}") for i in range(3, count, 3)]
    return Graph(nodes, (*chain, *past))


def shown_graph(graph: Graph) -> tuple[GraphPanel, Document]:
    """A panel on screen that shows a graph, and its document."""
    document = Document()
    panel = GraphPanel(document, DARK)
    on_screen(panel, SIZE)
    show(panel, document, graph)
    return panel, document


def show(panel: GraphPanel, document: Document, graph: Graph) -> None:
    """Show another graph and wait until it has been laid out."""
    document.graph = graph
    document.network_changed.emit()
    settle(panel)


def settle(panel: GraphPanel) -> None:
    """Wait until the panel's graph has been laid out."""
    wait(lambda: not panel.busy)


def end(panel: GraphPanel) -> None:
    panel.close_layout()
    panel.close()
