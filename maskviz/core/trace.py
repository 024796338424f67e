"""What one forward pass showed, as frozen values: the answer of the engine, and the JSON that ``maskviz trace`` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from maskviz.core import trace_json
from maskviz.core.ledger import Ledger, MetricNote

if TYPE_CHECKING:
    from maskviz.core.finding import Finding

Arrays = Mapping[str, NDArray[Any]]


def at_steps(array: NDArray[Any], steps: tuple[int, ...]) -> NDArray[Any]:
    """The array ``(batch, time, …)`` at some steps: itself where these are all in their order."""
    return array if steps == tuple(range(array.shape[1])) else array[:, list(steps)]


class Fate(StrEnum):
    """What a call did to the mask."""

    CREATES = "creates"
    PASSES = "passes"
    CHANGES = "changes"
    ENDS = "ends"
    DROPS = "drops"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class TensorIn:
    """One input tensor of a call. ``source`` is the call and output it came from (``lstm``, ``lstm#1``), None if unknown.

    ``also`` names further tensors that code outside any layer computed it from (``a + b`` in a custom layer).
    """

    source: str | None
    shape: tuple[int, ...]
    mask: str | None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorOut:
    """One output tensor of a call; ``mask`` is a key of ``Trace.masks``.

    ``touched_kept`` is the fraction of kept steps whose value moved in the padding test (of real steps without a mask, of samples
    without a time axis), None when there was no test.
    """

    shape: tuple[int, ...]
    dtype: str
    mask: str | None
    has_time: bool
    touched_kept: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a layer or operation. ``received`` maps each mask argument to the mask it got; ``stripped`` numbers the inputs
    whose mask the call removed; ``ignores``: it could take a mask and got none although an input had one. A mask argument that
    took several masks holds a list. ``mask_sources`` are the tensors that were given as mask arguments."""

    id: str
    name: str
    class_name: str
    kind: Literal["layer", "operation", "input"]
    parent: str | None
    role: Literal["data", "mask path"]
    inputs: tuple[TensorIn, ...]
    received: Mapping[str, Any]
    stripped: tuple[int, ...]
    outputs: tuple[TensorOut, ...]
    fate: Fate
    ignores: bool = False
    parameters: int = 0
    supports_masking: bool | None = None
    mask_sources: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the layer that differ from their defaults, as plain JSON; not finite numbers are text."""
    origin: Literal["keras", "custom"] = "keras"
    is_network: bool = False
    warned: bool = False
    """Whether Keras warned in this pass that this call destroys the mask."""
    lost_on_reload: bool = False
    """Whether masks pass only because of something that a saved file does not hold."""
    inside: str = ""
    """What of it could not be traced, in words; empty where all of it was."""

    def ref(self, output: int = 0) -> str:
        """The name of an output: the call id, with ``#k`` for output k > 0. Key of ``Trace.status`` and ``Trace.touched``."""
        return self.id if output == 0 else f"{self.id}#{output}"


@dataclass(frozen=True, slots=True)
class OutputTrace:
    """One output of the network. ``ref`` is the call output it comes from; ``time_input`` the network input whose time axis it
    shares, and ``steps[t]`` the step of that input which output step t belongs to (None: no time axis, or not known)."""

    name: str
    ref: str | None
    mask: str | None
    has_time: bool
    time_input: str | None = None
    steps: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Trace:
    """Masks, statuses, predictions and loss of one batch.

    ``masks[key]`` bool (or as Keras had it) in the mask's own shape; ``status[ref]`` uint8 and ``touched[ref]`` bool
    ``(batch, time)``, or ``(batch,)`` for tensors without a time axis; ``outputs[name]`` predictions;
    ``contributions[name]`` ``(batch, time)`` or ``(batch,)`` shares of the reported loss, in the loss' unit;
    ``padding[input]`` ``(batch, time)`` bool, True = filler. ``padding_test`` says how the padding test was made, or why not.
    """

    keras: str
    backend: str
    device: str
    network_name: str
    network_class: str
    compiled: bool
    calls: tuple[Call, ...]
    network_outputs: tuple[OutputTrace, ...]
    masks: Arrays
    status: Arrays
    touched: Arrays
    outputs: Arrays
    contributions: Arrays
    padding: Arrays
    ledger: Ledger
    metrics: Mapping[str, float] = field(default_factory=dict)
    metric_notes: tuple[MetricNote, ...] = ()
    padding_test: str = ""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    compiled_with: Mapping[str, Any] = field(default_factory=dict)
    """``metrics`` and ``weighted_metrics`` by the names given to ``compile()``, and ``jit``."""
    length_test: str = ""
    """What the length test showed, and how far each output moved at real steps in it; empty when it was not asked for."""
    length_moved: Mapping[str, float] = field(default_factory=dict)
    length_follows: Mapping[str, float] = field(default_factory=dict)
    """By output whose values at real steps follow the length of padding: the share of its real steps (or samples) that do."""
    gradient_test: str = ""
    """What comparing gradients in training mode showed; empty when it was not asked for."""
    gradients_moved: Mapping[str, float] = field(default_factory=dict)
    """By weight whose gradient follows the content of padding: how far it moves, relative to its largest entry."""
    find_in: Callable[[Trace], tuple[Finding, ...]] | None = field(default=None, repr=False, compare=False)
    """Asks the rules about a trace of this network and batch of which more is known."""
    steps: Mapping[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    """By tensor (as in ``status``) with a time axis: the input it belongs to, and the step of that input which each of its steps is."""
    windowed: Arrays = field(default_factory=dict)
    """By tensor whose steps are made of windows over several: which of them ``(batch, time)`` are padding, as all under them is."""
    broken: Arrays = field(default_factory=dict)
    """By tensor (as in ``touched``) that holds NaN or infinity: the steps that do, as bytes (1 NaN, 2 infinity, 3 both)."""
    broken_inputs: Arrays = field(default_factory=dict)
    """By call that was given NaN or infinity: the samples ``(batch,)`` in which it was, as bytes."""
    broken_weights: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By call whose layer has such weights: their names. Looked for where inputs or predictions are not all finite."""
    find: Callable[[], tuple[Finding, ...]] = field(default=tuple, repr=False, compare=False)
    """Asks the rules (``core.findings``)."""

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong or worth knowing, errors first; looked for when first asked, since an edit need not wait for it."""
        return self.find()

    def to_dict(self) -> dict[str, Any]:
        """The JSON that ``maskviz trace --json`` writes (schema version 1)."""
        return trace_json.to_dict(self)

    @property
    def has_padding(self) -> bool:
        """Whether any step is padding, or skipped by a mask: else a trace shows nothing about masks."""
        return any(bool(p.any()) for p in self.padding.values()) or any(not bool(m.all()) for m in self.masks.values())

    def call(self, call_id: str) -> Call | None:
        """The call of that id, None when this pass had none."""
        return next((c for c in self.calls if c.id == call_id), None)

    def output_padding(self, name: str) -> NDArray[Any] | None:
        """Which steps ``(batch, time)`` of a network output belong to padding; None when that is not known."""
        out = next(o for o in self.network_outputs if o.name == name)
        if out.ref is not None and out.ref in self.windowed:
            return self.windowed[out.ref]
        if out.steps is None or out.time_input is None or out.time_input not in self.padding:
            return None
        return at_steps(self.padding[out.time_input], out.steps)
