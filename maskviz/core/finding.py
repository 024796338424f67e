"""One thing that is wrong or surprising, as a frozen value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

KERAS = "https://github.com/keras-team/keras/blob/v3.15.1/keras/src/"
"""Where links into Keras' source start."""


class Severity(StrEnum):
    """``error``: this run showed a wrong result. ``warning``: likely wrong. ``info``: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """``id`` is stable (``MV11-mha-strips-mask``); ``call`` is the id of the call it is about, None for the network or the batch.

    ``evidence`` holds numbers from this run by short names; ``fix`` is code to paste with this network's names, variables standing for the
    outputs of the layers they are named after; ``verified`` says whether the fix was tried and helped, None untried. ``effect`` is the
    change of the reported loss that the finding explains, or how far the loss over real steps moves when padding holds something
    else, in the loss' unit; 0 where it is none or not known. ``reach`` is the largest share of what counts in an output that is spoilt.
    """

    id: str
    severity: Severity
    call: str | None
    sentence: str
    why: str
    fix: str
    link: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    effect: float = 0.0
    verified: bool | None = None
    reach: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON; numbers that are not finite are null."""
        return {
            "id": self.id,
            "severity": str(self.severity),
            "call": self.call,
            "sentence": self.sentence,
            "evidence": {name: _finite(value) for name, value in self.evidence.items()},
            "why": self.why,
            "fix": self.fix,
            "verified": self.verified,
            "link": self.link,
            "effect": _finite(self.effect),
            "reach": self.reach,
        }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def rank(finding: Finding) -> tuple[int, float, float]:
    """Sorts findings: errors first, then by their effect on the loss, then by how much of the outputs they spoil."""
    effect = finding.effect if math.isfinite(finding.effect) else math.inf
    return list(Severity).index(finding.severity), -effect, -finding.reach
