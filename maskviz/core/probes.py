"""What can be asked beside a trace, on request: values, influence, gradients, recurrent states, the length test, as frozen values.

Every answer is about the batch that was traced last. Arrays begin with the batch axis unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maskviz.core.errors import UnusableInput
from maskviz.core.trace import Trace

Array = NDArray[Any]
View = Literal["unit", "class", "norm"]
"""How the units of a step become one number."""


@dataclass(frozen=True)
class AskValues:
    """The values of ``target`` (as in ``AskInfluence``, or an input), and how far each of its steps moves in the padding test.

    ``view``: the unit number ``unit`` (of all that follows the batch and time axes), the Euclidean ``norm`` over units, or the ``class``
    that wins.
    """

    target: str
    view: View = "unit"
    unit: int = 0


@dataclass(frozen=True)
class AskInfluence:
    """Which steps of ``input`` (None: the first with a time axis) each step of ``target`` depends on, for one sample.

    ``target`` is an output of the network or of a call (``lstm``, ``lstm#1``); None is the network's first output.
    """

    target: str | None = None
    sample: int = 0
    input: str | None = None


@dataclass(frozen=True)
class AskGradients:
    """Sizes of ∂loss/∂activation at ``calls`` (names as in ``AskInfluence``; none: everywhere), and whether weights learn from padding."""

    training: bool = False
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class AskStates:
    """The states of a recurrent layer after each step. ``call`` None: the first recurrent call; ``samples`` none: all."""

    call: str | None = None
    samples: tuple[int, ...] = ()
    training: bool = False


@dataclass(frozen=True)
class AskLength:
    """Whether values at real steps move when padding is appended or trimmed."""


@dataclass(frozen=True)
class Values:
    """``values`` and ``amount`` float32 ``(batch, time)``, or ``(batch,)`` without a time axis: one number a step as asked, and how far
    the step moves at most (of all its units) in the padding test. ``amount`` is NaN where a number became none. ``units``: how many."""

    target: str
    view: View
    unit: int
    units: int
    has_time: bool
    values: Array
    amount: Array


@dataclass(frozen=True)
class Influence:
    """``amount`` and ``depends`` ``(steps of the target, steps of the input)``: how far the target's step moves (largest of its
    features, in its own unit) when the content of one step of the input changes, and whether that is more than rounding.

    A target without a time axis has one step. Masks are held as they are for the sample as given.
    """

    target: str
    input: str
    sample: int
    has_time: bool
    amount: Array
    depends: Array
    sentence: str


@dataclass(frozen=True)
class WeightGradient:
    """The largest entry of one weight's gradient, how far it moves with the content of padding, and between two equal passes."""

    name: str
    size: float
    change: float
    noise: float
    depends: bool


@dataclass(frozen=True)
class Gradients:
    """``sizes[ref]`` ``(batch, time)``, or ``(batch,)`` without a time axis: the Euclidean length of ∂loss/∂activation over features.

    ``loss`` and ``changed_loss`` are those of the batch as given and with other content in its padding. ``masks`` says, in training
    mode, which calls take or give a mask there and not in the trace, or the other way round.
    """

    training: bool
    loss: float
    changed_loss: float
    sizes: Mapping[str, Array]
    weights: tuple[WeightGradient, ...]
    masks: tuple[str, ...]
    sentence: str

    @property
    def depends(self) -> bool:
        """Whether any weight's gradient depends on the content of padding."""
        return any(weight.depends for weight in self.weights)


@dataclass(frozen=True)
class RecurrentStates:
    """``states[k]`` ``(batch, time, …)``: state k of a recurrent layer after it took each step of its input; ``initial[k]`` before any.

    ``mask`` ``(batch, time)`` is what the layer received, None without. With ``backwards`` the last step was taken first.
    ``difference`` is the largest difference from the layer's own output and last states.
    """

    call: str
    states: tuple[Array, ...]
    initial: tuple[Array, ...]
    mask: Array | None
    backwards: bool
    samples: tuple[int, ...]
    difference: float
    sentence: str

    def before(self, number: int) -> Array:
        """State ``number`` before each step, in the shape of ``states[number]``."""
        states, initial = self.states[number], self.initial[number][:, None]
        both = [states[:, 1:], initial] if self.backwards else [initial, states[:, :-1]]
        return np.concatenate(both, axis=1)

    @property
    def carried(self) -> Array:
        """Steps ``(batch, time)`` over which every state is carried unchanged."""
        return self._all(state == self.before(number) for number, state in enumerate(self.states))

    @property
    def zero(self) -> Array:
        """Steps ``(batch, time)`` after which every state is zero."""
        return self._all(state == 0 for state in self.states)

    @property
    def started(self) -> Array:
        """Samples ``(batch,)`` that start from a state other than zero."""
        found: Array = np.any(np.stack([(s != 0).reshape(len(s), -1).any(axis=1) for s in self.initial]), axis=0)
        return found

    @staticmethod
    def _all(parts: Any) -> Array:
        found: Array = np.all(np.stack([p.reshape(*p.shape[:2], -1).all(axis=2) for p in parts]), axis=0)
        return found


