"""Waiting for what runs beside the window to end, so that a test can say that nothing came of it."""

from __future__ import annotations

import threading

from PySide6.QtWidgets import QApplication


def end_aside() -> None:
    """Let all work of ``session.aside`` end, and hand over what it found to whoever still waits for it."""
    for thread in threading.enumerate():
        if thread.name == "aside":
            thread.join(30)
            assert not thread.is_alive()
    QApplication.processEvents()
