"""Two results beside each other: A, which was pinned, and B, which is open now. Calls and outputs are matched by name, samples and
timesteps by position. Pure functions on frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maskviz.core.graph_looks import Tone
from maskviz.core.heatmaps import ARRAYS, Heatmap
from maskviz.core.map_rows import Look
from maskviz.core.numbers import number
from maskviz.core.repair import measures_of, numbers
from maskviz.core.status import Status
from maskviz.core.trace import Call, Trace

DIFFERENCE = "B − A"
DIFFERENCE_LOOK = Look("diverging", symmetric=True)
"""How the numbers of a difference become colours."""
MARKS = ("skipped", "exposed", "padded", "odd")
COUNTED = (Status.EXPOSED, Status.LEAKING)


@dataclass(frozen=True, slots=True)
class Pair:
    """One number of the ledger in both results; None where a result has none. ``formula`` is B's."""

    key: str
    label: str
    a: float | None
    b: float | None
    formula: str = ""

    @property
    def difference(self) -> float | None:
        """B − A, None where either is not known."""
        return None if self.a is None or self.b is None else self.b - self.a


def in_words(a: Trace, b: Trace) -> str:
    """``loss 0.1401 → 0.2048 · exposed steps 147 → 0``."""
    return " · ".join(numbers(measures_of(a), measures_of(b))) or "no loss, and no step that padding reaches, in either"


class Change(NamedTuple):
    """What differs at a call, in a few words; ``good`` where less is wrong with it in B, ``bad`` where more is."""

    words: str
    tone: Tone


def call_changes(a: Trace, b: Trace) -> Mapping[str, Change]:
    """What differs at each call, by its id: ``drops → passes``, ``exposed 147 → 0``; calls of one result alone say so."""
    old, new = {c.id: c for c in a.calls}, {c.id: c for c in b.calls}
    changes = dict.fromkeys(old.keys() - new.keys(), Change("only in A", "quiet"))
    changes |= dict.fromkeys(new.keys() - old.keys(), Change("only in B", "accent"))
    for name in old.keys() & new.keys():
        change = _changed_fate(old[name], new[name]) or _changed_steps(a.status.get(name), b.status.get(name))
        if change is not None:
            changes[name] = change
    return changes | _loss_changes(a, b)


def _loss_changes(a: Trace, b: Trace) -> dict[str, Change]:
    """Losses by the id of their card (``loss:NAME``)."""
    before, after = ({f"loss:{term.output}": term.total for term in trace.ledger.terms} for trace in (a, b))
    changes = dict.fromkeys(before.keys() - after.keys(), Change("only in A", "quiet"))
    changes |= dict.fromkeys(after.keys() - before.keys(), Change("only in B", "accent"))
    for name in before.keys() & after.keys():
        if not np.isclose(before[name], after[name], rtol=1e-5, equal_nan=True):
            changes[name] = Change(f"{number(before[name])} → {number(after[name])}", "accent")
    return changes


def _changed_fate(old: Call, new: Call) -> Change | None:
    (before, was_bad), (after, is_bad) = _fate(old), _fate(new)
    if before == after:
        return None
    return Change(f"{before} → {after}", "accent" if was_bad == is_bad else "bad" if is_bad else "good")


def _fate(call: Call) -> tuple[str, bool]:
    """What a call did to the mask, and whether that is wrong."""
    words = "strips" if call.stripped else "ignores" if call.ignores else str(call.fate)
    return words, words in ("strips", "ignores", "drops")


def _changed_steps(old: NDArray[np.uint8] | None, new: NDArray[np.uint8] | None) -> Change | None:
    if old is None or new is None:
        return None
    for status in COUNTED:
        before, after = np.count_nonzero(old == np.uint8(status)), np.count_nonzero(new == np.uint8(status))
        if before != after:
            return Change(f"{status.name.lower()} {before} → {after}", "good" if after < before else "bad")
    if old.shape != new.shape:
        return Change(f"{old.shape} → {new.shape}", "accent")
    differ = np.count_nonzero(old != new)
    return Change(f"{differ} {'step differs' if differ == 1 else 'steps differ'}", "accent") if differ else None


