"""Messages survive the way there and back, and garbage is refused with one sentence."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal

from maskviz.core import wire
from maskviz.core.errors import EngineFailed


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
