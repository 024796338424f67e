"""Files of Keras 2 and legacy ``.h5`` files open with the values of the same network built in Keras 3, and say what differs.

The files are written by hand in the form of Keras 2, with the weights of a network built here.
"""

from __future__ import annotations

import base64
import json
import marshal
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops

from maskviz.core.errors import NeedsConsent, UnusableInput
from maskviz.engine import loading

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:.*does not support masking"),
    pytest.mark.filterwarnings("ignore:(?s).*structure of `inputs`"),  # Keras 3.10 writes a list of one for one input
    pytest.mark.expects_log("considered legacy"),
    pytest.mark.expects_log("triggered tf.function retracing"),
]

X = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")
X[0, 4:] = 0
IDS = np.asarray([[1, 2, 3, 4, 0, 0], [5, 6, 0, 0, 0, 0], [3, 1, 2, 3, 4, 5]])


def old(name: str, class_name: str, *calls: Any, **config: Any) -> dict[str, Any]:
    """A layer as Keras 2 writes it; a call is a list of ``[layer, call, output, keywords]``, or the name of one layer."""
    nodes = [[[call, 0, 0, {}]] if isinstance(call, str) else call for call in calls]
    return {"class_name": class_name, "name": name, "config": {"name": name, "trainable": True, **config}, "inbound_nodes": nodes}


def source(name: str, *shape: int, dtype: str = "float32") -> dict[str, Any]:
    config = {"batch_input_shape": [None, *shape], "dtype": dtype, "sparse": False, "ragged": False}
    return old(name, "InputLayer", **config)


def rnn(name: str, class_name: str, *calls: Any, **config: Any) -> dict[str, Any]:
    return old(name, class_name, *calls, units=3, return_sequences=True, time_major=False, implementation=2, **config)


def functional(entries: list[dict[str, Any]], inputs: list[str], outputs: list[list[Any]], name: str = "net") -> dict[str, Any]:
    config = {"name": name, "layers": entries, "input_layers": [[i, 0, 0] for i in inputs], "output_layers": outputs}
    return {"class_name": "Functional", "config": config}


