"""Which tensors have a time axis, and which step of which input each of their steps belongs to.

Axis 1 of a tensor of rank 3 or more is its time axis. Of rank 2, a tensor has one when it holds ids, or when its length is that of
an input with a time axis, unless the layer itself says that the length does not follow time (LSTM(24) over 24 steps).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from maskviz.core.network import InputSpec
from maskviz.engine import compiling
from maskviz.engine.recorder import RecordedCall


def mark(calls: list[dict[str, Any]], recorded: list[RecordedCall], inputs: tuple[InputSpec, ...]) -> None:
    """Set ``time`` on every described input and output; where time changes length, ``steps`` (the input step of each output step, or -1),
    ``window`` where each output step is made of several: their number, stride, dilation, and how many lie before the first step, and
    ``joins`` where a call puts its inputs one behind the other."""
    timed = {spec.name: spec.kind in ("ids", "features") for spec in inputs}
    for about, call in zip(calls, recorded, strict=True):
        for tensor in about["inputs"]:
            known = [timed[s] for s in tensor["sources"] if s in timed]
            tensor["time"] = len(tensor["shape"]) >= 3 or (len(tensor["shape"]) == 2 and any(known))
        for number, tensor in enumerate(about["outputs"]):
            tensor["time"] = _has_time(about, call, number)
            timed[call.ref(number)] = tensor["time"]
        about["window"] = _window(about, call)
        about["steps"] = _steps(about, call) if about["window"] is None else None
        about["joins"] = _joins(about, call)


def _has_time(about: dict[str, Any], call: RecordedCall, number: int) -> bool:
    tensor = about["outputs"][number]
    shape = tensor["shape"]
    if len(shape) != 2:
        return len(shape) >= 3
    lengths = {i["shape"][1] for i in about["inputs"] if i["time"]}
    if tensor["dtype"].startswith(("int", "uint", "bool")):
        return bool(lengths) or any(len(i["shape"]) <= 1 or i["shape"][1:] == [1] for i in about["inputs"])
    return shape[1] in lengths and not _length_is_its_own(about, call, number)


def _length_is_its_own(about: dict[str, Any], call: RecordedCall, number: int) -> bool:
    """Whether a layer gives an output of that length whatever the number of timesteps; False when it cannot tell."""
    timed = [i["shape"] for i in about["inputs"] if i["time"] and len(i["shape"]) >= 3]
    if not call.is_layer or len(timed) != 1:
        return False
    batch, steps, *rest = timed[0]
    try:
        shapes = call.operation.compute_output_shape((batch, steps + 1, *rest))
    except Exception:  # a custom layer may need more than a shape: then its length is taken for time
        return False
    listed = shapes if isinstance(shapes, (list, tuple)) and isinstance(shapes[0], (list, tuple)) else [shapes]
    return number < len(listed) and tuple(listed[number])[1:] == tuple(about["outputs"][number]["shape"][1:])


def _window(about: dict[str, Any], call: RecordedCall) -> dict[str, int] | None:
    """The window of a convolution or pooling of Keras, or of steps laid side by side by a reshape, which changes the number of steps."""
    lengths = [i["shape"][1] for i in about["inputs"][:1] if i["time"]]
    if len(lengths) != 1 or len(about["outputs"]) != 1 or not about["outputs"][0]["time"]:
        return None
    before, after = lengths[0], about["outputs"][0]["shape"][1]
    if before == after or not after or not type(call.operation).__module__.startswith("keras."):
        return None
    kind, operation = type(call.operation).__name__, call.operation
    if kind == "Reshape":
        size = before // after
        whole = before == size * after and np.prod(about["inputs"][0]["shape"][2:]) * size == np.prod(about["outputs"][0]["shape"][2:])
        return {"size": size, "stride": size, "dilation": 1, "left": 0} if whole and size > 1 else None
    if not kind.startswith(CONVOLUTIONS + POOLINGS) or "Transpose" in kind or getattr(operation, "data_format", None) == "channels_first":
        return None
    if kind.startswith(POOLINGS):
        size = _first(operation.pool_size)
    elif call.is_layer:
        size = _first(operation.kernel_size)
    else:
        args, kwargs = call.given
        kernel = args[1] if len(args) > 1 else kwargs.get("kernel", kwargs.get("depthwise_kernel"))
        size = int(getattr(kernel, "shape", (0,))[0] or 0)
    if not size:
        return None
    stride = _first(operation.strides if operation.strides is not None else size)
    dilation = _first(getattr(operation, "dilation_rate", None) or 1)
    reach = (size - 1) * dilation
    same = max(0, (after - 1) * stride + reach + 1 - before) // 2
    left = {"causal": reach, "same": same}.get(operation.padding, 0)
    return {"size": size, "stride": stride, "dilation": dilation, "left": left}


CONVOLUTIONS = ("Conv", "SeparableConv", "DepthwiseConv")
POOLINGS = ("MaxPool", "AveragePool")


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, (list, tuple)) else value)


def _joins(about: dict[str, Any], call: RecordedCall) -> bool:
    """Whether a call is a concatenation along time."""
    axis, rank = getattr(call.operation, "axis", None), len(about["inputs"][0]["shape"]) if about["inputs"] else 0
    known = type(call.operation).__name__ == "Concatenate" and type(call.operation).__module__.startswith("keras.")
    return known and axis in (1, 1 - rank) and all(i["time"] for i in about["inputs"])


def _steps(about: dict[str, Any], call: RecordedCall) -> list[int] | None:
    """For a call that changes the number of steps without weights (slice, crop, pad, repeat): the input step of each output step.

    Found by running the operation on numbered steps; None when that shows no clear answer or nothing changes.
    """
    timed = [(n, i) for n, i in enumerate(about["inputs"]) if i["time"]]
    outputs = about["outputs"]
    if len(timed) != 1 or len(outputs) != 1 or not outputs[0]["time"] or about["parameters"]:
        return None
    tensor = timed[0][1]
    length = tensor["shape"][1]
    if outputs[0]["shape"][1] == length or len(call.inputs) != 1 or not compiling.is_float(call.inputs[0]):
        return None
    up, down = (_tried(call, tensor["shape"], numbers) for numbers in (np.arange(1, length + 1), np.arange(length, 0, -1)))
    if up is None or down is None or len(up) != outputs[0]["shape"][1]:
        return None
    # the largest of a window is its last step, and its first one when steps are numbered backwards: with padding on the right
    # a window is padding when its first step is
    found = [int(s) - 1 for s in np.minimum(up, np.where(down == 0, 0, length + 1 - down))]
    # steps that were added up, say, are numbers of no step
    return found if all(-1 <= step < length for step in found) else None


def _tried(call: RecordedCall, shape: list[int], numbers: NDArray[Any]) -> NDArray[Any] | None:
    """The numbers of the steps that a call puts out when every step holds the square of its number, 0 where it holds none.

    None where it makes anything else of them: the mean of neighbouring squares is no square.
    """
    numbered = np.broadcast_to(np.square(numbers).reshape(1, -1, *[1] * (len(shape) - 2)), [1, *shape[1:]]).astype("float32")
    try:
        result = keras.ops.convert_to_numpy(call.rerun(numbered))
    except Exception:  # not an operation that can be run on its own
        return None
    steps = result.reshape(result.shape[0], result.shape[1], -1)[0]
    roots = np.sqrt(np.maximum(steps[:, 0], 0))
    whole = np.array_equal(np.square(np.round(roots)), steps[:, 0]) and not np.ptp(steps, axis=1).any()
    return np.round(roots) if whole else None
