"""Text that was typed or pasted: the value it means in a cell, or one sentence that says why it cannot stand there."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from maskviz.core.batch import Batch
from maskviz.core.batch_cells import Kind
from maskviz.core.errors import UnusableInput
from maskviz.core.network import Network
from maskviz.core.vocabulary import Vocabulary

STEP = "step"  # the title of the step numbers


def value_of(batch: Batch, network: Network, kind: Kind, name: str, text: str, words: Vocabulary | None = None) -> Any:
    """The value ``text`` means in a cell of an input, a target or a weight; with ``words`` a word means its id.

    Raises ``UnusableInput`` with one sentence.
    """
    text = text.strip()
    if words is not None and kind != "weight" and (found := words.id_of(text)) is not None and not _is_number(text):
        text = str(found)
    if kind == "x":
        return _x_value(batch, network, name, text, words)
    if kind == "y":
        return _y_value(batch, network, name, text, words)
    return _number(text, np.dtype("float32"))


def table_of(text: str) -> list[list[str]]:
    """Rows and columns of text as spreadsheets copy it: tab-separated, cells with tabs or line ends in quotes.

    Titles and step numbers of cells that were copied with headings are left out.
    """
    lines = list(csv.reader(io.StringIO(text.rstrip("\r\n"), newline=""), delimiter="\t"))
    if len(lines) > 1 and lines[0][:1] == [STEP]:
        lines = [line[1:] for line in lines[1:]]
    width = max((len(line) for line in lines), default=0)
    return [[cell.strip() for cell in line] + [""] * (width - len(line)) for line in lines]


def _is_number(text: str) -> bool:
    return text.lstrip("+-").isdigit()


def _x_value(batch: Batch, network: Network, name: str, text: str, words: Vocabulary | None) -> Any:
    spec, dtype = network.input(name), batch.x[name].dtype
    if spec.kind != "ids":
        return _value(text, dtype)
    _check_word(text, words)
    value = _whole(text, dtype)
    if spec.vocabulary is not None and not 0 <= value < spec.vocabulary:
        raise UnusableInput(f"“{text}” is not an id of {name}: its ids go from 0 to {spec.vocabulary - 1}.")
    return value


def _y_value(batch: Batch, network: Network, name: str, text: str, words: Vocabulary | None) -> Any:
    array, classes = batch.y[name], network.output(name).classes
    if classes is None:
        return _value(text, array.dtype)
    _check_word(text, words)
    value = _whole(text, array.dtype)
    if not 0 <= value < classes and not (array == value).any():  # a number in use already may be the loss' ignore_class
        raise UnusableInput(f"“{text}” is not a class of {name}: its classes go from 0 to {classes - 1}.")
    return value


def _check_word(text: str, words: Vocabulary | None) -> None:
    if words is not None and text and not _is_number(text):
        raise UnusableInput(f"“{text}” is not in the vocabulary {words.title}: type one of its words, or an id.")


def _value(text: str, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "f":
        return _number(text, dtype)
    if dtype.kind in "iub":
        return _whole(text, dtype)
    return text.encode() if dtype.kind == "S" else text


def _number(text: str, dtype: np.dtype[Any]) -> float:
    try:
        value = float(text.replace("−", "-"))
    except ValueError:
        hint = "write a point, not a comma" if "," in text else "write it like 0.5"
        raise UnusableInput(f"“{text}” is not a number: {hint}.") from None
    if np.isfinite(value) and abs(value) > float(np.finfo(dtype).max):
        raise UnusableInput(f"“{text}” is too large: {dtype} holds numbers up to {np.finfo(dtype).max:.1e}.")
    return value


def _whole(text: str, dtype: np.dtype[Any]) -> int:
    try:
        value = int({"TRUE": "1", "FALSE": "0"}.get(text.upper(), text) if dtype.kind == "b" else text)
    except ValueError:
        raise UnusableInput(f"“{text}” is not a whole number: write it like 7.") from None
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype.kind in "iu" else (-(2**53), 2**53)
    if not low <= value <= high:
        raise UnusableInput(f"“{text}” does not fit: numbers here go from {low} to {high}.")
    return value
