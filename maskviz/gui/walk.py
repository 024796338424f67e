"""Walking through timesteps and samples with the keyboard."""

from __future__ import annotations

from maskviz.session.document import Document


class Walk:
    """Moves the document's selection; the document keeps it inside the batch."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def next_step(self) -> None:
        """One timestep on."""
        self._document.select(step=self._document.selection.step + 1)

    def previous_step(self) -> None:
        """One timestep back."""
        self._document.select(step=self._document.selection.step - 1)

    def first_step(self) -> None:
        """To the first timestep."""
        self._document.select(step=0)

    def last_step(self) -> None:
        """To the last timestep."""
        self._document.select(step=self._document.time_steps - 1)

    def next_sample(self) -> None:
        """One sample on."""
        self._document.select(sample=self._document.selection.sample + 1)

    def previous_sample(self) -> None:
        """One sample back."""
        self._document.select(sample=self._document.selection.sample - 1)
