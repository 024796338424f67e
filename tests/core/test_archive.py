"""The safe look into a file: what it tells, and one true sentence for everything that is no network."""

from __future__ import annotations

import base64
import json
import marshal
import os
import sys
import zipfile
from pathlib import Path

import pytest

from maskviz.core.archive import look, preview
from maskviz.core.errors import UnusableInput
from tests.core import configs


def refused(path: Path) -> str:
    """The sentence for a file that cannot be used: exactly one, naming the file."""
    with pytest.raises(UnusableInput) as caught:
        look(path)
    sentence = str(caught.value)
    assert path.name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_a_good_file_is_read(tmp_path):
    archive = look(configs.write(tmp_path / "net.keras", configs.masked_lstm()))
    assert (archive.name, archive.class_name, archive.keras_version, archive.compiled) == ("net", "Functional", "3.15.1", True)
    assert archive.date_saved == "2025-01-02@03:04:05"
    assert archive.custom == archive.code == ()
    assert [node.id for node in archive.graph.nodes if node.role == "data"] == ["features", "masking", "lstm", "dense", "loss:dense"]
    assert preview(archive.path) == archive.graph


def test_keras_is_not_imported(tmp_path):
    look(configs.write(tmp_path / "net.keras", configs.masked_lstm()))
    assert "maskviz.core.archive" in sys.modules
    assert not any(name == "h5py" or name.startswith("keras") for name in vars(sys.modules["maskviz.core.archive"]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello, I am text\n", "but text"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (bytes(range(256)), "but something else"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:01\nsize 3\n", "git lfs pull"),
        (b"\x89HDF\r\n\x1a\n" + bytes(200), "damaged or cut off"),
        (b"\x1f\x8b\x08" + bytes(50), "a gzip archive: unpack it"),
        (b"\x80\x04\x95" + bytes(50), "a Python pickle, which is never loaded"),
        (b"\x93NUMPY\x01\x00", "open it as a batch"),
        (b"\x1c\0\0\0TFL3" + bytes(50), "a TensorFlow Lite network"),
        (b'{"class_name": "Sequential", "config": {}}', "the architecture at most"),
        (bytes(4096), "filled with zeros"),
        (b"PK\x05\x06" + bytes(18), "an empty zip archive"),
        (b"PK\x03\x04" + bytes(100), "damaged or cut off"),
    ],
)
def test_other_files_are_told_apart(tmp_path, content, words):
    path = tmp_path / "net.keras"
    path.write_bytes(content)
    assert words in refused(path)


def test_missing_and_folder(tmp_path):
    assert "does not exist" in refused(tmp_path / "no.keras")
    (tmp_path / "folder.keras").mkdir()
    assert "is a folder" in refused(tmp_path / "folder.keras")
    os.mkfifo(tmp_path / "pipe.keras")  # to open one waits for a writer
    assert "is a pipe" in refused(tmp_path / "pipe.keras")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_cut_off_anywhere(tmp_path, kept):
    whole = configs.write(tmp_path / "net.keras", configs.masked_lstm()).read_bytes()
    path = tmp_path / "cut.keras"
    path.write_bytes(whole[: int(len(whole) * kept)])
    assert "damaged or cut off" in refused(path)


def test_flipped_bits_in_the_config(tmp_path):
    path = configs.write(tmp_path / "net.keras", configs.masked_lstm())
    raw = bytearray(path.read_bytes())
    raw[raw.find(b"InputLayer") + 3] ^= 0x20
    path.write_bytes(raw)
    assert "damaged or cut off" in refused(path)


def test_a_zip_without_config(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "without config.json" in refused(tmp_path / "other.zip")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("{not json", "not valid JSON"),
        ("[" * 5000 + "]" * 5000, "nested too deep"),
        ("[]", "does not describe a network"),
        ("{}", "does not describe a network"),
        ('{"class_name": 3, "config": {}}', "does not describe a network"),
        (json.dumps(configs.layer("dense", "Dense", units=3)), "a single Dense"),
        (json.dumps({"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": []}}), "without layers"),
    ],
)
def test_bad_configs(tmp_path, config, words):
    assert words in refused(configs.write(tmp_path / "net.keras", config))


def test_a_broken_graph(tmp_path):
    config = configs.masked_lstm()
    config["config"]["output_layers"] = [["nowhere", 0, 0]]
    assert "broken layer graph" in refused(configs.write(tmp_path / "net.keras", config))
    config = configs.masked_lstm()
    config["config"]["layers"][5]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = ["lstm", 7, 0]
    assert "broken layer graph" in refused(configs.write(tmp_path / "net.keras", config))


def test_paths_out_of_the_archive(tmp_path):
    assert "path out of the archive" in refused(configs.write(tmp_path / "net.keras", configs.masked_lstm(), **{"../evil": "x"}))


@pytest.mark.parametrize(
    ("module", "class_name", "config"),
    [
        ("os", "function", "system"),
        ("keras.src.utils.file_utils", "function", "get_file"),
        ("builtins", "eval", {}),
        ("subprocess", "Popen", {}),
    ],
)
def test_what_no_network_needs_is_refused(tmp_path, module, class_name, config):
    network = configs.masked_lstm()
    network["config"]["layers"][4]["config"]["activation"] = {"module": module, "class_name": class_name, "config": config}
    assert "was not opened" in refused(configs.write(tmp_path / "net.keras", network))


