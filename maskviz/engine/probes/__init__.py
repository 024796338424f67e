"""Answers to what is asked beside a trace; each kind of question has a file here. Values follow edits; the others run on request."""

from __future__ import annotations

from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput
from maskviz.core.probes import Answer, Ask, AskGradients, AskInfluence, AskLength, AskStates, AskValues
from maskviz.engine.probes import gradients, influence, length_test, states, values
from maskviz.engine.tracing import Tell, Tracer


def answer(tracer: Tracer, batch: Batch | None, ask: Ask, tell: Tell) -> Answer:
    """The answer to one question about a batch. Raises UnusableInput where it cannot be answered, and what the network raises.

    ``tell`` hears how far it is; what it raises ends the work, and all state is as before.
    """
    if batch is None:
        raise UnusableInput("There is no batch yet to ask about: trace one first.")
    match ask:
        case AskValues():
            return values.measure(tracer, batch, ask, tell)
        case AskInfluence():
            return influence.measure(tracer, batch, ask, tell)
        case AskGradients():
            return gradients.measure(tracer, batch, ask, tell)
        case AskStates():
            return states.measure(tracer, batch, ask, tell)
        case AskLength():
            return length_test.measure(tracer, batch, tell)
