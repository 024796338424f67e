"""Steps that are made of windows: which of them are padding, held against what the network itself says when real steps change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from maskviz import api
from maskviz.core.status import Status
from maskviz.core.trace import Trace
from tests.findings import nets

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
    pytest.mark.expects_log("triggered tf.function retracing"),
]

B, T, F = 6, 12, 2
LENGTHS = np.array([12, 3, 7, 8, 1, 5])
RIGHT = np.arange(T) >= LENGTHS[:, None]
INSIDE = np.random.default_rng(3).random((B, T)) < 0.55
INSIDE[:, 4] = False
PADDINGS = {"right": RIGHT, "left": RIGHT[:, ::-1], "inside": INSIDE}

Part = Callable[[Any], Any]
WINDOWS: dict[str, Part] = {
    "max pooling": layers.MaxPooling1D(3),
    "average pooling, same": lambda x: layers.AveragePooling1D(3, 2, padding="same")(x),
    "overlapping pooling": lambda x: layers.MaxPooling1D(4, 2)(x),
    "strided convolution": lambda x: layers.Conv1D(3, 3, strides=2)(x),
    "strided convolution, same": lambda x: layers.Conv1D(3, 4, strides=3, padding="same")(x),
    "strided convolution, causal": lambda x: layers.Conv1D(3, 3, strides=2, padding="causal")(x),
    "dilated convolution": lambda x: layers.Conv1D(3, 2, dilation_rate=3)(x),
    "separable convolution": lambda x: layers.SeparableConv1D(3, 2, strides=2)(x),
    "depthwise convolution": lambda x: layers.DepthwiseConv1D(3, strides=2)(x),
    "steps side by side": lambda x: layers.Reshape((T // 3, 3 * F))(x),
    "pooling by an operation": lambda x: ops.average_pool(x, 2, 2),
    "convolution by an operation": lambda x: ops.conv(x, np.random.default_rng(1).normal(size=(3, F, 2)).astype("float32"), 2, "same"),
    "padding, then a convolution": lambda x: layers.Conv1D(3, 3, strides=2)(layers.ZeroPadding1D((2, 0))(x)),
    "one window on another": lambda x: layers.AveragePooling1D(2)(layers.Conv1D(3, 3)(x)),
    "a slice of windows": lambda x: layers.MaxPooling1D(2)(x)[:, 1:-1],
}


def made(part: Part) -> keras.Model:
    """Windows over raw features, and a layer a step after them."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    x = keras.Input((T, F), name="features")
    network = keras.Model(x, layers.Dense(2, name="out")(part(x)))
    network.compile(loss="mse")
    return network


def values(padding: Any, seed: int) -> Any:
    """Features that are large where they are real, so that they win every pooling; the padding is the same for every seed."""
    real = np.random.default_rng(seed).normal(40.0 + seed, 5.0, (B, T, F))
    return np.where(padding[..., None], np.random.default_rng(9).normal(size=(B, T, F)), real).astype("float32")


def without_real_steps(network: keras.Model, padding: Any) -> Any:
    """Output steps ``(batch, time)`` that stay as they are when only real steps change."""
    first, *others = (np.asarray(network(values(padding, seed))) for seed in range(4))
    return ~np.any([(np.abs(first - other) > 1e-3).any(axis=-1) for other in others], axis=0)


def traced(network: keras.Model, padding: Any) -> Trace:
    steps = network.output.shape[1]
    y = np.random.default_rng(1).normal(size=(B, steps, 2)).astype("float32")
    return api.trace(network, values(padding, 0), y, padding=padding)


@pytest.mark.parametrize("name", WINDOWS)
def test_a_step_is_padding_when_all_under_its_window_is(name: str) -> None:
    network = made(WINDOWS[name])
    for padding in PADDINGS.values():
        trace = traced(network, padding)
        np.testing.assert_array_equal(trace.output_padding("out"), without_real_steps(network, padding))
        mixed = ~trace.output_padding("out") & trace.touched["out"]
        assert mixed.any(), "some windows hold both"
        assert (trace.status["out"][mixed] == Status.EXPOSED).all()
        assert trace.call("out").outputs[0].touched_kept == pytest.approx(mixed.sum() / (~trace.output_padding("out")).sum())
        counted = trace.contributions["out"][trace.output_padding("out")].sum() / trace.contributions["out"].sum()
        assert trace.ledger.padding_share == pytest.approx(counted)


def test_a_window_behind_a_clean_rnn_is_an_error_where_the_loss_counts_it() -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((nets.T,), dtype="int64", name="ids")
    e = layers.GRU(4, return_sequences=True, name="rnn")(layers.Embedding(11, 4, mask_zero=True, name="embedding")(x))
    network = nets.network(x, nets.ending(layers.Conv1D(4, 3, strides=2, name="window")(e)))
    found = nets.traced(network, nets.ids(), nets.series(steps=2))
    (finding,) = (f for f in found.findings if f.severity == "error")
    assert (finding.id, finding.call) == ("MV05-window-drops-mask", "window")
    windows = np.stack([nets.PADDED[:, 0:3].all(axis=1), nets.PADDED[:, 2:5].all(axis=1)], axis=1)
    np.testing.assert_array_equal(found.output_padding("out"), windows)
    assert finding.evidence["share from padding"] == pytest.approx(found.ledger.padding_share)
    repaired = nets.repaired_by(finding, network)
    after = nets.traced(nets.network(x, layers.Dense(1, name="end")(repaired)), nets.ids(), nets.series(steps=2))
    assert not [f for f in after.findings if f.severity == "error"]
    assert after.ledger.padding_share == 0


def test_windows_that_keep_the_length_leave_steps_where_they_are() -> None:
    for part in (layers.Conv1D(3, 3, padding="same"), layers.MaxPooling1D(3, 1, padding="same")):
        trace = traced(made(part), PADDINGS["inside"])
        np.testing.assert_array_equal(trace.output_padding("out"), PADDINGS["inside"])
        assert not trace.windowed
