"""Sections: a network with thousands of layers side by side is shown as containers of consecutive layers, folded at first."""

from __future__ import annotations

import math
from dataclasses import replace

from maskviz.core.graph import Graph, Node

SECTION = "section"  # class of the nodes that stand for no call
MOST_OUTERMOST = 1500


def sectioned(graph: Graph, most: int = MOST_OUTERMOST) -> Graph:
    """The graph with its outermost layers in sections of alike size where there are more than ``most``; inputs and losses stay outside.

    Consecutive calls never run in a circle, so the sections do not either.
    """
    outermost = [node for node in graph.children.get(None, ()) if node.kind in ("layer", "operation")]
    if len(outermost) <= most:
        return graph
    size = math.isqrt(len(outermost))
    heads: dict[str, Node] = {}  # by the first layer of each section
    section_of: dict[str, str] = {}
    for start in range(0, len(outermost), size):
        part = outermost[start : start + size]
        name = f"layers {start + 1}–{start + len(part)}"
        heads[part[0].id] = Node(name, f"{part[0].name} … {part[-1].name}", SECTION)
        section_of |= {node.id: name for node in part}
    nodes: list[Node] = []
    for node in graph.nodes:
        if (head := heads.get(node.id)) is not None:
            nodes.append(head)
        nodes.append(replace(node, parent=section_of[node.id]) if node.id in section_of else node)
    return Graph(tuple(nodes), graph.edges)


def stand_ins(graph: Graph) -> dict[str, Node]:
    """For each section the layer whose output it shows: its last one."""
    return {node.id: graph.children[node.id][-1] for node in graph.nodes if node.class_name == SECTION and node.id in graph.containers}
