"""Whether there is a display to open a window on."""

from __future__ import annotations

import os
import socket
import sys


def has_display() -> bool:
    """Whether a window can be shown: somebody listens where the environment says the display is."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    wayland = os.environ.get("WAYLAND_DISPLAY")
    if wayland and _listens(os.path.join(os.environ.get("XDG_RUNTIME_DIR", ""), wayland)):
        return True
    host, _, number = os.environ.get("DISPLAY", "").rpartition(":")
    screen = number.split(".")[0]
    if not screen.isdecimal():
        return False
    # a display of another host is believed: Qt says by itself when it does not answer
    return host not in ("", "unix") or _listens(f"/tmp/.X11-unix/X{screen}") or _listens(f"\0/tmp/.X11-unix/X{screen}")


def _listens(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
