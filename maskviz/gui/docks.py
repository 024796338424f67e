"""The panes around one document: every panel in a dock of its own, and their layout."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget

from maskviz.gui.builder.panel import BuilderPanel
from maskviz.gui.editor import EditorPanel
from maskviz.gui.file_drop import leave_drops_to_window
from maskviz.gui.findings import FindingsPanel
from maskviz.gui.findings_desk import FindingsDesk
from maskviz.gui.graph import GraphPanel
from maskviz.gui.heatmaps import HeatmapsPanel
from maskviz.gui.history import HistoryPanel
from maskviz.gui.inspector import InspectorPanel
from maskviz.gui.ledger_view import LedgerPanel
from maskviz.gui.pane import Pane, PaneTitle
from maskviz.gui.timestep import TimestepBar
from maskviz.gui.words import tr
from maskviz.palette import Palette
from maskviz.session.building import Building
from maskviz.session.document import Document
from maskviz.session.questions import Questions

VERSION = 4  # of the saved layout; raise it when panes are added
LOW = 700  # logical pixels; in a lower window three panes above each other are of no use
Area = Qt.DockWidgetArea
NARROWEST = {
    "builder": 250,
    "graph": 215,
    "findings": 255,
    "inspector": 255,
    "ledger": 255,
    "heatmaps": 410,
}  # what a pane needs to be read


class Workspace(QMainWindow):
    """The panes: graph at the left, heatmaps over the timestep bar in the middle, findings, layer and loss at the right,
    the sample below.

    ``hovered`` carries the read-out of what is under the mouse.
    """

    hovered = Signal(str)

    def __init__(
        self,
        document: Document,
        questions: Questions,
        desk: FindingsDesk,
        building: Building,
        colours: Palette,
        saved: QByteArray,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Widget)
        self._saved = saved
        self._laid_out = False
        self._behind = False
        self._kept: tuple[int, int, int] | None = None  # widths at the left and the right, height below: where the user has set them
        self._lent = 0  # pixels of height that notices have
        self.builder = BuilderPanel(document, building, colours)
        self.graph = GraphPanel(document, colours)
        self.heatmaps = HeatmapsPanel(document, questions, colours)
        self.timestep = TimestepBar(document, colours)
        self.findings = FindingsPanel(document, desk, colours)
        self.inspector = InspectorPanel(document, colours)
        self.ledger = LedgerPanel(document, colours)
        self.history = HistoryPanel(document, colours)
        self.editor = EditorPanel(document, colours)
        self.panels = (
            self.builder,
            self.graph,
            self.heatmaps,
            self.timestep,
            self.findings,
            self.inspector,
            self.ledger,
            self.history,
            self.editor,
        )
        self.heatmaps.hovered.connect(self.hovered)
        self.heatmaps.arranged.connect(self._align)
        self.heatmaps.viewport.changed.connect(self._align)
        document.trace_changed.connect(self._align)
        self.setDockNestingEnabled(True)
        self.docks = {
            "graph": self._dock("graph", tr("Graph"), self.graph, colours),
            "heatmaps": self._dock("heatmaps", tr("Heatmaps"), stacked(self.heatmaps, self.timestep), colours),
            "findings": self._dock("findings", tr("Findings"), self.findings, colours),
            "inspector": self._dock("inspector", tr("Inspector"), self.inspector, colours),
            "ledger": self._dock("ledger", tr("Ledger"), self.ledger, colours),
            "history": self._dock("history", tr("History"), self.history, colours),
            "sample": self._dock("sample", tr("Sample"), self.editor, colours),
            "builder": self._dock("builder", tr("Builder"), self.builder, colours),
        }
        self._title_of("heatmaps").add_tools(self.heatmaps.tools_bar)
        self._title_of("sample").add_tools(self.editor.tools_bar)
        self.findings.grown.connect(self._follow_findings)
        self.findings.counted.connect(self._title_of("findings").set_count)
        self.setCorner(Qt.Corner.BottomRightCorner, Area.RightDockWidgetArea)
        leave_drops_to_window(self)
        self._arrange()

    def _dock(self, name: str, title: str, content: QWidget, colours: Palette) -> Pane:
        content.setMinimumWidth(NARROWEST.get(name, 0))
        pane = Pane(name, title, content, colours, self)
        pane.topLevelChanged.connect(lambda: QTimer.singleShot(0, self, self._give_room))
        return pane

    def _title_of(self, name: str) -> PaneTitle:
        title = self.docks[name].titleBarWidget()
        assert isinstance(title, PaneTitle)
        return title

    def _arrange(self) -> None:
        docks, self._behind = self.docks, False
        self.addDockWidget(Area.LeftDockWidgetArea, docks["graph"])
        self.splitDockWidget(docks["graph"], docks["heatmaps"], Qt.Orientation.Horizontal)
        self.addDockWidget(Area.RightDockWidgetArea, docks["findings"])
        self.splitDockWidget(docks["findings"], docks["inspector"], Qt.Orientation.Vertical)
        self.splitDockWidget(docks["inspector"], docks["ledger"], Qt.Orientation.Vertical)
        self.tabifyDockWidget(docks["ledger"], docks["history"])
        self.addDockWidget(Area.BottomDockWidgetArea, docks["sample"])
        self.splitDockWidget(docks["graph"], docks["builder"], Qt.Orientation.Horizontal)
        for dock in docks.values():
            dock.setFloating(False)
            dock.show()
        docks["ledger"].raise_()
        docks["builder"].hide()
        if self._laid_out and self._is_low:
            self._lay_behind()
        self._share_room()

    def _lay_behind(self) -> None:
        """Lay ledger and history behind the inspector."""
        self._behind = True
        self.tabifyDockWidget(self.docks["inspector"], self.docks["ledger"])
        self.tabifyDockWidget(self.docks["ledger"], self.docks["history"])
        self.docks["inspector"].raise_()

    def _lay_below(self) -> None:
        """Lay ledger and history below the inspector, where there is room for them; Qt untabs panes only when all are laid out anew."""
        focused, hidden = QApplication.focusWidget(), [dock for dock in self.docks.values() if dock.isHidden()]
        self.reset_layout()
        for dock in hidden:
            dock.hide()
        if focused is not None:
            focused.setFocus()

    def _share_room(self) -> None:
        """Give the panes sizes that are parts of the window's."""
        docks, width, height = self.docks, self.width(), self.height() + self._lent
        left = round(min(max(width * 0.27, 250), 560))
        right = round(min(max(width * 0.235, 270), 480))
        bottom = round(min(max(height * 0.22, 140 if self._is_low else 165), 330))
        self._give(left, right, bottom)
        column = [docks["findings"], docks["inspector"]]
        if docks["ledger"] not in self.tabifiedDockWidgets(docks["inspector"]):
            column.append(docks["ledger"])
        self._share_column(column, height)

    def _share_column(self, column: list[Pane], height: int) -> None:
        """Findings are as high as their cards, within limits; the others share what is left."""
        wanted = self.findings.height_of_cards + self._title_of("findings").height()
        heights = [round(min(max(wanted, height * 0.16), height * (0.36 if len(column) == 3 else 0.5)))]
        if len(column) == 3:
            heights.append(round((height - heights[0]) * 0.43))
        lines = len(heights)  # between the panes, each a pixel wide
        self.resizeDocks(column, [*heights, max(self.height() - sum(heights) - lines, 1)], Qt.Orientation.Vertical)

    def _follow_findings(self) -> None:
        """Give the findings the height that they need now, unless the user has set one."""
        if self._laid_out and self._kept is None and self._in_place() and not self.docks["inspector"].isFloating():
            self._share_room()

    @property
    def _is_low(self) -> bool:
        return self.height() + self._lent < LOW

    def lend(self, height: int) -> None:
        """Notices take this height of the window: the lowest panes give it, so that nothing above them moves."""
        self._lent = height
        self._give_room()

    def _give(self, left: int, right: int, bottom: int) -> None:
        """Give these sizes to the outer panes; the heatmaps take the room that is left."""
        docks, bottom = self.docks, max(bottom - self._lent, 1)
        across = [docks["graph"], docks["heatmaps"], docks["findings"]]
        builder = docks["builder"].width() if self._is_beside("builder") else 0
        self.resizeDocks(across, [left, self.width() - left - right - builder, right], Qt.Orientation.Horizontal)
        self.resizeDocks([docks["graph"], docks["sample"]], [self.height() - bottom, bottom], Qt.Orientation.Vertical)

    def _is_beside(self, name: str) -> bool:
        """Whether a pane stands beside the others and not behind one or for itself."""
        dock = self.docks[name]
        return dock.isVisible() and not dock.isFloating() and not self.tabifiedDockWidgets(dock)

    def show_builder(self) -> None:
        """Show the builder beside the graph, or bring it to the front where it is."""
        dock = self.docks["builder"]
        if not dock.isVisible():
            if self.width() < sum(NARROWEST[name] for name in ("builder", "graph", "heatmaps", "findings")):
                self.tabifyDockWidget(self.docks["graph"], dock)  # there is no room for both
            dock.show()
            self.resizeDocks([dock], [round(min(max(self.width() * 0.2, NARROWEST["builder"]), 360))], Qt.Orientation.Horizontal)
        dock.raise_()
        self.builder.setFocus()

    def _in_place(self) -> bool:
        """Whether the panes that sizes are given to are where they were at first."""
        names = ("graph", "heatmaps", "findings", "sample")
        areas = (Area.LeftDockWidgetArea, Area.LeftDockWidgetArea, Area.RightDockWidgetArea, Area.BottomDockWidgetArea)
        docks = [self.docks[name] for name in names]
        return all(d.isVisible() and not d.isFloating() and self.dockWidgetArea(d) == a for d, a in zip(docks, areas, strict=True))

    def width_of_graph(self) -> int:
        """How many pixels at the left the graph takes; 0 where it is elsewhere."""
        return self.docks["graph"].geometry().right() + 1 if self._in_place() else 0

    def _keep(self) -> None:
        """Remember the sizes that the panes have now."""
        docks = self.docks
        self._kept = (docks["graph"].width(), docks["findings"].width(), docks["sample"].height() + self._lent)

    def event(self, event: QEvent) -> bool:
        handled = super().event(event)
        if event.type() == QEvent.Type.MouseButtonRelease and self._laid_out:  # of a line between panes: nothing else of it is bare
            QTimer.singleShot(0, self._keep)
        return handled

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._give_room()

    def _give_room(self) -> None:
        """Give the panes their shares of the room, or the sizes that the user has set."""
        self.timestep.set_low(self._is_low)
        if not self._laid_out or not self._in_place():
            return
        if self._kept is None:
            if self._behind and not self._is_low:
                self._behind = False
                QTimer.singleShot(0, self, self._lay_below)
            self._share_room()
        else:
            self._give(*self._kept)

    def reset_layout(self) -> None:
        """Put every pane back to its first place and size."""
        for dock in self.docks.values():
            self.removeDockWidget(dock)
        self._kept = None
        self._arrange()

    def layout_state(self) -> QByteArray:
        """The places and sizes of the panes, for ``saved`` of another time; sizes that nobody set are shared anew then."""
        panes = bytes(self.saveState(VERSION).toBase64().data()).decode()
        return QByteArray(json.dumps({"panes": panes, "sizes": self._kept, "behind": self._behind}).encode())

    def _take_layout(self, saved: QByteArray) -> bool:
        """Put the panes where ``layout_state`` said; whether that could be read, and suits a window of this height."""
        try:
            state = json.loads(bytes(saved.data()))
            panes, sizes, behind = QByteArray.fromBase64(state["panes"].encode()), state["sizes"], bool(state["behind"])
            kept = None if sizes is None else (int(sizes[0]), int(sizes[1]), int(sizes[2]))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return False
        if (behind and not self._is_low) or not self.restoreState(panes, VERSION):
            return False
        self._behind, self._kept = behind, kept
        if self._in_place():
            self._share_room() if kept is None else self._give(*kept)
        return True

    def state(self) -> dict[str, Any]:
        """How the panes look, as JSON values, for ``restore``."""
        state: dict[str, Any] = {"layout": bytes(self.layout_state().data()).decode()}
        return state | {name: panel.state() for name, panel in self._remembering.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Look as ``state`` said, as far as it is understood."""
        layout = state.get("layout")
        if isinstance(layout, str):
            self._take_layout(QByteArray(layout.encode()))
        for name, panel in self._remembering.items():
            if isinstance(state.get(name), dict):
                panel.restore(state[name])

    @property
    def _remembering(self) -> dict[str, Any]:
        """The panels that remember what they show."""
        panels = {"heatmaps": self.heatmaps, "graph": self.graph, "editor": self.editor}
        return {name: panel for name, panel in panels.items() if hasattr(panel, "state") and hasattr(panel, "restore")}

    def pane_actions(self) -> list[QAction]:
        """An action for each pane that shows or hides it."""
        actions = [dock.toggleViewAction() for dock in self.docks.values()]
        for number, action in enumerate(actions, 1):
            action.setShortcut(f"Ctrl+{number}")
            action.setObjectName(f"pane_{number}")
        return actions

    def set_palette(self, colours: Palette) -> None:
        """Paint every pane in these colours."""
        for panel in self.panels:
            panel.set_palette(colours)
        for name in self.docks:
            self._title_of(name).set_palette(colours)

    def find_layer(self) -> None:
        """Show the graph and put the keyboard into its search field."""
        self.docks["graph"].show()
        self.docks["graph"].raise_()
        self.graph.focus_find()

    def fit(self) -> None:
        """Show all of the graph, and all samples and timesteps."""
        self.graph.fit()
        self.heatmaps.fit()

    def end(self) -> None:
        """End what runs outside the window's process for these panes."""
        self.graph.close_layout()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._laid_out:
            self._laid_out = True
            QTimer.singleShot(0, self._lay_out)  # only then is there a size to share

    def _lay_out(self) -> None:
        if not self._take_layout(self._saved):
            if self._is_low:
                self._lay_behind()
            self._share_room()
        self.heatmaps.mask_view.setFocus()

    def _align(self) -> None:
        """Put the timestep bar's groove under the heatmaps' time axis."""
        left, width = self.heatmaps.time_axis()
        self.timestep.set_span(left, self.heatmaps.width() - left - width)
        window = self.heatmaps.viewport.window
        self.timestep.slider.set_part(window.step0, window.step1)


def stacked(*widgets: QWidget) -> QWidget:
    """Widgets on top of each other; the first takes the room that is left."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for n, widget in enumerate(widgets):
        column.addWidget(widget, 1 if n == 0 else 0)
    return holder
