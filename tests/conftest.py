"""What holds for every test: a display of its own, a home of its own, and nothing unexpected said or left behind.

Qt messages and Python warnings fail a test by configuration (pyproject.toml). Here: log lines, windows, threads, processes.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maskviz.gui.collecting import collect_due

SECONDS_TO_END = 5.0
"""How long a thread or a process may take to end after its test."""

HOME = tempfile.TemporaryDirectory(prefix="maskviz-tests-")
for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "KERAS_HOME"):
    folder = Path(HOME.name) / variable.lower()
    folder.mkdir(mode=0o700)
    os.environ[variable] = str(folder)
os.environ |= {"QT_QPA_PLATFORM": "offscreen", "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
for variable in ("DISPLAY", "WAYLAND_DISPLAY", "MASKVIZ_THEME"):
    os.environ.pop(variable, None)


gc.disable()  # as the window does: on the thread that reads from the engine, Python would destroy Qt objects of earlier tests


@pytest.fixture(autouse=True)
def cycles_end_on_this_thread() -> Iterator[None]:
    yield
    collect_due()


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, recent files and caches of a test are nobody else's."""
    home = tmp_path_factory.mktemp("home")
    for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(home / variable.lower()))
    if (core := sys.modules.get("PySide6.QtCore")) is not None:  # Qt reads the variable once only
        for form in (core.QSettings.Format.NativeFormat, core.QSettings.Format.IniFormat):
            core.QSettings.setPath(form, core.QSettings.Scope.UserScope, str(home / "xdg_config_home"))
    return home


@pytest.fixture(autouse=True)
def no_unexpected_log(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A log line at WARNING or above fails the test, unless its mark ``expects_log`` names it."""
    yield
    expected = [re.compile(mark.args[0]) for mark in request.node.iter_markers("expects_log")]
    said = [record for phase in ("setup", "call") for record in caplog.get_records(phase) if record.levelno >= logging.WARNING]
    surprising = [f"{r.name}: {r.getMessage()}" for r in said if not any(p.search(r.getMessage()) for p in expected)]
    assert not surprising, "unexpected log lines:\n" + "\n".join(surprising)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """A window, thread or child process that a test started is gone when it ends; those of wider fixtures may stay."""
    windows, threads, children = shown_windows(), set(threading.enumerate()), child_processes()
    yield
    assert not (left := shown_windows() - windows), f"windows left open: {left}"
    assert not (left := lasting(lambda: set(threading.enumerate()) - threads)), f"threads left running: {left}"
    assert not (left := lasting(lambda: child_processes() - children)), f"processes left running: {[command_line(p) for p in left]}"


def shown_windows() -> set[object]:
    widgets = sys.modules.get("PySide6.QtWidgets")
    application = widgets and widgets.QApplication.instance()
    if not widgets or not isinstance(application, widgets.QApplication):  # exports do with a QGuiApplication, which has no widgets
        return set()
    return {window for window in application.topLevelWidgets() if window.isVisible()}


def lasting(left: Callable[[], set[object]]) -> set[object]:
    """What is still there after the time that things may take to end."""
    deadline = time.monotonic() + SECONDS_TO_END
    while (remains := left()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return remains


def child_processes() -> set[int]:
    """Living children of this process, without the helper that multiprocessing keeps for its shared memory."""
    listed = {int(pid) for task in Path("/proc/self/task").glob("*/children") for pid in task.read_text().split()}
    return {pid for pid in listed if is_alive(pid) and "resource_tracker" not in command_line(pid)}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return f"process {pid}"
