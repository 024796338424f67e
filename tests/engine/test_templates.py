"""Every template builds, runs on a generated batch, survives a .keras file, and is masked as its form promises."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from maskviz.core.errors import UnusableInput
from maskviz.core.generate import generate
from maskviz.core.network import InputSpec, Network
from maskviz.core.templates import EMBEDDING, FEATURES, IDS, MASKING, TEMPLATES
from maskviz.engine.templates import build

pytestmark = pytest.mark.engine

MASKS = (EMBEDDING, MASKING, IDS, FEATURES)
SMALL: dict[str, Any] = {"units": 4, "width": 3, "size": 4, "hidden": 4, "filters": 4}


@pytest.fixture(autouse=True)
def quiet_keras() -> Iterator[None]:
    """Keras' warnings of destroyed masks are no news here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not support masking")
        yield


def small(name: str, **options: Any) -> keras.Model:
    form = next(t for t in TEMPLATES if t.name == name)
    sizes = {k: v for k, v in SMALL.items() if k in form.defaults()}
    return build(name, {**sizes, **options})


def padded_inputs(network: keras.Model, steps: int = 6) -> tuple[list[Any], np.ndarray]:
    """A generated input for the network, and its padding."""
    specs = []
    for tensor in network.inputs:
        ids = len(tensor.shape) == 2
        kind, vocabulary = ("ids", 50) if ids else ("features", None)
        specs.append(InputSpec(tensor.name, tuple(tensor.shape), str(tensor.dtype), kind, 0, vocabulary))
    batch = generate(Network("n", "", True, "", "", tuple(specs), ()), samples=4, steps=steps)
    return [batch.x[s.name] for s in specs], batch.padding[specs[-1].name]


def predict(network: keras.Model, x: list[Any]) -> Any:
    return network(x if len(x) > 1 else x[0])


def mask_of(tensor: Any) -> np.ndarray | None:
    mask = getattr(tensor, "_keras_mask", None)
    return None if mask is None else np.asarray(mask)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", ["recurrent_tagger", "bidirectional_tagger", "stacked_regressor"])
def test_recurrent_layers_hand_the_mask_to_the_loss(name: str, mask: str) -> None:
    network = small(name, mask=mask)
    x, padding = padded_inputs(network)
    found = mask_of(predict(network, x))
    if mask in (EMBEDDING, MASKING):
        assert_array_equal(found, ~padding)
    else:
        assert found is None


@pytest.mark.parametrize(("norm", "kept"), [("pre-norm", True), ("post-norm", False)])
def test_post_norm_loses_the_mask_to_attention(norm: str, kept: bool) -> None:
    network = small("transformer_encoder", norm=norm, blocks=2)
    x, padding = padded_inputs(network)
    mask = mask_of(predict(network, x))
    assert (mask is not None) == kept
    if kept:
        assert_array_equal(mask, ~padding)


def test_convolutions_drop_the_mask() -> None:
    for padding in ("same", "causal"):
        network = small("conv_tagger", padding=padding, dropout=0.2)
        y = predict(network, padded_inputs(network)[0])
        assert y.shape == (4, 6, 5)
        assert mask_of(y) is None


@pytest.mark.parametrize("pooling", ["last state", "average", "maximum"])
def test_a_classifier_keeps_padding_out(pooling: str) -> None:
    network = small("sequence_classifier", pooling=pooling)
    x, padding = padded_inputs(network)
    y = np.asarray(predict(network, x))
    assert y.shape == (4, 5)
    table = network.get_layer("embedding").get_weights()[0]
    table[0] = 1000.0
    network.get_layer("embedding").set_weights([table])
    assert padding.any()
    assert_allclose(predict(network, x), y, atol=1e-5)  # at padding the recurrent layer repeats itself, so the maximum is safe too


@pytest.mark.parametrize("mask", [EMBEDDING, MASKING])
@pytest.mark.parametrize("cell", ["LSTM", "GRU", "SimpleRNN"])
def test_a_decoder_with_a_state_needs_its_mask_by_hand(cell: str, mask: str) -> None:
    networks = [small("encoder_decoder", cell=cell, mask=mask, pass_mask=by_hand) for by_hand in (False, True)]
    networks[1].set_weights(networks[0].get_weights())
    (source, target), _ = padded_inputs(networks[0])
    target = target[:, ::-1]  # padding before data: what the decoder reads there comes back in real steps
    padding = (target == 0) if target.ndim == 2 else (target == 0).all(axis=-1)
    ignoring, using = (np.asarray(predict(n, [source, target])) for n in networks)
    assert np.abs(ignoring - using)[~padding].max() > 1e-4
    full = ~padding.any(axis=1)
    assert full.any()
    assert_allclose(ignoring[full], using[full], atol=1e-6)


def test_fixed_lengths_and_several_layers() -> None:
    network = small("encoder_decoder", steps=7, target_steps=5)
    assert [tuple(t.shape) for t in network.inputs] == [(None, 7), (None, 5)]
    deep = small("stacked_regressor", layers=3, return_sequences=False, outputs=2, loss="huber")
    assert [layer.units for layer in deep.layers if isinstance(layer, keras.layers.LSTM)] == [4, 2, 1]
    assert deep.output_shape == (None, 2)


@pytest.mark.parametrize("form", TEMPLATES, ids=lambda t: t.name)
def test_every_template_evaluates_and_survives_a_file(form: Any, tmp_path: Path) -> None:
    """Each choice of each field is built once; the default is saved, loaded and gives the same predictions."""
    for field in form.fields:
        for choice in field.choices or ((False, True) if field.kind == "bool" else ()):
            assert small(form.name, **{field.name: choice}).compiled
    network = small(form.name)
    network.save(tmp_path / "n.keras")
    again = keras.models.load_model(tmp_path / "n.keras")
    x, _ = padded_inputs(network)
    assert_allclose(predict(network, x), predict(again, x), atol=1e-6)
    y_pred = predict(again, x)
    y = np.zeros(y_pred.shape if form.name == "stacked_regressor" else y_pred.shape[:-1], "int32")
    assert np.isfinite(again.compute_loss(y=y, y_pred=y_pred))


def test_what_cannot_be_built_is_one_sentence() -> None:
    with pytest.raises(UnusableInput, match="Units must be a whole number from 1 to 2048"):
        build("recurrent_tagger", {"units": 0})
