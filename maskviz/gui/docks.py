"""The panes around one document: every panel in a dock of its own, and their layout."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QShowEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QMainWindow, QToolButton, QVBoxLayout, QWidget

from maskviz.gui.editor import EditorPanel
from maskviz.gui.file_drop import leave_drops_to_window
from maskviz.gui.graph import GraphPanel
from maskviz.gui.heatmaps import HeatmapsPanel
from maskviz.gui.icons import quiet_icon
from maskviz.gui.inspector import InspectorPanel
from maskviz.gui.ledger_view import LedgerPanel
from maskviz.gui.timestep import TimestepBar
from maskviz.palette import Palette
from maskviz.session.document import Document

VERSION = 1  # of the saved layout; raise it when panes are added
Area = Qt.DockWidgetArea


class PaneTitle(QWidget):
    """The title of a pane: a small caption, and buttons to float and to close it."""

    def __init__(self, dock: QDockWidget, colours: Palette) -> None:
        super().__init__(dock)
        self.setObjectName("pane_title")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        label = QLabel(dock.windowTitle().upper())
        label.setProperty("look", "caption")
        label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._float = self._button("Float this pane, or put it back", lambda: dock.setFloating(not dock.isFloating()))
        self._close = self._button("Close this pane; View ▸ Panes brings it back", dock.close)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 3, 4, 3)
        row.setSpacing(0)
        row.addWidget(label, 1)
        row.addWidget(self._float)
        row.addWidget(self._close)
        self.set_palette(colours)

    def _button(self, tip: str, clicked: object) -> QToolButton:
        button = QToolButton()
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setIconSize(QSize(11, 11))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(clicked)
        return button

    def set_palette(self, colours: Palette) -> None:
        self._float.setIcon(quiet_icon("float", colours))
        self._close.setIcon(quiet_icon("close", colours))


class Workspace(QMainWindow):
    """The panes: graph at the left, heatmaps over the timestep bar in the middle, layer and loss at the right, the sample below.

    ``hovered`` carries the read-out of what is under the mouse.
    """

    hovered = Signal(str)

    def __init__(self, document: Document, colours: Palette, saved: QByteArray, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Widget)
        self._saved = saved
        self._laid_out = False
        self.graph = GraphPanel(document, colours)
        self.heatmaps = HeatmapsPanel(document, colours)
        self.timestep = TimestepBar(document, colours)
        self.inspector = InspectorPanel(document, colours)
        self.ledger = LedgerPanel(document, colours)
        self.editor = EditorPanel(document, colours)
        self.panels = (self.graph, self.heatmaps, self.timestep, self.inspector, self.ledger, self.editor)
        self.heatmaps.hovered.connect(self.hovered)
        self.heatmaps.mask_view.installEventFilter(self)
        document.trace_changed.connect(self._align)
        self.setDockNestingEnabled(True)
        self.docks = {
            "graph": self._dock("graph", "Graph", self.graph, colours),
            "heatmaps": self._dock("heatmaps", "Heatmaps", stacked(self.heatmaps, self.timestep), colours),
            "inspector": self._dock("inspector", "Inspector", self.inspector, colours),
            "ledger": self._dock("ledger", "Ledger", self.ledger, colours),
            "sample": self._dock("sample", "Sample", self.editor, colours),
        }
        leave_drops_to_window(self)
        self._arrange()

    def _dock(self, name: str, title: str, content: QWidget, colours: Palette) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(f"pane_{name}")
        dock.setWidget(content)
        dock.setTitleBarWidget(PaneTitle(dock, colours))
        return dock

    def _arrange(self) -> None:
        docks = self.docks
        self.addDockWidget(Area.LeftDockWidgetArea, docks["graph"])
        self.splitDockWidget(docks["graph"], docks["heatmaps"], Qt.Orientation.Horizontal)
        self.addDockWidget(Area.RightDockWidgetArea, docks["inspector"])
        self.splitDockWidget(docks["inspector"], docks["ledger"], Qt.Orientation.Vertical)
        self.addDockWidget(Area.BottomDockWidgetArea, docks["sample"])
        for dock in docks.values():
            dock.setFloating(False)
            dock.show()
        self._share_room()

    def _share_room(self) -> None:
        """Give the panes their first sizes, as parts of the window."""
        docks, width, height = self.docks, self.width(), self.height()
        left = round(min(max(width * 0.27, 250), 560))
        right = round(min(max(width * 0.22, 270), 460))
        bottom = round(min(max(height * 0.2, 130), 330))
        across = [docks["graph"], docks["heatmaps"], docks["inspector"]]
        self.resizeDocks(across, [left, width - left - right, right], Qt.Orientation.Horizontal)
        self.resizeDocks([docks["graph"], docks["sample"]], [height - bottom, bottom], Qt.Orientation.Vertical)
        self.resizeDocks([docks["inspector"], docks["ledger"]], [round(height * 0.5), round(height * 0.3)], Qt.Orientation.Vertical)

    def reset_layout(self) -> None:
        """Put every pane back to its first place and size."""
        for dock in self.docks.values():
            self.removeDockWidget(dock)
        self._arrange()

    def layout_state(self) -> QByteArray:
        return self.saveState(VERSION)

    def pane_actions(self) -> list[QAction]:
        """An action for each pane that shows or hides it."""
        actions = [dock.toggleViewAction() for dock in self.docks.values()]
        for number, action in enumerate(actions, 1):
            action.setShortcut(f"Ctrl+{number}")
        return actions

    def set_palette(self, colours: Palette) -> None:
        for panel in self.panels:
            panel.set_palette(colours)
        for dock in self.docks.values():
            title = dock.titleBarWidget()
            assert isinstance(title, PaneTitle)
            title.set_palette(colours)

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
        if self._saved.isEmpty() or not self.restoreState(self._saved, VERSION):
            self._share_room()
        self.heatmaps.mask_view.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            QTimer.singleShot(0, self._align)
        return super().eventFilter(watched, event)

    def _align(self) -> None:
        """Put the timestep bar's groove under the heatmaps' time axis."""
        view = self.heatmaps.mask_view
        cells = view.map_rect()
        left = view.mapTo(self.heatmaps, cells.topLeft().toPoint()).x()
        self.timestep.set_span(left, self.heatmaps.width() - left - round(cells.width()))


def stacked(*widgets: QWidget) -> QWidget:
    """Widgets on top of each other; the first takes the room that is left."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for n, widget in enumerate(widgets):
        column.addWidget(widget, 1 if n == 0 else 0)
    return holder
