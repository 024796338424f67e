"""What an action of the window is, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Needs = Literal["nothing", "network", "batch", "result", "pinned"]


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action: ``text`` in menus, ``short`` on buttons, ``needs`` what must be open for it to be enabled."""

    id: str
    text: str
    handler: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    tip: str = ""
    short: str = ""
    needs: Needs = "nothing"
