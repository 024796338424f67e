"""Objects in circles are freed on the window's thread, and by nothing else."""

from __future__ import annotations

import gc
import threading
import weakref

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from maskviz.gui.collecting import EVERY_MS, Collector


class Circle:
    def __init__(self) -> None:
        self.me = self


def test_circles_are_freed_by_the_collector_alone(qtbot: QtBot) -> None:
    parent = QObject()
    gc.enable()
    Collector(parent)
    assert not gc.isenabled()
    gc.collect()
    seen = weakref.ref(Circle())
    thread = threading.Thread(target=lambda: [Circle() for _ in range(20 * gc.get_threshold()[0])])
    thread.start()
    thread.join()
    assert seen() is not None
    qtbot.waitUntil(lambda: seen() is None, timeout=5 * EVERY_MS)
