"""Numbers for people: one spelling everywhere."""

from __future__ import annotations

import math


def number(value: float | None, aligned: bool = False, digits: int = 4) -> str:
    """``digits`` significant ones with a real minus, signs for what is not finite, ``–`` for what is not known.

    ``aligned``: with four decimals where these show enough of it, so that numbers beneath each other line up.
    """
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    plain = aligned and (value == 0 or 0.01 <= abs(value) < 10_000)
    return (f"{value:.4f}" if plain else f"{value:.{digits}g}").replace("-", "−")


def percent(fraction: float) -> str:
    """``42%``; ``<1%`` and ``>99%`` rather than a rounded 0 or 100."""
    if not math.isfinite(fraction):
        return number(fraction)
    if 0 < abs(fraction) < 0.01:
        return "<1%" if fraction > 0 else ">−1%"
    return ">99%" if 0.99 < fraction < 1 else f"{fraction:.0%}".replace("-", "−")
