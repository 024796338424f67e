"""Batch files of every kind, good and bad, against hand-written signatures."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from maskviz.api import by_name
from maskviz.core.batch import Batch, set_padding
from maskviz.core.batch_files import read_batch, write_batch
from maskviz.core.batch_fit import RawBatch, fit
from maskviz.core.errors import UnusableInput
from maskviz.core.network import InputSpec, Network, OutputSpec

IDS = InputSpec("ids", (None, None), "int32", "ids", pad_value=0, vocabulary=20, masked=True)
FEATURES = InputSpec("features", (None, None, 2), "float32", "features", pad_value=0.0)
TEXT = InputSpec("text", (None,), "string", "text", pad_value="")
STATE = InputSpec("state", (None, 4), "float32", "other")
TAGS = OutputSpec("tags", (None, None, 5), "float32", "sparse_categorical_crossentropy", (None, None), "int64", 5)
VALUES = OutputSpec("values", (None, None, 1), "float32", "mse", (None, None, 1), "float32")
THREE_STEPS = OutputSpec("o", (None, 3, 2), "float32", "mse", (None, 3, 2))
ONE = OutputSpec("one", (None, 1), "float32", "mse", (None, 1), "float32")


def network(inputs: tuple[InputSpec, ...], *outputs: OutputSpec) -> Network:
    return Network("net", "Functional", True, "3.15.1", "tensorflow", inputs, outputs)


TAGGER = network((IDS,), TAGS)
REGRESSOR = network((FEATURES,), VALUES)
TWO_INPUTS = network((IDS, FEATURES), TAGS, VALUES)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def refusal(path: Path, net: Network) -> str:
    with pytest.raises(UnusableInput) as caught:
        read_batch(path, net)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_npz_of_one_input(tmp_path: Path) -> None:
    x = np.array([[3, 4, 0], [5, 0, 0]])
    batch, notes = read_batch(npz(tmp_path / "b.npz", x=x, y=x % 5, sample_weight=np.ones((2, 3)), extra=1), TAGGER)
    assert_array_equal(batch.x["ids"], x)
    assert (batch.x["ids"].dtype, batch.y["tags"].dtype, batch.sample_weight["tags"].dtype) == ("int32", "int64", "float32")
    assert_array_equal(batch.padding["ids"], x == 0)
    assert batch.source == "b.npz"
    assert notes == ("Ignored in b.npz: 'extra'.",)


def test_npz_names_and_positions(tmp_path: Path) -> None:
    ids, features = np.full((2, 3), 4), np.ones((2, 5, 2))
    padding = np.array([[False, True, False]] * 2)
    path = npz(tmp_path / "b.npz", x__ids=ids, x__1=features, y__0=ids % 5, y__values=features[..., :1], padding__ids=padding)
    batch, notes = read_batch(path, TWO_INPUTS)
    assert notes == ()
    assert batch.x["features"].shape == (2, 5, 2)
    assert batch.y["values"].shape == (2, 5, 1)
    assert_array_equal(batch.padding["ids"], padding)
    assert batch.padding["features"].shape == (2, 5)


def test_npz_of_numbered_inputs(tmp_path: Path) -> None:
    ids, features, values = np.full((2, 3), 4), np.ones((2, 5, 2)), np.zeros((2, 5, 1))
    batch, notes = read_batch(npz(tmp_path / "b.npz", x1=features, x0=ids, y_1=values, expected=ids), TWO_INPUTS)
    assert batch.x["features"].shape == (2, 5, 2)
    assert batch.y["values"].shape == (2, 5, 1)
    assert notes[:2] == (
        "In b.npz, 'x1', 'x0', 'y_1' were taken by their numbers, in the order of the network's inputs and outputs.",
        "Ignored in b.npz: 'expected'.",
    )
    with pytest.raises(UnusableInput, match="under the key 'x'"):
        read_batch(npz(tmp_path / "c.npz", x1=ids, x2=features), TWO_INPUTS)


def test_npy_is_the_input_alone_and_targets_are_generated(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((3, 4, 2), "float64"))
    batch, notes = read_batch(tmp_path / "x.npy", REGRESSOR)
    assert batch.x["features"].dtype == "float32"
    assert batch.y["values"].shape == (3, 4, 1)
    assert "targets were generated (seed 0)" in notes[0]
    assert batch.y["values"].tobytes() == read_batch(tmp_path / "x.npy", REGRESSOR)[0].y["values"].tobytes()


def test_csv_in_long_form(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("sample,step,f1,f2,y,sample_weight\na,1,0.5,1,7,1\na,2,1.5,,8,2\nb,1,2.5,3,9,3\n")
    batch, notes = read_batch(tmp_path / "b.csv", REGRESSOR)
    assert_array_equal(batch.x["features"], np.array([[[0.5, 1], [1.5, np.nan]], [[2.5, 3], [0, 0]]], "float32"))
    assert_array_equal(batch.padding["features"], [[False, False], [False, True]])
    assert_array_equal(batch.y["values"], [[[7], [8]], [[9], [0]]])
    assert_array_equal(batch.sample_weight["values"], [[1, 2], [3, 0]])
    assert notes == ("Input 'features' holds 1 NaN value in 8.",)


def test_csv_for_one_target_a_sample_with_semicolons_and_bom(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("\ufeffSample;Step;id;y\n7;0;3;1.5\n7;1;4;1.5\n2;0;5;2.5\n", encoding="utf-8")
    batch, _ = read_batch(tmp_path / "b.csv", network((IDS,), ONE))
    assert_array_equal(batch.x["ids"], [[3, 4], [5, 0]])
    assert_array_equal(batch.y["one"], [1.5, 2.5])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("f1,f2\n1,2\n", "columns sample, step"),
        ("sample,step,f1,f2\n", "columns sample, step"),
        ("sample,step,f1,f2\n0,0,1,abc\n", "Line 2, column 'f2' of 'b.csv' holds 'abc', which is not a number"),
        ("sample,step,f1,f2\n0,0,1,2\n0,0,1,2\n", "same step of a sample twice"),
        ("sample,step,f1,f2\n0,0,1\n", "Line 2 of 'b.csv' has 3 cells, but the first line has 4"),
        ("sample,step,f1,f2\n0,1.5,1,2\n", "'step' of 'b.csv' must hold whole numbers"),
        ("sample,step,f1,f2\n0,0,1,2\n0,1700000000,1,2\n", "span 1,700,000,001"),
        ("sample,step\n0,0\n", "no feature columns"),
        ("sample,step,f,f\n0,0,1,2\n", "two columns of one name"),
        ("sample,step,f1\n0,0,1\n", "Input 'features' has shape (1, 1, 1), but the network needs (any, any, 2)"),
        ("sample,step,f1,f2,padding\n0,0,1,2,maybe\n", "column 'padding' of 'b.csv' must hold 1"),
    ],
)
def test_csv_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "b.csv").write_text(text)
    assert words in refusal(tmp_path / "b.csv", REGRESSOR)


def test_json_pads_shorter_sequences(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps({"x": [[3, 0, 5], [4]], "y": [[1, 2, 3], [4]], "who": "me"}))
    batch, notes = read_batch(tmp_path / "b.json", TAGGER)
    assert_array_equal(batch.x["ids"], [[3, 0, 5], [4, 0, 0]])
    assert_array_equal(batch.padding["ids"], [[False, False, False], [False, True, True]])
    assert_array_equal(batch.y["tags"], [[1, 2, 3], [4, 0, 0]])
    assert notes == ("Ignored in b.json: 'who'.",)


def test_json_of_features_and_null(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("[[[1, 2], [3, null]], [[5, 6]]]")
    batch, notes = read_batch(tmp_path / "b.json", REGRESSOR)
    assert_array_equal(batch.x["features"][1], [[5, 6], [0, 0]])
    assert "1 NaN value" in notes[0]


def test_text_inputs(tmp_path: Path) -> None:
    net = network((TEXT,), ONE)
    batch, _ = read_batch(npz(tmp_path / "b.npz", x=np.array(["the film", "was bad"]), y=np.ones(2)), net)
    assert list(batch.x["text"]) == ["the film", "was bad"]
    assert batch.padding == {}
    np.save(tmp_path / "bytes.npy", np.array([b"gr\xc3\xbcn", b"x"]))
    assert read_batch(tmp_path / "bytes.npy", net)[0].x["text"][0] == "grün"
    assert "needs text" in refusal(npz(tmp_path / "n.npz", x=np.ones(2)), net)
    assert "holds text, but the network needs numbers" in refusal(npz(tmp_path / "t.npz", x=np.array([["a", "b"]])), TAGGER)


@pytest.mark.parametrize(
    ("arrays", "net", "words"),
    [
        ({"x": np.ones((2, 3, 7))}, REGRESSOR, "Input 'features' has shape (2, 3, 7), but the network needs (any, any, 2)"),
        ({"x": np.ones((2, 3))}, REGRESSOR, "Input 'features' has shape (2, 3), but the network needs (any, any, 2)"),
        ({"x": np.ones((0, 3))}, TAGGER, "holds nothing"),
        ({"x": np.full((2, 3), 20)}, TAGGER, "Input 'ids' holds the id 20, but the network knows ids 0 to 19"),
        ({"x": np.full((2, 3), 0.5)}, TAGGER, "Input 'ids' holds 0.5, but the network needs ids, which are whole numbers"),
        ({"x": np.full((2, 3), np.nan)}, TAGGER, "Input 'ids' holds nan"),
        ({"x": np.full((2, 3, 2), 1e300)}, REGRESSOR, "holds 1e+300, which does not fit the network's float32"),
        ({"x": np.ones((2, 3)), "y": np.ones((3, 3))}, TAGGER, "'tags' has 3 samples (shape (3, 3)), but the inputs have 2"),
        ({"x": np.ones((2, 3)), "sample_weight": np.ones(3)}, TAGGER, "The sample_weight of output 'tags' has 3 samples"),
        ({"x": np.ones((2, 3)), "padding": np.ones((2, 4), bool)}, TAGGER, "The padding of input 'ids' has shape (2, 4)"),
        ({"x": np.ones((2, 3)), "padding": np.full((2, 3), 7)}, TAGGER, "must hold only True and False"),
        ({"y": np.ones((2, 3))}, TAGGER, "'b.npz' holds no inputs; a batch needs its input under the key 'x'"),
        ({"foo": np.ones((2, 3))}, TAGGER, "holds only 'foo'; a batch needs its input under the key 'x'"),
        ({"x": np.ones((2, 3)), "x__ids": np.ones((2, 3))}, TAGGER, "gives x of 'ids' twice"),
        ({"x": np.ones((2, 3))}, TWO_INPUTS, "needs one for each of x__ids, x__features"),
        ({"x__ids": np.ones((2, 3))}, TWO_INPUTS, "no array for input 'features': put one of shape (any, any, 2)"),
        ({"x__ids": np.ones((2, 3)), "x__features": np.ones((4, 3, 2))}, TWO_INPUTS, "Input 'features' has 4 samples"),
        ({"x": np.ones((2, 3, 2)), "y": np.ones((2, 3, 4))}, network((FEATURES,), THREE_STEPS),
         "The target of output 'o' has shape (2, 3, 4), but the loss needs (2, 3, 2)"),
        ({"x": np.ones((3, 4, 2))}, network((InputSpec("f", (20, None, 2), "float32", "features"),), VALUES),
         "Input 'f' has shape (3, 4, 2), but the network needs (20, any, 2)"),
    ],
)  # fmt: skip
def test_batches_that_do_not_fit(tmp_path: Path, arrays: dict[str, Any], net: Network, words: str) -> None:
    assert words in refusal(npz(tmp_path / "b.npz", **arrays), net)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("/tmp/maskviz-was-unpickled"),))


def test_broken_files(tmp_path: Path) -> None:
    good = npz(tmp_path / "good.npz", x=np.ones((20, 30))).read_bytes()

    def file(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    assert "is empty" in refusal(file("empty.npz", b""), TAGGER)
    assert "damaged" in refusal(file("cut.npz", good[: len(good) // 2]), TAGGER)
    assert "damaged" in refusal(file("noise.npz", b"PK\x03\x04" + b"\0" * 100), TAGGER)
    middle = bytearray(good)
    middle[300:400] = b"\xff" * 100
    assert "damaged" in refusal(file("flipped.npz", bytes(middle)), TAGGER)
    assert "damaged" in refusal(file("text.npz", b"hello"), TAGGER)
    plain = io.BytesIO()
    np.save(plain, np.ones((20, 30)))
    assert "damaged or cut short" in refusal(file("cut.npy", plain.getvalue()[:-100]), TAGGER)
    huge = plain.getvalue().replace(b"(20, 30)", b"(9999999999, 30)".ljust(8))
    assert "damaged or cut short" in refusal(file("huge.npy", huge), TAGGER)
    assert "no valid JSON" in refusal(file("bad.json", b"{"), TAGGER)
    assert "no valid JSON" in refusal(file("deep.json", b"[" * 100_000), TAGGER)
    assert "neither a list nor an object" in refusal(file("number.json", b"3"), TAGGER)
    assert "no regular array" in refusal(file("ragged.json", b'{"x": [[[1], [1, 2]]]}'), TAGGER)
    assert "UTF-8" in refusal(file("latin.csv", b"sample,step,f\xfc\n"), TAGGER)
    assert "Parquet" in refusal(file("t.parquet", b"PAR1"), TAGGER)
    assert "no batch file" in refusal(file("t.txt", b"1 2 3"), TAGGER)
    assert "There is no file" in refusal(tmp_path / "nowhere.npz", TAGGER)
    assert "is a folder" in refusal(tmp_path, TAGGER)
    os.mkfifo(tmp_path / "pipe.npz")
    assert "is a pipe" in refusal(tmp_path / "pipe.npz", TAGGER)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", x=np.array([Bomb()], dtype=object))
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Bomb()))
    assert "does not unpickle" in refusal(tmp_path / "objects.npy", TAGGER)
    assert "does not unpickle" in refusal(tmp_path / "objects.npz", TAGGER)
    assert "damaged or no NumPy array" in refusal(tmp_path / "raw.npy", TAGGER)
    assert not Path("/tmp/maskviz-was-unpickled").exists()


def test_a_network_is_no_batch(tmp_path: Path) -> None:
    for name in ("net.keras", "net.npz"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("config.json", "{}")
            archive.writestr("model.weights.h5", b"")
        assert "is a network, not a batch" in refusal(tmp_path / name, TAGGER)


def test_last_axis_of_length_one_comes_and_goes_as_in_keras() -> None:
    one = InputSpec("f", (None, None, 1), "float32", "features")
    assert fit(RawBatch(x={"": np.ones((2, 3))}), network((one,)), "t")[0].x["f"].shape == (2, 3, 1)
    assert fit(RawBatch(x={"": np.ones((2, 3, 1))}), TAGGER, "t")[0].x["ids"].shape == (2, 3)


def test_notes_of_what_is_odd() -> None:
    x = np.array([[3, -1, 2, -1]])
    batch, notes = fit(RawBatch(x={"": x, "more": x}, y={"": x}, padding={"": x < 0, "zzz": x < 0}), TAGGER, "t")
    assert "'x__more' is ignored: the network has the input 'ids'." in notes
    assert any("negative ids (down to -1)" in note for note in notes)
    assert any("holds class -1, outside 0 to 4" in note for note in notes)
    ignoring = replace(TAGGER, outputs=(replace(TAGGER.outputs[0], ignored=-1),))
    assert not any("holds class" in note for note in fit(RawBatch(x={"": x}, y={"": x}), ignoring, "t")[1])
    assert_array_equal(batch.x["ids"], x)
    other = network((STATE,), ONE)
    assert "no time axis" in fit(RawBatch(x={"": np.ones((2, 4))}, padding={"": np.ones((2, 4), bool)}), other, "t")[1][0]


def test_arrays_from_python_have_names_or_places() -> None:
    first, second = np.ones((2, 3)), np.ones((2, 4))
    assert list(by_name([first, second])) == ["0", "1"]
    assert list(by_name({"a": first, "b": None})) == ["a"]
    assert by_name([[1, 2], [3, 4]])[""].shape == (2, 2)
    with pytest.raises(UnusableInput, match="lists of different lengths"):
        by_name([[1, 2], [3]])


def test_padding_found_in_the_values() -> None:
    x = np.array([[0, 3, 0, 4, 0], [1, 2, 3, 4, 5]])
    everywhere = fit(RawBatch(x={"": x}), TAGGER, "t")[0].padding["ids"]
    assert_array_equal(everywhere, x == 0)
    unmasked = network((InputSpec("ids", (None, None), "int32", "ids", pad_value=0, vocabulary=20),), TAGS)
    assert_array_equal(fit(RawBatch(x={"": x}), unmasked, "t")[0].padding["ids"], [[True, False, False, False, True], [False] * 5])
    nan = network((InputSpec("f", (None, None, 2), "float32", "features", pad_value=float("nan"), masked=True),))
    x = np.ones((1, 3, 2))
    x[0, 2] = np.nan
    x[0, 1, 0] = np.nan
    assert_array_equal(fit(RawBatch(x={"": x}), nan, "t")[0].padding["f"], [[False, False, True]])


def test_content_is_plausible_and_the_same_every_time() -> None:
    x = np.array([[7, 9, 0, 0], [0, 0, 0, 0]])
    batch = fit(RawBatch(x={"": x}), TAGGER, "t")[0]
    content = batch.content["ids"]
    assert set(content.ravel()) <= {7, 9}
    assert_array_equal(content[0, :2], [7, 9])
    assert_array_equal(content, fit(RawBatch(x={"": x}), TAGGER, "t")[0].content["ids"])
    real = set_padding(batch, IDS, 1, np.zeros(4, bool))
    assert_array_equal(real.x["ids"][1], content[1])

    f = np.zeros((3, 4, 2))
    f[0, :2], f[1, :3] = [[1, 2], [3, 4]], 5
    batch = fit(RawBatch(x={"": f}), REGRESSOR, "t")[0]
    assert_array_equal(batch.content["features"][0], [[1, 2], [3, 4], [1, 2], [3, 4]])
    assert not (batch.content["features"] == 0).all(axis=2).any()

    empty = fit(RawBatch(x={"": np.zeros((1, 3), int)}), TAGGER, "t")[0]
    assert (empty.content["ids"] == 1).all()


def test_what_stands_in_padding_is_kept_as_content() -> None:
    x = np.array([[3, 4, 5]])
    batch = fit(RawBatch(x={"": x}, padding={"": np.array([[False, False, True]])}), TAGGER, "t")[0]
    assert_array_equal(batch.content["ids"], x)


def same(a: Batch, b: Batch) -> None:
    for one, other in ((a.x, b.x), (a.y, b.y), (a.sample_weight, b.sample_weight), (a.padding, b.padding)):
        assert one.keys() == other.keys()
        for name, array in one.items():
            assert array.dtype == other[name].dtype
            assert_array_equal(array, other[name])


@given(x=arrays("int32", array_shapes(min_dims=2, max_dims=2), elements=st.integers(0, 19)), data=st.data())
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, data: st.DataObject) -> None:
    padding = data.draw(arrays(bool, x.shape))
    raw = RawBatch({"": x}, {"": x % 5}, {"": np.ones(x.shape)}, {"": padding})
    batch = fit(raw, TAGGER, "t")[0]
    path = tmp_path_factory.mktemp("round") / "b.npz"
    write_batch(path, batch)
    again, notes = read_batch(path, TAGGER)
    assert notes == ()
    same(batch, again)
    assert [f.name for f in path.parent.iterdir()] == ["b.npz"]


def test_round_trip_of_several_inputs_and_text(tmp_path: Path) -> None:
    net = network((IDS, FEATURES, TEXT, STATE), TAGS, VALUES)
    x = {"ids": np.ones((2, 3)), "features": np.ones((2, 5, 2)), "text": np.array(["a b", "ü"]), "state": np.ones((2, 4))}
    batch = fit(RawBatch(x, {"1": np.ones((2, 5, 1)), "tags": np.ones((2, 3))}), net, "t")[0]
    write_batch(tmp_path / "b.npz", batch)
    same(batch, read_batch(tmp_path / "b.npz", net)[0])


def test_writing_where_one_cannot(tmp_path: Path) -> None:
    batch = fit(RawBatch(x={"": np.ones((1, 2))}), TAGGER, "t")[0]
    with pytest.raises(UnusableInput, match="cannot be written"):
        write_batch(tmp_path / "no" / "b.npz", batch)
