"""The length test: padding appended or trimmed, on the side where it is. What real steps hold must not follow the length of padding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch, some_rows
from maskviz.core.network import InputSpec
from maskviz.core.probes import LengthPart, LengthTest
from maskviz.core.trace import OutputTrace, Trace
from maskviz.engine import loading, padding_test
from maskviz.engine.forward import Feed, ForwardPass
from maskviz.engine.rebuild import Copy
from maskviz.engine.signature import Signature
from maskviz.engine.tracing import Tell, Tracer, state_variables

Array = NDArray[Any]


@dataclass(frozen=True)
class _Side:
    """Where padding is added and removed."""

    in_front: bool

    def appended(self, x: Array, steps: int, pad_value: Any) -> Array:
        more = np.full((x.shape[0], steps, *x.shape[2:]), pad_value, x.dtype)
        return np.concatenate([more, x] if self.in_front else [x, more], axis=1)

    def trimmed(self, x: Array, steps: int) -> Array:
        return x[:, steps:] if self.in_front else x[:, : x.shape[1] - steps]

    def at_edge(self, padding: Array) -> Array:
        """How many steps at the edge are padding, for each sample."""
        padding = padding if self.in_front else padding[:, ::-1]
        edge: Array = np.where(padding.all(axis=1), padding.shape[1] - 1, np.argmin(padding, axis=1))  # of all, one step stays
        return edge


def measure(tracer: Tracer, batch: Batch, tell: Tell) -> LengthTest:
    """Both halves of the length test on a batch."""
    specs = [s for s in tracer.signature.network.inputs if s.kind in ("ids", "features")]
    padding = {s.name: batch.padding[s.name] for s in specs if s.name in batch.padding}
    side = _Side(sum(int(p[:, 0].sum()) for p in padding.values()) > sum(int(p[:, -1].sum()) for p in padding.values()))
    trace = trace_of(tracer.trace(batch), batch)
    runner, reason = _runner(tracer, batch, trace, specs, tell)
    tell("running the network on more padding")
    appended = LengthPart(0, {}, {}, {}, reason) if runner is None else _append(runner, batch, trace, specs, side)
    tell("running the network on less padding")
    trimmed = LengthPart(0, {}, {}, {}, reason) if runner is None else _trim(runner, batch, trace, padding, specs, side)
    return LengthTest(appended, trimmed, side.in_front, sentence(appended, trimmed, side.in_front))


@dataclass(frozen=True)
class _Runner:
    """What is run on other lengths: the network, or a copy of it that takes any number of steps."""

    network: Any
    signature: Signature
    state: list[Any]
    some_rows: bool


def _runner(tracer: Tracer, batch: Batch, trace: Trace, specs: list[InputSpec], tell: Tell) -> tuple[_Runner | None, str]:
    """A runner, or why there is none."""
    if not specs:
        return None, "no input has a time axis of its own"
    fixed = [s for s in specs if len(s.shape) > 1 and s.shape[1] is not None]
    if not fixed:
        return _Runner(tracer.network, tracer.signature, tracer.state, tracer.rows_are_independent), ""
    tell("making a copy that takes any number of steps")
    try:
        copy = Copy({}, {}, frozenset(s.name for s in fixed)).make(tracer.network)
        runner = _Runner(copy, loading.complete(copy), state_variables(copy), tracer.rows_are_independent)
        same = _is_alike(runner, batch, trace)
    except Exception:  # a length can be fixed anywhere inside
        same = False
    if same:
        return runner, ""
    return None, f"the input '{fixed[0].name}' takes {fixed[0].shape[1]} steps, no more and no fewer"


def _is_alike(runner: _Runner, batch: Batch, trace: Trace) -> bool:
    """Whether a copy gives the predictions of the network itself."""
    found = _run(runner, batch.x)
    for number, output in enumerate(trace.network_outputs):
        old, new = trace.outputs[output.name], found[f"out/{number}"]
        if old.shape != new.shape or old.dtype.kind not in "fiub" or not np.allclose(old, new, atol=_tolerance(old), equal_nan=True):
            return False
    return True


def _run(runner: _Runner, x: Mapping[str, Array]) -> dict[str, Array]:
    arrays = tuple(x[name] for name in runner.signature.input_names)
    feed = Feed(arrays, arrays)
    return ForwardPass(runner.network, runner.signature, feed, "plain", runner.state)(feed)


def _append(runner: _Runner, batch: Batch, trace: Trace, specs: list[InputSpec], side: _Side) -> LengthPart:
    steps = max(3, max(batch.x[s.name].shape[1] for s in specs) // 3) | 1  # odd: windows of two do not fit it
    x = {s.name: side.appended(batch.x[s.name], steps, 0 if s.pad_value is None else s.pad_value) for s in specs}
    return _compared(runner, batch, {**batch.x, **x}, trace, np.arange(batch.size), steps, side)


def _trim(runner: _Runner, batch: Batch, trace: Trace, padding: dict[str, Array], specs: list[InputSpec], side: _Side) -> LengthPart:
    if len(padding) < len(specs):
        return LengthPart(0, {}, {}, {}, "it is not known which steps are padding")
    free = np.min([side.at_edge(p) for p in padding.values()], axis=0)
    rows = np.flatnonzero(free) if runner.some_rows else np.arange(batch.size)
    steps = int(free[rows].min()) if len(rows) else 0
    where = "begins" if side.in_front else "ends"
    if steps == 0:
        everyone = "no sample" if not free.any() else "not every sample"
        return LengthPart(0, {}, {}, {}, f"{everyone} {where} with padding")
    part = some_rows(batch, rows)
    x = {s.name: side.trimmed(part.x[s.name], steps) for s in specs}
    return _compared(runner, batch, {**part.x, **x}, trace, rows, -steps, side)


def _compared(runner: _Runner, batch: Batch, x: dict[str, Array], trace: Trace, rows: Array, change: int, side: _Side) -> LengthPart:
    """Run on ``x`` and compare with what the trace holds of those rows."""
    try:
        found = _run(runner, x)
    except Exception as error:  # networks that hold a length somewhere inside stop in many ways
        steps = abs(change)
        more = f"{steps} {'more' if change > 0 else 'fewer'} step{'s' if steps > 1 else ''}"
        return LengthPart(0, {}, {}, {}, f"the network does not run on {more} ({type(error).__name__})")
    moved, tolerance, amounts = {}, {}, {}
    for number, output in enumerate(trace.network_outputs):
        old, new = trace.outputs[output.name][rows], found[f"out/{number}"]
        amount = _amount(output, old, new, _real(trace, batch, output, rows), change, side)
        if amount is None:
            continue
        moved[output.name] = float(np.nanmax(amount)) if not np.isnan(amount).all() else 0.0
        tolerance[output.name] = _tolerance(old)
        whole = np.full((batch.size, *amount.shape[1:]), np.nan, "float32")
        whole[rows] = amount
        amounts[output.name] = whole
    reason = "" if amounts else "no output can be compared: their steps are not those of an input"
    return LengthPart(change, moved, tolerance, amounts, reason)


def _real(trace: Trace, batch: Batch, output: OutputTrace, rows: Array) -> Array | None:
    """Which steps ``(batch, time)`` of an output are real; None where that is not known."""
    padding = trace.output_padding(output.name)
    if padding is not None:
        return ~padding[rows]
    mask = trace.masks[output.mask] if output.mask is not None else None
    if mask is not None and mask.ndim == 2:
        return mask[rows].astype(bool)
    length = trace.outputs[output.name].shape[1:2]
    same = [p for p in batch.padding.values() if p.shape[1:] == length]
    return ~same[0][rows] if same else None


def _amount(output: OutputTrace, old: Array, new: Array, real: Array | None, change: int, side: _Side) -> Array | None:
    """How far each real step moved, ``(batch, time)``, NaN at padding; ``(batch,)`` without a time axis; None if it cannot be compared."""
    if old.dtype.kind not in "fiub":
        return None
    if old.shape == new.shape and (not output.has_time or real is None):
        difference = np.abs(new.astype("float64") - old.astype("float64")).reshape(len(old), -1)
        return np.asarray(_nan_moves(difference, old.reshape(len(old), -1), new.reshape(len(old), -1)).max(axis=1, initial=0), "float32")
    if old.ndim < 2 or new.shape[1] - old.shape[1] != change or real is None or real.shape != old.shape[:2]:
        return None
    if change > 0:
        new = side.trimmed(new, change)
        kept, amount = old, np.full(old.shape[:2], np.nan)
        region = slice(None)
    else:
        kept, amount = side.trimmed(old, -change), np.full(old.shape[:2], np.nan)
        region = slice(-change, None) if side.in_front else slice(0, old.shape[1] + change)
    difference = _nan_moves(np.abs(new.astype("float64") - kept.astype("float64")), kept, new)
    amount[:, region] = difference.reshape(*difference.shape[:2], -1).max(axis=2, initial=0)
    amount[~real] = np.nan
    return amount.astype("float32")


def _nan_moves(difference: Array, old: Array, new: Array) -> Array:
    """NaN or infinity that came or went is a movement without bound; the same on both sides is none."""
    same = (old == new) | ((old != old) & (new != new))
    return np.where(same, 0.0, np.where(np.isnan(difference), np.inf, difference))


def _tolerance(old: Array) -> float:
    least = padding_test.TOLERANCE_HALF if old.dtype.itemsize == 2 else padding_test.TOLERANCE
    size = float(np.max(np.abs(old[np.isfinite(old)]), initial=0.0)) if old.dtype.kind == "f" else 0.0
    # another length is another order of summing: a little more than between two halves of one pass
    return 4 * least * max(1.0, size)


def sentence(appended: LengthPart, trimmed: LengthPart, in_front: bool) -> str:
    """What both halves showed, in one sentence."""
    if appended.reason and appended.reason == trimmed.reason:
        return f"Not possible because {appended.reason}."
    where = "in front" if in_front else "at the end"
    said = f"{_said(appended, f'{appended.change} more padded steps {where}')}; {_said(trimmed, f'{-trimmed.change} fewer')}."
    return said[0].upper() + said[1:]


def _said(part: LengthPart, what: str) -> str:
    if part.reason:
        name = "appending" if what.endswith(("front", "end")) else "trimming"
        return f"{name} is not possible because {part.reason}"
    worst = max(part.moved, key=lambda name: part.moved[name])
    if not part.depends:
        return f"with {what}, no real step moves (by {part.moved[worst]:.2g} at most)"
    return f"with {what}, real steps of {worst} move by up to {part.moved[worst]:.3g}"
