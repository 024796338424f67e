"""The engine's process ends when loading hangs, and the window hears why."""

from __future__ import annotations

import subprocess
import sys

from maskviz.engine.client import how_it_ended

SCRIPT = "import time\nfrom maskviz.engine.process import time_limit\nwith time_limit({}): time.sleep({})\ntime.sleep(0.3)\nprint('done')"


def run(limit: float | None, seconds: float) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(limit, seconds)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)


def test_a_load_that_hangs_ends_the_process() -> None:
    ended = run(0.2, 30)
    assert ended.returncode != 0
    assert "took longer to load" in how_it_ended(ended.returncode, ended.stderr.splitlines())


def test_a_load_in_time_does_not() -> None:
    assert run(0.2, 0).stdout == "done\n"
    assert run(None, 0.3).stdout == "done\n"
