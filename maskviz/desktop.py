"""``maskviz --install-desktop``: the icon, the menu entry and the MIME types of one's own desktop (freedesktop.org), and their removal.

Everything lies in the user's data folder (``XDG_DATA_HOME``); no rights are needed, and nothing of the system is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from maskviz import resources
from maskviz.core.errors import UnusableInput

ICON_SIZES = (16, 24, 32, 48, 64, 128, 256, 512)
MIME_TYPE, SESSION_TYPE = "application/x-keras", "application/x-maskviz"

MIME_XML = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="{MIME_TYPE}">
    <comment>Keras network</comment>
    <sub-class-of type="application/zip"/>
    <icon name="maskviz"/>
    <glob pattern="*.keras" weight="60"/>
  </mime-type>
  <mime-type type="{SESSION_TYPE}">
    <comment>MaskViz session</comment>
    <sub-class-of type="application/zip"/>
    <icon name="maskviz"/>
    <glob pattern="*.maskviz" weight="60"/>
  </mime-type>
</mime-info>
"""
ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.0
Name=MaskViz
GenericName=Network viewer
Comment=See what padding does to a Keras network
Exec={command} %f
Icon=maskviz
Terminal=false
Categories=Science;ArtificialIntelligence;DataVisualization;
Keywords=Keras;mask;padding;sequence;LSTM;transformer;
MimeType={types};
StartupWMClass=maskviz
StartupNotify=true
"""


def install(data_home: Path | None = None) -> list[Path]:
    """Write icon, menu entry and MIME types into the user's data folder, over older ones of ours; the files.

    Raises UnusableInput elsewhere than on Linux and its relatives, or where a file cannot be written.
    """
    home = _home(data_home)
    written = []
    for path, data in files(home).items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_file() or path.read_bytes() != data:
                path.write_bytes(data)
        except OSError as error:
            raise UnusableInput(f"{path} cannot be written: {error.strerror or error}.") from error
        written.append(path)
    _tell_desktop(home)
    return written


def uninstall(data_home: Path | None = None) -> list[Path]:
    """Take away what ``install`` writes; the files that were there."""
    home = _home(data_home)
    removed = []
    for path in paths(home):
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UnusableInput(f"{path} cannot be removed: {error.strerror or error}.") from error
        removed.append(path)
    _tell_desktop(home)
    return removed


def paths(home: Path) -> list[Path]:
    """Everything that belongs to us."""
    icons = home / "icons" / "hicolor"
    return [
        icons / "scalable" / "apps" / "maskviz.svg",
        *(icons / f"{size}x{size}" / "apps" / "maskviz.png" for size in ICON_SIZES),
        home / "mime" / "packages" / "maskviz.xml",
        home / "applications" / "maskviz.desktop",
    ]


def files(home: Path) -> Mapping[Path, bytes]:
    """The same with what they hold."""
    from maskviz.export.files import ensure_application
    from maskviz.export.icons import png_of_svg

    ensure_application()
    drawing = (resources.root() / "icons" / "maskviz.svg").read_bytes()
    entry = ENTRY.format(command=" ".join(map(quoted, command())), types=f"{MIME_TYPE};{SESSION_TYPE}")
    held = [drawing, *(png_of_svg(drawing, size) for size in ICON_SIZES), MIME_XML.encode(), entry.encode()]
    return dict(zip(paths(home), held, strict=True))


def command() -> list[str]:
    """How this very MaskViz is started: the packed program, the installed command, or Python with the module."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    beside = Path(sys.executable).parent / "maskviz"  # not resolved: an environment's Python is a link to another's
    return [str(beside)] if beside.is_file() else [sys.executable, "-m", "maskviz"]


def quoted(word: str) -> str:
    """A word of an ``Exec`` line, where the specification has two layers of escapes and ``%`` starts a field."""
    word = word.replace("%", "%%")
    if word and not set(word) & set(" \t\n\"'\\><~|&;$*?#()`"):
        return word
    inner = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in word)
    return '"' + inner.replace("\\", "\\\\") + '"'


def _home(given: Path | None) -> Path:
    if not sys.platform.startswith(("linux", "freebsd")):
        raise UnusableInput("This is for Linux desktops; on macOS and Windows the packed program brings its own icon and file types.")
    return given or Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _tell_desktop(home: Path) -> None:
    """Have the desktop's caches made anew, where their tools are there; menus that follow the folder need none."""
    for tool, folder in (
        ("update-mime-database", home / "mime"),
        ("update-desktop-database", home / "applications"),
        ("gtk-update-icon-cache", home / "icons" / "hicolor"),
    ):
        found = shutil.which(tool)
        quiet = ["--force", "--ignore-theme-index", "--quiet"] if tool.startswith("gtk") else []
        if found is not None and folder.is_dir():
            subprocess.run([found, *quiet, str(folder)], capture_output=True, check=False, timeout=60)
