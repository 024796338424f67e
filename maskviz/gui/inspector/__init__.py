"""The right pane's table about the selected call."""

from maskviz.gui.inspector.panel import InspectorPanel

__all__ = ["InspectorPanel"]
