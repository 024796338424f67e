"""Calls that carry padding into real steps, or into a result without time, with no mask to blame: MV04, MV05, MV09, MV10, MV36, MV37."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from maskviz.core.blame import ATTENTION, MERGES, Harm, How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding
from maskviz.core.rules import code, fixes
from maskviz.core.rules.lost import GUIDE, about, is_softmax, is_windowed
from maskviz.core.rules.recurrent import RECURRENT
from maskviz.core.trace import Call, Fate
from maskviz.core.words import counted

NORMALIZERS = ("GroupNormalization", "LayerNormalization", "UnitNormalization", "RMSNormalization", "BatchNormalization")
FLATTENS = ("Flatten", "Reshape", "Permute")
MASKED_MAX = '''@keras.saving.register_keras_serializable("masks")
class MaskedMax(keras.layers.Layer):
    """The largest value over kept steps."""

    def call(self, x, mask=None):
        if mask is not None:
            x = keras.ops.where(mask[..., None], x, -1e4)
        return keras.ops.max(x, axis=1)

    def compute_mask(self, x, mask=None):
        return None
'''


def readers(facts: Facts) -> Iterator[tuple[Call, Harm]]:
    """Calls at which padding gets into what counts by their own doing, and that do not drop a mask on the way as well."""
    for (how, name), harm in facts.blame.items():
        call = facts.by_id[name]
        said_elsewhere = is_windowed(call) or (call.class_name in (*MERGES, "Masking", "Embedding") and call.kind == "layer")
        if how is How.READS and not said_elsewhere and ((How.DROPPED, name) not in facts.blame or is_softmax(call)):
            yield call, harm.together(facts.blame.get((How.DROPPED, name)))


def _is(call: Call, *classes: str) -> bool:
    return call.kind == "layer" and call.origin == "keras" and call.class_name in classes


def flattening_reads_padding(facts: Facts) -> Iterator[Finding]:
    """MV04-flatten-reads-padding."""
    for call, harm in readers(facts):
        if _is(call, *FLATTENS):
            given = code.inputs(call)
            yield about(
                "MV04-flatten-reads-padding",
                call,
                harm,
                f"{call.class_name} '{call.name}' makes features of padded steps, and the mask ends there unused",
                "After the time axis is gone nothing can tell which features were padding.",
                f"{fixes.ZERO_MASKED}\n\n{code.variable(call.id)} = {code.layer(call)}(ZeroMasked()({given}))",
                f"{KERAS}layers/reshaping/flatten.py",
            )


def global_pooling_reads_padding(facts: Facts) -> Iterator[Finding]:
    """MV05-pooling-reads-padding."""
    for call, harm in readers(facts):
        if call.kind == "layer" and call.origin == "keras" and call.class_name.startswith("Global"):
            given, name = code.inputs(call), code.variable(call.id)
            fix = f'{name} = keras.layers.GlobalAveragePooling1D(name="{call.name}")({given})  # the one that uses the mask'
            if "Max" in call.class_name:
                fix = f'{MASKED_MAX}\n\n{name} = MaskedMax(name="{call.name}")({given})'
            yield about(
                "MV05-pooling-reads-padding",
                call,
                harm,
                f"{call.class_name} '{call.name}' pools over padded steps as well",
                "Of the global poolings only GlobalAveragePooling1D uses a mask.",
                fix,
                f"{KERAS}layers/pooling/global_max_pooling1d.py",
            )


def normalizing_over_time(facts: Facts) -> Iterator[Finding]:
    """MV37-normalizes-over-time."""
    for call, harm in readers(facts):
        if _is(call, *NORMALIZERS):
            given = code.inputs(call)
            fix = f'{code.variable(call.id)} = keras.layers.LayerNormalization(name="{call.name}")({given})  # each step by itself'
            if call.class_name == "UnitNormalization":
                fix = f"{code.variable(call.id)} = {code.layer(call, axis=-1)}({given})  # each step by itself"
            yield about(
                "MV37-normalizes-over-time",
                call,
                harm,
                f"{call.class_name} '{call.name}' normalizes real steps together with padded ones",
                "Mean and size are taken over the time axis, padding included, although the mask passes on.",
                fix,
                f"{KERAS}layers/normalization/group_normalization.py",
            )


def softmax_over_time(facts: Facts) -> Iterator[Finding]:
    """MV36-softmax-over-time."""
    for call, harm in readers(facts):
        if is_softmax(call) and call.inputs:
            given, shape = code.inputs(call), call.inputs[0].shape
            mask = code.mask_of(facts, call)
            axis = "axis=1, " if len(shape) > 2 else ""
            wide = "[..., None]" if len(shape) > 2 else ""
            name = call.name if call.kind == "layer" else code.variable(call.id)
            yield about(
                "MV36-softmax-over-time",
                call,
                harm,
                f"The softmax '{call.name}' over time gives weight to padded steps",
                "A softmax used as an activation or operation knows no mask; the Softmax layer takes one as an argument.",
                f'mask = {mask}\n{code.variable(call.id)} = keras.layers.Softmax({axis}name="{name}")({given}, mask=mask{wide})',
                f"{KERAS}layers/activations/softmax.py",
            )


def operation_reads_padding(facts: Facts) -> Iterator[Finding]:
    """MV09-operation-reads-padding."""
    for call, harm in readers(facts):
        if call.kind == "operation" and not is_softmax(call) and _time_lost_before(facts, call) is None:
            yield about(
                "MV09-operation-reads-padding",
                call,
                harm,
                f"The operation '{call.name}' ({call.class_name}) computes over padded steps",
                "keras.ops and operators know no masks: what they sum, average or compare over time includes padding.",
                _masked_operation(facts, call),
                "https://github.com/keras-team/keras/issues/18416",
            )


def lambda_reads_padding(facts: Facts) -> Iterator[Finding]:
    """MV08-lambda-reads-padding."""
    for call, harm in readers(facts):
        if _is(call, "Lambda"):
            yield about(
                "MV08-lambda-reads-padding",
                call,
                harm,
                f"The Lambda '{call.name}' computes over padded steps",
                "The function of a Lambda is given the tensor and no mask: what it sums, averages or compares over time includes padding.",
                _instead_of_lambda(call),
                f"{KERAS}layers/core/lambda_layer.py",
            )


def _instead_of_lambda(call: Call) -> str:
    given, name = code.inputs(call), code.variable(call.id)
    if any(o.has_time for o in call.outputs):
        return f"{fixes.ZERO_MASKED}\n\n{name} = {code.existing(call)}(ZeroMasked()({given}))"
    return f"{name} = keras.layers.GlobalAveragePooling1D()({given})  # for a mean; a sum or maximum needs a layer that takes the mask"


def code_reads_padding(facts: Facts) -> Iterator[Finding]:
    """MV09-code-reads-padding: plain code of a subclassed network takes time away before it calls the next layer."""
    for call, harm in readers(facts):
        source = _time_lost_before(facts, call)
        if source is not None:
            name = code.variable(source.id)
            yield about(
                "MV09-code-reads-padding",
                source,
                harm,
                f"Code between '{source.name}' and '{call.name}' computes over padded steps",
                "Arithmetic on tensors in call() knows no masks: what it sums, averages or compares over time includes padding.",
                f"{name}_pooled = keras.layers.GlobalAveragePooling1D()({name}, mask=mask)  # made in __init__; takes a mask, unlike "
                "keras.ops.mean",
                "https://github.com/keras-team/keras/issues/18416",
            )


def _time_lost_before(facts: Facts, call: Call) -> Call | None:
    """The call whose steps code outside any layer made something else of, on their way into another call."""
    for tensor, made_by, made in facts.sources(call):
        if made.has_time and len(tensor.shape) < len(made.shape) and made_by.kind != "input":
            return made_by
    return None


def _masked_operation(facts: Facts, call: Call) -> str:
    given, name = code.inputs(call), code.variable(call.id)
    if call.fate is Fate.ENDS or not any(o.has_time for o in call.outputs):
        if call.class_name == "Mean":
            return f"{name} = keras.layers.GlobalAveragePooling1D()({given})"
        if call.class_name in ("Max", "Amax"):
            return f"{MASKED_MAX}\n\n{name} = MaskedMax()({given})"
    first, *others = code.names(call) or ["x"]
    return f"{fixes.ZERO_MASKED}\n\n{first} = ZeroMasked()({first})  # then {', '.join([first, *others])} as before"


def custom_layer_reads_padding(facts: Facts) -> Iterator[Finding]:
    """MV10-custom-layer-reads-padding, MV10-custom-layer-gets-no-mask."""
    for call, harm in readers(facts):
        if call.origin != "custom" or call.kind != "layer" or (How.WIDENED, call.id) in facts.blame:
            continue
        if _time_lost_before(facts, call) is not None:
            continue
        if call.ignores:
            first = next((name for name in call.received if name != "attention_mask"), "mask")
            given = ", ".join(code.names(call))
            yield about(
                "MV10-custom-layer-gets-no-mask",
                call,
                harm,
                f"'{call.name}' ({call.class_name}) takes a mask and gets none, although its input has one",
                "With more than one tensor argument Keras fills in only arguments named after the tensor they belong to (inputs_mask).",
                f"{code.variable(call.id)} = {code.layer(call)}({given}, {first}={code.mask_of(facts, call)})",
                f"{KERAS}layers/layer.py",
            )
            continue
        masked = any(tensor.mask is not None for tensor in call.inputs)
        yield about(
            "MV10-custom-layer-reads-padding",
            call,
            harm,
            f"'{call.name}' ({call.class_name}) carries padding into what counts{'' if masked else ', and no mask reaches it'}",
            "The code of this layer mixes timesteps and does not look at a mask; what happens inside it is its own affair.",
            f"class {call.class_name}(keras.layers.Layer):\n    def call(self, inputs, mask=None):  # Keras fills in the mask of inputs\n"
            "        ...  # leave masked steps out: attention_mask=mask[:, None, :], or inputs * keras.ops.cast(mask, "
            f"inputs.dtype)[..., None]{'' if masked else _mask_from_the_start(facts)}",
            GUIDE,
        )


def _mask_from_the_start(facts: Facts) -> str:
    """Where a mask could begin that reaches no layer so far: in the layer of the user's own that takes ids."""
    for call in facts.own_calls:
        spec = facts.input_of(call)
        if spec is not None and spec.kind == "ids" and call.origin == "custom":
            return (
                f"\n\n\n# and the mask is to be made where the ids are taken, in {call.class_name}\n"
                f"def compute_mask(self, inputs, mask=None):\n    return keras.ops.not_equal(inputs, {spec.pad_value or 0})"
            )
    return ""


