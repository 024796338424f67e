"""A heatmap as pictures of one pixel per cell, and smaller ones for when there are more cells than pixels."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from maskviz.colormaps import Mark, Scale, auto_range, has_both_signs, hex_rgb, marks, to_rgba
from maskviz.core.heatmaps import ARRAYS, Choice, Heatmap
from maskviz.core.map_rows import DIVERGING, Look
from maskviz.core.row_copies import may_differ, rows_that_differ
from maskviz.core.status import Status
from maskviz.palette import Palette

Hatch = Literal["diagonal", "cross", "points"]
HATCHES: dict[Hatch, np.uint8] = {"diagonal": np.uint8(1), "cross": np.uint8(2), "points": np.uint8(3)}
"""Skipped, exposed, and padding that is neither; and the number of each in the pictures."""
# what a block of cells shows: the highest of its cells; the two lowest bits are its hatch
STATUS_RANK = {Status.ENDED: 0, Status.UNMASKED: 1, Status.KEPT: 2, Status.SKIPPED: 2, Status.EXPOSED: 4, Status.LEAKING: 5}
ODD_RANK, EXTREME, EXPOSED_RANK, MARK_RANK = 9, 25, 30, 60
SIZES = ("loss", "change", "gradient", "influence")  # kinds of numbers that count from zero
ORDINARY_WEIGHTS = (0.0, 2.0)  # around 1, which stays calm
BAND = 131_072  # cells of a strip, which are worked on at a time: they stay in the processor's cache


def scale_of(heatmap: Heatmap, choice: Choice) -> Scale:
    """The colours of one of the three maps of a network, as chosen."""
    return scale_for(heatmap, choice.looks.get(heatmap.kind, Look()))


def scale_for(heatmap: Heatmap, look: Look) -> Scale:
    """The colours of a map. Where they are not chosen: viridis for predictions, inferno for sizes, diverging for what has both signs.

    Bars start at zero whatever their colours, so the colours of theirs tell the samples apart.
    """
    if heatmap.values is None:
        return Scale(look.colors or "viridis")
    values = heatmap.values if heatmap.present is None or heatmap.present.all() else heatmap.values[:, heatmap.present]
    size = heatmap.kind in SIZES
    signed = heatmap.kind != "predictions" and not heatmap.classes and has_both_signs(values)
    colors = look.colors or ("diverging" if signed else "inferno" if size else "viridis")
    if heatmap.classes:
        return Scale(colors, 0.0, max(heatmap.classes - 1, 1))
    if look.limits is not None:
        return Scale(colors, *look.limits, log=look.log)
    if heatmap.kind == "weights" and look == Look(look.colors) and not signed and _are_ordinary(values):
        return Scale(colors, *ORDINARY_WEIGHTS)
    around_zero = look.symmetric or colors in DIVERGING
    return Scale(colors, *auto_range(values, zero=size and values.ndim == 2, symmetric=around_zero, percent=look.percent), log=look.log)


def _are_ordinary(weights: NDArray[Any]) -> bool:
    """Whether weights are near enough to 1 for a range that stays the same while they are painted."""
    low, high = ORDINARY_WEIGHTS
    return bool(weights.size) and bool(low <= weights.min()) and bool(low + 0.5 <= weights.max() <= high)


@dataclass(frozen=True)
class Picture:
    """Rows of cells as a picture, and where each hatch is; ``top`` is the number of blocks above it."""

    top: int
    image: QImage
    hatches: Mapping[Hatch, QImage]


class Cells:
    """A heatmap made ready for painting, a strip of rows at a time: only what is seen is made.

    In a smaller picture a block of cells shows its most telling cell (NaN before exposed padding before extreme values), never a
    mean: a single exposed step or NaN among thousands stays visible. Strips in which nothing changed since ``before`` are taken
    from there, so that an edit of one sample costs one strip.
    """

    def __init__(self, heatmap: Heatmap, scale: Scale, palette: Palette, before: Cells | None = None) -> None:
        self.heatmap = heatmap
        self.scale = scale
        self.palette = palette
        self._strips: dict[tuple[int, int, int], tuple[NDArray[np.uint32], NDArray[np.uint8]]] = {}
        self._picture: tuple[tuple[int, int, range], Picture] | None = None
        self._marks: NDArray[Any] | None = None
        self._before = before if before is not None and self._is_like(before) else None
        if before is not None:
            before._before = None

    @property
    def shape(self) -> tuple[int, int]:
        array = self.heatmap.status if self.heatmap.status is not None else self.heatmap.values
        assert array is not None
        return array.shape[0], array.shape[1]

    def marks(self) -> NDArray[Any]:
        """A ``Mark`` per cell; none where the tensor has no step."""
        if self._marks is None:
            if self.heatmap.values is None or self.heatmap.classes:
                found = np.zeros(self.shape, np.uint8)
                if self.heatmap.values is not None:
                    found[np.isnan(self.heatmap.values)] = Mark.NAN
            else:
                found = marks(self.heatmap.values, self.scale.low, self.scale.high)
            if self.heatmap.present is not None:
                found[:, ~self.heatmap.present] = Mark.NONE
            self._marks = found
        return self._marks

    def picture(self, rows: int, columns: int, first: int, last: int) -> Picture:
        """The rows from ``first`` up to ``last`` and some around them, with ``rows`` × ``columns`` cells in one pixel."""
        tops = self._tops(rows, first, last)
        key = (rows, columns, tops)
        if self._picture is None or self._picture[0] != key:
            self._picture = (key, self._joined([self._strip(rows, columns, at, tops.step) for at in tops], tops.start // rows))
        return self._picture[1]

    def make_ready(self, rows: int, columns: int, first: int, last: int, seconds: float) -> bool:
        """Make strips of a picture, for about so long; whether it can be had at once now."""
        end, tops = time.perf_counter() + seconds, self._tops(rows, first, last)
        missing = [top for top in tops if (rows, columns, top) not in self._strips]
        for made, top in enumerate(missing, 1):
            self._strip(rows, columns, top, tops.step)
            if time.perf_counter() > end:
                return made == len(missing)
        return True

    def _tops(self, rows: int, first: int, last: int) -> range:
        """The first row of each strip that is needed."""
        high = rows * max(1, BAND // (rows * self.shape[1]))
        top = min(first, self.shape[0] - 1) // high * high
        return range(top, max(min(last, self.shape[0]), top + 1), high)

    @staticmethod
    def _joined(strips: list[tuple[NDArray[np.uint32], NDArray[np.uint8]]], top: int) -> Picture:
        colors, found = strips[0] if len(strips) == 1 else (np.concatenate(arrays) for arrays in zip(*strips, strict=True))
        hatches: dict[Hatch, QImage] = {}
        for name, number in HATCHES.items():
            if (here := found == number).any():
                hatches[name] = _image(here * np.uint8(255), QImage.Format.Format_Alpha8)
        return Picture(top, _image(colors, QImage.Format.Format_RGBA8888), hatches)

    def _strip(self, rows: int, columns: int, top: int, high: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        key = (rows, columns, top)
        if key not in self._strips:
            known = None if self._before is None else self._before._strips.get(key)
            if known is None or not self._is_unchanged(top, top + high):
                known = Cells(_rows_of(self.heatmap, top, top + high), self.scale, self.palette)._band(rows, columns)
            self._strips[key] = known
        return self._strips[key]

    def _is_like(self, before: Cells) -> bool:
        """Whether cells of the same content look the same in both."""
        old, new = before.heatmap, self.heatmap
        return (
            (before.scale, before.palette.name, before.palette.status) == (self.scale, self.palette.name, self.palette.status)
            and (old.kind, old.classes, before.shape) == (new.kind, new.classes, self.shape)
            and (old.present is new.present or np.array_equal(old.present, new.present))  # type: ignore[arg-type]
        )

    def _is_unchanged(self, top: int, bottom: int) -> bool:
        """Whether these rows are what they were before."""
        assert self._before is not None
        for name in ARRAYS:
            old, new = getattr(self._before.heatmap, name), getattr(self.heatmap, name)
            if old is new:
                continue
            if old is None or new is None or old.dtype != new.dtype:
                return False
            rows = may_differ(old, new) if old.shape == new.shape else None
            part = slice(top, bottom) if rows is None else rows[(rows >= top) & (rows < bottom)]
            if len(rows_that_differ(old[part], new[part])):
                return False
        return True

    def _band(self, rows: int, columns: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Colours and hatches of all blocks. What a block shows is chosen first, since colouring costs the most."""
        heatmap = self.heatmap
        shown = heatmap.status if heatmap.status is not None else heatmap.values
        assert shown is not None
        found = np.zeros(self.shape, np.uint8)
        for where, number in zip((heatmap.skipped, heatmap.exposed, heatmap.padded), HATCHES.values(), strict=True):
            if where is not None:
                np.maximum(found, where.view(np.uint8) * number, out=found)
        present = heatmap.present
        if rows > 1 or columns > 1:
            found, shown = _telling(self._rank() << np.uint8(2) | found, shown, rows, columns)
            if present is not None:
                present = np.logical_or.reduceat(present, np.arange(0, self.shape[1], columns))
        return self._colors(shown, present), found & np.uint8(3)

    def _colors(self, shown: NDArray[Any], present: NDArray[Any] | None) -> NDArray[np.uint32]:
        """Packed RGBA of states or values, 0 where the tensor has no step."""
        if self.heatmap.status is not None:
            table = np.zeros((len(Status), 4), np.uint8)
            for status, color in self.palette.status.items():
                table[status] = (*hex_rgb(color), 255)
            table[Status.ENDED] = 0  # no step is there, or in a comparison none that differs
            colors = np.take(table.view(np.uint32)[:, 0], shown)
        else:
            colors = to_rgba(shown, self.scale, self.palette.dark).view(np.uint32)[..., 0]
        if present is not None and not present.all():
            colors[:, ~present] = 0
        return colors

    def _rank(self) -> NDArray[np.uint8]:
        """How much a cell has to say (1…63), for choosing one of a block; 0 where the tensor has no step."""
        heatmap = self.heatmap
        if heatmap.status is not None:
            rank = np.take(np.array([STATUS_RANK[s] for s in Status], np.uint8), heatmap.status)
            return rank if heatmap.odd is None else np.where(heatmap.odd, np.uint8(ODD_RANK), rank)
        assert heatmap.values is not None
        span = self.scale.high - self.scale.low
        middle, reach = (self.scale.low, span) if heatmap.kind in SIZES and self.scale.low >= 0 else (self.scale.low + span / 2, span / 2)
        finite = np.isfinite(heatmap.values)
        with np.errstate(invalid="ignore", over="ignore"):
            extreme = heatmap.values - middle
            np.abs(extreme, out=extreme)
            extreme *= EXTREME / reach
            np.minimum(extreme, EXTREME, out=extreme)
            if not finite.all():
                extreme[~finite] = 0
        rank = extreme.astype(np.uint8)
        rank += np.uint8(1)
        for counted in (heatmap.exposed, heatmap.padded):
            if counted is not None:
                rank += counted.view(np.uint8) * np.uint8(EXPOSED_RANK)
        if not finite.all():
            special = self.marks()
            rank[~finite] = MARK_RANK + Mark.NEGATIVE_INFINITY - special[~finite]
        if heatmap.present is not None:
            rank[:, ~heatmap.present] = 0
        return rank


