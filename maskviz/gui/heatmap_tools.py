"""What the window's actions ask of the heatmaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from maskviz.core.map_rows import Kind, Panels, Profile
from maskviz.session.document import Document

if TYPE_CHECKING:
    from maskviz.gui.heatmaps import HeatmapsPanel
    from maskviz.gui.notices import Notices

PROFILES: tuple[Profile, ...] = ("none", "time", "samples")


class HeatmapTools(QObject):
    """Adds maps of the selected layer and orders samples; before there are heatmaps it does nothing."""

    def __init__(self, document: Document, notices: Notices, parent: QObject) -> None:
        super().__init__(parent)
        self._document = document
        self._notices = notices
        self._maps: HeatmapsPanel | None = None

    def attach(self, maps: HeatmapsPanel) -> None:
        """Takes the heatmaps once they are made."""
        self._maps = maps

    def _add(self, kind: Kind) -> None:
        if self._maps is not None and not self._maps.add_selected(kind):
            self._notices.show_notice(
                "info", "Click a layer in the graph first: the map is added for the layer that is selected.", key="map"
            )

    def add_values(self) -> None:
        """What the selected layer puts out."""
        self._add("values")

    def add_mask(self) -> None:
        """The mask of the selected layer."""
        self._add("call_mask")

    def add_status(self) -> None:
        """The statuses of the selected layer's steps."""
        self._add("status")

    def add_change(self) -> None:
        """How far the selected layer's steps move in the padding test."""
        self._add("change")

    def add_gradient(self) -> None:
        """The gradient at the selected layer."""
        self._add("gradient")

    def add_state(self) -> None:
        """The state of the selected recurrent layer."""
        self._add("state")

    def add_influence(self) -> None:
        """The influence of the input's steps on those of the selected layer."""
        self._add("influence")

    def add_weights(self) -> None:
        """The weights of the selected output."""
        self._add("weights")

    def first_maps(self) -> None:
        """The three maps of the whole network alone."""
        if self._maps is not None:
            self._maps.show_panels(Panels())

    def next_profile(self) -> None:
        """Curves over time, then over samples, then none."""
        if self._maps is not None:
            self._maps.set_profile(PROFILES[(PROFILES.index(self._maps.profile) + 1) % len(PROFILES)])

    def as_given(self) -> None:
        """Samples in the order of the batch."""
        if self._maps is not None:
            self._maps.set_order("given")

    def by_length(self) -> None:
        """The samples with the most real steps first."""
        if self._maps is not None:
            self._maps.set_order("length")

    def by_loss(self) -> None:
        """The samples that add most to the loss first."""
        if self._maps is not None:
            self._maps.set_order("loss")

    def by_padding(self) -> None:
        """The samples with the most padding first."""
        if self._maps is not None:
            self._maps.set_order("padding")

    def drag_edges(self) -> None:
        """Let drags move the edge between data and padding."""
        self._choose_tool("edge")

    def paint_padding(self) -> None:
        """Let drags make steps padding, or data again."""
        self._choose_tool("paint")

    def select_cells(self) -> None:
        """Let drags mark samples and steps."""
        self._choose_tool("select")

    def _choose_tool(self, tool: str) -> None:
        if self._maps is not None:
            self._maps.mask_row.choose_tool(tool)

    def unmark(self) -> None:
        """Mark and point out nothing any more."""
        self._document.mark(None)
        self._document.point_out(None)
