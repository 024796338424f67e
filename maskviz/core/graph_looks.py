"""What every card, strip and edge of the graph shows for one sample and timestep, as frozen values: a view repaints only what
has changed, and an exported picture shows the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maskviz.core.by_rows import by_rows
from maskviz.core.counted_padding import CountedPadding
from maskviz.core.graph import Edge, Graph, Node, ref
from maskviz.core.graph_masks import Masks
from maskviz.core.lazy_arrays import row_of
from maskviz.core.numbers import number, percent
from maskviz.core.status import Status, counted
from maskviz.core.trace import Call, Fate, Trace

MOST_TICKS = 44

Tone = Literal["good", "bad", "accent", "quiet"]
Shares = tuple[float, ...]
OneSide = Literal["", "A", "B"]

_FATE_BADGES: dict[Fate, tuple[str, Tone]] = {
    Fate.CREATES: ("creates", "good"),
    Fate.CHANGES: ("changes", "accent"),
    Fate.ENDS: ("ends", "quiet"),
}

# what a bin of several steps shows, the most telling first: exposed and leaking steps never vanish
_TELLING = (Status.LEAKING, Status.EXPOSED)


@dataclass(frozen=True, slots=True)
class Strip:
    """The statuses of one sample along time, at most ``MOST_TICKS`` ticks; ``marked`` is the tick of the selected step.

    ``counted`` says of each tick whether it is padding that no mask keeps out of the loss. Of the whole batch instead, ``shares`` of
    all samples and steps by the order of ``Status``.
    """

    ticks: bytes = b""
    marked: int | None = None
    shares: Shares = ()
    counted: bytes = b""


@dataclass(frozen=True, slots=True)
class NodeLook:
    """All that a card shows. ``strips`` are those of its outputs that go anywhere; ``inside`` counts what a container holds; of a
    comparison, ``only_in`` says which of both results alone has it."""

    title: str
    subtitle: str
    kind: str
    status: Status | None = None
    badge: str = ""
    tone: Tone = "quiet"
    strips: tuple[Strip, ...] = ()
    inside: int = 0
    only_in: OneSide = ""

    def spoken(self) -> str:
        """The card in words, for a screen reader."""
        status = "" if self.status is None else self.status.name.lower()
        return ", ".join(part for part in (self.title, self.subtitle, self.badge, status) if part)


@dataclass(frozen=True, slots=True)
class EdgeLook:
    """All that an edge shows; ``ended`` draws a cap where the time axis ended. ``text`` and ``mask``, a mask's name, are shown on
    demand, the mask in the colour of its ``number``; ``lost`` says that the mask was taken off on the way."""

    status: Status | None = None
    mask_only: bool = False
    text: str = ""
    mask: str = ""
    number: int | None = None
    lost: bool = False
    only_in: OneSide = ""

    @property
    def ended(self) -> bool:
        return self.status is Status.ENDED


class BatchShares:
    """The shares of the statuses in each tensor of a trace over all samples and steps; each is counted once."""

    def __init__(self, trace: Trace | None) -> None:
        self._statuses = {} if trace is None else trace.status
        self._known: dict[str, Shares] = {}

    def of(self, name: str) -> Shares:
        """Shares in the order of ``Status``; nothing where there are no steps."""
        if name not in self._known:
            statuses = self._statuses.get(name)
            self._known[name] = (
                () if statuses is None or not statuses.size else tuple(n / statuses.size for n in counted(statuses).values())
            )
        return self._known[name]

    def status(self, name: str) -> Status | None:
        """The most telling status: leaking or exposed where any step is, else what most steps are."""
        shares = self.of(name)
        if not shares:
            return None
        return next((status for status in _TELLING if shares[status]), Status(int(np.argmax(shares))))

    def occurring(self, name: str) -> tuple[Status, ...]:
        """The statuses that any step has."""
        return tuple(status for status, share in zip(Status, self.of(name), strict=False) if share)


def status_at(trace: Trace | None, name: str, sample: int, step: int) -> Status | None:
    """The status of a call's output at one step of one sample; None where the trace or the time axis does not reach."""
    row = None if trace is None else row_of(trace.status, name, sample)
    if row is None or (row.ndim and step >= len(row)):
        return None
    return Status(int(row[step] if row.ndim else row))


