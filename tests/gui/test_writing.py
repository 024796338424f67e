"""Files are written one after another, whatever is asked in between and whatever comes of them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maskviz.core.errors import MaskVizError
from maskviz.gui.writing import Writing


def refused(error: MaskVizError) -> None:
    pytest.fail(str(error))


def test_files_asked_for_while_others_wait_are_all_written(qapp: QApplication) -> None:
    parent, gate = QObject(), threading.Event()
    writing, written = Writing(parent), list[str]()

    def ask(name: str, job: Callable[[], object] = lambda: None) -> None:
        writing.write(lambda: (job(), None)[1], lambda: written.append(name), refused)

    ask("first", lambda: gate.wait(10))
    QTimer.singleShot(0, parent, lambda: ask("third"))  # asked for while the second waits for the first
    QTimer.singleShot(50, parent, gate.set)
    ask("second")
    writing.finish()
    assert sorted(written) == ["first", "second", "third"]
    assert not writing.busy


def test_who_waits_goes_on_when_what_follows_a_file_breaks(qapp: QApplication, qtbot: QtBot) -> None:
    parent = QObject()
    writing, told = Writing(parent), list[bool]()

    def broken() -> None:
        raise ZeroDivisionError

    with qtbot.captureExceptions() as caught:
        writing.write(lambda: None, broken, refused)
        writing.changed.connect(lambda: told.append(writing.busy))
        qtbot.waitUntil(lambda: not writing.busy)
    assert [kind for kind, *_ in caught] == [ZeroDivisionError]
    assert told == [False]
