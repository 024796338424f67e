"""Which maps are shown: kept as JSON, and what the engine is asked for each."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from maskviz.core.heatmaps import in_order, loss_map
from maskviz.core.map_rows import Look, MapSpec, Panels
from maskviz.core.probes import AskGradients, AskInfluence, AskStates, AskValues
from maskviz.core.sample_order import sample_order
from tests.gui import sample_trace


def test_panels_come_back_from_json_as_they_were() -> None:
    rows = (
        MapSpec("loss", look=Look("viridis", (0.0, 0.5), log=True)),
        MapSpec("values", "block/lstm#1", "norm", 3, look=Look(percent=2.0, symmetric=True)),
        MapSpec("state", "lstm", unit=4, state=1),
        MapSpec("mask"),
    )
    panels = Panels(rows, "length", "time")
    assert Panels.from_json(json.loads(json.dumps(panels.to_json()))) == panels


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"rows": 3},
        {"rows": [{"kind": "nothing"}, 4, {"kind": "values"}, {"kind": "mask", "ref": "lstm"}]},
    ],
)
def test_what_is_no_panels_gives_the_first_view(data: Any) -> None:
    assert Panels.from_json(data) == Panels()


def test_what_cannot_be_read_of_a_map_is_left_out() -> None:
    broken = {"colors": "pink", "limits": [1.0, float("nan")], "percent": 70, "symmetric": 1}
    data = {"rows": [{"kind": "values", "ref": "lstm", "view": "mean", "unit": -3, "look": broken}, {"kind": "loss"}, {"kind": "loss"}]}
    assert Panels.from_json(data).rows == (MapSpec("values", "lstm", look=Look(symmetric=True)), MapSpec("loss"))


def test_each_kind_asks_for_what_it_shows() -> None:
    assert MapSpec("values", "lstm#1", "norm", 2).question(3) == AskValues("lstm#1", "norm", 2)
    assert MapSpec("change", "lstm").question(3) == AskValues("lstm")
    assert MapSpec("gradient", "lstm").question(3) == AskGradients(calls=("lstm",))
    assert MapSpec("state", "lstm#1").question(3) == AskStates("lstm")
    assert MapSpec("influence", "lstm").question(3) == AskInfluence("lstm", 3)
    assert MapSpec("status", "lstm").question(3) is None
    assert MapSpec("loss").question(3) is None


def test_samples_are_sorted_by_length_padding_and_loss() -> None:
    sample = sample_trace.sliced()
    trace = sample.trace(sample.batch)
    lengths = (~sample.batch.padding["features"]).sum(axis=1)
    by_length = sample_order("length", sample.batch, trace, None, None)
    assert by_length is not None
    assert lengths[by_length].tolist() == sorted(lengths.tolist(), reverse=True)
    by_padding = sample_order("padding", sample.batch, trace, None, None)
    assert by_padding is not None
    assert lengths[by_padding].tolist() == sorted(lengths.tolist())
    by_loss = sample_order("loss", sample.batch, trace, None, None)
    assert by_loss is not None
    sums = trace.contributions["dense"].sum(axis=(1, 2) if trace.contributions["dense"].ndim > 2 else 1)
    assert (np.diff(sums[by_loss]) <= 1e-9).all()
    assert sample_order("given", sample.batch, trace, None, None) is None
    assert sample_order("loss", sample.batch, None, None, None) is None


def test_a_map_in_another_order_holds_the_same_samples() -> None:
    sample = sample_trace.sliced()
    heatmap = loss_map(sample.trace(sample.batch), 24)
    order = np.arange(16)[::-1]
    turned = in_order(heatmap, order)
    assert heatmap.values is not None
    assert turned.values is not None
    np.testing.assert_array_equal(turned.values, heatmap.values[::-1])
    assert heatmap.skipped is not None
    assert turned.skipped is not None
    np.testing.assert_array_equal(turned.skipped, heatmap.skipped[::-1])
    assert in_order(heatmap, np.arange(3)) is heatmap
