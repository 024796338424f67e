"""MaskViz from Python: ``maskviz.trace`` gives what ``maskviz trace --json`` writes, with the arrays beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from maskviz.core import archive
from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch
from maskviz.core.batch_fit import RawBatch, fit
from maskviz.core.messages import Evaluate, Evaluated, Generate, Generated, Load, Loaded, RunTrace, Traced, UseDevice
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.engine.client import BlockingEngine

MakeBatch = Callable[[Network], Batch]
MaybeBatch = Callable[[Network], Batch | None]


def trace(
    network: Any,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    custom: str | os.PathLike[str] | None = None,
    unsafe: bool = False,
    loss: str | None = None,
    padding: Any = None,
) -> Trace:
    """What happens to masks, predictions and loss when ``network`` sees a batch.

    ``network`` is a built ``keras.Model``, traced in this process, or the path of a ``.keras`` file, traced in a process of its own;
    ``custom`` and ``unsafe`` are for files (trusted code with custom classes; code inside the file). ``x``, ``y``, ``sample_weight`` and
    ``padding`` (bool, True = filler) are arrays, or dicts by name or lists by position for several inputs or outputs; ``x`` is
    ``(batch, time)`` for ids, ``(batch, time, features)`` for features. ``loss`` names a loss for a network that has none.

    Raises UnusableInput when the file or the batch cannot be used, EngineFailed when the engine's process dies.
    """

    def make(described: Network) -> Batch:
        return batch_of(described, x, y, sample_weight, padding)

    if isinstance(network, (str, os.PathLike)):
        return trace_file(Path(network), make, custom=None if custom is None else str(custom), unsafe=unsafe, loss=loss)[0]
    return _trace_live(network, make, x, loss)


def trace_file(
    path: Path,
    make_batch: MaybeBatch,
    *,
    seed: int = 0,
    custom: str | None = None,
    unsafe: bool = False,
    loss: str | None = None,
    device: str | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> tuple[Trace, Batch, Network]:
    """Trace a file in the engine's process, on the batch that ``make_batch`` makes for its signature (None: generate one)."""
    archive.look(path)  # refuses what is no network at once, without waiting for Keras
    with BlockingEngine(tell) as engine:
        if device is not None:
            engine.ask(UseDevice(device))
        loaded = engine.ask(Load(str(path), custom, unsafe, loss))
        assert isinstance(loaded, Loaded)
        batch = make_batch(loaded.network)
        if batch is None:
            made = engine.ask(Generate(seed))
            assert isinstance(made, Generated)
            batch = made.batch
        traced = engine.ask(RunTrace(batch))
        assert isinstance(traced, Traced)
        evaluated = engine.ask(Evaluate())
        assert isinstance(evaluated, Evaluated)
    return trace_of(evaluated.put_into(traced.recording), batch, traced.device, traced.seconds), batch, loaded.network


def _trace_live(network: Any, make_batch: MakeBatch, x: Any, loss: str | None) -> Trace:
    """Trace a network of this very process: Keras is here already."""
    from maskviz.engine import inline

    given = {name or "x": array for name, array in _by_name(x).items()}
    recording, batch = inline.trace(network, make_batch, given, loss)
    return trace_of(recording, batch, "CPU")


def batch_of(network: Network, x: Any, y: Any = None, sample_weight: Any = None, padding: Any = None) -> Batch:
    """A batch from arrays, dicts or lists, checked against the network. Raises UnusableInput when it does not fit."""
    raw = RawBatch(_by_name(x), _by_name(y), _by_name(sample_weight), _by_name(padding))
    batch, _ = fit(raw, network, "from Python")
    return batch


def _by_name(value: Any) -> dict[str, Any]:
    """Arrays by name, by position (a list of arrays), or the only one by the empty name."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {str(name): np.asarray(array) for name, array in value.items() if array is not None}
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, np.ndarray) for item in value):
        return {str(position): array for position, array in enumerate(value)}
    return {"": np.asarray(value)}
