"""The keyboard goes from pane to pane, and the pane that has it says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QWidget
from shiboken6 import isValid

if TYPE_CHECKING:
    from maskviz.gui.docks import Workspace
    from maskviz.gui.pane import PaneTitle


class PaneFocus(QObject):
    """Moves the focus through the panes that are shown, in the order of the View menu; back to where it was inside each."""

    def __init__(self, workspace: Callable[[], Workspace | None], parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._last: dict[QDockWidget, QWidget] = {}
        self._covered: dict[QDockWidget, QDockWidget] = {}  # by a pane that was brought to the front: the one that stood there
        QApplication.instance().focusChanged.connect(self._follow)  # type: ignore[union-attr]

    def next(self) -> None:
        """To the next pane."""
        self._move(1)

    def previous(self) -> None:
        """To the pane before."""
        self._move(-1)

    def _move(self, by: int) -> None:
        docks = self._shown()
        if not docks:
            return
        here = next((n for n, dock in enumerate(docks) if dock.isAncestorOf(QApplication.focusWidget() or dock)), None)
        dock = docks[(0 if by > 0 else -1) if here is None else (here + by) % len(docks)]
        if here is not None and (covered := self._covered.pop(docks[here], None)) is not None and covered is not dock:
            covered.raise_()  # only passed by
        front = self._front_of(dock)
        if front is not None:
            self._covered[dock] = front
        dock.raise_()
        target = self._last.get(dock)
        if target is None or not isValid(target) or not target.isVisibleTo(dock):
            target = first_in(dock)
        if target is not None:
            target.setFocus(Qt.FocusReason.TabFocusReason if by > 0 else Qt.FocusReason.BacktabFocusReason)

    def _front_of(self, dock: QDockWidget) -> QDockWidget | None:
        """The pane whose tab stands before this one."""
        workspace = self._workspace()
        beside = [] if workspace is None else workspace.tabifiedDockWidgets(dock)
        return next((other for other in beside if not other.visibleRegion().isEmpty()), None)

    def _shown(self) -> list[QDockWidget]:
        workspace = self._workspace()
        return [] if workspace is None or not workspace.isVisible() else [d for d in workspace.docks.values() if not d.isHidden()]

    def _follow(self, _old: QWidget | None, new: QWidget | None) -> None:
        workspace = self._workspace()
        for dock in filter(isValid, workspace.docks.values()) if workspace is not None else ():
            inside = new is not None and dock.isAncestorOf(new)
            if inside and new is not None:
                self._last[dock] = new
            title: PaneTitle = dock.titleBarWidget()  # type: ignore[assignment]
            title.set_active(inside)


def first_in(dock: QDockWidget) -> QWidget | None:
    """The main thing in a pane that takes keys: the largest one."""
    able = [w for w in dock.widget().findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.TabFocus and w.isVisibleTo(dock)]
    return max(able, key=lambda w: w.width() * w.height(), default=None)
