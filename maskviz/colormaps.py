"""Numbers to colours: perceptually uniform maps, and marks for what is not a plain number. No Qt here.

Viridis, magma, inferno and plasma are the public-domain (CC0) maps of Smith and van der Walt, cividis (CC0) that of Nuñez, Anderton and
Renslow, kept as 33 anchors each, which reproduce the 256 original colours within 5/255. Diverging maps are computed in the Oklab
colour space with equal lightness in both arms: on light grounds with a light middle, on dark grounds, where that would glare, with a
dark one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.by_rows import by_rows

LEVELS = 256
LINEAR = 1e-4
MOST_SORTED = 1_000_000  # values of which percentiles are taken


class Mark(IntEnum):
    """What is special about a value; each has a sign of its own, none of which is a hatch (hatches are masks)."""

    NONE = 0
    NAN = 1
    POSITIVE_INFINITY = 2
    NEGATIVE_INFINITY = 3
    ABOVE = 4
    BELOW = 5


MARK_WORDS = {
    Mark.NAN: "NaN",
    Mark.POSITIVE_INFINITY: "+∞",
    Mark.NEGATIVE_INFINITY: "−∞",
    Mark.ABOVE: "above the range",
    Mark.BELOW: "below the range",
}
# saturated colours that none of the maps contains; clipped values keep the colour of the end they are beyond
MARK_COLORS = {Mark.NAN: "#ff3ec8", Mark.POSITIVE_INFINITY: "#00dcff", Mark.NEGATIVE_INFINITY: "#3d4bff"}

_VIRIDIS = (
    "440154470d6048186a482374472d7b4537814240863e49893b528b375b8d33638d2f6b8e2c728e297a8e26828e23898e21918c"
    "1f978b1f9f8821a68527ad8131b57b3dbc744cc26c5cc8636ece5881d34d95d840aadc32c0df25d5e21aeae51afde725"
)
_INFERNO = (
    "0000040403120b0724150b37210c4a2f0a5b3d09654a0c6b57106e64156e71196e7d1e6d8a226a972766a32c61b0315b"
    "bc3754c63d4dd04545da4e3ce35933eb6429f1711ff67e14f98c0afb9b06fcaa0ffbba1ff9c932f5d949f2e865f3f586fcffa4"
)
_MAGMA = (
    "0000040303120a0822130d341d114729115a36106b440f7651127c5d177f6a1c81762181832681902a819c2e7faa337d"
    "b73779c23b75cf4070db476ae55064ee5b5ef4695cf9785dfb8761fd9668fea571feb47bfec287fed194fde0a1fceeb0fcfdbf"
)
_PLASMA = (
    "0d08872206903105973f049c4c02a15901a56600a77201a87e03a88a09a59511a1a01a9caa2395b32c8ebc3587c43e7f"
    "cc4778d24f71d9586adf6263e56b5deb7556f07f4ff48948f89441fb9f3afdab33feb72dfdc328fcd025f9dd25f5eb27f0f921"
)
_CIVIDIS = (
    "00204d00265a002c6900306f06366e1f3c6d2d426c38486b414d6b4a536b52596c595f6d61646f686a716f7073767676"
    "7d7c788481798b8779938e789b9477a39a76aca174b4a872bcaf6fc5b56ccebc68d7c463e0cb5ee9d358f2da50fbe248ffea46"
)


def _from_anchors(text: str) -> NDArray[np.uint8]:
    """A table ``(256, 3)`` from evenly spaced anchors written as ``rrggbb`` one after the other."""
    anchors = np.frombuffer(bytes.fromhex(text), np.uint8).reshape(-1, 3)
    where = np.linspace(0, LEVELS - 1, len(anchors)).round()
    return np.stack([np.interp(np.arange(LEVELS), where, anchors[:, k]) for k in range(3)], axis=1).round().astype(np.uint8)


Lab = tuple[float, float]


def _diverging(middle: float, end: float, below: Lab, above: Lab) -> NDArray[np.uint8]:
    """One colour through grey to another by their lightness and their a and b, straight lines in Oklab (Björn Ottosson's public-domain
    matrices)."""
    side = np.linspace(-1, 1, LEVELS)[:, None]
    lightness = middle + (end - middle) * np.abs(side)
    chroma = np.where(side < 0, [below], [above]) * np.abs(side)
    lab = np.hstack([lightness, chroma])
    lms = (lab @ np.array([[1, 1, 1], [0.3963377774, -0.1055613458, -0.0894841775], [0.2158037573, -0.0638541728, -1.2914855480]])) ** 3
    linear = lms @ np.array(
        [
            [4.0767416621, -1.2684380046, -0.0041960863],
            [-3.3077115913, 2.6097574011, -0.7034186147],
            [0.2309699292, -0.3413193965, 1.7076147010],
        ]
    )
    linear = np.clip(linear, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    table: NDArray[np.uint8] = (srgb * 255).round().astype(np.uint8)
    return table


VIRIDIS = _from_anchors(_VIRIDIS)
INFERNO = _from_anchors(_INFERNO)
DIVERGING = _diverging(0.97, 0.51, (-0.03, -0.13), (0.115, 0.098))
DIVERGING_DARK = _diverging(0.26, 0.76, (-0.05, -0.12), (0.075, 0.125))
TABLES = {
    "viridis": VIRIDIS,
    "cividis": _from_anchors(_CIVIDIS),
    "magma": _from_anchors(_MAGMA),
    "inferno": INFERNO,
    "plasma": _from_anchors(_PLASMA),
    "diverging": DIVERGING,
    "purple-green": _diverging(0.97, 0.47, (0.085, -0.105), (-0.095, 0.075)),
    "blue-red": _diverging(0.97, 0.5, (-0.03, -0.13), (0.165, 0.08)),
}
DARK_TABLES = {
    **TABLES,
    "diverging": DIVERGING_DARK,
    "purple-green": _diverging(0.26, 0.76, (0.075, -0.095), (-0.12, 0.095)),
    "blue-red": _diverging(0.26, 0.72, (-0.05, -0.12), (0.15, 0.07)),
}
"""The colours of each map on a light and on a dark ground."""


def hex_rgb(color: str) -> tuple[int, int, int]:
    """``#rrggbb`` as three numbers 0…255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _with_marks(table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The table as RGBA ``(259, 4)``: 256 levels, then NaN, +inf and −inf."""
    special = np.array([hex_rgb(MARK_COLORS[m]) for m in MARK_COLORS], np.uint8)
    rgb = np.concatenate([table, special])
    return np.hstack([rgb, np.full((len(rgb), 1), 255, np.uint8)])


