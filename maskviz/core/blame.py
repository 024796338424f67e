"""Who lost the mask: from each result that padding spoiled, back to the calls where it began.

A mask that is lost once is missing in everything downstream. So nothing is said about a call for having no mask; what is
looked at are the results (padding in the loss, touched outputs), and each is traced back to its causes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from maskviz.core.facts import Facts, LossShift
from maskviz.core.trace import Call, Fate, OutputTrace, TensorIn, TensorOut

ATTENTION = ("MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention")
MERGES = ("Add", "Subtract", "Average", "Multiply", "Maximum", "Minimum", "Concatenate", "Dot")


class How(StrEnum):
    """What a call did that let padding in."""

    DROPPED = "dropped"  # its input had a mask, its output has a time axis and none
    STRIPPED = "stripped"  # it removed the mask from its own input, which others use as well
    BETWEEN = "between"  # plain code between two calls lost the mask
    RESTARTED = "restarted"  # it made a time axis out of a tensor without one
    NEVER = "never"  # an input that was never masked
    WIDENED = "widened"  # it put out a mask that keeps padding
    READS = "reads"  # it mixed padding into real steps although it had all the masks it can take


@dataclass
class Harm:
    """What came of it: losses that count padding, outputs computed from padding (fractions of what is kept), where that began.

    ``moves`` is how far the losses of these outputs move over real steps when padding holds something else. Where several calls spoil
    one output the run does not show whose part is how large: each has the whole of it, and ``shared`` names the others.
    """

    losses: dict[str, LossShift] = field(default_factory=dict)
    touched: dict[str, float] = field(default_factory=dict)
    moves: dict[str, float] = field(default_factory=dict)
    leaks: dict[str, float] = field(default_factory=dict)
    unmasked: set[str] = field(default_factory=set)
    shared: dict[str, set[str]] = field(default_factory=dict)

    def together(self, *others: Harm | None) -> Harm:
        """This harm and what else came of the same call."""
        found = Harm()
        for harm in (self, *(other for other in others if other is not None)):
            found.losses |= harm.losses
            found.touched |= harm.touched
            found.moves |= harm.moves
            found.leaks |= harm.leaks
            found.unmasked |= harm.unmasked
            for output, sharing in harm.shared.items():
                found.shared[output] = found.shared.get(output, set()) | sharing
        return found

    @property
    def any(self) -> bool:
        return bool(self.losses or self.touched or self.unmasked)

    @property
    def proved(self) -> bool:
        return bool(self.losses or self.touched)

    @property
    def change(self) -> float:
        """What it does to the loss, in the loss' unit."""
        return sum(shift.change for shift in self.losses.values()) + sum(self.moves.values())

    @property
    def reach(self) -> float:
        """The largest share of what counts in an output that it spoils."""
        return max((*self.touched.values(), *(abs(shift.share) for shift in self.losses.values())), default=0.0)


SMALLEST_SHARE = 1e-6
Blame = dict[tuple[How, str], Harm]


def blame(facts: Facts) -> Blame:
    """Harm by cause: how, and the id of the call. A mask that was lost without harm in this batch is in it with no harm."""
    found: Blame = {}
    for call in facts.own_calls:
        if call.fate is Fate.DROPS and any(facts.skips(tensor.mask) for tensor in call.inputs):
            for how, name in causes(facts, call):
                if how in (How.DROPPED, How.STRIPPED, How.BETWEEN):
                    found.setdefault((how, name), Harm())
    for output, call, out in facts.results:
        if output.has_time and "float" in out.dtype:  # classes, or a mask, are not trained on
            _blame_result(facts, found, output, call, out)
    for call in leak_origins(facts):
        _blame_leak(facts, found, call)
    _note_sharing(found)
    return found


def _note_sharing(found: Blame) -> None:
    """Say of every cause which others have a part in what came of it."""
    spoilt: tuple[Callable[[Harm], Collection[str]], ...] = (lambda harm: harm.losses, lambda harm: harm.touched)
    for outputs_of in spoilt:
        causes_of: dict[str, set[str]] = {}
        for (_, name), harm in found.items():
            for output in outputs_of(harm):
                causes_of.setdefault(output, set()).add(name)
        for (_, name), harm in found.items():
            for output in outputs_of(harm):
                if others := causes_of[output] - {name}:
                    harm.shared[output] = harm.shared.get(output, set()) | others


def _blame_result(facts: Facts, found: Blame, output: OutputTrace, call: Call, out: TensorOut) -> None:
    shift = facts.loss_shifts.get(output.name)
    counts = shift is not None and abs(shift.share) > SMALLEST_SHARE
    has_loss = any(t.output == output.name for t in facts.trace.ledger.terms)
    padding = facts.real_padding(output.name)
    if not counts and (has_loss or out.mask is not None or padding is None or not padding.any()):
        return
    for cause in causes(facts, call) if out.mask is None else widened_at(facts, call, out.mask):
        harm = found.setdefault(cause, Harm())
        if counts and shift is not None:
            harm.losses[output.name] = shift
        else:
            harm.unmasked.add(output.name)


def leak_origins(facts: Facts) -> Iterator[Call]:
    """Own calls at which padding first reaches steps that count, and from which it reaches an output of the network."""
    for call in facts.own_calls:
        touched = max((facts.touched(o) for o in call.outputs), default=0.0)
        if touched > 0 and not any(facts.touched(made) > 0 for _, _, made in facts.sources(call)):
            yield call


