"""One compiled forward pass that returns everything a recording needs: masks, moved steps, predictions, loss terms.

The Python side of the pass (which call is which) is kept when it is traced; the numbers come back at every run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import numpy as np
from keras import ops, tree
from numpy.typing import NDArray

from maskviz.engine import compiling, finite, losses, padding_test
from maskviz.engine.recorder import RecordedCall, Recorder, mask_of, set_mask
from maskviz.engine.signature import Signature

Mode = Literal["doubled", "twice", "plain"]


@dataclass(frozen=True)
class Places:
    """Where the padding test puts noise (``engine.placing``): ``ids`` names inputs whose ids stay as they are, ``behind`` Masking layers
    whose noise stands behind the windows that read their zeros, ``masks`` operations whose results are given as masks, and are held."""

    ids: frozenset[str] = frozenset()
    behind: frozenset[str] = frozenset()
    masks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Feed:
    """The arrays of one run, in the network's own order; ``changed`` are the inputs of the changed half.

    ``y`` and ``sample_weight`` have one entry an output, None where there is none.
    """

    x: tuple[NDArray[Any], ...]
    changed: tuple[NDArray[Any], ...]
    y: tuple[NDArray[Any] | None, ...] = ()
    sample_weight: tuple[NDArray[Any] | None, ...] = ()

    def shapes(self) -> tuple[Any, ...]:
        """What a pass is compiled for: ranks, types and all lengths but that of the batch."""
        arrays = (*self.x, *self.y, *self.sample_weight)
        return tuple(None if a is None else (a.shape[1:], a.dtype.str) for a in arrays)

    def fixed_shapes(self) -> tuple[Any, ...]:
        """What a pass with XLA is compiled for: all lengths."""
        return (len(self.x[0]), *self.shapes())

    def present(self) -> list[NDArray[Any]]:
        arrays = (*self.x, *self.changed, *self.y, *self.sample_weight)
        return [a for a in arrays if a is not None]


@dataclass
class Slots:
    """Numbers the masks of a pass; one tensor is one slot, however many calls it goes through."""

    tensors: list[Any] = field(default_factory=list)
    _numbers: dict[int, int] = field(default_factory=dict)

    def slot(self, mask: Any) -> int | None:
        if mask is None or not compiling.is_tensor(mask):
            return None
        if id(mask) not in self._numbers:
            self._numbers[id(mask)] = len(self.tensors)
            self.tensors.append(mask)
        return self._numbers[id(mask)]

    def nested(self, value: Any) -> Any:
        return [self.nested(v) for v in value] if isinstance(value, (list, tuple)) else self.slot(value)


class ForwardPass:
    """A pass of one network for feeds of one shape, traced once and run often.

    A ``careful`` one is for numbers that are none: a plain pass says where they are, a padding test compares value by value.
    """

    def __init__(
        self,
        network: keras.Model,
        signature: Signature,
        feed: Feed,
        mode: Mode,
        state: Sequence[Any] = (),
        places: Places = Places(),
        fast: bool = False,
        careful: bool = False,
    ) -> None:
        self.calls: list[RecordedCall] = []
        self.root: RecordedCall | None = None
        self.parts: list[losses.LossPart] = []
        self.recorded_losses: list[losses.RecordedLoss] = []
        self.slots = Slots()
        self.mode = mode
        self.creators: list[str] = []
        self.adds_losses = False
        self.described: dict[Any, dict[str, Any]] = {}
        """What ``tracing`` says about this pass, by the shapes of the run it said it of last."""
        self._packs: dict[str, list[tuple[str, int]]] = {}
        """Keys and ranks of results that are fetched as one array."""
        self.per_row: set[str] = set()
        """Keys of the results that begin with the batch axis."""
        self._network, self._signature, self._state, self._places = network, signature, state, places
        self._careful = careful
        self._given = [[a is not None for a in group] for group in (feed.y, feed.sample_weight)]
        arrays = [*feed.present(), np.zeros((), "float32")]
        shapes = [a.shape for a in arrays] if fast else [*self._flexible_shapes(feed), ()]
        self._size = len(feed.x[0]) if fast else None
        self._run = compiling.compiled(self._traced, arrays, shapes, fast)

    def __call__(self, feed: Feed, level: float = 1.0) -> dict[str, NDArray[Any]]:
        """Run on arrays; ``level`` 0 leaves out the noise of the padding test."""
        arguments = [compiling.to_tensor(a) for a in (*feed.present(), np.asarray(level, "float32"))]
        arrays = {key: compiling.to_numpy(value) for key, value in self._run(*arguments).items()}
        for name, members in self._packs.items():
            lengths, flat, start = iter(arrays.pop(f"{name}/shapes").tolist()), arrays.pop(name), 0
            for key, rank in members:
                shape = [next(lengths) for _ in range(rank)]
                end = start + math.prod(shape)
                arrays[key], start = flat[start:end].reshape(shape), end
        return arrays

    def _flexible_shapes(self, feed: Feed) -> list[tuple[int | None, ...]]:
        declared = [self._signature.compiled_shape(i, a.shape) for i, a in enumerate(feed.x)]
        batch = declared[0][0]
        others = [(batch, *a.shape[1:]) for a in (*feed.y, *feed.sample_weight) if a is not None]
        return [*declared, *declared, *others]

    def _traced(self, *tensors: Any) -> dict[str, Any]:
        self.slots = Slots()  # TensorFlow traces again when the loss makes variables of its own at its first call
        left = list(tensors)
        x, changed = ([left.pop(0) for _ in self._signature.input_names] for _ in range(2))
        y, weights = ([left.pop(0) if given else None for given in group] for group in self._given)
        size = ops.shape(x[0])[0] if self._size is None else self._size
        inputs = frozenset(self._signature.input_names)
        halves = padding_test.Halves(left.pop(0), size, inputs, behind=self._places.behind, masks=self._places.masks)
        for number, name in enumerate(self._signature.input_names):
            if name in self._places.ids:
                halves.padded[name] = padding_test.padded_steps(x[number], changed[number])
                changed[number] = x[number]
        self._samples = x[0].shape[0]
        saved = [ops.copy(v.value) for v in self._state]
        with losses.LossRecorder().recording() as loss_recorder:
            result = self._passes(x, changed, halves, saved, (y, weights), loss_recorder)
        self.recorded_losses, self._changed_losses = loss_recorder.calls[: self._losses], loss_recorder.calls[self._losses :]
        for variable, value in zip(self._state, saved, strict=True):
            variable.assign(value)
        result.update(self._loss_results())
        return self._packed(result)

    def _packed(self, result: dict[str, Any]) -> dict[str, Any]:
        """The results with small ones of a type as one array: to fetch hundreds of them one by one would take longer than the network."""
        groups: dict[str, list[str]] = {}
        for key in sorted(self.per_row & result.keys()):
            if key.startswith(("moved/", "mask/", "broken/", "given/")):
                groups.setdefault(str(result[key].dtype), []).append(key)
        self._packs = {}
        for keys in groups.values():
            parts = [result.pop(key) for key in keys]
            name = f"pack/{len(self._packs)}"
            self._packs[name] = [(key, len(part.shape)) for key, part in zip(keys, parts, strict=True)]
            result[f"{name}/shapes"] = compiling.lengths([ops.shape(part) for part in parts])
            result[name] = ops.concatenate([ops.reshape(part, (-1,)) for part in parts])
        return result

    def _passes(
        self,
        x: list[Any],
        changed: list[Any],
        halves: padding_test.Halves,
        saved: list[Any],
        targets: Any,
        recorder: losses.LossRecorder,
    ) -> dict[str, Any]:
        """Run the network as the mode asks, with the loss on what was given, and on what came of other content in padding."""
        if self.mode == "doubled":
            both = [ops.concatenate([a, b], axis=0) for a, b in zip(x, changed, strict=True)]
            first = second = self._forward(both, halves)
            loss = self._loss(x, self._part_with_mask(halves.first, halves.first), targets)
        else:
            first = second = self._forward(x, None)
            loss = self._loss(x, None, targets)
            if self.mode == "twice":
                for variable, value in zip(self._state, saved, strict=True):
                    variable.assign(value)
                halves.twins = {call.id: call for call in first.calls}
                second = self._forward(changed, halves)
        self.calls, self.root, self.creators = first.calls, first.root, halves.creators
        result = {} if loss is None else {"loss": loss, "added": self._added}
        self._losses = len(recorder.calls)
        if self.mode != "plain" and loss is not None and losses.is_of_keras(self._network):
            # masks are held, and so those of the first half are the second half's
            again = self._part_with_mask(halves.second, halves.first) if self.mode == "doubled" else None
            self._loss(x, again, targets)
        half = halves.first if self.mode == "doubled" else lambda tensor: tensor
        result.update(self._pass_results(half))
        if self.mode != "plain":
            result.update(self._moved(second, halves))
        elif self._careful:
            result.update(self._not_finite())
        return result

    def _forward(self, x: list[Any], halves: padding_test.Halves | None) -> Recorder:
        names = {id(t): name for t, name in zip(x, self._signature.input_names, strict=True)}
        recorder = Recorder(names, None if halves is None else halves.after_call)
        with recorder.recording():
            self._predictions = self._signature.call(self._network, x)
        return recorder

    def _loss(self, x: list[Any], part: Any, targets: Any) -> Any:
        """Keras' own loss of what was given, None where the network or the batch has nothing to compute it from."""
        y, weights = targets
        # what the pass itself added (add_loss, activity regularizers) would be that of the doubled batch
        self.adds_losses = any(layer._losses for layer in self._network._flatten_layers())
        if not losses.has_loss(self._network) or not any(target is not None for target in y):
            return None
        y_pred = self._predictions if part is None else tree.map_structure(part, self._predictions)
        y_true = self._signature.pack_targets(y, y_pred, tree.flatten(y_pred))
        sample_weight = self._signature.pack_weights(weights, y_pred)
        packed = self._signature.pack_inputs(x)
        loss = self._network._compute_loss(x=packed, y=y_true, y_pred=y_pred, sample_weight=sample_weight, training=False)
        self.parts = losses.loss_parts(self._network, y_pred)
        added = self._network.losses
        self._added = ops.cast(sum(added[1:], added[0]), "float32") if added else ops.zeros(())
        return ops.cast(loss, "float32")

    @staticmethod
    def _part_with_mask(part: Any, of_mask: Any) -> Any:
        def half_of(tensor: Any) -> Any:
            half, mask = compiling.with_logits(tensor, part), mask_of(tensor)
            set_mask(half, None if mask is None else of_mask(mask))
            return half

        return half_of

    def _pass_results(self, half: Any) -> dict[str, Any]:
        assert self.root is not None
        for call in (*self.calls, self.root):
            for mask in (*call.masks_in, *call.masks_after, *call.masks_out, *tree.flatten(list(call.received.values()))):
                self.slots.slot(mask)
        result = {f"mask/{i}": half(mask) for i, mask in enumerate(self.slots.tensors)}
        result.update({f"out/{i}": half(x) for i, x in enumerate(self.root.outputs)})
        self.per_row |= {f"mask/{i}" for i, mask in enumerate(self.slots.tensors) if self._is_per_row(mask)}
        self.per_row |= {f"out/{i}" for i, _ in enumerate(self.root.outputs)}
        result["shapes"] = compiling.lengths([ops.shape(x) for call in self.calls for x in (*call.inputs, *call.outputs)])
        return result

    def _moved(self, second: Recorder, halves: padding_test.Halves) -> dict[str, Any]:
        assert second.root is not None
        result, masks = {}, []
        for call in second.calls:
            for number, tensor in enumerate(call.outputs):
                # values without a batch axis (a table of positions, say) have no halves that could be compared
                if len(tensor.shape) and self._is_per_row(tensor) and compiling.can_compare(tensor):
                    self.per_row.add(f"moved/{call.ref(number)}")
                    compare = padding_test.moved_by_value if self._careful else padding_test.moved
                    result[f"moved/{call.ref(number)}"] = compare(*halves.pair(call, number))
            masks += halves.mask_pairs(call) + halves.received_pairs(call)
        result["same_masks"] = padding_test.same(masks)
        return result

    def _not_finite(self) -> dict[str, Any]:
        """Which steps of what calls put out, and which samples of what they were given, hold what is no number."""
        found = {}
        for call in self.calls:
            for number, tensor in enumerate(call.outputs):
                if self._has_numbers(tensor):
                    found[f"broken/{call.ref(number)}"] = finite.kinds(tensor)
            given = [finite.kinds(tensor, of_samples=True) for tensor in call.inputs if self._has_numbers(tensor)]
            if given:
                found[f"given/{call.id}"] = ops.max(ops.stack(given), axis=0)
        self.per_row |= set(found)
        return found

    def _has_numbers(self, tensor: Any) -> bool:
        return len(tensor.shape) > 0 and self._is_per_row(tensor) and compiling.can_compare(tensor) and compiling.is_float(tensor)

    def _is_per_row(self, tensor: Any) -> bool:
        """Whether a tensor begins with the batch axis: the one length that a pass leaves open, or that the network fixes.

        Where all lengths are known it is the one that equals the number of samples.
        """
        batch = self._signature.network.inputs[0].shape[0] if compiling.TENSORFLOW else self._samples
        return len(tensor.shape) > 0 and (tensor.shape[0] == batch if self._size is None else True)

    def _loss_results(self) -> dict[str, Any]:
        result = {}
        for number, recorded in enumerate(self.recorded_losses):
            terms = {"values": recorded.values if recorded.separable else recorded.result}
            if recorded.separable:
                terms |= {"mask": recorded.mask, "weight": recorded.sample_weight}
            terms["total"] = recorded.result if recorded.result is not None else ops.zeros(())
            if recorded.separable:
                self.per_row |= {f"loss/{number}/{name}" for name in ("values", "mask", "weight")}
            result.update({f"loss/{number}/{name}": ops.cast(t, "float32") for name, t in terms.items() if t is not None})
        if len(self._changed_losses) == len(self.recorded_losses):
            for number, (given, changed) in enumerate(zip(self.recorded_losses, self._changed_losses, strict=True)):
                values = changed.values if changed.separable else changed.result
                if values is not None and given.separable == changed.separable:
                    result[f"loss/{number}/changed"] = ops.cast(values, "float32")
                    self.per_row |= {f"loss/{number}/changed"} if given.separable else set()
        return result
