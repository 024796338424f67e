"""Every colour of MaskViz, for the window and for exported figures alike. No Qt here: colours are ``#rrggbb`` strings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from maskviz.core.status import Status


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme's colours by what they are for."""

    name: str
    toolbar: str
    pane: str
    canvas: str
    card: str
    border: str
    text: str
    muted: str
    accent: str
    good: str
    warning: str
    bad: str
    groove: str
    edge: str
    status: dict[Status, str]

    @property
    def dark(self) -> bool:
        return self.name == "dark"


DARK = Palette(
    name="dark",
    toolbar="#1c2026", pane="#171a20", canvas="#15181d", card="#22272f", border="#2e353f",
    text="#e8eaed", muted="#9aa3ae", accent="#4c9be8", good="#4fc08d", warning="#d9b64a", bad="#e5484d",
    groove="#323943", edge="#4a525d",
    status={
        Status.KEPT: "#4c9be8", Status.LEAKING: "#e5484d", Status.SKIPPED: "#5b6572",
        Status.EXPOSED: "#f0813a", Status.UNMASKED: "#39414c", Status.ENDED: "#7a8390",
    },
)  # fmt: skip

LIGHT = Palette(
    name="light",
    toolbar="#ffffff", pane="#eef0f3", canvas="#f6f7f9", card="#ffffff", border="#d9dde3",
    text="#14171b", muted="#5b6470", accent="#1f6fc4", good="#1e8f5e", warning="#b8891a", bad="#c62a2f",
    groove="#d3d8df", edge="#b3bac4",
    status={
        Status.KEPT: "#1f6fc4", Status.LEAKING: "#c62a2f", Status.SKIPPED: "#a3acb8",
        Status.EXPOSED: "#d9600f", Status.UNMASKED: "#d5dae1", Status.ENDED: "#7a8390",
    },
)  # fmt: skip

STATUS_WORDS = {
    Status.KEPT: ("kept", "the mask keeps this step, and padding does not reach it"),
    Status.LEAKING: ("leaking", "the mask keeps this step, but its value was computed from padding"),
    Status.SKIPPED: ("skipped", "the mask skips this step"),
    Status.EXPOSED: ("exposed", "no mask is here, and this value was computed from padding"),
    Status.UNMASKED: ("unmasked", "no mask is here, and padding does not reach this step"),
    Status.ENDED: ("ended", "this tensor has no time axis"),
}


STATUS_SETS = {
    "standard": "Standard",
    "okabe-ito": "Colour-blind safe (Okabe–Ito): for red-green and blue-yellow blindness",
    "tol": "Colour-blind safe (Tol): for strong contrast, also without any colour vision",
}

_SAFE = {  # kept, leaking, exposed of Okabe and Ito (2008), and of Paul Tol's medium-contrast scheme (2021)
    ("okabe-ito", "dark"): ("#56b4e9", "#cc79a7", "#e69f00"),
    ("okabe-ito", "light"): ("#0072b2", "#b3558a", "#c77f00"),
    ("tol", "dark"): ("#6699cc", "#ee99aa", "#eecc66"),
    ("tol", "light"): ("#004488", "#994455", "#c79a1e"),
}


@cache
def palette(name: str, statuses: str = "standard") -> Palette:
    """The palette of a theme by name, ``dark`` or ``light``, with the colours for statuses of one of ``STATUS_SETS``."""
    colours = DARK if name == "dark" else LIGHT
    safe = _SAFE.get((statuses, colours.name))
    if safe is None:
        return colours
    kept, leaking, exposed = safe
    return replace(colours, status={**colours.status, Status.KEPT: kept, Status.LEAKING: leaking, Status.EXPOSED: exposed})
