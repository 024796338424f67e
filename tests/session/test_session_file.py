"""Session files: what is written comes back, and hostile content is refused in one sentence."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maskviz.core import archive
from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.session import session_file
from maskviz.session.document import Selection
from maskviz.session.session_file import Session, fingerprint, read_session, write_session


def session(network: Path | str = "") -> Session:
    x = np.arange(12, dtype="float32").reshape(2, 3, 2)
    padding = np.array([[False, True, True], [False, False, True]])
    batch = Batch({"x": x}, {"y": x[..., 0]}, {"y": np.ones((2, 3), "float32")}, {"x": padding}, {"x": x + 1}, "mine.npz", frozenset({"x"}))
    panels = {"layout": "AAAA", "heatmaps": {"rows": ["mask", {"call": "lstm"}]}}
    return Session("net.keras", str(network), batch, custom="layers.py", selection=Selection("lstm", "y", 1, 2, 0), panels=panels)


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    network = tmp_path / "net.keras"
    network.write_bytes(b"a network")
    before = replace(session(network), unsafe=True, loss="mse", carried=None)
    write_session(tmp_path / "s.maskviz", before)
    after = read_session(tmp_path / "s.maskviz")
    assert after.sha256 == fingerprint(network) != ""
    for name in ("title", "network", "custom", "unsafe", "loss", "selection", "panels", "example", "carried"):
        assert getattr(after, name) == getattr(before, name), name
    for group in session_file.GROUPS:
        old, new = getattr(before.batch, group), getattr(after.batch, group)
        assert old.keys() == new.keys()
        for name in old:
            np.testing.assert_array_equal(old[name], new[name])
            assert old[name].dtype == new[name].dtype
    assert (after.batch.source, after.batch.declared) == (before.batch.source, before.batch.declared)


def test_text_and_a_carried_network_come_back(tmp_path: Path) -> None:
    batch = Batch({"text": np.array([["ein", "wort"], ["größer", ""]])}, padding={"text": np.zeros((2, 2), bool)})
    write_session(tmp_path / "s.maskviz", Session("built", "", batch, carried=b"PK network"))
    after = read_session(tmp_path / "s.maskviz")
    assert after.carried == b"PK network"
    assert after.batch.x["text"].tolist() == batch.x["text"].tolist()


def test_what_is_pinned_comes_back(tmp_path: Path) -> None:
    mine = session()
    older = replace(mine.batch, x={"x": mine.batch.x["x"] * 2}, source="older.npz")
    pinned = Session("old", "old.keras", older, custom="old.py", carried=b"PK old", selection=Selection("gru", None, 0, 1, 0))
    write_session(tmp_path / "s.maskviz", replace(mine, pinned=pinned, side="difference"))
    after = read_session(tmp_path / "s.maskviz")
    assert after.side == "difference"
    assert after.carried is None
    assert after.pinned is not None
    for name in ("title", "network", "custom", "selection", "carried", "same_network", "pinned"):
        assert getattr(after.pinned, name) == getattr(pinned, name), name
    np.testing.assert_array_equal(after.pinned.batch.x["x"], older.x["x"])
    np.testing.assert_array_equal(after.batch.x["x"], mine.batch.x["x"])
    assert after.pinned.batch.source == "older.npz"
    assert about_of(tmp_path / "s.maskviz")["maskviz_session"] == 2
    write_session(tmp_path / "s.maskviz", mine)
    assert about_of(tmp_path / "s.maskviz")["maskviz_session"] == 1, "the first MaskViz can open it"


def test_a_session_is_no_network(tmp_path: Path) -> None:
    write_session(tmp_path / "s.keras", session())
    with pytest.raises(UnusableInput, match="is a session of MaskViz"):
        archive.look(tmp_path / "s.keras")


def test_a_changed_network_has_another_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "net.keras"
    assert fingerprint(file) == ""
    file.write_bytes(b"one")
    one = fingerprint(file)
    file.write_bytes(b"three")
    assert fingerprint(file) != one


def test_a_folder_that_is_not_there_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"cannot be written to .* choose another folder"):
        write_session(tmp_path / "missing" / "s.maskviz", session())


def about_of(file: Path) -> dict[str, object]:
    with zipfile.ZipFile(file) as archive:
        found: dict[str, object] = json.loads(archive.read(session_file.ABOUT))
        return found


def rewritten(file: Path, about: object | bytes = None, arrays: bytes | None = None, more: dict[str, bytes] | None = None) -> None:
    """The session file with other content."""
    with zipfile.ZipFile(file) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    if about is not None:
        held[session_file.ABOUT] = about if isinstance(about, bytes) else json.dumps(about).encode()
    if arrays is not None:
        held[session_file.BATCH] = arrays
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in {**held, **(more or {})}.items():
            archive.writestr(name, data)


def npz(**arrays: object) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def no_zip(file: Path) -> None:
    file.write_bytes(b"something else")


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def another_zip(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", "{}")


def pickled(file: Path) -> None:
    rewritten(file, arrays=npz(x__x=np.array([{"a": 1}, print], dtype=object)))


def path_out(file: Path) -> None:
    rewritten(file, more={"../evil.py": b"x"})


def not_json(file: Path) -> None:
    rewritten(file, about=b"{")


def nested(file: Path) -> None:
    rewritten(file, about=b"[" * 100_000)


def newer(file: Path) -> None:
    rewritten(file, about={**about_of(file), "maskviz_session": 3})


def pin_without_a_network(file: Path) -> None:
    held = session()
    write_session(file, replace(held, pinned=held))
    rewritten(file, about={**about_of(file), "pinned": {"title": "A"}})


def unknown_side(file: Path) -> None:
    held = session()
    write_session(file, replace(held, pinned=held))
    rewritten(file, about={**about_of(file), "side": "C"})


def numbers_for_names(file: Path) -> None:
    rewritten(file, about={**about_of(file), "title": 3})


def panels_no_object(file: Path) -> None:
    rewritten(file, about={**about_of(file), "panels": [1]})


def no_inputs(file: Path) -> None:
    rewritten(file, arrays=npz(y__y=np.zeros(3)))


def other_sizes(file: Path) -> None:
    rewritten(file, arrays=npz(x__x=np.zeros((3, 2)), y__y=np.zeros(2)))


def unknown_group(file: Path) -> None:
    rewritten(file, arrays=npz(x__x=np.zeros((3, 2)), z__x=np.zeros(3)))


def about_too_long(file: Path) -> None:
    rewritten(file, about=b" " * (session_file.LARGEST_ABOUT + 1))


HOSTILE = (
    no_zip,
    cut_off,
    another_zip,
    pickled,
    path_out,
    not_json,
    nested,
    newer,
    pin_without_a_network,
    unknown_side,
    numbers_for_names,
    panels_no_object,
    no_inputs,
    other_sizes,
    unknown_group,
    about_too_long,
)


@pytest.mark.parametrize("spoil", HOSTILE, ids=lambda spoil: spoil.__name__)
def test_hostile_content_is_refused_in_one_sentence(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    file = tmp_path / "s.maskviz"
    write_session(file, session())
    spoil(file)
    with pytest.raises(UnusableInput) as refused:
        read_session(file)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)
    assert "Traceback" not in str(refused.value)


def test_what_unpacks_to_far_more_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "s.maskviz"
    write_session(file, session())
    monkeypatch.setattr(session_file, "LARGEST", 500)
    with pytest.raises(UnusableInput, match="far more than a session needs"):
        read_session(file)


@pytest.mark.parametrize("where", ["missing", "folder"])
def test_no_file_gets_one_sentence(tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnusableInput, match=r"check the path|is a folder"):
        read_session(tmp_path / where)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), byte=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_does_no_harm(tmp_path: Path, place: float, byte: int) -> None:
    file = tmp_path / "s.maskviz"
    write_session(file, session())
    data = bytearray(file.read_bytes())
    data[int(place * (len(data) - 1))] = byte
    file.write_bytes(data)
    with suppress(UnusableInput):  # nothing else may be raised
        read_session(file)
