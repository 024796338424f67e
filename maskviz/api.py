"""MaskViz from Python: ``maskviz.trace`` gives what ``maskviz trace --json`` writes, with the arrays beside it.

``maskviz.check`` gives the findings, ``maskviz.assert_masked`` fails a test on them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from maskviz.core import archive, probes
from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch
from maskviz.core.batch_fit import RawBatch, fit
from maskviz.core.errors import UnusableInput
from maskviz.core.finding import Finding, Severity
from maskviz.core.messages import Answered, Evaluate, Evaluated, Generate, Generated, Load, Loaded, RunTrace, Traced, UseDevice
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.engine.client import BlockingEngine
from maskviz.finding_text import finding_text

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
    thorough: bool = False,
) -> Trace:
    """What happens to masks, predictions and loss when ``network`` sees a batch.

    ``network`` is a built ``keras.Model``, traced in this process, or the path of a ``.keras`` file, traced in a process of its own;
    ``custom`` and ``unsafe`` are for files (trusted code with custom classes; code inside the file). ``x``, ``y``, ``sample_weight`` and
    ``padding`` (bool, True = filler) are arrays, or dicts by name or lists by position for several inputs or outputs; ``x`` is
    ``(batch, time)`` for ids, ``(batch, time, features)`` for features. ``loss`` names a loss for a network that has none. ``thorough``
    adds what ``maskviz check`` looks at too, and takes longer: more and less padding (the length test), and gradients in training mode
    where training may treat padding otherwise.

    Raises UnusableInput when the file or the batch cannot be used, EngineFailed when the engine's process dies.
    """

    def make(described: Network) -> Batch:
        return batch_of(described, x, y, sample_weight, padding)

    if isinstance(network, (str, os.PathLike)):
        code = None if custom is None else str(custom)
        return trace_file(Path(network), make, custom=code, unsafe=unsafe, loss=loss, thorough=thorough)[0]
    from maskviz.engine import inline  # a network of this very process: Keras is here already

    return inline.trace(network, make, live_inputs(x), loss, thorough)


def check(
    network: Any,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    custom: str | os.PathLike[str] | None = None,
    unsafe: bool = False,
    loss: str | None = None,
    padding: Any = None,
    thorough: bool = False,
) -> list[Finding]:
    """What is wrong or worth knowing when ``network`` sees a batch: errors first, then by effect on the loss; empty where nothing is.

    Takes and raises what ``trace`` does. Findings are about this batch: one without padding shows nothing about masks.
    """
    return list(trace(network, x, y, sample_weight, custom=custom, unsafe=unsafe, loss=loss, padding=padding, thorough=thorough).findings)


def assert_masked(
    network: Any,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    at_least: str = Severity.WARNING,
    accept: Iterable[str] = (),
    custom: str | os.PathLike[str] | None = None,
    unsafe: bool = False,
    loss: str | None = None,
    padding: Any = None,
    thorough: bool = False,
) -> None:
    """For a test suite: fail where padding has an effect that it should not have on this batch.

    Raises AssertionError when there are findings of severity ``at_least`` (``"error"``: this run showed a wrong result; ``"warning"``, the
    default: also what is likely wrong, such as padding in a loss to come) whose id is not among ``accept`` (``"MV08-lambda-drops-mask"``,
    or ``"MV08-lambda-drops-mask@shift"`` for one call). The message names the layer, says in numbers what is wrong, and gives the fix.
    Raises UnusableInput when the batch has no padding, since such a test could never fail; else takes and raises what ``trace`` does.
    """
    limit, known = Severity(at_least), frozenset([accept] if isinstance(accept, str) else accept)
    traced = trace(network, x, y, sample_weight, custom=custom, unsafe=unsafe, loss=loss, padding=padding, thorough=thorough)
    if not traced.has_padding:
        raise UnusableInput(
            "The batch has no padding, so it shows nothing about masks: add a padded sample, or say which steps are padding=."
        )
    order = list(Severity)
    found = [f for f in traced.findings if order.index(f.severity) <= order.index(limit) and not known & {f.id, f"{f.id}@{f.call}"}]
    if found:
        raise AssertionError(_message(traced, found))


def _message(traced: Trace, found: list[Finding]) -> str:
    first, others = found[0], len(found) - 1
    place = f"'{first.call}' of " if first.call is not None else ""
    more = f" (and {others} more)" if others else ""
    text = "\n\n".join(finding_text(finding) for finding in found)
    return f"padding is not masked as it should be: {place}'{traced.network_name}', {first.id}{more}\n\n{text}"


def trace_file(
    path: Path,
    make_batch: MaybeBatch,
    *,
    seed: int = 0,
    custom: str | None = None,
    unsafe: bool = False,
    loss: str | None = None,
    thorough: bool = False,
    device: str | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> tuple[Trace, Batch, Network]:
    """Trace a file in the engine's process, on the batch that ``make_batch`` makes for its signature (None: generate one)."""
    archive.look(path)  # refuses what is no network at once, without waiting for Keras
    with BlockingEngine(tell) as engine:
        if device is not None:
            engine.ask(UseDevice(device))
        return trace_with(engine, path, make_batch, seed=seed, custom=custom, unsafe=unsafe, loss=loss, thorough=thorough)


