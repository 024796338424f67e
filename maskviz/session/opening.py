"""What is being opened, and in which words: the batch to open a network with, and sentences about files, batches and requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from maskviz import resources
from maskviz.core import archive, batch_files
from maskviz.core.batch import Arrays, Batch, set_padding, sharing
from maskviz.core.batch_fit import RawBatch, fit
from maskviz.core.errors import MaskVizError, UnusableInput
from maskviz.core.graph import Graph
from maskviz.core.messages import Build, BuildStack, Load, Loaded, OfPinned, Opens, PinAgain, Request, Save, UseDevice
from maskviz.core.network import Network
from maskviz.core.words import counted, listed


@dataclass(frozen=True, eq=False)
class Swap:
    """A network that comes in place of what is open: whom to tell when it is there, or that it cannot be, and the batch ``shown`` when it
    was asked for."""

    done: Callable[[Loaded], None]
    refused: Callable[[MaskVizError], None]
    shown: Batch | None


@dataclass(frozen=True, eq=False)
class Opening:
    """A file or template on its way into the document; what is open stays until the engine has loaded it.

    ``batch`` is the file of the batch to open with it, or a batch to keep where it still fits; ``saved``: a session holds that batch;
    ``scratch``: the file is gone when the window closes, so that the network has no file of its own.
    """

    request: Opens
    title: str
    graph: Graph
    batch: str | Batch | None = None
    saved: bool = False
    swap: Swap | None = None
    scratch: bool = False


def of_file(load: Load, batch: str | Batch | None = None, saved: bool = False) -> Opening:
    """A network file on its way, with its graph. Raises UnusableInput for what is no network file."""
    return Opening(load, Path(load.path).name, archive.preview(load.path), batch, saved)


def of_example(name: str, batch: Batch | None = None) -> Opening:
    """A network of the gallery on its way, with its own batch unless there is another. Raises UnusableInput when it is not there."""
    example = resources.example(name)
    load = Load(str(example.network), None if example.custom is None else str(example.custom), example.trusted)
    return Opening(load, example.title, archive.preview(example.network), batch or str(example.batch), batch is not None)


def first_batch(wanted: str | Batch | None, network: Network) -> tuple[Batch | None, tuple[str, ...]]:
    """The batch to open a network with: from a file, or the one before where it still fits; None to generate one.

    Raises UnusableInput for a file that does not fit.
    """
    if isinstance(wanted, str):
        return read_batch(wanted, network)
    if wanted is None:
        return None, ()
    try:
        kept, _ = fit(RawBatch(wanted.x, wanted.y, wanted.sample_weight, wanted.padding), network, wanted.source)
        kept = replace(kept, content={**kept.content, **_fitting(wanted.content, kept.x)}, declared=wanted.declared)
        return sharing(kept), ()
    except UnusableInput as error:
        return None, (f"The batch does not fit the network any more, and another was generated: {error}",)


def read_batch(path: str, network: Network) -> tuple[Batch, tuple[str, ...]]:
    """The batch in a file, made ready for edits, and notes for the user. Raises UnusableInput."""
    batch, notes = batch_files.read_batch(path, network)
    return sharing(batch), notes


def _fitting(contents: Arrays, x: Arrays) -> Arrays:
    """The contents behind padding that still have the shape and dtype of their input."""
    return {name: a for name, a in contents.items() if name in x and (a.shape, a.dtype) == (x[name].shape, x[name].dtype)}


def repadded(batch: Batch, before: Network, after: Network) -> Batch:
    """The batch with its padding filled anew where the pad value of an input is another than ``before``."""
    for old, new in zip(before.inputs, after.inputs, strict=True):
        if old.pad_value != new.pad_value and new.name in batch.padding:
            padding = batch.padding[new.name]
            real = set_padding(batch, new, slice(None), np.zeros_like(padding))
            batch = set_padding(real, new, slice(None), padding)
    return batch


def named(error: MaskVizError, path: str) -> MaskVizError:
    """The error, with the file it is about where it does not say so."""
    name = Path(path).name
    return error if name in str(error) else UnusableInput(f"{name}: {error}", error.details)


def described(batch: Batch) -> str:
    """The size of a batch in words."""
    steps = sorted({padding.shape[1] for padding in batch.padding.values()})
    lengths = f" of {listed(steps)} steps" if steps else ""
    return f"{counted(batch.size, 'sample')}{lengths}"


def working_sentence(request: Request) -> str:
    """What the progress line says while a request is carried out."""
    match request:
        case Load():
            return f"loading {Path(request.path).name}…"
        case Build() | BuildStack():
            return "building the network…"
        case Save():
            return "saving the network…"
        case PinAgain():
            return "taking up A…"
        case OfPinned():
            return "computing what is asked about A…"
        case UseDevice():
            return f"moving to {request.device}…"
        case _:
            return "computing…"
