"""Padding that counts in the loss: between the place where a mask is lost and the loss, no mask says which steps to leave out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskviz.core.graph import Graph, ref
from maskviz.core.lazy_arrays import row_of
from maskviz.core.trace import Trace


class CountedPadding:
    """For each tensor on the way to a loss without a mask: which of its steps are padding that has a share in that loss.

    It holds of steps that padding does not touch, too: an LSTM that repeats its last state at padded steps gives the loss just as many.
    """

    def __init__(self, graph: Graph, trace: Trace) -> None:
        self._trace = trace
        self._losses: dict[str, list[str]] = {}  # by tensor, the outputs whose loss it leads to
        self._calls = {call.id: call for call in trace.calls}
        for out in trace.network_outputs:
            if f"loss:{out.name}" in graph.by_id and out.name in trace.contributions:
                self._go_back(graph, out.name)

    def _go_back(self, graph: Graph, output: str) -> None:
        """From a loss to where the mask was lost, or to where there are other timesteps."""
        steps = self._trace.contributions[output].shape[1:2]
        waiting, done = [f"loss:{output}"], set[str]()
        while waiting:
            name = waiting.pop()
            for edge in graph.into.get(name, ()):
                made, tensor = self._calls.get(edge.source), ref(edge.source, edge.output)
                if edge.mask_only or tensor in done or made is None or edge.output >= len(made.outputs):
                    continue
                out = made.outputs[edge.output]
                if out.mask is None and out.has_time and out.shape[1:2] == steps and made.kind != "input":
                    done.add(tensor)
                    self._losses.setdefault(tensor, []).append(output)
                    waiting.append(edge.source)

    def of(self, tensor: str, sample: int) -> NDArray[np.bool_] | None:
        """Which steps ``(time,)`` of one sample count though they are padding; None where none does."""
        rows = [row for output in self._losses.get(tensor, ()) if (row := self._row(output, sample)) is not None]
        counted = np.any(rows, axis=0) if rows else np.zeros(0, bool)
        return counted if counted.any() else None

    def _row(self, output: str, sample: int) -> NDArray[np.bool_] | None:
        padded, shares = self._trace.output_padding(output), row_of(self._trace.contributions, output, sample)
        if padded is None or shares is None or shares.ndim < 1 or padded.shape[1] != len(shares) or sample >= len(padded):
            return None
        return np.asarray(padded[sample] & (shares.reshape(len(shares), -1) != 0).any(axis=1))
