"""How soon the window is on screen and what it costs, against a bare window of the same libraries.

``python -m tests.benchmarks.window bare|maskviz`` shows one window and prints, after its first frame, its memory in MiB.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


def rows(quick: bool, folder: Path) -> list[Row]:
    seen: dict[str, list[tuple[float, float]]] = {"bare": [], "maskviz": []}
    for turn in range(3 if quick else 9):
        for kind, figures in seen.items():
            figure = first_frame(kind)
            if turn:  # the first turn warms the disk's cache
                figures.append(figure)
    (bare_ms, _), (ms, _) = ([statistics.median(column) for column in zip(*seen[k], strict=True)] for k in ("bare", "maskviz"))
    return [Row("window shown, from process start", ms, bare_ms, "bare pyqtgraph window", 1.3)]


def first_frame(kind: str) -> tuple[float, float]:
    """Milliseconds from the start of a process to its window's first frame, and the MiB it then holds."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", __name__, kind], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        mib = float(process.stdout.readline())
        milliseconds = (time.perf_counter() - start) * 1000
    return milliseconds, mib


def resident_mib() -> float:
    """Memory of this process that is its own or shared, as the system counts it."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def bare() -> None:
    import pyqtgraph
    from PySide6.QtWidgets import QMainWindow

    app = pyqtgraph.mkQApp()
    window = QMainWindow()
    window.resize(1400, 900)
    window.setCentralWidget(pyqtgraph.GraphicsLayoutWidget())
    window.centralWidget().addPlot()
    report_first_frame(window)
    window.show()
    app.exec()


def report_first_frame(window: QWidget) -> None:
    """Print this process' memory once the window's first frame is painted, and close the window."""
    from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer

    class Painted(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                app.removeEventFilter(self)
                QTimer.singleShot(0, self.report)  # after the other widgets of this frame
            return False

        def report(self) -> None:
            print(resident_mib(), flush=True)
            window.close()

    app = QCoreApplication.instance()
    app.installEventFilter(Painted(window))


def maskviz() -> None:
    from maskviz.gui.app import application, make_window

    app = application()
    window = make_window(app)
    report_first_frame(window)
    window.show()
    app.exec()


if __name__ == "__main__":
    {"bare": bare, "maskviz": maskviz}[sys.argv[1]]()
