"""Which steps are behind a number of the ledger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.testing import assert_array_equal

from maskviz.core.ledger_steps import has_steps, steps_behind
from tests.gui.sample_trace import sliced, tagger, translator


def test_steps_lie_where_they_belong_on_the_shared_axis() -> None:
    trace = sliced().trace(sliced().batch)
    (out,) = trace.network_outputs
    assert out.steps is not None
    padding = trace.output_padding(out.name)
    assert padding is not None
    words, steps = steps_behind(trace, "padding_share", 24) or ("", np.zeros(0, bool))
    assert words == "Steps of padding that the loss counts"
    assert steps.shape == (16, 24)
    assert_array_equal(steps[:, list(out.steps)], padding)
    assert not steps[:, [t for t in range(24) if t not in out.steps]].any()
    real = steps_behind(trace, "kept_only", 24)
    assert real is not None
    assert_array_equal(real[1][:, list(out.steps)], ~padding)


def test_a_mask_and_weights_leave_steps_out() -> None:
    trace = tagger().trace(tagger().batch)
    terms = next(t for t in trace.ledger.terms if t.output == "tags")
    assert terms.mask is not None
    counted, everything = steps_behind(trace, "output:tags", 10), steps_behind(trace, "unmasked", 10)
    assert counted is not None
    assert everything is not None
    assert_array_equal(counted[1], terms.mask.astype(bool))
    assert everything[1].all()
    weight = np.zeros(len(terms.values))
    weight[2] = 1.0
    others = tuple(t for t in trace.ledger.terms if t is not terms)
    weighted = replace(trace, ledger=replace(trace.ledger, terms=(replace(terms, sample_weight=weight), *others)))
    heavy = steps_behind(weighted, "mask_times_weights", 10)
    assert heavy is not None
    assert_array_equal(np.flatnonzero(heavy[1].any(axis=1)), [2])


def test_numbers_that_no_steps_are_behind() -> None:
    trace = tagger().trace(tagger().batch)
    for key in ("added", "output:score", "no such row"):
        assert steps_behind(trace, key, 10) is None
        assert not has_steps(trace, key)
    assert steps_behind(translator().trace(translator().batch), "reported", 7) is None
    assert has_steps(trace, "output:tags")
