"""Figures written to files and read back."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QByteArray, QRectF
from PySide6.QtGui import QFontMetricsF, QImage
from PySide6.QtSvg import QSvgRenderer
from pytestqt.qtbot import QtBot

from maskviz.colormaps import MARK_COLORS, VIRIDIS, Mark, hex_rgb
from maskviz.core.errors import UnusableInput
from maskviz.core.graph import Edge, Graph, Node
from maskviz.core.heatmaps import Choice
from maskviz.core.layout import fallback
from maskviz.core.map_rows import Look
from maskviz.core.numbers import number
from maskviz.core.status import Status
from maskviz.export import kinds
from maskviz.export.axes import bar_labels, unit_words
from maskviz.export.figures import FONT_PX, TALLEST, Figure, FigureStyle, _font, _Layout, heatmap_figure, render_figure, wrapped
from maskviz.export.files import DEFAULT, export_all, file_names
from maskviz.export.graph_painting import Sizes
from maskviz.export.graph_picture import graph_drawing, print_sizes
from maskviz.export.media import image_of
from maskviz.palette import DARK, LIGHT
from tests.gui import sample_trace

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(name="sliced")
def _sliced() -> sample_trace.Sample:
    return sample_trace.sliced()


def export(sample: sample_trace.Sample, folder: Path, what: tuple[str, ...], **options: object) -> list[Path]:
    source = kinds.Source(sample.network, sample.batch, sample.trace(sample.batch), sample.graph, options.pop("choice", None))  # type: ignore[arg-type]
    return export_all(source, folder, what, **options)  # type: ignore[arg-type]


def cell_color(
    image: QImage, style: FigureStyle, figure: Figure, index: int, sample: int, step: int, shift: float = 0.0
) -> tuple[int, int, int]:
    """The colour in a cell of map ``index``, ``shift`` of a cell off its middle."""
    area = _Layout(figure, style.width / style.scale).places[index].map
    heatmap = figure.maps[index][0]
    x = area.left() + (step + 0.5 + shift) * area.width() / figure.steps
    y = area.top() + (sample + 0.5 + shift) * area.height() / heatmap.samples
    color = image.pixelColor(int(x * style.scale), int(y * style.scale))
    return color.red(), color.green(), color.blue()


def test_a_png_has_its_size_dpi_and_words(sliced: sample_trace.Sample, tmp_path: Path) -> None:
    (path,) = export(sliced, tmp_path, ("mask",), style=FigureStyle(1800, 300))
    image = QImage(str(path))
    assert image.width() == 1800
    assert round(image.dotsPerMeterX() * 0.0254) == round(image.dotsPerMeterY() * 0.0254) == 300
    assert image.text("Title") == f"{sliced.network.name}: mask"
    assert image.text("Network") == sliced.network.name
    assert image.text("Keras version") == sliced.network.keras
    assert image.text("Batch") == sliced.batch.source
    assert image.text("Software").startswith("MaskViz")


@pytest.mark.parametrize(("theme", "colors"), [("light", LIGHT), ("dark", DARK)])
def test_known_cells_have_their_colours(sliced: sample_trace.Sample, theme: str, colors: object) -> None:
    trace = sliced.trace(sliced.batch)
    out = trace.network_outputs[0]
    assert out.steps is not None
    array = trace.outputs[out.name].copy()
    array[0, 0], array[1, 1] = array.min() - 1, np.nan
    trace = replace(trace, outputs={**trace.outputs, out.name: array})
    style = FigureStyle(1600, 150, theme)  # type: ignore[arg-type]
    figure = heatmap_figure(sliced.network, sliced.batch, trace)
    image = render_figure(figure, style)
    palette = style.palette
    assert palette is colors
    assert cell_color(image, style, figure, 0, 0, 0) == hex_rgb(palette.status[Status.KEPT])
    assert cell_color(image, style, figure, 1, 0, out.steps[0]) == tuple(VIRIDIS[0].tolist())
    assert cell_color(image, style, figure, 1, 1, out.steps[1], 0.42) == hex_rgb(MARK_COLORS[Mark.NAN])
    if out.steps[0] > 0:
        assert cell_color(image, style, figure, 1, 0, 0) == hex_rgb(palette.canvas if palette.dark else palette.card)


def test_skipped_steps_are_hatched_and_kept_ones_are_not(sliced: sample_trace.Sample) -> None:
    style = FigureStyle(1600, 200)
    figure = heatmap_figure(sliced.network, sliced.batch, sliced.trace(sliced.batch), ("mask",))
    image = render_figure(figure, style)
    status = figure.maps[0][0].status
    assert status is not None

    def colors_in(sample: int, step: int) -> int:
        return len({cell_color(image, style, figure, 0, sample, step, k / 40) for k in range(-14, 15)})

    skipped = np.argwhere(status == Status.SKIPPED)[0]
    kept = np.argwhere(status == Status.KEPT)[0]
    assert colors_in(*skipped) > 2
    assert colors_in(*kept) == 1


def test_the_hatch_is_as_wide_on_paper_at_any_dpi(sliced: sample_trace.Sample) -> None:
    figure = heatmap_figure(sliced.network, sliced.batch, sliced.trace(sliced.batch), ("mask",))
    low, high = FigureStyle(1000, 100), FigureStyle(3000, 300)
    assert low.width / low.scale == pytest.approx(high.width / high.scale)
    small, large = render_figure(figure, low), render_figure(figure, high)
    assert large.height() == pytest.approx(3 * small.height(), abs=3)


@pytest.mark.parametrize("width", [200, 1000, 8000])
def test_any_width_is_kept_exactly(sliced: sample_trace.Sample, width: int) -> None:
    figure = heatmap_figure(sliced.network, sliced.batch, sliced.trace(sliced.batch))
    assert render_figure(figure, FigureStyle(width, 300)).width() == width


def test_millimetres() -> None:
    assert FigureStyle.of_millimetres(84, 300).width == 992


def test_everything_is_written_once_per_input_and_output(tmp_path: Path) -> None:
    translator = sample_trace.translator()
    written = export(translator, tmp_path / "new" / "folder", DEFAULT)
    names = sorted(p.name for p in written)
    assert all(p.is_file() for p in written)
    inputs = [i.name for i in translator.network.inputs]
    assert {f"translator-mask-{n}.png" for n in inputs} | {
        "translator-graph.png",
        "translator-loss.png",
        "translator-predictions.png",
    } == set(names)


def test_a_choice_exports_what_is_shown() -> None:
    tagger = sample_trace.tagger()
    names = file_names(tagger.network, ("predictions",), Choice(output=tagger.network.outputs[0].name))
    assert list(names) == ["tagger-predictions.png"]


def test_nothing_is_overwritten_silently(sliced: sample_trace.Sample, tmp_path: Path) -> None:
    (path,) = export(sliced, tmp_path, ("loss",))
    path.write_bytes(b"mine")
    with pytest.raises(UnusableInput, match="already in"):
        export(sliced, tmp_path, ("mask", "loss"))
    assert path.read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 1
    export(sliced, tmp_path, ("loss",), overwrite=True)
    assert QImage(str(path)).width() > 0


def test_a_folder_that_cannot_be_made_or_written_gets_one_sentence(
    sliced: sample_trace.Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a file"
    file.write_text("x")
    with pytest.raises(UnusableInput, match=re.escape(f"The folder {file / 'sub'} cannot be made")):
        export(sliced, file / "sub", ("mask",))
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UnusableInput, match="cannot be written to"):
        export(sliced, tmp_path, ("mask",))


def test_an_unknown_kind_is_named(sliced: sample_trace.Sample, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="‘masks’ cannot be exported"):
        export(sliced, tmp_path, ("masks",))


def test_svg_can_be_drawn_again(sliced: sample_trace.Sample, tmp_path: Path) -> None:
    (path,) = export(sliced, tmp_path, ("heatmaps",), format="svg")
    text = path.read_text()
    assert path.suffix == ".svg"
    assert f"{sliced.network.name}: heatmaps" in text
    assert "Padding and mask" in text
    assert QSvgRenderer(QByteArray(path.read_bytes())).isValid()


def sized(sample: sample_trace.Sample, samples: int, steps: int) -> Figure:
    """The figure of all three maps for another size of batch."""
    trace = sample.trace(sample.batch)
    rng = np.random.default_rng(1)
    out = replace(trace.network_outputs[0], steps=tuple(range(steps)))
    padding = np.arange(steps) >= rng.integers(1, steps + 1, (samples, 1))
    trace = replace(
        trace, network_outputs=(out,), outputs={out.name: rng.normal(size=(samples, steps, 1)).astype("float32")},
        padding={"features": padding}, contributions={out.name: rng.random((samples, steps)) / 1e4},
    )  # fmt: skip
    x = np.zeros((samples, steps, 1), "float32")
    return heatmap_figure(
        sample.network, replace(sample.batch, x={"features": x}, padding={"features": padding}, content={"features": x}), trace
    )


@pytest.mark.parametrize(("samples", "steps"), [(3, 5), (16, 24), (64, 500), (200, 50)])
@pytest.mark.parametrize("millimetres", [84, 178])
def test_a_figure_fits_on_a_page_and_loses_no_word(sliced: sample_trace.Sample, samples: int, steps: int, millimetres: float) -> None:
    figure, style = sized(sliced, samples, steps), FigureStyle.of_millimetres(millimetres, 300)
    layout = _Layout(figure, style.width / style.scale)
    assert layout.height <= TALLEST * layout.width + 1
    plain = QFontMetricsF(_font(FONT_PX))
    for (heatmap, scale), place in zip(figure.maps, layout.places, strict=True):
        assert " ".join(place.lines).split() == heatmap.subtitle.split()
        assert all(place.words.left() + plain.horizontalAdvance(line) <= layout.width for line in place.lines)
        assert place.map.top() >= place.words.top() + len(place.lines) * plain.height() - 1
        if heatmap.values is not None:
            labels = bar_labels(scale, heatmap.classes, place.bar.height(), plain.height())
            assert len(labels) >= 3
            assert [labels[0][0], labels[-1][0]] == [number(scale.low), number(scale.high)]
            assert all(place.bar.right() + plain.horizontalAdvance(text) < layout.width for text, _share in labels)


def test_a_logarithmic_scale_is_named_and_has_ticks_of_its_own(sliced: sample_trace.Sample) -> None:
    style = FigureStyle.of_millimetres(178, 300)

    def bar(look: Look) -> bytes:
        figure = heatmap_figure(sliced.network, sliced.batch, sliced.trace(sliced.batch), ("loss",), Choice(looks={"loss": look}))
        ((heatmap, scale),) = figure.maps
        assert unit_words(heatmap, scale) == "contribution to the loss" + (" · log" if look.log else "")
        image, place = render_figure(figure, style), _Layout(figure, style.width / style.scale).places[0].bar
        right = QRectF(place.right() + 2, place.top(), 60, place.height())
        part = image.copy(QRectF(right.topLeft() * style.scale, right.size() * style.scale).toRect())
        return bytes(part.constBits())

    assert bar(Look()) != bar(Look(log=True))


def test_long_words_are_broken_and_none_is_lost() -> None:
    font = _font(FONT_PX)
    measure = QFontMetricsF(font)
    for words in ("sum = 0.79 = evaluate() · this output 0.26 · 0% comes from padding", "a_name_" * 40, "a · " + "b" * 90 + " · c d"):
        lines = wrapped(words, font, 200)
        assert len(lines) > 1
        assert all(measure.horizontalAdvance(line) <= 200 for line in lines)
        assert "".join(lines).replace(" ", "") == words.replace(" ", "")


def test_bars_start_at_zero_and_are_told_apart_by_colour(sliced: sample_trace.Sample) -> None:
    trace = sliced.trace(sliced.batch)
    out = replace(trace.network_outputs[0], has_time=False, steps=None)
    values = np.linspace(0.49, 0.50, sliced.batch.size, dtype="float32")[:, None]
    trace = replace(trace, network_outputs=(out,), outputs={out.name: values})
    figure, style = heatmap_figure(sliced.network, sliced.batch, trace, ("predictions",)), FigureStyle(1600, 200)
    image, area = render_figure(figure, style), _Layout(figure, style.width / style.scale).places[0].map
    high = area.height() / sliced.batch.size

    def color(sample: int, x: float) -> tuple[int, int, int]:
        found = image.pixelColor(int(x * style.scale), int((area.top() + (sample + 0.5) * high) * style.scale))
        return found.red(), found.green(), found.blue()

    assert color(0, area.left() + 10) == tuple(VIRIDIS[0].tolist())
    assert color(sliced.batch.size - 1, area.left() + 10) == tuple(VIRIDIS[-1].tolist())
    assert color(0, area.right() - 4) == hex_rgb(LIGHT.card)  # 0.49 of 0.50: the bar of the lowest value ends before the axis does


def test_the_light_graph_is_on_white_with_whole_names(sliced: sample_trace.Sample, tmp_path: Path) -> None:
    (path,) = export(sliced, tmp_path, ("graph",), style=FigureStyle(1600, 200))
    assert QImage(str(path)).pixelColor(2, 2).name() == LIGHT.card
    name = "sparse_categorical_crossentropy_of_the_second_output"
    long = replace(sliced.graph, nodes=(*sliced.graph.nodes, Node("other/" + name, name, "Dense")))
    sizes = print_sizes(long, sliced.trace(sliced.batch))
    assert sizes.card[0] > QFontMetricsF(sizes.font(1.0, True)).horizontalAdvance(name) + 1.9 * sizes.em
    assert print_sizes(sliced.graph, None).card == Sizes(sizes.em).card


def test_a_long_graph_stays_within_what_can_be_painted(sliced: sample_trace.Sample) -> None:
    nodes = tuple(Node(f"dense_{k}", f"dense_{k}", "Dense") for k in range(1000))
    graph = Graph(nodes, tuple(Edge(a.id, b.id) for a, b in itertools.pairwise(nodes)))
    _shown, sizes, request = kinds.graph_to_lay_out(kinds.Source(sliced.network, sliced.batch, None, graph))
    image = image_of(graph_drawing(graph, fallback(request), None, 0, 0, LIGHT, 400, "deep", sizes=sizes))
    assert 2000 < image.height() <= 2401


def test_long_and_many(qtbot: QtBot, sliced: sample_trace.Sample) -> None:
    """500 samples of 362 steps: one NaN among them still shows."""
    trace = sliced.trace(sliced.batch)
    rng = np.random.default_rng(0)
    out = replace(trace.network_outputs[0], steps=tuple(range(362)))
    array = rng.normal(size=(500, 362, 1)).astype("float32")
    array[333, 111] = np.nan
    padding = np.zeros((500, 362), bool)
    trace = replace(trace, network_outputs=(out,), outputs={out.name: array}, padding={out.time_input: padding}, contributions={})
    x = np.zeros((500, 362, 1), "float32")
    batch = replace(sliced.batch, x={"features": x}, padding={"features": padding}, content={"features": x})
    style = FigureStyle(700, 96)
    figure = heatmap_figure(sliced.network, batch, trace, ("predictions",))
    image = render_figure(figure, style)
    nan = hex_rgb(MARK_COLORS[Mark.NAN])
    around = {cell_color(image, style, figure, 0, 333, 111, k / 2) for k in range(-2, 3)}
    assert nan in around
