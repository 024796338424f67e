"""Stacks become networks and networks stacks, with the same predictions; scripts build the same network without MaskViz."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from maskviz import resources
from maskviz.core.builder import CannotBuild, Row, Source, Stack, Training, added, changed, problems, removed
from maskviz.core.errors import UnusableInput
from maskviz.core.layer_forms import new_row
from maskviz.engine import building, layer_forms, loading, script, stacks

# a mask that is lost is no surprise here
pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore:(?s).*was passed an input with a mask:UserWarning")]
STACKS = ("transformer_pre_norm", "bidirectional_tagger", "conv_tagger", "autoencoder_weights", "bias_on_padding", "sequence_classifier")
FORMS = layer_forms.forms()


def example(name: str) -> keras.Model:
    return loading.load(str(resources.example(name).network))[0]


def some_x(network: keras.Model) -> np.ndarray[Any, Any]:
    given = network.inputs[0]
    shape = [3, *(n or 10 for n in given.shape[1:])]
    return np.random.default_rng(0).integers(0, 5, shape).astype(given.dtype)


def first(network: keras.Model) -> np.ndarray[Any, Any]:
    return np.asarray(network(some_x(network)))


@pytest.mark.parametrize("name", STACKS)
def test_a_network_is_the_network_of_its_stack(name: str) -> None:
    network = example(name)
    stack, notes = stacks.stack_of(network)
    assert notes == ()
    again = building.build(Stack.from_dict(json.loads(json.dumps(stack.to_dict()))))
    shelf = building.Shelf()
    shelf.begin(network, name)
    count = len(network.weights)
    assert shelf.put_into(again) == (count, count)
    np.testing.assert_allclose(first(again), first(network), atol=1e-6)
    assert stacks.stack_of(again)[0] == stack


def test_slices_and_residual_branches_are_rows() -> None:
    given = keras.Input((None, 4), name="features")
    h = layers.Masking(name="masking")(given)
    h = layers.LSTM(4, return_sequences=True, name="lstm")(h)
    h = layers.Concatenate(name="both")([given, h])
    network = keras.Model(given, layers.Dense(2, name="out")(h[:, 3:]), name="sliced")
    stack, _ = stacks.stack_of(network)
    assert [row.kind for row in stack.rows] == ["Masking", "LSTM", "Concatenate", "Slice", "Dense"]
    assert stack.rows[2].takes == ("features", "")
    assert stack.rows[3].arguments == {"start": 3}
    again = building.build(stack)
    again.set_weights(network.get_weights())
    np.testing.assert_allclose(first(again), first(network), atol=1e-6)


def two_by_two() -> keras.Model:
    """Ids with features beside them, an attending decoder, and an output on the way."""
    ids, features = keras.Input((None,), dtype="int32", name="ids"), keras.Input((None, 3), name="features")
    target = keras.Input((6,), dtype="int32", name="target")
    h = layers.Embedding(9, 4, mask_zero=True, name="words")(ids)
    h = layers.Concatenate(name="both")([h, features])
    h = layers.LSTM(5, return_sequences=True, name="lstm")(h)
    score = layers.Dense(1, name="score")(h)
    t = layers.Embedding(7, 5, mask_zero=True, name="target_words")(target)
    t = layers.Attention(name="attend")([t, h])
    tags = layers.Dense(4, activation="softmax", name="tags")(t)
    made = keras.Model([ids, features, target], {"score": score, "tags": tags}, name="two")
    made.compile("adam", {"score": "mse", "tags": "sparse_categorical_crossentropy"}, metrics={"tags": ["accuracy"]})
    return made


def test_more_inputs_and_outputs_are_rows() -> None:
    network = two_by_two()
    stack, notes = stacks.stack_of(network)
    assert notes == ()
    assert [row.name for row in stack.rows if row.kind == "Input"] == ["features", "target"]
    assert [(row.kind, dict(row.arguments)) for row in stack.rows if row.name in ("features", "target")] == [
        ("Input", {"features": 3}),
        ("Input", {"steps": 6}),
    ]
    (out,) = (n for n, row in enumerate(stack.rows) if row.kind == "Output")
    assert stack.taken(out) == ("score",)
    assert stack.rows[out].arguments == {"loss": "mse"}
    assert (stack.training.loss, stack.training.metrics) == ("sparse_categorical_crossentropy", ("accuracy",))
    again = building.build(Stack.from_dict(json.loads(json.dumps(stack.to_dict()))))
    shelf = building.Shelf()
    shelf.begin(network, None)
    count = len(network.weights)
    assert shelf.put_into(again) == (count, count)
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 7, (2, 8)), rng.normal(size=(2, 8, 3)).astype("float32"), rng.integers(0, 7, (2, 6))]
    y = {"score": rng.normal(size=(2, 8, 1)), "tags": rng.integers(0, 4, (2, 6))}
    old, new = network.predict_on_batch(x), again.predict_on_batch(x)
    np.testing.assert_allclose(new[0], old["score"], atol=1e-6)
    np.testing.assert_allclose(new[1], old["tags"], atol=1e-6)
    assert again.test_on_batch(x, [y["score"], y["tags"]])[0] == pytest.approx(network.test_on_batch(x, y)[0], rel=1e-5)
    assert stacks.stack_of(again)[0] == stack
    made: dict[str, Any] = {"__name__": "script"}
    exec(script.script_of(again), made)
    scripted = made["build_two"]()
    scripted.set_weights(again.get_weights())
    np.testing.assert_allclose(scripted.predict_on_batch(x)[0], old["score"], atol=1e-6)


def test_an_input_is_added_above_and_joined() -> None:
    begin = Stack("net", Source("ids"), (Row("words", "Embedding", {"input_dim": 9, "output_dim": 4}), Row("lstm", "LSTM", {"units": 3})))
    stack = added(begin, 0, new_row(begin, FORMS, "Input", 0))
    assert stack.taken(1) == ("ids",), "what comes below takes what it took"
    assert "Nothing takes the input ‘input’ yet" in problems(stack)[0]
    with pytest.raises(CannotBuild, match="Nothing takes"):
        building.build(stack)
    stack = added(stack, 2, new_row(stack, FORMS, "Concatenate", 2))
    assert stack.taken(2) == ("words", "input")
    assert stack.taken(3) == ("concatenate",)
    assert problems(stack) == {}
    network = building.build(stack)
    assert [tensor.name for tensor in network.inputs] == ["ids", "input"]
    assert removed(stack, 0).taken(1) == ("words", "ids"), "what took the input takes what was above it"
    stack = added(stack, 4, Row("again", "Output"))
    assert "The last row is an output in any case" in problems(stack)[4]
    stack = added(added(stack, 5, Row("out", "Dense", {"units": 1})), 5, Row("twice", "Output"))
    assert "‘lstm’ is an output already" not in problems(stack).get(5, "")
    network = building.build(replace(stack, rows=tuple(row for row in stack.rows if row.name != "twice"), training=Training("mse")))
    assert len(network.outputs) == 2
    assert network.compiled


@pytest.mark.parametrize(
    ("name", "words"),
    [("seq2seq_initial_state", "several tensors"), ("stateful_carry", "carries its state"), ("lambda_slice_small", "shift")],
)
def test_what_is_no_stack_is_said(name: str, words: str) -> None:
    found = resources.example(name)
    network = loading.load(str(found.network), str(found.custom) if found.custom else None, found.trusted)[0]
    with pytest.raises(UnusableInput, match=words):
        stacks.stack_of(network)


def test_weights_that_fit_are_kept_and_those_taken_away_come_back() -> None:
    network = example("bidirectional_tagger")
    stack, _ = stacks.stack_of(network)
    shelf = building.Shelf()
    shelf.begin(network, "file")
    wider = changed(stack, 2, Row("label", "Dense", {"units": 9, "activation": "softmax"}))
    built = building.build(wider)
    kept, weights = shelf.put_into(built)
    assert (kept, weights) == (7, 9), "all but kernel and bias of the label"
    shelf.keep(built)
    again = building.build(wider)
    shelf.put_into(again)
    np.testing.assert_array_equal(again.layers[-1].get_weights()[0], built.layers[-1].get_weights()[0])


def test_every_layer_of_the_forms_is_built_as_a_new_row() -> None:
    begin = Stack("all", Source("features", "float32", 12, 6), (Row("first", "Dense", {"units": 6}), Row("second", "Dense", {"units": 6})))
    for kind, form in FORMS.layers.items():
        assert form.summary, kind
        if kind in ("Input", "Output"):
            continue  # they are no layers
        stack = begin
        if kind == "Embedding":
            stack = Stack("ids", Source("ids", "int32", 12), ())
        elif kind == "RepeatVector":
            stack = added(begin, 2, Row("pooled", "GlobalAveragePooling1D"))
        row = new_row(stack, FORMS, kind, len(stack.rows))
        given = {"EinsumDense": {"output_shape": [None, 5]}, "GroupNormalization": {"groups": 2}, "Reshape": {"target_shape": [6, 12]}}
        row = Row(row.name, row.kind, {**row.arguments, **given.get(kind, {})}, row.takes, row.wrapper)
        assert building.build(added(stack, len(stack.rows), row)).outputs, kind
    units = FORMS.layers["LSTM"].parameter("units")
    assert units is not None
    assert units.required
    assert units.help.startswith("Positive integer")


@pytest.mark.parametrize(
    ("number", "row", "words"),
    [
        (0, Row("a", "LSTM", {"units": -1}), "units"),
        (1, Row("a", "Concatenate", {}, ("", "ids")), "‘a’ cannot be built"),
        (1, Row("a", "LSTM", {"units": 2, "return_state": True}), "several tensors"),
        (1, Row("a", "Lambda", {"function": "print"}), "no layer Lambda"),
        (1, Row("a", "Dense", {"units": 2}, wrapper="Wrong"), "no wrapper Wrong"),
    ],
)
def test_what_keras_refuses_is_said_at_its_row(number: int, row: Row, words: str) -> None:
    stack = Stack("broken", Source("ids"), (Row("embedding", "Embedding", {"input_dim": 9, "output_dim": 3}),))
    with pytest.raises(CannotBuild, match=words) as failed:
        building.build(added(stack, number, row))
    assert failed.value.row == number


def test_a_loss_that_is_none_is_said_as_such() -> None:
    stack = Stack("loss", Source("ids"), (Row("embedding", "Embedding", {"input_dim": 9, "output_dim": 3}),), Training("no such loss"))
    with pytest.raises(CannotBuild, match="loss or a metric") as failed:
        building.build(stack)
    assert failed.value.row == -2


@pytest.mark.parametrize("name", ["transformer_post_norm", "seq2seq_initial_state", "bias_on_padding", "bidirectional_tagger"])
def test_a_script_builds_the_network(name: str) -> None:
    network = example(name)
    made: dict[str, Any] = {"__name__": "script"}
    exec(script.script_of(network), made)
    (build,) = (value for key, value in made.items() if key.startswith("build_"))
    again = build()
    again.set_weights(network.get_weights())
    x = [np.random.default_rng(0).integers(0, 5, [3, *(n or 10 for n in i.shape[1:])]).astype(i.dtype) for i in network.inputs]
    packed = x if len(x) > 1 else x[0]
    np.testing.assert_allclose(again(packed), network(packed), atol=1e-6)
    assert again.loss == network.loss


def nested() -> keras.Model:
    """A Sequential with a network in it, and weights of other names than those of its layers' classes."""
    inner = keras.Sequential([keras.Input((None, 4)), layers.Dense(3, name="first"), layers.Dense(3, name="second")], name="inner")
    made = keras.Sequential([keras.Input((None,), name="ids"), layers.Embedding(9, 4, mask_zero=True, name="words"), inner], name="outer")
    made.add(layers.BatchNormalization(name="normal"))
    made.layers[-1].set_weights([np.full(3, value) for value in (1.5, 0.5, 0.25, 2.0)])
    return made


