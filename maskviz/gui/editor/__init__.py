"""The bottom pane: the selected sample step by step, editable."""

from maskviz.gui.editor.panel import EditorPanel

__all__ = ["EditorPanel"]
