"""Every file that Keras cannot load gets one true sentence; code runs only when it was allowed."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from maskviz.core.errors import NeedsConsent, UnusableInput
from maskviz.engine import loading

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]

CUSTOM = """
import keras

@keras.saving.register_keras_serializable("tests")
class Twice(keras.layers.Layer):
    def call(self, inputs):
        return inputs * 2

CUSTOM_OBJECTS = {"Twice": Twice}
"""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.clear_session()
    network = keras.Sequential([keras.Input((None,)), layers.Embedding(7, 4, mask_zero=True), layers.LSTM(3), layers.Dense(1)])
    network.compile(loss="mse")
    network.save(path := tmp_path_factory.mktemp("good") / "good.keras")
    return path


def changed(good: Path, to: Path, member: str, change: Callable[[bytes], bytes | None]) -> Path:
    """A copy of an archive with one member changed, or left out for None."""
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            data = change(old.read(name)) if name == member else old.read(name)
            if data is not None:
                new.writestr(name, data)
    return to


def config(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def work(data: bytes) -> bytes:
        held = json.loads(data)
        return json.dumps(change(held) or held).encode()

    return work


def with_layer(**entries: Any) -> Callable[[bytes], bytes]:
    """The config with other entries in its dense layer's own config."""
    return config(lambda held: held["config"]["layers"][-1]["config"].update(entries))


def sentence(path: Path, **kwargs: Any) -> str:
    with pytest.raises(UnusableInput) as caught:
        loading.load(str(path), **kwargs)
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".")
    assert len(said) < 500
    return said


def test_a_good_file(good: Path) -> None:
    network, signature = loading.load(str(good))
    assert isinstance(network, keras.Model)
    assert signature.network.compiled
    assert [i.kind for i in signature.network.inputs] == ["ids"]


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


