"""One row of the panel: a title that can be dragged, a subtitle and controls above a map with its colour bar."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QEnterEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from maskviz.colormaps import Scale
from maskviz.core.compare import DIFFERENCE_LOOK, difference
from maskviz.core.heatmaps import Heatmap
from maskviz.core.map_rows import Look, MapSpec, Profile
from maskviz.export.axes import axis_titles
from maskviz.export.cells import scale_for
from maskviz.gui.elided import ElidedLabel, HintedLabel
from maskviz.gui.heatmaps.colour_bar import ColourBar
from maskviz.gui.heatmaps.map_view import ABOVE, MapView
from maskviz.gui.heatmaps.profile_view import ProfileView
from maskviz.gui.icons import quiet_icon
from maskviz.palette import Palette
from maskviz.session.document import Document, Opened

DIM_AFTER_MS = 120  # a recompute quicker than this must not flicker
FEW, LOWEST_OF_FEW = 3, 34  # so many maps may be as low as that (logical pixels) before they scroll
LOWEST = 112
WIDEST_TITLE = 135  # that is not shortened
SPACING = 2
ROOMY = 470  # width from which there is room for buttons that are seen only under the mouse


class RowTitle(ElidedLabel):
    """The title, by which the row is dragged to another place. ``dragged`` carries where the mouse is on the screen."""

    dragged = Signal(int)

    def __init__(self, words: str) -> None:
        super().__init__()
        self.setText(words)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        font = self.font()
        font.setBold(True)
        self.setFont(font)
        self._press: int | None = None

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 2, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint().boundedTo(QSize(WIDEST_TITLE, 10_000))  # a box beside it gives way first

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._press = round(event.globalPosition().y())
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = round(event.globalPosition().y())
        if self._press is not None and abs(at - self._press) >= 4:
            self._press = -10_000  # from here on every move counts
            self.dragged.emit(at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._press = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)


class MapRow(QWidget):
    """A row that shows the map of ``spec``. ``closed`` and ``moved`` (−1 up, 1 down) are asked for by its buttons; ``changed`` says
    that the user chose something about it, ``reshaped`` that its map has other axes than before; ``menu_opened`` lets others add
    to its menu."""

    closed = Signal()
    moved = Signal(int)
    changed = Signal()
    menu_opened = Signal(QMenu)
    reshaped = Signal()
    boxed: tuple[str, ...] = ()
    """How the parts of the subtitle begin that are in a box of the row besides."""
    follows_batch = False
    """Whether its map is about the batch itself: it is never old."""

    def __init__(self, document: Document, spec: MapSpec, view: MapView, palette: Palette) -> None:
        super().__init__()
        self.document, self.spec, self.view, self.colors = document, spec, view, palette
        self.heatmap: Heatmap | None = None
        self.profile: ProfileView | None = None
        self._along: Profile = "none"
        self.bar = ColourBar(spec.title.lower(), palette)
        self.title = RowTitle(spec.title)
        self.subtitle = HintedLabel()
        self.subtitle.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.header = QHBoxLayout()
        self.controls = QHBoxLayout()
        self.controls.setSpacing(2)
        self._least = LOWEST
        view.setAccessibleName(spec.title)
        self._buttons = (
            self._button("up", f"Move {spec.title} up", lambda: self.moved.emit(-1)),
            self._button("down", f"Move {spec.title} down", lambda: self.moved.emit(1)),
            self._button("close", f"Close {spec.title}; Add brings it back", self.closed.emit),
        )
        self._arrange()
        self.bar.look_changed.connect(self.set_look)
        self.bar.left.connect(view.setFocus)
        self.set_palette(palette)
        self._show_buttons(False)

    def _arrange(self) -> None:
        header, body, layout = self.header, QHBoxLayout(), QVBoxLayout(self)
        header.setContentsMargins(0, 0, 2, 0)
        header.setSpacing(8)
        header.addWidget(self.title)
        header.addWidget(self.subtitle, 1)
        header.addLayout(self.controls)
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        for button in self._buttons:
            buttons.addWidget(button)
        header.addLayout(buttons)
        body.setSpacing(4)
        body.addWidget(self.view, 1)
        body.addWidget(self.bar)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(header)
        layout.addLayout(body, 1)
        self.body = layout

    def _button(self, icon: str, tip: str, clicked: Any) -> QToolButton:
        button = QToolButton()
        button.setProperty("icon_name", icon)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setIconSize(QSize(12, 12))
        button.clicked.connect(clicked)
        return button

    @property
    def look(self) -> Look:
        """How numbers become colours now: a difference is shown around zero."""
        return DIFFERENCE_LOOK if self.document.comparison.side == "difference" else self.spec.look

    def make(self, state: Opened) -> Heatmap | None:
        """The map of what is open, or of what is pinned as A; None shows nothing."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Show what the document holds now, what is pinned, or the difference."""
        comparison = self.document.comparison
        heatmap = self.make(comparison.shown())
        if comparison.side == "difference" and comparison.pinned is not None:
            heatmap = difference(self.make(comparison.pinned), heatmap)
        self.show_map(heatmap)

    def release(self) -> None:
        """The row goes: ask for nothing any more."""

    def set_look(self, look: Look) -> None:
        """Show the numbers in other colours."""
        self.spec = replace(self.spec, look=look)
        self.show_map(self.heatmap)
        self.changed.emit()

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        self.colors = palette
        self.view.set_palette(palette)
        self.bar.set_palette(palette)
        if self.profile is not None:
            self.profile.set_palette(palette)
        self.title.setStyleSheet(f"color: {palette.text};")
        self.subtitle.setStyleSheet(f"color: {palette.muted};")
        for button in self._buttons:
            button.setIcon(quiet_icon(button.property("icon_name"), palette))

    def show_map(self, heatmap: Heatmap | None) -> None:
        """Show a map with its colours and its subtitle."""
        reshaped, self.heatmap = _axes(self.heatmap) != _axes(heatmap), heatmap
        scale = scale_for(heatmap, self.look) if heatmap is not None else self.view.scale
        self.view.show_map(heatmap, scale)
        self.bar.show_scale(heatmap, scale, self.look)
        self.subtitle.setText(self.words(heatmap, scale) if heatmap is not None else "")
        dotted = heatmap is not None and heatmap.padded is not None and bool(heatmap.padded.any())
        self.subtitle.hint = "dotted: padding that no mask skips" if dotted else ""
        self.show_profile(self._along)
        if reshaped:
            self.reshaped.emit()

    def words(self, heatmap: Heatmap, scale: Scale) -> str:
        """The subtitle without what the boxes beside it say already."""
        parts = [part for part in heatmap.subtitle.split(" · ") if not part.startswith(self.boxed)]
        return " · ".join([part for part in parts if part] + (["log scale"] if scale.log and heatmap.values is not None else []))

    def show_profile(self, along: Profile) -> None:
        """Show the values along the cross-hair as a curve below the map, or not."""
        self._along = along
        if self.profile is None and along != "none":
            self.profile = ProfileView(self.view, self.colors)
            self.body.addWidget(self.profile)
        if self.profile is not None:
            self.profile.show_along(along)
        self.set_least(self._least)

    def forget_range(self) -> None:
        """Other numbers are shown: a range set by hand was of those before."""
        self.spec = replace(self.spec, look=replace(self.spec.look, limits=None))

    def show_stale(self) -> None:
        """Dim the map where it is older than the batch, which A never is."""
        self.view.set_dimmed(self.document.stale and not self.follows_batch and self.document.comparison.side != "A")

    def set_least(self, height: int) -> None:
        """The least height of the map; all around it comes to it."""
        self._least = height
        self.setMinimumHeight(height + self.around())

    def around(self) -> int:
        """The height of all but the cells: the title, the axis and the profile."""
        profile = self.profile.height() + SPACING if self.profile is not None and not self.profile.isHidden() else 0
        return self.header.sizeHint().height() + SPACING + ABOVE + self.view.below + profile

    def set_selected(self, sample: int, step: int) -> None:
        """Put the cross-hair there."""
        self.view.set_selected(sample, step)
        if self.profile is not None:
            self.profile.update()

    def pick(self, sample: int, step: int) -> None:
        """The user clicked there; step −1 on bars."""
        self.document.select(sample=sample, **({"step": step} if step >= 0 else {}))

    def words_at(self, sample: int, step: int) -> str:
        """The read-out of a map with axes of its own."""
        return ""

    def place_bar(self) -> None:
        """Give the colour bar the height of the map."""
        titled = self.heatmap is not None and (self.view.show_axis or self.view.is_bars)
        title = axis_titles(self.heatmap)[0] if titled and self.heatmap is not None else ""
        self.bar.set_bottom(round(self.view.height() - self.view.map_rect().bottom()), title)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        for button, words in zip(self._buttons, ("Move up", "Move down", "Close"), strict=True):
            action = QAction(button.icon(), words, menu)
            action.triggered.connect(button.click)
            menu.addAction(action)
        if self.heatmap is not None and self.heatmap.values is not None:
            menu.addSeparator()
            self.bar.fill_menu(menu.addMenu("Colours"))
        self.view.setFocus(Qt.FocusReason.PopupFocusReason)  # what the menu does is about this map
        self.menu_opened.emit(menu)
        menu.exec(event.globalPos())
        menu.deleteLater()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._show_buttons(self.width() >= ROOMY)  # the menu has them, too

    def resizeEvent(self, event: QResizeEvent) -> None:
        for button in self._buttons:
            policy = button.sizePolicy()
            policy.setRetainSizeWhenHidden(self.width() >= ROOMY)
            button.setSizePolicy(policy)

    def leaveEvent(self, event: QEvent) -> None:
        self._show_buttons(False)

    def _show_buttons(self, shown: bool) -> None:
        for button in self._buttons:
            button.setVisible(shown or button.hasFocus())


def _axes(heatmap: Heatmap | None) -> tuple[int, int, bool]:
    """Number of samples and steps of a map, and whether it has steps."""
    if heatmap is None:
        return 0, 0, False
    return heatmap.samples, 0 if heatmap.present is None else len(heatmap.present), heatmap.has_time
