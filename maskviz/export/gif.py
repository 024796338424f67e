"""Animated GIF files (GIF89a), which Qt reads and does not write: a palette, LZW, and only what changes from frame to frame."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

MOST_COLOURS = 255  # and one that leaves a pixel as it was
UNCHANGED = 255
LARGEST_CODE = 4096
BITS = 5  # of a channel, in which near colours are taken together


def gif_bytes(frames: Sequence[QImage], milliseconds: int) -> bytes:
    """Frames of one size as an animation without end, each shown for so long. Colours beyond the 255 most common become the nearest."""
    pixels = [_rgb(frame) for frame in frames]
    colours, lookup = _palette(pixels)
    height, width = pixels[0].shape
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = colours
    parts = [
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + table.tobytes(),
        b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00",
    ]
    before: NDArray[np.uint8] | None = None
    for frame in pixels:
        indexed = lookup[_bucket(frame)]
        parts.append(_frame(indexed, before, max(2, round(milliseconds / 10))))
        before = indexed
    return b"".join([*parts, b"\x3b"])


def _frame(now: NDArray[np.uint8], before: NDArray[np.uint8] | None, hundredths: int) -> bytes:
    """One frame: the rectangle that differs from the one before, with what is alike inside it left as it was."""
    top, left, part = 0, 0, now
    if before is not None:
        changed = now != before
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        if not len(rows):
            rows = columns = np.zeros(1, int)
        top, left = int(rows[0]), int(columns[0])
        where = np.s_[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
        part = np.where(changed[where], now[where], np.uint8(UNCHANGED))
    height, width = part.shape
    control = b"\x21\xf9\x04" + struct.pack("<BHBB", 0x05, hundredths, UNCHANGED, 0)
    place = b"\x2c" + struct.pack("<HHHHB", left, top, width, height, 0)
    data = lzw(part.tobytes())
    blocks = b"".join(bytes([len(data[k : k + 255])]) + data[k : k + 255] for k in range(0, len(data), 255))
    return control + place + b"\x08" + blocks + b"\x00"


def lzw(data: bytes) -> bytes:
    """The codes of GIF's LZW for bytes, packed from the lowest bit up."""
    clear, end = 256, 257
    codes: list[int] = [clear]
    widths: list[int] = [9]
    table: dict[int, int] = {}
    following, width = end + 1, 9
    prefix = data[0]
    for byte in data[1:]:
        key = prefix << 8 | byte
        code = table.get(key)
        if code is not None:
            prefix = code
            continue
        codes.append(prefix)
        widths.append(width)
        if following < LARGEST_CODE:
            table[key] = following
            following += 1
            if following > 1 << width and width < 12:
                width += 1
        else:
            codes.append(clear)
            widths.append(width)
            table.clear()
            following, width = end + 1, 9
        prefix = byte
    codes += [prefix, end]
    widths.append(width)
    # the decoder learns one more entry from the last code, and may widen its codes before it reads the end
    widths.append(min(width + (following + 1 > 1 << width), 12))
    return _packed(np.array(codes, np.uint32), np.array(widths, np.int64))


def _packed(codes: NDArray[np.uint32], widths: NDArray[np.int64]) -> bytes:
    """Numbers of so many bits each, one after another from the lowest bit up."""
    bits = ((codes[:, None] >> np.arange(12, dtype=np.uint32)) & 1).astype(np.uint8)
    return np.packbits(bits[np.arange(12) < widths[:, None]], bitorder="little").tobytes()


def _rgb(image: QImage) -> NDArray[np.uint32]:
    """0xRRGGBB of every pixel ``(height, width)``."""
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    data = np.frombuffer(plain.constBits(), np.uint32).reshape(plain.height(), plain.bytesPerLine() // 4)
    return data[:, : plain.width()] & np.uint32(0xFFFFFF)


def _bucket(pixels: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The number of the group of near colours that each pixel belongs to."""
    shift = 8 - BITS
    red, green, blue = (pixels >> np.uint32(k + shift) & np.uint32(2**BITS - 1) for k in (16, 8, 0))
    return np.asarray((red << np.uint32(2 * BITS)) | (green << np.uint32(BITS)) | blue)


def _palette(frames: Sequence[NDArray[np.uint32]]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """At most 255 colours ``(n, 3)``, and for each group of near colours the number of its colour.

    A group's colour is its most common one, so that flat areas keep theirs to the bit.
    """
    changes = [now[now != before] for before, now in pairwise(frames)]
    found, counts = np.unique(np.concatenate([frames[0].ravel(), *changes]), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    found, counts = found[order], counts[order]
    groups, first, member = np.unique(_bucket(found), return_index=True, return_inverse=True)
    weight = np.bincount(member, counts)
    best = np.argsort(-weight, kind="stable")[:MOST_COLOURS]
    colours = _channels(found[first[best]])
    every = _channels(found[first]).astype(np.int32)
    distance = ((every[:, None, :] - colours[None, :, :].astype(np.int32)) ** 2).sum(axis=2)
    lookup = np.zeros(2 ** (3 * BITS), np.uint8)
    lookup[groups] = distance.argmin(axis=1)
    return colours, lookup


def _channels(colours: NDArray[np.uint32]) -> NDArray[np.uint8]:
    return np.stack([(colours >> np.uint32(k)) & np.uint32(255) for k in (16, 8, 0)], axis=1).astype(np.uint8)