_RGBA = {dark: {name: _with_marks(table) for name, table in tables.items()} for dark, tables in ((False, TABLES), (True, DARK_TABLES))}


@dataclass(frozen=True, slots=True)
class Scale:
    """How numbers become colours: a map by name and the values its two ends stand for.

    ``log``: logarithmic, and linear within ``LINEAR`` of zero (as a part of the larger end), so that zero and both signs have a place.
    """

    colors: str = "viridis"
    low: float = 0.0
    high: float = 1.0
    log: bool = False

    def table(self, dark: bool = False) -> NDArray[np.uint8]:
        """The map's colours ``(256, 3)`` from low to high, on a dark or a light ground."""
        return (DARK_TABLES if dark else TABLES)[self.colors]

    def share(self, values: Any) -> Any:
        """Where values stand between the two ends: 0 at the lower, 1 at the upper one; beyond them outside of that."""
        if not self.log:
            return (values - self.low) * (1 / (self.high - self.low))
        low, high = self._bent(np.float64(self.low)), self._bent(np.float64(self.high))
        return (self._bent(values) - low) / (high - low)

    def value(self, share: float) -> float:
        """The value that stands at a share."""
        if not self.log:
            return self.low + share * (self.high - self.low)
        low, high = self._bent(np.float64(self.low)), self._bent(np.float64(self.high))
        bent = low + share * (high - low)
        return float(np.sign(bent) * np.expm1(abs(bent)) * self.linear)

    @property
    def linear(self) -> float:
        """Up to this size numbers are shown linearly on a logarithmic scale."""
        return max(abs(self.low), abs(self.high), 1e-300) * LINEAR

    def _bent(self, values: Any) -> Any:
        return np.sign(values) * np.log1p(np.abs(values) / self.linear)


