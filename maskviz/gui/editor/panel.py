"""The editor: the selected sample step by step, with the cells that can be changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QStackedLayout, QVBoxLayout, QWidget

from maskviz.core.batch_cells import Cells
from maskviz.gui.editor.columns import Words, sample_of
from maskviz.gui.editor.edits import cells_of, merged
from maskviz.gui.editor.header import SampleHeader
from maskviz.gui.editor.items import StepItems
from maskviz.gui.editor.table import StepTable
from maskviz.gui.editor.tools_bar import ToolsBar
from maskviz.palette import Palette
from maskviz.session.document import Document

CALM_MS = 150  # results that come back sooner than this are not dimmed in between
NOTHING = "Open a network to see and edit its batch step by step."
BUTTONS = {"fill": "Fill", "padding": "Padding", "steps": "Steps", "samples": "Samples", "weights": "Weights", "words": "Words"}
LATER = "The batch follows when the engine has loaded the network."


class EditorPanel(QWidget):
    """``rejected`` carries one sentence when a text was typed that cannot stand in its cell."""

    rejected = Signal(str)

    def __init__(self, document: Document, palette: Palette, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("editor")
        self.setAccessibleName("Sample editor")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._document = document
        self.header = SampleHeader(document)
        self.tools_bar = ToolsBar(palette)
        self.steps = StepTable(palette, StepItems(document))
        self.whole = StepTable(palette, StepItems(document, whole=True), whole=True)
        self.steps.setAccessibleName("Steps of the sample")
        self.whole.setAccessibleName("What belongs to the sample as a whole")
        self._table = self.steps
        self._arrange()
        self._fade = QTimer(self, singleShot=True, interval=CALM_MS)
        self._fade.timeout.connect(lambda: self._faded(document.stale and document.comparison.side != "A"))
        for table in (self.steps, self.whole):
            table.items.rejected.connect(self.rejected)
            table.focused.connect(partial(setattr, self, "_table", table))
        for signal in (document.network_changed, document.batch_changed, document.trace_changed):
            signal.connect(self.refresh)
        document.comparison.changed.connect(self.refresh)
        document.selection_changed.connect(self._select)
        document.stale_changed.connect(self._stale)
        self.steps.selectionModel().currentChanged.connect(self._cell_chosen)
        self.whole.selectionModel().currentChanged.connect(self._cell_chosen)
        self._sample = -1
        self.set_palette(palette)
        self.refresh()

    # --- what is selected, for the acts of the window

    @property
    def table(self) -> StepTable:
        """The table that had the keyboard last."""
        return self._table

    def input_name(self) -> str:
        """The input that the selected cells belong to, else the one whose padding is shown."""
        names = [column.name for column, _ in self.table.chosen() if column.kind in ("x", "word", "mask", "padding")]
        return names[0] if names else self.header.input.currentText()

    def output_name(self) -> str | None:
        """The output that the selected cells belong to."""
        inputs = ("x", "word", "mask", "padding")
        return next((column.name for column, _ in self.table.chosen() if column.kind not in inputs), None)

    def chosen_cells(self) -> list[Cells]:
        """The selected cells that can be written to."""
        sample = sample_of(self._document)
        chosen = (cells_of(column, sample, rows) for column, rows in self.table.chosen())
        return merged([cells for cells in chosen if cells is not None])

    def set_actions(self, acts: list[QAction], menus: Mapping[str, QMenu]) -> None:
        """Offer these actions and menus for the selected cells."""
        for table in (self.steps, self.whole):
            table.acts, table.menus = acts, list(menus.values())
        self.tools_bar.set_menus({title: menus[name] for name, title in BUTTONS.items()})

    def set_words(self, words: Words) -> None:
        """Show words beside the ids of these inputs and outputs."""
        self.steps.items.set_words(words)
        self.whole.items.set_words(words)
        self.refresh()

    def _arrange(self) -> None:
        side = QVBoxLayout()
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(0)
        side.addWidget(self.header)
        beside = QHBoxLayout()
        beside.setContentsMargins(8, 0, 6, 0)
        beside.addWidget(self.whole)
        side.addLayout(beside)
        side.addStretch(1)
        full = QWidget()
        row = QHBoxLayout(full)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(side)
        row.addWidget(self.steps, 1)
        self.empty = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.empty.setProperty("look", "muted")
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(full)

    def set_palette(self, palette: Palette) -> None:
        """Paint in these colours."""
        ground = palette.toolbar
        self.setStyleSheet(
            f"#editor, QTableView, QHeaderView, QHeaderView::section, QTableCornerButton::section {{ background: {ground}; border: none; }}"
            f"QHeaderView::section {{ color: {palette.muted}; padding: 0px 7px; }}"
            f"QTableView QLineEdit {{ padding: 0px 4px; border-radius: 0px; }}"
            f"#editor QToolButton {{ padding: 2px 8px; min-height: 0px; }}"
            f"#editor QToolButton:checked {{ border-color: {palette.accent}; color: {palette.accent}; }}"
            f"QHeaderView::section:horizontal {{ border-bottom: 1px solid {palette.border}; }}"
        )
        self.tools_bar.set_palette(palette)
        self.steps.set_palette(palette)
        self.whole.set_palette(palette)

    def refresh(self) -> None:
        """Show the document's batch, results and selection."""
        self.empty.setText(LATER if self._document.title else NOTHING)
        self._pages.setCurrentIndex(int(self._document.batch is not None))
        self.header.refresh()
        self.steps.items.refresh()
        self.whole.items.refresh()
        self.whole.setVisible(bool(self.whole.items.columns))
        scroll = self.whole.horizontalScrollBar()
        self.whole.setFixedHeight(
            self.whole.horizontalHeader().height() + self.whole.rowHeight(0) + (scroll.sizeHint().height() if scroll.maximum() else 0) + 2
        )
        if (button := self.tools_bar.buttons.get("Words")) is not None:
            network = self._document.network
            button.setVisible(network is None or network.has_words)
        self._shape()
        self._show_step()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._shape()

    def _shape(self) -> None:
        """Give the table the width that the header does not need where the pane is high enough."""
        self.header.fit(self.height(), narrow=self.whole.isHidden())

    def _select(self) -> None:
        if self._document.selection.sample != self._sample:
            self._sample = self._document.selection.sample
            self.refresh()
        else:
            self._show_step()

    def _show_step(self) -> None:
        """Bring the selected step into view, unless a cell is just being typed into."""
        step, table = self._document.selection.step, self.steps
        table.set_current_row(step)
        if table.editing or table.currentIndex().row() == step or step >= table.items.rowCount():
            return
        table.setCurrentIndex(table.items.index(step, max(table.currentIndex().column(), 0)))

    def _cell_chosen(self, current: QModelIndex) -> None:
        if not current.isValid():
            return
        table = self.steps if current.model() is self.steps.items else self.whole
        column = table.items.columns[current.column()]
        changes: dict[str, object] = {} if table is self.whole else {"step": current.row()}
        trace = self._document.comparison.shown().trace
        if column.kind == "prediction" and trace is not None:
            inner = trace.outputs[column.name].shape[len(column.at(0, current.row()) or ()) - len(column.index) :]
            unit = 0
            for i, n in zip(column.index, inner, strict=False):
                unit = unit * n + i
            changes |= {"output": column.name, "unit": unit}
        self._document.select(**changes)

    def _stale(self, stale: bool) -> None:
        if stale:
            self._fade.start()
        else:
            self._fade.stop()
            self._faded(False)

    def _faded(self, faded: bool) -> None:
        self.steps.set_faded(faded)
        self.whole.set_faded(faded)
