"""What MaskViz remembers between runs: recent files, window layout, theme, last folder. One INI file in the user's config folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

RECENT = 10


def settings_file() -> Path:
    """Where the settings are kept; follows ``XDG_CONFIG_HOME``."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)) / "maskviz" / "maskviz.ini"


class Settings:
    """Typed access to the settings file. Unknown or damaged values read as the default."""

    def __init__(self, path: Path | None = None) -> None:
        self._store = QSettings(str(path or settings_file()), QSettings.Format.IniFormat)

    @property
    def theme(self) -> str:
        """``system``, ``dark`` or ``light``."""
        value = str(self._store.value("theme", "system"))
        return value if value in ("system", "dark", "light") else "system"

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("theme", name)

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

    def bytes(self, key: str) -> QByteArray:
        """A window or dock state as saved by :meth:`set_bytes`; empty when there is none."""
        value = self._store.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()

    def set_bytes(self, key: str, value: QByteArray) -> None:
        self._store.setValue(key, value)

    def sync(self) -> None:
        """Write to disk now."""
        self._store.sync()
