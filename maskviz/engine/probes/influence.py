"""Influence: which steps of the input each step of a call depends on, by changing the content of one input step at a time.

Copies of one sample, each with another step changed, run in one pass, a chunk at a time. Masks that are made from the inputs, or
made by a call out of nothing, are held as they are for the sample as given (as in the padding test): the question is where content
goes, and a padded step that became real would move the mask, and with it all that follows. Where samples cannot share a pass,
one pass of the whole batch is made for each step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from keras import ops, tree
from numpy.typing import NDArray

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec
from maskviz.core.probes import AskInfluence, Influence
from maskviz.core.recording import Recording
from maskviz.engine import compiling, padding_test
from maskviz.engine.probes.running import find_target, output_of, record, tensors
from maskviz.engine.recorder import RecordedCall, mask_of, set_mask
from maskviz.engine.tracing import Tell, Tracer

DRAWS = 2  # one change may by chance move nothing (a unit that stays off): each step is changed to this many contents
MOST_BYTES = 256 * 2**20  # of all activations of a chunk
MOST_ROWS = 256


class HeldMasks:
    """Notes the masks that calls of a first pass make, and puts them in place of those that a second pass makes."""

    def __init__(self, inputs: frozenset[str]) -> None:
        self._inputs = inputs
        self._from_inputs: set[str] = set()
        self._noted: dict[tuple[str, int, bool], Any] = {}

    def note(self, call: RecordedCall, result: Any) -> Any:
        for number, tensor, mask in self._made(call, result):
            self._noted[call.id, number, False] = tensor
            self._noted[call.id, number, True] = mask
        return result

    def hold(self, call: RecordedCall, result: Any) -> Any:
        replaced = {}
        for number, tensor, mask in self._made(call, result):
            new = tensor
            if compiling.is_bool(tensor):
                new = _like(self._noted[call.id, number, False], tensor)
            set_mask(new, None if mask is None else _like(self._noted[call.id, number, True], mask))
            replaced[id(tensor)] = new
        return tree.map_structure(lambda t: replaced.get(id(t), t), result) if replaced else result

    def _made(self, call: RecordedCall, result: Any) -> Iterator[tuple[int, Any, Any]]:
        """Outputs of a call that makes masks: number, tensor, mask."""
        outputs = [t for t in tree.flatten(result) if compiling.is_tensor(t)]
        masks = [mask_of(t) for t in outputs]
        creates = padding_test.creates_mask(call, masks)
        if creates:
            parent = call.parent
            while parent is not None:
                parent.created_inside, parent = True, parent.parent
        sources = {s for found in call.sources for s in found}
        from_inputs = bool(sources) and sources <= self._inputs | self._from_inputs
        if from_inputs and any(compiling.is_bool(t) for t in outputs):
            self._from_inputs.add(call.id)
        for number, (tensor, mask) in enumerate(zip(outputs, masks, strict=True)):
            if (creates and mask is not None) or (from_inputs and compiling.is_bool(tensor)):
                yield number, tensor, mask


def _like(first: Any, second: Any) -> Any:
    """A tensor of one sample for as many samples as another has."""
    return ops.broadcast_to(first, (ops.shape(second)[0], *ops.shape(first)[1:]))


def measure(tracer: Tracer, batch: Batch, ask: AskInfluence, tell: Tell) -> Influence:
    """The influence of each step of an input on each step of a target, for one sample."""
    spec = _input(tracer, ask.input)
    if not 0 <= ask.sample < batch.size:
        raise UnusableInput(f"There is no sample {ask.sample}: this batch has {batch.size}, counted from 0.")
    recording = tracer.trace(batch)
    target = find_target(recording, ask.target)
    about = tensors(recording)[target]
    if not about["shape"] or about["shape"][0] != batch.size:
        raise UnusableInput(f"'{target}' is the same for all samples: no step of a sample can influence it.")
    if about["dtype"] == "string":
        raise UnusableInput(f"'{target}' is text: there is no amount by which it could move.")
    runner = _Runner(tracer, batch, target, ask.sample, bool(about["time"]))
    steps = batch.x[spec.name].shape[1]
    contents = changes(spec, batch, ask.sample)
    amount = depends = None
    size = chunk_size(recording) if tracer.rows_are_independent else 1
    for start in range(0, DRAWS * steps, size):
        tell(f"influence on {target}: {100 * start // (DRAWS * steps)} % of {steps} steps")
        numbers = range(start, min(start + size, DRAWS * steps))
        moves, moved = runner([(n % steps, contents[n // steps, n % steps]) for n in numbers], spec.name)
        if amount is None or depends is None:
            amount, depends = np.zeros((moves.shape[1], steps), "float32"), np.zeros((moves.shape[1], steps), bool)
        for row, n in enumerate(numbers):
            amount[:, n % steps] = np.fmax(amount[:, n % steps], moves[row])
            depends[:, n % steps] |= moved[row]
    assert amount is not None
    assert depends is not None
    sentence = _sentence(recording, about, batch, spec, ask.sample, depends)
    return Influence(target, spec.name, ask.sample, bool(about["time"]), amount, depends, sentence)


def _input(tracer: Tracer, name: str | None) -> InputSpec:
    specs = tracer.signature.network.inputs
    timed = [spec for spec in specs if spec.kind in ("ids", "features")]
    spec = next((s for s in timed if name is None or s.name == name), None)
    if spec is not None:
        return spec
    if name is not None and all(s.name != name for s in specs):
        raise UnusableInput(f"This network has no input '{name}': its inputs are {', '.join(s.name for s in specs)}.")
    raise UnusableInput("No steps of this input can be changed one by one: it has no time axis, or its steps are made from text inside.")


def changes(spec: InputSpec, batch: Batch, sample: int) -> NDArray[Any]:
    """Other content for every step of a sample, ``(draws, time, …)``: ids in use, or noise of the data's own scale."""
    random = np.random.default_rng(0)
    whole = batch.x[spec.name]
    x, padding = whole[sample], batch.padding.get(spec.name)
    real = whole if padding is None or padding.all() else whole[~padding]
    if spec.kind == "ids":
        used = np.unique(real)
        used = np.arange(spec.vocabulary or 2, dtype=x.dtype) if len(used) < DRAWS + 1 else used
        used = used[used != spec.pad_value]
        changed = np.repeat(x[None], DRAWS, axis=0)
        for step, now in enumerate(x):
            others = used[used != now]
            if len(others):
                changed[:, step] = random.choice(others, DRAWS, replace=len(others) < DRAWS)
        return changed
    finite = real[np.isfinite(real)].astype("float64")
    size = 1.0 + (float(finite.std()) if finite.size else 0.0)
    moved = np.where(np.isfinite(x), x, 0) + random.normal(0.0, size, (DRAWS, *x.shape))
    if x.dtype.kind in "iu":  # a count that becomes another, within what the type and the data hold
        moved = np.clip(np.rint(moved), real.min(initial=0), real.max(initial=1))
    return moved.astype(x.dtype)


