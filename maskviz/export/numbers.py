"""The numbers behind a figure: as CSV in long form (a row a cell), as NPZ arrays, and as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.heatmaps import Heatmap
from maskviz.core.status import Status
from maskviz.core.trace import Trace
from maskviz.export.figures import Figure
from maskviz.export.kinds import AnyFigure, GraphFigure

HEAD = ("map", "sample", "step", "value", "state")
GRAPH_HEAD = ("call", "class", "fate", "mask", "sample", "step", "state")


def csv_text(figure: AnyFigure) -> str:
    """A row a cell: ``map,sample,step,value,state`` for heatmaps (no step where there is no time axis), and
    ``call,class,fate,mask,sample,step,state`` for a graph, whose sample is the one shown. Of a difference, states are those of B, or
    ``same``, and rows of a graph end with what differs at the call."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    if isinstance(figure, GraphFigure):
        writer.writerow(_graph_head(figure))
        writer.writerows(_graph_rows(figure))
    else:
        writer.writerow(HEAD)
        for heatmap, _scale in figure.maps:
            writer.writerows(_rows(heatmap))
    return held.getvalue()


def arrays(figure: AnyFigure) -> dict[str, NDArray[Any]]:
    """Arrays by name: ``MAP/values``, ``MAP/status`` (numbers of ``Status``), ``MAP/skipped``, ``MAP/exposed`` and ``MAP/padded``
    ``(batch, time)``, ``MAP/steps`` (numbers of the columns that the tensor has); ``status/CALL`` of every call of a graph. Of a
    difference, steps of the same status in both have ``Status.ENDED``."""
    if isinstance(figure, GraphFigure):
        return {f"status/{ref}": status for ref, status in (figure.trace.status.items() if figure.trace is not None else ())}
    found: dict[str, NDArray[Any]] = {}
    for heatmap, _scale in figure.maps:
        for name in ("values", "status", "skipped", "exposed", "padded"):
            array = getattr(heatmap, name)
            if array is not None:
                found[f"{heatmap.kind}/{name}"] = array
        if heatmap.present is not None:
            found[f"{heatmap.kind}/steps"] = np.flatnonzero(heatmap.present)
    return found


def npz_bytes(figure: AnyFigure) -> bytes:
    """The arrays as a compressed NPZ file."""
    held = io.BytesIO()
    np.savez_compressed(held, **arrays(figure))  # type: ignore[arg-type]
    return held.getvalue()


def table(heatmap: Heatmap) -> str:
    """A heatmap for a spreadsheet: a row a sample and a column a step, with tabs between; states as words where it has no values."""
    if heatmap.values is not None and heatmap.values.ndim == 1:
        return "".join(f"{k}\t{_value(v)}\n" for k, v in enumerate(heatmap.values))
    array = heatmap.status if heatmap.values is None else heatmap.values
    if array is None:
        return ""
    steps = _steps(heatmap, array.shape[1])
    cell = _step_state if heatmap.values is None else _value
    rows = ["\t".join(["sample", *map(str, steps)])]
    rows += ["\t".join([str(k), *(cell(row[t]) for t in steps)]) for k, row in enumerate(array)]
    return "\n".join(rows) + "\n"


def graph_table(figure: GraphFigure) -> str:
    """The rows of a graph for a spreadsheet, with tabs between."""
    return "\n".join("\t".join(map(str, row)) for row in (_graph_head(figure), *_graph_rows(figure))) + "\n"


def figure_table(figure: AnyFigure) -> str:
    """What ``table`` and ``graph_table`` make of all of a figure."""
    if isinstance(figure, Figure):
        several = len(figure.maps) > 1
        return "\n".join((f"{m.title}\n" if several else "") + table(m) for m, _scale in figure.maps)
    return graph_table(figure)


def _rows(heatmap: Heatmap) -> Iterator[tuple[object, ...]]:
    if heatmap.values is not None and heatmap.values.ndim == 1:
        yield from ((heatmap.kind, k, "", _value(v), "") for k, v in enumerate(heatmap.values))
        return
    array = heatmap.status if heatmap.status is not None else heatmap.values
    if array is None:
        return
    for sample in range(len(array)):
        for step in _steps(heatmap, array.shape[1]):
            value = "" if heatmap.values is None else _value(heatmap.values[sample, step])
            yield heatmap.kind, sample, step, value, _state_at(heatmap, sample, step)


def _state_at(heatmap: Heatmap, sample: int, step: int) -> str:
    if heatmap.status is not None:
        return _step_state(heatmap.status[sample, step])
    if heatmap.skipped is not None and heatmap.skipped[sample, step]:
        return "skipped"
    if heatmap.exposed is not None and heatmap.exposed[sample, step]:
        return "exposed"
    return "padding" if heatmap.padded is not None and heatmap.padded[sample, step] else ""


def _graph_head(figure: GraphFigure) -> tuple[str, ...]:
    return GRAPH_HEAD if figure.difference is None else (*GRAPH_HEAD, "difference")


def _graph_rows(figure: GraphFigure) -> Iterator[tuple[object, ...]]:
    trace = figure.trace
    if trace is None:
        yield from ((node.id, node.class_name, "", "", "", "", "") for node in figure.graph.nodes)
        return
    for call in trace.calls:
        about = (call.id, call.class_name, str(call.fate), (call.outputs[0].mask or "") if call.outputs else "")
        for step, state in _states(trace, call.id, figure.sample):
            row = (*about, figure.sample, step, state)
            yield row if figure.difference is None else (*row, figure.difference.words(call.id))


def _states(trace: Trace, ref: str, sample: int) -> list[tuple[object, str]]:
    """Step and state of one sample of a tensor; no step where it has no time axis or no status is known."""
    status = trace.status.get(ref)
    if status is None or sample >= len(status):
        return [("", "")]
    return list(enumerate(map(_step_state, status[sample]))) if status.ndim == 2 else [("", _state(status[sample]))]


def _steps(heatmap: Heatmap, length: int) -> list[int]:
    return list(range(length)) if heatmap.present is None else np.flatnonzero(heatmap.present).tolist()


def _step_state(status: Any) -> str:
    """The state of a step; only in a comparison there is none, where both are the same."""
    return "same" if status == Status.ENDED else _state(status)


def _state(status: Any) -> str:
    return Status(int(status)).name.lower()


def _value(value: Any) -> str:
    """A number that reads back as it was; class numbers without a point."""
    return repr(float(value)) if not float(value).is_integer() else str(int(value))