def attention_over_nothing(facts: Facts) -> Iterator[Finding]:
    """MV23-attention-over-empty-sample: with every key masked, attention spreads over padding."""
    for call, harm in readers(facts):
        empty = _samples_without_keys(facts, call)
        if empty is None:
            continue
        keys = code.names(call)[-1]
        yield about(
            "MV23-attention-over-empty-sample",
            call,
            harm,
            f"{call.class_name} '{call.name}' finds all keys of {counted(int(empty.sum()), 'sample')} masked and spreads evenly over "
            "their padding",
            "A softmax over scores that are all masked is even: where nothing may be looked at, everything is.",
            f"{code.without_empty(facts)}  # of what is looked at, {keys}",
            f"{KERAS}layers/attention/attention.py",
        )


def _samples_without_keys(facts: Facts, call: Call) -> NDArray[np.bool_] | None:
    """Samples whose keys are all masked, where an attention is touched in these and in no other."""
    if call.class_name not in ATTENTION or call.kind != "layer":
        return None
    given = call.received.get("mask")
    key = given[-1] if isinstance(given, list) and given else call.received.get("value_mask")
    mask, touched = facts.step_mask(key if isinstance(key, str) else None), facts.trace.touched.get(call.id)
    if mask is None or touched is None or len(mask) != len(touched):
        return None
    empty = ~mask.any(axis=1)
    own = facts.step_mask(call.outputs[0].mask)
    kept = touched if own is None or own.shape != touched.shape else touched & own
    wrong = np.asarray(kept.reshape(len(kept), -1).any(axis=1))
    return np.asarray(empty) if empty.any() and not bool((wrong & ~empty).any()) else None


