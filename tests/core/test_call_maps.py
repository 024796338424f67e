"""Maps about a call: laid on the shared axis with its mask and padding, or an explanation of why there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maskviz.core.call_maps import call_map, tensor_of
from maskviz.core.map_rows import MapSpec
from maskviz.core.probes import Gradients, Influence, RecurrentStates, Values
from maskviz.core.read_out import words_at
from maskviz.core.status import Status
from maskviz.core.trace import Trace
from tests.gui import sample_trace

STEPS, CUT = 24, 3


@pytest.fixture(name="trace")
def _trace() -> Trace:
    """The sliced network's trace, with the place of each call's steps as the engine's recordings have it."""
    sample = sample_trace.sliced()
    trace = sample.trace(sample.batch)
    whole, late = ("features", tuple(range(STEPS))), ("features", tuple(range(CUT, STEPS)))
    return replace(trace, steps={c.id: whole if c.outputs[0].shape[1] == STEPS else late for c in trace.calls})


def values(trace: Trace, ref: str, view: str = "unit") -> Values:
    call = trace.call(ref)
    assert call is not None
    array = np.random.default_rng(0).normal(size=call.outputs[0].shape[:2]).astype("float32")
    return Values(ref, view, 0, 64, True, array, np.abs(array))  # type: ignore[arg-type]


def test_values_lie_at_the_steps_they_belong_to(trace: Trace) -> None:
    answer = values(trace, "shift")
    heatmap = call_map(MapSpec("values", "shift"), trace, STEPS, answer)
    assert heatmap.title == "Values of shift"
    assert heatmap.subtitle == "unit 0 of 64"
    assert heatmap.present is not None
    assert heatmap.present.tolist() == [False] * CUT + [True] * (STEPS - CUT)
    assert heatmap.values is not None
    np.testing.assert_array_equal(heatmap.values[:, CUT:], answer.values)
    assert heatmap.exposed is not None
    np.testing.assert_array_equal(heatmap.exposed, trace.padding["features"] & heatmap.present)  # no mask is there to skip it


def test_marks_follow_the_statuses_and_padding_that_nothing_was_computed_from_has_its_own(trace: Trace) -> None:
    untouched = replace(trace, status={**trace.status, "shift": np.full_like(trace.status["shift"], Status.UNMASKED)})
    heatmap = call_map(MapSpec("values", "shift"), untouched, STEPS, values(trace, "shift"))
    assert heatmap.exposed is not None
    assert heatmap.padded is not None
    assert not heatmap.exposed.any()
    np.testing.assert_array_equal(heatmap.padded, trace.padding["features"] & heatmap.present)
    bare = call_map(MapSpec("call_mask", "shift"), untouched, STEPS, None)
    assert bare.status is not None
    assert (bare.status[:, CUT:] == Status.UNMASKED).all()


def test_the_padding_test_map_shows_how_far_steps_moved(trace: Trace) -> None:
    answer = values(trace, "lstm")
    heatmap = call_map(MapSpec("change", "lstm"), trace, STEPS, answer)
    assert heatmap.values is not None
    np.testing.assert_array_equal(heatmap.values, answer.amount)
    assert heatmap.skipped is not None
    np.testing.assert_array_equal(heatmap.skipped, ~trace.masks["m0"])


def test_the_mask_and_the_statuses_of_a_call(trace: Trace) -> None:
    padding = trace.padding["features"]
    mask = call_map(MapSpec("call_mask", "lstm"), trace, STEPS, None)
    assert mask.status is not None
    assert (mask.status[padding] == Status.SKIPPED).all()
    assert (mask.status[~padding] == Status.KEPT).all()
    bare = call_map(MapSpec("call_mask", "shift"), trace, STEPS, None)
    assert bare.subtitle == "no mask is here"
    assert bare.status is not None
    assert (bare.status[:, CUT:][padding[:, CUT:]] == Status.EXPOSED).all()
    assert (bare.status[:, :CUT] == Status.ENDED).all()
    touched = np.zeros((16, STEPS), bool)
    touched[2, 4] = True
    leaking = replace(trace, status={**trace.status, "lstm": np.where(touched, Status.LEAKING, trace.status["lstm"]).astype("uint8")})
    status = call_map(MapSpec("status", "lstm"), leaking, STEPS, None)
    assert status.odd is not None
    assert status.odd.sum() == 1
    assert status.odd[2, 4]
    assert "1 leaking" in status.subtitle
    assert words_at(status, 2, 4) == ["Status of lstm: leaking"]


def test_gradients_and_states(trace: Trace) -> None:
    sizes = np.arange(16 * STEPS, dtype="float32").reshape(16, STEPS)
    gradients = Gradients(False, 0.1, 0.1, {"lstm": sizes}, (), (), "")
    assert call_map(MapSpec("gradient", "lstm"), trace, STEPS, gradients).values is not None
    none = call_map(MapSpec("gradient", "lstm"), trace, STEPS, replace(gradients, sizes={}))
    assert "No gradient reaches ‘lstm’" in none.explanation
    state = np.random.default_rng(1).normal(size=(16, STEPS, 5)).astype("float32")
    mask = trace.masks["m0"]
    answer = RecurrentStates("lstm", (state, state * 2), (state[:, 0], state[:, 0]), mask, False, tuple(range(16)), 0.0, "")
    heatmap = call_map(MapSpec("state", "lstm", unit=3, state=1), trace, STEPS, answer)
    assert heatmap.values is not None
    np.testing.assert_array_equal(heatmap.values, 2 * state[..., 3])
    assert "state 2 of 2" in heatmap.subtitle
    assert heatmap.skipped is not None
    np.testing.assert_array_equal(heatmap.skipped, ~mask)
    norm = call_map(MapSpec("state", "lstm", "norm"), trace, STEPS, answer)
    assert norm.values is not None
    np.testing.assert_allclose(norm.values, np.linalg.norm(state, axis=-1), rtol=1e-5)


def test_influence_has_steps_down_and_across(trace: Trace) -> None:
    amount = np.eye(STEPS - CUT, STEPS, k=CUT, dtype="float32")
    answer = Influence("shift", "features", 2, True, amount, amount > 0, "21 of 504 pairs depend.")
    heatmap = call_map(MapSpec("influence", "shift"), trace, STEPS, answer)
    assert heatmap.values is amount
    assert heatmap.skipped is not None
    np.testing.assert_array_equal(heatmap.skipped, np.broadcast_to(trace.padding["features"][2], amount.shape))
    assert "sample 2" in heatmap.subtitle


def test_what_is_not_there_is_said(trace: Trace) -> None:
    assert "no call ‘other’" in call_map(MapSpec("values", "other"), trace, STEPS, None).explanation
    tagger = sample_trace.tagger()
    other = tagger.trace(tagger.batch)
    assert "no time axis" in call_map(MapSpec("call_mask", "last"), other, 10, None).explanation
    assert tensor_of(trace, "lstm#7") is None
