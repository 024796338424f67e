"""Letting Qt work until something has happened."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEventLoop, QSize, QTimer
from PySide6.QtWidgets import QWidget


def wait(done: Callable[[], bool], seconds: float = 60.0) -> None:
    """Let Qt work until it is done; raises TimeoutError."""
    wake = QTimer()
    wake.start(5)  # so that a wait for events ends
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("the window did not finish what was measured")
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def on_screen(widget: QWidget, size: QSize) -> None:
    """Show a widget and wait until it can be painted."""
    widget.resize(size)
    widget.show()
    wait(lambda: widget.windowHandle() is not None and widget.windowHandle().isExposed())
