"""Arrays from anywhere made into a batch that fits a network, or one sentence that says why they cannot be (pure functions)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec, Network, OutputSpec, Shape

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class RawBatch:
    """Arrays as a file or a caller gave them, by input or output name, by position (``"0"``), or ``""`` for the only one."""

    x: Arrays = field(default_factory=dict)
    y: Arrays = field(default_factory=dict)
    sample_weight: Arrays = field(default_factory=dict)
    padding: Arrays = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def fit(raw: RawBatch, network: Network, source: str) -> tuple[Batch, tuple[str, ...]]:
    """The batch for ``network`` and notes for the user (what was ignored, NaN, negative ids).

    Targets are left as they are given: an output that ``raw.y`` does not name has none. Raises UnusableInput with one sentence
    that names the array, the shape it has and the shape needed.
    """
    notes = list(raw.notes)
    inputs = tuple(i.name for i in network.inputs)
    outputs = tuple(o.name for o in network.outputs)
    trained = tuple(o.name for o in network.outputs if o.loss) or outputs
    x = {spec.name: _fit_x(a, spec, notes) for spec, a in _inputs(_named(raw.x, "x", inputs, inputs, notes), network)}
    size = _one_size(x)
    y = {name: _fit_y(a, network.output(name), size, notes) for name, a in _named(raw.y, "y", outputs, trained, notes).items()}
    weights = _named(raw.sample_weight, "sample_weight", outputs, trained, notes)
    timed = tuple(i.name for i in network.inputs if _time_steps(x[i.name], i) is not None)
    given = _named(raw.padding, "padding", inputs, timed or inputs, notes)
    notes += [
        f"The padding of input '{name}' is ignored: a shape of {shape_words(network.input(name).shape)} is taken to have no time axis."
        for name in given
        if name not in timed
    ]
    padding = {name: _fit_padding(a, x[name].shape[:2], name) for name, a in given.items() if name in timed}
    sample_weight = {name: _fit_weight(a, name, size, notes) for name, a in weights.items()}
    return complete(Batch(x, y, sample_weight, padding, {}, source, frozenset(padding)), network), tuple(notes)


def complete(batch: Batch, network: Network) -> Batch:
    """The batch with ``padding`` for every input with a time axis, and ``content`` for every input.

    Padding that the batch does not name is every step equal to the pad value where the network masks those, else the runs of the
    pad value at both ends; so are runs of NaN there. A step that holds nothing but the pad value gets invented content: an id the
    batch uses, or the features of a real step of the same sample. The same batch always gets the same content.
    """
    padding = dict(batch.padding)
    content = {}
    for spec in network.inputs:
        x = batch.x[spec.name]
        if _time_steps(x, spec) is None:
            content[spec.name] = x
            continue
        blank = blank_steps(x, spec)
        if spec.kind == "features" and x.dtype.kind == "f":  # sequences that were laid side by side with NaN to fill up
            blank = blank | _runs_at_ends(blank | np.isnan(x).reshape(*x.shape[:2], -1).all(axis=2))
        if spec.name not in padding:
            padding[spec.name] = blank if spec.masked else _runs_at_ends(blank)
        content[spec.name] = _invented(x, spec, padding[spec.name], padding[spec.name] & blank)
    return replace(batch, padding=padding, content=content)


def blank_steps(x: NDArray[Any], spec: InputSpec) -> NDArray[np.bool_]:
    """Which steps ``(batch, time)`` hold nothing but the pad value; a negative id is no token of a vocabulary and counts too."""
    pad = pad_of(spec)
    same = (x == pad) | np.isnan(x) if isinstance(pad, float) and np.isnan(pad) else x == pad
    if spec.kind == "ids" and spec.vocabulary is not None and x.dtype.kind in "if":
        same = same | (x < 0)
    return np.asarray(same.reshape(*x.shape[:2], -1).all(axis=2))


def pad_of(spec: InputSpec) -> float | int | str:
    """What padding looks like in an input; 0, or the empty text, where the network does not say."""
    if spec.pad_value is not None:
        return spec.pad_value
    return "" if spec.kind == "text" else 0


def shape_words(shape: Shape) -> str:
    """A shape as a person reads it: ``(any, 24, 8)``."""
    return f"({', '.join('any' if n is None else str(n) for n in shape)}{',' if len(shape) == 1 else ''})"


def _named(given: Arrays, what: str, names: tuple[str, ...], only: tuple[str, ...], notes: list[str]) -> dict[str, NDArray[Any]]:
    """``given`` by the network's own names; a nameless array goes to the one name in ``only``."""
    found: dict[str, NDArray[Any]] = {}
    for key, array in given.items():
        if key == "":
            if len(only) != 1:
                listed = ", ".join(f"{what}__{n}" for n in only)
                raise UnusableInput(f"The batch holds one '{what}', but the network needs one for each of {listed}; name them so.")
            name = only[0]
        elif key in names:
            name = key
        elif key.isdecimal() and int(key) < len(names):
            name = names[int(key)]
        else:
            notes.append(f"'{what}__{key}' is ignored: the network has {_listed(what, names)}.")
            continue
        if name in found:
            raise UnusableInput(f"The batch gives {what} of '{name}' twice; keep one of them.")
        found[name] = array
    return found


