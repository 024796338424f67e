"""Forms of the layers that a stack can be built of, made from their own signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from typing import Any

import keras
from keras import layers

from maskviz.core.builder import ATTENTION, INPUT, MERGES, OUTPUT, SLICE
from maskviz.core.layer_forms import Forms, Kind, LayerForm, Parameter

GROUPS: dict[str, tuple[str, ...]] = {
    "Masks and embeddings": ("Embedding", "Masking"),
    "Recurrent": ("LSTM", "GRU", "SimpleRNN"),
    "Wrappers": ("Bidirectional", "TimeDistributed"),
    "Attention": ATTENTION,
    "Dense and activation": ("Dense", "EinsumDense", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Identity"),
    "Convolution": ("Conv1D", "SeparableConv1D", "DepthwiseConv1D", "Conv1DTranspose"),
    "Pooling": ("MaxPooling1D", "AveragePooling1D", "GlobalAveragePooling1D", "GlobalMaxPooling1D"),
    "Normalization": (
        "LayerNormalization", "BatchNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization", "Rescaling",
    ),
    "Dropout and noise": ("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization"),
    "Joining rows": MERGES,
    "Shape": ("Reshape", "Flatten", "Permute", "RepeatVector", "Cropping1D", "ZeroPadding1D", "UpSampling1D"),
}  # fmt: skip
LEFT_OUT = {
    "self", "name", "dtype", "weights", "layer", "backward_layer", "lora_rank", "lora_alpha", "quantization_config", "return_state",
    "gptq_unpacked_column_size", "flash_attention", "data_format", "stateful",
}  # fmt: skip
ADVANCED = re.compile(
    r"_(initializer|regularizer|constraint)$|^(seed|unroll|use_cudnn|unit_forget_bias|reset_after|go_backwards|noise_shape|synchronized|"
    r"renorm.*|epsilon|momentum|center|scale_|attention_axes|sliding_window|use_gate|output_shape|bias_axes|groups|value_dim|score_mode|"
    r"recurrent_activation|recurrent_dropout|depth_multiplier|output_padding|dilation_rate|keepdims|shared_axes|threshold)$"
)
WHOLE = {"units", "output_dim", "input_dim", "filters", "kernel_size", "num_heads", "key_dim", "head_dim", "num_query_heads",
         "num_key_value_heads", "n", "strides", "pool_size", "value_dim", "seed", "sliding_window"}  # fmt: skip
NUMBERS = {"rate", "stddev", "scale", "offset", "max_value"}
PADDING = {"Conv1D": ("valid", "same", "causal"), "SeparableConv1D": ("valid", "same", "causal"), "Embedding": ()}
CALL_ARGUMENTS = ("use_causal_mask",)
"""Arguments of a call, offered beside those of the layer."""

CAUSAL = Parameter(
    CALL_ARGUMENTS[0], "bool", False, help="Each step attends to itself and the steps before it alone; given when the layer is called."
)
DTYPES = ("float32", "float64", "float16", "int32", "int64", "uint8", "bool")
MERGE_MODE = ("concat", "sum", "mul", "ave")
INITIALIZERS = (
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal", "random_uniform",
    "random_normal", "truncated_normal", "uniform", "zeros", "ones", "identity",
)  # fmt: skip
REGULARIZERS = ("l1", "l2", "l1_l2", "orthogonal_regularizer")
CONSTRAINTS = ("max_norm", "non_neg", "unit_norm", "min_max_norm")
ACTIVATIONS = (
    "linear", "relu", "tanh", "sigmoid", "softmax", "gelu", "silu", "elu", "selu", "softplus", "softsign", "leaky_relu", "exponential",
    "hard_sigmoid", "log_softmax", "mish", "relu6",
)  # fmt: skip
LOSSES = (
    "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy", "mse", "mae", "mape", "msle", "huber",
    "log_cosh", "poisson", "kl_divergence", "cosine_similarity", "hinge", "squared_hinge", "categorical_hinge", "binary_focal_crossentropy",
)  # fmt: skip
METRICS = (
    "accuracy", "sparse_top_k_categorical_accuracy", "top_k_categorical_accuracy", "mse", "mae", "mape", "cosine_similarity", "AUC",
    "Precision", "Recall", "RootMeanSquaredError", "R2Score", "F1Score",
)  # fmt: skip


def forms() -> Forms:
    """Forms of all layers that this Keras has of those that stacks are built of."""
    found = {kind: form(kind, group, getattr(layers, kind)) for group, kinds in GROUPS.items() for kind in kinds if hasattr(layers, kind)}
    plain = {form.kind: form for form in (_input_form(), _output_form(), _slice_form())}
    return Forms({**plain, **found}, LOSSES, METRICS)


def form(kind: str, group: str, layer: type) -> LayerForm:
    """The form of one class."""
    told = arguments_told(layer.__doc__ or "")
    parameters = [
        parameter(kind, name, about.default, told.get(name, ""))
        for name, about in inspect.signature(layer).parameters.items()
        if name not in LEFT_OUT and about.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]
    if "use_causal_mask" in inspect.signature(getattr(layer, "call", layer)).parameters:
        parameters.append(CAUSAL)
    return LayerForm(kind, group, _first_sentence(layer.__doc__ or ""), tuple(parameters))


def parameter(kind: str, name: str, default: Any, told: str) -> Parameter:
    """One argument of a signature; what it may be follows from its default, and where that is None from its name."""
    required = default is inspect.Parameter.empty
    plain = None if required else list(default) if isinstance(default, tuple) else default
    choices = _choices(kind, name)
    what: Kind
    if choices:
        what = "choice"
    elif isinstance(plain, bool):
        what = "bool"
    elif name in NUMBERS or isinstance(plain, float):
        what = "float"
    elif name in WHOLE or isinstance(plain, int):
        what = "int"
    else:
        what = "value"
    return Parameter(name, what, plain, required, plain is None and not required, bool(ADVANCED.search(name)), choices, told)


def _choices(kind: str, name: str) -> tuple[str, ...]:
    if name == "padding" and kind != "ZeroPadding1D":
        return PADDING.get(kind, ("valid", "same"))
    if name == "score_mode":
        return ("dot", "concat")
    if name == "merge_mode":
        return MERGE_MODE
    for end, choices in (
        ("activation", ACTIVATIONS), ("initializer", INITIALIZERS), ("regularizer", REGULARIZERS), ("constraint", CONSTRAINTS),
    ):  # fmt: skip
        if name.endswith(end):
            return choices
    return ()


def _input_form() -> LayerForm:
    steps = Parameter("steps", "int", None, optional=True, help="Length of every sequence; empty: any.")
    features = Parameter("features", "int", None, optional=True, help="Numbers in one step; empty: one id in each step, for an Embedding.")
    dtype = Parameter("dtype", "choice", None, optional=True, advanced=True, choices=DTYPES, help="Empty: float32, int32 for ids.")
    told = "One more input: features beside ids, or the target of a decoder. It stands above the layers that take it."
    return LayerForm(INPUT, "Inputs and outputs", told, (features, steps, dtype))


def _output_form() -> LayerForm:
    loss = Parameter("loss", "choice", None, optional=True, choices=LOSSES, help="Its loss; that of the last row stands below.")
    told = "The row above is an output of the network, beside that of the last row."
    return LayerForm(OUTPUT, "Inputs and outputs", told, (loss,))


def _slice_form() -> LayerForm:
    told = "As in x[:, start:stop:step]; empty: from the first, to the last."
    names = (Parameter(name, "int", None, optional=True, help=told) for name in ("start", "stop", "step"))
    return LayerForm(SLICE, "Shape", "Some of the timesteps, x[:, start:stop:step]. Slices let no mask through.", tuple(names))


def _first_sentence(doc: str) -> str:
    text = " ".join(doc.strip().partition("\n\n")[0].split())
    return text if len(text) <= 160 else text[:159] + "…"


def arguments_told(doc: str) -> dict[str, str]:
    """What a docstring says about arguments, by their names, in one line each."""
    section = re.search(r"\n *Arg(?:ument)?s:\n(.*?)(?:\n *[A-Z][\w ]+:\n|\Z)", doc, re.DOTALL)
    if section is None:
        return {}
    lines = section[1].splitlines()
    depth = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    told: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        head = re.match(rf" {{{depth}}}`?\*?\*?(\w+)`?(?: \([^)]*\))?: ?(.*)", line)
        if head:
            name = head[1]
            told[name] = [head[2]]
        elif name and line.strip():
            told[name].append(line.strip())
    return {name: _shortened(" ".join(words)) for name, words in told.items()}


def _shortened(text: str) -> str:
    """The first sentences of a help text, without the marks of a docstring."""
    text = " ".join(text.replace("`", "").replace('"', "").split())
    if len(text) <= 240:
        return text
    return text[:240].rpartition(". ")[0] + "." if ". " in text[:240] else text[:239] + "…"


def simplified(name: str, value: Any) -> Any:
    """A serialized initializer, regularizer or constraint as the plain name that gives the same, where there is one."""
    if not isinstance(value, dict):
        return value
    for end, module, names in (
        ("initializer", keras.initializers, INITIALIZERS), ("regularizer", keras.regularizers, REGULARIZERS),
        ("constraint", keras.constraints, CONSTRAINTS),
    ):  # fmt: skip
        if name.endswith(end):
            return next((n for n in names if module.serialize(module.get(n)) == value), value)
    return value
