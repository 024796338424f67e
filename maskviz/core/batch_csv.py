"""Batches in long form: one row a step, with the columns ``sample, step`` and one column a feature."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch_fit import RawBatch, pad_of
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec, Network, OutputSpec

Columns = dict[str, Sequence[str]]

LONGEST_STEPS = 1_000_000


def read_csv(data: bytes, name: str, network: Network) -> RawBatch:
    """A batch for a network with one input.

    Samples stand in the order of their first row, steps where their number says; a step without a row is padding. The optional
    columns ``y``, ``sample_weight`` (also ``__NAME``) and ``padding`` hold targets, weights and padding; all others are features.
    Raises UnusableInput with the line and column that cannot be used.
    """
    if len(network.inputs) != 1:
        raise UnusableInput(f"'{name}' can hold one input, but the network has {len(network.inputs)}; use a .npz with x__NAME for each.")
    spec = network.inputs[0]
    if not spec.has_time:
        raise UnusableInput(f"'{name}' holds steps, but input '{spec.name}' has no time axis; use a .npz file.")
    columns, lines = _columns(data, name)
    sample = _numbered(columns.pop("sample"))
    step = _positions(_numbers(columns.pop("step"), "step", lines, name), name)
    shape = (int(sample.max()) + 1, max(int(step.max()) + 1, spec.shape[1] or 0) if len(spec.shape) > 1 else int(step.max()) + 1)
    if shape[1] > LONGEST_STEPS:
        raise UnusableInput(f"The steps in '{name}' span {shape[1]:,}; number the steps of each sample 0, 1, 2 and so on.")
    where = (sample, step)
    present = np.zeros(shape, bool)
    present[where] = True
    if present.sum() < len(sample):
        raise UnusableInput(f"'{name}' gives the same step of a sample twice; number the steps of each sample 0, 1, 2 and so on.")
    padding = ~present
    if "padding" in columns:
        padding[where] = _flags(columns.pop("padding"), lines, name)
    groups: dict[str, dict[str, NDArray[Any]]] = {"y": {}, "sample_weight": {}}
    for column in [c for c in columns if c.partition("__")[0] in groups]:
        group, _, of = column.partition("__")
        values = _numbers(columns.pop(column), column, lines, name)
        groups[group][of] = _per_step_or_sample(values, where, shape, _output(of, network), group == "y")
    return RawBatch(
        x={"": _features(columns, where, shape, spec, lines, name)},
        y=groups["y"],
        sample_weight=groups["sample_weight"],
        padding={"": padding},
    )


def _columns(data: bytes, name: str) -> tuple[Columns, list[int]]:
    """The columns by their names, and the line of each row."""
    try:
        text = data.decode("utf-8-sig")
        first = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
        rows = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnusableInput(f"'{name}' is no table in UTF-8 text; save it again as CSV.", str(error)) from error
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    header = [cell.lower() if cell.lower() in ("sample", "step", "padding") else cell for cell in header]
    if "sample" not in header or "step" not in header or len(rows) < 2:
        raise UnusableInput(f"'{name}' needs a first line with the columns sample, step and one for each feature, then one row a step.")
    if len(set(header)) < len(header):
        raise UnusableInput(f"'{name}' has two columns of one name; give each column its own name.")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise UnusableInput(f"Line {line} of '{name}' has {len(row)} cells, but the first line has {len(header)}.")
    return dict(zip(header, zip(*(row for _, row in rows[1:]), strict=True), strict=True)), [line for line, _ in rows[1:]]


def _numbered(labels: Sequence[str]) -> NDArray[np.intp]:
    """The number of each row's sample, counted by first appearance."""
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return np.asarray([numbers[label] for label in labels])


def _positions(steps: NDArray[Any], name: str) -> NDArray[np.intp]:
    """Step numbers counted from the smallest in the file, so that files may count from 0 or from 1."""
    if not (np.isfinite(steps) & (steps == np.floor(steps)) & (np.abs(steps) < 2**53)).all():
        raise UnusableInput(f"The column 'step' of '{name}' must hold whole numbers.")
    return np.asarray(steps - steps.min(), np.intp)


def _numbers(cells: Sequence[str], column: str, lines: list[int], name: str) -> NDArray[Any]:
    """A column as numbers; an empty cell is NaN."""
    values = []
    for line, cell in zip(lines, cells, strict=True):
        try:
            values.append(float(cell) if cell.strip() else np.nan)
        except ValueError:
            shown = cell if len(cell) <= 30 else cell[:30] + "…"
            raise UnusableInput(f"Line {line}, column '{column}' of '{name}' holds '{shown}', which is not a number.") from None
    return np.asarray(values)


def _flags(cells: Sequence[str], lines: list[int], name: str) -> NDArray[np.bool_]:
    words = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False, "": False}
    flags = [words.get(cell.strip().lower()) for cell in cells]
    if None in flags:
        line = lines[flags.index(None)]
        raise UnusableInput(f"Line {line}, column 'padding' of '{name}' must hold 1 (padding) or 0.")
    return np.asarray(flags, bool)


def _features(
    columns: Columns, where: tuple[NDArray[Any], NDArray[Any]], shape: tuple[int, int], spec: InputSpec, lines: list[int], name: str
) -> NDArray[Any]:
    if not columns:
        raise UnusableInput(f"'{name}' has no feature columns beside sample and step; add at least one.")
    if spec.kind == "text":
        values: NDArray[Any] = np.asarray(list(columns.values())).T
        x = np.full((*shape, len(columns)), pad_of(spec), dtype=values.dtype)
    else:
        values = np.stack([_numbers(cells, column, lines, name) for column, cells in columns.items()], axis=1)
        x = np.full((*shape, len(columns)), pad_of(spec), dtype="float64")
    x[where] = values
    return x


def _output(of: str, network: Network) -> OutputSpec | None:
    if of.isdecimal() and int(of) < len(network.outputs):
        return network.outputs[int(of)]
    if of:
        return next((o for o in network.outputs if o.name == of), None)
    return network.outputs[0]


def _per_step_or_sample(
    values: NDArray[Any], where: tuple[NDArray[Any], NDArray[Any]], shape: tuple[int, int], output: OutputSpec | None, target: bool
) -> NDArray[Any]:
    """``(batch, time)`` or, for outputs without a time axis, ``(batch,)`` from each sample's first row; targets get the loss' rank."""
    needed = output.y_shape or output.shape if output else ()
    table = np.zeros(shape)
    table[where] = values
    if len(needed) >= 2 and needed[1] in (None, shape[1]):
        return table[..., None] if target and len(needed) == 3 else table
    first = np.unique(where[0], return_index=True)[1]
    return values[first]
