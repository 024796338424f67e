"""Masks and wrappers, saving, and what Keras says: MV14, MV08, MV39."""

from __future__ import annotations

from collections.abc import Iterator

from maskviz.core.blame import Harm, How
from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding, Severity
from maskviz.core.rules import code, fixes
from maskviz.core.rules.lost import about
from maskviz.core.rules.recurrent import SET_MASK
from maskviz.core.rules.sources import hidden_by_wrapper
from maskviz.core.trace import Fate
from maskviz.core.words import counted

WRAPPER = f"{KERAS}layers/rnn/time_distributed.py"


def wrapper_hides_mask(facts: Facts) -> Iterator[Finding]:
    """MV14-time-distributed-hides-mask."""
    for call in facts.own_calls:
        if call.class_name != "TimeDistributed" or any(o.mask is not None for o in call.outputs):
            continue
        inputs = [t.source for t in call.inputs if t.source is not None and hidden_by_wrapper(facts, t.source)]
        harm = Harm().together(facts.blame.get((How.DROPPED, call.id)), *(facts.blame.get((How.NEVER, name)) for name in inputs))
        if not harm.any and (How.DROPPED, call.id) not in facts.blame:
            continue
        name, given = code.variable(call.id), code.inputs(call)
        yield about(
            "MV14-time-distributed-hides-mask",
            call,
            harm,
            f"TimeDistributed '{call.name}' makes masks inside and puts none out",
            "TimeDistributed runs its layer on each step; a mask that this layer makes is one of the inner axis and is not passed on.",
            f"{SET_MASK}\n\nmask = keras.ops.any(keras.ops.not_equal({given}, 0), axis=-1)  # a step is real where anything in it is\n"
            f"{name} = SetMask()([{code.layer(call)}({given}), mask])",
            WRAPPER,
        )


def stale_mask(facts: Facts) -> Iterator[Finding]:
    """MV14-stale-mask: a mask with more axes than what it is on still has."""
    for call in facts.own_calls:
        for out in call.outputs:
            mask = None if out.mask is None else facts.trace.masks.get(out.mask)
            if mask is None or _fits(mask.shape, out.shape) or call.fate is Fate.NONE:
                continue
            if any(t.mask == out.mask and not _fits(mask.shape, t.shape) for t in call.inputs):
                continue  # said where it began
            name = code.variable(call.id)
            axis = ", ".join(str(a) for a in range(2, mask.ndim))
            yield Finding(
                "MV14-stale-mask",
                Severity.WARNING,
                call.id,
                f"{call.class_name} '{call.name}' puts out shape {out.shape} with a mask of shape {mask.shape}, which belongs to "
                "its input.",
                "The mask is passed on although the layer has used up one of its axes. The next layer that uses it fails, or masks "
                "by the wrong axis.",
                f"{SET_MASK}\n\nmask = keras.ops.any({code.mask_of(facts, call)}, axis=({axis},))\n{name} = SetMask()([{name}, mask])",
                WRAPPER,
                {"mask axes": mask.ndim, "output axes": len(out.shape)},
            )
            break


def _fits(mask: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(mask) <= len(shape) and all(m in (n, 1) for m, n in zip(mask, shape, strict=False))


def lost_when_saved(facts: Facts) -> Iterator[Finding]:
    """MV08-lambda-mask-not-saved, MV39-supports-masking-not-saved."""
    said: set[str] = set()
    for call in facts.own_calls:
        if not call.lost_on_reload or call.name in said:
            continue
        said.add(call.name)
        is_lambda = call.class_name == "Lambda"
        yield Finding(
            "MV08-lambda-mask-not-saved" if is_lambda else "MV39-supports-masking-not-saved",
            Severity.WARNING,
            call.id,
            f"'{call.name}' lets masks through now, and no longer once the network is saved and loaded.",
            "The mask function of a Lambda does not survive a file."
            if is_lambda
            else "supports_masking was set from outside; a file keeps only the config.",
            fixes.mask_again(facts, call)
            if is_lambda
            else f'@keras.saving.register_keras_serializable("masks")\nclass Masked{call.class_name}(keras.layers.{call.class_name}):\n'
            "    def __init__(self, *args, **kwargs):\n        super().__init__(*args, **kwargs)\n        self.supports_masking = "
            "True\n\n\n"
            f"{code.variable(call.id)} = {code.layer(call).replace('keras.layers.', 'Masked', 1)}({code.inputs(call)})",
            f"{KERAS}layers/layer.py",
        )


def false_warning(facts: Facts) -> Iterator[Finding]:
    """MV39-false-warning: Keras says that the mask is destroyed, and it is not."""
    false = [c for c in facts.trace.calls if c.warned and any(o.mask is not None for o in c.outputs)]
    if false:
        names = ", ".join(f"'{c.name}'" for c in false[:4]) + (" …" if len(false) > 4 else "")
        yield Finding(
            "MV39-false-warning",
            Severity.INFO,
            false[0].id,
            f"Keras warns that {names} will destroy the mask, which is false: the mask comes out in this run.",
            "The warning looks at supports_masking of the outer layer only; the layers inside pass the mask on.",
            'import warnings\n\nwarnings.filterwarnings("ignore", message=".*does not support masking")  # after checking, as here',
            f"{KERAS}layers/layer.py",
            {"false warnings": counted(len(false), "layer")},
        )