def has_both_signs(values: NDArray[Any]) -> bool:
    """Whether there are numbers below and above zero."""
    with np.errstate(invalid="ignore"):
        low, high = _extent(values)
        if np.isnan(low):  # or nothing but NaN
            return bool((values < 0).any()) and bool((values > 0).any())
        return low < 0 < high


def _extent(values: NDArray[Any]) -> tuple[float, float]:
    """The lowest and the highest value; NaN where there is one, or no value at all."""
    if not values.size:
        return np.nan, np.nan
    each = _extents(values)
    return float(each[:, 0].min()), float(each[:, 1].max())


@by_rows
def _extents(values: NDArray[Any]) -> NDArray[Any]:
    """The lowest and the highest value of each row ``(rows, 2)``."""
    flat = values.reshape(len(values), -1)
    return np.stack([flat.min(axis=1), flat.max(axis=1)], axis=1)


def auto_range(values: NDArray[Any], *, zero: bool = False, symmetric: bool = False, percent: float = 0.0) -> tuple[float, float]:
    """The range of the finite values: from zero where ``zero`` and nothing is below it, around zero where ``symmetric``; without
    the lowest and the highest ``percent`` of them.

    A constant gets a range around it, so that it has a colour; (0, 1) where nothing is finite.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = _extent(values)
        if not (np.isfinite(low) and np.isfinite(high)):
            finite = values[np.isfinite(values)]
            if not finite.size:
                return 0.0, 1.0
            low, high = float(finite.min()), float(finite.max())
    if percent > 0 and values.size:
        low, high = _percentiles(values, percent)
    if symmetric:
        high = max(abs(low), abs(high))
        low = -high
    elif zero and low > 0:
        low = 0.0
    if low == high:
        width = abs(low) * 0.5 or 0.5
        low, high = (low, low + 2 * width) if zero and low == 0 and not symmetric else (low - width, high + width)
    return low, high


def _percentiles(values: NDArray[Any], percent: float) -> tuple[float, float]:
    """The values below and above which ``percent`` of the finite ones lie; of very many, those of every n-th."""
    flat = values.reshape(-1)[:: max(1, values.size // MOST_SORTED)]
    finite = flat[np.isfinite(flat)]
    low, high = np.percentile(finite, [percent, 100 - percent]) if finite.size else (0.0, 1.0)
    return float(low), float(high)


def marks(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """A ``Mark`` for every value; what is outside the range by less than rounding (1e-6 of the range) is not clipped."""
    slack = abs(high - low) * 1e-6
    with np.errstate(invalid="ignore"):
        out = np.where(values > high + slack, np.uint8(Mark.ABOVE), np.uint8(Mark.NONE))
        out[values < low - slack] = Mark.BELOW
    if not np.isfinite(values).all():
        out[np.isnan(values)] = Mark.NAN
        out[np.isposinf(values)] = Mark.POSITIVE_INFINITY
        out[np.isneginf(values)] = Mark.NEGATIVE_INFINITY
    return out


def to_rgba(values: NDArray[Any], scale: Scale, dark: bool = False) -> NDArray[np.uint8]:
    """Colours ``(…, 4)`` RGBA of numbers ``(…)`` on a dark or a light ground; beyond the range the end's colour, NaN and infinities
    their own."""
    numbers = np.asarray(values, np.float32) if values.dtype.itemsize <= 4 else np.asarray(values, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        level = (
            scale.share(numbers) * (LEVELS - 1) + 0.5
            if scale.log
            else (numbers - scale.low) * ((LEVELS - 1) / (scale.high - scale.low)) + 0.5
        )
        plain = np.isfinite(numbers)
        all_plain = bool(plain.all())
        if not all_plain:
            level[~plain] = 0
        index = np.clip(level, 0, LEVELS - 1, out=level).astype(np.uint16)
    if not all_plain:
        index[np.isnan(numbers)] = LEVELS
        index[np.isposinf(numbers)] = LEVELS + 1
        index[np.isneginf(numbers)] = LEVELS + 2
    packed = _RGBA[dark][scale.colors].view(np.uint32)[:, 0]
    return np.take(packed, index).view(np.uint8).reshape(*index.shape, 4)
