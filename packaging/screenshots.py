"""Takes the README's pictures and its short tour from the real window with the real engine: ``python packaging/screenshots.py``.

Run it where a display or a virtual one is (fonts of the offscreen platform are not those that people see).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HOME = tempfile.TemporaryDirectory(prefix="maskviz-pictures-")
for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):  # a window as it is at first, and nobody's settings changed
    os.environ[variable] = HOME.name

import numpy as np  # noqa: E402
from PySide6.QtCore import QEventLoop, Qt, QTimer  # noqa: E402
from PySide6.QtGui import QImage  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from maskviz.core.batch import set_padding  # noqa: E402
from maskviz.export.gif import gif_bytes  # noqa: E402
from maskviz.gui.app import application, make_window  # noqa: E402
from maskviz.gui.main_window import MainWindow  # noqa: E402

FOLDER = Path(__file__).parent / "screenshots"
SIZE = (1440, 900)
TOUR_WIDTH, TOUR_MS = 1080, 1700
SECONDS = 90
PICTURES = {
    "window-dark": ("dark", "lambda_slice_small", {"call": "shift", "sample": 3, "step": 17}),
    "window-light": ("light", "transformer_post_norm", {"sample": 2, "step": 9}),
}


def main() -> int:
    """Take every picture and the tour; the exit code says whether the engine always answered."""
    FOLDER.mkdir(exist_ok=True)
    app = application()
    done = [picture(app, name, *what) for name, what in PICTURES.items()]
    return 0 if all([*done, tour(app)]) else 1


def picture(app: QApplication, name: str, theme: str, example: str, selection: dict[str, object]) -> bool:
    """Open an example in a fresh window and save what it shows."""
    window = opened(app, theme, example)
    done = settled(window)
    window.document.select(**selection)
    wait(lambda: False, 2.0)
    window.grab().save(str(FOLDER / f"{name}.png"))
    close(window)
    print(f"{name}.png" if done else f"{name}: the engine did not answer")
    return done


def tour(app: QApplication) -> bool:
    """From a lost mask to a repaired copy that is compared, as an animation."""
    window = opened(app, "dark", "lambda_slice_small")
    done = settled(window)
    document, frames = window.document, []

    def frame(act: Callable[[], object], seconds: float = 1.5) -> None:
        act()
        wait(lambda: not document.stale and window.jobs.settled)
        wait(lambda: False, seconds)
        image = window.grab().toImage()
        small = image.scaledToWidth(TOUR_WIDTH, Qt.TransformationMode.SmoothTransformation)
        frames.append(small.convertToFormat(QImage.Format.Format_RGB888))

    frame(lambda: document.select(sample=3, step=9))
    frame(lambda: document.select(call="shift"))
    frame(window.graph_tools.follow)
    frame(window.graph_tools.follow)
    finding = document.trace.findings[0]
    frame(lambda: window.findings.show(finding))
    spec = document.network.inputs[0]

    def pad_from(step: int) -> None:
        document.edit(set_padding(document.batch, spec, 3, np.arange(24) >= step), f"Pad sample 3 from step {step}")

    for step in (11, 9, 7):
        frame(lambda step=step: pad_from(step))
    document.point_out(None)
    window.findings.repairs.apply(finding)
    done &= wait(lambda: window.findings.repairs.state(finding).path is not None)
    frame(lambda: None)
    frame(lambda: window.findings.open_copy(finding), 3.0)
    done &= settled(window)
    frame(window.comparison.show_difference)
    (FOLDER / "tour.gif").write_bytes(gif_bytes(frames, TOUR_MS))
    close(window)
    print("tour.gif" if done else "tour: the engine did not answer")
    return done


def opened(app: QApplication, theme: str, example: str) -> MainWindow:
    os.environ["MASKVIZ_THEME"] = theme
    window = make_window(app)
    window.guide.greets = False
    window.resize(*SIZE)
    window.show()
    window.jobs.open_example(example)
    return window


def settled(window: MainWindow) -> bool:
    """Let the engine answer; whether it did."""
    return wait(lambda: window.document.trace is not None and window.document.trace.ledger.evaluate is not None)


def wait(until: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """Let the window live until something holds; whether it came to hold."""
    loop, timer, limit = QEventLoop(), QTimer(), QTimer()
    timer.timeout.connect(lambda: loop.quit() if until() else None)
    limit.setSingleShot(True)
    limit.timeout.connect(loop.quit)
    timer.start(50)
    limit.start(int(seconds * 1000))
    loop.exec()
    return bool(until())


def close(window: MainWindow) -> None:
    window.document.undo_stack.setClean()
    window.jobs.close()
    window.close()
    window.deleteLater()


if __name__ == "__main__":
    sys.exit(main())
