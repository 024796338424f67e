"""The main window: puts toolbar, notices, welcome page, panes and status line together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget
from shiboken6 import isValid

from maskviz.gui.action_spec import Needs
from maskviz.gui.actions import build_actions, build_menus, enable_actions, paint_icons, plain_text, set_tip
from maskviz.gui.autosave import Autosave
from maskviz.gui.builder_desk import BuilderDesk
from maskviz.gui.compare_bar import CompareBar
from maskviz.gui.compare_hint import CompareHint
from maskviz.gui.edit_actions import EDIT_MENUS, EDITS
from maskviz.gui.editing import Editing
from maskviz.gui.file_drop import FileDrop
from maskviz.gui.files import Files
from maskviz.gui.graph_tools import GraphTools
from maskviz.gui.guide import Guide
from maskviz.gui.heatmap_tools import HeatmapTools
from maskviz.gui.input_keys import InputKeys
from maskviz.gui.menus import DeviceMenu, RecentMenu, ThemeMenu
from maskviz.gui.notices import Notices, ProgressLine
from maskviz.gui.pane_focus import PaneFocus
from maskviz.gui.preferences import Preferences
from maskviz.gui.sessions import Sessions
from maskviz.gui.shortcuts import Shortcuts
from maskviz.gui.stopping import Stopping
from maskviz.gui.take_away import TakeAway
from maskviz.gui.theme import Theme
from maskviz.gui.toolbar import StatusLine, Toolbar
from maskviz.gui.walk import Walk
from maskviz.gui.welcome import Welcome
from maskviz.gui.writing import Writing
from maskviz.palette import Palette
from maskviz.session.document import Document
from maskviz.session.jobs import Jobs
from maskviz.session.questions import Questions
from maskviz.settings import Settings

if TYPE_CHECKING:
    from maskviz.gui.docks import Workspace
    from maskviz.gui.findings_desk import FindingsDesk

FIRST_SIZE = QSize(1440, 900)
LEAST_SIZE = QSize(960, 600)


class MainWindow(QMainWindow):
    """The window around one document. Its parts do the work; actions (``gui.actions``) name the methods they call."""

    def __init__(self, document: Document, jobs: Jobs, theme: Theme, settings: Settings) -> None:
        super().__init__()
        self.document = document
        self.jobs = jobs
        self.theme = theme
        self.settings = settings
        self.questions = Questions(document, jobs, self)
        self.comparison = document.comparison
        self.workspace: Workspace | None = None
        self.findings: FindingsDesk | None = None
        self.pages = QStackedWidget()
        self.notices = Notices(theme.palette, self.pages)
        self.writing = Writing(self)
        self.sessions = Sessions(self, document, jobs, self.questions.of_pinned, settings, self.notices, self.writing)
        self.autosave = Autosave(self.sessions, document, self.notices)
        self.files = Files(self, document, jobs, settings, self.sessions, self.notices, self.writing)
        self.take_away = TakeAway(self, document, settings, self.notices)
        self.builder = BuilderDesk(self, document, jobs, settings, self.notices)
        self.walk = Walk(document)
        self.graph_tools = GraphTools(settings, self)
        self.heatmap_tools = HeatmapTools(document, self.notices, self)
        self.editing = Editing(self, document, settings, self.notices)
        self.stopping = Stopping(jobs, self.questions, self.notices)
        self.pane_focus = PaneFocus(lambda: self.workspace, self)
        self.preferences = Preferences(settings, theme, jobs)
        self.shortcuts = Shortcuts(settings)
        self.guide = Guide(self, self.menuBar(), document, lambda: self.workspace, theme, self.preferences, self.shortcuts)
        self.commands = build_actions(self)
        self.shortcuts.add(self.commands)
        self.submenus: dict[str, QMenu] = {
            "recent": RecentMenu(settings, self.files.open_path, self._show_recent, self),
            "panes": QMenu(self),
            "theme": ThemeMenu(theme, self),
            "go": QMenu(self),
            **{name: QMenu(self) for name in EDIT_MENUS},
            "devices": DeviceMenu(document, jobs, [self.commands["stop"], self.commands["restart_engine"]], self),
        }
        build_menus(self.menuBar(), self.commands, self.submenus)
        self.toolbar = Toolbar(document, self.commands, self.submenus["devices"], theme.palette)
        self.compare_hint = CompareHint(document, self.notices)
        self.compare_bar = CompareBar(document, self.commands, theme.palette)
        self.progress = ProgressLine(theme.palette)
        self.status = StatusLine(document, self.commands["stop"])
        self.welcome = Welcome(self.commands, theme.palette)
        self.pages.addWidget(self.welcome)
        self.setCentralWidget(column(self.toolbar, self.progress, self.compare_bar, self.pages, self.notices, self.status))
        self.drops = FileDrop(self, theme.palette)
        self._keys = InputKeys(self)
        self._connect()
        self._show_recent()
        self._refresh()
        self._set_palette(theme.palette)
        self.setMinimumSize(LEAST_SIZE)
        self.welcome.setFocus()
        if not self.restoreGeometry(settings.bytes("window/geometry")):
            self.resize(FIRST_SIZE.boundedTo(self.screen().availableSize()))

    def _connect(self) -> None:
        document, stack = self.document, self.document.undo_stack
        document.network_changed.connect(self._refresh)
        document.batch_changed.connect(self._refresh)
        document.engine_changed.connect(self._show_work)
        self.writing.changed.connect(self._show_work)
        for signal in (document.stale_changed, document.trace_changed, self.comparison.changed):
            signal.connect(self._enable)
        for signal in (stack.canUndoChanged, stack.canRedoChanged, stack.undoTextChanged, stack.redoTextChanged, stack.cleanChanged):
            signal.connect(self._show_undo)
        self.drops.dropped.connect(self.files.drop)
        self.sessions.panes = lambda: self.workspace
        self.files.session_taken_up.connect(self.autosave.taken_up)
        self.files.recent_changed.connect(self._show_recent)
        self.files.builder_wanted.connect(self.builder.edit)
        self.welcome.file_chosen.connect(self.files.open_path)
        self.welcome.example_chosen.connect(self.files.open_example)
        self.theme.changed.connect(self._set_palette)

    # -- what the document says

    def _refresh(self) -> None:
        document = self.document
        is_open = bool(document.title)
        if is_open:
            self.prepare()
        self.pages.setCurrentWidget(self.workspace if is_open and self.workspace is not None else self.welcome)
        self._enable()
        self.setWindowTitle(f"{document.title}[*] — MaskViz" if document.title else "MaskViz")
        self._show_undo()

    def _enable(self) -> None:
        document, comparison = self.document, self.comparison
        there: dict[Needs, bool] = {
            "network": document.network is not None,
            "batch": document.batch is not None,
            "result": comparison.can_pin,
            "pinned": comparison.pinned is not None,
        }
        enable_actions(self.commands, [need for need, is_there in there.items() if is_there])

    def _show_undo(self) -> None:
        stack = self.document.undo_stack
        if not isValid(stack):  # a stack that is being deleted still tells that it is empty
            return
        for name, able, text in (("undo", stack.canUndo(), stack.undoText()), ("redo", stack.canRedo(), stack.redoText())):
            action, word = self.commands[name], name.capitalize()
            action.setEnabled(able)
            action.setText(f"&{word} {text}".rstrip())
            action.setIconText(word)
            set_tip(action, plain_text(action.text()) if able else f"Nothing to {name}")
        self.setWindowModified(not stack.isClean())

    def _show_work(self) -> None:
        self.progress.set_busy(self.document.engine.kind in ("starting", "busy") or self.writing.busy)

    def _show_recent(self) -> None:
        menu = self.submenus["recent"]
        assert isinstance(menu, RecentMenu)
        menu.refresh()
        self.welcome.set_recent(self.settings.recent)

    def _set_palette(self, colours: Palette) -> None:
        paint_icons(self.commands, colours)
        for part in (self.toolbar, self.progress, self.compare_bar, self.notices, self.welcome, self.drops.overlay, self.workspace):
            if part is not None:
                part.set_palette(colours)

    def prepare(self) -> None:
        """Make the panes, once: when they are first needed, or while nothing else goes on; an empty window starts without them."""
        if self.workspace is not None:
            return
        from maskviz.gui.docks import Workspace
        from maskviz.gui.findings_desk import FindingsDesk

        self.findings = FindingsDesk(self.document, self.jobs, self.settings, self, self.writing)
        saved, building = self.settings.bytes("window/panes"), self.builder.building
        self.workspace = Workspace(self.document, self.questions, self.findings, building, self.theme.palette, saved)
        self.workspace.builder.asked_new.connect(self.files.new_network)
        self.workspace.hovered.connect(self.status.set_readout)
        self.graph_tools.attach(self.workspace.graph)
        self.heatmap_tools.attach(self.workspace.heatmaps)
        self.workspace.editor.rejected.connect(lambda sentence: self.notices.show_notice("warning", sentence, key="cell"))
        in_maps = [self.submenus[name] for name in ("fill", "padding", "steps", "samples", "weights")]
        self.editing.cells.take_menu(self.submenus["fill"])
        self.editing.take_panes(self.workspace.editor, self.workspace.heatmaps, in_maps)
        self.workspace.editor.set_actions([self.commands[act.id] for act in EDITS], {name: self.submenus[name] for name in EDIT_MENUS})
        self.take_away.take_workspace(self.workspace, [self.commands[name] for name in ("copy_picture", "copy_numbers", "export")])
        self.builder.take_workspace(self.workspace.show_builder)
        self.pages.addWidget(self.workspace)
        self.notices.taking.connect(self.workspace.lend)
        self.workspace.lend(self.notices.taken)
        self.notices.question.beside = self.workspace.width_of_graph
        panes = self.workspace.pane_actions()
        self.submenus["panes"].addActions(panes)
        self.shortcuts.add({action.objectName(): action for action in panes})

    # -- what actions ask for

    def undo(self) -> None:
        """Take back the newest edit."""
        self.document.undo_stack.undo()

    def redo(self) -> None:
        """Make an edit again that was taken back."""
        self.document.undo_stack.redo()

    def find_layer(self) -> None:
        """Put the keyboard into the search field of the graph."""
        if self.workspace is not None:
            self.workspace.find_layer()

    def fit(self) -> None:
        """Show all of the graph and of the heatmaps."""
        if self.workspace is not None:
            self.workspace.fit()

    def play(self) -> None:
        """Walk through the timesteps, or stop."""
        if self.workspace is not None:
            self.workspace.timestep.toggle_play()

    def reset_layout(self) -> None:
        """Put every pane back to its first place."""
        if self.workspace is not None:
            self.workspace.reset_layout()

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no more."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape that nobody else wants dismisses the newest notice; during a drag it belongs to that."""
        escape = event.key() == Qt.Key.Key_Escape and not event.modifiers() and not QApplication.mouseButtons()
        if not (escape and self.notices.dismiss_newest()):
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.take_away.finish()
        if not self.files.may_replace():
            event.ignore()
            return
        self.files.finish_saving()
        self.settings.set_bytes("window/geometry", self.saveGeometry())
        if self.workspace is not None:
            self.settings.set_bytes("window/panes", self.workspace.layout_state())
            self.workspace.end()
        if self.findings is not None:
            self.findings.repairs.close()
        self.settings.sync()
        self.autosave.end()
        self.jobs.close()
        event.accept()


def column(*widgets: QWidget) -> QWidget:
    """Widgets on top of each other without gaps; a stack of pages among them takes the room that is left."""
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget in widgets:
        layout.addWidget(widget, 1 if isinstance(widget, QStackedWidget) else 0)
    return holder
