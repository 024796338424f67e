"""Whether the window stays calm on a large batch: the longest time that its event loop stands still, in the whole window with its engine.

``python -m tests.benchmarks.large NETWORK SAMPLES STEPS`` prints its figures as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from maskviz.core.batch import set_padding
from maskviz.gui.app import application, make_window
from maskviz.gui.main_window import MainWindow
from tests.benchmarks.editing import Heartbeat
from tests.benchmarks.table import Row
from tests.benchmarks.windowed import wait

LARGE, QUICK = (1000, 4000), (100, 400)
REST_SECONDS = 4.0  # findings and Keras' own number follow when edits rest


def rows(quick: bool, folder: Path) -> list[Row]:
    samples, steps = QUICK if quick else LARGE
    command = [sys.executable, "-m", __name__, str(folder / "light.keras"), str(samples), str(steps)]
    asked = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seen = json.loads(asked.stdout.splitlines()[-1])
    idle = seen.pop("idle")
    return [Row(f"longest gap, {samples:,} × {steps:,} steps: {act}", gap, idle, "idle", 50, absolute=True) for act, gap in seen.items()]


def batch_file(folder: Path, samples: int, steps: int) -> str:
    """Ids of sequences of random lengths, padded at their ends, with one target each."""
    random = np.random.default_rng(0)
    ids = random.integers(1, 500, (samples, steps)).astype("int32")
    ids[np.arange(steps) >= random.integers(steps // 4, steps, samples)[:, None]] = 0
    path = folder / "large.npz"
    np.savez(path, x=ids, y=random.integers(0, 2, (samples, 1)).astype("float32"))
    return str(path)


def pad(window: MainWindow, sample: int) -> None:
    document = window.document
    spec = document.network.inputs[0]
    padded = np.arange(document.batch.padding[spec.name].shape[1]) >= 40
    document.edit(set_padding(document.batch, spec, sample, padded), f"Pad sample {sample}")


def main(network: str, samples: int, steps: int) -> None:
    window = make_window(application())
    window.show()
    window.prepare()
    document, heart = window.document, Heartbeat()

    def rest() -> None:
        until = time.monotonic() + REST_SECONDS
        wait(lambda: time.monotonic() > until)

    def longest(act: Callable[[], object]) -> float:
        heart.reset()
        act()
        wait(lambda: document.trace is not None and window.jobs.settled and not document.stale, 300)
        rest()
        return heart.longest

    rest()
    heart.reset()
    rest()
    gaps = {"idle": heart.longest}
    with tempfile.TemporaryDirectory() as folder:
        batch = batch_file(Path(folder), samples, steps)
        gaps["opening"] = longest(lambda: window.files.open_path(network, batch))
        gaps["an edit of a sample"] = longest(lambda: pad(window, 3))
        gaps["pinning, and an edit"] = longest(lambda: (window.comparison.pin(), pad(window, 5)))
        gaps["the difference"] = longest(window.comparison.show_difference)
        gaps["another batch"] = longest(lambda: window.files.open_batch_path(batch))
    document.undo_stack.setClean()
    window.close()
    print(json.dumps(gaps), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
