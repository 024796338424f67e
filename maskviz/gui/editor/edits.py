"""What typing into a cell means: the batch that follows, or one sentence that says why the text cannot stand there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch, set_padding, set_weight, set_x, set_y
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec, Network
from maskviz.gui.editor.columns import Column


def typed(batch: Batch, network: Network, column: Column, sample: int, row: int, text: str) -> tuple[Batch, str]:
    """The batch after ``text`` was typed into a cell, and the name of that edit; raises ``UnusableInput``."""
    place = column.at(sample, row)
    assert place is not None
    step = "" if column.steps is None else f", step {row}"
    text = text.strip()
    name = f"Set {column.title} of sample {sample}{step} to {text}"
    if column.kind == "x":
        spec = network.input(column.name)
        return _set_x(batch, spec, place, _x_value(batch, spec, text)), name
    if column.kind == "y":
        return _set_y(batch, column.name, place, _y_value(batch, network, column.name, text)), name
    shape = (batch.size,) if column.steps is None else batch.y[column.name].shape[:2]
    return set_weight(batch, column.name, place, _number(text, np.dtype("float32")), shape), name


def pad_steps(batch: Batch, spec: InputSpec, sample: int, rows: list[int], padded: bool) -> tuple[Batch, str]:
    """The batch with some steps of one sample made padding or real, and the name of that edit."""
    padding = batch.padding[spec.name][sample].copy()
    padding[rows] = padded
    steps = f"step {rows[0]}" if len(rows) == 1 else f"{len(rows)} steps"
    return set_padding(
        batch, spec, sample, padding
    ), f"Pad {steps} of sample {sample}" if padded else f"Make {steps} of sample {sample} real"


def pad_ends(batch: Batch, spec: InputSpec, sample: int, left: int, right: int) -> tuple[Batch, str]:
    """The batch with exactly ``left`` padded steps at the start and ``right`` at the end of one sample; gaps between stay."""
    padding = batch.padding[spec.name][sample].copy()
    before, after = ends(padding)
    padding[:before] = False
    padding[len(padding) - after :] = False
    padding[:left] = True
    padding[len(padding) - right :] = True
    return set_padding(batch, spec, sample, padding), f"Pad sample {sample}: {left} left, {right} right"


def ends(padding: NDArray[Any]) -> tuple[int, int]:
    """How many padded steps a row ``(time,)`` has at its start and at its end; a row of nothing else has them all at its end."""
    real = np.flatnonzero(~padding)
    return (int(real[0]), len(padding) - 1 - int(real[-1])) if len(real) else (0, len(padding))


# --- from text to a value


def _number(text: str, dtype: np.dtype[Any]) -> float:
    try:
        value = float(text)
    except ValueError:
        hint = " (write a point, not a comma)" if "," in text else ""
        raise UnusableInput(f"“{text}” is not a number{hint}, so the old value stays.") from None
    if np.isfinite(value) and abs(value) > float(np.finfo(dtype).max):
        raise UnusableInput(f"“{text}” is too large for {dtype}, so the old value stays.")
    return value


def _whole(text: str, dtype: np.dtype[Any]) -> int:
    try:
        value = int(text)
    except ValueError:
        raise UnusableInput(f"“{text}” is not a whole number, so the old value stays.") from None
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype.kind in "iu" else (-(2**53), 2**53)
    if not low <= value <= high:
        raise UnusableInput(f"“{text}” does not fit: numbers here go from {low} to {high}.")
    return value


def _value(text: str, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "f":
        return _number(text, dtype)
    if dtype.kind in "iub":
        return _whole(text, dtype)
    return text.encode() if dtype.kind == "S" else text


def _x_value(batch: Batch, spec: InputSpec, text: str) -> Any:
    dtype = batch.x[spec.name].dtype
    if spec.kind != "ids":
        return _value(text, dtype)
    value = _whole(text, dtype)
    if spec.vocabulary is not None and not 0 <= value < spec.vocabulary:
        raise UnusableInput(f"“{text}” is not an id of {spec.name}: its ids go from 0 to {spec.vocabulary - 1}.")
    return value


def _y_value(batch: Batch, network: Network, name: str, text: str) -> Any:
    array, classes = batch.y[name], network.output(name).classes
    if classes is None:
        return _value(text, array.dtype)
    value = _whole(text, array.dtype)
    if not 0 <= value < classes and not (array == value).any():  # a number in use already may be the loss' ignore_class
        raise UnusableInput(f"“{text}” is not a class of {name}: its classes go from 0 to {classes - 1}.")
    return value


# --- from a value to a batch


def _set_x(batch: Batch, spec: InputSpec, place: tuple[int, ...], value: Any) -> Batch:
    """The batch with one cell of an input changed.

    Where the network itself masks steps that hold the pad value, padding follows what was typed: a step that is all pad value
    becomes padding (its content is remembered), and another value in a padded step makes it real.
    """
    name = spec.name
    batch = _roomy(batch, name, value)
    if _same(batch.x[name][place], value):
        return batch
    after = set_x(batch, name, place, value)
    if not spec.masked or name not in batch.padding or spec.pad_value is None:
        return after
    sample, step = place[:2]
    padded = bool(np.all([_same(v, spec.pad_value) for v in after.x[name][sample, step].ravel()]))
    if padded == bool(batch.padding[name][sample, step]):
        return after
    return pad_steps(batch if padded else after, spec, sample, [step], padded)[0]


def _set_y(batch: Batch, name: str, place: tuple[int, ...], value: Any) -> Batch:
    return batch if _same(batch.y[name][place], value) else set_y(batch, name, place, value)


def _same(one: Any, other: Any) -> bool:
    both_nan = one != one and other != other
    return bool(one == other or both_nan)


def _roomy(batch: Batch, name: str, value: Any) -> Batch:
    """The batch with an input of strings made wide enough for ``value``: numpy would cut it off without a word."""
    array = batch.x[name]
    if array.dtype.kind not in "US" or len(value) * (4 if array.dtype.kind == "U" else 1) <= array.dtype.itemsize:
        return batch
    wide = f"{array.dtype.kind}{len(value)}"
    content = {**batch.content, name: batch.content[name].astype(wide)} if name in batch.content else batch.content
    return replace(batch, x={**batch.x, name: array.astype(wide)}, content=content)
