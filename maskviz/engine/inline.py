"""The engine in the caller's own process, for a network that a script or a test already holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
from numpy.typing import NDArray

from maskviz.core import probes
from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch
from maskviz.core.errors import MaskVizError, UnusableInput
from maskviz.core.messages import RepairCopy
from maskviz.core.network import Network
from maskviz.core.probes import Answer, Ask
from maskviz.core.repair import Report
from maskviz.core.trace import Trace
from maskviz.engine import loading
from maskviz.engine.service import Service, explained, with_loss
from maskviz.engine.signature import signature_of


def trace(
    network: Any, make_batch: Callable[[Network], Batch], given: Mapping[str, NDArray[Any]], loss: str | None, thorough: bool
) -> Trace:
    """The trace of a live network on a batch. ``given`` are the inputs by name, for a network that declares none.

    ``thorough`` asks what ``core.probes.thorough`` does.
    """
    with _serving(network, make_batch, given, loss) as (service, batch):
        traced = trace_of(service.trace(batch), batch, "CPU")

        def ask(question: Ask) -> Answer:
            try:
                return service.probe(batch, question, lambda sentence: None)
            except MaskVizError:
                raise
            except Exception as error:
                raise explained(error) from error

        return probes.thorough(traced, ask) if thorough else traced


def probe(
    network: Any,
    make_batch: Callable[[Network], Batch],
    given: Mapping[str, NDArray[Any]],
    loss: str | None,
    ask: Ask,
    tell: Callable[[str], None],
) -> Answer:
    """The answer to one of ``core.probes``' questions about a live network on a batch; what ``tell`` raises ends the work."""
    with _serving(network, make_batch, given, loss) as (service, batch):
        return service.probe(batch, ask, tell)


def repair(
    network: Any,
    make_batch: Callable[[Network], Batch],
    given: Mapping[str, NDArray[Any]],
    loss: str | None,
    request: RepairCopy,
) -> Report:
    """What can be repaired in a copy of a live network, with the copy."""
    with _serving(network, make_batch, given, loss) as (service, batch):
        return service.repair(request, batch)


@contextmanager
def _serving(
    network: Any, make_batch: Callable[[Network], Batch], given: Mapping[str, NDArray[Any]], loss: str | None
) -> Iterator[tuple[Service, Batch]]:
    """A service that holds a live network, and the batch for it.

    A ``loss`` is put on a network that has none for as long. Raises UnusableInput for anything but a Keras network.
    """
    if not isinstance(network, keras.Model):
        raise UnusableInput(f"maskviz.trace takes a keras.Model or the path of a .keras file, not a {type(network).__name__}.")
    signature = signature_of(network, Batch(dict(given)))
    if not signature.network.outputs:
        tensors = [keras.ops.convert_to_tensor(given[name]) for name in signature.input_names]
        signature = loading.with_outputs(network, signature, signature.call(network, tensors))
    state = compile_state(network)
    try:
        if loss is not None:
            network, signature = with_loss(network, signature, loss)
        service = Service()
        service.hold(network, signature)
        batch = make_batch(signature.network)
        yield service, batch
    except MaskVizError:
        raise
    except Exception as error:
        raise explained(error) from error
    finally:
        if loss is not None:
            restore(network, state)


def compile_state(network: keras.Model) -> dict[str, tuple[Any, list[Any] | None]]:
    """All attributes of a network, and what the lists among them hold: ``compile`` sets many, and adds to some."""
    return {name: (value, list(value) if isinstance(value, list) else None) for name, value in vars(network).items()}


def restore(network: keras.Model, state: dict[str, tuple[Any, list[Any] | None]]) -> None:
    """Put a network's attributes back as they were."""
    for name in vars(network).keys() - state.keys():
        del vars(network)[name]
    for name, (value, items) in state.items():
        vars(network)[name] = value
        if items is not None:
            list.__setitem__(value, slice(None), items)
