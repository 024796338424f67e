"""The application's icon in the containers that Windows (.ico) and macOS (.icns) want: both hold plain PNG files."""

from __future__ import annotations

import os
import struct
from pathlib import Path

ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
ICNS_TYPES = {b"icp4": 16, b"icp5": 32, b"ic07": 128, b"ic08": 256, b"ic09": 512, b"ic10": 1024}


def icon_file(svg: Path, folder: Path, platform: str) -> str | None:
    """The icon for a platform, written into ``folder``; None where programs have none of their own (Linux)."""
    if platform not in ("win32", "darwin"):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("maskviz.ico" if platform == "win32" else "maskviz.icns")
    path.write_bytes(ico(svg) if platform == "win32" else icns(svg))
    return str(path)


def ico(svg: Path) -> bytes:
    """All sizes in one .ico."""
    pictures = [_png(svg, size) for size in ICO_SIZES]
    start = 6 + 16 * len(pictures)
    head, body = struct.pack("<HHH", 0, 1, len(pictures)), b""
    for size, data in zip(ICO_SIZES, pictures, strict=True):
        head += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(data), start + len(body))
        body += data
    return head + body


def icns(svg: Path) -> bytes:
    """All sizes in one .icns."""
    parts = b""
    for kind, size in ICNS_TYPES.items():
        data = _png(svg, size)
        parts += kind + struct.pack(">I", len(data) + 8) + data
    return b"icns" + struct.pack(">I", len(parts) + 8) + parts


def _png(svg: Path, size: int) -> bytes:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from maskviz.export.icons import png_of_svg

    return png_of_svg(svg.read_bytes(), size)
