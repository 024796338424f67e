"""Makes the window's actions and menus from ``gui.action_list``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from operator import attrgetter

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from maskviz.gui.action_list import ACTIONS, GO, MENUS, SUBMENU_TITLES
from maskviz.gui.action_spec import ActionSpec, Needs
from maskviz.gui.edit_actions import EDIT_MENUS
from maskviz.gui.icons import icon
from maskviz.gui.words import tr
from maskviz.palette import Palette


def build_actions(window: QWidget, specs: tuple[ActionSpec, ...] = ACTIONS) -> dict[str, QAction]:
    """The actions by id, each connected to its handler on ``window`` and added to it so that its shortcuts work."""
    actions = {}
    for spec in specs:
        action = QAction(tr(spec.text), window)
        action.setObjectName(spec.id)
        action.setIconText(tr(spec.short) if spec.short else plain_text(action.text()))
        action.setShortcuts([QKeySequence(s) for s in spec.shortcuts])
        set_tip(action, tr(spec.tip) if spec.tip else plain_text(action.text()))
        handler: Callable[[], object] = attrgetter(spec.handler)(window)
        action.triggered.connect(lambda _checked=False, handler=handler: handler())
        window.addAction(action)
        actions[spec.id] = action
    return actions


def plain_text(text: str) -> str:
    """A menu text without its mnemonic and its dots."""
    return text.replace("&", "").rstrip("…")


def set_tip(action: QAction, tip: str) -> None:
    """Give an action a tooltip that also names its first shortcut."""
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    action.setToolTip(f"{tip} ({keys})" if keys else tip)
    action.setStatusTip("")


def build_menus(bar: QMenuBar, actions: Mapping[str, QAction], submenus: Mapping[str, QMenu]) -> None:
    """Fill the menu bar from ``MENUS``."""
    for name, (_, ids) in EDIT_MENUS.items():
        fill_menu(submenus[name], ids, actions, submenus)
    for title, ids in MENUS:
        if ids == ("devices",):
            bar.addMenu(submenus["devices"]).setText(tr(title))
        else:
            fill_menu(bar.addMenu(tr(title)), ids, actions, submenus)
    fill_menu(submenus["go"], GO, actions, submenus)


def fill_menu(menu: QMenu, ids: tuple[str, ...], actions: Mapping[str, QAction], submenus: Mapping[str, QMenu]) -> None:
    """Add actions, separators and submenus to a menu by their ids."""
    for name in ids:
        if name == "-":
            menu.addSeparator()
        elif name in submenus:
            menu.addMenu(submenus[name]).setText(tr(SUBMENU_TITLES[name]))
        else:
            menu.addAction(actions[name])


def paint_icons(actions: Mapping[str, QAction], colours: Palette) -> None:
    """Give every action its icon in the colours of a palette."""
    for spec in ACTIONS:
        if spec.icon:
            actions[spec.id].setIcon(icon(spec.icon, colours))


def enable_actions(actions: Mapping[str, QAction], there: Collection[Needs]) -> None:
    """Enable exactly the actions that have what they need."""
    for spec in ACTIONS:
        if spec.id not in ("undo", "redo"):
            actions[spec.id].setEnabled(spec.needs == "nothing" or spec.needs in there)
