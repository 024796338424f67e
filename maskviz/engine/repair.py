"""Repairs findings in a copy of the network, runs the same trace and padding test on it, and says whether it helped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import keras

from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch
from maskviz.core.errors import MaskVizError, UnusableInput
from maskviz.core.finding import Finding
from maskviz.core.network import Network
from maskviz.core.repair import (
    RECIPES,
    Repair,
    Report,
    applied,
    change_of,
    helped,
    is_found,
    judged,
    keeps_masks,
    measures_of,
    new_errors,
    refusal,
    spares_real_steps,
    unharmed,
    with_verdicts,
)
from maskviz.core.trace import Trace
from maskviz.engine import loading
from maskviz.engine.rebuild import CannotRepair, Copy
from maskviz.engine.surgeries import SURGERIES, Case
from maskviz.engine.tracing import Tracer

MOST_ROUNDS = 12
Tell = Callable[[str], None]


@dataclass
class Stage:
    """A network, or a copy of it, with its trace."""

    network: keras.Model
    described: Network
    batch: Batch
    trace: Trace


def repair(stage: Stage, finding: str | None = None, call: str | None = None, tell: Tell = lambda sentence: None) -> Report:
    """Repair one finding (its id or how that begins, at ``call`` where several have it), or one after another all that can be.

    What one repair lays bare the next one mends. Nothing is done to the network of ``stage``. Raises UnusableInput when there is no
    such finding.
    """
    if finding is not None and not _wanted(stage.trace.findings, finding, call):
        where = f" at '{call}'" if call else ""
        raise UnusableInput(f"This batch shows no finding {finding}{where}: ask for one that maskviz check or maskviz trace names.")
    repairs: list[Repair] = []
    kept: list[Repair] = []
    stages = [stage]
    for _ in range(MOST_ROUNDS):
        tried = {(r.finding, r.call) for r in repairs}
        now = stages[-1]
        wanted = _wanted(now.trace.findings, finding, call)
        wanted += [f for f in new_errors(stage.trace, now.trace) if f not in wanted]
        todo = [f for f in wanted if (f.id, f.call) not in tried and (f.call is None or stage.trace.call(f.call) is not None)]
        if not todo:
            break
        tell(f"repairing {todo[0].id} in a copy")
        made, after = attempt(now, todo[0])
        repairs.append(made)
        if after is not now and not is_found(todo[0], after.trace):
            stages.append(after)
            kept.append(made)
    return report(stage, repairs, kept, stages)


def report(start: Stage, repairs: list[Repair], kept: list[Repair], stages: list[Stage]) -> Report:
    """Judge the repairs by the last copy in which padding does less than in the network itself, and leave later ones out.

    A copy in which something else is wrong than before is no good one, whatever its numbers.
    """
    measures = [measures_of(s.trace) for s in stages]
    sound = [
        n
        for n in range(1, len(stages))
        if not new_errors(start.trace, stages[n].trace)
        and keeps_masks(kept[:n], start.trace, stages[n].trace)
        and spares_real_steps(kept[:n], change_of(start.trace, stages[n].trace))
    ]
    good = [n for n in sound if helped(measures[0], measures[n])]
    harmless = [n for n in sound if unharmed(measures[0], measures[n])]
    wrong = {(f.id, f.call) for f in start.trace.findings if f.severity == "error"}
    last = max(good) if good else 0
    if not wrong & {(r.finding, r.call) for r in kept}:  # nothing was wrong that could become less
        last = max(harmless, default=0)
    good_ones = kept[:last]
    verdicts = [
        judged(r, any(r is k for k in good_ones), [k for k in good_ones if k is not r], measures[0], measures[last]) for r in repairs
    ]
    final = stages[last]
    return Report(
        tuple(verdicts),
        measures[0],
        measures[last],
        change_of(start.trace, final.trace),
        with_verdicts(start.trace.findings, verdicts),
        final.trace.findings,
        code=code_of(final.network),
        network=final.network if last else None,
    )


def _wanted(findings: Iterable[Finding], finding: str | None, call: str | None) -> list[Finding]:
    """The findings asked for; when none is named, those that are more than worth knowing."""
    if finding is None:
        return [f for f in findings if f.severity != "info"]
    return [f for f in findings if f.id.startswith(finding) and (call is None or f.call == call)]


def attempt(stage: Stage, finding: Finding) -> tuple[Repair, Stage]:
    """One repair, and the copy with its trace; the stage itself where nothing could be done."""
    recipe = RECIPES.get(finding.id)
    if recipe is None:
        return Repair(finding.id, finding.call, f"cannot be repaired mechanically: {refusal(finding.id)}."), stage
    try:
        plan = SURGERIES[recipe](Case(finding, stage.trace, stage.described, stage.batch))
        making = Copy(plan.calls, plan.inputs)
        copy = making.make(stage.network)
        missed = [name for name in (*plan.calls, *plan.inputs) if name not in making.done]
        if missed:
            raise CannotRepair(f"'{missed[0]}' is called inside a layer, whose code is not changed.")
        after = staged(copy, stage)
    except MaskVizError as error:
        reason = str(error).rstrip(".")
        return Repair(finding.id, finding.call, f"cannot be repaired mechanically: {reason}."), stage
    except Exception as error:  # Keras refuses shapes and types in many ways
        reason = str(error).strip().splitlines()[0][:160].rstrip(".") if str(error).strip() else type(error).__name__
        return Repair(finding.id, finding.call, f"cannot be repaired mechanically: the changed copy does not run ({reason})."), stage
    return applied(finding, plan.says, stage.trace, after.trace), after


def staged(copy: keras.Model, like: Stage) -> Stage:
    """A copy traced on the same batch."""
    signature = loading.complete(copy)
    batch = _named(like.batch, like.described, signature.network)
    trace = trace_of(Tracer(copy, signature).trace(batch), batch)
    return Stage(copy, signature.network, batch, trace)


def _named(batch: Batch, old: Network, new: Network) -> Batch:
    """The batch by the names of the copy's inputs and outputs, which are in the same order."""
    inputs = {a.name: b.name for a, b in zip(old.inputs, new.inputs, strict=True)}
    outputs = {a.name: b.name for a, b in zip(old.outputs, new.outputs, strict=True)}
    if all(a == b for a, b in (*inputs.items(), *outputs.items())):
        return batch
    x, padding = ({inputs[k]: v for k, v in group.items()} for group in (batch.x, batch.padding))
    y, weights = ({outputs[k]: v for k, v in group.items()} for group in (batch.y, batch.sample_weight))
    return replace(batch, x=x, y=y, sample_weight=weights, padding=padding)


def code_of(network: keras.Model) -> tuple[str, ...]:
    """Classes of the user's own and Lambda functions that a file of this network needs when it is loaded."""
    found = []
    for layer in network._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.Lambda):
            found.append(f"the Lambda '{layer.name}'")
        elif not type(layer).__module__.startswith("keras."):
            found.append(type(layer).__name__)
    return tuple(dict.fromkeys(found))
