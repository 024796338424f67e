"""The menu of a colour bar: which colours, over which range, and on which scale."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QIcon, QPainter, QPixmap, QTransform
from PySide6.QtWidgets import QMenu

from maskviz.colormaps import Scale
from maskviz.core.heatmaps import Heatmap
from maskviz.core.map_rows import DIVERGING, Look
from maskviz.export.axes import paint_gradient
from maskviz.palette import Palette

if TYPE_CHECKING:
    from maskviz.gui.heatmaps.colour_bar import ColourBar

COLOR_WORDS = {
    None: "Colours by the data",
    "viridis": "Viridis",
    "cividis": "Cividis",
    "magma": "Magma",
    "inferno": "Inferno",
    "plasma": "Plasma",
    "diverging": "Blue to orange, zero in the middle",
    "purple-green": "Purple to green, zero in the middle",
    "blue-red": "Blue to red, zero in the middle",
}
PERCENTS = (1.0, 2.0, 5.0)
ICON = 16  # logical pixels


def fill_colours(menu: QMenu, bar: ColourBar, heatmap: Heatmap) -> None:
    """Add what can be chosen about the colours of the numbers beside ``bar``."""
    look = bar.look

    def add(words: str, new: Look, chosen: bool) -> None:
        action = menu.addAction(words, lambda: bar.look_changed.emit(new))
        action.setCheckable(True)
        action.setChecked(chosen)
        action.setToolTip(words)

    for name, words in COLOR_WORDS.items():
        add(words, replace(look, colors=name), name == look.colors)
        if name is not None:
            menu.actions()[-1].setIcon(swatch(name, bar.colors))
    menu.addSeparator()
    if heatmap.classes:
        return
    add("Range of all values", replace(look, limits=None, percent=0.0), look.limits is None and not look.percent)
    for percent in PERCENTS:
        words = f"Range from {percent:g} % to {100 - percent:g} % of the values"
        add(words, replace(look, limits=None, percent=percent), look.limits is None and look.percent == percent)
    by_hand = menu.addAction("Range by hand…", bar.ask_range)
    by_hand.setCheckable(True)
    by_hand.setChecked(look.limits is not None or look.percent not in (0.0, *PERCENTS))
    menu.addSeparator()
    if bar.scale.colors not in DIVERGING:
        _add_switch(menu, bar, "Same range below and above zero", "symmetric", "The same distance below and above zero")
    tip = "Logarithmic, and linear near zero, so that zero and both signs have a colour"
    _add_switch(menu, bar, "Logarithmic", "log", tip)


def _add_switch(menu: QMenu, bar: ColourBar, words: str, field: str, tip: str) -> None:
    action = menu.addAction(words)
    action.setCheckable(True)
    action.setChecked(getattr(bar.look, field))
    action.setToolTip(tip)
    action.toggled.connect(lambda on: bar.look_changed.emit(replace(bar.look, **{field: on})))


def swatch(name: str, palette: Palette) -> QIcon:
    """The colours of a map from left to right."""
    picture = QPixmap(ICON, ICON)
    painter = QPainter(picture)
    try:
        painter.setTransform(QTransform().translate(ICON, 0).rotate(90))
        paint_gradient(painter, QRectF(0, 0, ICON, ICON), Scale(name), palette)
    finally:
        painter.end()
    return QIcon(picture)