def _listed(what: str, names: tuple[str, ...]) -> str:
    kind = "output" if what in ("y", "sample_weight") else "input"
    return f"the {kind}{'s' if len(names) > 1 else ''} {', '.join(repr(n) for n in names)}"


def _inputs(x: dict[str, NDArray[Any]], network: Network) -> list[tuple[InputSpec, NDArray[Any]]]:
    missing = [i for i in network.inputs if i.name not in x]
    if missing:
        spec = missing[0]
        key = "x" if len(network.inputs) == 1 else f"x__{spec.name}"
        raise UnusableInput(f"The batch has no array for input '{spec.name}': put one of shape {shape_words(spec.shape)} in it as '{key}'.")
    return [(i, x[i.name]) for i in network.inputs]


def _fit_x(array: NDArray[Any], spec: InputSpec, notes: list[str]) -> NDArray[Any]:
    """An input in the network's dtype and shape; the last axis may be one more or one fewer of length 1, as Keras allows."""
    given = array.shape
    if array.ndim == len(spec.shape) + 1 and given[-1] == 1:
        array = array[..., 0]
    elif array.ndim == len(spec.shape) - 1 and spec.shape[-1] == 1:
        array = array[..., None]
    if array.ndim != len(spec.shape) or any(n is not None and n != m for n, m in zip(spec.shape, array.shape, strict=True)):
        raise UnusableInput(f"Input '{spec.name}' has shape {given}, but the network needs {shape_words(spec.shape)}.")
    if array.size == 0:
        raise UnusableInput(f"Input '{spec.name}' has shape {given} and holds nothing; the network needs {shape_words(spec.shape)}.")
    if spec.kind == "text" or spec.dtype == "string":
        if array.dtype.kind == "O" and all(isinstance(value, str) for value in array.flat):
            array = array.astype(str)
        if array.dtype.kind not in "US":
            raise UnusableInput(f"Input '{spec.name}' holds {array.dtype} values, but the network needs text.")
        return _text(array, spec.name)
    array = _numbers(array, f"Input '{spec.name}'")
    if spec.kind == "ids":
        _check_ids(array, spec, notes)
    nans = int(np.isnan(array).sum()) if array.dtype.kind == "f" else 0
    if nans:
        notes.append(f"Input '{spec.name}' holds {nans:,} NaN value{'s' if nans > 1 else ''} in {array.size:,}.")
    return _cast(array, spec.dtype, f"Input '{spec.name}'")