def _sentence(recording: Recording, about: dict[str, Any], batch: Batch, spec: InputSpec, sample: int, depends: NDArray[Any]) -> str:
    pairs = f"{int(depends.sum())} of {depends.size} pairs of an output step and an input step depend on each other"
    padding = batch.padding.get(spec.name)
    if padding is None or not padding[sample].any():
        return f"{pairs}; this sample has no padding."
    real = np.ones(len(depends), bool)
    mask = recording.arrays.get(f"mask/{about['mask']}")
    if mask is not None and mask.shape == (batch.size, len(depends)):
        real = mask[sample].astype(bool)
    elif about["time"] and len(depends) == len(padding[sample]):
        real = ~padding[sample]
    touched = int(depends[real][:, padding[sample]].any(axis=1).sum())
    what = "real steps depend" if about["time"] else "result depends"
    return f"{pairs}; {touched} of {int(real.sum())} {what} on padding."


def chunk_size(recording: Recording) -> int:
    """How many copies of a sample may share a pass."""
    one = sum(4 * int(np.prod(out["shape"][1:], dtype="int64")) for out in tensors(recording).values())
    return int(np.clip(MOST_BYTES // max(one, 1), 1, MOST_ROWS))


class _Runner:
    """The compiled pass: the sample as given, and again with changed steps."""

    def __init__(self, tracer: Tracer, batch: Batch, target: str, sample: int, has_time: bool) -> None:
        self._tracer, self._target, self._sample, self._has_time = tracer, target, sample, has_time
        self._names = tracer.signature.input_names
        self._shares = tracer.rows_are_independent
        rows = slice(sample, sample + 1) if self._shares else slice(None)
        self._given = {name: batch.x[name][rows] for name in self._names}
        arrays = [self._given[name] for name in self._names]
        shapes = [tracer.signature.compiled_shape(n, a.shape) for n, a in enumerate(arrays)]
        self._run = compiling.compiled(self._traced, [*arrays, *arrays], [*shapes, *shapes])

    def __call__(self, changes: list[tuple[int, Any]], name: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """How far the target moves for each change ``(step, content)``, ``(changes, steps)``, and whether by more than rounding."""
        changed = dict(self._given)
        if self._shares:
            changed = {key: np.repeat(array, len(changes), axis=0) for key, array in changed.items()}
        else:
            changed[name] = changed[name].copy()
        for row, (step, content) in enumerate(changes):
            changed[name][row if self._shares else self._sample, step] = content
        arrays = [*self._given.values(), *(changed[key] for key in self._names)]
        amount, moved = self._run(*[compiling.to_tensor(a) for a in arrays])
        return compiling.to_numpy(amount), compiling.to_numpy(moved)

    def _traced(self, *x: Any) -> tuple[Any, Any]:
        tracer, half = self._tracer, len(x) // 2
        saved = [ops.copy(v.value) for v in tracer.state]
        held = HeldMasks(frozenset(self._names))
        values = []
        for part, hook in ((x[:half], held.note), (x[half:], held.hold)):
            _, recorder = record(tracer.network, tracer.signature, part, False, hook)
            values.append(output_of(recorder, self._target))
            for variable, value in zip(tracer.state, saved, strict=True):
                variable.assign(value)
        if not self._shares:
            values = [v[self._sample : self._sample + 1] for v in values]
        first, second = (ops.expand_dims(v, 1) if len(v.shape) == 1 else v for v in values)
        if not self._has_time:
            first, second = ops.expand_dims(first, 1), ops.expand_dims(second, 1)
        moved = padding_test.moved(first, second)
        first, second = ops.cast(first, "float32"), ops.cast(second, "float32")
        change = ops.abs(second - first)
        axes = tuple(range(2, len(change.shape)))
        return (ops.max(change, axis=axes) if axes else change), moved
