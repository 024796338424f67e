"""What a check found, as frozen values, and the exit code that follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maskviz.core.finding import Finding, Severity
from maskviz.core.trace import Trace

CLEAN, FOUND, UNUSABLE, FAILED = 0, 1, 2, 3
"""Exit codes: nothing at or above ``--fail-on``; something; a network or file cannot be used; the engine failed."""

NEVER = "never"
MADE_UP = re.compile(r"(functional|sequential|model)(_\d+)?")


@dataclass(frozen=True)
class Checked:
    """A network that was checked. ``known`` are the places of findings that a baseline accepts, ``notes`` what was said on the way."""

    file: str
    trace: Trace
    batch: str
    notes: tuple[str, ...] = ()
    known: frozenset[int] = frozenset()
    tried: Mapping[tuple[str, str | None], str] = field(default_factory=dict)
    """What came of trying a fix on a copy of the network, by the id and the call of its finding."""

    @property
    def name(self) -> str:
        """What the network is known by: the name that somebody gave it, or that of its file where Keras made one up (``functional_3``)."""
        given = self.trace.network_name
        return Path(self.file).stem if MADE_UP.fullmatch(given) else given

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.trace.findings

    @property
    def new(self) -> tuple[Finding, ...]:
        """The findings that no baseline accepts."""
        return tuple(f for place, f in enumerate(self.findings) if place not in self.known)


@dataclass(frozen=True, slots=True)
class Unusable:
    """A network that could not be checked: one sentence, further lines for those who look closer, and its exit code."""

    file: str
    sentence: str
    lines: tuple[str, ...] = ()
    code: int = UNUSABLE


Result = Checked | Unusable


@dataclass(frozen=True, slots=True)
class Known:
    """A finding that a baseline accepts: ``network`` is ``Checked.name``, ``call`` None for the network as a whole."""

    network: str
    id: str
    call: str | None = None

    def __str__(self) -> str:
        return f"{self.id} {'' if self.call is None else f'at {self.call} '}in {self.network}"


@dataclass(frozen=True)
class Report:
    """All results in the order of the command line. ``gone`` are entries of the baseline whose network was checked without that finding."""

    results: tuple[Result, ...]
    fail_on: str = str(Severity.ERROR)
    baseline: str | None = None
    gone: tuple[Known, ...] = ()

    @property
    def checked(self) -> tuple[Checked, ...]:
        return tuple(r for r in self.results if isinstance(r, Checked))

    @property
    def unusable(self) -> tuple[Unusable, ...]:
        return tuple(r for r in self.results if isinstance(r, Unusable))

    @property
    def accepted(self) -> int:
        """How many findings the baseline accepts."""
        return sum(len(c.known) for c in self.checked)

    def count(self, severity: Severity) -> int:
        """Findings of a severity that no baseline accepts."""
        return sum(f.severity is severity for f in self._new())

    def _new(self) -> Iterator[Finding]:
        return (f for c in self.checked for f in c.new)

    @property
    def exit_code(self) -> int:
        """The worst of all: the engine failed, something unusable, findings at or above ``fail_on``, or nothing."""
        found = any(fails(f.severity, self.fail_on) for f in self._new())
        return max((FOUND if found else CLEAN, *(u.code for u in self.unusable)))


def fails(severity: Severity, limit: str) -> bool:
    """Whether a severity is at or above a limit (``error``, ``warning`` or ``info``; ``never`` is above all)."""
    order = [NEVER, *map(str, Severity)]
    return order.index(str(severity)) <= order.index(limit)
