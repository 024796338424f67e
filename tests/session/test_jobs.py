"""Jobs with the real engine: open, edit, check against ``evaluate()``, and live on when the engine dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from maskviz.core.batch import set_padding
from maskviz.session.jobs import Jobs

pytestmark = pytest.mark.engine
MILLISECONDS = 90_000


def test_open_edit_and_survive(jobs: Jobs, qtbot: object, tmp_path: Path) -> None:
    document = jobs.document
    failures: list[str] = []
    jobs.failed.connect(lambda error: failures.append(str(error)))

    def checked() -> bool:
        return document.trace is not None and not document.stale and document.trace.ledger.matches is not None

    def wait() -> None:
        qtbot.waitUntil(checked, timeout=MILLISECONDS)  # type: ignore[attr-defined]

    jobs.open_example("conv_tagger")
    assert document.trace is None
    wait()
    assert not failures
    assert document.trace is not None
    assert document.trace.ledger.matches
    before = document.trace.ledger.reported

    spec = document.network.inputs[0]
    padded = document.batch.padding[spec.name][0].copy()
    padded[-2:] = ~padded[-2:]
    document.edit(set_padding(document.batch, spec, 0, padded), "Pad sample 1")
    assert document.stale
    wait()
    assert document.trace.ledger.matches
    assert document.trace.ledger.reported != before
    edited = document.trace.ledger.reported
    np.testing.assert_array_equal(document.trace.padding[spec.name][0], padded)

    process = jobs.exchange.client._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: bool(failures), timeout=MILLISECONDS)  # type: ignore[attr-defined]
    assert "batch and edits are kept" in failures[0]
    qtbot.waitUntil(lambda: document.engine.kind == "idle" and checked(), timeout=MILLISECONDS)  # type: ignore[attr-defined]
    assert document.trace.ledger.reported == pytest.approx(edited, rel=1e-5)
    np.testing.assert_array_equal(document.batch.padding[spec.name][0], padded)

    jobs.open(str(tmp_path / "none.keras"))
    assert len(failures) == 2
    assert document.batch is not None, "the open network stays"
    assert checked()
