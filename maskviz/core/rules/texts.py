"""How findings speak of numbers and of harm, in one voice."""

from __future__ import annotations

from typing import Any

from maskviz.core.blame import Harm
from maskviz.core.finding import Severity


def percent(fraction: float) -> str:
    """``42 %``; small shares keep a digit, so that none reads as nothing."""
    value = 100 * fraction
    return f"{value:.0f} %" if abs(value) >= 1.5 or value == 0 else f"{value:.2g} %"


def number(value: float) -> str:
    return f"{value:.4g}"


def names(items: Any) -> str:
    """``'a', 'b' and 'c'``."""
    quoted = [f"'{item}'" for item in items]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def severity(harm: Harm) -> Severity:
    return Severity.ERROR if harm.proved else Severity.WARNING


def came_of(harm: Harm) -> str:
    """What came of a lost mask, as the end of a sentence."""
    if harm.losses:
        shift = max(harm.losses.values(), key=lambda s: s.change)
        whose = f" of {names([shift.output])}" if len(harm.losses) > 1 else ""
        return f"{percent(shift.share)} of the loss{whose} comes from padding ({number(shift.counted)}, {number(shift.over_real)} over real steps)"
    if harm.touched:
        output, fraction = max(harm.touched.items(), key=lambda item: item[1])
        return f"{percent(fraction)} of what counts in output {names([output])} is computed from padding"
    return f"a loss on {names(sorted(harm.unmasked))} would count padding"


def evidence(harm: Harm) -> dict[str, Any]:
    """The numbers behind it."""
    found: dict[str, Any] = {}
    for shift in harm.losses.values():
        end = "" if len(harm.losses) == 1 else f" of {shift.output}"
        found |= {f"loss{end}": shift.counted, f"loss over real steps{end}": shift.over_real, f"share from padding{end}": shift.share}
    for output, fraction in harm.touched.items():
        found[f"touched of {output}"] = fraction
    for call, fraction in harm.leaks.items():
        found[f"padding enters at {call}"] = fraction
    return found
