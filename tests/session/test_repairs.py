"""Fixes applied to a copy, with the real engine: verified in numbers, kept in a file, stopped by an edit, opened on the same batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maskviz.core.batch import set_padding
from maskviz.core.errors import UnusableInput
from maskviz.core.finding import Finding, Severity
from maskviz.core.repair import Report
from maskviz.core.trace import Trace
from maskviz.session.jobs import Jobs
from maskviz.session.repairs import STOPPED, STOPPED_BY_EDIT, Repairs

pytestmark = pytest.mark.engine
MILLISECONDS = 90_000


def traced(jobs: Jobs, qtbot: QtBot) -> Trace:
    """The trace of the batch that is shown, once it is there."""
    qtbot.waitUntil(lambda: jobs.settled, timeout=MILLISECONDS)
    assert jobs.document.trace is not None
    return jobs.document.trace


def test_a_fix_is_applied_to_a_copy_and_the_copy_opened(jobs: Jobs, qtbot: QtBot, tmp_path: Path) -> None:
    document = jobs.document
    repairs = Repairs(document, jobs)
    told: list[tuple[str, Report]] = []
    repairs.repaired.connect(lambda path, report: told.append((path, report)))
    jobs.open_example("transformer_post_norm")
    before = traced(jobs, qtbot)
    finding = before.findings[0]
    assert finding.id == "MV11-mha-strips-mask"

    repairs.apply(finding)
    repairs.cancel(finding)
    assert repairs.state(finding).kind == "untried"
    assert repairs.state(finding).sentence == STOPPED
    with pytest.raises(UnusableInput, match="apply the fix first"):
        repairs.save(finding, str(tmp_path / "none.keras"))

    repairs.apply(finding)
    qtbot.waitUntil(lambda: repairs.state(finding).kind == "done", timeout=MILLISECONDS)
    state = repairs.state(finding)
    assert state.verified
    assert state.sentence.startswith("Verified: exposed steps ")
    assert " → 0, " in state.sentence
    assert [path for path, _ in told] == [str(state.path)]
    assert told[0][1].after.exposed == 0
    repairs.save(finding, str(tmp_path / "kept.keras"))
    assert state.path is not None
    assert (tmp_path / "kept.keras").read_bytes() == state.path.read_bytes()

    batch, network = document.batch, document.network
    assert batch is not None
    assert network is not None
    spec = network.inputs[0]
    repairs.apply(finding)
    document.edit(set_padding(batch, spec, 0, np.arange(batch.padding[spec.name].shape[1]) >= 2), "Pad sample 0 from step 2")
    assert repairs.state(finding).sentence == STOPPED_BY_EDIT
    traced(jobs, qtbot)

    edited = document.batch
    assert edited is not None
    jobs.open_copy(str(state.path))
    after = traced(jobs, qtbot)
    assert document.title == state.path.name
    assert document.batch is not None
    np.testing.assert_array_equal(document.batch.x[spec.name], edited.x[spec.name])
    assert not document.undo_stack.isClean(), "the edits of the batch are not saved yet"
    assert not any(f.id == finding.id for f in after.findings)
    assert repairs.state(finding).kind == "untried", "another network's findings have not been tried"
    repairs.close()
    assert not state.path.exists()


def test_what_is_not_mechanical_says_whose_it_is() -> None:
    def finding(name: str) -> Finding:
        return Finding(name, Severity.WARNING, None, "Something.", "", "code")

    assert Repairs.refusal(finding("MV11-mha-strips-mask")) == ""
    assert Repairs.refusal(finding("MV37-batch-norm")).startswith("This fix is yours to make: another normalization")
    assert "not in the network" in Repairs.refusal(finding("MV40-anything-else"))
