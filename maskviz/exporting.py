"""``maskviz export`` and ``maskviz report``: pictures, numbers and the report of a network's file, without a window."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from maskviz.api import MaybeBatch, trace_with
from maskviz.core import archive, batch_files
from maskviz.core.batch import Batch
from maskviz.core.batch_fit import RawBatch, fit
from maskviz.core.errors import UnusableInput
from maskviz.core.messages import Answered, UseDevice
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.engine.client import BlockingEngine
from maskviz.export.figures import FigureStyle
from maskviz.export.files import FORMATS, export_all
from maskviz.export.kinds import Source, questions_of
from maskviz.export.report import telling_place, write_report

ANIMATED = FigureStyle(900, 120)
"""An animation is for a screen: as large as a figure for print it would weigh many megabytes."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``maskviz export``."""
    what = (
        "any of mask,predictions,loss,weights,heatmaps,graph, and of a call KIND:CALL, as in values:lstm, values:dense@norm, "
        "values:dense@3, mask:lstm, status:lstm, change:lstm, gradient:lstm, state:lstm, influence:lstm; mask+loss is one figure of both"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the files")
    parser.add_argument("--what", default="mask,predictions,loss,graph", metavar="LIST", help=what)
    formats = "picture (png, svg, pdf), numbers (csv, npz), or a walk through time (gif, or frames: a PNG a timestep)"
    parser.add_argument("--format", choices=FORMATS, default="png", help=formats)
    width = parser.add_mutually_exclusive_group()
    width.add_argument("--width", type=_positive, metavar="PX", help=f"width in pixels ({FigureStyle().width})")
    width.add_argument("--mm", type=_millimetres, metavar="WIDTH", help="width in millimetres")
    parser.add_argument("--dpi", type=_positive, metavar="N", help=f"pixels per inch ({FigureStyle().dpi})")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--transparent", action="store_true", help="no ground behind the figure")
    parser.add_argument("--no-legend", action="store_true", help="leave the words for marks and hatches out")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    _add_place(parser)
    _add_against(parser)


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``maskviz report``."""
    parser.add_argument("--out", required=True, metavar="FILE.html", help="the file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    _add_place(parser)
    _add_against(parser)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sample", type=_number, metavar="N", help="the sample that the graph's colours show; without one, one with padding"
    )
    parser.add_argument("--step", type=_number, metavar="N", help="the timestep that the graph's colours show; without one, a padded one")


def _add_against(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--against", metavar="FILE", help="a network to compare with, A: what is written shows how NETWORK, B, differs")
    parser.add_argument("--against-batch", metavar="FILE", help="the batch of A, where it is another one; without --against, of NETWORK")


def _positive(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 20_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 20000")
    return value


def _millimetres(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 5_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 5000")
    return value


def _number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return value


def run(
    options: argparse.Namespace, read: MaybeBatch, tell: Callable[[str], None], left_out: Callable[[str], object] = lambda sentence: None
) -> list[Path]:
    """Write what the options ask for; the files. ``left_out`` hears what an animation is not made of."""
    what = tuple(part.strip() for part in options.what.split(",") if part.strip())
    questions_of(what)  # what cannot be exported is said before the engine starts
    style = style_of(options)
    source = _source(options, read, tell, what)
    return export_all(source, options.out, what, format=options.format, style=style, overwrite=options.overwrite, left_out=left_out)


def run_report(options: argparse.Namespace, read: MaybeBatch, tell: Callable[[str], None]) -> list[Path]:
    """Write the report that the options ask for; its file."""
    path = Path(options.out)
    path = path if path.suffix.lower() in (".html", ".htm") else path.with_name(f"{path.name}.html")
    return [write_report(_source(options, read, tell), path, overwrite=options.overwrite)]


def style_of(options: argparse.Namespace) -> FigureStyle:
    """Size and look as the options say."""
    first = ANIMATED if options.format in ("gif", "frames") else FigureStyle()
    dpi = options.dpi or first.dpi
    width = FigureStyle.of_millimetres(options.mm, dpi).width if options.mm else options.width or first.width
    if width > 20_000:
        raise UnusableInput(f"{options.mm:g} mm at {dpi} dpi are {width:,} pixels; 20,000 are the most.")
    return FigureStyle(width, dpi, options.theme, options.transparent, not options.no_legend)


def _source(options: argparse.Namespace, read: MaybeBatch, tell: Callable[[str], None], what: tuple[str, ...] = ()) -> Source:
    """Trace the file, and the one that it is compared with, and ask in the same engine what some kinds of figures need beside the trace."""
    if options.against_batch:
        batch_files.check_there(options.against_batch)
    if options.against:
        archive.preview(options.against)  # what is no network is said before the engine starts
    with BlockingEngine(tell) as engine:
        if options.device is not None:
            engine.ask(UseDevice(options.device))
        source = _traced(engine, options, Path(options.network), read, what)
        if not (options.against or options.against_batch):
            return source
        path = Path(options.against or options.network)

        def read_a(network: Network) -> Batch:
            if options.against_batch:
                return batch_files.read_batch(options.against_batch, network)[0]
            b = source.batch
            try:
                return fit(RawBatch(b.x, b.y, b.sample_weight, b.padding), network, b.source)[0]
            except UnusableInput as error:
                raise UnusableInput(f"{path.name} cannot run on the batch of B, give it its own with --against-batch: {error}") from None

        return replace(source, against=_traced(engine, options, path, read_a, what, source.at))


def _traced(
    engine: BlockingEngine,
    options: argparse.Namespace,
    file: Path,
    read: MaybeBatch,
    what: tuple[str, ...],
    at: tuple[int, int] | None = None,
) -> Source:
    """What figures of one file are made of; ``at`` None: as the options say."""
    preview = archive.preview(file)
    allowed = {"custom": options.custom, "unsafe": options.unsafe, "loss": options.loss}
    trace, batch, network = trace_with(engine, file, read, seed=options.seed, **allowed)
    at, answers = at or _place(options, trace, batch.size), {}
    for kind, question in questions_of(what, at[0]).items():
        answered = engine.ask(question)
        assert isinstance(answered, Answered)
        answers[kind] = answered.answer
    return Source(network, batch, trace, preview, at=at, answers=answers, file=file)


def _place(options: argparse.Namespace, trace: Trace, samples: int) -> tuple[int, int]:
    """The sample and timestep that the options name, a telling one where they name none."""
    sample, step = telling_place(trace)
    if options.sample is not None:
        sample, step = options.sample, 0
    if sample >= samples:
        raise UnusableInput(f"There is no sample {sample}: the batch has {samples}, counted from 0.")
    return sample, step if options.step is None else options.step
