"""Vocabulary files: words by id, and ids by word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maskviz.core.errors import UnusableInput
from maskviz.core.vocabulary import read_vocabulary


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("words.txt", "\n[UNK]\nfilm\ngood\n"),
        ("words.txt", "\r\n[UNK]\r\nfilm\r\ngood"),
        ("list.json", json.dumps(["", "[UNK]", "film", "good"])),
        ("index.json", json.dumps({"good": 3, "film": 2, "[UNK]": 1})),
        ("ids.json", json.dumps({"1": "[UNK]", "2": "film", "3": "good"})),
    ],
)
def test_words_of_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    vocabulary = read_vocabulary(tmp_path / name)
    assert [vocabulary.word(n) for n in range(5)] == ["", "[UNK]", "film", "good", ""]
    assert vocabulary.id_of("film") == 2
    assert vocabulary.id_of("FILM") == 2
    assert vocabulary.id_of("boring") is None
    assert vocabulary.title == name


def test_a_word_that_comes_twice_means_its_first_id(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a\nb\na\n", encoding="utf-8")
    assert read_vocabulary(tmp_path / "words.txt").id_of("a") == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b"{", "is not JSON"),
        ("a.json", b"[1, 2]", "is no vocabulary"),
        ("a.json", b'{"a": "b"}', "is no vocabulary"),
        ("a.txt", b"\xff\xfe\x00", "is no text in UTF-8"),
        ("a.txt", b"\n\n", "holds no words"),
        ("gone.txt", None, "cannot be read"),
    ],
)
def test_what_is_no_vocabulary_is_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UnusableInput, match=said):
        read_vocabulary(tmp_path / name)