def strip_of(statuses: NDArray[np.uint8], step: int | None, counted: NDArray[np.bool_] | None = None) -> Strip:
    """A strip of one sample's statuses ``(time,)``. Long ones are binned: a bin shows leaking or exposed if any step in it is,
    else what most of its steps are. ``counted`` steps (time,) are padding that counts in the loss; so does a bin with any."""
    steps = len(statuses)
    if counted is not None and counted.shape != statuses.shape:
        counted = None
    if steps <= MOST_TICKS:
        marked = step if step is not None and step < steps else None
        return Strip(statuses.astype(np.uint8).tobytes(), marked, (), b"" if counted is None else counted.tobytes())
    edges = np.linspace(0, steps, MOST_TICKS + 1).astype(int)
    counts = np.stack([np.add.reduceat(statuses == status, edges[:-1]) for status in Status])
    counts[Status.ENDED] = counts[Status.ENDED] == np.diff(edges)  # what differs is not hidden by what does not
    ticks = counts.argmax(axis=0).astype(np.uint8)
    for status in reversed(_TELLING):
        ticks[counts[status] > 0] = status
    marked = None if step is None or step >= steps else int(np.searchsorted(edges, step, side="right")) - 1
    binned = b"" if counted is None else np.logical_or.reduceat(counted, edges[:-1]).tobytes()
    return Strip(ticks.tobytes(), marked, (), binned)


def node_look(
    node: Node,
    trace: Trace | None,
    call: Call | None,
    sample: int,
    step: int,
    outputs: Sequence[int],
    inside: int,
    batch: BatchShares | None = None,
    counted: CountedPadding | None = None,
) -> NodeLook:
    """What the card of a node shows, at one step of one sample or for the whole ``batch``; ``call`` is its call in the trace,
    ``outputs`` the outputs that go anywhere, ``counted`` knows which padding counts in the loss."""
    if node.kind == "loss":
        return _loss_look(node, trace)
    shape = node.shape if call is None or not call.outputs else call.outputs[0].shape
    subtitle = node.class_name if shape is None else f"{node.class_name} · {shape_text(shape)}"
    badge, tone = badge_of(call)
    strips = []
    for output in outputs:
        row = None if trace is None else row_of(trace.status, ref(node.id, output), sample)
        timed = call is None or output >= len(call.outputs) or call.outputs[output].has_time
        if row is not None and timed and row.ndim == 1:
            tensor = ref(node.id, output)
            known = None if counted is None else counted.of(tensor, sample)
            strips.append(strip_of(row, step, known) if batch is None else Strip(shares=batch.of(tensor)))
    status = status_at(trace, node.id, sample, step) if batch is None else batch.status(node.id)
    return NodeLook(node.id.rpartition("/")[2], subtitle, node.kind, status, badge, tone, tuple(strips), inside)


def plain_look(node: Node, trace: Trace | None, call: Call | None, sample: int, step: int, batch: BatchShares | None = None) -> NodeLook:
    """What is worth showing of a node from far away: its status and whether something is wrong."""
    if node.kind == "loss":
        return _loss_look(node, trace)
    status = status_at(trace, node.id, sample, step) if batch is None else batch.status(node.id)
    return NodeLook("", "", node.kind, status, *badge_of(call))


