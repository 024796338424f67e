"""What a network takes and gives: its signature, as frozen values without Keras."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Shape = tuple[int | None, ...]
InputKind = Literal["ids", "features", "text", "other"]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a network.

    ``shape`` includes the batch axis, None where any length is allowed. ``kind`` is ``ids`` for whole numbers with a time
    axis ``(batch, time)``, ``features`` for floats ``(batch, time, features…)``, ``text`` for strings, ``other`` where there
    is no time axis. ``pad_value`` is what padding looks like in this input (the pad id, ``Masking.mask_value``, or 0.0);
    ``vocabulary`` is the number of ids, where known; ``masked`` is True when the network itself masks steps equal to ``pad_value``.
    """

    name: str
    shape: Shape
    dtype: str
    kind: InputKind
    pad_value: float | int | str | None = None
    vocabulary: int | None = None
    masked: bool = False

    @property
    def has_time(self) -> bool:
        return self.kind != "other"


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output: ``loss`` names what it is trained on, None when uncompiled; ``y_shape``, ``y_dtype`` describe its target.

    ``classes`` is the number of classes when the target is a class number (sparse losses), else None; ``ignored`` a class number that
    the loss leaves out.
    """

    name: str
    shape: Shape
    dtype: str
    loss: str | None = None
    y_shape: Shape = ()
    y_dtype: str = "float32"
    classes: int | None = None
    ignored: int | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """The network as loaded by the engine. ``notes`` are sentences the user should read (what was repaired or left out)."""

    name: str
    class_name: str
    compiled: bool
    keras: str
    backend: str
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    parameters: int = 0
    notes: tuple[str, ...] = ()

    @property
    def has_words(self) -> bool:
        """Whether words can stand beside ids of an input or classes of an output."""
        return any(spec.kind == "ids" for spec in self.inputs) or any(spec.classes is not None for spec in self.outputs)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Network:
        def spec(kind: Any, item: dict[str, Any]) -> Any:
            shapes = {k: tuple(v) for k, v in item.items() if k in ("shape", "y_shape")}
            return kind(**{**item, **shapes})

        return cls(
            **{
                **data,
                "inputs": tuple(spec(InputSpec, i) for i in data["inputs"]),
                "outputs": tuple(spec(OutputSpec, o) for o in data["outputs"]),
                "notes": tuple(data.get("notes", ())),
            }
        )

    def with_pads(self, pad_id: int, pad_feature: float) -> Network:
        """The network with other pad values for the inputs whose padding it does not mask by itself."""

        def spec(given: InputSpec) -> InputSpec:
            if given.masked or given.kind not in ("ids", "features"):
                return given
            if given.kind == "features":
                return replace(given, pad_value=pad_feature)
            fits = given.vocabulary is None or pad_id < given.vocabulary
            return replace(given, pad_value=pad_id) if fits else given

        return replace(self, inputs=tuple(map(spec, self.inputs)))

    def input(self, name: str) -> InputSpec:
        return next(i for i in self.inputs if i.name == name)

    def output(self, name: str) -> OutputSpec:
        return next(o for o in self.outputs if o.name == name)
