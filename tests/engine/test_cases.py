"""Traces held against oracles by plain Keras, call by call, over a folder of real networks that is not part of this repository.

``MASKVIZ_CASES`` names the folder (``../shared/cases`` without it); where there is none, nothing runs. ``networks/NAME.keras`` has a batch
``NAME.npz`` and ``NAME.oracle.json`` and ``.npz``, which eager Keras made without the engine; ``checks/cases.json`` holds values that
Keras' own tests state; ``real/`` files as others published them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from maskviz import api
from maskviz.core.assemble import trace_of
from maskviz.core.batch_files import read_batch
from maskviz.core.errors import UnusableInput
from maskviz.core.generate import generate
from maskviz.core.trace import Trace
from maskviz.engine import loading
from maskviz.engine.service import Service
from tests.engine.eager import Witness, disagreements, same

ROOT = Path(__file__).parents[2]
CASES = Path(os.environ.get("MASKVIZ_CASES", ROOT.parent / "shared" / "cases"))
NETWORKS = sorted(CASES.glob("networks/*.keras"))
FATES = {"created": "creates", "created_inside": "creates", "passed": "passes", "changed": "changes", "dropped": "drops", "ended": "ends"}

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not CASES.is_dir(), reason="no folder of cases (MASKVIZ_CASES)"),
    pytest.mark.expects_log("triggered tf.function retracing"),
    pytest.mark.filterwarnings("ignore"),  # what Keras has to say about networks of others
]


@cache
def traced(path: Path) -> Trace:
    """A network's trace on its batch, compiled, in this process."""
    keras.utils.clear_session()
    custom = path.with_suffix(".custom.py")
    network, signature = loading.load(str(path), str(custom) if custom.exists() else None, unsafe=True)
    batch, _ = read_batch(path.with_suffix(".npz"), signature.network)
    service = Service()
    service.hold(network, signature)
    return trace_of(service.trace(batch), batch)


