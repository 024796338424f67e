"""Edits of sample_weight (pure functions). ``shape`` is that of an output's weights, ``(batch, time)`` or ``(batch,)``; given ones
may have more axes, or one less: a weight for each sample where the loss has steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.batch_cells import same
from maskviz.core.batch_steps import target_axes
from maskviz.core.batch_words import of_samples, samples_of, steps_of
from maskviz.core.errors import UnusableInput
from maskviz.core.network import Network
from maskviz.core.row_copies import copy_for
from maskviz.core.trace import Trace


def weight_shape(batch: Batch, network: Network, trace: Trace | None, name: str) -> tuple[int, ...]:
    """The shape that weights of output ``name`` have or would have; raises ``UnusableInput`` where the batch has no target for it."""
    return batch.sample_weight[name].shape if name in batch.sample_weight else loss_shape(batch, network, trace, name)


def loss_shape(batch: Batch, network: Network, trace: Trace | None, name: str) -> tuple[int, ...]:
    """The shape of the loss that weights of output ``name`` are multiplied with; raises ``UnusableInput`` as ``weight_shape`` does."""
    if name not in batch.y:
        raise UnusableInput(f"The batch has no targets for output {name}, so weights in its loss have no effect: open a batch with y.")
    y = batch.y[name]
    if trace is not None and name in trace.contributions:
        timed = trace.contributions[name].ndim > 1
    else:
        timed = len(network.output(name).shape) >= 3
    return y.shape[:2] if timed and y.ndim >= 2 else (batch.size,)


def at_steps(weights: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Weights for each element of a loss of ``shape`` ``(batch, time)``, repeated as Keras does; more axes stay. Raises ``UnusableInput``.

    As many weights as samples are one for each timestep to Keras where there are as many timesteps; else it cannot multiply them, and
    they are one for each sample here.
    """
    if weights.shape[: len(shape)] == shape:
        return weights
    if weights.shape == shape[:1] and shape[0] != shape[-1]:
        weights = weights[:, None]
    try:
        return np.broadcast_to(weights, shape)
    except ValueError:
        raise UnusableInput(f"The weights have shape {weights.shape}, which does not fit a loss of shape {shape}: give others.") from None


def with_weights(batch: Batch, name: str, shape: tuple[int, ...]) -> Batch:
    """The batch with weights of 1 for output ``name`` where it has none."""
    if name in batch.sample_weight:
        return batch
    return replace(batch, sample_weight={**batch.sample_weight, name: np.ones(shape, "float32")})


def set_weights(
    batch: Batch, name: str, samples: NDArray[np.intp], steps: NDArray[np.intp] | None, value: float, shape: tuple[int, ...]
) -> Batch:
    """The batch with one weight for some samples, or for some of their steps (the output's own)."""
    weights = copy_for(with_weights(batch, name, shape).sample_weight[name], samples)
    if steps is None or weights.ndim == 1:
        weights[samples] = value
    else:
        weights[np.ix_(samples, steps)] = value
    return replace(batch, sample_weight={**batch.sample_weight, name: weights})


def steps_of_targets(batch: Batch, network: Network, trace: Trace | None, name: str, rows: NDArray[np.intp]) -> NDArray[np.intp] | None:
    """Which steps of output ``name`` stand at these ``rows`` of the shared time axis; None where its loss has no steps."""
    axis = next((axis for axis in target_axes(batch, network, trace) if axis.output == name), None)
    if axis is None or len(loss_shape(batch, network, trace, name)) == 1:
        return None
    return np.flatnonzero(np.isin(axis.rows, rows))


def paint_weights(
    batch: Batch, network: Network, trace: Trace | None, name: str, samples: NDArray[np.intp], rows: NDArray[np.intp], value: float
) -> Batch:
    """The batch with one weight at ``rows`` of the shared time axis of some samples, as painted on a heatmap; raises ``UnusableInput``.

    Weights that are not given for each step are so afterwards where the loss has steps.
    """
    steps = steps_of_targets(batch, network, trace, name, rows)
    if steps is not None and not len(steps):
        raise UnusableInput(f"Output {name} has no target at the marked steps: mark others.")
    if steps is not None and name in batch.sample_weight:
        spread = at_steps(batch.sample_weight[name], loss_shape(batch, network, trace, name))
        batch = replace(batch, sample_weight={**batch.sample_weight, name: spread})
    return set_weights(batch, name, samples, steps, value, weight_shape(batch, network, trace, name))


def weight_words(
    batch: Batch, network: Network, trace: Trace | None, name: str, samples: NDArray[np.intp], rows: NDArray[np.intp], length: int
) -> str:
    """Words for the weights that ``paint_weights`` sets, on a shared axis of ``length``: ``steps 4–9 of sample 3``, ``sample 3``."""
    whole = samples_of(samples, batch.size)
    steps = steps_of_targets(batch, network, trace, name, rows)
    return whole if steps is None else of_samples(steps_of(rows, length), whole)


def weights_from_y(batch: Batch, name: str, value: float, where: float, elsewhere: float, shape: tuple[int, ...]) -> Batch:
    """The batch whose weights are ``where`` at targets that equal ``value`` (all their features) and ``elsewhere`` at others."""
    y = batch.y[name]
    equal = same(y, np.asarray(value)).reshape(*shape, -1).all(axis=-1)
    weights = np.where(equal, np.float32(where), np.float32(elsewhere))
    return replace(batch, sample_weight={**batch.sample_weight, name: weights})


def weights_from_kept(batch: Batch, name: str, kept: NDArray[Any], rows: NDArray[np.intp], shape: tuple[int, ...]) -> Batch:
    """The batch whose weights are 1 where a step is kept and 0 where not; ``kept`` ``(batch, time)``, ``rows`` of each target step."""
    steps = kept[:, rows].astype("float32")
    weights = np.broadcast_to(steps.reshape(steps.shape + (1,) * (len(shape) - 2)), shape).copy()
    return replace(batch, sample_weight={**batch.sample_weight, name: weights})
