"""The padding test: the same pass again with only the content of padding changed and every source mask held as it was.

Changes are made all at once: noise at the masked steps of what a mask-creating call puts out, noise at padded steps of what is made
of ids, and other content at padded steps of other inputs. Masks that calls make of no other mask are held: one that is made anew of
what has a mask already may be decided by padding. Any value that then moves was computed from padding.
Where rows may share a pass, the batch is doubled: rows 0…n−1 are as given, rows n…2n−1 are changed. Otherwise
(fixed batch size, state carried over, rows that influence each other) the network runs twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops, tree
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.network import InputSpec
from maskviz.engine import compiling, placing
from maskviz.engine.recorder import RecordedCall, mask_of, set_mask

# |Δ| > TOLERANCE × max(1, max|value|) told movement from rounding on every oracle
TOLERANCE = 1e-5
TOLERANCE_HALF = 4e-3
MOST_NOISE = 100.0


def other_content(spec: InputSpec, x: NDArray[Any], padding: NDArray[Any] | None, seed: int = 0) -> NDArray[Any]:
    """``x`` with other content at padded steps: other ids that the batch uses, or normal noise of the data's own scale."""
    if padding is None or not padding.any() or spec.kind not in ("ids", "features"):
        return x
    random = np.random.default_rng(seed)
    changed = x.copy()
    if spec.kind == "ids":
        used = np.unique(x[~padding]) if not padding.all() else np.arange(spec.vocabulary or 2)
        choice = used[used != spec.pad_value] if (used != spec.pad_value).any() else used
        changed[padding] = random.choice(choice, int(padding.sum()))
        return changed
    real = x[~padding].astype("float64")
    real = real[np.isfinite(real)]
    scale = float(real.std()) if real.size else 1.0
    noise = random.normal(float(real.mean()) if real.size else 0.0, 1.0 + scale, changed[padding].shape)
    changed[padding] = noise.astype(x.dtype)
    return changed


def changed_inputs(batch: Batch, inputs: tuple[InputSpec, ...], eligible: frozenset[str]) -> dict[str, NDArray[Any]]:
    """The second half's inputs: other content at padded steps of the eligible inputs, the others as they are."""
    return {
        spec.name: other_content(spec, batch.x[spec.name], batch.padding.get(spec.name), seed)
        if spec.name in eligible
        else batch.x[spec.name]
        for seed, spec in enumerate(inputs)
    }


def _is_builtin_part(call: RecordedCall) -> bool:
    """Whether a call runs inside a built-in layer: those receive masks as arguments and would look like creators."""
    parent = call.parent
    if parent is None or parent.parent is None or isinstance(parent.operation, keras.Model):
        return False
    return type(parent.operation).__module__.split(".")[0] == "keras"


def creates_mask(call: RecordedCall, masks: list[Any]) -> bool:
    """Whether a call makes a mask out of nothing (of two nested calls the inner one)."""
    if not any(m is not None for m in masks) or call.created_inside or call.parent is None or _is_builtin_part(call):
        return False
    return not any(m is not None for m in tree.flatten([call.masks_in, list(call.received.values())]))


