"""Gradients: ∂loss/∂activation at every call, and whether weights learn from padding.

The network runs twice in one compiled function, as given and with the padding test's other content in its padding (same masks),
from the same state and so with the same random numbers; the gradients of each weight are compared. Where running it again gives
other numbers, a third pass, as given again, shows how far they differ by chance.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops, tree
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.probes import AskGradients, Gradients, WeightGradient
from maskviz.core.recording import Recording
from maskviz.engine import compiling, losses, padding_test
from maskviz.engine.forward import Feed
from maskviz.engine.probes.running import find_target, kept, record, tensors
from maskviz.engine.recorder import RecordedCall
from maskviz.engine.tracing import Tell, Tracer, state_variables

if compiling.TENSORFLOW:
    import tensorflow as tf

ROUNDED = 1e-2  # of the largest gradient, below which movement is not told from the rounding of it
NOISE = 10.0  # times the difference of two equal passes, below which a change is not told from chance


def measure(tracer: Tracer, batch: Batch, ask: AskGradients, tell: Tell) -> Gradients:
    """Sizes of gradients for the whole batch: a loss is one number of it, so that samples cannot be taken apart."""
    if not compiling.TENSORFLOW:
        raise UnusableInput("Gradients are measured on the TensorFlow backend: start with KERAS_BACKEND=tensorflow.")
    if not losses.has_loss(tracer.network) or (not batch.y and tracer.network._compile_loss is not None):
        raise UnusableInput("There is no loss to take gradients of: give the network a loss and the batch targets.")
    recording = tracer.trace(batch)
    wanted = {find_target(recording, name) for name in ask.calls} or None
    state = state_variables(tracer.network)
    feed = tracer.changed_feed(batch)
    tell("compiling the gradients" + (" in training mode" if ask.training else ""))
    arrays = [compiling.to_tensor(a) for a in feed.present()]
    with kept(state):
        work = _Gradients(tracer, feed, ask.training, wanted, state)
        tell("computing the gradients")
        numbers, again = work.run(arrays), work.run(arrays)
        if any(numbers[key].tobytes() != again[key].tobytes() for key in numbers):
            tell("computing the gradients once more, since they differ by chance")
            work = _Gradients(tracer, feed, ask.training, wanted, state, again=True)
            numbers = work.run(arrays)
    timed = tensors(recording)
    sizes = {
        key.removeprefix("size/"): _per_step(array, timed.get(key.removeprefix("size/"), {}).get("time", array.ndim > 1))
        for key, array in numbers.items()
        if key.startswith("size/")
    }
    found = [numbers[f"weight/{n}"] for n in range(len(work.weights))]
    largest = max((float(size) for size, *_ in found if np.isfinite(size)), default=0.0)
    weights = tuple(_weight(path, about, largest) for path, about in zip(work.weights, found, strict=True))
    changed = bool(work.creators) or any(a is not b for a, b in zip(feed.x, feed.changed, strict=True))
    given, other = float(numbers["loss"][0]), float(numbers["loss"][1])
    masks = _other_masks(recording, work.calls) if ask.training else ()
    return Gradients(ask.training, given, other, sizes, weights, masks, _sentence(weights, changed, ask.training))


def _other_masks(recording: Recording, calls: list[RecordedCall]) -> tuple[str, ...]:
    """Calls that take or give a mask in this pass and none in the trace, or the other way round."""
    found = []
    ran = {call.id: call for call in calls}
    for about in recording.about["calls"]:
        call = ran.get(about["id"])
        if call is None:
            continue
        before = _some(about["received"].values()), _some(out["mask"] for out in about["outputs"])
        now = _some(call.received.values()), _some(call.masks_out)
        verbs = [verb for verb, old, new in zip(("receives", "puts out"), before, now, strict=True) if old != new]
        which = [("a mask" if new else "no mask") for old, new in zip(before, now, strict=True) if old != new]
        if verbs:
            found.append(f"{call.id} {' and '.join(f'{v} {w}' for v, w in zip(verbs, which, strict=True))} in training")
    return tuple(found)


def _some(masks: Iterable[Any]) -> bool:
    return any(m is not None for m in tree.flatten(list(masks)))


def _per_step(size: NDArray[Any], has_time: bool) -> NDArray[Any]:
    """Sizes ``(batch, time)``; of a tensor without a time axis one a sample."""
    return size if has_time or size.ndim < 2 else np.sqrt(np.square(size).sum(axis=1))


def _weight(path: str, numbers: NDArray[Any], largest: float) -> WeightGradient:
    """``largest`` is the largest entry of all gradients: what should be 0, like that of the bias of keys, is rounding of such numbers."""
    size, change, noise, half = (float(n) for n in numbers)
    least = padding_test.TOLERANCE_HALF if half else padding_test.TOLERANCE
    # of its own size, and not of 1 as for values: gradients are small where losses are means
    known = size if np.isfinite(size) else 0.0
    depends = not change <= max(least * 10 * max(known, ROUNDED * largest, 1e-6), NOISE * noise)
    return WeightGradient(path, size, change, noise, depends)


def _sentence(weights: tuple[WeightGradient, ...], changed: bool, training: bool) -> str:
    how = "in training mode" if training else "in inference mode"
    if not weights:
        return "The network has no weights that are trained."
    if not changed:
        return "Not compared: no call makes a mask, and no input has padding whose content could be changed."
    found = [w for w in weights if w.depends]
    lost = sum(not np.isfinite(w.size) for w in weights)
    if lost == len(weights) and not found:
        return "Not compared: no gradient is a finite number, with whatever content in the padding."
    noisy = sum(w.noise > 0 for w in weights)
    chance = f" ({noisy} differ by chance from pass to pass)" if noisy else ""
    if not found:
        return f"No gradient of the {len(weights)} weights depends on the content of padding {how}{chance}."
    worst = max(found, key=lambda w: w.change / max(w.size, 1e-30) if np.isfinite(w.change) else np.inf)
    return (
        f"The gradients of {len(found)} of {len(weights)} weights depend on the content of padding {how}{chance}; "
        f"most that of {worst.name}: it moves by {worst.change:.3g}, its largest entry is {worst.size:.3g}."
    )


class _Gradients:
    """The function that is compiled: as given, as changed and, with ``again``, as given again, each under a tape."""

    def __init__(self, tracer: Tracer, feed: Feed, training: bool, wanted: set[str] | None, state: list[Any], again: bool = False) -> None:
        self._passes = 3 if again else 2
        self._network, self._signature = tracer.network, tracer.signature
        self._feed, self._training, self._wanted, self._state = feed, training, wanted, state
        self._places = tracer.places
        self.weights: list[str] = [v.path for v in self._network.trainable_variables]
        self.creators: list[str] = []
        self.calls: list[RecordedCall] = []
        declared = [tracer.signature.compiled_shape(n, a.shape) for n, a in enumerate(feed.x)]
        others = [(declared[0][0], *a.shape[1:]) for a in (*feed.y, *feed.sample_weight) if a is not None]
        self._run = compiling.compiled(self._traced, feed.present(), [*declared, *declared, *others])

    def run(self, arrays: list[Any]) -> dict[str, NDArray[Any]]:
        """Losses, sizes and what was found about each weight, as arrays."""
        return {key: compiling.to_numpy(value) for key, value in self._run(*arrays).items()}

    def _traced(self, *arguments: Any) -> dict[str, Any]:
        left = list(arguments)
        x = [left.pop(0) for _ in self._feed.x]
        changed = [left.pop(0) for _ in self._feed.changed]
        y = [None if a is None else left.pop(0) for a in self._feed.y]
        weights = [None if a is None else left.pop(0) for a in self._feed.sample_weight]
        padded = {}
        for number, name in enumerate(self._signature.input_names):
            if name in self._places.ids:
                padded[name] = padding_test.padded_steps(x[number], changed[number])
                changed[number] = x[number]
        saved = [ops.copy(v.value) for v in self._state]
        found: list[list[Any]] = []
        lost, result, twins = [], {}, None
        for number in range(self._passes):
            inputs, places = frozenset(self._signature.input_names), self._places
            halves = padding_test.Halves(ops.ones(()), ops.shape(x[0])[0], inputs, twins, dict(padded), places.behind, places.masks)
            hook = halves.after_call if number == 1 else None
            loss, gradients, activations, calls = self._pass(changed if number == 1 else x, hook, y, weights, first=number == 0)
            for variable, value in zip(self._state, saved, strict=True):
                variable.assign(value)
            if number == 0:
                self.calls = calls
                twins = {call.id: call for call in calls}
                result.update({f"size/{ref}": _size(g) for ref, g in activations.items()})
            self.creators = halves.creators or self.creators
            lost.append(ops.mean(ops.cast(loss, "float32")))
            found.append(gradients)
        result["loss"] = ops.stack(lost)
        result |= {f"weight/{n}": _compared(*passes) for n, passes in enumerate(zip(*found, strict=True))}
        return result

    def _pass(self, x: list[Any], hook: Any, y: list[Any], weights: list[Any], first: bool) -> Any:
        variables = [v.value for v in self._network.trainable_variables]
        watched: dict[str, Any] = {}
        with tf.GradientTape() as tape:

            def after_call(call: RecordedCall, result: Any) -> Any:
                result = result if hook is None else hook(call, result)
                for number, tensor in enumerate(t for t in tree.flatten(result) if compiling.is_tensor(t)):
                    ref = call.ref(number)
                    if first and call.parent is not None and compiling.is_float(tensor) and self._is_wanted(ref):
                        tape.watch(tensor)
                        watched[ref] = tensor
                return result

            predictions, recorder = record(self._network, self._signature, x, self._training, after_call)
            loss = self._loss(x, predictions, y, weights)
            total = ops.sum(loss)
        gradients = tape.gradient(total, [variables, watched])
        dense = [_dense(g, v) for g, v in zip(gradients[0], variables, strict=True)]
        return loss, dense, {ref: _dense(gradients[1][ref], t) for ref, t in watched.items() if len(t.shape)}, recorder.calls

    def _is_wanted(self, ref: str) -> bool:
        return self._wanted is None or ref in self._wanted

    def _loss(self, x: list[Any], predictions: Any, y: list[Any], weights: list[Any]) -> Any:
        """Keras' own loss, as ``train_step`` computes it."""
        targets = self._signature.pack_targets(y, predictions, tree.flatten(predictions)) if any(t is not None for t in y) else None
        sample_weight = self._signature.pack_weights(weights, predictions)
        packed = self._signature.pack_inputs(x)
        return self._network._compute_loss(x=packed, y=targets, y_pred=predictions, sample_weight=sample_weight, training=self._training)


