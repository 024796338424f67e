"""A stack of layers as a frozen value: what the builder edits and the engine makes a network of. Edits are pure functions.

Each row is a layer, called on the row above unless ``takes`` says otherwise: a residual branch is a merging row that takes the row above
and an earlier one. Rows are known by their names, which are those of the network's layers. More inputs than the first, and outputs beside
that of the last row, are rows, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from maskviz.core.errors import UnusableInput

Value = Any
"""An argument as JSON: None, bool, int, float, str, list, or the serialized object of a file."""

ABOVE = ""
MERGES = ("Add", "Concatenate", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Dot")
ATTENTION = ("MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention")
SLICE = "Slice"
INPUT, OUTPUT = "Input", "Output"
PLAIN = (SLICE, INPUT, OUTPUT)
"""Rows that are no layers."""
WRAPPERS = ("Bidirectional", "TimeDistributed")
RECURRENT = ("LSTM", "GRU", "SimpleRNN")
SOURCE_ROW, TRAINING_ROW = -1, -2
"""Rows of a sentence about the input and about the loss."""


class CannotBuild(UnusableInput):
    """A stack that cannot become a network; ``row`` is the number of the row at fault, or SOURCE_ROW, TRAINING_ROW; None: no single one."""

    def __init__(self, sentence: str, row: int | None = None, details: str = "") -> None:
        super().__init__(sentence, details)
        self.row = row


@dataclass(frozen=True, slots=True)
class Row:
    """One layer: its class in ``keras.layers`` and the arguments that are not its defaults.

    Or SLICE, for ``x[:, start:stop:step]``; INPUT, for one more input of ``steps`` and ``features`` as in ``Source``; OUTPUT, for a row
    that is an output of the network, with its ``loss``. ``takes`` names the rows it is called on; ABOVE is the row above, or the input.
    ``wrapper`` with its arguments goes around it.
    """

    name: str
    kind: str
    arguments: Mapping[str, Value] = field(default_factory=dict)
    takes: tuple[str, ...] = (ABOVE,)
    wrapper: str = ""
    wrapping: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """The input: ids ``(batch, steps)`` of a vocabulary, or ``(batch, steps, features)``. ``steps`` None: any length."""

    name: str = "ids"
    dtype: str = "int32"
    steps: int | None = None
    features: int | None = None
    vocabulary: int = 50

    @property
    def is_ids(self) -> bool:
        return self.features is None

    @classmethod
    def of_row(cls, row: Row) -> Source:
        """The input that an INPUT row is."""
        steps, features = row.arguments.get("steps"), row.arguments.get("features")
        return cls(row.name, row.arguments.get("dtype") or ("int32" if features is None else "float32"), steps, features)


@dataclass(frozen=True, slots=True)
class Training:
    """What ``compile()`` is given for the last row; ``loss`` None: none. Names, or serialized objects of a file."""

    loss: Value = None
    metrics: tuple[Value, ...] = ()
    weighted_metrics: tuple[Value, ...] = ()
    optimizer: Value = "adam"


@dataclass(frozen=True, slots=True)
class Stack:
    """All that is needed to build a network but its weights."""

    name: str
    source: Source
    rows: tuple[Row, ...] = ()
    training: Training = Training()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Stack:
        """A stack from its JSON. Raises KeyError or TypeError for anything that is none."""
        training = body["training"]
        return cls(
            str(body["name"]),
            Source(**body["source"]),
            tuple(Row(**{**row, "takes": tuple(row["takes"])}) for row in body["rows"]),
            Training(**{**training, "metrics": tuple(training["metrics"]), "weighted_metrics": tuple(training["weighted_metrics"])}),
        )

    def place(self, name: str) -> int | None:
        """The number of the row of that name; None where there is none."""
        return next((n for n, row in enumerate(self.rows) if row.name == name), None)

    def taken(self, number: int) -> tuple[str, ...]:
        """What a row takes, by name: the input's where there is no row above."""
        above = self.rows[number - 1].name if number else self.source.name
        return tuple(name or above for name in self.rows[number].takes)


# --- edits


def added(stack: Stack, number: int, row: Row) -> Stack:
    """The stack with a row put at that place; below an input, the next row still takes what it took."""
    after = stack.rows[number:]
    if row.kind == INPUT and after:
        after = (replace(after[0], takes=stack.taken(number)), *after[1:])
    return replace(stack, rows=(*stack.rows[:number], row, *after))


def removed(stack: Stack, number: int) -> Stack:
    """The stack without a row; rows that took it take what it took."""
    gone = stack.rows[number].name
    instead = next(iter(stack.taken(number)), stack.rows[number - 1].name if number else stack.source.name)
    rows = [*stack.rows[:number], *stack.rows[number + 1 :]]
    return replace(stack, rows=tuple(_retaken(row, gone, instead) for row in rows))


