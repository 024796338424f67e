"""Two results beside each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maskviz.core.batch import set_padding, some_rows
from maskviz.core.compare import call_changes, difference, in_words, ledger_pairs
from maskviz.core.heatmaps import Heatmap, loss_map, mask_map, prediction_map
from maskviz.core.status import Status
from maskviz.core.trace import Fate, Trace
from tests.gui.sample_trace import Sample, sliced, tagger


def shifted(trace: Trace, by: float) -> Trace:
    return replace(trace, outputs={name: array + np.float32(by) for name, array in trace.outputs.items()})


def padded_more(sample: Sample) -> Trace:
    batch = set_padding(sample.batch, sample.network.inputs[0], 0, np.arange(24) >= 5)
    return sample.trace(batch)


def test_values_are_subtracted_and_what_one_side_lacks_is_left_out() -> None:
    sample = sliced()
    a = sample.trace(sample.batch)
    b = shifted(a, 0.25)
    found = difference(prediction_map(a, 24), prediction_map(b, 24))
    assert found is not None
    assert found.values is not None
    assert found.present is not None
    np.testing.assert_allclose(found.values[:, found.present], 0.25, rtol=1e-5)
    assert np.isnan(found.values[:, ~found.present]).all()
    assert "B − A" in found.subtitle
    assert "0.25" in found.subtitle


def test_of_other_sizes_only_what_both_have_is_compared() -> None:
    sample = sliced()
    a = sample.trace(sample.batch)
    fewer = sample.trace(some_rows(sample.batch, np.arange(4)))
    found = difference(prediction_map(a, 24), prediction_map(fewer, 24))
    assert found is not None
    assert found.samples == 4
    assert "the first 4 samples" in found.subtitle


def test_statuses_that_differ_are_shown_as_in_b_and_the_others_left_blank() -> None:
    sample = sliced()
    a, b = sample.trace(sample.batch), padded_more(sample)
    edited = set_padding(sample.batch, sample.network.inputs[0], 0, np.arange(24) >= 5)
    found = difference(mask_map(sample.network, sample.batch, a), mask_map(sample.network, edited, b))
    assert found is not None
    assert found.status is not None
    before = int((~sample.batch.padding["features"][0]).sum())
    assert (found.status[0, 5:before] == Status.SKIPPED).all()
    assert int((found.status != Status.ENDED).sum()) == before - 5
    assert found.subtitle.startswith(f"B − A · {before - 5} steps differ")


def test_a_map_that_one_side_cannot_show_says_so() -> None:
    sample = tagger()
    trace = sample.trace(sample.batch)
    found = difference(Heatmap("loss", "Loss contributions", explanation="Targets are missing, so there is no loss."), loss_map(trace, 10))
    assert found is not None
    assert found.explanation == "There is no difference to show: in A, targets are missing, so there is no loss."
    assert found.values is None


def test_calls_are_matched_by_name_and_say_what_changed() -> None:
    sample = sliced()
    a = sample.trace(sample.batch)
    dropping = next(c for c in a.calls if c.fate is Fate.DROPS)
    others = tuple(c for c in a.calls if c.id != dropping.id)
    b = replace(a, calls=(*others[:-1], replace(dropping, fate=Fate.PASSES), replace(others[-1], id="head")))
    changes = call_changes(a, b)
    assert changes == {
        dropping.id: ("drops → passes", "good"),
        others[-1].id: ("only in A", "quiet"),
        "head": ("only in B", "accent"),
    }
    assert call_changes(b, a)[dropping.id] == ("passes → drops", "bad")
    assert call_changes(a, a) == {}


def test_numbers_of_both_ledgers_stand_beside_each_other() -> None:
    sample = sliced()
    a, b = sample.trace(sample.batch), padded_more(sample)
    pairs = {pair.key: pair for pair in ledger_pairs(a, b)}
    assert pairs["reported"].a == a.ledger.reported
    assert pairs["reported"].b == b.ledger.reported
    assert a.ledger.kept_only is not None
    assert b.ledger.kept_only is not None
    assert pairs["kept_only"].difference == b.ledger.kept_only - a.ledger.kept_only
    alone = replace(b, ledger=replace(b.ledger, rows=b.ledger.rows[:1]))
    assert {pair.key: pair.b for pair in ledger_pairs(a, alone)}["kept_only"] is None
    assert "exposed steps" in in_words(a, b)


def test_a_loss_that_moved_says_so_at_its_card() -> None:
    sample = sliced()
    a = sample.trace(sample.batch)
    ledger = replace(a.ledger, terms=tuple(replace(term, total=term.total + 1) for term in a.ledger.terms))
    assert list(call_changes(a, replace(a, ledger=ledger))) == [f"loss:{term.output}" for term in a.ledger.terms]
