"""The panel of three linked heatmaps. It shows what the document holds, and asks the document for selections and edits."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QSpinBox, QToolButton, QVBoxLayout, QWidget

from maskviz.core.heatmaps import (
    Choice,
    Heatmap,
    Kind,
    loss_map,
    mask_map,
    network_output,
    prediction_map,
    read_out,
    shared_steps,
    unit_count,
)
from maskviz.core.trace import OutputTrace
from maskviz.gui.heatmaps.map_row import MapRow
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.gui.heatmaps.mask_view import MaskView
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.palette import Palette
from maskviz.session.document import Document
from maskviz.session.questions import Questions

DIM_AFTER_MS = 120  # a recompute quicker than this must not flicker
HINT = "drag an edge or click a step to edit"


class HeatmapsPanel(QWidget):
    """Padding and mask, predictions, loss contributions over one time axis. ``hovered`` is the read-out for the status bar."""

    hovered = Signal(str)

    def __init__(self, document: Document, questions: Questions, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.questions = questions
        self.colors = palette
        self.viewport = Viewport(self)
        self._choice = Choice()
        self._maps: dict[Kind, Heatmap | None] = {}
        self._under: tuple[int, int] | None = None  # sample and step under the mouse
        self._dim = QTimer(self)
        self._dim.setSingleShot(True)
        self._dim.setInterval(DIM_AFTER_MS)
        self._dim.timeout.connect(self._show_stale)
        self.mask_view = MaskView(document, self.viewport, palette)
        self.mask_row = MapRow("Padding and mask", self.mask_view, palette)
        self.predictions_row = MapRow("Predictions", MapView(self.viewport, palette), palette)
        self.loss_row = MapRow("Loss contributions", MapView(self.viewport, palette), palette)
        self._rows: dict[Kind, MapRow] = {"mask": self.mask_row, "predictions": self.predictions_row, "loss": self.loss_row}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 8, 8)
        layout.setSpacing(10)
        for row in self._rows.values():
            layout.addWidget(row, 1)
        self._add_controls()
        self._connect()
        self.set_palette(palette)
        self.setAccessibleName("Heatmaps")
        self._on_network()

    def choice(self) -> Choice:
        """What is shown now: for exported figures that show the same."""
        return replace(self._choice, output=self.document.selection.output, unit=self.document.selection.unit)

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.colors = palette
        for row in self._rows.values():
            row.set_palette(palette)
        on = f"QToolButton:checked {{ background: {palette.groove}; color: {palette.text}; border-color: {palette.border}; }}"
        for button in self.tools.buttons():
            button.setStyleSheet(f"QToolButton {{ color: {palette.muted}; padding: 2px 8px; }} {on}")
        self.update()

    def fit(self) -> None:
        """Show all samples and timesteps."""
        self.viewport.fit()

    # controls

    def _add_controls(self) -> None:
        self.input_box = self._box(self.mask_row, "Input")
        self.output_box = self._box(self.predictions_row, "Output")
        self.view_box = self._box(self.predictions_row, "What is shown of the output")
        for words, view in (("unit", "unit"), ("arg-max class", "class"), ("norm", "norm")):
            self.view_box.addItem(words, view)
        self.unit_box = QSpinBox()
        self.unit_box.setAccessibleName("Unit of the output")
        self.unit_box.setToolTip("Unit of the output")
        self.unit_box.valueChanged.connect(lambda unit: self.document.select(unit=unit))
        self.predictions_row.controls.addWidget(self.unit_box)
        self.input_box.activated.connect(lambda: self._choose(input=self.input_box.currentData()))
        self.output_box.activated.connect(lambda: self.document.select(output=self.output_box.currentData(), unit=0))
        self.view_box.activated.connect(lambda: self._choose_view(self.view_box.currentData()))
        self.tools = QButtonGroup(self)
        for words, tool, tip in (
            ("Edges", "edge", "Drag an edge between data and padding; click a step to toggle it; drag with Shift to paint"),
            ("Paint", "paint", "Drag over steps to make them padding, or data again"),
        ):
            button = QToolButton()
            button.setText(words)
            button.setCheckable(True)
            button.setChecked(tool == "edge")
            button.setToolTip(tip)
            button.setAccessibleName(f"{words}: {tip}")
            button.setProperty("tool", tool)
            self.tools.addButton(button)
            self.mask_row.controls.addWidget(button)
        self.tools.buttonClicked.connect(lambda button: setattr(self.mask_view, "tool", button.property("tool")))

    def _box(self, row: MapRow, name: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.setMaximumWidth(190)
        row.controls.addWidget(box)
        return box

    def _connect(self) -> None:
        document = self.document
        document.network_changed.connect(self._on_network)
        document.batch_changed.connect(self._on_batch)
        document.trace_changed.connect(self._on_trace)
        document.selection_changed.connect(self._on_selection)
        document.stale_changed.connect(self._on_stale)
        document.engine_changed.connect(self._on_engine)
        for kind, row in self._rows.items():
            row.view.pointed.connect(self._on_pointed)
            row.view.picked.connect(self._on_picked)
            row.view.key_pressed.connect(self._on_key)
            row.view.installEventFilter(self)
            row.bar.range_changed.connect(lambda limits, kind=kind: self._set_range(kind, limits))
            row.bar.colors_chosen.connect(lambda colors, kind=kind: self._set_colors(kind, colors))

    def _choose(self, **changes: object) -> None:
        self._choice = replace(self._choice, **changes)  # type: ignore[arg-type]
        self._refresh()

    def _choose_view(self, view: str) -> None:
        self._choose(view=view, ranges={k: v for k, v in self._choice.ranges.items() if k != "predictions"})

    def _set_range(self, kind: Kind, limits: tuple[float, float] | None) -> None:
        others = {k: v for k, v in self._choice.ranges.items() if k != kind}
        self._choice = replace(self._choice, ranges=others if limits is None else {**others, kind: limits})
        self._rows[kind].show_map(self._maps.get(kind), self._choice)

    def _set_colors(self, kind: Kind, colors: str) -> None:
        self._choice = replace(self._choice, colors={**self._choice.colors, kind: colors})
        self._rows[kind].show_map(self._maps.get(kind), self._choice)

    # the document

    def _on_network(self) -> None:
        self._choice = Choice()
        network = self.document.network
        self.input_box.clear()
        for spec in network.inputs if network is not None else ():
            self.input_box.addItem(spec.name, spec.name)
        batch = self.document.batch
        first = (
            next((s.name for s in network.inputs if batch is not None and s.name in batch.padding), None) if network is not None else None
        )
        self.input_box.setCurrentIndex(max(self.input_box.findData(first), 0))
        self.view_box.setCurrentIndex(0)
        self.viewport.fit()
        self._refresh()

    def _on_batch(self) -> None:
        self._show_mask()
        self._place()
        self._read_out()

    def _on_trace(self) -> None:
        self._refresh()
        self._read_out()

    def _on_engine(self) -> None:
        if self.document.trace is None:
            self._refresh()  # the rows say why they are empty

    def _on_stale(self, stale: bool) -> None:
        if not stale:
            self._dim.stop()
            self._show_stale()
        elif not self._dim.isActive():
            self._dim.start()

    def _show_stale(self) -> None:
        for row in (self.predictions_row, self.loss_row):
            row.view.set_dimmed(self.document.stale)

    def _on_selection(self) -> None:
        selection, shown = self.document.selection, self._shown
        if (selection.output, selection.unit) != shown:
            if selection.output != shown[0]:
                self._choice = replace(self._choice, ranges={k: v for k, v in self._choice.ranges.items() if k == "mask"})
            self._show_results()
            self._place()
        for row in self._rows.values():
            row.view.set_selected(selection.sample, selection.step)

    def _refresh(self) -> None:
        self._show_mask()
        self._show_results()
        self._place()

    def _show_mask(self) -> None:
        document = self.document
        heatmap = self._waiting("mask", "Padding and mask", "The batch follows when the engine has loaded the network.")
        if document.network is not None and document.batch is not None:
            heatmap = mask_map(document.network, document.batch, document.trace, self._choice.input)
            self.mask_view.input = next((i for i in document.network.inputs if i.name == heatmap.unit), None)
        self._maps["mask"] = heatmap
        self.mask_row.show_map(heatmap, self._choice)
        editable = self.mask_view.row(0) is not None
        if heatmap is not None and editable:
            self.mask_row.subtitle.setText(f"{heatmap.subtitle} · {HINT}")
        for button in self.tools.buttons():
            button.setVisible(editable)
        self.input_box.setVisible(self.input_box.count() > 1)

    def _show_results(self) -> None:
        trace, selection, steps = self.document.trace, self.document.selection, self._steps()
        self._shown = (selection.output, selection.unit)
        out = network_output(trace, selection.output) if trace is not None else None
        self._show_controls(out)
        if trace is None or self.document.batch is None:
            self._maps["predictions"] = self._waiting("predictions", "Predictions", "Predictions follow when the engine answers.")
            self._maps["loss"] = self._waiting("loss", "Loss contributions", "Loss contributions follow when the engine answers.")
        else:
            self._maps["predictions"] = prediction_map(trace, steps, selection.output, self._choice.view, selection.unit)
            self._maps["loss"] = loss_map(trace, steps, selection.output)
        for kind in ("predictions", "loss"):
            self._rows[kind].show_map(self._maps[kind], self._choice)

    def _waiting(self, kind: Kind, title: str, sentence: str) -> Heatmap | None:
        """A map that says why there is nothing in it yet; None where nothing is open."""
        document = self.document
        if document.network is None and not document.title:
            return None
        return Heatmap(kind, title, explanation=document.engine.sentence if document.engine.kind == "failed" else sentence)

    def _show_controls(self, out: OutputTrace | None) -> None:
        trace = self.document.trace
        names = [o.name for o in trace.network_outputs] if trace is not None else []
        if names != [self.output_box.itemData(k) for k in range(self.output_box.count())]:
            self.output_box.clear()
            for name in names:
                self.output_box.addItem(name, name)
        units = unit_count(trace, out) if trace is not None and out is not None and out.name in trace.outputs else 1
        if units < 2 and self._choice.view != "unit":
            self._choice = replace(self._choice, view="unit")
        self.output_box.setCurrentIndex(self.output_box.findData(out.name) if out is not None else -1)
        self.view_box.setCurrentIndex(self.view_box.findData(self._choice.view))
        blocked = self.unit_box.blockSignals(True)
        self.unit_box.setRange(0, max(units - 1, 0))
        self.unit_box.setSuffix(f" of {units}")
        self.unit_box.setValue(min(self.document.selection.unit, units - 1))
        self.unit_box.blockSignals(blocked)
        self.output_box.setVisible(len(names) > 1)
        self.view_box.setVisible(units > 1)
        self.unit_box.setVisible(units > 1 and self._choice.view == "unit")

    def _steps(self) -> int:
        batch = self.document.batch
        return shared_steps(batch, self.document.trace) if batch is not None else 1

    def _place(self) -> None:
        """Lengths of the axes, room for labels, and the one time axis below the lowest map that has timesteps."""
        samples = max((m.samples for m in self._maps.values() if m is not None), default=0)
        self.viewport.set_extent(self._steps(), samples)
        timed = [kind for kind, m in self._maps.items() if m is not None and m.has_time]
        lowest = next((kind for kind in ("loss", "predictions", "mask") if kind in timed), None)
        selection = self.document.selection
        for kind, row in self._rows.items():
            row.view.show_axis = kind == lowest
            row.view.label_digits = max(2, len(str(max(samples - 1, 0))))
            row.view.set_selected(selection.sample, selection.step)
            row.view.update()
            row.place_bar()

    # mouse and keys

    def _on_pointed(self, sample: int, step: int) -> None:
        self._under = (sample, step) if sample >= 0 else None
        self._read_out()
        if sample < 0:
            self.hovered.emit("")

    def _read_out(self) -> None:
        """Say what is under the mouse, also when it changed there while the mouse rests."""
        if self._under is None:
            return
        (sample, step), trace = self._under, self.document.trace
        total = trace.ledger.sum if trace is not None else None
        at = step if step >= 0 else None
        self.hovered.emit(read_out(sample, at, self._maps.get("mask"), self._maps.get("predictions"), self._maps.get("loss"), total))

    def _on_picked(self, sample: int, step: int) -> None:
        self.document.select(sample=sample, **({"step": step} if step >= 0 else {}))

    def _on_key(self, event: QKeyEvent) -> None:
        selection, control = self.document.selection, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        page = max(1, round((self.viewport.window.sample1 - self.viewport.window.sample0) / 2))
        last_step, last_sample = self._steps() - 1, self.viewport.samples - 1
        moves = {
            Qt.Key.Key_Left: (selection.sample, selection.step - 1),
            Qt.Key.Key_Right: (selection.sample, selection.step + 1),
            Qt.Key.Key_Up: (selection.sample - 1, selection.step),
            Qt.Key.Key_Down: (selection.sample + 1, selection.step),
            Qt.Key.Key_PageUp: (selection.sample - page, selection.step),
            Qt.Key.Key_PageDown: (selection.sample + page, selection.step),
            Qt.Key.Key_Home: (0, selection.step) if control else (selection.sample, 0),
            Qt.Key.Key_End: (last_sample, selection.step) if control else (selection.sample, last_step),
        }
        key = Qt.Key(event.key())
        if key in moves:
            self.document.select(sample=moves[key][0], step=moves[key][1])
            self.viewport.reveal(self.document.selection.step, self.document.selection.sample)
        elif key == Qt.Key.Key_Space:
            self.fit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.mask_view.zoom(1.25 if key == Qt.Key.Key_Minus else 0.8, selection.step + 0.5, selection.sample + 0.5)
        else:
            return
        event.accept()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            QTimer.singleShot(0, self, self._place_bars)
        return False

    def _place_bars(self) -> None:
        for row in self._rows.values():
            row.place_bar()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), QColor(self.colors.canvas))
        finally:
            painter.end()
