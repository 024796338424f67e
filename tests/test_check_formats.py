"""What ``maskviz check`` writes: text for a terminal, JSON, and SARIF held against the standard."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maskviz.checking import as_json, sarif
from maskviz.checking.report import Checked, Known, Report, Unusable
from maskviz.checking.text import checked_text
from maskviz.core.finding import Severity
from maskviz.finding_text import Style, finding_text
from tests.check_results import ERROR, INFO, WARNING, checked
from tests.sarif_standard import faults

# -- text


def test_a_finding_says_everything() -> None:
    text = finding_text(ERROR)
    for part in ("error", ERROR.id, "decoder/shift", ERROR.sentence, "loss 0.1401 · steps 13", ERROR.why, "Fix:", ERROR.link):
        assert part in text
    assert "\x1b" not in text


def test_a_fix_stays_code() -> None:
    """Lines of code are indented alike and never broken, however narrow the terminal is."""
    long = "y = keras.layers.Dense(units=3, name='a_layer_with_a_long_name')(another_layer_with_a_long_name)"
    text = finding_text(replace(ERROR, fix=f"{ERROR.fix}\n{long}"), Style(width=40))
    assert "\n      class Shift(keras.layers.Layer):\n          def call(self, x):\n              return x[:, 3:]\n" in text
    assert f"\n      {long}\n" in text
    assert all(len(line) <= 40 for line in finding_text(replace(ERROR, fix=""), Style(width=40)).splitlines()[1:])


def test_a_fix_that_was_tried_says_so() -> None:
    assert "Fix (verified" in finding_text(WARNING)
    assert "Tried: 20 % → 0 %" in finding_text(WARNING, tried="20 % → 0 %")
    assert "not enough" in finding_text(replace(WARNING, verified=False))


def test_colour_changes_no_word() -> None:
    coloured = finding_text(ERROR, Style(colour=True))
    assert "\x1b[31;1merror" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == finding_text(ERROR)


def test_text_of_a_network() -> None:
    text = checked_text(checked(ERROR, INFO), Style())
    head, *_ = text.splitlines()
    assert head == "models/tagger.keras: 1 error, 1 worth knowing"
    for part in ("generated, seed 0", "noise on masked steps", "the file was repaired", "Keras cannot evaluate", ERROR.fix.splitlines()[0]):
        assert part in text
    assert text.endswith(INFO.sentence)
    assert checked_text(checked(INFO), Style(), verbose=True).endswith(INFO.link)
    assert checked_text(checked(), Style()).startswith("models/tagger.keras: nothing found\n")


def test_a_sum_that_is_wrong_is_said() -> None:
    net = checked()
    wrong = replace(net.trace, ledger=replace(net.trace.ledger, sum=0.25, evaluate=0.5))
    assert "0.25 against 0.5" in " ".join(checked_text(replace(net, trace=wrong), Style()).split())


# -- JSON and SARIF

REPORT = Report(
    (
        replace(checked(ERROR, WARNING, INFO), known=frozenset([1])),
        Unusable("broken.keras", "“broken.keras” is damaged.", ("would run: nothing",)),
        checked(ERROR, name="second", file="models/the second.keras"),
    ),
    baseline="known.json",
    gone=(Known("second", "MV24-no-mask"),),
)


def test_json() -> None:
    about = json.loads(as_json.to_json(REPORT))
    assert about["schema"] == 1
    assert about["summary"] == {"networks": 2, "unusable": 1, "error": 2, "warning": 0, "info": 1, "accepted": 1}
    assert about["exit_code"] == 2
    first, broken, second = about["networks"]
    assert first.keys() >= {"file", "name", "class", "keras", "backend", "device", "batch", "padding_test", "loss", "notes", "findings"}
    assert first["loss"] == {"reported": None, "evaluate": None, "matches": None}
    assert [f["accepted"] for f in first["findings"]] == [False, True, False]
    assert first["findings"][0] == {**json.loads(json.dumps(ERROR.to_dict())), "tried": None, "accepted": False}
    assert first["findings"][0]["evidence"]["share"] is None
    assert broken == {"file": "broken.keras", "error": "“broken.keras” is damaged.", "lines": ["would run: nothing"], "exit_code": 2}
    assert second["name"] == "second"
    assert about["baseline"] == {"file": "known.json", "accepted": 1, "gone": [{"network": "second", "id": "MV24-no-mask", "call": None}]}


def results_of(about: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of a log that follows the standard."""
    assert list(faults(about)) == []
    (run,) = about["runs"]
    return list(run["results"])


