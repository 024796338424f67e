"""Pictures of views held against kept ones, coarsely: a block of the picture may differ a little, and a few blocks may differ more.

``MASKVIZ_KEEP_PICTURES=1`` writes the pictures anew: look at each before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QFontInfo, QImage
from PySide6.QtWidgets import QApplication, QWidget

KEPT = Path(__file__).parent / "pictures"
FONT = "DejaVu Sans"  # what the kept pictures are written in
BLOCK = 8
A_LITTLE = 26  # of 255
A_FEW = 0.015  # of all blocks


def assert_looks_as_kept(widget: QWidget, name: str, folder: Path) -> None:
    """The widget looks as its kept picture; the picture it gave instead is left in ``folder``."""
    if QFontInfo(QApplication.font()).family() != FONT:
        pytest.skip(f"pictures are kept with {FONT}, which this machine lacks")
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    kept = KEPT / f"{name}.png"
    if os.environ.get("MASKVIZ_KEEP_PICTURES"):
        KEPT.mkdir(exist_ok=True)
        assert image.save(str(kept))
        return
    assert kept.is_file(), f"no picture is kept as {kept.name}: make it with MASKVIZ_KEEP_PICTURES=1"
    share = share_that_differs(blocks(image), blocks(QImage(str(kept)).convertToFormat(QImage.Format.Format_RGB888)))
    if share > A_FEW:
        image.save(str(folder / f"{name}.png"))
    assert share <= A_FEW, f"{share:.1%} of {name} looks otherwise than kept; it is now {folder / f'{name}.png'}"


def blocks(image: QImage) -> NDArray[np.float64]:
    """Mean colours ``(rows, columns, 3)`` of the blocks of a picture."""
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3)
    height, width = image.height() // BLOCK, image.width() // BLOCK
    return pixels[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK, 3).mean(axis=(1, 3))


def share_that_differs(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The share of blocks that differ by more than a little; all of them where the sizes differ."""
    if one.shape != other.shape:
        return 1.0
    return float((np.abs(one - other).max(axis=2) > A_LITTLE).mean())