def _check_ids(array: NDArray[Any], spec: InputSpec, notes: list[str]) -> None:
    """Refuse ids that no row of the embedding belongs to; note negative ones, which read its rows from the end."""
    if array.dtype.kind == "f" and not (np.isfinite(array) & (array == np.floor(array))).all():
        odd = array[~(np.isfinite(array) & (array == np.floor(array)))][0]
        raise UnusableInput(f"Input '{spec.name}' holds {odd:g}, but the network needs ids, which are whole numbers.")
    low, high = int(array.min()), int(array.max())
    if spec.vocabulary is not None and (high >= spec.vocabulary or low < -spec.vocabulary):
        wrong = high if high >= spec.vocabulary else low
        raise UnusableInput(f"Input '{spec.name}' holds the id {wrong}, but the network knows ids 0 to {spec.vocabulary - 1}.")
    if low < 0 and spec.vocabulary is not None:
        notes.append(f"Input '{spec.name}' holds negative ids (down to {low}), which are no tokens; they are taken as padding.")


def _fit_y(array: NDArray[Any], spec: OutputSpec, size: int, notes: list[str]) -> NDArray[Any]:
    """A target in its dtype. Its shape is only checked: Keras itself adds or removes a last axis of length 1 and repeats ones."""
    array = _numbers(array, f"The target of output '{spec.name}'")
    _check_size(array, f"The target of output '{spec.name}'", size)
    if spec.y_shape and not _fits_target(array.shape, spec.y_shape):
        raise UnusableInput(
            f"The target of output '{spec.name}' has shape {array.shape}, but the loss needs {shape_words((size, *spec.y_shape[1:]))}."
        )
    if spec.classes is not None and array.size and array.dtype.kind in "iuf":
        outside = array[((array < 0) | (array >= spec.classes)) & (array != spec.ignored)]
        if outside.size:
            notes.append(f"The target of output '{spec.name}' holds class {outside.flat[0]:g}, outside 0 to {spec.classes - 1}.")
    if array.dtype.kind == "f" and np.isnan(array).any():
        notes.append(f"The target of output '{spec.name}' holds {int(np.isnan(array).sum()):,} NaN values.")
    try:
        return _cast(array, spec.y_dtype, "")
    except UnusableInput:
        return array


def _fits_target(shape: tuple[int, ...], needed: Shape) -> bool:
    if len(shape) == len(needed) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    elif len(shape) == len(needed) - 1:
        shape = (*shape, 1)
    return len(shape) == len(needed) and all(n is None or n == m or 1 in (n, m) for n, m in zip(needed[1:], shape[1:], strict=True))


def _fit_weight(array: NDArray[Any], name: str, size: int, notes: list[str]) -> NDArray[Any]:
    array = _numbers(array, f"The sample_weight of output '{name}'")
    _check_size(array, f"The sample_weight of output '{name}'", size)
    if array.dtype.kind == "f" and np.isnan(array).any():
        notes.append(f"The sample_weight of output '{name}' holds NaN.")
    return array.astype("float32")


def _fit_padding(array: NDArray[Any], shape: tuple[int, ...], name: str) -> NDArray[Any]:
    if array.shape != shape:
        raise UnusableInput(f"The padding of input '{name}' has shape {array.shape}, but its samples and steps need {shape}.")
    if array.dtype.kind not in "biu" or not np.isin(array, (0, 1)).all():
        raise UnusableInput(f"The padding of input '{name}' must hold only True and False (True = padding).")
    return array.astype(bool)


def _check_size(array: NDArray[Any], what: str, size: int) -> None:
    if array.ndim == 0 or len(array) != size:
        has = f"{len(array)} samples" if array.ndim else "no samples"
        raise UnusableInput(f"{what} has {has} (shape {array.shape}), but the inputs have {size}.")


