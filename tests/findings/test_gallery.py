"""What findings say of the gallery: what is wrong, and nothing where nothing is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from maskviz.core import rules
from maskviz.core.finding import Severity, rank
from maskviz.core.rules import RULES
from maskviz.resources import examples
from tests.engine.test_gallery_traced import traced

pytestmark = [pytest.mark.engine, pytest.mark.expects_log("triggered tf.function retracing")]

WRONG = {
    "lambda_slice_small": ["MV08-lambda-drops-mask"],
    "lambda_slice": ["MV08-lambda-drops-mask"],
    "lambda_slice_nan": ["MV28-mask-value-nan"],
    "seq2seq_initial_state": ["MV12-initial-state-ignores-mask"],
    "transformer_post_norm": ["MV11-mha-strips-mask"],
    "conv_tagger": ["MV05-window-reads-padding"],
    "autoencoder_weights": ["MV19-weights-do-not-divide"],
}
IDS = re.compile(r'"(MV\d\d-[a-z-]+)"')


@pytest.mark.parametrize("name", [e.name for e in examples()])
def test_each_example_has_its_one_finding_or_none(name: str) -> None:
    found = traced(name).findings
    assert [f.id for f in found if f.severity != Severity.INFO] == WRONG.get(name, [])
    assert list(found) == sorted(found, key=rank)
    assert [f["id"] for f in traced(name).to_dict()["findings"]] == [f.id for f in found]


def test_every_finding_there_is_has_a_test() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in Path(rules.__file__).parent.glob("*.py"))
    tested = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    ids = set(IDS.findall(written))
    assert len(ids) >= 40
    assert sorted(ids - set(re.findall(r"MV\d\d-[a-z-]+", tested))) == []
    assert all(rule.why and rule.find.__doc__ for rule in RULES)
