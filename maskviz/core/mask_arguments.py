"""Masks that a call is given as an argument while no tensor that it takes carries one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from maskviz.core.trace import Call, Fate


def given_alone(call: Call) -> str | None:
    """The key of the mask that a call is given as its argument ``mask`` though none of its inputs has one; else None."""
    key = call.received.get("mask")
    alone = isinstance(key, str) and bool(call.mask_sources) and not any(tensor.mask for tensor in call.inputs)
    return key if alone and call.role == "data" else None


def maker(call: Call, calls: Mapping[str, Call]) -> str | None:
    """The call that creates the very mask that ``call`` is given alone, of a tensor that the argument was computed from.

    Keras writes such a mask out as operations (``not_equal``, ``any``), which do what a layer of the network does too.
    """
    key, origins = given_alone(call), set(_origins(call, calls))
    if key is None:
        return None
    for other in calls.values():
        makes = other.role == "data" and other.fate is Fate.CREATES and any(out.mask == key for out in other.outputs)
        if makes and any(tensor.source in origins for tensor in other.inputs):
            return other.id
    return None


def _origins(call: Call, calls: Mapping[str, Call]) -> Iterable[str]:
    """The tensors that the operations before a mask argument were computed from."""
    waiting, done = list(call.mask_sources), set[str]()
    while waiting:
        source = waiting.pop()
        made = calls.get(source.split("#")[0])
        if source in done or made is None:
            continue
        done.add(source)
        if made.role == "mask path":
            waiting += [tensor.source for tensor in made.inputs if tensor.source is not None]
        else:
            yield source
