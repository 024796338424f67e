"""The baseline: a JSON file of findings that are known and accepted, so that a check fails on new ones only.

``{"schema": 1, "accepted": [{"network": "tagger", "id": "MV08-lambda-drops-mask", "call": "shift"}, …]}``. ``network`` is the name
that somebody gave the network, which stays the same where files are named after dates and epochs, or the name of the file where Keras made
that up. An entry accepts one finding: of two networks with the same name, the second needs an entry of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from maskviz.checking.report import Checked, Known
from maskviz.core.errors import UnusableInput
from maskviz.core.finding import Finding, Severity

SCHEMA = 1


def read(path: str) -> tuple[Known, ...]:
    """The entries of a baseline file. Raises UnusableInput with one sentence when it is none."""
    name = Path(path).name
    try:
        about = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UnusableInput(f"There is no baseline '{path}': make one with --write-baseline.") from error
    except OSError as error:
        raise UnusableInput(f"The baseline '{path}' cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise UnusableInput(f"'{name}' is no baseline: it is not valid JSON; make one with --write-baseline.", str(error)) from error
    try:
        if about["schema"] != SCHEMA:
            raise UnusableInput(f"'{name}' is a baseline of another version of MaskViz: make a new one with --write-baseline.")
        return tuple(_entry(item) for item in about["accepted"])
    except (KeyError, TypeError) as error:
        raise UnusableInput(
            f"'{name}' is no baseline: every entry needs a network, an id and a call; make one with --write-baseline."
        ) from error


def _entry(item: dict[str, object]) -> Known:
    known = Known(item["network"], item["id"], item["call"])  # type: ignore[arg-type]
    if not isinstance(known.network, str) or not isinstance(known.id, str) or not isinstance(known.call, str | None):
        raise TypeError
    return known


def text(entries: Iterable[Known]) -> str:
    """A baseline file, sorted, so that versions of it compare line by line."""
    ordered = sorted(entries, key=lambda known: (known.network, known.id, known.call or ""))
    lines = ",\n".join(f"  {json.dumps(asdict(known), ensure_ascii=False)}" for known in ordered)
    return f'{{"schema": {SCHEMA}, "accepted": [\n{lines}\n]}}\n' if lines else f'{{"schema": {SCHEMA}, "accepted": []}}\n'


class Baseline:
    """Entries not yet used up; results are held against it in the order of the command line."""

    def __init__(self, entries: Iterable[Known] = ()) -> None:
        self._left = Counter(entries)
        self._checked: set[str] = set()

    def accept(self, checked: Checked) -> Checked:
        """The result with those of its findings marked that the baseline accepts."""
        self._checked.add(checked.name)
        known = {place for place, finding in enumerate(checked.findings) if self._take(identity(checked, finding))}
        return replace(checked, known=frozenset(known))

    def _take(self, known: Known) -> bool:
        if self._left[known] <= 0:
            return False
        self._left[known] -= 1
        return True

    @property
    def gone(self) -> tuple[Known, ...]:
        """Entries left over whose network was checked: these findings no longer occur."""
        return tuple(known for known in self._left.elements() if known.network in self._checked)

    @property
    def elsewhere(self) -> tuple[Known, ...]:
        """Entries of networks that were not checked."""
        return tuple(known for known in self._left.elements() if known.network not in self._checked)


def identity(checked: Checked, finding: Finding) -> Known:
    """What a finding is known by."""
    return Known(checked.name, finding.id, finding.call)


def to_accept(results: Iterable[Checked]) -> tuple[Known, ...]:
    """Entries for all findings that can fail a check. What is only worth knowing is left out: should it become an error, that is new."""
    return tuple(identity(c, f) for c in results for f in c.findings if f.severity is not Severity.INFO)
