"""The left part of the editor: which sample is shown, how long it is, and how much padding stands at its ends."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QSpinBox, QToolButton, QWidget

from maskviz.gui.editor.columns import sample_of
from maskviz.gui.editor.edits import ends, pad_ends
from maskviz.gui.number_box import WholeBox
from maskviz.session.document import Document

GESTURE_MS = 1200  # turning a spin box on within this time is one undo step


class SampleHeader(QWidget):
    """Spin boxes for the sample and for its padding at the left and at the right."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._gesture = self._document.new_gesture()
        self._gesture_ends = QTimer(self, singleShot=True, interval=GESTURE_MS)
        self._gesture_ends.timeout.connect(self._end_gesture)
        self.sample = self._spin("Sample")
        self.left = self._spin("Padded steps at the left")
        self.right = self._spin("Padded steps at the right")
        self.both = QToolButton()
        self.both.setText("both")
        self.both.setCheckable(True)
        self.both.setToolTip("Keep both ends alike: a change at one end is made at the other too")
        self.both.setProperty("look", "button")
        self.input = QComboBox()
        self.input.setAccessibleName("Input whose padding is edited")
        self.count = QLabel()
        self.length = QLabel()
        self._arrange()
        self.sample.valueChanged.connect(lambda n: document.select(sample=n))
        self.left.valueChanged.connect(lambda n: self._pad(n, n if self.both.isChecked() else None))
        self.right.valueChanged.connect(lambda n: self._pad(n if self.both.isChecked() else None, n))
        self.input.currentIndexChanged.connect(lambda _: self.refresh())

    def _spin(self, name: str) -> QSpinBox:
        spin = WholeBox()
        spin.setAccessibleName(name)
        spin.setToolTip(name)
        spin.setFixedWidth(self.fontMetrics().horizontalAdvance("000") + 40)
        spin.setKeyboardTracking(False)  # a number of several digits is one edit
        return spin

    def _arrange(self) -> None:
        _, left, right = self._labels = QLabel("sample"), QLabel("pad left"), QLabel("right")
        for label, spin in zip(self._labels, (self.sample, self.left, self.right), strict=True):
            label.setBuddy(spin)
        for label in (*self._labels, self.count, self.length):
            label.setProperty("look", "muted")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(14, 6, 14, 4)
        self._grid.setSpacing(4)
        self._padding_widgets = [self.left, self.right, self.both, left, right]
        self._tall: bool | None = None
        self.set_tall(False)

    def set_tall(self, tall: bool) -> None:
        """Stand in four narrow rows, so that the table beside it is wider, or in two."""
        if tall == self._tall:
            return
        self._tall = tall
        caption, left, right = self._labels
        right.setText("pad right" if tall else "right")
        middle, edge = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        put = self._grid.addWidget
        for column, widget in enumerate((caption, self.sample, self.count)):
            put(widget, 0, column)
        put(left, 1, 0)
        put(self.left, 1, 1)
        if tall:
            put(right, 2, 0)
            put(self.right, 2, 1)
            put(self.both, 1, 2, 2, 1, middle)
            put(self.length, 3, 0, 1, 3)
            put(self.input, 4, 0, 1, 3)
        else:
            put(right, 1, 2)
            put(self.right, 1, 3)
            put(self.both, 1, 4)
            put(self.length, 0, 3, 1, 2, edge)
            put(self.input, 2, 0, 1, 5)

    def fit(self, height: int, narrow: bool) -> None:
        """Stand in so many pixels, ``narrow`` where that is high enough. The length gives way first, so that a notice moves nothing."""
        self.set_tall(narrow and height >= self._height_of(3))
        words = self.length.sizeHint().height() + self._grid.spacing()
        self.length.setVisible(not self._tall or height >= self._height_of(3) + words)

    def _height_of(self, rows: int) -> int:
        margins, spacing = self._grid.contentsMargins(), self._grid.spacing()
        rows += not self.input.isHidden()
        return rows * (self.both.sizeHint().height() + spacing) - spacing + margins.top() + margins.bottom()

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), self._height_of(2))

    def refresh(self) -> None:
        """Show the sample and its padding, of A where that is shown, which cannot be changed."""
        batch, editable = self._document.comparison.shown().batch, self._document.comparison.side != "A"
        names = list(batch.padding) if batch else []
        self._fill_inputs(names)
        sample = min(self._document.selection.sample, max(batch.size - 1, 0)) if batch else 0
        self._put(self.sample, sample, max(batch.size - 1, 0) if batch else 0)
        self.count.setText(f"of {batch.size}" if batch else "")
        name = self.input.currentText()
        for widget in self._padding_widgets:
            widget.setVisible(bool(name))
            widget.setEnabled(editable)
        if batch is None or not name:
            self.length.setText("no time axis" if batch else "")
            return
        padding = batch.padding[name][sample]
        left, right = ends(padding)
        self._put(self.left, left, len(padding))
        self._put(self.right, right, len(padding))
        self.length.setText(f"length {int((~padding).sum())} of {len(padding)}")

    def _fill_inputs(self, names: list[str]) -> None:
        if names != [self.input.itemText(i) for i in range(self.input.count())]:
            self.input.blockSignals(True)
            self.input.clear()
            self.input.addItems(names)
            self.input.blockSignals(False)
        self.input.setVisible(len(names) > 1)

    @staticmethod
    def _put(spin: QSpinBox, value: int, maximum: int) -> None:
        spin.blockSignals(True)
        spin.setMaximum(maximum)
        spin.setValue(value)
        spin.blockSignals(False)

    def _pad(self, left: int | None, right: int | None) -> None:
        document, name = self._document, self.input.currentText()
        if document.batch is None or document.network is None or not name:
            return
        sample = sample_of(document)
        steps = document.batch.padding[name].shape[1]
        was_left, was_right = ends(document.batch.padding[name][sample])
        left, right = was_left if left is None else left, was_right if right is None else right
        if left + right > steps:  # the end that was not turned gives way
            left, right = (left, steps - left) if left != was_left else (steps - right, right)
        after, text = pad_ends(document.batch, document.network.input(name), sample, left, right)
        document.edit(after, text, gesture=self._gesture)
        self._gesture_ends.start()
        self.refresh()

    def _end_gesture(self) -> None:
        self._gesture = self._document.new_gesture()
