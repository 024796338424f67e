"""The row of sample weights, with the weight that is painted and the tool that paints it."""

from __future__ import annotations

from PySide6.QtWidgets import QDoubleSpinBox, QToolButton

from maskviz.core.heatmaps import Heatmap
from maskviz.core.map_rows import MapSpec
from maskviz.core.weights_map import weights_map
from maskviz.gui.heatmaps.map_row import MapRow
from maskviz.gui.heatmaps.standard_rows import FIXED, waiting
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.gui.heatmaps.weights_view import WeightsView
from maskviz.palette import Palette
from maskviz.session.document import Document, Opened

QUICK = (0.0, 1.0)
LARGEST = 1e6
PAINT_TIP = "Drag over samples and steps to give them this weight; with Shift also while this is off"


class WeightBox(QDoubleSpinBox):
    """A field for a weight, without the zeros at its end."""

    def textFromValue(self, value: float) -> str:
        return f"{value:g}"


class WeightsRow(MapRow):
    """The weights of the selected output. They follow the batch."""

    follows_batch = True

    def __init__(self, document: Document, viewport: Viewport, palette: Palette, spec: MapSpec) -> None:
        self.weights_view = WeightsView(document, viewport, palette)
        super().__init__(document, spec, self.weights_view, palette)
        self.box = WeightBox()
        self.box.setRange(-LARGEST, LARGEST)
        self.box.setDecimals(3)
        self.box.setSingleStep(0.1)
        self.box.setAccessibleName("Weight that is painted")
        self.box.setToolTip("The weight that a drag over steps gives them")
        self.box.setMaximumWidth(86)
        self.box.valueChanged.connect(self._choose)
        self.paint_button = self._tool("Paint", PAINT_TIP)
        self.paint_button.setCheckable(True)
        self.paint_button.setChecked(True)
        self.paint_button.toggled.connect(self._set_painting)
        self.controls.addWidget(self.paint_button)
        self.controls.addWidget(self.box)
        self.quick = [self._quick(value) for value in QUICK]
        self._paint_buttons()

    def _tool(self, words: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(words)
        button.setToolTip(tip)
        button.setAccessibleName(f"{words}: {tip}")
        return button

    def _quick(self, value: float) -> QToolButton:
        button = self._tool(f"{value:g}", f"Paint the weight {value:g}")
        button.clicked.connect(lambda: self.box.setValue(value))
        self.controls.addWidget(button)
        return button

    def _choose(self, value: float) -> None:
        self.weights_view.weight = value
        self.paint_button.setChecked(True)

    def _set_painting(self, on: bool) -> None:
        self.weights_view.painting = on

    def set_palette(self, palette: Palette) -> None:
        super().set_palette(palette)
        if hasattr(self, "quick"):
            self._paint_buttons()

    def _paint_buttons(self) -> None:
        colors = self.colors
        on = f"QToolButton:checked {{ background: {colors.groove}; color: {colors.text}; border-color: {colors.border}; }}"
        for button in (self.paint_button, *self.quick):
            button.setStyleSheet(f"QToolButton {{ color: {colors.muted}; padding: 2px 6px; }} {on}")

    def make(self, state: Opened) -> Heatmap | None:
        if state.network is None or state.batch is None:
            return waiting(self.document, "weights", self.spec.title, "The weights follow when the engine has loaded the network.")
        return weights_map(state.network, state.batch, state.trace, self.document.selection.output)

    def show_map(self, heatmap: Heatmap | None) -> None:
        super().show_map(heatmap)
        drawn = heatmap is not None and not heatmap.explanation
        for control in (self.paint_button, self.box, *self.quick):
            control.setVisible(drawn)
        if drawn and self.document.network is not None:
            names = [o.name for o in self.document.network.outputs]
            chosen = self.document.selection.output
            self.weights_view.output = chosen if chosen in names else names[0]
            fixed = self.document.comparison.side == "A"
            self.subtitle.hint = FIXED if fixed else "drag over steps to paint"
