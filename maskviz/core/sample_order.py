"""The order in which samples are shown: as given, by length, by loss, by share of padding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.heatmaps import network_output
from maskviz.core.map_rows import Order
from maskviz.core.trace import Trace

ORDER_WORDS: dict[Order, tuple[str, str]] = {
    "given": ("As given", "Samples in the order of the batch"),
    "length": ("By length", "Samples with the most real steps first"),
    "loss": ("By loss", "Samples that add most to the loss of this output first"),
    "padding": ("By share of padding", "Samples with the most padding over all inputs first"),
}


def sample_order(order: Order, batch: Batch, trace: Trace | None, input: str | None, output: str | None) -> NDArray[Any] | None:
    """The samples by row ``(batch,)``, equal ones as given; None for as given, and where there is nothing to sort by.

    ``input`` is whose length counts (None: the first with steps), ``output`` whose loss.
    """
    keys = _keys(order, batch, trace, input, output)
    return None if keys is None else np.argsort(-np.nan_to_num(keys, nan=np.inf), kind="stable")


def _keys(order: Order, batch: Batch, trace: Trace | None, input: str | None, output: str | None) -> NDArray[Any] | None:
    padding = batch.padding or (trace.padding if trace is not None else {})
    if order == "length" and padding:
        chosen = padding[input] if input is not None and input in padding else next(iter(padding.values()))
        return np.asarray((~chosen.astype(bool)).sum(axis=1), float)
    if order == "padding" and padding:
        return np.asarray(np.mean([p.mean(axis=1) for p in padding.values()], axis=0))
    out = network_output(trace, output) if order == "loss" and trace is not None else None
    if trace is None or out is None or out.name not in trace.contributions:
        return None
    values = trace.contributions[out.name]
    return np.asarray(values.reshape(len(values), -1).sum(axis=1, dtype=np.float64))