def moved(stack: Stack, number: int, to: int) -> Stack:
    """The stack with a row at another place; the number is counted without it."""
    rest = [*stack.rows[:number], *stack.rows[number + 1 :]]
    rest.insert(to, stack.rows[number])
    return replace(stack, rows=tuple(rest))


def changed(stack: Stack, number: int, row: Row) -> Stack:
    """The stack with another row at that place; rows that took it by name follow a new name."""
    old = stack.rows[number]
    rows = [row if n == number else _retaken(other, old.name, row.name) for n, other in enumerate(stack.rows)]
    return replace(stack, rows=tuple(rows))


def with_argument(row: Row, name: str, value: Value, default: Value) -> Row:
    """The row with one argument given; one that is the default is left out."""
    arguments = {k: v for k, v in row.arguments.items() if k != name}
    return replace(row, arguments=arguments if value == default and type(value) is type(default) else {**arguments, name: value})


def with_source(stack: Stack, source: Source) -> Stack:
    """The stack with another input: embeddings of its ids follow its vocabulary, rows that took it by name its name."""
    old = stack.source
    rows = [_retaken(row, old.name, source.name) for row in stack.rows]
    for n, row in enumerate(rows):
        if row.kind == "Embedding" and stack.taken(n) == (old.name,) and row.arguments.get("input_dim") == old.vocabulary:
            rows[n] = replace(row, arguments={**row.arguments, "input_dim": source.vocabulary})
    return replace(stack, source=source, rows=tuple(rows))


def _retaken(row: Row, old: str, new: str) -> Row:
    return replace(row, takes=tuple(new if name == old else name for name in row.takes)) if old in row.takes else row


def fresh_name(stack: Stack, kind: str) -> str:
    """A name for another layer of a class, as Keras would give it: ``lstm``, ``lstm_1``."""
    plain = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)).lower()
    names = {stack.source.name, *(row.name for row in stack.rows)}
    number, name = 0, plain
    while name in names:
        number += 1
        name = f"{plain}_{number}"
    return name


# --- what is wrong with it


def problems(stack: Stack) -> dict[int, str]:
    """Sentences on rows that cannot be built, by their numbers; the engine need not be asked about those."""
    found: dict[int, str] = {}
    names = [stack.source.name]
    used = {name for number in range(len(stack.rows)) for name in stack.taken(number)}
    if not _is_name(stack.source.name):
        found[SOURCE_ROW] = "The input needs a name of letters, digits and underscores."
    for number, row in enumerate(stack.rows):
        sentence = _problem(stack, number, row, names) or _end_problem(stack, number, row, used)
        if sentence:
            found[number] = sentence
        names.append(row.name)
    return found


def _problem(stack: Stack, number: int, row: Row, before: Sequence[str]) -> str:
    if not _is_name(row.name):
        return "A layer needs a name of letters, digits, dots and underscores: change it."
    if row.name in before:
        return f"There is a ‘{row.name}’ above already: give this layer another name."
    for name in row.takes:
        if name and name not in before:
            there = stack.place(name)
            if there is None:
                return f"‘{row.name}’ takes ‘{name}’, which is not there any more: choose another row."
            return f"‘{row.name}’ takes ‘{name}’, which comes after it: move it down, or choose another row."
    if row.kind in MERGES and len(row.takes) < 2:
        return f"‘{row.name}’ joins two rows: choose the other one."
    return ""


def _end_problem(stack: Stack, number: int, row: Row, used: Set[str]) -> str:
    """What is wrong with an input or an output."""
    if row.kind == INPUT and row.name not in used:
        return f"Nothing takes the input ‘{row.name}’ yet: add a layer that does, such as Concatenate, or choose it where a layer ‘takes’."
    if row.kind == OUTPUT and number == len(stack.rows) - 1:
        return "The last row is an output in any case: remove this one, or add what comes after it."
    if row.kind == OUTPUT and any(
        other.kind == OUTPUT and stack.taken(n) == stack.taken(number) for n, other in enumerate(stack.rows[:number])
    ):
        return f"‘{stack.taken(number)[0]}’ is an output already: remove one of both."
    return ""


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_.][\w.>-]*", name) is not None


def summary(row: Row, required: Sequence[str] = ()) -> str:
    """A row's class and what was given to it, for one line: ``LSTM 64 · return_sequences``."""
    words = []
    for name, value in row.arguments.items():
        if value is True:
            words.append(name)
        elif name in required:
            words.append(_short(value))
        elif value not in (False, None):
            words.append(f"{name} {_short(value)}")
        elif row.kind not in PLAIN:
            words.append(f"{name} {'off' if value is False else 'none'}")
    kind = f"{row.wrapper} {row.kind}".strip()
    return " · ".join([kind, *words])


def _short(value: Value) -> str:
    if isinstance(value, Mapping):
        return str(value.get("class_name", "…"))
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(_short, value))})"
    return f"{value:g}" if isinstance(value, float) else str(value)