@dataclass
class Halves:
    """The hook of the padding test in a pass, and the split of its tensors into the first and the changed half.

    ``twins`` are the calls of a first pass, by id, when the network runs twice; None when the batch is doubled. ``level`` is a
    scalar tensor, 0 for no noise; ``size`` is the number of samples. ``inputs`` names the network's inputs: truth values
    made from them by operations are held. ``padded`` are the padded steps of inputs of ids that stay as they are, and of what still
    holds these ids; ``behind`` names Masking layers whose noise is put behind the windows that read their zeros; ``masks`` operations
    whose results are given as masks, and are held.
    """

    level: Any
    size: Any
    inputs: frozenset[str]
    twins: dict[str, RecordedCall] | None = None
    padded: dict[str, Any] = field(default_factory=dict)
    behind: frozenset[str] = frozenset()
    masks: frozenset[str] = frozenset()
    creators: list[str] = field(default_factory=list)
    _from_inputs: set[str] = field(default_factory=set)
    _behind_masks: set[str] = field(default_factory=set)  # made by operations of what has a mask
    _waiting: dict[str, Any] = field(default_factory=dict)
    _places: int = 0

    def first(self, tensor: Any) -> Any:
        """The half as given of a tensor of the doubled pass; a tensor without a batch axis is whole in both halves."""
        return tensor if self.twins is not None else tensor[: self._rows(tensor)]

    def second(self, tensor: Any) -> Any:
        """The changed half of a tensor of the doubled pass."""
        return tensor if self.twins is not None else tensor[ops.shape(tensor)[0] - self._rows(tensor) :]

    def _rows(self, tensor: Any) -> Any:
        length = ops.shape(tensor)[0]
        if isinstance(self.size, int):
            return self.size if tensor.shape[0] == 2 * self.size else length
        if tensor.shape[0] is not None:  # any number of samples is allowed: a fixed length is not the batch's
            return length
        return ops.where(ops.equal(length, 2 * self.size), self.size, length)

    def pair(self, call: RecordedCall, number: int) -> tuple[Any, Any]:
        """Output ``number`` of a call as given and as changed."""
        return self._pair(call, number, call.outputs[number], masks=False)

    def received_pairs(self, call: RecordedCall) -> list[tuple[Any, Any]]:
        """The mask arguments that a call received, as given and as changed."""
        received = [m for m in tree.flatten(list(call.received.values())) if m is not None and compiling.is_tensor(m)]
        if self.twins is None:
            return [(self.first(m), self.second(m)) for m in received]
        twins = tree.flatten(list(self.twins[call.id].received.values()))
        return list(zip((m for m in twins if m is not None and compiling.is_tensor(m)), received, strict=True))

    def mask_pairs(self, call: RecordedCall) -> list[tuple[Any, Any]]:
        """The masks that a call put out, as given and as changed."""
        pairs = [self._pair(call, n, m, masks=True) for n, m in enumerate(call.masks_out) if m is not None]
        return [pair for pair in pairs if pair[0] is not None]

    def _pair(self, call: RecordedCall, number: int, tensor: Any, masks: bool) -> tuple[Any, Any]:
        if self.twins is None:
            return self.first(tensor), self.second(tensor)
        twin = self.twins[call.id]
        return (twin.masks_out if masks else twin.outputs)[number], tensor

    def after_call(self, call: RecordedCall, result: Any) -> Any:
        """Put noise where padding is, and hold the masks that a call makes."""
        if call.parent is None:
            return result
        outputs = [x for x in tree.flatten(result) if compiling.is_tensor(x)]
        masks = [mask_of(x) for x in outputs]
        creates = creates_mask(call, masks)
        if creates:
            self.creators.append(call.id)
            parent: RecordedCall | None = call.parent
            while parent is not None:
                parent.created_inside, parent = True, parent.parent
        # a mask that is made anew behind another is no source: what padding holds may decide it
        behind_none = all(m is None for m in tree.flatten([call.masks_in, list(call.received.values())]))
        own = not _is_builtin_part(call)
        makes = [own and behind_none and mask is not None for mask in masks]
        held = self._holds(call, outputs)
        noisy = [self._noisy_steps(call, number, x, creates) for number, x in enumerate(outputs)]
        if not any(makes) and not held and all(steps is None for steps in noisy):
            return result
        replaced = {
            id(x): self._replace(call, number, x, masks[number] if makes[number] else None, held, noisy[number])
            for number, x in enumerate(outputs)
        }
        return tree.map_structure(lambda x: replaced.get(id(x), x), result)

    def _holds(self, call: RecordedCall, outputs: list[Any]) -> bool:
        """Whether truth values are given as a mask, or come straight from the inputs by operations: a mask in the making."""
        sources = {s for found in call.sources for s in found}
        straight = bool(sources) and sources <= (self.inputs | self._from_inputs)
        makes_bool = any(compiling.is_bool(x) for x in outputs)
        if straight and (makes_bool or not call.is_layer):
            self._from_inputs.add(call.id)
        if not call.is_layer and (any(m is not None for m in call.masks_in) or not sources.isdisjoint(self._behind_masks)):
            self._behind_masks.update(call.ref(number) for number in range(len(outputs)))
        given = call.id in self.masks and not call.is_layer and call.ref() not in self._behind_masks
        return makes_bool and (straight or given)

    def _noisy_steps(self, call: RecordedCall, number: int, x: Any, creates: bool) -> Any:
        """The steps ``(batch, time, …)`` of an output that noise is put on; None for no noise."""
        steps = self._steps_of_ids(call, number, x)
        if not compiling.is_float(x):
            return None
        if creates and mask_of(x) is not None:
            masked = ops.logical_not(ops.cast(self._pair(call, number, mask_of(x), masks=True)[0], "bool"))
            if call.id in self.behind:
                self._waiting[call.ref(number)] = masked
                return None
            return masked if steps is None else ops.logical_or(masked, _wide(steps, masked))
        waiting = next((self._waiting[s] for found in call.sources for s in found if s in self._waiting), None)
        if waiting is not None and placing.passes_on(call):
            self._waiting[call.ref(number)] = waiting
        return waiting if waiting is not None and placing.is_window(call) else steps

    def _steps_of_ids(self, call: RecordedCall, number: int, x: Any) -> Any:
        steps = placing.ids_of(call, self.padded) if self.padded and call.parent is not None else None
        if steps is None:
            return None
        again = placing.still_ids(call, x, steps)
        if again is not None:
            self.padded[call.ref(number)] = again
            return None
        return steps if placing.takes_noise(x, steps) else None

    def _replace(self, call: RecordedCall, number: int, x: Any, mask: Any, held: bool, noisy: Any) -> Any:
        """An output with its truth values or its mask as in the first half, and with noise in the second."""
        new, new_mask = x, mask_of(x)
        if held and compiling.is_bool(x):
            new = self._as_given(call, number, x, masks=False)
        if mask is not None:
            new_mask = self._as_given(call, number, mask, masks=True)
        if call.id in self.behind and call.ref(number) in self._waiting:  # it looked for mask_value in the changed content
            first, second = self._pair(call, number, new, masks=False)
            new = self._joined(first, ops.where(_wide(self._waiting[call.ref(number)], first), first, second))
        if noisy is not None:
            first, second = self._pair(call, number, new, masks=False)
            new = self._joined(first, self._noisy(second, noisy))
        set_mask(new, new_mask)
        return new

    def _as_given(self, call: RecordedCall, number: int, tensor: Any, masks: bool) -> Any:
        """A tensor that is in the second half as it is in the first."""
        if self.twins is not None:
            return ops.copy(self._pair(call, number, tensor, masks)[0])
        return ops.take(tensor, ops.arange(ops.shape(tensor)[0]) % self._rows(tensor), axis=0)

    def _joined(self, first: Any, second: Any) -> Any:
        return ops.concatenate([first, second], axis=0) if self.twins is None else ops.copy(second)

    def _noisy(self, values: Any, steps: Any) -> Any:
        """Noise in place of the values at ``steps``, unlike anything real there but finite."""
        steps = _wide(steps, values)
        self._places += 1
        size = ops.maximum(ops.max(values, initial=0.0), -ops.min(values, initial=0.0))
        size = ops.where(ops.isfinite(size), size, ops.ones_like(size))
        # the same noise for every sample: random numbers for all would cost more than the network
        noise = keras.random.normal((1, *ops.shape(values)[1:]), seed=1234 + self._places, dtype=values.dtype)
        noise = noise * (1 + ops.minimum(size, MOST_NOISE))
        return ops.where(ops.logical_and(steps, self.level != 0), noise, values)


