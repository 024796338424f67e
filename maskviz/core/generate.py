"""A batch made up from a network's signature: realistic lengths, right padding, and targets that fit the losses (pure, seeded)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.batch_fit import numpy_dtype, pad_of
from maskviz.core.blame import ATTENTION
from maskviz.core.network import InputSpec, Network, OutputSpec
from maskviz.core.trace import Trace

WORDS = ("the", "film", "story", "actor", "was", "is", "not", "very", "good", "bad", "long", "dull", "we", "liked", "saw", "again")
UNKNOWN_VOCABULARY = 10


def generate(network: Network, seed: int = 0, samples: int = 12, steps: int = 24, apart: bool = False) -> Batch:
    """A batch whose sequences differ in length: at least one is full and one is short. ``apart``: a sample's inputs differ in length too,
    as those of an encoder and a decoder do; else its inputs are of one length.

    Sizes that the network fixes win over ``samples`` and ``steps``. Ids stay within the vocabulary and avoid the pad id; features
    are smooth standard normal series; the same seed gives the same batch.
    """
    rng = np.random.default_rng(seed)
    samples = next((i.shape[0] for i in network.inputs if i.shape and i.shape[0]), samples)
    timed = [i for i in network.inputs if i.has_time and len(i.shape) > 1]
    steps = next((i.shape[1] for i in timed if i.shape[1]), steps)
    share = lengths = _lengths(rng, samples, steps) / steps
    x, content = {}, {}
    padding: dict[str, NDArray[Any]] = {}
    for spec in network.inputs:
        if spec not in timed or (spec.kind == "text" and spec.shape[1] == 1):
            x[spec.name] = content[spec.name] = _other(rng, spec, samples)
            continue
        length = spec.shape[1] or steps
        if apart and padding:  # the same lengths, of other samples
            share = np.roll(lengths, len(padding))
        padded = np.arange(length) >= np.maximum(1, np.rint(share * length))[:, None]
        real = _sequences(rng, spec, samples, length)
        blank = np.full_like(real, pad_of(spec))
        content[spec.name], padding[spec.name] = real, padded
        x[spec.name] = ~padded if real.dtype.kind == "b" else np.where(padded.reshape(padded.shape + (1,) * (real.ndim - 2)), blank, real)
    return with_targets(Batch(x, {}, {}, padding, content, f"generated, seed {seed}", frozenset(padding)), network, seed)


def sequences_meet(trace: Trace) -> bool:
    """Whether steps of several inputs are put together one by one, as words and their tags are: a sample's inputs are then equally long."""

    def inputs_of(sources: Iterable[str | None]) -> set[str]:
        return {trace.steps[source][0] for source in sources if source is not None and source in trace.steps}

    for call in trace.calls:
        data, masks = inputs_of(t.source for t in call.inputs), inputs_of(call.mask_sources)
        if not call.is_network and ((len(data) > 1 and call.class_name not in ATTENTION) or masks - data):
            return True
    return False


