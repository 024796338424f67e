"""Random networks, made from a seed: sequences in, anything that Keras allows with them, several inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

VOCABULARY = 7


class Gate(keras.Layer):
    """A custom layer with layers of its own, plain code between them, and a mask of its own argument."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.value, self.gate = layers.Dense(units), layers.Dense(units, activation="sigmoid")

    def build(self, shape: Any) -> None:
        self.value.build(shape)
        self.gate.build(shape)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        gated = self.value(inputs) * self.gate(inputs)
        return gated if mask is None else gated * ops.cast(mask, gated.dtype)[..., None]


class TwoInputs(keras.Layer):
    """A layer with two tensor arguments, so that Keras fills the mask only of the second by its name."""

    supports_masking = True

    def call(self, left: Any, right: Any, right_mask: Any = None) -> Any:
        total = (
            ops.sum(right, axis=1, keepdims=True)
            if right_mask is None
            else ops.sum(right * ops.cast(right_mask, right.dtype)[..., None], axis=1, keepdims=True)
        )
        return left + total

    def compute_mask(self, left: Any, previous: Any = None) -> Any:
        return previous


@dataclass
class Growing:
    """A graph while it grows: its sequences ``(batch, time, units)`` and its vectors ``(batch, units)``."""

    rng: np.random.Generator
    units: int
    steps: int
    sequences: list[Any] = field(default_factory=list)
    vectors: list[Any] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)

    def one(self, of: list[Any]) -> Any:
        """Mostly a late one, so that graphs become deep."""
        return of[-1] if self.rng.random() < 0.6 else of[self.rng.integers(len(of))]

    def choice(self, *of: Any) -> Any:
        return of[self.rng.integers(len(of))]

    def rnn(self, **kwargs: Any) -> Any:
        if self.rng.random() < 0.15:
            return layers.RNN([layers.GRUCell(self.units), layers.SimpleRNNCell(self.units)], **kwargs)
        kind = self.choice(layers.LSTM, layers.GRU, layers.SimpleRNN)
        return kind(self.units, go_backwards=bool(self.rng.random() < 0.15), **kwargs)

    def pair(self) -> tuple[Any, Any]:
        """Two sequences of one shape."""
        first = self.one(self.sequences)
        alike = [s for s in self.sequences if s.shape[1:] == first.shape[1:]]
        return first, alike[self.rng.integers(len(alike))]


def _recurrent(g: Growing, x: Any) -> Any:
    return g.rnn(return_sequences=True)(x)


def _last(g: Growing, x: Any) -> Any:
    return g.rnn()(x)


def _bidirectional(g: Growing, x: Any) -> Any:
    inner = g.choice(layers.LSTM, layers.GRU)
    inner = inner(g.units, return_sequences=bool(g.rng.random() < 0.7), return_state=bool(g.rng.random() < 0.2))
    return layers.Bidirectional(inner, merge_mode=g.choice("concat", "sum", "mul", "ave", None))(x)


def _decoder(g: Growing, x: Any) -> Any:
    kind = g.choice(layers.LSTM, layers.GRU)
    sequence, *state = kind(g.units, return_sequences=True, return_state=True)(x)
    return [sequence, kind(g.units, return_sequences=True)(g.one(g.sequences), initial_state=state), *state[:1]]


def _per_step(g: Growing, x: Any) -> Any:
    one = keras.Sequential([layers.Dense(g.units), layers.Activation("relu")])
    return layers.TimeDistributed(g.choice(layers.Dense(g.units), layers.LayerNormalization(), one))(x)


