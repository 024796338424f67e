"""The heatmaps in the middle of the window: padding and mask, predictions, loss contributions on one shared time axis."""

from maskviz.gui.heatmaps.panel import HeatmapsPanel

__all__ = ["HeatmapsPanel"]
