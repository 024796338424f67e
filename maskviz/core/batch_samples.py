"""Duplicating, deleting and reordering the samples of a batch (pure functions)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.network import Network


def take_samples(batch: Batch, order: NDArray[np.intp]) -> Batch:
    """The batch of the samples ``order`` names, in that order; a sample may come twice."""

    def taken(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {name: array[order] for name, array in arrays.items()}

    return replace(
        batch,
        x=taken(batch.x),
        y=taken(batch.y),
        sample_weight=taken(batch.sample_weight),
        padding=taken(batch.padding),
        content=taken(batch.content),
    )


def duplicated(size: int, samples: NDArray[np.intp]) -> NDArray[np.intp]:
    """The order in which each of ``samples`` is followed by its copy."""
    return np.sort(np.concatenate([np.arange(size), samples]))


def without(size: int, samples: NDArray[np.intp]) -> NDArray[np.intp]:
    """The order without ``samples``; raises ``UnusableInput`` where none would be left."""
    rest = np.setdiff1d(np.arange(size), samples)
    if not len(rest):
        raise UnusableInput("A batch needs at least one sample: mark fewer of them.")
    return rest


def moved(size: int, samples: NDArray[np.intp], by: int) -> NDArray[np.intp]:
    """The order with ``samples`` moved ``by`` places up (negative) or down, those at the end staying where they are."""
    order = list(range(size))
    chosen = set(samples.tolist())
    for _ in range(abs(by)):
        places = range(size) if by < 0 else range(size - 1, -1, -1)
        for place in places:
            other = place + (1 if by > 0 else -1)
            if order[place] in chosen and 0 <= other < size and order[other] not in chosen:
                order[place], order[other] = order[other], order[place]
    return np.asarray(order)


def by_length(batch: Batch, name: str, longest_first: bool) -> NDArray[np.intp]:
    """The order of samples by the number of real steps of input ``name``; samples of one length keep theirs."""
    lengths = (~batch.padding[name]).sum(axis=1)
    return np.argsort(-lengths if longest_first else lengths, kind="stable")


def check_size(network: Network, size: int) -> None:
    """Raises ``UnusableInput`` where the network takes batches of another size only."""
    for spec in network.inputs:
        fixed = spec.shape[0] if spec.shape else None
        if fixed is not None and fixed != size:
            raise UnusableInput(f"Input {spec.name} of the network takes exactly {fixed} samples, so their number cannot be changed.")
