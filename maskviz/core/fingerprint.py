"""Tells one network file from another, quickly also where it is large: what is remembered about a file belongs to its content."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

HEAD = 2**20  # bytes of a file that is no archive


def fingerprint(path: str | Path) -> str:
    """32 hex digits that follow the content: of an archive the checksums in its directory, of another file its size and beginning.

    Empty where the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = "\n".join(f"{m.filename} {m.CRC} {m.file_size}" for m in archive.infolist()).encode()
    except zipfile.BadZipFile:
        try:
            with Path(path).open("rb") as file:
                content = f"{Path(path).stat().st_size}\n".encode() + file.read(HEAD)
        except OSError:
            return ""
    except OSError:
        return ""
    return hashlib.sha256(content).hexdigest()[:32]
