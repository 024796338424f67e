"""What typing, pasting and ticking mean: the batch that follows and the name of that edit, or one sentence why it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.batch_cells import Cells, flag_padding, write_all
from maskviz.core.batch_text import value_of
from maskviz.core.batch_words import of_samples, steps_of
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec, Network
from maskviz.core.vocabulary import Vocabulary
from maskviz.gui.editor.columns import ARRAYS, OF_WORDS, Column

Edit = tuple[Batch, str]
Words = Callable[[Column], Vocabulary | None]
TRUE, FALSE = frozenset({"true", "1", "yes", "x"}), frozenset({"false", "0", "no"})


def no_words(column: Column) -> None:
    """No column has a vocabulary."""


def cells_of(column: Column, sample: int, rows: Sequence[int]) -> Cells | None:
    """The cells of some rows of a column that can be written to; None where there are none."""
    kind = ARRAYS.get(column.kind)
    if kind is None:
        return None
    if column.steps is None:
        places = [(sample, *column.index)]
    else:
        steps = [column.steps[row] for row in rows if row < len(column.steps) and column.steps[row] >= 0]
        places = [(sample, step, *column.index) for step in steps]
    if not places:
        return None
    return Cells(kind, column.name, tuple(np.asarray(axis) for axis in zip(*places, strict=True)))


def merged(cells: Sequence[Cells]) -> list[Cells]:
    """One ``Cells`` for each array, so that it is written to once."""
    keys = list(dict.fromkeys((c.kind, c.name, len(c.index)) for c in cells))
    parts = [[c.index for c in cells if (c.kind, c.name, len(c.index)) == key] for key in keys]
    joined = (tuple(np.concatenate(axis) for axis in zip(*part, strict=True)) for part in parts)
    return [Cells(kind, name, index) for (kind, name, _), index in zip(keys, joined, strict=True)]


def typed(batch: Batch, network: Network, column: Column, sample: int, row: int, text: str, words: Words = no_words) -> Edit:
    """``text`` typed into one cell; raises ``UnusableInput``."""
    step = "" if column.steps is None else f", step {row}"
    after, _ = typed_all(batch, network, [(column, [row])], sample, text, words)
    return after, f"Set {column.title} of sample {sample}{step} to {text.strip()}"


def typed_all(
    batch: Batch, network: Network, chosen: Sequence[tuple[Column, Sequence[int]]], sample: int, text: str, words: Words = no_words
) -> Edit:
    """``text`` typed into many cells at once; raises ``UnusableInput``."""
    parts = []
    numbers = {(c.kind, c.name) for c, _ in chosen}
    for column, rows in chosen:
        cells = cells_of(column, sample, rows)
        if cells is not None and (OF_WORDS.get(column.kind), column.name) not in numbers:  # an id and its word are one cell
            parts.append((cells, value_of(batch, network, cells.kind, cells.name, text, words(column))))
    return write_all(batch, network, parts), f"Set {sum(c.count for c, _ in parts)} cells of sample {sample} to {text.strip()}"


def pasted(
    batch: Batch,
    network: Network,
    columns: Sequence[Column],
    sample: int,
    row: int,
    rows: int,
    table: Sequence[Sequence[str]],
    words: Words = no_words,
) -> Edit:
    """A block of text cells put below ``row`` of a table of ``rows`` rows, into as many ``columns``; empty ones change nothing.

    Raises ``UnusableInput`` that names the first cell which cannot be put there.
    """
    if row + len(table) > rows:
        raise UnusableInput(f"The clipboard holds {len(table)} rows, but from row {row} on there are {rows - row}: start further up.")
    if len(table[0]) > len(columns):
        raise UnusableInput(f"The clipboard holds {len(table[0])} columns, but here are {len(columns)}: start further left.")
    parts = []
    for number, column in enumerate(columns[: len(table[0])]):
        filled = [(row + n, line[number]) for n, line in enumerate(table) if line[number]]
        values = []
        for here, text in filled:
            try:
                values.append(_value(batch, network, column, sample, here, text, words(column)))
            except UnusableInput as error:
                place = f"row {here - row + 1}, column {number + 1} ({column.title})"
                raise UnusableInput(f"Nothing is pasted, because of {place}: {error}") from None
        places = [r for r, _ in filled]
        if column.kind == "padding":  # before the values: where the network makes its mask of these, they have the last word
            batch = flag_padding(batch, network.input(column.name), sample, places, values)
        elif (cells := cells_of(column, sample, places)) is not None:
            parts.append((cells, np.asarray(values)))
    return write_all(batch, network, parts), f"Paste {len(table)} × {len(table[0])} cells into sample {sample}"


def _value(batch: Batch, network: Network, column: Column, sample: int, row: int, text: str, words: Vocabulary | None) -> Any:
    """What a pasted text means in a cell."""
    if column.at(sample, row) is None:
        raise UnusableInput("there is no such step.")
    if column.kind == "padding":
        if text.casefold() not in TRUE | FALSE:
            raise UnusableInput(f"“{text}” is neither TRUE nor FALSE.")
        return text.casefold() in TRUE
    kind = ARRAYS.get(column.kind)
    if kind is None:
        raise UnusableInput("it shows a result, and only inputs, targets and weights can be pasted.")
    return value_of(batch, network, kind, column.name, text, words)


def pad_steps(batch: Batch, spec: InputSpec, sample: int, rows: Sequence[int], padded: bool) -> Edit:
    """Some steps of one sample made padding or real."""
    after = flag_padding(batch, spec, sample, list(rows), padded)
    what = of_samples(steps_of(rows, batch.padding[spec.name].shape[1]), f"sample {sample}")
    return after, f"Pad {what}" if padded else f"Make {what} real"


def pad_ends(batch: Batch, spec: InputSpec, sample: int, left: int, right: int) -> Edit:
    """Exactly ``left`` padded steps at the start and ``right`` at the end of one sample; gaps between stay."""
    padding = batch.padding[spec.name][sample].copy()
    before, after = ends(padding)
    padding[:before] = False
    padding[len(padding) - after :] = False
    padding[:left] = True
    padding[len(padding) - right :] = True
    return flag_padding(batch, spec, sample, slice(None), padding), f"Pad sample {sample}: {left} left, {right} right"


def ends(padding: NDArray[Any]) -> tuple[int, int]:
    """How many padded steps a row ``(time,)`` has at its start and at its end; a row of nothing else has them all at its end."""
    real = np.flatnonzero(~padding)
    return (int(real[0]), len(padding) - 1 - int(real[-1])) if len(real) else (0, len(padding))
