"""Measures every budget of the design and prints one table: ``python -m tests.benchmarks [--quick]``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure the budgets of the design.")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, and no graph of 5,000 calls")
    quick = parser.parse_args().quick

    with tempfile.TemporaryDirectory(prefix="maskviz-bench-") as name:
        folder = Path(name)
        os.environ["XDG_CONFIG_HOME"] = name  # the window's saved layout is the user's, not ours
        from tests.benchmarks import editing, engine, growth, large, networks, pictures, use, window
        from tests.benchmarks.table import show

        for network in networks.BUILD:
            say(f"building {network}")
            networks.make(network, folder)
        rows = []
        for part in (window, pictures, engine, growth, editing, large, use):
            say(f"measuring {part.__name__.rpartition('.')[2]}")
            rows += part.rows(quick, folder)
    show(rows)


def say(sentence: str) -> None:
    print(f"{sentence} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
