"""Traces a network: compiles passes as needed, runs them on a batch, and says what ran as a ``core.recording.Recording``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import tree
from numpy.typing import NDArray

from maskviz.core.batch import Batch, some_rows
from maskviz.core.network import InputSpec
from maskviz.core.recording import Recording
from maskviz.engine import compiling, described, finite, padding_test, placing, timeaxis
from maskviz.engine.forward import Feed, ForwardPass, Mode, Places
from maskviz.engine.recorder import lasting_name
from maskviz.engine.signature import Signature

MOST_PASSES = 16  # compiled passes kept, each for batches of one shape
NOT_FINITE = ("broken/", "given/")
Tell = Callable[[str], None]
CallShapes = dict[str, tuple[list[list[int]], list[list[int]]]]
"""Shapes of the inputs and outputs of calls, by id."""


class Tracer:
    """Traces one loaded network. Passes are kept by the shapes they are for; ``tell`` hears what takes long."""

    def __init__(self, network: keras.Model, signature: Signature, tell: Tell = lambda sentence: None) -> None:
        self.network, self.signature = network, signature
        self._tell = tell
        self._passes: dict[Any, ForwardPass] = {}
        self._fast: dict[Any, ForwardPass] = {}
        self._eligible: dict[Any, bool] = {}
        self._mode: Mode | None = None
        self._why_twice = ""
        self._state: list[Any] = []
        self._places = Places()
        self._evaluate_failed = False
        self._moving: frozenset[str] = frozenset()
        """Inputs whose content is changed although masks move: the noise behind the masks moves them."""
        self._broken = False
        """Whether the last recording of a whole batch says where numbers are none."""
        self.seconds = 0.0
        """How long the last run took, without compiling."""

    @property
    def rows_are_independent(self) -> bool:
        """Whether some rows may be traced without the others."""
        return self._mode == "doubled"

    @property
    def state(self) -> list[Any]:
        """Variables that a pass in inference changes, known once something was traced."""
        return self._state

    @property
    def places(self) -> Places:
        """Where the padding test puts noise, known once something was traced."""
        return self._places

    def changed_feed(self, batch: Batch) -> Feed:
        """A batch that was traced, with other content in its padding as the padding test puts it there."""
        return self._feed(batch, self._eligible_inputs(batch))

    def trace(self, batch: Batch, rows: NDArray[Any] | None = None) -> Recording:
        """One pass over the batch, or over some of its rows, with the padding test and the terms of the loss."""
        eligible = self._eligible_inputs(batch)
        feed = self._feed(batch if rows is None else some_rows(batch, rows), eligible)
        forward = self._fast.get(feed.fixed_shapes()) or self._pass(feed, self._find_mode(batch))
        started = time.perf_counter()
        arrays = forward(feed)
        self.seconds = time.perf_counter() - started
        if eligible and self._masks_moved(arrays, batch, eligible):
            return self.trace(batch, rows)
        broken = not finite.all_finite(finite.fed_and_found(feed.x, arrays))
        if rows is not None and broken and not self._broken:
            return self.trace(batch)  # what is kept of the other rows does not say it of them
        self._broken = broken if rows is None else self._broken
        if self._broken:
            arrays |= self._not_finite(batch if rows is None else some_rows(batch, rows), arrays, eligible)
        return self._recording(forward, feed, arrays, rows, eligible)

    def _not_finite(self, batch: Batch, arrays: dict[str, NDArray[Any]], eligible: frozenset[str]) -> dict[str, NDArray[Any]]:
        """Where numbers are none in the batch as it is, and the padding test anew on finite content, if the masks stay as they are."""
        feed = self._feed(batch, eligible)
        found = {k: a for k, a in self._pass(feed, "plain", careful=True)(feed).items() if k.startswith(NOT_FINITE)}
        tested = self._feed(finite.finite_batch(batch), eligible)
        forward = self._pass(tested, self._find_mode(batch), careful=True)
        test = forward(tested)
        if any(not np.array_equal(array, arrays[key]) for key, array in test.items() if key.startswith("mask/")):
            test = forward(feed)
        return found | {k: a for k, a in test.items() if k.startswith("moved/") or k.endswith("/changed")}

    def _masks_moved(self, arrays: dict[str, NDArray[Any]], batch: Batch, eligible: frozenset[str]) -> bool:
        """Whether the content of an input now moves a mask that it did not move before: it is then changed no more."""
        moves = not arrays["same_masks"]
        if not moves or self._moving == eligible:
            return False
        for name in eligible:
            self._eligible.pop((name, batch.x[name].shape[1:]), None)
        self._moving = self._eligible_inputs(batch)
        return self._moving != eligible

    def prepare_row_edits(self, batch: Batch) -> None:
        """Compile the pass over one row with XLA, for edits that follow; can take seconds, and may run on another thread.

        Nothing is done where rows need each other, and for text: XLA ends the process when it meets a string.
        """
        if self._mode != "doubled" or any(spec.kind == "text" or spec.dtype == "string" for spec in self.signature.network.inputs):
            return
        feed = self._feed(some_rows(batch, np.arange(1)), self._eligible_inputs(batch))
        key = feed.fixed_shapes()
        if key in self._fast:
            return
        try:
            forward = ForwardPass(self.network, self.signature, feed, "doubled", self._state, self._places, fast=True)
            slow = self._pass(feed, "doubled")(feed)
            quick = forward(feed)
        except Exception:  # not everything can be compiled by XLA; the pass without it stays
            return
        checked = [k for k in slow if k != "shapes" and k in quick]
        if slow.keys() <= quick.keys() and all(_equal(quick[k].astype("float64"), slow[k].astype("float64")) for k in checked):
            self._fast[key] = forward

    def evaluate(self, batch: Batch) -> tuple[float | None, dict[str, float]]:
        """Loss and metrics as Keras' own ``test_on_batch`` reports them; state is put back."""
        self._find_mode(batch)
        saved = [compiling.to_numpy(v.value).copy() for v in self._state]
        feed = self._feed(batch, frozenset())
        x = self.signature.pack_inputs([strings(a) for a in feed.x])
        like = self.signature.target_structure(self.network)
        y = self.signature.pack_targets(feed.y, like, [np.zeros((batch.size, 1), "float32")] * len(feed.y))
        # copies, since Keras on PyTorch multiplies a mask into the very array
        weights = self.signature.pack_weights([None if a is None else a.copy() for a in feed.sample_weight], like)
        # a target of the wrong rank in an earlier call leaves a function behind that no later call can use
        self.network.test_function = None if self._evaluate_failed else self.network.test_function
        self._evaluate_failed = True
        try:
            with compiling.TRACING:
                result = self.network.test_on_batch(x, y, sample_weight=weights, return_dict=True)
        finally:
            for variable, value in zip(self._state, saved, strict=True):
                variable.assign(value)
        self._evaluate_failed = False
        numbers = {name: float(np.mean(np.asarray(value))) for name, value in result.items()}
        return numbers.pop("loss", None), numbers

    def _feed(self, batch: Batch, eligible: frozenset[str]) -> Feed:
        names = self.signature.input_names
        changed = padding_test.changed_inputs(batch, self.signature.network.inputs, eligible)
        outputs = self.signature.output_names
        return Feed(
            tuple(batch.x[n] for n in names),
            tuple(changed[n] for n in names),
            tuple(batch.y.get(n) for n in outputs),
            tuple(batch.sample_weight.get(n) for n in outputs),
        )

    def _pass(self, feed: Feed, mode: Mode, careful: bool = False) -> ForwardPass:
        key = (mode, careful, feed.shapes(), len(self._state))
        if key not in self._passes:
            while len(self._passes) >= MOST_PASSES:
                self._passes.pop(next(iter(self._passes)))
            self._tell("compiling the network for this batch")
            self._passes[key] = ForwardPass(self.network, self.signature, feed, mode, self._state, self._places, careful=careful)
        return self._passes[key]

    def _find_mode(self, batch: Batch) -> Mode:
        """How the padding test can be made on this network, found by trying; remembered."""
        if self._mode is None:
            self._state = self._changing_variables(batch)
            feed = self._feed(batch, frozenset())
            self._places = self._find_places(self._pass(feed, "plain"), batch)
            self._mode, self._why_twice = self._try_doubling(replace(feed, changed=tuple(_unlike(a) for a in feed.x)))
        return self._mode

    def _find_places(self, plain: ForwardPass, batch: Batch) -> Places:
        ids = [s.name for s in self.signature.network.inputs if s.kind == "ids" or (s.kind == "features" and "int" in s.dtype)]
        steps = {name: np.zeros(batch.x[name].shape[:2], bool) for name in ids}
        noised = frozenset(name for name in ids if placing.has_place(plain.calls, name, steps[name]))
        masks = frozenset(source.partition("#")[0] for call in plain.calls for source in call.mask_sources)
        return Places(noised, placing.windows_of(plain.calls), masks)

    def _changing_variables(self, batch: Batch) -> list[Any]:
        """Variables that a forward pass changes (state of stateful layers); they are put back afterwards."""
        variables = state_variables(self.network)
        before = [compiling.to_numpy(v.value).copy() for v in variables]
        plain = self._pass(self._feed(batch, frozenset()), "plain")
        plain(self._feed(batch, frozenset()))
        after = [compiling.to_numpy(v.value) for v in variables]
        changed = [(v, old) for v, old, new in zip(variables, before, after, strict=True) if old.tobytes() != new.tobytes()]
        for variable, old in changed:
            variable.assign(old)
        return [v for v, _ in changed]

    def _try_doubling(self, feed: Feed) -> tuple[Mode, str]:
        if self.signature.network.inputs[0].shape[0] is not None:
            return "twice", "its batch size is fixed"
        if not compiling.TENSORFLOW:  # with every length known, a table as long as two batches would pass for two halves
            return "twice", f"only TensorFlow compiles it for any number of samples ({compiling.BACKEND} does not)"
        if self._state:  # also that of random numbers: the halves would be given others
            return "twice", "its state changes with every call"
        plain = self._pass(feed, "plain")
        if plain.adds_losses:
            return "twice", "it adds losses of its own"
        try:
            doubled = self._pass(feed, "doubled")
            alone, together = plain(feed), doubled(feed)
        except Exception as error:  # whatever a network does not like about two halves, it runs twice instead
            return "twice", f"it cannot take twice the samples ({type(error).__name__})"
        if not _only_samples_double(_shapes(plain, alone["shapes"]), _shapes(doubled, together["shapes"]), len(feed.x[0])):
            return "twice", "not all that it computes has the samples on the first axis"
        if all(_equal(alone[key], together[key]) for key in alone if key.startswith("out/")):
            return "doubled", ""
        return "twice", "its samples influence each other"

    def _eligible_inputs(self, batch: Batch) -> frozenset[str]:
        """Inputs whose content at padded steps may be changed without changing a mask."""
        return frozenset(spec.name for spec in self.signature.network.inputs if self._is_eligible(spec, batch))

    def _is_eligible(self, spec: InputSpec, batch: Batch) -> bool:
        """Whether other content in this input's padding leaves every mask as it is: tried once, when it first has padding."""
        padding = batch.padding.get(spec.name)
        if spec.kind not in ("ids", "features") or padding is None:
            return False
        self._find_mode(batch)
        key = (spec.name, batch.x[spec.name].shape[1:])
        if key not in self._eligible and padding.any() and _says_what_is_real(spec, batch.x[spec.name], padding):
            self._eligible[key] = False
        if spec.name in self._places.ids and key not in self._eligible:
            return bool(padding.any())
        if key not in self._eligible and padding.any():
            feed = self._feed(batch, frozenset({spec.name}))
            forward = self._pass(feed, self._find_mode(batch))
            # ids that make a mask are their own mark of padding: noise behind the mask tests them
            makes_mask = any(spec.name in source for call in forward.calls if call.id in forward.creators for source in call.sources)
            self._eligible[key] = not (spec.kind == "ids" and makes_mask) and bool(forward(feed, level=0.0)["same_masks"])
        return self._eligible.get(key, False)

    def _recording(
        self, forward: ForwardPass, feed: Feed, arrays: dict[str, NDArray[Any]], rows: NDArray[Any] | None, eligible: frozenset[str]
    ) -> Recording:
        size = len(feed.x[0])
        shapes = arrays.pop("shapes")
        arrays.pop("same_masks", None)
        reported, added = arrays.pop("loss", None), arrays.pop("added", 0.0)
        if rows is not None:  # what is said about the run, and what has no batch axis, is as it was for all rows
            per_row = self._pass(feed, "doubled").per_row | {key for key in arrays if key.startswith(NOT_FINITE)}
            return Recording({"metrics": {}}, {k: v for k, v in arrays.items() if k in per_row}, rows)
        about = dict(self._describe(forward, shapes, size))
        about["added"] = float(added)
        about["adds_losses"] = forward.adds_losses
        about["reported"] = None if reported is None else float(np.mean(reported))  # one a step without a reduction
        about["padding_test"] = self._test_sentence(forward, eligible)
        about["compiled_with"] = described.compile_info(self.network)
        about["broken_weights"] = finite.broken_weights(forward.calls) if self._broken else {}
        return Recording(about, arrays, rows)

    def _describe(self, forward: ForwardPass, shapes: NDArray[Any], size: int) -> dict[str, Any]:
        """What is said about a run, made once for each pass and its shapes."""
        key = (size, shapes.tobytes())
        if key not in forward.described:
            forward.described.clear()
            forward.described[key] = describe(forward, self.signature, _shapes(forward, shapes), size)
        return forward.described[key]

    def _test_sentence(self, forward: ForwardPass, eligible: frozenset[str]) -> str:
        changed = [f"noise on masked steps of {', '.join(forward.creators)}"] if forward.creators else []
        changed += [f"other content in padded steps of {', '.join(sorted(eligible))}"] if eligible else []
        if not changed:
            return "not made: no call makes a mask, and no input has padding whose content could be changed"
        how = "in one doubled pass" if forward.mode == "doubled" else f"in two passes, since {self._why_twice}"
        return f"{' and '.join(changed)}, {how}"


