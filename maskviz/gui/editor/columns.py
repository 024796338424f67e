"""Which columns the editor has for a document, and what stands in each cell: pure reading, no widgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maskviz.core.heatmaps import source_mask
from maskviz.core.network import OutputSpec
from maskviz.core.numbers import number
from maskviz.core.trace import OutputTrace
from maskviz.core.vocabulary import Vocabulary
from maskviz.session.document import Document, Opened

Kind = Literal[
    "mask", "padding", "x", "word", "y", "y word", "weight", "status", "class", "class word", "prediction", "contribution", "filler"
]
ARRAYS: Mapping[Kind, Literal["x", "y", "weight"]] = {"x": "x", "word": "x", "y": "y", "y word": "y", "weight": "weight"}
"""The array of the batch that a column's cells are written to; the other columns are read."""
OF_WORDS: Mapping[Kind, Kind] = {"word": "x", "y word": "y", "class word": "class"}
"""Columns of words, and the column of numbers that each belongs to."""
Words = Mapping[str, Vocabulary]
"""Vocabularies by ``x NAME`` for an input and ``y NAME`` for an output."""
State = Document | Opened
"""What is open, or what is pinned as A."""
WIDE = 4  # a group of more columns than this comes last, so that it never pushes the loss out of sight


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``name`` is the input or output it belongs to, ``index`` what follows sample and step in its array.

    ``steps[row]`` is the array's own step on that row of the shared time axis, -1 where it has none; None where the array has no
    time axis and the column belongs to the sample as a whole.
    """

    title: str
    kind: Kind
    name: str
    index: tuple[int, ...] = ()
    steps: tuple[int, ...] | None = None
    tip: str = field(default="", compare=False)  # may change while rows and columns stay

    def at(self, sample: int, row: int) -> tuple[int, ...] | None:
        """The index into the array for a row of the table, None where the array has no such step."""
        if self.steps is None:
            return (sample, *self.index)
        step = self.steps[row] if row < len(self.steps) else -1
        return None if step < 0 else (sample, step, *self.index)


def sample_of(document: State) -> int:
    """The selected sample, within the batch even just after a smaller one was opened."""
    size = document.batch.size if document.batch is not None else 1
    return min(document.selection.sample, max(size - 1, 0))


@lru_cache(maxsize=32)
def _places(steps: tuple[int, ...] | int, rows: int) -> tuple[int, ...]:
    """For each row the step that stands there; an array whose places are not known (its length) starts at row 0.

    Cached so that an unchanged axis is the same object and comparing columns is cheap.
    """
    if isinstance(steps, int):
        return tuple(r if r < steps else -1 for r in range(rows))
    places = [-1] * rows
    for step in range(len(steps) - 1, -1, -1):
        if 0 <= steps[step] < rows:
            places[steps[step]] = step
    return tuple(places)


# --- which columns there are


def columns_of(document: State, words: Words | None = None) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """The columns of the step table, and those that belong to the sample as a whole."""
    if document.batch is None or document.network is None:
        return (), ()
    groups = [*_input_groups(document), *(g for spec in document.network.outputs for g in _output_groups(document, spec))]
    ordered = [g for g in groups if len(g) <= WIDE] + [g for g in groups if len(g) > WIDE]
    every = [column for group in ordered for column in _with_words(group, words or {})]
    return tuple(c for c in every if c.steps is not None), tuple(c for c in every if c.steps is None)


def _with_words(group: list[Column], words: Words) -> list[Column]:
    """A column of numbers, and its words beside it where they are known."""
    column = group[0]
    kind = next((word for word, number in OF_WORDS.items() if number == column.kind), None)
    if len(group) > 1 or kind is None or vocabulary_of(kind, column.name, words) is None:
        return group
    title = {"word": "word", "y word": "y word", "class word": "ŷ word"}[kind] + column.title.removeprefix(column.title.split()[0])
    if kind == "class word":
        title = column.title.replace("class", "word")
    return [column, replace(column, kind=kind, title=title, tip="Type a word to set its id" if kind in ARRAYS else column.tip)]


def vocabulary_of(kind: Kind, name: str, words: Words) -> Vocabulary | None:
    """The vocabulary that a column of this kind reads."""
    return words.get(f"{'x' if kind in ('x', 'word') else 'y'} {name}") if kind in OF_WORDS or kind in OF_WORDS.values() else None


def _titled(word: str, name: str, several: bool) -> str:
    return f"{word} {name}" if several else word


@lru_cache(maxsize=64)
def _cells(title: str, kind: Kind, name: str, inner: tuple[int, ...], steps: tuple[int, ...] | None, tip: str) -> list[Column]:
    """One column for each element of ``inner``, the part of a shape that follows sample and step; many classes are many columns."""
    if int(np.prod(inner)) == 1:
        return [Column(title, kind, name, (0,) * len(inner), steps, tip)]
    return [Column(f"{title}[{', '.join(map(str, i))}]", kind, name, i, steps, tip) for i in np.ndindex(*inner)]


def _input_groups(document: State) -> Iterator[list[Column]]:
    assert document.batch is not None
    assert document.network is not None
    batch, specs, rows = document.batch, document.network.inputs, document.time_steps
    several = sum(s.name in batch.padding for s in specs) > 1
    for spec in specs:
        if spec.name not in batch.x:
            continue
        name, inner = spec.name, batch.x[spec.name].shape[1:]
        steps = None
        if name in batch.padding:
            steps, inner = _places(batch.padding[name].shape[1], rows), inner[1:]
            yield [Column(_titled("mask", name, several), "mask", name, (), steps, f"What the network's own mask of {name} says")]
            yield [
                Column(
                    _titled("pad" if several else "padding", name, several),
                    "padding",
                    name,
                    (),
                    steps,
                    f"Tick to make a step of {name} padding",
                )
            ]
        yield _cells(_titled("x", name, len(specs) > 1), "x", name, inner, steps, f"Input {name}")


def _output_groups(document: State, spec: OutputSpec) -> Iterator[list[Column]]:
    assert document.batch is not None
    assert document.network is not None
    batch, trace, name, rows = document.batch, document.trace, spec.name, document.time_steps
    several = len(document.network.outputs) > 1
    out = next((o for o in trace.network_outputs if o.name == name), None) if trace else None
    predicted = trace.outputs.get(name) if trace else None
    y, weight = batch.y.get(name), batch.sample_weight.get(name)
    length = _length(spec, out, predicted, y)
    steps = None if length is None else _places(out.steps if out and out.steps else length, rows)

    def axis(array: NDArray[Any]) -> tuple[tuple[int, ...] | None, tuple[int, ...]]:
        timed = length is not None and array.ndim >= 2 and array.shape[1] == length
        return (steps, array.shape[2:]) if timed else (None, array.shape[1:])

    if y is not None:
        places, inner = axis(y)
        yield _cells(_titled("y", name, several), "y", name, inner, places, f"Target of {name}")
        places, inner = axis(weight) if weight is not None else (steps, ())
        tip = f"Weight in the loss of {name}" if weight is not None else f"No weights yet: typing one gives {name} weights of 1"
        yield _cells(_titled("weight", name, several), "weight", name, inner, places, tip)
    if trace is None or predicted is None:
        return
    places, inner = axis(predicted)
    if out and out.ref in trace.status and places is not None:
        yield [
            Column(
                _titled("status", name, several), "status", name, (), places, f"What padding is to {name}: its mask and the padding test"
            )
        ]
    if spec.classes is not None and inner:
        yield [Column(_titled("ŷ class", name, several), "class", name, (), places, f"The class with the largest prediction of {name}")]
    yield _cells(_titled("ŷ", name, several), "prediction", name, inner, places, f"Prediction of {name}")
    if name in trace.contributions:
        places, _ = axis(trace.contributions[name])
        yield [Column(_titled("loss", name, several), "contribution", name, (), places, f"Share of the reported loss from {name}")]


def _length(spec: OutputSpec, out: OutputTrace | None, predicted: NDArray[Any] | None, y: NDArray[Any] | None) -> int | None:
    """The number of steps of an output, None without a time axis; before a trace as its signature and its target say."""
    if out is not None and predicted is not None:
        return predicted.shape[1] if out.has_time and predicted.ndim >= 2 else None
    return y.shape[1] if y is not None and y.ndim >= 2 and len(spec.shape) >= 3 else None


# --- what a cell holds


def arrays_of(document: State) -> dict[tuple[Kind, str], NDArray[Any]]:
    """Every array the columns read, by kind and by input or output; what is not known yet is not there.

    ``filler`` is the padding ``(batch, time)`` of an input, and for an output that of the input whose time axis it shares.
    """
    batch, trace = document.batch, document.trace
    arrays: dict[tuple[Kind, str], NDArray[Any]] = {}
    if batch is None:
        return arrays
    by_kind: list[tuple[Kind, Mapping[str, NDArray[Any]]]] = [
        ("x", batch.x), ("y", batch.y), ("weight", batch.sample_weight), ("padding", batch.padding), ("filler", batch.padding),
    ]  # fmt: skip
    if trace is not None:
        by_kind += [("prediction", trace.outputs), ("class", trace.outputs), ("contribution", trace.contributions)]
    for kind, named in by_kind:
        arrays.update({(kind, name): array for name, array in named.items()})
    if trace is None:
        return arrays
    for out in trace.network_outputs:
        if out.ref is not None and out.ref in trace.status:
            arrays["status", out.name] = trace.status[out.ref]
        if out.time_input is not None and out.time_input in batch.padding:
            arrays["filler", out.name] = batch.padding[out.time_input]
    for name in batch.padding:
        mask = source_mask(trace, name)
        if mask is not None:
            arrays["mask", name] = mask
    return arrays


def value_at(arrays: Mapping[tuple[Kind, str], NDArray[Any]], column: Column, sample: int, row: int) -> Any:
    """The value of a cell, of a word its id; None where there is none (no such step, no mask, no result yet)."""
    place = column.at(sample, row)
    if place is None:
        return None
    kind = OF_WORDS.get(column.kind, column.kind)
    value = element(arrays.get((kind, column.name)), place)
    if kind == "weight" and (kind, column.name) not in arrays:
        return np.float32(1)
    return value if kind != "class" or value is None else int(np.argmax(value))


def is_padded(arrays: Mapping[tuple[Kind, str], NDArray[Any]], column: Column, sample: int, row: int) -> bool:
    """Whether a cell belongs to padding."""
    return column.steps is not None and bool(element(arrays.get(("filler", column.name)), (sample, row)))


def element(array: NDArray[Any] | None, place: tuple[int, ...]) -> Any:
    """One element, None where a result of an older batch has no such place."""
    if array is None or len(place) > array.ndim or any(i >= n for i, n in zip(place, array.shape, strict=False)):
        return None
    return array[place]


def decimals_of(values: NDArray[Any] | None) -> int | None:
    """How many decimals show four digits of the largest of these numbers; none where all are whole, None for powers of ten."""
    if values is None or values.dtype.kind != "f":
        return 0
    known = np.abs(values[np.isfinite(values)], dtype=np.float64)
    top = float(known.max(initial=0.0))
    if top < 1e6 and (known == np.floor(known)).all():
        return 0
    return None if top >= 1e6 or top < 1e-4 else min(max(3 - int(np.floor(np.log10(top))), 0), 6)


def extremes(values: NDArray[Any]) -> list[Any]:
    """The smallest and the largest finite number of ``values``: no other one is longer to write with the same decimals."""
    known = np.asarray(values)
    if known.dtype.kind not in "iuf":
        return []
    known = known[np.isfinite(known)]
    return [known.min(), known.max()] if known.size else []


def number_text(value: Any, decimals: int | None) -> str:
    """How a number stands in its cell, with a real minus; only what is 0 is shown as 0."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, str | bool | np.bool_ | int | np.integer):
        return str(value)
    value = float(value)
    if not np.isfinite(value):
        return number(value)
    if value == 0:
        return "0"
    text = f"{value:.2e}" if decimals is None else f"{value:.{decimals}f}"
    return (text if float(text) else f"{value:.0e}").replace("-", "−")


def exact_text(value: Any) -> str:
    """A value with every digit it has, for editing and copying."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)
