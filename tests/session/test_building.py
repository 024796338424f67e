"""The builder with the real engine: a network becomes a stack, edits are built and traced unseen, undone, refused at their row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from maskviz.core.batch import set_padding
from maskviz.core.builder import added, changed, removed, with_argument, with_source
from maskviz.core.errors import MaskVizError
from maskviz.core.layer_forms import new_row
from maskviz.core.messages import BuildStack
from maskviz.core.trace import Fate
from maskviz.session.building import Building
from maskviz.session.document import Document
from maskviz.session.jobs import Jobs

pytestmark = pytest.mark.engine
MILLISECONDS = 90_000


@pytest.fixture
def jobs(qapp: object) -> Iterator[Jobs]:
    started = Jobs(Document())
    yield started
    started.close()


def test_a_network_is_edited_in_the_builder(jobs: Jobs, qtbot: QtBot) -> None:
    document = jobs.document
    building = Building(document, jobs)
    no_stacks: list[MaskVizError] = []
    failures: list[MaskVizError] = []
    building.refused.connect(no_stacks.append)
    jobs.failed.connect(failures.append)

    def rest() -> None:
        """Until what was edited has been built and traced, or refused."""
        qtbot.waitUntil(lambda: not building._rest.isActive() and not building.is_building and jobs.settled, timeout=MILLISECONDS)

    jobs.open_example("seq2seq_initial_state")
    building.open()
    qtbot.waitUntil(lambda: bool(no_stacks), timeout=MILLISECONDS)
    assert "2 inputs" in str(no_stacks[0])
    assert building.stack is None

    jobs.open_example("transformer_post_norm")
    building.open()
    qtbot.waitUntil(lambda: building.stack is not None and building.forms is not None, timeout=MILLISECONDS)
    stack, forms = building.stack, building.forms
    assert stack is not None
    assert forms is not None
    assert [row.kind for row in stack.rows][:4] == ["Embedding", "Dense", "MultiHeadAttention", "Add"]
    assert stack.rows[3].takes == ("project", "")
    before = document.trace
    assert before is not None

    # an edit of the batch in between is a step of the same history, and outlives the edits of the stack
    spec = document.network.inputs[0]  # type: ignore[union-attr]
    padded = np.arange(document.time_steps) >= 3
    document.edit(set_padding(document.batch, spec, 0, padded), "Pad sample 0")  # type: ignore[arg-type]

    # the residual branch becomes pre-norm by hand: without attention the mask goes on
    attention = stack.place("attention_1")
    assert attention is not None
    building.edit(removed(stack, attention), "Remove attention_1")
    assert document.trace is not None, "what is open stays"
    rest()
    assert building.trouble is None, building.trouble
    assert document.title == "Attention strips the mask (edited)"
    assert isinstance(jobs.opened, BuildStack)
    assert document.trace is not None
    assert document.trace.call("attention_1") is None
    added_call = document.trace.call("attention_1_add")
    assert added_call is not None
    assert added_call.fate == Fate.PASSES
    assert building.kept == (13, 13), "all weights but those of the attention"
    np.testing.assert_array_equal(document.batch.padding[spec.name][0], padded)  # type: ignore[union-attr]

    # a row that cannot be built: said at its row, and the last network stays
    shown = document.trace
    second = building.stack
    assert second is not None
    wide = with_argument(second.rows[2], "nothing", 1, 0)
    building.edit(changed(second, 2, wide), "Give nothing")
    rest()
    assert building.trouble is not None
    assert building.trouble.row == 2
    assert "attention_1_add" in building.trouble.sentence
    assert document.trace is not None
    assert [c.id for c in document.trace.calls] == [c.id for c in shown.calls]
    third = building.stack
    assert third is not None
    building.edit(changed(third, 3, replace(third.rows[3], takes=("nowhere",))), "Take nothing")
    assert building.trouble is not None
    assert building.trouble.row == 3
    assert "not there any more" in building.trouble.sentence

    # undone step by step
    document.undo_stack.undo()
    document.undo_stack.undo()
    rest()
    assert building.trouble is None
    document.undo_stack.undo()
    rest()
    assert building.stack == stack
    assert building.kept == (21, 21), "the attention has its weights again"
    assert document.undo_stack.undoText() == "Pad sample 0"
    output = before.network_outputs[0].name
    assert document.trace is not None
    np.testing.assert_allclose(document.trace.outputs[output][1:], before.outputs[output][1:], atol=1e-6)

    # another input: the batch does not fit any more, and comes back with the old input
    batch = document.batch
    building.edit(with_source(stack, replace(stack.source, vocabulary=7)), "Vocabulary of 7")
    rest()
    assert building.trouble is None
    assert document.batch is not None
    assert document.batch.x[spec.name].max() < 7
    assert building.kept == (20, 21)
    document.undo_stack.undo()
    rest()
    assert document.batch is not None
    assert batch is not None
    np.testing.assert_array_equal(document.batch.x[spec.name], batch.x[spec.name])

    # a new row, made by its form
    both = new_row(stack, forms, "Bidirectional", 2)
    assert (both.name, both.kind, both.wrapper) == ("bidirectional", "LSTM", "Bidirectional")
    building.edit(added(stack, 2, replace(both, arguments={**both.arguments, "units": 8})), "Add bidirectional")
    rest()
    assert building.trouble is None
    assert document.trace is not None
    assert document.trace.call("bidirectional") is not None
    assert not failures

    jobs.open_example("divisor")
    qtbot.waitUntil(lambda: jobs.settled, timeout=MILLISECONDS)
    assert building.stack is None, "another network is open"
