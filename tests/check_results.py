"""Results of a check made by hand, for tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from maskviz.checking.report import Checked
from maskviz.core.finding import Finding, Severity
from maskviz.core.ledger import Ledger
from maskviz.core.trace import Trace

ERROR = Finding(
    "MV08-lambda-drops-mask",
    Severity.ERROR,
    "decoder/shift",
    "The Lambda 'shift' drops the mask.",
    "It cannot know what its function does.",
    "class Shift(keras.layers.Layer):\n    def call(self, x):\n        return x[:, 3:]\n",
    "https://keras.io/",
    {"loss": 0.140114310, "steps": 13, "share": float("nan")},
    0.06,
)
WARNING = replace(ERROR, id="MV24-no-mask", severity=Severity.WARNING, call=None, link="", verified=True)
INFO = replace(ERROR, id="MV07-predict-has-no-mask", severity=Severity.INFO, call=None, sentence="Arrays carry no mask.")


def checked(*findings: Finding, name: str = "tagger", file: str = "models/tagger.keras") -> Checked:
    """A network with these findings."""
    about: dict[str, Any] = {"padding_test": "noise on masked steps", "notes": ("Keras cannot evaluate this batch.",)}
    none: dict[str, Any] = {}
    ledger = Ledger(float("nan"), 0.5, None, 0.5, None)
    trace = Trace(
        "3.15.1",
        "tensorflow",
        "CPU",
        name,
        "Functional",
        True,
        (),
        (),
        none,
        none,
        none,
        none,
        none,
        none,
        ledger,
        **about,
        find=lambda: findings,
    )
    return Checked(file, trace, "generated, seed 0", ("the file was repaired",))