def ledger_pairs(a: Trace, b: Trace) -> tuple[Pair, ...]:
    """Every number of either ledger, in the order of B's, those of A alone at the end; metrics after them."""
    old, new = {row.key: row for row in a.ledger.rows}, {row.key: row for row in b.ledger.rows}
    pairs = [
        Pair(key, (new.get(key) or old[key]).label, _value(old.get(key)), _value(new.get(key)), new[key].formula if key in new else "")
        for key in dict.fromkeys((*new, *old))
    ]
    names = dict.fromkeys((*b.metrics, *a.metrics))
    return (*pairs, *(Pair(f"metric:{name}", name, a.metrics.get(name), b.metrics.get(name)) for name in names))


def _value(row: object) -> float | None:
    return getattr(row, "value", None)


def difference(a: Heatmap | None, b: Heatmap | None) -> Heatmap | None:
    """B − A of one map over the samples and timesteps that both have; of statuses, the steps that differ, as they are in B."""
    if a is None or b is None:
        return b if a is None else a
    if a.explanation or b.explanation:
        side = "A" if a.explanation else "B"
        return replace(
            b, explanation=f"There is no difference to show: in {side}, {_lower(a.explanation or b.explanation)}", values=None, status=None
        )
    if a.status is not None and b.status is not None:
        return _status_difference(a, b)
    if a.values is None or b.values is None or a.values.ndim != b.values.ndim:
        return replace(b, explanation="There is no difference to show: only one of A and B has timesteps here.", values=None, status=None)
    samples = min(len(a.values), len(b.values))
    old, new = _cut(a, samples, b), _cut(b, samples, a)
    assert old.values is not None
    assert new.values is not None
    moved = (old.values != new.values).astype(np.float32) if b.classes or a.classes else new.values - old.values
    moved[np.isnan(old.values) & np.isnan(new.values)] = 0.0
    if new.present is not None:
        moved[:, ~new.present] = np.nan
    size = np.abs(moved[:, new.present] if new.present is not None else moved)
    largest = float(np.nanmax(size)) if size.size and not np.isnan(size).all() else 0.0
    differ = int((size > 0).sum() + np.isnan(size).sum())
    told = "no difference" if not differ else f"{differ} differ" if b.classes else f"at most {number(largest)}"
    words = f"{DIFFERENCE} · {told}"
    unit = f"{DIFFERENCE} of {b.unit}" if b.unit else DIFFERENCE
    moves = np.zeros(0, bool) if moved.ndim == 1 else moved != 0
    return replace(_marked(new, moves), values=moved, subtitle=words + _cut_words(a, b), unit=unit, classes=0)


def _marked(heatmap: Heatmap, where: NDArray[np.bool_]) -> Heatmap:
    """The map with the marks of those steps alone, so that marks do not hide what differs."""
    return replace(heatmap, **{name: array & where for name in MARKS if (array := getattr(heatmap, name)) is not None})


def _status_difference(a: Heatmap, b: Heatmap) -> Heatmap:
    assert a.status is not None
    assert b.status is not None
    samples = min(len(a.status), len(b.status))
    old, new = _cut(a, samples, b), _cut(b, samples, a)
    assert old.status is not None
    assert new.status is not None
    same = old.status == new.status
    count = int((~same).sum())
    told = f"{count} {'step differs' if count == 1 else 'steps differ'}, shown as in B" if count else "no difference"
    words = f"{DIFFERENCE} · {told}"
    status = np.where(same, np.uint8(Status.ENDED), new.status)
    return replace(_marked(new, ~same), status=status, subtitle=words + _cut_words(a, b))


def _cut(heatmap: Heatmap, samples: int, other: Heatmap) -> Heatmap:
    """The map over the first samples and the steps that the other map has too."""
    if heatmap.present is None or other.present is None:
        return replace(heatmap, values=None if heatmap.values is None else heatmap.values[:samples])
    steps = min(len(heatmap.present), len(other.present))

    def cut(array: NDArray[np.generic] | None) -> NDArray[np.generic] | None:
        return None if array is None else array[:samples, :steps]

    arrays: dict[str, Any] = {name: cut(getattr(heatmap, name)) for name in ARRAYS}
    return replace(heatmap, present=heatmap.present[:steps] & other.present[:steps], **arrays)


def _cut_words(a: Heatmap, b: Heatmap) -> str:
    parts = []
    if a.samples != b.samples:
        parts.append(f"the first {min(a.samples, b.samples)} samples")
    if a.present is not None and b.present is not None and not np.array_equal(a.present, b.present):
        parts.append("the steps that both have")
    return f" · over {' and '.join(parts)}" if parts else ""


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