def _dense(gradient: Any, value: Any) -> Any:
    """A gradient as one tensor, zeros where nothing depends on the value."""
    return tf.zeros_like(value) if gradient is None else tf.convert_to_tensor(gradient)


def _size(gradient: Any) -> Any:
    """Euclidean length over the features: ``(batch, time)``, the shape of a tensor of lower rank."""
    axes = tuple(range(2, len(gradient.shape)))
    gradient = ops.cast(gradient, "float32")
    return ops.sqrt(ops.sum(ops.square(gradient), axis=axes)) if axes else ops.abs(gradient)


def _change(given: Any, other: Any) -> Any:
    """The difference; none where neither is a number."""
    same = ops.logical_or(ops.equal(given, other), ops.logical_and(ops.isnan(given), ops.isnan(other)))
    return ops.where(same, 0.0, other - given)


def _compared(given: Any, changed: Any, again: Any = None) -> Any:
    """Largest entry, largest change, largest change between equal passes, and whether the weight is of half precision."""
    half = "16" in str(keras.backend.standardize_dtype(given.dtype))
    given, changed, again = (ops.cast(g, "float32") for g in (given, changed, given if again is None else again))
    numbers = [ops.max(ops.abs(a), initial=0.0) for a in (given, _change(given, changed), _change(given, again))]
    return ops.stack([*numbers, ops.cast(half, "float32")])
