"""Masks and recurrent layers: MV12, MV13, MV22, MV24, MV25."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maskviz.core.blame import How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.rules import code
from maskviz.core.rules.texts import came_of, evidence, percent, severity
from maskviz.core.trace import Call

RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")


def initial_state_hides_mask(facts: Facts) -> Iterator[Finding]:
    """A recurrent layer called with initial_state gets no mask, although its output carries one."""
    for call in facts.own_calls:
        if call.class_name not in RECURRENT or not call.ignores:
            continue
        harm = facts.blame.get((How.READS, call.id))
        touched = facts.touched(call.outputs[0]) if call.outputs else 0.0
        if harm is None and not touched:
            continue  # padding comes last in every sample and nothing after it is used
        maker = code.mask_maker(facts, call)
        mask = f', mask=network.get_layer("{maker.name}").compute_mask({code.inputs(maker)})' if maker is not None else ", mask=mask"
        states = ", ".join(code.variable(t.source) for t in call.inputs[1:])
        line = f"{code.variable(call.id)} = {code.layer(call)}({code.variable(call.inputs[0].source)}, initial_state=[{states}]{mask})"
        result = f": {came_of(harm)}" if harm is not None else f": {percent(touched)} of its kept steps are computed from padding"
        yield Finding(
            "MV12-initial-state-ignores-mask",
            severity(harm) if harm is not None else Severity.WARNING,
            call.id,
            f"{call.class_name} '{call.name}' is called with initial_state and so never gets the mask of its input, though its output "
            f"carries it{result}.",
            "Keras fills in mask only for a call with a single tensor argument; initial_state makes it two.",
            line,
            f"{KERAS}layers/layer.py",
            evidence(harm) if harm is not None else {"touched": touched},
            harm.change if harm is not None else 0.0,
        )


def decoder_without_mask(facts: Facts) -> Iterator[Finding]:
    for (how, name), harm in facts.blame.items():
        if how is not How.RESTARTED:
            continue
        call = facts.by_id[name]
        maker = code.mask_maker(facts, call)
        where = f'network.get_layer("{maker.name}").compute_mask({code.inputs(maker)})' if maker is not None else "mask"
        name = code.variable(call.id)
        fix = f'''{code.made(call)}
mask = {where}
# give the mask to what decodes the sequence, and so to the loss
{name} = SetMask()([{name}, mask])'''
        yield Finding(
            "MV13-decoder-starts-unmasked",
            severity(harm),
            call.id,
            f"{call.class_name} '{call.name}' starts a new sequence from a tensor without a time axis, and no mask comes with it: "
            f"{came_of(harm)}.",
            "A mask ends where the time axis ends. The decoder reconstructs every step, padding included, and the loss counts them all.",
            f"{SET_MASK}\n\n{fix}",
            "https://github.com/keras-team/keras/issues/3086",
            evidence(harm),
            harm.change,
        )


SET_MASK = '''@keras.saving.register_keras_serializable("masks")
class SetMask(keras.layers.Layer):
    """The first tensor, with the second as its mask."""

    def call(self, inputs):
        return keras.ops.copy(inputs[0])

    def compute_mask(self, inputs, mask=None):
        return inputs[1]
'''


def reversed_output(facts: Facts) -> Iterator[Finding]:
    """go_backwards turns the sequence round and leaves its mask as it was."""
    for call in facts.own_calls:
        if not (call.config.get("go_backwards") and call.config.get("return_sequences")) or not call.outputs:
            continue
        mask = facts.step_mask(call.outputs[0].mask)
        if mask is None or bool((mask == mask[:, ::-1]).all()):
            continue
        wrong = float((mask != mask[:, ::-1]).mean())
        name = code.variable(call.id)
        yield Finding(
            "MV24-backwards-mask-not-reversed",
            Severity.ERROR,
            call.id,
            f"{call.class_name} '{call.name}' runs backwards and puts its steps out reversed, but the mask is not reversed: it is wrong at "
            f"{percent(wrong)} of all steps.",
            "go_backwards=True with return_sequences=True gives the last step first; the mask passes unchanged, so padding counts and real steps "
            "do not.",
            f'{name} = keras.layers.Bidirectional({code.layer(call, go_backwards=None)}, merge_mode="concat")({code.inputs(call)})\n'
            "# Bidirectional turns outputs and mask alike; or reverse the input and its mask yourself, and leave go_backwards out",
            f"{KERAS}layers/rnn/rnn.py",
            {"steps with a wrong mask": wrong},
        )


def cudnn_needs_right_padding(facts: Facts) -> Iterator[Finding]:
    """Masks that the fast kernel of a GPU cannot take."""
    for call in facts.own_calls:
        mask = _received(facts, call)
        if call.class_name not in ("LSTM", "GRU", "Bidirectional") or mask is None:
            continue
        gaps = int((mask[:, 1:] & ~mask[:, :-1]).any(axis=1).sum())
        empty = int((~mask.any(axis=1)).sum())
        if not gaps and not empty:
            continue
        what = f"{gaps} samples whose padding is not all at the end" if gaps else f"{empty} samples that are all padding"
        yield Finding(
            "MV22-not-right-padded",
            Severity.INFO,
            call.id,
            f"{call.class_name} '{call.name}' gets {what}: on a GPU Keras cannot use the fast cuDNN kernel for this batch.",
            "cuDNN takes sequence lengths, so padding must be contiguous and last, and no sample may be empty. The result is the same, only slower; "
            "with use_cudnn=True it is an error.",
            'x = keras.utils.pad_sequences(sequences, padding="post", value=0)',
            f"{KERAS}backend/tensorflow/rnn.py",
            {"samples not right-padded": gaps, "samples all padding": empty},
        )
        return  # one batch, one finding


def carried_state_not_put_out(facts: Facts) -> Iterator[Finding]:
    """A stateful layer puts out 0, not its carried state, at masked steps before the first real one."""
    for call in facts.own_calls:
        mask = _received(facts, call)
        if not call.config.get("stateful") or mask is None or bool(mask[:, 0].all()):
            continue
        empty = int((~mask.any(axis=1)).sum())
        last_only = not call.config.get("return_sequences") and empty > 0
        leading = int((~mask[:, 0]).sum())
        what = f"{empty} samples are all padding" if last_only else f"{leading} samples begin with padding"
        yield Finding(
            "MV25-carried-state-not-put-out",
            Severity.WARNING if last_only else Severity.INFO,
            call.id,
            f"{call.class_name} '{call.name}' is stateful and {what}: there it puts out 0, not the output carried over from the batch before.",
            "An RNN repeats its last output over masked steps, and before the first real step of a call there is none to repeat; the state itself "
            "is carried on.",
            f"{code.variable(call.id)} = {code.layer(call, return_state=True)}({code.inputs(call)})  # use the returned state, not the output",
            f"{KERAS}backend/tensorflow/rnn.py",
            {"samples beginning with padding": leading, "samples all padding": empty},
        )


def _received(facts: Facts, call: Call) -> np.ndarray | None:
    mask = call.received.get("mask")
    return facts.step_mask(mask) if isinstance(mask, str) else None
