"""What metrics make of masks and weights, found by experiment on the predictions of the run.

No table of metrics would do: the same class is masked in one place and not in another, and users write their own. At skipped steps
targets are set to what was predicted, and then to the opposite: a metric that honours the mask does not move, although it does move
when the mask is taken off. Then one half of the samples is set right and the other wrong, and weights are put on either half: a
metric that honours weights moves. Keras' own ``compute_metrics`` and ``compute_loss`` run, without another forward pass; where they
do not give again what ``test_on_batch`` reported (a ``test_step`` of the user's own), nothing is claimed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import tree
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.ledger import MetricNote
from maskviz.core.trace import Trace
from maskviz.engine import compiling
from maskviz.engine.recorder import set_mask
from maskviz.engine.signature import Signature

Array = NDArray[Any]
Numbers = dict[str, float]
MOST_SAMPLES, MOST_ELEMENTS = 64, 4_000_000


@dataclass(frozen=True)
class Output:
    """One output of the run: ``y`` None without a target, ``mask`` None without one; ``skipped`` is what the mask or padding leaves out."""

    prediction: Array
    y: Array | None
    weight: Array | None
    mask: Array | None
    skipped: Array | None

    def rows(self, rows: Array) -> Output:
        return Output(*(None if a is None else a[rows] for a in vars(self).values()))  # type: ignore[arg-type]


class MetricProbe:
    """Asks the metrics of one compiled network; what was found out is kept for the batches that follow."""

    def __init__(self, network: keras.Model, signature: Signature) -> None:
        self._network, self._signature = network, signature
        self._found: dict[Any, dict[str, tuple[bool | None, bool | None]]] = {}

    def notes(self, trace: Trace, batch: Batch, reported: Mapping[str, float]) -> tuple[MetricNote, ...]:
        """A note for each metric of ``reported``, what ``test_on_batch`` gave for ``batch``; the metrics' state is put back."""
        if not reported:
            return ()
        outputs = [self._output(trace, batch, name) for name in self._signature.output_names]
        with kept_state(self._network), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self._experiments(outputs, reported)
            alone = self._values_over_kept(outputs)
        return tuple(MetricNote(name, value, *found.get(name, (None, None)), alone.get(name)) for name, value in reported.items())

    @staticmethod
    def _output(trace: Trace, batch: Batch, name: str) -> Output:
        about = next(o for o in trace.network_outputs if o.name == name)
        prediction = trace.outputs[name]
        mask = trace.masks.get(about.mask) if about.mask is not None else None
        if mask is not None and mask.shape != prediction.shape[: mask.ndim]:
            mask = None
        padding = trace.output_padding(name) if mask is None else None
        return Output(prediction, batch.y.get(name), batch.sample_weight.get(name), mask, padding if mask is None else ~mask)

    def _experiments(self, outputs: list[Output], reported: Mapping[str, float]) -> dict[str, tuple[bool | None, bool | None]]:
        key = tuple(_kind_of(o) for o in outputs)
        if key not in self._found:
            again = self._measure(outputs)
            trusted = {n for n, v in reported.items() if n in again and np.isclose(again[n], v, rtol=1e-3, atol=1e-5, equal_nan=True)}
            some = [o.rows(_telling_rows(outputs)) for o in outputs]
            masks, weights = self._about_masks(some), self._about_weights(some)
            self._found[key] = {n: (masks.get(n), weights.get(n)) for n in trusted}
        return self._found[key]

    def _about_masks(self, outputs: list[Output]) -> dict[str, bool]:
        """By metric, whether it leaves skipped steps out; only of those that other targets there could have moved."""
        if not any(o.mask is not None and o.skipped is not None and o.skipped.any() for o in outputs):
            return {}
        right, wrong = ([_with_target(o, o.skipped if o.mask is not None else None, hit) for o in outputs] for hit in (True, False))
        free = [[replace(o, mask=None) for o in some] for some in (right, wrong)]
        movable = _moved(*(self._measure(some, weighted=False) for some in free))
        moved = _moved(*(self._measure(some, weighted=False) for some in (right, wrong)))
        return {name: not moved[name] for name in movable if movable[name] and name in moved}

    def _about_weights(self, outputs: list[Output]) -> dict[str, bool]:
        """By metric, whether weights move it; only of those that tell right samples from wrong ones."""
        size = len(outputs[0].prediction)
        if size < 2:
            return {}
        half = np.arange(size) % 2 == 0
        everywhere = np.ones(size, bool)
        right, wrong = ([_with_target(o, everywhere, hit) for o in outputs] for hit in (True, False))
        tells = _moved(*(self._measure(some, weighted=False) for some in (right, wrong)))
        mixed = [_mixed(a, b, half) for a, b in zip(right, wrong, strict=True)]
        on_either = ([replace(o, weight=_weights_on(o, rows)) for o in mixed] for rows in (half, ~half))
        moved = _moved(*(self._measure(some) for some in on_either))
        return {name: moved[name] for name in tells if tells[name] and name in moved}

    def _measure(self, outputs: list[Output], weighted: bool = True) -> Numbers:
        """Every metric that Keras computes for these targets, predictions and weights; those that cannot be computed are missing."""
        network, signature = self._network, self._signature
        predictions = [_tensor(o) for o in outputs]
        like = signature.target_structure(network)
        try:
            y_pred = tree.pack_sequence_as(like, predictions)
            stand_ins = [np.zeros((len(o.prediction), 1), "float32") for o in outputs]
            targets = [compiling.to_tensor(s if o.y is None else o.y) for o, s in zip(outputs, stand_ins, strict=True)]
            y = tree.pack_sequence_as(like, targets)
            weights = [None if o.weight is None or not weighted else compiling.to_tensor(o.weight) for o in outputs]
            sample_weight = signature.pack_weights(weights, like)
            network.reset_metrics()
            network.compute_metrics(None, y, y_pred, sample_weight)
        except Exception:  # a metric of the user's own may take no other data than its own
            return {}
        trackers = {m.name for m in network._compile_loss.metrics} if network._compile_loss is not None else set()
        if trackers:
            try:
                network._compute_loss(None, y, y_pred, sample_weight, training=False)
                trackers = set()
            except Exception:  # weights that metrics take and losses do not
                pass
        result = {name: float(np.mean(np.asarray(value))) for name, value in network.get_metrics_result().items()}
        return {name: value for name, value in result.items() if name != "loss" and name not in trackers}

    def _values_over_kept(self, outputs: list[Output]) -> Numbers:
        """By metric, what its own class gives for kept steps alone, with their weights."""
        found = {}
        for name, metric, number in self._metrics():
            data = _kept_cells(outputs[number])
            if data is None:
                continue
            try:
                metric.reset_state()
                metric.update_state(*(None if a is None else compiling.to_tensor(a) for a in data))
                found[name] = float(np.mean(np.asarray(metric.result())))
            except Exception:  # not every metric takes single steps
                continue
        return found

    def _metrics(self) -> Iterator[tuple[str, Any, int]]:
        """The metrics that ``compile`` set up: the name reported, the metric, and the flat number of its output."""
        compiled = getattr(self._network, "_compile_metrics", None)
        if compiled is None or not compiled.built:
            return
        names = list(compiled.result())
        numbers = range(len(self._signature.output_names))
        order = compiled._flatten_y(tree.pack_sequence_as(self._signature.target_structure(self._network), list(numbers)))
        groups = (compiled._flat_metrics, compiled._flat_weighted_metrics)
        found = [(m, number) for group in groups for ms, number in zip(group, order, strict=False) if ms for m in ms.metrics]
        if len(names) == len(found):
            yield from ((name, metric, number) for name, (metric, number) in zip(names, found, strict=True))


