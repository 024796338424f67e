"""The map of sample_weight: what the loss of every step is multiplied with, on the shared time axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.batch_steps import target_axes
from maskviz.core.batch_weights import at_steps, loss_shape
from maskviz.core.errors import UnusableInput
from maskviz.core.heatmaps import Heatmap, network_output, shared_steps, spread, step_marks
from maskviz.core.network import Network
from maskviz.core.numbers import number
from maskviz.core.trace import Trace

TITLE = "Sample weights"


def weights_map(network: Network, batch: Batch, trace: Trace | None, name: str | None = None) -> Heatmap:
    """The weights of one output (None: the first), 1 where the batch has none. Follows the batch while the trace is still older.

    They stand where Keras multiplies the loss with them (``at_steps``); of several weights a step their mean is shown.
    """
    names = [o.name for o in network.outputs]
    output = names[0] if names and name not in names else name or ""
    try:
        shape = loss_shape(batch, network, trace, output)
        given = batch.sample_weight.get(output)
        values = np.broadcast_to(np.float32(1), shape) if given is None else _one_each(given, shape)
    except UnusableInput as error:
        return Heatmap("weights", TITLE, explanation=str(error))
    words = f"{output} · {_words(given, values)}"
    axis = next((axis for axis in target_axes(batch, network, trace) if axis.output == output), None)
    if len(shape) == 1 or axis is None:
        return Heatmap(
            "weights", TITLE, f"{words} · one for each sample", unit="weight", values=values.reshape(len(values), -1).mean(axis=1)
        )
    steps = max(shared_steps(batch, trace), int(axis.rows.max(initial=0)) + 1)
    present = np.zeros(steps, bool)
    present[axis.rows] = True
    marks: dict[str, Any] = {name: spread(found, axis.rows, steps, False) for name, found in _marks(trace, output, shape).items()}
    return Heatmap(
        "weights", TITLE, words, unit="weight", present=present,
        values=spread(values, axis.rows, steps, np.nan), **marks,
    )  # fmt: skip


def _one_each(given: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Weights as ``(batch, time)`` or ``(batch,)``."""
    values = at_steps(given, shape).astype(np.float32, copy=False)
    return values if values.ndim == len(shape) else values.reshape(*shape, -1).mean(axis=-1)


def _words(given: NDArray[Any] | None, values: NDArray[Any]) -> str:
    if given is None:
        return "none given: all 1"
    zero = int((values == 0).sum())
    low, high = number(float(values.min())), number(float(values.max()))
    words = (f"all {low}" if low == high else f"{low} to {high}") + (f" · {zero} of {values.size} are 0" if zero and low != high else "")
    if given.ndim == 1 and values.ndim == 2:
        per_step = values.shape[0] == values.shape[1]
        words += " · Keras takes them as one for each timestep" if per_step else " · Keras cannot multiply steps with weights of samples"
    return words


def _marks(trace: Trace | None, name: str, shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """The marks of the steps ``(batch, time)`` of the output; none where they are not known."""
    out = network_output(trace, name) if trace is not None else None
    if trace is None or out is None or out.name != name or name not in trace.outputs or trace.outputs[name].shape[:2] != shape:
        return {}
    return step_marks(trace, out, shape)
