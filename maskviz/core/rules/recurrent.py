"""Masks and recurrent layers: MV12, MV13, MV22, MV24, MV25."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from maskviz.core.blame import Harm, How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.rules import code
from maskviz.core.rules.lost import about
from maskviz.core.rules.texts import came_of, percent
from maskviz.core.trace import Call, Fate
from maskviz.core.words import counted

RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
RNN = f"{KERAS}backend/tensorflow/rnn.py"
SET_MASK = '''@keras.saving.register_keras_serializable("masks")
class SetMask(keras.layers.Layer):
    """The first tensor, with the second as its mask."""

    def call(self, inputs):
        return keras.ops.copy(inputs[0])

    def compute_mask(self, inputs, mask=None):
        return inputs[1]
'''


def initial_state_hides_mask(facts: Facts) -> Iterator[Finding]:
    """MV12-initial-state-ignores-mask."""
    for call in facts.own_calls:
        if call.class_name not in RECURRENT or not call.ignores or len(call.inputs) < 2:
            continue
        harm = facts.blame.get((How.READS, call.id), Harm())
        touched = max((facts.touched(o) for o in call.outputs if o.has_time), default=0.0)  # final states have no steps
        inside = "" if harm.any or not touched else f", and {percent(touched)} of its kept steps are computed from padding"
        made_up = not harm.any and facts.batch.source.startswith("generated")
        sequence, *states = code.names(call)
        given = f"{sequence}, initial_state=[{', '.join(states)}], mask={code.mask_of(facts, call)}"
        found = about(
            "MV12-initial-state-ignores-mask",
            call,
            harm,
            f"{call.class_name} '{call.name}' is called with initial_state and never gets the mask of its input, though its output "
            "carries it"
            f"{inside}",
            "Keras fills in mask only where a call has a single tensor argument, and initial_state makes it two.",
            f"{code.variable(call.id)} = {code.layer(call)}({given})",
            f"{KERAS}layers/layer.py",
        )
        if made_up:  # real data may be padded otherwise
            after = (
                "nothing in this batch, which is made up and padded at the end, suffers from it; with padding in front real steps would."
            )
            found = replace(found, severity=Severity.WARNING, sentence=found.sentence.replace(f"{came_of(harm)}.", after))
        yield found


def decoder_without_mask(facts: Facts) -> Iterator[Finding]:
    """MV13-decoder-starts-unmasked."""
    for (how, name), harm in facts.blame.items():
        if how is How.RESTARTED:
            call = facts.by_id[name]
            made = f"{code.variable(call.id)} = SetMask()([{code.variable(call.id)}, mask])"
            yield about(
                "MV13-decoder-starts-unmasked",
                call,
                harm,
                f"{call.class_name} '{call.name}' makes a new sequence of a tensor without a time axis, and no mask comes with it",
                "A mask ends where the time axis ends. What decodes the new sequence rebuilds padding too, and the loss counts it.",
                f"{SET_MASK}\n\nmask = {code.mask_of(facts, call)}\n{code.made(call)}\n{made}",
                "https://github.com/keras-team/keras/issues/3086",
            )


def backwards_output(facts: Facts) -> Iterator[Finding]:
    """MV24-backwards-mask-not-reversed."""
    for call in facts.own_calls:
        if not (call.config.get("go_backwards") and call.config.get("return_sequences")) or not call.outputs:
            continue
        mask = facts.step_mask(call.outputs[0].mask)
        if mask is None or call.fate != "passes" or bool((mask == mask[:, ::-1]).all()):
            continue
        wrong = float((mask != mask[:, ::-1]).mean())
        key = call.outputs[0].mask
        takers = [taker for c in facts.downstream(call) - {call.id} if (taker := facts.by_id[c]).fate is not Fate.DROPS]
        used = any(o.mask == key for o in facts.trace.network_outputs) or any(key in taker.received.values() for taker in takers)
        name, layer = code.variable(call.id), code.layer(call)
        yield Finding(
            "MV24-backwards-mask-not-reversed",
            Severity.ERROR if used else Severity.INFO,
            call.id,
            f"{call.class_name} '{call.name}' runs backwards and puts out the last step first, but its mask is not reversed: it is "
            "wrong at "
            f"{percent(wrong)} of the steps.",
            "With go_backwards and return_sequences the output is reversed and the mask passes as it is, so padding counts and "
            "real steps do not.",
            f"{SET_MASK}\n\nmask = {code.mask_of(facts, call)}\n{name} = {layer}({code.inputs(call)})\n"
            f"{name} = SetMask()([keras.ops.flip({name}, axis=1), mask])  # in the order of time again",
            f"{KERAS}layers/rnn/rnn.py",
            {"steps with a wrong mask": wrong},
        )


def not_right_padded(facts: Facts) -> Iterator[Finding]:
    """MV22-not-right-padded: once for a batch."""
    for call in facts.own_calls:
        mask = received(facts, call)
        if call.class_name not in ("LSTM", "GRU", "Bidirectional") or mask is None:
            continue
        gaps = int((mask[:, 1:] & ~mask[:, :-1]).any(axis=1).sum())
        if gaps:
            yield Finding(
                "MV22-not-right-padded",
                Severity.INFO,
                call.id,
                f"{call.class_name} '{call.name}' gets {counted(gaps, 'sample')} with padding before real steps: on a GPU Keras "
                "cannot use its fast "
                "cuDNN kernel for this batch.",
                "cuDNN takes lengths, so padding must come last. The result is the same without it, only slower; use_cudnn=True is "
                "an error.",
                _right_padded(facts, call),
                RNN,
                {"samples not right-padded": gaps},
            )
            return


def _right_padded(facts: Facts, call: Call) -> str:
    """Code that moves real steps to the front, in their order."""
    name = next((n for n, p in facts.trace.padding.items() if bool((p[:, :-1] & ~p[:, 1:]).any())), None)
    if name is None:  # what is masked between real steps is no padding
        inner = call.config.get("layer") if call.class_name == "Bidirectional" else None
        part = "with use_cudnn=False in the layer it wraps" if inner else f"with {code.made(call, use_cudnn=False)}"
        return f"# {part}, Keras does not ask for steps masked at the end alone"
    x, padded = code.data(facts, name), code.padded(facts, name)
    axes = "[..., None]" if facts.batch.x[name].ndim > 2 else ""
    return (
        f'order = np.argsort({padded}, axis=1, kind="stable")  # real steps first\n'
        f"{x} = np.take_along_axis({x}, order{axes}, axis=1)  # y and sample_weight too, where they have steps"
    )


def carried_state_not_put_out(facts: Facts) -> Iterator[Finding]:
    """MV25-carried-state-not-put-out."""
    for call in facts.own_calls:
        mask = received(facts, call)
        if not call.config.get("stateful") or mask is None or bool(mask[:, 0].all()):
            continue
        leading, empty = int((~mask[:, 0]).sum()), int((~mask.any(axis=1)).sum())
        ends = not call.config.get("return_sequences") and empty > 0
        what = f"{counted(empty, 'sample')} all padding" if ends else f"{counted(leading, 'sample')} that begin with padding"
        yield Finding(
            "MV25-carried-state-not-put-out",
            Severity.WARNING if ends else Severity.INFO,
            call.id,
            f"{call.class_name} '{call.name}' is stateful and gets {what}: there it puts out 0, not what it carried over from the "
            "batch before.",
            "Over masked steps a recurrent layer repeats its last output, and before the first real step of a call there is none. "
            "The state itself "
            "is carried on.",
            f"{code.variable(call.id)}, *state = {code.layer(call, return_state=True)}({code.inputs(call)})  # state[0] is the "
            "carried output",
            RNN,
            {"samples beginning with padding": leading, "samples all padding": empty},
        )


def received(facts: Facts, call: Call) -> NDArray[Any] | None:
    """The mask of steps that a call really got."""
    mask = call.received.get("mask")
    return facts.step_mask(mask) if isinstance(mask, str) else None
