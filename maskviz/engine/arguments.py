"""Arguments of a call by name: which hold data, which hold masks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import tree

Path = tuple[Any, ...]


@functools.cache
def _parameters(call: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    try:
        return tuple(inspect.signature(call).parameters.values())[1:]
    except (TypeError, ValueError):
        return ()


def named(operation: keras.Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Arguments in the order given, each with its parameter's name (its number where ``call`` takes ``*args``)."""
    positional = [p.name for p in _parameters(type(operation).call) if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for number, value in enumerate(args):
        yield (positional[number] if number < len(positional) else str(number)), value
    yield from kwargs.items()


def leaves(operation: keras.Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every leaf of the arguments with its path, the first part of which is the argument's name."""
    for name, value in named(operation, args, kwargs):
        for path, leaf in tree.flatten_with_path(value):
            yield (name, *path), leaf


def is_mask(name: str) -> bool:
    """Whether an argument of that name holds a mask."""
    return name == "mask" or name.endswith("_mask")


def accepted_masks(operation: keras.Operation) -> tuple[str, ...]:
    """Mask arguments that a layer's ``call`` takes, without flags such as ``use_causal_mask``."""
    names = (p.name for p in _parameters(type(operation).call))
    return tuple(n for n in names if is_mask(n) and not n.startswith("use_"))
