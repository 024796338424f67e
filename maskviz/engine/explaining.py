"""What Keras raised, in words for the user."""

from __future__ import annotations

import re

NOT_THE_CAUSE = ("Exception encountered when calling", "Graph execution error", "Arguments received", "•", "Detected at", "File ")


def cause_of(error: Exception) -> str:
    """The line of what Keras raised that says why, without a full stop."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines()]  # Keras writes in bold
    kept = [line for line in lines if line and not line.startswith(NOT_THE_CAUSE)]
    return (kept[0].split(" for '{{node")[0] if kept else type(error).__name__)[:240].rstrip(".")