def mask_that_keeps_padding(facts: Facts) -> Iterator[Finding]:
    """MV10-mask-keeps-padding: a layer or an explicit mask argument that puts out a mask of its own, which keeps padding."""
    for (how, name), harm in facts.blame.items():
        call = facts.by_id[name]
        if how is not How.WIDENED or call.fate is Fate.CREATES or call.class_name in (*MERGES, "Masking", "Embedding"):
            continue
        before = sum(int((~facts.trace.masks[t.mask]).sum()) for t in call.inputs[:1] if t.mask is not None)
        after = sum(int((~facts.trace.masks[o.mask]).sum()) for o in call.outputs[:1] if o.mask is not None)
        yield about(
            "MV10-mask-keeps-padding",
            call,
            harm.together(facts.blame.get((How.READS, name))),
            f"{call.class_name} '{call.name}' puts out another mask than it got, which skips {after} steps where the one before "
            f"skipped {before}",
            "compute_mask(), or an explicit mask argument, decides over all that follows; the mask of the input is no longer looked at.",
            f"{code.variable(call.id)} = {code.layer(call)}({code.inputs(call)})  # with the mask of its input, and a compute_mask "
            "that keeps it",
            GUIDE,
        )


def layer_reads_padding(facts: Facts) -> Iterator[Finding]:
    """MV05-layer-reads-padding: any other layer of Keras."""
    for call, harm in readers(facts):
        known = _is(call, *FLATTENS, *NORMALIZERS) or call.class_name.startswith("Global") or is_softmax(call)
        known = known or _samples_without_keys(facts, call) is not None or (How.WIDENED, call.id) in facts.blame
        known = known or call.class_name == "Lambda" or _time_lost_before(facts, call) is not None
        if call.origin != "keras" or call.kind != "layer" or known or (call.class_name in RECURRENT and call.ignores):
            continue
        yield about(
            "MV05-layer-reads-padding",
            call,
            harm,
            f"{call.class_name} '{call.name}' carries padding into what counts",
            "The padding test changed only what padding holds, and real results behind this layer moved.",
            f"{fixes.ZERO_MASKED}\n\n{code.variable(call.id)} = {code.layer(call)}(ZeroMasked()({code.inputs(call)}))",
            GUIDE,
        )
