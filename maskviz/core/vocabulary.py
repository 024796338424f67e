"""A vocabulary: the word of each token id or class, read from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from maskviz.core.errors import UnusableInput

MOST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Vocabulary:
    """``words`` by id; ``title`` is the name of the file they come from."""

    title: str
    words: Mapping[int, str]

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: number for number, word in sorted(self.words.items(), reverse=True)}

    def word(self, number: int) -> str:
        """The word of an id, empty where there is none."""
        return self.words.get(number, "")

    def id_of(self, word: str) -> int | None:
        """The id of a word, the smallest of several, None where it is not known; upper and lower case only matter where both are."""
        found = self._ids.get(word)
        return self._ids.get(word.casefold()) if found is None else found


def read_vocabulary(path: str | Path) -> Vocabulary:
    """A vocabulary from ``.json`` (a list of words, or ``{word: id}``), or from text with one word in each line, the first of id 0.

    Raises ``UnusableInput`` with one sentence.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise UnusableInput(f"“{file.name}” is too large for a vocabulary: give a file with one word in each line.")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnusableInput(f"“{file.name}” cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UnusableInput(f"“{file.name}” is no text in UTF-8: save the vocabulary as a text file with one word in each line.") from error
    words = _of_json(text, file.name) if file.suffix.lower() == ".json" else dict(enumerate(text.split("\n")))
    words = {number: word.strip("\r\n") for number, word in words.items()}
    while words and not words[last := max(words)]:
        del words[last]  # the end of the last line
    if not words:
        raise UnusableInput(f"“{file.name}” holds no words: give a file with one word in each line.")
    return Vocabulary(file.name, dict(sorted(words.items())))


def _of_json(text: str, name: str) -> dict[int, str]:
    wrong = UnusableInput(f"“{name}” is no vocabulary: give a list of words, or an object that gives each word its id.")
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise UnusableInput(f"“{name}” is not JSON: {error}.") from error
    if isinstance(found, list) and all(isinstance(word, str) for word in found):
        return dict(enumerate(found))
    if not isinstance(found, dict):
        raise wrong
    if all(isinstance(value, int) and not isinstance(value, bool) for value in found.values()):
        return {number: word for word, number in reversed(found.items())}
    if all(key.isdecimal() and isinstance(word, str) for key, word in found.items()):
        return {int(key): word for key, word in found.items()}
    raise wrong
