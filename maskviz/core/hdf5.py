"""The attributes of an HDF5 file's root, read from its bytes: enough to see the network in a legacy file before any library opens it.

Follows the HDF5 file format specification (superblocks 0 to 3, object headers 1 and 2, attributes kept in the header) and reads what
Keras writes with any version of h5py: fixed or variable-length strings. Every length is checked against the file.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

SIGNATURE = b"\x89HDF\r\n\x1a\n"
ATTRIBUTE, CONTINUATION = 0x0C, 0x10
FIXED_STRING, VARIABLE_LENGTH = 3, 9
MOST_MESSAGES = 10_000
LONGEST_TEXT = 64 * 2**20


def attributes(path: str | Path) -> dict[str, str | None]:
    """The root's attributes by name: strings as text, anything else as None. Raises ValueError where the file is cut off or damaged."""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            reader = _Reader(content)
            return dict(reader.attribute(message) for message in reader.messages(reader.root) if message)
        except (IndexError, UnicodeDecodeError) as error:
            raise ValueError("an HDF5 structure is damaged") from error


class _Reader:
    """Reads structures of one file; ``root`` is the address of the root's object header."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        version = self.take(8, 1)[0]
        if version in (0, 1):
            self._offset, self._length = self.take(13, 2)
            first = 24 if version == 0 else 28
            end, root = first + 2 * self._offset, first + 5 * self._offset
        elif version in (2, 3):
            self._offset, self._length = self.take(9, 2)
            end, root = 12 + 2 * self._offset, 12 + 3 * self._offset
        else:
            raise ValueError("an unknown version of HDF5")
        if not {self._offset, self._length} <= {2, 4, 8}:
            raise ValueError("an HDF5 structure is damaged")
        if self.number(end, self._offset) > len(content):
            raise ValueError("the file is cut off")
        self.root = self.number(root, self._offset)

    def take(self, start: int, size: int) -> bytes:
        if start < 0 or size < 0 or start + size > len(self._content):
            raise ValueError("the file is cut off")
        return self._content[start : start + size]

    def number(self, start: int, size: int) -> int:
        return int.from_bytes(self.take(start, size), "little")

    def messages(self, header: int) -> Iterator[bytes]:
        """The attribute messages of an object header."""
        if self.take(header, 4) != b"OHDR":
            yield from self._walk([(header + 16, self.number(header + 8, 4))], size_at=2, data_at=8, margin=0)
            return
        flags = self.take(header + 5, 1)[0]
        start = header + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        # a continued block has a signature of 4 bytes before its messages and a checksum behind them
        yield from self._walk([(start + width, self.number(start, width))], size_at=1, data_at=6 if flags & 4 else 4, margin=4)

    def _walk(self, blocks: list[tuple[int, int]], size_at: int, data_at: int, margin: int) -> Iterator[bytes]:
        met = 0
        for start, size in blocks:  # grows while it is walked
            end = start + size
            while start + data_at <= end:
                met += 1
                if met > MOST_MESSAGES:
                    raise ValueError("an HDF5 structure is damaged")
                kind, length = self.number(start, size_at), self.number(start + size_at, 2)
                data = self.take(start + data_at, length)
                if kind == ATTRIBUTE:
                    yield data
                elif kind == CONTINUATION:
                    there = int.from_bytes(data[: self._offset], "little")
                    blocks.append((there + margin, int.from_bytes(data[self._offset :][: self._length], "little") - 2 * margin))
                start += data_at + length

    def attribute(self, message: bytes) -> tuple[str, str | None]:
        """Name and text of an attribute message."""
        version = message[0]
        sizes = [int.from_bytes(message[at : at + 2], "little") for at in (2, 4, 6)]
        start = 9 if version == 3 else 8
        parts = []
        for size in sizes:
            parts.append(message[start : start + size])
            start += -(-size // 8) * 8 if version == 1 else size
        name, kind, space = parts
        return name.rstrip(b"\0").decode(), self._text(kind, space, message[start:])

    def _text(self, kind: bytes, space: bytes, data: bytes) -> str | None:
        if space[1]:
            return None  # an array
        if kind[0] & 15 == FIXED_STRING:
            return data[: int.from_bytes(kind[4:8], "little")].rstrip(b"\0").decode()
        if kind[0] & 15 == VARIABLE_LENGTH and kind[1] & 15 == 1:
            heap = int.from_bytes(data[4 : 4 + self._offset], "little")
            index = int.from_bytes(data[4 + self._offset :][:4], "little")
            return self._heap_object(heap, index)[: int.from_bytes(data[:4], "little")].rstrip(b"\0").decode()
        return None

    def _heap_object(self, heap: int, index: int) -> bytes:
        """An object of a global heap collection."""
        if self.take(heap, 4) != b"GCOL":
            raise ValueError("an HDF5 structure is damaged")
        end = heap + self.number(heap + 8, self._length)
        start = heap + 8 + self._length
        while start + 8 + self._length <= end:
            found, size = self.number(start, 2), self.number(start + 8, self._length)
            start += 8 + self._length
            if found == index and size <= LONGEST_TEXT:
                return self.take(start, size)
            if found in (0, index):
                break
            start += -(-size // 8) * 8
        raise ValueError("an HDF5 structure is damaged")
