"""What is taken away: exported figures and reports, and pictures and numbers on the clipboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QObject, QPoint, Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QProgressBar, QProgressDialog, QWidget

from maskviz.gui.notices import Notices
from maskviz.session.document import Document
from maskviz.settings import Settings

if TYPE_CHECKING:
    from maskviz.colormaps import Scale
    from maskviz.core.heatmaps import Heatmap
    from maskviz.core.layout import Layout
    from maskviz.export.figures import FigureStyle
    from maskviz.export.kinds import AnyFigure, Source
    from maskviz.gui.background import Background
    from maskviz.gui.docks import Workspace
    from maskviz.gui.export_dialog.items import Shown

AFTER_MS = 500  # work that takes no longer shows no progress
COPY_WIDTH, COPY_DPI = 1600, 192


class TakeAway(QObject):
    """What File ▸ Export and Edit ▸ Copy do. All that paints is imported when it is first needed: the window starts faster without."""

    def __init__(self, window: QWidget, document: Document, settings: Settings, notices: Notices) -> None:
        super().__init__(window)
        self._window = window
        self._document = document
        self._settings = settings
        self._notices = notices
        self._workspace: Workspace | None = None
        self._report: Background | None = None
        self._progress: QProgressDialog | None = None

    def take_workspace(self, workspace: Workspace, actions: Sequence[QAction]) -> None:
        """The panes whose contents are taken away, made later than the window; their menus offer ``actions``."""
        self._workspace = workspace

        def fill(menu: QMenu) -> None:
            menu.addSeparator()
            menu.addActions(actions)

        workspace.heatmaps.menu_opened.connect(fill)
        view = workspace.graph.view
        view.addActions(actions)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def export(self) -> None:
        """Ask what to export, and how."""
        if self._document.network is not None and self._document.batch is not None:
            from maskviz.gui.export_dialog import ExportDialog

            ExportDialog(self._document, self._window, self.shown()).exec()

    def report(self) -> None:
        """Ask for a file, and write the report into it."""
        source = self._source()
        if source is None:
            return
        start = str(Path(self._settings.folder) / f"{Path(self._document.title).stem or 'network'}-report.html")
        path, _ = QFileDialog.getSaveFileName(self._window, "Export a report", start, "Web pages (*.html)")
        if path:
            self._settings.folder = str(Path(path).parent)
            self.write_report(Path(path if path.endswith((".html", ".htm")) else f"{path}.html"))

    def write_report(self, path: Path) -> None:
        """Write the report into a file once the one before is there, with progress, and offer to open it."""
        self.finish()
        source = self._source()
        if source is None:
            return
        from maskviz.export.report import write_report
        from maskviz.gui.background import Background, Tell

        self._report = work = Background(self)
        self._progress = progress = QProgressDialog("Writing the report…", "Stop", 0, 0, self._window)
        progress.setWindowTitle("Export a report")
        progress.setWindowModality(Qt.WindowModality.WindowModal)
        bar = QProgressBar()  # the dialog's own setValue runs events, in which it may be deleted
        bar.setRange(0, 0)
        bar.setValue(0)
        progress.setBar(bar)
        progress.setMinimumDuration(AFTER_MS)
        progress.canceled.connect(work.stop)
        for signal in (work.done, work.failed, work.stopped):
            signal.connect(self._end_report)

        def show_progress(done: int, total: int) -> None:
            bar.setRange(0, total)
            bar.setValue(done)

        work.progressed.connect(show_progress)
        work.failed.connect(lambda error: self._notices.show_notice("error", str(error)))
        work.done.connect(self._report_written)

        def job(tell: Tell) -> Path:
            return write_report(source, path, tell=tell)

        work.run(job)

    def finish(self) -> None:
        """Wait until the report that is being written is there, or the user has stopped it."""
        while self._report is not None and self._progress is not None:
            loop = QEventLoop()
            for signal in (self._report.done, self._report.failed, self._report.stopped):
                signal.connect(loop.quit)
            self._progress.show()
            loop.exec()

    def _end_report(self) -> None:
        for ended in (self._report, self._progress):
            if ended is not None:
                ended.deleteLater()
        self._report = self._progress = None

    def _report_written(self, path: Path) -> None:
        def show() -> None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

        self._notices.show_notice("info", f"The report is written to {path}.", action=("Open", show))

    # -- the clipboard

    def copy_picture(self) -> None:
        """Put what the keyboard is in on the clipboard, as a picture: one heatmap, or the graph; else all heatmaps."""
        from maskviz.export.files import render

        def copy(figure: AnyFigure) -> None:
            picture = render(figure, self._style())
            picture.setDevicePixelRatio(1.0)
            QGuiApplication.clipboard().setImage(picture)
            self._notices.show_notice("info", "The picture is on the clipboard.", key="copied")

        self._with_current(copy)

    def copy_numbers(self) -> None:
        """Put the numbers behind what the keyboard is in on the clipboard, as a table for a spreadsheet."""
        from maskviz.export.numbers import figure_table

        def copy(figure: AnyFigure) -> None:
            QGuiApplication.clipboard().setText(figure_table(figure))
            self._notices.show_notice("info", "The numbers are on the clipboard: paste them into a spreadsheet.", key="copied")

        self._with_current(copy)

    def shown(self) -> Shown:
        """What the window shows."""
        from maskviz.gui.export_dialog.items import Shown, shown_by_default
        from maskviz.gui.heatmaps.map_view import MapView

        source, order = self._source(), None
        maps: tuple[tuple[Heatmap, Scale], ...] = ()
        if self._workspace is not None:
            panel = self._workspace.heatmaps
            views = [view for view in panel.findChildren(MapView) if view.isVisibleTo(panel)]
            views.sort(key=lambda view: view.mapTo(panel, QPoint(0, 0)).y())
            maps = tuple((view.heatmap, view.scale) for view in views if view.heatmap is not None)
            order = panel.viewport.order
        if not maps and source is not None:
            maps = shown_by_default(source).maps
        return Shown(maps, order, self._window, self._settings.statuses)

    def _with_current(self, then: Callable[[AnyFigure], None]) -> None:
        """Do something with the figure of what the keyboard is in; a graph is laid out first, in a process of its own."""
        from maskviz.gui.export_dialog.items import keys, map_figure
        from maskviz.gui.heatmaps.map_view import MapView

        source, workspace, focused = self._source(), self._workspace, QApplication.focusWidget()
        if source is None or workspace is None:
            return
        if focused is not None and workspace.graph.isAncestorOf(focused):
            self._with_graph(source, then)
            return
        shown, key = self.shown(), "heatmaps"
        if isinstance(focused, MapView):
            names = zip(keys(shown.maps), shown.maps, strict=True)
            key = next((name for name, (heatmap, _scale) in names if heatmap is focused.heatmap), key)
        then(map_figure(key, source, shown))

    def _with_graph(self, source: Source, then: Callable[[AnyFigure], None]) -> None:
        from maskviz.export.kinds import graph_to_lay_out, make_figure
        from maskviz.session.layout_job import LayoutJob

        job = LayoutJob(self)

        def take(_request: object, layout: Layout) -> None:
            job.close()
            job.deleteLater()
            then(make_figure("graph", replace(source, layout=layout)))

        job.done.connect(take)
        job.request(graph_to_lay_out(source)[2])

    def _source(self) -> Source | None:
        from maskviz.gui.export_dialog.source import source_of

        return source_of(self._document)

    def _style(self) -> FigureStyle:
        """The look that was chosen last for exported figures, at a size for a document."""
        from PySide6.QtCore import QSettings

        from maskviz.gui.export_dialog.choices import ExportChoices
        from maskviz.settings import settings_file

        choices = ExportChoices.load(QSettings(str(settings_file()), QSettings.Format.IniFormat))
        return replace(choices, width=COPY_WIDTH, dpi=COPY_DPI).style(self._settings.statuses)
