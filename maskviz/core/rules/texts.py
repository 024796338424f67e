"""How findings speak of numbers and of harm, in one voice."""

from __future__ import annotations

from typing import Any

from maskviz.core.blame import Harm
from maskviz.core.finding import Severity
from maskviz.core.numbers import number as _number
from maskviz.core.numbers import percent as percent
from maskviz.core.words import listed


def number(value: float) -> str:
    """A number as the ledger spells it."""
    return _number(value, aligned=True)


def severity(harm: Harm) -> Severity:
    """Severity follows proof: a wrong result, a result that a loss would make wrong, or nothing in this batch."""
    if harm.proved:
        return Severity.ERROR
    return Severity.WARNING if harm.unmasked else Severity.INFO


def came_of(harm: Harm) -> str:
    """What came of it, as the end of a sentence."""
    parts = []
    if harm.losses:
        shift = max(harm.losses.values(), key=lambda s: s.change)
        whose = f" of '{shift.output}'" if len(harm.losses) > 1 else ""
        said = [f"{percent(shift.share)} of it from padding"] if shift.share > 0.005 else []
        share = _in_brackets([*said, *_shared(harm, shift.output)])
        parts.append(
            f"the loss{whose} counts padding, {number(shift.counted)} where real steps alone give {number(shift.over_real)}{share}"
        )
    if harm.touched:
        output, fraction = max(harm.touched.items(), key=lambda item: item[1])
        said = [f"other content there moves its loss by {number(harm.moves[output])}"] if harm.moves.get(output) else []
        moves = _in_brackets([*said, *(_shared(harm, output) if output not in harm.losses else [])])
        parts.append(f"{percent(fraction)} of what counts in output '{output}' is computed from padding{moves}")
    if not parts and harm.unmasked:
        parts.append(f"a loss on {listed(sorted(harm.unmasked), quoted=True)} would count padding")
    return ", and ".join(parts) or "nothing in this batch suffers from it"


def _in_brackets(parts: list[str]) -> str:
    return f" ({', '.join(parts)})" if parts else ""


def _shared(harm: Harm, output: str) -> list[str]:
    """Who else has a part in what came of it for an output: whose part is how large the run does not show."""
    others = sorted(harm.shared.get(output, ()))
    if not others:
        return []
    return [f"shared with '{others[0]}'" if len(others) == 1 else f"shared with {len(others)} other findings"]


def evidence(harm: Harm) -> dict[str, Any]:
    """The numbers behind it."""
    found: dict[str, Any] = {}
    for shift in harm.losses.values():
        end = "" if len(harm.losses) == 1 else f" of {shift.output}"
        found |= {f"loss{end}": shift.counted, f"loss over real steps{end}": shift.over_real, f"share from padding{end}": shift.share}
    for output, fraction in harm.touched.items():
        found[f"touched of {output}"] = fraction
    for output, move in harm.moves.items():
        found[f"loss of {output} moves with padding by"] = move
    for output, others in harm.shared.items():
        found[f"{output} shared with"] = ", ".join(sorted(others))
    for call, fraction in harm.leaks.items():
        found[f"padding enters at {call}"] = fraction
    return found
