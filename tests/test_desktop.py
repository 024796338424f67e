"""Icon, menu entry and file types on the user's desktop."""

from __future__ import annotations

import configparser
import os
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from maskviz import cli, desktop
from maskviz.core.errors import UnusableInput

pytestmark = [
    pytest.mark.usefixtures("qapp"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="desktops of freedesktop.org"),
]


def test_installing_twice_is_as_once_and_uninstalling_leaves_nothing(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = own_home / "xdg_data_home"
    assert cli.run(["--install-desktop"]) == 0
    said = capsys.readouterr().out
    written = [Path(line.split(maxsplit=1)[1]) for line in said.splitlines()]
    assert set(written) == set(desktop.paths(home))
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in written}
    assert cli.run(["--install-desktop"]) == 0
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in written} == before
    assert cli.run(["--uninstall-desktop"]) == 0
    assert not [path for path in written if path.exists()]
    capsys.readouterr()
    assert cli.run(["--uninstall-desktop"]) == 0
    assert capsys.readouterr().out == ""


def test_the_entry_starts_this_maskviz_with_the_types_it_declares(tmp_path: Path) -> None:
    desktop.install(tmp_path)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(tmp_path / "applications" / "maskviz.desktop")
    entry = parser["Desktop Entry"]
    program, *_, field = shlex.split(entry["Exec"])
    assert os.access(program, os.X_OK)
    assert field == "%f"
    space = "{http://www.freedesktop.org/standards/shared-mime-info}"
    types = ElementTree.parse(tmp_path / "mime" / "packages" / "maskviz.xml").getroot()
    declared = {kind.get("type"): [g.get("pattern") for g in kind.iter(f"{space}glob")] for kind in types.iter(f"{space}mime-type")}
    assert declared == {"application/x-keras": ["*.keras"], "application/x-maskviz": ["*.maskviz"]}
    assert set(entry["MimeType"].strip(";").split(";")) == set(declared)


def test_icons_have_their_sizes(tmp_path: Path) -> None:
    from PySide6.QtGui import QImage

    desktop.install(tmp_path)
    for size in desktop.ICON_SIZES:
        image = QImage(str(tmp_path / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "maskviz.png"))
        assert (image.width(), image.height()) == (size, size)
        assert image.pixelColor(size // 2, size // 2).alpha() == 255
        assert image.pixelColor(0, 0).alpha() < 40


@pytest.mark.parametrize(
    ("word", "line"),
    [("/usr/bin/maskviz", "/usr/bin/maskviz"), ("/my tools/maskviz", '"/my tools/maskviz"'), ("/50%/x", "/50%%/x"), ("/a$b", '"/a\\\\$b"')],
)
def test_words_of_the_command_are_quoted_as_the_specification_says(word: str, line: str) -> None:
    assert desktop.quoted(word) == line


def test_other_systems_and_folders_that_cannot_be_written_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnusableInput, match="cannot be written"):
        desktop.install(tmp_path / "file")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UnusableInput, match="Linux"):
        desktop.install(tmp_path)
