"""An edit from the mouse to painted pixels, in the whole window with its engine, and the memory the window then holds.

``python -m tests.benchmarks.editing EXAMPLE MOVES`` drags an edge in an example of the gallery and prints its figures as JSON.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from maskviz import resources
from maskviz.gui.app import application, make_window
from maskviz.gui.docks import Workspace
from maskviz.gui.heatmaps.mask_view import MaskView
from maskviz.gui.main_window import MainWindow
from tests.benchmarks.table import Row, spent
from tests.benchmarks.window import first_frame, resident_mib
from tests.benchmarks.windowed import wait

QUICK = ("lambda_slice_small",)


def rows(quick: bool, folder: Path) -> list[Row]:
    made = []
    for name in QUICK if quick else [e.name for e in resources.examples()]:
        command = [sys.executable, "-m", __name__, name, "30" if quick else "60"]
        asked = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        seen = json.loads(asked.stdout.splitlines()[-1])
        if not seen:
            continue
        mib = seen["mib"]
        what, of = f"edit, mouse to pixels ({name})", "painting the heatmaps"
        made += [
            Row(f"{what}: median", seen["median"], seen["painting"], of, 16, absolute=True),
            Row(f"{what}: 95 %", seen["most"], seen["painting"], of, 33, absolute=True),
            Row("  longest gap of the event loop", seen["gap"], seen["idle_gap"], "the same, idle", 50, absolute=True),
        ]
    bare = first_frame("bare")[1]
    return [
        *made,
        Row("memory of the window process, an example open", mib, bare, "bare pyqtgraph window", 250, "MiB", absolute=True),
    ]


class Painted(QObject):
    """Notes when the widget is painted for the first time after ``waiting`` was set."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.waiting = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and self.waiting:
            QTimer.singleShot(0, self._painted)  # after the frame
        return False

    def _painted(self) -> None:
        self.waiting = False


class Heartbeat(QObject):
    """The longest time between two turns of the event loop, in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(1)
        self.reset()

    def reset(self) -> None:
        self._last = time.perf_counter()
        self.longest = 0.0

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, (now - self._last) * 1000)
        self._last = now


def edge_to_drag(view: MaskView, samples: int) -> tuple[int, int] | None:
    """A sample with padding at its end only, and the step where that begins; None where there is no such edge with room before it."""
    for sample in range(samples):
        padded = view.row(sample)
        if padded is not None and padded[-1] and not padded[:5].any() and (np.diff(padded.astype(int)) >= 0).all():
            return sample, int((~padded).sum())
    return None


def drag(window: MainWindow, panes: Workspace, moves: int) -> list[float]:
    """Drag the edge of the longest sequence to and fro; milliseconds from each move to the frame that shows its result."""
    document, view = window.document, panes.heatmaps.mask_view
    painted = Painted(panes.heatmaps.predictions_row.view)
    document.trace_changed.connect(lambda: setattr(painted, "waiting", painted.waiting or not document.stale))
    place = edge_to_drag(view, document.batch.size)
    if place is None:
        return []
    sample, edge = place
    rect, shown = view.map_rect(), view.viewport.window

    def at(step: int) -> QPoint:
        return view.cell_center(sample, 0).toPoint() + QPoint(round(shown.x(rect, step) - shown.x(rect, 0.5)), 0)

    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=at(edge))
    taken = []
    for move in range(moves):
        step = edge - 1 - move % 3
        before = document.batch
        started = time.perf_counter()
        painted.waiting = False
        QTest.mouseMove(view, at(step))
        wait(lambda before=before: document.batch is not before)
        wait(lambda: not document.stale and not painted.waiting)
        taken.append((time.perf_counter() - started) * 1000)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at(step))
    return taken


def main(name: str, moves: int) -> None:
    app = application()
    window = make_window(app)
    window.show()
    window.files.open_example(name)
    document = window.document
    wait(lambda: document.trace is not None and not document.stale, 120)
    panes = window.workspace
    heart = Heartbeat()
    until = time.monotonic() + 1
    wait(lambda: time.monotonic() > until)
    idle_gap = heart.longest
    drag(window, panes, 5)  # compiles what an edit runs
    heart.reset()
    taken = drag(window, panes, moves)
    figures = (
        {}
        if not taken
        else {
            "median": statistics.median(taken),
            "most": statistics.quantiles(taken, n=20)[-1],
            "gap": heart.longest,
            "idle_gap": idle_gap,
            "painting": statistics.median(spent(panes.heatmaps.repaint) for _ in range(20)),
            "mib": resident_mib(),
        }
    )
    document.undo_stack.setClean()  # or closing would ask about the edits
    window.close()
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
