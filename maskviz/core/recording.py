"""The raw answer of the engine: what ran, as JSON, and the arrays of one batch by key. ``core.assemble`` makes a Trace of it.

Keys of ``arrays``: ``mask/N`` (slot N, in the mask's own shape), ``moved/REF`` (bool, ``(batch, time)`` or ``(batch, …)``), ``out/N``
(prediction of flat output N), ``loss/N/values|mask|weight|changed|total`` (terms of the N-th loss; ``changed`` are its values in the
padding test), and where inputs or predictions are not all finite ``broken/REF`` (like ``moved``, bytes: 1 NaN, 2 infinity, 3 both)
and ``given/CALL`` (the same of what a call was given, ``(batch,)``). All but ``total`` start with the batch axis, so that a few rows
computed anew can be put in their places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskviz.core.row_copies import copy_for


@dataclass(frozen=True)
class Recording:
    """``about`` is plain JSON: versions, calls with mask slots, outputs, losses, metrics, and how the padding test went.

    ``rows`` are the numbers of the samples that ``arrays`` hold, None for all of the batch.
    """

    about: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    rows: NDArray[Any] | None = None


def splice(whole: Recording, part: Recording) -> Recording:
    """``whole`` with the rows of ``part`` in their places; what is said about the run is that of ``whole``.

    Raises ValueError when the two do not come from the same pass (another shape, other keys).
    """
    if part.rows is None:
        return part
    arrays = dict(whole.arrays)
    for key, new in part.arrays.items():
        old = arrays.get(key)
        if old is None or old.shape[1:] != new.shape[1:]:
            raise ValueError(f"rows of another pass: {key}")
        if len(part.rows) == len(old) and new.shape == old.shape:
            arrays[key] = new
        else:
            arrays[key] = copy_for(old, part.rows)
            arrays[key][part.rows] = new
    # Keras' own numbers were those of the batch before the edit
    about = {**whole.about, "reported": None, "evaluate": None, "metrics": part.about["metrics"], "metric_notes": []}
    return replace(whole, about=about, arrays={k: v if v.ndim else np.asarray(np.nan, "float32") for k, v in arrays.items()})
