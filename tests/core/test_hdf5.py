import json
from contextlib import suppress

import h5py
import numpy as np
import pytest

from maskviz.core.archive import look
from maskviz.core.errors import UnusableInput
from maskviz.core.hdf5 import attributes
from tests.core import configs


@pytest.mark.parametrize("version", ["earliest", "v108", "v110", "latest"])
def test_text_is_read_from_every_version_of_the_format(tmp_path, version):
    path = tmp_path / "net.h5"
    texts = {"long": "x" * 200_000, "short": "ü ∂", "empty_not": "a"}
    with h5py.File(path, "w", libver=version if version == "earliest" else (version, "latest")) as file:
        for name, text in texts.items():
            file.attrs[name] = text
        file.attrs["bytes"] = b"as Keras 2 writes it"
        file.attrs["fixed"] = np.bytes_("fixed")
        file.attrs["list"] = [1, 2]
        file.create_group("model_weights")["kernel"] = np.ones(3)
    assert attributes(path) == {**texts, "bytes": "as Keras 2 writes it", "fixed": "fixed", "list": None}


HUGE = {"class_name": "Embedding", "config": {"name": "embedding", "input_dim": 2**40, "output_dim": 8}}


@pytest.fixture
def h5(tmp_path):
    def write(config, name="net.h5", weights=10_000, **more):
        with h5py.File(tmp_path / name, "w") as file:
            if config is not None:
                file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
            for key, value in more.items():
                file.attrs[key] = value
            file["model_weights/lstm/kernel:0"] = np.zeros(weights, np.float32)
        return tmp_path / name

    return write


def refused(path):
    with pytest.raises(UnusableInput) as caught:
        look(path)
    return str(caught.value)


def test_a_network_of_keras_2_without_keras(h5):
    layers = [
        {"class_name": "Masking", "config": {"name": "masking", "batch_input_shape": [None, 6, 4], "mask_value": 2.0}},
        {"class_name": "LSTM", "config": {"name": "lstm", "units": 3}},
    ]
    seen = look(h5({"class_name": "Sequential", "config": layers}, keras_version="2.2.0", training_config='{"loss": "mae"}'))
    assert [node.id for node in seen.graph.nodes] == ["input", "masking", "lstm", "loss:lstm"]
    assert (seen.kind, seen.keras_version, seen.compiled) == ("h5", "2.2.0", True)


def test_calls_of_a_nested_sequential_are_counted_as_keras_2_counts_them(h5):
    def entry(name, class_name, *nodes, **config):
        return {"class_name": class_name, "name": name, "config": {"name": name, **config}, "inbound_nodes": list(nodes)}

    inner = [entry("i", "InputLayer", batch_input_shape=[None, 4]), entry("d", "Dense", units=4)]
    layers = [
        entry("x", "InputLayer", batch_input_shape=[None, 4]),
        entry("inner", "Sequential", [["x", 0, 0, {}]], [["inner", 1, 0, {}]], layers=inner),
        entry("minus", "TFOpLambda", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["inner", 2, 0]}], function="math.subtract"),
    ]
    config = {"name": "net", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["minus", 0, 0]]}
    graph = look(h5({"class_name": "Functional", "config": config})).graph
    assert [(edge.source, edge.target) for edge in graph.edges if edge.target == "minus"] == [("inner:1/d", "minus")]
    assert {edge.source for edge in graph.edges if edge.target == "inner:1/d"} == {"inner/d"}


def test_a_legacy_file_under_the_name_of_a_new_one(h5):
    assert "in spite of its name" in look(h5(configs.masked_lstm(), "net.keras")).notes[0]


def test_a_new_file_under_the_name_of_a_legacy_one(tmp_path):
    assert "in spite of its name" in look(configs.write(tmp_path / "net.h5", configs.masked_lstm())).notes[0]


def test_weights_only(h5):
    assert "holds weights only" in refused(h5(None, layer_names=["lstm"]))


def test_hdf5_of_something_else(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["table"] = np.arange(3)
    assert "without a Keras network in it" in refused(tmp_path / "data.h5")


def test_keras_1(h5):
    assert "load it with Keras 2" in refused(h5({"class_name": "Sequential", "config": []}, keras_version="1.2.2"))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("{nonsense", "not valid JSON"),
        ("[" * 500 + "]" * 500, "nested too deep"),
        ("[]", "does not describe a network"),
        ({"class_name": "Dense", "config": {"name": "dense", "units": 3}}, "a single Dense"),
        ({"class_name": "Sequential", "config": []}, "without layers"),
        ({"class_name": "Sequential", "config": [HUGE]}, "declares"),
    ],
)
def test_bad_legacy_configs(h5, config, words):
    assert words in refused(h5(config))


@pytest.mark.parametrize("kept", [0.01, 0.3, 0.9, 0.999])
def test_cut_off_anywhere(h5, kept):
    path = h5(configs.masked_lstm())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert "damaged or cut off" in refused(path)


def test_flipped_bytes_never_raise_anything_else(h5):
    path = h5(configs.masked_lstm())
    whole, random = path.read_bytes(), np.random.default_rng(0)
    sentences = set()
    for _ in range(300):
        content = bytearray(whole)
        for position in random.integers(0, 2000, 5):
            content[position] = random.integers(256)
        path.write_bytes(content)
        with suppress(UnusableInput):
            look(path)
            continue
        sentences.add(refused(path))
    assert any("damaged or cut off" in sentence for sentence in sentences)