BROKEN: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "missing": (lambda good, to: None, r"(?i)no such|not there|does not exist|found|no file"),
    "folder": (lambda good, to: to.mkdir(), r"folder|directory"),
    "empty": (lambda good, to: to.write_bytes(b""), r"(?i)empty|not a"),
    "text": (lambda good, to: to.write_text("hello"), r"(?i)not a|no network|neither"),
    "cut": (lambda good, to: to.write_bytes(cut(good.read_bytes())), r"(?i)damaged|cut|not a"),
    "no config": (lambda good, to: changed(good, to, "config.json", lambda data: None) and None, r"config"),
    "bad config": (lambda good, to: changed(good, to, "config.json", cut) and None, r"(?i)config|JSON|damaged"),
    "deep config": (lambda good, to: changed(good, to, "config.json", lambda data: b"[" * 5000) and None, r"(?i)config|deep|nest"),
    "list": (lambda good, to: changed(good, to, "config.json", lambda data: b"[]") and None, r"(?i)config|network"),
    "no weights": (lambda good, to: changed(good, to, "model.weights.h5", lambda data: None) and None, r"(?i)weights"),
    "cut weights": (lambda good, to: changed(good, to, "model.weights.h5", cut) and None, r"(?i)weights|damaged"),
    "other units": (lambda good, to: changed(good, to, "config.json", with_layer(units=5)) and None, r"(?i)weights|do not fit"),
    "bad argument": (lambda good, to: changed(good, to, "config.json", with_layer(nonsense=5)) and None, r"(?i)rebuilt|nonsense"),
    "a single layer": (
        lambda good, to: changed(good, to, "config.json", config(lambda held: held["config"]["layers"][-1])) and None,
        r"(?i)single|layer|network",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file(name: str, good: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.keras"
    break_it, words = BROKEN[name]
    break_it(good, path)
    said = sentence(path)
    assert re.search(words, said), said
    assert "broken.keras" in said


@pytest.mark.parametrize("position", [0.2, 0.4, 0.6, 0.8])
def test_a_flipped_bit(position: float, good: Path, tmp_path: Path) -> None:
    data = bytearray(good.read_bytes())
    data[int(position * len(data))] ^= 0x10
    (tmp_path / "flipped.keras").write_bytes(data)
    said = ""
    try:
        loading.load(str(tmp_path / "flipped.keras"))
    except UnusableInput as error:  # and nothing else; a bit may also flip where nobody looks
        said = str(error)
    assert "holds no weights" not in said


def test_a_flipped_bit_in_the_weights_is_damage(good: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(good) as archive:
        start = archive.getinfo("model.weights.h5").header_offset
    data = bytearray(good.read_bytes())
    data[start + 1000] ^= 0x10
    (tmp_path / "flipped.keras").write_bytes(data)
    assert "flipped.keras” is damaged or cut off" in sentence(tmp_path / "flipped.keras")


def test_an_archive_that_unpacks_to_very_much(good: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))
        new.writestr("bomb.bin", bytes(300 << 20))
    assert "unpacks to far more than a network needs" in sentence(tmp_path / "bomb.keras")


def test_layers_that_networks_share_in_ways_that_keras_cannot_read_back(tmp_path: Path) -> None:
    words, embed = keras.Input((4,)), layers.Embedding(7, 3, name="embed")
    inner, outer = keras.Model(words, layers.GRU(2)(embed(words))), keras.Input((4,))
    keras.Model(outer, layers.Concatenate()([inner(outer), layers.Flatten()(embed(outer))])).save(tmp_path / "around.keras")
    assert "that a nested network shares with the one around it" in sentence(tmp_path / "around.keras")
    texts, word = keras.Input((3, 4)), keras.Input((4,))
    read = [layers.TimeDistributed(inner)(texts), inner(word)]
    keras.Model([texts, word], layers.Dot(axes=(2, 1))(read)).save(tmp_path / "wrapped.keras")
    assert "lacks the weights of embed" in sentence(tmp_path / "wrapped.keras")


def test_a_custom_class(tmp_path: Path) -> None:
    custom = tmp_path / "custom.py"
    custom.write_text(CUSTOM)
    objects = loading.custom_objects(str(custom))
    inputs = keras.Input((4, 3))
    keras.Model(inputs, objects["Twice"]()(inputs)).save(tmp_path / "twice.keras")
    registered = keras.saving.get_custom_objects()
    for name in [n for n in registered if n.endswith("Twice")]:
        del registered[name]
    with pytest.raises(NeedsConsent) as caught:
        loading.load(str(tmp_path / "twice.keras"))
    assert [name.split(">")[-1] for name in caught.value.missing] == ["Twice"]
    assert "--custom" in str(caught.value)
    _, signature = loading.load(str(tmp_path / "twice.keras"), str(custom))
    assert signature.network.inputs[0].kind == "features"


@pytest.mark.parametrize(("text", "words"), [("1 / 0", "ZeroDivisionError"), ("def f(:", "SyntaxError"), (None, "not a Python file")])
def test_a_custom_file_that_cannot_be_run(text: str | None, words: str, good: Path, tmp_path: Path) -> None:
    custom = tmp_path / "custom.py"
    if text is not None:
        custom.write_text(text)
    assert words in sentence(good, custom=str(custom))


def test_a_loss_of_ones_own_is_left_out_and_said(tmp_path: Path) -> None:
    def my_loss(y: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.square(y - y_pred), axis=-1)

    network = keras.Sequential([keras.Input((4, 3)), layers.Dense(1)])
    network.compile(loss=my_loss)
    network.save(tmp_path / "own.keras")
    _, signature = loading.load(str(tmp_path / "own.keras"))
    assert not signature.network.compiled
    assert any("loss" in note for note in signature.network.notes)


def test_code_does_not_run_unasked(tmp_path: Path) -> None:
    mark = str(tmp_path / "ran")
    inputs = keras.Input((2,))
    keras.Model(inputs, layers.Lambda(lambda x: (open(mark, "w").close(), x)[1], output_shape=(2,))(inputs)).save(tmp_path / "lambda.keras")
    Path(mark).unlink(missing_ok=True)
    with pytest.raises(NeedsConsent) as caught:
        loading.load(str(tmp_path / "lambda.keras"))
    assert caught.value.code
    assert not Path(mark).exists()


def test_another_name_does_not_matter(good: Path, tmp_path: Path) -> None:
    shutil.copy(good, tmp_path / "ünicode name.keras")
    _, signature = loading.load(str(tmp_path / "ünicode name.keras"))
    assert np.prod([i.vocabulary for i in signature.network.inputs]) == 7