def _rows_of(heatmap: Heatmap, top: int, bottom: int) -> Heatmap:
    """Some samples of a map."""
    parts = {name: array[top:bottom] for name in ARRAYS if (array := getattr(heatmap, name)) is not None}
    return replace(heatmap, **parts)


def _telling(key: NDArray[np.uint8], shown: NDArray[Any], rows: int, columns: int) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Key and content of the cell with the highest key in every block of ``rows`` × ``columns`` cells."""
    for axis, size in ((1, columns), (0, rows)):
        if short := -key.shape[axis] % size:  # the last block is filled up with what never wins
            more = [(0, 0), (0, short)] if axis == 1 else [(0, short), (0, 0)]
            key, shown = np.pad(key, more), np.pad(shown, more)
        parts = [(slice(None), slice(k, None, size)) if axis == 1 else (slice(k, None, size), slice(None)) for k in range(size)]
        best, chosen = key[parts[0]], shown[parts[0]]
        for part in parts[1:]:
            higher = key[part] > (best | np.uint8(3))  # in rank: which hatch it has does not count
            chosen = np.where(higher, shown[part], chosen)
            best = np.where(higher, key[part], best)
        key, shown = best, chosen
    return key, shown


def _image(pixels: NDArray[Any], form: QImage.Format) -> QImage:
    """A QImage with memory of its own from pixels ``(height, width)``."""
    data = np.ascontiguousarray(pixels)
    height, width = data.shape
    image = QImage(data.data, width, height, data.itemsize * width, form)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)  # the form that QPainter draws fastest