def trace_with(
    engine: BlockingEngine,
    path: Path,
    make_batch: MaybeBatch,
    *,
    seed: int = 0,
    custom: str | None = None,
    unsafe: bool = False,
    loss: str | None = None,
    thorough: bool = False,
) -> tuple[Trace, Batch, Network]:
    """The same in an engine that is there already: one after another, many files need only one."""
    network, batch, traced = open_in(engine, Load(str(path), custom, unsafe, loss), make_batch, seed)
    evaluated = engine.ask(Evaluate())
    assert isinstance(evaluated, Evaluated)
    found = trace_of(evaluated.put_into(traced.recording), batch, traced.device, traced.seconds)
    return probes.thorough(found, partial(_answer, engine)) if thorough else found, batch, network


def _answer(engine: BlockingEngine, question: probes.Ask) -> probes.Answer:
    answered = engine.ask(question)
    assert isinstance(answered, Answered)
    return answered.answer


def open_in(engine: BlockingEngine, load: Load, make_batch: MaybeBatch, seed: int = 0) -> tuple[Network, Batch, Traced]:
    """Have an engine load a file and trace its batch (None: generate one); what is asked of it next is about these."""
    loaded = engine.ask(load)
    assert isinstance(loaded, Loaded)
    batch = make_batch(loaded.network)
    if batch is None:
        made = engine.ask(Generate(seed))
        assert isinstance(made, Generated)
        batch = made.batch
    traced = engine.ask(RunTrace(batch))
    assert isinstance(traced, Traced)
    return loaded.network, batch, traced


def batch_of(network: Network, x: Any, y: Any = None, sample_weight: Any = None, padding: Any = None) -> Batch:
    """A batch from arrays, dicts or lists, checked against the network. Raises UnusableInput when it does not fit."""
    raw = RawBatch(by_name(x), by_name(y), by_name(sample_weight), by_name(padding))
    batch, _ = fit(raw, network, "from Python")
    return batch


def live_inputs(x: Any) -> dict[str, Any]:
    """Inputs by name for a live network, which may not declare any; the only one is ``x``."""
    return {name or "x": array for name, array in by_name(x).items()}


def by_name(value: Any) -> dict[str, Any]:
    """Arrays by name, by position (a list of arrays), or the only one by the empty name. Raises UnusableInput for ragged lists."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {str(name): _array(array) for name, array in value.items() if array is not None}
    if isinstance(value, (list, tuple)) and value and all(getattr(item, "shape", ()) for item in value):  # arrays or tensors
        return {str(position): _array(array) for position, array in enumerate(value)}
    return {"": _array(value)}


def _array(value: Any) -> Any:
    try:
        return np.asarray(value)
    except ValueError as error:
        sentence = "An array was given as lists of different lengths: pad them to one length first, as keras.utils.pad_sequences does."
        raise UnusableInput(sentence, str(error)) from error
