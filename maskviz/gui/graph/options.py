"""How the graph is shown: what the tool row switches, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, replace

from maskviz.core.graph_places import Direction

KEPT = ("whole", "shapes", "masks", "sideways", "map", "mask_path")  # remembered between runs


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """``trace`` dims all but what leads to and from the selection; ``follow`` shows the way of its mask; ``whole`` shows the shares of
    the whole batch instead of one sample; ``shapes`` and ``masks`` label edges; ``sideways`` runs from left to right; ``map`` shows the
    small map; ``mask_path`` the operations that only compute a mask."""

    trace: bool = False
    follow: bool = False
    whole: bool = False
    shapes: bool = False
    masks: bool = False
    sideways: bool = False
    map: bool = True
    mask_path: bool = False

    @property
    def direction(self) -> Direction:
        return "right" if self.sideways else "down"

    def switched(self, name: str, on: bool) -> GraphOptions:
        """With one option on or off; of tracing and following only one is on."""
        other = {"trace": "follow", "follow": "trace"}.get(name)
        return replace(self, **{name: on, **({other: False} if other and on else {})})

    def kept(self) -> str:
        """The options that are remembered, as a word list."""
        return " ".join(name for name in KEPT if getattr(self, name)) or "none"

    @classmethod
    def from_kept(cls, text: str) -> GraphOptions:
        """The options of a word list; the defaults where there is none."""
        words = set(text.split())
        return cls(**{name: name in words for name in KEPT}) if words else cls()
