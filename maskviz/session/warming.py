"""What the window asks for as soon as a trace is there, computed before it is: on a large batch this takes longer than the window may
stand still. Nothing is handed on: ``core.by_rows`` keeps what was computed."""

from __future__ import annotations

from maskviz.colormaps import auto_range
from maskviz.core import row_copies
from maskviz.core.batch import Batch, size_of
from maskviz.core.graph_looks import counts_padding
from maskviz.core.heatmaps import loss_map, mask_map, prediction_map, shared_steps
from maskviz.core.network import Network
from maskviz.core.status import counted
from maskviz.core.trace import Trace
from maskviz.session.document import Document


def warm_masks(network: Network, batch: Batch, trace: Trace | None) -> None:
    """Compute the maps of padding and mask of a batch."""
    for name in batch.padding if size_of(batch) >= row_copies.AT_LEAST else ():
        heatmap = mask_map(network, batch, trace, name)
        if heatmap.status is not None:
            counted(heatmap.status)


def warm(document: Document, batch: Batch, trace: Trace) -> None:
    """Compute the three maps of the network, of the selected output and its unit, with their ranges."""
    network, output, unit = document.network, document.selection.output, document.selection.unit
    if size_of(batch) < row_copies.AT_LEAST or network is None:
        return
    steps = shared_steps(batch, trace)
    warm_masks(network, batch, trace)
    for heatmap in (prediction_map(trace, steps, output, "unit", unit), loss_map(trace, steps, output)):
        if heatmap.values is not None:
            auto_range(heatmap.values)
    for name in trace.contributions:
        counts_padding(trace, name)
