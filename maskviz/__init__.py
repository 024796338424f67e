"""MaskViz: see what padding does to your network.

``maskviz.trace(network, x, y)`` is the same as ``maskviz trace --json`` on the command line; see ``maskviz.api``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maskviz.api import trace
    from maskviz.core.trace import Trace

__version__ = "0.1.0"
__all__ = ["Trace", "trace"]


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: the window starts without numpy's and the engine's weight."""
    if name == "trace":
        from maskviz.api import trace

        return trace
    if name == "Trace":
        from maskviz.core.trace import Trace

        return Trace
    raise AttributeError(f"module 'maskviz' has no attribute {name!r}")
