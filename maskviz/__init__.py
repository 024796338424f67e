"""MaskViz: see what padding does to your network.

``maskviz.trace(network, x, y)`` is the same as ``maskviz trace --json`` on the command line, ``maskviz.check`` gives its findings, and
``maskviz.assert_masked`` fails a test on them; see ``maskviz.api``. ``maskviz.show`` opens the window.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maskviz.api import assert_masked, check, trace
    from maskviz.core.finding import Finding, Severity
    from maskviz.core.trace import Trace
    from maskviz.probing import gradients, influence, length_test, recurrent_states
    from maskviz.repairing import repair
    from maskviz.showing import show

__version__ = "0.1.0"
__all__ = [
    "Finding",
    "Severity",
    "Trace",
    "assert_masked",
    "check",
    "gradients",
    "influence",
    "length_test",
    "recurrent_states",
    "repair",
    "show",
    "trace",
]

_HOMES = {
    "assert_masked": "maskviz.api",
    "check": "maskviz.api",
    "trace": "maskviz.api",
    "gradients": "maskviz.probing",
    "influence": "maskviz.probing",
    "length_test": "maskviz.probing",
    "recurrent_states": "maskviz.probing",
    "repair": "maskviz.repairing",
    "show": "maskviz.showing",
    "Finding": "maskviz.core.finding",
    "Severity": "maskviz.core.finding",
    "Trace": "maskviz.core.trace",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: the window starts without numpy's and the engine's weight."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'maskviz' has no attribute {name!r}")