def test_sarif() -> None:
    about = json.loads(sarif.to_sarif(REPORT))
    error, warning, info, second = results_of(about)
    assert [r["level"] for r in (error, warning, info)] == ["error", "warning", "note"]
    assert error["locations"][0]["logicalLocations"] == [{"name": "shift", "fullyQualifiedName": "tagger/decoder/shift", "kind": "member"}]
    assert warning["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "tagger"
    assert "suppressions" in warning
    assert "suppressions" not in error
    assert ERROR.fix.strip() in error["message"]["markdown"]
    assert second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "models/the%20second.keras"
    (invocation,) = about["runs"][0]["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    assert "damaged" in invocation["toolExecutionNotifications"][0]["message"]["text"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda log: log.update(version="2.0"), "$.version: '2.0'"),
        (lambda log: log.pop("version"), "$: lacks version"),
        (lambda log: log["runs"][0]["results"][0].update(level="info"), "results[0].level: 'info'"),
        (lambda log: log["runs"][0]["results"][0].update(severity=1), "result has no such property"),
        (lambda log: log["runs"][0]["results"][1].update(ruleIndex=0, ruleId="MV99-none"), "ruleIndex 0 is not rule MV99-none"),
        (lambda log: log["runs"][0]["tool"]["driver"]["rules"].append(log["runs"][0]["tool"]["driver"]["rules"][0]), "twice the same"),
        (lambda log: log["runs"][0]["invocations"][0].pop("executionSuccessful"), "lacks executionSuccessful"),
        (
            lambda log: log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"].update(uri="a b.keras"),
            "artifactLocation.uri: 'a b.keras'",
        ),
    ],
)
def test_the_standard_is_held_against_sarif(change: Any, said: str) -> None:
    """The check of the tests above finds what is wrong."""
    about = json.loads(sarif.to_sarif(REPORT))
    change(about)
    assert any(said in fault for fault in faults(about))


def test_sarif_of_nothing() -> None:
    about = json.loads(sarif.to_sarif(Report(())))
    assert results_of(about) == []
    assert about["runs"][0]["invocations"][0]["executionSuccessful"] is True


def prints(*results: Checked) -> list[str]:
    return [r["partialFingerprints"]["maskviz/v1"] for r in results_of(sarif.to_dict(Report(results)))]


def test_fingerprints_follow_the_finding_and_not_its_numbers() -> None:
    net = checked(ERROR, WARNING, INFO)
    moved = checked(replace(ERROR, evidence={"loss": 7.0}, sentence="Other numbers.", severity=Severity.WARNING), file="moved.keras")
    assert prints(moved) == prints(net)[:1]
    both = prints(net, checked(ERROR, WARNING, INFO), checked(ERROR, WARNING, name="second"))
    assert len(set(both)) == len(both)


def test_a_rule_has_the_weight_of_its_worst_finding() -> None:
    about = sarif.to_dict(Report((checked(ERROR), checked(replace(ERROR, severity=Severity.INFO), name="second"))))
    assert [r["level"] for r in results_of(about)] == ["error", "note"]
    (rule,) = about["runs"][0]["tool"]["driver"]["rules"]
    assert rule["defaultConfiguration"]["level"] == "error"


def test_a_file_outside_is_named_in_full(tmp_path: Path) -> None:
    assert sarif.uri_of(str(tmp_path / "a b.keras")) == (tmp_path / "a b.keras").as_uri()


def test_rules_are_described_in_words() -> None:
    assert sarif.short_description("MV08-lambda-drops-mask") == "A Lambda lets no mask through."
    assert sarif.short_description("MV99-never-heard-of") == "never heard of."