def state_variables(network: keras.Model) -> list[Any]:
    """Variables that a pass might change. Keras does not list the states of stateful recurrent layers among the variables."""
    states = [s for layer in network._flatten_layers() for s in tree.flatten(getattr(layer, "states", None))]
    found = [*network.non_trainable_variables, *(s for s in states if isinstance(s, keras.Variable))]
    return list({id(v): v for v in found}.values())


def strings(array: NDArray[Any]) -> Any:
    """Text as the tensor Keras takes; other arrays as they are."""
    return compiling.to_tensor(array) if array.dtype.kind in "USO" else array


def _unlike(x: NDArray[Any]) -> NDArray[Any]:
    """The first sample, its steps moved on by one, in place of all: what samples take from one another (a mean, say) shows then."""
    return np.repeat(np.roll(x[:1], 1, axis=1) if x.ndim > 1 else x[:1], len(x), axis=0)


def _says_what_is_real(spec: InputSpec, x: NDArray[Any], padding: NDArray[Any]) -> bool:
    """Whether an input is itself the mask, 1 at real steps and 0 at padded ones: with other content it would say that padding is real."""
    may_be = spec.vocabulary is None or "mask" in spec.name  # a subclassed network does not tell which input is embedded
    return may_be and bool((x == ~padding.reshape(*padding.shape, *[1] * (x.ndim - 2))).all())


