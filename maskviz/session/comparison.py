"""Compare: one state is pinned as A, and what is open now is B. Says which of them the views show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Signal

from maskviz.core import compare
from maskviz.core.compare_graph import GraphDifference, graph_difference
from maskviz.core.graph import Graph, graph_of
from maskviz.core.trace import Trace

if TYPE_CHECKING:
    from maskviz.session.document import Document, Opened

Side = Literal["A", "B", "difference"]


class Comparison(QObject):
    """``changed``: another state is pinned, none is any more, or another side is shown.

    What is seen is what is edited: A stays as it was pinned (``edit_refused`` where somebody tries), undoing and another network show B.
    """

    changed = Signal()
    edit_refused = Signal()

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self._side: Side = "B"
        self._difference: tuple[Trace, Trace, GraphDifference] | None = None  # a walk through time asks at every step
        self.pinned: Opened | None = None
        document.batch_changed.connect(self._show_what_changed)
        document.network_changed.connect(self._show_what_changed)

    @property
    def side(self) -> Side:
        """What heatmaps and graph show: the pinned A, what is open now, or the difference."""
        return self._side

    @property
    def can_pin(self) -> bool:
        """Whether there is a result that belongs to the batch that is open."""
        return self._document.trace is not None and not self._document.stale

    def pin(self) -> None:
        """Keep the present state as A; B is shown, which is the same at first."""
        if self.can_pin:
            self.pinned, self._side = self._document.now(), "B"
            self.changed.emit()

    def restore(self, pinned: Opened, side: Side = "B") -> None:
        """Make a state A again that was pinned in another session."""
        self.pinned = pinned
        self._turn(side)

    def unpin(self) -> None:
        """Compare no more."""
        if self.pinned is not None:
            self.pinned = None
            self._turn("B")

    def show(self, side: Side) -> None:
        """Show A, B or B − A; without anything pinned there is only B."""
        if self.pinned is not None and side != self._side:
            self._turn(side)

    def _turn(self, side: Side) -> None:
        self._side = side
        self._document.select()  # the selected sample may not be there
        self.changed.emit()

    def show_a(self) -> None:
        """Show what is pinned."""
        self.show("A")

    def show_b(self) -> None:
        """Show what is open now."""
        self.show("B")

    def show_difference(self) -> None:
        """Show B − A."""
        self.show("difference")

    def shown(self) -> Opened:
        """The one state to show; of a difference, B."""
        return self.pinned if self._side == "A" and self.pinned is not None else self._document.now()

    def traces(self) -> tuple[Trace, ...]:
        """The results of what is open and of what is pinned."""
        states = (self._document.now(), self.pinned)
        return tuple(state.trace for state in states if state is not None and state.trace is not None)

    def trace_with(self, call: str | None) -> Trace | None:
        """The result that has a call of that name: what is shown, else the other one; None where neither has."""
        traces = (self.shown().trace, *self.traces())
        return next((trace for trace in traces if trace is not None and call is not None and trace.call(call) is not None), None)

    def may_edit(self) -> bool:
        """Whether what is shown can be edited: B, or its difference from A. Where A is shown, that is said."""
        if self._side == "A":
            self.edit_refused.emit()
        return self._side != "A"

    def _show_what_changed(self) -> None:
        if self._side == "A":
            self.show("B")

    def difference(self) -> GraphDifference | None:
        """What differs at each call where the difference is shown, else None."""
        pinned, trace = self.pinned, self._document.trace
        if self._side != "difference" or pinned is None or pinned.trace is None or trace is None:
            return None
        if self._difference is None or self._difference[0] is not pinned.trace or self._difference[1] is not trace:
            known = None if self._difference is None else self._difference[2].graphs
            made = graph_difference(pinned.trace, trace, (pinned.graph, self._document.graph), known)
            self._difference = pinned.trace, trace, made
        return self._difference[2]

    def graph(self) -> Graph:
        """The graph to show: of what is shown, or of both with what only A has."""
        difference, shown = self.difference(), self.shown()
        if difference is not None:
            return difference.graphs.both
        return shown.graph if shown.trace is None else graph_of(shown.trace, shown.graph)

    def in_words(self) -> str:
        """How B differs from A, in numbers; empty while B is being computed."""
        if self.pinned is None or self.pinned.trace is None or self._document.trace is None:
            return ""
        return compare.in_words(self.pinned.trace, self._document.trace)
