"""Which maps the heatmaps show, in which order and in which colours, as frozen values that a session file can keep as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from maskviz.core.probes import Ask, AskGradients, AskInfluence, AskStates, AskValues, View

Kind = Literal["mask", "predictions", "loss", "weights", "values", "call_mask", "status", "change", "gradient", "state", "influence"]
Order = Literal["given", "length", "loss", "padding"]
Profile = Literal["none", "time", "samples"]

STANDARD: tuple[Kind, ...] = ("mask", "predictions", "loss")
"""The maps that are there at first."""
NETWORK_MAPS: tuple[Kind, ...] = (*STANDARD, "weights")
"""The maps of the whole network; every other kind is about one output of a call."""
NETWORK_TITLES: dict[Kind, str] = {
    "mask": "Padding and mask",
    "predictions": "Predictions",
    "loss": "Loss contributions",
    "weights": "Sample weights",
}
CALL_TITLES: dict[Kind, str] = {
    "values": "Values",
    "call_mask": "Mask",
    "status": "Status",
    "change": "Padding test",
    "gradient": "Gradient",
    "state": "State",
    "influence": "Influence",
}
DIVERGING = ("diverging", "purple-green", "blue-red")
"""Colours with zero in the middle of their range."""
COLORS = ("viridis", "cividis", "magma", "inferno", "plasma", *DIVERGING)


@dataclass(frozen=True, slots=True)
class Look:
    """How numbers become colours. ``colors`` None: chosen by the data, diverging where it has both signs.

    ``limits`` are the values at both ends, given by hand; else they are those of the data, without the lowest and highest ``percent``
    of it where that is given. ``symmetric``: around zero. ``log``: logarithmic, linear near zero.
    """

    colors: str | None = None
    limits: tuple[float, float] | None = None
    percent: float = 0.0
    symmetric: bool = False
    log: bool = False

    @classmethod
    def from_json(cls, data: Any) -> Look:
        """A look of what ``asdict`` made, the automatic one for what cannot be read."""
        if not isinstance(data, Mapping):
            return cls()
        limits = data.get("limits")
        numbers = [v for v in limits if isinstance(v, (int, float)) and math.isfinite(v)] if isinstance(limits, (list, tuple)) else []
        percent = data.get("percent", 0.0)
        return cls(
            data.get("colors") if data.get("colors") in COLORS else None,
            (float(numbers[0]), float(numbers[1])) if len(numbers) == 2 and numbers[0] < numbers[1] else None,
            float(percent) if isinstance(percent, (int, float)) and 0 <= percent < 50 else 0.0,
            bool(data.get("symmetric")),
            bool(data.get("log")),
        )


@dataclass(frozen=True, slots=True)
class MapSpec:
    """One map. ``ref`` is the output of a call (``lstm``, ``lstm#1``) for the kinds that are about one; ``view`` and ``unit`` say how the
    units of a step become one number, ``state`` which state of a recurrent layer."""

    kind: Kind
    ref: str | None = None
    view: View = "unit"
    unit: int = 0
    state: int = 0
    look: Look = Look()

    @property
    def title(self) -> str:
        """What the map is of."""
        return NETWORK_TITLES.get(self.kind) or f"{CALL_TITLES.get(self.kind, '')} of {self.ref}"

    def question(self, sample: int) -> Ask | None:
        """What the engine has to be asked for this map, None where the trace already tells; ``sample`` is the selected one."""
        assert self.ref is not None or self.kind in NETWORK_MAPS
        match self.kind, self.ref:
            case "values", str(ref):
                return AskValues(ref, self.view, self.unit)
            case "change", str(ref):
                return AskValues(ref)
            case "gradient", str(ref):
                return AskGradients(calls=(ref,))
            case "state", str(ref):
                return AskStates(ref.partition("#")[0])
            case "influence", str(ref):
                return AskInfluence(ref, sample)
        return None

    @classmethod
    def from_json(cls, data: Any) -> MapSpec | None:
        """A map of what ``Panels.to_json`` made, None for what is none."""
        if not isinstance(data, Mapping) or data.get("kind") not in get_args(Kind):
            return None
        ref = data.get("ref")
        if (data["kind"] in NETWORK_MAPS) != (ref is None) or not isinstance(ref, (str, type(None))):
            return None
        view, unit, state = data.get("view", "unit"), data.get("unit", 0), data.get("state", 0)
        unit, state = (n if isinstance(n, int) and n >= 0 else 0 for n in (unit, state))
        return cls(data["kind"], ref, view if view in get_args(View) else "unit", unit, state, Look.from_json(data.get("look")))


@dataclass(frozen=True)
class Panels:
    """All maps from top to bottom, the order of samples, and along what the profiles run."""

    rows: tuple[MapSpec, ...] = field(default_factory=lambda: tuple(MapSpec(kind) for kind in STANDARD))
    order: Order = "given"
    profile: Profile = "none"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Panels:
        """Panels of what ``to_json`` made; what cannot be read is left out, and the first view stands in for nothing at all."""
        if not isinstance(data, Mapping) or not isinstance(data.get("rows"), (list, tuple)):
            return cls()
        rows: list[MapSpec] = []
        for item in data["rows"]:
            spec = MapSpec.from_json(item)
            if spec is not None and not (spec.kind in NETWORK_MAPS and any(r.kind == spec.kind for r in rows)):
                rows.append(spec)
        order: Any = data.get("order")
        profile: Any = data.get("profile")
        order, profile = (order if order in get_args(Order) else "given"), (profile if profile in get_args(Profile) else "none")
        return cls(tuple(rows) or cls().rows, order, profile)
