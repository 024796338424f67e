"""Messages survive the way there and back, and garbage is refused with one sentence."""

from __future__ import annotations

import gc
import io
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal

from maskviz.core import file_passing, wire
from maskviz.core.errors import EngineFailed
from maskviz.core.row_copies import copy_for, may_differ


def there_and_back(header: dict[str, Any], sent: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    stream = io.BytesIO()
    wire.write_frame(stream, header, sent)
    stream.seek(0)
    frame = wire.read_frame(stream)
    assert frame is not None
    assert wire.read_frame(stream) is None
    return frame


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(
        st.one_of(arrays.integer_dtypes(), arrays.floating_dtypes(), arrays.boolean_dtypes(), arrays.unicode_string_dtypes(max_len=4)),
        arrays.array_shapes(min_dims=0, min_side=0, max_side=4),
    )
)
def test_arrays(array: np.ndarray) -> None:
    header, received = there_and_back({"kind": "Any"}, {"a": array, "turned": array.T})
    assert header == {"kind": "Any"}
    for key, sent in (("a", array), ("turned", array.T)):
        assert received[key].shape == sent.shape
        assert received[key].dtype.kind == sent.dtype.kind
        assert_array_equal(received[key], sent)


def test_text_of_any_kind_arrives_as_text() -> None:
    _, received = there_and_back({}, {"a": np.asarray([b"ab", "cé"], object), "empty": np.asarray(["", ""])})
    assert_array_equal(received["a"], ["ab", "cé"])
    assert_array_equal(received["empty"], ["", ""])


# --- large arrays, handed over as files

passing = pytest.mark.skipif(not file_passing.ABLE, reason="files in memory cannot be handed over here")


@pytest.fixture
def channel() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@passing
def test_large_arrays_come_as_files(channel: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = channel
    large, turned = np.arange(500_000).reshape(1000, 500), np.asfortranarray(np.random.default_rng(0).random((700, 300)))
    words = np.asarray(["ab", "cdefghij"] * 50_000)
    before, stream = open_files(), io.BytesIO()
    sent = {"large": large, "small": np.arange(3), "turned": turned, "words": words}
    for number in range(3):
        wire.write_frame(stream, {"number": number}, sent, theirs)
    assert len(stream.getvalue()) < 1000
    stream.seek(0)
    for number in range(3):
        frame = wire.read_frame(stream, ours)
        assert frame is not None
        assert frame[0] == {"number": number}
        for key, array in sent.items():
            assert_array_equal(frame[1][key], array)
    assert frame is not None
    frame[1]["large"][3] = 7  # what came is ours
    assert large[3, 0] == 1500
    assert may_differ(frame[1]["large"], copy_for(frame[1]["large"], 4)) is not None, "edits of it copy what they change"
    frame = None
    assert open_files() == before


def memory(size: int, seal: bool = True) -> int:
    import fcntl

    number = os.memfd_create("hostile", os.MFD_ALLOW_SEALING)
    os.ftruncate(number, size)
    if seal:
        fcntl.fcntl(number, fcntl.F_ADD_SEALS, file_passing.seals())
    return number


HOSTILE: dict[str, Callable[[], list[int]]] = {
    "too short": lambda: [memory(4096)],
    "too long": lambda: [memory(2**22)],
    "can be cut short later": lambda: [memory(2**21, seal=False)],
    "two": lambda: [memory(2**21), memory(2**21)],
    "none": list,
    "no file": lambda: [os.open("/dev/null", os.O_RDONLY)],
    "a file on a disk": lambda: [os.open(__file__, os.O_RDONLY)],
}


@passing
@pytest.mark.parametrize("name", HOSTILE)
def test_files_that_are_not_what_was_said_are_refused(name: str, channel: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = channel
    numbers = HOSTILE[name]()
    before = open_files()
    socket.send_fds(theirs, [b"f"], numbers)
    with pytest.raises(EngineFailed, match="cannot be read"):
        wire.read_frame(frame(about(["a", "<f8", [512, 512], True]), total=2**21), ours)
    assert open_files() == before, "what was handed over is closed"
    for number in numbers:
        os.close(number)


@passing
def test_a_process_that_ends_before_its_file_comes(channel: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = channel
    theirs.close()
    with pytest.raises(EngineFailed, match="cut off"):
        wire.read_frame(frame(about(["a", "<f8", [512, 512], True]), total=2**21), ours)
    with pytest.raises(EngineFailed, match="cannot be read"):
        wire.read_frame(frame(about(["a", "<f8", [512, 512], True]), total=2**21))


# --- garbage


def frame(head: bytes, data: bytes = b"", total: int | None = None) -> io.BytesIO:
    return io.BytesIO(wire.HEAD.pack(wire.MAGIC, len(head), len(data) if total is None else total) + head + data)


def about(*listed: Any) -> bytes:
    return json.dumps({"arrays": list(listed)}).encode()


BROKEN = {
    "no frame": io.BytesIO(b"import os; os.system('true')         "),
    "cut head": io.BytesIO(b"MVZ1\x02"),
    "cut header": io.BytesIO(wire.HEAD.pack(wire.MAGIC, 100, 0) + b"{}"),
    "too large": io.BytesIO(wire.HEAD.pack(wire.MAGIC, 1 << 62, 0)),
    "too many arrays": io.BytesIO(wire.HEAD.pack(wire.MAGIC, 2, 1 << 62)),
    "no json": frame(b"{nothing}"),
    "no text": frame(b"\xff\xfe"),
    "no object": frame(b"[1, 2]"),
    "deep": frame(b"[" * 100_000),
    "no arrays": frame(b"{}"),
    "arrays of nothing": frame(b'{"arrays": 3}'),
    "objects": frame(about(["a", "|O8", [1]]), b"\0" * 8),
    "records": frame(about(["a", "i4,i4", [1]]), b"\0" * 8),
    "unknown type": frame(about(["a", "(", [1]]), b"\0" * 8),
    "negative": frame(about(["a", "<f4", [-1]]), b"\0" * 4),
    "two negatives": frame(about(["a", "<f4", [-1, -1]]), b"\0" * 4),
    "endless": frame(b'{"arrays": [["a", "<f4", [Infinity]]]}', b"\0" * 4),
    "more than was said": frame(about(["a", "<f4", [1 << 40]]), b"\0" * 4),
    "a file where none can come": frame(about(["a", "<f4", [1], True]), b"\0" * 4),
    "cut arrays": frame(about(["a", "<f4", [2]]), b"\0" * 4, total=8),
}


@pytest.mark.parametrize("name", BROKEN)
def test_garbage_is_refused(name: str) -> None:
    with pytest.raises(EngineFailed, match=r"^The engine[^\n]+\.$"):
        wire.read_frame(BROKEN[name])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 255))
@pytest.mark.filterwarnings("ignore:Data type alias")
def test_a_changed_byte_never_gets_out_as_anything_else(data: bytes, position: int, value: int) -> None:
    stream = io.BytesIO()
    wire.write_frame(stream, {"kind": "Traced", "body": {"number": 1}}, {"mask/0": np.ones((2, 3), bool), "x": np.arange(3.0)})
    changed = bytearray(stream.getvalue())
    changed[position % len(changed)] = value
    for garbage in (data, bytes(changed), wire.HEAD.pack(wire.MAGIC, len(data), 8) + data):
        with suppress(EngineFailed):
            wire.read_frame(io.BytesIO(garbage))
