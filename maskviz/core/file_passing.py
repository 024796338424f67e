"""Large arrays between two processes of one machine: each lies in a file in memory that one hands to the other, instead of being copied
through a pipe. A file belongs to whoever has it open, and is gone with the last of them, however they end.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from maskviz.core.errors import EngineFailed
from maskviz.core.row_copies import memory_file

if TYPE_CHECKING:
    import socket

ABLE = hasattr(os, "memfd_create")


def seals() -> int:
    """What is forbidden for ever before a file is handed over: other bytes and another length, which would end who reads them."""
    import fcntl

    return fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def send(channel: socket.socket, array: NDArray[Any]) -> None:
    """Hand a copy of the array over."""
    import fcntl
    import socket

    number = memory_file(array)
    try:
        fcntl.fcntl(number, fcntl.F_ADD_SEALS, seals())
        socket.send_fds(channel, [b"f"], [number])
    finally:
        os.close(number)


def receive(channel: socket.socket, size: int) -> int:
    """The descriptor of a file of ``size`` bytes that nobody can change any more.

    Raises ValueError for anything else that is handed over, EngineFailed when nothing comes any more.
    """
    import socket

    said, numbers, flags, _ = socket.recv_fds(channel, 1, 4, socket.MSG_CMSG_CLOEXEC)
    if len(numbers) == 1 and not flags & socket.MSG_CTRUNC and _is_sound(numbers[0], size):
        return numbers[0]
    for number in numbers:
        os.close(number)
    if not said:
        raise EngineFailed("The engine's answer was cut off: its process ended.")
    raise ValueError(f"no sealed file of {size} bytes was handed over")


def _is_sound(number: int, size: int) -> bool:
    import fcntl

    try:
        return os.fstat(number).st_size == size and fcntl.fcntl(number, fcntl.F_GET_SEALS) & seals() == seals()
    except OSError:  # not a file in memory
        return False
