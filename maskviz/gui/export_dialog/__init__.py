"""The export dialog: what, as what, how large, in which theme and where to, with a live preview."""

from maskviz.gui.export_dialog.dialog import ExportDialog

__all__ = ["ExportDialog"]