def _sentences(g: Growing, x: Any) -> Any:
    """Sequences of sequences, each of which becomes one step."""
    return layers.TimeDistributed(g.choice(layers.LSTM(g.units), layers.Flatten()))(layers.Reshape((-1, 2, x.shape[-1] // 2))(x))


def _multi_head(g: Growing, x: Any) -> Any:
    attention = layers.MultiHeadAttention(2, 3)
    if g.rng.random() < 0.3:
        return attention(x, x, use_causal_mask=True)
    if g.rng.random() < 0.15:
        seen = ops.greater(ops.max(x, axis=-1), 0)
        return attention(x, x, attention_mask=ops.logical_or(seen[:, None, :], seen[:, :, None]))
    return attention(x, *(g.one(g.sequences) for _ in range(g.rng.integers(1, 3))))


def _grouped(g: Growing, x: Any) -> Any:
    return layers.GroupQueryAttention(4, 4, 2)(x, g.one(g.sequences))


def _attention(g: Growing, x: Any) -> Any:
    query, value = g.pair()
    return g.choice(layers.Attention, layers.AdditiveAttention)()([query, value])


def _merge(g: Growing, x: Any) -> Any:
    kinds = (layers.Add, layers.Subtract, layers.Average, layers.Multiply, layers.Maximum, layers.Minimum, layers.Concatenate)
    return g.choice(*kinds)()(list(g.pair()))


def _append(g: Growing, x: Any) -> Any:
    return layers.Concatenate(axis=1)(list(g.pair()))


def _dot(g: Growing, x: Any) -> Any:
    return layers.Dot(axes=(2, 2))(list(g.pair()))


def _residual(g: Growing, x: Any) -> Any:
    return layers.Add()([x, layers.MultiHeadAttention(2, 3)(x, x)])


def _operators(g: Growing, x: Any) -> Any:
    first, second = g.pair()
    return g.choice(
        lambda: first + second,
        lambda: first * 2.0,
        lambda: ops.relu(x),
        lambda: ops.concatenate([first, second], axis=-1),
        lambda: ops.mean(x, axis=1),
        lambda: x[:, 1:],
        lambda: x[:, ::2],
        lambda: x[:, -1],
        lambda: ops.flip(x, axis=1),
        lambda: ops.where(first > 0, first, second),
        lambda: ops.softmax(x, axis=1),
        lambda: ops.split(x, 2, axis=-1),
    )()


def _layer(g: Growing, x: Any) -> Any:
    return g.choice(
        layers.Dense(g.units),
        layers.Dropout(0.4),
        layers.SpatialDropout1D(0.4),
        layers.GaussianNoise(1.0),
        layers.LayerNormalization(),
        layers.BatchNormalization(),
        layers.GroupNormalization(2),
        layers.UnitNormalization(),
        layers.RMSNormalization(),
        layers.Activation("tanh"),
        layers.LeakyReLU(),
        layers.Identity(),
        layers.Rescaling(2.0),
        layers.EinsumDense("btf,fg->btg", (None, g.units)),
        layers.Masking(),
        layers.Softmax(),
        Gate(g.units),
    )(x)


def _resized(g: Growing, x: Any) -> Any:
    return g.choice(
        layers.Conv1D(g.units, 3, padding="same"),
        layers.Conv1D(g.units, 2, padding="causal"),
        layers.Conv1D(g.units, 2),
        layers.SeparableConv1D(g.units, 3, padding="same"),
        layers.MaxPooling1D(2, padding="same"),
        layers.AveragePooling1D(2, strides=1, padding="same"),
        layers.UpSampling1D(2),
        layers.ZeroPadding1D(1),
        layers.Cropping1D((1, 0)),
    )(x)


def _flattened(g: Growing, x: Any) -> Any:
    return g.choice(
        layers.Flatten(),
        layers.GlobalAveragePooling1D(),
        layers.GlobalMaxPooling1D(),
        layers.Reshape((-1,)),
    )(x)


def _reshaped(g: Growing, x: Any) -> Any:
    return g.choice(layers.Permute((2, 1)), layers.Reshape((-1, 2)))(x)


def _lambda(g: Growing, x: Any) -> Any:
    if g.rng.random() < 0.5:
        return layers.Lambda(lambda t: t * 2)(x)
    return layers.Lambda(lambda t: t * 2, mask=lambda t, mask: mask)(x)


def _repeated(g: Growing, x: Any) -> Any:
    return layers.RepeatVector(g.steps)(g.one(g.vectors))


def _shared(g: Growing, x: Any) -> Any:
    first, second = g.pair()
    layer = g.choice(layers.Dense(g.units), layers.LSTM(g.units, return_sequences=True), Gate(g.units), layers.Masking())
    return [layer(first), layer(second)]


def _nested(g: Growing, x: Any) -> Any:
    if g.rng.random() < 0.4:
        return keras.Sequential([layers.Dense(g.units), layers.LSTM(g.units, return_sequences=True), layers.Dropout(0.2)])(x)
    inner = keras.Input(x.shape[1:])
    hidden = layers.LSTM(g.units, return_sequences=True)(g.choice(layers.Masking(), layers.Identity(), layers.Dense(g.units))(inner))
    hidden = layers.Add()([hidden, layers.Dense(g.units)(inner)])
    if g.kept and g.rng.random() < 0.4:
        deeper = g.one(g.kept)(hidden)
        hidden = deeper[0] if isinstance(deeper, list) else deeper
    block = keras.Model(inner, g.choice(hidden, [hidden, layers.GlobalAveragePooling1D()(hidden)]))
    g.kept.append(block)
    return block(x)


def _inside_and_out(g: Growing, x: Any) -> Any:
    """A layer that a nested network shares with the network around it."""
    shared, inner = layers.Dense(g.units), keras.Input(x.shape[1:])
    block = keras.Model(inner, layers.GRU(g.units, return_sequences=True)(shared(inner)))
    return [block(x), shared(x)]


def _again(g: Growing, x: Any) -> Any:
    """A nested network that was used before, on another sequence."""
    return g.one(g.kept)(x)


def _two_inputs(g: Growing, x: Any) -> Any:
    left, right = g.pair()
    return TwoInputs()(left, right)


def _named_mask(g: Growing, x: Any) -> Any:
    return layers.LSTM(g.units, return_sequences=True)(x, mask=ops.not_equal(ops.max(x, axis=-1), 0))


GROWTH: tuple[Callable[[Growing, Any], Any], ...] = (
    _recurrent, _recurrent, _last, _bidirectional, _decoder, _per_step, _multi_head, _grouped, _attention, _merge, _merge, _append,
    _dot, _residual, _operators, _operators, _layer, _layer, _layer, _layer, _resized, _flattened, _reshaped, _lambda, _repeated,
    _shared, _nested, _nested, _inside_and_out, _again, _two_inputs, _named_mask, _sentences,
)  # fmt: skip


@dataclass
class Case:
    """A random network and arrays for it, in the structure that its ``call`` takes; ``names`` are those of its inputs."""

    network: keras.Model
    x: Any
    names: list[str]
    grown: list[str]


def make(seed: int) -> Case:
    """The network of a seed. What Keras refuses to build is left out and something else grown instead."""
    keras.backend.clear_session(free_memory=False)  # collecting garbage takes longer than all the rest
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    policy = "mixed_float16" if rng.random() < 0.1 else "float32"
    keras.config.set_dtype_policy(policy)
    try:
        return _make(rng)
    finally:
        keras.config.set_dtype_policy("float32")


def _make(rng: np.random.Generator) -> Case:
    size, steps, units = int(rng.choice([1, 2, 4])), int(rng.choice([1, 4, 6])), int(rng.choice([4, 6]))
    fixed = bool(rng.random() < 0.6)
    g = Growing(rng, units, steps)
    inputs, arrays = [], []
    for number in range(int(rng.choice([1, 1, 2, 3]))):
        is_ids = rng.random() < 0.6
        tensor = keras.Input((steps if fixed else None,) if is_ids else (steps if fixed else None, units), name=f"in{number}")
        inputs.append(tensor)
        arrays.append(_ids(rng, size, steps) if is_ids else _features(rng, size, steps, units))
        if is_ids:
            g.sequences.append(layers.Embedding(VOCABULARY, units, mask_zero=bool(rng.random() < 0.85))(tensor))
        else:
            g.sequences += [tensor, layers.Masking()(tensor)]
    grown = _grow(g, int(rng.integers(2, 9)))
    outputs = _outputs(g)
    network = keras.Model(_packed(rng, inputs, [t.name for t in inputs]), _packed(rng, outputs, [f"out{n}" for n in range(len(outputs))]))
    names = [t.name for t in inputs]
    x = tree_like(network._inputs_struct, dict(zip(names, arrays, strict=True)))
    return Case(network, x, names, grown)


def _grow(g: Growing, steps: int) -> list[str]:
    grown: list[str] = []
    for _ in range(steps):
        step = GROWTH[g.rng.integers(len(GROWTH))]
        if (step is _repeated and not g.vectors) or (step is _again and not g.kept) or not g.sequences:
            continue
        try:
            made = step(g, g.one(g.sequences))
        except (ValueError, TypeError, NotImplementedError, AttributeError, IndexError):
            continue  # Keras refuses some combinations; those are not what is tested
        grown.append(step.__name__)
        for tensor in made if isinstance(made, (list, tuple)) else [made]:
            if not isinstance(tensor, keras.KerasTensor):
                continue
            (g.sequences if len(tensor.shape) == 3 else g.vectors if len(tensor.shape) == 2 else []).append(tensor)
    return grown


def _outputs(g: Growing) -> list[Any]:
    last = [s for s in g.sequences[-2:] if not _is_input(s)] or [layers.Dense(2)(g.sequences[-1])]
    if g.vectors:
        last.append(g.vectors[-1])
    return last[-int(g.rng.integers(1, len(last) + 1)) :]


def _is_input(tensor: Any) -> bool:
    return isinstance(tensor._keras_history.operation, layers.InputLayer)


def _packed(rng: np.random.Generator, tensors: list[Any], names: list[str]) -> Any:
    """One tensor, a list, or a dict."""
    if len(tensors) == 1 and rng.random() < 0.7:
        return tensors[0]
    return dict(zip(names, tensors, strict=True)) if rng.random() < 0.5 else tensors


def tree_like(struct: Any, by_name: dict[str, NDArray[Any]]) -> Any:
    return keras.tree.map_structure(lambda tensor: by_name[tensor.name], struct)


def _padded(rng: np.random.Generator, size: int, steps: int) -> NDArray[Any]:
    """Padding on the right, on the left or anywhere; sometimes all of a sample."""
    lengths = rng.integers(1, steps + 1, size)
    right = np.arange(steps) >= lengths[:, None]
    padded = (right, right[:, ::-1], rng.random((size, steps)) < 0.4)[int(rng.choice([0, 0, 1, 2]))].copy()
    if rng.random() < 0.25:
        padded[rng.integers(size)] = True
    return padded


def _ids(rng: np.random.Generator, size: int, steps: int) -> NDArray[Any]:
    return np.where(_padded(rng, size, steps), 0, rng.integers(1, VOCABULARY, (size, steps))).astype("float32")


def _features(rng: np.random.Generator, size: int, steps: int, units: int) -> NDArray[Any]:
    values = rng.normal(size=(size, steps, units)).astype("float32")
    return np.where(_padded(rng, size, steps)[..., None], np.float32(0), values)


def other_content(network: keras.Model, x: dict[str, Any], padding: Any, seed: int) -> dict[str, NDArray[Any]]:
    """Inputs with other content at padded steps: series, and ids that make no mask."""
    rng = np.random.default_rng(seed)
    masks = {e._inbound_nodes[0].input_tensors[0].name for e in network.layers if isinstance(e, layers.Embedding) and e.mask_zero}
    changed = {}
    for name in padding.keys() - masks:
        values, padded = x[name], padding[name]
        ids = values.ndim == 2
        other = rng.integers(1, VOCABULARY, values.shape) if ids else 1 + 2 * rng.normal(size=values.shape)
        changed[name] = np.where(padded if ids else padded[..., None], other, values).astype("float32")
    return changed