def _blame_leak(facts: Facts, found: Blame, call: Call) -> None:
    reached = facts.downstream(call)
    outputs = {o.name: facts.touched(out) for o, made, out in facts.results if made.id in reached and facts.touched(out) > 0}
    if not outputs:
        return
    reasons = _reasons(facts, call)
    for cause in reasons or [(How.READS, call.id)]:
        harm = found.setdefault(cause, Harm())
        harm.touched |= outputs
        harm.moves |= {name: facts.loss_moves[name] for name in outputs if name in facts.loss_moves}
        harm.leaks[call.id] = max(facts.touched(o) for o in call.outputs)


def _reasons(facts: Facts, call: Call) -> tuple[tuple[How, str], ...]:
    """Why a call read padding, where it would not have with all its masks; nothing where it is the call's own doing."""
    if call.ignores:
        return ()
    if replaced := mask_replaced_before(facts, call):
        return ((How.WIDENED, replaced.id),)
    found = causes_of_inputs(facts, call)
    if call.class_name in MERGES:
        lost = tuple(cause for cause in found if cause[0] is not How.NEVER)
        return lost if any(t.mask is not None for t in call.inputs) else found
    return found if any(name != "attention_mask" for name in call.received) else ()


def mask_replaced_before(facts: Facts, call: Call) -> Call | None:
    """The Masking layer before a call that put a mask of its own in place of the one its input had."""
    for tensor, made_by, _ in facts.sources(call):
        if tensor.mask is None or made_by.kind == "input":
            continue
        if made_by.class_name == "Masking" and made_by.fate is Fate.CHANGES:
            return made_by
        if found := mask_replaced_before(facts, made_by):
            return found
    return None


def causes(facts: Facts, call: Call, seen: frozenset[str] = frozenset()) -> tuple[tuple[How, str], ...]:
    """Why the output of a call has no mask: itself, or calls before it."""
    if call.id in seen:
        return ()
    if call.kind == "input":
        return ((How.NEVER, call.id),)
    relevant = list(_inputs_that_give_time(facts, call))
    if call.fate is Fate.DROPS and any(tensor.mask is not None for tensor, _, _ in relevant):
        missing = _before(facts, [item for item in relevant if item[0].mask is None], seen | {call.id})
        lost = [cause for cause in missing if cause[0] is not How.NEVER]
        return tuple(lost) if lost and call.class_name in MERGES else ((How.DROPPED, call.id),)
    if relevant and not any(made.has_time for _, _, made in relevant):
        return ((How.RESTARTED, call.id),)
    return _before(facts, relevant, seen | {call.id})


def widened_at(facts: Facts, call: Call, mask: str) -> tuple[tuple[How, str], ...]:
    """Where a mask that keeps padding came to be: the call nearest before that changed or made it."""
    while call.fate is Fate.PASSES:
        before = next((made_by for tensor, made_by, made in facts.sources(call) if tensor.mask == mask == made.mask), None)
        if before is None:
            break
        call = before
    return ((How.WIDENED, call.id),)


def causes_of_inputs(facts: Facts, call: Call) -> tuple[tuple[How, str], ...]:
    """Why the inputs of a call that hold padding have no mask."""
    items = list(facts.sources(call))
    if call.class_name in ATTENTION and len(call.inputs) > 1:
        items = items[1:]  # a query sees padding in what it attends to
    timed = [item for item in items if item[2].has_time and item[0].mask is None and facts.holds_padding(item[1], item[2])]
    return _before(facts, timed, frozenset({call.id}))


def _inputs_that_give_time(facts: Facts, call: Call) -> Iterator[tuple[TensorIn, Call, TensorOut]]:
    """The inputs whose steps are those of the output: the query of an attention, the sequence and not the states of an RNN."""
    items = list(facts.sources(call))
    if call.class_name in ATTENTION:
        yield from items[:1]
        return
    timed = [item for item in items if item[2].has_time]
    yield from timed or items


def _before(facts: Facts, items: list[tuple[TensorIn, Call, TensorOut]], seen: frozenset[str]) -> tuple[tuple[How, str], ...]:
    found: list[tuple[How, str]] = []
    for tensor, made_by, made in items:
        if tensor.mask is not None:
            continue
        if made.mask is not None:
            thief = stripped_by(facts, made_by)
            found.append((How.STRIPPED, thief.id) if thief is not None else (How.BETWEEN, made_by.id))
        else:
            found += causes(facts, made_by, seen)
    return tuple(dict.fromkeys(found))


def stripped_by(facts: Facts, maker: Call) -> Call | None:
    """The call that removed the mask from the output of ``maker``, or from a later tensor that is the very same (dropout at inference)."""
    for call in facts.trace.calls:
        for number in call.stripped:
            made = facts.made_by(call.inputs[number].source)
            while made is not None:
                if made[0].id == maker.id:
                    return call if not call.is_network else _inner_thief(facts, call)
                inputs = [i for i in made[0].inputs if i.shape == made[1].shape]
                made = facts.made_by(inputs[0].source) if len(made[0].inputs) == 1 and inputs and not made[0].parameters else None
    return None


def _inner_thief(facts: Facts, network: Call) -> Call:
    inside = [c for c in facts.own_calls if c.id.startswith(f"{network.id}/") and c.stripped]
    return inside[0] if inside else network
