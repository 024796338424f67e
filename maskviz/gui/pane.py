"""A pane: a dock with a title of its own, and a frame while it floats."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from maskviz.gui.icons import quiet_icon
from maskviz.gui.words import tr
from maskviz.palette import Palette

ASIDE = QPoint(36, 36)  # from where it was, so that a pane that floats is seen to


class Pane(QDockWidget):
    """Holds a panel; ``name`` is what saved layouts know it by."""

    def __init__(self, name: str, title: str, content: QWidget, colours: Palette, parent: QWidget) -> None:
        super().__init__(title, parent)
        self.setObjectName(f"pane_{name}")
        self.setWidget(content)
        self.setTitleBarWidget(PaneTitle(self, colours))
        self._edge = QFrame(self)
        self._edge.setObjectName("pane_edge")
        self._edge.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._edge.hide()
        self.topLevelChanged.connect(self._edge.setVisible)

    def float_or_dock(self) -> None:
        """Let it float beside where it was, or put it back."""
        self.setFloating(not self.isFloating())
        if self.isFloating():
            self.move(self.pos() + ASIDE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._edge.setGeometry(self.rect())
        self._edge.raise_()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A key that nothing in a floating pane wants is the window's."""
        super().keyPressEvent(event)
        around = self.parentWidget()
        if self.isFloating() and not event.isAccepted() and around is not None:
            QApplication.sendEvent(around, event)


class PaneTitle(QWidget):
    """The title of a pane: a small caption, and buttons to float and to close it."""

    def __init__(self, dock: Pane, colours: Palette) -> None:
        super().__init__(dock)
        self.setObjectName("pane_title")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._title = dock.windowTitle().upper()
        self.label = QLabel(self._title)
        self.label.setProperty("look", "caption")
        self.label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._float = self._button(tr("Float this pane, or put it back"), dock.float_or_dock)
        self._close = self._button(tr("Close this pane; View ▸ Panes brings it back"), dock.close)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 1, 4, 1)
        row.setSpacing(0)
        row.addWidget(self.label, 1)
        row.addWidget(self._float)
        row.addWidget(self._close)
        self.set_palette(colours)

    def _button(self, tip: str, clicked: object) -> QToolButton:
        button = QToolButton()
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setIconSize(QSize(11, 11))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(clicked)
        return button

    def add_tools(self, tools: QWidget) -> None:
        """Put a pane's own buttons before those that float and close it."""
        layout = self.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.insertWidget(1, tools)

    def set_count(self, count: int | None) -> None:
        """Say after the title how many things the pane holds; None: not known."""
        self.label.setText(self._title if count is None else f"{self._title}  {count}")

    def set_active(self, active: bool) -> None:
        """Show whether this pane has the keyboard."""
        if self.property("active") != active:
            self.setProperty("active", active)
            for widget in (self, self.label):
                widget.style().unpolish(widget)
                widget.style().polish(widget)

    def set_palette(self, colours: Palette) -> None:
        """Paint the buttons in these colours."""
        self._float.setIcon(quiet_icon("float", colours))
        self._close.setIcon(quiet_icon("close", colours))
