"""The acts that change the batch, as actions of the window call them: each is one undo step with a name."""

from maskviz.gui.editing.editing import Editing

__all__ = ["Editing"]
