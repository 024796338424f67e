"""What the window's actions ask of the graph, and what it remembers of it between runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from maskviz.settings import Settings

if TYPE_CHECKING:
    from maskviz.gui.graph import GraphPanel


class GraphTools(QObject):
    """Switches the graph's tools; before there is a graph it does nothing."""

    def __init__(self, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._settings = settings
        self._graph: GraphPanel | None = None

    def attach(self, graph: GraphPanel) -> None:
        """Takes the graph panel once it is made, and sets its tools as they were left."""
        from maskviz.gui.graph.options import GraphOptions

        self._graph = graph
        graph.use(GraphOptions.from_kept(self._settings.graph))
        graph.options_changed.connect(self._keep)

    def _keep(self) -> None:
        if self._graph is not None:
            self._settings.graph = self._graph.options.kept()

    def _switch(self, option: str) -> None:
        if self._graph is not None:
            self._graph.switch(option)

    def trace(self) -> None:
        """Dim all but what leads to and from the selection, or no more."""
        self._switch("trace")

    def follow(self) -> None:
        """Show the way of the selected call's mask, or no more."""
        self._switch("follow")

    def whole(self) -> None:
        """Show shares of the whole batch, or one sample again."""
        self._switch("whole")

    def shapes(self) -> None:
        """Label edges with shapes, or no more."""
        self._switch("shapes")

    def masks(self) -> None:
        """Colour edges by the mask they carry, or no more."""
        self._switch("masks")

    def turn(self) -> None:
        """From left to right, or down again."""
        self._switch("sideways")

    def map(self) -> None:
        """Show the small map, or no more."""
        self._switch("map")

    def mask_path(self) -> None:
        """Show the operations that only compute a mask, or no more."""
        self._switch("mask_path")

    def unfold_all(self) -> None:
        """Unfold every container."""
        if self._graph is not None:
            self._graph.unfold_all()

    def fold_all(self) -> None:
        """Fold every container."""
        if self._graph is not None:
            self._graph.fold_all()

    def next_hit(self) -> None:
        """Go to the next call that was found."""
        if self._graph is not None:
            self._graph.finder.field.stepped.emit(1)

    def previous_hit(self) -> None:
        """Go to the call found before."""
        if self._graph is not None:
            self._graph.finder.field.stepped.emit(-1)