def with_targets(batch: Batch, network: Network, seed: int = 0, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Batch:
    """The batch with targets for every output that has a loss and no target yet; those that are there stay.

    ``shapes`` are the true shapes of outputs ``{name: (batch, time, …)}`` where a run has shown them; without, an output whose
    length the network leaves open is taken to be as long as the last input.
    """
    rng = np.random.default_rng([seed, 1])
    made = {}
    for output in network.outputs:
        if output.loss is None or output.name in batch.y:
            continue
        shape = _target_shape(output, batch, (shapes or {}).get(output.name))
        target = _target(rng, output, shape)
        padding = next((p for p in reversed(list(batch.padding.values())) if p.shape == shape[:2]), None)
        if padding is not None:
            target[padding] = 0
            if _one_hot(output):
                target[padding, ..., 0] = 1
        made[output.name] = target
    return replace(batch, y={**batch.y, **made}) if made else batch


def _lengths(rng: np.random.Generator, samples: int, steps: int) -> NDArray[Any]:
    """A length for each sample, between a quarter of the steps and all of them; a lone sample is two thirds full."""
    shortest = max(1, steps // 4)
    if samples == 1:
        return np.asarray([max(1, round(steps * 2 / 3))])
    lengths = rng.integers(shortest, steps + 1, samples)
    lengths[rng.permutation(samples)[:2]] = steps, shortest
    return lengths


def _sequences(rng: np.random.Generator, spec: InputSpec, samples: int, steps: int) -> NDArray[Any]:
    """Content ``(batch, time, …)`` of an input as if nothing were padding."""
    if spec.kind == "text":
        return rng.choice(np.asarray(WORDS), (samples, steps))
    dtype = numpy_dtype(spec.dtype)
    if dtype.kind == "b":
        return np.ones((samples, steps, *(n or 1 for n in spec.shape[2:])), bool)
    shape = (samples, steps, *(n or 8 for n in spec.shape[2:]))
    if spec.kind == "ids":
        return _ids(rng, spec, shape).astype(dtype)
    return _smooth(rng, shape).astype(dtype) if dtype.kind == "f" else rng.integers(0, UNKNOWN_VOCABULARY, shape).astype(dtype)


def _ids(rng: np.random.Generator, spec: InputSpec, shape: tuple[int, ...]) -> NDArray[Any]:
    """Ids with a few frequent ones, as in text, none of them the pad id."""
    vocabulary = spec.vocabulary or UNKNOWN_VOCABULARY
    pad = pad_of(spec)
    skipped = int(pad) if not isinstance(pad, str) and 0 <= pad < vocabulary and vocabulary > 1 else None
    tokens = vocabulary if skipped is None else vocabulary - 1
    ids: NDArray[np.int64] = np.minimum((tokens + 1) ** rng.random(shape), tokens).astype(np.int64) - 1
    return ids if skipped is None else ids + (ids >= skipped)


def _smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    """Standard normal series ``(batch, time, …)`` in which each step resembles the one before."""
    noise = rng.standard_normal(shape)
    for step in range(1, shape[1]):
        noise[:, step] = 0.8 * noise[:, step - 1] + 0.6 * noise[:, step]
    return noise


def _other(rng: np.random.Generator, spec: InputSpec, samples: int) -> NDArray[Any]:
    """Values of an input without a time axis."""
    shape = (samples, *(n or 8 for n in spec.shape[1:]))
    if spec.kind == "text":
        texts = [" ".join(rng.choice(WORDS, length)) for length in rng.integers(4, 25, samples)]
        return np.asarray(texts).reshape(shape)
    dtype = numpy_dtype(spec.dtype)
    if dtype.kind == "b":
        return np.ones(shape, bool)
    if dtype.kind == "f" and spec.vocabulary is None:
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, spec.vocabulary or UNKNOWN_VOCABULARY, shape).astype(dtype)


def _target_shape(output: OutputSpec, batch: Batch, shown: tuple[int, ...] | None) -> tuple[int, ...]:
    """The target's shape with every length filled in."""
    needed = output.y_shape or output.shape
    lengths = [p.shape[1] for p in batch.padding.values()] or [1]
    true = (batch.size, *(shown[1:] if shown else ()))
    filled = [batch.size]
    for axis, size in enumerate(needed[1:], start=1):
        open_size = true[axis] if axis < len(true) else lengths[-1] if axis == 1 else 1
        filled.append(size if size is not None else open_size)
    return tuple(filled)


def _target(rng: np.random.Generator, output: OutputSpec, shape: tuple[int, ...]) -> NDArray[Any]:
    """Random targets of the kind the loss asks for."""
    dtype = numpy_dtype(output.y_dtype)
    loss = (output.loss or "").lower().replace("_", "")
    if output.classes is not None:
        return rng.integers(0, output.classes, shape).astype(dtype)
    if _one_hot(output):
        return np.eye(shape[-1], dtype=dtype)[rng.integers(0, shape[-1], shape[:-1])]
    if "binary" in loss or "dice" in loss or "tversky" in loss:
        return rng.integers(0, 2, shape).astype(dtype)
    if "hinge" in loss:
        return (2 * rng.integers(0, 2, shape) - 1).astype(dtype)
    if dtype.kind != "f":
        return rng.integers(0, 2, shape).astype(dtype)
    values = _smooth(rng, shape) if len(shape) > 1 else rng.standard_normal(shape)
    if "kldivergence" in loss or loss == "kld":
        values = np.exp(values) / np.exp(values).sum(axis=-1, keepdims=True)
    elif "poisson" in loss or "log" in loss.replace("logcosh", "") or "percentage" in loss:
        values = np.abs(values)
    return values.astype(dtype)


def _one_hot(output: OutputSpec) -> bool:
    loss = (output.loss or "").lower()
    return output.classes is None and "categorical" in loss and "sparse" not in loss
