"""Whether the window stays calm on a large batch: the longest time that its event loop stands still, in the whole window with its engine,
and the memory that many edits take.

``python -m tests.benchmarks.large NETWORK SAMPLES STEPS ACTS`` prints its figures as JSON.
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

from maskviz.core.batch import Batch, set_padding, size_of
from maskviz.core.batch_cells import Cells, write
from maskviz.gui.app import application, make_window
from maskviz.gui.main_window import MainWindow
from tests.benchmarks.editing import Heartbeat
from tests.benchmarks.networks import FEATURES
from tests.benchmarks.table import Row
from tests.benchmarks.window import resident_mib
from tests.benchmarks.windowed import wait

SIZES = {"light": (1000, 4000), "series": (2000, 200)}
QUICK = {"light": (100, 400)}
ACTS, FEW_ACTS = 200, 20
REST_SECONDS = 4.0  # findings and Keras' own number follow when edits rest


def rows(quick: bool, folder: Path) -> list[Row]:
    made = []
    for name, (samples, steps) in (QUICK if quick else SIZES).items():
        acts = FEW_ACTS if quick else ACTS
        command = [sys.executable, "-m", __name__, str(folder / f"{name}.keras"), str(samples), str(steps), str(acts)]
        asked = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        seen = json.loads(asked.stdout.splitlines()[-1])
        size = f"{samples:,} × {steps:,}" + (f" × {FEATURES}" if name == "series" else "") + " steps"
        idle = seen["gaps"].pop("idle")
        made += [Row(f"longest gap, {size}: {act}", gap, idle, "idle", 50, absolute=True) for act, gap in seen["gaps"].items()]
        what = f"memory that {acts} edits of samples take, {size}"
        made.append(Row(what, seen["taken"], seen["batch"], "the batch", 1.0, "MiB"))
    return made


def batch_file(folder: Path, name: str, samples: int, steps: int) -> str:
    """Sequences of random lengths, padded at their ends: of ids with one target each, or of features with a target at every step."""
    random = np.random.default_rng(0)
    padded = np.arange(steps) >= random.integers(steps // 4, steps, samples)[:, None]
    if name == "series":
        x, y = random.normal(size=(samples, steps, FEATURES)).astype("float32"), random.normal(size=(samples, steps, 1)).astype("float32")
    else:
        x, y = random.integers(1, 500, (samples, steps)).astype("int32"), random.integers(0, 2, (samples, 1)).astype("float32")
    x[padded] = 0
    path = folder / "large.npz"
    np.savez(path, x=x, y=y)
    return str(path)


def pad(window: MainWindow, sample: int, real: int) -> None:
    """Make the steps of a sample from ``real`` on padding."""
    document = window.document
    spec = document.network.inputs[0]
    padded = np.arange(document.batch.padding[spec.name].shape[1]) >= real
    document.edit(set_padding(document.batch, spec, sample, padded), f"Pad sample {sample}")


def typed(window: MainWindow, sample: int) -> None:
    """Write one value."""
    batch, network = window.document.batch, window.document.network
    name = network.inputs[0].name
    place = (sample, 2, 1)[: batch.x[name].ndim]
    cells = Cells("x", name, tuple(np.asarray([n]) for n in place))
    window.document.edit(write(batch, network, cells, 7), f"Set a value of sample {sample}")


def beside(window: MainWindow, act: Callable[[], None]) -> None:
    """An act of all of the batch, which is done beside the window."""
    before: Batch | None = window.document.batch
    act()
    wait(lambda: window.document.batch is not before, 60)


def main(network: str, samples: int, steps: int, acts: int) -> None:
    window = make_window(application())
    window.show()
    window.prepare()
    document, heart = window.document, Heartbeat()
    undo = document.undo_stack.undo

    def settled() -> None:
        wait(lambda: document.trace is not None and window.jobs.settled and not document.stale, 300)

    def rest() -> None:
        until = time.monotonic() + REST_SECONDS
        wait(lambda: time.monotonic() > until)

    def longest(act: Callable[[], object]) -> float:
        heart.reset()
        act()
        settled()
        rest()
        return heart.longest

    rest()
    heart.reset()
    rest()
    gaps = {"idle": heart.longest}
    with tempfile.TemporaryDirectory() as folder:
        batch = batch_file(Path(folder), Path(network).stem, samples, steps)
        gaps["opening"] = longest(lambda: window.files.open_path(network, batch))
        gaps["an edit of a sample"] = longest(lambda: pad(window, 3, 40))
        gaps["a value of a sample"] = longest(lambda: typed(window, 4))
        gaps["undo of it"] = longest(undo)
        gaps["all padding to the left"] = longest(lambda: beside(window, window.editing.steps.pad_all_left))
        gaps["undo of that"] = longest(undo)
        gaps["sorting by length"] = longest(lambda: beside(window, window.editing.samples.sort_longest))
        gaps["pinning, and an edit"] = longest(lambda: (window.comparison.pin(), pad(window, 5, 40)))
        gaps["the difference"] = longest(window.comparison.show_difference)
        window.comparison.unpin()
        gaps["another batch"] = longest(lambda: window.files.open_batch_path(batch))
    first, random = resident_mib(), np.random.default_rng(0)
    for _ in range(acts):
        pad(window, int(random.integers(samples)), int(random.integers(1, steps)))
        settled()
    rest()
    figures = {"gaps": gaps, "taken": max(resident_mib() - first, 0.0), "batch": size_of(document.batch) / 2**20}
    document.undo_stack.setClean()
    window.close()
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
