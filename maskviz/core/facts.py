"""What rules look at: a trace with its network and batch, and questions about them that several rules ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.ledger import LossTerms
from maskviz.core.losses import contributions
from maskviz.core.network import InputSpec, Network
from maskviz.core.trace import Call, OutputTrace, TensorIn, TensorOut, Trace


@dataclass(frozen=True)
class LossShift:
    """What padding does to the loss of one output: λ × loss as it is, and over real steps alone; ``share`` is padding's part."""

    output: str
    counted: float
    over_real: float
    share: float

    @property
    def change(self) -> float:
        return abs(self.counted - self.over_real)


@dataclass(frozen=True, eq=False)
class Facts:
    """A trace, the network's signature and the batch. Everything else is computed from them once, when a rule asks."""

    trace: Trace
    network: Network
    batch: Batch

    @cached_property
    def by_id(self) -> dict[str, Call]:
        return {call.id: call for call in self.trace.calls}

    @cached_property
    def own_calls(self) -> tuple[Call, ...]:
        """Calls that the network's own graph or code makes: inside networks, but not inside other layers; no mask path."""
        return tuple(c for c in self.trace.calls if c.role == "data" and not c.is_network and self._is_own(c))

    def _is_own(self, call: Call) -> bool:
        parent = call.parent
        while parent is not None:
            outer = self.by_id.get(parent)
            if outer is None or not outer.is_network:
                return False
            parent = outer.parent
        return True

    @cached_property
    def _inner(self) -> dict[str, list[Call]]:
        inner: dict[str, list[Call]] = {}
        for call in self.trace.calls:
            if call.parent is not None:
                inner.setdefault(call.parent, []).append(call)
        return inner

    def makes_mask_inside(self, call: Call) -> bool:
        """Whether a layer inside ``call`` makes masks, which do not come out of it."""
        config = call.config.get("layer", {}).get("config", {})
        return bool(config.get("mask_zero")) or any(c.fate == "creates" for c in self._inner.get(call.id, []))

    def made_by(self, ref: str | None) -> tuple[Call, TensorOut] | None:
        """The call that made a tensor, and what it was then; for an output of a nested network the call inside it."""
        if ref is None:
            return None
        name, _, number = ref.partition("#")
        call = self.by_id.get(name)
        if call is None or int(number or 0) >= len(call.outputs):
            return None
        out = call.outputs[int(number or 0)]
        if call.is_network:
            same = [
                c.ref(n) for c in self._inner.get(name, []) for n, o in enumerate(c.outputs) if (o.shape, o.mask) == (out.shape, out.mask)
            ]
            if same:
                return self.made_by(same[-1])
        return call, out

    def sources(self, call: Call) -> Iterator[tuple[TensorIn, Call, TensorOut]]:
        """The data inputs of a call with the calls that made them; further tensors that plain code took in come last."""
        for tensor in call.inputs:
            for ref in (tensor.source, *tensor.also):
                made = self.made_by(ref)
                if made is not None:
                    yield tensor, *made

    @cached_property
    def results(self) -> tuple[tuple[OutputTrace, Call, TensorOut], ...]:
        """Network outputs with the calls that made them, where known."""
        return tuple((o, *made) for o in self.trace.network_outputs if (made := self.made_by(o.ref)) is not None)

    def downstream(self, call: Call) -> set[str]:
        """Ids of the own calls that are computed from ``call``, itself among them."""
        found = {call.id}
        for later in self.own_calls:
            if any(source.id in found for _, source, _ in self.sources(later)):
                found.add(later.id)
        return found

    def received_mask(self, call: Call) -> bool:
        return any(mask for name, mask in call.received.items() if name != "attention_mask")

    @cached_property
    def has_padding(self) -> bool:
        """Whether any input has padding in this batch."""
        return any(bool(p.any()) for p in self.trace.padding.values())

    def step_mask(self, key: str | None) -> NDArray[Any] | None:
        """A mask ``(batch, time)`` by its key; None for none and for masks of another rank."""
        mask = None if key is None else self.trace.masks.get(key)
        return mask if mask is not None and mask.ndim == 2 else None

    def skips(self, key: str | None) -> bool:
        """Whether a mask leaves any step out."""
        mask = None if key is None else self.trace.masks.get(key)
        return mask is not None and not bool(mask.all())

    def input_of(self, call: Call) -> InputSpec | None:
        """The network input that a call takes directly, None where something lies between."""
        names = {spec.name: spec for spec in self.network.inputs}
        return next((names[t.source] for t in call.inputs if t.source in names), None)

    def touched(self, out: TensorOut) -> float:
        return out.touched_kept or 0.0

    def holds_padding(self, call: Call, out: TensorOut) -> bool:
        """Whether any step of an output of a call follows the content of padding."""
        if call.kind == "input":
            padding = self.trace.padding.get(call.id)
            return padding is not None and bool(padding.any())
        moved = self.trace.touched.get(call.ref(call.outputs.index(out)))
        return moved is not None and bool(moved.any())

    def steps(self, call: Call) -> tuple[int, int] | None:
        """The number of timesteps before and after a call, None where either has none."""
        before = next((tensor.shape[1] for tensor, _, made in self.sources(call) if made.has_time and len(tensor.shape) > 1), None)
        after = next((out.shape[1] for out in call.outputs if out.has_time), None)
        return None if before is None or after is None else (before, after)

    @cached_property
    def blame(self) -> dict[Any, Any]:
        """Harm done by padding, by its causes: see ``core.blame``."""
        from maskviz.core.blame import blame  # it asks questions of these facts itself

        return blame(self)

    @cached_property
    def loss_shifts(self) -> dict[str, LossShift]:
        """By output with a time axis: what padded steps do to its loss, where padding and the loss are known."""
        found = {}
        for terms in self.trace.ledger.terms:
            shift = self._shift(terms)
            if shift is not None and terms.output not in found:
                found[terms.output] = shift
        return found

    def _shift(self, terms: LossTerms) -> LossShift | None:
        padding = self.real_padding(terms.output)
        if not terms.separable or terms.values.ndim < 2 or padding is None or padding.shape != terms.values.shape[:2] or not padding.any():
            return None
        share = contributions(terms)
        counted = float(share.sum())
        over_real = float(contributions(replace(terms, mask=self._real_steps(terms))).sum())
        padded = float(share[padding].sum()) if share.shape[:2] == padding.shape else 0.0
        return LossShift(terms.output, counted, over_real, padded / counted if counted else 0.0)

    @cached_property
    def loss_moves(self) -> dict[str, float]:
        """By output: how far its loss over real steps moves in the padding test, where other content stands in padding.

        A loss that is one number for the whole batch moves as a whole.
        """
        found: dict[str, float] = {}
        for terms in self.trace.ledger.terms:
            if terms.changed is None or terms.changed.shape != terms.values.shape:
                continue
            if terms.separable:
                mask = self._real_steps(terms)
                given, changed = (contributions(replace(terms, values=v, mask=mask)).sum() for v in (terms.values, terms.changed))
            else:
                given, changed = (terms.weight * v.mean() for v in (terms.values, terms.changed))
            if np.isfinite(changed - given):
                found[terms.output] = found.get(terms.output, 0.0) + abs(float(changed - given))
        return found

    def _real_steps(self, terms: LossTerms) -> NDArray[Any] | None:
        """The mask of a loss without padded steps; its own where padding is not known or the loss has no time axis."""
        padding = self.real_padding(terms.output)
        if terms.values.ndim < 2 or padding is None or padding.shape != terms.values.shape[:2]:
            return terms.mask
        wide = np.broadcast_to((~padding).reshape(*padding.shape, *[1] * (terms.values.ndim - 2)), terms.values.shape)
        return wide if terms.mask is None or terms.mask.shape != wide.shape else wide & terms.mask.astype(bool)

    def real_padding(self, output: str) -> NDArray[Any] | None:
        """Which steps of an output are padding by what the batch says; None where that is not known."""
        return self.trace.output_padding(output)
