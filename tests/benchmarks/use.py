"""Memory after an hour of use: as many acts as a busy person makes in an hour, done by the window one after another.

``python -m tests.benchmarks.use ACTS`` prints its figures as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from maskviz import resources
from maskviz.core.batch import set_padding
from maskviz.gui.app import application, make_window
from maskviz.gui.main_window import MainWindow
from tests.benchmarks.table import Row
from tests.benchmarks.window import resident_mib
from tests.benchmarks.windowed import wait

AN_HOUR, QUICK = 1500, 120
ACTS_PER_NETWORK = 60


def rows(quick: bool, folder: Path) -> list[Row]:
    acts = QUICK if quick else AN_HOUR
    asked = subprocess.run([sys.executable, "-m", __name__, str(acts)], stdout=subprocess.PIPE, text=True, check=True)
    seen = json.loads(asked.stdout.splitlines()[-1])
    return [Row(f"memory of the window process after {acts} acts", seen["end"], seen["first"], "the first example open", 250, "MiB", True)]


def open_example(window: MainWindow, name: str) -> None:
    window.document.undo_stack.setClean()  # or opening would ask about the edits
    window.files.open_example(name)
    wait(lambda: window.document.trace is None, 120)
    wait(lambda: window.document.trace is not None and not window.document.stale, 120)


def act(window: MainWindow, number: int, random: np.random.Generator) -> None:
    """One act, as its number says: an edit, an undo, a selection, a comparison, another theme."""
    document = window.document
    batch, network = document.batch, document.network
    kind = number % 6
    spec = next((i for i in network.inputs if i.name in batch.padding), None)
    if kind in (0, 1, 2) and spec is not None:
        steps = batch.padding[spec.name].shape[1]
        sample = int(random.integers(batch.size))
        padded = np.arange(steps) >= int(random.integers(1, steps + 1))
        document.edit(set_padding(batch, spec, sample, padded), f"Pad sample {sample}")
    elif kind == 3:
        document.undo_stack.undo()
    elif kind == 4:
        calls = document.trace.calls
        document.select(call=calls[number % len(calls)].id, sample=number % batch.size, step=number % document.time_steps)
    elif number % 12 == 5:
        window.comparison.pin()
        window.comparison.show_difference()
    else:
        window.theme.switch()
    wait(lambda: not document.stale and document.trace is not None)


def main(acts: int) -> None:
    random = np.random.default_rng(0)
    names = [e.name for e in resources.examples()]
    window = make_window(application())
    window.show()
    open_example(window, names[0])
    first = resident_mib()
    for number in range(acts):
        if number and number % ACTS_PER_NETWORK == 0:
            open_example(window, names[(number // ACTS_PER_NETWORK) % len(names)])
        act(window, number, random)
    end = resident_mib()
    window.document.undo_stack.setClean()
    window.close()
    print(json.dumps({"first": first, "end": end}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
