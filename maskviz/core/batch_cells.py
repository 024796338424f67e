"""Writing values into cells of a batch, one or many at once, and filling steps (pure functions)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch, set_padding
from maskviz.core.batch_fit import pad_of
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec, Network
from maskviz.core.row_copies import copy_for

Kind = Literal["x", "y", "weight"]
Filling = Literal["pad", "zero", "noise", "nan", "token"]


@dataclass(frozen=True, eq=False)
class Cells:
    """Elements of one array of a batch: ``index`` is a numpy index with an array of equal length for each axis, sample first."""

    kind: Kind
    name: str
    index: tuple[NDArray[np.intp], ...]

    @property
    def count(self) -> int:
        return len(self.index[0])

    def where(self, chosen: NDArray[np.bool_]) -> Cells:
        """Those of the cells that are ``chosen``, one flag for each."""
        return replace(self, index=tuple(axis[chosen] for axis in self.index))


def cells_of_steps(batch: Batch, name: str, samples: NDArray[np.intp], steps: NDArray[np.intp]) -> Cells:
    """All cells of some steps of some samples of an input."""
    inner = [np.arange(n) for n in batch.x[name].shape[2:]]
    return Cells("x", name, tuple(grid.ravel() for grid in np.meshgrid(samples, steps, *inner, indexing="ij")))


def in_padding(batch: Batch, cells: Cells) -> NDArray[np.bool_]:
    """Which of some cells of an input lie in padded steps, one flag for each."""
    padding = batch.padding.get(cells.name)
    return np.zeros(cells.count, bool) if padding is None else padding[cells.index[:2]]


def same(one: Any, other: Any) -> NDArray[np.bool_]:
    """Where two values are the same, NaN being the same as NaN."""
    equal = np.asarray(one == other)
    if np.asarray(one).dtype.kind == "f":
        equal = equal | (np.isnan(one) & np.isnan(np.asarray(other, "float64")))
    return equal


def write(batch: Batch, network: Network, cells: Cells, values: Any) -> Batch:
    """The batch with ``values`` (one, or one for each cell) in some cells; the same batch where they were there already.

    Where the network itself masks steps that hold the pad value, padding follows what is written: a step that becomes all pad value
    becomes padding (its content is remembered), and another value in a padded step makes it real. An output without weights gets
    weights of 1 first.
    """
    if cells.kind == "x":
        return _write_x(batch, network.input(cells.name), cells.index, values)
    if cells.kind == "y":
        y = _written(batch.y[cells.name], cells.index, values)
        return batch if y is None else replace(batch, y={**batch.y, cells.name: y})
    old = batch.sample_weight.get(cells.name)
    if old is None:
        old = np.ones((batch.size,) if len(cells.index) == 1 else batch.y[cells.name].shape[:2], "float32")
    weight = _written(old, cells.index, values)
    return batch if weight is None else replace(batch, sample_weight={**batch.sample_weight, cells.name: weight})


def write_all(batch: Batch, network: Network, parts: Sequence[tuple[Cells, Any]]) -> Batch:
    """``write`` for cells of several arrays, each array written to once; a later value of one cell counts."""
    keys = list(dict.fromkeys((c.kind, c.name, len(c.index)) for c, _ in parts))
    for key in keys:
        own = [(c, values) for c, values in parts if (c.kind, c.name, len(c.index)) == key]
        index = tuple(np.concatenate(axis) for axis in zip(*(c.index for c, _ in own), strict=True))
        values = np.concatenate([np.broadcast_to(np.asarray(values), c.count) for c, values in own])
        batch = write(batch, network, Cells(key[0], key[1], index), values)
    return batch


def _written(array: NDArray[Any], index: tuple[NDArray[np.intp], ...], values: Any) -> NDArray[Any] | None:
    """A copy of ``array`` with ``values`` at ``index``, None where nothing changes by it."""
    if same(array[index], values).all():
        return None
    new = copy_for(array, index[0])
    new[index] = values
    return new


def _write_x(batch: Batch, spec: InputSpec, index: tuple[NDArray[np.intp], ...], values: Any) -> Batch:
    name = spec.name
    batch = _roomy(batch, name, values)
    x = _written(batch.x[name], index, values)
    if x is None:
        return batch
    after = replace(batch, x={**batch.x, name: x})
    if name not in batch.content:
        return after
    content = copy_for(batch.content[name], index[0])
    content[index] = values
    after = replace(after, content={**batch.content, name: content})
    if not spec.masked or name not in batch.padding or spec.pad_value is None:
        return after
    steps = index[:2]
    padding = copy_for(batch.padding[name], index[0])
    was = padding[steps]
    blank = same(x[steps].reshape(len(was), -1), np.asarray(spec.pad_value, x.dtype)).all(axis=1)
    hidden, shown = tuple(i[blank] for i in steps), tuple(i[was & ~blank] for i in steps)
    content[hidden] = batch.content[name][hidden]
    x[shown] = content[shown]
    padding[steps] = blank
    if np.array_equal(padding, batch.padding[name]):
        return after
    return replace(after, padding={**batch.padding, name: padding}, declared=batch.declared | {name})


def _roomy(batch: Batch, name: str, values: Any) -> Batch:
    """The batch with an input of strings made wide enough for ``values``: numpy would cut them off without a word."""
    array = batch.x[name]
    if array.dtype.kind not in "US":
        return batch
    wide = np.promote_types(array.dtype, np.asarray(values).dtype)
    if wide == array.dtype:
        return batch
    content = {**batch.content, name: batch.content[name].astype(wide)} if name in batch.content else batch.content
    return replace(batch, x={**batch.x, name: array.astype(wide)}, content=content)


def flag_padding(batch: Batch, spec: InputSpec, samples: int | NDArray[np.intp], steps: Any, padded: Any) -> Batch:
    """The batch with some steps of one sample, or of several, made padding or real; a step that is so already keeps what it holds."""
    now = batch.padding[spec.name][samples].copy()
    now[..., steps] = padded
    return batch if np.array_equal(now, batch.padding[spec.name][samples]) else set_padding(batch, spec, samples, now)


# --- filling


def fill(batch: Batch, network: Network, cells: Cells, filling: Filling, seed: int = 0) -> Batch:
    """The batch with some cells filled; raises ``UnusableInput`` where they cannot hold that.

    ``pad`` the pad value, so that steps become padding; ``zero``; ``noise`` with mean and spread of what is real, ids drawn from
    those in use; ``nan``; ``token`` the pad value in a step that stays real: what a mask made from values takes for padding.
    """
    if cells.kind == "x":
        return _fill_x(batch, network, cells, filling, seed)
    if filling in ("pad", "token"):
        what = "Targets have" if cells.kind == "y" else "Weights have"
        raise UnusableInput(f"{what} no pad value: choose cells of an input, or fill with zero.")
    array = batch.y[cells.name] if cells.kind == "y" else batch.sample_weight.get(cells.name, np.ones(1, "float32"))
    if filling == "zero":
        return write(batch, network, cells, np.zeros((), array.dtype))
    if filling == "nan":
        return write(batch, network, cells, _nan(array, f"The target of {cells.name}"))
    if cells.kind == "weight":
        return write(batch, network, cells, np.random.default_rng(seed).random(cells.count, "float32"))
    return write(batch, network, cells, _noise(array.ravel(), cells.count, seed))


def _fill_x(batch: Batch, network: Network, cells: Cells, filling: Filling, seed: int) -> Batch:
    spec, x = network.input(cells.name), batch.x[cells.name]
    pad = np.asarray(pad_of(spec), x.dtype)
    if filling == "pad":
        return _padded(write(batch, network, cells, pad), spec, cells)
    if filling == "zero":
        if x.dtype.kind in "US":
            raise UnusableInput(f"Input {spec.name} holds text, which cannot be 0: fill it with the pad value.")
        return write(batch, network, cells, np.zeros((), x.dtype))
    if filling == "nan":
        return write(batch, network, cells, _nan(x, f"Input {spec.name}"))
    if filling == "noise":
        known = batch.padding.get(spec.name)
        real = x.ravel() if known is None or known.all() else x[~known].ravel()
        if x.dtype.kind not in "f":
            real = real[real != pad]
        return write(batch, network, cells, _noise(real, cells.count, seed, spec.vocabulary))
    if spec.name not in batch.padding:
        raise UnusableInput(f"Input {spec.name} has no steps, so none of them can be a real step that looks like padding.")
    new = {}
    for group, arrays in (("x", batch.x), ("content", batch.content)):
        new[group] = copy_for(arrays[spec.name], cells.index[0])
        new[group][cells.index] = pad
    padding = copy_for(batch.padding[spec.name], cells.index[0])
    padding[cells.index[:2]] = False
    return replace(
        batch,
        x={**batch.x, spec.name: new["x"]},
        content={**batch.content, spec.name: new["content"]},
        padding={**batch.padding, spec.name: padding},
        declared=batch.declared | {spec.name},
    )


def _padded(batch: Batch, spec: InputSpec, cells: Cells) -> Batch:
    """The batch in which touched steps that hold nothing but the pad value are padding, also where the network makes no mask of it."""
    if spec.name not in batch.padding:
        return batch
    steps, x = cells.index[:2], batch.x[spec.name]
    padding = copy_for(batch.padding[spec.name], steps[0])
    padding[steps] |= same(x[steps].reshape(cells.count, -1), np.asarray(pad_of(spec), x.dtype)).all(axis=1)
    if np.array_equal(padding, batch.padding[spec.name]):
        return batch
    return replace(batch, padding={**batch.padding, spec.name: padding}, declared=batch.declared | {spec.name})


def _nan(array: NDArray[Any], what: str) -> NDArray[Any]:
    if array.dtype.kind != "f":
        held = "text" if array.dtype.kind in "US" else "whole numbers"
        raise UnusableInput(f"{what} holds {held}, which cannot be NaN: choose cells that hold decimal numbers.")
    return np.asarray(np.nan, array.dtype)


def _noise(real: NDArray[Any], count: int, seed: int, vocabulary: int | None = None) -> NDArray[Any]:
    """``count`` values like those in ``real``: normal with their mean and spread, or drawn from them where they are no decimals."""
    rng = np.random.default_rng(seed)
    if real.dtype.kind == "f":
        real = real[np.isfinite(real)]
        mean, spread = (float(real.mean()), float(real.std()) or 1.0) if len(real) else (0.0, 1.0)
        return rng.normal(mean, spread, count).astype(real.dtype)
    if not len(real):
        real = np.arange(1, max(vocabulary or 2, 2)).astype(real.dtype) if real.dtype.kind in "iu" else np.asarray(["word"])
    return rng.choice(real, count)