def write(path: Path, config: dict[str, Any], network: keras.Model | None, training: Any = None, version: str = "2.10.0") -> str:
    """An ``.h5`` file with this config and the weights of a network whose layers have the same names."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version
        file.attrs["model_config"] = json.dumps(config)
        if training is not None:
            file.attrs["training_config"] = json.dumps({"optimizer_config": {"class_name": "Adam", "config": {"lr": 0.01}}, **training})
        group = file.create_group("model_weights")
        held = network.layers if network is not None else []
        group.attrs["layer_names"] = [layer.name.encode() for layer in held]
        for layer in held:
            weights = layer.trainable_weights + layer.non_trainable_weights
            names = [f"{layer.name}/{i}:0" for i in range(len(weights))]
            inner = group.create_group(layer.name)
            inner.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, weights, strict=True):
                inner[name] = np.asarray(weight)
    return str(path)


def same(path: str, network: keras.Model, *x: Any, **options: Any) -> tuple[str, ...]:
    """The notes of a file whose network gives the values of this one."""
    loaded, signature = loading.load(path, **options)
    fed = list(x) if len(x) > 1 else x[0]
    np.testing.assert_allclose(np.asarray(loaded(fed)), np.asarray(network(fed)), atol=1e-6)
    return signature.network.notes


def said(path: str, **options: Any) -> str:
    with pytest.raises(UnusableInput) as caught:
        loading.load(path, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def masked(class_name: str = "LSTM", **config: Any) -> keras.Model:
    x = keras.Input((6, 4), name="x")
    h = layers.Masking(name="masking")(x)
    h = getattr(layers, class_name)(3, return_sequences=True, name="rnn", **config)(h)
    return keras.Model(x, layers.Dense(1, name="dense")(h))


def masked_config(class_name: str = "LSTM", **config: Any) -> dict[str, Any]:
    entries = [
        source("x", 6, 4),
        old("masking", "Masking", "x", mask_value=0.0),
        rnn("rnn", class_name, "masking", **config),
        old("dense", "Dense", "rnn", units=1, activation="linear"),
    ]
    return functional(entries, ["x"], [["dense", 0, 0]])


@pytest.mark.parametrize(
    ("class_name", "here", "there"),
    [
        ("LSTM", {}, {"recurrent_activation": "sigmoid"}),
        ("SimpleRNN", {}, {}),
        ("GRU", {"reset_after": True}, {"reset_after": True}),
        ("GRU", {"reset_after": False}, {}),  # Keras before 2.3 wrote nothing, and knew only this
    ],
)
def test_recurrent_layers(class_name: str, here: Any, there: Any, tmp_path: Path) -> None:
    network = masked(class_name, **here)
    notes = same(write(tmp_path / "net.h5", masked_config(class_name, **there), network), network, X)
    assert notes == (f"Saved by Keras 2.10.0: its layers were put into the form of Keras {keras.__version__}.",)


def test_the_mask_is_there(tmp_path: Path) -> None:
    network = masked()
    loaded, _ = loading.load(write(tmp_path / "net.h5", masked_config(), network))
    np.testing.assert_array_equal(np.asarray(loaded(X)._keras_mask), np.any(X != 0, -1))


def test_a_sequential_as_old_as_a_list(tmp_path: Path) -> None:
    network = keras.Sequential([keras.Input((6, 4)), layers.Masking(name="masking"), layers.LSTM(3, name="rnn")])
    first = {
        "class_name": "Masking",
        "config": {"name": "masking", "batch_input_shape": [None, 6, 4], "dtype": "float32", "mask_value": 0.0},
    }
    second = {"class_name": "LSTM", "config": {"name": "rnn", "units": 3, "recurrent_activation": "sigmoid", "implementation": 1}}
    path = write(tmp_path / "net.h5", {"class_name": "Sequential", "config": [first, second]}, network, version="2.2.0")
    assert "Saved by Keras 2.2.0" in same(path, network, X)[0]


def test_hard_sigmoid_is_told(tmp_path: Path) -> None:
    network = masked(recurrent_activation="hard_sigmoid")
    notes = same(write(tmp_path / "net.h5", masked_config(recurrent_activation="hard_sigmoid"), network), network, X)
    assert "hard_sigmoid is another function" in notes[1]
    assert "what rnn computes" in notes[1]


def test_bidirectional_batch_norm_and_time_distributed(tmp_path: Path) -> None:
    x = keras.Input((6,), dtype="int32", name="x")
    h = layers.BatchNormalization(name="norm")(layers.Embedding(9, 4, mask_zero=True, name="words")(x))
    h = layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both")(h)
    network = keras.Model(x, layers.TimeDistributed(layers.Dense(2), name="each")(h))
    inner = {"class_name": "GRU", "config": {"name": "gru", "units": 3, "return_sequences": True, "reset_after": True, "time_major": False}}
    dense = {"class_name": "Dense", "config": {"name": "inner", "units": 2, "activation": "linear"}}
    entries = [
        source("x", 6, dtype="int32"),
        old("words", "Embedding", "x", input_dim=9, output_dim=4, mask_zero=True, input_length=6, batch_input_shape=[None, 6]),
        old("norm", "BatchNormalizationV1", "words", axis=[2]),
        old("both", "Bidirectional", "norm", layer=inner, merge_mode="concat"),
        old("each", "TimeDistributed", "both", layer=dense),
    ]
    assert len(same(write(tmp_path / "net.h5", functional(entries, ["x"], [["each", 0, 0]]), network), network, IDS)) == 1


def test_attention(tmp_path: Path) -> None:
    x = keras.Input((6, 4), name="x")
    h = layers.Masking(name="masking")(x)
    a = layers.MultiHeadAttention(2, 3, name="heads")(h, h)
    network = keras.Model(x, layers.Attention(name="attention")([a, h]))
    shapes = {key: [None, 6, 4] for key in ("query_shape", "key_shape", "value_shape")}
    entries = [
        source("x", 6, 4),
        old("masking", "Masking", "x", mask_value=0.0),
        old("heads", "MultiHeadAttention", [["masking", 0, 0, {"value": ["masking", 0, 0]}]], num_heads=2, key_dim=3, **shapes),
        old("attention", "Attention", [["heads", 0, 0, {}], ["masking", 0, 0, {}]], use_scale=False, score_mode="dot", causal=False),
    ]
    same(write(tmp_path / "net.h5", functional(entries, ["x"], [["attention", 0, 0]]), network), network, X)


@pytest.mark.parametrize("sequential", [False, True])
def test_a_nested_network_called_twice(sequential: bool, tmp_path: Path) -> None:
    i = keras.Input((6, 4), name="i")
    inner = keras.Model(i, layers.Dense(4, name="d")(i), name="inner")
    if sequential:
        inner = keras.Sequential([keras.Input((6, 4), name="i"), layers.Dense(4, name="d")], name="inner")
    x = keras.Input((6, 4), name="x")
    network = keras.Model(x, inner(inner(x)))
    held = [source("i", 6, 4), old("d", "Dense", "i", units=4)]
    nested = functional(held, ["i"], [["d", 0, 0]], "inner")
    if sequential:
        nested = {"class_name": "Sequential", "config": {"name": "inner", "layers": held}}
    calls = [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]]  # Keras 2 counts the making of the inner network
    entries = [source("x", 6, 4), {**nested, "name": "inner", "inbound_nodes": calls}]
    same(write(tmp_path / "net.h5", functional(entries, ["x"], [["inner", 2, 0]]), network), network, X)


def test_an_encoder_and_its_decoder(tmp_path: Path) -> None:
    a, b = keras.Input((6, 4), name="a"), keras.Input((6, 4), name="b")
    _, h, c = layers.LSTM(3, return_state=True, name="encoder")(layers.Masking(name="mask_a")(a))
    decoder = layers.LSTM(3, return_sequences=True, name="decoder")
    network = keras.Model([a, b], decoder(layers.Masking(name="mask_b")(b), initial_state=[h, c]))
    encoder = rnn("encoder", "LSTM", "mask_a", return_state=True)
    encoder["config"]["return_sequences"] = False
    entries = [
        *(source(n, 6, 4) for n in "ab"),
        *(old(f"mask_{n}", "Masking", n, mask_value=0.0) for n in "ab"),
        encoder,
        rnn("decoder", "LSTM", [["mask_b", 0, 0, {}], ["encoder", 0, 1, {}], ["encoder", 0, 2, {}]]),
    ]
    path = write(tmp_path / "net.h5", functional(entries, ["a", "b"], [["decoder", 0, 0]]), network)
    assert "Keras 2 gave decoder the mask beside initial_state" in same(path, network, X, X[::-1])[1]


def test_tensorflow_functions(tmp_path: Path) -> None:
    x = keras.Input((6, 4), name="x")
    h = layers.Dense(4, name="dense")(x)
    network = keras.Model(x, ops.mean(ops.concatenate([1.0 - (h * 2.0 + x), h], axis=-1)[:, 1:], axis=1))
    part = {"start": None, "stop": None, "step": None}
    entries = [
        source("x", 6, 4),
        old("dense", "Dense", "x", units=4),
        old("times", "TFOpLambda", ["dense", 0, 0, {"y": 2.0, "name": None}], function="math.multiply"),
        old("plus", "TFOpLambda", ["times", 0, 0, {"y": ["x", 0, 0], "name": None}], function="__operators__.add"),
        old("minus", "TFOpLambda", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["plus", 0, 0], "name": None}], function="math.subtract"),
        old("both", "TFOpLambda", [["minus", 0, 0, {"axis": -1}], ["dense", 0, 0, {"axis": -1}]], function="concat"),
        old("cut", "SlicingOpLambda", ["both", 0, 0, {"slice_spec": [part, {**part, "start": 1}]}], function="__operators__.getitem"),
        old("mean", "TFOpLambda", ["cut", 0, 0, {"axis": 1}], function="math.reduce_mean"),
    ]
    same(write(tmp_path / "net.h5", functional(entries, ["x"], [["mean", 0, 0]]), network), network, X)


def with_layer(entry: dict[str, Any], units: int = 4) -> dict[str, Any]:
    return functional([source("x", 6, units), entry], ["x"], [[entry["name"], 0, 0]])


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (old("svd", "TFOpLambda", ["x", 0, 0, {}], function="linalg.svd"), r"tf.linalg.svd (svd), which Keras 3 cannot rebuild"),
        (rnn("fast", "CuDNNLSTM", "x"), "has a layer of class CuDNNLSTM, which Keras"),
        ({**rnn("turned", "LSTM", "x"), "config": {"name": "turned", "units": 3, "time_major": True}}, "turned takes time before samples"),
        (old("mine", "MyLayer", "x"), "needs MyLayer, which Keras does not know"),
        (old("mine", "Custom>MyLayer", "x"), "needs MyLayer, which Keras does not know"),
        (old("dense", "Dense", "x", units=3, activation="my_act"), "needs my_act, which Keras does not know"),
        (old("dense", "Dense", "x", units="three"), "cannot be rebuilt by Keras"),
        (old("masking", "Masking", "x", mask_value={"a": 1}), "a config with values of the wrong kind"),
        (old("dense", "Dense", "x", units=2**40), "declares 1.1e+12 weights in dense"),
        (old("dense", "Dense", "nowhere", units=3), "broken layer graph"),
        (old("lambda", "Lambda", "x", function="my_function", function_type="function"), "needs my_function"),
        (old("lambda", "Lambda", "x", function=[base64.b64encode(bytes(60)).decode(), None, None]), "holds code of its own"),
    ],
)
def test_what_cannot_be_opened_is_said(entry: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in said(write(tmp_path / "net.h5", with_layer(entry), None))


def test_an_argument_that_keras_lost_is_told(tmp_path: Path) -> None:
    network = keras.Sequential([keras.Input((6, 4)), layers.Dense(3, name="dense")])
    entry = old("dense", "Dense", "x", units=3, special=7, nothing=None)
    assert "special=7 of dense, which was left out" in same(write(tmp_path / "net.h5", with_layer(entry), network), network, X)[1]


@pytest.mark.parametrize("lost", ["dense", None])
def test_weights_that_do_not_fit(lost: str | None, tmp_path: Path) -> None:
    network = masked()
    path = write(tmp_path / "net.h5", masked_config(), network)
    with h5py.File(path, "r+") as file:
        if lost is not None:
            del file["model_weights"][lost]
        else:
            file["model_weights/dense"].attrs["weight_names"] = [b"nowhere"]
    assert "weights in “net.h5” do not fit its layers" in said(path)


@pytest.mark.parametrize("how", ["link", "storage"])
def test_weights_of_another_file(how: str, tmp_path: Path) -> None:
    path = write(tmp_path / "net.h5", masked_config(), masked())
    with h5py.File(path, "r+") as file:
        if how == "link":
            file["model_weights/dense/other"] = h5py.ExternalLink("/etc/hostname", "/x")
        else:
            file["model_weights"].create_dataset("other", (4,), "float32", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])
    assert "takes its weights from another file" in said(path)


COMPILED = [
    ({"loss": "mae", "metrics": ["accuracy"], "sample_weight_mode": "temporal"}, "mae"),
    ({"loss": {"class_name": "Huber", "config": {"reduction": "auto", "name": "huber_loss", "delta": 2.0}}}, "huber"),
    ({"loss": "mse", "metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "m", "fn": "mean_absolute_error"}}]]}, "mse"),
    ({"loss": ["mse"], "weighted_metrics": [], "loss_weights": None}, "mse"),
    ({"loss": {"dense": "mse"}}, "mse"),
]


@pytest.mark.parametrize(("training", "loss"), COMPILED)
def test_losses_and_metrics(training: Any, loss: str, tmp_path: Path) -> None:
    network, signature = loading.load(write(tmp_path / "net.h5", masked_config(), masked(), {"loss_weights": None, **training}))
    assert [output.loss for output in signature.network.outputs] == [loss]
    reported = network.evaluate(X, np.ones((3, 6, 1)), verbose=0, return_dict=True)
    assert np.isfinite(list(reported.values())).all()
    assert len(reported) == 1 + bool(training.get("metrics"))


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"loss": "my_loss"}, "which need my_loss"),
        ({"loss": "mse", "metrics": ["my_metric"]}, "which need my_metric"),
        ({"loss": "<lambda>"}, "one of them was a lambda"),
        ({"loss": {"class_name": "Huber", "config": {"delta": "x", "reduction": "what"}}}, "could not be restored"),
    ],
)
def test_a_loss_that_is_not_there_keeps_nothing_shut(training: Any, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "net.h5", masked_config(), masked(), training)
    network, signature = loading.load(path)
    assert not network.compiled
    note = signature.network.notes[-1]
    assert note.startswith("Opened without its loss and metrics")
    assert words in note
    assert "--loss" in note
    assert len(loading.load(path, compiled=False)[1].network.notes) == 1  # nothing to say where another loss was chosen


CUSTOM = """
import keras
class MyLayer(keras.layers.Layer):
    def call(self, x): return x * 2
