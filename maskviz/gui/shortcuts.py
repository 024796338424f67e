"""The keys of the actions: those that they come with, those that the user gave them, and whose they are already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtGui import QAction, QKeySequence

from maskviz.gui.actions import plain_text, set_tip
from maskviz.settings import Settings

Keys = tuple[str, ...]


class Shortcuts:
    """Gives actions their keys. Keys are texts such as ``Ctrl+K``; an action may have several."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._actions: dict[str, QAction] = {}
        self._defaults: dict[str, Keys] = {}

    def add(self, actions: Mapping[str, QAction]) -> None:
        """Look after these actions, by their ids."""
        self._actions |= actions
        self._defaults |= {name: keys_of(action) for name, action in actions.items()}
        for name, keys in self._settings.shortcuts.items():
            if name in actions:
                self._put(name, keys)

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of all actions, in the order of the menus."""
        return tuple(self._actions)

    def text(self, name: str) -> str:
        """What the action is called."""
        return plain_text(self._actions[name].text())

    def keys(self, name: str) -> Keys:
        """The keys that an action has now."""
        return keys_of(self._actions[name])

    def is_changed(self, name: str) -> bool:
        """Whether the user gave it other keys than it came with."""
        return self.keys(name) != self._defaults[name]

    def owner(self, key: str, but: str) -> str | None:
        """The id of another action that has this key, or whose key it would hide."""
        wanted = QKeySequence(key)
        for name, action in self._actions.items():
            if name != but and any(clashes(wanted, taken) for taken in action.shortcuts()):
                return name
        return None

    def give(self, name: str, keys: Sequence[str]) -> None:
        """Give an action these keys, and take them from others that have them; remembered for the next runs."""
        for key in keys:
            while (other := self.owner(key, name)) is not None:
                left = [k for k in self.keys(other) if not clashes(QKeySequence(key), QKeySequence(k))]
                self._put(other, left)
        self._put(name, keys)
        self._remember()

    def reset(self, name: str | None = None) -> None:
        """Give one action the keys that it came with, or all of them."""
        if name is not None:
            self.give(name, self._defaults[name])
            return
        for each, keys in self._defaults.items():
            self._put(each, keys)
        self._remember()

    def _put(self, name: str, keys: Sequence[str]) -> None:
        action = self._actions[name]
        before = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        tip = action.toolTip().removesuffix(f" ({before})")
        action.setShortcuts([QKeySequence(key) for key in keys])
        set_tip(action, tip)

    def _remember(self) -> None:
        self._settings.shortcuts = {name: list(self.keys(name)) for name in self._actions if self.is_changed(name)}


def keys_of(action: QAction) -> Keys:
    """The keys of an action."""
    return tuple(key.toString(QKeySequence.SequenceFormat.PortableText) for key in action.shortcuts())


def clashes(one: QKeySequence, other: QKeySequence) -> bool:
    """Whether two sequences of keys are the same, or one begins like the other."""
    exact = QKeySequence.SequenceMatch.NoMatch
    return not one.isEmpty() and not other.isEmpty() and (one.matches(other) != exact or other.matches(one) != exact)