def _only_samples_double(alone: CallShapes, together: CallShapes, size: int) -> bool:
    """Whether twice the samples make nothing longer but first axes that count samples. Sentences of all samples on one axis would."""
    for one, two in zip(alone.values(), together.values(), strict=True):
        for a, b in zip((*one[0], *one[1]), (*two[0], *two[1]), strict=True):
            if a != b and (a[0] != size or b != [2 * size, *a[1:]]):
                return False
    return True


def _equal(a: NDArray[Any], b: NDArray[Any]) -> bool:
    size = float(np.nanmax(np.abs(a), initial=0.0))
    return bool(np.allclose(a, b, rtol=1e-4, atol=1e-5 * max(1.0, size if np.isfinite(size) else 1.0), equal_nan=True))


def _shapes(forward: ForwardPass, flat: NDArray[Any]) -> CallShapes:
    """Shapes of every call's inputs and outputs, as run (a pass is compiled for any length)."""
    numbers = iter(flat.tolist())
    return {
        call.id: (
            [[next(numbers) for _ in x.shape] for x in call.inputs],
            [[next(numbers) for _ in x.shape] for x in call.outputs],
        )
        for call in forward.calls
    }


def describe(forward: ForwardPass, signature: Signature, shapes: dict[str, Any], size: int) -> dict[str, Any]:
    """What ran, as plain JSON (``Recording.about``). Shapes are those of ``size`` samples, also where the pass took twice as many."""
    doubled = 2 * size if forward.mode == "doubled" else -1

    def real(tensor: Any, shape: list[int]) -> list[int]:
        return [size, *shape[1:]] if shape and shape[0] == doubled and tensor.shape[0] is None else shape

    slot = forward.slots
    calls = []
    for call in forward.calls:
        ins = [real(x, s) for x, s in zip(call.inputs, shapes[call.id][0], strict=True)]
        outs = [real(x, s) for x, s in zip(call.outputs, shapes[call.id][1], strict=True)]
        calls.append(
            {
                "id": call.id,
                "name": lasting_name(call.operation),
                "class": type(call.operation).__name__,
                "kind": "layer" if call.is_layer else "operation",
                "parent": call.parent.id if call.parent is not None and call.parent.id else None,
                "inputs": [
                    {"sources": list(source), "shape": shape, "mask": slot.slot(mask)}
                    for source, shape, mask in zip(call.sources, ins, call.masks_in, strict=True)
                ],
                "mask_sources": call.mask_sources,
                "received": {name: slot.nested(mask) for name, mask in call.received.items()},
                "stripped": [
                    i for i, (a, b) in enumerate(zip(call.masks_in, call.masks_after, strict=True)) if a is not None and b is None
                ],
                "outputs": [
                    {"shape": shape, "dtype": keras.backend.standardize_dtype(x.dtype), "mask": slot.slot(mask)}
                    for x, shape, mask in zip(call.outputs, outs, call.masks_out, strict=True)
                ],
                "parameters": int(call.operation.count_params()) if call.is_layer and call.operation.built else 0,
                "supports_masking": bool(call.operation.supports_masking) if call.is_layer else None,
                **described.layer(call),
            }
        )
    timeaxis.mark(calls, forward.calls, signature.network.inputs)
    assert forward.root is not None
    made = {id(x): call.ref(n) for call in forward.calls for n, x in enumerate(call.outputs) if call.parent is forward.root}
    outputs = [
        {"name": name, "ref": made.get(id(x)), "mask": slot.slot(mask)}
        for name, x, mask in zip(signature.output_names, forward.root.outputs, forward.root.masks_out, strict=True)
    ]
    losses = [
        {
            "output": signature.output_names[part.output],
            "name": signature.network.output(signature.output_names[part.output]).loss or part.name,
            "weight": part.weight,
            "reduction": part.reduction,
            # a compute_loss of the user's own may call more or fewer losses than were compiled: whose they are is not known
            "separable": recorded.separable and len(forward.parts) == len(forward.recorded_losses),
        }
        for part, recorded in zip(forward.parts, forward.recorded_losses, strict=False)
    ]
    return {
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "network": signature.network.to_dict(),
        "own_code": described.runs_own_code(forward.root),
        "unseen": forward.root.unseen,
        "calls": calls,
        "outputs": outputs,
        "losses": losses,
        "metrics": {},
        "evaluate": None,
        "notes": [],
    }
