"""The New network form: complete, consistent, and with one sentence for what cannot be."""

from __future__ import annotations

import math

import pytest

from maskviz.core.errors import UnusableInput
from maskviz.core.templates import EMBEDDING, MASKING, TEMPLATES, Field, Template, checked, template

WANTED = {
    "recurrent_tagger", "stacked_regressor", "sequence_classifier", "bidirectional_tagger",
    "encoder_decoder", "transformer_encoder", "conv_tagger",
}  # fmt: skip


def test_all_templates_are_there() -> None:
    assert {t.name for t in TEMPLATES} == WANTED
    assert template("conv_tagger").title == "Convolutional tagger"
    with pytest.raises(UnusableInput, match="There is no template 'rnn'; choose one of recurrent_tagger"):
        template("rnn")


@pytest.mark.parametrize("form", TEMPLATES, ids=lambda t: t.name)
def test_forms_are_consistent(form: Template) -> None:
    names = [field.name for field in form.fields]
    assert len(set(names)) == len(names)
    assert checked(form, {}) == form.defaults()
    assert {"mask", "steps", "outputs", "loss", "dropout"} <= set(names)
    for field in form.fields:
        assert field.label
        assert field.help.endswith(".")
        if field.kind in ("int", "float"):
            assert field.min is not None
            assert field.max is not None
            assert field.min <= float(field.default) <= field.max
        if field.when:
            of = next(f for f in form.fields if f.name == field.when[0])
            assert set(field.when[1]) <= set(of.choices)


@pytest.mark.parametrize("form", TEMPLATES, ids=lambda t: t.name)
def test_every_field_refuses_what_is_out_of_its_limits(form: Template) -> None:
    for field in form.fields:
        for wrong in wrong_values(field):
            with pytest.raises(UnusableInput) as caught:
                checked(form, {field.name: wrong})
            assert str(caught.value).startswith(field.label)
            assert str(caught.value).endswith(".")


def wrong_values(field: Field) -> list[object]:
    if field.kind == "choice":
        return ["nonsense", 3, None]
    if field.kind == "bool":
        return ["yes", 1, None]
    assert field.min is not None
    assert field.max is not None
    wrong: list[object] = ["many", None, True, field.min - 1, field.max + 1, math.nan, math.inf]
    return [*wrong, field.min + 0.5] if field.kind == "int" else wrong


def test_options_are_completed_and_checked_together() -> None:
    form = template("recurrent_tagger")
    assert checked(form, {"units": 7.0})["units"] == 7
    with pytest.raises(UnusableInput, match="has no option 'unit'"):
        checked(form, {"unit": 7})
    with pytest.raises(UnusableInput, match="needs at least 2 classes; raise Classes, or choose binary_crossentropy"):
        checked(form, {"outputs": 1})
    assert checked(form, {"outputs": 1, "loss": "binary_crossentropy"})["outputs"] == 1


def test_fields_are_used_where_they_matter() -> None:
    fields = {field.name: field for field in template("recurrent_tagger").fields}
    assert fields["vocabulary"].used({"mask": EMBEDDING})
    assert not fields["vocabulary"].used({"mask": MASKING})
    assert fields["features"].used({"mask": MASKING})
    assert fields["units"].used({})
