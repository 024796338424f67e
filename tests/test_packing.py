"""What the recipe for a packed program relies on; packing itself takes minutes and is done by hand."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from maskviz.core import layout
from maskviz.engine import client

ROOT = Path(__file__).parents[1]


@pytest.fixture(name="icons")
def _icons(monkeypatch: pytest.MonkeyPatch, qapp: object) -> object:
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    import app_icons  # type: ignore[import-not-found]

    return app_icons


def test_a_packed_program_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert client.command() == [sys.executable, client.CHILD_ARGUMENT]
    command = layout.layout_command()
    assert command is not None
    assert command[0] == sys.executable
    source = (ROOT / "maskviz" / "__main__.py").read_text(encoding="utf-8")
    assert f'"{client.CHILD_ARGUMENT}"' in source
    assert f'"{command[1]}"' in source


def test_the_program_lays_graphs_out() -> None:
    boxes = (layout.Box("a", 100, 40), layout.Box("b", 100, 40))
    request = layout.LayoutRequest(boxes, (("a", "b"),))
    line = json.dumps({"number": 7, **request.to_dict()}) + "\n"
    command = [sys.executable, "-m", "maskviz", "--maskviz-layout"]
    done = subprocess.run(command, input=line, capture_output=True, text=True, timeout=60, check=True)
    ready, answer = map(json.loads, done.stdout.splitlines())
    assert ready == {"ready": True}
    assert set(layout.layout_of_answer(request, answer).positions) == {"a", "b"}


def test_icons_of_windows_and_macos_hold_every_size(icons: object) -> None:
    svg = ROOT / "resources" / "icons" / "maskviz.svg"
    data = icons.ico(svg)  # type: ignore[attr-defined]
    _zero, kind, count = struct.unpack_from("<HHH", data)
    assert (kind, count) == (1, len(icons.ICO_SIZES))  # type: ignore[attr-defined]
    for number, size in enumerate(icons.ICO_SIZES):  # type: ignore[attr-defined]
        wide, high, *_rest, length, start = struct.unpack_from("<BBBBHHII", data, 6 + 16 * number)
        image = QImage.fromData(data[start : start + length], "PNG")
        assert (image.width(), wide or 256, high or 256) == (size, size, size)
    data = icons.icns(svg)  # type: ignore[attr-defined]
    assert data[:4] == b"icns"
    assert struct.unpack_from(">I", data, 4)[0] == len(data)
    place, seen = 8, {}
    while place < len(data):
        name, length = struct.unpack_from(">4sI", data, place)
        seen[name] = QImage.fromData(data[place + 8 : place + length], "PNG").width()
        place += length
    assert seen == icons.ICNS_TYPES  # type: ignore[attr-defined]


def test_linux_needs_no_icon_file(icons: object, tmp_path: Path) -> None:
    svg = ROOT / "resources" / "icons" / "maskviz.svg"
    assert icons.icon_file(svg, tmp_path, "linux") is None  # type: ignore[attr-defined]
    path = icons.icon_file(svg, tmp_path / "new", "win32")  # type: ignore[attr-defined]
    assert Path(path).read_bytes()[:4] == b"\0\0\1\0"
