"""What is under the mouse or marked in the heatmaps, in words for the status bar (pure)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maskviz.core.heatmaps import Heatmap
from maskviz.core.numbers import number
from maskviz.core.status import Status
from maskviz.core.words import counted

PADDING = (np.uint8(Status.SKIPPED), np.uint8(Status.EXPOSED))
"""How the steps of padding fare in the map of padding and mask."""


def read_out(
    sample: int,
    step: int | None,
    mask: Heatmap | None,
    predictions: Heatmap | None,
    loss: Heatmap | None,
    total: float | None = None,
    here: Heatmap | None = None,
    delta: str = "",
) -> str:
    """``sample 3 · t=17 · padding · ŷ 0.42 · loss 0.0031 (3.0 %)``; ``total`` is the loss that shares are a part of, ``here`` another map
    that is looked at, ``delta`` the sign before what is a difference."""
    parts = [f"sample {sample}"]
    if step is not None:
        parts.append(f"t={step}")
        word = _state_word(mask, sample, step)
        parts += [word] if word else []
    value = _value_at(predictions, sample, step)
    if predictions is not None and value is not None:
        shown = str(int(value)) if predictions.classes and np.isfinite(value) else number(value)
        parts.append(f"{delta}ŷ{' class' if predictions.classes else ''} {shown}")
    share = _value_at(loss, sample, step)
    if share is not None:
        parts.append(f"{delta}loss {number(share)}{_of_total(share, total)}")
    if here is not None:
        parts += words_at(here, sample, step)
    return " · ".join(parts)


def region_words(
    samples: Sequence[int],
    first: int,
    last: int,
    mask: Heatmap | None,
    loss: Heatmap | None,
    total: float | None = None,
    delta: str = "",
) -> str:
    """What the steps ``first`` to ``last`` of some samples are together: ``7 samples × 8 steps · 41 padding · loss 0.02 (4.0 %)``."""
    rows, steps = np.asarray(samples, int), slice(first, last + 1)
    parts = [f"{counted(len(rows), 'sample')} × {counted(last - first + 1, 'step')}"]
    if mask is not None and mask.status is not None and not delta:
        status = mask.status[rows[rows < len(mask.status)], steps]
        padding = np.isin(status, PADDING)
        if mask.odd is not None:
            padding &= ~mask.odd[rows[rows < len(mask.odd)], steps]
        parts.append(f"{np.count_nonzero(padding):,} padding")
    if loss is not None and loss.values is not None and loss.values.ndim == 2:
        share = float(np.nansum(loss.values[rows[rows < len(loss.values)], steps], dtype=np.float64))
        parts.append(f"{delta}loss {number(share)}{_of_total(share, total)}")
    return " · ".join(parts)


def _of_total(share: float, total: float | None) -> str:
    return f" ({share / total:.1%})".replace("%", " %") if total and np.isfinite(share / total) else ""


def words_at(heatmap: Heatmap, sample: int, step: int | None) -> list[str]:
    """What a map about a call shows at one place, as words for the read-out."""
    if heatmap.status is not None and step is not None:
        word = _status_word(heatmap, sample, step)
        return [f"{heatmap.title}: {word}"] if word else []
    value = _value_at(heatmap, sample, step)
    if value is None:
        return []
    return [f"{heatmap.title}: {'class ' + str(int(value)) if heatmap.classes and np.isfinite(value) else number(value)}"]


def _state_word(mask: Heatmap | None, sample: int, step: int) -> str:
    if mask is None or mask.status is None or sample >= len(mask.status) or step >= mask.status.shape[1]:
        return ""
    if mask.odd is not None and mask.odd[sample, step]:
        return "data, but skipped"
    words = {Status.KEPT: "data", Status.UNMASKED: "data", Status.SKIPPED: "padding", Status.EXPOSED: "padding, not skipped"}
    return words.get(Status(int(mask.status[sample, step])), "")


def _status_word(heatmap: Heatmap, sample: int, step: int) -> str:
    if heatmap.status is None or sample >= len(heatmap.status) or step >= heatmap.status.shape[1]:
        return ""
    status = Status(int(heatmap.status[sample, step]))
    if status == Status.SKIPPED and heatmap.odd is not None and heatmap.odd[sample, step]:
        return "data, but skipped"
    return "" if status == Status.ENDED else status.name.lower()


def _value_at(heatmap: Heatmap | None, sample: int, step: int | None) -> float | None:
    if heatmap is None or heatmap.values is None or sample >= len(heatmap.values):
        return None
    if heatmap.values.ndim == 1:
        return float(heatmap.values[sample])
    if step is None or step >= heatmap.values.shape[1] or heatmap.present is None or not heatmap.present[step]:
        return None
    return float(heatmap.values[sample, step])
