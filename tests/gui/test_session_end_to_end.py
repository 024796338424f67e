"""A session with the real engine: a built network travels in its file, comes back with the edits, and loading can be stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from maskviz import resources
from maskviz.gui.main_window import MainWindow
from tests.gui.window_hands import edit

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]
IMPORTING_KERAS = 90_000  # ms on a busy machine


@pytest.fixture(name="window")
def _window(working_window: MainWindow) -> MainWindow:
    return working_window


def test_built_network_is_saved_stopped_and_taken_up(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    document, jobs = window.document, window.jobs
    file = tmp_path / "built.maskviz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    jobs.new_network("recurrent_tagger", {})
    qtbot.waitUntil(lambda: document.trace is not None and jobs.settled, timeout=IMPORTING_KERAS)
    edit(document)
    qtbot.waitUntil(lambda: not document.stale, timeout=IMPORTING_KERAS)
    before, trace = document.batch, document.trace
    assert before is not None
    assert trace is not None
    assert window.sessions.save()
    window.writing.finish()
    assert not window.isWindowModified()

    jobs.open_example(resources.examples()[0].name)
    assert document.network is None
    window.commands["stop"].trigger()
    assert document.title == "recurrent tagger", "what was open is back"
    qtbot.waitUntil(lambda: not document.stale and jobs.settled, timeout=IMPORTING_KERAS)

    window.files.open_path(str(file))
    qtbot.waitUntil(lambda: document.path is not None and document.trace is not None, timeout=IMPORTING_KERAS)
    assert document.batch is not None
    assert document.trace is not None
    for name, array in before.padding.items():
        np.testing.assert_array_equal(document.batch.padding[name], array)
    for name, output in trace.outputs.items():
        np.testing.assert_allclose(document.trace.outputs[name], output, rtol=1e-5, atol=1e-6)
    assert not window.isWindowModified()
