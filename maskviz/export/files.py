"""Writing figures and the numbers behind them; never over an existing file unless asked; one sentence where it fails."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from PySide6.QtGui import QGuiApplication, QImage

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.heatmaps import Choice
from maskviz.core.network import Network
from maskviz.export.figures import FigureStyle
from maskviz.export.gif import gif_bytes
from maskviz.export.kinds import KINDS, AnyFigure, Source, at_step, drawing_of, make_figure, questions_of, steps_of
from maskviz.export.media import Drawing, image_of, pdf_bytes, png_bytes, svg_bytes
from maskviz.export.numbers import csv_text, npz_bytes

Format = Literal["png", "svg", "pdf", "csv", "npz", "gif", "frames"]
FORMATS: tuple[Format, ...] = ("png", "svg", "pdf", "csv", "npz", "gif", "frames")
"""``frames``: a numbered series of PNG files, one a timestep."""
DEFAULT = ("mask", "predictions", "loss", "graph")
FRAME_MS = 350
MOST_FRAMES = 1000

_application: QGuiApplication | None = None


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
    """The files that an export makes: name → kind and choice. Without a choice, every input and every output has its figure. A series
    of frames stands here with the name of its first.

    Raises UnusableInput for a kind that does not exist.
    """
    questions_of(what)
    names: dict[str, tuple[str, Choice]] = {}
    for kind in what:
        several = [i.name for i in network.inputs if i.has_time] if kind == "mask" else [o.name for o in network.outputs]
        if choice is not None or kind == "graph" or kind not in KINDS or len(several) < 2:
            names[file_name(network, kind, format)] = (kind, choice or Choice())
            continue
        for name in several:
            one = Choice(input=name) if kind == "mask" else Choice(output=name)
            names[file_name(network, f"{kind}-{name}", format)] = (kind, one)
    return names


def file_name(network: Network, what: str, format: Format) -> str:
    """``encoder-values_lstm.svg``; of a series of frames the name of its first."""
    end = "-000.png" if format == "frames" else f".{format}"
    return f"{safe(network.name) or 'network'}-{safe(what)}{end}"


def series_name(first: str, number: int) -> str:
    """The name of a frame of a series whose first has the name ``first``."""
    return first.replace("-000.png", f"-{number:03}.png")


def safe(name: str) -> str:
    """A name that any file system takes."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")


def render(figure: AnyFigure | Drawing, style: FigureStyle) -> QImage:
    """A figure as an image of ``style.width`` pixels with its dpi."""
    return image_of(figure if isinstance(figure, Drawing) else drawing_of(figure, style))


def save_figure(figure: AnyFigure, path: Path, style: FigureStyle, texts: Mapping[str, str], overwrite: bool = False) -> Path:
    """Write a figure, or the numbers behind it, in the format that the end of ``path`` names. Raises UnusableInput where it cannot."""
    if path.exists() and not overwrite:
        raise UnusableInput(f"‘{path.name}’ is already in {path.parent}; choose another folder or allow overwriting.")
    write(path, content(figure, path.suffix.removeprefix("."), style, texts))
    return path


def content(
    figure: AnyFigure,
    format: str,
    style: FigureStyle,
    texts: Mapping[str, str],
    tell: Callable[[int, int], object] = lambda done, total: None,
) -> bytes:
    """What a file of a figure in a format holds. ``tell`` hears how many frames of an animation are painted; what it raises ends it."""
    match format:
        case "csv":
            return csv_text(figure).encode()
        case "npz":
            return npz_bytes(figure)
        case "gif":
            images, every = [], frames(figure)
            for number, frame in enumerate(every):
                tell(number, len(every))
                images.append(render(frame, replace(style, transparent=False)))
            return gif_bytes(images, FRAME_MS)
        case "svg":
            return svg_bytes(drawing_of(figure, style), texts)
        case "pdf":
            return pdf_bytes(drawing_of(figure, style), texts)
    return png_bytes(render(figure, style), texts)


def frames(figure: AnyFigure) -> list[AnyFigure]:
    """The figure at one timestep after another; raises UnusableInput where it has no timesteps."""
    steps = steps_of(figure)
    if not steps:
        raise UnusableInput("This figure has no timesteps to walk through; export it as a picture.")
    if steps > MOST_FRAMES:
        raise UnusableInput(f"An animation of {steps:,} timesteps is too long; {MOST_FRAMES} is the most.")
    return [at_step(figure, step) for step in range(steps)]


def write(path: Path, data: bytes) -> None:
    """Write a file, or say in one sentence why that cannot be."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UnusableInput(f"‘{path}’ could not be written: {error.strerror or error}; choose another folder.") from error


def export_all(
    source: Source,
    out_dir: str | Path,
    what: Sequence[str] = DEFAULT,
    *,
    format: Format = "png",
    style: FigureStyle | None = None,
    overwrite: bool = False,
    left_out: Callable[[str], object] = lambda sentence: None,
) -> list[Path]:
    """Write figures of ``what`` (``heatmaps``: all three in one; ``mask``, ``predictions``, ``loss``, ``graph``, ``values:CALL``…) into a
    folder.

    The folder is made where it is missing. Nothing is written when one of the files exists and ``overwrite`` is False. An animation leaves
    out figures without timesteps, which ``left_out`` hears in one sentence, unless all are. Raises UnusableInput, with one sentence,
    where something cannot be written.
    """
    folder, style = Path(out_dir), style or FigureStyle()
    network, names = source.network, file_names(source.network, what, source.choice, format)
    ready(folder, list(names), overwrite)
    ensure_application()
    written = []
    figures = {name: make_figure(kind, replace(source, choice=one)) for name, (kind, one) in names.items()}
    still = standing(figures) if format in ("gif", "frames") else []
    if still:
        left_out(left_out_sentence([_words(*names[name]) for name in still]))
    for name, figure in figures.items():
        if name in still:
            continue
        texts = metadata(f"{network.name}: {names[name][0]}", network, source.batch)
        series = frames(figure) if format == "frames" else [figure]
        for number, frame in enumerate(series):
            path = folder / (series_name(name, number) if format == "frames" else name)
            written.append(save_figure(frame, path, style, texts, overwrite))
    return written


def standing(figures: Mapping[str, AnyFigure]) -> list[str]:
    """The names of figures without timesteps, which an animation of the others leaves out; none where all are: that is an error."""
    still = [name for name, figure in figures.items() if not steps_of(figure)]
    return still if len(still) < len(figures) else []


def _words(kind: str, one: Choice) -> str:
    of = one.input if kind == "mask" else one.output
    return f"{kind} of {of}" if of else kind


def left_out_sentence(kinds: Sequence[str]) -> str:
    """Which kinds were not written as animations."""
    return f"Left out, without timesteps to walk through: {', '.join(dict.fromkeys(kinds))}."


def ready(folder: Path, names: Sequence[str], overwrite: bool) -> None:
    """Make a folder where it is missing. Raises UnusableInput where one of the files may not be written there."""
    present = [name for name in names if (folder / name).exists()]
    if present and not overwrite:
        raise UnusableInput(f"‘{present[0]}’ is already in {folder}; choose another folder or allow overwriting.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableInput(f"The folder {folder} cannot be made: {error.strerror or error}; choose another one.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UnusableInput(f"The folder {folder} cannot be written to; choose another one.")