@dataclass(frozen=True)
class LengthPart:
    """One half of the length test: ``change`` steps more (or fewer, negative) padding in front or at the end.

    ``moved`` is how far each output moves at most at real steps, ``amount[output]`` ``(batch, time)`` or ``(batch,)`` how far at
    each (NaN at padding, and for samples that were left out). ``tolerance[output]`` tells movement from rounding.
    ``reason`` says why it was not possible, empty where it was.
    """

    change: int
    moved: Mapping[str, float]
    tolerance: Mapping[str, float]
    amount: Mapping[str, Array]
    reason: str = ""

    @property
    def depends(self) -> bool:
        """Whether a value at a real step follows the length of padding."""
        return any(not moved <= self.tolerance[name] for name, moved in self.moved.items())


@dataclass(frozen=True)
class LengthTest:
    """The length test: ``appended`` and ``trimmed`` padding ``in_front`` or at the end."""

    appended: LengthPart
    trimmed: LengthPart
    in_front: bool
    sentence: str


Ask = AskValues | AskInfluence | AskGradients | AskStates | AskLength
Answer = Values | Influence | Gradients | RecurrentStates | LengthTest
QUICK: tuple[type[Ask], ...] = (AskValues,)
"""Questions answered as quickly as a trace: an edit need not stop them."""
ASKS: dict[str, type[Ask]] = {c.__name__: c for c in (AskValues, AskInfluence, AskGradients, AskStates, AskLength)}
_VALUES: dict[str, Any] = {c.__name__: c for c in (Values, Influence, Gradients, RecurrentStates, LengthTest, WeightGradient, LengthPart)}


OTHERWISE_IN_TRAINING = ("BatchNormalization", "SpectralNormalization")
"""Layers that look at other steps in training than in inference."""


def thorough(trace: Trace, ask: Callable[[Ask], Answer]) -> Trace:
    """The trace with the length test, and with the gradients of training where training may differ from what was traced.

    ``ask`` answers a question about the batch of the trace; where it raises UnusableInput (no loss, say), the trace stands without it.
    """
    trains_otherwise = any(call.inside or call.class_name in OTHERWISE_IN_TRAINING for call in trace.calls)
    for question in (AskLength(), AskGradients(training=True))[: 1 + trains_otherwise]:
        try:
            answer = ask(question)
        except UnusableInput:
            continue
        if isinstance(answer, LengthTest):
            trace = with_length_test(trace, answer)
        elif isinstance(answer, Gradients):
            trace = with_gradients(trace, answer)
    return trace


def with_length_test(trace: Trace, test: LengthTest) -> Trace:
    """The trace with what the length test found, for its findings too."""
    moved = {name: amount for part in (test.trimmed, test.appended) for name, amount in part.moved.items()}
    for name, amount in test.trimmed.moved.items():
        moved[name] = max(moved[name], amount)
    follows: dict[str, float] = {}
    for part in (test.appended, test.trimmed):
        for name, steps in part.amount.items():
            if not part.moved[name] <= part.tolerance[name]:
                compared = steps[~np.isnan(steps)]
                follows[name] = max(follows.get(name, 0.0), float((compared > part.tolerance[name]).mean()))
    return _asked_again(replace(trace, length_test=test.sentence, length_moved=moved, length_follows=follows))


def with_gradients(trace: Trace, gradients: Gradients) -> Trace:
    """The trace with what comparing gradients found, for its findings too."""
    moved = {w.name: w.change / w.size if w.size else float("inf") for w in gradients.weights if w.depends}
    return _asked_again(replace(trace, gradient_test=gradients.sentence, gradients_moved=moved))


def _asked_again(trace: Trace) -> Trace:
    find = trace.find_in
    return trace if find is None else replace(trace, find=lambda: find(trace))


def to_wire(answer: Answer) -> tuple[Any, dict[str, Array]]:
    """An answer as JSON in which arrays are numbers of a list, and the arrays by those numbers."""
    arrays: dict[str, Array] = {}
    return _packed(answer, arrays), arrays


def _packed(value: Any, arrays: dict[str, Array]) -> Any:
    if isinstance(value, np.ndarray):
        key = f"probe/{len(arrays)}"
        arrays[key] = value
        return {"array": key}
    if type(value).__name__ in _VALUES:
        return {"value": type(value).__name__, "fields": {f.name: _packed(getattr(value, f.name), arrays) for f in fields(value)}}
    if isinstance(value, Mapping):
        return {"map": [[key, _packed(item, arrays)] for key, item in value.items()]}
    return [_packed(item, arrays) for item in value] if isinstance(value, tuple) else value


def from_wire(body: Any, arrays: Mapping[str, Array]) -> Answer:
    """The answer again. Raises KeyError, TypeError or ValueError for what is none."""
    answer = _unpacked(body, arrays)
    if not isinstance(answer, Answer):
        raise ValueError("not an answer")
    return answer


def _unpacked(value: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(value, list):
        return tuple(_unpacked(item, arrays) for item in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "map" in value:
        return {str(key): _unpacked(item, arrays) for key, item in value["map"]}
    return _VALUES[value["value"]](**{name: _unpacked(item, arrays) for name, item in value["fields"].items()})
