"""A batch for a network that came without one, tried on the network itself."""

from __future__ import annotations

from dataclasses import replace

from maskviz.core.assemble import trace_of
from maskviz.core.batch import Batch
from maskviz.core.generate import generate, sequences_meet
from maskviz.core.generate import with_targets as generated_targets
from maskviz.engine.tracing import Tracer

STEPS_TO_TRY = (24, 12, 8)


def first_batch(tracer: Tracer, seed: int) -> Batch:
    """The first batch that the network runs on: shorter ones where it has a longest length, without targets where none fit.

    Raises the error of the last one when it runs on none.
    """
    network, error = tracer.signature.network, None
    for steps in STEPS_TO_TRY:
        batch = generate(network, seed, steps=steps)
        try:
            recording = tracer.trace(batch)
            if len(batch.padding) > 1 and not sequences_meet(trace_of(recording, batch)):
                batch = generate(network, seed, steps=steps, apart=True)
                tracer.trace(batch)
            return batch
        except Exception as failed:
            error = failed
        try:
            return _with_targets_that_fit(tracer, replace(batch, y={}), seed)
        except Exception as failed:
            error = failed
    assert error is not None
    raise error


def _with_targets_that_fit(tracer: Tracer, batch: Batch, seed: int) -> Batch:
    """The batch with targets of the shapes that the predictions turned out to have; without any where the loss takes none."""
    recording = tracer.trace(batch)
    shapes = {o["name"]: recording.arrays[f"out/{n}"].shape for n, o in enumerate(recording.about["outputs"])}
    with_targets = generated_targets(batch, tracer.signature.network, seed, shapes)
    try:
        tracer.trace(with_targets)
    except Exception:  # a loss of the user's own may take targets of any form
        return batch
    return with_targets
