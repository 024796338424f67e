"""Messages as bytes: one JSON header, then the raw bytes of its arrays. Nothing is ever unpickled.

Where both sides have a channel besides, large arrays are handed over as files in memory (``core.file_passing``).

A frame is ``MVZ1``, the header's length and the arrays' total length (two unsigned 8-byte numbers, little end first), the header, the
arrays one after another. The header lists key, dtype and shape of each array under ``arrays``, and whether it comes as a file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from maskviz.core import file_passing, row_copies
from maskviz.core.errors import EngineFailed

if TYPE_CHECKING:
    import socket

MAGIC = b"MVZ1"
HEAD = struct.Struct("<4sQQ")
MOST_HEADER = 64 * 2**20
MOST_ARRAYS = 8 * 2**30
KINDS = "biufUS"


def write_frame(
    stream: BinaryIO, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], channel: socket.socket | None = None
) -> None:
    """Write one message. Object arrays of strings are sent as fixed-width text. ``channel`` takes the large arrays."""
    plain = {key: _plain(array) for key, array in arrays.items()}
    files = {key for key, array in plain.items() if channel is not None and array.nbytes >= row_copies.AT_LEAST}
    listed = [[key, array.dtype.str, list(array.shape), *([True] if key in files else [])] for key, array in plain.items()]
    head = json.dumps({**header, "arrays": listed}, separators=(",", ":")).encode()
    stream.write(HEAD.pack(MAGIC, len(head), sum(a.nbytes for a in plain.values())))
    stream.write(head)
    for key, array in plain.items():
        if channel is not None and key in files:
            stream.flush()
            file_passing.send(channel, array)
        else:
            stream.write(array.reshape(-1).view(np.uint8).data if array.size else b"")
    stream.flush()


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(array)
    if array.dtype == object:
        array = np.array([x.decode("utf-8", "replace") if isinstance(x, bytes) else str(x) for x in array.ravel()]).reshape(array.shape)
    if array.dtype.kind in "US" and array.dtype.itemsize == 0:
        array = array.astype(array.dtype.kind + "1")
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def read_frame(stream: BinaryIO, channel: socket.socket | None = None) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """Read one message, None at the end of the stream.

    Raises EngineFailed when the bytes are not a message: the other side is not to be trusted with more than its word.
    """
    head = _exactly(stream, HEAD.size, at_start=True)
    if head is None:
        return None
    magic, header_size, arrays_size = HEAD.unpack(head)
    if magic != MAGIC or header_size > MOST_HEADER or arrays_size > MOST_ARRAYS:
        raise EngineFailed("The engine sent something that is not an answer.")
    try:
        header = json.loads(bytes(_exactly(stream, header_size) or b""))
        arrays = _read_arrays(header.pop("arrays"), arrays_size, lambda size: _exactly(stream, size), channel)
    except (ValueError, TypeError, KeyError, AttributeError, SyntaxError, ArithmeticError, RecursionError) as error:
        raise EngineFailed("The engine sent an answer that cannot be read.", str(error)) from error
    return header, arrays


def _read_arrays(
    listed: Any, total: int, read: Callable[[int], bytearray | None], channel: socket.socket | None
) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for key, dtype_name, shape, *is_file in listed:
        dtype = np.dtype(str(dtype_name))
        count = int(np.prod([int(n) for n in shape], dtype=object)) if shape else 1
        size = count * dtype.itemsize
        if dtype.kind not in KINDS or size > total or count < 0:
            raise ValueError(f"array {key} of {dtype_name} {shape}")
        total -= size
        lengths = tuple(int(n) for n in shape)
        if is_file:
            if channel is None or not size:
                raise ValueError(f"array {key} in a file")
            arrays[str(key)] = row_copies.adopted(file_passing.receive(channel, size), lengths, dtype)
            continue
        data = read(size) if size else bytearray()
        arrays[str(key)] = np.frombuffer(data or bytearray(), dtype=dtype, count=count).reshape(lengths)
    return arrays


def _exactly(stream: BinaryIO, size: int, at_start: bool = False) -> bytearray | None:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        n = stream.readinto(view[got:])  # type: ignore[attr-defined]
        if not n:
            if at_start and got == 0:
                return None
            raise EngineFailed("The engine's answer was cut off: its process ended.")
        got += n
    return data
