"""Which step of which input each step of a tensor is, and which are padding where a step is made of a window over several (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.by_rows import by_rows
from maskviz.core.trace import at_steps

About = Mapping[str, Any]
Steps = tuple[str, tuple[int, ...]]
"""The name of an input, and its step for each step of a tensor; −1 for one that was added on the way."""
Padded = NDArray[np.bool_]


def step_map(about: About, batch: Batch) -> dict[str, Steps]:
    """For tensors with a time axis, by their name: the network input it belongs to, and the input step of each of its steps.

    A step that is made of a window is the first step of it.
    """
    known: dict[str, Steps] = {}
    for spec in about["network"]["inputs"]:
        if spec["kind"] in ("ids", "features"):
            known[spec["name"]] = (spec["name"], tuple(range(batch.x[spec["name"]].shape[1])))
    for call in about["calls"]:
        from_inputs = [known[s] for s in _sources(call) if s in known]
        for ref, length in _timed(call):
            same = next((steps for steps in from_inputs if len(steps[1]) == length), None)
            if from_inputs and (call["steps"] is not None or call.get("window") is not None):
                name, before = from_inputs[0]
                known[ref] = (name, _after(call, before, length, batch.x[name].shape[1]))
            elif same is not None:
                known[ref] = same
    return {ref: steps for ref, steps in known.items() if min(steps[1], default=0) >= 0}


def _sources(call: About) -> list[str]:
    """The tensors with a time axis that a call was given."""
    return [s for i in call["inputs"] if i["time"] for s in i["sources"][:1]]


def _timed(call: About) -> list[tuple[str, int]]:
    """Outputs of a call with a time axis: name and number of steps."""
    outs = enumerate(call["outputs"])
    return [(call["id"] if n == 0 else f"{call['id']}#{n}", out["shape"][1]) for n, out in outs if out["time"]]


def _after(call: About, before: tuple[int, ...], length: int, whole: int) -> tuple[int, ...]:
    if call.get("window") is None:
        return tuple(before[s] if s >= 0 else -1 for s in call["steps"])
    if length == whole:  # steps that were added before a window and used up by it
        return tuple(range(whole))
    windows = taps(call["window"], len(before), length)
    return tuple(next((before[s] for s in window if s >= 0 and before[s] >= 0), -1) for window in windows.tolist())


def taps(window: Mapping[str, int], before: int, after: int) -> NDArray[np.int_]:
    """The steps ``(after, size)`` under each window over a tensor of ``before`` steps; −1 beyond its ends."""
    first = np.arange(after)[:, None] * window["stride"] - window["left"]
    steps = first + np.arange(window["size"])[None] * window["dilation"]
    return np.where((steps >= 0) & (steps < before), steps, -1)


def windowed_padding(about: About, known: Mapping[str, Steps], padding: Mapping[str, Padded]) -> dict[str, Padded]:
    """For tensors whose steps are windows, or those of several tensors, by their name: which steps ``(batch, time)`` are padding.

    A window is padding where all under it is; what is joined to a sequence, and came of none itself, is no padding.
    """
    found: dict[str, Padded] = {}

    def of(ref: str) -> Padded | None:
        if ref in found:
            return found[ref]
        name, steps = known.get(ref, (None, ()))
        return at_steps(padding[name], steps) if name is not None and name in padding else None

    for call in about["calls"]:
        sources = _sources(call)
        for ref, length in _timed(call):
            window, steps = call.get("window"), call["steps"]
            same = next((found[s] for s in sources if s in found and found[s].shape[1] == length), None)
            before = of(sources[0]) if sources else None
            parts = [of(s) for s in sources] if call.get("joins") and len(sources) == len(call["inputs"]) else []
            samples = next((len(part) for part in parts if part is not None), 0)
            if samples:
                blank = (np.zeros((samples, i["shape"][1]), bool) for i in call["inputs"])
                found[ref] = np.concatenate([b if part is None else part for part, b in zip(parts, blank, strict=True)], axis=1)
            elif window is not None and before is not None:
                found[ref] = _under(before, taps(window, before.shape[1], length))
            elif steps is not None and before is not None and (sources[0] in found or min(steps, default=0) < 0):
                found[ref] = _under(before, np.asarray(steps)[:, None])
            elif same is not None:
                found[ref] = same
    return found


def _under(padded: Padded, windows: NDArray[np.int_]) -> Padded:
    """Whether all steps under each window are padding; what lies beyond the ends is no step."""
    return _all_under(padded, windows=windows.astype(np.intp).tobytes(), count=len(windows))


@by_rows
def _all_under(padded: Padded, *, windows: bytes, count: int) -> Padded:
    extended = np.concatenate([padded.astype(bool), np.ones((len(padded), 1), bool)], axis=1)
    result = np.ones((len(padded), count), bool)
    for column in np.frombuffer(windows, np.intp).reshape(count, -1).T:
        result &= extended[:, column]
    return result
