"""Words for samples and steps in the names of edits: ``sample 3 from step 17``, ``steps 4–9 of samples 0–5``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = Sequence[int] | NDArray[np.intp]


def steps_of(rows: Numbers, steps: int) -> str:
    """``step 4``, ``steps 4–9``, ``3 steps``; ``from step 17`` where they go to the end of ``steps``, ``all steps``."""
    first, last = int(min(rows)), int(max(rows))
    if last - first + 1 != len(rows):
        return f"{len(rows)} steps"
    if len(rows) == 1:
        return f"step {first}"
    if first == 0 and last == steps - 1:
        return "all steps"
    return f"from step {first}" if last == steps - 1 else f"steps {first}–{last}"


def samples_of(samples: Numbers, size: int) -> str:
    """``sample 3``, ``samples 3–7``, ``4 samples``, ``all samples``."""
    first, last = int(min(samples)), int(max(samples))
    if len(samples) == 1:
        return f"sample {first}"
    if len(samples) == size:
        return "all samples"
    return f"samples {first}–{last}" if last - first + 1 == len(samples) else f"{len(samples)} samples"


def of_samples(steps: str, samples: str) -> str:
    """Both together: ``sample 3 from step 17``, ``steps 4–9 of sample 3``."""
    return f"{samples} {steps}" if steps.startswith("from") else f"{steps} of {samples}"
