"""The layer graph as frozen values: what the graph panel draws, from ``config.json`` alone or from a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Node:
    """One call, input or loss to draw; ``id`` is the call id (``encoder/mha``, ``shared:1``), ``parent`` its container.

    ``role`` is ``mask path`` for operations that only compute a mask argument. ``shape`` is the first output's shape.
    """

    id: str
    name: str
    class_name: str
    parent: str | None = None
    kind: Literal["layer", "operation", "input", "loss"] = "layer"
    role: Literal["data", "mask path"] = "data"
    shape: tuple[int | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor that goes from output ``output`` of ``source`` into ``target``; ``mask_only`` when it is only a mask argument."""

    source: str
    target: str
    output: int = 0
    mask_only: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in call order, and edges. Containers are nodes that others name as ``parent``."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
