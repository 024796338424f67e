"""The engine on a tagger of a common size: a trace, the padding test and a one-row edit against plain ``predict_on_batch``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.benchmarks.table import Row, alternate

SAMPLES, STEPS = 256, 50


def rows(quick: bool, folder: Path) -> list[Row]:
    from maskviz.core import generate
    from maskviz.engine import loading
    from maskviz.engine.forward import Feed, ForwardPass
    from maskviz.engine.tracing import Tracer

    network, signature = loading.load(str(folder / "tagger.keras"))
    batch = generate.generate(signature.network, samples=SAMPLES, steps=STEPS)
    x = tuple(batch.x[name] for name in signature.input_names)
    y = tuple(batch.y[name] for name in signature.output_names)
    feed = Feed(x, x, y, (None,) * len(y))
    plain = ForwardPass(network, signature, feed, "plain")
    tracer = Tracer(network, signature)
    tracer.trace(batch)
    one_row = np.array([SAMPLES // 2])

    def predict() -> None:
        network.predict_on_batch(x[0])

    times = 5 if quick else 25
    measured = (
        ("full trace of a batch (masks, predictions, loss)", lambda: plain(feed), 1.3),
        ("trace and padding test", lambda: tracer.trace(batch), 2.5),
    )
    made = [Row(what, *alternate(run, predict, times), "predict_on_batch", budget) for what, run, budget in measured]
    for what, budget in ((f"one-row edit in a batch of {SAMPLES}", 0.25), ("  the same once XLA has compiled", 0.05)):
        made.append(Row(what, *alternate(lambda: tracer.trace(batch, one_row), predict, times, in_a_row=5), "predict_on_batch", budget))
        tracer.prepare_row_edits(batch)
    return made
