"""Garbage collection on the window's thread alone: on another one, Python would destroy Qt's objects where they must not be."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000


class Collector(QObject):
    """Takes over from Python's own collection, by the same thresholds, as long as the application lives."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        timer = QTimer(self, interval=EVERY_MS)
        timer.timeout.connect(collect_due)
        timer.start()


def collect_due() -> None:
    """Collect the oldest generation that is due."""
    due = [n for n, (count, threshold) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True)) if count > threshold > 0]
    if due:
        gc.collect(due[-1])
