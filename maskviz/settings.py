"""What MaskViz remembers between runs: what the user chose, recent files, window layout. One INI file in the user's config folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar, overload

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

RECENT = 10
SCALES = (1.0, 1.25, 1.5, 1.75, 2.0)
Value = TypeVar("Value")


class Choice(Generic[Value]):
    """One value of the settings file, read from its text by ``kind``. What is damaged or not ``fitting`` reads as the default."""

    def __init__(
        self, kind: Callable[[str], Value], key: str, default: Value, fitting: Callable[[Value], bool] = lambda value: True
    ) -> None:
        self.kind = kind
        self.key = key
        self.default = default
        self.fitting = fitting

    @overload
    def __get__(self, settings: None, owner: type[Settings]) -> Choice[Value]: ...

    @overload
    def __get__(self, settings: Settings, owner: type[Settings]) -> Value: ...

    def __get__(self, settings: Settings | None, owner: type[Settings]) -> Value | Choice[Value]:
        if settings is None:
            return self
        try:
            value = self.kind(str(settings._store.value(self.key, str(self.default))))
        except ValueError:
            return self.default
        return value if self.fitting(value) else self.default

    def __set__(self, settings: Settings, value: Value) -> None:
        settings._store.setValue(self.key, str(value))


def yes(text: str) -> bool:
    """Whether a text of the settings file means yes."""
    return text.casefold() == "true"


def settings_file() -> Path:
    """Where the settings are kept; follows ``XDG_CONFIG_HOME``."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)) / "maskviz" / "maskviz.ini"


class Settings:
    """Typed access to the settings file. Unknown or damaged values read as the default.

    ``theme`` is ``system``, ``dark`` or ``light``; ``statuses`` a set of ``palette.STATUS_SETS``; ``scale`` a factor for the whole
    window; ``pad_id`` and ``pad_feature`` fill padding where the network masks nothing itself; ``largest_gib`` is the largest file to
    open and ``engine_gib`` the engine's memory (0: all there is); ``backend`` is one of Keras' (empty: as the environment says) and
    ``device`` its device (empty: the first one); ``graph`` names the tools of the graph that are on.
    """

    theme = Choice(str, "theme", "system", ("system", "dark", "light").__contains__)
    statuses = Choice(str, "statuses", "standard")
    scale = Choice(float, "scale", 1.0, SCALES.__contains__)
    pad_id = Choice(int, "pad/id", 0, lambda n: 0 <= n < 2**31)
    pad_feature = Choice(float, "pad/feature", 0.0)
    largest_gib = Choice(int, "limits/file_gib", 8, lambda n: 1 <= n <= 1024)
    engine_gib = Choice(int, "limits/engine_gib", 0, lambda n: 0 <= n <= 65536)
    backend = Choice(str, "engine/backend", "", ("", "tensorflow", "jax", "torch").__contains__)
    device = Choice(str, "engine/device", "")
    graph = Choice(str, "graph/tools", "")
    tour_seen = Choice(yes, "tour_seen", False)
    CHOSEN = (theme, statuses, scale, pad_id, pad_feature, largest_gib, engine_gib, backend, device)

    def __init__(self, path: Path | None = None) -> None:
        self._store = QSettings(str(path or settings_file()), QSettings.Format.IniFormat)

    def restore_defaults(self) -> None:
        """Forget everything that the settings dialog offers, but not the shortcuts."""
        for choice in self.CHOSEN:
            self._store.remove(choice.key)

    @property
    def shortcuts(self) -> dict[str, list[str]]:
        """Shortcuts that the user gave to actions, by the action's id; an empty list is none."""
        try:
            value = json.loads(str(self._store.value("shortcuts", "{}")))
            return {str(name): [str(key) for key in keys] for name, keys in value.items()}
        except (ValueError, AttributeError, TypeError):
            return {}

    @shortcuts.setter
    def shortcuts(self, keys: Mapping[str, list[str]]) -> None:
        self._store.setValue("shortcuts", json.dumps(dict(keys)))

    @property
    def used_actions(self) -> list[str]:
        """Ids of the actions that were used last from the command palette, newest first."""
        return [name for name in str(self._store.value("used_actions", "")).split() if name]

    def add_used_action(self, name: str) -> None:
        """Put an action at the top of those that the command palette offers first."""
        self._store.setValue("used_actions", " ".join([name, *(n for n in self.used_actions if n != name)][:RECENT]))

    @property
    def folder(self) -> str:
        """The folder that file dialogs start in."""
        value = str(self._store.value("folder", ""))
        return value if value and Path(value).is_dir() else str(Path.home())

    @folder.setter
    def folder(self, folder: str) -> None:
        self._store.setValue("folder", folder)

    @property
    def recent(self) -> list[str]:
        """Files opened last, newest first; those that are gone are left out."""
        value = self._store.value("recent", [])
        paths = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return [p for p in map(str, paths) if p and Path(p).is_file()]

    def add_recent(self, path: str) -> None:
        """Put a file at the top of the recent files, and its folder where dialogs start."""
        absolute = str(Path(path).absolute())
        self._store.setValue("recent", [absolute, *(p for p in self.recent if p != absolute)][:RECENT])
        self.folder = str(Path(absolute).parent)

    def clear_recent(self) -> None:
        self._store.remove("recent")

    def ignored(self, network: str) -> frozenset[str]:
        """Findings that the user does not want to see of a network, by the fingerprint of its file."""
        value = self._store.value(f"ignored/{network}", [])
        names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return frozenset(str(name) for name in names if name)

    def set_ignored(self, network: str, findings: frozenset[str]) -> None:
        if findings:
            self._store.setValue(f"ignored/{network}", sorted(findings))
        else:
            self._store.remove(f"ignored/{network}")

    def vocabularies(self, network: str) -> dict[str, str]:
        """Vocabulary files used with a network file, by what they are the words of."""
        try:
            value = json.loads(str(self._store.value("vocabularies", "{}")))
            return {str(key): str(path) for key, path in value.get(network, {}).items()}
        except (ValueError, AttributeError):
            return {}

    def set_vocabularies(self, network: str, files: Mapping[str, str]) -> None:
        try:
            value = dict(json.loads(str(self._store.value("vocabularies", "{}"))))
        except (ValueError, TypeError):
            value = {}
        others = {key: kept for key, kept in value.items() if key != network}
        self._store.setValue("vocabularies", json.dumps(others | ({network: dict(files)} if files else {})))

    def bytes(self, key: str) -> QByteArray:
        """A window or dock state as saved by :meth:`set_bytes`; empty when there is none."""
        value = self._store.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()

    def set_bytes(self, key: str, value: QByteArray) -> None:
        self._store.setValue(key, value)

    def sync(self) -> None:
        """Write to disk now."""
        self._store.sync()
