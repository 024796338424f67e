"""Takes the README's pictures of the real window with the real engine: ``python packaging/screenshots.py``.

Run it where a display or a virtual one is (fonts of the offscreen platform are not those that people see).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from maskviz.gui.app import application, make_window
from maskviz.gui.main_window import MainWindow

FOLDER = Path(__file__).parent / "screenshots"
SIZE = (1440, 900)
SECONDS = 90
PICTURES = {
    "window-dark": ("dark", "lambda_slice_small", {"call": "shift", "sample": 3, "step": 17}),
    "window-light": ("light", "transformer_post_norm", {"sample": 2, "step": 9}),
}


def main() -> int:
    """Take every picture; the exit code says whether all were taken."""
    FOLDER.mkdir(exist_ok=True)
    app = application()
    return max(take(app, name, *what) for name, what in PICTURES.items())


def take(app: QApplication, name: str, theme: str, example: str, selection: dict[str, object]) -> int:
    """Open an example in a fresh window and save what it shows."""
    os.environ["MASKVIZ_THEME"] = theme
    window = make_window(app)
    window.resize(*SIZE)
    window.show()
    window.jobs.open_example(example)
    done = wait(lambda: window.document.trace is not None and window.document.trace.ledger.evaluate is not None)
    window.document.select(**selection)
    wait(lambda: False, 2.0)
    window.grab().save(str(FOLDER / f"{name}.png"))
    close(window)
    print(f"{name}.png" if done else f"{name}: the engine did not answer")
    return 0 if done else 1


def wait(until: object, seconds: float = SECONDS) -> bool:
    """Let the window live until something holds; whether it came to hold."""
    assert callable(until)
    loop, timer, limit = QEventLoop(), QTimer(), QTimer()
    timer.timeout.connect(lambda: loop.quit() if until() else None)
    limit.setSingleShot(True)
    limit.timeout.connect(loop.quit)
    timer.start(50)
    limit.start(int(seconds * 1000))
    loop.exec()
    return bool(until())


def close(window: MainWindow) -> None:
    window.jobs.close()
    window.close()
    window.deleteLater()


if __name__ == "__main__":
    sys.exit(main())
