"""What a trace cannot show: code of the user's own, in words for calls and for the network as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST_NAMED = 6


def inside(call: Mapping[str, Any], parents: frozenset[str]) -> str:
    """What of a recorded call could not be traced; empty where all of it was. ``parents`` are the calls that hold others."""
    if call.get("unseen"):
        return f"runs {_listed(call['unseen'])} in a loop or a function of its own, where the trace cannot follow"
    if not call.get("own_code"):
        return ""
    if call["class"] in RECURRENT:
        return "the code of its cell is not traced: it is known by what goes in and comes out"
    if call["id"] in parents:
        return "the layers inside are traced, the code between them is not"
    return "its code is not traced: it is known by what goes in and comes out"


RECURRENT = ("RNN", "Bidirectional")


def notes(about: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for a network of which something could not be traced, none for others."""
    parents = frozenset(call["parent"] for call in about["calls"] if call["parent"] is not None)
    hidden = dict.fromkeys(f"'{call['name']}' ({call['class']})" for call in about["calls"] if inside(call, parents))
    names = [*(["the network's own call()"] if about.get("own_code") else []), *hidden]
    if names:
        yield (
            f"Not traced inside: {_listed(names, quoted=False)}. What this code does to masks and padding is known only by what goes "
            "in and comes out, and by the padding test."
        )


def _listed(names: Sequence[str], quoted: bool = True) -> str:
    shown = [f"'{name}'" if quoted else name for name in names[:MOST_NAMED]]
    return ", ".join(shown) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