def my_act(x): return x * 0.5
def my_loss(y, p): return keras.ops.mean(keras.ops.abs(y - p), axis=-1)
def my_mask(x, mask=None): return keras.ops.any(keras.ops.not_equal(x, 0), axis=-1)
def triple(x): return x * 3
"""


@pytest.fixture
def custom(tmp_path: Path) -> str:
    (tmp_path / "custom.py").write_text(CUSTOM)
    return str(tmp_path / "custom.py")


def test_custom_objects_of_keras_2(custom: str, tmp_path: Path) -> None:
    x = keras.Input((6, 4), name="x")
    network = keras.Model(x, layers.Dense(3, name="dense")(x))
    entries = [
        source("x", 6, 4),
        old("mine", "Custom>MyLayer", "x"),
        old("dense", "Dense", "mine", units=3, activation="my_act"),
        old(
            "triple",
            "Lambda",
            "dense",
            function="triple",
            function_type="function",
            output_shape=None,
            output_shape_type="raw",
            arguments={},
        ),
    ]
    path = write(tmp_path / "net.h5", functional(entries, ["x"], [["triple", 0, 0]]), network, {"loss": "my_loss"})
    loaded, signature = loading.load(path, custom)
    np.testing.assert_allclose(np.asarray(loaded(X)), np.asarray(network(2 * X)) * 1.5, rtol=1e-5)
    assert signature.network.outputs[0].loss == "my_loss"


def python_2_lambda() -> dict[str, Any]:
    code = "c\x01\0\0\0\x01\0\0\0\x02\0\0\0C\0\0\0s\x08\0\0\0|\0\0d\x01\0\x13S(\x02\0\0\0Ni\x02\0\0\0(\0\0\0\0(\x01\0\0\0t\x01\0\0\0x"
    return old("triple", "Lambda", "x", function=[code, None, None], function_type="lambda", output_shape=None, arguments={})


def test_code_of_another_python(custom: str, tmp_path: Path) -> None:
    path = write(tmp_path / "net.h5", with_layer(python_2_lambda()), None)
    assert "holds code of its own" in said(path)
    assert "The code in triple was saved by another version of Python" in said(path, unsafe=True)
    loaded, _ = loading.load(path, custom)  # the file defines a function with the layer's name
    np.testing.assert_allclose(np.asarray(loaded(X)), 3 * X)


def test_code_of_a_layer_whose_name_no_function_can_have(tmp_path: Path) -> None:
    x = keras.Input((6, 4))
    keras.Model(x, layers.Lambda(lambda t: ops.abs(t), name="lambda", output_shape=(6, 4))(x)).save(tmp_path / "net.keras")
    assert 'a Python file with CUSTOM_OBJECTS = {"lambda": function}' in said(str(tmp_path / "net.keras"), unsafe=True)
    (tmp_path / "mine.py").write_text('CUSTOM_OBJECTS = {"lambda": lambda t: 3 * t}')
    loaded, _ = loading.load(str(tmp_path / "net.keras"), str(tmp_path / "mine.py"))
    np.testing.assert_allclose(np.asarray(loaded(X)), 3 * X)


def test_code_with_instructions_of_another_python(tmp_path: Path) -> None:
    code = (lambda x: x).__code__
    code = code.replace(co_code=bytes([255, 0]) + code.co_code[2:])
    entry = old("odd", "Lambda", "x", function=[base64.b64encode(marshal.dumps(code)).decode(), None, None], function_type="lambda")
    assert "another version of Python" in said(write(tmp_path / "net.h5", with_layer(entry), None), unsafe=True)


def test_code_with_names_of_its_script(custom: str, tmp_path: Path) -> None:
    x = keras.Input((6, 4))
    keras.Model(x, layers.Lambda(lambda t: ops.abs(t), name="triple", output_shape=(6, 4))(x)).save(tmp_path / "net.keras")
    assert "The code in triple uses ops, which the file does not bring along" in said(str(tmp_path / "net.keras"), unsafe=True)
    loaded, _ = loading.load(str(tmp_path / "net.keras"), custom)
    np.testing.assert_allclose(np.asarray(loaded(X)), 3 * X)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_mask_function_of_a_lambda_is_restored(suffix: str, custom: str, tmp_path: Path) -> None:
    objects = loading.custom_objects(custom)
    x = keras.Input((6, 4))
    h = layers.Lambda(objects["triple"], mask=objects["my_mask"], output_shape=(6, 4), name="scaled")(x)
    network = keras.Model(x, layers.LSTM(3, return_sequences=True)(h))
    network.save(tmp_path / f"net{suffix}")
    with pytest.raises(NeedsConsent) as caught:
        loading.load(str(tmp_path / f"net{suffix}"))
    assert {name.split(">")[-1] for name in caught.value.missing} == {"triple", "my_mask"}
    assert same(str(tmp_path / f"net{suffix}"), network, X, custom=custom) == ()


def test_a_mask_that_is_code_in_the_file(tmp_path: Path) -> None:
    x = keras.Input((6, 4))
    h = layers.Lambda(lambda t: t * 2, mask=lambda t, mask=None: t[:, :, 0] > 0, output_shape=(6, 4))(x)
    network = keras.Model(x, layers.LSTM(3, return_sequences=True)(h))
    network.save(tmp_path / "net.keras")
    assert "holds code of its own" in said(str(tmp_path / "net.keras"))
    assert same(str(tmp_path / "net.keras"), network, X, unsafe=True) == ()


def everything() -> keras.Model:
    """Masks baked into the graph, operations, a nested network and attention: what a legacy file of Keras 3 holds without modules."""
    i = keras.Input((6, 4))
    inner = keras.Model(i, layers.LSTM(4, return_sequences=True)(i), name="inner")
    x = keras.Input((6, 4))
    h = inner(layers.Masking()(x))
    h = layers.Add()([h, layers.GroupQueryAttention(2, 2, 1)(h, h)])
    network = keras.Model(x, layers.Dense(1)(ops.relu(ops.concatenate([h * 2.0, x], axis=-1))[:, 1:]))
    network.compile("adam", keras.losses.Huber(), metrics=["mae"])
    return network


def test_a_legacy_file_of_keras_3(tmp_path: Path) -> None:
    network = everything()
    network.save(tmp_path / "net.h5")
    assert same(str(tmp_path / "net.h5"), network, X) == ()
    loaded, _ = loading.load(str(tmp_path / "net.h5"))
    y = np.ones((3, 5, 1))
    assert loaded.evaluate(X, y, verbose=0) == pytest.approx(network.evaluate(X, y, verbose=0))


@pytest.mark.parametrize(("kind", "name"), [("h5", "net.keras"), ("keras", "net.h5"), ("keras", "net"), ("h5", "model.weights.h5")])
def test_the_content_counts_and_not_the_name(kind: str, name: str, tmp_path: Path) -> None:
    network = masked()
    network.save(tmp_path / f"first.{kind}")
    (tmp_path / f"first.{kind}").rename(tmp_path / name)
    notes = same(str(tmp_path / name), network, X)
    assert all("in spite of its name" in note for note in notes)


def test_a_keras_file_of_keras_2(tmp_path: Path) -> None:
    x = keras.Input((6, 4), name="x")
    h = layers.Masking(name="masking")(x)
    network = keras.Model(x, layers.LSTM(3, return_sequences=True, name="rnn")(layers.MultiHeadAttention(2, 3, name="heads")(h, h)))
    entries = [
        source("x", 6, 4),
        old("masking", "Masking", "x", mask_value=0.0),
        old("heads", "MultiHeadAttention", [["masking", 0, 0, {"value": ["masking", 0, 0]}]], num_heads=2, key_dim=3, attention_axes=[1]),
        rnn("rnn", "LSTM", "heads"),
    ]
    for entry in entries:
        entry |= {"module": "keras.layers", "registered_name": None}
    config = {**functional(entries, ["x"], [["rnn", 0, 0]]), "module": "keras.src.engine.functional", "registered_name": "Functional"}
    config["compile_config"] = {"optimizer": "adam", "loss": "mae", "metrics": None}
    network.save_weights(tmp_path / "new.weights.h5")
    with h5py.File(tmp_path / "new.weights.h5", "r+") as file:
        for part in ("query", "key", "value", "output"):
            file.move(f"layers/multi_head_attention/{part}_dense", f"layers/multi_head_attention/_{part}_dense")
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "2.15.0"}')
        archive.writestr("config.json", json.dumps(config))
        archive.write(tmp_path / "new.weights.h5", "model.weights.h5")
    notes = same(str(tmp_path / "net.keras"), network, X)
    assert len(notes) == 1
    assert "Saved by Keras 2.15.0" in notes[0]
    assert loading.load(str(tmp_path / "net.keras"))[1].network.outputs[0].loss == "mae"


def test_vocabularies_that_would_be_left_behind(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "2.15.0"}')
        archive.writestr("config.json", json.dumps(masked_config()))
        archive.writestr("assets/layers/text_vectorization/vocabulary.txt", "a")
    assert "holds vocabularies" in said(str(tmp_path / "net.keras"))


def test_a_leaky_slope_keeps_its_value(tmp_path: Path) -> None:
    network = keras.Sequential([keras.Input((6, 4)), layers.LeakyReLU(negative_slope=0.5, name="leaky")])
    path = write(tmp_path / "net.h5", with_layer(old("leaky", "LeakyReLU", "x", alpha=0.5)), network)
    assert len(same(path, network, X)) == 1


@pytest.mark.filterwarnings("ignore:.*has not yet been built")
def test_a_network_that_was_never_built(tmp_path: Path) -> None:
    keras.Sequential([layers.Masking(), layers.LSTM(3)]).save(tmp_path / "net.keras")
    assert "was saved before it was first called" in said(str(tmp_path / "net.keras"))


def test_a_layer_that_this_keras_does_not_have(tmp_path: Path) -> None:
    masked().save(tmp_path / "first.keras")
    with zipfile.ZipFile(tmp_path / "first.keras") as old_file, zipfile.ZipFile(tmp_path / "net.keras", "w") as file:
        for member in old_file.namelist():
            data = old_file.read(member).replace(b'"LSTM"', b'"LSTM9"')
            file.writestr(member, b'{"keras_version": "99.1.0"}' if member == "metadata.json" else data)
    sentence = said(str(tmp_path / "net.keras"))
    assert "needs keras.layers.LSTM9" in sentence
    assert "saved by the newer Keras 99.1.0: update Keras" in sentence


def test_an_optimizer_of_ones_own_is_not_missed(tmp_path: Path) -> None:
    network = masked()
    network.compile("adam", "mae")
    network.save(tmp_path / "first.keras")
    with zipfile.ZipFile(tmp_path / "first.keras") as old_file, zipfile.ZipFile(tmp_path / "net.keras", "w") as file:
        for member in old_file.namelist():
            file.writestr(member, old_file.read(member).replace(b'"Adam"', b'"Lion9"'))
    _, signature = loading.load(str(tmp_path / "net.keras"))
    assert signature.network.outputs[0].loss == "mae"
    assert signature.network.notes == ()


def test_what_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    entry = old("words", "Embedding", "x", input_dim=2**40, output_dim=8)
    path = write(tmp_path / "net.h5", with_layer(entry), None)
    assert "declares 8.8e+12 weights in words" in said(path)
