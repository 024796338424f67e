"""Applies what the settings say: to the theme, to the engine's process, to batches, and to files that are opened."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from maskviz.engine.client import MEMORY
from maskviz.gui.theme import Theme
from maskviz.session.jobs import Jobs
from maskviz.settings import Settings

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


class Preferences(QObject):
    """The settings at work. ``restart_needed`` tells whether the engine runs with others than these."""

    restart_needed = Signal(bool)

    def __init__(self, settings: Settings, theme: Theme, jobs: Jobs) -> None:
        super().__init__(jobs)
        self.settings = settings
        self._theme = theme
        self._jobs = jobs
        self._started_with = self._environment()
        self.apply()

    @property
    def theme(self) -> Theme:
        """The theme that is in use."""
        return self._theme

    def apply(self) -> None:
        """Use the settings as they are now, as far as that can be without starting the engine anew."""
        self._theme.refresh()
        self._jobs.pads = (self.settings.pad_id, self.settings.pad_feature)
        self._jobs.configure(self._environment())
        self.restart_needed.emit(self._environment() != self._started_with)

    def restart_engine(self) -> None:
        """Start the engine anew, with the settings as they are now."""
        self._started_with = self._environment()
        self._jobs.restart_engine()
        self.restart_needed.emit(False)

    def _environment(self) -> dict[str, str]:
        """The engine's variables."""
        settings = self.settings
        found = {"KERAS_BACKEND": settings.backend} if settings.backend and settings.backend in backends() else {}
        return found | ({MEMORY: str(settings.engine_gib)} if settings.engine_gib else {})


def backends() -> list[str]:
    """Keras' backends that are installed."""
    return [name for name in BACKENDS if find_spec(name) is not None]


def too_large(path: str, largest_gib: int) -> str:
    """One sentence for a file that is larger than the settings allow, else empty."""
    try:
        size = os.stat(path).st_size
    except OSError:
        return ""  # whoever opens it says why
    if size <= largest_gib * 2**30:
        return ""
    return f"{Path(path).name} has {size / 2**30:.1f} GiB, more than the {largest_gib} GiB that File ▸ Settings allows."


def scale_environment(settings: Settings) -> dict[str, str]:
    """What Qt must find in the environment before the application is made, for a window of another scale."""
    return {} if settings.scale == 1 or "QT_SCALE_FACTOR" in os.environ else {"QT_SCALE_FACTOR": f"{settings.scale:g}"}