@cache
def oracle(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What plain Keras said of a network, and the arrays it names."""
    with np.load(path.with_suffix(".oracle.npz"), allow_pickle=False) as held:
        return json.loads(path.with_suffix(".oracle.json").read_text()), dict(held)


def calls_of(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The oracle's calls by their ids in a trace; what runs once a timestep (cells) is no call of the network."""
    ids: dict[int, str] = {}
    counts: dict[str, int] = {}
    for number, call in enumerate(said["calls"]):
        if call["parent"] is None:
            ids[number] = ""
        elif call["parent"] in ids and not call["class"].endswith("Cell"):
            path = f"{ids[call['parent']]}/{call['name']}".lstrip("/")
            counts[path] = count = counts.get(path, -1) + 1
            ids[number] = path if count == 0 else f"{path}:{count}"
            yield ids[number], call


def wrong_calls(trace: Trace, said: dict[str, Any], arrays: dict[str, Any]) -> Iterator[str]:
    """What a trace says otherwise than the oracle, one line each."""

    def mine(key: Any) -> Any:
        return [mine(k) for k in key] if isinstance(key, (list, tuple)) else None if key is None else trace.masks[key]

    def its(key: Any) -> Any:
        return [its(k) for k in key] if isinstance(key, list) else None if key is None else arrays[key].astype(bool)

    for name, told in calls_of(said):
        call = trace.call(name)
        if call is None:
            yield f"{name} ({told['class']}): not in the trace"
            continue
        checks = {
            "shapes": [list(shape) for shape in ([t.shape for t in call.inputs] + [t.shape for t in call.outputs])]
            == [t["shape"] for t in (*told["inputs"], *told["outputs"])],
            "masks in": same(mine([t.mask for t in call.inputs]), its([t["mask"] for t in told["inputs"]])),
            "masks out": same(mine([t.mask for t in call.outputs]), its([t["mask"] for t in told["outputs"]])),
            "stripped": len(call.stripped) == len(told["stripped_inputs"]),
            "fate": str(call.fate) == FATES.get(told["effect"], "none"),
        }
        checks |= {f"received {n}": same(mine(call.received.get(n)), its(key)) for n, key in told["mask_args"].items()}
        yield from (f"{name} ({told['class']}): {what} differ" for what, right in checks.items() if not right)


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_calls(path: Path) -> None:
    said, arrays = oracle(path)
    assert len(list(calls_of(said))) > 0
    assert list(wrong_calls(traced(path), said, arrays)) == []


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_predictions_and_loss(path: Path) -> None:
    (said, arrays), trace = oracle(path), traced(path)
    own = [array for key, array in arrays.items() if key.startswith("out__")]
    assert len(own) == len(trace.outputs) > 0
    for predicted, array in zip(trace.outputs.values(), own, strict=True):
        assert_allclose(predicted, array, rtol=1e-4, atol=1e-5)
    loss = (said["evaluate"] or {}).get("loss")
    assert (trace.ledger.sum is None) == (loss is None)
    if loss is not None:
        assert trace.ledger.sum == pytest.approx(loss, rel=1e-5)
        assert trace.ledger.reported == pytest.approx(loss, rel=1e-5)
        if trace.contributions:  # a loss that is a single number has none
            assert sum(float(a.sum()) for a in trace.contributions.values()) + trace.ledger.added == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_leaks(path: Path) -> None:
    """Padding moves an output of ours exactly where one of the oracle's padding tests moved one."""
    (said, _), trace = oracle(path), traced(path)
    outputs = {call.ref(number): out for call in trace.calls for number, out in enumerate(call.outputs)}
    moved = [o.name for o in trace.network_outputs if o.ref is not None and outputs[o.ref].touched_kept]
    assert bool(moved) == any(test["leaks"] for test in said["leak"] if test["mask_unchanged"])


# -- values that Keras' own tests state

CHECKS = json.loads((CASES / "checks/cases.json").read_text())["cases"] if (CASES / "checks/cases.json").is_file() else {}


@pytest.mark.parametrize("name", CHECKS)
def test_stated_values(name: str) -> None:
    keras.utils.clear_session()
    network = keras.models.load_model(CASES / f"checks/{name}.keras")
    with np.load(CASES / f"checks/{name}.npz", allow_pickle=False) as held:
        arrays = dict(held)
    x = arrays["x"] if "x" in arrays else [arrays[key] for key in sorted(arrays) if key[0] == "x"]
    trace, checks = api.trace(network, x, arrays.get("y")), CHECKS[name]["checks"]
    assert not disagreements(Witness().watch(network, x), trace)
    if "outputs" in checks:
        for number, predicted in enumerate(trace.outputs.values()):
            assert_allclose(predicted, arrays[f"expected_out{number}"], atol=checks["outputs"]["atol"])
    if "output_mask" in checks:
        mask = trace.network_outputs[0].mask
        if checks["output_mask"]["expected"] is None:
            assert mask is None
        else:
            assert mask is not None
            assert_array_equal(trace.masks[mask], arrays["expected_mask"].astype(bool))
    if "loss" in checks:
        assert trace.ledger.sum == pytest.approx(checks["loss"]["expected"], rel=1e-5, abs=1e-7)


# -- files as others published them

REFUSED = {
    "real_lfs_pointer": "Git LFS pointer",
    "real_weights_only": "weights only",
    "real_dl4j_sequential_lambda": "lambda_1 was saved by another version of Python",
}


@pytest.mark.parametrize("path", sorted(CASES.glob("real/*.*")), ids=lambda path: path.stem)
def test_published_files(path: Path) -> None:
    keras.utils.clear_session()
    if path.stem in REFUSED:
        with pytest.raises(UnusableInput, match=REFUSED[path.stem]):
            loading.load(str(path), unsafe=True)
        return
    network, signature = loading.load(str(path), unsafe=True)
    batch = generate(signature.network, seed=0)
    service = Service()
    service.hold(network, signature)
    trace = trace_of(service.trace(batch), batch)
    x = signature.pack_inputs([batch.x[name] for name in signature.input_names])
    assert not disagreements(Witness().watch(network, x), trace)
    assert not trace.compiled or trace.ledger.sum == pytest.approx(trace.ledger.reported, rel=1e-5)
