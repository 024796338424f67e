"""How far a question to the engine is, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["not asked", "waiting", "running", "answered", "refused", "stopped"]


@dataclass(frozen=True)
class Asking:
    """How far a question is. ``sentence`` is the refusal's where it was refused; ``stale``: the answer is about an older batch."""

    kind: Kind = "not asked"
    sentence: str = ""
    stale: bool = False