@pytest.mark.parametrize("name", ["nested", "seq2seq_initial_state", "bidirectional_tagger"])
def test_a_script_loads_the_weights_beside_it(name: str, tmp_path: Path) -> None:
    network = nested() if name == "nested" else example(name)
    script.write_script(network, str(tmp_path / "my net.py"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["my net.py", "my net.weights.h5"]
    made = runpy.run_path(str(tmp_path / "my net.py"))
    (load,) = (value for key, value in made.items() if key.startswith("load_"))
    x = [np.random.default_rng(0).integers(0, 5, [3, *(n or 10 for n in i.shape[1:])]).astype(i.dtype) for i in network.inputs]
    packed = x if len(x) > 1 else x[0]
    np.testing.assert_allclose(load()(packed), network(packed), atol=1e-6)


def test_a_script_runs_by_itself_with_plain_keras(tmp_path: Path) -> None:
    path, network = tmp_path / "build.py", example("transformer_post_norm")
    script.write_script(network, str(path))
    assert "maskviz" not in path.read_text(encoding="utf-8").lower()
    ran = subprocess.run([sys.executable, "-W", "error", str(path)], capture_output=True, text=True, cwd=tmp_path.parent, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "attention_1_norm" in ran.stdout
    no_weights = keras.Sequential([keras.Input((4, 2)), layers.Masking()])
    script.write_script(no_weights, str(tmp_path / "bare.py"))
    assert not (tmp_path / "bare.weights.h5").exists()
    with pytest.raises(UnusableInput, match="choose another place"):
        script.write_script(network, str(tmp_path / "no folder" / "build.py"))


def test_what_a_script_cannot_say_is_refused() -> None:
    found = resources.example("lambda_slice_small")
    network = loading.load(str(found.network), str(found.custom), found.trusted)[0]
    with pytest.raises(UnusableInput, match="Lambda ‘shift’"):
        script.script_of(network)