def _wide(steps: Any, like: Any) -> Any:
    """Steps ``(batch, time)`` with as many axes as another tensor."""
    while len(steps.shape) < len(like.shape):
        steps = ops.expand_dims(steps, -1)
    return steps


def padded_steps(x: Any, changed: Any) -> Any:
    """Steps ``(batch, time)`` at which ids were given other content."""
    differs = ops.not_equal(x, changed)
    return ops.any(differs, axis=tuple(range(2, len(x.shape)))) if len(x.shape) > 2 else differs


def moved(first: Any, second: Any) -> Any:
    """Where two tensors ``(batch, time, …)`` differ by more than rounding: ``(batch, time)`` bool, the shape of a tensor of lower rank.

    NaN that appears or goes counts as movement. Written to read each tensor few times: it is most of what the test costs.
    """
    axes = tuple(range(2, len(first.shape)))
    if not compiling.is_float(first):
        differs = ops.not_equal(first, second)
        return ops.any(differs, axis=axes) if axes else differs
    first, second, tolerance = _in_single(first, second)
    least = tolerance * _size(first)
    change = ops.square(ops.subtract(second, first))
    if axes:
        change, first, second = ops.max(change, axis=axes), ops.sum(first, axis=axes), ops.sum(second, axis=axes)
    return ops.logical_or(change > ops.square(least), ops.not_equal(ops.isnan(first), ops.isnan(second)))


def moved_by_value(first: Any, second: Any) -> Any:
    """The same value by value, for tensors that may hold NaN or infinity: what is NaN in both halves hides no other movement."""
    if not compiling.is_float(first):
        return moved(first, second)
    axes = tuple(range(2, len(first.shape)))
    first, second, tolerance = _in_single(first, second)
    least = tolerance * _size(ops.where(ops.isfinite(first), first, 0.0))
    alike = ops.logical_or(ops.equal(first, second), ops.logical_and(ops.isnan(first), ops.isnan(second)))
    differs = ops.logical_not(ops.logical_or(alike, ops.abs(second - first) <= least))
    return ops.any(differs, axis=axes) if axes else differs


def _in_single(first: Any, second: Any) -> tuple[Any, Any, float]:
    """Both halves in single precision at least, and how far a value of size 1 moves by rounding at most."""
    if "16" not in str(first.dtype):
        return first, second, TOLERANCE
    return ops.cast(first, "float32"), ops.cast(second, "float32"), TOLERANCE_HALF


def _size(values: Any) -> Any:
    """The size of the largest value, 1 where all are smaller or one is not finite."""
    size = ops.maximum(ops.max(values, initial=0.0), -ops.min(values, initial=0.0))
    return ops.where(ops.isfinite(size), ops.maximum(size, 1.0), 1.0)


def same(pairs: list[tuple[Any, Any]]) -> Any:
    """Whether both halves of every mask are equal (a scalar bool tensor)."""
    result = ops.convert_to_tensor(True)
    for first, second in pairs:
        result = ops.logical_and(result, ops.all(ops.equal(ops.cast(first, "int32"), ops.cast(second, "int32"))))
    return result
