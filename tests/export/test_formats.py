"""One figure on every medium: SVG and PDF are vector, animations have a frame a timestep, numbers read back as they were."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QLineF, QRectF
from PySide6.QtGui import QImage, QImageReader, QPainter
from PySide6.QtSvg import QSvgRenderer

from maskviz.core.batch import set_padding
from maskviz.core.errors import UnusableInput
from maskviz.core.heatmaps import Choice
from maskviz.core.status import Status
from maskviz.export import gif
from maskviz.export.figures import FigureStyle
from maskviz.export.files import Format, export_all, render
from maskviz.export.kinds import Source, make_figure, questions_of, spec_of
from maskviz.export.numbers import arrays, csv_text, figure_table, table
from maskviz.export.vector import hatch_lines
from maskviz.palette import LIGHT
from tests.gui import sample_trace

pytestmark = pytest.mark.usefixtures("qapp")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(name="source")
def _source() -> Source:
    sample = sample_trace.sliced()
    return Source(sample.network, sample.batch, sample.trace(sample.batch), sample.graph)


@pytest.mark.parametrize("kind", ["heatmaps", "graph"])
def test_svg_has_shapes_and_outlines_alone(source: Source, tmp_path: Path, kind: str) -> None:
    (path,) = export_all(source, tmp_path, (kind,), format="svg", style=FigureStyle.of_millimetres(150, 300))
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    assert not list(root.iter(f"{SVG}text"))
    labels = {node.get("aria-label") for node in root.iter(f"{SVG}g")}
    assert source.network.name in labels
    pictures = list(root.iter(f"{SVG}image"))
    assert len(pictures) == (2 if kind == "heatmaps" else 0)  # the two colour bars, whose colours run into each other
    assert float(str(root.get("width")).removesuffix("mm")) == pytest.approx(150, abs=0.1)
    assert QSvgRenderer(str(path)).isValid()


def test_svg_looks_like_png(source: Source, tmp_path: Path) -> None:
    style = FigureStyle(900, 96)
    (png,), (svg,) = (export_all(source, tmp_path, ("mask",), format=f, style=style) for f in ("png", "svg"))  # type: ignore[arg-type]
    picture = QImage(str(png))
    drawn = QImage(picture.size(), QImage.Format.Format_RGB32)
    painter = QPainter(drawn)
    QSvgRenderer(str(svg)).render(painter)
    painter.end()
    blue = int(LIGHT.status[Status.KEPT][1:], 16)
    counts = [int((pixels(image) == blue).sum()) for image in (picture, drawn)]
    assert counts[0] > 20_000
    assert counts[1] == pytest.approx(counts[0], rel=0.12)  # edges between pixels are mixed


def pixels(image: QImage) -> np.ndarray:
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(plain.constBits(), np.uint32).reshape(plain.height(), -1)[:, : plain.width()] & 0xFFFFFF


@pytest.mark.parametrize("kind", ["heatmaps", "graph"])
def test_pdf_is_one_page_of_its_size_with_its_fonts(source: Source, tmp_path: Path, kind: str) -> None:
    (path,) = export_all(source, tmp_path, (kind,), format="pdf", style=FigureStyle.of_millimetres(150, 300))
    data = path.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") == 1
    box = re.search(rb"/MediaBox \[([\d. ]+)\]", data)
    assert box is not None
    wide, high = map(float, box[1].split()[2:])
    assert wide == pytest.approx(150 / 25.4 * 72, abs=1.5)
    assert high > 100
    assert b"/FontFile2" in data
    assert source.network.name.encode("utf-16-be") in data


def test_hatches_end_where_their_cells_do() -> None:
    there = np.array([[True, False], [False, False]])
    for falling in (False, True):
        lines = hatch_lines(QRectF(10, 20, 100, 60), there, falling=falling)
        assert len(lines) > 8
        for line in lines:
            assert 10 - 1e-6 <= min(line.x1(), line.x2()) <= max(line.x1(), line.x2()) <= 60 + 1e-6
            assert 20 - 1e-6 <= min(line.y1(), line.y2()) <= max(line.y1(), line.y2()) <= 50 + 1e-6
            assert abs(line.dx()) == pytest.approx(abs(line.dy()))
    whole = hatch_lines(QRectF(0, 0, 70, 70), np.ones((9, 9), bool), falling=True)
    assert max(map(QLineF.length, whole)) == pytest.approx(70 * 2**0.5)  # one line over all cells, not a piece in each
    assert hatch_lines(QRectF(0, 0, 70, 70), np.zeros((9, 9), bool), falling=True) == []


def test_a_transparent_figure_without_legend(source: Source, tmp_path: Path) -> None:
    plain, bare = FigureStyle(900, 120), FigureStyle(900, 120, transparent=True, legend=False)
    for kind in ("mask", "graph"):
        (path,) = export_all(source, tmp_path, (kind,), style=plain)
        with_ground = QImage(str(path))
        (path,) = export_all(source, tmp_path, (kind,), style=bare, overwrite=True)
        without = QImage(str(path))
        assert with_ground.pixelColor(2, 2).alpha() == 255
        assert without.pixelColor(2, 2).alpha() == 0
        assert without.height() < with_ground.height()
    (path,) = export_all(source, tmp_path, ("mask",), format="svg", style=bare)
    assert path.read_text(encoding="utf-8").count("<rect") < 600


@pytest.mark.parametrize("kind", ["loss", "graph"])
def test_gif_has_a_frame_a_timestep(source: Source, tmp_path: Path, kind: str) -> None:
    (path,) = export_all(source, tmp_path, (kind,), format="gif", style=FigureStyle(500, 96))
    reader = QImageReader(str(path))
    assert reader.supportsAnimation()
    assert reader.imageCount() == 24
    assert reader.loopCount() == -1
    seen = [reader.read() for _ in range(24)]
    assert all(not image.isNull() for image in seen)
    assert len({pixels(image).tobytes() for image in seen}) > 20


@pytest.mark.parametrize("format", ["gif", "frames"])
def test_animations_leave_out_what_has_no_timesteps(tmp_path: Path, format: Format) -> None:
    sample, said = sample_trace.tagger(), list[str]()
    source, style = Source(sample.network, sample.batch, sample.trace(sample.batch), sample.graph), FigureStyle(300, 96)
    written = export_all(source, tmp_path, ("predictions", "loss"), format=format, style=style, left_out=said.append)
    assert {path.name.split(".")[0].removesuffix("-000") for path in written} >= {"tagger-predictions-tags", "tagger-loss-tags"}
    assert not [path for path in tmp_path.iterdir() if "score" in path.name]
    assert said == ["Left out, without timesteps to walk through: predictions of score, loss of score."]
    with pytest.raises(UnusableInput, match="no timesteps"):
        export_all(replace(source, choice=Choice(output="score")), tmp_path, ("predictions",), format=format, left_out=said.append)
    assert len(said) == 1


def test_gif_keeps_flat_colours_and_survives_a_full_table() -> None:
    rng = np.random.default_rng(0)
    noise = (rng.integers(0, 4, (180, 240, 3)) * 85).astype(np.uint8)
    frames = []
    for k in range(3):
        noise[20:60, 30 * k : 30 * k + 25] = (31, 111, 196)
        frames.append(QImage(noise.copy().data, 240, 180, 720, QImage.Format.Format_RGB888).copy())
    buffer = QBuffer()
    buffer.setData(QByteArray(gif.gif_bytes(frames, 100)))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, b"gif")
    for frame in frames:
        assert_array_equal(pixels(reader.read()), pixels(frame))


def test_frames_are_a_numbered_series(source: Source, tmp_path: Path) -> None:
    written = export_all(source, tmp_path, ("graph",), format="frames", style=FigureStyle(400, 96))
    assert [path.name for path in written[:2]] == ["seed_lambda_slice-graph-000.png", "seed_lambda_slice-graph-001.png"]
    assert len(written) == 24
    assert written[0].read_bytes() != written[20].read_bytes()


def test_numbers_read_back(source: Source, tmp_path: Path) -> None:
    trace = source.trace
    assert trace is not None
    (path,) = export_all(source, tmp_path, ("heatmaps",), format="npz")
    with np.load(path, allow_pickle=False) as held:
        out = trace.network_outputs[0]
        steps = held["predictions/steps"]
        assert_array_equal(steps, list(out.steps or ()))
        assert_array_equal(held["predictions/values"][:, steps], trace.outputs[out.name][..., 0])
        assert held["mask/status"].shape == (16, 24)
    (path,) = export_all(source, tmp_path, ("loss",), format="csv")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert len(rows) == 16 * 21
    assert sum(float(row["value"]) for row in rows) == pytest.approx(trace.ledger.sum)
    assert {row["state"] for row in rows} == {"", "exposed"}
    (path,) = export_all(source, tmp_path, ("graph",), format="csv")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert {row["call"] for row in rows} == {call.id for call in trace.calls}
    assert [row["state"] for row in rows if row["call"] == "masking"][-1] == "skipped"


def test_a_table_is_a_row_a_sample(source: Source) -> None:
    figure = make_figure("predictions", source)
    head, first, *others = figure_table(figure).splitlines()
    assert head.split("\t")[:2] == ["sample", "3"]  # the first three steps are not there
    assert len(others) == 15
    assert source.trace is not None
    assert [float(cell) for cell in first.split("\t")[1:]] == source.trace.outputs["dense"][0, :, 0].tolist()
    weights = figure_table(make_figure("weights", source)).splitlines()
    assert [float(cell) for cell in weights[1].split("\t")[1:]] == [1.0] * 21
    mask = make_figure("mask", source)
    assert table(mask.maps[0][0]).splitlines()[1].split("\t")[:2] == ["0", "kept"]  # type: ignore[union-attr]
    assert "call\tclass" in figure_table(make_figure("graph", source))
    assert arrays(make_figure("graph", source)).keys() >= {"status/masking"}


def test_samples_stand_in_the_order_that_is_shown(source: Source) -> None:
    figure = make_figure("loss", source)
    turned = replace(figure, order=np.arange(16)[::-1])
    assert csv_text(figure) == csv_text(turned)  # numbers keep the number of their sample
    style = FigureStyle(600, 96)
    assert pixels(render(figure, style)).tobytes() != pixels(render(turned, style)).tobytes()


def test_maps_of_calls_are_named(source: Source, tmp_path: Path) -> None:
    spec = spec_of("values:lstm#1@norm")
    assert spec is not None
    assert (spec.kind, spec.ref, spec.view) == ("values", "lstm#1", "norm")
    unit = spec_of("state:lstm@3")
    assert unit is not None
    assert (unit.view, unit.unit) == ("unit", 3)
    assert spec_of("graph") is None
    assert set(questions_of(["values:lstm", "graph", "status:lstm"])) == {"values:lstm"}
    for wrong in ("nothing", "nothing:lstm", "values", "values:lstm@some"):
        with pytest.raises(UnusableInput, match="cannot be exported"):
            spec_of(wrong)
    (path,) = export_all(source, tmp_path, ("status:shift",), style=FigureStyle(500, 96))
    assert path.name == "seed_lambda_slice-status_shift.png"
    with pytest.raises(UnusableInput, match="did you mean lstm"):
        make_figure("status:lsmt", source)


def test_any_set_of_maps_is_one_figure(source: Source, tmp_path: Path) -> None:
    figure = make_figure("loss+status:shift", source)
    assert [heatmap.kind for heatmap, _scale in figure.maps] == ["loss", "status"]  # type: ignore[union-attr]
    assert set(questions_of(["mask+values:lstm"])) == {"values:lstm"}
    (path,) = export_all(source, tmp_path, ("mask+loss",), style=FigureStyle(500, 96))
    assert path.name == "seed_lambda_slice-mask_loss.png"
    with pytest.raises(UnusableInput, match="by itself"):
        make_figure("mask+graph", source)
    with pytest.raises(UnusableInput, match="cannot be exported"):
        export_all(source, tmp_path, ("mask+nothing",))


def test_the_difference_of_two_results_in_numbers(tmp_path: Path) -> None:
    sample = sample_trace.sliced()
    padded = set_padding(sample.batch, sample.network.inputs[0], 0, np.arange(24) >= 5)
    a = Source(sample.network, sample.batch, sample.trace(sample.batch), sample.graph)
    b = replace(a, batch=padded, trace=sample.trace(padded), against=a)
    assert a.trace is not None
    assert b.trace is not None
    export_all(b, tmp_path, ("mask", "predictions", "graph"), format="npz")
    held = {path.name.rsplit("-")[-1]: np.load(path) for path in tmp_path.iterdir()}
    name = a.trace.network_outputs[0].name
    there = held["predictions.npz"]["predictions/steps"]
    moved = held["predictions.npz"]["predictions/values"][:, there]
    np.testing.assert_allclose(moved, (b.trace.outputs[name] - a.trace.outputs[name])[..., 0][:, : len(there)], atol=1e-6)
    real = int((~sample.batch.padding["features"][0]).sum())
    assert int((held["mask.npz"]["mask/status"] != Status.ENDED).sum()) == real - 5
    call = next(ref for ref in b.trace.status if b.trace.status[ref].ndim == 2)
    same = a.trace.status[call] == b.trace.status[call]
    np.testing.assert_array_equal(held["graph.npz"][f"status/{call}"] == Status.ENDED, same)
    export_all(b, tmp_path, ("mask", "graph"), format="csv")
    table = {path.name.rsplit("-")[-1]: path.read_text() for path in tmp_path.glob("*.csv")}
    assert table["mask.csv"].count(",same") == same.size - (real - 5)
    assert table["graph.csv"].splitlines()[0].endswith(",difference")
    export_all(b, tmp_path, ("heatmaps", "graph"), format="png", style=FigureStyle(500, 96))
    assert len([*tmp_path.glob("*.png")]) == 2
    other = replace(a.trace, calls=a.trace.calls[:-1])
    gone = a.trace.calls[-1].id
    with pytest.raises(UnusableInput, match=f"There is no difference of ‘status:{gone}’: in A, the network has no call"):
        export_all(replace(b, against=replace(a, trace=other)), tmp_path, (f"status:{gone}",))
