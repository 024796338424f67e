"""Questions about what is pinned as A, with the real engine: of an older batch, beside another network, and after the engine died."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maskviz import resources
from maskviz.core.batch import set_padding
from maskviz.core.probes import AskGradients, AskValues, Values
from maskviz.session.jobs import Jobs
from maskviz.session.questions import Questions

pytestmark = [pytest.mark.engine, pytest.mark.timeout(480)]
MILLISECONDS = 90_000


def test_a_is_answered_on_demand(jobs: Jobs, qtbot: QtBot, tmp_path: Path) -> None:
    document = jobs.document
    questions = Questions(document, jobs)
    of_a = questions.of_pinned
    file = tmp_path / "mine.keras"
    example = resources.example("lambda_slice_small")
    shutil.copy(example.network, file)

    def answered(ask: AskValues, source: object = of_a) -> Values:
        qtbot.waitUntil(lambda: source.state(ask).kind in ("answered", "refused"), timeout=MILLISECONDS)  # type: ignore[attr-defined]
        answer = source.answer(ask)  # type: ignore[attr-defined]
        assert isinstance(answer, Values), of_a.state(ask).sentence
        return answer

    values, norm, gradient = AskValues("lstm_1"), AskValues("lstm_1", "norm"), AskGradients(calls=("lstm_1",))
    of_a.ask(values)
    assert of_a.state(values).kind == "not asked", "nothing is pinned"
    jobs.open(str(file), str(example.custom), unsafe=True)
    qtbot.waitUntil(lambda: jobs.settled, timeout=MILLISECONDS)
    questions.watch(values)
    first = answered(values, questions)
    document.comparison.pin()
    assert of_a.answer(values) is first, "what was known when it was pinned is known of A"

    batch, network = document.batch, document.network
    assert batch is not None
    assert network is not None
    spec = network.inputs[0]
    steps = np.arange(batch.padding[spec.name].shape[1])
    document.edit(set_padding(batch, spec, 0, steps >= 2), "Pad sample 0")
    of_a.ask(norm)
    of_a.ask(gradient)
    assert of_a.state(gradient).kind == "waiting"
    of_a.cancel(gradient)
    assert of_a.state(gradient).kind == "stopped"
    older = answered(norm)
    questions.ask(norm)
    newer = answered(norm, questions)
    assert not np.array_equal(older.values[0], newer.values[0])
    np.testing.assert_allclose(older.values[1:], newer.values[1:], rtol=1e-5, atol=1e-6)

    jobs.open_example("lambda_slice_masked")
    qtbot.waitUntil(lambda: jobs.settled, timeout=MILLISECONDS)
    held, stat = file.read_bytes(), file.stat()
    file.write_bytes(held + b" ")
    jobs.restart_engine()
    qtbot.waitUntil(lambda: jobs.settled, timeout=MILLISECONDS)
    of_a.ask(AskValues("lstm_2"))
    qtbot.waitUntil(lambda: of_a.state(AskValues("lstm_2")).kind == "refused", timeout=MILLISECONDS)
    assert "mine.keras has changed since it was pinned" in of_a.state(AskValues("lstm_2")).sentence
    file.write_bytes(held)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    second_unit = AskValues("lstm_1", "unit", 1)
    of_a.ask(second_unit)
    other = answered(second_unit)
    assert (other.unit, other.values.shape) == (1, first.values.shape), "A is loaded again beside what is open"
    document.comparison.unpin()
    assert of_a.answer(values) is None
