"""Templates of the New network form, as data: their fields, defaults and limits. The engine builds what they describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from maskviz.core.errors import UnusableInput

Value = int | float | str | bool

EMBEDDING, MASKING = "Embedding(mask_zero)", "Masking"
IDS, FEATURES = "none, ids", "none, features"
CLASS_LOSSES = ("sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy")
VALUE_LOSSES = ("mse", "mae", "huber", "log_cosh")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. ``when`` is ``(field, values)``: shown and used only while that field has one of those values."""

    name: str
    label: str
    kind: Literal["int", "float", "choice", "bool"]
    default: Value
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()
    help: str = ""
    when: tuple[str, tuple[Value, ...]] | None = None

    def used(self, options: Mapping[str, Value]) -> bool:
        """Whether the field matters with these options."""
        return self.when is None or options.get(self.when[0]) in self.when[1]


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of network to build: its form, and one sentence on what it does to masks."""

    name: str
    title: str
    description: str
    fields: tuple[Field, ...]

    def defaults(self) -> dict[str, Value]:
        return {field.name: field.default for field in self.fields}


def template(name: str) -> Template:
    """The template of that name; raises UnusableInput."""
    found = next((t for t in TEMPLATES if t.name == name), None)
    if found is None:
        raise UnusableInput(f"There is no template '{name}'; choose one of {', '.join(t.name for t in TEMPLATES)}.")
    return found


def checked(form: Template, options: Mapping[str, object]) -> dict[str, Value]:
    """All options of the form, defaults filled in; raises UnusableInput with one sentence on the first that cannot be."""
    unknown = [name for name in options if name not in form.defaults()]
    if unknown:
        raise UnusableInput(f"'{form.title}' has no option '{unknown[0]}'; it has {', '.join(form.defaults())}.")
    values = {field.name: _value(field, options.get(field.name, field.default)) for field in form.fields}
    loss, outputs = values["loss"], values["outputs"]
    if loss in CLASS_LOSSES[:2] and isinstance(outputs, int) and outputs < 2:
        raise UnusableInput(f"{loss} needs at least 2 classes; raise Classes, or choose binary_crossentropy.")
    return values


def _value(field: Field, given: object) -> Value:
    """One option in its kind and limits."""
    if field.kind == "bool":
        if not isinstance(given, bool):
            raise UnusableInput(f"{field.label} must be on or off.")
        return given
    if field.kind == "choice":
        if given not in field.choices:
            raise UnusableInput(f"{field.label} must be one of {', '.join(field.choices)}.")
        return str(given)
    whole = field.kind == "int"
    kind = "a whole number" if whole else "a number"
    if isinstance(given, bool) or not isinstance(given, (int, float)) or (whole and given % 1 != 0):
        raise UnusableInput(f"{field.label} must be {kind} from {field.min:g} to {field.max:g}.")
    if not (field.min is None or given >= field.min) or not (field.max is None or given <= field.max):
        raise UnusableInput(f"{field.label} must be {kind} from {field.min:g} to {field.max:g}.")
    return int(given) if whole else float(given)


def _mask(default: str) -> tuple[Field, ...]:
    ids, features = ("mask", (EMBEDDING, IDS)), ("mask", (MASKING, FEATURES))
    return (
        Field("mask", "Mask by", "choice", default, choices=(EMBEDDING, MASKING, IDS, FEATURES),
              help="Embedding(mask_zero) masks the id 0, Masking masks steps of zeros; 'none' leaves padding to be treated as data."),
        Field("vocabulary", "Vocabulary", "int", 50, 2, 100_000, help="How many ids there are, the pad id 0 included.", when=ids),
        Field("width", "Embedding width", "int", 16, 1, 1024, help="Numbers that stand for one id.", when=ids),
        Field("features", "Features", "int", 8, 1, 4096, help="Numbers in one step of the input.", when=features),
        Field("steps", "Steps", "int", 0, 0, 10_000, help="Length of every sequence; 0 allows any length."),
    )  # fmt: skip


_CELL = Field(
    "cell", "Recurrent cell", "choice", "LSTM", choices=("LSTM", "GRU", "SimpleRNN"), help="How a step remembers those before it."
)
_UNITS = Field("units", "Units", "int", 32, 1, 2048, help="Size of the recurrent state.")
_DROPOUT = Field("dropout", "Dropout", "float", 0.0, 0.0, 0.9, help="Share of values that training leaves out; it does nothing in a trace.")
_CLASSES = Field("outputs", "Classes", "int", 5, 1, 10_000, help="Classes, or yes/no labels with binary_crossentropy.")
_CLASS_LOSS = Field("loss", "Loss", "choice", CLASS_LOSSES[0], choices=CLASS_LOSSES, help="What training makes small.")
_VALUES = Field("outputs", "Values", "int", 1, 1, 4096, help="Numbers to predict.")
_VALUE_LOSS = Field("loss", "Loss", "choice", "mae", choices=VALUE_LOSSES, help="What training makes small.")

TEMPLATES: tuple[Template, ...] = (
    Template(
        "recurrent_tagger", "Recurrent tagger",
        "A recurrent layer labels every step; the mask goes all the way to the loss.",
        (*_mask(EMBEDDING), _CELL, _UNITS, _DROPOUT, _CLASSES, _CLASS_LOSS),
    ),
    Template(
        "stacked_regressor", "Stacked recurrent regressor",
        "Recurrent layers on top of each other predict numbers, at every step or once a sequence.",
        (*_mask(MASKING), _CELL, _UNITS,
         Field("layers", "Layers", "int", 2, 1, 8, help="Recurrent layers, each half as wide as the one before."),
         Field("return_sequences", "Predict every step", "bool", True, help="return_sequences of the last layer; off ends the mask there."),
         _DROPOUT, _VALUES, _VALUE_LOSS),
    ),
    Template(
        "sequence_classifier", "Sequence classifier",
        "One label for the whole sequence; the mask is used and ends where time ends.",
        (*_mask(EMBEDDING), _CELL, _UNITS,
         Field("pooling", "Time ends in", "choice", "last state", choices=("last state", "average", "maximum"),
               help="The last state and the average use the mask; the maximum ignores it."),
         _DROPOUT, _CLASSES, _CLASS_LOSS),
    ),
    Template(
        "bidirectional_tagger", "Bidirectional tagger",
        "Two recurrent layers, one from each end, label every step; padding stays out of both.",
        (*_mask(EMBEDDING), _CELL, _UNITS,
         Field("merge", "Directions are", "choice", "concat", choices=("concat", "sum", "ave", "mul"), help="How both are joined."),
         _DROPOUT, _CLASSES, _CLASS_LOSS),
    ),
    Template(
        "encoder_decoder", "Encoder–decoder",
        "The decoder starts from the encoder's last state, and Keras then forgets the decoder's mask, unless it is passed by hand.",
        (*_mask(EMBEDDING),
         Field("target_steps", "Target steps", "int", 0, 0, 10_000, help="Length of every target sequence; 0 allows any length."),
         _CELL, _UNITS,
         Field("pass_mask", "Pass the decoder's mask by hand", "bool", False, help="Hands mask= to the decoder: the repair."),
         _DROPOUT, _CLASSES, _CLASS_LOSS),
    ),
    Template(
        "transformer_encoder", "Transformer encoder",
        "Attention blocks label every step; post-norm blocks lose the mask, because attention strips it from the residual.",
        (*_mask(EMBEDDING),
         Field("norm", "Normalization", "choice", "post-norm", choices=("pre-norm", "post-norm"), help="Before or after each sublayer."),
         Field("blocks", "Blocks", "int", 1, 1, 12, help="Attention blocks on top of each other."),
         Field("heads", "Heads", "int", 2, 1, 32, help="Attention heads in a block."),
         Field("size", "Block width", "int", 16, 1, 2048, help="Numbers that stand for one step inside the blocks."),
         Field("hidden", "Hidden width", "int", 32, 1, 8192, help="Width of the dense layer inside a block."),
         _DROPOUT, _CLASSES, _CLASS_LOSS),
    ),
    Template(
        "conv_tagger", "Convolutional tagger",
        "Convolutions label every step; they drop the mask and mix padding into its neighbours.",
        (*_mask(EMBEDDING),
         Field("layers", "Layers", "int", 2, 1, 12, help="Convolutions on top of each other."),
         Field("filters", "Filters", "int", 16, 1, 2048, help="Numbers each convolution gives for a step."),
         Field("kernel", "Kernel", "int", 3, 1, 101, help="Steps a convolution looks at."),
         Field("padding", "Looks", "choice", "same", choices=("same", "causal"), help="At both sides, or only back in time."),
         _DROPOUT, _CLASSES, _CLASS_LOSS),
    ),
)  # fmt: skip
