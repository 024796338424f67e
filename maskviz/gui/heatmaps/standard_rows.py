"""The three rows of the whole network: padding and mask, predictions, loss contributions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QSpinBox, QToolButton

from maskviz.core.heatmaps import Heatmap, loss_map, mask_map, network_output, prediction_map, shared_steps, unit_count
from maskviz.core.map_rows import Kind, MapSpec
from maskviz.gui.elided import ElidedBox
from maskviz.gui.heatmaps.map_row import MapRow
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.gui.heatmaps.mask_view import MaskView
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.gui.number_box import WholeBox
from maskviz.palette import Palette
from maskviz.session.document import Document, Opened

HINT = "drag an edge or click a step to edit"
FIXED = "A stays as it is: press B to edit"
VIEWS = (("unit", "unit"), ("arg-max class", "class"), ("norm", "norm"))
TOOLS = (
    ("Edges", "edge", "Drag an edge between data and padding; click a step to toggle it; drag with Shift to paint"),
    ("Paint", "paint", "Drag over steps to make them padding, or data again"),
    ("Select", "select", "Drag over samples and steps to mark them; Ctrl or Alt and a drag marks with any tool, Esc ends it"),
)


def waiting(document: Document, kind: Kind, title: str, sentence: str) -> Heatmap | None:
    """A map that says why there is nothing in it yet; None where nothing is open."""
    if document.network is None and not document.title:
        return None
    return Heatmap(kind, title, explanation=document.engine.sentence if document.engine.kind == "failed" else sentence)


def add_box(row: MapRow, name: str) -> QComboBox:
    """A small list of choices in a row's header."""
    box = ElidedBox()
    box.setAccessibleName(name)
    box.setToolTip(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    box.setMinimumWidth(56)  # a narrow pane leaves it no more
    box.setMaximumWidth(190)
    row.controls.addWidget(box)
    return box


def add_units(row: MapRow, name: str) -> QSpinBox:
    """A field for the number of a unit in a row's header."""
    box = WholeBox()
    box.setAccessibleName(name)
    box.setToolTip(name)
    box.setMinimumWidth(60)
    row.controls.addWidget(box)
    return box


def show_units(box: QSpinBox, units: int, unit: int) -> None:
    """Let a field choose one of so many units."""
    blocked = box.blockSignals(True)
    box.setRange(0, max(units - 1, 0))
    box.setSuffix(f" of {units}")
    box.setValue(min(unit, units - 1))
    box.blockSignals(blocked)


def axis_steps(state: Document | Opened) -> int:
    """Length of the shared axis as the batch and the trace have it."""
    return shared_steps(state.batch, state.trace) if state.batch is not None else 1


class MaskRow(MapRow):
    """The padding and mask of one input, with the tools that edit it. ``tool_chosen`` carries a tool's name."""

    tool_chosen = Signal(str)
    follows_batch = True

    def __init__(self, document: Document, viewport: Viewport, palette: Palette) -> None:
        self.mask_view = MaskView(document, viewport, palette)
        super().__init__(document, MapSpec("mask"), self.mask_view, palette)
        self.input_box = add_box(self, "Input")
        self.input_box.activated.connect(self._choose_input)
        self.input: str | None = None
        self._made: tuple[tuple[Any, ...], Heatmap] | None = None
        self.tools = QButtonGroup(self)
        together = QHBoxLayout()
        together.setSpacing(0)
        self.controls.addLayout(together)
        for words, tool, tip in TOOLS:
            button = QToolButton()
            button.setText(words)
            button.setCheckable(True)
            button.setChecked(tool == "edge")
            button.setToolTip(tip)
            button.setAccessibleName(f"{words}: {tip}")
            button.setProperty("tool", tool)
            self.tools.addButton(button)
            together.addWidget(button)
        self.tools.buttonClicked.connect(lambda button: self.tool_chosen.emit(button.property("tool")))
        self._paint_tools()

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        if hasattr(self, "tools"):
            self._paint_tools()

    def choose_tool(self, tool: str) -> None:
        """Press one of the tools."""
        next(button for button in self.tools.buttons() if button.property("tool") == tool).click()

    def _paint_tools(self) -> None:
        colors = self.colors
        on = f"QToolButton:checked {{ background: {colors.groove}; color: {colors.text}; border-color: {colors.border}; }}"
        off = f"QToolButton:disabled {{ color: {colors.edge}; background: none; border-color: transparent; }}"
        for button in self.tools.buttons():
            button.setStyleSheet(f"QToolButton {{ color: {colors.muted}; padding: 2px 6px; }} {on} {off}")

    def open_network(self) -> None:
        """Another network: its inputs, the first with padding chosen."""
        network, batch = self.document.network, self.document.batch
        inputs = network.inputs if network is not None else ()
        self.input_box.clear()
        for spec in inputs:
            self.input_box.addItem(spec.name, spec.name)
        first = next((s.name for s in inputs if batch is not None and s.name in batch.padding), None)
        self.input_box.setCurrentIndex(max(self.input_box.findData(first), 0))
        self.input = None

    def make(self, state: Opened) -> Heatmap | None:
        if state.network is None or state.batch is None:
            return waiting(self.document, "mask", self.spec.title, "The batch follows when the engine has loaded the network.")
        made_of = (state.network, state.batch, state.trace, self.input)
        if self._made is None or any(old is not new for old, new in zip(self._made[0], made_of, strict=True)):
            self._made = (made_of, mask_map(*made_of))  # a network that comes is announced by several signals
        heatmap = self._made[1]
        comparison = self.document.comparison
        if state is not comparison.pinned or comparison.side == "A":
            self.mask_view.input = next((i for i in state.network.inputs if i.name == heatmap.unit), None)
        return heatmap

    def show_map(self, heatmap: Heatmap | None) -> None:
        super().show_map(heatmap)
        editable, fixed = self.mask_view.row(0) is not None, self.document.comparison.side == "A"
        if heatmap is not None and editable:
            self.subtitle.setText(heatmap.subtitle)
        self.subtitle.hint = "" if not editable else FIXED if fixed else HINT
        for button in self.tools.buttons():
            button.setVisible(editable)
            button.setEnabled(not fixed or button.property("tool") == "select")
        self.input_box.setVisible(self.input_box.count() > 1)

    def _choose_input(self) -> None:
        self.input = self.input_box.currentData()
        self.refresh()
        self.changed.emit()


class PredictionsRow(MapRow):
    """One output of the network: one of its units, its winning class, or the norm over its units."""

    boxed = ("unit ",)

    def __init__(self, document: Document, viewport: Viewport, palette: Palette) -> None:
        super().__init__(document, MapSpec("predictions"), MapView(viewport, palette), palette)
        self.output_box = add_box(self, "Output")
        self.view_box = add_box(self, "What is shown of the output")
        for words, view in VIEWS:
            self.view_box.addItem(words, view)
        self.unit_box = add_units(self, "Unit of the output")
        self.unit_box.valueChanged.connect(lambda unit: document.select(unit=unit))
        self.output_box.activated.connect(lambda: document.select(output=self.output_box.currentData(), unit=0))
        self.view_box.activated.connect(lambda: self._choose_view(self.view_box.currentData()))

    def refresh(self) -> None:
        self._show_controls()
        super().refresh()

    def make(self, state: Opened) -> Heatmap | None:
        selection = self.document.selection
        if state.trace is None or state.batch is None:
            return waiting(self.document, "predictions", self.spec.title, "Predictions follow when the engine answers.")
        return prediction_map(state.trace, axis_steps(state), selection.output, self.spec.view, selection.unit)

    def _choose_view(self, view: str) -> None:
        self.forget_range()
        self.spec = replace(self.spec, view=view)  # type: ignore[arg-type]
        self.refresh()
        self.changed.emit()

    def _show_controls(self) -> None:
        trace, selection = self.document.trace, self.document.selection
        out = network_output(trace, selection.output) if trace is not None else None
        names = [o.name for o in trace.network_outputs] if trace is not None else []
        if names != [self.output_box.itemData(k) for k in range(self.output_box.count())]:
            self.output_box.clear()
            for name in names:
                self.output_box.addItem(name, name)
        units = unit_count(trace, out) if trace is not None and out is not None and out.name in trace.outputs else 1
        if units < 2 and self.spec.view != "unit":
            self.spec = replace(self.spec, view="unit")
        self.output_box.setCurrentIndex(self.output_box.findData(out.name) if out is not None else -1)
        self.view_box.setCurrentIndex(self.view_box.findData(self.spec.view))
        show_units(self.unit_box, units, selection.unit)
        self.output_box.setVisible(len(names) > 1)
        self.view_box.setVisible(units > 1)
        self.unit_box.setVisible(units > 1 and self.spec.view == "unit")


class LossRow(MapRow):
    """Every step's share of the reported loss, for the output that is selected."""

    def __init__(self, document: Document, viewport: Viewport, palette: Palette) -> None:
        super().__init__(document, MapSpec("loss"), MapView(viewport, palette), palette)

    def make(self, state: Opened) -> Heatmap | None:
        if state.trace is None or state.batch is None:
            return waiting(self.document, "loss", self.spec.title, "Loss contributions follow when the engine answers.")
        return loss_map(state.trace, axis_steps(state), self.document.selection.output)
