"""MaskViz from Python, beside the trace: influence, gradients, recurrent states and the length test of a network on a batch.

All take what ``maskviz.trace`` takes. ``tell`` hears how far the work is; what it raises ends it, and the network is as before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from maskviz.api import batch_of, live_inputs, open_in
from maskviz.core import archive
from maskviz.core.batch import Batch
from maskviz.core.messages import Answered, Load
from maskviz.core.network import Network
from maskviz.core.probes import (
    Answer,
    Ask,
    AskGradients,
    AskInfluence,
    AskLength,
    AskStates,
    Gradients,
    Influence,
    LengthTest,
    RecurrentStates,
)
from maskviz.engine.client import BlockingEngine

Tell = Callable[[str], None]


def _quiet(sentence: str) -> None:
    pass


def influence(
    network: Any, x: Any, *, target: str | None = None, sample: int = 0, input: str | None = None, tell: Tell = _quiet, **options: Any
) -> Influence:
    """Which steps of ``input`` (None: the first with a time axis) each step of ``target`` depends on, for one sample.

    ``target`` names an output of the network or a call of the trace (``lstm``, ``lstm#1``); None is the first output. ``options`` are
    those of ``maskviz.trace``: ``y``, ``sample_weight``, ``custom``, ``unsafe``, ``loss``, ``padding``. Raises UnusableInput for a
    target, sample or input that is not there, and as ``maskviz.trace`` does.
    """
    answer = _ask(network, x, AskInfluence(target, sample, input), tell, **options)
    assert isinstance(answer, Influence)
    return answer


def gradients(
    network: Any, x: Any, y: Any = None, *, training: bool = False, calls: Sequence[str] = (), tell: Tell = _quiet, **options: Any
) -> Gradients:
    """The size of ∂loss/∂activation per step at ``calls`` (none: everywhere), and whether a weight's gradient depends on padding.

    ``training`` runs the network as ``fit`` does: dropout, batch statistics, and masks that exist only then. Raises UnusableInput when
    there is no loss or no target.
    """
    answer = _ask(network, x, AskGradients(training, tuple(calls)), tell, y=y, **options)
    assert isinstance(answer, Gradients)
    return answer


def recurrent_states(
    network: Any,
    x: Any,
    *,
    call: str | None = None,
    samples: Sequence[int] = (),
    training: bool = False,
    tell: Tell = _quiet,
    **options: Any,
) -> RecurrentStates:
    """The states of a recurrent layer after each step; ``call`` None is the first one, ``samples`` none are all.

    Raises UnusableInput when the network runs no recurrent layer, or the call is none.
    """
    answer = _ask(network, x, AskStates(call, tuple(samples), training), tell, **options)
    assert isinstance(answer, RecurrentStates)
    return answer


def length_test(network: Any, x: Any, *, tell: Tell = _quiet, **options: Any) -> LengthTest:
    """Whether values at real steps move when padding is appended or trimmed, or why that cannot be tried."""
    answer = _ask(network, x, AskLength(), tell, **options)
    assert isinstance(answer, LengthTest)
    return answer


def _ask(
    network: Any,
    x: Any,
    ask: Ask,
    tell: Tell,
    *,
    y: Any = None,
    sample_weight: Any = None,
    custom: str | os.PathLike[str] | None = None,
    unsafe: bool = False,
    loss: str | None = None,
    padding: Any = None,
) -> Answer:
    def make(described: Network) -> Batch:
        return batch_of(described, x, y, sample_weight, padding)

    if not isinstance(network, (str, os.PathLike)):
        from maskviz.engine import inline

        return inline.probe(network, make, live_inputs(x), loss, ask, tell)
    archive.look(Path(network))  # refuses what is no network at once, without waiting for Keras
    with BlockingEngine(tell) as engine:
        open_in(engine, Load(str(network), None if custom is None else str(custom), unsafe, loss), make)
        answered = engine.ask(ask)
        assert isinstance(answered, Answered)
        return answered.answer