def test_a_layer_larger_than_its_weights(tmp_path):
    network = configs.sequential([configs.source("ids", (None, 5)), configs.layer("embedding", "Embedding", input_dim=2**40, output_dim=8)])
    assert "embedding" in refused(configs.write(tmp_path / "net.keras", network))


@pytest.mark.parametrize(
    "entry",
    [
        configs.layer("big", "LSTM", units=2**18),
        configs.layer("big", "Dense", units=2**30),
        configs.layer("big", "Conv1D", filters=2**20, kernel_size=[2**10]),
        configs.layer("big", "MultiHeadAttention", num_heads=2**12, key_dim=2**12),
        {**configs.layer("big", "Dense", units=2**14), "build_config": {"input_shape": [None, 2**14]}},
    ],
)
def test_layers_that_would_be_allocated_are_refused(tmp_path, entry):
    assert "in big but holds" in refused(configs.write(tmp_path / "net.keras", configs.sequential([configs.source("x"), entry])))


def test_many_layers_that_are_too_large_together(tmp_path):
    layers = [configs.source("x"), *(configs.layer(f"e{i}", "Embedding", input_dim=2**10, output_dim=2**9) for i in range(64))]
    assert "in all but holds" in refused(configs.write(tmp_path / "net.keras", configs.sequential(layers)))


def test_an_input_larger_than_any_sample(tmp_path):
    network = configs.sequential([configs.source("x", (None, 2**40)), configs.layer("mask", "Masking")])
    assert "declares an input x" in refused(configs.write(tmp_path / "net.keras", network))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (["x.npy", "y.npy"], "open it as a batch"),
        (["folder/config.json", "folder/model.weights.h5"], "packed with a folder around it"),
        (["models/best.keras", "readme.txt"], "a zip archive around best.keras"),
        (["archive/data.pkl", "archive/version"], "a PyTorch file"),
    ],
)
def test_zip_archives_that_are_something_else(tmp_path, members, words):
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, "content")
    assert words in refused(path)


def test_a_saved_model_folder(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    assert "a TensorFlow SavedModel" in refused(tmp_path)


def test_custom_objects_are_named(tmp_path):
    network = configs.functional(
        [configs.source("x"), configs.layer("mine", "MyLayer", configs.call(configs.tensor("x")), module="my_module")],
        ["x"],
        [["mine", 0, 0]],
    )
    network["config"]["layers"][1]["registered_name"] = "my_module>MyLayer"
    network["compile_config"] = {
        "loss": {"module": "builtins", "class_name": "function", "config": "my_loss", "registered_name": "function"}
    }
    archive = look(configs.write(tmp_path / "net.keras", network))
    assert archive.custom == ("my_module>MyLayer",)
    assert archive.compile_custom == ("my_loss",)
    assert archive.graph.nodes[-1].name == "my_loss"


def test_lambda_code_is_described_and_never_loaded(tmp_path, monkeypatch):
    code = base64.b64encode(marshal.dumps((lambda x: os_like.remove(x)).__code__)).decode()  # type: ignore[name-defined]  # noqa: F821
    monkeypatch.setattr(marshal, "loads", lambda *_: pytest.fail("the code was unmarshalled"))
    function = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    network = configs.functional(
        [configs.source("x"), configs.layer("slice", "Lambda", configs.call(configs.tensor("x")), function=function)],
        ["x"],
        [["slice", 0, 0]],
    )
    (line,) = look(configs.write(tmp_path / "net.keras", network)).code
    assert "slice" in line
    assert "os_like" in line
    assert "remove" in line


def test_code_outside_of_lambda_layers_is_told_too(tmp_path):
    code = base64.b64encode(marshal.dumps((lambda y, p: y.mystery - p).__code__)).decode()
    network = configs.masked_lstm()
    network["compile_config"]["loss"] = {"class_name": "__lambda__", "config": {"code": code}}
    archive = look(configs.write(tmp_path / "net.keras", network))
    (line,) = archive.compile_code
    assert "mystery" in line
    assert archive.code == ()


def test_the_form_of_keras_2_is_code_too(tmp_path):
    code = base64.b64encode(marshal.dumps((lambda x: x.mystery).__code__)).decode()
    network = configs.sequential([configs.source("x"), configs.layer("cut", "Lambda", function=[code, None, None])])
    (line,) = look(configs.write(tmp_path / "net.keras", network)).code
    assert "cut" in line
    assert "mystery" in line


def test_a_class_of_a_script_is_custom(tmp_path):
    entry = {"module": None, "class_name": "Sub", "registered_name": "Sub", "config": {}}
    network = configs.sequential([configs.source("x")])
    network["config"]["layers"].append(entry)
    assert look(configs.write(tmp_path / "net.keras", network)).custom == ("Sub",)


def test_a_subclassed_network_is_one_node(tmp_path):
    network = {"module": "mine", "class_name": "Tagger", "registered_name": "mine>Tagger", "config": {"name": "tagger", "units": 3}}
    archive = look(configs.write(tmp_path / "net.keras", network))
    assert [(node.id, node.class_name) for node in archive.graph.nodes] == [("tagger", "Tagger")]
    assert "subclassed" in archive.notes[0]
    assert archive.custom == ("mine>Tagger",)
