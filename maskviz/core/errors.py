"""The errors MaskViz shows: each is one sentence that says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class MaskVizError(Exception):
    """Base of every error meant for the user; ``str(error)`` is one sentence, ``details`` is for 'copy details'."""

    def __init__(self, sentence: str, details: str = "") -> None:
        super().__init__(sentence)
        self.details = details


class UnusableInput(MaskVizError):
    """A file, batch or argument cannot be used (exit code 2)."""


class NeedsConsent(UnusableInput):
    """The file holds or needs code that runs only when the user says so.

    ``missing`` names the custom classes that no file has supplied; ``code`` describes the code in the file that would run
    (Lambda functions), one line each.
    """

    def __init__(self, sentence: str, missing: tuple[str, ...] = (), code: tuple[str, ...] = (), details: str = "") -> None:
        super().__init__(sentence, details)
        self.missing = missing
        self.code = code


class EngineFailed(MaskVizError):
    """The engine's process died, ran out of memory or time, or broke its protocol (exit code 3)."""


@contextmanager
def writing(path: object) -> Iterator[None]:
    """Turns a failure to write a file into one sentence; a reader of a pipe that has gone is none."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnusableInput(f"{path} cannot be written: {error.strerror or error}; choose another place.") from error
