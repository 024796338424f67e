"""One row of the panel: a title, a subtitle and controls above a map with its colour bar."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from maskviz.core.heatmaps import Choice, Heatmap
from maskviz.export.cells import scale_of
from maskviz.gui.elided import ElidedLabel
from maskviz.gui.heatmaps.colour_bar import ColourBar
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.palette import Palette


class MapRow(QWidget):
    """A title, a subtitle and controls above a map with its colour bar."""

    def __init__(self, title: str, view: MapView, palette: Palette) -> None:
        super().__init__()
        self.view, self.bar = view, ColourBar(title.lower(), palette)
        self.title = QLabel(title)
        self.subtitle = ElidedLabel()
        self.subtitle.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.controls = QHBoxLayout()
        self.controls.setSpacing(6)
        view.setAccessibleName(title)
        header = QHBoxLayout()
        header.setContentsMargins(0, 0, 6, 0)
        header.setSpacing(12)
        header.addWidget(self.title)
        header.addWidget(self.subtitle, 1)
        header.addLayout(self.controls)
        body = QHBoxLayout()
        body.setSpacing(4)
        body.addWidget(view, 1)
        body.addWidget(self.bar)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(header)
        layout.addLayout(body, 1)
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.set_palette(palette)

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.view.set_palette(palette)
        self.bar.set_palette(palette)
        self.title.setStyleSheet(f"color: {palette.text};")
        self.subtitle.setStyleSheet(f"color: {palette.muted};")

    def show_map(self, heatmap: Heatmap | None, choice: Choice) -> None:
        """Show a map with its colours and its subtitle; None shows nothing."""
        scale = scale_of(heatmap, choice) if heatmap is not None else self.view.scale
        self.view.show_map(heatmap, scale)
        self.bar.show_scale(heatmap, scale, heatmap is not None and heatmap.kind in choice.ranges)
        self.subtitle.setText(heatmap.subtitle if heatmap is not None else "")

    def place_bar(self) -> None:
        """Give the colour bar the height of the map."""
        self.bar.set_bottom(round(self.view.height() - self.view.map_rect().bottom()))