def _loss_look(node: Node, trace: Trace | None) -> NodeLook:
    name = node.id.removeprefix("loss:")
    term = None if trace is None else next((t for t in trace.ledger.terms if t.output == name), None)
    if trace is None or term is None:
        return NodeLook(node.name, "loss", "loss")
    counts = counts_padding(trace, name)
    badge: tuple[str, Tone] = ("counts padding", "bad") if counts else ("", "quiet")
    # a weighted loss is written out: Keras reports it without its weight under the output's own name
    value = "weight 0" if not term.weight else number(term.total / term.weight, aligned=True)
    value = f"{term.weight:g} × {value}" if term.weight not in (0, 1) else value
    share = trace.ledger.padding_share if counts and len(trace.ledger.terms) == 1 else None
    value += "" if share is None or not isfinite(share) else f" · {percent(share)} of it padding"
    return NodeLook(node.name, f"loss · {value}", "loss", Status.EXPOSED if counts else None, *badge)


def counts_padding(trace: Trace, output: str) -> bool:
    """Whether padded steps of a network output have a share in the reported loss."""
    shares = trace.contributions.get(output)
    if shares is None or shares.ndim < 2 or all(out.name != output for out in trace.network_outputs):
        return False
    padded = trace.output_padding(output)
    if padded is None or padded.shape != shares.shape[:2]:
        return False
    return bool(_has_shares(shares, padded).any())


@by_rows
def _has_shares(shares: NDArray[Any], padded: NDArray[Any]) -> NDArray[Any]:
    """Whether any padded step of each sample has a share in the loss."""
    has = shares != 0
    return np.asarray((has.reshape(*has.shape[:2], -1).any(axis=2) & padded).any(axis=1))


def badge_of(call: Call | None) -> tuple[str, Tone]:
    """The most telling thing that a call did to the mask; nothing for calls that simply pass it."""
    if call is None:
        return "", "quiet"
    if call.fate is Fate.DROPS:
        return "drops mask", "bad"
    if call.stripped:
        return "strips mask", "bad"
    if call.ignores:
        return "ignores mask", "bad"
    return _FATE_BADGES.get(call.fate, ("", "quiet"))


def edge_look(
    edge: Edge,
    trace: Trace | None,
    sample: int,
    step: int,
    batch: BatchShares | None = None,
    masks: Masks | None = None,
    with_shape: bool = False,
    with_mask: bool = False,
) -> EdgeLook:
    """What an edge shows: the status of the tensor it stands for; on demand its shape and dtype, and the mask it carries."""
    name = ref(edge.source, edge.output)
    status = status_at(trace, name, sample, step) if batch is None else batch.status(name)
    if masks is None:
        return EdgeLook(status, edge.mask_only)
    carried = masks.on(edge)
    key = carried.sent if with_mask else None
    text = tensor_text(masks, edge) if with_shape and not edge.mask_only else ""
    return EdgeLook(status, edge.mask_only, text, key or "", None if key is None else masks.number.get(key), carried.lost)


def tensor_text(masks: Masks, edge: Edge) -> str:
    """``(16, 24, 64) float32``, the tensor of an edge; nothing where it is not known."""
    call = masks.calls.get(edge.source)
    if call is None or edge.output >= len(call.outputs):
        return ""
    out = call.outputs[edge.output]
    return f"{shape_text(out.shape)} {out.dtype}"


def shape_text(shape: Sequence[int | None]) -> str:
    """``(16, 24, 64)``, with ? for lengths that are not known."""
    return "(" + ", ".join("?" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"


def mask_text(mask: NDArray[Any] | None) -> str:
    """``(16, 24) 61% kept``, or ``none``."""
    if mask is None:
        return "none"
    kept = np.count_nonzero(mask) / mask.size if mask.size else 0.0
    return f"{shape_text(mask.shape)} {percent(kept)} kept"


def strips_of(graph: Graph) -> Mapping[str, tuple[int, ...]]:
    """For every node the outputs that go anywhere: each has a strip."""
    used: dict[str, set[int]] = {}
    for edge in graph.edges:
        if not edge.mask_only:
            used.setdefault(edge.source, set()).add(edge.output)
    return {node: tuple(sorted(outputs))[:3] for node, outputs in used.items()}