def _one_size(x: Arrays) -> int:
    names = list(x)
    for name in names[1:]:
        if len(x[name]) != len(x[names[0]]):
            has, needs = len(x[name]), len(x[names[0]])
            raise UnusableInput(f"Input '{name}' has {has} samples (shape {x[name].shape}), but input '{names[0]}' has {needs}.")
    return len(x[names[0]])


def _numbers(array: NDArray[Any], what: str) -> NDArray[Any]:
    if array.dtype.kind not in "biuf":
        held = "text" if array.dtype.kind in "US" else f"{array.dtype} values"
        raise UnusableInput(f"{what} holds {held}, but the network needs numbers.")
    return array


def _text(array: NDArray[Any], name: str) -> NDArray[Any]:
    try:
        return array if array.dtype.kind == "U" else np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        raise UnusableInput(f"Input '{name}' holds text that is not UTF-8; save it as UTF-8.") from error


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The numpy dtype for a Keras one; float32 for those numpy itself lacks (bfloat16, float8), to which Keras casts on its own."""
    try:
        found = np.dtype(name)
    except TypeError:
        return np.dtype("float32")
    return found if found.kind != "V" else np.dtype("float32")  # ml_dtypes, once Keras is imported, adds them as kind V


def _cast(array: NDArray[Any], dtype: str, what: str) -> NDArray[Any]:
    """The array in ``dtype`` where that keeps every value (floats may lose precision, never range)."""
    wanted = numpy_dtype(dtype)
    if array.dtype == wanted:
        return array
    with np.errstate(all="ignore"):
        new = array.astype(wanted)
    if wanted.kind == "f":
        kept = array.dtype.kind != "f" or bool((np.isfinite(new) == np.isfinite(array)).all())
    else:
        kept = bool((new == array).all())
    if not kept:
        lost = array[(np.isfinite(new) != np.isfinite(array)) if wanted.kind == "f" else (new != array)].flat[0]
        raise UnusableInput(f"{what} holds {lost:g}, which does not fit the network's {wanted}.")
    return new


def _time_steps(x: NDArray[Any], spec: InputSpec) -> int | None:
    """Number of steps, or None where samples are not sequences (a whole text is one value)."""
    whole_text = spec.kind == "text" and (x.ndim < 2 or spec.shape[-1] == 1)
    return None if not spec.has_time or x.ndim < 2 or whole_text else x.shape[1]


def _runs_at_ends(blank: NDArray[np.bool_]) -> NDArray[np.bool_]:
    leading = np.logical_and.accumulate(blank, axis=1)
    trailing = np.logical_and.accumulate(blank[:, ::-1], axis=1)[:, ::-1]
    return leading | trailing


def _invented(x: NDArray[Any], spec: InputSpec, padding: NDArray[np.bool_], blank: NDArray[np.bool_]) -> NDArray[Any]:
    """``x`` with plausible values in its ``blank`` steps."""
    if not blank.any():
        return x
    content = x.copy()
    rng = np.random.default_rng(0)
    real = x[~padding]
    if spec.kind in ("ids", "text") and x.ndim == 2:
        tokens = np.unique(real[real != np.asarray(pad_of(spec), x.dtype)])
        if not len(tokens):
            other = 1 if pad_of(spec) != 1 else 2
            tokens = np.asarray(["word"] if spec.kind == "text" else [min(other, (spec.vocabulary or 3) - 1)])
        if spec.kind == "text":
            content = content.astype(np.promote_types(content.dtype, tokens.dtype))
        content[blank] = rng.choice(tokens, int(blank.sum()))
        return content
    for row in np.flatnonzero(blank.any(axis=1)):
        steps, kept = np.flatnonzero(blank[row]), np.flatnonzero(~padding[row])
        if len(kept):
            content[row, steps] = x[row, kept[np.arange(len(steps)) % len(kept)]]
        elif len(real):
            content[row, steps] = real[np.arange(len(steps)) % len(real)]
        else:
            content[row, steps] = rng.standard_normal((len(steps), *x.shape[2:])).astype(x.dtype)
    return content