@contextmanager
def kept_state(network: keras.Model) -> Iterator[None]:
    """Puts back what the network's metrics had counted, as in the middle of an epoch of a script."""
    saved = [(v, compiling.to_numpy(v.value).copy()) for v in network.metrics_variables]
    try:
        yield
    finally:
        for variable, value in saved:
            variable.assign(value)


def _tensor(output: Output) -> Any:
    tensor = compiling.to_tensor(output.prediction)
    if output.mask is not None:
        set_mask(tensor, compiling.to_tensor(output.mask))
    return tensor


def _kind_of(output: Output) -> tuple[Any, ...]:
    """What the answers of the experiments depend on, beside the metric itself."""
    shapes = tuple(None if a is None else a.shape[1:] for a in (output.y, output.weight, output.mask))
    return (*shapes, len(output.prediction) > 1, output.skipped is not None and bool(output.skipped.any()))


def _telling_rows(outputs: Sequence[Output]) -> Array:
    """Numbers of the samples to experiment on: few, those with kept and skipped steps first, none that is skipped altogether."""
    size = len(outputs[0].prediction)
    score, usable = np.zeros(size, int), np.ones(size, bool)
    for o in outputs:
        if o.mask is not None:
            kept, cells = o.mask.reshape(size, -1).sum(axis=1), o.mask[0].size
            score += (kept > 0) & (kept < cells)
            usable &= kept > 0
    each = max(sum(o.prediction[0].size for o in outputs), 1)
    most = max(2, min(MOST_SAMPLES, MOST_ELEMENTS // each))
    rows = np.flatnonzero(usable) if usable.any() else np.arange(size)
    return np.sort(rows[np.argsort(-score[rows], kind="stable")][:most])


def _moved(first: Numbers, second: Numbers) -> dict[str, bool]:
    """By metric, whether two measurements differ by more than rounding."""
    return {n: not np.isclose(first[n], second[n], rtol=1e-5, atol=1e-7, equal_nan=True) for n in first.keys() & second.keys()}


def _with_target(output: Output, where: Array | None, right: bool) -> Output:
    """The output with targets that the prediction meets, or misses as far as can be, at the steps or samples of ``where``."""
    if output.y is None or where is None or output.y.shape[: where.ndim] != where.shape:
        return output
    prediction, hit, miss = _opposites(output.y, output.prediction)
    return replace(
        output,
        y=_put(output.y, where, hit if right else miss),
        prediction=_put(output.prediction, where, prediction),
    )


def _put(array: Array, where: Array, new: Array) -> Array:
    return np.where(where.reshape(*where.shape, *[1] * (array.ndim - where.ndim)), new, array).astype(array.dtype)


def _opposites(y: Array, prediction: Array) -> tuple[Array, Array, Array]:
    """Predictions, and the targets that meet and that miss them, in the form of ``y``: class numbers, one-hot, yes or no, or numbers.

    Predictions stay as they are but for yes or no, where both answers must occur for every kind of hit and miss to be counted.
    """
    classes = prediction.shape[-1] if prediction.ndim > 1 else 1
    sparse = y.ndim == prediction.ndim - 1 or (y.ndim == prediction.ndim and y.shape[-1] == 1)
    if classes > 1 and sparse:
        best, worst = prediction.argmax(axis=-1), prediction.argmin(axis=-1)
        return prediction, best.reshape(y.shape), worst.reshape(y.shape)
    if y.size != prediction.size:
        low, high = np.nanmin(y), np.nanmax(y)
        return prediction, np.full_like(y, low), np.full_like(y, high if high > low else low + 1)
    if bool(np.isin(y, (0, 1)).all()):
        if classes > 1 and y.shape == prediction.shape and bool((y.sum(axis=-1) == 1).all()):
            one_hot = np.eye(classes, dtype=y.dtype)
            return prediction, one_hot[prediction.argmax(axis=-1)], one_hot[prediction.argmin(axis=-1)]
        yes = (np.arange(prediction.size) % 2 == 0).reshape(prediction.shape)
        answers = yes.reshape(y.shape).astype(y.dtype)
        return np.where(yes, 0.9, 0.1).astype(prediction.dtype), answers, 1 - answers
    same = prediction.reshape(y.shape)
    return prediction, same, -same - np.where(same < 0, -1, 1)


def _mixed(right: Output, wrong: Output, half: Array) -> Output:
    """Right targets for the samples in ``half``, wrong ones for the others."""
    if right.y is None or wrong.y is None:
        return right
    return replace(right, y=_put(wrong.y, half, right.y))


def _weights_on(output: Output, rows: Array) -> Array:
    """Weights of 1 for these samples and 0 for the others, in the shape the batch uses or that the output's loss would take."""
    steps = output.prediction.shape[: 2 if output.prediction.ndim > 2 or output.mask is not None else 1]
    shape = steps if output.weight is None else output.weight.shape
    return np.broadcast_to(rows.reshape(-1, *[1] * (len(shape) - 1)), shape).astype("float32")


def _kept_cells(output: Output) -> tuple[Array, Array, Array | None] | None:
    """Target, prediction and weight of every kept step, one after another; None where nothing is skipped or weighted."""
    if output.y is None or (output.skipped is None and output.weight is None):
        return None
    kept = np.ones(output.prediction.shape[:1], bool) if output.skipped is None else ~output.skipped
    y, weight = output.y, output.weight
    if y.shape[: kept.ndim] != kept.shape:
        return None
    if weight is not None:
        weight = weight[..., 0] if weight.ndim == kept.ndim + 1 and weight.shape[-1] == 1 else weight
        if weight.ndim > kept.ndim:
            return None
        weight = np.broadcast_to(weight.reshape(*weight.shape, *[1] * (kept.ndim - weight.ndim)), kept.shape)[kept]
    return y[kept], output.prediction[kept], weight
