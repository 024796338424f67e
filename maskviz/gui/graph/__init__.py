"""The layer graph: what every call does to the mask of the selected sample."""

from maskviz.gui.graph.panel import GraphPanel

__all__ = ["GraphPanel"]
