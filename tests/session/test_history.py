"""Undo keeps what edits changed, and brings every batch back to the last bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maskviz.core import row_copies
from maskviz.core.batch import Batch, set_padding, size_of, without_weights
from maskviz.core.batch_cells import Cells, cells_of_steps, fill, write
from maskviz.core.batch_samples import take_samples
from maskviz.core.batch_steps import TargetAxis, delete_steps, insert_steps, to_side, with_length
from maskviz.core.batch_weights import set_weights
from maskviz.core.graph import Graph
from maskviz.core.network import InputSpec, Network, OutputSpec
from maskviz.session import commands
from maskviz.session.document import Document

IDS = InputSpec("tokens", (None, None), "int32", "ids", 0, 20, True)
SERIES = InputSpec("series", (None, None, 2), "float32", "features", 0.0)
TAGS = OutputSpec("tags", (None, None, 3), "float32", "mse", (None, None), "float32", 3)
NETWORK = Network("n", "Functional", True, "3", "tensorflow", (IDS, SERIES), (TAGS,))
GROUPS = ("x", "y", "sample_weight", "padding", "content")


def batch_of(samples: int, steps: int, seed: int = 0) -> Batch:
    random = np.random.default_rng(seed)
    padding = np.arange(steps) >= random.integers(1, steps + 1, samples)[:, None]
    content, series = random.integers(1, 20, (samples, steps)).astype("int32"), random.normal(size=(samples, steps, 2)).astype("float32")
    return Batch(
        {"tokens": np.where(padding, np.int32(0), content), "series": series},
        {"tags": random.random((samples, steps), "float32")},
        {},
        {"tokens": padding, "series": np.zeros((samples, steps), bool)},
        {"tokens": content, "series": series},
    )


def opened(batch: Batch) -> Document:
    document = Document()
    document.open("net", None, Graph(), NETWORK, batch)
    return document


def bytes_of(document: Document, number: int) -> int:
    edit = document.undo_stack.command(number)
    assert isinstance(edit, commands.EditBatch)
    return edit.nbytes


def content_of(batch: Batch) -> Any:
    """Everything a batch holds, to the last bit."""
    arrays = {g: [(n, a.dtype.str, a.shape, a.tobytes()) for n, a in getattr(batch, g).items()] for g in GROUPS}
    return arrays, batch.source, batch.declared


def acted(batch: Batch, act: int, random: np.random.Generator) -> Batch:
    """The batch after one of the acts of the window, at random places."""
    samples, steps = batch.padding["tokens"].shape
    sample, step = int(random.integers(samples)), int(random.integers(steps))
    some = np.unique(random.integers(0, samples, 3))
    axes = (TargetAxis("tags", "tokens", np.arange(steps)),)
    cell = (np.asarray([sample]), np.asarray([step]))
    match act:
        case 0:
            return set_padding(batch, IDS, sample, np.arange(steps) >= step)
        case 1:
            return write(batch, NETWORK, Cells("x", "tokens", cell), int(random.integers(0, 20)))
        case 2:
            value = random.choice([np.nan, -0.0, 0.0, np.inf, 1.5])
            return write(batch, NETWORK, Cells("x", "series", (*cell, np.asarray([1]))), value)
        case 3:
            return write(batch, NETWORK, Cells("y", "tags", cell), random.random())
        case 4:
            return set_weights(batch, "tags", some, np.asarray([step]), 0.5, batch.y["tags"].shape)
        case 5:
            return without_weights(batch, "tags")
        case 6:
            return to_side(batch, IDS, np.arange(samples), "left" if step % 2 else "right", axes)
        case 7:
            return insert_steps(batch, IDS, some, step, 1, axes) if step % 2 else delete_steps(batch, IDS, some, step, step, axes)
        case 8:
            return with_length(with_length(batch, NETWORK, IDS, step + 1, "right", axes), NETWORK, SERIES, step + 1, "right")
        case 9:
            return take_samples(batch, random.permutation(np.append(np.arange(samples), sample)))
        case 10:
            return fill(batch, NETWORK, cells_of_steps(batch, "series", some, np.asarray([step])), "noise", step)
        case _:
            return replace(batch, source=f"file {step}", declared=batch.declared | {"series"})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 11), st.booleans()), min_size=1, max_size=12), st.lists(st.integers(0, 12), max_size=6))
def test_every_batch_comes_back_to_the_last_bit(
    monkeypatch: pytest.MonkeyPatch, qapp: Any, acts: list[tuple[int, bool]], places: list[int]
) -> None:
    monkeypatch.setattr(row_copies, "AT_LEAST", 0)
    random, document = np.random.default_rng(len(acts)), opened(batch_of(6, 9))
    known, held = [content_of(document.batch)], []
    for act, hold in acts:
        after = acted(document.batch, act, random)
        if after is not document.batch:
            document.edit(after, f"Act {act}")
            known.append(content_of(document.batch))
        if hold:
            held.append((document.batch, known[-1]))
    for place in (*(p for p in places if p < len(known)), 0, *range(len(known)), *reversed(range(len(known)))):
        document.go_to(place)
        assert content_of(document.batch) == known[place]
    assert all(content_of(batch) == content for batch, content in held), "batches that somebody holds stay as they are"


def test_a_drag_over_many_moves_is_one_step(qapp: Any) -> None:
    document = opened(batch_of(50, 40))
    before, gesture = document.batch, document.new_gesture()
    known = content_of(before)
    for step in range(39, 3, -1):
        document.edit(set_padding(before, IDS, 7, np.arange(40) >= step), "Pad", gesture=gesture)
    del before
    after = content_of(document.batch)
    assert document.undo_stack.count() == 1
    document.undo_stack.undo()
    assert content_of(document.batch) == known
    document.undo_stack.redo()
    assert content_of(document.batch) == after


def test_edits_of_a_sample_cost_that_sample(qapp: Any) -> None:
    document = opened(batch_of(400, 300))
    whole = size_of(document.batch)
    for sample in range(100):
        document.edit(set_padding(document.batch, IDS, sample, np.arange(300) >= 5), f"Pad sample {sample}")
    kept = sum(bytes_of(document, n) for n in range(100))
    assert kept < whole
    document.edit(to_side(document.batch, IDS, np.arange(400), "left"), "Move the padding of all samples to the left")
    assert bytes_of(document, 100) < whole


def test_a_batch_that_no_edit_made_comes_back_too(qapp: Any) -> None:
    """As where the builder shows another network with its batch."""
    document = opened(batch_of(6, 9))
    first = content_of(document.batch)
    document.edit(acted(document.batch, 0, np.random.default_rng(1)), "Pad")
    document._put(replace(document.now(), batch=batch_of(4, 9, seed=3)))
    other = content_of(document.batch)
    document.edit(acted(document.batch, 0, np.random.default_rng(2)), "Pad again")
    after = content_of(document.batch)
    document.undo_stack.undo()
    assert content_of(document.batch) == other
    document.undo_stack.redo()
    assert content_of(document.batch) == after
    document.undo_stack.undo()
    document.undo_stack.undo()
    assert content_of(document.batch) == first


def test_the_oldest_of_many_large_edits_keep_their_names_alone(qapp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    document = opened(batch_of(20, 30))
    monkeypatch.setattr(commands, "MOST_BYTES", 7 * size_of(document.batch))
    random, known = np.random.default_rng(0), []
    for number in range(12):
        document.edit(take_samples(document.batch, random.permutation(20)), f"Shuffle {number}")
        known.append(content_of(document.batch))
    stack = document.undo_stack
    texts = [stack.text(n) for n in range(12)]
    gone = [text.endswith(commands.GONE) for text in texts]
    assert gone == sorted(gone, reverse=True)
    assert 0 < sum(gone) <= 12 - commands.LEAST_STEPS
    document.go_to(0)
    assert content_of(document.batch) == known[sum(gone) - 1]
    document.go_to(12)
    assert content_of(document.batch) == known[-1]
