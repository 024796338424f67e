"""The panel of linked heatmaps. It shows what the document holds, and asks the document for selections and edits."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from maskviz.core.call_maps import tensor_of
from maskviz.core.heatmaps import Choice
from maskviz.core.map_rows import NETWORK_MAPS, STANDARD, Kind, MapSpec, Order, Panels, Profile
from maskviz.core.sample_order import sample_order
from maskviz.gui.heatmaps import axes, keys
from maskviz.gui.heatmaps.add_menu import recurrent_calls
from maskviz.gui.heatmaps.call_row import CallRow
from maskviz.gui.heatmaps.map_row import DIM_AFTER_MS, MapRow
from maskviz.gui.heatmaps.row_list import RowList
from maskviz.gui.heatmaps.spotlight_bar import SpotlightBar
from maskviz.gui.heatmaps.standard_rows import LossRow, MaskRow, PredictionsRow
from maskviz.gui.heatmaps.telling import Telling
from maskviz.gui.heatmaps.tools_bar import ToolsBar
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.gui.heatmaps.weights_row import WeightsRow
from maskviz.palette import Palette
from maskviz.session.document import Document, Region
from maskviz.session.questions import Questions


class HeatmapsPanel(QWidget):
    """Maps over one time axis: padding and mask, predictions, loss contributions, and those that were added.

    ``hovered`` is the read-out for the status bar; ``changed``: other maps, or maps of another look, are shown (``state``);
    ``arranged``: rows have other places or sizes; ``menu_opened``: the menu of a map, for others to add to.
    """

    hovered = Signal(str)
    arranged = Signal()
    menu_opened = Signal(QMenu)
    changed = Signal()

    def __init__(self, document: Document, questions: Questions, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.questions = questions
        self.colors = palette
        self.viewport = Viewport(self)
        self.order: Order = "given"
        self._kept: tuple[Order, Any] | None = None  # the order before a file that is being loaded
        self.profile: Profile = "none"
        self._shown: tuple[str | None, int] = (None, 0)  # output and unit of the predictions
        self._opened_other = False  # another network, whose first trace has not come yet
        self._under: tuple[int, int, MapRow] | None = None  # sample and step under the mouse, and in which map
        self._dim = QTimer(self, singleShot=True, interval=DIM_AFTER_MS)
        self._dim.timeout.connect(self._show_stale)
        self.mask_row = MaskRow(document, self.viewport, palette)
        self.mask_view = self.mask_row.mask_view
        self.predictions_row = PredictionsRow(document, self.viewport, palette)
        self.loss_row = LossRow(document, self.viewport, palette)
        self._standard: dict[Kind, MapRow] = {"mask": self.mask_row, "predictions": self.predictions_row, "loss": self.loss_row}
        self.telling = Telling(document, self.viewport, tuple(self._standard.values()))
        self.list = RowList()
        self.spotlight_bar = SpotlightBar(document, palette)
        self.tools_bar = ToolsBar(self, palette)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 6, 8, 4)
        layout.addWidget(self.spotlight_bar)
        layout.addWidget(self.list)
        for row in self._standard.values():
            self._connect_row(row)
            self.list.insert(-1, row)
        self.mask_row.tool_chosen.connect(self._take_tool)
        self.viewport.reordered.connect(self._on_reordered)
        document.network_changed.connect(self._on_network)
        document.batch_changed.connect(self._on_batch)
        document.trace_changed.connect(self._on_trace)
        document.selection_changed.connect(self._on_selection)
        document.region_changed.connect(self._show_marked)
        document.spotlight_changed.connect(self._show_marked)
        document.stale_changed.connect(self._on_stale)
        document.engine_changed.connect(self._on_engine)
        document.comparison.changed.connect(self._on_trace)
        self.set_palette(palette)
        self.setAccessibleName("Heatmaps")
        self._on_network()

    # which maps

    @property
    def rows(self) -> list[MapRow]:
        """The rows that are shown, from top to bottom."""
        return self.list.rows

    def add(self, kind: Kind, ref: str | None = None, spec: MapSpec | None = None) -> MapRow:
        """One more map: of the network, or of the output ``ref`` (``lstm``, ``lstm#1``) of a call; one that is there comes into view."""
        spec = spec or MapSpec(kind, ref)
        row = next((r for r in self.rows if (r.spec.kind, r.spec.ref) == (kind, ref) and r.spec.view == spec.view == "unit"), None)
        if row is None:
            row = self._row_for(spec)
            self.list.insert(-1, row)
            row.show_profile(self.profile)
            row.refresh()
            row.show_stale()
            self._place()
            self._show_marked()
            self.changed.emit()
        QTimer.singleShot(0, row, lambda: self.list.ensureWidgetVisible(row, 0, 0))
        return row

    def _row_for(self, spec: MapSpec) -> MapRow:
        """One of the three rows that are always there, or a new one."""
        if spec.kind in STANDARD:
            return self._standard[spec.kind]
        row: MapRow
        if spec.kind == "weights":
            row = WeightsRow(self.document, self.viewport, self.colors, spec)
        else:
            row = CallRow(self.document, self.questions, self.viewport, spec, self.colors)
        self._connect_row(row)
        return row

    def add_selected(self, kind: Kind) -> MapRow | None:
        """Show one more map: of the network, or of the selected call's first output; None where no call is selected that could have it."""
        if kind in NETWORK_MAPS:
            return self.add(kind)
        trace = self.document.comparison.trace_with(self.document.selection.call)
        call = trace.call(self.document.selection.call or "") if trace is not None else None
        if trace is None or call is None or not call.outputs:
            return None
        inside = recurrent_calls(trace, call) if kind == "state" else []
        return self.add(kind, inside[0].id if inside else call.id)

    def close_row(self, row: MapRow) -> None:
        """Show a map no more."""
        self._take(row)
        self._on_row_changed()

    def _take(self, row: MapRow) -> None:
        self.list.take(row)
        if self._under is not None and self._under[2] is row:
            self._under = None
        if row.spec.kind not in STANDARD:
            row.release()
            row.deleteLater()

    def panels(self) -> Panels:
        """Which maps are shown, and how."""
        return Panels(tuple(row.spec for row in self.rows), self.order, self.profile)

    def show_panels(self, panels: Panels) -> None:
        """Show these maps."""
        for row in self.rows:
            self._take(row)
        for spec in panels.rows:
            row = self._row_for(spec)
            row.spec = spec
            self.list.insert(-1, row)
        self._refresh()
        self._show_stale()
        self._show_marked()
        self.set_profile(panels.profile)
        self.set_order(panels.order)

    def state(self) -> dict[str, Any]:
        """Which maps are shown and how, as JSON for a session file."""
        return self.panels().to_json()

    def restore(self, state: Any) -> None:
        """Show again what ``state`` said; what cannot be read of it is left out."""
        self.show_panels(Panels.from_json(state))

    def choice(self) -> Choice:
        """What the three maps of the network show now: for exported figures that show the same."""
        selection = self.document.selection
        looks = {kind: row.spec.look for kind, row in self._standard.items()}
        return Choice(self.mask_row.input, selection.output, self.predictions_row.spec.view, selection.unit, looks)

    def set_order(self, order: Order) -> None:
        """Show the samples in this order as they are now; later edits do not move them."""
        document = self.document
        self.order = order
        if document.batch is not None:
            rows = sample_order(order, document.batch, document.trace, self.mask_row.input, document.selection.output)
            self.viewport.set_order(rows)
            self.viewport.reveal(document.selection.step, document.selection.sample)
        for row in self.rows:
            row.set_selected(document.selection.sample, document.selection.step)
        self.tools_bar.show_choices()
        self.changed.emit()

    def _on_reordered(self) -> None:
        if self.viewport.order is None:  # also where another batch has another number of samples
            self.order = "given"
        self.tools_bar.show_choices()

    def set_profile(self, profile: Profile) -> None:
        """Show curves along the cross-hair below the maps, or none."""
        self.profile = profile
        for row in {*self.rows, *self._standard.values()}:
            row.show_profile(profile)
        self.list.level()
        self.tools_bar.show_choices()
        self.changed.emit()

    def _take_tool(self, tool: Any) -> None:
        for row in {*self.rows, *self._standard.values()}:
            row.view.tool = tool

    def _connect_row(self, row: MapRow) -> None:
        row.view.pointed.connect(lambda sample, step: self._on_pointed(sample, step, row))
        row.view.picked.connect(row.pick)
        row.view.key_pressed.connect(self._on_key)
        row.view.tool = self.mask_view.tool
        if row.view.viewport is self.viewport:
            row.view.banded.connect(self._on_banded)
        row.view.installEventFilter(self)
        row.closed.connect(lambda: self.close_row(row))
        row.moved.connect(lambda by: self._move(row, self.rows.index(row) + by))
        row.title.dragged.connect(lambda y: self._move(row, self.list.place_at(row, y)))
        row.changed.connect(self._on_row_changed)
        row.menu_opened.connect(self.menu_opened)
        row.reshaped.connect(self._place)

    def _move(self, row: MapRow, index: int) -> None:
        if self.list.move(row, index):
            self._on_row_changed()

    def _on_row_changed(self) -> None:
        self._place()
        self.changed.emit()

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.colors = palette
        for row in {*self.rows, *self._standard.values()}:
            row.set_palette(palette)
        self.tools_bar.set_palette(palette)
        self.spotlight_bar.set_palette(palette)
        self.update()

    def fit(self) -> None:
        """Show all samples and timesteps."""
        self.viewport.fit()

    # the document

    def _on_network(self) -> None:
        self._opened_other = True
        self.mask_row.open_network()
        for row in self._standard.values():
            row.spec = MapSpec(row.spec.kind)
        self.viewport.fit()
        kept, loading = self._kept or (self.order, self.viewport.order), self.document.batch is None
        self._kept = kept if loading else None
        self.order, rows = kept if self.document.same_batch and not loading else ("given", None)
        self.viewport.set_order(rows)
        self._refresh()

    def _on_batch(self) -> None:
        for row in self.rows:
            if row.follows_batch:
                row.refresh()
        self._place()
        self._read_out()

    def _on_trace(self) -> None:
        if self._opened_other and self.document.trace is not None:
            self._opened_other = False
            self._close_strangers()
        self._refresh()
        self._read_out()
        self._describe()

    def _close_strangers(self) -> None:
        """Close the rows about calls that neither this network has nor the one that is pinned."""
        traces = self.document.comparison.traces()
        for row in self.rows:
            if row.spec.ref is not None and not any(tensor_of(trace, row.spec.ref) for trace in traces):
                self._take(row)

    def _on_engine(self) -> None:
        if self.document.trace is None:
            self._refresh(only_empty=True)  # the rows say why they are

    def _on_stale(self, stale: bool) -> None:
        if not stale:
            self._dim.stop()
            self._show_stale()
        elif not self._dim.isActive():
            self._dim.start()

    def _show_stale(self) -> None:
        for row in self.rows:
            row.show_stale()

    def _on_selection(self) -> None:
        selection, shown = self.document.selection, self._shown
        if (selection.output, selection.unit) != shown:
            if selection.output != shown[0]:
                for row in self._of_output():
                    row.forget_range()
            self._shown = (selection.output, selection.unit)
            for row in self._of_output():
                row.refresh()
            self._place()
        for row in self.rows:
            row.set_selected(selection.sample, selection.step)
        self._describe()

    def _of_output(self) -> list[MapRow]:
        """The rows about the selected output of the network."""
        return [self.predictions_row, self.loss_row, *(row for row in self.rows if row.spec.kind == "weights")]

    def _show_marked(self) -> None:
        """Frame what is marked and what is pointed out."""
        for row in self.rows:
            if row.view.viewport is self.viewport:
                row.view.set_marked(self.document.region, self.document.spotlight)
        self.spotlight_bar.refresh()

    def _on_banded(self, first_row: int, last_row: int, first: int, last: int) -> None:
        samples = tuple(sorted(self.viewport.sample(row) for row in range(first_row, last_row + 1))) if first_row >= 0 else ()
        self.document.mark(Region(samples, first, last) if samples else None)
        self._read_out()

    def _refresh(self, only_empty: bool = False) -> None:
        self._shown = (self.document.selection.output, self.document.selection.unit)
        for row in {*self._standard.values(), *self.rows}:
            if not only_empty or row.heatmap is None or not row.heatmap.samples:
                row.refresh()
        self._place()

    def _place(self) -> None:
        axes.lay(self.rows, self.viewport, self.document)
        self.list.level()

    # mouse and keys

    def _on_pointed(self, sample: int, step: int, row: MapRow) -> None:
        self._under = (sample, step, row) if sample >= 0 else None
        self._read_out()
        if sample < 0:
            self.hovered.emit(self.telling.of_region())

    def _read_out(self) -> None:
        """Say what is under the mouse, also when it changed there while the mouse rests."""
        if self._under is not None:
            self.hovered.emit(self.telling.of_cell(*self._under, hint=True))

    def _describe(self) -> None:
        """Tell a screen reader what the selected cell holds."""
        selection = self.document.selection
        for row in self.rows:
            row.view.setAccessibleDescription(self.telling.of_cell(selection.sample, selection.step, row) if row.heatmap else "")

    def _on_key(self, event: QKeyEvent) -> None:
        selection = self.document.selection
        place, key = keys.target(event, selection, self.viewport), Qt.Key(event.key())
        if place is not None:
            self.document.select(sample=place[0], step=place[1])
            self.viewport.reveal(self.document.selection.step, self.document.selection.sample)
        elif key == Qt.Key.Key_Escape and (self.document.region is not None or self.document.spotlight is not None):
            self.document.mark(None)
            self.document.point_out(None)
        elif key == Qt.Key.Key_Space:
            self.fit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.mask_view.zoom(1.25 if key == Qt.Key.Key_Minus else 0.8, selection.step + 0.5, self.viewport.row(selection.sample) + 0.5)
        else:
            return
        event.accept()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            QTimer.singleShot(0, self, self._place_bars)
        return False

    def _place_bars(self) -> None:
        for row in self.rows:
            row.place_bar()
        self.arranged.emit()

    def time_axis(self) -> tuple[int, int]:
        """Where the shared time axis begins in this panel, and how wide it is."""
        return axes.span(self.rows, self.viewport, self)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), QColor(self.colors.canvas))
        finally:
            painter.end()
