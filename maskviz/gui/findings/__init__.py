"""The right pane's cards: what is wrong with the masks of this network on this batch, and how to repair it."""

from maskviz.gui.findings.panel import FindingsPanel

__all__ = ["FindingsPanel"]
