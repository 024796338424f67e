"""Acts on samples: duplicating, deleting and reordering them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maskviz.core import batch_samples
from maskviz.core.batch import Batch
from maskviz.core.batch_words import samples_of

if TYPE_CHECKING:
    from maskviz.gui.editing.editing import Editing, Made

Order = NDArray[np.intp]


class SampleActs:
    """Changes which samples the batch has, and their order. The selected sample stays selected, wherever it goes."""

    def __init__(self, editing: Editing) -> None:
        self._editing = editing

    def duplicate(self) -> None:
        """Put a copy of each marked sample below it."""
        self._take("Duplicate {}", lambda batch, samples: batch_samples.duplicated(batch.size, samples), copied=True)

    def delete(self) -> None:
        """Delete the marked samples."""
        self._take("Delete {}", lambda batch, samples: batch_samples.without(batch.size, samples))

    def move_up(self) -> None:
        """Move the marked samples one place up."""
        self._take("Move {} up", lambda batch, samples: batch_samples.moved(batch.size, samples, -1))

    def move_down(self) -> None:
        """Move the marked samples one place down."""
        self._take("Move {} down", lambda batch, samples: batch_samples.moved(batch.size, samples, 1))

    def sort_longest(self) -> None:
        """Sort the samples by length, the longest first."""
        self._sort(True)

    def sort_shortest(self) -> None:
        """Sort the samples by length, the shortest first."""
        self._sort(False)

    def _sort(self, longest_first: bool) -> None:
        which = "longest" if longest_first else "shortest"
        name = f"Sort samples by length, {which} first"
        self._take(name, lambda batch, _: batch_samples.by_length(batch, self._editing.marks.input(), longest_first))

    def _take(self, name: str, order_of: Callable[[Batch, Order], Order], copied: bool = False) -> None:
        editing, order = self._editing, np.arange(0)
        document, region = editing.document, editing.document.region

        def made() -> Made:
            nonlocal order
            batch, samples = editing.marks.batch, editing.marks.samples()
            order = order_of(batch, samples)
            batch_samples.check_size(editing.network, len(order))
            if np.array_equal(order, np.arange(batch.size)):
                return lambda: batch, ""
            return partial(batch_samples.take_samples, batch, order), name.format(samples_of(samples, batch.size))

        def follow() -> None:
            places = np.flatnonzero(order == selected)
            if len(places):
                document.select(sample=int(places[-1] if copied else places[0]))
            if region is not None and document.region is region:
                document.mark(replace(region, samples=tuple(np.flatnonzero(np.isin(order, region.samples)).tolist())))

        selected = document.selection.sample
        editing.edit(made, on_trial=True, then=follow)
