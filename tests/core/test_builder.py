"""Edits of a stack as pure functions: names, what rows take, what is wrong; and what may be typed for an argument."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from maskviz.core.builder import (
    Row,
    Source,
    Stack,
    Training,
    added,
    changed,
    fresh_name,
    moved,
    problems,
    removed,
    summary,
    with_argument,
    with_source,
)
from maskviz.core.errors import UnusableInput
from maskviz.core.layer_forms import Forms, LayerForm, Parameter, new_row, parse

RESIDUAL = Stack(
    "residual",
    Source("ids", vocabulary=20),
    (
        Row("embedding", "Embedding", {"input_dim": 20, "output_dim": 4, "mask_zero": True}),
        Row("lstm", "LSTM", {"units": 4, "return_sequences": True}),
        Row("add", "Add", takes=("embedding", "")),
        Row("label", "Dense", {"units": 2}),
    ),
    Training("mse", (), ("mae",)),
)
UNITS = Parameter("units", "int", required=True)
FORMS = Forms(
    {
        "LSTM": LayerForm("LSTM", "Recurrent", "", (UNITS, Parameter("dropout", "float", 0.0))),
        "Dense": LayerForm("Dense", "Dense", "", (UNITS,)),
        "Bidirectional": LayerForm("Bidirectional", "Wrappers", ""),
        "Embedding": LayerForm(
            "Embedding", "Embeddings", "", (Parameter("input_dim", "int", required=True), Parameter("output_dim", "int", required=True))
        ),
        "Add": LayerForm("Add", "Joining rows", ""),
        "MultiHeadAttention": LayerForm("MultiHeadAttention", "Attention", "", (Parameter("num_heads", "int", required=True),)),
    },
    ("mse",),
    ("mae",),
)


def names(stack: Stack) -> list[str]:
    return [row.name for row in stack.rows]


def test_a_stack_survives_json() -> None:
    assert Stack.from_dict(json.loads(json.dumps(RESIDUAL.to_dict()))) == RESIDUAL


def test_rows_are_added_moved_and_taken_away() -> None:
    dropout = Row("dropout", "Dropout", {"rate": 0.2})
    with_dropout = added(RESIDUAL, 1, dropout)
    assert names(with_dropout) == ["embedding", "dropout", "lstm", "add", "label"]
    assert names(moved(with_dropout, 1, 3)) == ["embedding", "lstm", "add", "dropout", "label"]
    assert names(moved(with_dropout, 3, 0)) == ["add", "embedding", "dropout", "lstm", "label"]
    assert removed(with_dropout, 1) == RESIDUAL
    assert RESIDUAL.taken(2) == ("embedding", "lstm")
    assert RESIDUAL.taken(0) == ("ids",)


def test_who_took_a_row_that_is_gone_takes_what_it_took() -> None:
    without = removed(RESIDUAL, 0)
    assert without.rows[1].takes == ("ids", "")
    assert problems(without) == {}


def test_a_new_name_is_followed() -> None:
    renamed = changed(RESIDUAL, 0, replace(RESIDUAL.rows[0], name="words"))
    assert renamed.rows[2].takes == ("words", "")
    assert problems(renamed) == {}
    source = with_source(removed(RESIDUAL, 0), replace(RESIDUAL.source, name="tokens"))
    assert source.rows[1].takes == ("tokens", "")


def test_embeddings_of_the_input_follow_its_vocabulary() -> None:
    larger = with_source(RESIDUAL, replace(RESIDUAL.source, vocabulary=90))
    assert larger.rows[0].arguments["input_dim"] == 90
    own = changed(RESIDUAL, 0, replace(RESIDUAL.rows[0], arguments={"input_dim": 33, "output_dim": 4}))
    assert with_source(own, replace(own.source, vocabulary=90)).rows[0].arguments["input_dim"] == 33


@pytest.mark.parametrize(
    ("stack", "row", "words"),
    [
        (moved(RESIDUAL, 0, 3), 1, "comes after it"),
        (changed(RESIDUAL, 2, replace(RESIDUAL.rows[2], takes=("", "gone"))), 2, "not there any more"),
        (changed(RESIDUAL, 2, replace(RESIDUAL.rows[2], takes=("",))), 2, "joins two rows"),
        (changed(RESIDUAL, 3, replace(RESIDUAL.rows[3], name="lstm")), 3, "another name"),
        (changed(RESIDUAL, 3, replace(RESIDUAL.rows[3], name="a/b")), 3, "letters"),
        (with_source(RESIDUAL, replace(RESIDUAL.source, name="")), -1, "input needs a name"),
    ],
)
def test_what_cannot_be_is_said_at_its_row(stack: Stack, row: int, words: str) -> None:
    assert words in problems(stack)[row]


@pytest.mark.parametrize(
    ("kind", "name"),
    [("LSTM", "lstm_1"), ("MaxPooling1D", "max_pooling1d"), ("MultiHeadAttention", "multi_head_attention"), ("Add", "add_1")],
)
def test_new_rows_are_named_as_keras_names_layers(kind: str, name: str) -> None:
    assert fresh_name(RESIDUAL, kind) == name


def test_a_new_row_has_what_it_needs() -> None:
    assert new_row(RESIDUAL, FORMS, "LSTM", 1).arguments == {"units": 32, "return_sequences": True}
    assert new_row(RESIDUAL, FORMS, "Embedding", 0).arguments == {"input_dim": 20, "output_dim": 16, "mask_zero": True}
    assert new_row(RESIDUAL, FORMS, "Add", 2).takes == ("", "embedding")
    assert new_row(RESIDUAL, FORMS, "Add", 1).takes == ("", "ids")
    assert new_row(RESIDUAL, FORMS, "MultiHeadAttention", 2).takes == ("", "")
    both = new_row(RESIDUAL, FORMS, "Bidirectional", 2)
    assert (both.kind, both.wrapper, both.name) == ("LSTM", "Bidirectional", "bidirectional")


def test_defaults_are_left_out_and_the_rest_is_summed_up() -> None:
    row = with_argument(RESIDUAL.rows[1], "dropout", 0.5, 0.0)
    assert summary(row, ("units",)) == "LSTM · 4 · return_sequences · dropout 0.5"
    assert with_argument(row, "dropout", 0.0, 0.0) == RESIDUAL.rows[1]
    assert with_argument(row, "return_sequences", False, False).arguments == {"units": 4, "dropout": 0.5}
    assert summary(Row("r", "Reshape", {"target_shape": [-1, 8]}, wrapper="TimeDistributed"), ("target_shape",)) == (
        "TimeDistributed Reshape · (-1, 8)"
    )


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (UNITS, " 12 ", 12),
        (Parameter("kernel_size", "int", required=True), "(3,)", [3]),
        (Parameter("epsilon", "float", 0.001), "1e-5", 1e-5),
        (Parameter("seed", "int", optional=True), "", None),
        (Parameter("target_shape", "value", required=True), "(-1, 2)", [-1, 2]),
        (Parameter("equation", "value", required=True), "'ab,bc->ac'", "ab,bc->ac"),
    ],
)
def test_what_is_typed_is_read(parameter: Parameter, text: str, value: object) -> None:
    assert parse(parameter, text) == value


@pytest.mark.parametrize(
    ("parameter", "text", "words"),
    [
        (UNITS, "many", "must be a number"),
        (UNITS, "1.5", "a whole number"),
        (UNITS, "True", "a whole number"),
        (Parameter("epsilon", "float", 0.001), "(1, 2)", "must be a number"),
        (UNITS, "__import__('os')", "must be a number"),
    ],
)
def test_what_cannot_be_read_is_said(parameter: Parameter, text: str, words: str) -> None:
    with pytest.raises(UnusableInput, match=words):
        parse(parameter, text)
