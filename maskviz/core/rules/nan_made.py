"""Numbers that are none, and that the network makes itself: MV45, MV46."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from maskviz.core.facts import Facts
from maskviz.core.finding import KERAS, Finding
from maskviz.core.rules import code
from maskviz.core.rules.nan_reach import Results, at, first_place, results_of
from maskviz.core.rules.recurrent import received
from maskviz.core.rules.results import all_padding
from maskviz.core.trace import Call
from maskviz.core.words import counted, listed

NAN, INFINITY = 1, 2
SMALLEST = "keras.config.epsilon()"
ROOTS = ("Sqrt", "Rsqrt", "Power")
QUOTIENTS = ("Divide", "TrueDivide")
NUMERICS = f"{KERAS}ops/numpy.py"


def nan_made_inside(facts: Facts) -> Iterator[Finding]:
    """MV45-nan-made-here, MV46-nan-in-weights: a call that puts out NaN and was given none, or code before it."""
    results = results_of(facts)
    if not facts.trace.broken or not (results.outputs or results.padded):
        return
    results_reached = {made.id for _, made, _ in facts.results}
    for call, odd in _origins(facts):
        if not results_reached & facts.downstream(call) or _said_elsewhere(facts, call, odd):
            continue
        weights = _broken_weights(facts, call)
        yield _in_weights(facts, call, weights, results) if weights else _made(facts, call, odd, results)


def _origins(facts: Facts) -> Iterator[tuple[Call, NDArray[np.bool_]]]:
    """Own calls that put out NaN and were given none, with their first such output; infinity where nothing is NaN and the loss is none."""
    some_nan = any((array & NAN).any() for array in facts.trace.broken.values())
    reported = facts.trace.ledger.reported
    if not some_nan and (reported is None or np.isfinite(reported)):
        return  # a score of −∞ is how some leave a class out
    kind = NAN if some_nan else INFINITY
    for call in facts.own_calls:
        odd = _odd(facts, call, kind)
        if odd is not None and not any(_holds(facts, made_by, kind) for _, made_by, _ in facts.sources(call)):
            yield call, odd


def _given(facts: Facts, call: Call) -> bool:
    """Whether a call was given NaN or infinity, though no call put it out: code between them made it."""
    return call.id in facts.trace.broken_inputs and not any(
        _holds(facts, c, NAN) or _holds(facts, c, INFINITY) for _, c, _ in facts.sources(call)
    )


def _odd(facts: Facts, call: Call, kind: int) -> NDArray[np.bool_] | None:
    found = (facts.trace.broken.get(call.ref(n)) for n in range(len(call.outputs)))
    return next(((array & kind) != 0 for array in found if array is not None and (array & kind).any()), None)


def _holds(facts: Facts, call: Call, kind: int) -> bool:
    if call.kind != "input":
        return _odd(facts, call, kind) is not None
    x = facts.batch.x[call.id]
    return x.dtype.kind == "f" and bool((np.isnan(x) if kind == NAN else np.isinf(x)).any())


def _said_elsewhere(facts: Facts, call: Call, odd: NDArray[np.bool_]) -> bool:
    """Whether it is the mean over no steps, of which another rule speaks."""
    mask = received(facts, call)
    empty = None if mask is None else np.asarray(~mask.any(axis=1))
    return call.class_name == "GlobalAveragePooling1D" and empty is not None and len(empty) == len(odd) and bool(empty[odd].all())


def _broken_weights(facts: Facts, call: Call) -> list[str]:
    inside = [name for owner, names in facts.trace.broken_weights.items() if owner.startswith(f"{call.id}/") for name in names]
    return [*facts.trace.broken_weights.get(call.id, ()), *inside]


def _in_weights(facts: Facts, call: Call, weights: list[str], results: Results) -> Finding:
    which = "its weight" if len(weights) == 1 else "its weights"
    return Finding(
        "MV46-nan-in-weights",
        results.severity,
        call.id,
        f"{call.class_name} '{call.name}' puts out NaN whatever it is given, since {which} {listed(weights)} "
        f"{'holds' if len(weights) == 1 else 'hold'} NaN or infinity: {results}.",
        "One training step on a loss that is NaN makes every weight NaN, and no later step brings them back.",
        "network.load_weights(...)  # of a checkpoint from before\n"
        'network.fit(x, y, callbacks=[keras.callbacks.TerminateOnNaN(), keras.callbacks.ModelCheckpoint("best.keras", '
        "save_best_only=True)], validation_split=0.1)",
        "https://keras.io/api/callbacks/terminate_on_nan/",
        {"weights": len(weights)},
        results.effect,
        reach=results.reach,
    )


def _made(facts: Facts, call: Call, odd: NDArray[np.bool_], results: Results) -> Finding:
    place = first_place(call, odd)
    assert place is not None
    rows = odd if odd.ndim == 1 else np.asarray(odd.any(axis=1))
    number, empty = int(rows.sum()), all_padding(facts, len(rows))
    only_empty = empty is not None and bool(empty[rows].all())
    what = "NaN" if _holds(facts, call, NAN) else "infinity"
    which = counted(number, "sample") + (f", which {'has' if number == 1 else 'have'} no real step" if only_empty else "") + ","
    who = f"Code before '{call.name}' ({call.class_name})" if _given(facts, call) else _named(call)
    return Finding(
        "MV45-nan-made-here",
        results.severity,
        call.id,
        f"{who} makes {what} of numbers in {which} first at {at(place)}: {results}.",
        _why(call, only_empty),
        _fix(facts, call, only_empty),
        NUMERICS,
        {"samples": number, "samples without a real step": number if only_empty else 0},
        results.effect,
        reach=results.reach,
    )


def _named(call: Call) -> str:
    return f"The operation '{call.name}' ({call.class_name})" if call.kind == "operation" else f"{call.class_name} '{call.name}'"


def _why(call: Call, only_empty: bool) -> str:
    how = {
        "Log": "The logarithm of 0 is −∞, and of less than 0 it is NaN.",
        "Softmax": "A softmax over scores that are all −∞ divides 0 by 0.",
    }
    if call.class_name in QUOTIENTS:
        said = "0 / 0 is NaN, and anything else by 0 is infinite."
    elif call.class_name in ROOTS:
        said = "The root of less than 0 is NaN, and of 0 it has no slope."
    else:
        said = how.get(call.class_name, "Dividing by a sum of nothing, the log or root of 0, or numbers too large for their type give it.")
    return f"{said} Where no step is real, sums over kept steps are 0 and maxima −∞." if only_empty else said


def _fix(facts: Facts, call: Call, only_empty: bool) -> str:
    name, given = code.variable(call.id), code.names(call)
    kind = call.class_name if call.class_name != "Activation" else str(call.config.get("activation", "")).capitalize()
    first = given[0] if given else "x"
    half = any("16" in out.dtype for out in call.outputs)
    if _given(facts, call):
        fix = _in_code("call() of the network")
    elif call.origin == "custom" or call.class_name == "Lambda":
        fix = _in_code(f"the Lambda '{call.name}'" if call.class_name == "Lambda" else f"call() of {call.class_name}")
    elif kind in QUOTIENTS and len(given) == 2:
        fix = f"{name} = keras.ops.divide_no_nan({given[0]}, {given[1]})  # 0 where there is nothing to divide by"
    elif kind in QUOTIENTS:
        fix = f"{first} = keras.ops.maximum({first}, {SMALLEST})  # then '{call.name}' as before, if {first} is what it divides by"
    elif kind == "Log":
        fix = f"{name} = keras.ops.log(keras.ops.maximum({first}, {SMALLEST}))"
    elif kind in ROOTS:
        fix = f"{first} = keras.ops.maximum({first}, {SMALLEST})  # then '{call.name}' as before"
    elif kind in ("Softmax", "LogSoftmax"):
        fix = f"{first} = keras.ops.maximum({first}, -1e9)  # a low score, and not −∞; then '{call.name}' as before"
    elif half and call.kind == "layer":
        fix = f"{code.made(call, dtype='float32')}  # half precision holds no more than 65504"
    else:
        seen = f"np.abs(keras.Model(network.inputs, {first}).predict(x)).max()"
        fix = f"print({seen})  # if that is large: scale the data, or put a LayerNormalization before"
    return f"{code.without_empty(facts)}  # or, in the network:\n{fix}" if only_empty else fix


def _in_code(whose: str) -> str:
    """What to change in code that is not the network's graph."""
    return f"# in {whose}: keep divisors, and what log or sqrt takes, away from 0\nsafe = keras.ops.maximum(value, {SMALLEST})"
