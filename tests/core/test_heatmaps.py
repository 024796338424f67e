"""What the heatmaps show: states of steps, outputs laid on the shared axis, and the words beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maskviz.core.heatmaps import Choice, loss_map, mask_map, prediction_map, shared_steps, source_mask
from maskviz.core.network import InputSpec
from maskviz.core.numbers import number
from maskviz.core.read_out import read_out, region_words
from maskviz.core.status import Status
from tests.gui import sample_trace


@pytest.fixture(name="sliced")
def _sliced() -> sample_trace.Sample:
    return sample_trace.sliced()


def test_padding_that_the_mask_skips_is_skipped_and_the_rest_kept(sliced: sample_trace.Sample) -> None:
    trace = sliced.trace(sliced.batch)
    name = sliced.network.inputs[0].name
    heatmap = mask_map(sliced.network, sliced.batch, trace)
    padding = sliced.batch.padding[name]
    assert heatmap.status is not None
    assert (heatmap.status[padding] == Status.SKIPPED).all()
    assert (heatmap.status[~padding] == Status.KEPT).all()
    assert source_mask(trace, name) is not None


def test_without_a_mask_padding_is_exposed(sliced: sample_trace.Sample) -> None:
    spec = replace(sliced.network.inputs[0], masked=False)
    heatmap = mask_map(replace(sliced.network, inputs=(spec,)), sliced.batch, None)
    assert heatmap.status is not None
    assert set(np.unique(heatmap.status)) == {Status.EXPOSED, Status.UNMASKED}
    assert "no mask" in heatmap.subtitle


def test_a_real_step_that_the_mask_skips_is_odd(sliced: sample_trace.Sample) -> None:
    trace = sliced.trace(sliced.batch)
    name = sliced.network.inputs[0].name
    mask = source_mask(trace, name)
    assert mask is not None
    assert not sliced.batch.padding[name][0, 0]
    key = next(k for k, m in trace.masks.items() if m is mask or np.array_equal(m, mask))
    wrong = mask.copy()
    wrong[0, 0] = False
    heatmap = mask_map(sliced.network, sliced.batch, replace(trace, masks={**trace.masks, key: wrong}))
    assert heatmap.odd is not None
    assert heatmap.odd[0, 0]
    assert heatmap.odd.sum() == 1
    assert "1 real step is skipped" in heatmap.subtitle
    assert read_out(0, 0, heatmap, None, None) == "sample 0 · t=0 · data, but skipped"


def test_an_edit_shows_before_the_engine_has_answered(sliced: sample_trace.Sample) -> None:
    trace = sliced.trace(sliced.batch)
    name = sliced.network.inputs[0].name
    padding = sliced.batch.padding[name].copy()
    padding[0] = True
    edited = replace(sliced.batch, padding={**sliced.batch.padding, name: padding})
    heatmap = mask_map(sliced.network, edited, trace)
    assert heatmap.status is not None
    assert (heatmap.status[0] == Status.SKIPPED).all()


def test_an_edit_fares_as_padding_fared_before(sliced: sample_trace.Sample) -> None:
    """Where the mask kept padding (a wrong pad value), newly padded steps show as not skipped at once."""
    trace = sliced.trace(sliced.batch)
    name = sliced.network.inputs[0].name
    keeps_all = replace(trace, masks={k: np.ones_like(m) for k, m in trace.masks.items()})
    padding = sliced.batch.padding[name].copy()
    padding[0] = True
    edited = replace(sliced.batch, padding={**sliced.batch.padding, name: padding})
    heatmap = mask_map(sliced.network, edited, keeps_all)
    assert heatmap.status is not None
    assert (heatmap.status[0] == Status.EXPOSED).all()


def test_a_shorter_output_lies_at_its_steps(sliced: sample_trace.Sample) -> None:
    trace = sliced.trace(sliced.batch)
    steps = shared_steps(sliced.batch, trace)
    heatmap = prediction_map(trace, steps)
    out = trace.network_outputs[0]
    assert out.steps is not None
    assert len(out.steps) < steps
    assert heatmap.values is not None
    assert heatmap.present is not None
    assert heatmap.exposed is not None
    assert np.flatnonzero(heatmap.present).tolist() == list(out.steps)
    np.testing.assert_array_equal(heatmap.values[:, list(out.steps)], trace.outputs[out.name][..., 0])
    np.testing.assert_array_equal(heatmap.exposed[:, list(out.steps)], trace.output_padding(out.name))


def test_unit_class_and_norm() -> None:
    tagger = sample_trace.tagger()
    trace = tagger.trace(tagger.batch)
    steps, out = shared_steps(tagger.batch, trace), trace.network_outputs[0]
    array = trace.outputs[out.name]
    unit = prediction_map(trace, steps, out.name, "unit", 2)
    winner = prediction_map(trace, steps, out.name, "class")
    norm = prediction_map(trace, steps, out.name, "norm")
    assert unit.values is not None
    assert winner.values is not None
    assert norm.values is not None
    np.testing.assert_array_equal(unit.values, array[..., 2])
    np.testing.assert_array_equal(winner.values, array.argmax(-1))
    np.testing.assert_allclose(norm.values, np.linalg.norm(array, axis=-1), rtol=1e-6)
    assert winner.classes == array.shape[-1]


def test_nan_has_no_winning_class() -> None:
    tagger = sample_trace.tagger()
    trace = tagger.trace(tagger.batch)
    out = trace.network_outputs[0]
    array = trace.outputs[out.name].astype(np.float32).copy()
    array[1, 2, 0] = np.nan
    winner = prediction_map(replace(trace, outputs={**trace.outputs, out.name: array}), 10, out.name, "class")
    assert winner.values is not None
    assert np.isnan(winner.values[1, 2])
    assert np.isnan(winner.values).sum() == 1


def test_an_output_without_a_time_axis_gives_one_value_per_sample() -> None:
    tagger = sample_trace.tagger()
    trace = tagger.trace(tagger.batch)
    out = next(o for o in trace.network_outputs if not o.has_time)
    heatmap = prediction_map(trace, 10, out.name)
    assert heatmap.values is not None
    assert heatmap.values.shape == (tagger.batch.size,)
    assert not heatmap.has_time


def test_the_loss_says_whether_shares_add_up(sliced: sample_trace.Sample) -> None:
    trace = sliced.trace(sliced.batch)
    total = float(sum(c.sum() for c in trace.contributions.values()))
    right = replace(trace, ledger=replace(trace.ledger, sum=total, evaluate=total, padding_share=0.38))
    assert loss_map(right, 24).subtitle == f"sum = {number(total)} = evaluate() · 38% comes from padding"
    wrong = replace(trace, ledger=replace(trace.ledger, sum=total, evaluate=total * 2, padding_share=None))
    assert loss_map(wrong, 24).subtitle == f"sum = {number(total)} ≠ evaluate() {number(total * 2)}"
    more = replace(trace, ledger=replace(trace.ledger, sum=total + 1, added=1.0, evaluate=total + 1, padding_share=None))
    assert loss_map(more, 24).subtitle == f"sum = {number(total + 1)} with 1 from regularizers and layers = evaluate()"


def test_a_loss_that_cannot_be_split_and_no_loss_are_explained(sliced: sample_trace.Sample) -> None:
    trace = sliced.trace(sliced.batch)
    terms = tuple(replace(t, separable=False) for t in trace.ledger.terms)
    assert terms
    whole = loss_map(replace(trace, contributions={}, ledger=replace(trace.ledger, terms=terms)), 24)
    assert "one number for the whole batch" in whole.explanation
    none = loss_map(replace(trace, compiled=False, contributions={}, ledger=replace(trace.ledger, reported=None, terms=())), 24)
    assert "not compiled" in none.explanation


def test_inputs_without_timesteps_are_explained(sliced: sample_trace.Sample) -> None:
    other = InputSpec("age", (None, 1), "float32", "other")
    network = replace(sliced.network, inputs=(other,))
    batch = replace(sliced.batch, x={"age": np.zeros((4, 1), "float32")}, padding={})
    assert mask_map(network, batch, None).explanation
    text = replace(network, inputs=(InputSpec("words", (None, 1), "string", "text"),))
    assert "text" in mask_map(text, batch, None, "words").explanation


def test_text_shows_the_padding_that_the_trace_found(sliced: sample_trace.Sample) -> None:
    trace = sliced.trace(sliced.batch)
    text = replace(sliced.network, inputs=(replace(sliced.network.inputs[0], kind="text", shape=(None, 1), dtype="string"),))
    batch = replace(sliced.batch, padding={}, content={})
    heatmap = mask_map(text, batch, trace)
    known = mask_map(sliced.network, sliced.batch, trace)
    np.testing.assert_array_equal(heatmap.status, known.status)
    assert "cannot be edited" in heatmap.subtitle
    assert "cannot be edited" not in known.subtitle
    assert shared_steps(batch, trace) == shared_steps(sliced.batch, trace)


def test_read_out(sliced: sample_trace.Sample) -> None:
    trace = sliced.trace(sliced.batch)
    steps = shared_steps(sliced.batch, trace)
    maps = mask_map(sliced.network, sliced.batch, trace), prediction_map(trace, steps), loss_map(trace, steps)
    out = trace.network_outputs[0]
    assert out.steps is not None
    value, share = trace.outputs[out.name][3, -1, 0], trace.contributions[out.name][3, -1]
    words = read_out(3, out.steps[-1], *maps, total=float(share) * 4)
    assert words == f"sample 3 · t={out.steps[-1]} · padding · ŷ {number(float(value))} · loss {number(float(share))} (25.0 %)"
    assert read_out(3, 0, *maps) == "sample 3 · t=0 · data"  # before the output's first step
    assert read_out(3, out.steps[-1], None, maps[1], maps[2], delta="Δ").split(" · ")[2].startswith("Δŷ ")
    assert " · Δloss " in read_out(3, out.steps[-1], *maps, delta="Δ")


def test_what_is_marked_is_told_together(sliced: sample_trace.Sample) -> None:
    trace = sliced.trace(sliced.batch)
    mask, loss = mask_map(sliced.network, sliced.batch, trace), loss_map(trace, shared_steps(sliced.batch, trace))
    padded = int(sliced.batch.padding["features"][2:9, 15:23].sum())
    assert loss.values is not None
    share = float(loss.values[2:9, 15:23].sum(dtype=np.float64))
    words = region_words(range(2, 9), 15, 22, mask, loss, share * 25)
    assert words == f"7 samples × 8 steps · {padded} padding · loss {number(share)} (4.0 %)"
    assert region_words([3], 4, 4, None, None) == "1 sample × 1 step"
    assert region_words([3], 4, 5, mask, loss, share, "Δ").startswith("1 sample × 2 steps · Δloss ")


def test_numbers_for_people() -> None:
    assert [number(x) for x in (0.10338, -2.0, float("nan"), float("inf"), -float("inf"))] == ["0.1034", "−2", "NaN", "+∞", "−∞"]
    assert number(None) == "–"
    aligned = [number(x, aligned=True) for x in (0.0, 0.10344, 12.5, 1.5e-5, 123456.0, float("nan"))]
    assert aligned == ["0.0000", "0.1034", "12.5000", "1.5e−05", "1.235e+05", "NaN"]
    assert Choice() == Choice(view="unit")
