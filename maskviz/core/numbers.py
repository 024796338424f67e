"""Numbers for people: one spelling everywhere."""

from __future__ import annotations

import math


def number(value: float | None, aligned: bool = False) -> str:
    """Four significant digits with a real minus, signs for what is not finite, ``–`` for what is not known.

    ``aligned``: with four decimals where these show enough of it, so that numbers beneath each other line up.
    """
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    plain = aligned and (value == 0 or 0.01 <= abs(value) < 10_000)
    return (f"{value:.4f}" if plain else f"{value:.4g}").replace("-", "−")


def percent(fraction: float) -> str:
    """``42%``; small shares keep a digit, so that none reads as nothing."""
    value = 100 * fraction
    if not math.isfinite(value):
        return number(value)
    return f"{value:.0f}%" if abs(value) >= 1.5 or value == 0 else f"{value:.2g}%"
