"""Padding that counts in the loss, on the way from where the mask is lost."""

from __future__ import annotations

import numpy as np

from maskviz.core.counted_padding import CountedPadding
from maskviz.core.graph import graph_of
from maskviz.core.graph_looks import node_look
from tests.gui.sample_trace import sliced, tagger


def test_padded_steps_after_a_lost_mask_count_as_far_as_the_loss():
    trace = sliced().trace(sliced().batch)
    graph = graph_of(trace)
    counted = CountedPadding(graph, trace)
    padded = trace.output_padding("dense")
    assert padded is not None
    for tensor in ("shift", "dense"):
        row = counted.of(tensor, 0)
        assert row is not None
        assert row.tolist() == padded[0].tolist()
    for tensor in ("features", "masking", "lstm", "lstm_1", "loss:dense"):
        assert counted.of(tensor, 0) is None
    look = node_look(graph.by_id["dense"], trace, trace.call("dense"), 0, 0, (0,), 0, None, counted)
    assert np.frombuffer(look.strips[0].counted, bool).tolist() == padded[0].tolist()


def test_where_the_mask_reaches_the_loss_nothing_counts():
    trace = tagger().trace(tagger().batch)
    counted = CountedPadding(graph_of(trace), trace)
    assert all(counted.of(call.id, 0) is None for call in trace.calls)
