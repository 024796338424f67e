"""Networks built from the templates of ``core.templates``, compiled and ready to save."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import layers

from maskviz.core.templates import EMBEDDING, FEATURES, MASKING, VALUE_LOSSES, checked, template

Options = dict[str, Any]


def build(name: str, options: Mapping[str, Any]) -> keras.Model:
    """The compiled network of a template; missing options take their defaults. Raises UnusableInput."""
    form = template(name)
    values: Options = checked(form, options)
    inputs, outputs = _BUILDERS[name](values)
    network = keras.Model(inputs, outputs, name=name)
    metrics = [] if values["loss"] in VALUE_LOSSES else ["accuracy"]
    network.compile(optimizer="adam", loss=values["loss"], weighted_metrics=metrics)
    network.optimizer.build(network.trainable_variables)  # else a saved network warns of its optimizer when loaded
    return network


def _source(o: Options, prefix: str = "", steps: str = "steps") -> tuple[Any, Any]:
    """An input and what the layers after it see: embedded ids or features, masked as the form says."""
    length = o[steps] or None
    if o["mask"] in (MASKING, FEATURES):
        x = keras.Input((length, o["features"]), name=f"{prefix}features")
        return x, layers.Masking(name=f"{prefix}masking")(x) if o["mask"] == MASKING else x
    x = keras.Input((length,), dtype="int32", name=f"{prefix}ids")
    embedding = layers.Embedding(o["vocabulary"], o["width"], mask_zero=o["mask"] == EMBEDDING, name=f"{prefix}embedding")
    return x, embedding(x)


def _recurrent(o: Options, units: int, name: str, **more: Any) -> Any:
    return getattr(layers, o["cell"])(units, dropout=o["dropout"], name=name, **more)


def _labels(o: Options, x: Any, name: str = "label") -> Any:
    """The last layer, with the activation its loss asks for."""
    activation = "sigmoid" if o["loss"] == "binary_crossentropy" else None if o["loss"] in VALUE_LOSSES else "softmax"
    return layers.Dense(o["outputs"], activation=activation, name=name)(x)


def _recurrent_tagger(o: Options) -> tuple[Any, Any]:
    x, h = _source(o)
    return x, _labels(o, _recurrent(o, o["units"], o["cell"].lower(), return_sequences=True)(h))


def _stacked_regressor(o: Options) -> tuple[Any, Any]:
    x, h = _source(o)
    for number in range(o["layers"]):
        last = number == o["layers"] - 1
        units = max(1, o["units"] >> number)
        h = _recurrent(o, units, f"{o['cell'].lower()}_{number + 1}", return_sequences=o["return_sequences"] or not last)(h)
    return x, _labels(o, h, "value")


def _sequence_classifier(o: Options) -> tuple[Any, Any]:
    x, h = _source(o)
    h = _recurrent(o, o["units"], o["cell"].lower(), return_sequences=o["pooling"] != "last state")(h)
    if o["pooling"] == "average":
        h = layers.GlobalAveragePooling1D(name="average")(h)
    elif o["pooling"] == "maximum":
        h = layers.GlobalMaxPooling1D(name="maximum")(h)
    return x, _labels(o, h)


def _bidirectional_tagger(o: Options) -> tuple[Any, Any]:
    x, h = _source(o)
    inner = _recurrent(o, o["units"], o["cell"].lower(), return_sequences=True)
    return x, _labels(o, layers.Bidirectional(inner, merge_mode=o["merge"], name="bidirectional")(h))


def _encoder_decoder(o: Options) -> tuple[Any, Any]:
    source, h = _source(o, "source_")
    target, g = _source(o, "target_", "target_steps")
    _, *state = _recurrent(o, o["units"], "encoder", return_state=True)(h)
    decoder = _recurrent(o, o["units"], "decoder", return_sequences=True)
    by_hand = {"mask": _mask_of(o, target)} if o["pass_mask"] and o["mask"] in (EMBEDDING, MASKING) else {}
    start = state if len(state) > 1 else state[0]
    return [source, target], _labels(o, decoder(g, initial_state=start, **by_hand))


def _mask_of(o: Options, x: Any) -> Any:
    """The mask that ``Masking`` or ``Embedding(mask_zero)`` makes of an input, as a tensor."""
    return keras.ops.any(keras.ops.not_equal(x, 0), axis=-1) if o["mask"] == MASKING else keras.ops.not_equal(x, 0)


def _transformer_encoder(o: Options) -> tuple[Any, Any]:
    x, h = _source(o)
    h = layers.Dense(o["size"], name="project")(h)
    for number in range(1, o["blocks"] + 1):
        for kind, sublayer in (("attention", _attention(o, number)), ("feed_forward", _feed_forward(o, number))):
            norm = layers.LayerNormalization(name=f"{kind}_{number}_norm")
            add = layers.Add(name=f"{kind}_{number}_add")
            h = add([h, sublayer(norm(h))]) if o["norm"] == "pre-norm" else norm(add([h, sublayer(h)]))
    return x, _labels(o, h)


def _attention(o: Options, number: int) -> Callable[[Any], Any]:
    attend = layers.MultiHeadAttention(o["heads"], max(1, o["size"] // o["heads"]), dropout=o["dropout"], name=f"attention_{number}")
    return lambda h: attend(h, h)


def _feed_forward(o: Options, number: int) -> Callable[[Any], Any]:
    wide = layers.Dense(o["hidden"], "relu", name=f"feed_forward_{number}_wide")
    narrow = layers.Dense(o["size"], name=f"feed_forward_{number}_narrow")
    return lambda h: narrow(wide(h))


def _conv_tagger(o: Options) -> tuple[Any, Any]:
    x, h = _source(o)
    for number in range(1, o["layers"] + 1):
        h = layers.Conv1D(o["filters"], o["kernel"], padding=o["padding"], activation="relu", name=f"conv_{number}")(h)
        if o["dropout"]:
            h = layers.Dropout(o["dropout"], name=f"dropout_{number}")(h)
    return x, _labels(o, h)


_BUILDERS: dict[str, Callable[[Options], tuple[Any, Any]]] = {
    "recurrent_tagger": _recurrent_tagger,
    "stacked_regressor": _stacked_regressor,
    "sequence_classifier": _sequence_classifier,
    "bidirectional_tagger": _bidirectional_tagger,
    "encoder_decoder": _encoder_decoder,
    "transformer_encoder": _transformer_encoder,
    "conv_tagger": _conv_tagger,
}
