"""Lays graphs out in a process of its own: the library holds Python's lock for the whole call and may take very long.

Run as a file, ``python -P layout_process.py``; imports nothing of MaskViz, so that it is ready at once. Reads one JSON request a
line from standard input (``number``, ``boxes`` [width, height, number of the container or null], ``links`` [from, to],
``spacing``) and writes one JSON answer a line: ``number`` with ``boxes`` [x, y, width, height] and ``routes``, or with ``error``.
The first line it writes is ``{"ready": true}``. It ends when its input does.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def lay_out(request: dict[str, Any]) -> dict[str, Any]:
    """One layout, top to bottom with right-angled links."""
    import graphlay

    # the library silently ignores fields it does not know: these are of 0.3
    nodes: list[dict[str, Any]] = []
    for width, height, parent in request["boxes"]:
        node: dict[str, Any] = {"size": {"width": width, "height": height}, "shape": "box"}
        nodes.append(node if parent is None else {**node, "parent": parent})
    edges = [{"source": source, "target": target, "weight": 1.0} for source, target in request["links"]]
    options = {"direction": "topbottom", "spacing": {**request["spacing"], "stub": 22.0, "port_gap": 16.0}}
    drawing = graphlay.layout({"nodes": nodes, "edges": edges}, options=options)
    boxes = []
    for node in drawing.nodes:
        width, height = node["size"]["width"], node["size"]["height"]
        boxes.append([node["center"]["x"] - width / 2, node["center"]["y"] - height / 2, width, height])
    routes = [[[point["x"], point["y"]] for point in edge["points"]] for edge in drawing.edges]
    return {"boxes": boxes, "routes": routes}


def answer(line: str) -> dict[str, Any]:
    """The answer to one request line; what goes wrong is an answer too."""
    number = None
    try:
        request = json.loads(line)
        number = request["number"]
        return {"number": number, **lay_out(request)}
    except Exception as error:  # the window then uses its own layout
        return {"number": number, "error": repr(error)}


def main() -> None:
    """Answers requests until the input ends."""
    import graphlay  # noqa: F401 - loaded before the first request

    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(line), separators=(",", ":")) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
