"""The builder with the real engine: a network becomes a stack, edits are built and traced unseen, undone, refused at their row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maskviz.core.batch import set_padding
from maskviz.core.builder import added, changed, removed, with_argument, with_source
from maskviz.core.errors import MaskVizError
from maskviz.core.layer_forms import new_row
from maskviz.core.messages import BuildStack
from maskviz.session.building import Building
from maskviz.session.jobs import Jobs

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]
MILLISECONDS = 90_000


def test_a_network_is_edited_in_the_builder(jobs: Jobs, qtbot: QtBot) -> None:
    document = jobs.document
    building = Building(document, jobs)
    failures: list[MaskVizError] = []
    jobs.failed.connect(failures.append)

    def rest() -> None:
        """Until what was edited has been built and traced, or refused."""
        qtbot.waitUntil(lambda: not building._rest.isActive() and not building.is_building and jobs.settled, timeout=MILLISECONDS)

    jobs.open_example("bias_on_padding")
    building.open()
    assert building.is_opening
    qtbot.waitUntil(lambda: building.stack is not None and building.forms is not None, timeout=MILLISECONDS)
    stack, forms, before = building.stack, building.forms, document.trace
    assert stack is not None
    assert forms is not None
    assert before is not None
    assert [row.kind for row in stack.rows] == ["Embedding", "GRU", "Dense"]
    assert stack.rows[2].wrapper == "TimeDistributed"

    # an edit of the batch in between is a step of the same history, and outlives the edits of the stack
    spec = document.network.inputs[0]  # type: ignore[union-attr]
    padded = np.arange(document.time_steps) >= 1
    document.edit(set_padding(document.batch, spec, 0, padded), "Pad sample 0")  # type: ignore[arg-type]
    building.edit(removed(stack, 1), "Remove gru")
    assert document.trace is not None, "what is open stays"
    assert document.trace.call("gru") is not None
    rest()
    assert building.trouble is None, building.trouble
    assert document.title == "Bias on padding (edited)"
    assert document.path is None
    assert isinstance(jobs.opened, BuildStack)
    assert document.trace.call("gru") is None
    assert building.kept == (2, 3), "the output has other inputs now"
    np.testing.assert_array_equal(document.batch.padding[spec.name][0], padded)  # type: ignore[union-attr]

    # a row that cannot be built: said at its row, and the last network stays
    shown, second = document.trace, building.stack
    assert second is not None
    building.edit(changed(second, 1, with_argument(second.rows[1], "nothing", 1, 0)), "Give nothing")
    rest()
    assert building.trouble is not None
    assert building.trouble.row == 1
    assert "‘output’ cannot be built" in building.trouble.sentence
    assert [c.id for c in document.trace.calls] == [c.id for c in shown.calls]
    building.edit(changed(second, 1, replace(second.rows[1], takes=("nowhere",))), "Take nothing")
    assert building.trouble is not None
    assert "not there any more" in building.trouble.sentence

    # undone step by step, all at once
    for _ in range(3):
        document.undo_stack.undo()
    rest()
    assert building.trouble is None
    assert building.stack == stack
    assert building.kept == (6, 6), "all layers have their weights again"
    assert document.undo_stack.undoText() == "Pad sample 0"
    output = before.network_outputs[0].name
    rows = slice(1, None)
    np.testing.assert_allclose(document.trace.outputs[output][rows], before.outputs[output][rows], atol=1e-6)

    # other ids, which the batch does not fit, and a new row; the batch comes back with the old input
    batch = document.batch
    assert batch is not None
    both = new_row(stack, forms, "Bidirectional", 1)
    assert (both.name, both.kind, both.wrapper) == ("bidirectional", "LSTM", "Bidirectional")
    fewer = with_source(stack, replace(stack.source, vocabulary=3))
    building.edit(added(fewer, 1, replace(both, arguments={**both.arguments, "units": 2})), "Add bidirectional, 3 ids")
    rest()
    assert building.trouble is None, building.trouble
    assert document.trace.call("bidirectional") is not None
    assert document.batch is not batch
    assert document.batch.x[spec.name].max() < 3
    document.undo_stack.undo()
    rest()
    np.testing.assert_array_equal(document.batch.x[spec.name], batch.x[spec.name])
    assert not failures

    jobs.open_example("divisor")
    qtbot.waitUntil(lambda: jobs.settled, timeout=MILLISECONDS)
    assert building.stack is None, "another network is open"
