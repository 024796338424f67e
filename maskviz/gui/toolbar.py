"""The top row: what is open, the main actions, the device, and how long the last recompute took; and the bottom row."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from maskviz.gui.elided import ElidedLabel
from maskviz.gui.icons import icon
from maskviz.gui.words import tr
from maskviz.palette import Palette
from maskviz.session.document import Document

BUTTONS = ("open", "batch", "new", "undo", "redo", "export")
SHORT_DEVICE = 18
PATIENCE_MS = 500


class Toolbar(QWidget):
    """Shows the document's file, device and recompute time; its buttons are the window's actions."""

    def __init__(self, document: Document, actions: Mapping[str, QAction], devices: QMenu, colours: Palette) -> None:
        super().__init__()
        self.setObjectName("toolbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._document = document
        name = QLabel(tr("MaskViz"))
        name.setProperty("look", "title")
        self.file = ElidedLabel(Qt.TextElideMode.ElideMiddle)
        self.file.setProperty("look", "muted")
        self.file.setAccessibleName(tr("Open file"))
        self.device = QToolButton()
        self.device.setAccessibleName(tr("Device"))
        self.device.setProperty("look", "button")
        self.device.setMenu(devices)
        self.device.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.device.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.chip = QLabel()
        self.chip.setObjectName("chip")
        self.chip.setAccessibleName(tr("Last recompute"))
        self.chip.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 4, 14, 4)
        row.setSpacing(6)
        row.addWidget(name)
        row.addSpacing(10)
        self.buttons = {action: self._button(actions[action]) for action in BUTTONS}
        for button in self.buttons.values():
            row.addWidget(button)
        row.addSpacing(10)
        row.addWidget(self.file, 1)  # after the buttons, which stand where they are whatever is open
        row.addWidget(self.device)
        row.addWidget(self.chip)
        self.chip.setMinimumWidth(self.chip.fontMetrics().horizontalAdvance("recomputed 888.8 ms") + 26)
        for signal in (document.engine_changed, document.network_changed, document.trace_changed, document.stale_changed):
            signal.connect(self.refresh)
        self.set_palette(colours)
        self.refresh()

    @staticmethod
    def _button(action: QAction) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setProperty("look", "button")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(20, 16))  # wider than the icon: room between it and the word
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(action.iconText())
        return button

    def set_palette(self, colours: Palette) -> None:
        """Paint in these colours."""
        self.device.setIcon(icon("device", colours))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        tight = self.width() < self.fontMetrics().averageCharWidth() * 190
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if tight else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        for name in ("undo", "redo"):
            if self.buttons[name].toolButtonStyle() != style:
                self.buttons[name].setToolButtonStyle(style)
                restyle(self.buttons[name])

    def refresh(self) -> None:
        """Show what the document says now."""
        document = self._document
        self.file.setText(document.title)
        device = document.device or "no device yet"
        self.device.setText((device if len(device) <= SHORT_DEVICE else device[: SHORT_DEVICE - 1] + "…") + "  ▾")
        self.device.setToolTip(f"Computing on {device}; choose another device here")
        text, state = chip_text(document)
        self.chip.setText(text)
        if self.chip.property("state") != state:
            self.chip.setProperty("state", state)
            restyle(self.chip)


def restyle(widget: QWidget) -> None:
    """Apply the style sheet again after a property changed that it looks at."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def chip_text(document: Document) -> tuple[str, str]:
    """What the chip says, and its look: ``fresh``, ``busy``, ``failed`` or ``none``."""
    if document.engine.kind == "failed":
        return "engine stopped", "failed"
    if document.engine.kind == "starting":
        return "engine starting", "busy"
    if document.trace is not None and document.recompute_seconds is not None:
        return f"recomputed {duration(document.recompute_seconds)}", "busy" if document.stale else "fresh"
    if document.engine.kind == "busy":
        return "computing…", "busy"
    return ("engine ready", "none") if document.engine.kind == "idle" else ("engine off", "none")


def engine_sentence(document: Document) -> str:
    """What the engine is doing, or what it runs on while it rests."""
    sentence, network = document.engine.sentence, document.network
    if not sentence and document.stale and document.engine.kind == "idle":
        return "Computing what the edit changes…"
    if not sentence and network is not None and document.engine.kind == "idle":
        return f"{network.class_name} network of {network.parameters:,} parameters · Keras {network.keras} on {network.backend}"
    return sentence[:1].upper() + sentence[1:]


def duration(seconds: float) -> str:
    """A time for reading: ``3.1 ms``, ``240 ms``, ``1.3 s``."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"


class StatusLine(QWidget):
    """The bottom row: what the engine is doing at the left, with a way to stop it, and what is under the mouse at the right."""

    def __init__(self, document: Document, stop: QAction) -> None:
        super().__init__()
        self.setObjectName("statusbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._document = document
        self.engine = ElidedLabel()
        self.engine.setProperty("look", "muted")
        self.engine.setAccessibleName(tr("What the engine is doing"))
        self.stop = QToolButton()
        self.stop.setDefaultAction(stop)
        self.stop.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.stop.setProperty("look", "stop")
        self.stop.setAccessibleName(tr("Stop what the engine is doing"))
        self.stop.hide()
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._patience.timeout.connect(self.stop.show)
        self.readout = ElidedLabel()
        self.readout.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.readout.setAccessibleName(tr("Under the mouse"))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 3, 14, 4)
        row.setSpacing(16)
        row.addWidget(self.engine)
        row.addWidget(self.stop)
        row.addStretch(1)
        row.addWidget(self.readout)
        self.setFixedHeight(self.stop.sizeHint().height() + 7)  # the same with and without it
        for signal in (document.engine_changed, document.network_changed, document.stale_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Say what the engine is doing; when it does so for more than a moment, offer to stop it."""
        self.engine.setText(engine_sentence(self._document))
        opening = self._document.network is None and bool(self._document.title)
        kind = self._document.engine.kind
        if kind == "busy" or (self._document.stale and kind != "failed") or (kind == "starting" and opening):
            if self.stop.isHidden() and not self._patience.isActive():
                self._patience.start()
        else:
            self._patience.stop()
            self.stop.hide()

    def set_readout(self, text: str) -> None:
        """Say what is under the mouse."""
        self.readout.setText(text)
