"""The JSON of a trace is plain and strict: no number that JSON cannot hold, every array under its key."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from maskviz.core.ledger import Ledger, LossTerms
from maskviz.core.trace import Call, Fate, OutputTrace, TensorIn, TensorOut, Trace
from maskviz.core.trace_json import to_arrays


def trace() -> Trace:
    mask = np.asarray([[True, False]])
    out = TensorOut((1, 2, 3), "float32", "m0", True, 0.5)
    call = Call(
        "lstm", "lstm", "LSTM", "layer", None, "data", (TensorIn("x", (1, 2), None, ("y",)),), {"mask": "m0"}, (0,), (out,), Fate.PASSES
    )
    terms = LossTerms("out", "mse", 1.0, None, True, np.asarray([[0.25, np.nan]]))
    return Trace(
        "3", "tensorflow", "CPU", "net", "Functional", True, (call,), (OutputTrace("out", "lstm", "m0", True, "x", (0, 1)),),
        {"m0": mask}, {"lstm": mask.astype("uint8")}, {"lstm": mask}, {"out": np.zeros((1, 2, 3))}, {"out": np.zeros((1, 2))}, {"x": ~mask},
        Ledger(float("nan"), float("inf"), None, 0.5, None, terms=(terms,)), {"m": float("nan")},
    )  # fmt: skip


def test_strict_json() -> None:
    about = json.loads(json.dumps(trace().to_dict(), allow_nan=False))
    assert about["schema"] == 1
    assert about["loss"]["reported"] is about["loss"]["sum"] is about["metrics"]["m"] is None
    assert about["loss"]["unmasked"] == 0.5
    assert about["loss"]["outputs"][0]["sum"] is None
    assert about["masks"] == {"m0": {"shape": [1, 2], "kept": 1, "size": 2}}
    (call,) = about["calls"]
    assert (call["fate"], call["stripped"], call["received"]) == ("passes", [0], {"mask": "m0"})
    assert call["inputs"] == [{"from": "x", "shape": [1, 2], "mask": None, "also_from": ["y"]}]
    assert call["outputs"][0]["touched_kept"] == 0.5


def test_arrays() -> None:
    assert set(to_arrays(trace())) == {"mask/m0", "status/lstm", "touched/lstm", "output/out", "contribution/out"}


def test_padding_of_an_output_follows_its_steps() -> None:
    seen = trace()
    np.testing.assert_array_equal(seen.output_padding("out"), [[False, True]])
    sliced = replace(seen, network_outputs=(OutputTrace("out", "lstm", None, True, "x", (1,)),))
    np.testing.assert_array_equal(sliced.output_padding("out"), [[True]])
    assert replace(seen, network_outputs=(OutputTrace("out", None, None, False),)).output_padding("out") is None
