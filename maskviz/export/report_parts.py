"""What sections of a report are made of: headings, tables, and pictures inside the file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape

from maskviz.export.figures import FigureStyle
from maskviz.export.files import file_names, metadata
from maskviz.export.kinds import AnyFigure, Source, drawing_of, make_figure
from maskviz.export.media import image_of, png_bytes, svg_bytes

LARGEST_SVG = 800_000  # bytes; a larger picture is put in as PNG
STYLE = FigureStyle(width=1900, dpi=192)


def section(title: str, body: str, lead: str = "") -> str:
    """A part of the report with its heading, and a sentence below that."""
    intro = f'<p class="muted">{escape(lead)}</p>\n' if lead else ""
    return f"<section>\n<h2>{escape(title)}</h2>\n{intro}{body}\n</section>"


def pictures(kind: str, source: Source, title: str, lead: str) -> str:
    """The figures of a kind, one for each output where there are several."""
    parts = []
    for _name, choice in file_names(source.network, (kind,), source.choice).values():
        figure = make_figure(kind, replace(source, choice=choice))
        texts = metadata(f"{source.network.name}: {kind}", source.network, source.batch)
        words = f"{title} of {choice.output or source.network.name}"
        parts.append(f'<figure><img alt="{escape(words)}" src="{_data_url(figure, texts)}"></figure>')
    return section(title, "\n".join(parts), lead)


def _data_url(figure: AnyFigure, texts: dict[str, str]) -> str:
    """The picture inside the file: as SVG, which prints sharp, unless that would be very large."""
    drawing = drawing_of(figure, STYLE)
    data, kind = svg_bytes(drawing, texts), "svg+xml"
    if len(data) > LARGEST_SVG:
        data, kind = png_bytes(image_of(drawing), texts), "png"
    return f"data:image/{kind};base64,{b64encode(data).decode()}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table; columns ``right`` hold numbers."""

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(f"<{tag}{' class=number' if k in right else ''}>{escape(str(cell))}</{tag}>" for k, cell in enumerate(row))

    head = f"<thead><tr>{cells('th', heads)}</tr></thead>" if any(heads) else ""
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="scroll"><table>{head}<tbody>{body}</tbody></table></div>'
