"""Finding calls by several words, all of which must match: name, class, shape, what became of the mask, and status."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from maskviz.core.graph import Graph, Node
from maskviz.core.graph_looks import badge_of, shape_text
from maskviz.core.graph_paths import calls_by_layer
from maskviz.core.status import Status
from maskviz.core.trace import Call, Trace

_WORD = re.compile(r"\([\d?,\s]*\)?|\S+")
STATUS_NAMES = tuple(status.name.lower() for status in Status)

Statuses = Callable[[str], Collection[Status]]
"""Which statuses occur in the first output of a call."""


def words_of(query: str) -> tuple[str, ...]:
    """The words of a query in small letters; a shape such as ``(16, 21`` is one word."""
    return tuple(re.sub(r"\s", "", word).lower() for word in _WORD.findall(query))


def find(graph: Graph, trace: Trace | None, query: str, statuses: Statuses) -> list[str]:
    """Ids of the nodes that match every word, in call order."""
    words = words_of(query)
    if not words:
        return []
    calls = {call.id: call for call in trace.calls} if trace is not None else {}
    shared = {name for ids in calls_by_layer(graph).values() for name in ids}
    by_status = [word for word in words if any(word in name for name in STATUS_NAMES)]
    found = []
    for node in graph.nodes:
        call = calls.get(node.id)
        text = _text(node, call, node.id in shared)
        missing = [word for word in words if word not in text]
        if any(word not in by_status for word in missing):
            continue
        seen = [status.name.lower() for status in statuses(node.id)] if missing else []
        if all(any(word in name for name in seen) for word in missing):
            found.append(node.id)
    return found


def _text(node: Node, call: Call | None, shared: bool) -> str:
    """What can be found of a node but its statuses, a line for each thing."""
    shapes = [out.shape for out in call.outputs] if call is not None else [node.shape] if node.shape is not None else []
    parts = [node.id, node.class_name, node.kind, *(shape_text(shape) for shape in shapes)]
    if call is not None:
        parts += [str(call.fate), badge_of(call)[0], *(out.dtype for out in call.outputs)]
        parts += [word for word, true in (("ignores mask", call.ignores), ("strips mask", bool(call.stripped))) if true]
    if shared:
        parts.append("shared")
    return re.sub(r"[ \t]", "", "\n".join(parts).lower())
