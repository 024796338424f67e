"""The main window for tests, with real panels and no engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maskviz.gui.app import make_window
from maskviz.gui.main_window import MainWindow
from maskviz.gui.theme import Theme
from maskviz.session.document import Document
from maskviz.settings import Settings
from tests.gui.window_hands import RecordedJobs, end


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    monkeypatch.setenv("MASKVIZ_THEME", "dark")
    document, settings = Document(), Settings()
    window = MainWindow(document, RecordedJobs(document), Theme(qapp, settings), settings)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield window
    end(window, qtbot)


@pytest.fixture
def working_window(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """The main window with the real engine."""
    monkeypatch.setenv("MASKVIZ_THEME", "dark")
    window = make_window(qapp)
    window.resize(1440, 900)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.jobs.close()
    end(window, qtbot)
